//! AWS CodeDeploy for the ECS compute platform: applications, deployment groups and configurations, revisions,
//! deployments.
//!
//! `records` is what is stored; the API's handlers check and change what is wanted; `deploy` moves deployments on, task
//! set by task set and weight by weight. It schedules no task and moves no request: that is what `ecs` and `elbv2` do for it.

mod api;
mod appspec;
mod deploy;
mod errors;
pub mod records;
mod target;

pub(crate) use api::register;
pub(crate) use deploy::{function_answered, reconcile_deployment, service_changed, watches};

/// The signing name.
pub(crate) const SERVICE: &str = "codedeploy";
