//! The rolling scheduler.

use tidegate_models::Timestamp;

use crate::{State, engine::TaskChange};

/// Takes in what happened to a task.
pub(crate) fn observe(state: &mut State, task_arn: &str, change: TaskChange, now: Timestamp) {
    let _ = (state, task_arn, change, now);
}

/// Moves a service on. Answers when to look again.
pub(crate) fn reconcile_service(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    let _ = (state, arn, now);
    None
}

/// Moves a task on: drained targets, forgetting it. Answers when to look again.
pub(crate) fn reconcile_task(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    let _ = (state, arn, now);
    None
}
