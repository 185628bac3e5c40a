//! Finds what a request names: by name or by ARN, in the caller's account and region only.

use tidegate_models::ecs::{self, Tag, TaskDefinitionStatus};

use crate::{
    ApiError, Context, State,
    ecs::records::{Cluster, Service, ServiceStatus, Task, TaskDefinition},
};

/// `InvalidParameterException`
pub(super) fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::new("InvalidParameterException", message)
}

/// `ClientException`
pub(super) fn client(message: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::new("ClientException", message)
}

/// The ARN of the cluster that `given` names; `default` when nothing is given.
pub(super) fn cluster_arn(context: &Context, given: Option<&str>) -> String {
    match given.filter(|given| !given.is_empty()) {
        Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
        Some(name) => context.scope.arn("ecs", format_args!("cluster/{name}")),
        None => context.scope.arn("ecs", "cluster/default"),
    }
}

/// The ACTIVE cluster that `given` names.
pub(super) fn cluster<'a>(
    state: &'a State,
    context: &Context,
    given: Option<&str>,
) -> Result<&'a Cluster, ApiError> {
    let arn = cluster_arn(context, given);
    own(context, &arn)
        .then(|| state.clusters.get(&arn))
        .flatten()
        .filter(|cluster| cluster.active)
        .ok_or_else(|| ApiError::new("ClusterNotFoundException", "Cluster not found."))
}

/// Whether an ARN is of the caller's account and region.
pub(super) fn own(context: &Context, arn: &str) -> bool {
    let mut parts = arn.split(':').skip(3);
    parts.next() == Some(&context.scope.region) && parts.next() == Some(&context.scope.account)
}

/// The ARN of a service of a cluster: given by name, by its ARN, or by its short ARN without the cluster.
pub(super) fn service_arn(cluster: &Cluster, given: &str) -> String {
    let name = given.rsplit('/').next().unwrap_or(given);
    format!("{}/{name}", cluster.arn.replacen(":cluster/", ":service/", 1))
}

/// The service that `given` names, whatever its status.
pub(super) fn service<'a>(state: &'a State, cluster: &Cluster, given: &str) -> Result<&'a Service, ApiError> {
    let arn = service_arn(cluster, given);
    let is_named = match given.split_once(":service/") {
        // The short form of an ARN has no cluster in it; the long form must be this cluster's.
        Some((_, resource)) if given.starts_with("arn:") => !resource.contains('/') || given == arn,
        _ => true,
    };
    state
        .services
        .get(&arn)
        .filter(|_| is_named)
        .ok_or_else(|| ApiError::new("ServiceNotFoundException", "Service not found."))
}

/// The ACTIVE service that `given` names.
pub(super) fn active_service<'a>(
    state: &'a State,
    cluster: &Cluster,
    given: &str,
) -> Result<&'a Service, ApiError> {
    let service = service(state, cluster, given)?;
    match service.status {
        ServiceStatus::Active => Ok(service),
        _ => Err(ApiError::new("ServiceNotActiveException", "Service was not ACTIVE.")),
    }
}

/// The task that `given` names: by id or by ARN.
pub(super) fn task<'a>(state: &'a State, cluster: &Cluster, given: &str) -> Option<&'a Task> {
    let id = given.rsplit('/').next().unwrap_or(given);
    let arn = format!("{}/{id}", cluster.arn.replacen(":cluster/", ":task/", 1));
    state.tasks.get(&arn)
}

/// The key of the revision that `given` names: `family`, `family:revision` or an ARN. A family is its latest ACTIVE
/// revision.
pub(super) fn definition_key(state: &State, context: &Context, given: &str) -> Option<String> {
    let name = match given.strip_prefix("arn:") {
        Some(_) if !own(context, given) => return None,
        Some(_) => given.split_once(":task-definition/")?.1,
        None => given,
    };
    match name.split_once(':') {
        Some((family, revision)) => {
            let key = TaskDefinition::key(&family_key(context, family), revision.parse().ok()?);
            state.task_definitions.contains(&key).then_some(key)
        }
        None => latest_active(state, &family_key(context, name)),
    }
}

/// The key of a family.
pub(super) fn family_key(context: &Context, family: &str) -> String {
    TaskDefinition::family_key(&context.scope, family)
}

fn latest_active(state: &State, family_key: &str) -> Option<String> {
    let prefix = format!("{family_key}:");
    let active = state.task_definitions.with_prefix(&prefix).filter(|(_, row)| is_active(row));
    active.map(|(key, _)| key.to_owned()).last()
}

/// Whether a revision may be used.
pub(super) fn is_active(row: &TaskDefinition) -> bool {
    row.document.status == Some(TaskDefinitionStatus::Active)
}

/// The revision that a service or task is to run.
pub(super) fn usable_definition<'a>(
    state: &'a State,
    context: &Context,
    given: &str,
) -> Result<&'a ecs::TaskDefinition, ApiError> {
    let row = definition_key(state, context, given).and_then(|key| state.task_definitions.get(&key));
    match row {
        Some(row) if is_active(row) => Ok(&row.document),
        Some(_) => Err(client("TaskDefinition is inactive")),
        None => Err(client("TaskDefinition not found.")),
    }
}

/// Tags as AWS answers them.
pub(super) fn tags_of(state: &State, arn: &str) -> Vec<Tag> {
    let tags = state.tags.get(arn).into_iter().flatten();
    tags.map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}
