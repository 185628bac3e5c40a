//! For how long a group keeps its events.

use tidegate_models::logs::{DeleteRetentionPolicyRequest, PutRetentionPolicyRequest};

use super::{Nothing, invalid, lookup};
use crate::{ApiError, Context, State};

/// The numbers of days that AWS takes.
const DAYS: [i32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

pub(super) fn put(
    state: &mut State,
    context: &Context,
    input: PutRetentionPolicyRequest,
) -> Result<Nothing, ApiError> {
    let days = input.retention_in_days;
    if !DAYS.contains(&days) {
        let valid: Vec<String> = DAYS.iter().map(ToString::to_string).collect();
        return Err(invalid(format!(
            "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member must \
             satisfy enum value set: [{}]",
            valid.join(", ")
        )));
    }
    set(state, context, &input.log_group_name, Some(days))
}

pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteRetentionPolicyRequest,
) -> Result<Nothing, ApiError> {
    set(state, context, &input.log_group_name, None)
}

fn set(state: &mut State, context: &Context, name: &str, days: Option<i32>) -> Result<Nothing, ApiError> {
    let arn = lookup::group(state, &context.scope, name)?.arn.clone();
    state.log_groups.update(&arn, |group| group.retention_days = days);
    Ok(Nothing {})
}
