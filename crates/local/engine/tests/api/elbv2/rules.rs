use serde_json::{Value, json};
use tidegate_engine::Effect;

use crate::cloud::{Cloud, forward, not_found_page, pretty, text};

/// A cloud with a listener, and the load balancer's and the listener's ARNs.
fn listening() -> (Cloud, String, String) {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let listener = cloud.listener(&load_balancer, 80, not_found_page());
    cloud.take_effects();
    (cloud, load_balancer, listener)
}

fn priorities(cloud: &mut Cloud, listener: &str) -> Vec<String> {
    let reply = cloud.call("DescribeRules", json!({"ListenerArn": listener}));
    reply["Rules"].as_array().unwrap().iter().map(|rule| text(&rule["Priority"])).collect()
}

fn condition() -> Value {
    json!({"Field": "path-pattern", "Values": ["/a"]})
}

#[test]
fn a_new_rule_is_answered_with_everything_that_clients_expect() {
    let (mut cloud, load_balancer, listener) = listening();
    let group = cloud.target_group("blue");
    cloud.take_effects();
    let input = json!({
        "ListenerArn": listener, "Priority": 10, "Actions": [forward(&group)], "Conditions": [condition()],
    });
    let reply = cloud.call("CreateRule", input);
    insta::assert_snapshot!(pretty(&reply));
    assert_eq!(cloud.take_effects(), [Effect::LoadBalancer(load_balancer)]);
    let described = cloud.call("DescribeRules", json!({"RuleArns": [reply["Rules"][0]["RuleArn"]]}));
    assert_eq!(described, reply);
}

#[test]
fn rules_are_described_in_the_order_in_which_they_are_tried() {
    let (mut cloud, _, listener) = listening();
    for priority in [300, 20, 50_000, 1] {
        cloud.rule(&listener, priority, not_found_page());
    }
    assert_eq!(priorities(&mut cloud, &listener), ["1", "20", "300", "50000", "default"]);
    let first = cloud.call("DescribeRules", json!({"ListenerArn": listener, "PageSize": 3}));
    let marker = text(&first["NextMarker"]);
    let second = cloud.call("DescribeRules", json!({"ListenerArn": listener, "Marker": marker}));
    let second: Vec<String> =
        second["Rules"].as_array().unwrap().iter().map(|rule| text(&rule["Priority"])).collect();
    assert_eq!(second, ["50000", "default"]);
}

#[test]
fn a_priority_is_one_rules_only() {
    let (mut cloud, load_balancer, listener) = listening();
    cloud.rule(&listener, 10, not_found_page());
    let input = json!({
        "ListenerArn": listener, "Priority": 10, "Actions": [not_found_page()], "Conditions": [condition()],
    });
    assert_eq!(cloud.refusal("CreateRule", input), "PriorityInUse: Priority '10' is currently in use");
    let other = cloud.listener(&load_balancer, 81, not_found_page());
    cloud.rule(&other, 10, not_found_page());
}

#[test]
fn calls_that_cannot_make_a_rule_say_why() {
    let (mut cloud, _, listener) = listening();
    let cases = [
        (json!({"Priority": 0}), "ValidationError: Priority '0' must be between '1-50000' inclusive"),
        (
            json!({"Priority": 50_001}),
            "ValidationError: Priority '50001' must be between '1-50000' inclusive",
        ),
        (json!({"Conditions": []}), "ValidationError: A condition must be specified"),
        (
            json!({"ListenerArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/web/1/2"}),
            "ListenerNotFound: One or more listeners not found",
        ),
        (
            json!({"Transforms": [{"Type": "url-rewrite"}]}),
            "NotImplemented: Rule transforms are not implemented by the local cloud yet",
        ),
    ];
    for (changes, expected) in cases {
        let mut input = json!({
            "ListenerArn": listener, "Priority": 1, "Actions": [not_found_page()], "Conditions": [condition()],
        });
        for (key, value) in changes.as_object().unwrap() {
            input[key] = value.clone();
        }
        assert_eq!(cloud.refusal("CreateRule", input), expected);
    }
}

#[test]
fn modifying_a_rule_replaces_what_is_given() {
    let (mut cloud, load_balancer, listener) = listening();
    let [blue, green] = ["blue", "green"].map(|name| cloud.target_group(name));
    let rule = cloud.rule(&listener, 10, forward(&blue));
    cloud.take_effects();
    let weighted = json!({"Type": "forward", "Order": 1, "ForwardConfig": {
        "TargetGroups": [{"TargetGroupArn": blue, "Weight": 0}, {"TargetGroupArn": green}],
        "TargetGroupStickinessConfig": {"Enabled": true, "DurationSeconds": 60},
    }});
    let reply = cloud.call("ModifyRule", json!({"RuleArn": rule, "Actions": [weighted]}));
    insta::assert_snapshot!(pretty(&reply));
    assert_eq!(cloud.take_effects(), [Effect::LoadBalancer(load_balancer)]);
    let reply = cloud.call("ModifyRule", json!({"RuleArn": rule, "Conditions": [condition()]}));
    assert_eq!(reply["Rules"][0]["Conditions"][0]["Values"], json!(["/a"]));
    assert_eq!(reply["Rules"][0]["Actions"][0]["ForwardConfig"]["TargetGroups"][1]["Weight"], 1);
    assert_eq!(
        cloud.refusal("ModifyRule", json!({"RuleArn": rule})),
        "ValidationError: Either conditions or actions must be specified"
    );
}

#[test]
fn the_default_rule_is_changed_through_its_listener_only() {
    let (mut cloud, _, listener) = listening();
    let reply = cloud.call("DescribeRules", json!({"ListenerArn": listener}));
    let arn = text(&reply["Rules"][0]["RuleArn"]);
    let cases = [
        ("ModifyRule", json!({"RuleArn": arn, "Actions": [not_found_page()]}), "cannot be modified"),
        ("DeleteRule", json!({"RuleArn": arn}), "cannot be deleted"),
    ];
    for (operation, input, what) in cases {
        let expected = format!("OperationNotPermitted: Default rule '{arn}' {what}");
        assert_eq!(cloud.refusal(operation, input), expected);
    }
    let pairs = json!({"RulePriorities": [{"RuleArn": arn, "Priority": 1}]});
    assert_eq!(
        cloud.refusal("SetRulePriorities", pairs),
        format!("OperationNotPermitted: The priority of default rule '{arn}' cannot be set")
    );
}

#[test]
fn a_deleted_rule_is_gone_and_its_priority_free() {
    let (mut cloud, load_balancer, listener) = listening();
    let rule = cloud.rule(&listener, 10, not_found_page());
    cloud.take_effects();
    cloud.call("DeleteRule", json!({"RuleArn": rule}));
    assert_eq!(cloud.take_effects(), [Effect::LoadBalancer(load_balancer)]);
    for (operation, input) in [
        ("DescribeRules", json!({"RuleArns": [rule]})),
        ("ModifyRule", json!({"RuleArn": rule, "Actions": [not_found_page()]})),
        ("DeleteRule", json!({"RuleArn": rule})),
        ("SetRulePriorities", json!({"RulePriorities": [{"RuleArn": rule, "Priority": 1}]})),
    ] {
        let expected = "RuleNotFound: One or more rules not found";
        assert_eq!(cloud.refusal(operation, input), expected, "{operation}");
    }
    cloud.rule(&listener, 10, not_found_page());
}

#[test]
fn priorities_can_be_swapped_in_one_call() {
    let (mut cloud, _, listener) = listening();
    let [first, second] = [1, 2].map(|priority| cloud.rule(&listener, priority, not_found_page()));
    let pairs = json!([{"RuleArn": first, "Priority": 2}, {"RuleArn": second, "Priority": 1}]);
    cloud.call("SetRulePriorities", json!({"RulePriorities": pairs}));
    let reply = cloud.call("DescribeRules", json!({"ListenerArn": listener}));
    let rules: Vec<String> =
        reply["Rules"].as_array().unwrap().iter().map(|rule| text(&rule["RuleArn"])).collect();
    assert_eq!(rules[..2], [second, first]);
}

#[test]
fn priorities_are_set_all_or_none() {
    let (mut cloud, _, listener) = listening();
    let [first, second, third] = [1, 2, 3].map(|priority| cloud.rule(&listener, priority, not_found_page()));
    let pairs = |pairs: Value| json!({"RulePriorities": pairs});
    let clash = pairs(json!([{"RuleArn": first, "Priority": 9}, {"RuleArn": second, "Priority": 3}]));
    assert_eq!(cloud.refusal("SetRulePriorities", clash), "PriorityInUse: Priority '3' is currently in use");
    let twice = pairs(json!([{"RuleArn": first, "Priority": 9}, {"RuleArn": third, "Priority": 9}]));
    assert_eq!(
        cloud.refusal("SetRulePriorities", twice),
        "ValidationError: Priority '9' was provided multiple times"
    );
    assert_eq!(priorities(&mut cloud, &listener), ["1", "2", "3", "default"]);
}

#[test]
fn rules_are_asked_for_in_one_way() {
    let (mut cloud, _, listener) = listening();
    let rule = cloud.rule(&listener, 1, not_found_page());
    assert_eq!(
        cloud.refusal("DescribeRules", json!({})),
        "ValidationError: You must specify either listener rule ARNs or a listener ARN"
    );
    assert_eq!(
        cloud.refusal("DescribeRules", json!({"ListenerArn": listener, "RuleArns": [rule]})),
        "ValidationError: Listener rule ARNs and a listener ARN cannot be specified at the same time"
    );
}

#[test]
fn the_hundred_and_first_rule_is_one_too_many() {
    let (mut cloud, _, listener) = listening();
    for priority in 1..=100 {
        cloud.rule(&listener, priority, not_found_page());
    }
    let input = json!({
        "ListenerArn": listener, "Priority": 101, "Actions": [not_found_page()], "Conditions": [condition()],
    });
    assert_eq!(
        cloud.refusal("CreateRule", input),
        "TooManyRules: You have reached the maximum number of rules of a load balancer: 100"
    );
}
