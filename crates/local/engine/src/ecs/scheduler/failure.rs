//! A deployment fails: it launches nothing more, and the service goes back to the last completed one.
//!
//! Facts §2.1: the target becomes PRIMARY and `IN_PROGRESS` again under its old id, and is no target itself until it has
//! completed; without a target the deployment stalls FAILED; with roll-back off it stays PRIMARY. The service deployment
//! that failed is the one that is rolled back. The monitor that sees it first decides whether to go back. Start at [`fail_primary`].

use tidegate_models::{
    Timestamp,
    ecs::{
        DeploymentLifecycleHookStage as HookStage, DeploymentRolloutState as Rollout, Rollback,
        ServiceDeploymentRollbackMonitorsStatus as MonitorStatus, ServiceDeploymentStatus as Status,
    },
};

use super::{
    alarms, breaker,
    counts::desired_count,
    deployments::finish,
    events::{self, Happened},
    staged,
};
use crate::{
    State,
    ecs::records::{Deployment, FailureCount, Service, Stage, StartThrottle},
};

const BREAKER_ROLLED_BACK: &str =
    "Service deployment rolled back because the circuit breaker threshold was exceeded.";
const BREAKER_STOPPED: &str =
    "Service deployment stopped because the circuit breaker threshold was exceeded.";
const ALARM_ROLLED_BACK: &str = "Service deployment rolled back because an alarm was detected.";
const ALARM_STOPPED: &str = "Service deployment stopped because an alarm was detected.";
const USER_ROLLED_BACK: &str = "Service deployment rolled back because it was stopped by user.";
const USER_STOPPED: &str = "Service deployment stopped by user.";
const NO_CANDIDATE: &str = "No rollback candidate was found to run the rollback";

/// Why a deployment fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Too many of its tasks failed.
    BreakerTripped,
    /// These alarms went into ALARM.
    AlarmDetected(Vec<String>),
    /// `StopServiceDeployment` with ROLLBACK.
    RollbackRequested,
    /// `StopServiceDeployment` with ABORT.
    AbortRequested,
    /// The rules that move its traffic are not what they must be; AWS's words.
    Networking(String),
    /// A lifecycle hook of this stage did not let it go; why, in AWS's words, where there is more to say.
    HookFailed { stage: HookStage, why: Option<String> },
    /// This stage took longer than a stage may.
    StageTimedOut(Stage),
    /// All of it took longer than a deployment may.
    TimedOut,
}

impl Cause {
    /// The `statusReason` of the service deployment that goes back for it.
    fn rolled_back(&self) -> String {
        match self {
            Self::BreakerTripped => BREAKER_ROLLED_BACK.to_owned(),
            Self::AlarmDetected(_) => ALARM_ROLLED_BACK.to_owned(),
            Self::RollbackRequested | Self::AbortRequested => USER_ROLLED_BACK.to_owned(),
            Self::Networking(detail) => {
                format!(
                    "Service deployment rolled back because of invalid networking configuration. {detail}"
                )
            }
            Self::HookFailed { stage, why } => {
                let failed =
                    format!("Service deployment rolled back because {stage} lifecycle hook(s) failed.");
                why.iter().fold(failed, |failed, why| format!("{failed} {why}"))
            }
            Self::StageTimedOut(stage) => format!(
                "Service deployment rolled back because the {} stage did not complete within 24 hours.",
                staged::lifecycle_stage(*stage)
            ),
            Self::TimedOut => {
                "Service deployment rolled back because it did not complete within 30 days.".to_owned()
            }
        }
    }
}

/// Fails the PRIMARY deployment of a service, and begins the roll-back if there is to be one.
pub(super) fn fail_primary(state: &mut State, service_arn: &str, cause: Cause, now: Timestamp) {
    let Some(service) = state.services.get(service_arn).cloned() else { return };
    let Some(primary) = service.deployments.first() else { return };
    tell_failure(state, service_arn, primary, &cause, now);
    match &cause {
        Cause::BreakerTripped => mark_breaker(state, primary),
        Cause::AlarmDetected(names) => alarms::mark(state, primary, names),
        _ => {}
    }
    let target = service.last_completed.as_ref().filter(|target| target.id != primary.id);
    match target.filter(|_| goes_back(state, &service, &cause)) {
        Some(target) => roll_back(state, &service, target, &cause, now),
        None => stall(state, &service, &cause, now),
    }
}

fn goes_back(state: &State, service: &Service, cause: &Cause) -> bool {
    let current = service.current_service_deployment.as_ref();
    match cause {
        Cause::BreakerTripped => breaker::rolls_back(service),
        Cause::AlarmDetected(_) => {
            current.and_then(|arn| state.service_deployments.get(arn)).is_some_and(alarms::rolls_back)
        }
        Cause::RollbackRequested
        | Cause::Networking(_)
        | Cause::HookFailed { .. }
        | Cause::StageTimedOut(_)
        | Cause::TimedOut => true,
        Cause::AbortRequested => false,
    }
}

fn tell_failure(state: &mut State, service_arn: &str, primary: &Deployment, cause: &Cause, now: Timestamp) {
    let because = cause.rolled_back();
    let (reason, happened) = match cause {
        Cause::BreakerTripped => (
            "ECS deployment circuit breaker: tasks failed to start.",
            Happened::TasksFailedToStart { deployment: &primary.id },
        ),
        Cause::AlarmDetected(_) => {
            ("ECS deployment failed: alarm detected.", Happened::AlarmDetected { deployment: &primary.id })
        }
        Cause::RollbackRequested | Cause::AbortRequested => (
            "ECS deployment failed: service deployment stopped by user.",
            Happened::StoppedByUser { deployment: &primary.id },
        ),
        Cause::Networking(_) | Cause::HookFailed { .. } | Cause::StageTimedOut(_) | Cause::TimedOut => {
            (because.as_str(), Happened::FailedBecause { deployment: &primary.id, reason: &because })
        }
    };
    state.services.update(service_arn, |service| {
        if let Some(primary) = service.deployments.first_mut() {
            primary.rollout_state = Rollout::Failed;
            reason.clone_into(&mut primary.rollout_state_reason);
            primary.updated_at = now;
        }
        service.steady_since = None;
    });
    events::tell(state, service_arn, &happened, now);
}

/// What the breaker saw stays in the service deployment; a roll-back that trips again belongs to the same one.
fn mark_breaker(state: &mut State, primary: &Deployment) {
    state.service_deployments.update(&primary.service_deployment_arn, |row| {
        let breaker = row.circuit_breaker.get_or_insert_default();
        breaker.status = Some(MonitorStatus::Triggered);
        if row.rollback.is_none() {
            breaker.failure_count = Some(i32::try_from(primary.failures.breaker).unwrap_or(i32::MAX));
        }
    });
}

fn roll_back(state: &mut State, service: &Service, target: &Deployment, cause: &Cause, now: Timestamp) {
    let Some(failed) = service.deployments.first() else { return };
    let reason = cause.rolled_back();
    let service_deployment_arn = failed.service_deployment_arn.clone();
    state.service_deployments.update(&service_deployment_arn, |row| {
        row.status = Status::RollbackInProgress;
        row.status_reason = Some(reason.clone());
        row.updated_at = now;
        row.rollback = Some(Rollback {
            reason: Some(reason),
            service_revision_arn: Some(target.revision_arn.clone()),
            started_at: Some(now),
        });
    });
    staged::turn_back(state, &service_deployment_arn, now);
    let template =
        state.service_revisions.get(&target.revision_arn).map(|revision| revision.template.clone());
    state.services.update(&service.arn, |service| {
        let desired = desired_count(service);
        service.deployments.retain(|deployment| deployment.id != target.id);
        for other in &mut service.deployments {
            other.primary = false;
        }
        let reason = format!("ECS deployment circuit breaker: rolling back to deploymentId {}.", target.id);
        let again = Deployment {
            primary: true,
            desired_count: desired,
            rollout_state: Rollout::InProgress,
            rollout_state_reason: match cause {
                Cause::BreakerTripped => reason,
                _ => format!("ECS deployment {} in progress.", target.id),
            },
            service_deployment_arn,
            updated_at: now,
            failures: FailureCount::default(),
            throttle: StartThrottle::default(),
            bake_until: None,
            ..target.clone()
        };
        service.deployments.insert(0, again);
        service.last_completed = None;
        if let Some(template) = template {
            service.template = template;
        }
    });
    events::tell(state, &service.arn, &Happened::RollingBack { target: &target.id }, now);
}

/// There is nothing to go back to, or nobody wants it: the service stays as it is.
fn stall(state: &mut State, service: &Service, cause: &Cause, now: Timestamp) {
    let Some(failed) = service.deployments.first() else { return };
    let row = state.service_deployments.get(&failed.service_deployment_arn);
    let already_rolling_back = row.is_some_and(|row| row.rollback.is_some());
    let (status, reason) = match cause {
        _ if goes_back(state, service, cause) => (Status::RollbackFailed, NO_CANDIDATE),
        _ if already_rolling_back => (Status::RollbackFailed, USER_STOPPED),
        Cause::BreakerTripped => (Status::Stopped, BREAKER_STOPPED),
        Cause::AlarmDetected(_) => (Status::Stopped, ALARM_STOPPED),
        _ => (Status::Stopped, USER_STOPPED),
    };
    finish(state, &failed.service_deployment_arn, status, Some(reason), now);
}
