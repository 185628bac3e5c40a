//! How containers and volumes say whose they are.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tidegate_clock::Timestamp;

use crate::{Lifetime, Settings, identity::Identity, logs::file_name, plan::TaskPlan};

pub(super) const INSTANCE: &str = "dev.tidegate.instance";
pub(super) const TASK: &str = "dev.tidegate.task";
pub(super) const CONTAINER: &str = "dev.tidegate.container";
/// Only on containers that must not outlive the process that it names.
pub(super) const OWNER: &str = "dev.tidegate.owner";
const STARTED_AT: &str = "dev.tidegate.started-at";

/// A process that owns containers, as whoever finds them can look for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    process: Identity,
    /// Pids mean nothing in another namespace.
    namespace: String,
}

impl Owner {
    /// This process.
    pub(super) fn current() -> Option<Self> {
        let process = Identity::of(i32::try_from(std::process::id()).ok()?)?;
        Some(Self { process, namespace: namespace() })
    }

    /// Whether it is certain that this process is gone.
    pub(super) fn is_gone(&self) -> bool {
        self.namespace == namespace() && self.process.is_of_this_boot() && !self.process.is_alive()
    }

    pub(super) fn parse(label: &str) -> Option<Self> {
        serde_json::from_str(label).ok()
    }
}

/// The labels of a container of a task; `container` is empty for the one that holds its network.
pub(super) fn of(settings: &Settings, task: &TaskPlan, container: &str) -> HashMap<String, String> {
    let mut labels = HashMap::from([
        (INSTANCE.to_owned(), settings.instance.clone()),
        (TASK.to_owned(), task.id.clone()),
        (CONTAINER.to_owned(), container.to_owned()),
        (STARTED_AT.to_owned(), settings.clock.now().as_millis().to_string()),
        // What people who look for ECS tasks in Docker look for.
        ("com.amazonaws.ecs.task-arn".to_owned(), task.spec.task_arn.clone()),
        ("com.amazonaws.ecs.container-name".to_owned(), container.to_owned()),
        ("com.amazonaws.ecs.cluster".to_owned(), task.spec.cluster.clone()),
    ]);
    if settings.lifetime == Lifetime::WithParent
        && let Some(owner) = Owner::current().and_then(|owner| serde_json::to_string(&owner).ok())
    {
        labels.insert(OWNER.to_owned(), owner);
    }
    labels
}

/// When a container was made, in virtual time.
pub(super) fn started_at(labels: &HashMap<String, String>) -> Option<Timestamp> {
    labels.get(STARTED_AT)?.parse().ok().map(Timestamp::from_millis)
}

/// A filter for what carries `label`.
pub(super) fn filter(label: &str, value: Option<&str>) -> HashMap<String, Vec<String>> {
    let wanted = value.map_or_else(|| label.to_owned(), |value| format!("{label}={value}"));
    HashMap::from([("label".to_owned(), vec![wanted])])
}

/// The name of a container of a task; task ids are unique, so names are.
pub(super) fn container_name(task_id: &str, container: &str) -> String {
    format!("tidegate-{}-{}", file_name(task_id), file_name(container))
}

/// The name of the container that holds a task's network.
pub(super) fn network_name(task_id: &str) -> String {
    format!("tidegate-{}", file_name(task_id))
}

/// The name of a volume that lives as long as its task.
pub(super) fn volume_name(task_id: &str, volume: &str) -> String {
    format!("tidegate-{}-{}", file_name(task_id), file_name(volume))
}

fn namespace() -> String {
    std::fs::read_link("/proc/self/ns/pid").map(|it| it.display().to_string()).unwrap_or_default()
}
