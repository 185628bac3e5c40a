//! Composite alarms: put.

use tidegate_models::cloudwatch::{CompositeAlarm as Document, PutCompositeAlarmInput};

use super::{
    super::{alarms, composite, records::Definition, rule::Rule},
    Nothing,
    errors::{not_implemented, validation},
    tags,
};
use crate::{ApiError, Context, State, state::Subject};

/// `PutCompositeAlarm`. An alarm that exists keeps its state until its rule says otherwise, which is at once.
pub(super) fn put(
    state: &mut State,
    context: &Context,
    input: PutCompositeAlarmInput,
) -> Result<Nothing, ApiError> {
    let name = input.alarm_name;
    let rule = Rule::parse(&input.alarm_rule)
        .map_err(|wrong| validation(format!("AlarmRule of alarm '{name}' is invalid: {wrong}")))?;
    if input.actions_suppressor.is_some() {
        return Err(not_implemented("Action suppressors are"));
    }
    let existing = alarms::named(state, &context.scope, &name);
    if existing.is_some_and(|alarm| matches!(alarm.definition, Definition::Metric(_))) {
        return Err(validation(format!("The alarm '{name}' exists and is a metric alarm; delete it first")));
    }
    let names = rule.names();
    if names.contains(&name.as_str()) {
        return Err(validation(format!("AlarmRule of alarm '{name}' refers to the alarm itself")));
    }
    if let Some(unknown) = names.iter().find(|child| alarms::named(state, &context.scope, child).is_none()) {
        return Err(validation(format!(
            "AlarmRule of alarm '{name}' refers to the alarm '{unknown}', which does not exist"
        )));
    }
    if let Some(child) = names.iter().find(|child| composite::depends_on(state, &context.scope, child, &name))
    {
        // AWS takes such rules and stops evaluating them; what cannot be evaluated is better refused.
        return Err(validation(format!(
            "AlarmRule of alarm '{name}' refers to the alarm '{child}', which depends on it"
        )));
    }
    let is_new = existing.is_none();
    let tags = tags::given(input.tags)?;
    let arn = alarms::arn(&context.scope, &name);
    let document = Document {
        action_configuration: input.action_configuration,
        actions_enabled: Some(input.actions_enabled.unwrap_or(true)),
        alarm_actions: Some(input.alarm_actions.unwrap_or_default()),
        alarm_arn: Some(arn.clone()),
        alarm_description: input.alarm_description,
        alarm_name: Some(name.clone()),
        alarm_rule: Some(input.alarm_rule),
        insufficient_data_actions: Some(input.insufficient_data_actions.unwrap_or_default()),
        ok_actions: Some(input.ok_actions.unwrap_or_default()),
        ..Document::default()
    };
    alarms::put(state, &context.scope, &name, Definition::Composite(Box::new(document)), context.now);
    // As on AWS, tags given for an alarm that exists are ignored.
    if is_new {
        state.put_tags(&arn, tags);
    }
    state.touch(Subject::Alarm(arn));
    Ok(Nothing {})
}
