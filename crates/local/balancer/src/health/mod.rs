//! Whether a target may be sent requests.
//!
//! Deciding ([`machine`]) is apart from asking ([`probe`]) and from waiting ([`checker`]); only the last knows a clock.
//! It must never touch a connection that serves requests. Start at [`machine::Machine`].

pub(crate) mod checker;
pub(crate) mod machine;
pub(crate) mod probe;
mod state;

pub use state::{Event, HealthState, TargetHealth};
