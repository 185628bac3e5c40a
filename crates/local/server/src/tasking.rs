//! Between the engine's tasks and the runtime's: what to start, and what happened.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use tidegate_engine::{
    Event, Scope, State, TaskChange, Timestamp,
    ecr::token::{self, Token},
    ecs::{
        Injected,
        records::{Task, TaskDefinition, TaskOwner},
        resources,
    },
};
use tidegate_models::{Secret, ecs};
use tidegate_tasks::{
    ContainerSecret, NetworkBinding, RegistryImage, Runtime, StopCause, TaskEvent, TaskSpec,
};

use crate::registry::{self, Found};

/// The ARNs of the tasks that the runtime knows by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct TaskNames(Arc<RwLock<HashMap<String, Named>>>);

/// What is remembered of a task.
#[derive(Clone, Debug)]
struct Named {
    arn: String,
    definition: String,
}

impl TaskNames {
    /// Remembers a task that the runtime is about to be told of.
    pub(crate) fn remember(&self, spec: &TaskSpec) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let definition = spec.definition.task_definition_arn.clone().unwrap_or_default();
        names.insert(spec.task_id.clone(), Named { arn: spec.task_arn.clone(), definition });
    }

    /// The ARN of the task definition of the task with this id.
    pub(crate) fn definition(&self, id: &str) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).map(|named| named.definition.clone())
    }

    /// What the engine is to be told of `event`; `None` when the task is not known, or not any more.
    pub(crate) fn translate(&self, event: TaskEvent) -> Option<Event> {
        let id = event.task_id().to_owned();
        let task = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id)?.arn.clone();
        if matches!(event, TaskEvent::Stopped { .. }) {
            self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        }
        Some(Event::Task { task, change: change(event) })
    }
}

/// The id in a task's ARN.
pub(crate) fn id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// What the runtime needs to start a task, or why it cannot start, in ECS's words; `None` when the state does not have it.
pub(crate) fn begin(state: &State, arn: &str, runtime: &Runtime) -> Option<Result<TaskSpec, String>> {
    let spec = spec(state, arn)?;
    if runtime.needs_images()
        && let Some(reason) = images(state, arn, &spec).find_map(|(_, found)| found.err())
    {
        return Some(Err(reason));
    }
    Some(resources(state, arn).map(|_| spec))
}

/// What the runtime needs to run a task; `None` when the state does not have it. One that runs already may have secrets
/// that are not there any more: it has them.
pub(crate) fn spec(state: &State, arn: &str) -> Option<TaskSpec> {
    let task = state.tasks.get(arn)?;
    let definition = state.task_definitions.get(&definition_key(&task.task_definition)?)?;
    let mut spec = TaskSpec {
        task_id: id(arn).to_owned(),
        task_arn: arn.to_owned(),
        cluster: id(&task.cluster_arn).to_owned(),
        definition: Arc::clone(&definition.document),
        overrides: task.overrides.clone(),
        environment: Vec::new(),
        secrets: resources(state, arn).unwrap_or_default().into_iter().map(secret).collect(),
        image_digests: image_digests(state, task),
        registry_images: BTreeMap::new(),
        group: group(task),
        region: arn.split(':').nth(3).unwrap_or_default().to_owned(),
    };
    let found = images(state, arn, &spec).filter_map(|(container, found)| Some((container, found.ok()?)));
    spec.registry_images = found.map(|(container, found)| (container, registry_image(found))).collect();
    Some(spec)
}

/// The images of the task that the cloud's own registry should have, by container: where they are, or why they cannot be
/// pulled.
fn images(
    state: &State,
    arn: &str,
    spec: &TaskSpec,
) -> impl Iterator<Item = (String, Result<Found, String>)> {
    let scope = Scope::of_arn(arn);
    spec.definition.container_definitions.iter().flatten().filter_map(move |container| {
        let name = container.name.clone()?;
        let fixed = spec.image_digests.get(&name).map(String::as_str);
        Some((name, registry::image(state, &scope, container.image.as_deref()?, fixed)?))
    })
}

fn registry_image(found: Found) -> RegistryImage {
    // It is this cloud's own, given to nobody but the daemon.
    let token = Token::new(found.scope, Timestamp::from_millis(i64::MAX));
    RegistryImage {
        repository: found.repository,
        digest: found.digest,
        user: token::USER.to_owned(),
        password: Secret::new(token.password()),
    }
}

fn secret(injected: Injected) -> ContainerSecret {
    ContainerSecret { container: injected.container, name: injected.name, value: injected.value }
}

/// The digests that the task's deployment has fixed: every task of it runs the same bytes, wherever a tag moves.
fn image_digests(state: &State, task: &Task) -> BTreeMap<String, String> {
    let TaskOwner::Service { revision_arn, .. } = &task.owner else { return BTreeMap::new() };
    let images =
        state.service_revisions.get(revision_arn).map(|revision| revision.container_images.as_slice());
    let fixed = images.unwrap_or_default().iter();
    fixed.filter_map(|image| Some((image.container_name.clone()?, image.image_digest.clone()?))).collect()
}

fn group(task: &Task) -> String {
    match &task.owner {
        TaskOwner::Service { service_arn, .. } => format!("service:{}", id(service_arn)),
        TaskOwner::Standalone { group, .. } => group.clone(),
    }
}

fn definition_key(arn: &str) -> Option<String> {
    let (family, revision) = arn.rsplit_once(':')?;
    Some(TaskDefinition::key(family, revision.parse().ok()?))
}

/// What an event of the runtime means for the engine.
pub(crate) fn change(event: TaskEvent) -> TaskChange {
    match event {
        TaskEvent::NetworkReady { address, bindings, .. } => {
            TaskChange::NetworkReady { address, bindings: bindings.into_iter().map(binding).collect() }
        }
        TaskEvent::PullStarted { .. } => TaskChange::PullStarted,
        TaskEvent::PullStopped { .. } => TaskChange::PullStopped,
        TaskEvent::ContainerStarted { container, runtime_id, image_digest, .. } => {
            TaskChange::ContainerStarted { container, runtime_id, image_digest }
        }
        TaskEvent::ContainerHealth { container, status, .. } => {
            TaskChange::ContainerHealth { container, health: status }
        }
        TaskEvent::ContainerStopped { container, exit_code, reason, .. } => {
            TaskChange::ContainerStopped { container, exit_code, reason }
        }
        TaskEvent::Running { .. } => TaskChange::Running,
        TaskEvent::Stopped { code, reason, .. } => TaskChange::Stopped { cause: cause(code), reason },
    }
}

fn cause(cause: StopCause) -> tidegate_engine::StopCause {
    match cause {
        StopCause::Requested => tidegate_engine::StopCause::Requested,
        StopCause::EssentialContainerExited => tidegate_engine::StopCause::EssentialContainerExited,
        StopCause::TaskFailedToStart => tidegate_engine::StopCause::TaskFailedToStart,
    }
}

fn binding(bound: NetworkBinding) -> (String, ecs::NetworkBinding) {
    let binding = ecs::NetworkBinding {
        bind_ip: Some(bound.bind_ip.to_string()),
        container_port: Some(i32::from(bound.container_port)),
        host_port: Some(i32::from(bound.host_port)),
        protocol: Some(bound.protocol),
        ..ecs::NetworkBinding::default()
    };
    (bound.container, binding)
}
