//! CloudWatch Logs: groups, streams, retention and tags. What is in streams is tested with the server.

use serde_json::{Value, json};

use crate::cloud::{Cloud, text};

fn cloud() -> Cloud {
    Cloud::of("logs")
}

fn groups(cloud: &mut Cloud, input: Value) -> Vec<String> {
    let reply = cloud.call("DescribeLogGroups", input);
    reply["logGroups"].as_array().unwrap().iter().map(|group| text(&group["logGroupName"])).collect()
}

#[test]
fn a_group_is_made_once_described_and_deleted_with_its_streams() {
    let mut cloud = cloud();
    let input = json!({"logGroupName": "/ecs/web", "tags": {"team": "blue"}});
    assert_eq!(cloud.call("CreateLogGroup", input.clone()), json!({}));
    assert_eq!(
        cloud.refusal("CreateLogGroup", input),
        "ResourceAlreadyExistsException: The specified log group already exists"
    );
    let group = cloud.call("DescribeLogGroups", json!({}))["logGroups"][0].clone();
    assert_eq!(
        (&group["arn"], &group["logGroupArn"], &group["logGroupClass"]),
        (
            &json!("arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/web:*"),
            &json!("arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/web"),
            &json!("STANDARD")
        )
    );
    assert_eq!(group.get("retentionInDays"), None);
    let stream = json!({"logGroupName": "/ecs/web", "logStreamName": "web/web/1"});
    cloud.call("CreateLogStream", stream.clone());
    assert_eq!(
        cloud.refusal("CreateLogStream", stream.clone()),
        "ResourceAlreadyExistsException: The specified log stream already exists"
    );
    cloud.call("DeleteLogGroup", json!({"logGroupName": "/ecs/web"}));
    assert_eq!(
        cloud.refusal("DeleteLogStream", stream.clone()),
        "ResourceNotFoundException: The specified log group does not exist."
    );
    cloud.call("CreateLogGroup", json!({"logGroupName": "/ecs/web"}));
    assert_eq!(
        cloud.refusal("DeleteLogStream", stream),
        "ResourceNotFoundException: The specified log stream does not exist."
    );
    assert_eq!(cloud.call("ListTagsLogGroup", json!({"logGroupName": "/ecs/web"})), json!({"tags": {}}));
}

#[test]
fn groups_are_found_by_prefix_pattern_and_arn_in_pages() {
    let mut cloud = cloud();
    for name in ["/ecs/api", "/ecs/web", "/lambda/Web"] {
        cloud.call("CreateLogGroup", json!({"logGroupName": name}));
    }
    assert_eq!(groups(&mut cloud, json!({"logGroupNamePrefix": "/ecs"})), ["/ecs/api", "/ecs/web"]);
    assert_eq!(groups(&mut cloud, json!({"logGroupNamePattern": "web"})), ["/ecs/web", "/lambda/Web"]);
    assert_eq!(groups(&mut cloud, json!({"logGroupIdentifiers": ["/ecs/api"]})), ["/ecs/api"]);
    let both = json!({"logGroupNamePattern": "web", "logGroupNamePrefix": "/ecs"});
    assert!(cloud.refusal("DescribeLogGroups", both).starts_with("InvalidParameterException: LogGroup name"));
    let first = cloud.call("DescribeLogGroups", json!({"limit": 2}));
    let rest = groups(&mut cloud, json!({"limit": 2, "nextToken": first["nextToken"]}));
    assert_eq!(rest, ["/lambda/Web"]);
    cloud.be_account("999999999999");
    assert_eq!(groups(&mut cloud, json!({})), Vec::<String>::new());
}

#[test]
fn retention_is_one_of_awss_numbers() {
    let mut cloud = cloud();
    cloud.call("CreateLogGroup", json!({"logGroupName": "g"}));
    cloud.call("PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 30}));
    assert_eq!(cloud.call("DescribeLogGroups", json!({}))["logGroups"][0]["retentionInDays"], 30);
    let odd = cloud.refusal("PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 31}));
    assert!(odd.starts_with("InvalidParameterException: 1 validation error detected: Value '31'"), "{odd}");
    cloud.call("DeleteRetentionPolicy", json!({"logGroupName": "g"}));
    assert_eq!(cloud.call("DescribeLogGroups", json!({}))["logGroups"][0].get("retentionInDays"), None);
    let missing = json!({"logGroupName": "h", "retentionInDays": 30});
    assert_eq!(
        cloud.refusal("PutRetentionPolicy", missing),
        "ResourceNotFoundException: The specified log group does not exist."
    );
}

#[test]
fn tags_are_the_same_by_the_old_and_the_new_operations() {
    let mut cloud = cloud();
    cloud.call("CreateLogGroup", json!({"logGroupName": "g"}));
    let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:g";
    cloud.call("TagResource", json!({"resourceArn": arn, "tags": {"a": "1", "b": "2"}}));
    cloud.call("TagLogGroup", json!({"logGroupName": "g", "tags": {"b": "3"}}));
    let tags = json!({"tags": {"a": "1", "b": "3"}});
    assert_eq!(cloud.call("ListTagsForResource", json!({"resourceArn": format!("{arn}:*")})), tags);
    cloud.call("UntagLogGroup", json!({"logGroupName": "g", "tags": ["a"]}));
    cloud.call("UntagResource", json!({"resourceArn": arn, "tagKeys": ["b"]}));
    assert_eq!(cloud.call("ListTagsLogGroup", json!({"logGroupName": "g"})), json!({"tags": {}}));
    assert!(
        cloud
            .refusal("ListTagsForResource", json!({"resourceArn": "g"}))
            .starts_with("InvalidParameterException")
    );
}

#[test]
fn a_protected_group_stays() {
    let mut cloud = cloud();
    cloud.call("CreateLogGroup", json!({"logGroupName": "g", "deletionProtectionEnabled": true}));
    let refused = cloud.refusal("DeleteLogGroup", json!({"logGroupName": "g"}));
    assert!(refused.starts_with("ValidationException: "), "{refused}");
}
