//! `controller: alb`: the shell around `tidegate_rollout::alb`. It looks, saves, acts and waits, and
//! must never decide: what a look means is [`tidegate_rollout::alb::step`]'s. Start with `ready` for
//! what is checked before, `run` for the loop, [`lease`] for who may run it.

mod control;
pub mod lease;
pub(crate) mod listener;
pub(crate) mod ready;
mod run;
pub mod shift;

pub use control::{Answer, Asking, ask, follow, held};
pub use lease::{Held, Lease};
pub use run::AlbError;
