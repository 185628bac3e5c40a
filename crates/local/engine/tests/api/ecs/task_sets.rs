use serde_json::{Value, json};

use super::{ARN, ready, service, texts, with};
use crate::cloud::{Cloud, forward, pretty, text};

/// [`ready`], with a service of two tasks under CodeDeploy.
fn under_code_deploy() -> (Cloud, String) {
    let (mut cloud, group) = ready();
    cloud.call("CreateService", with(service(&group), controller("CODE_DEPLOY")));
    (cloud, group)
}

/// [`ready`], with a service of two tasks that somebody else deploys, and without a task set.
fn under_someone_else() -> (Cloud, String) {
    let (mut cloud, group) = ready();
    let input = json!({ "cluster": "prod", "serviceName": "web", "desiredCount": 2 });
    cloud.call("CreateService", with(input, controller("EXTERNAL")));
    (cloud, group)
}

fn controller(kind: &str) -> Value {
    json!({ "deploymentController": { "type": kind } })
}

/// A task set of the whole service behind `group`.
fn task_set(group: &str) -> Value {
    json!({
        "cluster": "prod", "service": "web", "taskDefinition": "web", "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        "loadBalancers": [{ "targetGroupArn": group, "containerName": "app", "containerPort": 8080 }],
        "scale": { "value": 100.0, "unit": "PERCENT" },
    })
}

fn on(task_set: &Value, change: Value) -> Value {
    with(json!({ "cluster": "prod", "service": "web", "taskSet": task_set }), change)
}

fn described(cloud: &mut Cloud) -> Value {
    cloud.call("DescribeServices", json!({ "cluster": "prod", "services": ["web"] }))["services"][0].clone()
}

fn task_sets(cloud: &mut Cloud) -> Vec<Value> {
    let reply = cloud.call("DescribeTaskSets", json!({ "cluster": "prod", "service": "web" }));
    reply["taskSets"].as_array().unwrap().clone()
}

fn tasks_started_by(cloud: &mut Cloud, task_set: &Value) -> usize {
    let input = json!({ "cluster": "prod", "startedBy": task_set["id"] });
    texts(&cloud.call("ListTasks", input)["taskArns"]).len()
}

#[test]
fn a_service_under_code_deploy_begins_with_a_primary_task_set_and_has_no_deployments() {
    let (mut cloud, group) = ready();
    let made =
        cloud.call("CreateService", with(service(&group), controller("CODE_DEPLOY")))["service"].clone();
    assert_eq!(made["deploymentController"], json!({ "type": "CODE_DEPLOY" }));
    assert_eq!(made["deployments"], json!([]));
    assert_eq!(made["taskDefinition"], format!("{ARN}:task-definition/web:1"));
    assert_eq!(
        made["deploymentConfiguration"],
        json!({ "maximumPercent": 200, "minimumHealthyPercent": 100 })
    );
    assert!(made.get("currentServiceDeployment").is_none(), "{made}");
    let first = &made["taskSets"][0];
    let id = text(&first["id"]);
    assert!(id.strip_prefix("ecs-svc/").is_some_and(|digits| digits.len() == 19), "{id}");
    assert_eq!(first["taskSetArn"], format!("{ARN}:task-set/prod/web/{id}"));
    assert_eq!(first["serviceArn"], format!("{ARN}:service/prod/web"));
    assert_eq!(first["clusterArn"], format!("{ARN}:cluster/prod"));
    assert_eq!(first["status"], "PRIMARY");
    assert_eq!(first["taskDefinition"], format!("{ARN}:task-definition/web:1"));
    assert_eq!(first["computedDesiredCount"], 2);
    assert_eq!(first["scale"], json!({ "value": 100.0, "unit": "PERCENT" }));
    assert_eq!(first["stabilityStatus"], "STABILIZING");
    assert_eq!(first["loadBalancers"], made["loadBalancers"]);
    assert_eq!(first["launchType"], "FARGATE");

    assert_eq!(described(&mut cloud)["pendingCount"], 2);
    assert_eq!(tasks_started_by(&mut cloud, first), 2);
    let of_service = json!({ "cluster": "prod", "serviceName": "web" });
    let tasks = cloud.call("ListTasks", of_service)["taskArns"].clone();
    let task = cloud.call("DescribeTasks", json!({ "cluster": "prod", "tasks": tasks }))["tasks"][0].clone();
    assert_eq!((text(&task["group"]), text(&task["startedBy"])), ("service:web".to_owned(), id));
}

#[test]
fn a_service_with_task_sets_is_described_as_aws_describes_it() {
    let (mut cloud, group) = under_code_deploy();
    cloud.call("CreateTaskSet", with(task_set(&group), json!({ "externalId": "build-7" })));
    insta::assert_snapshot!(pretty(&described(&mut cloud)));
}

#[test]
fn what_code_deploy_or_someone_else_decides_is_refused_in_a_new_service() {
    let (mut cloud, group) = ready();
    let bare = json!({ "cluster": "prod", "serviceName": "web", "desiredCount": 2 });
    let given = service(&group);
    let both = json!([given["loadBalancers"][0], given["loadBalancers"][0]]);
    let under = |base: &Value, kind: &str, change: Value| with(with(base.clone(), controller(kind)), change);
    let only = |member: &str, kind: &str| {
        format!("{member} is only supported with the ECS deployment controller; this service has {kind}.")
    };
    for (input, expected) in [
        (
            under(&given, "CODE_DEPLOY", json!({ "taskDefinition": null })),
            "TaskDefinition can not be blank.".to_owned(),
        ),
        (
            under(&given, "CODE_DEPLOY", json!({ "loadBalancers": null })),
            "The CODE_DEPLOY deployment controller requires a load balancer.".to_owned(),
        ),
        (
            under(&given, "CODE_DEPLOY", json!({ "loadBalancers": both })),
            "loadBalancers can have at most 1 items with task sets.".to_owned(),
        ),
        (
            under(&given, "CODE_DEPLOY", json!({ "schedulingStrategy": "DAEMON", "desiredCount": null })),
            "The CODE_DEPLOY deployment controller requires the REPLICA scheduling strategy.".to_owned(),
        ),
        (
            under(
                &given,
                "CODE_DEPLOY",
                json!({ "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } } }),
            ),
            only("deploymentCircuitBreaker", "CODE_DEPLOY"),
        ),
        (
            under(&bare, "EXTERNAL", json!({ "deploymentConfiguration": { "strategy": "BLUE_GREEN" } })),
            only("strategy", "EXTERNAL"),
        ),
        (
            under(&bare, "EXTERNAL", json!({ "taskDefinition": "web" })),
            "TaskDefinition must be empty or null.".to_owned(),
        ),
        (
            under(&bare, "EXTERNAL", json!({ "loadBalancers": given["loadBalancers"] })),
            "LoadBalancers must be empty or null.".to_owned(),
        ),
        (
            under(&bare, "EXTERNAL", json!({ "launchType": "FARGATE" })),
            "LaunchType must be empty or null.".to_owned(),
        ),
    ] {
        assert_eq!(cloud.refusal("CreateService", input), format!("InvalidParameterException: {expected}"));
    }
}

#[test]
fn update_service_deploys_nothing_where_code_deploy_does() {
    let (mut cloud, group) = under_code_deploy();
    let unable = |what: &str| {
        format!(
            "InvalidParameterException: Unable to update {what} on services with a CODE_DEPLOY deployment controller. \
             Use AWS CodeDeploy to trigger a new deployment."
        )
    };
    let balancers = service(&group)["loadBalancers"].clone();
    let network = service(&group)["networkConfiguration"].clone();
    for (change, expected) in [
        (json!({ "taskDefinition": "web" }), unable("task definition")),
        (json!({ "loadBalancers": balancers }), unable("load balancers")),
        (json!({ "networkConfiguration": network }), unable("network parameters")),
        (json!({ "platformVersion": "1.4.0" }), unable("platform version")),
        (
            json!({ "forceNewDeployment": true }),
            "InvalidParameterException: Cannot force a new deployment on services with a CODE_DEPLOY deployment \
             controller. Use AWS CodeDeploy to trigger a new deployment."
                .to_owned(),
        ),
        (
            json!({ "deploymentConfiguration": { "strategy": "LINEAR" } }),
            "InvalidParameterException: strategy is only supported with the ECS deployment controller; this service \
             has CODE_DEPLOY."
                .to_owned(),
        ),
        (
            controller("ECS"),
            "UnsupportedFeatureException: The local cloud does not change the deployment controller of a service; \
             this one has CODE_DEPLOY."
                .to_owned(),
        ),
    ] {
        let input = with(json!({ "cluster": "prod", "service": "web" }), change);
        assert_eq!(cloud.refusal("UpdateService", input), expected);
    }
    let input = json!({
        "cluster": "prod", "service": "web", "desiredCount": 3, "healthCheckGracePeriodSeconds": 7,
        "deploymentConfiguration": { "minimumHealthyPercent": 50 }, "enableExecuteCommand": true,
    });
    let updated = cloud.call("UpdateService", input)["service"].clone();
    assert_eq!(updated["taskSets"][0]["computedDesiredCount"], 3);
    assert_eq!(
        updated["deploymentConfiguration"],
        json!({ "maximumPercent": 200, "minimumHealthyPercent": 50 })
    );
    assert_eq!(tasks_started_by(&mut cloud, &updated["taskSets"][0]), 3);
}

#[test]
fn a_task_set_is_made_scaled_made_primary_and_deleted() {
    let (mut cloud, group) = under_someone_else();
    let service = described(&mut cloud);
    assert_eq!((&service["taskSets"], &service["deployments"]), (&json!([]), &json!([])));
    assert!(service.get("taskDefinition").is_none(), "{service}");

    let input = with(
        task_set(&group),
        json!({ "scale": null, "externalId": "build-7", "tags": [{ "key": "a", "value": "b" }] }),
    );
    let made = cloud.call("CreateTaskSet", input)["taskSet"].clone();
    assert_eq!(made["status"], "ACTIVE");
    assert_eq!(made["scale"], json!({ "value": 0.0, "unit": "PERCENT" }));
    assert_eq!(made["computedDesiredCount"], 0);
    assert_eq!(made["externalId"], "build-7");
    assert_eq!(made["tags"], json!([{ "key": "a", "value": "b" }]));
    assert!(made.get("startedBy").is_none(), "{made}");
    assert_eq!(tasks_started_by(&mut cloud, &made), 0);
    assert_eq!(task_sets(&mut cloud)[0]["stabilityStatus"], "STEADY_STATE");

    let scaled = cloud.call("UpdateTaskSet", on(&made["id"], json!({ "scale": { "value": 30.0 } })));
    assert_eq!(scaled["taskSet"]["computedDesiredCount"], 1, "30 % of 2, rounded up");
    assert_eq!(tasks_started_by(&mut cloud, &made), 1);
    assert_eq!(task_sets(&mut cloud)[0]["stabilityStatus"], "STABILIZING");

    let second = cloud.call("CreateTaskSet", task_set(&group))["taskSet"].clone();
    let primary = json!({ "cluster": "prod", "service": "web" });
    for (chosen, statuses) in [(&made, ["PRIMARY", "ACTIVE"]), (&second, ["ACTIVE", "PRIMARY"])] {
        let input = with(primary.clone(), json!({ "primaryTaskSet": chosen["taskSetArn"] }));
        assert_eq!(cloud.call("UpdateServicePrimaryTaskSet", input)["taskSet"]["status"], "PRIMARY");
        let seen: Vec<String> = task_sets(&mut cloud).iter().map(|it| text(&it["status"])).collect();
        assert_eq!(seen, statuses);
    }
    let service = described(&mut cloud);
    assert_eq!(service["taskDefinition"], format!("{ARN}:task-definition/web:1"));
    assert_eq!(service["loadBalancers"], second["loadBalancers"]);

    let refused = cloud.refusal("DeleteTaskSet", on(&made["id"], json!({})));
    assert_eq!(
        refused,
        "InvalidParameterException: The task set cannot be deleted while it is scaled above 0."
    );
    let deleted = cloud.call("DeleteTaskSet", on(&made["id"], json!({ "force": true })))["taskSet"].clone();
    assert_eq!((&deleted["status"], &deleted["computedDesiredCount"]), (&json!("DRAINING"), &json!(0)));
    cloud.end_all_tasks();
    let left: Vec<Value> = task_sets(&mut cloud).iter().map(|it| it["id"].clone()).collect();
    assert_eq!(left, [second["id"].clone()]);
    let tags = cloud.refusal("ListTagsForResource", json!({ "resourceArn": made["taskSetArn"] }));
    assert_eq!(tags, "InvalidParameterException: The specified resource is not found.");
}

#[test]
fn task_sets_are_described_by_id_or_arn_with_their_tags_when_asked_for() {
    let (mut cloud, group) = under_someone_else();
    let made = cloud.call("CreateTaskSet", task_set(&group))["taskSet"].clone();
    cloud.call(
        "TagResource",
        json!({ "resourceArn": made["taskSetArn"], "tags": [{ "key": "team", "value": "blue" }] }),
    );
    let missing = format!("{ARN}:task-set/prod/web/ecs-svc/1");
    let reply = cloud.call(
        "DescribeTaskSets",
        json!({
            "cluster": "prod", "service": "web", "include": ["TAGS"],
            "taskSets": [made["id"], made["taskSetArn"], "ecs-svc/1"],
        }),
    );
    let found = reply["taskSets"].as_array().unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["tags"], json!([{ "key": "team", "value": "blue" }]));
    assert_eq!(reply["failures"], json!([{ "arn": missing, "reason": "MISSING" }]));
    assert!(task_sets(&mut cloud)[0].get("tags").is_none());
    let listed = cloud.call("ListTagsForResource", json!({ "resourceArn": made["taskSetArn"] }));
    assert_eq!(listed["tags"], json!([{ "key": "team", "value": "blue" }]));
    cloud.call("UntagResource", json!({ "resourceArn": made["taskSetArn"], "tagKeys": ["team"] }));
    let listed = cloud.call("ListTagsForResource", json!({ "resourceArn": made["taskSetArn"] }));
    assert_eq!(listed["tags"], json!([]));
}

#[test]
fn the_same_client_token_makes_one_task_set() {
    let (mut cloud, group) = under_someone_else();
    let input = with(task_set(&group), json!({ "clientToken": "once" }));
    let first = cloud.call("CreateTaskSet", input.clone())["taskSet"]["id"].clone();
    assert_eq!(cloud.call("CreateTaskSet", input)["taskSet"]["id"], first);
    let other = cloud.call("CreateTaskSet", with(task_set(&group), json!({ "clientToken": "twice" })));
    assert_ne!(other["taskSet"]["id"], first);
}

#[test]
fn operations_on_task_sets_are_refused_in_the_words_of_aws() {
    let (mut cloud, group) = under_someone_else();
    cloud.call("CreateService", with(service(&group), json!({ "serviceName": "rolling" })));
    cloud.call("CreateService", json!({ "cluster": "prod", "serviceName": "gone", "desiredCount": 0, "deploymentController": { "type": "EXTERNAL" } }));
    cloud.call("DeleteService", json!({ "cluster": "prod", "service": "gone" }));
    let lonely = cloud.target_group("lonely");
    let made = cloud.call("CreateTaskSet", task_set(&group))["taskSet"].clone();
    let leaving = cloud.call("CreateTaskSet", task_set(&group))["taskSet"].clone();
    cloud.call("DeleteTaskSet", on(&leaving["id"], json!({ "force": true })));

    let of_each = |operation: &str, change: Value| {
        let base = match operation {
            "CreateTaskSet" => task_set(&group),
            "UpdateTaskSet" => on(&made["id"], json!({ "scale": { "value": 50.0 } })),
            "UpdateServicePrimaryTaskSet" => {
                json!({ "cluster": "prod", "service": "web", "primaryTaskSet": made["id"] })
            }
            "DeleteTaskSet" => on(&made["id"], json!({ "force": true })),
            _ => json!({ "cluster": "prod", "service": "web" }),
        };
        with(base, change)
    };
    for operation in
        ["CreateTaskSet", "DescribeTaskSets", "UpdateTaskSet", "UpdateServicePrimaryTaskSet", "DeleteTaskSet"]
    {
        for (change, expected) in [
            (json!({ "cluster": "nowhere" }), "ClusterNotFoundException: Cluster not found."),
            (json!({ "service": "nothing" }), "ServiceNotFoundException: Service not found."),
            (json!({ "service": "gone" }), "ServiceNotActiveException: Service was not ACTIVE."),
            (
                json!({ "service": "rolling" }),
                "InvalidParameterException: Amazon ECS only supports task set management on services configured to \
                 use external deployment controllers.",
            ),
        ] {
            assert_eq!(cloud.refusal(operation, of_each(operation, change)), expected, "{operation}");
        }
    }
    let unknown = "TaskSetNotFoundException: The specified task set was not found.".to_owned();
    let draining = format!("InvalidParameterException: The task set {} is DRAINING.", text(&leaving["id"]));
    let scale = "InvalidParameterException: The scale value must be between 0 and 100.".to_owned();
    let behind = |group: &str, name: &str| json!({ "loadBalancers": [{ "targetGroupArn": group, "containerName": name, "containerPort": 8080 }] });
    for (operation, change, expected) in [
        ("UpdateTaskSet", json!({ "taskSet": "ecs-svc/1" }), unknown.clone()),
        ("UpdateServicePrimaryTaskSet", json!({ "primaryTaskSet": "ecs-svc/1" }), unknown.clone()),
        ("DeleteTaskSet", json!({ "taskSet": "ecs-svc/1" }), unknown),
        ("UpdateTaskSet", json!({ "taskSet": leaving["id"] }), draining.clone()),
        ("UpdateServicePrimaryTaskSet", json!({ "primaryTaskSet": leaving["id"] }), draining),
        ("UpdateTaskSet", json!({ "scale": { "value": 100.1 } }), scale.clone()),
        ("CreateTaskSet", json!({ "scale": { "value": -0.1 } }), scale),
        (
            "CreateTaskSet",
            json!({ "taskDefinition": "api" }),
            "ClientException: TaskDefinition not found.".to_owned(),
        ),
        (
            "CreateTaskSet",
            json!({ "networkConfiguration": null }),
            "InvalidParameterException: Network Configuration must be provided when networkMode 'awsvpc' is specified."
                .to_owned(),
        ),
        (
            "CreateTaskSet",
            behind(&lonely, "app"),
            format!(
                "InvalidParameterException: The target group with targetGroupArn {lonely} does not have an associated load balancer."
            ),
        ),
        (
            "CreateTaskSet",
            behind(&group, "db"),
            "InvalidParameterException: The container db does not exist in the task definition.".to_owned(),
        ),
        (
            "CreateTaskSet",
            json!({ "tags": [{ "key": "aws:x", "value": "y" }] }),
            "InvalidParameterException: Tag keys cannot begin with aws:.".to_owned(),
        ),
    ] {
        assert_eq!(cloud.refusal(operation, of_each(operation, change)), expected, "{operation}");
    }
}

#[test]
fn a_service_has_five_task_sets_at_most() {
    let (mut cloud, group) = under_someone_else();
    for _ in 0..5 {
        cloud.call("CreateTaskSet", task_set(&group));
    }
    assert_eq!(
        cloud.refusal("CreateTaskSet", task_set(&group)),
        "InvalidParameterException: 5 deployments exist on the service. Unable to create new TaskSet since this exceeds \
         the maximum limit."
    );
}

#[test]
fn a_service_goes_with_its_task_sets() {
    let (mut cloud, group) = under_code_deploy();
    let other = cloud.target_group("other");
    let load_balancer = cloud.load_balancer("other");
    cloud.listener(&load_balancer, 80, forward(&other));
    let green = cloud.call("CreateTaskSet", task_set(&other))["taskSet"].clone();
    assert_eq!(described(&mut cloud)["pendingCount"], 4);
    let refused = cloud.refusal("DeleteService", json!({ "cluster": "prod", "service": "web" }));
    assert_eq!(
        refused,
        "InvalidParameterException: The service cannot be stopped while the primary deployment is scaled above 0."
    );
    cloud.call("DeleteService", json!({ "cluster": "prod", "service": "web", "force": true }));
    cloud.restart();
    cloud.end_all_tasks();
    let service = described(&mut cloud);
    assert_eq!((&service["status"], &service["taskSets"]), (&json!("INACTIVE"), &json!([])));
    assert_eq!(tasks_started_by(&mut cloud, &green), 0);
    cloud.call("CreateService", with(super::service(&group), controller("CODE_DEPLOY")));
}
