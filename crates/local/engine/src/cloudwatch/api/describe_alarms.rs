//! Alarms, described.
//!
//! What is asked for by name and does not exist is simply absent from the answer.

use tidegate_models::cloudwatch::{
    AlarmType, CompositeAlarm, DescribeAlarmsForMetricInput, DescribeAlarmsForMetricOutput,
    DescribeAlarmsInput, DescribeAlarmsOutput, MetricAlarm,
};

use super::{
    super::{
        alarms, composite,
        records::{Alarm, Definition},
    },
    errors::{self, validation},
    metric_names::same_dimensions,
};
use crate::{ApiError, Context, State, page::page};

/// AWS's page when none is asked for.
const PAGE: usize = 50;

/// `DescribeAlarms`: metric alarms unless `AlarmTypes` asks for others.
pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeAlarmsInput,
) -> Result<DescribeAlarmsOutput, ApiError> {
    if let Some(name) = &input.children_of_alarm_name {
        check_alone(&input, "ChildrenOfAlarmName")?;
        return children(state, context, name, &input);
    }
    if let Some(name) = &input.parents_of_alarm_name {
        check_alone(&input, "ParentsOfAlarmName")?;
        return parents(state, context, name, &input);
    }
    if input.alarm_names.is_some() && input.alarm_name_prefix.is_some() {
        return Err(validation("AlarmNames and AlarmNamePrefix cannot be specified at the same time"));
    }
    let types = input.alarm_types.clone().unwrap_or_else(|| vec![AlarmType::MetricAlarm]);
    let is_wanted = |alarm: &Alarm| {
        types.contains(&alarm.definition.alarm_type())
            && input.state_value.is_none_or(|value| alarm.state.value == value)
            && input.action_prefix.as_deref().is_none_or(|prefix| has_action(alarm, prefix))
    };
    let found: Vec<&Alarm> = match &input.alarm_names {
        Some(names) => {
            let mut named: Vec<_> =
                names.iter().filter_map(|name| alarms::named(state, &context.scope, name)).collect();
            named.sort_by(|one, other| one.arn.cmp(&other.arn));
            named.dedup_by(|one, other| one.arn == other.arn);
            named
        }
        None => {
            let prefix = alarms::arn(&context.scope, input.alarm_name_prefix.as_deref().unwrap_or_default());
            state.alarms.with_prefix(&prefix).filter_map(|(arn, _)| state.alarms.get(arn)).collect()
        }
    };
    let described =
        found.into_iter().filter(|alarm| is_wanted(alarm)).map(|alarm| (&*alarm.arn, described(alarm)));
    answer(described, &input)
}

/// `DescribeAlarmsForMetric`: alarms of that one metric, not those of expressions that use it.
pub(super) fn describe_for_metric(
    state: &State,
    context: &Context,
    input: DescribeAlarmsForMetricInput,
) -> Result<DescribeAlarmsForMetricOutput, ApiError> {
    let prefix = alarms::arn(&context.scope, "");
    let dimensions = input.dimensions.unwrap_or_default();
    let alarms = state.alarms.with_prefix(&prefix).filter_map(|(_, alarm)| match described(alarm) {
        Described::Metric(document) => Some(*document),
        Described::Composite(_) => None,
    });
    let alarms = alarms.filter(|alarm| {
        alarm.namespace.as_deref() == Some(&input.namespace)
            && alarm.metric_name.as_deref() == Some(&input.metric_name)
            && same_dimensions(alarm.dimensions.as_deref().unwrap_or_default(), &dimensions)
            && input.statistic.is_none_or(|wanted| alarm.statistic == Some(wanted))
            && input
                .extended_statistic
                .as_ref()
                .is_none_or(|wanted| alarm.extended_statistic.as_ref() == Some(wanted))
            && input.period.is_none_or(|wanted| alarm.period == Some(wanted))
            && input.unit.is_none_or(|wanted| alarm.unit == Some(wanted))
    });
    Ok(DescribeAlarmsForMetricOutput { metric_alarms: Some(alarms.collect()) })
}

/// An alarm as the API describes it.
enum Described {
    Metric(Box<MetricAlarm>),
    Composite(Box<CompositeAlarm>),
}

fn described(alarm: &Alarm) -> Described {
    let state = alarm.state.clone();
    match &alarm.definition {
        Definition::Metric(document) => Described::Metric(Box::new(MetricAlarm {
            alarm_configuration_updated_timestamp: Some(alarm.configured_at),
            state_reason: Some(state.reason),
            state_reason_data: state.reason_data,
            state_transitioned_timestamp: Some(state.transitioned_at),
            state_updated_timestamp: Some(state.updated_at),
            state_value: Some(state.value),
            ..(**document).clone()
        })),
        Definition::Composite(document) => Described::Composite(Box::new(CompositeAlarm {
            alarm_configuration_updated_timestamp: Some(alarm.configured_at),
            state_reason: Some(state.reason),
            state_reason_data: state.reason_data,
            state_transitioned_timestamp: Some(state.transitioned_at),
            state_updated_timestamp: Some(state.updated_at),
            state_value: Some(state.value),
            ..(**document).clone()
        })),
    }
}

fn has_action(alarm: &Alarm, prefix: &str) -> bool {
    let lists = match &alarm.definition {
        Definition::Metric(document) => {
            [&document.alarm_actions, &document.ok_actions, &document.insufficient_data_actions]
        }
        Definition::Composite(document) => {
            [&document.alarm_actions, &document.ok_actions, &document.insufficient_data_actions]
        }
    };
    lists.into_iter().flatten().flatten().any(|action| action.starts_with(prefix))
}

/// The model has no ResourceNotFound for `DescribeAlarms`.
fn no_relative(name: &str) -> ApiError {
    validation(format!("Unknown alarm {name}"))
}

/// What a composite alarm's rule names: only name, ARN and state of each, as on AWS.
fn children(
    state: &State,
    context: &Context,
    name: &str,
    input: &DescribeAlarmsInput,
) -> Result<DescribeAlarmsOutput, ApiError> {
    let alarm = alarms::named(state, &context.scope, name).ok_or_else(|| no_relative(name))?;
    let rule = composite::rule(alarm);
    let names = rule.iter().flat_map(super::super::rule::Rule::names);
    let mut found: Vec<&Alarm> =
        names.filter_map(|name| alarms::named(state, &context.scope, name)).collect();
    found.sort_by(|one, other| one.arn.cmp(&other.arn));
    found.dedup_by(|one, other| one.arn == other.arn);
    let described = found.into_iter().map(|child| {
        let (value, updated) = (Some(child.state.value), Some(child.state.updated_at));
        let described = match in_brief(child) {
            Described::Metric(document) => Described::Metric(Box::new(MetricAlarm {
                state_value: value,
                state_updated_timestamp: updated,
                ..*document
            })),
            Described::Composite(document) => Described::Composite(Box::new(CompositeAlarm {
                state_value: value,
                state_updated_timestamp: updated,
                ..*document
            })),
        };
        (&*child.arn, described)
    });
    answer(described, input)
}

/// The composite alarms whose rule names an alarm: only name and ARN of each, as on AWS.
fn parents(
    state: &State,
    context: &Context,
    name: &str,
    input: &DescribeAlarmsInput,
) -> Result<DescribeAlarmsOutput, ApiError> {
    alarms::named(state, &context.scope, name).ok_or_else(|| no_relative(name))?;
    let found = composite::parents(state, &context.scope, name).into_iter();
    answer(found.map(|parent| (&*parent.arn, in_brief(parent))), input)
}

/// Name and ARN only.
fn in_brief(alarm: &Alarm) -> Described {
    let (name, arn) = (Some(alarm.name.clone()), Some(alarm.arn.clone()));
    match alarm.definition {
        Definition::Metric(_) => Described::Metric(Box::new(MetricAlarm {
            alarm_name: name,
            alarm_arn: arn,
            ..MetricAlarm::default()
        })),
        Definition::Composite(_) => Described::Composite(Box::new(CompositeAlarm {
            alarm_name: name,
            alarm_arn: arn,
            ..CompositeAlarm::default()
        })),
    }
}

fn check_alone(input: &DescribeAlarmsInput, parameter: &str) -> Result<(), ApiError> {
    let is_alone = input.alarm_names.is_none()
        && input.alarm_name_prefix.is_none()
        && input.alarm_types.is_none()
        && input.action_prefix.is_none()
        && input.state_value.is_none()
        && (input.children_of_alarm_name.is_none() || input.parents_of_alarm_name.is_none());
    if is_alone {
        Ok(())
    } else {
        Err(validation(format!("{parameter} can be combined with MaxRecords and NextToken only")))
    }
}

fn answer<'a>(
    described: impl Iterator<Item = (&'a str, Described)>,
    input: &DescribeAlarmsInput,
) -> Result<DescribeAlarmsOutput, ApiError> {
    let limit = input.max_records.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE);
    let page = page(described, "DescribeAlarms", input.next_token.as_deref(), limit, errors::invalid_token)?;
    let (mut metric, mut composite) = (Vec::new(), Vec::new());
    for described in page.items {
        match described {
            Described::Metric(document) => metric.push(*document),
            Described::Composite(document) => composite.push(*document),
        }
    }
    Ok(DescribeAlarmsOutput {
        metric_alarms: Some(metric),
        composite_alarms: Some(composite),
        log_alarms: None,
        next_token: page.next,
    })
}
