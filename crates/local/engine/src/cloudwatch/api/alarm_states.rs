//! The state of an alarm set by hand, and alarms deleted.

use tidegate_models::cloudwatch::{AlarmType, DeleteAlarmsInput, SetAlarmStateInput};

use super::{
    super::{
        alarms::{self, Judgement},
        composite,
    },
    Nothing,
    errors::{unknown_alarm, validation},
};
use crate::{ApiError, Context, State};

/// `SetAlarmState`: until a metric alarm is evaluated next, or a child of a composite one changes.
pub(super) fn set(
    state: &mut State,
    context: &Context,
    input: SetAlarmStateInput,
) -> Result<Nothing, ApiError> {
    if let Some(data) = &input.state_reason_data
        && serde_json::from_str::<serde_json::Value>(data).is_err()
    {
        return Err(ApiError::new("InvalidFormat", "StateReasonData is not valid JSON"));
    }
    let alarm = alarms::named(state, &context.scope, &input.alarm_name)
        .ok_or_else(|| unknown_alarm(&input.alarm_name))?;
    let arn = alarm.arn.clone();
    let new = Judgement {
        value: input.state_value,
        reason: input.state_reason,
        reason_data: input.state_reason_data,
    };
    alarms::set_state(state, &context.scope, &arn, new, context.now);
    Ok(Nothing {})
}

/// `DeleteAlarms`: names of alarms that are not there are no error, as on AWS.
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteAlarmsInput,
) -> Result<Nothing, ApiError> {
    let named = input.alarm_names.iter().filter_map(|name| alarms::named(state, &context.scope, name));
    let composites =
        named.clone().filter(|alarm| alarm.definition.alarm_type() == AlarmType::CompositeAlarm).count();
    if composites > 1 {
        return Err(validation("At most one composite alarm can be deleted in one call"));
    }
    for alarm in named.clone() {
        let parents = composite::parents(state, &context.scope, &alarm.name);
        if parents.iter().any(|parent| !input.alarm_names.contains(&parent.name)) {
            return Err(validation(format!(
                "Cannot delete {} as there are primary alarm(s) depending on it.",
                alarm.name
            )));
        }
    }
    let arns: Vec<String> = named.map(|alarm| alarm.arn.clone()).collect();
    for arn in arns {
        alarms::delete(state, &context.scope, &arn);
    }
    Ok(Nothing {})
}
