//! What is stored of ECS.
//!
//! Members that AWS only echoes are kept as AWS's own structs; members that decide something have types of their own.
//! Handlers write them, the scheduler reads and moves them on.

use std::{cmp::Ordering, net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};
use tidegate_models::{Timestamp, ecs};

/// A cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// ACTIVE, or INACTIVE when it was deleted.
    pub active: bool,
    /// `containerInsights` and the like.
    pub settings: Vec<ecs::ClusterSetting>,
    /// `executeCommandConfiguration` and the like.
    pub configuration: Option<ecs::ClusterConfiguration>,
    /// Names of capacity providers.
    pub capacity_providers: Vec<String>,
    /// What services and tasks take that name neither launch type nor strategy.
    pub default_capacity_provider_strategy: Vec<ecs::CapacityProviderStrategyItem>,
    /// The Service Connect namespace.
    pub service_connect_defaults: Option<ecs::ClusterServiceConnectDefaults>,
}

/// A revision of a task definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinition {
    /// As `DescribeTaskDefinition` answers, server defaults filled in, status kept up. Every task that runs it shares it.
    pub document: Arc<ecs::TaskDefinition>,
}

impl TaskDefinition {
    /// The key of revision `revision` of the family at `family_key`: ordered by revision within a family.
    pub fn key(family_key: &str, revision: u32) -> String {
        format!("{family_key}:{revision:010}")
    }

    /// The key of a family: the ARN of its revisions without the revision.
    pub fn family_key(scope: &crate::Scope, family: &str) -> String {
        scope.arn("ecs", format_args!("task-definition/{family}"))
    }
}

/// A service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Its ARN, in the long form.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its cluster's ARN.
    pub cluster_arn: String,
    /// ACTIVE, DRAINING (being deleted), INACTIVE (deleted, still described for a while).
    pub status: ServiceStatus,
    /// How many tasks are wanted: REPLICA. A DAEMON wants one on each container instance, of which there is one here.
    pub desired_count: u32,
    /// REPLICA or DAEMON.
    pub scheduling_strategy: ecs::SchedulingStrategy,
    /// Who deploys it: ECS by deployments, the others by task sets.
    pub controller: ecs::DeploymentControllerType,
    /// What each new deployment takes: the task definition and where its tasks stand. That of the PRIMARY task set where
    /// there are task sets.
    pub template: RevisionTemplate,
    /// As given, with AWS's defaults filled in.
    pub deployment_configuration: ecs::DeploymentConfiguration,
    /// For how long after a task's start unhealthy results are ignored, in seconds.
    pub health_check_grace_period_seconds: u32,
    /// Newest first; the first one is PRIMARY. Only with the ECS controller.
    pub deployments: Vec<Deployment>,
    /// Oldest first. Only with the `CODE_DEPLOY` and EXTERNAL controllers.
    #[serde(default)]
    pub task_sets: Vec<TaskSet>,
    /// The last deployment that completed, as it was then: what a roll-back returns to. `None` while it is being rolled
    /// back to, until it has completed again.
    pub last_completed: Option<Deployment>,
    /// The service deployment in progress or the last one, by ARN.
    pub current_service_deployment: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was deleted, for when it is forgotten.
    pub deleted_at: Option<Timestamp>,
    /// Whether it stands in steady state, and since when the event says so.
    pub steady_since: Option<Timestamp>,
    /// Causes that its events told and that are not resolved, with when they were told last.
    pub standing: Vec<(StandingCause, Timestamp)>,
    /// Members that are stored and described, and decide nothing here.
    pub echo: ServiceEcho,
}

impl Service {
    /// What a service is counted by.
    pub fn index(&self) -> Option<String> {
        (self.status == ServiceStatus::Active).then(|| Self::active_in_cluster(&self.cluster_arn))
    }

    /// The index of a cluster's ACTIVE services.
    pub fn active_in_cluster(cluster_arn: &str) -> String {
        cluster_arn.to_owned()
    }

    /// The deployment with this id.
    pub fn deployment(&self, id: &str) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.id == id)
    }

    /// The task set with this id.
    pub fn task_set(&self, id: &str) -> Option<&TaskSet> {
        self.task_sets.iter().find(|task_set| task_set.id == id)
    }

    /// The ARN of the service revision of the deployment or task set with this id.
    pub fn revision_of(&self, id: &str) -> Option<&str> {
        let deployment = self.deployment(id).map(|deployment| &deployment.revision_arn);
        deployment.or_else(|| self.task_set(id).map(|task_set| &task_set.revision_arn)).map(String::as_str)
    }

    /// What slows down the starts of the deployment or task set with this id, and how many tasks that should hold.
    pub(crate) fn throttle_mut(&mut self, id: &str) -> Option<(&mut StartThrottle, u32)> {
        if let Some(deployment) = self.deployments.iter_mut().find(|deployment| deployment.id == id) {
            return Some((&mut deployment.throttle, deployment.desired_count));
        }
        let task_set = self.task_sets.iter_mut().find(|task_set| task_set.id == id)?;
        Some((&mut task_set.throttle, task_set.computed_desired_count))
    }
}

/// The status of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceStatus {
    /// It runs.
    Active,
    /// It is being deleted: its tasks stop.
    Draining,
    /// It is gone; its name is free.
    Inactive,
}

/// What a service revision fixes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RevisionTemplate {
    /// The ARN of the task definition's revision. Empty only for the EXTERNAL controller.
    pub task_definition: String,
    /// Target groups, with the container and port that each gets.
    pub load_balancers: Vec<ecs::LoadBalancer>,
    /// Subnets and security groups, taken as they come.
    pub network_configuration: Option<ecs::NetworkConfiguration>,
    /// Which launch type, unless there is a strategy.
    pub launch_type: Option<ecs::LaunchType>,
    /// Which capacity providers.
    pub capacity_provider_strategy: Vec<ecs::CapacityProviderStrategyItem>,
    /// The platform version asked for.
    pub platform_version: Option<String>,
    /// Cloud Map registries.
    pub service_registries: Vec<ecs::ServiceRegistry>,
    /// Service Connect.
    pub service_connect_configuration: Option<ecs::ServiceConnectConfiguration>,
    /// Volumes configured at launch.
    pub volume_configurations: Vec<ecs::ServiceVolumeConfiguration>,
    /// VPC Lattice.
    pub vpc_lattice_configurations: Vec<ecs::VpcLatticeConfiguration>,
}

/// Members of a service that are only stored and described.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceEcho {
    /// The role given for a Classic Load Balancer.
    pub role_arn: Option<String>,
    /// The principal that created it.
    pub created_by: Option<String>,
    /// Placement constraints.
    pub placement_constraints: Vec<ecs::PlacementConstraint>,
    /// Placement strategy.
    pub placement_strategy: Vec<ecs::PlacementStrategy>,
    /// Whether ECS-managed tags are on.
    pub enable_ecs_managed_tags: bool,
    /// From where tags are propagated.
    pub propagate_tags: Option<ecs::PropagateTags>,
    /// Whether ECS Exec is on.
    pub enable_execute_command: bool,
    /// Whether tasks are moved for balance between zones.
    pub availability_zone_rebalancing: Option<ecs::AvailabilityZoneRebalancing>,
}

/// An event of a service: a row of its own, so that one more costs no more than itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceEvent {
    /// Its service's ARN.
    pub service_arn: String,
    /// Which event of the service it is, from 1 on.
    pub number: u32,
    /// As `DescribeServices` answers it.
    pub event: ecs::ServiceEvent,
}

impl ServiceEvent {
    /// The key of a service's event `number`: ordered by number within a service.
    pub fn key(service_arn: &str, number: u32) -> String {
        format!("{service_arn}/{number:010}")
    }
}

/// A cause of events that stands until it is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StandingCause {
    /// The two percentages allow neither a start nor a stop.
    Stuck,
    /// Tasks fail to start again and again.
    StartImpaired,
    /// A task could not be placed.
    NotPlaced,
}

/// A deployment of a service: `services[].deployments[]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// `ecs-svc/` and 19 digits.
    pub id: String,
    /// The service revision that it brings.
    pub revision_arn: String,
    /// The service deployment that it belongs to.
    pub service_deployment_arn: String,
    /// PRIMARY: the newest. ACTIVE: an older one that still has tasks.
    pub primary: bool,
    /// How many tasks it should hold: the service's desired count for the PRIMARY; what was not scaled in yet for others.
    pub desired_count: u32,
    /// How far it is.
    pub rollout_state: ecs::DeploymentRolloutState,
    /// Why, in AWS's words.
    pub rollout_state_reason: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When something about it changed last.
    pub updated_at: Timestamp,
    /// What counts its failures.
    pub failures: FailureCount,
    /// Whether any of its tasks was ever RUNNING.
    pub has_run: bool,
    /// Whether any of its tasks was ever healthy: then `failedTasks` stays 0.
    pub has_been_healthy: bool,
    /// Slows starts down after repeated failures to start.
    pub throttle: StartThrottle,
    /// Until when it bakes, once everything else about it is done.
    pub bake_until: Option<Timestamp>,
}

/// A task set of a service: `services[].taskSets[]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskSet {
    /// `ecs-svc/` and 19 digits: its tasks' `startedBy`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// PRIMARY, ACTIVE or DRAINING.
    pub status: TaskSetStatus,
    /// The service revision that fixes what its tasks are.
    pub revision_arn: String,
    /// Its share of the service's desired count.
    pub scale: Scale,
    /// How many tasks that was when the service was last looked at.
    pub computed_desired_count: u32,
    /// What it is called outside of ECS: the id of its deployment when CodeDeploy made it.
    pub external_id: Option<String>,
    /// `CODE_DEPLOY` when CodeDeploy made it.
    pub started_by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When something about it changed last.
    pub updated_at: Timestamp,
    /// When it was scaled or deleted last: whoever does so has often just moved its traffic away.
    pub scaled_at: Timestamp,
    /// Whether it runs what it should.
    pub stability: ecs::StabilityStatus,
    /// When that changed last.
    pub stability_at: Timestamp,
    /// Slows starts down after repeated failures to start.
    pub throttle: StartThrottle,
}

impl TaskSet {
    /// The ARN of the service of the task set with this ARN: `task-set/<cluster>/<service>/ecs-svc/<n>`.
    pub fn service_of(arn: &str) -> Option<String> {
        let (service, _) = arn.split_once("/ecs-svc/")?;
        service.contains(":task-set/").then(|| service.replacen(":task-set/", ":service/", 1))
    }
}

/// The status of a task set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskSetStatus {
    /// It serves production traffic.
    Primary,
    /// It runs beside the PRIMARY.
    Active,
    /// It is being deleted: its tasks stop.
    Draining,
}

impl TaskSetStatus {
    /// As AWS writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "PRIMARY",
            Self::Active => "ACTIVE",
            Self::Draining => "DRAINING",
        }
    }
}

/// A share of a service's desired count, in percent: 0.0–100.0.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Scale(f64);

impl Scale {
    /// As many as the service wants.
    pub const FULL: Self = Self(100.0);
    /// None.
    pub const NOTHING: Self = Self(0.0);

    /// A scale of so many percent; `None` beyond 0–100.
    pub fn percent(percent: f64) -> Option<Self> {
        (0.0..=100.0).contains(&percent).then_some(Self(percent))
    }

    /// In percent.
    pub fn as_percent(self) -> f64 {
        self.0
    }

    /// So much of `desired`, rounded up, but not for what only binary fractions leave over a whole number.
    pub fn of(self, desired: u32) -> u32 {
        (f64::from(desired) * self.0 / 100.0 - 1e-6).ceil().max(0.0) as u32
    }
}

/// Failures of a deployment's tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureCount {
    /// `failedTasks`: consecutive failures, 0 again after a healthy task.
    pub failed_tasks: u32,
    /// What the circuit breaker compares with its threshold.
    pub breaker: u32,
}

/// Start throttling of tasks that go from PENDING to STOPPED again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartThrottle {
    /// Consecutive tasks that never reached RUNNING.
    pub failures: u32,
    /// No start before this.
    pub not_before: Option<Timestamp>,
}

/// A service deployment: the history's unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceDeployment {
    /// Its ARN.
    pub arn: String,
    /// Its service's ARN.
    pub service_arn: String,
    /// Its cluster's ARN.
    pub cluster_arn: String,
    /// The deployment in `services[].deployments[]` that it drives.
    pub deployment_id: String,
    /// How far it is.
    pub status: ecs::ServiceDeploymentStatus,
    /// Why it ended as it did.
    pub status_reason: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended, well or rolled back.
    pub finished_at: Option<Timestamp>,
    /// When it was stopped.
    pub stopped_at: Option<Timestamp>,
    /// When something about it changed last.
    pub updated_at: Timestamp,
    /// The service revisions that served when it began.
    pub source_revisions: Vec<String>,
    /// The service revision that it brings.
    pub target_revision: String,
    /// As it was when the deployment began.
    pub deployment_configuration: ecs::DeploymentConfiguration,
    /// The roll-back, once one began.
    pub rollback: Option<ecs::Rollback>,
    /// The circuit breaker's state.
    pub circuit_breaker: Option<ecs::ServiceDeploymentCircuitBreaker>,
    /// The alarms' state.
    pub alarms: Option<ecs::ServiceDeploymentAlarms>,
    /// The alarms that were in ALARM when it began: they cannot fail it.
    #[serde(default)]
    pub ignored_alarms: Vec<String>,
    /// Counts as they were at the end, by revision ARN; while it runs they are counted.
    pub final_counts: Vec<ecs::ServiceRevisionSummary>,
    /// How far it is in its stages; `None` for ROLLING, which has none.
    #[serde(default)]
    pub staged: Option<Staged>,
}

impl ServiceDeployment {
    /// What it is found by: its service's ARN and, for as long as an alarm could fail it, those that it watches.
    pub fn index(&self) -> Vec<String> {
        let mut index = vec![self.service_arn.clone()];
        if self.is_in_progress()
            && let Some(alarms) = &self.deployment_configuration.alarms
            && let Some((clusters, _)) = self.cluster_arn.rsplit_once('/')
        {
            index.extend(alarms.alarm_names.iter().map(|name| Self::watching(clusters, name)));
            index.dedup();
        }
        index
    }

    /// The index of those that watch the alarm with this name; `clusters` is what their clusters' ARNs begin with.
    pub fn watching(clusters: &str, name: &str) -> String {
        format!("{clusters} {name}")
    }

    /// Whether it has not ended.
    pub fn is_in_progress(&self) -> bool {
        use ecs::ServiceDeploymentStatus::{
            InProgress, Pending, RollbackInProgress, RollbackRequested, StopRequested,
        };
        matches!(self.status, Pending | InProgress | StopRequested | RollbackRequested | RollbackInProgress)
    }
}

/// How far a deployment is whose traffic moves in stages: `BLUE_GREEN`, LINEAR, CANARY.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Staged {
    /// The stage.
    pub stage: Stage,
    /// When the stage began, or the step of it.
    pub since: Timestamp,
    /// Which step of the production traffic shift it is at, from 0 on.
    pub step: usize,
    /// The target revision's share of the production traffic.
    pub production: Share,
    /// The target revision's share of the test traffic.
    pub test: Share,
    /// The hooks of this stage, as far as they were called.
    pub hooks: Vec<HookRun>,
    /// Where the traffic moves to.
    pub direction: Direction,
    /// The traffic shifts that are run again on the way back, with their hooks: those that had moved something.
    #[serde(default)]
    pub again: Vec<Stage>,
}

/// The stages, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    /// More than one revision is up: back to one.
    ReconcileService,
    /// The target revision is not started yet.
    PreScaleUp,
    /// The target revision is started in full.
    ScaleUp,
    /// It is up and healthy, without traffic.
    PostScaleUp,
    /// The test traffic moves.
    TestTrafficShift,
    /// The test traffic has moved.
    PostTestTrafficShift,
    /// Before each step of the production traffic. AWS has hooks for it, and no lifecycle stage.
    PreProductionTrafficShift,
    /// A step of the production traffic, with its bake.
    ProductionTrafficShift,
    /// All production traffic has moved.
    PostProductionTrafficShift,
    /// Both revisions are up, and are watched.
    BakeTime,
    /// The source revision goes.
    CleanUp,
}

/// Where the traffic of a staged deployment moves to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// To the target revision.
    Forward,
    /// Back to the source revision.
    Back,
}

/// A share of traffic in tenths of a percent: 0–1000. AWS takes one decimal place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Share(u16);

impl Share {
    /// No traffic.
    pub const NOTHING: Self = Self(0);
    /// All traffic.
    pub const EVERYTHING: Self = Self(1000);

    /// A share of so many percent, kept within 0 and 100.
    pub fn percent(percent: f64) -> Self {
        Self((percent * 10.0).round().clamp(0.0, 1000.0) as u16)
    }

    /// The sum, all traffic at most.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0).min(Self::EVERYTHING.0))
    }

    /// What is left for the other.
    #[must_use]
    pub fn rest(self) -> Self {
        Self(Self::EVERYTHING.0 - self.0)
    }

    /// In percent: 0.0–100.0.
    pub fn as_percent(self) -> f64 {
        f64::from(self.0) / 10.0
    }

    /// As weights of a listener rule for it and the rest: percent, or tenths where percent are too coarse.
    pub fn weights(self) -> (i32, i32) {
        let unit = if self.0.is_multiple_of(10) { 10 } else { 1 };
        (i32::from(self.0 / unit), i32::from(self.rest().0 / unit))
    }
}

/// A lifecycle hook that was called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HookRun {
    /// `ecs-pause-` and more; for a function the execution id that it is called with.
    pub id: String,
    /// What it calls.
    #[serde(default)]
    pub target: HookTarget,
    /// How it stands.
    pub status: ecs::DeploymentLifecycleHookStatus,
    /// When it is over without an answer.
    pub expires_at: Timestamp,
    /// What happens then.
    pub timeout_action: ecs::DeploymentLifecycleHookAction,
}

/// What a lifecycle hook calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum HookTarget {
    /// It waits for a person or a program to continue the deployment.
    #[default]
    Pause,
    /// A Lambda function.
    Function(FunctionHook),
}

/// The function of a lifecycle hook, and how far its calls are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionHook {
    /// The function's ARN.
    pub arn: String,
    /// The `hookDetails` that it is called with: as configured, or as it returned them last.
    pub details: Option<serde_json::Value>,
    /// What it waits for.
    pub waits: HookWait,
    /// Why it failed, in AWS's words.
    pub failure: Option<String>,
}

/// What the function of a lifecycle hook waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookWait {
    /// To be called then.
    CallAt(Timestamp),
    /// The answer of the invocation with this id.
    Answer(String),
    /// Nothing: it is over.
    Nothing,
}

/// A service revision: immutable but for the digests that the first task resolves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceRevision {
    /// Its ARN.
    pub arn: String,
    /// Its service's ARN.
    pub service_arn: String,
    /// Its cluster's ARN.
    pub cluster_arn: String,
    /// What it fixes.
    pub template: RevisionTemplate,
    /// The target group that its tasks are registered with, for each load balancer of the template: of two that take
    /// turns, the one that was not serving.
    #[serde(default)]
    pub target_groups: Vec<String>,
    /// Each container's image with its digest, once resolved.
    pub container_images: Vec<ecs::ContainerImage>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its ARN.
    pub arn: String,
    /// Its cluster's ARN.
    pub cluster_arn: String,
    /// The ARN of its task definition's revision.
    pub task_definition: String,
    /// Who wants it.
    pub owner: TaskOwner,
    /// Where it is in its life.
    pub last_status: TaskStatus,
    /// Where it is wanted to be: STOPPED from the moment that a stop is asked for.
    pub stop: Option<TaskStop>,
    /// Over its essential containers.
    pub health: ecs::HealthStatus,
    /// In the definition's order.
    pub containers: Vec<TaskContainer>,
    /// Where it is reached.
    pub address: Option<IpAddr>,
    /// The targets that it is registered as.
    pub targets: Vec<TaskTarget>,
    /// Points in its life.
    pub times: TaskTimes,
    /// Counts changes.
    pub version: u32,
    /// As given to `RunTask`.
    pub overrides: Option<ecs::TaskOverride>,
    /// Members that are only described.
    pub launch: TaskLaunch,
    /// Whether it counted as healthy once.
    pub was_healthy: bool,
    /// Whether it was counted as a failure of its deployment, so that it counts once.
    pub counted_failed: bool,
}

impl Task {
    /// What a task is found by: its service's ARN for as long as it is not STOPPED, and all that it can be listed or
    /// counted by.
    pub fn index(&self) -> Vec<String> {
        let mut index = vec![
            Self::in_cluster(&self.cluster_arn, self.last_status),
            Self::of_family(
                &self.cluster_arn,
                self.task_definition.rsplit_once(':').map_or("", |(family, _)| family),
            ),
        ];
        let started_by = match &self.owner {
            TaskOwner::Service { service_arn, deployment_id, .. } => {
                index.push(match self.last_status {
                    TaskStatus::Stopped => Self::stopped_of_service(service_arn),
                    _ => service_arn.clone(),
                });
                Some(deployment_id)
            }
            TaskOwner::Standalone { started_by, .. } => started_by.as_ref(),
        };
        index.extend(started_by.map(|it| Self::started_by(&self.cluster_arn, it)));
        index
    }

    /// The index of a cluster's tasks that are yet to run, run, or are past that.
    pub fn in_cluster(cluster_arn: &str, status: TaskStatus) -> String {
        let phase = match status.cmp(&TaskStatus::Running) {
            Ordering::Less => "pending",
            Ordering::Equal => "running",
            Ordering::Greater => "stopping",
        };
        format!("{phase} {cluster_arn}")
    }

    /// The index of a service's tasks that are STOPPED.
    pub fn stopped_of_service(service_arn: &str) -> String {
        format!("stopped {service_arn}")
    }

    /// The index of a cluster's tasks of a family: the ARN of a task definition without its revision.
    pub fn of_family(cluster_arn: &str, family: &str) -> String {
        format!("{family} {cluster_arn}")
    }

    /// The index of a cluster's tasks that somebody started: a service's deployment, or whoever gave this to `RunTask`.
    pub fn started_by(cluster_arn: &str, started_by: &str) -> String {
        format!("by {started_by} {cluster_arn}")
    }
}

/// Who wants a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TaskOwner {
    /// A service's deployment.
    Service {
        /// The service's ARN.
        service_arn: String,
        /// The deployment's id: the task's `startedBy`.
        deployment_id: String,
        /// The service revision that it is of.
        revision_arn: String,
    },
    /// `RunTask`.
    Standalone {
        /// As given.
        started_by: Option<String>,
        /// As given, or `family:` and the family.
        group: String,
    },
}

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TaskStatus {
    /// Wanted; its runtime was not asked yet or prepares its network.
    Provisioning,
    /// Its images are pulled, its containers start.
    Pending,
    /// Its containers run; its targets are being registered.
    Activating,
    /// It runs.
    Running,
    /// It is being stopped: its targets drain.
    Deactivating,
    /// Its containers were told to stop.
    Stopping,
    /// Its containers are gone.
    Deprovisioning,
    /// It is over.
    Stopped,
}

impl TaskStatus {
    /// As AWS writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// Why a task stops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskStop {
    /// AWS's code.
    pub code: ecs::TaskStopCode,
    /// AWS's words.
    pub reason: String,
    /// When it was asked for or happened.
    pub at: Timestamp,
}

/// A container of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskContainer {
    /// Its ARN.
    pub arn: String,
    /// Its name in the task definition.
    pub name: String,
    /// Its image as the definition names it.
    pub image: String,
    /// The digest, when it is known.
    pub image_digest: Option<String>,
    /// The runtime's id.
    pub runtime_id: Option<String>,
    /// PENDING, RUNNING or STOPPED.
    pub status: ContainerStatus,
    /// What its health check says.
    pub health: ecs::HealthStatus,
    /// Whether it has a health check.
    pub has_health_check: bool,
    /// Whether the task ends when it does.
    pub essential: bool,
    /// Once it ended.
    pub exit_code: Option<i32>,
    /// Why it ended, when there is more to say.
    pub reason: Option<String>,
    /// Bound host ports.
    pub bindings: Vec<ecs::NetworkBinding>,
}

/// Where a container is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerStatus {
    /// Not started yet.
    Pending,
    /// It runs.
    Running,
    /// It is over.
    Stopped,
}

/// A target that a task is registered as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskTarget {
    /// The target group's ARN.
    pub target_group: String,
    /// The target's id.
    pub id: String,
    /// The target's port.
    pub port: u16,
}

/// Points in a task's life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskTimes {
    /// It was wanted.
    pub created_at: Timestamp,
    /// Its images began to be pulled.
    pub pull_started_at: Option<Timestamp>,
    /// Its images were here.
    pub pull_stopped_at: Option<Timestamp>,
    /// It reached RUNNING.
    pub started_at: Option<Timestamp>,
    /// It began to stop.
    pub stopping_at: Option<Timestamp>,
    /// Its containers were gone.
    pub execution_stopped_at: Option<Timestamp>,
    /// It reached STOPPED.
    pub stopped_at: Option<Timestamp>,
}

/// Members of a task that are only described.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskLaunch {
    /// FARGATE, EC2 …
    pub launch_type: Option<ecs::LaunchType>,
    /// The capacity provider that it was placed by.
    pub capacity_provider_name: Option<String>,
    /// The platform version.
    pub platform_version: Option<String>,
    /// The id of its network interface attachment; awsvpc only.
    pub attachment_id: Option<String>,
    /// Its subnet; awsvpc only.
    pub subnet_id: Option<String>,
    /// Whether ECS Exec is on.
    pub enable_execute_command: bool,
}
