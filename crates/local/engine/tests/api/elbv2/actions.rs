use serde_json::{Value, json};

use crate::cloud::{Cloud, forward, not_found_page, pretty};

/// A cloud with an HTTP listener on port 80.
fn listening() -> (Cloud, String) {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let listener = cloud.listener(&load_balancer, 80, not_found_page());
    (cloud, listener)
}

fn rule_with(listener: &str, actions: Value) -> Value {
    json!({
        "ListenerArn": listener, "Priority": 1, "Actions": actions,
        "Conditions": [{"Field": "path-pattern", "Values": ["/a"]}],
    })
}

#[track_caller]
fn refusal(action: Value) -> String {
    let (mut cloud, listener) = listening();
    cloud.refusal("CreateRule", rule_with(&listener, json!([action])))
}

#[test]
fn a_redirect_is_answered_with_every_part() {
    let (mut cloud, listener) = listening();
    let action = json!({"Type": "redirect", "RedirectConfig": {
        "Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301",
    }});
    let reply = cloud.call("CreateRule", rule_with(&listener, json!([action])));
    insta::assert_snapshot!(pretty(&reply["Rules"][0]["Actions"]));
}

#[test]
fn a_redirect_must_change_where_the_client_goes() {
    let looping =
        "InvalidLoadBalancerAction: The redirect configuration is not valid because it creates a loop.";
    for parts in [
        json!({}),
        json!({"Protocol": "HTTP", "Port": "80"}),
        json!({"Query": "a=b"}),
        json!({"Host": "#{host}", "Path": "/#{path}"}),
    ] {
        let mut config = parts;
        config["StatusCode"] = "HTTP_302".into();
        assert_eq!(refusal(json!({"Type": "redirect", "RedirectConfig": config})), looping);
    }
}

#[test]
fn a_redirect_has_parts_that_make_sense() {
    let redirect = |key: &str, value: &str| {
        refusal(json!({"Type": "redirect", "RedirectConfig": {key: value, "StatusCode": "HTTP_302"}}))
    };
    assert_eq!(
        redirect("Port", "70000"),
        "InvalidLoadBalancerAction: Redirect port '70000' must be '#{port}' or between '1-65535' inclusive"
    );
    assert_eq!(
        redirect("Path", "elsewhere"),
        "InvalidLoadBalancerAction: Redirect path 'elsewhere' must begin with a '/' character"
    );
    assert_eq!(
        redirect("Protocol", "TCP"),
        "InvalidLoadBalancerAction: Redirect protocol 'TCP' must be one of 'HTTP, HTTPS, #{protocol}'"
    );
}

#[test]
fn https_is_never_redirected_to_http() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let input = json!({
        "LoadBalancerArn": load_balancer, "Protocol": "HTTPS", "Port": 443,
        "Certificates": [{"CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/1"}],
        "DefaultActions": [
            {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTP", "Port": "80", "StatusCode": "HTTP_301"}},
        ],
    });
    assert_eq!(
        cloud.refusal("CreateListener", input),
        "InvalidLoadBalancerAction: You cannot redirect HTTPS to HTTP"
    );
}

#[test]
fn a_fixed_response_is_answered_as_it_was_given() {
    let (mut cloud, listener) = listening();
    let action = json!({"Type": "fixed-response", "Order": 1, "FixedResponseConfig": {
        "StatusCode": "503", "ContentType": "application/json", "MessageBody": "{}",
    }});
    let reply = cloud.call("CreateRule", rule_with(&listener, json!([action])));
    assert_eq!(reply["Rules"][0]["Actions"], json!([action]));
}

#[test]
fn a_fixed_response_is_within_the_limits_of_aws() {
    let fixed = |config: Value| refusal(json!({"Type": "fixed-response", "FixedResponseConfig": config}));
    for status in ["302", "20", "2000", "600", "4xx"] {
        assert_eq!(
            fixed(json!({"StatusCode": status})),
            format!("ValidationError: Fixed response status code '{status}' must be 2XX, 4XX or 5XX")
        );
    }
    assert_eq!(
        fixed(json!({"StatusCode": "200", "ContentType": "image/png"})),
        "InvalidLoadBalancerAction: The ContentType must be one of:'text/html', 'application/json', \
         'application/javascript', 'text/css', 'text/plain'"
    );
    assert_eq!(
        fixed(json!({"StatusCode": "200", "MessageBody": "a".repeat(1025)})),
        "ValidationError: The fixed response message body is too long; the limit is '1024'"
    );
}

#[test]
fn an_action_has_the_config_of_its_type_and_no_other() {
    for (action, field) in [
        (json!({"Type": "forward"}), "TargetGroupArn"),
        (json!({"Type": "redirect"}), "RedirectConfig"),
        (json!({"Type": "fixed-response"}), "FixedResponseConfig"),
    ] {
        let kind = action["Type"].as_str().unwrap();
        let expected = format!(
            "InvalidLoadBalancerAction: For actions of type '{kind}', you must specify the following fields: '{field}'"
        );
        assert_eq!(refusal(action.clone()), expected);
    }
    let mut both = not_found_page();
    both["TargetGroupArn"] = "arn".into();
    assert_eq!(
        refusal(both),
        "InvalidLoadBalancerAction: For actions of type 'fixed-response', you cannot specify the following fields: \
         'TargetGroupArn'"
    );
}

#[test]
fn there_is_exactly_one_terminal_action() {
    let (mut cloud, listener) = listening();
    let expected = "InvalidLoadBalancerAction: Exactly one action of type 'forward', 'redirect' or 'fixed-response' \
                    must be specified";
    for actions in [json!([]), json!([not_found_page(), not_found_page()])] {
        assert_eq!(cloud.refusal("CreateRule", rule_with(&listener, actions)), expected);
    }
}

#[test]
fn actions_that_authenticate_are_refused_by_name() {
    let action = json!({"Type": "authenticate-oidc", "Order": 1});
    let (mut cloud, listener) = listening();
    assert_eq!(
        cloud.refusal("CreateRule", rule_with(&listener, json!([action, not_found_page()]))),
        "NotImplemented: Actions of type 'authenticate-oidc' are not implemented by the local cloud yet"
    );
}

#[test]
fn a_forward_to_one_group_may_be_given_in_either_form_or_both() {
    let (mut cloud, listener) = listening();
    let group = cloud.target_group("blue");
    let config = json!({"TargetGroups": [{"TargetGroupArn": group}]});
    let expected = json!([{
        "Type": "forward",
        "TargetGroupArn": group,
        "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": group, "Weight": 1}],
            "TargetGroupStickinessConfig": {"Enabled": false},
        },
    }]);
    for action in [
        forward(&group),
        json!({"Type": "forward", "ForwardConfig": config}),
        json!({"Type": "forward", "TargetGroupArn": group, "ForwardConfig": config}),
    ] {
        let reply = cloud.call("CreateRule", rule_with(&listener, json!([action])));
        assert_eq!(reply["Rules"][0]["Actions"], expected);
        // What was answered can be given again.
        let rule = &reply["Rules"][0]["RuleArn"];
        let again = cloud.call("ModifyRule", json!({"RuleArn": rule, "Actions": expected}));
        assert_eq!(again["Rules"][0]["Actions"], expected);
        cloud.call("DeleteRule", json!({"RuleArn": rule}));
    }
}

#[test]
fn forwards_that_make_no_sense_say_why() {
    let (mut cloud, listener) = listening();
    let groups: Vec<String> = (0..6).map(|n| cloud.target_group(&format!("group-{n}"))).collect();
    let [first, second] = [&groups[0], &groups[1]];
    let mut refused = |action: Value| cloud.refusal("CreateRule", rule_with(&listener, json!([action])));
    let weighted = |tuples: Value| json!({"Type": "forward", "ForwardConfig": {"TargetGroups": tuples}});

    let missing = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/gone/0123456789abcdef";
    assert_eq!(
        refused(forward(missing)),
        format!("TargetGroupNotFound: Target groups '{missing}' not found")
    );
    let mut both = weighted(json!([{"TargetGroupArn": first}]));
    both["TargetGroupArn"] = second.as_str().into();
    assert_eq!(
        refused(both),
        "InvalidLoadBalancerAction: If you specify both ForwardConfig and TargetGroupArn, you can specify only one \
         target group in ForwardConfig and it must be the one in TargetGroupArn"
    );
    for weight in [-1, 1000] {
        assert_eq!(
            refused(weighted(json!([{"TargetGroupArn": first, "Weight": weight}]))),
            format!("ValidationError: Target group weight '{weight}' must be between '0-999' inclusive")
        );
    }
    assert_eq!(
        refused(weighted(json!([{"TargetGroupArn": first}, {"TargetGroupArn": first}]))),
        format!("ValidationError: Target group '{first}' was provided multiple times")
    );
    let six: Vec<Value> = groups.iter().map(|arn| json!({"TargetGroupArn": arn})).collect();
    assert_eq!(
        refused(weighted(json!(six))),
        "ValidationError: You have specified '6' target groups; the limit for an action is '5'"
    );
    let sticky = |stickiness: Value| {
        json!({"Type": "forward", "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": first}], "TargetGroupStickinessConfig": stickiness,
        }})
    };
    assert_eq!(
        refused(sticky(json!({"Enabled": true}))),
        "ValidationError: You must specify a duration when enabling target group stickiness"
    );
    assert_eq!(
        refused(sticky(json!({"Enabled": true, "DurationSeconds": 604_801}))),
        "ValidationError: Target group stickiness duration '604801' must be between '1-604800' inclusive"
    );
}

#[test]
fn a_target_group_belongs_to_one_load_balancer() {
    let (mut cloud, listener) = listening();
    let group = cloud.target_group("blue");
    cloud.call("CreateRule", rule_with(&listener, json!([forward(&group)])));
    let other = cloud.load_balancer("other");
    let input = json!({
        "LoadBalancerArn": other, "Protocol": "HTTP", "Port": 80, "DefaultActions": [forward(&group)],
    });
    assert_eq!(
        cloud.refusal("CreateListener", input),
        format!(
            "TargetGroupAssociationLimit: The following target groups cannot be associated with more than one load \
             balancer: {group}"
        )
    );
}
