use std::{net::Ipv4Addr, time::Duration};

use serde_json::json;
use tidegate_engine::elbv2::routing::{
    self, Action, Algorithm, Condition, Patterns, Protocol, Stickiness, XffHeaderProcessing,
};

use crate::cloud::{Cloud, forward, not_found_page};

#[test]
fn routing_has_the_rules_of_each_listener_in_the_order_in_which_they_are_tried() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let [blue, green] = ["blue", "green"].map(|name| cloud.target_group(name));
    let listener = cloud.listener(&load_balancer, 8080, forward(&blue));
    let second = cloud.rule(&listener, 20, not_found_page());
    let weighted = json!({"Type": "forward", "ForwardConfig": {
        "TargetGroups": [{"TargetGroupArn": blue, "Weight": 90}, {"TargetGroupArn": green, "Weight": 10}],
        "TargetGroupStickinessConfig": {"Enabled": true, "DurationSeconds": 60},
    }});
    let first = cloud.rule(&listener, 3, weighted);

    let routing = routing::routing(cloud.engine.state(), &load_balancer).unwrap();
    assert_eq!(routing.address, Ipv4Addr::new(127, 30, 0, 1));
    let [only] = routing.listeners.as_slice() else { panic!("{routing:?}") };
    assert_eq!((only.port, only.protocol), (8080, Protocol::Http));
    let arns: Vec<&str> = only.rules.iter().map(|rule| rule.arn.as_str()).collect();
    assert_eq!(arns[..2], [first, second]);
    assert_eq!(
        only.rules[0].conditions,
        [Condition::PathPattern(Patterns::Wildcards(vec!["/3".to_owned()]))]
    );
    let stickiness = Some(Duration::from_mins(1));
    let shares = vec![(blue.clone(), 90), (green, 10)];
    assert_eq!(only.rules[0].action, Action::Forward { groups: shares, stickiness });
    let page = Action::FixedResponse { status: 404, content_type: None, body: String::new() };
    assert_eq!(only.rules[1].action, page);
    let default = &only.rules[2];
    assert_eq!(default.conditions, []);
    assert_eq!(default.action, Action::Forward { groups: vec![(blue, 1)], stickiness: None });
}

#[test]
fn every_condition_comes_through_as_a_plain_value() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let listener = cloud.listener(&load_balancer, 80, not_found_page());
    let conditions = json!([
        {"Field": "host-header", "Values": ["*.example.com"]},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Canary", "RegexValues": ["^y"]}},
        {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}},
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Value": "v2"}]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
    ]);
    let redirect =
        json!({"Type": "redirect", "RedirectConfig": {"Host": "b.example", "StatusCode": "HTTP_302"}});
    let input = json!({
        "ListenerArn": listener, "Priority": 1, "Conditions": conditions, "Actions": [redirect],
    });
    cloud.call("CreateRule", input);
    let routing = routing::routing(cloud.engine.state(), &load_balancer).unwrap();
    let rule = &routing.listeners[0].rules[0];
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        rule.conditions,
        [
            Condition::HostHeader(Patterns::Wildcards(words(&["*.example.com"]))),
            Condition::HttpHeader { name: "X-Canary".to_owned(), values: Patterns::Regexes(words(&["^y"])) },
            Condition::HttpRequestMethod(words(&["GET"])),
            Condition::QueryString(vec![(None, "v2".to_owned())]),
            Condition::SourceIp(words(&["10.0.0.0/8"])),
        ]
    );
    let Action::Redirect(redirect) = &rule.action else { panic!("{rule:?}") };
    assert_eq!(redirect.host.as_deref(), Some("b.example"));
    assert_eq!(redirect.path.as_deref(), Some("/#{path}"));
}

#[test]
fn attributes_come_through_as_typed_values() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let group = cloud.target_group("blue");
    let listener = cloud.listener(&load_balancer, 80, forward(&group));
    let pairs = |pairs: &[(&str, &str)]| -> serde_json::Value {
        pairs.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
    };
    let of_load_balancer = pairs(&[
        ("idle_timeout.timeout_seconds", "30"),
        ("routing.http.xff_header_processing.mode", "remove"),
        ("routing.http.preserve_host_header.enabled", "true"),
    ]);
    cloud.call(
        "ModifyLoadBalancerAttributes",
        json!({"LoadBalancerArn": load_balancer, "Attributes": of_load_balancer}),
    );
    let of_listener = pairs(&[
        ("routing.http.response.server.enabled", "false"),
        ("routing.http.response.x_frame_options.header_value", "DENY"),
    ]);
    cloud.call("ModifyListenerAttributes", json!({"ListenerArn": listener, "Attributes": of_listener}));
    let of_group = pairs(&[
        ("deregistration_delay.timeout_seconds", "15"),
        ("load_balancing.algorithm.type", "weighted_random"),
        ("stickiness.enabled", "true"),
        ("stickiness.type", "app_cookie"),
        ("stickiness.app_cookie.cookie_name", "session"),
    ]);
    cloud.call("ModifyTargetGroupAttributes", json!({"TargetGroupArn": group, "Attributes": of_group}));

    let routing = routing::routing(cloud.engine.state(), &load_balancer).unwrap();
    assert_eq!(routing.attributes.idle_timeout, Duration::from_secs(30));
    assert_eq!(routing.attributes.client_keep_alive, Duration::from_hours(1));
    assert_eq!(routing.attributes.xff_header_processing, XffHeaderProcessing::Remove);
    assert!(routing.attributes.preserve_host_header && routing.attributes.http2);
    assert!(!routing.listeners[0].server_header);
    let header = ("x-frame-options".to_owned(), "DENY".to_owned());
    assert_eq!(routing.listeners[0].response_headers, [header]);

    let group = routing::target_group(cloud.engine.state(), &group).unwrap();
    assert_eq!(group.deregistration_delay, Duration::from_secs(15));
    assert_eq!(group.algorithm, Algorithm::WeightedRandom);
    let sticky = Stickiness::AppCookie { name: "session".to_owned(), duration: Duration::from_hours(24) };
    assert_eq!(group.stickiness, sticky);
    assert_eq!(group.slow_start, Duration::ZERO);
}

#[test]
fn a_target_group_has_its_health_checks_and_the_addresses_of_its_targets() {
    let mut cloud = Cloud::new();
    let input = json!({
        "Name": "blue", "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1", "HealthCheckPort": "9100",
        "HealthCheckPath": "/ping", "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 2,
    });
    let reply = cloud.call("CreateTargetGroup", input);
    let group = reply["TargetGroups"][0]["TargetGroupArn"].as_str().unwrap();
    let targets = json!([{"Id": "i-0123456789abcdef0", "Port": 32768}]);
    cloud.call("RegisterTargets", json!({"TargetGroupArn": group, "Targets": targets}));

    let group = routing::target_group(cloud.engine.state(), group).unwrap();
    let check = &group.health_check;
    assert_eq!((check.path.as_str(), check.port, check.matcher.as_str()), ("/ping", Some(9100), "200"));
    assert_eq!((check.interval, check.timeout), (Duration::from_secs(5), Duration::from_secs(2)));
    assert_eq!((check.healthy_threshold, check.unhealthy_threshold), (5, 2));
    let [target] = group.targets.as_slice() else { panic!("{group:?}") };
    assert_eq!(target.address, (Ipv4Addr::LOCALHOST, 32768).into());
    assert!(!target.draining);
}

#[test]
fn what_is_gone_has_no_routing() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let group = cloud.target_group("blue");
    cloud.call("DeleteLoadBalancer", json!({"LoadBalancerArn": load_balancer}));
    cloud.call("DeleteTargetGroup", json!({"TargetGroupArn": group}));
    assert_eq!(routing::routing(cloud.engine.state(), &load_balancer), None);
    assert_eq!(routing::target_group(cloud.engine.state(), &group), None);
}
