//! What is stored of CodeDeploy.
//!
//! Members that AWS only echoes are kept as AWS's own structs; members that decide something have types of their own.
//! What two rows share is found by ids, which outlive a change of name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_models::{Timestamp, codedeploy, ecs};

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
