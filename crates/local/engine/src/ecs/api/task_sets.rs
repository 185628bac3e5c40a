//! Task sets: made, described, scaled, made PRIMARY, deleted.
//!
//! AWS has them for services with the EXTERNAL deployment controller, and lets nobody but CodeDeploy's own calls tell
//! whose a `CODE_DEPLOY` service is: so both take them. What follows is the scheduler's to decide.

use tidegate_models::ecs::{
    self, CreateTaskSetRequest, CreateTaskSetResponse, DeleteTaskSetRequest, DeleteTaskSetResponse,
    DeploymentControllerType, DescribeTaskSetsRequest, DescribeTaskSetsResponse, TaskSetField,
    UpdateServicePrimaryTaskSetRequest, UpdateServicePrimaryTaskSetResponse, UpdateTaskSetRequest,
    UpdateTaskSetResponse,
};

use super::{
    SERVICE, deployments,
    descriptions::{self, Tags},
    lookup::{self, invalid},
    services::{configuration, controllers},
    tags,
};
use crate::{
    ApiError, Context, State,
    ecs::{
        records::{Cluster, RevisionTemplate, Scale, Service, TaskSet, TaskSetStatus},
        scheduler,
        task_sets::{self, NewTaskSet},
    },
    engine::Handlers,
};

/// AWS's most task sets of one service.
const MOST: usize = 5;

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateTaskSet", create);
    handlers.read(SERVICE, "DescribeTaskSets", describe);
    handlers.write(SERVICE, "UpdateTaskSet", update);
    handlers.write(SERVICE, "UpdateServicePrimaryTaskSet", make_primary);
    handlers.write(SERVICE, "DeleteTaskSet", delete);
}

fn create(
    state: &mut State,
    context: &Context,
    input: CreateTaskSetRequest,
) -> Result<CreateTaskSetResponse, ApiError> {
    let (cluster, service) = managed(state, context, &input.cluster, &input.service)?;
    let service_arn = service.arn.clone();
    let token = input.client_token.as_ref().map(|token| format!("CreateTaskSet/{service_arn}/{token}"));
    if let Some(made) = token.as_ref().and_then(|token| state.tokens.get(token))
        && service.task_set(made).is_some()
    {
        return Ok(CreateTaskSetResponse { task_set: described(state, &service_arn, made) });
    }
    if service.task_sets.len() >= MOST {
        return Err(invalid(format!(
            "{MOST} deployments exist on the service. Unable to create new TaskSet since this exceeds the maximum limit."
        )));
    }
    let scale = scale(input.scale.as_ref())?;
    let new_tags = tags::checked(input.tags.as_deref())?;
    let (external_id, started_by) = (input.external_id.clone(), None);
    let template = checked_template(state, context, cluster, input)?;

    let id = task_sets::create(
        state,
        &service_arn,
        NewTaskSet { template, scale, external_id, started_by },
        context.now,
    );
    let arn =
        state.services.get(&service_arn).and_then(|service| service.task_set(&id)).map(|it| it.arn.clone());
    if let Some(arn) = arn {
        state.put_tags(&arn, new_tags);
    }
    if let Some(token) = token {
        state.tokens.insert(&token, id.clone());
    }
    Ok(CreateTaskSetResponse { task_set: described(state, &service_arn, &id) })
}

/// What the tasks of a new task set are to be, with everything that is named looked up and checked.
fn checked_template(
    state: &State,
    context: &Context,
    cluster: &Cluster,
    input: CreateTaskSetRequest,
) -> Result<RevisionTemplate, ApiError> {
    let definition = lookup::usable_definition(state, context, &input.task_definition)?;
    let load_balancers = input.load_balancers.unwrap_or_default();
    controllers::check_one_target_group(&load_balancers)?;
    let (launch_type, capacity_provider_strategy) =
        configuration::launch(cluster, input.launch_type, input.capacity_provider_strategy);
    let template = RevisionTemplate {
        task_definition: definition.task_definition_arn.clone().unwrap_or_default(),
        load_balancers,
        network_configuration: input.network_configuration,
        launch_type,
        capacity_provider_strategy,
        platform_version: input.platform_version,
        service_registries: input.service_registries.unwrap_or_default(),
        service_connect_configuration: None,
        volume_configurations: Vec::new(),
        vpc_lattice_configurations: Vec::new(),
    };
    configuration::check_template(state, &template, definition)?;
    Ok(template)
}

fn describe(
    state: &State,
    context: &Context,
    input: DescribeTaskSetsRequest,
) -> Result<DescribeTaskSetsResponse, ApiError> {
    let (_, service) = managed(state, context, &input.cluster, &input.service)?;
    let tags = match input.include {
        Some(include) if include.contains(&TaskSetField::Tags) => Tags::Included,
        _ => Tags::Left,
    };
    let describe = |row: &TaskSet| descriptions::task_set(state, service, row, tags);
    let Some(wanted) = input.task_sets.filter(|wanted| !wanted.is_empty()) else {
        let all = service.task_sets.iter().map(describe).collect();
        return Ok(DescribeTaskSetsResponse { task_sets: Some(all), failures: Some(Vec::new()) });
    };
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for given in wanted {
        match task_set(service, &given) {
            Ok(row) => found.push(describe(row)),
            Err(_) => failures.push(deployments::missing(arn_of(service, &given))),
        }
    }
    Ok(DescribeTaskSetsResponse { task_sets: Some(found), failures: Some(failures) })
}

fn update(
    state: &mut State,
    context: &Context,
    input: UpdateTaskSetRequest,
) -> Result<UpdateTaskSetResponse, ApiError> {
    let (_, service) = managed(state, context, &input.cluster, &input.service)?;
    let id = live_task_set(service, &input.task_set)?.id.clone();
    let service_arn = service.arn.clone();
    let scale = scale(Some(&input.scale))?;
    task_sets::set_scale(state, &service_arn, &id, scale, context.now);
    Ok(UpdateTaskSetResponse { task_set: described(state, &service_arn, &id) })
}

fn make_primary(
    state: &mut State,
    context: &Context,
    input: UpdateServicePrimaryTaskSetRequest,
) -> Result<UpdateServicePrimaryTaskSetResponse, ApiError> {
    let (_, service) = managed(state, context, &input.cluster, &input.service)?;
    let id = live_task_set(service, &input.primary_task_set)?.id.clone();
    let service_arn = service.arn.clone();
    task_sets::set_primary(state, &service_arn, &id, context.now);
    Ok(UpdateServicePrimaryTaskSetResponse { task_set: described(state, &service_arn, &id) })
}

fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteTaskSetRequest,
) -> Result<DeleteTaskSetResponse, ApiError> {
    let (_, service) = managed(state, context, &input.cluster, &input.service)?;
    let row = task_set(service, &input.task_set)?;
    let is_scaled = scheduler::computed_desired_count(service, row) > 0;
    if is_scaled && input.force != Some(true) {
        return Err(invalid("The task set cannot be deleted while it is scaled above 0."));
    }
    let (id, service_arn) = (row.id.clone(), service.arn.clone());
    task_sets::delete(state, &service_arn, &id, context.now);
    Ok(DeleteTaskSetResponse { task_set: described(state, &service_arn, &id) })
}

/// The ACTIVE service that is named, which must be one that has task sets.
fn managed<'a>(
    state: &'a State,
    context: &Context,
    cluster: &str,
    service: &str,
) -> Result<(&'a Cluster, &'a Service), ApiError> {
    let cluster = lookup::cluster(state, context, Some(cluster))?;
    let service = lookup::active_service(state, cluster, service)?;
    match service.controller {
        DeploymentControllerType::Ecs => Err(invalid(
            "Amazon ECS only supports task set management on services configured to use external deployment controllers.",
        )),
        DeploymentControllerType::CodeDeploy | DeploymentControllerType::External => Ok((cluster, service)),
    }
}

/// The task set that `given` names: by id or by ARN.
fn task_set<'a>(service: &'a Service, given: &str) -> Result<&'a TaskSet, ApiError> {
    let mut task_sets = service.task_sets.iter();
    task_sets
        .find(|task_set| task_set.id == given || task_set.arn == given)
        .ok_or_else(|| ApiError::new("TaskSetNotFoundException", "The specified task set was not found."))
}

/// [`task_set`], which must not be DRAINING.
fn live_task_set<'a>(service: &'a Service, given: &str) -> Result<&'a TaskSet, ApiError> {
    let found = task_set(service, given)?;
    match found.status {
        TaskSetStatus::Draining => Err(invalid(format!("The task set {} is DRAINING.", found.id))),
        TaskSetStatus::Primary | TaskSetStatus::Active => Ok(found),
    }
}

fn arn_of(service: &Service, given: &str) -> String {
    if given.starts_with("arn:") {
        given.to_owned()
    } else {
        format!("{}/{given}", service.arn.replacen(":service/", ":task-set/", 1))
    }
}

/// A scale as given; AWS's default is 0 %.
fn scale(given: Option<&ecs::Scale>) -> Result<Scale, ApiError> {
    let percent = given.and_then(|scale| scale.value).unwrap_or(0.0);
    Scale::percent(percent).ok_or_else(|| invalid("The scale value must be between 0 and 100."))
}

fn described(state: &State, service_arn: &str, id: &str) -> Option<ecs::TaskSet> {
    let service = state.services.get(service_arn)?;
    Some(descriptions::task_set(state, service, service.task_set(id)?, Tags::Included))
}
