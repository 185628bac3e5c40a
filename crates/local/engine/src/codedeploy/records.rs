//! What is stored of CodeDeploy.
//!
//! Members that AWS only echoes are kept as AWS's own structs; members that decide something have types of their own.
//! What two rows share is found by ids, which outlive a change of name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_models::{
    Timestamp,
    codedeploy::{self, DeploymentStatus},
    ecs,
};

use crate::{Scope, ecs::records::Share};

/// An application: a name under which deployment groups and revisions stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Application {
    /// Its ARN.
    pub arn: String,
    /// A UUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A deployment group: what is deployed to, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeploymentGroup {
    /// Its ARN.
    pub arn: String,
    /// A UUID.
    pub id: String,
    /// Its application's id.
    pub application_id: String,
    /// Its name.
    pub name: String,
    /// The ARN of the one ECS service that it deploys to.
    pub service_arn: String,
    /// As `GetDeploymentGroup` answers, but for what is looked up: its application's name, its last deployments and the
    /// revision that it is at.
    pub document: codedeploy::DeploymentGroupInfo,
}

impl DeploymentGroup {
    /// The key of the group `name` of an application: ordered by name within it.
    pub fn key(application_id: &str, name: &str) -> String {
        format!("{application_id}/{name}")
    }
}

/// A deployment configuration that someone made; AWS's own are not stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeploymentConfig {
    /// As `GetDeploymentConfig` answers.
    pub document: codedeploy::DeploymentConfigInfo,
}

/// A revision of an application: an AppSpec with its history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// Its application's id.
    pub application_id: String,
    /// The SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
    /// Where it is, with its content.
    pub location: codedeploy::RevisionLocation,
    /// A comment.
    pub description: Option<String>,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// When it was deployed first.
    pub first_used_at: Option<Timestamp>,
    /// When it was deployed last.
    pub last_used_at: Option<Timestamp>,
}

impl Revision {
    /// The key of a revision of an application.
    pub fn key(application_id: &str, sha256: &str) -> String {
        format!("{application_id}/{sha256}")
    }
}

/// What an AppSpec says of a deployment to ECS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppSpec {
    /// The full ARN of the task definition's revision.
    pub task_definition: String,
    /// The container that gets the traffic.
    pub container_name: String,
    /// Its port.
    pub container_port: i32,
    /// The platform version; `None` for that of the service.
    pub platform_version: Option<String>,
    /// Subnets and security groups; `None` for those of the service.
    pub network_configuration: Option<ecs::NetworkConfiguration>,
    /// Capacity providers; none for those of the service.
    pub capacity_provider_strategy: Vec<ecs::CapacityProviderStrategyItem>,
    /// The functions that are called, by the lifecycle event that they are.
    pub hooks: BTreeMap<Event, String>,
}

/// The lifecycle events of a deployment to ECS, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Event {
    /// A hook, before the replacement task set is created.
    BeforeInstall,
    /// The replacement task set is created and becomes steady.
    Install,
    /// A hook, after that.
    AfterInstall,
    /// The test listener's traffic moves. Only where there is a test listener.
    AllowTestTraffic,
    /// A hook, after that.
    AfterAllowTestTraffic,
    /// A hook, before production traffic moves.
    BeforeAllowTraffic,
    /// Production traffic moves.
    AllowTraffic,
    /// A hook, after that.
    AfterAllowTraffic,
}

impl Event {
    /// All of them, in their order.
    pub const ALL: [Self; 8] = [
        Self::BeforeInstall,
        Self::Install,
        Self::AfterInstall,
        Self::AllowTestTraffic,
        Self::AfterAllowTestTraffic,
        Self::BeforeAllowTraffic,
        Self::AllowTraffic,
        Self::AfterAllowTraffic,
    ];

    /// As AWS writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BeforeInstall => "BeforeInstall",
            Self::Install => "Install",
            Self::AfterInstall => "AfterInstall",
            Self::AllowTestTraffic => "AllowTestTraffic",
            Self::AfterAllowTestTraffic => "AfterAllowTestTraffic",
            Self::BeforeAllowTraffic => "BeforeAllowTraffic",
            Self::AllowTraffic => "AllowTraffic",
            Self::AfterAllowTraffic => "AfterAllowTraffic",
        }
    }

    /// Whether a function of the AppSpec can be called at it.
    pub const fn is_hook(self) -> bool {
        !matches!(self, Self::Install | Self::AllowTestTraffic | Self::AllowTraffic)
    }
}

/// A deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its key here; AWS knows it by its id.
    pub arn: String,
    /// `d-` and nine characters.
    pub id: String,
    /// The account and region that it is in.
    pub scope: Scope,
    /// The id of its deployment group.
    pub group_id: String,
    /// The SHA-256 of its revision; empty when there was none to roll back to.
    pub revision: String,
    /// Members that are stored and described, and decide nothing.
    pub echo: codedeploy::DeploymentInfo,
    /// The ECS service that it deploys to.
    pub service_arn: String,
    /// The listeners whose traffic it moves.
    pub routes: Routes,
    /// The task set that serves when it begins.
    pub blue: Side,
    /// The task set that it brings.
    pub green: Side,
    /// What it does.
    pub work: Work,
    /// What happens before production traffic moves.
    pub ready: Ready,
    /// What becomes of blue when all traffic has moved.
    pub termination: Termination,
    /// What makes it roll back by itself.
    pub rolls_back_on: Vec<codedeploy::AutoRollbackEvent>,
    /// What stops it.
    pub alarms: Alarms,
    /// How far it is.
    pub status: DeploymentStatus,
    /// Where in its course it is.
    pub phase: Phase,
    /// Since when it is there, or at the step of it.
    pub since: Timestamp,
    /// How many steps of production traffic have moved.
    pub step: usize,
    /// Its lifecycle events, in their order.
    pub events: Vec<EventRun>,
    /// Why it failed or was stopped.
    pub error: Option<codedeploy::ErrorInformation>,
    /// What it has to do with a roll-back.
    pub rollback: Option<codedeploy::RollbackInfo>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub completed_at: Option<Timestamp>,
    /// When something about it changed last.
    pub updated_at: Timestamp,
    /// The task sets as they were when it was over; until then they are looked up.
    pub final_task_sets: Vec<codedeploy::ECSTaskSet>,
}

impl Deployment {
    /// Whether nothing of it is left to do.
    pub fn is_over(&self) -> bool {
        matches!(
            self.status,
            DeploymentStatus::Succeeded | DeploymentStatus::Failed | DeploymentStatus::Stopped
        )
    }

    /// The keys that it is found by: its group's id, and its service's ARN for as long as it is not over.
    pub(crate) fn index(&self) -> Vec<String> {
        let service = (!self.is_over()).then(|| self.service_arn.clone());
        std::iter::once(self.group_id.clone()).chain(service).collect()
    }
}

/// The listeners of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routes {
    /// The ARN of the listener of production traffic.
    pub production: String,
    /// The ARN of the listener of test traffic.
    pub test: Option<String>,
}

/// One of the two colours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Its task set's id; `None` as long as it is not there.
    pub task_set: Option<String>,
    /// The ARN of its target group.
    pub target_group: String,
}

/// What a deployment does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// It brings a revision.
    Deploy(Box<Plan>),
    /// It puts all traffic back to blue, and takes green away.
    RollBack,
}

/// What a deployment brings, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What it brings.
    pub spec: AppSpec,
    /// Green's share of production traffic after each step; the last is all of it.
    pub steps: Vec<Share>,
    /// How many minutes pass between two steps.
    pub interval_minutes: u32,
}

/// What happens before production traffic moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ready {
    /// It moves at once.
    Continue,
    /// It moves when `ContinueDeployment` says so; after so many minutes without that the deployment stops.
    StopAfter {
        /// How many.
        minutes: u32,
    },
}

/// What becomes of blue when all traffic has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Termination {
    /// It goes after so many minutes, or when `ContinueDeployment` says so.
    After {
        /// How many.
        minutes: u32,
    },
    /// It stays.
    KeepAlive,
}

/// The alarms of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarms {
    /// Their names; none when they are not enabled.
    pub names: Vec<String>,
    /// Whether one that cannot be asked stops the deployment, too.
    pub unknown: UnknownAlarm,
}

/// What an alarm does that cannot be asked: `ignorePollAlarmFailure`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnknownAlarm {
    /// It stops the deployment.
    #[default]
    Stops,
    /// Nothing.
    IsIgnored,
}

/// Where in its course a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// At a lifecycle event.
    Event(Event),
    /// Before production traffic moves, until it is told to go on.
    ReadyWait,
    /// All traffic has moved; blue is still there.
    TerminationWait,
    /// Nothing is left to do.
    Over,
}

/// A lifecycle event of a deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRun {
    /// Which.
    pub event: Event,
    /// How it stands.
    pub status: codedeploy::LifecycleEventStatus,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    pub failure: Option<String>,
    /// The function that was called at it.
    pub hook: Option<HookRun>,
}

/// A function that was called at a lifecycle event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HookRun {
    /// The lifecycle event hook execution id.
    pub execution: String,
    /// The invocation's id.
    pub invocation: String,
    /// What was said of it.
    pub outcome: HookOutcome,
    /// When it is over without an answer.
    pub expires_at: Timestamp,
}

/// What was said of a function that was called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookOutcome {
    /// Nothing yet.
    Awaited,
    /// `Succeeded`
    Succeeded,
    /// `Failed`
    Failed,
    /// It could not be called: why, in words.
    NotCalled(String),
}
