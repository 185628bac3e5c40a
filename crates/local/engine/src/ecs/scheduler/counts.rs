//! How many tasks of a service are where: what the API describes.
//!
//! Counts are never stored; they are counted from the live tasks each time, so that they cannot be wrong.

use crate::{
    State,
    ecs::records::{Service, ServiceStatus, Task, TaskOwner, TaskSet, TaskSetStatus, TaskStatus},
};
use tidegate_models::ecs::SchedulingStrategy;

/// Tasks of a service, of one of its deployments, task sets or revisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// RUNNING, with no stop asked for.
    pub(crate) running: u32,
    /// PROVISIONING, PENDING or ACTIVATING, with no stop asked for.
    pub(crate) pending: u32,
    /// How many there should be.
    pub(crate) desired: u32,
}

/// The counts of one deployment or task set, by its id.
pub(crate) fn counts(state: &State, service_arn: &str, deployment_id: &str) -> Counts {
    let desired = state.services.get(service_arn).and_then(|service| {
        let task_set = || Some(computed_desired_count(service, service.task_set(deployment_id)?));
        service.deployment(deployment_id).map(|deployment| deployment.desired_count).or_else(task_set)
    });
    let desired = desired.unwrap_or(0);
    count(state, service_arn, desired, |id, _| id == deployment_id)
}

/// The counts of one service revision, by its ARN.
pub(crate) fn revision_counts(state: &State, service_arn: &str, revision_arn: &str) -> Counts {
    let deployments = state.services.get(service_arn).map(|service| service.deployments.as_slice());
    let of_revision = deployments.unwrap_or_default().iter().filter(|it| it.revision_arn == revision_arn);
    let desired = of_revision.map(|deployment| deployment.desired_count).sum();
    count(state, service_arn, desired, |_, revision| revision == revision_arn)
}

/// The counts of a whole service.
pub(crate) fn service_counts(state: &State, service_arn: &str) -> Counts {
    let desired = state.services.get(service_arn).map_or(0, desired_count);
    count(state, service_arn, desired, |_, _| true)
}

/// How many tasks a service wants: none while it is deleted, one for each container instance as a DAEMON.
pub(super) fn desired_count(service: &Service) -> u32 {
    match (service.status, service.scheduling_strategy) {
        (ServiceStatus::Draining | ServiceStatus::Inactive, _) => 0,
        (ServiceStatus::Active, SchedulingStrategy::Daemon) => LOCAL_CONTAINER_INSTANCES,
        (ServiceStatus::Active, SchedulingStrategy::Replica) => service.desired_count,
    }
}

/// How many tasks a task set should hold: its share of what its service wants, and none while it is deleted.
pub(crate) fn computed_desired_count(service: &Service, task_set: &TaskSet) -> u32 {
    match task_set.status {
        TaskSetStatus::Draining => 0,
        TaskSetStatus::Primary | TaskSetStatus::Active => task_set.scale.of(desired_count(service)),
    }
}

/// The local cloud is one machine.
const LOCAL_CONTAINER_INSTANCES: u32 = 1;

fn count(state: &State, service_arn: &str, desired: u32, wanted: impl Fn(&str, &str) -> bool) -> Counts {
    let mut counts = Counts { desired, ..Counts::default() };
    for (_, task) in state.tasks.indexed_by(service_arn) {
        let TaskOwner::Service { deployment_id, revision_arn, .. } = &task.owner else { continue };
        if wanted(deployment_id, revision_arn) {
            counts.running += u32::from(is_running(task));
            counts.pending += u32::from(is_pending(task));
        }
    }
    counts
}

fn is_running(task: &Task) -> bool {
    task.stop.is_none() && task.last_status == TaskStatus::Running
}

fn is_pending(task: &Task) -> bool {
    task.stop.is_none() && task.last_status < TaskStatus::Running
}
