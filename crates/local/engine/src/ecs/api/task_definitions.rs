//! Task definitions: revisions of families.

use std::collections::BTreeMap;

use tidegate_models::ecs::{
    self, Compatibility, ContainerDefinition, DeleteTaskDefinitionsRequest, DeleteTaskDefinitionsResponse,
    DeregisterTaskDefinitionRequest, DeregisterTaskDefinitionResponse, DescribeTaskDefinitionRequest,
    DescribeTaskDefinitionResponse, Failure, ListTaskDefinitionFamiliesRequest,
    ListTaskDefinitionFamiliesResponse, ListTaskDefinitionsRequest, ListTaskDefinitionsResponse, NetworkMode,
    RegisterTaskDefinitionRequest, RegisterTaskDefinitionResponse, SortOrder, TaskDefinitionFamilyStatus,
    TaskDefinitionField, TaskDefinitionStatus, TransportProtocol,
};

use super::{
    SERVICE,
    lookup::{self, client, invalid},
    tags, task_rules,
};
use crate::{ApiError, Context, State, ecs::records::TaskDefinition, engine::Handlers, page};

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "RegisterTaskDefinition", register_revision);
    handlers.read(SERVICE, "DescribeTaskDefinition", describe);
    handlers.read(SERVICE, "ListTaskDefinitions", list);
    handlers.read(SERVICE, "ListTaskDefinitionFamilies", list_families);
    handlers.write(SERVICE, "DeregisterTaskDefinition", deregister);
    handlers.write(SERVICE, "DeleteTaskDefinitions", delete);
}

/// AWS's most revisions in one DeleteTaskDefinitions.
const MOST_DELETED: usize = 10;

fn register_revision(
    state: &mut State,
    context: &Context,
    input: RegisterTaskDefinitionRequest,
) -> Result<RegisterTaskDefinitionResponse, ApiError> {
    task_rules::check(&input)?;
    let tags = tags::checked(input.tags.as_deref())?;
    let family_key = lookup::family_key(context, &input.family);
    // Numbers are never given twice, also not after a deletion.
    let revision = state.families.get(&family_key).copied().unwrap_or(0) + 1;
    let arn = format!("{family_key}:{revision}");
    let document = document(input, revision, &arn, context);
    state.families.insert(&family_key, revision);
    state
        .task_definitions
        .insert(&TaskDefinition::key(&family_key, revision), TaskDefinition { document: document.clone() });
    state.put_tags(&arn, tags);
    let tags = lookup::tags_of(state, &arn);
    Ok(RegisterTaskDefinitionResponse {
        task_definition: Some(document),
        tags: (!tags.is_empty()).then_some(tags),
    })
}

/// What AWS makes of a request: the same, with its defaults.
fn document(
    input: RegisterTaskDefinitionRequest,
    revision: u32,
    arn: &str,
    context: &Context,
) -> ecs::TaskDefinition {
    let network_mode = input.network_mode;
    let containers =
        input.container_definitions.into_iter().map(|container| with_defaults(container, network_mode));
    let mut compatibilities = vec![Compatibility::Ec2];
    if network_mode == Some(NetworkMode::Awsvpc) {
        compatibilities.push(Compatibility::Fargate);
    }
    ecs::TaskDefinition {
        task_definition_arn: Some(arn.to_owned()),
        family: Some(input.family),
        revision: i32::try_from(revision).ok(),
        status: Some(TaskDefinitionStatus::Active),
        container_definitions: Some(containers.collect()),
        task_role_arn: input.task_role_arn,
        execution_role_arn: input.execution_role_arn,
        network_mode,
        volumes: Some(input.volumes.unwrap_or_default()),
        placement_constraints: Some(input.placement_constraints.unwrap_or_default()),
        requires_attributes: Some(required_attributes(network_mode)),
        compatibilities: Some(compatibilities),
        requires_compatibilities: input.requires_compatibilities,
        runtime_platform: input.runtime_platform,
        cpu: input.cpu,
        memory: input.memory,
        inference_accelerators: input.inference_accelerators,
        pid_mode: input.pid_mode,
        ipc_mode: input.ipc_mode,
        proxy_configuration: input.proxy_configuration,
        ephemeral_storage: input.ephemeral_storage,
        enable_fault_injection: input.enable_fault_injection,
        trusted_execution_configuration: input.trusted_execution_configuration,
        registered_at: Some(context.now),
        registered_by: Some(format!("arn:aws:iam::{}:root", context.scope.account)),
        ..ecs::TaskDefinition::default()
    }
}

fn with_defaults(
    mut container: ContainerDefinition,
    network_mode: Option<NetworkMode>,
) -> ContainerDefinition {
    container.cpu.get_or_insert(0);
    container.essential.get_or_insert(true);
    container.environment.get_or_insert_default();
    container.mount_points.get_or_insert_default();
    container.volumes_from.get_or_insert_default();
    container.system_controls.get_or_insert_default();
    for mapping in container.port_mappings.get_or_insert_default() {
        mapping.protocol.get_or_insert(TransportProtocol::Tcp);
        let own = matches!(network_mode, Some(NetworkMode::Awsvpc | NetworkMode::Host));
        if mapping.host_port.is_none() {
            mapping.host_port = if own { mapping.container_port } else { Some(0) };
        }
    }
    if let Some(check) = &mut container.health_check {
        check.interval.get_or_insert(30);
        check.timeout.get_or_insert(5);
        check.retries.get_or_insert(3);
    }
    container
}

fn required_attributes(network_mode: Option<NetworkMode>) -> Vec<ecs::Attribute> {
    let mut names = vec!["com.amazonaws.ecs.capability.docker-remote-api.1.18"];
    if network_mode == Some(NetworkMode::Awsvpc) {
        names.push("ecs.capability.task-eni");
    }
    names
        .into_iter()
        .map(|name| ecs::Attribute { name: name.to_owned(), ..ecs::Attribute::default() })
        .collect()
}

fn describe(
    state: &State,
    context: &Context,
    input: DescribeTaskDefinitionRequest,
) -> Result<DescribeTaskDefinitionResponse, ApiError> {
    let row = lookup::definition_key(state, context, &input.task_definition)
        .and_then(|key| state.task_definitions.get(&key));
    let row = row.ok_or_else(|| client("Unable to describe task definition."))?;
    let with_tags = input.include.is_some_and(|include| include.contains(&TaskDefinitionField::Tags));
    let arn = row.document.task_definition_arn.as_deref().unwrap_or_default();
    Ok(DescribeTaskDefinitionResponse {
        task_definition: Some(row.document.clone()),
        tags: with_tags.then(|| lookup::tags_of(state, arn)),
    })
}

fn list(
    state: &State,
    context: &Context,
    input: ListTaskDefinitionsRequest,
) -> Result<ListTaskDefinitionsResponse, ApiError> {
    let prefix = match &input.family_prefix {
        // The whole name of a family, in spite of the member's name.
        Some(family) => lookup::family_key(context, family) + ":",
        None => lookup::family_key(context, ""),
    };
    let wanted = input.status.unwrap_or(TaskDefinitionStatus::Active);
    let found =
        state.task_definitions.with_prefix(&prefix).filter(|(_, row)| row.document.status == Some(wanted));
    let arns = found.map(|(key, row)| (key, row.document.task_definition_arn.clone().unwrap_or_default()));
    let limit = limit(input.max_results);
    let token = input.next_token.as_deref();
    let page = if input.sort == Some(SortOrder::Desc) {
        let mut arns: Vec<_> = arns.collect();
        arns.reverse();
        let arns = arns.into_iter().map(|(_, arn)| arn);
        page::page_in_order(arns, "ListTaskDefinitions-DESC", token, limit, || invalid("Invalid token"))?
    } else {
        page::page(arns, "ListTaskDefinitions", token, limit, || invalid("Invalid token"))?
    };
    Ok(ListTaskDefinitionsResponse { task_definition_arns: Some(page.items), next_token: page.next })
}

fn list_families(
    state: &State,
    context: &Context,
    input: ListTaskDefinitionFamiliesRequest,
) -> Result<ListTaskDefinitionFamiliesResponse, ApiError> {
    let prefix = lookup::family_key(context, input.family_prefix.as_deref().unwrap_or_default());
    let mut families: BTreeMap<String, bool> = BTreeMap::new();
    for (_, row) in state.task_definitions.with_prefix(&prefix) {
        let active = families.entry(row.document.family.clone().unwrap_or_default()).or_default();
        *active |= lookup::is_active(row);
    }
    let wanted = |active: bool| match input.status {
        Some(TaskDefinitionFamilyStatus::Active) => active,
        Some(TaskDefinitionFamilyStatus::Inactive) => !active,
        Some(TaskDefinitionFamilyStatus::All) | None => true,
    };
    let items = families
        .iter()
        .filter(|(_, active)| wanted(**active))
        .map(|(family, _)| (family.as_str(), family.clone()));
    let token = input.next_token.as_deref();
    let page = page::page(items, "ListTaskDefinitionFamilies", token, limit(input.max_results), || {
        invalid("Invalid token")
    })?;
    Ok(ListTaskDefinitionFamiliesResponse { families: Some(page.items), next_token: page.next })
}

fn deregister(
    state: &mut State,
    context: &Context,
    input: DeregisterTaskDefinitionRequest,
) -> Result<DeregisterTaskDefinitionResponse, ApiError> {
    if !input.task_definition.contains(':') {
        return Err(client("Invalid revision number. A revision must be named to be deregistered."));
    }
    let key = lookup::definition_key(state, context, &input.task_definition)
        .ok_or_else(|| client("The specified task definition does not exist."))?;
    let document = state.task_definitions.update(&key, |row| {
        if row.document.status == Some(TaskDefinitionStatus::Active) {
            row.document.status = Some(TaskDefinitionStatus::Inactive);
            row.document.deregistered_at = Some(context.now);
        }
        row.document.clone()
    });
    Ok(DeregisterTaskDefinitionResponse { task_definition: document })
}

fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteTaskDefinitionsRequest,
) -> Result<DeleteTaskDefinitionsResponse, ApiError> {
    if input.task_definitions.len() > MOST_DELETED {
        return Err(invalid(format!("taskDefinitions can have at most {MOST_DELETED} items.")));
    }
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for given in input.task_definitions {
        let key = lookup::definition_key(state, context, &given).filter(|_| given.contains(':'));
        let status = key.as_ref().and_then(|key| state.task_definitions.get(key)?.document.status);
        let refused = match status {
            None => Some("The specified task definition does not exist."),
            Some(TaskDefinitionStatus::Active) => Some(
                "The specified task definition is still in ACTIVE status. Please deregister the target and try again.",
            ),
            Some(_) => None,
        };
        match (refused, key) {
            (None, Some(key)) => deleted.extend(state.task_definitions.update(&key, |row| {
                row.document.status = Some(TaskDefinitionStatus::DeleteInProgress);
                row.document.delete_requested_at = Some(context.now);
                row.document.clone()
            })),
            (reason, _) => {
                failures.push(Failure { arn: Some(given), reason: reason.map(str::to_owned), detail: None })
            }
        }
    }
    Ok(DeleteTaskDefinitionsResponse { task_definitions: Some(deleted), failures: Some(failures) })
}

fn limit(asked: Option<i32>) -> usize {
    asked.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0).unwrap_or(100).min(100)
}
