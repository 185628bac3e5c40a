//! Deployments, moved on: task set by task set and weight by weight. Facts §4.3–4.5.
//!
//! Green starts beside blue, gets test traffic, then production traffic in steps; blue stays until the termination wait is
//! over, and until then the way back is one change of weights. What is decided is decided by [`course`] and `stands`;
//! task sets are ECS's, weights `elbv2`'s. Start at [`reconcile_deployment`].

mod alarms;
mod course;
mod describe;
mod ending;
mod hooks;
mod install;
mod traffic;

use std::time::Duration;

use tidegate_models::{
    Timestamp,
    codedeploy::{AutoRollbackEvent, DeploymentStatus, ErrorCode, LifecycleEventStatus},
};

pub(crate) use alarms::watches;
pub(super) use course::events_of;
pub(super) use describe::{deployment as described, target as described_target, target_id, target_status};
pub(super) use ending::stop;
pub(super) use hooks::answer as answer_hook;
pub(crate) use hooks::function_answered;
pub(super) use traffic::primary_is_behind;

use super::records::{Deployment, Event, Phase, Ready, Termination, Work};
use crate::{
    State,
    ecs::{
        records::{ServiceStatus, Share, TaskSetStatus},
        task_sets,
    },
    state::Subject,
};
use ending::Failure;

/// How long a change of weights takes until all of the balancer has it.
const SETTLES: Duration = Duration::from_secs(1);

/// For how long green may be unsteady while traffic moves to it: facts §9.
const UNSTEADY: Duration = Duration::from_mins(5);

/// Moves a deployment on, as far as it goes now. Answers when to look again though nothing happens.
pub(crate) fn reconcile_deployment(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    loop {
        let row = state.deployments.get(arn).filter(|row| !row.is_over())?.clone();
        if let Some(failure) = trouble(state, &row) {
            ending::end(state, &row, &failure, now);
            return None;
        }
        if row.status == DeploymentStatus::Created {
            enter(state, &row, course::first(&row), now);
            continue;
        }
        match stands(state, &row, now) {
            Stands::Done => enter(state, &row, course::next(&row), now),
            Stands::Moved => {}
            Stands::Until(at) => return Some(at),
            Stands::UntilSomethingHappens => return None,
            Stands::Failed(failure) => {
                ending::end(state, &row, &failure, now);
                return None;
            }
        }
    }
}

/// Something about a service's task sets changed: its deployment looks again.
pub(crate) fn service_changed(state: &mut State, service_arn: &str) {
    let live = state.deployments.indexed_by(service_arn);
    let live: Vec<Subject> = live.map(|(arn, _)| Subject::Deployment(arn.to_owned())).collect();
    for subject in live {
        state.touch(subject);
    }
}

/// Forgets the deployments of a group. One under way ends where it is: its task sets and weights stay.
pub(super) fn forget(state: &mut State, group_id: &str) {
    let rows: Vec<Deployment> = state.deployments.indexed_by(group_id).map(|(_, row)| row.clone()).collect();
    for row in rows {
        hooks::give_up(state, &row);
        state.deployments.remove(&row.arn);
        state.touch(Subject::Deployment(row.arn));
    }
}

/// Lets a deployment out of the wait that it is in.
pub(super) fn go_on(state: &mut State, row: &Deployment, now: Timestamp) {
    enter(state, row, course::next(row), now);
    state.touch(Subject::Deployment(row.arn.clone()));
}

/// Where a deployment stands in its phase.
enum Stands {
    /// The phase is over.
    Done,
    /// It took a step within the phase.
    Moved,
    Until(Timestamp),
    UntilSomethingHappens,
    Failed(Failure),
}

fn after(at: Timestamp, now: Timestamp) -> Stands {
    if now >= at { Stands::Done } else { Stands::Until(at) }
}

/// What ends a deployment wherever it is: its alarms, and what of ECS it was about being gone.
fn trouble(state: &State, row: &Deployment) -> Option<Failure> {
    let service = state.services.get(&row.service_arn);
    let Some(service) = service.filter(|service| service.status == ServiceStatus::Active) else {
        return Some(Failure::failed(
            ErrorCode::InvalidEcsService,
            format!("The ECS service {} is not ACTIVE any more.", row.service_arn),
        ));
    };
    for (colour, side) in [("original", &row.blue), ("replacement", &row.green)] {
        if let Some(id) = side.task_set.as_deref()
            && service.task_set(id).is_none_or(|task_set| task_set.status == TaskSetStatus::Draining)
        {
            return Some(Failure::failed(
                ErrorCode::EcsUpdateError,
                format!("The {colour} task set {id} was deleted while the deployment was under way."),
            ));
        }
    }
    alarms::trouble(state, row)
}

fn stands(state: &mut State, row: &Deployment, now: Timestamp) -> Stands {
    match row.phase {
        Phase::Event(Event::Install) => install::stand(state, row, now),
        Phase::Event(Event::AllowTestTraffic) => after(row.since + SETTLES, now),
        Phase::Event(Event::AllowTraffic) => match &row.work {
            Work::Deploy(plan) => shift(state, row, &plan.steps, minutes(plan.interval_minutes), now),
            Work::RollBack => after(row.since + SETTLES, now),
        },
        Phase::Event(event) => hooks::stand(state, row, event, now),
        Phase::ReadyWait => match row.ready {
            Ready::Continue => Stands::Done,
            Ready::StopAfter { minutes: count } if now >= row.since + minutes(count) => {
                Stands::Failed(Failure::stopped(
                    ErrorCode::Timeout,
                    format!(
                        "The deployment timed out while waiting for a notification to continue. This time out period is {count} minutes."
                    ),
                    AutoRollbackEvent::DeploymentFailure,
                ))
            }
            Ready::StopAfter { minutes: count } => Stands::Until(row.since + minutes(count)),
        },
        Phase::TerminationWait => match row.termination {
            Termination::KeepAlive => Stands::Done,
            Termination::After { minutes: count } => after(row.since + minutes(count), now),
        },
        Phase::Over => Stands::UntilSomethingHappens,
    }
}

/// Moves production traffic, step by step. No step is taken to a green that is not steady.
fn shift(state: &mut State, row: &Deployment, steps: &[Share], interval: Duration, now: Timestamp) -> Stands {
    let wait = match row.step {
        0 => Duration::ZERO,
        step if step < steps.len() => interval.max(SETTLES),
        _ => SETTLES,
    };
    let due = row.since + wait;
    if now < due {
        return Stands::Until(due);
    }
    let Some(share) = steps.get(row.step).copied() else { return Stands::Done };
    let green = row.green.task_set.as_deref().unwrap_or_default();
    if !task_sets::is_steady(state, &row.service_arn, green, now) {
        if now < due + UNSTEADY {
            return Stands::Until(due + UNSTEADY);
        }
        return Stands::Failed(Failure::failed(
            ErrorCode::HealthConstraints,
            "The replacement task set did not stay healthy while traffic was to be shifted to it. This time out period is 5 minutes.".to_owned(),
        ));
    }
    if let Some(failure) = traffic::trouble(state, row) {
        return Stands::Failed(failure);
    }
    traffic::shift_production(state, row, share);
    if share == Share::EVERYTHING {
        task_sets::set_primary(state, &row.service_arn, green, now);
    }
    state.deployments.update(&row.arn, |row| {
        row.step += 1;
        row.since = now;
        row.updated_at = now;
    });
    Stands::Moved
}

/// Enters a phase, and does what it begins with.
fn enter(state: &mut State, row: &Deployment, phase: Phase, now: Timestamp) {
    state.deployments.update(&row.arn, |row| {
        row.started_at.get_or_insert(now);
        row.updated_at = now;
        row.since = now;
        if let Phase::Event(left) = row.phase
            && row.status != DeploymentStatus::Created
        {
            set_event(row, left, LifecycleEventStatus::Succeeded, now);
        }
        if let Phase::Event(event) = phase {
            set_event(row, event, LifecycleEventStatus::InProgress, now);
        }
        row.phase = phase;
        row.status = match phase {
            Phase::ReadyWait => DeploymentStatus::Ready,
            _ => DeploymentStatus::InProgress,
        };
    });
    match (phase, &row.work) {
        (Phase::Event(Event::Install), _) => traffic::attach(state, row),
        (Phase::Event(Event::AllowTestTraffic), _) => traffic::shift_test(state, row, Share::EVERYTHING),
        (Phase::Event(Event::AllowTraffic), Work::RollBack) => {
            traffic::shift_production(state, row, Share::NOTHING);
            traffic::shift_test(state, row, Share::NOTHING);
            let blue = row.blue.task_set.as_deref().unwrap_or_default();
            task_sets::set_primary(state, &row.service_arn, blue, now);
        }
        (Phase::Over, _) => ending::succeed(state, row, now),
        _ => {}
    }
}

fn set_event(row: &mut Deployment, event: Event, status: LifecycleEventStatus, now: Timestamp) {
    for run in row.events.iter_mut().filter(|run| run.event == event) {
        run.status = status;
        if status == LifecycleEventStatus::InProgress {
            run.started_at = Some(now);
        } else {
            run.ended_at = Some(now);
        }
    }
}

fn minutes(count: u32) -> Duration {
    Duration::from_mins(u64::from(count))
}
