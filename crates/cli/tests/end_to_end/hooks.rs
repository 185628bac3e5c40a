//! Hooks of `tidegate.yml` in a deployment by CodeDeploy: what a function says decides, the one that fails or never
//! answers is named, and `status` tells meanwhile where the deployment stands.

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::{
    api::{codedeploy, ecs, elbv2, element, get},
    cloud::{Cloud, wait_until},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");

#[test]
fn a_hook_that_fails_or_never_answers_throws_the_deployment_back_and_is_named() {
    let functions =
        "  functions:\n    smoke: { command: [/bin/sh, ./smoke.sh] }\n    silent: { command: [\"true\"] }\n";
    // The hour that CodeDeploy waits for a function is half a minute here.
    let cloud = Cloud::start_configured(functions, &["--speed", "120"]);
    std::fs::write(cloud.folder().join("smoke.sh"), "cat > asked.new && mv asked.new asked\n").unwrap();
    set(&cloud);

    let shown = tidegate(&cloud, "AfterInstall: smoke", &["deploy", "--image", "sample:2", "--dry-run"]);
    assert!(told(&shown).contains("AfterInstall  calls smoke; goes back unless"), "{}", told(&shown));

    let deploy =
        command(&cloud, "AfterInstall: smoke", &["deploy", "--image", "sample:2", "--timeout", "5m"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
    let asked = cloud.folder().join("asked");
    wait_until("the function is called", || asked.exists());
    let asked: Value = serde_json::from_slice(&std::fs::read(asked).unwrap()).unwrap();

    let status = tidegate(&cloud, "AfterInstall: smoke", &["--output", "json", "status"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let (deployment, sets) = (&status["code_deploy"]["deployment"], &status["code_deploy"]["task_sets"]);
    assert_eq!(deployment["id"], asked["DeploymentId"], "{status:#}");
    assert_eq!((&deployment["status"], &deployment["stage"]), (&json!("InProgress"), &json!("AfterInstall")));
    let sets: Vec<_> = [0, 1].iter().map(|at| (&sets[*at]["task_definition"], &sets[*at]["share"])).collect();
    assert!(sets[0].0.as_str().is_some_and(|arn| arn.ends_with("hooked:2")), "{status:#}");
    assert_eq!((sets[0].1, sets[1].1), (&json!(0.0), &json!(100.0)), "{status:#}");

    let answer = json!({ "deploymentId": asked["DeploymentId"],
        "lifecycleEventHookExecutionId": asked["LifecycleEventHookExecutionId"], "status": "Failed" });
    call(&cloud, "PutLifecycleEventHookExecutionStatus", &answer);
    let failed = deploy.wait_with_output().unwrap();
    assert_eq!(failed.status.code(), Some(3), "{}", told(&failed));
    assert!(told(&failed).contains("a lifecycle hook failed at AfterInstall (smoke)"), "{}", told(&failed));

    let silent =
        tidegate(&cloud, "BeforeInstall: silent", &["deploy", "--image", "sample:3", "--timeout", "5m"]);
    assert_eq!(silent.status.code(), Some(3), "{}", told(&silent));
    assert!(
        told(&silent).contains("a lifecycle hook failed at BeforeInstall (silent)")
            && told(&silent).contains("timed out while waiting for a status callback"),
        "{}",
        told(&silent)
    );
    let status = tidegate(&cloud, "BeforeInstall: silent", &["status"]);
    assert!(told(&status).contains("hooked:1  PRIMARY"), "{}", told(&status));
}

fn command(cloud: &Cloud, hook: &str, arguments: &[&str]) -> Command {
    let config = cloud.folder().join("hooked.yml");
    std::fs::write(
        &config,
        format!(
            "cluster: hooked\nservice: hooked\nstrategy: blue_green\ncontroller: code_deploy\n\
             blueGreen: {{ bake: 5m }}\n\
             codeDeploy:\n  application: hooked\n  deploymentGroup: hooked\n  hooks: {{ {hook} }}\n"
        ),
    )
    .unwrap();
    let mut command = Command::new(PROGRAM);
    command
        .arg("--config")
        .arg(&config)
        .args(arguments)
        .env_clear()
        .envs(std::env::var("PATH").map(|path| ("PATH", path)))
        .envs(cloud.aws_environment())
        .env("TIDEGATE_TICK_MS", "50");
    command
}

fn tidegate(cloud: &Cloud, hook: &str, arguments: &[&str]) -> Output {
    command(cloud, hook, arguments).output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn call(cloud: &Cloud, operation: &str, input: &Value) {
    let (status, body) = codedeploy(cloud.endpoint(), operation, input).unwrap();
    assert_eq!(status, 200, "{operation}: {body}");
}

/// A service that CodeDeploy deploys, with its two target groups and listeners.
fn set(cloud: &Cloud) {
    let elb = |operation: &str, parameters: &str| {
        let (status, body) = elbv2(cloud.endpoint(), operation, parameters).unwrap();
        assert_eq!(status, 200, "{operation}: {body}");
        body
    };
    let of_ecs = |operation: &str, input: &Value| -> Value {
        let (status, body) = ecs(cloud.endpoint(), operation, input).unwrap();
        assert_eq!(status, 200, "{operation}: {body}");
        serde_json::from_str(&body).unwrap()
    };
    let group = |name: &str| {
        let created = elb(
            "CreateTargetGroup",
            &format!(
                "Name={name}&Protocol=HTTP&Port=8080&VpcId=vpc-1&TargetType=ip&HealthCheckPath=/health\
                 &HealthCheckIntervalSeconds=30&HealthCheckTimeoutSeconds=20&HealthyThresholdCount=2"
            ),
        );
        element(&created, "TargetGroupArn")
    };
    let (blue, _) = (group("blue"), group("green"));
    let balancer =
        elb("CreateLoadBalancer", "Name=hooked&Subnets.member.1=subnet-1&Subnets.member.2=subnet-2");
    let listener = |port: u16| {
        let created = elb(
            "CreateListener",
            &format!(
                "LoadBalancerArn={}&Protocol=HTTP&Port={port}&DefaultActions.member.1.Type=forward\
                 &DefaultActions.member.1.TargetGroupArn={blue}",
                element(&balancer, "LoadBalancerArn")
            ),
        );
        element(&created, "ListenerArn")
    };
    let (production, test) = (listener(8080), listener(8081));
    of_ecs("CreateCluster", &json!({ "clusterName": "hooked" }));
    let definition = json!({
        "family": "hooked", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{ "name": "app", "image": "sample:1", "portMappings": [{ "containerPort": 8080 }] }],
    });
    of_ecs("RegisterTaskDefinition", &definition);
    of_ecs(
        "CreateService",
        &json!({
            "cluster": "hooked", "serviceName": "hooked", "taskDefinition": "hooked:1", "desiredCount": 1,
            "launchType": "FARGATE", "deploymentController": { "type": "CODE_DEPLOY" },
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
            "loadBalancers": [{ "targetGroupArn": blue, "containerName": "app", "containerPort": 8080 }],
        }),
    );
    call(cloud, "CreateApplication", &json!({ "applicationName": "hooked", "computePlatform": "ECS" }));
    call(
        cloud,
        "CreateDeploymentGroup",
        &json!({
            "applicationName": "hooked", "deploymentGroupName": "hooked",
            "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
            "serviceRoleArn": "arn:aws:iam::000000000000:role/codedeploy",
            "autoRollbackConfiguration": { "enabled": true, "events": ["DEPLOYMENT_FAILURE"] },
            "blueGreenDeploymentConfiguration": {
                "deploymentReadyOption": { "actionOnTimeout": "CONTINUE_DEPLOYMENT" },
                "terminateBlueInstancesOnDeploymentSuccess": {
                    "action": "TERMINATE", "terminationWaitTimeInMinutes": 5,
                },
            },
            "deploymentStyle": { "deploymentOption": "WITH_TRAFFIC_CONTROL", "deploymentType": "BLUE_GREEN" },
            "ecsServices": [{ "clusterName": "hooked", "serviceName": "hooked" }],
            "loadBalancerInfo": { "targetGroupPairInfoList": [{
                "prodTrafficRoute": { "listenerArns": [production] },
                "testTrafficRoute": { "listenerArns": [test] },
                "targetGroups": [{ "name": "blue" }, { "name": "green" }],
            }] },
        }),
    );
    let address = format!("{}:8080", element(&balancer, "DNSName"));
    wait_until("the first release answers", || matches!(get(&address, "/"), Ok((200, _))));
}
