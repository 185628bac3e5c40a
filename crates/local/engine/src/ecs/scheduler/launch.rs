//! A new task: its row, and the effect that starts it.
//!
//! It is the one place that makes tasks, for services and for `RunTask` alike. It must never decide whether a task is
//! wanted. Start at [`create_task`].

use std::collections::BTreeMap;

use tidegate_models::{Timestamp, ecs};

use super::targets::cluster_resource;
use crate::{
    Effect, State,
    ecs::records::{
        ContainerStatus, RevisionTemplate, Service, Task, TaskContainer, TaskDefinition, TaskLaunch,
        TaskOwner, TaskStatus, TaskTimes,
    },
    state::Subject,
};

/// What a new task is made from.
#[derive(Clone, Debug)]
pub(crate) struct NewTask {
    /// The ARN of the cluster that it runs in.
    pub(crate) cluster_arn: String,
    /// The ARN of its task definition's revision, which must exist.
    pub(crate) task_definition: String,
    /// Who wants it.
    pub(crate) owner: TaskOwner,
    /// As given to `RunTask`.
    pub(crate) overrides: Option<ecs::TaskOverride>,
    /// Members that are only described.
    pub(crate) launch: TaskLaunch,
}

/// Makes a task and asks for it to be started. Answers its ARN.
pub(crate) fn create_task(state: &mut State, new: NewTask, now: Timestamp) -> String {
    let id = state.ids.hex(32);
    let arn = format!("{}/{id}", cluster_resource(&new.cluster_arn, "task"));
    let containers = containers(state, &new, &id);
    let service = match &new.owner {
        TaskOwner::Service { service_arn, .. } => Some(service_arn.clone()),
        TaskOwner::Standalone { .. } => None,
    };
    let task = Task {
        arn: arn.clone(),
        cluster_arn: new.cluster_arn,
        task_definition: new.task_definition,
        owner: new.owner,
        last_status: TaskStatus::Provisioning,
        stop: None,
        health: ecs::HealthStatus::Unknown,
        containers,
        address: None,
        targets: Vec::new(),
        times: TaskTimes { created_at: now, ..TaskTimes::default() },
        version: 1,
        overrides: new.overrides,
        launch: new.launch,
        was_healthy: false,
        counted_failed: false,
    };
    state.tasks.insert(&arn, task);
    state.effect(Effect::StartTask(arn.clone()));
    if let Some(service) = service {
        state.touch(Subject::Service(service));
    }
    arn
}

/// The tags of the tasks that a service starts: those of what they are propagated from, and those that ECS manages.
pub(super) fn tags_of_tasks(
    state: &State,
    service: &Service,
    task_definition: &str,
) -> BTreeMap<String, String> {
    let propagated = match service.echo.propagate_tags {
        Some(ecs::PropagateTags::Service) => state.tags.get(&service.arn),
        Some(ecs::PropagateTags::TaskDefinition) => state.tags.get(task_definition),
        Some(ecs::PropagateTags::None) | None => None,
    };
    let mut tags = propagated.cloned().unwrap_or_default();
    if service.echo.enable_ecs_managed_tags {
        tags.extend(managed_tags(&service.cluster_arn));
        tags.insert("aws:ecs:serviceName".to_owned(), service.name.clone());
    }
    tags
}

/// The tags that ECS manages on every task of a cluster.
pub(crate) fn managed_tags(cluster_arn: &str) -> BTreeMap<String, String> {
    let cluster = cluster_arn.rsplit('/').next().unwrap_or(cluster_arn);
    BTreeMap::from([("aws:ecs:clusterName".to_owned(), cluster.to_owned())])
}

/// What is described of where a task of `template` runs.
pub(crate) fn launch_of(
    state: &mut State,
    template: &RevisionTemplate,
    enable_execute_command: bool,
) -> TaskLaunch {
    let provider = template.capacity_provider_strategy.first().map(|item| item.capacity_provider.clone());
    let launch_type = match (&provider, template.launch_type) {
        (Some(provider), _) if provider.starts_with("FARGATE") => ecs::LaunchType::Fargate,
        (Some(_), _) | (None, None) => ecs::LaunchType::Ec2,
        (None, Some(given)) => given,
    };
    let on_fargate = launch_type == ecs::LaunchType::Fargate;
    let awsvpc =
        template.network_configuration.as_ref().and_then(|network| network.awsvpc_configuration.as_ref());
    TaskLaunch {
        launch_type: Some(launch_type),
        capacity_provider_name: provider,
        platform_version: on_fargate.then(|| platform_version(template.platform_version.as_deref())),
        attachment_id: awsvpc.map(|_| state.ids.uuid()),
        subnet_id: awsvpc.and_then(|awsvpc| awsvpc.subnets.first().cloned()),
        enable_execute_command,
    }
}

/// What LATEST means to this version of the local cloud: Fargate's Linux platform.
fn platform_version(asked: Option<&str>) -> String {
    match asked {
        None | Some("LATEST") => "1.4.0".to_owned(),
        Some(version) => version.to_owned(),
    }
}

fn containers(state: &mut State, new: &NewTask, task_id: &str) -> Vec<TaskContainer> {
    let Some(key) = definition_key(&new.task_definition) else { return Vec::new() };
    let Some(definition) = state.task_definitions.get(&key) else { return Vec::new() };
    let arn = cluster_resource(&new.cluster_arn, "container");
    let container = |definition: &ecs::ContainerDefinition| {
        let image = definition.image.clone().unwrap_or_default();
        TaskContainer {
            arn: format!("{arn}/{task_id}/{}", state.ids.uuid()),
            name: definition.name.clone().unwrap_or_default(),
            image_digest: digest_of(&image),
            image,
            runtime_id: None,
            status: ContainerStatus::Pending,
            health: ecs::HealthStatus::Unknown,
            has_health_check: definition.health_check.is_some(),
            essential: definition.essential.unwrap_or(true),
            exit_code: None,
            reason: None,
            bindings: Vec::new(),
        }
    };
    definition.document.container_definitions.iter().flatten().map(container).collect()
}

/// The key of the row of the task definition with this ARN.
pub(crate) fn definition_key(arn: &str) -> Option<String> {
    let (family, revision) = arn.rsplit_once(':')?;
    Some(TaskDefinition::key(family, revision.parse().ok()?))
}

/// The digest that an image is given by.
pub(super) fn digest_of(image: &str) -> Option<String> {
    image.split_once('@').map(|(_, digest)| digest.to_owned())
}
