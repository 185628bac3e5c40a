use serde_json::{Value, json};

use super::{alarm, cloud, names, set_state, state_of};
use crate::cloud::{pretty, text};

#[test]
fn an_alarm_is_described_as_it_was_put() {
    let mut cloud = cloud();
    let input = alarm(
        "errors",
        json!({
            "AlarmDescription": "too many", "AlarmActions": ["arn:aws:sns:eu-west-1:123456789012:pager"],
            "Dimensions": [{"Name": "TargetGroup", "Value": "targetgroup/blue/1"}], "Unit": "Count",
            "DatapointsToAlarm": 2, "EvaluationPeriods": 3, "TreatMissingData": "notBreaching",
        }),
    );
    cloud.call("PutMetricAlarm", input);
    let reply = cloud.call("DescribeAlarms", json!({"AlarmNames": ["errors"]}));
    insta::assert_snapshot!(pretty(&reply));
}

#[test]
fn an_alarm_of_an_expression_is_described_with_its_metrics() {
    let mut cloud = cloud();
    let stat = |id: &str, metric: &str| {
        json!({
            "Id": id, "ReturnData": false,
            "MetricStat": {"Metric": {"Namespace": "App", "MetricName": metric}, "Period": 60, "Stat": "Sum"},
        })
    };
    let metrics = json!([stat("e", "Errors"), stat("r", "Requests"), {"Id": "rate", "Expression": "e / r"}]);
    let own =
        json!({"Namespace": null, "MetricName": null, "Statistic": null, "Period": null, "Metrics": metrics});
    cloud.call("PutMetricAlarm", alarm("rate", own));
    let reply = cloud.call("DescribeAlarms", json!({"AlarmNamePrefix": "ra"}));
    assert_eq!(reply["MetricAlarms"][0]["Metrics"], metrics);
    assert_eq!(reply["MetricAlarms"][0].get("MetricName"), None);
}

#[test]
fn putting_an_alarm_again_changes_it_and_keeps_its_state() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("errors", json!({})));
    assert_eq!(state_of(&mut cloud, "errors"), "INSUFFICIENT_DATA");
    set_state(&mut cloud, "errors", "ALARM");
    cloud.call("PutMetricAlarm", alarm("errors", json!({"Threshold": 7.0})));
    let reply = cloud.call("DescribeAlarms", json!({}));
    assert_eq!(reply["MetricAlarms"][0]["Threshold"], 7.0);
    assert_eq!(reply["MetricAlarms"][0]["StateValue"], "ALARM");
    assert_eq!(reply["MetricAlarms"][0]["StateReason"], "by hand");
}

#[test]
fn alarms_are_found_by_name_prefix_state_type_and_action() {
    let mut cloud = cloud();
    let action = json!({"OKActions": ["arn:aws:sns:eu-west-1:1:a"]});
    cloud.call("PutMetricAlarm", alarm("web-a", action));
    cloud.call("PutMetricAlarm", alarm("web-b", json!({})));
    cloud.call("PutMetricAlarm", alarm("db", json!({})));
    cloud.call("PutCompositeAlarm", json!({"AlarmName": "web-all", "AlarmRule": "ALARM(web-a)"}));
    set_state(&mut cloud, "web-b", "ALARM");
    for (input, expected) in [
        (json!({}), vec!["db", "web-a", "web-b"]),
        (json!({"AlarmNames": ["web-b", "unknown", "db", "db"]}), vec!["db", "web-b"]),
        (json!({"AlarmNames": ["unknown"]}), vec![]),
        (json!({"AlarmNames": ["web-all"]}), vec![]),
        (json!({"AlarmNames": ["web-all"], "AlarmTypes": ["CompositeAlarm"]}), vec!["web-all"]),
        (json!({"AlarmTypes": ["CompositeAlarm", "MetricAlarm"]}), vec!["db", "web-a", "web-b", "web-all"]),
        (json!({"AlarmNamePrefix": "web"}), vec!["web-a", "web-b"]),
        (json!({"StateValue": "ALARM"}), vec!["web-b"]),
        (json!({"ActionPrefix": "arn:aws:sns"}), vec!["web-a"]),
        (json!({"ChildrenOfAlarmName": "web-all"}), vec!["web-a"]),
        (json!({"ParentsOfAlarmName": "web-a"}), vec!["web-all"]),
        (json!({"ParentsOfAlarmName": "web-b"}), vec![]),
    ] {
        assert_eq!(names(&cloud.call("DescribeAlarms", input.clone())), expected, "{input}");
    }
    cloud.be_account("210987654321");
    assert_eq!(names(&cloud.call("DescribeAlarms", json!({}))), Vec::<String>::new(), "another account");
}

#[test]
fn pages_of_alarms_cover_them_all() {
    let mut cloud = cloud();
    for n in 0..7 {
        cloud.call("PutMetricAlarm", alarm(&format!("a{n}"), json!({})));
    }
    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut input = json!({"MaxRecords": 3});
        if !token.is_null() {
            input["NextToken"] = token;
        }
        let reply = cloud.call("DescribeAlarms", input);
        seen.extend(names(&reply));
        token = reply["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, (0..7).map(|n| format!("a{n}")).collect::<Vec<_>>());
    let refused = cloud.refusal("DescribeAlarms", json!({"NextToken": "made up"}));
    assert!(refused.starts_with("InvalidNextToken: "), "{refused}");
}

#[test]
fn alarms_of_a_metric_are_those_of_just_that_metric() {
    let mut cloud = cloud();
    let blue = json!([{"Name": "Group", "Value": "blue"}, {"Name": "Zone", "Value": "a"}]);
    let turned = json!([{"Name": "Zone", "Value": "a"}, {"Name": "Group", "Value": "blue"}]);
    cloud.call("PutMetricAlarm", alarm("plain", json!({})));
    cloud.call("PutMetricAlarm", alarm("blue", json!({"Dimensions": blue})));
    cloud.call("PutMetricAlarm", alarm("slow", json!({"Dimensions": blue, "Period": 300})));
    let mut found = |more: Value| {
        let mut input = json!({"Namespace": "App", "MetricName": "Errors"});
        super::change(&mut input, more);
        let reply = cloud.call("DescribeAlarmsForMetric", input);
        let alarms = reply["MetricAlarms"].as_array().unwrap().iter();
        alarms.map(|alarm| text(&alarm["AlarmName"])).collect::<Vec<_>>()
    };
    assert_eq!(found(json!({})), ["plain"]);
    assert_eq!(found(json!({"Dimensions": turned})), ["blue", "slow"]);
    assert_eq!(found(json!({"Dimensions": turned, "Period": 300})), ["slow"]);
    assert_eq!(found(json!({"Statistic": "Average"})), Vec::<String>::new());
    assert_eq!(found(json!({"MetricName": "Other"})), Vec::<String>::new());
}

#[test]
fn deleting_takes_what_is_there_and_passes_over_what_is_not() {
    let mut cloud = cloud();
    for name in ["a", "b", "c"] {
        cloud.call("PutMetricAlarm", alarm(name, json!({})));
    }
    cloud.call("DeleteAlarms", json!({"AlarmNames": ["a", "unknown", "c"]}));
    assert_eq!(names(&cloud.call("DescribeAlarms", json!({}))), ["b"]);
    cloud.restart();
    assert_eq!(names(&cloud.call("DescribeAlarms", json!({}))), ["b"], "after a restart");
}

#[test]
fn actions_are_switched_off_and_on() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("a", json!({})));
    for (operation, expected) in [("DisableAlarmActions", false), ("EnableAlarmActions", true)] {
        cloud.call(operation, json!({"AlarmNames": ["a", "unknown"]}));
        let reply = cloud.call("DescribeAlarms", json!({}));
        assert_eq!(reply["MetricAlarms"][0]["ActionsEnabled"], expected);
    }
}

#[test]
fn what_is_wrong_with_an_alarm_is_said_before_anything_changes() {
    let mut cloud = cloud();
    let stat = json!({"Metric": {"Namespace": "App", "MetricName": "E"}, "Period": 60, "Stat": "Sum"});
    let of_metrics = |metrics: Value| json!({"Namespace": null, "MetricName": null, "Statistic": null, "Period": null, "Metrics": metrics});
    for (changed, expected) in [
        (
            json!({"ComparisonOperator": null}),
            "MissingParameter: The parameter ComparisonOperator is required.",
        ),
        (
            json!({"ComparisonOperator": "GreaterThanUpperThreshold"}),
            "NotImplemented: Anomaly detection (GreaterThanUpperThreshold) is not implemented by the local cloud yet",
        ),
        (json!({"Threshold": null}), "MissingParameter: The parameter Threshold is required."),
        (
            json!({"EvaluationPeriods": null}),
            "MissingParameter: The parameter EvaluationPeriods is required.",
        ),
        (
            json!({"DatapointsToAlarm": 2}),
            "ValidationError: DatapointsToAlarm must be less than or equal to EvaluationPeriods",
        ),
        (
            json!({"TreatMissingData": "good"}),
            "ValidationError: The value good for parameter TreatMissingData is invalid: it must be one of [breaching, \
             notBreaching, ignore, missing]",
        ),
        (
            json!({"Period": 45}),
            "ValidationError: Period 45 is not valid: it must be 10, 20, 30 or a multiple of 60",
        ),
        (json!({"Period": null}), "MissingParameter: The parameter Period is required."),
        (
            json!({"EvaluationPeriods": 1441}),
            "ValidationError: Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= \
             86400).",
        ),
        (json!({"MetricName": null}), "MissingParameter: Either MetricName or Metrics is required."),
        (json!({"Namespace": null}), "MissingParameter: The parameter Namespace is required."),
        (json!({"Statistic": null}), "MissingParameter: Either Statistic or ExtendedStatistic is required."),
        (
            json!({"ExtendedStatistic": "p99"}),
            "InvalidParameterCombination: Statistic and ExtendedStatistic cannot be specified at the same time.",
        ),
        (
            json!({"Statistic": null, "ExtendedStatistic": "p101"}),
            "InvalidParameterValue: The value p101 for parameter ExtendedStatistic is not supported.",
        ),
        (
            json!({"Metrics": [{"Id": "m", "MetricStat": stat}]}),
            "InvalidParameterCombination: Metrics and MetricName cannot be specified at the same time.",
        ),
        (
            of_metrics(json!([{"Id": "m", "MetricStat": stat}, {"Id": "n", "MetricStat": stat}])),
            "ValidationError: Metrics list must contain exactly one metric matching the ReturnData=true flag",
        ),
        (
            of_metrics(
                json!([{"Id": "m", "MetricStat": stat, "ReturnData": false}, {"Id": "e", "Expression": "m +"}]),
            ),
            "ValidationError: Error in expression 'e' [it ends where a number, an id or a function should follow]",
        ),
        (
            of_metrics(json!([{"Id": "e", "Expression": "TIME_SERIES(1)"}])),
            "ValidationError: Metrics list must contain at least one MetricStat",
        ),
        (
            json!({"EvaluationWindow": {"WallClockWindow": {}}, "Period": 120}),
            "ValidationError: With a WallClockWindow the period must be 60, 300, 3600, 86400 or 604800 seconds",
        ),
        (
            json!({"Tags": [{"Key": "k", "Value": ""}, {"Key": "k", "Value": ""}]}),
            "InvalidParameterValue: Tag key 'k' was specified more than once",
        ),
        (
            json!({"Dimensions": [{"Name": "a", "Value": "b"}, {"Name": "a", "Value": "c"}]}),
            "InvalidParameterValue: Invalid dimension: the dimension a was given more than once.",
        ),
    ] {
        assert_eq!(cloud.refusal("PutMetricAlarm", alarm("a", changed.clone())), expected, "{changed}");
    }
}

#[test]
fn the_state_of_an_alarm_that_is_not_there_cannot_be_set() {
    let mut cloud = cloud();
    let input = json!({"AlarmName": "a", "StateValue": "OK", "StateReason": ""});
    assert_eq!(cloud.refusal("SetAlarmState", input), "ResourceNotFound: Unknown alarm a");
    cloud.call("PutMetricAlarm", alarm("a", json!({})));
    let input = json!({"AlarmName": "a", "StateValue": "OK", "StateReason": "", "StateReasonData": "{"});
    assert_eq!(cloud.refusal("SetAlarmState", input), "InvalidFormat: StateReasonData is not valid JSON");
}

#[test]
fn relatives_of_an_unknown_alarm_are_refused_by_an_error_that_the_model_has() {
    let mut cloud = cloud();
    for member in ["ChildrenOfAlarmName", "ParentsOfAlarmName"] {
        let refused = cloud.refusal("DescribeAlarms", json!({ member: "nobody" }));
        assert_eq!(refused, "ValidationError: Unknown alarm nobody", "{member}");
    }
}
