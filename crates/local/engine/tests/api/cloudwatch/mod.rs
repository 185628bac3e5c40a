//! Alarms and metrics.

mod alarms;
mod composites;
mod evaluation;
mod history;
mod metrics;
mod tags;

use serde_json::{Value, json};

use crate::cloud::{Cloud, text};

fn cloud() -> Cloud {
    Cloud::of("monitoring")
}

/// An alarm of a metric, with what `changed` puts in place of what it has.
fn alarm(name: &str, changed: Value) -> Value {
    let mut input = json!({
        "AlarmName": name, "Namespace": "App", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
    });
    change(&mut input, changed);
    input
}

/// Puts members in place of others; null takes one away.
fn change(input: &mut Value, changed: Value) {
    let Value::Object(changed) = changed else { return };
    for (member, value) in changed {
        match value {
            Value::Null => input.as_object_mut().unwrap().remove(&member),
            value => input.as_object_mut().unwrap().insert(member, value),
        };
    }
}

fn set_state(cloud: &mut Cloud, name: &str, value: &str) {
    cloud.call("SetAlarmState", json!({"AlarmName": name, "StateValue": value, "StateReason": "by hand"}));
}

fn state_of(cloud: &mut Cloud, name: &str) -> String {
    let input = json!({"AlarmNames": [name], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]});
    let reply = cloud.call("DescribeAlarms", input);
    let alarm = ["MetricAlarms", "CompositeAlarms"].into_iter().find_map(|kind| reply[kind].get(0));
    text(&alarm.unwrap()["StateValue"])
}

/// The names of all alarms in a reply of `DescribeAlarms`.
fn names(reply: &Value) -> Vec<String> {
    let kinds = ["MetricAlarms", "CompositeAlarms"].into_iter();
    kinds.flat_map(|kind| reply[kind].as_array().unwrap()).map(|alarm| text(&alarm["AlarmName"])).collect()
}
