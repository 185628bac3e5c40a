use std::time::Duration;

use serde_json::{Value, json};

use super::{ARN, all_pages, definition, serving};
use crate::cloud::{Cloud, text};

/// Starts `count` more deployments, a minute apart each.
fn deploy(cloud: &mut Cloud, count: usize) {
    for _ in 0..count {
        cloud.pass(Duration::from_mins(1));
        cloud.call(
            "UpdateService",
            json!({ "cluster": "prod", "service": "web", "forceNewDeployment": true }),
        );
    }
}

fn list(cloud: &mut Cloud, filter: Value) -> Vec<Value> {
    let input = super::with(json!({ "cluster": "prod", "service": "web" }), filter);
    cloud.call("ListServiceDeployments", input)["serviceDeployments"].as_array().unwrap().clone()
}

#[test]
fn the_history_is_listed_newest_first_in_pages_and_by_status() {
    let (mut cloud, _) = serving();
    deploy(&mut cloud, 4);
    let input = json!({ "cluster": "prod", "service": "web" });
    let (all, pages) = all_pages(&mut cloud, "ListServiceDeployments", input, "serviceDeployments");
    assert_eq!((all.len(), pages), (5, 3));
    let times: Vec<f64> = all.iter().map(|brief| brief["createdAt"].as_f64().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] > pair[1]), "{times:?}");
    assert_eq!(list(&mut cloud, json!({ "status": ["IN_PROGRESS"] })).len(), 1);
    assert_eq!(list(&mut cloud, json!({ "status": ["STOPPED"] })).len(), 4, "a newer one takes over");
    assert_eq!(list(&mut cloud, json!({ "createdAt": { "after": times[1] } })).len(), 2);
    assert_eq!(list(&mut cloud, json!({ "createdAt": { "before": times[1] } })).len(), 4);
}

#[test]
fn a_service_is_named_by_its_arn_alone() {
    let (mut cloud, _) = serving();
    let reply = cloud.call("ListServiceDeployments", json!({ "service": format!("{ARN}:service/prod/web") }));
    assert_eq!(reply["serviceDeployments"].as_array().unwrap().len(), 1);
    let refused = cloud.refusal("ListServiceDeployments", json!({ "cluster": "prod", "service": "api" }));
    assert_eq!(refused, "ServiceNotFoundException: Service not found.");
}

#[test]
fn a_deployment_and_its_revision_are_described() {
    let (mut cloud, group) = serving();
    let brief = list(&mut cloud, json!({}))[0].clone();
    let arn = text(&brief["serviceDeploymentArn"]);
    assert!(arn.starts_with(&format!("{ARN}:service-deployment/prod/web/")), "{arn}");
    let unknown = format!("{arn}x");
    let reply = cloud.call("DescribeServiceDeployments", json!({ "serviceDeploymentArns": [arn, unknown] }));
    let described = &reply["serviceDeployments"][0];
    assert_eq!(described["status"], "IN_PROGRESS");
    assert_eq!(described["targetServiceRevision"]["requestedTaskCount"], 2);
    assert_eq!(described["targetServiceRevision"]["pendingTaskCount"], 2);
    assert_eq!(
        described["deploymentCircuitBreaker"],
        json!({ "status": "DISABLED", "failureCount": 0, "threshold": 3 })
    );
    assert_eq!(reply["failures"], json!([{ "arn": unknown, "reason": "MISSING" }]));

    let revision = text(&brief["targetServiceRevisionArn"]);
    let reply = cloud.call("DescribeServiceRevisions", json!({ "serviceRevisionArns": [revision] }));
    let described = &reply["serviceRevisions"][0];
    assert_eq!(described["taskDefinition"], format!("{ARN}:task-definition/web:1"));
    assert_eq!(described["loadBalancers"][0]["targetGroupArn"], group);
    assert_eq!(described["containerImages"], json!([{ "containerName": "app", "image": "app:1" }]));
}

#[test]
fn a_revision_stays_what_it_was() {
    let (mut cloud, _) = serving();
    let first = text(&list(&mut cloud, json!({}))[0]["targetServiceRevisionArn"]);
    cloud.call("RegisterTaskDefinition", definition("web"));
    cloud.call("UpdateService", json!({ "cluster": "prod", "service": "web", "taskDefinition": "web:2" }));
    let reply = cloud.call("DescribeServiceRevisions", json!({ "serviceRevisionArns": [first] }));
    assert_eq!(reply["serviceRevisions"][0]["taskDefinition"], format!("{ARN}:task-definition/web:1"));
}

#[test]
fn a_deployment_under_way_is_stopped_and_one_that_is_over_is_not() {
    let (mut cloud, _) = serving();
    let arn = text(&list(&mut cloud, json!({}))[0]["serviceDeploymentArn"]);
    let stop = json!({ "serviceDeploymentArn": arn, "stopType": "ABORT" });
    assert_eq!(cloud.call("StopServiceDeployment", stop.clone())["serviceDeploymentArn"], arn);
    assert_eq!(list(&mut cloud, json!({}))[0]["status"], "STOPPED");
    let refused = cloud.refusal("StopServiceDeployment", stop);
    assert!(refused.starts_with("ConflictException: "), "{refused}");
    let unknown = json!({ "serviceDeploymentArn": format!("{arn}x") });
    let refused = cloud.refusal("StopServiceDeployment", unknown);
    assert!(refused.starts_with("ServiceDeploymentNotFoundException: "), "{refused}");
}

#[test]
fn twenty_at_most_are_described() {
    let (mut cloud, _) = serving();
    for (operation, member) in [
        ("DescribeServiceDeployments", "serviceDeploymentArns"),
        ("DescribeServiceRevisions", "serviceRevisionArns"),
    ] {
        let refused = cloud.refusal(operation, json!({ member: vec!["x"; 21] }));
        assert_eq!(refused, format!("InvalidParameterException: {member} can have at most 20 items."));
        let refused = cloud.refusal(operation, json!({ member: [] }));
        assert_eq!(refused, format!("InvalidParameterException: {member} can not be empty."));
    }
}
