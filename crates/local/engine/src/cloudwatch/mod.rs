//! Amazon CloudWatch: alarms and metrics.
//!
//! `records` is what is stored; the API's handlers change what is wanted; an alarm's state changes only in `alarms`, which
//! tells those that watch it. Nothing here sends notifications: an alarm's actions are stored and shown, never done.

mod alarms;
mod api;
mod civil;
mod composite;
mod reconcile;
pub mod records;
mod rule;
mod watchers;

// The first to ask are the deployment alarms of ECS and CodeDeploy.
#[allow(unused_imports, reason = "asked by deployments")]
pub(crate) use alarms::alarm_state;
pub(crate) use api::register;
pub(crate) use reconcile::reconcile_alarm;

/// The signing name.
pub(crate) const SERVICE: &str = "monitoring";
