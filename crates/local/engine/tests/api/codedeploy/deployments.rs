use std::time::Duration;

use serde_json::{Value, json};

use super::{
    app_spec, call, definition_arn, deploy, deployment, described, refusal, with, with_changed_group,
    with_group,
};
use crate::cloud::{forward, text};

#[test]
fn a_deployment_is_described_as_aws_does() {
    let mut stage = with_group();
    let input = with(deployment(&app_spec(2)), "/description", json!("the second"));
    let id = text(&call(&mut stage.cloud, "CreateDeployment", input)["deploymentId"]);
    assert!(id.starts_with("d-") && id.len() == 11, "{id}");
    assert!(id[2..].bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit()), "{id}");
    let info = described(&mut stage.cloud, &id);
    for (member, expected) in [
        ("applicationName", json!("app-deploy")),
        ("deploymentGroupName", json!("app-dg")),
        ("deploymentConfigName", json!("CodeDeployDefault.ECSAllAtOnce")),
        ("computePlatform", json!("ECS")),
        ("creator", json!("user")),
        ("description", json!("the second")),
        ("status", json!("InProgress")),
        ("instanceTerminationWaitTimeStarted", json!(false)),
        ("previousRevision", Value::Null),
        ("errorInformation", Value::Null),
        ("completeTime", Value::Null),
    ] {
        assert_eq!(info[member], expected, "{member}");
    }
    assert_eq!(info["deploymentOverview"]["InProgress"], 1);
    assert_eq!(info["deploymentStyle"]["deploymentType"], "BLUE_GREEN");
    let content = &info["revision"]["appSpecContent"];
    assert_eq!((text(&content["sha256"]).len(), &content["content"]), (64, &Value::Null));
    let batch =
        call(&mut stage.cloud, "BatchGetDeployments", json!({ "deploymentIds": [id, "d-NOBODY123"] }));
    assert_eq!(batch["deploymentsInfo"], json!([info]));
    let many = json!({ "deploymentIds": vec!["d-NOBODY123"; 101] });
    let refused = refusal(&mut stage.cloud, "BatchGetDeployments", many);
    assert!(refused.starts_with("BatchLimitExceededException: "), "{refused}");
}

#[test]
fn an_app_spec_that_does_not_fit_is_refused_before_anything_changes() {
    let mut stage = with_group();
    stage.cloud.call("DeregisterTaskDefinition", json!({ "taskDefinition": "app:3" }));
    let bridge = with(super::definition(), "/networkMode", json!("bridge"));
    let bridge = with(with(bridge, "/family", json!("bridge")), "/requiresCompatibilities", json!(["EC2"]));
    stage.cloud.call("RegisterTaskDefinition", bridge);
    let properties = "/Resources/0/TargetService/Properties";
    for (pointer, value, expected) in [
        (
            "/LoadBalancerInfo/ContainerName",
            json!("web"),
            format!("the container web does not exist in {}; it has app", definition_arn(2)),
        ),
        (
            "/LoadBalancerInfo/ContainerPort",
            json!(9090),
            format!(
                "the container app of {} does not have a container port 9090; it has 8080",
                definition_arn(2)
            ),
        ),
        (
            "/TaskDefinition",
            json!(definition_arn(9)),
            format!("the task definition {} does not exist in this account and region", definition_arn(9)),
        ),
        (
            "/TaskDefinition",
            json!(definition_arn(3)),
            format!("the task definition {} is not ACTIVE", definition_arn(3)),
        ),
        ("/TaskDefinition", json!("app:2"), "TaskDefinition must be a full ARN with a revision".to_owned()),
        (
            "/TaskDefinition",
            json!("arn:aws:ecs:eu-west-1:123456789012:task-definition/bridge:1"),
            "NetworkConfiguration is not valid for the networkMode of".to_owned(),
        ),
    ] {
        let spec = with(app_spec(2), &format!("{properties}{pointer}"), value);
        let refused = refusal(&mut stage.cloud, "CreateDeployment", deployment(&spec));
        assert!(refused.starts_with("InvalidRevisionException: The AppSpec"), "{refused}");
        assert!(refused.contains(&expected), "{refused}");
    }
    let spec = with(app_spec(2), "/Hooks", json!([{ "AfterInstal": "check" }]));
    let refused = refusal(&mut stage.cloud, "CreateDeployment", deployment(&spec));
    assert!(refused.contains("AfterInstal is not a lifecycle event that has a hook; those are"), "{refused}");
}

#[test]
fn a_call_that_does_not_fit_is_refused_with_aws_s_errors() {
    let mut stage = with_group();
    for (pointer, value, expected) in [
        ("/applicationName", json!("nobody"), "ApplicationDoesNotExistException: "),
        ("/deploymentGroupName", Value::Null, "DeploymentGroupNameRequiredException: "),
        ("/deploymentGroupName", json!("nobody"), "DeploymentGroupDoesNotExistException: "),
        ("/deploymentConfigName", json!("nobody"), "DeploymentConfigDoesNotExistException: "),
        (
            "/deploymentConfigName",
            json!("CodeDeployDefault.OneAtATime"),
            "InvalidDeploymentConfigNameException: ",
        ),
        ("/description", json!("a".repeat(257)), "DescriptionTooLongException: "),
        ("/revision", Value::Null, "RevisionRequiredException: "),
        ("/targetInstances", json!({}), "InvalidTargetInstancesException: "),
        ("/deploymentMode", json!("RESTART"), "InvalidInputException: "),
        ("/updateOutdatedInstancesOnly", json!(true), "InvalidUpdateOutdatedInstancesOnlyValueException: "),
        ("/autoRollbackConfiguration", json!({ "enabled": true }), "InvalidAutoRollbackConfigException: "),
        (
            "/overrideAlarmConfiguration",
            json!({ "enabled": true, "alarms": [{ "name": "nobody" }] }),
            "InvalidAlarmConfigException: The Amazon CloudWatch alarm could not be found: nobody",
        ),
    ] {
        let input = with(deployment(&app_spec(2)), pointer, value);
        let refused = refusal(&mut stage.cloud, "CreateDeployment", input);
        assert!(refused.starts_with(expected), "{pointer}: {refused}");
    }
}

#[test]
fn a_group_has_one_deployment_at_a_time() {
    let mut stage = with_group();
    let id = deploy(&mut stage.cloud, &app_spec(2));
    let refused = refusal(&mut stage.cloud, "CreateDeployment", deployment(&app_spec(3)));
    assert_eq!(
        refused,
        format!(
            "DeploymentLimitExceededException: The Deployment Group 'app-dg' already has an active Deployment '{id}'"
        )
    );
    stage.cloud.live(Duration::from_mins(10));
    assert_eq!(described(&mut stage.cloud, &id)["status"], "Succeeded");
    deploy(&mut stage.cloud, &app_spec(3));
}

#[test]
fn the_listener_must_be_at_the_primary_task_set() {
    let mut stage = with_group();
    let drifted = json!({ "ListenerArn": stage.production, "DefaultActions": [forward(&stage.green)] });
    stage.cloud.call("ModifyListener", drifted);
    let refused = refusal(&mut stage.cloud, "CreateDeployment", deployment(&app_spec(2)));
    assert_eq!(
        refused,
        format!(
            "InvalidLoadBalancerInfoException: The ELB could not be updated due to the following error: Primary \
             taskset target group must be behind listener {}",
            stage.production
        )
    );
}

#[test]
fn what_a_group_deploys_to_is_looked_up_again() {
    let mut stage = with_group();
    stage.cloud.call("DeleteListener", json!({ "ListenerArn": stage.test }));
    let refused = refusal(&mut stage.cloud, "CreateDeployment", deployment(&app_spec(2)));
    assert!(
        refused.starts_with("InvalidLoadBalancerInfoException: The listener of testTrafficRoute"),
        "{refused}"
    );
    let input = json!({ "cluster": "prod", "service": "app", "force": true });
    stage.cloud.call("DeleteService", input);
    let refused = refusal(&mut stage.cloud, "CreateDeployment", deployment(&app_spec(2)));
    assert!(refused.starts_with("InvalidECSServiceException: "), "{refused}");
}

#[test]
fn deployments_are_listed_newest_first_by_group_status_and_time() {
    let mut stage = with_group();
    let cloud = &mut stage.cloud;
    let mut ids = Vec::new();
    for revision in [2, 3, 2] {
        ids.insert(0, deploy(cloud, &app_spec(revision)));
        cloud.live(Duration::from_mins(4));
        if ids.len() < 3 {
            cloud.live(Duration::from_mins(6));
        }
    }
    let created = described(cloud, &ids[1])["createTime"].clone();
    let of_group = json!({ "applicationName": "app-deploy", "deploymentGroupName": "app-dg" });
    for (input, expected) in [
        (json!({}), &ids[..]),
        (of_group, &ids[..]),
        (json!({ "includeOnlyStatuses": ["InProgress"] }), &ids[..1]),
        (json!({ "includeOnlyStatuses": ["Succeeded", "Failed"] }), &ids[1..]),
        (json!({ "createTimeRange": { "start": created } }), &ids[..2]),
        (json!({ "createTimeRange": { "end": created } }), &ids[1..]),
        (json!({ "externalId": "stack" }), &ids[..0]),
    ] {
        assert_eq!(call(cloud, "ListDeployments", input.clone())["deployments"], json!(expected), "{input}");
    }
    for (input, expected) in [
        (json!({ "applicationName": "app-deploy" }), "DeploymentGroupNameRequiredException: "),
        (json!({ "deploymentGroupName": "app-dg" }), "ApplicationNameRequiredException: "),
        (json!({ "createTimeRange": { "start": created, "end": 0 } }), "InvalidTimeRangeException: "),
        (json!({ "nextToken": "x" }), "InvalidNextTokenException: "),
    ] {
        let refused = refusal(cloud, "ListDeployments", input);
        assert!(refused.starts_with(expected), "{refused}");
    }
    let group = call(
        cloud,
        "GetDeploymentGroup",
        json!({ "applicationName": "app-deploy", "deploymentGroupName": "app-dg" }),
    );
    let group = &group["deploymentGroupInfo"];
    assert_eq!(group["lastAttemptedDeployment"]["deploymentId"], json!(ids[0]));
    assert_eq!(group["lastSuccessfulDeployment"]["deploymentId"], json!(ids[1]));
    assert_eq!(group["targetRevision"], described(cloud, &ids[1])["revision"]);
    assert_eq!(described(cloud, &ids[0])["previousRevision"], group["targetRevision"]);
}

#[test]
fn a_deployment_that_is_over_is_neither_stopped_nor_let_go_on() {
    let mut stage = with_group();
    let cloud = &mut stage.cloud;
    let id = deploy(cloud, &app_spec(2));
    let wait = |kind: &str| json!({ "deploymentId": id, "deploymentWaitType": kind });
    let refused = refusal(cloud, "ContinueDeployment", wait("READY_WAIT"));
    assert!(refused.starts_with("DeploymentIsNotInReadyStateException: "), "{refused}");
    cloud.live(Duration::from_secs(5));
    call(cloud, "ContinueDeployment", wait("TERMINATION_WAIT"));
    assert_eq!(described(cloud, &id)["status"], "Succeeded");
    for (operation, input) in
        [("StopDeployment", json!({ "deploymentId": id })), ("ContinueDeployment", wait("TERMINATION_WAIT"))]
    {
        let refused = refusal(cloud, operation, input);
        assert!(refused.starts_with("DeploymentAlreadyCompletedException: "), "{refused}");
    }
    let refused = refusal(cloud, "StopDeployment", json!({ "deploymentId": "d-NOBODY123" }));
    assert_eq!(refused, "DeploymentDoesNotExistException: The deployment d-NOBODY123 could not be found");
}

#[test]
fn the_settings_of_a_deployment_take_the_place_of_its_groups() {
    let mut stage = with_changed_group(
        "/alarmConfiguration",
        json!({ "enabled": true, "alarms": [{ "name": "nobody" }] }),
    );
    let refused = refusal(&mut stage.cloud, "CreateDeployment", deployment(&app_spec(2)));
    assert!(refused.starts_with("InvalidAlarmConfigException: "), "{refused}");
    let input = with(deployment(&app_spec(2)), "/overrideAlarmConfiguration", json!({ "enabled": false }));
    let input = with(input, "/deploymentConfigName", json!("CodeDeployDefault.ECSCanary10Percent5Minutes"));
    let input = with(input, "/autoRollbackConfiguration", json!({ "enabled": false }));
    let id = text(&call(&mut stage.cloud, "CreateDeployment", input)["deploymentId"]);
    let info = described(&mut stage.cloud, &id);
    assert_eq!(info["deploymentConfigName"], "CodeDeployDefault.ECSCanary10Percent5Minutes");
    assert_eq!(info["autoRollbackConfiguration"], json!({ "enabled": false }));
    assert_eq!(info["overrideAlarmConfiguration"], json!({ "enabled": false }));
    call(&mut stage.cloud, "StopDeployment", json!({ "deploymentId": id }));
    assert_eq!(described(&mut stage.cloud, &id)["rollbackInfo"], Value::Null);
}
