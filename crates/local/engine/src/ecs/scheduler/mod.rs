//! The scheduler: what services want, made to happen task by task; and, for deployments in stages, weight by weight.
//!
//! [`reconcile_service`] looks at one service and decides purely (`plan`, `health`, `breaker`, `completion`), then writes
//! what was decided and asks for effects; it must never look at another service, so that its cost does not grow with
//! their number. Start reading at `reconcile`, then `plan`; tasks live and die in `lifecycle`, traffic
//! moves in `staged`, and services that others deploy consist of `task_sets`.

mod alarms;
mod arithmetic;
mod breaker;
mod completion;
mod counts;
mod deletion;
mod deployments;
mod events;
mod failure;
mod health;
mod launch;
mod lifecycle;
mod plan;
mod reconcile;
mod staged;
mod targets;
pub(crate) mod task_sets;
mod throttle;
mod view;

pub(crate) use counts::{Counts, computed_desired_count, counts, revision_counts, service_counts};
pub(crate) use deletion::{delete_service, forget_history};
pub(crate) use deployments::{is_deploying, set_desired_count, start_deployment, stop_service_deployment};
pub(crate) use launch::{NewTask, create_task, definition_key, launch_of, managed_tags};
pub(crate) use lifecycle::{observe, reconcile_task, stop_task};
pub(crate) use reconcile::reconcile_service;
pub(crate) use staged::{answer as answer_hook, function_answered, lifecycle_stage, resolved};
