//! Task sets: what a service consists of whose deployments are made by CodeDeploy or by somebody else.
//!
//! Facts §4.6: each holds its share of the service's desired count, keeps it up by itself, and goes when it is deleted. To
//! the scheduler each is a service of its own, so that [`plan`] decides here, too; nothing here moves traffic or decides
//! what is PRIMARY: who makes a task set does. Start at [`schedule`]; [`create`], [`set_scale`], [`set_primary`] and
//! [`delete`] are for the API and CodeDeploy alike.

use tidegate_models::{Timestamp, ecs::StabilityStatus};

use super::{
    completion,
    counts::computed_desired_count,
    deployments::{images_of, service_resource},
    events::{self, Happened},
    plan::plan,
    reconcile::{apply, look_at_all, take_in_health},
    view::ServiceView,
};
use crate::{
    State, codedeploy,
    ecs::records::{RevisionTemplate, Scale, ServiceRevision, StartThrottle, TaskSet, TaskSetStatus},
    state::Subject,
};

/// What a new task set is made from.
#[derive(Clone, Debug)]
pub(crate) struct NewTaskSet {
    /// What its tasks are, and the target groups that they are registered with. It must have been checked.
    pub(crate) template: RevisionTemplate,
    /// Its share of the service's desired count.
    pub(crate) scale: Scale,
    /// What it is called outside of ECS.
    pub(crate) external_id: Option<String>,
    /// `CODE_DEPLOY`, or nothing.
    pub(crate) started_by: Option<String>,
}

/// Makes a task set, ACTIVE. Answers its id. Its tasks follow when the service is reconciled.
pub(crate) fn create(state: &mut State, service_arn: &str, new: NewTaskSet, now: Timestamp) -> String {
    let id = format!("ecs-svc/{}", state.ids.digits19());
    let revision_arn = service_resource(service_arn, "service-revision", &state.ids.digits19());
    let Some(service) = state.services.get(service_arn) else { return id };
    let balancers = new.template.load_balancers.iter();
    let revision = ServiceRevision {
        arn: revision_arn.clone(),
        service_arn: service_arn.to_owned(),
        cluster_arn: service.cluster_arn.clone(),
        target_groups: balancers.filter_map(|given| given.target_group_arn.clone()).collect(),
        container_images: images_of(state, &new.template.task_definition),
        template: new.template,
        created_at: now,
    };
    let task_set = TaskSet {
        id: id.clone(),
        arn: service_resource(service_arn, "task-set", &id),
        status: TaskSetStatus::Active,
        revision_arn: revision_arn.clone(),
        scale: new.scale,
        computed_desired_count: 0,
        external_id: new.external_id,
        started_by: new.started_by,
        created_at: now,
        updated_at: now,
        scaled_at: now,
        stability: StabilityStatus::Stabilizing,
        stability_at: now,
        throttle: StartThrottle::default(),
    };
    state.service_revisions.insert(&revision_arn, revision);
    state.services.update(service_arn, |service| service.task_sets.push(task_set));
    state.touch(Subject::Service(service_arn.to_owned()));
    id
}

/// Gives a task set another share of the service's desired count.
pub(crate) fn set_scale(state: &mut State, service_arn: &str, id: &str, scale: Scale, now: Timestamp) {
    change(state, service_arn, id, now, |task_set| {
        task_set.scale = scale;
        task_set.scaled_at = now;
    });
}

/// Makes a task set the PRIMARY one, in place of the one before. What it is becomes what the service is.
pub(crate) fn set_primary(state: &mut State, service_arn: &str, id: &str, now: Timestamp) {
    let service = state.services.get(service_arn);
    let revision =
        service.and_then(|service| state.service_revisions.get(&service.task_set(id)?.revision_arn));
    let Some(template) = revision.map(|revision| revision.template.clone()) else { return };
    state.services.update(service_arn, |service| {
        service.template = template;
        for task_set in &mut service.task_sets {
            let status = match task_set.status {
                _ if task_set.id == id => TaskSetStatus::Primary,
                TaskSetStatus::Primary => TaskSetStatus::Active,
                other => other,
            };
            if task_set.status != status {
                task_set.status = status;
                task_set.updated_at = now;
            }
        }
    });
    state.touch(Subject::Service(service_arn.to_owned()));
}

/// Deletes a task set: DRAINING until its last task is gone, then it is gone.
pub(crate) fn delete(state: &mut State, service_arn: &str, id: &str, now: Timestamp) {
    change(state, service_arn, id, now, |task_set| {
        if task_set.status != TaskSetStatus::Draining {
            task_set.status = TaskSetStatus::Draining;
            task_set.scaled_at = now;
        }
    });
}

/// Whether a task set runs as many tasks as it should, all of them healthy, also as targets, and nothing else. One that is
/// gone or going is not.
pub(crate) fn is_steady(state: &State, service_arn: &str, id: &str, now: Timestamp) -> bool {
    let Some(service) = state.services.get(service_arn) else { return false };
    let Some(task_set) = service.task_set(id).filter(|it| it.status != TaskSetStatus::Draining) else {
        return false;
    };
    let computed = computed_desired_count(service, task_set);
    ServiceView::of_task_set(state, service, task_set, now).is_settled_at(computed)
}

/// A task set with this ARN, whatever its service.
pub(crate) fn find<'a>(state: &'a State, arn: &str) -> Option<&'a TaskSet> {
    let service = state.services.get(&TaskSet::service_of(arn)?)?;
    service.task_sets.iter().find(|task_set| task_set.arn == arn)
}

/// Moves the task sets of an ACTIVE service on. Answers when to look again though nothing happens.
pub(super) fn schedule(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    count_desired(state, arn, now);
    for view in look_at_all(state, arn, now) {
        take_in_health(state, arn, &view, now);
        apply(state, arn, &view, &plan(&view), now);
    }
    let mut views = look_at_all(state, arn, now);
    forget_drained(state, arn, &mut views);
    let said = notice_stability(state, arn, now);
    changed(state, arn);
    views.iter().filter_map(ServiceView::next_change).chain(said).min()
}

/// Called whenever something about the task sets of a service may have changed: their counts, the health of their tasks,
/// their stability. Whoever waits for one is to be looked at again; it must not touch the service itself.
pub(super) fn changed(state: &mut State, service_arn: &str) {
    codedeploy::service_changed(state, service_arn);
}

/// Says how many tasks each task set should hold from now on.
fn count_desired(state: &mut State, arn: &str, now: Timestamp) {
    let Some(service) = state.services.get(arn) else { return };
    let counted = service.task_sets.iter().map(|it| (it.id.clone(), computed_desired_count(service, it)));
    let news: Vec<(String, u32)> = counted
        .filter(|(id, count)| service.task_set(id).is_some_and(|it| it.computed_desired_count != *count))
        .collect();
    for (id, count) in news {
        change(state, arn, &id, now, |task_set| task_set.computed_desired_count = count);
        events::tell(state, arn, &Happened::ComputedDesiredCount { task_set: &id, count }, now);
    }
}

/// Forgets DRAINING task sets that have no task left, and their views.
fn forget_drained(state: &mut State, arn: &str, views: &mut Vec<ServiceView>) {
    let Some(service) = state.services.get(arn) else { return };
    let is_of = |view: &ServiceView, task_set: &TaskSet| {
        view.deployments.iter().any(|deployment| deployment.id == task_set.id)
    };
    let is_gone = |task_set: &&TaskSet| {
        task_set.status == TaskSetStatus::Draining
            && views.iter().filter(|view| is_of(view, task_set)).all(ServiceView::is_empty)
    };
    let gone: Vec<TaskSet> = service.task_sets.iter().filter(is_gone).cloned().collect();
    for task_set in gone {
        views.retain(|view| !is_of(view, &task_set));
        state.services.update(arn, |service| service.task_sets.retain(|it| it.id != task_set.id));
        state.service_revisions.remove(&task_set.revision_arn);
        state.tags.remove(&task_set.arn);
    }
}

/// Writes down which task sets are steady, and says so once all are. Answers when to say so again.
fn notice_stability(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    let service = state.services.get(arn)?;
    let stability = |task_set: &TaskSet| {
        let is_steady = is_steady(state, arn, &task_set.id, now);
        if is_steady { StabilityStatus::SteadyState } else { StabilityStatus::Stabilizing }
    };
    let seen: Vec<(String, StabilityStatus)> =
        service.task_sets.iter().map(|task_set| (task_set.id.clone(), stability(task_set))).collect();
    for (id, stability) in &seen {
        if state.services.get(arn)?.task_set(id)?.stability != *stability {
            change(state, arn, id, now, |task_set| {
                task_set.stability = *stability;
                task_set.stability_at = now;
            });
        }
    }
    if !seen.is_empty() && seen.iter().all(|(_, stability)| *stability == StabilityStatus::SteadyState) {
        return completion::say_steady(state, arn, now);
    }
    completion::is_not_steady(state, arn);
    None
}

fn change(state: &mut State, service_arn: &str, id: &str, now: Timestamp, change: impl FnOnce(&mut TaskSet)) {
    state.services.update(service_arn, |service| {
        if let Some(task_set) = service.task_sets.iter_mut().find(|task_set| task_set.id == id) {
            change(task_set);
            task_set.updated_at = now;
        }
    });
    state.touch(Subject::Service(service_arn.to_owned()));
}
