use serde_json::{Value, json};
use tidegate_engine::Effect;

use crate::cloud::{Cloud, forward, not_found_page, pretty, text};

fn wanted(changes: Value) -> Value {
    let mut wanted =
        json!({"Name": "blue", "Protocol": "HTTP", "Port": 8080, "VpcId": "vpc-1", "TargetType": "ip"});
    for (key, value) in changes.as_object().unwrap() {
        wanted[key] = value.clone();
    }
    wanted
}

#[test]
fn an_empty_protocol_version_is_as_good_as_none() {
    let mut cloud = Cloud::new();
    let input = json!({
        "Name": "web", "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1", "TargetType": "ip", "ProtocolVersion": "",
    });
    assert_eq!(cloud.call("CreateTargetGroup", input)["TargetGroups"][0]["ProtocolVersion"], "HTTP1");
}

#[test]
fn a_new_target_group_has_the_defaults_of_aws() {
    let mut cloud = Cloud::new();
    let reply = cloud.call("CreateTargetGroup", wanted(json!({})));
    insta::assert_snapshot!(pretty(&reply));
    let arn = text(&reply["TargetGroups"][0]["TargetGroupArn"]);
    assert_eq!(cloud.take_effects(), [Effect::TargetGroup(arn.clone())]);
    assert_eq!(cloud.call("DescribeTargetGroups", json!({"TargetGroupArns": [arn]})), reply);
}

#[test]
fn creating_a_target_group_again_with_the_same_settings_answers_the_first_one() {
    let mut cloud = Cloud::new();
    let first = cloud.target_group("blue");
    assert_eq!(cloud.target_group("blue"), first);
    assert_eq!(
        cloud.refusal("CreateTargetGroup", wanted(json!({"HealthCheckPath": "/ping"}))),
        "DuplicateTargetGroupName: A target group with the same name 'blue' exists, but with different settings"
    );
}

#[test]
fn calls_that_cannot_make_a_target_group_say_why() {
    let mut cloud = Cloud::new();
    let cases = [
        (json!({"Name": "blue-"}), "ValidationError: Target group name 'blue-' cannot begin or end with '-'"),
        (json!({"Protocol": null}), "ValidationError: A protocol must be specified"),
        (json!({"Port": null}), "ValidationError: A port must be specified"),
        (json!({"VpcId": null}), "ValidationError: A VPC ID must be specified"),
        (
            json!({"TargetType": "lambda"}),
            "NotImplemented: Target groups with target type 'lambda' are not implemented by the local cloud yet",
        ),
        (
            json!({"Protocol": "TCP"}),
            "NotImplemented: Target groups with protocol 'TCP' are not implemented by the local cloud yet",
        ),
        (
            json!({"ProtocolVersion": "GRPC"}),
            "NotImplemented: Target groups with protocol version 'GRPC' are not implemented by the local cloud yet",
        ),
        (
            json!({"ProtocolVersion": "SPDY"}),
            "ValidationError: Protocol version 'SPDY' must be one of [HTTP1, HTTP2, GRPC]",
        ),
        (
            json!({"HealthCheckIntervalSeconds": 5}),
            "ValidationError: Health check interval must be greater than the timeout.",
        ),
        (
            json!({"HealthCheckIntervalSeconds": 4}),
            "ValidationError: Health check interval '4' must be between '5-300' inclusive",
        ),
        (
            json!({"HealthCheckTimeoutSeconds": 1}),
            "ValidationError: Health check timeout '1' must be between '2-120' inclusive",
        ),
        (
            json!({"HealthyThresholdCount": 11}),
            "ValidationError: Healthy threshold count '11' must be between '2-10' inclusive",
        ),
        (
            json!({"UnhealthyThresholdCount": 1}),
            "ValidationError: Unhealthy threshold count '1' must be between '2-10' inclusive",
        ),
        (
            json!({"HealthCheckPath": "ping"}),
            "ValidationError: Health check path 'ping' must begin with a '/' character and be at most 1024 characters",
        ),
        (
            json!({"HealthCheckPort": "http"}),
            "ValidationError: Health check port 'http' must be 'traffic-port' or between '1-65535' inclusive",
        ),
        (
            json!({"HealthCheckProtocol": "TCP"}),
            "ValidationError: Health check protocol 'TCP' must be one of 'HTTP, HTTPS'",
        ),
        (
            json!({"HealthCheckEnabled": false}),
            "ValidationError: Health check enabled must be true for target groups with target type 'instance' or 'ip'",
        ),
    ];
    for (changes, expected) in cases {
        assert_eq!(cloud.refusal("CreateTargetGroup", wanted(changes)), expected);
    }
    for matcher in ["", "ok", "199", "200-500", "300-200", "200,"] {
        let refusal = cloud.refusal("CreateTargetGroup", wanted(json!({"Matcher": {"HttpCode": matcher}})));
        assert!(refusal.starts_with("ValidationError: Health check matcher HTTP code"), "{refusal}");
    }
}

#[test]
fn modifying_a_target_group_keeps_what_is_not_given() {
    let mut cloud = Cloud::new();
    let arn = cloud.target_group("blue");
    cloud.take_effects();
    let change = json!({
        "TargetGroupArn": arn, "HealthCheckPath": "/ping", "Matcher": {"HttpCode": "200-299,301"},
        "HealthCheckIntervalSeconds": 10,
    });
    let reply = cloud.call("ModifyTargetGroup", change);
    let group = &reply["TargetGroups"][0];
    assert_eq!(group["HealthCheckPath"], "/ping");
    assert_eq!(group["Matcher"]["HttpCode"], "200-299,301");
    assert_eq!(group["HealthCheckIntervalSeconds"], 10);
    assert_eq!(group["HealthCheckTimeoutSeconds"], 5);
    assert_eq!(cloud.take_effects(), [Effect::TargetGroup(arn.clone())]);
    assert_eq!(
        cloud.refusal("ModifyTargetGroup", json!({"TargetGroupArn": arn, "HealthCheckTimeoutSeconds": 10})),
        "ValidationError: Health check interval must be greater than the timeout."
    );
}

#[test]
fn target_groups_are_described_with_the_load_balancer_that_forwards_to_them() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let [blue, green, idle] = ["blue", "green", "idle"].map(|name| cloud.target_group(name));
    let listener = cloud.listener(&load_balancer, 80, forward(&blue));
    cloud.rule(&listener, 1, forward(&green));
    cloud.rule(&listener, 2, forward(&green));

    let reply = cloud.call("DescribeTargetGroups", json!({"LoadBalancerArn": load_balancer}));
    let groups = reply["TargetGroups"].as_array().unwrap();
    assert_eq!(groups.iter().map(|group| text(&group["TargetGroupArn"])).collect::<Vec<_>>(), [blue, green]);
    assert!(groups.iter().all(|group| group["LoadBalancerArns"] == json!([load_balancer])));
    let reply = cloud.call("DescribeTargetGroups", json!({"TargetGroupArns": [idle]}));
    assert_eq!(reply["TargetGroups"][0]["LoadBalancerArns"], json!([]));
    let reply = cloud.call("DescribeTargetGroups", json!({"PageSize": 2}));
    assert_eq!(reply["TargetGroups"].as_array().unwrap().len(), 2);
    assert!(reply["NextMarker"].is_string());
}

#[test]
fn a_target_group_that_is_not_there_is_not_found() {
    let mut cloud = Cloud::new();
    let arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/blue/0123456789abcdef";
    for input in [json!({"Names": ["blue"]}), json!({"TargetGroupArns": [arn]})] {
        assert_eq!(
            cloud.refusal("DescribeTargetGroups", input),
            "TargetGroupNotFound: One or more target groups not found"
        );
    }
    for (operation, input) in [
        ("ModifyTargetGroup", json!({"TargetGroupArn": arn})),
        ("RegisterTargets", json!({"TargetGroupArn": arn, "Targets": [{"Id": "10.0.0.1"}]})),
        ("DeregisterTargets", json!({"TargetGroupArn": arn, "Targets": [{"Id": "10.0.0.1"}]})),
        ("DescribeTargetHealth", json!({"TargetGroupArn": arn})),
        ("DescribeTargetGroupAttributes", json!({"TargetGroupArn": arn})),
    ] {
        let expected = format!("TargetGroupNotFound: Target groups '{arn}' not found");
        assert_eq!(cloud.refusal(operation, input), expected, "{operation}");
    }
}

#[test]
fn target_groups_are_described_in_one_way_at_a_time() {
    let mut cloud = Cloud::new();
    let arn = cloud.target_group("blue");
    assert_eq!(
        cloud.refusal("DescribeTargetGroups", json!({"Names": ["blue"], "TargetGroupArns": [arn]})),
        "ValidationError: Target group names, target group ARNs, and a load balancer ARN cannot be specified at the \
         same time"
    );
}

#[test]
fn a_target_group_in_use_cannot_be_deleted_until_no_action_refers_to_it() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let blue = cloud.target_group("blue");
    let listener = cloud.listener(&load_balancer, 80, not_found_page());
    // Also at weight 0.
    let weights = json!([{"TargetGroupArn": blue, "Weight": 0}]);
    let rule =
        cloud.rule(&listener, 1, json!({"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}));
    assert_eq!(
        cloud.refusal("DeleteTargetGroup", json!({"TargetGroupArn": blue})),
        format!("ResourceInUse: Target group '{blue}' is currently in use by a listener or a rule")
    );
    cloud.call("ModifyRule", json!({"RuleArn": rule, "Actions": [not_found_page()]}));
    cloud.take_effects();
    cloud.call("DeleteTargetGroup", json!({"TargetGroupArn": blue}));
    assert_eq!(cloud.take_effects(), [Effect::TargetGroup(blue.clone())]);
    cloud.call("DeleteTargetGroup", json!({"TargetGroupArn": blue}));
}

#[test]
fn one_group_among_ten_thousand_is_found_by_name_and_a_page_has_at_most_four_hundred() {
    let mut cloud = Cloud::new();
    for n in 0..10_000 {
        cloud.target_group(&format!("group-{n}"));
    }
    let reply = cloud.call("DescribeTargetGroups", json!({"Names": ["group-7777"]}));
    assert_eq!(reply["TargetGroups"].as_array().unwrap().len(), 1);
    let reply = cloud.call("DescribeTargetGroups", json!({}));
    assert_eq!(reply["TargetGroups"].as_array().unwrap().len(), 400);
}
