use serde_json::{Value, json};
use tidegate_engine::Effect;

use crate::cloud::{Cloud, not_found_page};

/// Attributes as lines of `key=value`.
fn lines(reply: &Value) -> String {
    let attributes = reply["Attributes"].as_array().unwrap();
    let line =
        |pair: &Value| format!("{}={}", pair["Key"].as_str().unwrap(), pair["Value"].as_str().unwrap());
    attributes.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn attributes(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

#[test]
fn a_new_load_balancer_has_the_attributes_of_aws() {
    let mut cloud = Cloud::new();
    let arn = cloud.load_balancer("web");
    let reply = cloud.call("DescribeLoadBalancerAttributes", json!({"LoadBalancerArn": arn}));
    insta::assert_snapshot!(lines(&reply));
}

#[test]
fn a_new_target_group_has_the_attributes_of_aws() {
    let mut cloud = Cloud::new();
    let arn = cloud.target_group("blue");
    let reply = cloud.call("DescribeTargetGroupAttributes", json!({"TargetGroupArn": arn}));
    insta::assert_snapshot!(lines(&reply));
}

#[test]
fn a_new_listener_has_the_attributes_of_aws() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let arn = cloud.listener(&load_balancer, 80, not_found_page());
    let reply = cloud.call("DescribeListenerAttributes", json!({"ListenerArn": arn}));
    insta::assert_snapshot!(lines(&reply));
}

#[test]
fn modified_attributes_are_kept_beside_the_others_and_pushed() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let group = cloud.target_group("blue");
    let listener = cloud.listener(&load_balancer, 80, not_found_page());
    let cases = [
        ("LoadBalancer", &load_balancer, "idle_timeout.timeout_seconds", "4000"),
        ("TargetGroup", &group, "slow_start.duration_seconds", "30"),
        ("Listener", &listener, "routing.http.response.server.enabled", "false"),
    ];
    for (kind, arn, key, value) in cases {
        cloud.take_effects();
        let arn_member = format!("{kind}Arn");
        let input = json!({&arn_member: arn, "Attributes": attributes(&[(key, value)])});
        let modified = cloud.call(&format!("Modify{kind}Attributes"), input);
        let described = cloud.call(&format!("Describe{kind}Attributes"), json!({&arn_member: arn}));
        assert_eq!(modified, described);
        assert!(lines(&described).contains(&format!("{key}={value}")));
        assert!(described["Attributes"].as_array().unwrap().len() > 10);
        let effect = if kind == "TargetGroup" {
            Effect::TargetGroup(group.clone())
        } else {
            Effect::LoadBalancer(load_balancer.clone())
        };
        assert_eq!(cloud.take_effects(), [effect]);
    }
}

#[test]
fn values_out_of_range_are_refused_with_the_range() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let group = cloud.target_group("blue");
    let of_load_balancer = [
        ("idle_timeout.timeout_seconds", "0", "must be between '1-4000' inclusive"),
        ("idle_timeout.timeout_seconds", "soon", "must be between '1-4000' inclusive"),
        ("client_keep_alive.seconds", "59", "must be between '60-604800' inclusive"),
        ("routing.http2.enabled", "yes", "must be one of [true, false]"),
        ("routing.http.xff_header_processing.mode", "drop", "must be one of [append, preserve, remove]"),
        ("load_balancing.cross_zone.enabled", "false", "must be one of [true]"),
    ];
    for (key, value, range) in of_load_balancer {
        let input = json!({"LoadBalancerArn": load_balancer, "Attributes": attributes(&[(key, value)])});
        let expected = format!("ValidationError: '{key}' value '{value}' {range}");
        assert_eq!(cloud.refusal("ModifyLoadBalancerAttributes", input), expected);
    }
    let of_group = [
        ("deregistration_delay.timeout_seconds", "3601", "must be between '0-3600' inclusive"),
        ("slow_start.duration_seconds", "29", "must be 0 or between '30-900' inclusive"),
        ("stickiness.lb_cookie.duration_seconds", "0", "must be between '1-604800' inclusive"),
        ("stickiness.type", "source_ip", "must be one of [lb_cookie, app_cookie]"),
        (
            "target_group_health.dns_failover.minimum_healthy_targets.percentage",
            "101",
            "must be off or between '1-100' inclusive",
        ),
    ];
    for (key, value, range) in of_group {
        let input = json!({"TargetGroupArn": group, "Attributes": attributes(&[(key, value)])});
        let expected = format!("ValidationError: '{key}' value '{value}' {range}");
        assert_eq!(cloud.refusal("ModifyTargetGroupAttributes", input), expected);
    }
}

#[test]
fn unknown_keys_are_not_recognized() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let group = cloud.target_group("blue");
    let listener = cloud.listener(&load_balancer, 80, not_found_page());
    for (kind, words, arn) in [
        ("LoadBalancer", "Load balancer", &load_balancer),
        ("TargetGroup", "Target group", &group),
        ("Listener", "Listener", &listener),
    ] {
        let input = json!({format!("{kind}Arn"): arn, "Attributes": attributes(&[("proxy_protocol_v2.enabled", "true")])});
        assert_eq!(
            cloud.refusal(&format!("Modify{kind}Attributes"), input),
            format!("ValidationError: {words} attribute key 'proxy_protocol_v2.enabled' is not recognized")
        );
    }
}

#[test]
fn attributes_that_do_not_go_together_are_refused() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let group = cloud.target_group("blue");
    let mut refused = |pairs: &[(&str, &str)]| {
        let input = json!({"TargetGroupArn": group, "Attributes": attributes(pairs)});
        cloud.refusal("ModifyTargetGroupAttributes", input)
    };
    assert_eq!(
        refused(&[
            ("load_balancing.algorithm.type", "least_outstanding_requests"),
            ("slow_start.duration_seconds", "30"),
        ]),
        "InvalidConfigurationRequest: Slow start cannot be enabled with the load balancing algorithm \
         'least_outstanding_requests'"
    );
    assert_eq!(
        refused(&[("load_balancing.algorithm.anomaly_mitigation", "on")]),
        "InvalidConfigurationRequest: Anomaly mitigation can only be enabled with the load balancing algorithm \
         'weighted_random'"
    );
    assert_eq!(
        refused(&[("stickiness.enabled", "true"), ("stickiness.type", "app_cookie")]),
        "InvalidConfigurationRequest: You must set an application cookie name to enable stickiness of type 'app_cookie'"
    );
    assert_eq!(
        refused(&[("stickiness.app_cookie.cookie_name", "AWSALBX")]),
        "ValidationError: The application cookie name 'AWSALBX' begins with a prefix that is reserved for the load \
         balancer"
    );
    let logs = json!({"LoadBalancerArn": load_balancer, "Attributes": attributes(&[("access_logs.s3.enabled", "true")])});
    assert_eq!(
        cloud.refusal("ModifyLoadBalancerAttributes", logs),
        "ValidationError: 'access_logs.s3.bucket' must be specified to enable 'access_logs'"
    );
}
