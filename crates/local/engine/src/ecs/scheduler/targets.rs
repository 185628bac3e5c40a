//! The targets that a task of a service is registered as.
//!
//! A task that reaches RUNNING is registered with each target group of its service revision; one that ends is
//! deregistered before it is told to stop. Nothing here decides about tasks. Start at [`register`].

use std::{collections::BTreeMap, net::IpAddr};

use tidegate_models::{Timestamp, ecs, elbv2::TargetTypeEnum};

use super::{
    events::{self, Happened},
    staged,
};
use crate::{
    State,
    ecs::records::{Task, TaskOwner, TaskTarget},
    elbv2,
};

/// The EC2 instance id of this machine, for target groups of type `instance`.
const LOCAL_INSTANCE_ID: &str = "i-0127000000000001a";

/// How many targets of each target group something was done with.
pub(super) type ByGroup = BTreeMap<String, u32>;

/// Registers a RUNNING task with the target groups of its service revision, as far as it is not.
pub(super) fn register(state: &mut State, task_arn: &str, now: Timestamp) {
    let Some(task) = state.tasks.get(task_arn) else { return };
    let TaskOwner::Service { service_arn, deployment_id, revision_arn } = &task.owner else { return };
    let Some(revision) = state.service_revisions.get(revision_arn) else { return };
    let (service_arn, deployment_id) = (service_arn.clone(), deployment_id.clone());
    let given = staged::resolved(&revision.template, &revision.target_groups);
    let wanted: Vec<TaskTarget> = given.iter().filter_map(|given| target_of(state, task, given)).collect();
    let mut registered = ByGroup::new();
    for target in &wanted {
        let known = elbv2::health_of(state, &target.target_group, &target.id, target.port).is_some();
        if !task_owns(state, target, task_arn) || !known {
            *registered.entry(target.target_group.clone()).or_default() += 1;
            let TaskTarget { target_group, id, port } = target;
            elbv2::register_target(state, target_group, id, *port, Some(task_arn), now);
        }
    }
    if state.tasks.get(task_arn).is_some_and(|task| task.targets != wanted) {
        state.tasks.update(task_arn, |task| task.targets = wanted);
    }
    for (group, count) in &registered {
        let happened = Happened::Registered { count: *count, group };
        events::tell_of(state, &service_arn, &deployment_id, &happened, now);
    }
}

/// Deregisters a task's targets, and answers how many of which group. They drain for their group's delay.
pub(super) fn deregister(state: &mut State, task_arn: &str, now: Timestamp) -> ByGroup {
    let mut deregistered = ByGroup::new();
    let targets = state.tasks.get(task_arn).map(|task| task.targets.clone()).unwrap_or_default();
    for target in targets.iter().filter(|target| is_registered(state, target, task_arn)) {
        *deregistered.entry(target.target_group.clone()).or_default() += 1;
    }
    for TaskTarget { target_group, id, port } in &targets {
        let target = TaskTarget { target_group: target_group.clone(), id: id.clone(), port: *port };
        if is_registered(state, &target, task_arn) {
            elbv2::deregister_target(state, target_group, id, *port, now);
        }
    }
    deregistered
}

/// Whether none of the task's targets is registered or drains any more.
pub(super) fn are_drained(state: &State, task: &Task) -> bool {
    !task.targets.iter().any(|target| task_owns(state, target, &task.arn))
}

/// Whether a target of the task is gone that nobody but a stranger can have deregistered.
pub(super) fn are_missing(state: &State, task: &Task) -> bool {
    task.targets.iter().any(|it| elbv2::health_of(state, &it.target_group, &it.id, it.port).is_none())
}

/// The address of a task may be given to another one while the target still drains: then it is that one's.
fn task_owns(state: &State, target: &TaskTarget, task_arn: &str) -> bool {
    let group = state.target_groups.get(&target.target_group);
    let found = group.and_then(|group| group.target(&target.id, target.port));
    found.is_some_and(|found| found.owner_task.as_deref() == Some(task_arn))
}

fn is_registered(state: &State, target: &TaskTarget, task_arn: &str) -> bool {
    let group = state.target_groups.get(&target.target_group);
    let found = group.and_then(|group| group.target(&target.id, target.port));
    found.is_some_and(|it| it.draining_until.is_none() && it.owner_task.as_deref() == Some(task_arn))
}

/// Where the container port of `given` is reached; `None` for what is no target group or has no address.
fn target_of(state: &State, task: &Task, given: &ecs::LoadBalancer) -> Option<TaskTarget> {
    let target_group = given.target_group_arn.clone()?;
    let group = state.target_groups.get(&target_group)?;
    let container_port = given.container_port?;
    let container = task.containers.iter().find(|it| Some(&it.name) == given.container_name.as_ref());
    let bindings = container.map(|container| container.bindings.as_slice()).unwrap_or_default();
    let binding = bindings.iter().find(|binding| binding.container_port == Some(container_port));
    let bound_to = binding.and_then(|binding| binding.bind_ip.as_ref()?.parse::<IpAddr>().ok());
    let port = binding.and_then(|binding| binding.host_port).unwrap_or(container_port);
    // Only a port on the machine's own address can be called one of the instance.
    let on_instance = bound_to.is_some_and(|ip| ip.is_unspecified() || ip == IpAddr::from([127, 0, 0, 1]));
    let by_instance = group.document.target_type == Some(TargetTypeEnum::Instance) && on_instance;
    let id = if by_instance {
        LOCAL_INSTANCE_ID.to_owned()
    } else {
        bound_to.filter(|ip| !ip.is_unspecified()).or(task.address)?.to_string()
    };
    Some(TaskTarget { target_group, id, port: u16::try_from(port).ok()? })
}

/// The ARN of a `kind` of resource of a cluster, without its id: `arn:aws:ecs:R:A:kind/<cluster>`.
pub(super) fn cluster_resource(cluster_arn: &str, kind: &str) -> String {
    cluster_arn.replacen(":cluster/", &format!(":{kind}/"), 1)
}
