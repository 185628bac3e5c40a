//! Application Auto Scaling, for ECS services: targets, policies and scheduled actions that set a service's desired count.
//!
//! `records` is what is stored; the API's handlers change what is wanted; `decide` says, purely, how much a policy wants;
//! `reconcile` looks at one target and the alarms that drive its policies. Alarms do not know what a policy is: they name
//! its ARN among their actions, and that is the only way in. The desired count is set the way `UpdateService` sets it.

mod activities;
mod alarms;
mod api;
mod decide;
mod reconcile;
pub mod records;
mod schedule;

pub(crate) use api::register;
pub(crate) use reconcile::{reconcile_target, service_changed};
pub(crate) use records::target_of_policy;

/// The signing name.
pub(crate) const SERVICE: &str = "application-autoscaling";
