use serde_json::json;

use super::{alarm, cloud, names, set_state, state_of};
use crate::cloud::pretty;

#[test]
fn a_composite_alarm_follows_its_children_through_another_composite() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("a", json!({})));
    cloud.call("PutMetricAlarm", alarm("b", json!({})));
    cloud.call("PutCompositeAlarm", json!({"AlarmName": "both", "AlarmRule": "ALARM(a) AND NOT OK(b)"}));
    cloud.call("PutCompositeAlarm", json!({"AlarmName": "top", "AlarmRule": "ALARM(both)"}));
    assert_eq!(state_of(&mut cloud, "top"), "OK");
    set_state(&mut cloud, "a", "ALARM");
    assert_eq!(state_of(&mut cloud, "both"), "ALARM");
    assert_eq!(state_of(&mut cloud, "top"), "ALARM");
    let reply =
        cloud.call("DescribeAlarms", json!({"AlarmNames": ["both"], "AlarmTypes": ["CompositeAlarm"]}));
    insta::assert_snapshot!(pretty(&reply));
    set_state(&mut cloud, "b", "OK");
    assert_eq!(state_of(&mut cloud, "top"), "OK");
}

#[test]
fn a_composite_alarm_set_by_hand_stays_until_a_child_changes() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("a", json!({})));
    cloud.call("PutCompositeAlarm", json!({"AlarmName": "all", "AlarmRule": "ALARM(a)"}));
    set_state(&mut cloud, "all", "ALARM");
    cloud.pass(std::time::Duration::from_mins(10));
    cloud.restart();
    assert_eq!(state_of(&mut cloud, "all"), "ALARM");
    set_state(&mut cloud, "a", "OK");
    assert_eq!(state_of(&mut cloud, "all"), "OK");
}

#[test]
fn what_is_wrong_with_a_composite_alarm_is_said() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("a", json!({})));
    cloud.call("PutCompositeAlarm", json!({"AlarmName": "c", "AlarmRule": "ALARM(a)"}));
    cloud.call("PutCompositeAlarm", json!({"AlarmName": "d", "AlarmRule": "TRUE"}));
    for (name, rule, expected) in [
        ("x", "ALARM(b)", "AlarmRule of alarm 'x' refers to the alarm 'b', which does not exist"),
        ("x", "ALARM(x)", "AlarmRule of alarm 'x' refers to the alarm itself"),
        ("x", "ALARM(a", "AlarmRule of alarm 'x' is invalid: a parenthesis is not closed"),
        ("a", "TRUE", "The alarm 'a' exists and is a metric alarm; delete it first"),
    ] {
        let input = json!({"AlarmName": name, "AlarmRule": rule});
        assert_eq!(cloud.refusal("PutCompositeAlarm", input), format!("ValidationError: {expected}"));
    }
    assert_eq!(
        cloud.refusal("PutMetricAlarm", alarm("c", json!({}))),
        "ValidationError: The alarm 'c' exists and is a composite alarm; delete it first"
    );
    assert_eq!(
        cloud.refusal("DeleteAlarms", json!({"AlarmNames": ["a"]})),
        "ValidationError: Cannot delete a as there are primary alarm(s) depending on it."
    );
    assert_eq!(
        cloud.refusal("DeleteAlarms", json!({"AlarmNames": ["c", "d"]})),
        "ValidationError: At most one composite alarm can be deleted in one call"
    );
    cloud.call("DeleteAlarms", json!({"AlarmNames": ["a", "c"]}));
    let types = json!({"AlarmTypes": ["CompositeAlarm", "MetricAlarm"]});
    assert_eq!(names(&cloud.call("DescribeAlarms", types)), ["d"]);
}

#[test]
fn composites_that_refer_to_each_other_do_not_turn_for_ever() {
    let mut cloud = cloud();
    cloud.call("PutCompositeAlarm", json!({"AlarmName": "a", "AlarmRule": "FALSE"}));
    cloud.call("PutCompositeAlarm", json!({"AlarmName": "b", "AlarmRule": "ALARM(a)"}));
    let cycle = json!({"AlarmName": "a", "AlarmRule": "NOT ALARM(b)"});
    assert_eq!(
        cloud.refusal("PutCompositeAlarm", cycle),
        "ValidationError: AlarmRule of alarm 'a' refers to the alarm 'b', which depends on it"
    );
}
