//! A rollout whose traffic Tidegate itself moves: two services of one cluster, each behind its own
//! target group of one listener rule. The candidate service gets the revision, the rule's weights move
//! step by step under gates, the stable service is rolled while it has no traffic, and traffic goes
//! home. It must never overwrite a rule that somebody else changed, never leave a weight with a group
//! whose tasks go, and never depend on the process that runs it: [`Progress`] is all that a killed
//! runner needs. Start with [`step`]; what is checked before anything changes is in [`check`].
//!
//! Every write is an intent that is saved first and read back after: a step that wants something looks
//! whether it is so already, and only then acts. So a runner that is killed between any two calls, or
//! that loses an answer, goes on by looking again.

pub mod check;
mod follow;
mod progress;
mod request;
mod rule;
mod seen;
mod step;
mod traffic;

pub use check::{CheckError, Found, begin};
pub use progress::{Ending, Phase, Progress, Role};
pub use request::{Request, Verb};
pub use rule::{Group, Place, Rule, RuleSeen, Stickiness, Weights};
pub use seen::{Act, Action, Counted, Haste, Question, RevisionSeen, Seen, Targets};
pub use step::step;

#[cfg(test)]
mod simulation;
