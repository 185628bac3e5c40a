//! Deployments whose traffic moves in stages: `BLUE_GREEN`, LINEAR and CANARY.
//!
//! Facts §3: the target revision starts beside the source revision, gets test traffic, then production traffic in steps,
//! is watched for the bake, and only then the source revision goes. Until then the way back is one change of weights. A
//! task is never stopped in the same transaction as a weight is moved away from it: the weight settles first. Start at
//! [`advance`].

mod functions;
mod hooks;
mod steps;
mod traffic;

use std::time::Duration;

use tidegate_models::{
    Timestamp,
    ecs::{
        DeploymentConfiguration, DeploymentStrategy, ServiceDeploymentLifecycleStage as LifecycleStage,
        ServiceDeploymentStatus as Status,
    },
};

pub(super) use hooks::give_up;
pub(crate) use hooks::{answer, function_answered};
pub(crate) use traffic::resolved;
pub(super) use traffic::target_groups;

use super::{
    deployments::is_over,
    failure::{self, Cause},
    health::Standing,
    view::{Held, ServiceView},
};
use crate::{
    State,
    ecs::records::{Direction, Service, Share, Stage, Staged},
};

/// How long a change of weights takes until all of the balancer has it: nothing that it takes traffic from ends sooner.
pub(super) const SETTLES: Duration = Duration::from_secs(1);

/// The longest that a stage may take, or a step of it, unless it is paused.
const STAGE_LIMIT: Duration = Duration::from_hours(24);

/// The longest that all of a deployment may take.
const LIMIT: Duration = Duration::from_hours(30 * 24);

/// Whether a deployment by this configuration goes in stages.
pub(super) fn is_staged(configuration: &DeploymentConfiguration) -> bool {
    configuration.strategy.is_some_and(|strategy| strategy != DeploymentStrategy::Rolling)
}

/// Where a deployment of `service` that goes in stages begins: only where more than one revision is up, or the one before
/// was left on its way, is there something to reconcile first. A first revision starts where the traffic is.
pub(super) fn begin(state: &State, service: &Service, now: Timestamp) -> Staged {
    let before =
        service.current_service_deployment.as_ref().and_then(|arn| state.service_deployments.get(arn));
    let was_interrupted = before.is_some_and(|row| {
        row.staged.is_some() && !matches!(row.status, Status::Successful | Status::RollbackSuccessful)
    });
    let reconciles = service.deployments.len() > 1 || was_interrupted;
    let share = if service.deployments.is_empty() { Share::EVERYTHING } else { Share::NOTHING };
    Staged {
        stage: if reconciles { Stage::ReconcileService } else { Stage::PreScaleUp },
        since: now,
        step: 0,
        production: share,
        test: share,
        hooks: Vec::new(),
        direction: Direction::Forward,
        again: Vec::new(),
    }
}

/// What an interrupted deployment has left of its weights goes back to the revision that completed last, at once.
pub(super) fn restore(state: &mut State, arn: &str) {
    let Some(row) = state.service_deployments.get(arn) else { return };
    if row.staged.as_ref().is_some_and(|staged| staged.stage == Stage::ReconcileService) {
        let target = row.target_revision.clone();
        traffic::shift(state, &target, Share::NOTHING, Share::NOTHING);
    }
}

/// What of the tasks of a service is held where it is while its deployment goes through its stages.
pub(super) fn held(staged: &Staged, now: Timestamp) -> Option<Held> {
    match (staged.direction, staged.stage) {
        (_, Stage::CleanUp) => None,
        (Direction::Back, Stage::ScaleUp) => Some(Held::Both),
        (Direction::Back, _) => Some(Held::Everything),
        (_, Stage::ReconcileService) if now < staged.since + SETTLES => Some(Held::Everything),
        (Direction::Forward, Stage::ReconcileService | Stage::PreScaleUp) => Some(Held::Source),
        (Direction::Forward, _) => Some(Held::Both),
    }
}

/// Moves the deployment of a service through its stages, as far as it goes now. Answers when to look again.
pub(super) fn advance(state: &mut State, service_arn: &str, now: Timestamp) -> Option<Timestamp> {
    loop {
        let arn = state.services.get(service_arn)?.current_service_deployment.clone()?;
        let row = state.service_deployments.get(&arn).filter(|row| !is_over(row.status))?;
        let staged = row.staged.clone()?;
        if staged.stage == Stage::CleanUp {
            return None;
        }
        let deadline = row.created_at + LIMIT;
        if staged.direction == Direction::Forward {
            let problem =
                (staged.stage <= Stage::PreScaleUp).then(|| traffic::problem(state, &row.target_revision));
            let cause = match problem.flatten() {
                Some(problem) => Some(Cause::Networking(problem)),
                None => (now >= deadline).then_some(Cause::TimedOut),
            };
            if let Some(cause) = cause {
                failure::fail_primary(state, service_arn, cause, now);
                continue;
            }
        }
        match stands(state, service_arn, &arn, &staged, now) {
            Stands::Done => enter_next(state, service_arn, &arn, &staged, now),
            Stands::Until(at) if staged.direction == Direction::Forward => return Some(at.min(deadline)),
            Stands::Until(at) => return Some(at),
            Stands::Failed(cause) => failure::fail_primary(state, service_arn, cause, now),
        }
    }
}

/// A deployment failed and its service goes back: all traffic to the source revision, at once. Where that was on its way
/// down already, it comes up first.
pub(super) fn turn_back(state: &mut State, arn: &str, now: Timestamp) {
    let Some(staged) = state.service_deployments.get(arn).and_then(|row| row.staged.clone()) else { return };
    hooks::give_up(state, &staged.hooks);
    let moved = [(Stage::ProductionTrafficShift, staged.production), (Stage::TestTrafficShift, staged.test)];
    let again = moved.into_iter().filter(|(_, share)| *share > Share::NOTHING).map(|(stage, _)| stage);
    let back = Staged {
        since: now,
        hooks: Vec::new(),
        direction: Direction::Back,
        again: again.collect(),
        ..staged
    };
    let back = match back.stage {
        Stage::CleanUp => Staged { stage: Stage::ScaleUp, ..back },
        _ => shifted_back(back),
    };
    put(state, arn, back, now);
}

/// All traffic is the source revision's.
fn shifted_back(staged: Staged) -> Staged {
    Staged {
        stage: Stage::ProductionTrafficShift,
        production: Share::NOTHING,
        test: Share::NOTHING,
        ..staged
    }
}

/// Whether a stage is done.
enum Stands {
    Done,
    Until(Timestamp),
    Failed(Cause),
}

impl Stands {
    /// Done when both are; failed when either has.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Failed(cause), _) | (_, Self::Failed(cause)) => Self::Failed(cause),
            (Self::Until(one), Self::Until(other)) => Self::Until(one.min(other)),
            (Self::Until(at), Self::Done) | (Self::Done, Self::Until(at)) => Self::Until(at),
            (Self::Done, Self::Done) => Self::Done,
        }
    }
}

/// The hooks of a stage are called as it begins: those of a traffic shift run while it is watched.
fn stands(state: &mut State, service_arn: &str, arn: &str, staged: &Staged, now: Timestamp) -> Stands {
    let own = match (staged.direction, staged.stage) {
        (_, Stage::ReconcileService) => is_reconciled(state, service_arn, staged, now),
        (_, Stage::ScaleUp) => is_scaled_up(state, service_arn, staged, now),
        (Direction::Back, _) | (_, Stage::TestTrafficShift) => after(staged.since + SETTLES, now),
        (_, Stage::ProductionTrafficShift | Stage::BakeTime) => {
            after(staged.since + bake(state, arn, staged), now)
        }
        _ => Stands::Done,
    };
    own.and(hooks::stand(state, arn, staged, now))
}

fn after(at: Timestamp, now: Timestamp) -> Stands {
    if now >= at { Stands::Done } else { Stands::Until(at) }
}

/// Something has to happen before the stage is done, and has a day for it.
fn waits(staged: &Staged, now: Timestamp) -> Stands {
    match after(staged.since + STAGE_LIMIT, now) {
        Stands::Done => Stands::Failed(Cause::StageTimedOut(staged.stage)),
        other => other,
    }
}

/// All older revisions but the one that serves go first, as far as the service can do without them.
fn is_reconciled(state: &State, service_arn: &str, staged: &Staged, now: Timestamp) -> Stands {
    let Some(view) = view(state, service_arn, now) else { return waits(staged, now) };
    let source = view.source();
    let (mut healthy, mut others_healthy, mut others_live) = (0, 0, 0);
    for (at, deployment) in view.deployments.iter().enumerate().skip(1) {
        healthy += deployment.count(Standing::is_healthy);
        if Some(at) != source {
            others_healthy += deployment.count(Standing::is_healthy);
            others_live += deployment.count(Standing::is_live);
        }
    }
    let can_go = others_live > others_healthy || (others_healthy > 0 && healthy > view.limits.floor);
    match after(staged.since + SETTLES, now) {
        Stands::Done if can_go => waits(staged, now),
        other => other,
    }
}

fn is_scaled_up(state: &State, service_arn: &str, staged: &Staged, now: Timestamp) -> Stands {
    let Some(view) = view(state, service_arn, now) else { return waits(staged, now) };
    let healthy = view.deployments.first().map_or(0, |primary| primary.count(Standing::is_healthy));
    if healthy >= view.desired { Stands::Done } else { waits(staged, now) }
}

fn view(state: &State, service_arn: &str, now: Timestamp) -> Option<ServiceView> {
    state.services.get(service_arn).map(|service| ServiceView::of(state, service, now))
}

/// How long the stage is watched before the next.
fn bake(state: &State, arn: &str, staged: &Staged) -> Duration {
    let Some(row) = state.service_deployments.get(arn) else { return SETTLES };
    let configuration = &row.deployment_configuration;
    let bake = match staged.stage {
        Stage::BakeTime => steps::bake(configuration),
        _ if staged.production < Share::EVERYTHING => steps::step_bake(configuration),
        _ => Duration::ZERO,
    };
    bake.max(SETTLES)
}

/// Enters the stage after the one that is done, and does what it begins with.
fn enter_next(state: &mut State, service_arn: &str, arn: &str, staged: &Staged, now: Timestamp) {
    let Some(row) = state.service_deployments.get(arn) else { return };
    let configuration = row.deployment_configuration.clone();
    let steps = steps::of(&configuration);
    let mut next = Staged { since: now, hooks: Vec::new(), ..staged.clone() };
    next.stage = match (staged.direction, staged.stage) {
        (Direction::Back, Stage::ScaleUp) => Stage::ProductionTrafficShift,
        (Direction::Back, Stage::ProductionTrafficShift)
            if staged.again.contains(&Stage::TestTrafficShift) =>
        {
            Stage::TestTrafficShift
        }
        (Direction::Back, _) | (_, Stage::BakeTime | Stage::CleanUp) => Stage::CleanUp,
        (_, Stage::ReconcileService) => Stage::PreScaleUp,
        (_, Stage::PreScaleUp) => Stage::ScaleUp,
        (_, Stage::ScaleUp) => Stage::PostScaleUp,
        (_, Stage::PostScaleUp) => Stage::TestTrafficShift,
        (_, Stage::TestTrafficShift) => Stage::PostTestTrafficShift,
        (_, Stage::PostTestTrafficShift) => Stage::PreProductionTrafficShift,
        (_, Stage::PreProductionTrafficShift) => Stage::ProductionTrafficShift,
        (_, Stage::ProductionTrafficShift) if staged.step + 1 < steps.len() => {
            Stage::PreProductionTrafficShift
        }
        (_, Stage::ProductionTrafficShift) => Stage::PostProductionTrafficShift,
        (_, Stage::PostProductionTrafficShift) => Stage::BakeTime,
    };
    match next.stage {
        Stage::ProductionTrafficShift if next.direction == Direction::Back => next = shifted_back(next),
        _ if next.direction == Direction::Back => {}
        Stage::TestTrafficShift => next.test = Share::EVERYTHING,
        Stage::PreProductionTrafficShift if staged.stage == Stage::ProductionTrafficShift => next.step += 1,
        Stage::ProductionTrafficShift => {
            let step = steps.get(next.step).copied().unwrap_or(Share::EVERYTHING);
            next.production = next.production.max(step);
        }
        _ => {}
    }
    put(state, arn, next, now);
    state.touch(crate::state::Subject::Service(service_arn.to_owned()));
}

/// Stores where a deployment stands, and moves the traffic there.
fn put(state: &mut State, arn: &str, staged: Staged, now: Timestamp) {
    let (production, test) = (staged.production, staged.test);
    let target = state.service_deployments.update(arn, |row| {
        row.staged = Some(staged);
        row.updated_at = now;
        row.target_revision.clone()
    });
    if let Some(target) = target {
        traffic::shift(state, &target, production, test);
    }
}

/// `lifecycleStage`: AWS has hooks before a production traffic shift, and no stage of that name.
pub(crate) fn lifecycle_stage(stage: Stage) -> LifecycleStage {
    match stage {
        Stage::ReconcileService => LifecycleStage::ReconcileService,
        Stage::PreScaleUp => LifecycleStage::PreScaleUp,
        Stage::ScaleUp => LifecycleStage::ScaleUp,
        Stage::PostScaleUp => LifecycleStage::PostScaleUp,
        Stage::TestTrafficShift => LifecycleStage::TestTrafficShift,
        Stage::PostTestTrafficShift => LifecycleStage::PostTestTrafficShift,
        Stage::PreProductionTrafficShift | Stage::ProductionTrafficShift => {
            LifecycleStage::ProductionTrafficShift
        }
        Stage::PostProductionTrafficShift => LifecycleStage::PostProductionTrafficShift,
        Stage::BakeTime => LifecycleStage::BakeTime,
        Stage::CleanUp => LifecycleStage::CleanUp,
    }
}
