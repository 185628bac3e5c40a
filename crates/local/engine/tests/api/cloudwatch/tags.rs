use serde_json::json;

use super::{alarm, cloud};

#[test]
fn tags_of_an_alarm_are_given_added_removed_and_go_with_it() {
    let mut cloud = cloud();
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    cloud.call("PutMetricAlarm", alarm("a", json!({"Tags": [tag("team", "x"), tag("env", "y")]})));
    let arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a";
    // As on AWS, tags of a second put are ignored.
    cloud.call("PutMetricAlarm", alarm("a", json!({"Tags": [tag("late", "z")]})));
    cloud.call("TagResource", json!({"ResourceARN": arn, "Tags": [tag("team", "z"), tag("tier", "web")]}));
    cloud.call("UntagResource", json!({"ResourceARN": arn, "TagKeys": ["env", "never there"]}));
    let reply = cloud.call("ListTagsForResource", json!({"ResourceARN": arn}));
    assert_eq!(reply["Tags"], json!([tag("team", "z"), tag("tier", "web")]));
    cloud.call("DeleteAlarms", json!({"AlarmNames": ["a"]}));
    assert_eq!(
        cloud.refusal("ListTagsForResource", json!({"ResourceARN": arn})),
        format!("ResourceNotFoundException: Unknown resource {arn}")
    );
    assert!(cloud.engine.state().tags.is_empty());
}

#[test]
fn what_is_wrong_with_tags_is_said() {
    let mut cloud = cloud();
    cloud.call("PutMetricAlarm", alarm("a", json!({})));
    let arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a";
    let many: Vec<_> = (0..51).map(|n| json!({"Key": n.to_string(), "Value": ""})).collect();
    for (input, expected) in [
        (
            json!({"ResourceARN": arn, "Tags": [{"Key": "aws:x", "Value": ""}]}),
            "InvalidParameterValue: Tag key 'aws:x' begins with 'aws:', which is reserved",
        ),
        (
            json!({"ResourceARN": arn, "Tags": many}),
            "InvalidParameterValue: The maximum number of tags on a resource is 50",
        ),
        (json!({"ResourceARN": "a", "Tags": []}), "InvalidParameterValue: 'a' is not a valid ARN"),
    ] {
        assert_eq!(cloud.refusal("TagResource", input), expected);
    }
}
