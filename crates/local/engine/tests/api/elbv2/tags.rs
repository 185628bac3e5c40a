use serde_json::{Value, json};

use crate::cloud::{Cloud, not_found_page, pretty};

#[test]
fn tags_are_given_at_creation_added_replaced_and_removed() {
    let mut cloud = Cloud::new();
    let input = json!({
        "Name": "blue", "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1",
        "Tags": [{"Key": "team", "Value": "a"}, {"Key": "env"}],
    });
    let arn = cloud.call("CreateTargetGroup", input)["TargetGroups"][0]["TargetGroupArn"].clone();
    let tags = json!([{"Key": "team", "Value": "b"}, {"Key": "tier", "Value": "web"}]);
    cloud.call("AddTags", json!({"ResourceArns": [arn], "Tags": tags}));
    cloud.call("RemoveTags", json!({"ResourceArns": [arn], "TagKeys": ["env", "never there"]}));
    let reply = cloud.call("DescribeTags", json!({"ResourceArns": [arn]}));
    insta::assert_snapshot!(pretty(&reply));
}

#[test]
fn every_kind_of_resource_can_have_tags() {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let group = cloud.target_group("blue");
    let listener = cloud.listener(&load_balancer, 80, not_found_page());
    let rule = cloud.rule(&listener, 1, not_found_page());
    let arns = json!([load_balancer, group, listener, rule]);
    cloud.call("AddTags", json!({"ResourceArns": arns, "Tags": [{"Key": "k", "Value": "v"}]}));
    let reply = cloud.call("DescribeTags", json!({"ResourceArns": arns}));
    let descriptions = reply["TagDescriptions"].as_array().unwrap();
    assert_eq!(descriptions.len(), 4);
    assert!(descriptions.iter().all(|found| found["Tags"] == json!([{"Key": "k", "Value": "v"}])));
    cloud.call("RemoveTags", json!({"ResourceArns": arns, "TagKeys": ["k"]}));
    assert!(cloud.engine.state().tags.is_empty(), "no tags are no row");
}

#[test]
fn a_resource_that_is_not_there_is_not_found_by_its_kind() {
    let mut cloud = Cloud::new();
    let base = "arn:aws:elasticloadbalancing:eu-west-1:123456789012";
    let there = cloud.target_group("blue");
    for (resource, expected) in [
        ("loadbalancer/app/web/1", "LoadBalancerNotFound: Load balancers '[{}]' not found"),
        ("targetgroup/green/1", "TargetGroupNotFound: Target groups '{}' not found"),
        ("listener/app/web/1/2", "ListenerNotFound: One or more listeners not found"),
        ("listener-rule/app/web/1/2/3", "RuleNotFound: One or more rules not found"),
        ("truststore/a/1", "ValidationError: '{}' is not a valid resource ARN"),
    ] {
        let arn = format!("{base}:{resource}");
        let expected = expected.replace("{}", &arn);
        let arns = json!([there, arn]);
        assert_eq!(cloud.refusal("DescribeTags", json!({"ResourceArns": arns})), expected);
        let add = json!({"ResourceArns": arns, "Tags": [{"Key": "k", "Value": "v"}]});
        assert_eq!(cloud.refusal("AddTags", add), expected);
        assert_eq!(cloud.refusal("RemoveTags", json!({"ResourceArns": arns, "TagKeys": ["k"]})), expected);
    }
}

#[test]
fn tags_are_within_the_limits_of_aws() {
    let mut cloud = Cloud::new();
    let arn = cloud.target_group("blue");
    let tag = |n: usize| json!({"Key": format!("k{n}"), "Value": "v"});
    let add = |tags: Vec<Value>| json!({"ResourceArns": [arn], "Tags": tags});
    cloud.call("AddTags", add((0..50).map(tag).collect()));
    assert_eq!(
        cloud.refusal("AddTags", add(vec![tag(50)])),
        "TooManyTags: The maximum number of tags on a resource is 50"
    );
    assert_eq!(
        cloud.refusal("AddTags", add(vec![tag(1), tag(1)])),
        "DuplicateTagKeys: Tag key 'k1' was specified more than once"
    );
    assert_eq!(
        cloud.refusal("AddTags", add(vec![json!({"Key": "aws:k"})])),
        "ValidationError: Tag key 'aws:k' begins with 'aws:', which is reserved"
    );
    assert_eq!(
        cloud.refusal("DescribeTags", json!({"ResourceArns": vec![arn.clone(); 21]})),
        "ValidationError: Between 1 and 20 resource ARNs must be specified"
    );
}
