//! What services' tasks use of what is reserved for them, as CloudWatch's `AWS/ECS` has it.
//!
//! Once a minute of the cloud's time. Each task is a sample, so that the average is over tasks; what cannot be measured,
//! or has nothing reserved to be compared with, is left out. Start at [`run`]; what is computed is in [`measured`].

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tidegate_clock::Clock;
use tidegate_engine::{
    Event, Scope, State,
    cloudwatch::{
        Measured,
        metrics::{Bucket, MetricName},
    },
    ecs::records::{ContainerStatus, Task, TaskDefinition},
};
use tidegate_models::{cloudwatch::StandardUnit, ecs};
use tidegate_tasks::{Runtime, Usage};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    tasking,
    writer::{Commands, SharedEngine, lock_read},
};

/// How often it looks, in the cloud's time.
const EVERY: Duration = Duration::from_mins(1);

/// The least real time between two looks, however fast the cloud's time runs.
const AT_LEAST: Duration = Duration::from_secs(1);

/// Tells the engine what services use, until `stop`.
pub(crate) async fn run(
    runtime: Runtime,
    engine: SharedEngine,
    commands: Commands,
    clock: Clock,
    stop: CancellationToken,
) {
    let mut before = Look::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(clock.real(EVERY).max(AT_LEAST)) => {}
        }
        let tasks = running(lock_read(&engine).state());
        let containers: Vec<String> = tasks.iter().flat_map(|task| task.containers.iter().cloned()).collect();
        if containers.is_empty() {
            continue;
        }
        let now = Look { at: Some(Instant::now()), usage: runtime.usage(&containers).await };
        let measured = measured(&tasks, &before, &now);
        before = now;
        if !measured.is_empty() {
            commands.tell(Event::Metrics(measured));
        }
    }
}

/// What all containers used at one moment.
#[derive(Default)]
struct Look {
    /// In real time, as that is what processors count; `None` before the first.
    at: Option<Instant>,
    usage: HashMap<String, Usage>,
}

/// A task that runs for a service.
struct Running {
    scope: Scope,
    cluster: String,
    service: String,
    /// The runtime's ids.
    containers: Vec<String>,
    /// Reserved processor time, in processors; 0 when nothing is reserved.
    processors: f64,
    /// Reserved memory, in bytes; 0 when nothing is reserved.
    memory: f64,
}

impl Running {
    /// A metric of its service.
    fn metric(&self, name: &str) -> MetricName {
        let dimension = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let dimensions =
            vec![dimension("ClusterName", &self.cluster), dimension("ServiceName", &self.service)];
        MetricName::new(&self.scope, "AWS/ECS", name, dimensions)
    }
}

/// The tasks that run for services.
fn running(state: &State) -> Vec<Running> {
    let services = state.services.iter();
    services
        .flat_map(|(arn, service)| {
            let tasks = state.tasks.indexed_by(arn).map(|(_, task)| task);
            tasks.filter_map(|task| running_task(state, task, &service.name))
        })
        .collect()
}

fn running_task(state: &State, task: &Task, service: &str) -> Option<Running> {
    let running = task.containers.iter().filter(|container| container.status == ContainerStatus::Running);
    let (family, revision) = task.task_definition.rsplit_once(':')?;
    let definition = state.task_definitions.get(&TaskDefinition::key(family, revision.parse().ok()?))?;
    let mut parts = task.arn.split(':').skip(3).map(str::to_owned);
    let (region, account) = (parts.next()?, parts.next()?);
    Some(Running {
        scope: Scope { account, region },
        cluster: tasking::id(&task.cluster_arn).to_owned(),
        service: service.to_owned(),
        containers: running.filter_map(|container| container.runtime_id.clone()).collect(),
        processors: processors(&definition.document),
        memory: memory(&definition.document),
    })
}

/// The task's own size, or that of its containers together.
fn processors(definition: &ecs::TaskDefinition) -> f64 {
    let own = definition.cpu.as_deref().and_then(|units| units.parse::<f64>().ok());
    let containers = definition.container_definitions.iter().flatten();
    own.unwrap_or_else(|| containers.map(|container| f64::from(container.cpu.unwrap_or(0))).sum()) / 1024.0
}

/// The task's own size, or that of its containers together.
fn memory(definition: &ecs::TaskDefinition) -> f64 {
    let own = definition.memory.as_deref().and_then(|mebibytes| mebibytes.parse::<f64>().ok());
    let containers = definition.container_definitions.iter().flatten();
    let reserved = containers.map(|container| container.memory_reservation.or(container.memory).unwrap_or(0));
    own.unwrap_or_else(|| reserved.map(f64::from).sum()) * 1024.0 * 1024.0
}

/// What was used between two looks, in percent of what is reserved.
fn measured(tasks: &[Running], before: &Look, now: &Look) -> Vec<Measured> {
    let passed = before.at.zip(now.at).map(|(before, now)| now.duration_since(before).as_secs_f64());
    let mut samples: BTreeMap<MetricName, Vec<(f64, f64)>> = BTreeMap::new();
    for task in tasks {
        let uses: Option<Vec<Usage>> = task.containers.iter().map(|id| now.usage.get(id).copied()).collect();
        let Some(uses) = uses.filter(|uses| !uses.is_empty()) else { continue };
        let mut add = |name: &str, share: f64| {
            samples.entry(task.metric(name)).or_default().push((share * 100.0, 1.0));
        };
        if task.memory > 0.0 {
            add("MemoryUtilization", uses.iter().map(|usage| usage.memory as f64).sum::<f64>() / task.memory);
        }
        let since = task.containers.iter().zip(&uses).map(|(id, usage)| {
            before.usage.get(id).map(|before| usage.cpu.saturating_sub(before.cpu).as_secs_f64())
        });
        let spent: Option<f64> = since.sum();
        if let (Some(spent), Some(passed)) = (spent, passed)
            && passed > 0.0
            && task.processors > 0.0
        {
            add("CPUUtilization", spent / passed / task.processors);
        }
    }
    let told = samples.into_iter().map(|(metric, values)| Measured {
        metric,
        unit: StandardUnit::Percent,
        samples: Bucket::of(values),
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(container: &str, processors: f64, memory: f64) -> Running {
        Running {
            scope: Scope { account: "1".to_owned(), region: "r".to_owned() },
            cluster: "c".to_owned(),
            service: "s".to_owned(),
            containers: vec![container.to_owned()],
            processors,
            memory,
        }
    }

    fn look(at: Instant, of: &[(&str, u64, u64)]) -> Look {
        let usage = of.iter().map(|(id, millis, memory)| {
            ((*id).to_owned(), Usage { cpu: Duration::from_millis(*millis), memory: *memory })
        });
        Look { at: Some(at), usage: usage.collect() }
    }

    #[tokio::test]
    async fn each_task_is_a_sample_in_percent_of_what_it_has_reserved() {
        let start = Instant::now();
        let before = look(start, &[("a", 1_000, 0), ("b", 0, 0)]);
        let now = look(start + Duration::from_secs(10), &[("a", 2_000, 50), ("b", 3_000, 100)]);
        let tasks = [task("a", 0.5, 200.0), task("b", 0.5, 200.0), task("gone", 0.5, 200.0)];
        let measured = measured(&tasks, &before, &now);
        let names: Vec<_> = measured.iter().map(|measured| measured.metric.name.as_str()).collect();
        assert_eq!(names, ["CPUUtilization", "MemoryUtilization"]);
        assert_eq!(measured[0].samples, Bucket::of([(20.0, 1.0), (60.0, 1.0)]));
        assert_eq!(measured[1].samples, Bucket::of([(25.0, 1.0), (50.0, 1.0)]));
    }

    #[tokio::test]
    async fn nothing_is_said_of_what_has_nothing_reserved_or_was_not_seen_before() {
        let start = Instant::now();
        let now = look(start + Duration::from_secs(10), &[("a", 2_000, 50)]);
        assert_eq!(measured(&[task("a", 0.0, 0.0)], &look(start, &[]), &now), []);
        let first = measured(&[task("a", 1.0, 0.0)], &Look::default(), &now);
        assert_eq!(first, []);
    }
}
