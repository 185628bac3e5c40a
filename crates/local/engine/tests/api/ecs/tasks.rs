use serde_json::{Value, json};

use super::{ARN, all_pages, ready, serving, texts, with};
use crate::cloud::{Cloud, text};

fn run(change: Value) -> Value {
    let base = json!({
        "cluster": "prod", "taskDefinition": "web", "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
    });
    with(base, change)
}

fn started(cloud: &mut Cloud, change: Value) -> Vec<String> {
    let reply = cloud.call("RunTask", run(change));
    reply["tasks"].as_array().unwrap().iter().map(|task| text(&task["taskArn"])).collect()
}

#[test]
fn a_task_is_answered_as_aws_answers_it() {
    let (mut cloud, _) = ready();
    let reply = cloud.call("RunTask", run(json!({ "startedBy": "me" })));
    let task = &reply["tasks"][0];
    let arn = text(&task["taskArn"]);
    let id = arn.strip_prefix(&format!("{ARN}:task/prod/")).expect("a long ARN").to_owned();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!((&task["lastStatus"], &task["desiredStatus"]), (&json!("PROVISIONING"), &json!("RUNNING")));
    assert_eq!((&task["group"], &task["startedBy"]), (&json!("family:web"), &json!("me")));
    assert_eq!(task["containers"][0]["name"], "app");
    assert_eq!(reply["failures"], json!([]));
    for name in [id, arn] {
        let described = cloud.call("DescribeTasks", json!({ "cluster": "prod", "tasks": [name] }));
        assert_eq!(described["tasks"][0]["taskArn"], task["taskArn"]);
    }
}

#[test]
fn the_same_client_token_runs_the_tasks_once() {
    let (mut cloud, _) = ready();
    let first = started(&mut cloud, json!({ "count": 3, "clientToken": "once" }));
    assert_eq!(first.len(), 3);
    assert_eq!(started(&mut cloud, json!({ "count": 3, "clientToken": "once" })), first);
    assert_eq!(texts(&cloud.call("ListTasks", json!({ "cluster": "prod" }))["taskArns"]).len(), 3);
}

#[test]
fn a_task_that_cannot_run_is_refused() {
    let (mut cloud, _) = ready();
    for (change, expected) in [
        (json!({ "cluster": "nowhere" }), "ClusterNotFoundException: Cluster not found."),
        (json!({ "count": 0 }), "InvalidParameterException: count must be between 1 and 10."),
        (json!({ "count": 11 }), "InvalidParameterException: count must be between 1 and 10."),
        (json!({ "taskDefinition": "api" }), "ClientException: TaskDefinition not found."),
        (
            json!({ "networkConfiguration": null }),
            "InvalidParameterException: Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        (json!({ "group": "service:web" }), "InvalidParameterException: Invalid namespace for group."),
        (
            json!({ "overrides": { "containerOverrides": [{ "name": "db", "command": ["x"] }] } }),
            "InvalidParameterException: Override for container named that is not a container in the TaskDefinition.",
        ),
        (
            json!({ "propagateTags": "SERVICE" }),
            "InvalidParameterException: The SERVICE value for propagateTags is not supported by RunTask.",
        ),
    ] {
        assert_eq!(cloud.refusal("RunTask", run(change)), expected);
    }
}

#[test]
fn a_stopped_task_says_who_stopped_it() {
    let (mut cloud, _) = ready();
    let tasks = started(&mut cloud, json!({ "count": 2 }));
    let stop = |reason: Value| with(json!({ "cluster": "prod" }), reason);
    let stopped = cloud.call("StopTask", stop(json!({ "task": tasks[0], "reason": "by hand" })));
    assert_eq!(stopped["task"]["stoppedReason"], "by hand");
    assert_eq!(
        (&stopped["task"]["stopCode"], &stopped["task"]["desiredStatus"]),
        (&json!("UserInitiated"), &json!("STOPPED"))
    );
    let stopped = cloud.call("StopTask", stop(json!({ "task": tasks[1] })));
    assert_eq!(stopped["task"]["stoppedReason"], "Task stopped by user");
    let refused = cloud.refusal("StopTask", stop(json!({ "task": "0123456789abcdef0123456789abcdef" })));
    assert_eq!(refused, "InvalidParameterException: The referenced task was not found.");
}

#[test]
fn tasks_are_listed_in_pages_and_by_what_they_are_of() {
    let (mut cloud, _) = serving();
    let alone = started(&mut cloud, json!({ "count": 3, "startedBy": "me" }));
    let (all, pages) = all_pages(&mut cloud, "ListTasks", json!({ "cluster": "prod" }), "taskArns");
    assert_eq!((all.len(), pages), (5, 3));
    cloud.call("StopTask", json!({ "cluster": "prod", "task": alone[0] }));
    let mut count = |filter| {
        let reply = cloud.call("ListTasks", with(json!({ "cluster": "prod" }), filter));
        reply["taskArns"].as_array().unwrap().len()
    };
    assert_eq!(count(json!({ "serviceName": "web" })), 2);
    assert_eq!(count(json!({ "startedBy": "me" })), 2);
    assert_eq!(count(json!({ "family": "web" })), 4);
    assert_eq!(count(json!({ "family": "we" })), 0, "a family's whole name");
    assert_eq!(count(json!({ "launchType": "EC2" })), 0);
    assert_eq!(count(json!({ "desiredStatus": "STOPPED" })), 1);
    let refused = cloud.refusal("ListTasks", json!({ "cluster": "prod", "serviceName": "api" }));
    assert_eq!(refused, "ServiceNotFoundException: Service not found.");
}

#[test]
fn a_hundred_tasks_at_most_are_described_and_the_missing_are_failures() {
    let (mut cloud, _) = ready();
    let unknown = "0123456789abcdef0123456789abcdef";
    let reply = cloud.call("DescribeTasks", json!({ "cluster": "prod", "tasks": [unknown] }));
    assert_eq!(
        reply["failures"],
        json!([{ "arn": format!("{ARN}:task/prod/{unknown}"), "reason": "MISSING" }])
    );
    let refused = cloud.refusal("DescribeTasks", json!({ "cluster": "prod", "tasks": vec![unknown; 101] }));
    assert_eq!(refused, "InvalidParameterException: tasks can have at most 100 items.");
    let refused = cloud.refusal("DescribeTasks", json!({ "cluster": "prod", "tasks": [] }));
    assert_eq!(refused, "InvalidParameterException: Tasks cannot be empty.");
}

#[test]
fn a_services_tasks_are_its_deployments() {
    let (mut cloud, _) = serving();
    let service = cloud.call("DescribeServices", json!({ "cluster": "prod", "services": ["web"] }));
    let listed = texts(&cloud.call("ListTasks", json!({ "cluster": "prod" }))["taskArns"]);
    let described = cloud.call("DescribeTasks", json!({ "cluster": "prod", "tasks": listed }));
    for task in described["tasks"].as_array().unwrap() {
        assert_eq!(task["startedBy"], service["services"][0]["deployments"][0]["id"]);
        assert_eq!(task["group"], "service:web");
    }
}
