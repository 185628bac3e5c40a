use serde_json::{Value, json};
use tidegate_engine::Effect;

use crate::cloud::{Cloud, forward, not_found_page, pretty, text};

fn arn(name: &str) -> String {
    format!("arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/{name}/0123456789abcdef")
}

#[test]
fn a_new_load_balancer_is_active_and_its_dns_name_is_a_loopback_address() {
    let mut cloud = Cloud::new();
    let input = json!({"Name": "web", "Subnets": ["subnet-1", "subnet-2"], "SecurityGroups": ["sg-1"]});
    let reply = cloud.call("CreateLoadBalancer", input);
    insta::assert_snapshot!(pretty(&reply));
    let arn = text(&reply["LoadBalancers"][0]["LoadBalancerArn"]);
    assert_eq!(cloud.take_effects(), [Effect::LoadBalancer(arn)]);
}

#[test]
fn load_balancers_get_addresses_of_their_own_and_free_ones_are_used_again() {
    let mut cloud = Cloud::new();
    let address = |cloud: &mut Cloud, name: &str| {
        let reply = cloud.call("DescribeLoadBalancers", json!({"Names": [name]}));
        text(&reply["LoadBalancers"][0]["DNSName"])
    };
    let first = cloud.load_balancer("first");
    cloud.load_balancer("second");
    assert_eq!([address(&mut cloud, "first"), address(&mut cloud, "second")], ["127.30.0.1", "127.30.0.2"]);
    cloud.call("DeleteLoadBalancer", json!({"LoadBalancerArn": first}));
    cloud.load_balancer("third");
    cloud.load_balancer("fourth");
    let mut addresses = ["second", "third", "fourth"].map(|name| address(&mut cloud, name));
    addresses.sort();
    assert_eq!(addresses.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{addresses:?}");
    assert!(addresses.iter().all(|address| address.starts_with("127.30.0.")), "{addresses:?}");
}

#[test]
fn creating_a_load_balancer_again_with_the_same_settings_answers_the_first_one() {
    let mut cloud = Cloud::new();
    let first = cloud.load_balancer("web");
    let again = json!({"Name": "web", "Subnets": ["subnet-2", "subnet-1"]});
    let reply = cloud.call("CreateLoadBalancer", again);
    assert_eq!(text(&reply["LoadBalancers"][0]["LoadBalancerArn"]), first);
    assert_eq!(
        cloud.refusal("CreateLoadBalancer", json!({"Name": "web", "Subnets": ["subnet-1", "subnet-3"]})),
        "DuplicateLoadBalancerName: A load balancer with the same name 'web' exists, but with different settings"
    );
}

#[test]
fn calls_that_cannot_make_a_load_balancer_say_why() {
    let mut cloud = Cloud::new();
    let subnets = json!(["subnet-1", "subnet-2"]);
    let cases = [
        (
            json!({"Name": "a".repeat(33), "Subnets": subnets}),
            format!("ValidationError: Load balancer name '{}' cannot be longer than '32' characters", "a".repeat(33)),
        ),
        (
            json!({"Name": "a_b", "Subnets": subnets}),
            "ValidationError: Load balancer name 'a_b' can only contain characters that are alphanumeric characters or \
             hyphens(-)"
                .to_owned(),
        ),
        (
            json!({"Name": "-a", "Subnets": subnets}),
            "ValidationError: Load balancer name '-a' cannot begin or end with '-'".to_owned(),
        ),
        (
            json!({"Name": "internal-a", "Subnets": subnets}),
            "ValidationError: Load balancer name 'internal-a' cannot begin with 'internal-'".to_owned(),
        ),
        (
            json!({"Name": "a"}),
            "ValidationError: At least two subnets in two different Availability Zones must be specified".to_owned(),
        ),
        (
            json!({"Name": "a", "Subnets": ["subnet-1", "subnet-1"]}),
            "InvalidConfigurationRequest: A load balancer cannot be attached to multiple subnets in the same \
             Availability Zone"
                .to_owned(),
        ),
        (
            json!({"Name": "a", "Subnets": subnets, "SubnetMappings": [{"SubnetId": "subnet-1"}]}),
            "ValidationError: You cannot specify both subnets and subnet mappings".to_owned(),
        ),
        (
            json!({"Name": "a", "Subnets": subnets, "Type": "network"}),
            "NotImplemented: Load balancers of type 'network' are not implemented by the local cloud yet".to_owned(),
        ),
        (
            json!({"Name": "a", "Subnets": subnets, "Tags": [{"Key": "k"}, {"Key": "k"}]}),
            "DuplicateTagKeys: Tag key 'k' was specified more than once".to_owned(),
        ),
    ];
    for (input, expected) in cases {
        assert_eq!(cloud.refusal("CreateLoadBalancer", input), expected);
    }
}

#[test]
fn load_balancers_are_described_by_arn_by_name_and_page_by_page() {
    let mut cloud = Cloud::new();
    let arns: Vec<String> = (0..5).map(|n| cloud.load_balancer(&format!("web-{n}"))).collect();
    let named = |reply: &Value| -> Vec<String> {
        let found = reply["LoadBalancers"].as_array().unwrap();
        found.iter().map(|found| text(&found["LoadBalancerName"])).collect()
    };
    let reply = cloud.call("DescribeLoadBalancers", json!({"LoadBalancerArns": [arns[3], arns[1]]}));
    assert_eq!(named(&reply), ["web-3", "web-1"]);
    let reply = cloud.call("DescribeLoadBalancers", json!({"Names": ["web-2"]}));
    assert_eq!(named(&reply), ["web-2"]);

    let mut seen = Vec::new();
    let mut input = json!({"PageSize": 2});
    loop {
        let reply = cloud.call("DescribeLoadBalancers", input);
        seen.extend(named(&reply));
        match reply["NextMarker"].as_str() {
            Some(marker) => input = json!({"PageSize": 2, "Marker": marker}),
            None => break,
        }
    }
    assert_eq!(seen, ["web-0", "web-1", "web-2", "web-3", "web-4"]);
    assert_eq!(
        cloud.refusal("DescribeLoadBalancers", json!({"Marker": "nonsense"})),
        "ValidationError: The marker is not valid: pass on the NextMarker of the same operation"
    );
}

#[test]
fn a_load_balancer_that_is_not_there_is_not_found() {
    let mut cloud = Cloud::new();
    assert_eq!(
        cloud.refusal("DescribeLoadBalancers", json!({"Names": ["web"]})),
        "LoadBalancerNotFound: Load balancers '[web]' not found"
    );
    let arn = arn("web");
    for (operation, input) in [
        ("DescribeLoadBalancers", json!({"LoadBalancerArns": [arn]})),
        ("DescribeListeners", json!({"LoadBalancerArn": arn})),
        ("DescribeTargetGroups", json!({"LoadBalancerArn": arn})),
        ("DescribeCapacityReservation", json!({"LoadBalancerArn": arn})),
        ("SetSubnets", json!({"LoadBalancerArn": arn, "Subnets": ["subnet-1"]})),
        ("SetSecurityGroups", json!({"LoadBalancerArn": arn, "SecurityGroups": ["sg-1"]})),
        ("SetIpAddressType", json!({"LoadBalancerArn": arn, "IpAddressType": "ipv4"})),
    ] {
        let expected = format!("LoadBalancerNotFound: Load balancers '[{arn}]' not found");
        assert_eq!(cloud.refusal(operation, input), expected, "{operation}");
    }
}

#[test]
fn a_load_balancer_of_another_account_is_not_found() {
    let mut cloud = Cloud::new();
    let arn = cloud.load_balancer("web");
    cloud.be_account("210987654321");
    let refusal = cloud.refusal("DescribeLoadBalancers", json!({"LoadBalancerArns": [arn]}));
    assert_eq!(refusal, format!("LoadBalancerNotFound: Load balancers '[{arn}]' not found"));
    assert_eq!(cloud.call("DescribeLoadBalancers", json!({})), json!({"LoadBalancers": []}));
    // A name is unique within an account only.
    cloud.load_balancer("web");
}

#[test]
fn deleting_a_load_balancer_takes_its_listeners_rules_and_tags_along() {
    let mut cloud = Cloud::new();
    let arn = cloud.load_balancer("web");
    let group = cloud.target_group("blue");
    let listener = cloud.listener(&arn, 80, forward(&group));
    let rule = cloud.rule(&listener, 10, not_found_page());
    let tags = json!({"ResourceArns": [arn, listener, rule], "Tags": [{"Key": "k", "Value": "v"}]});
    cloud.call("AddTags", tags);
    cloud.take_effects();

    cloud.call("DeleteLoadBalancer", json!({"LoadBalancerArn": arn}));
    assert_eq!(cloud.take_effects(), [Effect::LoadBalancer(arn.clone())]);
    let state = cloud.engine.state();
    assert!(state.listeners.is_empty() && state.rules.is_empty() && state.tags.is_empty());
    cloud.call("DeleteTargetGroup", json!({"TargetGroupArn": group}));
    // As on AWS, deleting what is gone succeeds.
    cloud.call("DeleteLoadBalancer", json!({"LoadBalancerArn": arn}));
}

#[test]
fn deletion_protection_keeps_a_load_balancer() {
    let mut cloud = Cloud::new();
    let arn = cloud.load_balancer("web");
    let protection = |value| json!({"LoadBalancerArn": arn, "Attributes": [{"Key": "deletion_protection.enabled", "Value": value}]});
    cloud.call("ModifyLoadBalancerAttributes", protection("true"));
    assert_eq!(
        cloud.refusal("DeleteLoadBalancer", json!({"LoadBalancerArn": arn})),
        format!(
            "OperationNotPermitted: Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        )
    );
    cloud.call("ModifyLoadBalancerAttributes", protection("false"));
    cloud.call("DeleteLoadBalancer", json!({"LoadBalancerArn": arn}));
}

#[test]
fn subnets_security_groups_and_address_type_can_be_set() {
    let mut cloud = Cloud::new();
    let arn = cloud.load_balancer("web");
    let subnets =
        cloud.call("SetSubnets", json!({"LoadBalancerArn": arn, "Subnets": ["subnet-7", "subnet-8"]}));
    let groups = cloud.call("SetSecurityGroups", json!({"LoadBalancerArn": arn, "SecurityGroups": ["sg-7"]}));
    let kind = cloud.call("SetIpAddressType", json!({"LoadBalancerArn": arn, "IpAddressType": "dualstack"}));
    let described = cloud.call("DescribeLoadBalancers", json!({"LoadBalancerArns": [arn]}));
    let described = &described["LoadBalancers"][0];
    assert_eq!(described["AvailabilityZones"], subnets["AvailabilityZones"]);
    assert_eq!(described["SecurityGroups"], groups["SecurityGroupIds"]);
    assert_eq!(described["IpAddressType"], kind["IpAddressType"]);
    assert_eq!(
        cloud.refusal("SetSecurityGroups", json!({"LoadBalancerArn": arn, "SecurityGroups": []})),
        "InvalidConfigurationRequest: At least one security group must be specified"
    );
}

#[test]
fn an_internal_load_balancer_has_public_addresses_of_no_kind() {
    let mut cloud = Cloud::new();
    let input = json!({"Name": "web", "Subnets": ["subnet-1", "subnet-2"], "Scheme": "internal"});
    let reply = cloud.call("CreateLoadBalancer", input);
    let arn = text(&reply["LoadBalancers"][0]["LoadBalancerArn"]);
    let wanted = json!({"LoadBalancerArn": arn, "IpAddressType": "dualstack-without-public-ipv4"});
    assert_eq!(
        cloud.refusal("SetIpAddressType", wanted),
        "InvalidConfigurationRequest: The IP address type 'dualstack-without-public-ipv4' is not valid for a load \
         balancer with the scheme 'internal'"
    );
}

#[test]
fn the_fifty_first_load_balancer_is_one_too_many() {
    let mut cloud = Cloud::new();
    for n in 0..50 {
        cloud.load_balancer(&format!("web-{n}"));
    }
    assert_eq!(
        cloud.refusal("CreateLoadBalancer", json!({"Name": "web-50", "Subnets": ["subnet-1", "subnet-2"]})),
        "TooManyLoadBalancers: You have reached the maximum number of application load balancers: 50"
    );
}

#[test]
fn load_balancers_move_into_the_network_that_the_cloud_has_now() {
    let mut cloud = Cloud::new();
    cloud.load_balancer("one");
    cloud.load_balancer("two");
    let names = |cloud: &mut Cloud| {
        let found = cloud.call("DescribeLoadBalancers", json!({}));
        let found = found["LoadBalancers"].as_array().unwrap().clone();
        found.iter().map(|balancer| text(&balancer["DNSName"])).collect::<Vec<_>>()
    };
    assert_eq!(names(&mut cloud), ["127.30.0.1", "127.30.0.2"]);
    cloud.restart_in([127, 77]);
    assert_eq!(names(&mut cloud), ["127.77.0.1", "127.77.0.2"]);
    // One that is made now does not take an address of theirs, and the move is kept.
    cloud.load_balancer("three");
    cloud.restart_in([127, 77]);
    assert_eq!(names(&mut cloud), ["127.77.0.1", "127.77.0.3", "127.77.0.2"]);
}

#[test]
fn account_limits_come_page_by_page() {
    let mut cloud = Cloud::new();
    let whole = cloud.call("DescribeAccountLimits", json!({}))["Limits"].clone();
    let mut limits = Vec::new();
    let mut input = json!({ "PageSize": 5 });
    loop {
        let page = cloud.call("DescribeAccountLimits", input.clone());
        limits.extend(page["Limits"].as_array().unwrap().clone());
        let Some(marker) = page["NextMarker"].as_str() else { break };
        input["Marker"] = marker.into();
    }
    assert_eq!(json!(limits), whole);
}

#[test]
fn account_limits_are_those_of_a_new_account() {
    let reply = Cloud::new().call("DescribeAccountLimits", json!({}));
    let limits = reply["Limits"].as_array().unwrap();
    assert!(limits.contains(&json!({"Name": "rules-per-application-load-balancer", "Max": "100"})));
}

#[test]
fn no_capacity_is_reserved() {
    let mut cloud = Cloud::new();
    let arn = cloud.load_balancer("web");
    let reply = cloud.call("DescribeCapacityReservation", json!({"LoadBalancerArn": arn}));
    assert_eq!(reply, json!({"CapacityReservationState": []}));
}
