//! What a world is made of before anything happens: a cluster, a load balancer, a service's settings.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tidegate_models::ecs::{
    DeploymentAlarms, DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentControllerType,
    DeploymentEarlySuccessCriteria, SchedulingStrategy, ServiceRevisionCleanup, ThresholdConfiguration,
    ThresholdType,
};

use super::{
    runtime::{CONTAINER, PORT},
    world::World,
};

pub(super) const CLUSTER: &str = "c";
pub(super) const SERVICE: &str = "arn:aws:ecs:eu-west-1:123456789012:service/c/web";
pub(super) const ELB: &str = "elasticloadbalancing";
pub(super) const CLOUDWATCH: &str = "monitoring";

/// What the ARNs of alarms begin with.
pub(super) const ALARM_ARN: &str = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:";

/// The alarms of every world. They are composite ones whose rule never holds, so that only those who set them move them.
pub(super) const ALARMS: [&str; 2] = ["errors", "latency"];

/// How a service is set up.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) desired: u32,
    pub(super) minimum_percent: i32,
    pub(super) maximum_percent: i32,
    pub(super) breaker: Option<DeploymentCircuitBreaker>,
    pub(super) early_success: Option<DeploymentEarlySuccessCriteria>,
    pub(super) strategy: SchedulingStrategy,
    pub(super) grace: Duration,
    pub(super) load_balanced: bool,
    pub(super) checks_containers: bool,
    pub(super) drains_for: Duration,
    /// Who deploys the service.
    pub(super) controller: DeploymentControllerType,
    /// What a deployment configuration has besides, when traffic moves in stages between two target groups.
    pub(super) stages: Option<Value>,
    /// `deploymentConfiguration.alarms`.
    pub(super) alarms: Option<DeploymentAlarms>,
}

/// The two target groups and the rule of the service, in the order of the service's members.
#[derive(Clone, Debug, Default)]
pub(super) struct Behind {
    pub(super) groups: Vec<String>,
    pub(super) production_rule: String,
    pub(super) test_rule: String,
}

impl Default for Setup {
    /// Three tasks behind a load balancer, AWS's percentages, a breaker that rolls back.
    fn default() -> Self {
        Self {
            desired: 3,
            minimum_percent: 100,
            maximum_percent: 200,
            breaker: Some(DeploymentCircuitBreaker { enable: true, rollback: true, ..Default::default() }),
            early_success: None,
            strategy: SchedulingStrategy::Replica,
            grace: Duration::ZERO,
            load_balanced: true,
            checks_containers: false,
            drains_for: Duration::from_secs(5),
            controller: DeploymentControllerType::Ecs,
            stages: None,
            alarms: None,
        }
    }
}

/// Percentages, of which some can be stuck at some counts.
pub(super) const PERCENTAGES: [(i32, i32); 9] =
    [(100, 200), (100, 200), (50, 100), (50, 200), (0, 100), (100, 125), (75, 150), (0, 200), (90, 110)];

impl Setup {
    pub(super) fn any(rng: &mut Rng) -> Self {
        let (minimum_percent, maximum_percent) = PERCENTAGES[rng.usize(..PERCENTAGES.len())];
        let daemon = rng.u8(..20) == 0;
        let load_balanced = rng.u8(..4) != 0;
        let stages = (!daemon && load_balanced && rng.u8(..3) == 0).then(|| any_stages(rng));
        let (minimum_percent, maximum_percent) =
            if daemon { (0, 100) } else { (minimum_percent, maximum_percent) };
        Self {
            desired: if daemon { 1 } else { rng.u32(..=5) },
            minimum_percent,
            maximum_percent,
            breaker: any_breaker(rng),
            early_success: (stages.is_none() && rng.u8(..6) == 0)
                .then(|| any_early_success(rng, minimum_percent)),
            strategy: if daemon { SchedulingStrategy::Daemon } else { SchedulingStrategy::Replica },
            grace: Duration::from_secs(if load_balanced && rng.bool() { rng.u64(1..60) } else { 0 }),
            load_balanced,
            checks_containers: rng.u8(..3) == 0,
            drains_for: Duration::from_secs([0, 5, 30, 300][rng.usize(..4)]),
            controller: DeploymentControllerType::Ecs,
            stages,
            alarms: (rng.u8(..3) == 0).then(|| any_alarms(rng)),
        }
    }

    pub(super) fn configuration(&self) -> DeploymentConfiguration {
        DeploymentConfiguration {
            minimum_healthy_percent: Some(self.minimum_percent),
            maximum_percent: Some(self.maximum_percent),
            deployment_circuit_breaker: self.breaker.clone(),
            early_success_criteria: self.early_success.clone(),
            alarms: self.alarms.clone(),
            ..DeploymentConfiguration::default()
        }
    }

    /// The input of `RegisterTaskDefinition`.
    pub(super) fn task_definition(&self) -> Value {
        let mut container = json!({
            "name": CONTAINER, "image": "web:latest", "memory": 64, "portMappings": [{"containerPort": PORT}],
        });
        if self.checks_containers {
            container["healthCheck"] = json!({"command": ["CMD", "true"]});
        }
        json!({"family": "web", "networkMode": "awsvpc", "containerDefinitions": [container]})
    }

    /// The input of `CreateService`.
    pub(super) fn service(&self, task_definition: &str, behind: Option<&Behind>) -> Value {
        let mut input = json!({
            "cluster": CLUSTER, "serviceName": "web", "taskDefinition": task_definition,
            "schedulingStrategy": self.strategy,
            "deploymentConfiguration": self.configuration(),
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        });
        if self.controller != DeploymentControllerType::Ecs {
            input["deploymentController"] = json!({"type": self.controller});
        }
        if self.strategy == SchedulingStrategy::Replica {
            input["desiredCount"] = json!(self.desired);
        }
        if self.controller == DeploymentControllerType::External {
            // What its tasks are is up to its task sets.
            for member in ["taskDefinition", "networkConfiguration"] {
                input.as_object_mut().unwrap().remove(member);
            }
            return input;
        }
        if let Some(behind) = behind {
            let mut balancer = json!({"targetGroupArn": behind.groups[0], "containerName": CONTAINER, "containerPort": PORT});
            if let Some(stages) = &self.stages {
                balancer["advancedConfiguration"] = json!({
                    "alternateTargetGroupArn": behind.groups[1], "productionListenerRule": behind.production_rule,
                    "testListenerRule": behind.test_rule, "roleArn": "arn:aws:iam::123456789012:role/ecs",
                });
                for (member, value) in stages.as_object().unwrap() {
                    input["deploymentConfiguration"][member] = value.clone();
                }
            }
            input["loadBalancers"] = json!([balancer]);
            input["healthCheckGracePeriodSeconds"] = json!(self.grace.as_secs());
        }
        input
    }
}

impl World {
    /// A cluster and, if the service is to be behind one, a load balancer with a production and a test listener.
    pub(super) fn lay_out(&mut self) -> Option<Behind> {
        self.call("ecs", "CreateCluster", json!({"clusterName": CLUSTER}));
        for name in ALARMS {
            self.call(CLOUDWATCH, "PutCompositeAlarm", json!({"AlarmName": name, "AlarmRule": "FALSE"}));
        }
        if !self.setup.load_balanced {
            return None;
        }
        let balancer =
            self.call(ELB, "CreateLoadBalancer", json!({"Name": "web", "Subnets": ["subnet-1", "subnet-2"]}));
        let balancer = balancer["LoadBalancers"][0]["LoadBalancerArn"].as_str()?.to_owned();
        let groups = vec![self.target_group("web"), self.target_group("web-2")];
        let production_rule = self.listener(&balancer, 80, &groups);
        let test_rule = self.listener(&balancer, 81, &groups);
        Some(Behind { groups, production_rule, test_rule })
    }

    fn target_group(&mut self, name: &str) -> String {
        let input =
            json!({"Name": name, "Protocol": "HTTP", "Port": PORT, "VpcId": "vpc-1", "TargetType": "ip"});
        let group = self.call(ELB, "CreateTargetGroup", input);
        let group = group["TargetGroups"][0]["TargetGroupArn"].as_str().unwrap().to_owned();
        let delay = self.setup.drains_for.as_secs().to_string();
        let attributes = json!([{"Key": "deregistration_delay.timeout_seconds", "Value": delay}]);
        self.call(
            ELB,
            "ModifyTargetGroupAttributes",
            json!({"TargetGroupArn": group, "Attributes": attributes}),
        );
        group
    }

    /// A listener that sends everything to the first group. Answers the ARN of its default rule.
    fn listener(&mut self, balancer: &str, port: u16, groups: &[String]) -> String {
        let weighted = json!([
            {"TargetGroupArn": groups[0], "Weight": 100}, {"TargetGroupArn": groups[1], "Weight": 0},
        ]);
        let actions = json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": weighted}}]);
        let input = json!({
            "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": port, "DefaultActions": actions,
        });
        let listener = self.call(ELB, "CreateListener", input)["Listeners"][0]["ListenerArn"].clone();
        let rules = self.call(ELB, "DescribeRules", json!({"ListenerArn": listener}));
        rules["Rules"][0]["RuleArn"].as_str().unwrap().to_owned()
    }
}

/// A strategy with bakes short enough to see many of them.
fn any_stages(rng: &mut Rng) -> Value {
    let bake = rng.i32(0..3);
    let hooks: Vec<Value> = (0..if rng.bool() { rng.u8(1..4) } else { 0 }).map(|_| any_hook(rng)).collect();
    let base = json!({"bakeTimeInMinutes": bake, "lifecycleHooks": hooks});
    let (strategy, member, value) = match rng.u8(..3) {
        0 => return with(base, json!({"strategy": "BLUE_GREEN"})),
        1 => {
            let step = [10.0, 25.0, 33.3, 50.0, 100.0][rng.usize(..5)];
            (
                "LINEAR",
                "linearConfiguration",
                json!({"stepPercent": step, "stepBakeTimeInMinutes": rng.i32(0..2)}),
            )
        }
        _ => {
            let canary = [0.1, 5.0, 50.0][rng.usize(..3)];
            (
                "CANARY",
                "canaryConfiguration",
                json!({"canaryPercent": canary, "canaryBakeTimeInMinutes": rng.i32(0..3)}),
            )
        }
    };
    with(base, json!({"strategy": strategy, member: value}))
}

/// A pause that nobody ends but its time-out, or a function.
fn any_hook(rng: &mut Rng) -> Value {
    let (target, stages) = match rng.u8(..3) {
        0 => (json!({"targetType": "PAUSE"}), &PAUSES[..]),
        _ => (function(), &STAGES[..]),
    };
    let action = if rng.u8(..3) == 0 { "ROLLBACK" } else { "CONTINUE" };
    let stages: Vec<&str> = (0..rng.u8(1..4)).map(|_| stages[rng.usize(..stages.len())]).collect();
    let timeout = json!({"timeoutInMinutes": rng.i32(1..3), "action": action});
    with(target, json!({"lifecycleStages": stages, "timeoutConfiguration": timeout}))
}

/// A hook that calls a function, but for its stages.
pub(super) fn function() -> Value {
    json!({"hookTargetArn": FUNCTION, "roleArn": "arn:aws:iam::123456789012:role/hooks"})
}

pub(super) const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:check";

/// The stages that can be paused at.
pub(super) const PAUSES: [&str; 6] = [
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
];

/// The stages that have hooks, in their order.
pub(super) const STAGES: [&str; 8] = [
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
];

pub(super) fn any_alarms(rng: &mut Rng) -> DeploymentAlarms {
    let count = rng.usize(1..=ALARMS.len());
    DeploymentAlarms {
        alarm_names: ALARMS[..count].iter().map(|name| (*name).to_owned()).collect(),
        enable: rng.u8(..6) != 0,
        rollback: rng.u8(..4) != 0,
    }
}

pub(super) fn with(mut base: Value, more: Value) -> Value {
    for (member, value) in more.as_object().unwrap() {
        base[member] = value.clone();
    }
    base
}

pub(super) fn any_breaker(rng: &mut Rng) -> Option<DeploymentCircuitBreaker> {
    if rng.u8(..4) == 0 {
        return None;
    }
    let kinds = [ThresholdType::BoundedPercent, ThresholdType::UnboundedPercent, ThresholdType::Count];
    let threshold_configuration = (rng.u8(..3) == 0)
        .then(|| ThresholdConfiguration { r#type: kinds[rng.usize(..3)], value: rng.i32(1..=8) });
    Some(DeploymentCircuitBreaker {
        enable: true,
        rollback: rng.u8(..4) != 0,
        reset_on_healthy_task: (rng.u8(..3) == 0).then(|| rng.bool()),
        threshold_configuration,
    })
}

fn any_early_success(rng: &mut Rng, minimum_percent: i32) -> DeploymentEarlySuccessCriteria {
    let cleanup =
        if rng.bool() { ServiceRevisionCleanup::Blocking } else { ServiceRevisionCleanup::Deferred };
    DeploymentEarlySuccessCriteria {
        enable: true,
        healthy_percent: Some(rng.i32(minimum_percent..=100)),
        source_service_revision_cleanup: Some(cleanup),
    }
}
