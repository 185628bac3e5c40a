use std::time::Duration;

use serde_json::json;

use super::{alarm, cloud, set_state};
use crate::cloud::{pretty, text};

#[test]
fn the_history_tells_what_was_put_and_each_change_of_state() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("a", json!({})));
    for value in ["ALARM", "ALARM", "OK"] {
        cloud.pass(Duration::from_secs(5));
        set_state(&mut cloud, "a", value);
    }
    let reply = cloud.call("DescribeAlarmHistory", json!({"AlarmName": "a"}));
    insta::assert_snapshot!(pretty(&reply));
}

#[test]
fn the_history_is_filtered_ordered_and_paged_and_outlives_its_alarm() {
    let mut cloud = cloud();
    for name in ["a", "b"] {
        cloud.call("PutMetricAlarm", alarm(name, json!({})));
        set_state(&mut cloud, name, "ALARM");
    }
    cloud.call("DeleteAlarms", json!({"AlarmNames": ["b"]}));
    let mut summaries = |input: serde_json::Value| {
        let reply = cloud.call("DescribeAlarmHistory", input);
        let items = reply["AlarmHistoryItems"].as_array().unwrap().iter();
        items.map(|item| text(&item["HistorySummary"])).collect::<Vec<_>>()
    };
    let changed = "Alarm updated from INSUFFICIENT_DATA to ALARM";
    assert_eq!(
        summaries(json!({"AlarmName": "b", "ScanBy": "TimestampAscending"})),
        ["Alarm \"b\" created", changed]
    );
    assert_eq!(summaries(json!({"HistoryItemType": "StateUpdate"})), [changed, changed]);
    assert_eq!(summaries(json!({"MaxRecords": 3})).len(), 3);
    assert_eq!(summaries(json!({"AlarmTypes": ["CompositeAlarm"]})).len(), 0);
    assert_eq!(summaries(json!({"EndDate": 1_000})).len(), 0);
}
