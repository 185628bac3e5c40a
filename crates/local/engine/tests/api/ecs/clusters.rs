use serde_json::json;

use super::{ARN, all_pages, ready, serving, texts};
use crate::cloud::Cloud;

#[test]
fn a_cluster_is_made_once_and_described_with_what_was_asked_for() {
    let mut cloud = Cloud::new();
    let made = cloud
        .call("CreateCluster", json!({ "clusterName": "prod", "tags": [{ "key": "team", "value": "web" }] }));
    assert_eq!(made["cluster"]["clusterArn"], format!("{ARN}:cluster/prod"));
    assert_eq!(made["cluster"]["status"], "ACTIVE");
    assert_eq!(made["cluster"]["settings"], json!([{ "name": "containerInsights", "value": "disabled" }]));
    assert_eq!(made["cluster"]["tags"], json!([{ "key": "team", "value": "web" }]));
    let again = cloud.call("CreateCluster", json!({ "clusterName": "prod" }));
    assert_eq!(again["cluster"]["tags"], made["cluster"]["tags"], "what exists is answered as it is");

    let plain = cloud.call("DescribeClusters", json!({ "clusters": ["prod"] }));
    assert_eq!(plain["clusters"][0]["tags"], json!([]));
    assert_eq!(plain["clusters"][0]["settings"], json!([]));
    let full =
        cloud.call("DescribeClusters", json!({ "clusters": ["prod"], "include": ["TAGS", "SETTINGS"] }));
    assert_eq!(full["clusters"][0]["tags"], made["cluster"]["tags"]);
    assert_eq!(full["clusters"][0]["settings"], made["cluster"]["settings"]);
}

#[test]
fn without_a_name_it_is_the_default_cluster() {
    let mut cloud = Cloud::new();
    let made = cloud.call("CreateCluster", json!({}));
    assert_eq!(made["cluster"]["clusterName"], "default");
    let described = cloud.call("DescribeClusters", json!({}));
    assert_eq!(described["clusters"][0]["clusterName"], "default");
}

#[test]
fn clusters_that_are_not_there_are_failures_and_not_errors() {
    let mut cloud = Cloud::new();
    let other_region = "arn:aws:ecs:us-east-1:123456789012:cluster/prod";
    let described = cloud.call("DescribeClusters", json!({ "clusters": ["nowhere", other_region] }));
    assert_eq!(described["clusters"], json!([]));
    assert_eq!(
        described["failures"],
        json!([
            { "arn": format!("{ARN}:cluster/nowhere"), "reason": "MISSING" },
            { "arn": other_region, "reason": "MISSING" },
        ])
    );
}

#[test]
fn clusters_are_listed_in_pages() {
    let mut cloud = Cloud::new();
    for number in 0..5 {
        cloud.call("CreateCluster", json!({ "clusterName": format!("c{number}") }));
    }
    let (arns, pages) = all_pages(&mut cloud, "ListClusters", json!({}), "clusterArns");
    let expected: Vec<String> = (0..5).map(|number| format!("{ARN}:cluster/c{number}")).collect();
    assert_eq!((arns.iter().map(crate::cloud::text).collect::<Vec<_>>(), pages), (expected, 3));
    let refused = cloud.refusal("ListClusters", json!({ "nextToken": "made up" }));
    assert_eq!(refused, "InvalidParameterException: Invalid token");
}

#[test]
fn settings_are_updated() {
    let (mut cloud, _) = ready();
    let setting = json!([{ "name": "containerInsights", "value": "enhanced" }]);
    for operation in ["UpdateClusterSettings", "UpdateCluster"] {
        let reply = cloud.call(operation, json!({ "cluster": "prod", "settings": setting }));
        assert_eq!(reply["cluster"]["settings"], setting, "{operation}");
    }
}

#[test]
fn a_cluster_with_services_or_tasks_stays() {
    let (mut cloud, _) = serving();
    let refused = cloud.refusal("DeleteCluster", json!({ "cluster": "prod" }));
    assert_eq!(
        refused,
        "ClusterContainsServicesException: The Cluster cannot be deleted while Services are active."
    );
    let (mut cloud, _) = ready();
    cloud.call(
        "RunTask",
        json!({
            "cluster": "prod", "taskDefinition": "web", "launchType": "FARGATE",
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        }),
    );
    let refused = cloud.refusal("DeleteCluster", json!({ "cluster": "prod" }));
    assert_eq!(
        refused,
        "ClusterContainsTasksException: The Cluster cannot be deleted while Tasks are active."
    );
}

#[test]
fn a_deleted_cluster_is_inactive_unlisted_and_can_be_made_again() {
    let mut cloud = Cloud::new();
    cloud.call("CreateCluster", json!({ "clusterName": "prod" }));
    let deleted = cloud.call("DeleteCluster", json!({ "cluster": "prod" }));
    assert_eq!(deleted["cluster"]["status"], "INACTIVE");
    let listed = cloud.call("ListClusters", json!({}));
    assert_eq!(texts(&listed["clusterArns"]), [""; 0]);
    for operation in ["DeleteCluster", "UpdateCluster"] {
        let refused = cloud.refusal(operation, json!({ "cluster": "prod" }));
        assert_eq!(refused, "ClusterNotFoundException: Cluster not found.");
    }
    let again = cloud.call("CreateCluster", json!({ "clusterName": "prod" }));
    assert_eq!(again["cluster"]["status"], "ACTIVE");
}

#[test]
fn a_name_is_letters_digits_hyphens_and_underscores() {
    let mut cloud = Cloud::new();
    for name in ["a b", "a/b", "ä", &"x".repeat(256)] {
        let refused = cloud.refusal("CreateCluster", json!({ "clusterName": name }));
        assert_eq!(refused, "ClientException: Invalid cluster name.", "{name}");
    }
}

#[test]
fn accounts_do_not_see_each_others_clusters() {
    let (mut cloud, _) = ready();
    cloud.be_account("210987654321");
    let listed = cloud.call("ListClusters", json!({}));
    assert_eq!(listed["clusterArns"], json!([]));
    let refused = cloud.refusal("ListServices", json!({ "cluster": format!("{ARN}:cluster/prod") }));
    assert_eq!(refused, "ClusterNotFoundException: Cluster not found.");
}
