//! All that is known about one service, as plain data: AWS's own documents where rules read many of their
//! members, small structs where they read few. It must never hold the value of a secret. Start with [`Picture`].

mod balancer;
pub(crate) mod read;

pub use balancer::{HealthCheck, ListenerRule, Target, TargetGroup};

use crate::Asked;
use serde_json::Value;
use std::collections::BTreeMap;
use tidegate_rollout::Millis;
use tidegate_rollout::rollback::PastDeployment;

/// One service at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// When it was taken, by the endpoint's clock.
    pub now: Millis,
    /// The service as DescribeServices answers it, tags included.
    pub service: Value,
    /// The task definition that it runs, as DescribeTaskDefinition answers it.
    pub definition: Asked<Value>,
    /// The service deployments of the last 90 days; absent where ECS does not deploy the service.
    pub history: Asked<Vec<PastDeployment>>,
    /// Where a rollback would go; absent where there is nothing to go back to.
    pub way_back: Asked<WayBack>,
    /// The target groups that the service registers its tasks with, by ARN.
    pub target_groups: BTreeMap<String, Asked<TargetGroup>>,
    /// The alarms that the service or its gates name, by name.
    pub alarms: BTreeMap<String, Asked<Alarm>>,
    /// The alarms that gates of `tidegate.yml` watch besides.
    pub gate_alarms: Vec<String>,
    /// The images of the definition and of the rollback target, by the name that they go by there. An image of
    /// another registry than ECR has no entry.
    pub images: BTreeMap<String, Image>,
    /// The roles that the service and its definition name, by ARN or name.
    pub roles: BTreeMap<String, Asked<Role>>,
    /// The secrets and parameters that the definition names, by `valueFrom`.
    pub secrets: BTreeMap<String, Asked<Secret>>,
    /// The log groups that the definition names.
    pub log_groups: BTreeMap<String, Asked<()>>,
    /// For how many days a rollback drill holds.
    pub drill_days: u32,
}

/// The revision that a rollback would go to.
#[derive(Debug, Clone, PartialEq)]
pub struct WayBack {
    /// `family:revision`.
    pub revision: String,
    /// The definition; absent where AWS no longer describes it.
    pub definition: Asked<Value>,
}

/// A CloudWatch alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// CloudWatch's sentence about the state.
    pub reason: String,
    /// The seconds that it looks back: its period times its evaluation periods. None for a composite alarm.
    pub looks_back: Option<i64>,
}

/// An image in ECR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The repository.
    pub repository: String,
    /// The registry, as the image names it.
    pub registry: String,
    /// The repository's `imageTagMutability`.
    pub mutability: Asked<String>,
    /// The digest that the image has in the repository; absent where it is not there.
    pub digest: Asked<String>,
}

/// An IAM role.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// The trust policy.
    pub trust: Value,
}

/// A secret or parameter, without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    /// It can be read.
    There,
    /// It is scheduled for deletion, and can no longer be read.
    Deleted,
}
