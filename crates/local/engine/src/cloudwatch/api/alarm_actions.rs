//! Whether an alarm's actions are to be done. Those that are scaling policies are; others are stored and shown.

use tidegate_models::cloudwatch::{DisableAlarmActionsInput, EnableAlarmActionsInput};

use super::{super::alarms, Nothing};
use crate::{ApiError, Context, State, cloudwatch::records::Definition};

/// `EnableAlarmActions`
pub(super) fn enable(
    state: &mut State,
    context: &Context,
    input: EnableAlarmActionsInput,
) -> Result<Nothing, ApiError> {
    set(state, context, &input.alarm_names, Some(true))
}

/// `DisableAlarmActions`
pub(super) fn disable(
    state: &mut State,
    context: &Context,
    input: DisableAlarmActionsInput,
) -> Result<Nothing, ApiError> {
    set(state, context, &input.alarm_names, Some(false))
}

/// Alarms that are not there are no error, as on AWS.
fn set(
    state: &mut State,
    context: &Context,
    names: &[String],
    enabled: Option<bool>,
) -> Result<Nothing, ApiError> {
    for name in names {
        state.alarms.update(&alarms::arn(&context.scope, name), |alarm| match &mut alarm.definition {
            Definition::Metric(document) => document.actions_enabled = enabled,
            Definition::Composite(document) => document.actions_enabled = enabled,
        });
    }
    Ok(Nothing {})
}
