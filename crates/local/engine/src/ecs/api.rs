//! The API's handlers: what each operation of ECS checks, changes and answers.
//!
//! A handler checks everything before it changes anything; what follows from a change is the scheduler's to decide. One
//! file for each resource. Start at [`register`].

mod account_settings;
mod capacity_providers;
mod clusters;
mod deployments;
mod descriptions;
mod lookup;
mod services;
mod tags;
mod task_definitions;
mod task_rules;
mod task_sets;
mod tasks;

use super::SERVICE;
use crate::engine::Handlers;

/// Adds the handlers of ECS.
pub(crate) fn register(handlers: &mut Handlers) {
    clusters::register(handlers);
    capacity_providers::register(handlers);
    task_definitions::register(handlers);
    services::register(handlers);
    tasks::register(handlers);
    deployments::register(handlers);
    task_sets::register(handlers);
    tags::register(handlers);
    account_settings::register(handlers);
}
