//! What a world is made of before anything happens: a cluster, a load balancer, a service's settings.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tidegate_models::ecs::{
    DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentEarlySuccessCriteria, SchedulingStrategy,
    ServiceRevisionCleanup, ThresholdConfiguration, ThresholdType,
};

use super::{
    runtime::{CONTAINER, PORT},
    world::World,
};

pub(super) const CLUSTER: &str = "c";
pub(super) const SERVICE: &str = "arn:aws:ecs:eu-west-1:123456789012:service/c/web";
pub(super) const ELB: &str = "elasticloadbalancing";

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
        let (minimum_percent, maximum_percent) =
            if daemon { (0, 100) } else { (minimum_percent, maximum_percent) };
        Self {
            desired: if daemon { 1 } else { rng.u32(..=5) },
            minimum_percent,
            maximum_percent,
            breaker: any_breaker(rng),
            early_success: (rng.u8(..6) == 0).then(|| any_early_success(rng, minimum_percent)),
            strategy: if daemon { SchedulingStrategy::Daemon } else { SchedulingStrategy::Replica },
            grace: Duration::from_secs(if load_balanced && rng.bool() { rng.u64(1..60) } else { 0 }),
            load_balanced,
            checks_containers: rng.u8(..3) == 0,
            drains_for: Duration::from_secs([0, 5, 30, 300][rng.usize(..4)]),
        }
    }

    pub(super) fn configuration(&self) -> DeploymentConfiguration {
        DeploymentConfiguration {
            minimum_healthy_percent: Some(self.minimum_percent),
            maximum_percent: Some(self.maximum_percent),
            deployment_circuit_breaker: self.breaker.clone(),
            early_success_criteria: self.early_success.clone(),
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
    pub(super) fn service(&self, task_definition: &str, group: Option<&str>) -> Value {
        let mut input = json!({
            "cluster": CLUSTER, "serviceName": "web", "taskDefinition": task_definition,
            "schedulingStrategy": self.strategy,
            "deploymentConfiguration": self.configuration(),
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        });
        if self.strategy == SchedulingStrategy::Replica {
            input["desiredCount"] = json!(self.desired);
        }
        if let Some(group) = group {
            input["loadBalancers"] =
                json!([{"targetGroupArn": group, "containerName": CONTAINER, "containerPort": PORT}]);
            input["healthCheckGracePeriodSeconds"] = json!(self.grace.as_secs());
        }
        input
    }
}

impl World {
    /// A cluster and, if the service is to be behind one, a load balancer. Answers the ARN of the target group.
    pub(super) fn lay_out(&mut self) -> Option<String> {
        self.call("ecs", "CreateCluster", json!({"clusterName": CLUSTER}));
        if !self.setup.load_balanced {
            return None;
        }
        let delay = self.setup.drains_for.as_secs().to_string();
        let balancer =
            self.call(ELB, "CreateLoadBalancer", json!({"Name": "web", "Subnets": ["subnet-1", "subnet-2"]}));
        let group = self.call(
            ELB,
            "CreateTargetGroup",
            json!({"Name": "web", "Protocol": "HTTP", "Port": PORT, "VpcId": "vpc-1", "TargetType": "ip"}),
        );
        let group = group["TargetGroups"][0]["TargetGroupArn"].as_str()?.to_owned();
        self.call(
            ELB,
            "ModifyTargetGroupAttributes",
            json!({
                "TargetGroupArn": group,
                "Attributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": delay}],
            }),
        );
        self.call(
            ELB,
            "CreateListener",
            json!({
                "LoadBalancerArn": balancer["LoadBalancers"][0]["LoadBalancerArn"], "Protocol": "HTTP", "Port": 80,
                "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}],
            }),
        );
        Some(group)
    }
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
