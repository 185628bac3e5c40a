//! What is stored of Application Auto Scaling.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_models::{
    Timestamp,
    application_autoscaling::{
        Alarm, ScalableTargetAction, ScalingActivity, StepScalingPolicyConfiguration, SuspendedState,
        TargetTrackingScalingPolicyConfiguration,
    },
};

use crate::Scope;

/// A service whose desired count is set by policies and schedules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalableTarget {
    /// Its ARN.
    pub arn: String,
    /// Whose it is, and where.
    pub scope: Scope,
    /// `service/CLUSTER/NAME`
    pub resource_id: String,
    /// The role by which it is scaled.
    pub role_arn: String,
    /// Scaling in ends here.
    pub min_capacity: u32,
    /// Scaling out ends here.
    pub max_capacity: u32,
    /// What is switched off.
    pub suspended: SuspendedState,
    /// When it was registered.
    pub created_at: Timestamp,
}

impl ScalableTarget {
    /// The key of the target of a resource.
    pub fn key(scope: &Scope, resource_id: &str) -> String {
        format!("{}{resource_id}", Self::keys_of(scope))
    }

    /// What all keys of a scope begin with.
    pub fn keys_of(scope: &Scope) -> String {
        format!("{}/{}/", scope.account, scope.region)
    }

    /// The ARN of the service.
    pub fn service_arn(&self) -> String {
        self.scope.arn("ecs", &self.resource_id)
    }
}

/// The key of the target of the policy with this ARN.
pub(crate) fn target_of_policy(arn: &str) -> Option<String> {
    let (_, resource) = arn.split_once(":resource/ecs/")?;
    let (resource_id, _) = resource.split_once(":policyName/")?;
    Some(ScalableTarget::key(&Scope::of_arn(arn), resource_id))
}

/// The key of the target that scales the service with this ARN, be it registered or not.
pub(super) fn target_of_service(arn: &str) -> Option<String> {
    let (_, name) = arn.split_once(":service/")?;
    Some(ScalableTarget::key(&Scope::of_arn(arn), &format!("service/{name}")))
}

/// A scaling policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalingPolicy {
    /// Its ARN, which alarms name among their actions.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The key of its target.
    pub target: String,
    /// By which rule it scales.
    pub rule: PolicyRule,
    /// When it was put first.
    pub created_at: Timestamp,
    /// When it last acted on each alarm, by the alarm's ARN.
    pub acted: BTreeMap<String, Timestamp>,
    /// When it scaled out last.
    pub scaled_out: Option<Scaled>,
    /// When it scaled in last.
    pub scaled_in: Option<Scaled>,
}

impl ScalingPolicy {
    /// The key of a target's policy; those of one target stand in the order of their names.
    pub fn key(target: &str, name: &str) -> String {
        format!("{target}/{name}")
    }
}

/// The rule of a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PolicyRule {
    /// By how far an alarm's metric is from its threshold.
    Step(StepScalingPolicyConfiguration),
    /// So that a metric stays near its target value.
    Tracking {
        /// As it was given.
        configuration: Box<TargetTrackingScalingPolicyConfiguration>,
        /// The alarm above the target.
        high: Alarm,
        /// The alarm well below it; none where scaling in is disabled.
        low: Option<Alarm>,
    },
}

/// A change that a policy made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scaled {
    /// When.
    pub at: Timestamp,
    /// The desired count before.
    pub from: u32,
    /// The desired count since.
    pub to: u32,
}

/// A change of a target's limits at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduledAction {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The key of its target.
    pub target: String,
    /// `at(…)`, `rate(…)` or `cron(…)`.
    pub schedule: String,
    /// UTC, if somebody said so.
    pub timezone: Option<String>,
    /// Not before.
    pub start: Option<Timestamp>,
    /// Not after.
    pub end: Option<Timestamp>,
    /// The limits from then on.
    pub action: ScalableTargetAction,
    /// When it was put first.
    pub created_at: Timestamp,
    /// When it happens next; `None` when never again.
    pub next: Option<Timestamp>,
}

/// Something that was done to a target, or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// The key of its target. The target itself may be gone.
    pub target: String,
    /// Which one of the target it is, from 1 on.
    pub number: u64,
    /// The desired count that it set and that is not reached yet.
    pub awaited: Option<u32>,
    /// As `DescribeScalingActivities` answers it.
    pub item: ScalingActivity,
}

impl Activity {
    /// The key of a target's activity: ordered by number within a target.
    pub fn key(target: &str, number: u64) -> String {
        format!("{target}/{number:012}")
    }
}
