//! CodeDeploy: applications, groups, configurations, revisions, deployments and their targets.

mod applications;
mod configs;
mod course;
mod deployments;
mod groups;
mod revisions;
mod tags;

use serde_json::{Value, json};

use crate::cloud::{Cloud, forward, text};

const ACCOUNT: &str = "eu-west-1:123456789012";

fn call(cloud: &mut Cloud, operation: &str, input: Value) -> Value {
    cloud.at("codedeploy", |cloud| cloud.call(operation, input))
}

#[track_caller]
fn refusal(cloud: &mut Cloud, operation: &str, input: Value) -> String {
    cloud.at("codedeploy", |cloud| cloud.refusal(operation, input))
}

/// Puts members in place of others, also inner ones that are named by a pointer; null takes one away.
pub(crate) fn with(mut base: Value, pointer: &str, value: Value) -> Value {
    if let (Some(inner), false) = (base.pointer_mut(pointer), value.is_null()) {
        *inner = value;
        return base;
    }
    let (outer, member) = pointer.rsplit_once('/').unwrap();
    let outer = base.pointer_mut(outer).unwrap();
    match value {
        Value::Null => drop(outer.as_object_mut().unwrap().remove(member)),
        value => outer[member] = value,
    }
    base
}

/// What the guide's Terraform makes before CodeDeploy comes, with a service that wants no task.
pub(crate) struct Stage {
    pub(crate) cloud: Cloud,
    load_balancer: String,
    blue: String,
    green: String,
    pub(crate) production: String,
    pub(crate) test: String,
}

fn stage() -> Stage {
    let mut cloud = Cloud::new();
    cloud.call("CreateCluster", json!({ "clusterName": "prod" }));
    for _ in 0..3 {
        cloud.call("RegisterTaskDefinition", definition());
    }
    let (blue, green) = (cloud.target_group("app-blue"), cloud.target_group("app-green"));
    let load_balancer = cloud.load_balancer("app");
    let production = cloud.listener(&load_balancer, 443, forward(&blue));
    let test = cloud.listener(&load_balancer, 8443, forward(&green));
    cloud.call("CreateService", service(&blue));
    Stage { cloud, load_balancer, blue, green, production, test }
}

fn definition() -> Value {
    json!({
        "family": "app", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            { "name": "app", "image": "app:1", "portMappings": [{ "containerPort": 8080 }] },
        ],
    })
}

fn service(group: &str) -> Value {
    json!({
        "cluster": "prod", "serviceName": "app", "taskDefinition": "app:1", "desiredCount": 0,
        "launchType": "FARGATE", "deploymentController": { "type": "CODE_DEPLOY" },
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        "loadBalancers": [{ "targetGroupArn": group, "containerName": "app", "containerPort": 8080 }],
    })
}

/// The guide's deployment group, field by field.
pub(crate) fn group(stage: &Stage) -> Value {
    json!({
        "applicationName": "app-deploy", "deploymentGroupName": "app-dg",
        "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
        "serviceRoleArn": "arn:aws:iam::123456789012:role/codedeploy",
        "autoRollbackConfiguration": {
            "enabled": true, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"],
        },
        "blueGreenDeploymentConfiguration": {
            "deploymentReadyOption": { "actionOnTimeout": "CONTINUE_DEPLOYMENT" },
            "terminateBlueInstancesOnDeploymentSuccess": {
                "action": "TERMINATE", "terminationWaitTimeInMinutes": 5,
            },
        },
        "deploymentStyle": { "deploymentOption": "WITH_TRAFFIC_CONTROL", "deploymentType": "BLUE_GREEN" },
        "ecsServices": [{ "clusterName": "prod", "serviceName": "app" }],
        "loadBalancerInfo": { "targetGroupPairInfoList": [{
            "prodTrafficRoute": { "listenerArns": [stage.production] },
            "testTrafficRoute": { "listenerArns": [stage.test] },
            "targetGroups": [{ "name": "app-blue" }, { "name": "app-green" }],
        }] },
    })
}

/// [`stage`], with the guide's application.
pub(crate) fn with_application() -> Stage {
    let mut stage = stage();
    let input = json!({ "applicationName": "app-deploy", "computePlatform": "ECS" });
    call(&mut stage.cloud, "CreateApplication", input);
    stage
}

/// [`with_application`], with the guide's group.
fn with_group() -> Stage {
    with_changed_group("/deploymentConfigName", json!("CodeDeployDefault.ECSAllAtOnce"))
}

/// [`with_application`], with the guide's group but for one member.
fn with_changed_group(pointer: &str, value: Value) -> Stage {
    let mut stage = with_application();
    let input = with(group(&stage), pointer, value);
    call(&mut stage.cloud, "CreateDeploymentGroup", input);
    stage
}

fn definition_arn(revision: u32) -> String {
    format!("arn:aws:ecs:{ACCOUNT}:task-definition/app:{revision}")
}

/// The guide's AppSpec.
pub(crate) fn app_spec(revision: u32) -> Value {
    json!({
        "version": "0.0",
        "Resources": [{ "TargetService": { "Type": "AWS::ECS::Service", "Properties": {
            "TaskDefinition": definition_arn(revision),
            "LoadBalancerInfo": { "ContainerName": "app", "ContainerPort": 8080 },
        } } }],
    })
}

/// The guide's call, with an AppSpec.
pub(crate) fn deployment(spec: &Value) -> Value {
    json!({
        "applicationName": "app-deploy", "deploymentGroupName": "app-dg",
        "revision": {
            "revisionType": "AppSpecContent", "appSpecContent": { "content": spec.to_string() },
        },
    })
}

/// Starts a deployment. Answers its id.
fn deploy(cloud: &mut Cloud, spec: &Value) -> String {
    text(&call(cloud, "CreateDeployment", deployment(spec))["deploymentId"])
}

fn described(cloud: &mut Cloud, id: &str) -> Value {
    call(cloud, "GetDeployment", json!({ "deploymentId": id }))["deploymentInfo"].clone()
}
