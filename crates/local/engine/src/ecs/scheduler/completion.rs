//! When a deployment is done, and when a service is steady.
//!
//! Facts §1.5: COMPLETED means that the PRIMARY runs as many tasks as desired, all healthy, and no other deployment is
//! left. With early success criteria a share of the desired count is enough, and with DEFERRED clean-up the old tasks may
//! go afterwards; a roll-back is always waited for in full. Start at [`is_complete`].

use tidegate_models::{
    Timestamp,
    ecs::{
        DeploymentConfiguration, DeploymentRolloutState, ServiceDeploymentStatus as Status,
        ServiceRevisionCleanup,
    },
};

use super::{
    arithmetic::share_rounded_up,
    deployments::finish,
    events::{self, Happened, REPEATED_AFTER},
    health::Standing,
    view::{Role, ServiceView},
};
use crate::State;

/// Whether the PRIMARY deployment is done. `criteria` is `None` while it is being rolled back to.
pub(super) fn is_complete(view: &ServiceView, criteria: Option<&DeploymentConfiguration>) -> bool {
    let Some(primary) = view.deployments.first().filter(|primary| primary.role == Role::Rolling) else {
        return false;
    };
    if view.held.is_some() {
        return false;
    }
    let alone = view.deployments.len() == 1;
    let early = criteria.and_then(|it| it.early_success_criteria.as_ref()).filter(|criteria| criteria.enable);
    match early {
        None => alone && view.is_settled_at(view.desired),
        Some(criteria) => {
            let percent = criteria.healthy_percent.map_or(100, |percent| u32::try_from(percent).unwrap_or(0));
            let enough = primary.count(Standing::is_healthy) >= share_rounded_up(view.desired, percent);
            let deferred = criteria.source_service_revision_cleanup == Some(ServiceRevisionCleanup::Deferred);
            enough && (alone || deferred)
        }
    }
}

/// Drops older deployments that have no task left: INACTIVE ones are not described.
pub(super) fn drop_inactive(state: &mut State, service_arn: &str, view: &mut ServiceView) {
    let is_inactive = |at: usize, view: &ServiceView| {
        let deployment = &view.deployments[at];
        at > 0
            && deployment.tasks.is_empty()
            && (deployment.desired == 0 || deployment.role == Role::Abandoned)
    };
    for at in (1..view.deployments.len()).rev() {
        if is_inactive(at, view) {
            let gone = view.deployments.remove(at);
            state.services.update(service_arn, |service| service.deployments.retain(|it| it.id != gone.id));
        }
    }
}

/// Completes the PRIMARY deployment, and with it its service deployment.
pub(super) fn complete(state: &mut State, service_arn: &str, now: Timestamp) {
    let completed = state.services.update(service_arn, |service| {
        let primary = service.deployments.first_mut()?;
        primary.rollout_state = DeploymentRolloutState::Completed;
        primary.rollout_state_reason = format!("ECS deployment {} completed.", primary.id);
        primary.updated_at = now;
        service.last_completed = Some(primary.clone());
        Some((primary.id.clone(), primary.service_deployment_arn.clone()))
    });
    let Some((deployment, arn)) = completed.flatten() else { return };
    let status = match state.service_deployments.get(&arn).map(|row| row.status) {
        Some(Status::RollbackInProgress) => Status::RollbackSuccessful,
        _ => Status::Successful,
    };
    finish(state, &arn, status, None, now);
    events::tell(state, service_arn, &Happened::Completed { deployment: &deployment }, now);
}

/// Says that the service is steady once it is, and from time to time while it is. Answers when to say so again.
pub(super) fn notice_steady(
    state: &mut State,
    service_arn: &str,
    view: &ServiceView,
    now: Timestamp,
) -> Option<Timestamp> {
    let primary = state.services.get(service_arn)?.deployments.first()?;
    let completed = primary.rollout_state == DeploymentRolloutState::Completed;
    let alone = view.deployments.len() == 1 && view.strays.is_empty();
    if completed && alone && view.is_settled_at(view.desired) {
        return say_steady(state, service_arn, now);
    }
    is_not_steady(state, service_arn);
    None
}

/// Says that the service is steady, unless that was said lately. Answers when to say so again.
pub(super) fn say_steady(state: &mut State, service_arn: &str, now: Timestamp) -> Option<Timestamp> {
    match state.services.get(service_arn)?.steady_since {
        Some(said) if now < said + REPEATED_AFTER => Some(said + REPEATED_AFTER),
        _ => {
            events::tell(state, service_arn, &Happened::SteadyState, now);
            state.services.update(service_arn, |service| service.steady_since = Some(now));
            Some(now + REPEATED_AFTER)
        }
    }
}

/// The service is not steady: once it is again, that is said at once.
pub(super) fn is_not_steady(state: &mut State, service_arn: &str) {
    if state.services.get(service_arn).is_some_and(|service| service.steady_since.is_some()) {
        state.services.update(service_arn, |service| service.steady_since = None);
    }
}
