//! The cells of strategy × controller, and the stage that each is played on.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_rollout::{
    Percent, Strategy,
    names::ServiceName,
    strategy::{CanaryStep, Candidate, DeploymentGroup, Traffic},
};

use crate::world::World;

pub(crate) const CLUSTER: &str = "prod";
pub(crate) const SERVICE: &str = "web";
const CANDIDATE: &str = "web-candidate";
const TASKS: u32 = 2;
const MINUTE: i64 = 60_000;

/// A cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) strategy: &'static str,
    pub(crate) controller: &'static str,
}

impl Cell {
    /// How the deployer is told.
    pub(crate) fn strategy(self) -> Strategy {
        let traffic = match self.strategy {
            "blue_green" => Traffic::BlueGreen { bake: MINUTE },
            "linear" => Traffic::Linear { step: Percent::whole(50), step_bake: MINUTE, bake: MINUTE },
            _ => Traffic::Canary {
                steps: vec![CanaryStep { weight: Percent::whole(10), bake: MINUTE }],
                bake: MINUTE,
            },
        };
        match (self.strategy, self.controller) {
            ("rolling", _) => Strategy::Rolling,
            (_, "ecs") => Strategy::Ecs(traffic),
            (_, "code_deploy") => Strategy::CodeDeploy(
                traffic,
                DeploymentGroup {
                    application: "web".into(),
                    group: "web".into(),
                    config: None,
                    hooks: std::collections::BTreeMap::new(),
                },
            ),
            _ => Strategy::Alb(
                traffic,
                Candidate {
                    service: ServiceName::parse(CANDIDATE).unwrap_or_else(|error| panic!("{error}")),
                    rule: None,
                },
            ),
        }
    }
}

impl Cell {
    /// How long it takes until somebody starts a deployer again that died.
    pub(crate) fn until_started_again(self) -> Duration {
        match self.controller {
            // CodeDeploy goes on alone meanwhile, and has no hook that waits for an answer: without the deployer
            // nobody asks the gates, and a failing release is promoted once its time is over.
            "code_deploy" => Duration::from_secs(10),
            // The lease of whoever was killed runs out meanwhile.
            _ => Duration::from_mins(3),
        }
    }
}

/// What is on the stage.
pub(crate) struct Stage {
    pub(crate) rule: String,
    pub(crate) stable: String,
}

/// Puts up what a cell needs: steady within a minute.
pub(crate) fn set(world: &mut World, cell: Cell) -> Stage {
    world.call("ecs", "CreateCluster", json!({ "clusterName": CLUSTER }));
    let definition = world.call("ecs", "RegisterTaskDefinition", definition(1));
    let stable = text(&definition, "/taskDefinition/taskDefinitionArn");
    let balancer = world.call(
        "elasticloadbalancing",
        "CreateLoadBalancer",
        json!({
            "Name": "web", "Subnets": ["subnet-1", "subnet-2"],
        }),
    );
    let balancer = text(&balancer, "/LoadBalancers/0/LoadBalancerArn");
    let (stable_group, other_group) = (group(world, "stable"), group(world, "other"));
    let production = listener(world, &balancer, 80, &stable_group, &other_group);
    let rule = default_rule(world, &production);
    match cell.controller {
        "code_deploy" => {
            let test = listener(world, &balancer, 8080, &stable_group, &other_group);
            for (listener, group) in [(&production, &stable_group), (&test, &stable_group)] {
                world.call("elasticloadbalancing", "ModifyListener", json!({
                    "ListenerArn": listener, "DefaultActions": [{ "Type": "forward", "TargetGroupArn": group }],
                }));
            }
            let mut service = service(SERVICE, &stable_group, TASKS);
            service["deploymentController"] = json!({ "type": "CODE_DEPLOY" });
            world.call("ecs", "CreateService", service);
            world.call(
                "codedeploy",
                "CreateApplication",
                json!({ "applicationName": "web", "computePlatform": "ECS" }),
            );
            world.call("codedeploy", "CreateDeploymentGroup", deployment_group(&production, &test));
        }
        "alb" => {
            world.call("ecs", "CreateService", service(SERVICE, &stable_group, TASKS));
            world.call("ecs", "CreateService", service(CANDIDATE, &other_group, 0));
        }
        _ if cell.strategy == "rolling" => {
            let mut service = service(SERVICE, &stable_group, TASKS);
            service["deploymentConfiguration"] = json!({
                "deploymentCircuitBreaker": { "enable": true, "rollback": true },
            });
            world.call("ecs", "CreateService", service);
        }
        _ => {
            let mut service = service(SERVICE, &stable_group, TASKS);
            service["deploymentConfiguration"] = json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1 });
            service["loadBalancers"][0]["advancedConfiguration"] = json!({
                "alternateTargetGroupArn": other_group, "productionListenerRule": rule,
                "roleArn": "arn:aws:iam::123456789012:role/ecs",
            });
            world.call("ecs", "CreateService", service);
        }
    }
    world.open(&balancer);
    Stage { rule, stable }
}

/// The task definition, in its first or a later version.
pub(crate) fn definition(version: u32) -> Value {
    json!({
        "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{
            "name": "app", "image": format!("web:{version}"), "essential": true,
            "portMappings": [{ "containerPort": 8080 }],
        }],
    })
}

fn service(name: &str, group: &str, tasks: u32) -> Value {
    json!({
        "cluster": CLUSTER, "serviceName": name, "taskDefinition": "web:1", "desiredCount": tasks,
        "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        "loadBalancers": [{ "targetGroupArn": group, "containerName": "app", "containerPort": 8080 }],
    })
}

fn deployment_group(production: &str, test: &str) -> Value {
    json!({
        "applicationName": "web", "deploymentGroupName": "web",
        "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
        "serviceRoleArn": "arn:aws:iam::123456789012:role/codedeploy",
        "autoRollbackConfiguration": {
            "enabled": true, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"],
        },
        "blueGreenDeploymentConfiguration": {
            "deploymentReadyOption": { "actionOnTimeout": "CONTINUE_DEPLOYMENT" },
            "terminateBlueInstancesOnDeploymentSuccess": {
                "action": "TERMINATE", "terminationWaitTimeInMinutes": 1,
            },
        },
        "deploymentStyle": { "deploymentOption": "WITH_TRAFFIC_CONTROL", "deploymentType": "BLUE_GREEN" },
        "ecsServices": [{ "clusterName": CLUSTER, "serviceName": SERVICE }],
        "loadBalancerInfo": { "targetGroupPairInfoList": [{
            "prodTrafficRoute": { "listenerArns": [production] },
            "testTrafficRoute": { "listenerArns": [test] },
            "targetGroups": [{ "name": "stable" }, { "name": "other" }],
        }] },
    })
}

fn group(world: &mut World, name: &str) -> String {
    let created = world.call(
        "elasticloadbalancing",
        "CreateTargetGroup",
        json!({
            "Name": name, "Protocol": "HTTP", "Port": 8080, "VpcId": "vpc-1", "TargetType": "ip",
        }),
    );
    let arn = text(&created, "/TargetGroups/0/TargetGroupArn");
    world.call(
        "elasticloadbalancing",
        "ModifyTargetGroupAttributes",
        json!({
            "TargetGroupArn": arn,
            "Attributes": [{ "Key": "deregistration_delay.timeout_seconds", "Value": "5" }],
        }),
    );
    arn
}

fn listener(world: &mut World, balancer: &str, port: u16, first: &str, second: &str) -> String {
    let created = world.call(
        "elasticloadbalancing",
        "CreateListener",
        json!({
            "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": port,
            "DefaultActions": [{ "Type": "forward", "ForwardConfig": { "TargetGroups": [
                { "TargetGroupArn": first, "Weight": 100 }, { "TargetGroupArn": second, "Weight": 0 },
            ] } }],
        }),
    );
    text(&created, "/Listeners/0/ListenerArn")
}

fn default_rule(world: &mut World, listener: &str) -> String {
    let rules = world.call("elasticloadbalancing", "DescribeRules", json!({ "ListenerArn": listener }));
    text(&rules, "/Rules/0/RuleArn")
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {pointer} in {value}"))
        .to_owned()
}
