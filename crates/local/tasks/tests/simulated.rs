//! The runtime that runs nothing.

#![expect(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tidegate_clock::{Clock, Speed};
use tidegate_models::ecs::HealthStatus;
use tidegate_tasks::{Adopted, Lifetime, Runtime, Settings, StopCause, TaskEvent, TaskSpec};
use tokio::sync::mpsc::UnboundedReceiver;

async fn open(folder: &Path) -> (Runtime, UnboundedReceiver<TaskEvent>) {
    let settings = Settings {
        clock: Clock::starting_now(Speed::new(100.0).unwrap()),
        data_dir: folder.to_owned(),
        lifetime: Lifetime::Persistent,
        instance: "simulated".to_owned(),
    };
    Runtime::simulated(settings).await.unwrap()
}

fn spec(definition: Value) -> TaskSpec {
    TaskSpec {
        task_id: "0123456789abcdef0123456789abcdef".to_owned(),
        task_arn: "arn:aws:ecs:us-east-1:000000000000:task/default/0123456789abcdef0123456789abcdef"
            .to_owned(),
        cluster: "default".to_owned(),
        definition: Arc::new(serde_json::from_value(definition).unwrap()),
        overrides: None,
        environment: Vec::new(),
        secrets: Vec::new(),
        image_digests: BTreeMap::new(),
        registry_images: BTreeMap::new(),
        group: "family:test".to_owned(),
        region: "us-east-1".to_owned(),
    }
}

fn web() -> Value {
    json!({"networkMode": "bridge", "containerDefinitions": [{
        "name": "web", "image": "nowhere:1", "portMappings": [{"containerPort": 80}, {"containerPort": 81, "hostPort": 8081}],
        "healthCheck": {"command": ["CMD", "true"], "interval": 5},
    }]})
}

async fn until(
    events: &mut UnboundedReceiver<TaskEvent>,
    wanted: impl Fn(&TaskEvent) -> bool,
) -> Vec<TaskEvent> {
    let mut seen = Vec::new();
    let all = async {
        loop {
            seen.push(events.recv().await.unwrap());
            if wanted(seen.last().unwrap()) {
                return;
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), all).await.is_ok();
    assert!(in_time, "{seen:?}");
    seen
}

#[tokio::test]
async fn a_task_is_running_and_healthy_until_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (runtime, mut events) = open(folder.path()).await;
    assert_eq!(runtime.name(), "simulated");
    let spec = spec(web());
    let id = spec.task_id.clone();
    runtime.start(spec);
    let healthy =
        |it: &TaskEvent| matches!(it, TaskEvent::ContainerHealth { status: HealthStatus::Healthy, .. });
    let seen = until(&mut events, healthy).await;
    assert!(seen.iter().any(|it| matches!(it, TaskEvent::Running { .. })), "{seen:?}");
    let bound = seen.iter().find_map(|it| match it {
        TaskEvent::NetworkReady { bindings, .. } => Some(bindings.clone()),
        _ => None,
    });
    let bound: Vec<_> = bound.unwrap().iter().map(|it| (it.container_port, it.host_port)).collect();
    assert_eq!(bound, [(80, 32_768), (81, 8081)]);

    runtime.stop(&id);
    let seen = until(&mut events, |it| matches!(it, TaskEvent::Stopped { .. })).await;
    let Some(TaskEvent::Stopped { code, .. }) = seen.last() else { panic!("{seen:?}") };
    assert_eq!(*code, StopCause::Requested);
    let ended = |it: &TaskEvent| matches!(it, TaskEvent::ContainerStopped { exit_code: Some(143), .. });
    assert!(seen.iter().any(ended), "{seen:?}");
}

#[tokio::test]
async fn a_crash_ends_a_task_that_nobody_asked_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let (runtime, mut events) = open(folder.path()).await;
    let spec = spec(web());
    let id = spec.task_id.clone();
    runtime.start(spec);
    until(&mut events, |it| matches!(it, TaskEvent::Running { .. })).await;
    runtime.crash(&id);
    let seen = until(&mut events, |it| matches!(it, TaskEvent::Stopped { .. })).await;
    let Some(TaskEvent::Stopped { code, .. }) = seen.last() else { panic!("{seen:?}") };
    assert_eq!(*code, StopCause::EssentialContainerExited);
}

#[tokio::test]
async fn the_next_cloud_finds_every_task_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut own = spec(web());
    own.definition = Arc::new(
        serde_json::from_value(json!({"networkMode": "awsvpc", "containerDefinitions": [
            {"name": "web", "image": "nowhere:1"}, {"name": "beside", "image": "nowhere:2"},
        ]}))
        .unwrap(),
    );
    let address_of = |events: &[TaskEvent]| {
        events.iter().find_map(|it| match it {
            TaskEvent::NetworkReady { address, .. } => Some(*address),
            _ => None,
        })
    };
    let (runtime, mut events) = open(folder.path()).await;
    runtime.start(own.clone());
    let seen = until(&mut events, |it| matches!(it, TaskEvent::Running { .. })).await;
    drop(runtime);

    let (runtime, mut events) = open(folder.path()).await;
    let id = own.task_id.clone();
    let adopted = runtime.adopt(vec![own]).await;
    let [Adopted::Running { facts, .. }] = adopted.as_slice() else { panic!("{adopted:?}") };
    assert!(matches!(facts.last(), Some(TaskEvent::Running { .. })), "{facts:?}");
    assert_eq!(address_of(facts), address_of(&seen));
    runtime.stop(&id);
    until(&mut events, |it| matches!(it, TaskEvent::Stopped { .. })).await;
}
