//! Sets a service up behind a load balancer of its own, as its strategy and controller need it: the stage of a rehearsal.
//!
//! It calls the AWS API like any user, and is meant for a local cloud: it makes a cluster, a load balancer and a service with
//! short health checks. It never touches what exists. Start with [`Client::provision`]; the parts that
//! CodeDeploy needs are in `code_deploy`, the alarms in `alarms`.

mod alarms;
mod code_deploy;

pub use alarms::{StageAlarm, Watches};

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use aws_sdk_ecs::types::{
    AdvancedConfiguration, AwsVpcConfiguration, DeploymentCircuitBreaker, DeploymentConfiguration,
    DeploymentController, DeploymentControllerType, DeploymentStrategy, DesiredStatus, LaunchType,
    LoadBalancer, NetworkConfiguration,
};
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ForwardActionConfig, PathPatternConditionConfig, ProtocolEnum, RuleCondition,
    TargetGroupAttribute, TargetGroupTuple, TargetTypeEnum,
};
use serde_json::Value;
use tidegate_rollout::{
    Millis, Strategy,
    names::{ServiceDeploymentArn, ServiceName, ServiceRef, TaskDefinitionArn},
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
    /// The port of the listener; a test listener has the next.
    pub listener_port: u16,
    /// How the service will be deployed, and by whom.
    pub strategy: Strategy,
    /// The alarms that its gates name.
    pub alarms: Vec<StageAlarm>,
}

/// What was set up.
#[derive(Clone, Debug)]
pub struct Staged {
    /// Where the service answers, for example `http://127.142.0.1:8080/`.
    pub url: String,
    /// The revision that serves.
    pub task_definition: TaskDefinitionArn,
    /// The services: for `alb` stable's and the candidate's, else the one.
    pub services: Vec<ServiceRef>,
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
        let name = stage.target.service.short();
        let cluster = stage.target.cluster.as_str();
        ask!(
            self,
            "ecs",
            "CreateCluster",
            Bucket::Elsewhere,
            self.ecs.create_cluster().cluster_name(cluster)
        )?;
        let (load_balancer, address) = self.create_load_balancer(name).await?;
        let task_definition = self.register(&stage.definition).await?;
        let parts = Parts { stage, load_balancer, container, port, definition: task_definition.clone() };
        let services = match &stage.strategy {
            Strategy::Rolling => self.set_up_rolling(&parts).await?,
            Strategy::Ecs(_) => self.set_up_native(&parts).await?,
            Strategy::CodeDeploy(traffic, group) => self.set_up_code_deploy(&parts, traffic, group).await?,
            Strategy::Alb(_, candidate) => self.set_up_alb(&parts, &candidate.service).await?,
        };
        for alarm in &stage.alarms {
            self.put_alarm(&parts, alarm).await?;
        }
        Ok(Staged { url: format!("http://{address}:{}/", stage.listener_port), task_definition, services })
    }

    /// One target group behind a listener.
    async fn set_up_rolling(&self, parts: &Parts<'_>) -> Result<Vec<ServiceRef>, AwsError> {
        let name = parts.stage.target.service.short();
        let group = self.create_target_group(parts, name).await?;
        self.create_listener(parts, parts.stage.listener_port, &group).await?;
        let target = &parts.stage.target;
        self.create_service(parts, target, parts.load_balancer_entry(&group, None), How::Rolling).await?;
        Ok(vec![target.clone()])
    }

    /// Two target groups behind one rule, the second without weight, and a test listener.
    async fn set_up_native(&self, parts: &Parts<'_>) -> Result<Vec<ServiceRef>, AwsError> {
        let (blue, green) = self.create_pair(parts, ["blue", "green"]).await?;
        let port = parts.stage.listener_port;
        let production = self.create_listener(parts, port, &blue).await?;
        let production = self.create_rule(&production, [(&blue, 1), (&green, 0)]).await?;
        let test = self.create_listener(parts, port + 1, &blue).await?;
        let test = self.create_rule(&test, [(&blue, 1), (&green, 0)]).await?;
        let advanced = AdvancedConfiguration::builder()
            .alternate_target_group_arn(green)
            .production_listener_rule(production)
            .test_listener_rule(test)
            .role_arn(role("ecs-infrastructure"))
            .build();
        let target = &parts.stage.target;
        let entry = parts.load_balancer_entry(&blue, Some(advanced));
        self.create_service(parts, target, entry, How::BlueGreen).await?;
        Ok(vec![target.clone()])
    }

    /// Two services, each behind its own target group of one rule, the second without tasks.
    async fn set_up_alb(
        &self,
        parts: &Parts<'_>,
        candidate: &ServiceName,
    ) -> Result<Vec<ServiceRef>, AwsError> {
        let (stable, other) = self.create_pair(parts, ["stable", "candidate"]).await?;
        let listener = self.create_listener(parts, parts.stage.listener_port, &stable).await?;
        self.create_rule(&listener, [(&stable, 100), (&other, 0)]).await?;
        let target = &parts.stage.target;
        let second = ServiceRef { cluster: target.cluster.clone(), service: candidate.clone() };
        self.create_service(parts, target, parts.load_balancer_entry(&stable, None), How::Rolling).await?;
        self.create_service(parts, &second, parts.load_balancer_entry(&other, None), How::Empty).await?;
        Ok(vec![target.clone(), second])
    }

    /// Waits until the service's one deployment is completed, at most `patience`.
    pub async fn wait_until_steady(&self, target: &ServiceRef, patience: Duration) -> Result<(), StageError> {
        let deadline = std::time::Instant::now() + patience;
        loop {
            let service = self.described_service(target).await?;
            if is_steady(&service) {
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

    async fn create_pair(&self, parts: &Parts<'_>, roles: [&str; 2]) -> Result<(String, String), AwsError> {
        let [one, other] = roles.map(|role| parts.named(role));
        Ok((self.create_target_group(parts, &one).await?, self.create_target_group(parts, &other).await?))
    }

    async fn create_target_group(&self, parts: &Parts<'_>, name: &str) -> Result<String, AwsError> {
        let request = self
            .elb
            .create_target_group()
            .name(short(name))
            .protocol(ProtocolEnum::Http)
            .port(i32::from(parts.port))
            .vpc_id("vpc-rehearsal")
            .target_type(if parts.is_awsvpc() { TargetTypeEnum::Ip } else { TargetTypeEnum::Instance })
            .health_check_path(&parts.stage.health_check_path)
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

    /// A listener whose default action sends to the group; answers its ARN.
    async fn create_listener(&self, parts: &Parts<'_>, port: u16, group: &str) -> Result<String, AwsError> {
        let forward = Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group).build();
        let request = self
            .elb
            .create_listener()
            .load_balancer_arn(&parts.load_balancer)
            .protocol(ProtocolEnum::Http)
            .port(i32::from(port))
            .default_actions(forward);
        let (made, _) = ask!(self, "elasticloadbalancing", "CreateListener", Bucket::Elsewhere, request)?;
        let arn = made.listeners().first().and_then(|listener| listener.listener_arn());
        Ok(arn.ok_or_else(|| unexpected("CreateListener", "it has no listener"))?.to_owned())
    }

    /// A rule for everything with these weights; answers its ARN.
    async fn create_rule(&self, listener: &str, weights: [(&String, i32); 2]) -> Result<String, AwsError> {
        let tuple = |(group, weight): (&String, i32)| {
            TargetGroupTuple::builder().target_group_arn(group).weight(weight).build()
        };
        let forward = ForwardActionConfig::builder().set_target_groups(Some(weights.map(tuple).to_vec()));
        let action =
            Action::builder().r#type(ActionTypeEnum::Forward).forward_config(forward.build()).build();
        let everything = PathPatternConditionConfig::builder().values("/*").build();
        let condition =
            RuleCondition::builder().field("path-pattern").path_pattern_config(everything).build();
        let request =
            self.elb.create_rule().listener_arn(listener).priority(1).conditions(condition).actions(action);
        let (made, _) = ask!(self, "elasticloadbalancing", "CreateRule", Bucket::Elsewhere, request)?;
        let arn = made.rules().first().and_then(|rule| rule.rule_arn());
        Ok(arn.ok_or_else(|| unexpected("CreateRule", "it has no rule"))?.to_owned())
    }

    async fn create_service(
        &self,
        parts: &Parts<'_>,
        target: &ServiceRef,
        load_balancer: LoadBalancer,
        how: How,
    ) -> Result<(), AwsError> {
        let built = |error: aws_sdk_ecs::error::BuildError| unexpected("CreateService", &error.to_string());
        let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
        let configuration = DeploymentConfiguration::builder();
        let (controller, configuration, tasks) = match how {
            How::Rolling => {
                let configuration = configuration.deployment_circuit_breaker(breaker);
                (DeploymentControllerType::Ecs, Some(configuration), parts.stage.tasks)
            }
            How::Empty => {
                let configuration = configuration.deployment_circuit_breaker(breaker);
                (DeploymentControllerType::Ecs, Some(configuration), 0)
            }
            How::BlueGreen => {
                let configuration = configuration
                    .deployment_circuit_breaker(breaker)
                    .strategy(DeploymentStrategy::BlueGreen)
                    .bake_time_in_minutes(0);
                (DeploymentControllerType::Ecs, Some(configuration), parts.stage.tasks)
            }
            // CodeDeploy knows no circuit breaker.
            How::TaskSets => (DeploymentControllerType::CodeDeploy, None, parts.stage.tasks),
        };
        let controller = DeploymentController::builder().r#type(controller).build().map_err(built)?;
        let mut request = self
            .ecs
            .create_service()
            .cluster(target.cluster.as_str())
            .service_name(target.service.as_str())
            .task_definition(parts.definition.as_str())
            .desired_count(i32::try_from(tasks).unwrap_or(i32::MAX))
            .deployment_controller(controller)
            .set_deployment_configuration(
                configuration.map(aws_sdk_ecs::types::builders::DeploymentConfigurationBuilder::build),
            )
            .load_balancers(load_balancer);
        if parts.is_awsvpc() {
            let network = AwsVpcConfiguration::builder().subnets("subnet-a").build().map_err(built)?;
            request = request
                .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(network).build())
                .launch_type(LaunchType::Fargate);
        }
        ask!(self, "ecs", "CreateService", Bucket::ServiceModify, request).map(drop)
    }
}

/// What every stage has.
struct Parts<'a> {
    stage: &'a Stage,
    load_balancer: String,
    container: String,
    port: u16,
    definition: TaskDefinitionArn,
}

impl Parts<'_> {
    fn is_awsvpc(&self) -> bool {
        self.stage.definition["networkMode"] == "awsvpc"
    }

    /// `web-blue`, within what names may be long.
    fn named(&self, role: &str) -> String {
        let most = 31 - role.len();
        let name: String = self.stage.target.service.short().chars().take(most).collect();
        format!("{name}-{role}")
    }

    fn load_balancer_entry(&self, group: &str, advanced: Option<AdvancedConfiguration>) -> LoadBalancer {
        LoadBalancer::builder()
            .target_group_arn(group)
            .container_name(&self.container)
            .container_port(i32::from(self.port))
            .set_advanced_configuration(advanced)
            .build()
    }
}

/// How a service is created.
#[derive(Clone, Copy)]
enum How {
    Rolling,
    BlueGreen,
    TaskSets,
    /// Rolling, without tasks as yet.
    Empty,
}

/// A role that nobody checks on a local cloud.
fn role(name: &str) -> String {
    format!("arn:aws:iam::000000000000:role/{name}")
}

/// Has the service come to rest? Its one deployment is completed, or its one task set is steady.
fn is_steady(service: &Value) -> bool {
    let list = |name: &str| service[name].as_array().map_or(&[][..], Vec::as_slice);
    match (list("deployments"), list("taskSets")) {
        ([only], _) => only["rolloutState"] == "COMPLETED",
        ([], [only]) => only["stabilityStatus"] == "STEADY_STATE",
        _ => false,
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
