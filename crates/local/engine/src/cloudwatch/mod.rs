//! Amazon CloudWatch: alarms and metrics.
//!
//! `records` is what is stored of alarms, `metrics` what was measured; the API's handlers change what is wanted;
//! `evaluation` decides by the metrics; an alarm's state changes only in `alarms`, which tells those that watch it.
//! Nothing here sends notifications: of an alarm's actions only scaling policies are done, and those by Application Auto
//! Scaling.

mod alarms;
mod api;
pub(crate) mod civil;
mod composite;
mod evaluation;
mod feed;
mod math;
pub mod metrics;
pub mod records;
mod rule;
mod watchers;
mod window;

pub(crate) use alarms::{alarm_state, delete_alarm};
pub(crate) use api::{put_metric_alarm, register};
pub(crate) use evaluation::{newest_point, reconcile_alarm};
pub use feed::Measured;
pub(crate) use feed::observe;
pub(crate) use metrics::{Metrics, reconcile as reconcile_metrics};
pub(crate) use window::alarm_window;

/// The signing name.
pub(crate) const SERVICE: &str = "monitoring";
