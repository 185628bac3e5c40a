//! Whether an alarm is to be in another state.
//!
//! `reconcile` looks at the metrics when an alarm is due, `judge` decides by the points alone, `reason` says why in AWS's
//! words. Start at `reconcile`.

mod judge;
mod reason;
mod reconcile;

pub(crate) use reconcile::{newest_point, reconcile_alarm};
