//! Amazon ECS: clusters, task definitions, services, tasks, deployments.
//!
//! `records` is what is stored; the API's handlers change what is wanted; the `scheduler` decides what follows from it.

mod api;
pub mod records;
mod scheduler;
mod start;

pub(crate) use api::register;
pub(crate) use scheduler::{
    counts, function_answered, is_deploying, observe, reconcile_service, reconcile_task, service_counts,
    set_desired_count, task_sets,
};
pub(crate) use start::open_logs;
pub use start::{Injected, resources};

/// The signing name.
pub(crate) const SERVICE: &str = "ecs";
