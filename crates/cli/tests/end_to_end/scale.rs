//! `tidegate tasks` and `tidegate scale`: what runs, what stopped and why, and how many there are to be.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::{
    api,
    cloud::{Cloud, wait_until},
};

#[test]
fn tasks_are_listed_running_and_stopped_with_their_reasons() {
    let cloud = with_service();
    let (_, found) = asked(&cloud, &["tasks"]);
    let tasks = found["tasks"].as_array().unwrap().clone();
    assert_eq!(tasks.len(), 2, "{found}");
    assert!(
        tasks.iter().all(|task| task["revision"] == "sample:1" && task["started_at"].is_number()),
        "{found}"
    );
    let id = tasks[0]["id"].as_str().unwrap();
    let stop = json!({ "cluster": "prod", "task": id, "reason": "somebody was curious" });
    call(&cloud, "StopTask", &stop);
    wait_until("it is stopped, and another one runs in its place", || {
        let (_, all) = asked(&cloud, &["tasks", "--all"]);
        let of = |status: &str| {
            all["tasks"].as_array().unwrap().iter().filter(|task| task["last_status"] == status).count()
        };
        (of("RUNNING"), of("STOPPED")) == (2, 1)
    });
    let text = tidegate(&cloud, &["tasks", "--stopped"]).output().unwrap();
    let text = told(&text);
    assert!(text.contains(&id[..8]) && text.contains("\n    somebody was curious\n"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let (_, running) = asked(&cloud, &["tasks"]);
    assert!(running["tasks"].as_array().unwrap().iter().all(|task| task["id"] != id), "{running}");
}

#[test]
fn a_service_is_scaled_and_waited_for_and_to_nothing_only_when_that_is_confirmed() {
    let cloud = with_service();
    let scaled = tidegate(&cloud, &["scale", "3"]).output().unwrap();
    assert_eq!(scaled.status.code(), Some(0), "{}", told(&scaled));
    assert!(
        told(&scaled).contains("prod/sample: runs 3 tasks (before: 2); no autoscaling\n"),
        "{}",
        told(&scaled)
    );
    assert_eq!(service(&cloud)["runningCount"], 3);

    let refused = tidegate(&cloud, &["scale", "0"]).output().unwrap();
    let expected =
        "error: nobody is there to confirm: Stop all 3 tasks of prod/sample?\n  help: pass --yes\n";
    assert_eq!((refused.status.code(), told(&refused).as_str()), (Some(1), expected));
    assert_eq!(service(&cloud)["desiredCount"], 3, "nothing was changed");

    let (code, said) = asked(&cloud, &["scale", "0", "--yes"]);
    assert_eq!(
        (code, &said["state"], &said["desired_before"]),
        (Some(0), &json!("steady"), &json!(3)),
        "{said}"
    );
    assert_eq!(service(&cloud)["runningCount"], 0);
}

#[test]
fn autoscaling_is_bounded_suspended_and_resumed_and_its_say_over_a_count_is_told() {
    let cloud = with_service();
    let (code, said) = asked(&cloud, &["scale", "--max", "4"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said["error"].as_str().unwrap().contains("has no autoscaling"), "{said}");

    let (code, said) = asked(&cloud, &["scale", "--min", "1", "--max", "4"]);
    assert_eq!((code, &said["autoscaling"]["max"]), (Some(0), &json!(4)), "{said}");
    let policy = json!({
        "ServiceNamespace": "ecs", "ResourceId": "service/prod/sample", "PolicyName": "cpu",
        "ScalableDimension": "ecs:service:DesiredCount", "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": { "TargetValue": 50.0, "PredefinedMetricSpecification": {
            "PredefinedMetricType": "ECSServiceAverageCPUUtilization",
        } },
    });
    autoscaling(&cloud, "PutScalingPolicy", &policy);
    let (code, said) = asked(&cloud, &["scale", "--suspend"]);
    assert_eq!(code, Some(0), "{said}");
    let suspended = || {
        let of = json!({ "ServiceNamespace": "ecs", "ResourceIds": ["service/prod/sample"] });
        autoscaling(&cloud, "DescribeScalableTargets", &of)["ScalableTargets"][0].clone()
    };
    assert_eq!(
        suspended()["SuspendedState"],
        json!({ "DynamicScalingInSuspended": true, "DynamicScalingOutSuspended": true,
            "ScheduledScalingSuspended": true })
    );
    let (code, said) = asked(&cloud, &["scale", "3"]);
    assert_eq!((code, &said["warnings"]), (Some(0), &json!([])), "{said}");

    let (code, said) = asked(&cloud, &["scale", "--resume", "--max", "6"]);
    assert_eq!(code, Some(0), "{said}");
    let target = suspended();
    assert_eq!((&target["MinCapacity"], &target["MaxCapacity"]), (&json!(1), &json!(6)), "the minimum stays");
    assert_eq!(target["SuspendedState"]["DynamicScalingInSuspended"], false);
    let scaled = tidegate(&cloud, &["scale", "9", "--no-wait"]).output().unwrap();
    let told = told(&scaled);
    assert_eq!(scaled.status.code(), Some(0), "{told}");
    for warning in [
        "warning: 9 is above the maximum of 6 that autoscaling has",
        "warning: autoscaling goes on and may set another count by policy cpu; --suspend holds it",
    ] {
        assert!(told.contains(warning), "{told}");
    }
}

/// A cloud with a service of two tasks that is steady.
pub(crate) fn with_service() -> Cloud {
    let cloud = Cloud::start_beside(&["--speed", "20"]);
    call(&cloud, "CreateCluster", &json!({ "clusterName": "prod" }));
    call(
        &cloud,
        "RegisterTaskDefinition",
        &json!({
            "family": "sample", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "containerDefinitions": [{ "name": "app", "image": "sample:1", "stopTimeout": 5 }],
        }),
    );
    call(
        &cloud,
        "CreateService",
        &json!({
            "cluster": "prod", "serviceName": "sample", "taskDefinition": "sample", "desiredCount": 2,
            "launchType": "FARGATE",
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        }),
    );
    // Only a deployment that came to its end is one to go back to.
    let is_steady = || service(&cloud)["deployments"][0]["rolloutState"] == "COMPLETED";
    wait_until("both tasks run and the deployment is over", is_steady);
    cloud
}

pub(crate) fn call(cloud: &Cloud, operation: &str, input: &Value) -> Value {
    answered(operation, api::ecs(cloud.endpoint(), operation, input))
}

fn autoscaling(cloud: &Cloud, operation: &str, input: &Value) -> Value {
    let (service, target) = ("application-autoscaling", "AnyScaleFrontendService");
    answered(operation, api::json(cloud.endpoint(), service, target, operation, input))
}

fn answered(operation: &str, answer: api::Answer) -> Value {
    let (status, body) = answer.unwrap();
    assert_eq!(status, 200, "{operation}: {body}");
    serde_json::from_str(&body).unwrap()
}

fn service(cloud: &Cloud) -> Value {
    let described = call(cloud, "DescribeServices", &json!({ "cluster": "prod", "services": ["sample"] }));
    described["services"][0].clone()
}

/// The exit code, and the last line of JSON.
pub(crate) fn asked(cloud: &Cloud, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = tidegate(cloud, arguments).args(["--output", "json"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = said.lines().last().unwrap_or_else(|| panic!("{}", told(&output)));
    (output.status.code(), serde_json::from_str(last).unwrap())
}

pub(crate) fn tidegate(cloud: &Cloud, arguments: &[&str]) -> Command {
    let config = cloud.folder().join("sample.yml");
    std::fs::write(&config, "cluster: prod\nservice: sample\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.arg("--config").arg(&config).args(arguments).envs(cloud.aws_environment());
    command.env("TIDEGATE_TICK_MS", "100");
    command
}

pub(crate) fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
