//! The circuit breaker's count, made once more from what happened: it must trip at its threshold, never later, never
//! earlier.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_engine::{
    Event, State, TaskChange, Timestamp,
    ecs::records::{Service, ServiceStatus, Task, TaskStatus},
};
use tidegate_models::ecs::{
    DeploymentRolloutState as Rollout, ServiceDeploymentRollbackMonitorsStatus as MonitorStatus,
    TaskStopCode, ThresholdType,
};

use super::{
    setup::SERVICE,
    watch::{Seen, deployment_of, desired, is_found_unhealthy},
    world::Broken,
};

/// Failures as they are counted here.
#[derive(Debug, Default)]
pub(super) struct Recount {
    /// Of each deployment.
    failures: BTreeMap<String, u32>,
    /// Tasks that count as failed.
    failed: BTreeSet<String>,
    /// Tasks that were healthy once.
    was_healthy: BTreeSet<String>,
    /// What this step began with.
    step: Step,
}

/// A step before it was settled.
#[derive(Debug, Default)]
struct Step {
    /// The PRIMARY that the breaker watches, with its service deployment.
    watched: Option<(String, String)>,
    /// Tasks that ended by themselves before they were healthy, in order, with their deployments.
    ended: Vec<(String, String)>,
}

impl Recount {
    /// The step was never stored: it did not happen.
    pub(super) fn forget_this_step(&mut self) {
        self.step = Step::default();
    }

    /// A deployment begins to be counted anew.
    pub(super) fn restart(&mut self, deployment: &str) {
        self.failures.insert(deployment.to_owned(), 0);
    }

    /// Looks after what happened was taken in, before it is settled.
    pub(super) fn before_settling(&mut self, state: &State, events: &[Event]) {
        let primary = state.services.get(SERVICE).and_then(|service| service.deployments.first());
        let watched = primary.filter(|primary| primary.rollout_state == Rollout::InProgress);
        let watched = watched.map(|it| (it.id.clone(), it.service_deployment_arn.clone()));
        let mut ended: Vec<(String, String)> = Vec::new();
        for event in events {
            let Event::Task { task: arn, change } = event else { continue };
            let ends = matches!(change, TaskChange::Stopped { .. } | TaskChange::ContainerStopped { .. });
            let Some(task) = state.tasks.get(arn).filter(|_| ends) else { continue };
            let by_itself = task.stop.as_ref().is_some_and(|stop| {
                matches!(stop.code, TaskStopCode::EssentialContainerExited | TaskStopCode::TaskFailedToStart)
            });
            let known = ended.iter().any(|(known, _)| known == arn);
            if by_itself && !known && !self.was_healthy.contains(arn) && !self.failed.contains(arn) {
                ended.push((arn.clone(), deployment_of(task).to_owned()));
            }
        }
        self.step = Step { watched, ended };
    }

    /// Counts this step, `before` being the live tasks before it was settled, and compares.
    pub(super) fn after_settling(
        &mut self,
        state: &State,
        service: &Service,
        before: &BTreeMap<String, Seen>,
        now: Timestamp,
    ) -> Result<(), Broken> {
        let Step { watched, ended } = std::mem::take(&mut self.step);
        let threshold = threshold(service);
        let primary = watched.as_ref().map(|(id, _)| id.as_str());
        for (task, deployment) in ended {
            if self.failed.insert(task)
                && primary == Some(deployment.as_str())
                && !self.is_due(primary, threshold)
            {
                *self.failures.entry(deployment).or_default() += 1;
            }
        }
        let due_by_ends = self.is_due(primary, threshold);
        self.count_healthy(state, service, before, due_by_ends);
        self.count_unhealthy(state, service, before, primary, now);
        let due = self.is_due(primary, threshold);
        match watched {
            Some((deployment, arn)) => self.compare(state, service, &deployment, &arn, due),
            None => Ok(()),
        }
    }

    fn compare(
        &self,
        state: &State,
        service: &Service,
        deployment: &str,
        service_deployment: &str,
        due: bool,
    ) -> Result<(), Broken> {
        let primary = service.deployments.first().filter(|_| service.status == ServiceStatus::Active);
        let still_watched =
            primary.is_some_and(|it| it.id == deployment && it.rollout_state == Rollout::InProgress);
        if due && still_watched {
            return Err(format!("the breaker did not trip at {:?}", self.failures.get(deployment)));
        }
        let failed = !still_watched && service.status == ServiceStatus::Active;
        let row = state.service_deployments.get(service_deployment);
        let breaker = row.filter(|row| row.rollback.is_none() || row.deployment_id == deployment);
        let breaker = breaker.and_then(|row| row.circuit_breaker.as_ref());
        let tripped = failed && breaker.is_some_and(|it| it.status == Some(MonitorStatus::Triggered));
        if tripped && !due {
            return Err(format!("the breaker tripped at {:?}", self.failures.get(deployment)));
        }
        let told = breaker.and_then(|breaker| breaker.failure_count);
        if tripped && told != self.failures.get(deployment).map(|count| *count as i32) {
            return Err(format!("{told:?} failures are told, {:?} were", self.failures.get(deployment)));
        }
        Ok(())
    }

    fn count_healthy(
        &mut self,
        state: &State,
        service: &Service,
        before: &BTreeMap<String, Seen>,
        due: bool,
    ) {
        let breaker = service.deployment_configuration.deployment_circuit_breaker.as_ref();
        let resets = breaker.and_then(|breaker| breaker.reset_on_healthy_task).unwrap_or(true);
        for arn in before.iter().filter(|(_, seen)| seen.healthy).map(|(arn, _)| arn) {
            let is_news = self.was_healthy.insert(arn.clone()) | self.failed.remove(arn);
            if is_news
                && resets
                && !due
                && let Some(task) = state.tasks.get(arn)
            {
                self.restart(deployment_of(task));
            }
        }
    }

    /// By age, as the scheduler takes them: also those that it stopped for it in this very step.
    fn count_unhealthy(
        &mut self,
        state: &State,
        service: &Service,
        before: &BTreeMap<String, Seen>,
        primary: Option<&str>,
        now: Timestamp,
    ) {
        let grace = u64::from(service.health_check_grace_period_seconds);
        let running = before.iter().filter(|(_, seen)| seen.status == TaskStatus::Running);
        let mut by_age: Vec<&Task> = running.filter_map(|(arn, _)| state.tasks.get(arn)).collect();
        by_age.sort_by_key(|task| (task.times.created_at, task.arn.clone()));
        for task in by_age {
            let found = match &task.stop {
                None => is_found_unhealthy(state, task, grace, now),
                // The stop deregistered its target: its reason tells what was found.
                Some(stop) => stop.at == now && stop.reason.starts_with("Task failed"),
            };
            let deployment = deployment_of(task);
            let counts = primary == Some(deployment) && !self.is_due(primary, threshold(service));
            if found && self.failed.insert(task.arn.clone()) && counts {
                *self.failures.entry(deployment.to_owned()).or_default() += 1;
            }
        }
    }

    fn is_due(&self, primary: Option<&str>, threshold: Option<u32>) -> bool {
        let count = primary.and_then(|primary| self.failures.get(primary));
        count.zip(threshold).is_some_and(|(count, most)| *count >= most)
    }
}

/// The threshold, in floating point: another way than the scheduler's.
fn threshold(service: &Service) -> Option<u32> {
    let breaker =
        service.deployment_configuration.deployment_circuit_breaker.as_ref().filter(|it| it.enable)?;
    let given = breaker.threshold_configuration.as_ref();
    let (kind, value) =
        given.map_or((ThresholdType::BoundedPercent, 50), |given| (given.r#type, given.value));
    let share = (f64::from(desired(service)) * f64::from(value) / 100.0).ceil() as u32;
    Some(match kind {
        ThresholdType::BoundedPercent => share.clamp(3, 200),
        ThresholdType::UnboundedPercent => share.max(1),
        ThresholdType::Count => value as u32,
    })
}
