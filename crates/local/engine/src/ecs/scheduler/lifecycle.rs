//! The life of a task: PROVISIONING, PENDING, RUNNING, DEACTIVATING, STOPPING, DEPROVISIONING, STOPPED.
//!
//! Facts §1.4 and §6: a task with targets is deregistered first and told to stop only when they have drained; a task
//! whose containers end by themselves is deregistered at once. Every report of the runtime may come twice or late and
//! then changes nothing. Start at [`observe`] and [`stop_task`].

use std::time::Duration;

use tidegate_models::{Timestamp, ecs::TaskStopCode};

use super::{
    breaker,
    events::{self, Happened},
    health,
    targets::{self, ByGroup},
};
use crate::{
    Effect, State, StopCause,
    ecs::records::{
        ContainerStatus, Service, StandingCause, Task, TaskContainer, TaskOwner, TaskStatus, TaskStop,
    },
    ecs::start::NOT_ASSUMED,
    engine::TaskChange,
    state::Subject,
};

/// For how long a STOPPED task is described: AWS says at least an hour.
const DESCRIBED_FOR: Duration = Duration::from_hours(1);

const ESSENTIAL_EXITED: &str = "Essential container in task exited";
const LOST: &str = "Task was lost while the local cloud was not running";

/// Takes in what happened to a task.
pub(crate) fn observe(state: &mut State, task_arn: &str, change: TaskChange, now: Timestamp) {
    let Some(task) = state.tasks.get(task_arn).filter(|task| task.last_status < TaskStatus::Deprovisioning)
    else {
        return;
    };
    match change {
        TaskChange::NetworkReady { address, bindings } => update(state, task_arn, |task| {
            task.address = Some(address);
            task.last_status = task.last_status.max(TaskStatus::Pending);
            for container in &mut task.containers {
                let own = bindings.iter().filter(|(name, _)| *name == container.name);
                container.bindings = own.map(|(_, binding)| binding.clone()).collect();
            }
        }),
        TaskChange::PullStarted => update(state, task_arn, |task| {
            task.last_status = task.last_status.max(TaskStatus::Pending);
            task.times.pull_started_at.get_or_insert(now);
        }),
        TaskChange::PullStopped => update(state, task_arn, |task| {
            task.times.pull_stopped_at.get_or_insert(now);
        }),
        TaskChange::ContainerStarted { container, runtime_id, image_digest } => {
            fix_digest(state, task_arn, &container, image_digest.as_deref());
            update_container(state, task_arn, &container, |container| {
                container.status = ContainerStatus::Running;
                container.runtime_id = Some(runtime_id);
                if image_digest.is_some() {
                    container.image_digest = image_digest;
                }
            });
        }
        TaskChange::ContainerHealth { container, health } => {
            update_container(state, task_arn, &container, |container| container.health = health);
        }
        TaskChange::ContainerStopped { container, exit_code, reason } => {
            let ran = task.last_status == TaskStatus::Running && task.stop.is_none();
            let ends_task = task.containers.iter().any(|it| it.name == container && it.essential);
            update_container(state, task_arn, &container, |container| {
                container.status = ContainerStatus::Stopped;
                container.exit_code = exit_code;
                container.reason = reason;
            });
            if ran && ends_task {
                end_by_itself(state, task_arn, TaskStopCode::EssentialContainerExited, ESSENTIAL_EXITED, now);
            }
        }
        TaskChange::Running => run(state, task_arn, now),
        TaskChange::Stopped { cause, reason } => {
            if task.stop.is_none() {
                match cause {
                    StopCause::Requested => lose(state, task_arn, now),
                    StopCause::EssentialContainerExited => {
                        end_by_itself(state, task_arn, TaskStopCode::EssentialContainerExited, &reason, now);
                    }
                    StopCause::TaskFailedToStart => {
                        end_by_itself(state, task_arn, TaskStopCode::TaskFailedToStart, &reason, now);
                    }
                }
            }
            let spared = |container: &mut TaskContainer| container.status = ContainerStatus::Stopped;
            finish(state, task_arn, spared, now);
        }
        TaskChange::Lost => {
            if task.stop.is_none() {
                lose(state, task_arn, now);
            }
            finish(state, task_arn, |container| container.status = ContainerStatus::Stopped, now);
        }
    }
}

/// Asks for a task to stop: deregistered first when it has targets, told to stop when they have drained.
///
/// A task that stops already keeps its code and reason.
pub(crate) fn stop_task(state: &mut State, task_arn: &str, code: TaskStopCode, reason: &str, now: Timestamp) {
    let owner = state.tasks.get(task_arn).map(|task| task.owner.clone());
    let deregistered = begin_stop(state, task_arn, code, reason, now);
    if let Some(TaskOwner::Service { service_arn, deployment_id, .. }) = owner {
        tell_deregistered(state, &service_arn, &deployment_id, &deregistered, 1, now);
    }
}

/// [`stop_task`], without telling. Answers the targets that were deregistered.
pub(super) fn begin_stop(
    state: &mut State,
    task_arn: &str,
    code: TaskStopCode,
    reason: &str,
    now: Timestamp,
) -> ByGroup {
    let Some(task) = state.tasks.get(task_arn) else { return ByGroup::new() };
    if task.stop.is_some() || task.last_status > TaskStatus::Running {
        return ByGroup::new();
    }
    let deregistered = targets::deregister(state, task_arn, now);
    let drains = state.tasks.get(task_arn).is_some_and(|task| !targets::are_drained(state, task));
    update(state, task_arn, |task| {
        task.stop = Some(TaskStop { code, reason: reason.to_owned(), at: now });
        task.last_status = TaskStatus::Deactivating;
    });
    if !drains {
        tell_containers_to_stop(state, task_arn, now);
    }
    deregistered
}

/// Says that targets of tasks of a deployment or task set drain.
pub(super) fn tell_deregistered(
    state: &mut State,
    service_arn: &str,
    deployment: &str,
    deregistered: &ByGroup,
    tasks: usize,
    now: Timestamp,
) {
    for (group, count) in deregistered {
        let happened = Happened::Deregistered { count: *count, group };
        events::tell_of(state, service_arn, deployment, &happened, now);
    }
    if !deregistered.is_empty() {
        events::tell(state, service_arn, &Happened::BegunDraining { count: tasks, deployment }, now);
    }
}

/// Moves a task on: drained targets, STOPPED, forgotten. Answers when to look again.
pub(crate) fn reconcile_task(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    let task = state.tasks.get(arn)?;
    match task.last_status {
        TaskStatus::Running if targets::are_missing(state, task) => targets::register(state, arn, now),
        TaskStatus::Deactivating if targets::are_drained(state, task) => {
            tell_containers_to_stop(state, arn, now);
        }
        TaskStatus::Deprovisioning => {
            update(state, arn, |task| {
                task.last_status = TaskStatus::Stopped;
                task.times.stopped_at = Some(now);
            });
            return Some(now + DESCRIBED_FOR);
        }
        TaskStatus::Stopped => {
            let forgotten_at = task.times.stopped_at.unwrap_or(now) + DESCRIBED_FOR;
            if now < forgotten_at {
                return Some(forgotten_at);
            }
            state.tags.remove(arn);
            state.tasks.remove(arn);
        }
        _ => {}
    }
    None
}

/// The task reached RUNNING.
fn run(state: &mut State, task_arn: &str, now: Timestamp) {
    let Some(task) = state.tasks.get(task_arn) else { return };
    if task.stop.is_some() || task.last_status >= TaskStatus::Running {
        return;
    }
    let owner = task.owner.clone();
    update(state, task_arn, |task| {
        task.last_status = TaskStatus::Running;
        task.times.started_at = Some(now);
    });
    targets::register(state, task_arn, now);
    if let TaskOwner::Service { service_arn, deployment_id, .. } = owner {
        let service = state.services.get(&service_arn);
        let is_news = |service: &Service| {
            let deployment = service.deployment(&deployment_id);
            let task_set = service.task_set(&deployment_id);
            deployment.is_some_and(|it| !it.has_run || it.throttle.failures > 0)
                || task_set.is_some_and(|it| it.throttle.failures > 0)
        };
        if service.is_some_and(is_news) {
            state.services.update(&service_arn, |service| {
                if let Some(deployment) = service.deployments.iter_mut().find(|it| it.id == deployment_id) {
                    deployment.has_run = true;
                }
                if let Some((throttle, _)) = service.throttle_mut(&deployment_id) {
                    throttle.ran();
                }
            });
        }
        events::resolve(state, &service_arn, StandingCause::StartImpaired);
        events::resolve(state, &service_arn, StandingCause::NotPlaced);
    }
}

fn tell_containers_to_stop(state: &mut State, task_arn: &str, now: Timestamp) {
    update(state, task_arn, |task| {
        task.last_status = TaskStatus::Stopping;
        task.times.stopping_at = Some(now);
    });
    state.effect(Effect::StopTask(task_arn.to_owned()));
}

/// Nobody asked for it: the task's containers ended or never started.
fn end_by_itself(state: &mut State, task_arn: &str, code: TaskStopCode, reason: &str, now: Timestamp) {
    let Some(task) = state.tasks.get(task_arn) else { return };
    let counts = !task.was_healthy && !task.counted_failed;
    let ran = task.times.started_at.is_some();
    let owner = task.owner.clone();
    leave(state, task_arn, code, reason, now);
    let TaskOwner::Service { service_arn, deployment_id, .. } = owner else { return };
    if counts {
        update(state, task_arn, |task| task.counted_failed = true);
        breaker::count_failure(state, &service_arn, &deployment_id, now);
    }
    slow_down(state, &service_arn, &deployment_id, ran, counts, now);
    let happened = if reason.starts_with("ResourceInitializationError") {
        Some(Happened::NotPlaced { reason: reason.trim_end_matches('.') })
    } else if reason.starts_with(NOT_ASSUMED) {
        Some(Happened::NotLaunched { error: reason })
    } else {
        None
    };
    if let Some(happened) = happened {
        events::tell_standing(state, &service_arn, StandingCause::NotPlaced, &happened, now);
    }
}

/// It was there when the local cloud stopped and is gone: nobody's failure.
fn lose(state: &mut State, task_arn: &str, now: Timestamp) {
    leave(state, task_arn, TaskStopCode::InfrastructureHealth, LOST, now);
}

/// A task that goes without being asked is deregistered at once.
fn leave(state: &mut State, task_arn: &str, code: TaskStopCode, reason: &str, now: Timestamp) {
    let deregistered = targets::deregister(state, task_arn, now);
    let owner = state.tasks.get(task_arn).map(|task| task.owner.clone());
    update(state, task_arn, |task| {
        task.stop = Some(TaskStop { code, reason: reason.to_owned(), at: now });
        task.last_status = task.last_status.max(TaskStatus::Stopping);
        task.times.stopping_at.get_or_insert(now);
    });
    if let Some(TaskOwner::Service { service_arn, deployment_id, .. }) = owner {
        tell_deregistered(state, &service_arn, &deployment_id, &deregistered, 1, now);
    }
}

/// All containers are gone.
fn finish(state: &mut State, task_arn: &str, end: impl Fn(&mut TaskContainer), now: Timestamp) {
    update(state, task_arn, |task| {
        task.containers.iter_mut().for_each(end);
        task.last_status = TaskStatus::Deprovisioning;
        task.times.stopping_at.get_or_insert(now);
        task.times.execution_stopped_at = Some(now);
    });
}

fn slow_down(
    state: &mut State,
    service_arn: &str,
    deployment_id: &str,
    ran: bool,
    unproven: bool,
    now: Timestamp,
) {
    let impaired = state.services.update(service_arn, |service| {
        let (throttle, desired) = service.throttle_mut(deployment_id)?;
        if !ran {
            throttle.never_ran(desired, now);
        } else if unproven {
            throttle.ran_in_vain(now);
        }
        Some(!ran && throttle.is_impaired(desired))
    });
    if impaired.flatten() == Some(true) {
        events::tell_standing(
            state,
            service_arn,
            StandingCause::StartImpaired,
            &Happened::StartImpaired,
            now,
        );
    }
}

/// The first task of a deployment fixes which bytes a tag means for all of its tasks.
fn fix_digest(state: &mut State, task_arn: &str, container: &str, digest: Option<&str>) {
    let Some(digest) = digest else { return };
    let Some(TaskOwner::Service { revision_arn, .. }) = state.tasks.get(task_arn).map(|task| &task.owner)
    else {
        return;
    };
    let revision_arn = revision_arn.clone();
    let is_open = |image: &tidegate_models::ecs::ContainerImage| {
        image.container_name.as_deref() == Some(container) && image.image_digest.is_none()
    };
    if state.service_revisions.get(&revision_arn).is_some_and(|row| row.container_images.iter().any(is_open))
    {
        state.service_revisions.update(&revision_arn, |row| {
            for image in row.container_images.iter_mut().filter(|image| is_open(image)) {
                image.image_digest = Some(digest.to_owned());
            }
        });
    }
}

fn update_container(state: &mut State, task_arn: &str, name: &str, change: impl FnOnce(&mut TaskContainer)) {
    update(state, task_arn, |task| {
        if let Some(container) = task.containers.iter_mut().find(|container| container.name == name) {
            change(container);
        }
        task.health = health::over_containers(&task.containers);
    });
}

/// Changes a task, counts the change and asks for it and its service to be looked at.
fn update(state: &mut State, task_arn: &str, change: impl FnOnce(&mut Task)) {
    let service = state.tasks.update(task_arn, |task| {
        change(task);
        task.version += 1;
        match &task.owner {
            TaskOwner::Service { service_arn, .. } => Some(service_arn.clone()),
            TaskOwner::Standalone { .. } => None,
        }
    });
    if let Some(service) = service.flatten() {
        state.touch(Subject::Service(service));
    }
    state.touch(Subject::Task(task_arn.to_owned()));
}
