use std::time::Duration;

use serde_json::{Value, json};
use tidegate_engine::{
    Event, Scope,
    cloudwatch::{
        Measured,
        metrics::{Bucket, MetricName},
    },
};

use super::{change, cloud};
use crate::cloud::{Cloud, pretty};

/// 2026-09-21T14:14:00Z: the first full minute of a cloud.
const START: i64 = 1_790_000_040;

fn put(cloud: &mut Cloud, datum: Value) {
    cloud.call("PutMetricData", json!({"Namespace": "App", "MetricData": [datum]}));
}

/// One value of `Latency` so many seconds after the start.
fn latency(second: i64, value: f64) -> Value {
    json!({"MetricName": "Latency", "Timestamp": START + second, "Value": value, "StorageResolution": 1})
}

fn stat(id: &str, metric: &str, stat: &str, period: i64) -> Value {
    let metric = json!({"Namespace": "App", "MetricName": metric});
    json!({"Id": id, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}})
}

fn get(cloud: &mut Cloud, queries: Value, more: Value) -> Value {
    let mut input = json!({
        "StartTime": START, "EndTime": START + 600, "ScanBy": "TimestampAscending", "MetricDataQueries": queries,
    });
    change(&mut input, more);
    cloud.call("GetMetricData", input)
}

/// Seconds after the start and value of each point of the first result.
fn points(reply: &Value) -> Vec<(i64, f64)> {
    let result = &reply["MetricDataResults"][0];
    let at = result["Timestamps"].as_array().unwrap().iter().map(|at| at.as_f64().unwrap() as i64 - START);
    at.zip(result["Values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap())).collect()
}

#[test]
fn values_counts_and_statistic_sets_are_answered_per_period() {
    let mut cloud = cloud();
    put(&mut cloud, latency(0, 1.0));
    put(&mut cloud, latency(59, 3.0));
    put(
        &mut cloud,
        json!({"MetricName": "Latency", "Timestamp": START + 70, "Values": [5, 7], "Counts": [3, 1]}),
    );
    let set = json!({"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4});
    put(&mut cloud, json!({"MetricName": "Latency", "Timestamp": START + 130, "StatisticValues": set}));
    for (statistic, expected) in [
        ("Sum", vec![(0, 4.0), (60, 22.0), (120, 10.0)]),
        ("SampleCount", vec![(0, 2.0), (60, 4.0), (120, 4.0)]),
        ("Average", vec![(0, 2.0), (60, 5.5), (120, 2.5)]),
        ("Minimum", vec![(0, 1.0), (60, 5.0), (120, 1.0)]),
        ("Maximum", vec![(0, 3.0), (60, 7.0), (120, 4.0)]),
        ("p75", vec![(0, 3.0), (60, 5.0)]),
        ("TC(5:)", vec![(0, 0.0), (60, 1.0)]),
        ("PR(:5)", vec![(0, 100.0), (60, 75.0)]),
    ] {
        let reply = get(&mut cloud, json!([stat("m", "Latency", statistic, 60)]), json!({}));
        assert_eq!(points(&reply), expected, "{statistic}");
    }
    let reply = get(&mut cloud, json!([stat("m", "Latency", "Sum", 10)]), json!({}));
    assert_eq!(
        points(&reply),
        [(0, 1.0), (50, 3.0), (60, 22.0), (120, 10.0)],
        "by ten seconds where there are any"
    );
    let descending = json!({"ScanBy": null, "EndTime": START + 120});
    let reply = get(&mut cloud, json!([stat("m", "Latency", "Sum", 60)]), descending);
    assert_eq!(points(&reply), [(60, 22.0), (0, 4.0)], "newest first, the end left out");
}

#[test]
fn the_period_that_is_not_over_answers_with_what_there_is() {
    let mut cloud = cloud();
    let now = cloud.now().as_millis() / 1_000;
    cloud.call(
        "PutMetricData",
        json!({"Namespace": "App", "MetricData": [{"MetricName": "Latency", "Value": 2}]}),
    );
    let range = json!({"StartTime": now - 60, "EndTime": now + 60});
    let reply = get(&mut cloud, json!([stat("m", "Latency", "Sum", 60)]), range);
    assert_eq!(reply["MetricDataResults"][0]["Values"], json!([2.0]));
}

#[test]
fn expressions_use_metrics_and_each_other() {
    let mut cloud = cloud();
    for (second, errors, requests) in [(0, 1.0, 4.0), (60, 0.0, 0.0), (120, 5.0, 10.0)] {
        for (metric, value) in [("Errors", errors), ("Requests", requests)] {
            put(&mut cloud, json!({"MetricName": metric, "Timestamp": START + second, "Value": value}));
        }
    }
    let hidden = |mut query: Value| {
        query["ReturnData"] = json!(false);
        query
    };
    let queries = json!([
        {"Id": "percent", "Expression": "100 * rate", "Label": "error rate"},
        {"Id": "rate", "Expression": "e / r", "ReturnData": false},
        hidden(stat("e", "Errors", "Sum", 60)),
        hidden(stat("r", "Requests", "Sum", 60)),
        {"Id": "total", "Expression": "SUM(METRICS())"},
        {"Id": "filled", "Expression": "FILL(percent, 0)"},
    ]);
    let reply = get(&mut cloud, queries, json!({"EndTime": START + 180}));
    insta::assert_snapshot!(pretty(&reply));
}

#[test]
fn pages_of_points_cover_them_all_once() {
    let mut cloud = cloud();
    for second in 0..10 {
        put(&mut cloud, latency(second * 60, second as f64));
    }
    let queries = json!([
        stat("none", "Nothing", "Sum", 60),
        stat("a", "Latency", "Sum", 60),
        stat("b", "Latency", "Maximum", 60),
    ]);
    let whole = get(&mut cloud, queries.clone(), json!({}));
    let (mut pages, mut token, mut calls) =
        (std::collections::BTreeMap::<String, Vec<Value>>::new(), Value::Null, 0);
    loop {
        let reply = get(&mut cloud, queries.clone(), json!({"MaxDatapoints": 7, "NextToken": token}));
        for result in reply["MetricDataResults"].as_array().unwrap() {
            let values = result["Values"].as_array().unwrap();
            pages.entry(result["Id"].to_string()).or_default().extend(values.iter().cloned());
        }
        calls += 1;
        token = reply["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(calls, 3);
    for result in whole["MetricDataResults"].as_array().unwrap() {
        assert_eq!(json!(pages[&result["Id"].to_string()]), result["Values"]);
        assert_eq!(result["StatusCode"], "Complete");
    }
}

#[test]
fn statistics_of_one_metric_come_with_their_unit() {
    let mut cloud = cloud();
    let of = |unit: &str, value: f64| json!({"MetricName": "Latency", "Timestamp": START + 5, "Value": value, "Unit": unit});
    put(&mut cloud, of("Seconds", 1.0));
    put(&mut cloud, of("Seconds", 3.0));
    put(&mut cloud, of("Milliseconds", 7.0));
    let mut input = json!({
        "Namespace": "App", "MetricName": "Latency", "StartTime": START, "EndTime": START + 60, "Period": 60,
        "Statistics": ["Sum", "Average", "SampleCount", "Minimum", "Maximum"], "ExtendedStatistics": ["p50"],
    });
    insta::assert_snapshot!(pretty(&cloud.call("GetMetricStatistics", input.clone())));
    input["Unit"] = json!("Milliseconds");
    assert_eq!(cloud.call("GetMetricStatistics", input.clone())["Datapoints"].as_array().unwrap().len(), 1);
    input["Unit"] = json!("Bytes");
    assert_eq!(cloud.call("GetMetricStatistics", input)["Datapoints"], json!([]));
}

#[test]
fn metrics_are_listed_by_namespace_name_and_dimensions_while_they_have_data() {
    let mut cloud = cloud();
    let now = cloud.now().as_millis() / 1_000;
    let datum = |metric: &str, dimensions: Value, age: i64| json!({"MetricName": metric, "Dimensions": dimensions, "Value": 1, "Timestamp": now - age});
    let blue = json!([{"Name": "Group", "Value": "blue"}, {"Name": "Zone", "Value": "a"}]);
    put(&mut cloud, datum("Errors", blue.clone(), 0));
    put(&mut cloud, datum("Errors", json!([]), 5 * 3_600));
    put(&mut cloud, datum("Latency", blue, 0));
    cloud.call(
        "PutMetricData",
        json!({"Namespace": "Other", "MetricData": [{"MetricName": "Errors", "Value": 1}]}),
    );
    let mut count = |input: Value| cloud.call("ListMetrics", input)["Metrics"].as_array().unwrap().len();
    for (input, expected) in [
        (json!({}), 4),
        (json!({"Namespace": "App"}), 3),
        (json!({"Namespace": "App", "MetricName": "Errors"}), 2),
        (json!({"Dimensions": [{"Name": "Group"}]}), 2),
        (json!({"Dimensions": [{"Name": "Group", "Value": "blue"}, {"Name": "Zone", "Value": "a"}]}), 2),
        (json!({"Dimensions": [{"Name": "Group", "Value": "green"}]}), 0),
        (json!({"RecentlyActive": "PT3H", "Namespace": "App"}), 2),
    ] {
        assert_eq!(count(input.clone()), expected, "{input}");
    }
    cloud.pass(Duration::from_hours(24 * 14 + 1));
    assert_eq!(cloud.call("ListMetrics", json!({}))["Metrics"], json!([]));
}

#[test]
fn pages_of_metrics_are_of_five_hundred() {
    let mut cloud = cloud();
    let data: Vec<_> = (0..1_000).map(|n| json!({"MetricName": format!("m{n:04}"), "Value": 1})).collect();
    cloud.call("PutMetricData", json!({"Namespace": "App", "MetricData": data}));
    put(&mut cloud, json!({"MetricName": "m1000", "Value": 1}));
    let first = cloud.call("ListMetrics", json!({}));
    let second = cloud.call("ListMetrics", json!({"NextToken": first["NextToken"]}));
    let third = cloud.call("ListMetrics", json!({"NextToken": second["NextToken"]}));
    assert_eq!(third["Metrics"].as_array().unwrap().len(), 1);
    assert_eq!(third["NextToken"], Value::Null);
}

#[test]
fn data_of_a_call_survive_a_restart_at_once_and_measured_ones_with_their_minute() {
    let mut cloud = cloud();
    put(&mut cloud, latency(1, 5.0));
    put(&mut cloud, latency(2, 6.0));
    let metric = MetricName::new(
        &Scope { account: "123456789012".to_owned(), region: "eu-west-1".to_owned() },
        "App",
        "Measured",
        Vec::new(),
    );
    // It is 40 seconds to the start.
    cloud.pass(Duration::from_secs(40));
    for _ in 0..80 {
        let measured = Measured {
            metric: metric.clone(),
            unit: tidegate_models::cloudwatch::StandardUnit::Count,
            samples: Bucket::of([(1.0, 2.0)]),
        };
        cloud.observe(Event::Metrics(vec![measured]));
        cloud.pass(Duration::from_secs(1));
    }
    cloud.restart();
    let reply = get(&mut cloud, json!([stat("m", "Latency", "Sum", 1)]), json!({}));
    assert_eq!(points(&reply), [(1, 5.0), (2, 6.0)]);
    let reply = get(&mut cloud, json!([stat("m", "Measured", "Sum", 60)]), json!({}));
    assert_eq!(points(&reply), [(0, 120.0)], "the minute that was over");
}

#[test]
fn what_is_wrong_with_data_is_said_before_anything_is_taken() {
    let mut cloud = cloud();
    let now = cloud.now().as_millis() / 1_000;
    for (datum, expected) in [
        (
            json!({}),
            "MissingParameter: At least one of the parameters MetricData.member.2.Value, MetricData.member.2.Values or \
             MetricData.member.2.StatisticValues must be specified.",
        ),
        (
            json!({"Value": 1, "Values": [1]}),
            "InvalidParameterCombination: The parameters MetricData.member.2.Value and MetricData.member.2.Values are \
             mutually exclusive and you have specified both.",
        ),
        (
            json!({"Value": 1, "Timestamp": now + 7_300}),
            "InvalidParameterValue: The parameter MetricData.member.2.Timestamp must specify a time no more than two \
             hours in the future.",
        ),
        (
            json!({"Value": 1, "Timestamp": now - 15 * 86_400}),
            "InvalidParameterValue: The parameter MetricData.member.2.Timestamp must specify a time within the past two \
             weeks.",
        ),
        (
            json!({"Value": 1, "StorageResolution": 5}),
            "InvalidParameterValue: The value 5 for parameter MetricData.member.2.StorageResolution is invalid: it must \
             be 1 or 60.",
        ),
        (
            json!({"Value": 1e200}),
            "InvalidParameterValue: The value 1e200 for parameter MetricData.member.2.Value is invalid.",
        ),
        (
            json!({"Values": [1, 2], "Counts": [1]}),
            "InvalidParameterValue: The parameters MetricData.member.2.Values and MetricData.member.2.Counts must have \
             the same size.",
        ),
        (
            json!({"Values": [1], "Counts": [0]}),
            "InvalidParameterValue: The value 0 for parameter MetricData.member.2.Counts.member.1 is invalid: it must be \
             positive.",
        ),
        (
            json!({"StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 2, "Maximum": 1}}),
            "InvalidParameterValue: The parameter MetricData.member.2.StatisticValues.Maximum must be greater than \
             MetricData.member.2.StatisticValues.Minimum.",
        ),
        (
            json!({"Value": 1, "Dimensions": [{"Name": " ", "Value": "a"}]}),
            "MissingParameter: The parameter MetricData.member.2.Dimensions.member.1.Name is required and must not be \
             blank.",
        ),
    ] {
        let mut second = json!({"MetricName": "Latency"});
        change(&mut second, datum.clone());
        let data = json!([latency(0, 1.0), second]);
        assert_eq!(
            cloud.refusal("PutMetricData", json!({"Namespace": "App", "MetricData": data})),
            expected,
            "{datum}"
        );
    }
    let own = json!({"Namespace": "AWS/ECS", "MetricData": [{"MetricName": "a", "Value": 1}]});
    assert_eq!(
        cloud.refusal("PutMetricData", own),
        "InvalidParameterValue: The value AWS/ for parameter Namespace is invalid."
    );
    assert_eq!(
        cloud.refusal("PutMetricData", json!({"Namespace": "App"})),
        "MissingParameter: The parameter MetricData is required."
    );
    let many = vec![latency(0, 1.0); 1_001];
    assert_eq!(
        cloud.refusal("PutMetricData", json!({"Namespace": "App", "MetricData": many})),
        "InvalidParameterValue: The collection MetricData must not have a size greater than 1000."
    );
    assert_eq!(cloud.call("ListMetrics", json!({}))["Metrics"], json!([]));
}

#[test]
fn what_is_wrong_with_a_query_is_said() {
    let mut cloud = cloud();
    let expression = |text: &str| json!([stat("m", "Latency", "Sum", 60), {"Id": "e", "Expression": text}]);
    for (queries, expected) in [
        (json!([]), "The parameter MetricDataQueries is required."),
        (json!([{"Id": "a"}]), "The query 'a' has neither a MetricStat nor an Expression"),
        (
            json!([{"Id": "A", "Expression": "1"}]),
            "The id 'A' is not valid: it must begin with a lower-case letter and hold \
          letters, digits and underscores only",
        ),
        (
            json!([stat("m", "Latency", "Sum", 60), stat("m", "Latency", "Sum", 60)]),
            "The values for parameter id in MetricDataQueries are not unique.",
        ),
        (
            json!([stat("m", "Latency", "Sum", 7)]),
            "The period 7 of the query 'm' is not valid: it must be 1, 5, 10, 20, 30 or a multiple of 60",
        ),
        (
            json!([stat("m", "Latency", "median", 60)]),
            "The value median for parameter Stat of the query 'm' is not supported",
        ),
        (
            expression("m +"),
            "Error in expression 'e' [it ends where a number, an id or a function should follow]",
        ),
        (expression("n"), "Error in expression 'e' [Undefined variable n]"),
        (expression("e + m"), "Error in expression 'e' [it depends on itself]"),
        (
            expression("SEARCH('a', 'Sum')"),
            "Error in expression 'e' [SEARCH is not implemented by the local cloud yet]",
        ),
        (
            expression("3 + 4"),
            "Error in expression 'e' [it is one number, and what is returned must be a time series; TIME_SERIES makes \
             one of it]",
        ),
    ] {
        let input = json!({"StartTime": START, "EndTime": START + 60, "MetricDataQueries": queries});
        assert_eq!(cloud.refusal("GetMetricData", input), format!("ValidationError: {expected}"));
    }
    let queries = json!([stat("m", "Latency", "Sum", 60)]);
    let turned = json!({"StartTime": START, "EndTime": START, "MetricDataQueries": queries});
    assert_eq!(
        cloud.refusal("GetMetricData", turned),
        "ValidationError: The parameter EndTime must be greater than StartTime."
    );
    let alien = json!({
        "StartTime": START, "EndTime": START + 60, "MetricDataQueries": queries, "NextToken": "made up",
    });
    assert!(cloud.refusal("GetMetricData", alien).starts_with("InvalidNextToken: "));
}

#[test]
fn what_is_wrong_with_statistics_is_said() {
    let mut cloud = cloud();
    for (changed, expected) in [
        (
            json!({"Statistics": null}),
            "MissingParameter: Must specify either Statistics or ExtendedStatistics",
        ),
        (
            json!({"EndTime": START}),
            "InvalidParameterValue: The parameter StartTime must be less than the parameter EndTime.",
        ),
        (
            json!({"Period": 45}),
            "InvalidParameterValue: The value 45 for parameter Period is invalid: it must be 1, 5, 10, 20, 30 or a \
             multiple of 60.",
        ),
        (
            json!({"EndTime": START + 2_880 * 60}),
            "InvalidParameterCombination: You have requested up to 2880 datapoints, which exceeds the limit of 1440. You \
             may reduce the datapoints requested by increasing Period, or decreasing the time range.",
        ),
        (
            json!({"ExtendedStatistics": ["Sum"]}),
            "InvalidParameterValue: The value Sum for parameter ExtendedStatistics is not supported.",
        ),
    ] {
        let mut input = json!({
            "Namespace": "App", "MetricName": "Latency", "StartTime": START, "EndTime": START + 60, "Period": 60,
            "Statistics": ["Sum"],
        });
        change(&mut input, changed);
        assert_eq!(cloud.refusal("GetMetricStatistics", input), expected);
    }
}
