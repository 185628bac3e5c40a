use std::time::Duration;

use serde_json::{Value, json};

use super::{alarm, cloud, set_state, state_of};
use crate::cloud::{Cloud, text};

fn errors(cloud: &mut Cloud, value: f64) {
    cloud.call(
        "PutMetricData",
        json!({"Namespace": "App", "MetricData": [{"MetricName": "Errors", "Value": value}]}),
    );
}

/// Lets a minute with one value pass.
fn minute(cloud: &mut Cloud, value: f64) {
    errors(cloud, value);
    cloud.pass(Duration::from_mins(1));
}

fn described(cloud: &mut Cloud, name: &str) -> Value {
    cloud.call("DescribeAlarms", json!({"AlarmNames": [name]}))["MetricAlarms"][0].clone()
}

#[test]
fn an_alarm_goes_to_alarm_and_back_with_its_metric() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("a", json!({})));
    assert_eq!(state_of(&mut cloud, "a"), "INSUFFICIENT_DATA");
    minute(&mut cloud, 5.0);
    assert_eq!(state_of(&mut cloud, "a"), "ALARM");
    let alarm = described(&mut cloud, "a");
    assert_eq!(
        text(&alarm["StateReason"]),
        "Threshold Crossed: 1 out of the last 1 datapoints [5.0 (21/09/26 14:13:00)] was greater than the threshold (1.0) \
         (minimum 1 datapoint for OK -> ALARM transition)."
    );
    let data: Value = serde_json::from_str(&text(&alarm["StateReasonData"])).unwrap();
    assert_eq!(data["recentDatapoints"], json!([5.0]));
    assert_eq!(data["statistic"], "Sum");
    minute(&mut cloud, 0.0);
    assert_eq!(state_of(&mut cloud, "a"), "OK");
    let reply = cloud.call("DescribeAlarmHistory", json!({"HistoryItemType": "StateUpdate"}));
    let items = reply["AlarmHistoryItems"].as_array().unwrap().iter();
    assert_eq!(
        items.map(|item| text(&item["HistorySummary"])).collect::<Vec<_>>(),
        ["Alarm updated from ALARM to OK", "Alarm updated from INSUFFICIENT_DATA to ALARM",]
    );
}

#[test]
fn an_alarm_is_evaluated_when_its_minute_is_over_and_not_before() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("a", json!({})));
    errors(&mut cloud, 5.0);
    // It is 20 seconds past the minute.
    cloud.pass(Duration::from_secs(41));
    assert_eq!(state_of(&mut cloud, "a"), "INSUFFICIENT_DATA");
    cloud.pass(Duration::from_secs(1));
    assert_eq!(state_of(&mut cloud, "a"), "ALARM");
}

#[test]
fn a_state_set_by_hand_lasts_until_the_next_evaluation() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("a", json!({})));
    minute(&mut cloud, 0.0);
    assert_eq!(state_of(&mut cloud, "a"), "OK");
    set_state(&mut cloud, "a", "ALARM");
    cloud.pass(Duration::from_secs(10));
    assert_eq!(state_of(&mut cloud, "a"), "ALARM");
    minute(&mut cloud, 0.0);
    assert_eq!(state_of(&mut cloud, "a"), "OK");
}

#[test]
fn an_alarm_of_two_in_three_needs_two() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("a", json!({"EvaluationPeriods": 3, "DatapointsToAlarm": 2})));
    let mut states = Vec::new();
    for value in [0.0, 0.0, 5.0, 0.0, 5.0, 0.0, 0.0] {
        minute(&mut cloud, value);
        states.push(state_of(&mut cloud, "a"));
    }
    assert_eq!(states, ["OK", "OK", "OK", "OK", "ALARM", "OK", "OK"]);
}

#[test]
fn missing_data_count_as_the_alarm_says() {
    let mut cloud = cloud();
    for treat in ["missing", "notBreaching", "breaching", "ignore"] {
        cloud.call("PutMetricAlarm", alarm(treat, json!({"TreatMissingData": treat})));
    }
    minute(&mut cloud, 0.0);
    cloud.pass(Duration::from_mins(5));
    let found = ["missing", "notBreaching", "breaching", "ignore"].map(|name| state_of(&mut cloud, name));
    assert_eq!(found, ["INSUFFICIENT_DATA", "OK", "ALARM", "OK"]);
    assert_eq!(
        text(&described(&mut cloud, "breaching")["StateReason"]),
        "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [Breaching]."
    );
    assert_eq!(
        text(&described(&mut cloud, "missing")["StateReason"]),
        "Insufficient Data: 1 datapoint was unknown."
    );
}

#[test]
fn an_alarm_of_ten_seconds_sees_what_ten_seconds_bring() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("a", json!({"Period": 10})));
    let datum = json!({"MetricName": "Errors", "Value": 5, "StorageResolution": 1});
    cloud.call("PutMetricData", json!({"Namespace": "App", "MetricData": [datum]}));
    cloud.pass(Duration::from_secs(12));
    assert_eq!(state_of(&mut cloud, "a"), "ALARM");
}

#[test]
fn a_window_of_five_minutes_slides_each_minute() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("a", json!({"Period": 300, "Threshold": 9.0})));
    let mut states = Vec::new();
    for value in [5.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0] {
        minute(&mut cloud, value);
        states.push(state_of(&mut cloud, "a"));
    }
    assert_eq!(states, ["OK", "ALARM", "ALARM", "ALARM", "ALARM", "OK", "OK"]);
}

#[test]
fn an_alarm_of_an_expression_follows_it() {
    let mut cloud = cloud();
    let stat = |id: &str, metric: &str| {
        json!({
            "Id": id, "ReturnData": false,
            "MetricStat": {"Metric": {"Namespace": "App", "MetricName": metric}, "Period": 60, "Stat": "Sum"},
        })
    };
    let metrics = json!([
        stat("e", "Errors"), stat("r", "Requests"), {"Id": "rate", "Expression": "100 * FILL(e, 0) / r"},
    ]);
    let own = json!({
        "Namespace": null, "MetricName": null, "Statistic": null, "Period": null, "Metrics": metrics, "Threshold": 5.0,
    });
    cloud.call("PutMetricAlarm", alarm("rate", own));
    let requests = |cloud: &mut Cloud, errors_of_hundred: f64| {
        let datum = json!([{"MetricName": "Requests", "Value": 100}]);
        cloud.call("PutMetricData", json!({"Namespace": "App", "MetricData": datum}));
        if errors_of_hundred > 0.0 {
            errors(cloud, errors_of_hundred);
        }
        cloud.pass(Duration::from_mins(1));
        state_of(cloud, "rate")
    };
    assert_eq!(requests(&mut cloud, 0.0), "OK");
    assert_eq!(requests(&mut cloud, 6.0), "ALARM");
    assert_eq!(requests(&mut cloud, 5.0), "OK");
}

#[test]
fn a_composite_alarm_follows_what_is_measured() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("a", json!({})));
    cloud.call("PutCompositeAlarm", json!({"AlarmName": "all", "AlarmRule": "ALARM(a)"}));
    minute(&mut cloud, 5.0);
    assert_eq!(state_of(&mut cloud, "all"), "ALARM");
    minute(&mut cloud, 0.0);
    assert_eq!(state_of(&mut cloud, "all"), "OK");
}

#[test]
fn a_restart_neither_forgets_nor_hurries_an_alarm() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("a", json!({})));
    minute(&mut cloud, 5.0);
    cloud.restart();
    assert_eq!(state_of(&mut cloud, "a"), "ALARM");
    minute(&mut cloud, 0.0);
    assert_eq!(state_of(&mut cloud, "a"), "OK");
}

#[test]
fn a_deleted_alarm_is_not_evaluated() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("a", json!({})));
    cloud.call("DeleteAlarms", json!({"AlarmNames": ["a"]}));
    minute(&mut cloud, 5.0);
    let history = cloud.call("DescribeAlarmHistory", json!({"HistoryItemType": "StateUpdate"}));
    assert_eq!(history["AlarmHistoryItems"], json!([]));
}
