//! The alarms that may fail a deployment, with what they watch. Start with [`read`].

use crate::client::{Client, ask};
use crate::error::AwsError;
use crate::observe;
use crate::pacing::Bucket;
use aws_sdk_cloudwatch::types::{AlarmType, MetricAlarm, StateValue};
use serde_json::Value;
use tidegate_rollout::case::{Alarm, AlarmState};

/// The names that a described service gives its deployments, and CodeDeploy its own.
pub(super) fn of_service(service: &Value, code_deploy: Option<&Value>) -> Vec<String> {
    let of_ecs = service.pointer("/deploymentConfiguration/alarms").filter(|it| it["enable"] == true);
    let own = of_ecs.map_or(&[][..], |alarms| observe::list(alarms, "alarmNames"));
    let other = code_deploy.and_then(|info| info.pointer("/overrideAlarmConfiguration"));
    let other = other.map_or(&[][..], |alarms| observe::list(alarms, "alarms"));
    let names = own.iter().filter_map(Value::as_str);
    let mut names: Vec<String> = names
        .chain(other.iter().filter_map(|alarm| observe::word(alarm, "name")))
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Each of these, also one that does not exist. `None` where there is none to ask for.
pub(super) async fn read(client: &Client, names: &[String]) -> Result<Option<Vec<Alarm>>, AwsError> {
    if names.is_empty() {
        return Ok(None);
    }
    let request = client
        .cloudwatch
        .describe_alarms()
        .set_alarm_names(Some(names.iter().take(100).cloned().collect()))
        .alarm_types(AlarmType::MetricAlarm)
        .alarm_types(AlarmType::CompositeAlarm)
        .max_records(100);
    let (output, _) = ask!(client, "cloudwatch", "DescribeAlarms", Bucket::Elsewhere, request)?;
    let found = names.iter().map(|name| {
        let metric = output.metric_alarms().iter().find(|it| it.alarm_name() == Some(name));
        if let Some(alarm) = metric {
            return Alarm {
                name: name.clone(),
                state: state(alarm.state_value()),
                reason: alarm.state_reason().map(str::to_owned),
                watches: Some(watches(alarm)),
                since: alarm.state_updated_timestamp().and_then(|at| at.to_millis().ok()),
            };
        }
        let composite = output.composite_alarms().iter().find(|it| it.alarm_name() == Some(name));
        Alarm {
            name: name.clone(),
            state: composite.map_or(AlarmState::Missing, |alarm| state(alarm.state_value())),
            reason: composite.and_then(|alarm| alarm.state_reason()).map(str::to_owned),
            watches: composite.and_then(|alarm| alarm.alarm_rule()).map(str::to_owned),
            since: None,
        }
    });
    Ok(Some(found.collect()))
}

fn state(value: Option<&StateValue>) -> AlarmState {
    match value {
        Some(StateValue::Ok) => AlarmState::Ok,
        Some(StateValue::Alarm) => AlarmState::Alarm,
        _ => AlarmState::InsufficientData,
    }
}

/// `HTTPCode_Target_5XX_Count GreaterThanThreshold 5 (Sum over 60 s, 2 of 2 periods)`.
fn watches(alarm: &MetricAlarm) -> String {
    let metric = alarm.metric_name().unwrap_or("a metric of several");
    let compared = alarm.comparison_operator().map_or("", |operator| operator.as_str());
    let threshold = alarm.threshold().map_or_else(String::new, |it| format!(" {it}"));
    let statistic = alarm.statistic().map_or("", |it| it.as_str());
    let statistic = alarm.extended_statistic().unwrap_or(statistic);
    let periods = alarm.evaluation_periods().unwrap_or(1);
    let needed = alarm.datapoints_to_alarm().unwrap_or(periods);
    format!(
        "{metric} {compared}{threshold} ({statistic} over {} s, {needed} of {periods} periods)",
        alarm.period().unwrap_or(60)
    )
}
