//! What was done to a target: begun, fulfilled, or not done. Start at [`set_desired_count`].

use tidegate_models::{
    Timestamp,
    application_autoscaling::{
        NotScaledReason, ScalableDimension, ScalingActivity, ScalingActivityStatusCode as Status,
        ServiceNamespace,
    },
};

use super::records::{Activity, ScalableTarget};
use crate::{State, ecs};

/// How many activities of a target are kept.
const MOST: u64 = 200;

/// What became of an activity at once.
pub(super) struct Outcome {
    pub description: String,
    pub cause: String,
    pub status: Status,
    pub message: Option<String>,
    pub not_scaled: Option<NotScaledReason>,
    /// The desired count that is to be reached.
    pub awaited: Option<u32>,
}

/// Sets the service's desired count, as `UpdateService` does, and tells why.
pub(super) fn set_desired_count(
    state: &mut State,
    key: &str,
    target: &ScalableTarget,
    count: u32,
    cause: String,
    now: Timestamp,
) {
    ecs::set_desired_count(state, &target.service_arn(), count);
    let outcome = Outcome {
        description: format!("Setting desired count to {count}."),
        cause,
        status: Status::InProgress,
        message: Some(format!(
            "Successfully set desired count to {count}. Waiting for change to be fulfilled by ecs."
        )),
        not_scaled: None,
        awaited: Some(count),
    };
    tell(state, key, target, outcome, now);
}

/// Writes down an activity.
pub(super) fn tell(state: &mut State, key: &str, target: &ScalableTarget, outcome: Outcome, now: Timestamp) {
    let last = state.scaling_activities.indexed_by(key).next_back().map_or(0, |(_, row)| row.number);
    let number = last + 1;
    let item = ScalingActivity {
        activity_id: state.ids.uuid(),
        cause: outcome.cause,
        description: outcome.description,
        details: None,
        end_time: outcome.awaited.is_none().then_some(now),
        not_scaled_reasons: outcome.not_scaled.map(|reason| vec![reason]),
        resource_id: target.resource_id.clone(),
        scalable_dimension: ScalableDimension::EcsServiceDesiredCount,
        service_namespace: ServiceNamespace::Ecs,
        start_time: now,
        status_code: outcome.status,
        status_message: outcome.message,
    };
    let row = Activity { target: key.to_owned(), number, awaited: outcome.awaited, item };
    state.scaling_activities.insert(&Activity::key(key, number), row);
    if let Some(forgotten) = number.checked_sub(MOST) {
        state.scaling_activities.remove(&Activity::key(key, forgotten));
    }
}

/// Ends the activities of a target whose desired count is reached, or is not wanted any more.
pub(super) fn follow(state: &mut State, key: &str, service_arn: &str, now: Timestamp) {
    let counts = ecs::service_counts(state, service_arn);
    for (row_key, awaited) in open(state, key) {
        let (status, message) = if counts.desired != awaited {
            let message = format!(
                "Successfully set desired count to {awaited}. The desired count was then set to {}.",
                counts.desired
            );
            (Status::Overridden, message)
        } else if counts.running == awaited && counts.pending == 0 {
            let message =
                format!("Successfully set desired count to {awaited}. Change successfully fulfilled by ecs.");
            (Status::Successful, message)
        } else {
            continue;
        };
        end(state, &row_key, status, message, now);
    }
}

/// Ends the activities of a target whose service is deleted.
pub(super) fn give_up(state: &mut State, key: &str, resource_id: &str, now: Timestamp) {
    for (row_key, awaited) in open(state, key) {
        let message =
            format!("Failed to set desired count to {awaited}: ECS service doesn't exist: {resource_id}");
        end(state, &row_key, Status::Failed, message, now);
    }
}

/// The activities of a target that go on, newest first, with the desired count that each waits for.
fn open(state: &State, key: &str) -> Vec<(String, u32)> {
    let rows = state.scaling_activities.indexed_by(key).rev();
    rows.filter_map(|(row_key, row)| Some((row_key.to_owned(), row.awaited?))).collect()
}

fn end(state: &mut State, row_key: &str, status: Status, message: String, now: Timestamp) {
    state.scaling_activities.update(row_key, |row| {
        row.awaited = None;
        row.item.status_code = status;
        row.item.status_message = Some(message);
        row.item.end_time = Some(now);
    });
}
