//! What an event costs the scheduler, at 10, 1,000 and 10,000 services of three tasks each.
//!
//! One event is what the shell does for it but for the disk: observe, settle, gather the changed rows, commit. The events
//! are those of a task that exits, and of its replacement up to HEALTHY, in services chosen at random. Run with `cargo run --release -p tidegate-engine --example scheduler_cost`: one line of
//! JSON for each size.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic, reason = "a measurement, not the product")]

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tidegate_engine::{Effect, Engine, Event, Request, Scope, Settings, StopCause, TaskChange, Timestamp};
use tidegate_models::ecs::HealthStatus;

const SIZES: [usize; 3] = [10, 1_000, 10_000];
const TASKS_PER_SERVICE: usize = 3;
const REPLACEMENTS: usize = 5_000;
const CONTAINER: &str = "app";

fn main() {
    // Sizes may be given, for a profile of one of them.
    let given: Vec<usize> = std::env::args().skip(1).map(|size| size.parse().unwrap()).collect();
    for services in if given.is_empty() { SIZES.to_vec() } else { given } {
        println!("{}", measure(services));
    }
}

fn measure(services: usize) -> Value {
    let mut cloud = Cloud::with(services);
    let mut rng = fastrand::Rng::with_seed(services as u64);
    // The first replacements warm the caches, as a cloud that runs is warm.
    for _ in 0..REPLACEMENTS / 10 {
        cloud.replace_a_task(&mut rng);
    }
    cloud.took.clear();
    for _ in 0..REPLACEMENTS {
        cloud.replace_a_task(&mut rng);
    }
    let mut took = cloud.took;
    took.sort_unstable();
    let mean = took.iter().sum::<Duration>() / u32::try_from(took.len()).unwrap();
    json!({
        "services": services,
        "tasks": services * TASKS_PER_SERVICE,
        "events": took.len(),
        "ns_per_event": mean.as_nanos() as u64,
        "p50_ns": took[took.len() / 2].as_nanos() as u64,
        "p99_ns": took[took.len() * 99 / 100].as_nanos() as u64,
    })
}

struct Cloud {
    engine: Engine,
    now: Timestamp,
    /// Tasks that run and are healthy.
    tasks: Vec<String>,
    took: Vec<Duration>,
}

impl Cloud {
    /// A cloud of steady services.
    fn with(services: usize) -> Self {
        let engine = Engine::new(Settings {
            seed: 1,
            load_balancer_network: [127, 30],
            missing: tidegate_engine::Missing::Fails,
            registry: "127.0.0.1:4566".to_owned(),
        });
        let now = Timestamp::from_millis(1_790_000_000_000);
        let mut cloud = Self { engine, now, tasks: Vec::new(), took: Vec::new() };
        cloud.call("CreateCluster", json!({"clusterName": "c"}));
        let container = json!({"name": CONTAINER, "image": "web", "memory": 64, "healthCheck": {"command": ["CMD", "true"]}});
        cloud.call("RegisterTaskDefinition", json!({"family": "web", "containerDefinitions": [container]}));
        for number in 0..services {
            let name = format!("service-{number}");
            let started = cloud.call(
                "CreateService",
                json!({
                    "cluster": "c", "serviceName": name, "taskDefinition": "web", "desiredCount": TASKS_PER_SERVICE,
                }),
            );
            for task in started {
                cloud.bring_up(&task);
            }
        }
        cloud
    }

    /// A task exits; its service replaces it.
    fn replace_a_task(&mut self, rng: &mut fastrand::Rng) {
        let task = self.tasks.swap_remove(rng.usize(..self.tasks.len()));
        let reason = "Essential container in task exited".to_owned();
        let stopped = TaskChange::Stopped { cause: StopCause::EssentialContainerExited, reason };
        let started = self.happen(&task, stopped);
        assert_eq!(started.len(), 1, "one task replaces one");
        for task in started {
            self.bring_up(&task);
        }
    }

    fn bring_up(&mut self, task: &str) {
        let address = IpAddr::V4(Ipv4Addr::new(127, 64, 0, 1));
        self.happen(task, TaskChange::NetworkReady { address, bindings: Vec::new() });
        let container = CONTAINER.to_owned();
        let runtime_id = "1".to_owned();
        self.happen(task, TaskChange::ContainerStarted { container, runtime_id, image_digest: None });
        self.happen(task, TaskChange::Running);
        let container = CONTAINER.to_owned();
        self.happen(task, TaskChange::ContainerHealth { container, health: HealthStatus::Healthy });
        self.tasks.push(task.to_owned());
    }

    /// One event, measured. Answers the tasks to start.
    fn happen(&mut self, task: &str, change: TaskChange) -> Vec<String> {
        self.now = self.now + Duration::from_millis(5);
        let event = Event::Task { task: task.to_owned(), change };
        let begun = Instant::now();
        self.engine.observe(event, self.now);
        self.engine.settle(self.now);
        let changes = self.engine.changes();
        let effects = self.engine.commit();
        self.took.push(begun.elapsed());
        assert!(!changes.is_empty(), "every event changes something");
        starts(effects)
    }

    /// A call. Answers the tasks to start.
    fn call(&mut self, operation: &str, input: Value) -> Vec<String> {
        let scope = Scope { account: "123456789012".to_owned(), region: "eu-west-1".to_owned() };
        let request = Request { service: "ecs", operation: operation.to_owned(), scope, input };
        if let Err(error) = self.engine.write(request, self.now) {
            panic!("{operation} was refused: {error}");
        }
        self.engine.settle(self.now);
        starts(self.engine.commit())
    }
}

fn starts(effects: Vec<Effect>) -> Vec<String> {
    let start = |effect| if let Effect::StartTask(arn) = effect { Some(arn) } else { None };
    effects.into_iter().filter_map(start).collect()
}
