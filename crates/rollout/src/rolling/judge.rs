//! What one look at a service means for the rollout that is followed. It must never conclude from
//! what may be stale: after a write, describes can show the state of before for seconds. Start with
//! [`judge`], which reads top to bottom.

use super::{Phase, Rollout};
use crate::Millis;
use crate::names::{ServiceDeploymentArn, TaskDefinitionArn};
use crate::observation::{
    CircuitBreaker, Deployment, RolloutState, Service, ServiceDeployment, ServiceDeploymentStatus as Status,
};
use crate::pace::Nearness;
use crate::verdict::Verdict;

/// How long a describe may go on showing the state of before an update, and how long two answers of
/// AWS may disagree about an end, before the one in hand is believed.
const SETTLING: Millis = 10_000;

/// What a look means.
#[derive(Debug)]
pub(super) enum Judgement {
    /// Not over.
    Waiting(Nearness),
    /// Something ended; the service deployment says what.
    AskServiceDeployment(ServiceDeploymentArn),
    /// FAILED since then, and what follows is not known yet.
    Failing { since: Millis },
    /// The service is on its way back.
    GoingBack { to: TaskDefinitionArn, reason: String },
    /// Over.
    Ended(Verdict),
}

pub(super) fn judge(
    rollout: &Rollout,
    service: &Service,
    service_deployment: Option<&ServiceDeployment>,
    now: Millis,
) -> Judgement {
    if service.status != "ACTIVE" {
        let reason = format!("the service is {}: somebody deleted it", service.status);
        return Judgement::Ended(Verdict::Aborted { reason });
    }
    let ours = rollout.followed(service);
    let primary = service.deployments.iter().find(|d| d.is_primary());
    let judgement = match (ours, primary) {
        (Some(ours), _) if ours.is_primary() => while_newest(rollout, service, ours, service_deployment, now),
        (_, Some(primary)) => once_replaced(rollout, service, ours, primary, service_deployment, now),
        (_, None) => Judgement::Waiting(Nearness::VerdictIsFar),
    };
    match judgement {
        Judgement::Ended(_) => judgement,
        _ if now >= rollout.deadline => Judgement::Ended(Verdict::TimedOut { reached: counts(service) }),
        _ => judgement,
    }
}

/// Our deployment is PRIMARY.
fn while_newest(
    rollout: &Rollout,
    service: &Service,
    ours: &Deployment,
    service_deployment: Option<&ServiceDeployment>,
    now: Millis,
) -> Judgement {
    if serves_alone(service, ours) {
        return Judgement::Ended(Verdict::Promoted {
            task_definition: ours.task_definition.clone(),
            running: ours.running,
        });
    }
    if let Some(known) = service_deployment {
        match known.status {
            Status::RollbackRequested | Status::RollbackInProgress => {
                return Judgement::GoingBack {
                    to: target_of_rollback(rollout, service, ours),
                    reason: reason_of(rollout, service, Some(known)),
                };
            }
            Status::RollbackSuccessful => {
                // The describe of the service lags behind; the next one names the revision.
                return if now - rollout.moved_at < SETTLING {
                    Judgement::Waiting(Nearness::VerdictIsNear)
                } else {
                    rolled_back(rollout, service, ours, Some(known))
                };
            }
            Status::RollbackFailed | Status::Stopped => {
                return stopped(rollout, service, ours, known);
            }
            _ => {}
        }
    }
    if ours.rollout_state == Some(RolloutState::Failed) {
        return failed_and_newest(rollout, service, ours, service_deployment, now);
    }
    // With a rollback asked for, only the service deployment can tell that it was taken up.
    if matches!(rollout.phase, Phase::RollbackRequested { .. })
        && service_deployment.is_none()
        && let Some(arn) = &rollout.service_deployment
    {
        return Judgement::AskServiceDeployment(arn.clone());
    }
    let others_are_gone =
        service.deployments.iter().filter(|d| d.id != ours.id).all(|d| d.running == 0 && d.pending == 0);
    let full = ours.desired > 0 && ours.running >= ours.desired && ours.pending == 0;
    Judgement::Waiting(if full && others_are_gone { Nearness::VerdictIsNear } else { Nearness::VerdictIsFar })
}

/// FAILED, and still PRIMARY: either ECS is about to go back, or there is nothing to go back to.
fn failed_and_newest(
    rollout: &Rollout,
    service: &Service,
    ours: &Deployment,
    service_deployment: Option<&ServiceDeployment>,
    now: Millis,
) -> Judgement {
    let since = rollout.failed_since.unwrap_or(now);
    let may_still_go_back = service.circuit_breaker == CircuitBreaker::RollsBack
        && service.deployments.iter().any(|d| d.id != ours.id);
    match (service_deployment, &rollout.service_deployment) {
        (None, Some(arn)) => Judgement::AskServiceDeployment(arn.clone()),
        _ if may_still_go_back && now - since < SETTLING => Judgement::Failing { since },
        (known, _) => Judgement::Ended(Verdict::Failed {
            reason: reason_of(rollout, service, known),
            left: what_is_left(rollout, service),
            breaker: known.and_then(|sd| sd.breaker),
        }),
    }
}

/// Another deployment is PRIMARY: ours failed and the service goes back, or somebody deployed.
fn once_replaced(
    rollout: &Rollout,
    service: &Service,
    ours: Option<&Deployment>,
    primary: &Deployment,
    service_deployment: Option<&ServiceDeployment>,
    now: Millis,
) -> Judgement {
    let failed_openly = ours.is_some_and(|d| d.rollout_state == Some(RolloutState::Failed))
        || says_rolling_back(primary)
        || !matches!(rollout.phase, Phase::Moving)
        || was_said_to_fail(rollout);
    let earlier = rollout.earlier_deployments.contains(&primary.id);
    // Nothing but an old picture: right after UpdateService the service may be shown as it was.
    if earlier && !failed_openly && ours.is_none() && now - rollout.started_at < SETTLING {
        return Judgement::Waiting(Nearness::VerdictIsFar);
    }
    if service_deployment.is_none()
        && let Some(arn) = &rollout.service_deployment
        && (!failed_openly || is_steady(service, primary) || by_an_unnamed_alarm(rollout))
    {
        return Judgement::AskServiceDeployment(arn.clone());
    }
    let went_back = service_deployment.map(|sd| sd.status);
    match went_back {
        Some(Status::RollbackSuccessful) => {
            return rolled_back(rollout, service, primary, service_deployment);
        }
        Some(Status::RollbackFailed) => {
            return Judgement::Ended(Verdict::Failed {
                reason: reason_of(rollout, service, service_deployment),
                left: format!("the rollback failed as well: {}", counts(service)),
                breaker: service_deployment.and_then(|sd| sd.breaker),
            });
        }
        Some(Status::RollbackRequested | Status::RollbackInProgress) => {
            return GoingBackTo(primary).because(reason_of(rollout, service, service_deployment));
        }
        _ => {}
    }
    if !failed_openly && !earlier {
        return Judgement::Ended(Verdict::Superseded {
            by: primary.id.clone(),
            task_definition: primary.task_definition.clone(),
        });
    }
    // The service deployment may lag behind by a moment; the service itself is steady for longer.
    let agreed = went_back.is_none() || now - rollout.moved_at >= SETTLING;
    if is_steady(service, primary) && agreed {
        return rolled_back(rollout, service, primary, service_deployment);
    }
    GoingBackTo(primary).because(reason_of(rollout, service, service_deployment))
}

struct GoingBackTo<'a>(&'a Deployment);

impl GoingBackTo<'_> {
    fn because(self, reason: String) -> Judgement {
        Judgement::GoingBack { to: self.0.task_definition.clone(), reason }
    }
}

fn rolled_back(
    rollout: &Rollout,
    service: &Service,
    to: &Deployment,
    known: Option<&ServiceDeployment>,
) -> Judgement {
    Judgement::Ended(Verdict::RolledBack {
        to: to.task_definition.clone(),
        reason: reason_of(rollout, service, known),
        breaker: known.and_then(|sd| sd.breaker),
    })
}

/// STOPPED or `ROLLBACK_FAILED` while still PRIMARY.
fn stopped(rollout: &Rollout, service: &Service, ours: &Deployment, known: &ServiceDeployment) -> Judgement {
    let by_failure =
        ours.rollout_state == Some(RolloutState::Failed) || known.status == Status::RollbackFailed;
    let reason = reason_of(rollout, service, Some(known));
    Judgement::Ended(if by_failure {
        Verdict::Failed { reason, left: what_is_left(rollout, service), breaker: known.breaker }
    } else {
        Verdict::Aborted { reason }
    })
}

/// COMPLETED at the wanted count. Behind a Classic Load Balancer there is no rolloutState: there,
/// alone with every task running is all that can be known.
fn serves_alone(service: &Service, ours: &Deployment) -> bool {
    let full = ours.running >= ours.desired.max(service.desired_count) && ours.pending == 0;
    match ours.rollout_state {
        Some(RolloutState::Completed) => full,
        Some(_) => false,
        None => full && service.deployments.len() == 1,
    }
}

fn is_steady(service: &Service, primary: &Deployment) -> bool {
    serves_alone(service, primary)
        || (primary.rollout_state == Some(RolloutState::Completed) && primary.running >= primary.desired)
}

/// `ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/…`, on the new PRIMARY.
pub(super) fn says_rolling_back(primary: &Deployment) -> bool {
    primary.rollout_state_reason.as_deref().is_some_and(|reason| reason.contains("rolling back to"))
}

/// `(service web) (deployment ecs-svc/…) deployment failed: …` with our id.
fn was_said_to_fail(rollout: &Rollout) -> bool {
    failure_sentence(rollout).is_some()
}

/// An alarm took it back, and only the service deployment says which.
fn by_an_unnamed_alarm(rollout: &Rollout) -> bool {
    matches!(rollout.phase, Phase::Moving)
        && failure_sentence(rollout).is_some_and(|said| said.contains("alarm detected"))
}

fn failure_sentence(rollout: &Rollout) -> Option<&str> {
    let marker = format!("(deployment {}) deployment failed: ", rollout.deployment);
    rollout.events.iter().find_map(|event| event.message.split_once(&marker).map(|(_, reason)| reason))
}

/// Why, in the best words at hand.
fn reason_of(rollout: &Rollout, service: &Service, known: Option<&ServiceDeployment>) -> String {
    if let Phase::RollbackRequested { reason } | Phase::GoingBack { reason } = &rollout.phase {
        return reason.clone();
    }
    let from_deployment = rollout
        .followed(service)
        .filter(|d| d.rollout_state == Some(RolloutState::Failed))
        .and_then(|d| d.rollout_state_reason.as_deref());
    let from_primary = service
        .deployments
        .iter()
        .find(|d| d.is_primary() && says_rolling_back(d))
        .and_then(|d| d.rollout_state_reason.as_deref());
    if let Some(known) = known.filter(|known| !known.triggered_alarms.is_empty()) {
        let names = known.triggered_alarms.join(", ");
        return format!("alarm {names} went off");
    }
    known
        .and_then(|sd| sd.rollback_reason.as_deref().or(sd.status_reason.as_deref()))
        .or(from_deployment)
        .or(failure_sentence(rollout))
        .or(from_primary)
        .unwrap_or("AWS gave no reason")
        .to_owned()
}

fn target_of_rollback(rollout: &Rollout, service: &Service, ours: &Deployment) -> TaskDefinitionArn {
    service
        .deployments
        .iter()
        .find(|d| rollout.earlier_deployments.contains(&d.id))
        .map_or_else(|| ours.task_definition.clone(), |d| d.task_definition.clone())
}

/// What a failure leaves behind, in one sentence.
pub(super) fn what_is_left(rollout: &Rollout, service: &Service) -> String {
    let old: u32 = service.deployments.iter().filter(|d| d.id != rollout.deployment).map(|d| d.running).sum();
    let breaker = match service.circuit_breaker {
        CircuitBreaker::Off => "the circuit breaker is off, so ECS goes on trying for ever",
        CircuitBreaker::Stops => "the circuit breaker does not roll back, so the service stays as it is",
        CircuitBreaker::RollsBack => "there is no completed deployment to go back to",
    };
    if old == 0 {
        format!("no task of an earlier revision runs; {breaker}")
    } else {
        format!("{old} tasks of the earlier revision go on serving; {breaker}")
    }
}

/// `web:8 1/3 running, 2 pending, 4 failed; web:7 2 running`.
fn counts(service: &Service) -> String {
    let parts: Vec<String> = service
        .deployments
        .iter()
        .map(|d| {
            format!(
                "{} {}/{} running, {} pending, {} failed",
                d.task_definition.short(),
                d.running,
                d.desired,
                d.pending,
                d.failed
            )
        })
        .collect();
    parts.join("; ")
}
