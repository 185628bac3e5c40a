//! What a world is made of before anything happens: a cluster, task definitions, a target group behind a rule, a service.

use std::{collections::BTreeMap, time::Duration};

use fastrand::Rng;
use serde_json::json;
use tidegate_models::{
    Timestamp,
    ecs::{
        ContainerDefinition, DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentControllerType,
        DeploymentEarlySuccessCriteria, LoadBalancer, SchedulingStrategy, ServiceRevisionCleanup,
        ThresholdConfiguration, ThresholdType,
    },
};

use super::runtime::{CONTAINER, PORT};
use crate::{
    State,
    ecs::records::{RevisionTemplate, Service, ServiceEcho, ServiceStatus, TaskDefinition},
    elbv2::records::{Rule, TargetGroup},
};

pub(super) const CLUSTER: &str = "arn:aws:ecs:eu-west-1:123456789012:cluster/c";
pub(super) const SERVICE: &str = "arn:aws:ecs:eu-west-1:123456789012:service/c/web";
const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef";
const FAMILY: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web";

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
    [(100, 200), (100, 200), (50, 100), (50, 200), (0, 100), (100, 125), (75, 150), (0, 200), (100, 100)];

impl Setup {
    pub(super) fn any(rng: &mut Rng) -> Self {
        let (minimum_percent, maximum_percent) = PERCENTAGES[rng.usize(..PERCENTAGES.len())];
        let daemon = rng.u8(..20) == 0;
        let (minimum_percent, maximum_percent) =
            if daemon { (0, 100) } else { (minimum_percent, maximum_percent) };
        Self {
            desired: if daemon { 1 } else { rng.u32(..=5) },
            minimum_percent,
            maximum_percent,
            breaker: any_breaker(rng),
            early_success: (rng.u8(..6) == 0).then(|| any_early_success(rng, minimum_percent)),
            strategy: if daemon { SchedulingStrategy::Daemon } else { SchedulingStrategy::Replica },
            grace: Duration::from_secs(if rng.bool() { 0 } else { rng.u64(1..60) }),
            load_balanced: rng.u8(..4) != 0,
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

    /// The ARN of the target group, if there is one.
    pub(super) fn group(&self) -> Option<String> {
        self.load_balanced.then(|| GROUP.to_owned())
    }

    /// Puts the world's things into `state`, without a service.
    pub(super) fn lay_out(&self, state: &mut State) {
        if self.load_balanced {
            let delay = self.drains_for.as_secs().to_string();
            let attributes = BTreeMap::from([("deregistration_delay.timeout_seconds".to_owned(), delay)]);
            let group = TargetGroup {
                arn: GROUP.to_owned(),
                document: Default::default(),
                attributes,
                targets: Vec::new(),
            };
            state.target_groups.insert(GROUP, group);
            let action = json!({"Type": "forward", "TargetGroupArn": GROUP});
            let rule = Rule {
                arn: "rule".to_owned(),
                listener_arn: "listener".to_owned(),
                priority: None,
                conditions: Vec::new(),
                actions: vec![serde_json::from_value(action).unwrap()],
            };
            state.rules.insert("rule", rule);
        }
    }

    /// Registers revision `number` of the task definition. Answers its ARN.
    pub(super) fn register(&self, state: &mut State, number: u32) -> String {
        let check = json!({"command": ["CMD", "true"]});
        let health_check = self.checks_containers.then(|| serde_json::from_value(check).unwrap());
        let container = ContainerDefinition {
            name: Some(CONTAINER.to_owned()),
            image: Some(format!("web:{number}")),
            health_check,
            ..ContainerDefinition::default()
        };
        let document = tidegate_models::ecs::TaskDefinition {
            container_definitions: Some(vec![container]),
            ..Default::default()
        };
        state.task_definitions.insert(&TaskDefinition::key(FAMILY, number), TaskDefinition { document });
        format!("{FAMILY}:{number}")
    }

    /// The row of a new service.
    pub(super) fn service(&self, task_definition: &str, now: Timestamp) -> Service {
        let load_balancer = LoadBalancer {
            target_group_arn: self.group(),
            container_name: Some(CONTAINER.to_owned()),
            container_port: Some(i32::from(PORT)),
            ..LoadBalancer::default()
        };
        Service {
            arn: SERVICE.to_owned(),
            name: "web".to_owned(),
            cluster_arn: CLUSTER.to_owned(),
            status: ServiceStatus::Active,
            desired_count: self.desired,
            scheduling_strategy: self.strategy,
            controller: DeploymentControllerType::Ecs,
            template: RevisionTemplate {
                task_definition: task_definition.to_owned(),
                load_balancers: if self.load_balanced { vec![load_balancer] } else { Vec::new() },
                network_configuration: None,
                launch_type: None,
                capacity_provider_strategy: Vec::new(),
                platform_version: None,
                service_registries: Vec::new(),
                service_connect_configuration: None,
                volume_configurations: Vec::new(),
                vpc_lattice_configurations: Vec::new(),
            },
            deployment_configuration: self.configuration(),
            health_check_grace_period_seconds: u32::try_from(self.grace.as_secs()).unwrap_or(0),
            deployments: Vec::new(),
            last_completed: None,
            current_service_deployment: None,
            created_at: now,
            deleted_at: None,
            steady_since: None,
            echo: ServiceEcho::default(),
        }
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
