//! What must always hold of task sets, checked after every step by counts of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tidegate_engine::{
    State, Timestamp,
    ecs::records::{Service, ServiceStatus, Task, TaskSet, TaskSetStatus, TaskStatus},
};
use tidegate_models::ecs::{StabilityStatus, TaskStopCode};

use super::{
    setup::SERVICE,
    watch::{Seen, counts_to_ceiling, deployment_of, desired, is_found_unhealthy, is_healthy},
    world::{Broken, tail},
};

/// Until weights that were moved away have settled.
const SETTLES: Duration = Duration::from_secs(1);

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct TaskSetWatch {
    /// Status and scale of each task set, and since when.
    known: BTreeMap<String, Known>,
    /// How often a task set was steady for the first time, was gone, and had a task replaced.
    pub(super) tally: [u32; 3],
}

#[derive(Debug)]
struct Known {
    is_draining: bool,
    scale: f64,
    since: Timestamp,
    was_steady: bool,
}

impl TaskSetWatch {
    /// Looks after a step was settled, `before` being the live tasks before.
    pub(super) fn after_settling(
        &mut self,
        state: &State,
        service: &Service,
        before: &BTreeMap<String, Seen>,
        now: Timestamp,
    ) -> Result<(), Broken> {
        let live: Vec<&Task> = state.tasks.indexed_by(SERVICE).map(|(_, task)| task).collect();
        check_service(service, &live)?;
        self.learn(state, service, now)?;
        for task_set in &service.task_sets {
            let of_set: Vec<&Task> =
                live.iter().copied().filter(|task| deployment_of(task) == task_set.id).collect();
            check_counts(service, task_set)?;
            self.check_starts(state, service, task_set, &of_set, before, now)?;
            self.check_stops(state, service, task_set, &of_set, before, now)?;
            check_stability(state, service, task_set, &of_set, now)?;
        }
        Ok(())
    }

    /// Since when each task set is what it is; one is gone only once nothing of it is left.
    fn learn(&mut self, state: &State, service: &Service, now: Timestamp) -> Result<(), Broken> {
        for task_set in &service.task_sets {
            let (is_draining, scale) =
                (task_set.status == TaskSetStatus::Draining, task_set.scale.as_percent());
            let is_steady = task_set.stability == StabilityStatus::SteadyState;
            let new = Known { is_draining, scale, since: now, was_steady: false };
            let known = self.known.entry(task_set.id.clone()).or_insert(new);
            if known.is_draining && !is_draining {
                return Err(format!("{} came back from DRAINING", task_set.id));
            }
            if (known.is_draining, known.scale) != (is_draining, scale) {
                *known = Known { is_draining, scale, since: now, was_steady: known.was_steady };
            }
            if is_steady && !known.was_steady {
                known.was_steady = true;
                self.tally[0] += 1;
            }
        }
        let left = |id: &String| service.task_set(id).is_some();
        let gone: Vec<String> = self.known.keys().filter(|id| !left(id)).cloned().collect();
        for id in gone {
            if let Some((arn, _)) =
                state.tasks.indexed_by(SERVICE).find(|(_, task)| deployment_of(task) == id)
            {
                return Err(format!("{id} is gone, {} of it lives", tail(arn)));
            }
            self.known.remove(&id);
            self.tally[1] += 1;
        }
        Ok(())
    }

    /// Never over the ceiling of what a task set should hold, and no more than that counting those to be replaced out.
    fn check_starts(
        &mut self,
        state: &State,
        service: &Service,
        task_set: &TaskSet,
        live: &[&Task],
        before: &BTreeMap<String, Seen>,
        now: Timestamp,
    ) -> Result<(), Broken> {
        if live.iter().all(|task| before.contains_key(&task.arn)) {
            return Ok(());
        }
        // One that was deleted in this step, after the scheduler had looked, may have started something in it.
        let is_long = self.known.get(&task_set.id).is_some_and(|known| known.since < now);
        match (task_set.status, is_long) {
            (TaskSetStatus::Draining, true) => {
                return Err(format!("DRAINING {} started a task", task_set.id));
            }
            (TaskSetStatus::Draining, false) => return Ok(()),
            _ => {}
        }
        let (computed, grace) =
            (computed(service, task_set), u64::from(service.health_check_grace_period_seconds));
        let maximum = service.deployment_configuration.maximum_percent.unwrap_or(200);
        let ceiling = (f64::from(computed) * f64::from(maximum) / 100.0).floor() as usize;
        let counted: Vec<&&Task> = live.iter().filter(|task| counts_to_ceiling(task)).collect();
        if counted.len() > ceiling {
            return Err(format!("{} has {} tasks, {ceiling} are allowed", task_set.id, counted.len()));
        }
        let unhealthy = counted.iter().filter(|it| is_found_unhealthy(state, it, grace, now)).count();
        let held = counted.len() - unhealthy;
        if held > computed as usize {
            return Err(format!("{} holds {held} tasks, {computed} are computed", task_set.id));
        }
        self.tally[2] += u32::from(unhealthy > 0);
        Ok(())
    }

    /// A task set keeps its floor, and nothing of it goes before weights that were moved away have settled.
    fn check_stops(
        &self,
        state: &State,
        service: &Service,
        task_set: &TaskSet,
        live: &[&Task],
        before: &BTreeMap<String, Seen>,
        now: Timestamp,
    ) -> Result<(), Broken> {
        if service.status != ServiceStatus::Active {
            return Ok(());
        }
        let stopped: Vec<&Task> = before
            .iter()
            .filter(|(_, seen)| seen.healthy && seen.status == TaskStatus::Running)
            .filter_map(|(arn, _)| state.tasks.get(arn))
            .filter(|task| deployment_of(task) == task_set.id)
            .filter(|task| {
                let stop = task.stop.as_ref();
                stop.is_some_and(|stop| stop.code == TaskStopCode::ServiceSchedulerInitiated)
            })
            .collect();
        let Some(first) = stopped.first() else { return Ok(()) };
        let since = self.known.get(&task_set.id).map_or(now, |known| known.since);
        if now < since + SETTLES {
            return Err(format!("{} is stopped as its traffic is moved away", tail(&first.arn)));
        }
        let minimum = service.deployment_configuration.minimum_healthy_percent.unwrap_or(100);
        let floor = (f64::from(computed(service, task_set)) * f64::from(minimum) / 100.0).ceil() as usize;
        let healthy = live.iter().filter(|task| is_healthy(state, task, now)).count();
        if healthy < floor {
            return Err(format!(
                "{} has {healthy} healthy tasks after a stop, {floor} must stay",
                task_set.id
            ));
        }
        Ok(())
    }
}

fn check_service(service: &Service, live: &[&Task]) -> Result<(), Broken> {
    if service.status == ServiceStatus::Inactive && !live.is_empty() {
        return Err("an INACTIVE service has tasks".to_owned());
    }
    if !service.deployments.is_empty() {
        return Err("a service has deployments beside its task sets".to_owned());
    }
    let primaries = service.task_sets.iter().filter(|it| it.status == TaskSetStatus::Primary).count();
    if primaries > 1 {
        return Err(format!("{primaries} task sets are PRIMARY"));
    }
    let ids: BTreeSet<&String> = service.task_sets.iter().map(|it| &it.id).collect();
    if ids.len() != service.task_sets.len() {
        return Err("a task set is there twice".to_owned());
    }
    match live.iter().find(|task| service.task_set(deployment_of(task)).is_none()) {
        Some(task) => Err(format!("{} lives for a task set that is gone", tail(&task.arn))),
        None => Ok(()),
    }
}

fn check_counts(service: &Service, task_set: &TaskSet) -> Result<(), Broken> {
    let (told, computed) = (task_set.computed_desired_count, computed(service, task_set));
    if service.status == ServiceStatus::Active && told != computed {
        return Err(format!("{} tells {told} tasks, {computed} are computed", task_set.id));
    }
    Ok(())
}

/// Facts §4.6, told once more.
fn check_stability(
    state: &State,
    service: &Service,
    task_set: &TaskSet,
    live: &[&Task],
    now: Timestamp,
) -> Result<(), Broken> {
    let running = live.iter().filter(|task| counts_to_ceiling(task)).count();
    let healthy = live.iter().filter(|task| is_healthy(state, task, now)).count();
    let wanted = computed(service, task_set) as usize;
    let is_steady = task_set.status != TaskSetStatus::Draining && (running, healthy) == (wanted, wanted);
    let is_told = task_set.stability == StabilityStatus::SteadyState;
    if service.status == ServiceStatus::Active && is_told != is_steady {
        return Err(format!(
            "{} is {:?} with {healthy} healthy of {running} tasks, {wanted} are computed",
            task_set.id, task_set.stability
        ));
    }
    Ok(())
}

/// In hundredths of a percent: another way than the scheduler's.
fn computed(service: &Service, task_set: &TaskSet) -> u32 {
    let hundredths = (task_set.scale.as_percent() * 100.0).round() as u64;
    let wanted = (u64::from(desired(service)) * hundredths).div_ceil(10_000);
    if task_set.status == TaskSetStatus::Draining { 0 } else { wanted as u32 }
}
