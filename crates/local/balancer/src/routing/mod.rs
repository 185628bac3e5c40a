//! Which rule a request falls under, and which target group gets it.
//!
//! Everything here is a pure function of the request's head and a number; it must never look at a target's health.
//! Start at [`matching::CompiledCondition`] for rules and [`shares::Shares`] for weights.

mod matching;
mod shares;
mod wildcard;

pub(crate) use matching::{CompiledCondition, RequestHead, without_port};
pub(crate) use shares::Shares;
