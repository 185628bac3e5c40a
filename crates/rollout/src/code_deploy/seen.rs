//! What was seen of a CodeDeploy deployment at one moment, as plain data. It must never hold a
//! conclusion: those are drawn in [`super::step`]. Start with [`Seen`].

use crate::gate::Reading;
use crate::names::{DeploymentId, TaskDefinitionArn};
use crate::observation::StoppedTask;
use crate::{Millis, Percent};
use serde::{Deserialize, Serialize};

/// One look at the deployment that is followed. Only what was asked for is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The answer of GetDeployment.
    pub deployment: Deployment,
    /// The answer of BatchGetDeploymentTargets; absent until CodeDeploy knows the target.
    pub target: Option<Target>,
    /// What the gates' questions were answered with, when a step asked for it.
    pub readings: Option<Vec<(usize, Reading)>>,
    /// The candidate's share of production by the target groups' request counts.
    pub measured: Option<Percent>,
    /// The service's stopped tasks, when a step asked for them.
    pub stopped_tasks: Option<Vec<StoppedTask>>,
}

impl Seen {
    /// A look at the deployment alone.
    pub fn of(deployment: Deployment, target: Option<Target>) -> Self {
        Self { deployment, target, readings: None, measured: None, stopped_tasks: None }
    }
}

/// What GetDeployment said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// `d-` and nine characters.
    pub id: DeploymentId,
    /// Where it stands.
    pub status: Status,
    /// `errorInformation`.
    pub error: Option<ErrorInformation>,
    /// `rollbackInfo.rollbackDeploymentId`: the deployment that goes back from this one.
    pub rollback: Option<DeploymentId>,
    /// Which ends CodeDeploy answers with a deployment of its own that goes back.
    pub rolls_back: RollsBack,
}

/// `deploymentInfo.status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Not begun.
    Created,
    /// Not begun.
    Queued,
    /// Under way, also while it waits to end the blue task set.
    InProgress,
    /// Under way.
    Baking,
    /// The candidate runs, and somebody must say when traffic may move.
    Ready,
    /// The candidate serves, and the blue task set is gone.
    Succeeded,
    /// It did not get there.
    Failed,
    /// Somebody, or an alarm, stopped it.
    Stopped,
    /// A word that this program does not know yet; nothing is concluded from it.
    #[serde(other)]
    Unknown,
}

/// Why CodeDeploy failed or stopped a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorInformation {
    /// Such as `HOOK_EXECUTION_FAILURE`.
    pub code: String,
    /// CodeDeploy's sentence.
    pub message: String,
}

/// `autoRollbackConfiguration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RollsBack {
    /// `DEPLOYMENT_FAILURE`.
    pub on_failure: Answers,
    /// `DEPLOYMENT_STOP_ON_ALARM`.
    pub on_alarm: Answers,
    /// `DEPLOYMENT_STOP_ON_REQUEST`.
    pub on_request: Answers,
}

/// Does CodeDeploy go back by itself?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Answers {
    /// With a deployment of the last good revision.
    GoesBack,
    /// Traffic stays where it is.
    #[default]
    Stays,
}

/// The one target of a deployment: the ECS service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Target {
    /// In the order in which they come.
    pub stages: Vec<Stage>,
    /// The task sets that it has to do with.
    pub task_sets: Vec<TaskSet>,
}

impl Target {
    /// The candidate's task set.
    pub fn green(&self) -> Option<&TaskSet> {
        self.task_sets.iter().find(|set| set.label == Label::Green)
    }

    /// Stable's task set.
    pub fn blue(&self) -> Option<&TaskSet> {
        self.task_sets.iter().find(|set| set.label == Label::Blue)
    }
}

/// A lifecycle event of a deployment, such as `AllowTraffic`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// `lifecycleEventName`.
    pub name: String,
    /// How far it is.
    pub status: StageStatus,
    /// `diagnostics`, where there are some.
    pub diagnostics: Option<String>,
}

/// `lifecycleEvents[].status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageStatus {
    /// Not begun.
    Pending,
    /// Under way.
    InProgress,
    /// Done.
    Succeeded,
    /// Failed.
    Failed,
    /// Not needed, or not reached.
    Skipped,
    /// A word that this program does not know yet.
    #[serde(other)]
    Unknown,
}

impl StageStatus {
    /// Has it begun?
    pub fn has_begun(self) -> bool {
        matches!(self, Self::InProgress | Self::Succeeded | Self::Failed)
    }
}

/// A task set of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSet {
    /// `ecs-svc/…`, which its tasks carry in `startedBy`.
    pub id: DeploymentId,
    /// Whose it is.
    pub label: Label,
    /// PRIMARY, ACTIVE or DRAINING.
    pub status: String,
    /// Its share of production.
    pub weight: Percent,
    /// Tasks it wants.
    pub desired: u32,
    /// Tasks that are RUNNING.
    pub running: u32,
    /// Tasks that are not yet.
    pub pending: u32,
}

/// `taskSetLabel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Label {
    /// What served before.
    Blue,
    /// What is brought.
    Green,
}

impl TaskSet {
    /// As a row of what moves.
    pub fn as_deployment(&self, task_definition: &TaskDefinitionArn) -> crate::observation::Deployment {
        crate::observation::Deployment {
            id: self.id.clone(),
            status: self.status.clone(),
            task_definition: task_definition.clone(),
            desired: self.desired,
            running: self.running,
            pending: self.pending,
            failed: 0,
            rollout_state: None,
            rollout_state_reason: None,
            created_at: None::<Millis>,
        }
    }
}
