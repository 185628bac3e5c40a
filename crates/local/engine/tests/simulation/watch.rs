//! What must always hold, checked after every step by counts of its own.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_models::{
    Timestamp,
    ecs::{DeploymentRolloutState as Rollout, SchedulingStrategy, TaskStopCode},
    elbv2::TargetHealthStateEnum,
};

use super::{
    setup::SERVICE,
    world::{Broken, tail},
};
use tidegate_engine::{
    Event, State, TaskChange,
    ecs::records::{Deployment, Service, ServiceStatus, Task, TaskOwner, TaskStatus},
};

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Whether nothing fails any more.
    pub(super) is_calm: bool,
    before: Before,
    /// Failures of each deployment, counted here.
    failures: BTreeMap<String, u32>,
    /// Tasks that count as failed, or as healthy.
    failed: BTreeSet<String>,
    was_healthy: BTreeSet<String>,
    /// The deployment that completed last, unless it is being rolled back to.
    last_completed: Option<String>,
    /// How many breakers tripped: so that a test can say that it saw some.
    pub(super) trips: u32,
    pub(super) rollbacks: u32,
    pub(super) completions: u32,
}

/// The service before a step was settled.
#[derive(Clone, Debug, Default)]
struct Before {
    live: BTreeMap<String, Seen>,
    deployments: Vec<Deployment>,
    ended_unhealthy: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
struct Seen {
    healthy: bool,
    status: TaskStatus,
}

impl Watch {
    /// Looks after what happened was taken in, before it is settled.
    pub(super) fn before_settling(&mut self, state: &State, now: Timestamp, events: &[Event]) {
        let live = state.tasks.indexed_by(SERVICE).map(|(arn, task)| {
            (arn.to_owned(), Seen { healthy: is_healthy(state, task, now), status: task.last_status })
        });
        let deployments = state.services.get(SERVICE).map(|it| it.deployments.clone()).unwrap_or_default();
        let mut ended_unhealthy = Vec::new();
        for event in events {
            let Event::Task { task: arn, change } = event else { continue };
            let Some(task) = state.tasks.get(arn) else { continue };
            let TaskOwner::Service { deployment_id, .. } = &task.owner else { continue };
            let code = task.stop.as_ref().map(|stop| stop.code);
            let by_itself = matches!(
                code,
                Some(TaskStopCode::EssentialContainerExited | TaskStopCode::TaskFailedToStart)
            );
            let ends = matches!(change, TaskChange::Stopped { .. } | TaskChange::ContainerStopped { .. });
            if ends && by_itself && !self.was_healthy.contains(arn) && !self.failed.contains(arn) {
                let known = ended_unhealthy.iter().any(|(known, _)| known == arn);
                if !known {
                    ended_unhealthy.push((arn.clone(), deployment_id.clone()));
                }
            }
        }
        self.before = Before { live: live.collect(), deployments, ended_unhealthy };
    }

    /// The step was never stored: it did not happen.
    pub(super) fn forget_this_step(&mut self) {
        self.before = Before::default();
    }

    /// Looks after a step was settled.
    pub(super) fn after_settling(&mut self, state: &State, now: Timestamp) -> Result<(), Broken> {
        let Some(service) = state.services.get(SERVICE) else {
            return match state.tasks.indexed_by(SERVICE).next() {
                Some((arn, _)) => Err(format!("{arn} lives, its service is gone")),
                None => Ok(()),
            };
        };
        let live: Vec<&Task> = state.tasks.indexed_by(SERVICE).map(|(_, task)| task).collect();
        self.check_service(service, &live)?;
        self.check_starts(state, service, &live, now)?;
        self.check_stops(state, service, now)?;
        self.check_lives(&live)?;
        self.check_breaker(state, service, &live, now)?;
        self.check_rollback(service)
    }

    fn check_service(&self, service: &Service, live: &[&Task]) -> Result<(), Broken> {
        if service.status == ServiceStatus::Inactive && !live.is_empty() {
            return Err("an INACTIVE service has tasks".to_owned());
        }
        let primaries = service.deployments.iter().filter(|it| it.primary).count();
        if !service.deployments.is_empty() && (primaries != 1 || !service.deployments[0].primary) {
            return Err(format!("{primaries} deployments are PRIMARY, or not the first"));
        }
        let ids: BTreeSet<&String> = service.deployments.iter().map(|it| &it.id).collect();
        if ids.len() != service.deployments.len() {
            return Err("a deployment is there twice".to_owned());
        }
        for task in live.iter().filter(|task| task.stop.is_none()) {
            if service.deployment(deployment_of(task)).is_none() {
                return Err(format!("{} runs for a deployment that is gone", tail(&task.arn)));
            }
        }
        Ok(())
    }

    /// Never over the ceiling, never more in a deployment than is desired, nothing of a FAILED deployment.
    fn check_starts(
        &self,
        state: &State,
        service: &Service,
        live: &[&Task],
        now: Timestamp,
    ) -> Result<(), Broken> {
        let started: Vec<&&Task> =
            live.iter().filter(|task| !self.before.live.contains_key(&task.arn)).collect();
        if started.is_empty() {
            return Ok(());
        }
        let (_, ceiling) = limits(service);
        let counted = live.iter().filter(|task| counts_to_ceiling(task)).count();
        if counted > ceiling as usize {
            return Err(format!("{counted} tasks after a start, {ceiling} are allowed"));
        }
        for task in started {
            let Some(deployment) = service.deployment(deployment_of(task)) else {
                return Err(format!("{} was started for no deployment", tail(&task.arn)));
            };
            if deployment.rollout_state == Rollout::Failed {
                return Err(format!("FAILED {} started {}", deployment.id, tail(&task.arn)));
            }
            let grace = u64::from(service.health_check_grace_period_seconds);
            let held = live
                .iter()
                .filter(|it| deployment_of(it) == deployment.id && counts_to_ceiling(it))
                .filter(|it| !is_found_unhealthy(state, it, grace, now))
                .count();
            if held > desired(service) as usize {
                return Err(format!(
                    "{} holds {held} tasks, {} are desired",
                    deployment.id,
                    desired(service)
                ));
            }
        }
        Ok(())
    }

    /// No healthy task is stopped by the scheduler if that leaves fewer than the floor.
    fn check_stops(&self, state: &State, service: &Service, now: Timestamp) -> Result<(), Broken> {
        if service.status != ServiceStatus::Active {
            return Ok(());
        }
        let (floor, _) = limits(service);
        let stopped = self.before.live.iter().any(|(arn, seen)| {
            let stop = state.tasks.get(arn).and_then(|task| task.stop.as_ref());
            let ours = stop.is_some_and(|stop| stop.code == TaskStopCode::ServiceSchedulerInitiated);
            seen.healthy && seen.status == TaskStatus::Running && ours
        });
        let healthy =
            state.tasks.indexed_by(SERVICE).filter(|(_, task)| is_healthy(state, task, now)).count();
        if stopped && healthy < floor as usize {
            return Err(format!("{healthy} healthy tasks after a stop, {floor} must stay"));
        }
        Ok(())
    }

    /// A task never goes back.
    fn check_lives(&self, live: &[&Task]) -> Result<(), Broken> {
        for task in live {
            if self.before.live.get(&task.arn).is_some_and(|seen| seen.status > task.last_status) {
                return Err(format!("{} went back to {:?}", task.arn, task.last_status));
            }
        }
        Ok(())
    }

    /// The breaker trips at its threshold: never later, never earlier.
    fn check_breaker(
        &mut self,
        state: &State,
        service: &Service,
        live: &[&Task],
        now: Timestamp,
    ) -> Result<(), Broken> {
        let primary_before =
            self.before.deployments.first().filter(|it| it.rollout_state == Rollout::InProgress);
        let Some(primary) = primary_before.map(|primary| primary.id.clone()) else {
            return self.count(state, service, live, now, None);
        };
        self.count(state, service, live, now, Some(&primary))
    }

    fn count(
        &mut self,
        state: &State,
        service: &Service,
        live: &[&Task],
        now: Timestamp,
        primary: Option<&str>,
    ) -> Result<(), Broken> {
        let threshold = threshold(service);
        let mut due = false;
        let is_due = |failures: &BTreeMap<String, u32>| {
            primary
                .zip(threshold)
                .is_some_and(|(primary, most)| failures.get(primary).is_some_and(|it| *it >= most))
        };
        for (task, deployment) in std::mem::take(&mut self.before.ended_unhealthy) {
            if self.failed.insert(task) && primary == Some(deployment.as_str()) && !is_due(&self.failures) {
                *self.failures.entry(deployment).or_default() += 1;
            }
        }
        due |= is_due(&self.failures);
        let resets = service.deployment_configuration.deployment_circuit_breaker.as_ref();
        let resets = resets.and_then(|breaker| breaker.reset_on_healthy_task).unwrap_or(true);
        for (arn, seen) in self.before.live.iter().filter(|(_, seen)| seen.healthy) {
            let _ = seen;
            let news = self.was_healthy.insert(arn.clone()) | self.failed.remove(arn);
            if news && resets && !due {
                if let Some(task) = state.tasks.get(arn) {
                    self.failures.insert(deployment_of(task).to_owned(), 0);
                }
            }
        }
        let grace = u64::from(service.health_check_grace_period_seconds);
        // By age, as the scheduler takes them: those that it stopped for it in this step, too.
        let mut by_age: Vec<&&Task> =
            live.iter().filter(|it| self.before.live.contains_key(&it.arn)).collect();
        by_age.sort_by_key(|task| (task.times.created_at, task.arn.clone()));
        for task in by_age {
            let was_running =
                self.before.live.get(&task.arn).is_some_and(|it| it.status == TaskStatus::Running);
            let ours = task
                .stop
                .as_ref()
                .is_none_or(|stop| stop.at == now && stop.code == TaskStopCode::ServiceSchedulerInitiated);
            let found = was_running && ours && self.found_unhealthy_before(state, task, grace, now);
            if found && self.failed.insert(task.arn.clone()) && !due {
                let deployment = deployment_of(task);
                if primary == Some(deployment) {
                    *self.failures.entry(deployment.to_owned()).or_default() += 1;
                    due |= is_due(&self.failures);
                }
            }
        }
        let failed_now = primary.is_some_and(|primary| {
            let before = self.before.deployments.iter().find(|it| it.id == primary);
            let after = service.deployment(primary);
            before.is_some_and(|it| it.rollout_state == Rollout::InProgress)
                && after.is_none_or(|it| it.rollout_state == Rollout::Failed)
                && after.is_none_or(|it| it.rollout_state_reason.contains("circuit breaker"))
        });
        let still_watched = primary.is_some_and(|primary| {
            service.status == ServiceStatus::Active
                && service
                    .deployment(primary)
                    .is_some_and(|it| it.primary && it.rollout_state == Rollout::InProgress)
        });
        if due && still_watched {
            return Err("the breaker did not trip at its threshold".to_owned());
        }
        if failed_now && !due && primary.is_some_and(|id| service.deployment(id).is_some()) {
            return Err(format!(
                "the breaker tripped at {:?}, the threshold is {threshold:?}",
                self.failures
            ));
        }
        self.trips += u32::from(failed_now && due);
        Ok(())
    }

    /// The check that stops a task may also be what deregisters its target: then its own stop reason tells.
    fn found_unhealthy_before(&self, state: &State, task: &Task, grace: u64, now: Timestamp) -> bool {
        let stopped_for_it = task.stop.as_ref().is_some_and(|stop| stop.reason.starts_with("Task failed"));
        stopped_for_it || is_found_unhealthy(state, task, grace, now)
    }

    /// A roll-back goes to the last deployment that completed.
    fn check_rollback(&mut self, service: &Service) -> Result<(), Broken> {
        let Some(primary) = service.deployments.first() else { return Ok(()) };
        let before = self.before.deployments.first();
        let is_old = self.before.deployments.iter().skip(1).any(|it| it.id == primary.id)
            || self.last_completed.as_ref() == Some(&primary.id);
        let came_back = before.is_some_and(|before| before.id != primary.id) && is_old;
        if came_back {
            if self.last_completed.as_ref() != Some(&primary.id) {
                return Err(format!("rolled back to {}, not to {:?}", primary.id, self.last_completed));
            }
            self.last_completed = None;
            self.failures.insert(primary.id.clone(), 0);
            self.rollbacks += 1;
        }
        let was_completed =
            before.is_some_and(|it| it.id == primary.id && it.rollout_state == Rollout::Completed);
        if primary.rollout_state == Rollout::Completed && !was_completed {
            self.last_completed = Some(primary.id.clone());
            self.completions += 1;
        }
        Ok(())
    }
}

fn deployment_of(task: &Task) -> &str {
    match &task.owner {
        TaskOwner::Service { deployment_id, .. } => deployment_id,
        TaskOwner::Standalone { .. } => "",
    }
}

fn counts_to_ceiling(task: &Task) -> bool {
    task.stop.is_none() && task.last_status <= TaskStatus::Running
}

fn desired(service: &Service) -> u32 {
    match service.scheduling_strategy {
        _ if service.status != ServiceStatus::Active => 0,
        SchedulingStrategy::Daemon => 1,
        SchedulingStrategy::Replica => service.desired_count,
    }
}

/// Floor and ceiling, in floating point: another way than the scheduler's.
fn limits(service: &Service) -> (u32, u32) {
    let configuration = &service.deployment_configuration;
    let of = |percent: Option<i32>| f64::from(desired(service)) * f64::from(percent.unwrap_or(100)) / 100.0;
    (
        of(configuration.minimum_healthy_percent).ceil() as u32,
        of(configuration.maximum_percent).floor() as u32,
    )
}

fn threshold(service: &Service) -> Option<u32> {
    use tidegate_models::ecs::ThresholdType as Type;
    let breaker =
        service.deployment_configuration.deployment_circuit_breaker.as_ref().filter(|it| it.enable)?;
    let given = breaker.threshold_configuration.as_ref();
    let (kind, value) = given.map_or((Type::BoundedPercent, 50), |given| (given.r#type, given.value));
    let share = (f64::from(desired(service)) * f64::from(value) / 100.0).ceil() as u32;
    Some(match kind {
        Type::BoundedPercent => share.clamp(3, 200),
        Type::UnboundedPercent => share.max(1),
        Type::Count => value as u32,
    })
}

/// Facts §1.2, told once more.
fn is_healthy(state: &State, task: &Task, now: Timestamp) -> bool {
    let Some(started) = task.times.started_at.filter(|_| task.last_status == TaskStatus::Running) else {
        return false;
    };
    let checked = task.containers.iter().any(|it| it.has_health_check);
    let by_containers =
        !checked || task.containers.iter().all(|it| it.health == tidegate_models::ecs::HealthStatus::Healthy);
    let by_targets =
        task.targets.iter().all(|target| target_state(state, target) == Some(TargetHealthStateEnum::Healthy));
    let by_time = checked || !task.targets.is_empty() || now.since(started).as_secs() >= 40;
    task.stop.is_none() && by_containers && by_targets && by_time
}

fn is_found_unhealthy(state: &State, task: &Task, grace: u64, now: Timestamp) -> bool {
    let Some(started) = task.times.started_at else { return false };
    let by_container =
        task.containers.iter().any(|it| it.health == tidegate_models::ecs::HealthStatus::Unhealthy);
    let by_target = task
        .targets
        .iter()
        .any(|target| target_state(state, target) == Some(TargetHealthStateEnum::Unhealthy));
    now.since(started).as_millis() >= u128::from(grace) * 1000 && (by_container || by_target)
}

fn target_state(
    state: &State,
    target: &tidegate_engine::ecs::records::TaskTarget,
) -> Option<TargetHealthStateEnum> {
    let group = state.target_groups.get(&target.target_group)?;
    group.target(&target.id, target.port).map(|target| target.health.state)
}
