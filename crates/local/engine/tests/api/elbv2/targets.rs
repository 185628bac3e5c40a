use std::time::Duration;

use serde_json::{Value, json};
use tidegate_engine::{Effect, elbv2::TargetHealth};
use tidegate_models::elbv2::{TargetHealthReasonEnum as Reason, TargetHealthStateEnum as State};

use crate::cloud::{Cloud, forward, not_found_page, pretty, text};

/// A group behind a load balancer, with one target.
fn in_use() -> (Cloud, String) {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let group = cloud.target_group("blue");
    cloud.listener(&load_balancer, 80, forward(&group));
    register(&mut cloud, &group, "127.0.0.1", 9000);
    cloud.take_effects();
    (cloud, group)
}

fn register(cloud: &mut Cloud, group: &str, id: &str, port: u16) {
    cloud.call("RegisterTargets", json!({"TargetGroupArn": group, "Targets": [{"Id": id, "Port": port}]}));
}

fn deregister(cloud: &mut Cloud, group: &str, id: &str, port: u16) {
    cloud.call("DeregisterTargets", json!({"TargetGroupArn": group, "Targets": [{"Id": id, "Port": port}]}));
}

fn states(health: &[(String, String)]) -> Vec<(&str, &str)> {
    health.iter().map(|(state, reason)| (state.as_str(), reason.as_str())).collect()
}

#[test]
fn a_target_of_a_group_in_use_is_initial_until_its_health_is_known() {
    let (mut cloud, group) = in_use();
    let reply = cloud.call("DescribeTargetHealth", json!({"TargetGroupArn": group}));
    insta::assert_snapshot!(pretty(&reply));
}

#[test]
fn a_healthy_target_has_neither_reason_nor_description() {
    let (mut cloud, group) = in_use();
    cloud.report_health(&group, "127.0.0.1", 9000, TargetHealth::healthy());
    let reply = cloud.call("DescribeTargetHealth", json!({"TargetGroupArn": group}));
    assert_eq!(reply["TargetHealthDescriptions"][0]["TargetHealth"], json!({"State": "healthy"}));
    assert_eq!(cloud.take_effects(), [], "the balancer knows what it found itself");
}

#[test]
fn an_unhealthy_target_says_why() {
    let (mut cloud, group) = in_use();
    let health = TargetHealth::because(
        State::Unhealthy,
        Reason::TargetResponseCodeMismatch,
        "Health checks failed with these codes: [500]",
    );
    cloud.report_health(&group, "127.0.0.1", 9000, health);
    let reply = cloud.call("DescribeTargetHealth", json!({"TargetGroupArn": group}));
    insta::assert_snapshot!(pretty(&reply));
}

#[test]
fn targets_of_a_group_that_no_rule_refers_to_are_unused() {
    let mut cloud = Cloud::new();
    let group = cloud.target_group("blue");
    register(&mut cloud, &group, "127.0.0.1", 9000);
    assert_eq!(states(&cloud.health(&group)), [("unused", "Target.NotInUse")]);
    // A late result of a check says nothing about it.
    cloud.report_health(&group, "127.0.0.1", 9000, TargetHealth::healthy());
    assert_eq!(states(&cloud.health(&group)), [("unused", "Target.NotInUse")]);
}

#[test]
fn targets_come_into_use_and_go_out_of_it_with_the_rules() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let group = cloud.target_group("blue");
    register(&mut cloud, &group, "127.0.0.1", 9000);
    let listener = cloud.listener(&load_balancer, 80, not_found_page());
    cloud.take_effects();

    let rule = cloud.rule(&listener, 1, forward(&group));
    assert_eq!(states(&cloud.health(&group)), [("initial", "Elb.RegistrationInProgress")]);
    let both = [Effect::LoadBalancer(load_balancer.clone()), Effect::TargetGroup(group.clone())];
    assert_eq!(cloud.take_effects(), both);

    cloud.report_health(&group, "127.0.0.1", 9000, TargetHealth::healthy());
    cloud.rule(&listener, 2, forward(&group));
    assert_eq!(states(&cloud.health(&group)), [("healthy", "")], "a second rule changes nothing");
    assert_eq!(cloud.take_effects(), [Effect::LoadBalancer(load_balancer.clone())]);

    cloud.call("DeleteRule", json!({"RuleArn": rule}));
    assert_eq!(states(&cloud.health(&group)), [("healthy", "")]);
    cloud.take_effects();
    cloud.call("DeleteListener", json!({"ListenerArn": listener}));
    assert_eq!(states(&cloud.health(&group)), [("unused", "Target.NotInUse")]);
    assert_eq!(cloud.take_effects(), both);
}

#[test]
fn a_deregistered_target_drains_for_the_delay_and_is_then_forgotten() {
    let (mut cloud, group) = in_use();
    cloud.report_health(&group, "127.0.0.1", 9000, TargetHealth::healthy());
    deregister(&mut cloud, &group, "127.0.0.1", 9000);
    assert_eq!(states(&cloud.health(&group)), [("draining", "Target.DeregistrationInProgress")]);
    assert_eq!(cloud.take_effects(), [Effect::TargetGroup(group.clone())]);
    cloud.report_health(&group, "127.0.0.1", 9000, TargetHealth::healthy());
    cloud.pass(Duration::from_secs(299));
    assert_eq!(states(&cloud.health(&group)), [("draining", "Target.DeregistrationInProgress")]);
    cloud.pass(Duration::from_secs(1));
    assert_eq!(cloud.health(&group), []);
    assert_eq!(cloud.take_effects(), [Effect::TargetGroup(group.clone())]);
    // Deregistering what is not registered succeeds, as on AWS.
    deregister(&mut cloud, &group, "127.0.0.1", 9000);
}

#[test]
fn the_delay_is_the_attribute_at_the_time_of_deregistration() {
    let (mut cloud, group) = in_use();
    let delay = |seconds: &str| {
        let attribute = json!({"Key": "deregistration_delay.timeout_seconds", "Value": seconds});
        json!({"TargetGroupArn": group, "Attributes": [attribute]})
    };
    cloud.call("ModifyTargetGroupAttributes", delay("10"));
    deregister(&mut cloud, &group, "127.0.0.1", 9000);
    cloud.call("ModifyTargetGroupAttributes", delay("0"));
    cloud.pass(Duration::from_secs(9));
    assert_eq!(cloud.health(&group).len(), 1);
    cloud.pass(Duration::from_secs(1));
    assert_eq!(cloud.health(&group).len(), 0);

    register(&mut cloud, &group, "127.0.0.1", 9000);
    deregister(&mut cloud, &group, "127.0.0.1", 9000);
    assert_eq!(cloud.health(&group).len(), 0, "a delay of 0 drains nothing");
}

#[test]
fn deregistering_again_does_not_prolong_the_delay() {
    let (mut cloud, group) = in_use();
    deregister(&mut cloud, &group, "127.0.0.1", 9000);
    cloud.pass(Duration::from_secs(200));
    deregister(&mut cloud, &group, "127.0.0.1", 9000);
    cloud.pass(Duration::from_secs(100));
    assert_eq!(cloud.health(&group), []);
}

#[test]
fn a_draining_target_that_is_registered_again_starts_over() {
    let (mut cloud, group) = in_use();
    cloud.report_health(&group, "127.0.0.1", 9000, TargetHealth::healthy());
    deregister(&mut cloud, &group, "127.0.0.1", 9000);
    register(&mut cloud, &group, "127.0.0.1", 9000);
    assert_eq!(states(&cloud.health(&group)), [("initial", "Elb.RegistrationInProgress")]);
    cloud.pass(Duration::from_secs(301));
    assert_eq!(cloud.health(&group).len(), 1);
}

#[test]
fn registering_a_target_again_changes_nothing() {
    let (mut cloud, group) = in_use();
    cloud.report_health(&group, "127.0.0.1", 9000, TargetHealth::healthy());
    register(&mut cloud, &group, "127.0.0.1", 9000);
    assert_eq!(states(&cloud.health(&group)), [("healthy", "")]);
    assert_eq!(cloud.take_effects(), []);
}

#[test]
fn a_target_of_a_group_out_of_use_has_nothing_to_drain() {
    let mut cloud = Cloud::new();
    let group = cloud.target_group("blue");
    register(&mut cloud, &group, "127.0.0.1", 9000);
    deregister(&mut cloud, &group, "127.0.0.1", 9000);
    assert_eq!(cloud.health(&group), []);
}

#[test]
fn the_port_is_the_groups_when_none_is_given_and_one_address_may_have_several() {
    let (mut cloud, group) = in_use();
    cloud.call("RegisterTargets", json!({"TargetGroupArn": group, "Targets": [{"Id": "127.0.0.1"}]}));
    let reply = cloud.call("DescribeTargetHealth", json!({"TargetGroupArn": group}));
    let ports: Vec<&Value> = reply["TargetHealthDescriptions"].as_array().unwrap().iter().collect();
    let ports: Vec<&Value> = ports.into_iter().map(|target| &target["Target"]["Port"]).collect();
    assert_eq!(ports, [9000, 8080]);
}

#[test]
fn asked_targets_that_are_not_registered_say_so() {
    let (mut cloud, group) = in_use();
    let asked = json!([{"Id": "127.0.0.1", "Port": 9000}, {"Id": "127.0.0.9", "Port": 1}]);
    let reply = cloud.call("DescribeTargetHealth", json!({"TargetGroupArn": group, "Targets": asked}));
    let health: Vec<String> = reply["TargetHealthDescriptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| text(&target["TargetHealth"]["Reason"]))
        .collect();
    assert_eq!(health, ["Elb.RegistrationInProgress", "Target.NotRegistered"]);
}

#[test]
fn a_health_check_port_of_its_own_is_shown() {
    let (mut cloud, group) = in_use();
    cloud.call("ModifyTargetGroup", json!({"TargetGroupArn": group, "HealthCheckPort": "9100"}));
    let reply = cloud.call("DescribeTargetHealth", json!({"TargetGroupArn": group, "Include": ["All"]}));
    let target = &reply["TargetHealthDescriptions"][0];
    assert_eq!(target["HealthCheckPort"], "9100");
    assert_eq!(target["AnomalyDetection"], json!({"Result": "normal", "MitigationInEffect": "no"}));
}

#[test]
fn an_id_that_does_not_fit_the_target_type_is_refused() {
    let mut cloud = Cloud::new();
    let by_ip = cloud.target_group("by-ip");
    let input = json!({"Name": "by-instance", "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1"});
    let reply = cloud.call("CreateTargetGroup", input);
    let by_instance = text(&reply["TargetGroups"][0]["TargetGroupArn"]);
    cloud.call(
        "RegisterTargets",
        json!({"TargetGroupArn": by_instance, "Targets": [{"Id": "i-0123456789abcdef0"}]}),
    );
    let mut refusal = |group: &str, id: &str| {
        cloud.refusal("RegisterTargets", json!({"TargetGroupArn": group, "Targets": [{"Id": id}]}))
    };
    assert_eq!(refusal(&by_instance, "10.0.0.1"), "ValidationError: Instance ID '10.0.0.1' is not valid");
    assert_eq!(
        refusal(&by_ip, "i-0123456789abcdef0"),
        "InvalidTarget: The IP address 'i-0123456789abcdef0' is not a valid IPv4 or IPv6 address"
    );
    assert_eq!(
        refusal(&by_ip, "93.184.216.34"),
        "InvalidTarget: The IP address '93.184.216.34' is publicly routable and cannot be a target"
    );
}

#[test]
fn one_wrong_target_registers_none() {
    let (mut cloud, group) = in_use();
    let targets = json!([{"Id": "10.0.0.1"}, {"Id": "nonsense"}]);
    cloud.refusal("RegisterTargets", json!({"TargetGroupArn": group, "Targets": targets}));
    assert_eq!(cloud.health(&group).len(), 1);
    assert_eq!(
        cloud.refusal("RegisterTargets", json!({"TargetGroupArn": group, "Targets": []})),
        "ValidationError: At least one target must be specified"
    );
}

#[test]
fn a_group_takes_a_thousand_targets() {
    let mut cloud = Cloud::new();
    let group = cloud.target_group("blue");
    let targets: Vec<Value> = (1..=1000).map(|port| json!({"Id": "127.0.0.1", "Port": port})).collect();
    cloud.call("RegisterTargets", json!({"TargetGroupArn": group, "Targets": targets}));
    assert_eq!(
        cloud.refusal("RegisterTargets", json!({"TargetGroupArn": group, "Targets": [{"Id": "127.0.0.2"}]})),
        "TooManyTargets: You have reached the maximum number of targets in a target group: 1000"
    );
}

#[test]
fn a_restart_changes_nothing_and_draining_goes_on() {
    let (mut cloud, group) = in_use();
    register(&mut cloud, &group, "127.0.0.2", 9000);
    cloud.report_health(&group, "127.0.0.1", 9000, TargetHealth::healthy());
    deregister(&mut cloud, &group, "127.0.0.2", 9000);
    cloud.pass(Duration::from_secs(100));
    let all = |cloud: &mut Cloud| {
        let health = cloud.call("DescribeTargetHealth", json!({"TargetGroupArn": group}));
        let groups = cloud.call("DescribeTargetGroups", json!({}));
        let load_balancers = cloud.call("DescribeLoadBalancers", json!({}));
        let listeners = json!({"LoadBalancerArn": load_balancers["LoadBalancers"][0]["LoadBalancerArn"]});
        [health, groups, load_balancers, cloud.call("DescribeListeners", listeners)]
    };
    let before = all(&mut cloud);
    cloud.take_effects();
    cloud.restart();
    assert_eq!(all(&mut cloud), before);
    assert_eq!(cloud.take_effects(), []);
    cloud.pass(Duration::from_secs(200));
    assert_eq!(states(&cloud.health(&group)), [("healthy", "")]);
}
