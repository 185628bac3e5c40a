use serde_json::json;
use tidegate_engine::Effect;

use crate::cloud::{Cloud, forward, not_found_page, pretty, text};

const CERTIFICATE: &str = "arn:aws:acm:eu-west-1:123456789012:certificate/1";

#[test]
fn a_new_listener_shows_its_default_actions_in_both_forms() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let group = cloud.target_group("blue");
    cloud.take_effects();
    let input = json!({
        "LoadBalancerArn": load_balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [forward(&group)],
    });
    let reply = cloud.call("CreateListener", input);
    insta::assert_snapshot!(pretty(&reply));
    assert_eq!(cloud.take_effects(), [Effect::LoadBalancer(load_balancer.clone())]);
    let described = cloud.call("DescribeListeners", json!({"LoadBalancerArn": load_balancer}));
    assert_eq!(described, reply);
    let arn = &reply["Listeners"][0]["ListenerArn"];
    assert_eq!(cloud.call("DescribeListeners", json!({"ListenerArns": [arn]})), reply);
}

#[test]
fn the_default_rule_is_a_rule_of_its_own() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let group = cloud.target_group("blue");
    let listener = cloud.listener(&load_balancer, 80, forward(&group));
    let reply = cloud.call("DescribeRules", json!({"ListenerArn": listener}));
    insta::assert_snapshot!(pretty(&reply));
}

#[test]
fn a_second_listener_on_the_port_is_a_duplicate_unless_it_is_the_same() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let first = cloud.listener(&load_balancer, 80, not_found_page());
    assert_eq!(cloud.listener(&load_balancer, 80, not_found_page()), first);
    let other = json!({"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}});
    let input = json!({
        "LoadBalancerArn": load_balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [other],
    });
    let duplicate = format!(
        "DuplicateListener: A listener already exists on this port for this load balancer '{load_balancer}'"
    );
    assert_eq!(cloud.refusal("CreateListener", input), duplicate);
    cloud.listener(&load_balancer, 81, not_found_page());
    assert_eq!(cloud.refusal("ModifyListener", json!({"ListenerArn": first, "Port": 81})), duplicate);
}

#[test]
fn calls_that_cannot_make_a_listener_say_why() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let cases = [
        (json!({"Port": null}), "ValidationError: A listener port must be specified"),
        (json!({"Port": 0}), "ValidationError: Listener port '0' must be between '1-65535' inclusive"),
        (json!({"Protocol": null}), "ValidationError: A listener protocol must be specified"),
        (json!({"Protocol": "TCP"}), "ValidationError: Listener protocol 'TCP' must be one of 'HTTPS, HTTP'"),
        (
            json!({"Protocol": "HTTPS"}),
            "ValidationError: Exactly one certificate must be specified for listeners with protocol HTTPS",
        ),
        (
            json!({"Certificates": [{"CertificateArn": CERTIFICATE}]}),
            "ValidationError: An SSL policy and certificates cannot be specified for listeners with protocol HTTP",
        ),
        (
            json!({"Protocol": "HTTPS", "Certificates": [{"CertificateArn": CERTIFICATE}], "SslPolicy": "mine"}),
            "SSLPolicyNotFound: SSL policy 'mine' not found",
        ),
        (
            json!({"DefaultActions": []}),
            "InvalidLoadBalancerAction: Exactly one action of type 'forward', 'redirect' or 'fixed-response' must be \
             specified",
        ),
    ];
    for (changes, expected) in cases {
        let mut input = json!({
            "LoadBalancerArn": load_balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [not_found_page()],
        });
        for (key, value) in changes.as_object().unwrap() {
            input[key] = value.clone();
        }
        assert_eq!(cloud.refusal("CreateListener", input), expected);
    }
}

#[test]
fn an_https_listener_has_its_certificate_and_the_default_policy() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let input = json!({
        "LoadBalancerArn": load_balancer, "Protocol": "HTTPS", "Port": 443, "DefaultActions": [not_found_page()],
        "Certificates": [{"CertificateArn": CERTIFICATE}],
    });
    let reply = cloud.call("CreateListener", input);
    insta::assert_snapshot!(pretty(&reply));
    let arn = text(&reply["Listeners"][0]["ListenerArn"]);
    assert_eq!(
        cloud.call("DescribeListenerCertificates", json!({"ListenerArn": arn})),
        json!({"Certificates": [{"CertificateArn": CERTIFICATE, "IsDefault": true}]})
    );
    // Changing to HTTP removes what belongs to TLS.
    let reply = cloud.call("ModifyListener", json!({"ListenerArn": arn, "Protocol": "HTTP", "Port": 80}));
    assert!(reply["Listeners"][0].get("Certificates").is_none());
    assert!(reply["Listeners"][0].get("SslPolicy").is_none());
}

#[test]
fn ssl_policies_are_described_by_name() {
    let mut cloud = Cloud::new();
    let reply = cloud.call("DescribeSSLPolicies", json!({"Names": ["ELBSecurityPolicy-TLS13-1-3-2021-06"]}));
    insta::assert_snapshot!(pretty(&reply));
    assert_eq!(
        cloud.refusal("DescribeSSLPolicies", json!({"Names": ["mine"]})),
        "SSLPolicyNotFound: SSL policy 'mine' not found"
    );
}

#[test]
fn modifying_a_listener_replaces_what_is_given() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let [blue, green] = ["blue", "green"].map(|name| cloud.target_group(name));
    let listener = cloud.listener(&load_balancer, 80, forward(&blue));
    let weighted = json!({"Type": "forward", "ForwardConfig": {"TargetGroups": [
        {"TargetGroupArn": blue, "Weight": 90}, {"TargetGroupArn": green, "Weight": 10},
    ]}});
    cloud.call("ModifyListener", json!({"ListenerArn": listener, "Port": 8080}));
    let reply = cloud.call("ModifyListener", json!({"ListenerArn": listener, "DefaultActions": [weighted]}));
    insta::assert_snapshot!(pretty(&reply));
    let rules = cloud.call("DescribeRules", json!({"ListenerArn": listener}));
    assert_eq!(rules["Rules"][0]["Actions"], reply["Listeners"][0]["DefaultActions"]);
    assert_eq!(rules["Rules"].as_array().unwrap().len(), 1);
}

#[test]
fn a_redirect_that_becomes_a_loop_by_a_new_port_is_refused() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let redirect = json!({"Type": "redirect", "RedirectConfig": {"Port": "8080", "StatusCode": "HTTP_301"}});
    let listener = cloud.listener(&load_balancer, 80, redirect);
    assert_eq!(
        cloud.refusal("ModifyListener", json!({"ListenerArn": listener, "Port": 8080})),
        "InvalidLoadBalancerAction: The redirect configuration is not valid because it creates a loop."
    );
}

#[test]
fn listeners_are_asked_for_in_one_way_and_missing_ones_are_not_found() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let gone = cloud.listener(&load_balancer, 80, not_found_page());
    cloud.call("DeleteListener", json!({"ListenerArn": gone}));
    assert_eq!(
        cloud.refusal("DescribeListeners", json!({})),
        "ValidationError: You must specify either listener ARNs or a load balancer ARN"
    );
    assert_eq!(
        cloud.refusal("DescribeListeners", json!({"LoadBalancerArn": load_balancer, "ListenerArns": [gone]})),
        "ValidationError: Listener ARNs and a load balancer ARN cannot be specified at the same time"
    );
    for (operation, input) in [
        ("DescribeListeners", json!({"ListenerArns": [gone]})),
        ("ModifyListener", json!({"ListenerArn": gone})),
        ("DeleteListener", json!({"ListenerArn": gone})),
        ("DescribeRules", json!({"ListenerArn": gone})),
        ("DescribeListenerCertificates", json!({"ListenerArn": gone})),
        ("DescribeListenerAttributes", json!({"ListenerArn": gone})),
    ] {
        let expected = "ListenerNotFound: One or more listeners not found";
        assert_eq!(cloud.refusal(operation, input), expected, "{operation}");
    }
}

#[test]
fn the_fifty_first_listener_is_one_too_many() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    for port in 1..=50 {
        cloud.listener(&load_balancer, port, not_found_page());
    }
    let input = json!({
        "LoadBalancerArn": load_balancer, "Protocol": "HTTP", "Port": 51, "DefaultActions": [not_found_page()],
    });
    assert_eq!(
        cloud.refusal("CreateListener", input),
        "TooManyListeners: You have reached the maximum number of listeners of a load balancer: 50"
    );
}
