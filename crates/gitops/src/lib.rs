//! What a sync decides: which services a commit wants, what of that differs from what runs, what may begin now and what
//! must wait, and what a bad verdict stops. It must never do I/O, read a clock or name an SDK type: what is known comes
//! in as [`Seen`] and a number of milliseconds, what is to be done goes out as [`Action`]s. Start reading at [`step`].

mod digest;
pub mod drift;
mod event;
pub mod freeze;
mod memory;
mod plan;
mod state;
mod step;

pub use digest::digest;
pub use event::SyncEvent;
pub use memory::{How, Joint, Memory, Moving, Overridden, ThrownBack};
pub use plan::{Commit, Id, Plan, PlanError, Unit, Wanted};
pub use state::{Action, Ended, Frozen, Outcome, Seen, Standing, State};
pub use step::step;

/// A moment, in milliseconds since the Unix epoch. Always a parameter, never read from a clock here.
pub type Millis = i64;
