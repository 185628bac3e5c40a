//! Capacity providers and the clusters that have them.

use serde_json::{Value, json};

use crate::cloud::{Cloud, text};

const GROUP: &str = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:1:autoScalingGroupName/web";

fn made(cloud: &mut Cloud) -> Value {
    let group = json!({"autoScalingGroupArn": GROUP});
    cloud.call("CreateCapacityProvider", json!({"name": "machines", "autoScalingGroupProvider": group}))
}

#[test]
fn a_provider_is_made_described_updated_and_deleted() {
    let mut cloud = Cloud::of("ecs");
    let provider = made(&mut cloud)["capacityProvider"].clone();
    assert_eq!(provider["status"], "ACTIVE");
    assert_eq!(provider["autoScalingGroupProvider"]["managedScaling"]["targetCapacity"], 100);
    let scaling = json!({"managedScaling": {"status": "ENABLED", "targetCapacity": 80}});
    cloud.call("UpdateCapacityProvider", json!({"name": "machines", "autoScalingGroupProvider": scaling}));
    let all = cloud.call("DescribeCapacityProviders", json!({}));
    let names: Vec<_> =
        all["capacityProviders"].as_array().unwrap().iter().map(|each| text(&each["name"])).collect();
    assert_eq!(names, ["FARGATE", "FARGATE_SPOT", "machines"]);
    assert_eq!(
        all["capacityProviders"][2]["autoScalingGroupProvider"]["managedScaling"]["targetCapacity"],
        80
    );
    cloud.call("DeleteCapacityProvider", json!({"capacityProvider": "machines"}));
    let gone = cloud.call("DescribeCapacityProviders", json!({"capacityProviders": ["machines"]}));
    assert_eq!(gone["failures"][0]["reason"], "MISSING");
}

#[test]
fn a_cluster_takes_only_providers_that_exist_and_keeps_those_in_use() {
    let mut cloud = Cloud::of("ecs");
    made(&mut cloud);
    cloud.call("CreateCluster", json!({"clusterName": "shop"}));
    let put = |providers: &[&str], default: &[&str]| {
        let strategy: Vec<_> =
            default.iter().map(|name| json!({"capacityProvider": name, "weight": 1})).collect();
        json!({"cluster": "shop", "capacityProviders": providers, "defaultCapacityProviderStrategy": strategy})
    };
    for (input, text) in [
        (put(&["nothing"], &[]), "The specified capacity provider 'nothing' was not found."),
        (put(&["FARGATE"], &["machines"]), "is not associated with the cluster."),
    ] {
        let refused = cloud.try_call("PutClusterCapacityProviders", input).unwrap_err();
        assert!(refused.starts_with("InvalidParameterException") && refused.ends_with(text), "{refused}");
    }
    let reply = cloud.call("PutClusterCapacityProviders", put(&["FARGATE", "machines"], &["FARGATE"]));
    assert_eq!(reply["cluster"]["capacityProviders"], json!(["FARGATE", "machines"]));
    let refused =
        cloud.try_call("DeleteCapacityProvider", json!({"capacityProvider": "machines"})).unwrap_err();
    assert!(refused.starts_with("ClientException") && refused.contains("cluster: shop"), "{refused}");
}

#[test]
fn names_that_are_awss_own_are_refused() {
    let mut cloud = Cloud::of("ecs");
    for name in ["fargate-mine", "ECS", "aws1", "a b"] {
        let group = json!({"autoScalingGroupArn": GROUP});
        let refused = cloud
            .try_call("CreateCapacityProvider", json!({"name": name, "autoScalingGroupProvider": group}));
        assert!(refused.unwrap_err().starts_with("InvalidParameterException"));
    }
}
