//! One service as the scheduler looks at it: plain data, so that what it decides can be tested without a state.
//!
//! Start at [`ServiceView::of`].

use std::time::Duration;

use tidegate_models::{Timestamp, ecs::DeploymentRolloutState};

use super::{
    arithmetic::Limits,
    counts::{computed_desired_count, desired_count},
    health::{Standing, standing},
    staged,
};
use crate::{
    State,
    ecs::records::{Deployment, Service, ServiceStatus, Task, TaskOwner, TaskSet, TaskSetStatus, TaskTarget},
    elbv2,
};

/// A service, its deployments and its live tasks at one moment.
#[derive(Clone, Debug)]
pub(super) struct ServiceView {
    /// Whether it is being deleted.
    pub(super) leaves: bool,
    /// How many tasks it wants.
    pub(super) desired: u32,
    /// What its percentages allow.
    pub(super) limits: Limits,
    /// What is held while a deployment goes through its stages; `None` when tasks are replaced as they get healthy.
    pub(super) held: Option<Held>,
    /// Newest first; the first one is PRIMARY.
    pub(super) deployments: Vec<DeploymentView>,
    /// Live tasks whose deployment is gone.
    pub(super) strays: Vec<TaskView>,
    /// When weights that were moved away from it have settled, so that its tasks may go; `None` once they have.
    pub(super) settled_at: Option<Timestamp>,
}

/// What of a service is held where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// What completed last serves; the PRIMARY starts nothing yet, and what never completed goes.
    Source,
    /// What completed last and the PRIMARY are both up in full.
    Both,
    /// Nothing goes and no revision comes up: the traffic is on its way back to what completed last.
    Everything,
}

/// A deployment and its live tasks.
#[derive(Clone, Debug)]
pub(super) struct DeploymentView {
    /// Its id.
    pub(super) id: String,
    /// What is to become of it.
    pub(super) role: Role,
    /// Whether it is still `IN_PROGRESS`.
    pub(super) in_progress: bool,
    /// How many tasks it should hold.
    pub(super) desired: u32,
    /// The target groups that its tasks are registered with.
    pub(super) groups: Vec<String>,
    /// Until when it may start nothing.
    pub(super) held_until: Option<Timestamp>,
    /// Its tasks that are not STOPPED, oldest first.
    pub(super) tasks: Vec<TaskView>,
}

/// What is to become of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The PRIMARY: to be brought to the desired count.
    Rolling,
    /// The PRIMARY after it failed, with nothing to go back to: it launches nothing.
    Stalled,
    /// An older one that had completed: it serves, and is kept up, until the PRIMARY takes over.
    Outgoing,
    /// An older one that never completed: it launches nothing, and what is not healthy of it goes at once.
    Abandoned,
}

/// A live task.
#[derive(Clone, Debug)]
pub(super) struct TaskView {
    /// Its ARN.
    pub(super) arn: String,
    /// Where it stands.
    pub(super) standing: Standing,
}

impl ServiceView {
    /// The service as it is at `now`. Costs as much as the service has tasks.
    pub(super) fn of(state: &State, service: &Service, now: Timestamp) -> Self {
        let desired = desired_count(service);
        let current = service.current_service_deployment.as_ref();
        let staged = current.and_then(|arn| state.service_deployments.get(arn)?.staged.as_ref());
        let held = staged
            .and_then(|staged| staged::held(staged, now))
            .filter(|_| service.status == ServiceStatus::Active);
        let mut limits = Limits::of(desired, &service.deployment_configuration, service.scheduling_strategy);
        if held.is_some() {
            // Two revisions are up in full, and each may replace what is unhealthy of it.
            limits.ceiling = limits.ceiling.saturating_mul(2);
        }
        let mut view = Self {
            leaves: service.status != ServiceStatus::Active,
            desired,
            limits,
            held,
            deployments: service.deployments.iter().map(|it| DeploymentView::of(state, it, now)).collect(),
            strays: Vec::new(),
            settled_at: None,
        };
        for (deployment_id, task) in live_tasks(state, service) {
            let seen = TaskView::of(state, service, task, now);
            match view.deployments.iter_mut().find(|it| it.id == deployment_id) {
                Some(deployment) => deployment.tasks.push(seen),
                None => view.strays.push(seen),
            }
        }
        view
    }

    /// One task set as a service of its own: what others do is nothing to it.
    ///
    /// While a change of weights may still be on its way, nothing of it goes for having been scaled or deleted.
    pub(super) fn of_task_set(state: &State, service: &Service, task_set: &TaskSet, now: Timestamp) -> Self {
        let of_set = live_tasks(state, service).into_iter().filter(|(id, _)| *id == task_set.id);
        let tasks: Vec<TaskView> = of_set.map(|(_, task)| TaskView::of(state, service, task, now)).collect();
        let computed = computed_desired_count(service, task_set);
        let settled_at = task_set.scaled_at + staged::SETTLES;
        let is_active = service.status == ServiceStatus::Active;
        let settles = is_active && now < settled_at && !tasks.is_empty();
        let holding = tasks.iter().map(|task| u32::from(task.standing.holds_a_place())).sum();
        let desired = if settles { computed.max(holding) } else { computed };
        Self {
            leaves: !is_active || (task_set.status == TaskSetStatus::Draining && !settles),
            desired,
            limits: Limits::of(desired, &service.deployment_configuration, service.scheduling_strategy),
            held: None,
            deployments: vec![DeploymentView {
                id: task_set.id.clone(),
                role: Role::Rolling,
                in_progress: false,
                desired,
                // There is no other to compare them with.
                groups: Vec::new(),
                held_until: task_set.throttle.holds_until(now),
                tasks,
            }],
            strays: Vec::new(),
            settled_at: settles.then_some(settled_at),
        }
    }

    /// Whether the first deployment, or the task set, runs `desired` tasks, all of them healthy, and nothing else.
    pub(super) fn is_settled_at(&self, desired: u32) -> bool {
        self.deployments.first().is_some_and(|primary| {
            primary.count(Standing::is_healthy) == desired && primary.count(Standing::is_live) == desired
        })
    }

    /// The deployment that serves until the PRIMARY does: what completed last, or else the older one with the most healthy
    /// tasks, of those that are in other target groups than the PRIMARY if there are any: the PRIMARY goes where no
    /// traffic is.
    pub(super) fn source(&self) -> Option<usize> {
        let completed = self.deployments.iter().position(|deployment| deployment.role == Role::Outgoing);
        let serves = |at: &usize| {
            let deployment = &self.deployments[*at];
            (deployment.groups != self.deployments[0].groups, deployment.count(Standing::is_healthy))
        };
        completed.or_else(|| (1..self.deployments.len()).rev().max_by_key(serves))
    }

    /// Whether no task is left.
    pub(super) fn is_empty(&self) -> bool {
        self.strays.is_empty() && self.deployments.iter().all(|deployment| deployment.tasks.is_empty())
    }

    /// When time alone changes what is decided.
    pub(super) fn next_change(&self) -> Option<Timestamp> {
        let waiting =
            self.deployments.iter().flat_map(|it| &it.tasks).filter_map(|task| match task.standing {
                Standing::Waiting { until } => until,
                _ => None,
            });
        let held = self.deployments.iter().filter_map(|deployment| deployment.held_until);
        waiting.chain(held).chain(self.settled_at).min()
    }
}

/// The live tasks of a service with the ids of their deployments or task sets, oldest first.
fn live_tasks<'a>(state: &'a State, service: &Service) -> Vec<(&'a str, &'a Task)> {
    let mut tasks: Vec<(&str, &Task)> = state.tasks.indexed_by(&service.arn).collect();
    tasks.sort_by_key(|(arn, task)| (task.times.created_at, *arn));
    let id_of = |(_, task): (&'a str, &'a Task)| match &task.owner {
        TaskOwner::Service { deployment_id, .. } => Some((deployment_id.as_str(), task)),
        TaskOwner::Standalone { .. } => None,
    };
    tasks.into_iter().filter_map(id_of).collect()
}

impl TaskView {
    fn of(state: &State, service: &Service, task: &Task, now: Timestamp) -> Self {
        let grace = Duration::from_secs(u64::from(service.health_check_grace_period_seconds));
        let health_of =
            |target: &TaskTarget| elbv2::health_of(state, &target.target_group, &target.id, target.port);
        Self { arn: task.arn.clone(), standing: standing(task, grace, health_of, now) }
    }
}

impl DeploymentView {
    fn of(state: &State, deployment: &Deployment, now: Timestamp) -> Self {
        let role = match (deployment.primary, deployment.rollout_state) {
            (true, DeploymentRolloutState::Failed) => Role::Stalled,
            (true, _) => Role::Rolling,
            (false, DeploymentRolloutState::Completed) => Role::Outgoing,
            (false, _) => Role::Abandoned,
        };
        let revision = state.service_revisions.get(&deployment.revision_arn);
        Self {
            id: deployment.id.clone(),
            role,
            in_progress: deployment.rollout_state == DeploymentRolloutState::InProgress,
            desired: deployment.desired_count,
            groups: revision.map(|revision| revision.target_groups.clone()).unwrap_or_default(),
            held_until: deployment.throttle.holds_until(now),
            tasks: Vec::new(),
        }
    }

    /// How many of its tasks stand as `wanted`.
    pub(super) fn count(&self, wanted: impl Fn(&Standing) -> bool) -> u32 {
        self.tasks.iter().map(|task| u32::from(wanted(&task.standing))).sum()
    }
}

impl Standing {
    pub(super) fn is_pending(&self) -> bool {
        *self == Self::Pending
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self, Self::Waiting { .. })
    }

    pub(super) fn is_healthy(&self) -> bool {
        *self == Self::Healthy
    }

    pub(super) fn is_unhealthy(&self) -> bool {
        matches!(self, Self::Unhealthy(_))
    }

    /// Whether it counts towards the ceiling: PENDING or RUNNING, with no stop asked for.
    pub(super) fn is_live(&self) -> bool {
        *self != Self::Ending
    }

    /// Whether it fills a place of its deployment: an unhealthy task is to be replaced.
    pub(super) fn holds_a_place(&self) -> bool {
        self.is_live() && !self.is_unhealthy()
    }
}
