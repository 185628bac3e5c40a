//! One pass over one service: look, take in what health says, decide, write, say.
//!
//! All decisions are made by pure functions of a [`ServiceView`]; here is only their order, and how they are written
//! down. It must never look at another service. Start at [`reconcile_service`].

use std::collections::BTreeMap;

use tidegate_models::{
    Timestamp,
    ecs::{DeploymentControllerType, ServiceDeploymentStatus as Status, TaskStopCode},
};

use super::{
    alarms, breaker, completion, deletion,
    events::{self, Happened},
    failure::{self, Cause},
    health::{Standing, Unhealthy},
    launch::{self, NewTask},
    lifecycle::{begin_stop, tell_deregistered},
    plan::{Because, Plan, Start, Stop, plan},
    staged,
    targets::ByGroup,
    task_sets,
    view::ServiceView,
};
use crate::{
    State,
    ecs::records::{Service, ServiceStatus, StandingCause, TaskOwner},
};

/// Moves a service on. Answers when to look again though nothing happens.
pub(crate) fn reconcile_service(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    match state.services.get(arn)?.status {
        ServiceStatus::Inactive => deletion::forget(state, arn, now),
        ServiceStatus::Draining => {
            for view in look_at_all(state, arn, now) {
                apply(state, arn, &view, &plan(&view), now);
            }
            task_sets::changed(state, arn);
            if look_at_all(state, arn, now).iter().all(ServiceView::is_empty) {
                deletion::end(state, arn, now);
                return deletion::forget(state, arn, now);
            }
            None
        }
        ServiceStatus::Active => match state.services.get(arn)?.controller {
            DeploymentControllerType::Ecs => schedule(state, arn, now),
            DeploymentControllerType::CodeDeploy | DeploymentControllerType::External => {
                task_sets::schedule(state, arn, now)
            }
        },
    }
}

fn schedule(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    begin_requested(state, arn, now);
    fail_if_tripped(state, arn, now);
    fail_if_alarmed(state, arn, now);
    take_in_health(state, arn, &look(state, arn, now)?, now);
    let stage = staged::advance(state, arn, now);
    let view = look(state, arn, now)?;
    let plan = plan(&view);
    apply(state, arn, &view, &plan, now);

    let mut view = look(state, arn, now)?;
    completion::drop_inactive(state, arn, &mut view);
    let service = state.services.get(arn)?;
    let in_progress = view.deployments.first().is_some_and(|primary| primary.in_progress);
    let mut bakes = None;
    if in_progress && completion::is_complete(&view, criteria(state, service)) {
        bakes = alarms::bake(state, arn, now);
        if bakes.is_none() {
            completion::complete(state, arn, now);
        }
    }
    let steady = completion::notice_steady(state, arn, &view, now);
    steady.into_iter().chain(view.next_change()).chain(stage).chain(bakes).min()
}

/// The deployments of a service in one view, or each of its task sets in a view of its own.
pub(super) fn look_at_all(state: &State, arn: &str, now: Timestamp) -> Vec<ServiceView> {
    let Some(service) = state.services.get(arn) else { return Vec::new() };
    match service.controller {
        DeploymentControllerType::Ecs => vec![ServiceView::of(state, service, now)],
        DeploymentControllerType::CodeDeploy | DeploymentControllerType::External => {
            let of_task_set = |it| ServiceView::of_task_set(state, service, it, now);
            service.task_sets.iter().map(of_task_set).collect()
        }
    }
}

fn look(state: &State, arn: &str, now: Timestamp) -> Option<ServiceView> {
    state.services.get(arn).map(|service| ServiceView::of(state, service, now))
}

/// What completes the deployment in progress; a roll-back has no criteria of its own.
fn criteria<'a>(
    state: &State,
    service: &'a Service,
) -> Option<&'a tidegate_models::ecs::DeploymentConfiguration> {
    let current =
        service.current_service_deployment.as_ref().and_then(|arn| state.service_deployments.get(arn));
    let rolls_back = current.is_some_and(|row| row.rollback.is_some());
    (!rolls_back).then_some(&service.deployment_configuration)
}

/// Moves the service deployment from what was asked for to what is done.
fn begin_requested(state: &mut State, arn: &str, now: Timestamp) {
    let Some(current) =
        state.services.get(arn).and_then(|service| service.current_service_deployment.clone())
    else {
        return;
    };
    match state.service_deployments.get(&current).map(|row| row.status) {
        Some(Status::Pending) => {
            state.service_deployments.update(&current, |row| {
                row.status = Status::InProgress;
                row.started_at = Some(now);
                row.updated_at = now;
            });
        }
        Some(Status::RollbackRequested) => failure::fail_primary(state, arn, Cause::RollbackRequested, now),
        Some(Status::StopRequested) => failure::fail_primary(state, arn, Cause::AbortRequested, now),
        _ => {}
    }
}

fn fail_if_tripped(state: &mut State, arn: &str, now: Timestamp) {
    breaker::describe(state, arn, now);
    if state.services.get(arn).is_some_and(breaker::is_tripped) {
        failure::fail_primary(state, arn, Cause::BreakerTripped, now);
    }
}

fn fail_if_alarmed(state: &mut State, arn: &str, now: Timestamp) {
    let detected =
        state.services.get(arn).map(|service| alarms::detected(state, service)).unwrap_or_default();
    if !detected.is_empty() {
        failure::fail_primary(state, arn, Cause::AlarmDetected(detected), now);
    }
}

/// Counts tasks that became healthy and tasks that were found unhealthy, each once, in order of age.
///
/// An unhealthy task counts when it is found, which is when the scheduler decides to replace it: with more unhealthy tasks
/// than may be stopped at once, the breaker need not wait for the last of them to be stopped.
pub(super) fn take_in_health(state: &mut State, arn: &str, view: &ServiceView, now: Timestamp) {
    for deployment in &view.deployments {
        for task in &deployment.tasks {
            if task.standing.is_healthy() {
                notice_healthy(state, arn, &deployment.id, &task.arn, now);
            }
        }
    }
    for deployment in &view.deployments {
        for task in &deployment.tasks {
            if let Standing::Unhealthy(unhealthy) = &task.standing {
                notice_unhealthy(state, arn, &deployment.id, &task.arn, unhealthy, now);
            }
        }
    }
}

fn notice_healthy(state: &mut State, arn: &str, deployment: &str, task: &str, now: Timestamp) {
    let is_news = state.tasks.get(task).is_some_and(|task| !task.was_healthy || task.counted_failed);
    if is_news {
        state.tasks.update(task, |task| {
            task.was_healthy = true;
            task.counted_failed = false;
        });
        breaker::count_healthy(state, arn, deployment, now);
    }
}

fn notice_unhealthy(
    state: &mut State,
    arn: &str,
    deployment: &str,
    task: &str,
    unhealthy: &Unhealthy,
    now: Timestamp,
) {
    if state.tasks.get(task).is_none_or(|task| task.counted_failed) {
        return;
    }
    state.tasks.update(task, |task| task.counted_failed = true);
    let happened = match unhealthy {
        Unhealthy::Container => Happened::FailedContainerChecks { task },
        Unhealthy::Target { target, reason } => {
            Happened::UnhealthyTarget { task, port: target.port, group: &target.target_group, reason }
        }
    };
    events::tell(state, arn, &happened, now);
    breaker::count_failure(state, arn, deployment, now);
    fail_if_tripped(state, arn, now);
}

pub(super) fn apply(state: &mut State, arn: &str, view: &ServiceView, plan: &Plan, now: Timestamp) {
    set_desired(state, arn, view, plan, now);
    stop(state, arn, view, &plan.stops, now);
    for start in &plan.starts {
        launch(state, arn, view, *start, now);
    }
    if plan.stuck {
        events::tell_standing(state, arn, StandingCause::Stuck, &Happened::Stuck, now);
    } else {
        events::resolve(state, arn, StandingCause::Stuck);
    }
}

fn set_desired(state: &mut State, arn: &str, view: &ServiceView, plan: &Plan, now: Timestamp) {
    let changed = view
        .deployments
        .iter()
        .zip(&plan.desired)
        .any(|(deployment, desired)| deployment.desired != *desired);
    if changed {
        state.services.update(arn, |service| {
            for (deployment, desired) in service.deployments.iter_mut().zip(&plan.desired) {
                if deployment.desired_count != *desired {
                    deployment.desired_count = *desired;
                    deployment.updated_at = now;
                }
            }
        });
    }
}

/// Stops tasks, deployment by deployment, and says so.
fn stop(state: &mut State, arn: &str, view: &ServiceView, stops: &[Stop], now: Timestamp) {
    let mut by_deployment: BTreeMap<Option<usize>, Vec<&Stop>> = BTreeMap::new();
    for stop in stops {
        by_deployment.entry(stop.deployment).or_default().push(stop);
    }
    for (at, stops) in by_deployment {
        let deployment = at.map_or("ecs-svc/0", |at| view.deployments[at].id.as_str());
        let mut deregistered = ByGroup::new();
        let mut drained = 0;
        for stop in &stops {
            let reason = match &stop.because {
                Because::Scaling => format!("Scaling activity initiated by (deployment {deployment})"),
                Because::Unhealthy(unhealthy) => unhealthy.stopped_reason(),
            };
            let targets =
                begin_stop(state, &stop.task, TaskStopCode::ServiceSchedulerInitiated, &reason, now);
            drained += usize::from(!targets.is_empty());
            for (group, count) in targets {
                *deregistered.entry(group).or_default() += count;
            }
        }
        let (pending, running): (Vec<&Stop>, Vec<&Stop>) =
            stops.into_iter().partition(|stop| stop.stood.is_pending());
        if !pending.is_empty() {
            let happened = Happened::StoppedPending { count: pending.len() };
            events::tell_of(state, arn, deployment, &happened, now);
        }
        if !running.is_empty() {
            let tasks: Vec<String> = running.iter().map(|stop| stop.task.clone()).collect();
            events::tell_of(state, arn, deployment, &Happened::StoppedRunning { tasks: &tasks }, now);
        }
        tell_deregistered(state, arn, deployment, &deregistered, drained, now);
    }
}

/// Starts tasks of a deployment or task set and says so.
fn launch(state: &mut State, arn: &str, view: &ServiceView, start: Start, now: Timestamp) {
    let Some(service) = state.services.get(arn) else { return };
    let id = &view.deployments[start.deployment].id;
    let revision = service.revision_of(id).and_then(|arn| state.service_revisions.get(arn));
    let Some(revision) = revision else { return };
    let template = revision.template.clone();
    let new = NewTask {
        cluster_arn: service.cluster_arn.clone(),
        task_definition: template.task_definition.clone(),
        owner: TaskOwner::Service {
            service_arn: arn.to_owned(),
            deployment_id: id.clone(),
            revision_arn: revision.arn.clone(),
        },
        overrides: None,
        launch: crate::ecs::records::TaskLaunch::default(),
    };
    let execute_command = service.echo.enable_execute_command;
    let tags = launch::tags_of_tasks(state, service, &template.task_definition);
    let started: Vec<String> = (0..start.count)
        .map(|_| {
            let launch = launch::launch_of(state, &template, execute_command);
            let task = launch::create_task(state, NewTask { launch, ..new.clone() }, now);
            if !tags.is_empty() {
                state.tags.insert(&task, tags.clone());
            }
            task
        })
        .collect();
    let happened = Happened::StartedTasks { tasks: &started, replaced: start.replaced };
    events::tell_of(state, arn, id, &happened, now);
}
