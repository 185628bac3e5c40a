//! Sets a service up behind a load balancer of its own: the stage of a rehearsal.
//!
//! It calls the AWS API like any user, and is meant for a local cloud: it makes a cluster, a load balancer and a service with
//! short health checks. It never touches what exists. Start with [`Client::provision`].

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use aws_sdk_ecs::types::{
    AwsVpcConfiguration, DeploymentCircuitBreaker, DeploymentConfiguration, DesiredStatus, LaunchType,
    LoadBalancer, NetworkConfiguration,
};
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ProtocolEnum, TargetGroupAttribute, TargetTypeEnum,
};
use serde_json::Value;
use tidegate_rollout::{
    Millis,
    names::{ServiceDeploymentArn, ServiceRef, TaskDefinitionArn},
};

use crate::{
    client::{Client, ask},
    ecs::unexpected,
    error::AwsError,
    observe::millis,
    pacing::Bucket,
};

/// What to set up.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The cluster and the service to make.
    pub target: ServiceRef,
    /// The task definition to register, in AWS's camelCase JSON.
    pub definition: Value,
    /// How many tasks.
    pub tasks: u32,
    /// The path of the load balancer's health check.
    pub health_check_path: String,
    /// The port of the listener.
    pub listener_port: u16,
}

/// What was set up.
#[derive(Clone, Debug)]
pub struct Staged {
    /// Where the service answers, for example `http://127.142.0.1:8080/`.
    pub url: String,
    /// The revision that serves.
    pub task_definition: TaskDefinitionArn,
    /// The target group.
    pub target_group: String,
}

/// The moments of a service deployment that a rehearsal reports, in ECS's time; each absent until it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// When ECS took it on.
    pub began_at: Option<Millis>,
    /// When ECS began to roll back.
    pub turned_at: Option<Millis>,
    /// When it ended, either way.
    pub ended_at: Option<Millis>,
}

/// A stage that cannot be set up from this task definition.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// AWS's answer.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// No container has a port that traffic could go to.
    #[error(
        "no container of the task definition maps a port, so no traffic can reach it; give the container that serves a \
         portMappings entry"
    )]
    NoPort,
    /// The service did not get steady in time.
    #[error("the stable revision does not get steady on the local cloud within {}: {said}", seconds(*.after))]
    NotSteady {
        /// How long it was waited for.
        after: Duration,
        /// The last service events.
        said: String,
    },
}

fn seconds(length: Duration) -> String {
    format!("{} s", length.as_secs())
}

/// AWS's shortest health checks, so that a rehearsal is not mostly waiting; and a drain that is long enough for requests of
/// seconds.
const HEALTH_CHECK_SECONDS: i32 = 5;
const DRAIN_SECONDS: &str = "10";

impl Client {
    /// Makes all of it. The service has just been created when this returns: see [`Client::wait_until_steady`].
    pub async fn provision(&self, stage: &Stage) -> Result<Staged, StageError> {
        let (container, port) = serving_port(&stage.definition).ok_or(StageError::NoPort)?;
        let awsvpc = stage.definition["networkMode"] == "awsvpc";
        let name = stage.target.service.short();
        let cluster = stage.target.cluster.as_str();
        ask!(
            self,
            "ecs",
            "CreateCluster",
            Bucket::Elsewhere,
            self.ecs.create_cluster().cluster_name(cluster)
        )?;
        let target_group = self.create_target_group(stage, name, port, awsvpc).await?;
        let (load_balancer, address) = self.create_load_balancer(name).await?;
        let forward =
            Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(&target_group).build();
        let request = self
            .elb
            .create_listener()
            .load_balancer_arn(&load_balancer)
            .protocol(ProtocolEnum::Http)
            .port(i32::from(stage.listener_port))
            .default_actions(forward);
        ask!(self, "elasticloadbalancing", "CreateListener", Bucket::Elsewhere, request)?;
        let task_definition = self.register(&stage.definition).await?;
        self.create_service(stage, &task_definition, &target_group, &container, port, awsvpc).await?;
        let url = format!("http://{address}:{}/", stage.listener_port);
        Ok(Staged { url, task_definition, target_group })
    }

    /// Waits until the service's one deployment is completed, at most `patience`.
    pub async fn wait_until_steady(&self, target: &ServiceRef, patience: Duration) -> Result<(), StageError> {
        let deadline = std::time::Instant::now() + patience;
        loop {
            let service = self.described_service(target).await?;
            let deployments = service["deployments"].as_array().map_or(&[][..], Vec::as_slice);
            if let [only] = deployments
                && only["rolloutState"] == "COMPLETED"
            {
                return Ok(());
            }
            if std::time::Instant::now() >= deadline {
                let events = service["events"].as_array().into_iter().flatten().take(3);
                let said: Vec<&str> = events.filter_map(|event| event["message"].as_str()).collect();
                return Err(StageError::NotSteady { after: patience, said: said.join(" ") });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// When a service deployment turned back and when it ended, by ECS's own clock: looks come later than facts.
    ///
    /// # Errors
    ///
    /// When ECS does not answer or refuses.
    pub async fn course(&self, arn: &ServiceDeploymentArn) -> Result<Course, AwsError> {
        let described = self.described_service_deployment(arn).await?.unwrap_or_default();
        Ok(Course {
            began_at: millis(&described, "createdAt"),
            turned_at: millis(&described["rollback"], "startedAt"),
            ended_at: millis(&described, "finishedAt"),
        })
    }

    /// The revision (`family:revision`) behind each address that a task of the service has or had.
    pub async fn revisions_by_address(
        &self,
        target: &ServiceRef,
        port: u16,
    ) -> Result<BTreeMap<SocketAddr, String>, AwsError> {
        let mut found = BTreeMap::new();
        for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
            let request = self
                .ecs
                .list_tasks()
                .cluster(target.cluster.as_str())
                .service_name(target.service.as_str())
                .desired_status(status);
            let (listed, _) = ask!(self, "ecs", "ListTasks", Bucket::TaskRead, request)?;
            if listed.task_arns().is_empty() {
                continue;
            }
            let request = self
                .ecs
                .describe_tasks()
                .cluster(target.cluster.as_str())
                .set_tasks(Some(listed.task_arns().to_vec()));
            let (described, _) = ask!(self, "ecs", "DescribeTasks", Bucket::TaskRead, request)?;
            for task in described.tasks() {
                let revision =
                    task.task_definition_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
                found.extend(addresses(task, port).into_iter().map(|address| (address, revision.to_owned())));
            }
        }
        Ok(found)
    }

    async fn create_target_group(
        &self,
        stage: &Stage,
        name: &str,
        port: u16,
        awsvpc: bool,
    ) -> Result<String, AwsError> {
        let request = self
            .elb
            .create_target_group()
            .name(short(name))
            .protocol(ProtocolEnum::Http)
            .port(i32::from(port))
            .vpc_id("vpc-rehearsal")
            .target_type(if awsvpc { TargetTypeEnum::Ip } else { TargetTypeEnum::Instance })
            .health_check_path(&stage.health_check_path)
            .health_check_interval_seconds(HEALTH_CHECK_SECONDS)
            .health_check_timeout_seconds(2)
            .healthy_threshold_count(2)
            .unhealthy_threshold_count(2);
        let (made, _) = ask!(self, "elasticloadbalancing", "CreateTargetGroup", Bucket::Elsewhere, request)?;
        let arn = made.target_groups().first().and_then(|group| group.target_group_arn());
        let arn = arn.ok_or_else(|| unexpected("CreateTargetGroup", "it has no target group"))?.to_owned();
        let delay = TargetGroupAttribute::builder()
            .key("deregistration_delay.timeout_seconds")
            .value(DRAIN_SECONDS)
            .build();
        let request = self.elb.modify_target_group_attributes().target_group_arn(&arn).attributes(delay);
        ask!(self, "elasticloadbalancing", "ModifyTargetGroupAttributes", Bucket::Elsewhere, request)?;
        Ok(arn)
    }

    async fn create_load_balancer(&self, name: &str) -> Result<(String, String), AwsError> {
        let request =
            self.elb.create_load_balancer().name(short(name)).subnets("subnet-a").subnets("subnet-b");
        let (made, _) = ask!(self, "elasticloadbalancing", "CreateLoadBalancer", Bucket::Elsewhere, request)?;
        let made = made.load_balancers().first();
        let arn = made.and_then(|made| made.load_balancer_arn());
        let address = made.and_then(|made| made.dns_name());
        match (arn, address) {
            (Some(arn), Some(address)) => Ok((arn.to_owned(), address.to_owned())),
            _ => Err(unexpected("CreateLoadBalancer", "it has no load balancer")),
        }
    }

    async fn create_service(
        &self,
        stage: &Stage,
        definition: &TaskDefinitionArn,
        target_group: &str,
        container: &str,
        port: u16,
        awsvpc: bool,
    ) -> Result<(), AwsError> {
        let built = |error: aws_sdk_ecs::error::BuildError| unexpected("CreateService", &error.to_string());
        let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
        let configuration = DeploymentConfiguration::builder().deployment_circuit_breaker(breaker).build();
        let mut request = self
            .ecs
            .create_service()
            .cluster(stage.target.cluster.as_str())
            .service_name(stage.target.service.as_str())
            .task_definition(definition.as_str())
            .desired_count(i32::try_from(stage.tasks).unwrap_or(i32::MAX))
            .deployment_configuration(configuration)
            .load_balancers(
                LoadBalancer::builder()
                    .target_group_arn(target_group)
                    .container_name(container)
                    .container_port(i32::from(port))
                    .build(),
            );
        if awsvpc {
            let network = AwsVpcConfiguration::builder().subnets("subnet-a").build().map_err(built)?;
            request = request
                .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(network).build())
                .launch_type(LaunchType::Fargate);
        }
        ask!(self, "ecs", "CreateService", Bucket::ServiceModify, request).map(drop)
    }
}

/// The container that traffic goes to, and its port: the first essential one that maps a port.
pub fn serving_port(definition: &Value) -> Option<(String, u16)> {
    let containers = definition["containerDefinitions"].as_array()?;
    let mapped = |container: &Value| {
        let port = container["portMappings"][0]["containerPort"].as_u64()?;
        Some((container["name"].as_str()?.to_owned(), u16::try_from(port).ok()?))
    };
    let mut essential = containers.iter().filter(|container| container["essential"] != false);
    essential.find_map(mapped).or_else(|| containers.iter().find_map(mapped))
}

/// Where a task is reached: at its own address with the container's port, or at the host ports that it has bound.
fn addresses(task: &aws_sdk_ecs::types::Task, port: u16) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for container in task.containers() {
        let interfaces = container.network_interfaces().iter();
        let own = interfaces.filter_map(|interface| interface.private_ipv4_address()?.parse().ok());
        found.extend(own.map(|address| SocketAddr::new(address, port)));
        let bound = container.network_bindings().iter().filter_map(|binding| {
            let host_port = u16::try_from(binding.host_port()?).ok()?;
            Some(SocketAddr::new(binding.bind_ip()?.parse().ok()?, host_port))
        });
        found.extend(bound);
    }
    found
}

/// Names of load balancers and target groups have at most 32 characters, and no underscores.
fn short(name: &str) -> String {
    name.replace('_', "-").chars().take(32).collect::<String>().trim_matches('-').to_owned()
}
