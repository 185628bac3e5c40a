//! What was seen of a service at one moment, as plain data. It must never hold an SDK type or a
//! conclusion: conclusions are drawn in [`crate::rolling`]. Start with [`Observation`].

use crate::Millis;
use crate::names::{DeploymentId, ServiceDeploymentArn, TaskDefinitionArn};
use serde::{Deserialize, Serialize};

/// One look at a service. Only what was asked for is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The answer of DescribeServices.
    pub service: ServiceSeen,
    /// The answer of `DescribeServiceDeployments`, when a step asked for it.
    pub service_deployment: Option<ServiceDeployment>,
    /// The service's stopped tasks, when a step asked for them.
    pub stopped_tasks: Option<Vec<StoppedTask>>,
    /// The deregistration delay of the target group that a step asked for, in milliseconds.
    pub deregistration_delay: Option<Millis>,
    /// The gates, when a step asked for them.
    pub gates: Option<GatesSeen>,
}

impl Observation {
    /// A look at the service alone.
    pub fn of(service: ServiceSeen) -> Self {
        Self {
            service,
            service_deployment: None,
            stopped_tasks: None,
            deregistration_delay: None,
            gates: None,
        }
    }
}

/// What DescribeServices said. A missing service is an ordinary answer there, never an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ServiceSeen {
    /// `failures[].reason` was MISSING.
    Missing,
    /// The service as described.
    Described(Box<Service>),
}

/// The parts of a described service that decide something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// ACTIVE, DRAINING or INACTIVE.
    pub status: String,
    /// The revision that the service works towards: its PRIMARY deployment's. The one that the service
    /// itself names may still be a failed one after a rollback.
    pub task_definition: TaskDefinitionArn,
    /// How many tasks the service wants.
    pub desired_count: u32,
    /// Every deployment that still has something to do, newest first.
    pub deployments: Vec<Deployment>,
    /// At most 100 events, newest first, as AWS gives them.
    pub events: Vec<ServiceEvent>,
    /// `currentServiceDeployment`, absent where the API does not have it.
    pub current_service_deployment: Option<ServiceDeploymentArn>,
    /// Whether `deploymentCircuitBreaker` is on, and whether it rolls back.
    pub circuit_breaker: CircuitBreaker,
}

/// The circuit breaker's setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CircuitBreaker {
    /// Failed deployments are never noticed by ECS.
    Off,
    /// A failed deployment stops where it is.
    Stops,
    /// A failed deployment goes back to the last completed one.
    RollsBack,
}

/// One entry of `services[].deployments[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// `ecs-svc/…`.
    pub id: DeploymentId,
    /// PRIMARY, ACTIVE, INACTIVE, or DRAINING for a failed one on its way out.
    pub status: String,
    /// The revision that it runs.
    pub task_definition: TaskDefinitionArn,
    /// Tasks it wants.
    pub desired: u32,
    /// Tasks that are RUNNING.
    pub running: u32,
    /// Tasks in PROVISIONING, PENDING or ACTIVATING.
    pub pending: u32,
    /// Consecutive failures; 0 again once a task is healthy.
    pub failed: u32,
    /// Not returned behind a Classic Load Balancer.
    pub rollout_state: Option<RolloutState>,
    /// AWS's own sentence about the state.
    pub rollout_state_reason: Option<String>,
    /// When it was created.
    pub created_at: Option<Millis>,
}

impl Deployment {
    /// Is this the newest deployment, the one that the service works towards?
    pub fn is_primary(&self) -> bool {
        self.status == "PRIMARY"
    }
}

/// `rolloutState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RolloutState {
    /// Still moving.
    InProgress,
    /// Running the wanted count, all healthy, no other deployment left.
    Completed,
    /// Launches nothing more.
    Failed,
}

/// One entry of `services[].events[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent {
    /// A UUID.
    pub id: String,
    /// When ECS wrote it.
    pub at: Millis,
    /// ECS's sentence.
    pub message: String,
}

/// What `DescribeServiceDeployments` (or one brief of `ListServiceDeployments`) says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDeployment {
    /// Its ARN.
    pub arn: ServiceDeploymentArn,
    /// Where it stands.
    pub status: ServiceDeploymentStatus,
    /// AWS's sentence about it.
    pub status_reason: Option<String>,
    /// Failures counted by the circuit breaker, and the number at which it trips.
    pub breaker: Option<BreakerCount>,
    /// `rollback.reason`, when it goes or went back.
    pub rollback_reason: Option<String>,
    /// `alarms.triggeredAlarmNames`: the deployment alarms that went off.
    pub triggered_alarms: Vec<String>,
    /// How far it is, where it goes in stages.
    pub staging: Staging,
}

/// Where a deployment stands that goes in stages (blue/green, linear, canary).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staging {
    /// `lifecycleStage`.
    pub stage: Option<String>,
    /// The PAUSE hooks of the stage, in the order that AWS lists them.
    pub pauses: Vec<Pause>,
    /// `targetServiceRevision.requestedProductionTrafficWeight`.
    pub weight: Option<crate::Percent>,
}

/// A PAUSE hook that was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// `hookId`.
    pub id: String,
    /// Does it wait for `ContinueServiceDeployment`?
    pub state: PauseState,
}

/// Whether a PAUSE hook has been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseState {
    /// `AWAITING_ACTION`.
    AwaitsAction,
    /// Anything else: somebody answered, or its time is over.
    Over,
}

/// What the gates said when a step asked for them, and what was counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GatesSeen {
    /// By the gate's index in the plan.
    pub readings: Vec<(usize, crate::gate::Reading)>,
    /// The candidate's share by the request counts.
    pub measured: Option<crate::Percent>,
    /// Whether stable still gets requests.
    pub stable: Requests,
}

/// Whether a target group gets requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requests {
    /// There is no load balancer that counts them.
    NobodyCounts,
    /// It still does, or the counts are too young to tell.
    Perhaps,
    /// None since this moment.
    NoneSince(Millis),
}

/// The circuit breaker's counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerCount {
    /// Failures so far.
    pub failures: u32,
    /// Failures at which the deployment is failed.
    pub threshold: u32,
}

/// `serviceDeployments[].status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServiceDeploymentStatus {
    /// Not begun.
    Pending,
    /// Under way.
    InProgress,
    /// The target revision serves.
    Successful,
    /// Somebody asked to stop it.
    StopRequested,
    /// Ended without success and without a way back.
    Stopped,
    /// Somebody asked to roll it back.
    RollbackRequested,
    /// Going back.
    RollbackInProgress,
    /// The earlier revision serves again.
    RollbackSuccessful,
    /// Not even going back worked.
    RollbackFailed,
    /// A word that this program does not know yet; nothing is concluded from it.
    #[serde(other)]
    Unknown,
}

/// A task that stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedTask {
    /// The 32 hexadecimal digits of the task's id.
    pub id: String,
    /// The deployment that started it.
    pub started_by: Option<DeploymentId>,
    /// `TaskFailedToStart`, `EssentialContainerExited`, `ServiceSchedulerInitiated` …
    pub stop_code: Option<String>,
    /// AWS's sentence.
    pub stopped_reason: Option<String>,
    /// When it stopped.
    pub stopped_at: Option<Millis>,
    /// Its containers.
    pub containers: Vec<StoppedContainer>,
}

/// A container of a stopped task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedContainer {
    /// Its name.
    pub name: String,
    /// Absent if it never started.
    pub exit_code: Option<i32>,
    /// The container's own reason, such as an `OutOfMemoryError`.
    pub reason: Option<String>,
    /// HEALTHY, UNHEALTHY or UNKNOWN.
    pub health_status: Option<String>,
}
