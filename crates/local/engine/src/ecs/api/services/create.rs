//! CreateService.

use tidegate_models::{
    Timestamp,
    ecs::{CreateServiceRequest, CreateServiceResponse, DeploymentControllerType, SchedulingStrategy},
};

use super::{
    super::{
        descriptions::{self, Tags},
        lookup::{self, invalid},
        tags,
    },
    configuration, controllers,
};
use crate::{
    ApiError, Context, State,
    ecs::{
        records::{Cluster, RevisionTemplate, Scale, Service, ServiceEcho, ServiceStatus},
        scheduler,
        task_sets::{self, NewTaskSet},
    },
};

pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateServiceRequest,
) -> Result<CreateServiceResponse, ApiError> {
    let cluster = lookup::cluster(state, context, input.cluster.as_deref())?.clone();
    check_name(&input.service_name)?;
    let arn = lookup::service_arn(&cluster, &input.service_name);
    let token = input.client_token.as_ref().map(|token| format!("CreateService/{}/{token}", cluster.arn));
    if let Some(made) = token.as_ref().and_then(|token| state.tokens.get(token))
        && let Some(service) = state.services.get(made)
    {
        return Ok(CreateServiceResponse {
            service: Some(descriptions::service(state, service, Tags::Included)),
        });
    }
    match state.services.get(&arn).map(|service| service.status) {
        Some(ServiceStatus::Active) => return Err(invalid("Creation of service was not idempotent.")),
        Some(ServiceStatus::Draining) => {
            return Err(invalid("Unable to Start a service that is still Draining."));
        }
        Some(ServiceStatus::Inactive) | None => {}
    }
    let tags = tags::checked(input.tags.as_deref())?;
    let service = checked(state, context, &cluster, &arn, input)?;

    // What stood under the name before: a deleted service.
    scheduler::forget_history(state, &arn);
    state.services.insert(&arn, service);
    state.put_tags(&arn, tags);
    if let Some(token) = token {
        state.tokens.insert(&token, arn.clone());
    }
    start(state, &arn, context.now);
    let service =
        state.services.get(&arn).map(|service| descriptions::service(state, service, Tags::Included));
    Ok(CreateServiceResponse { service })
}

/// Starts what a new service runs: the first deployment, or the first task set, which is PRIMARY from the start. With the
/// EXTERNAL controller that is for others to do.
fn start(state: &mut State, arn: &str, now: Timestamp) {
    let Some(service) = state.services.get(arn) else { return };
    match service.controller {
        DeploymentControllerType::Ecs => {
            scheduler::start_deployment(state, arn, now);
        }
        DeploymentControllerType::CodeDeploy => {
            let template = service.template.clone();
            let first = NewTaskSet { template, scale: Scale::FULL, external_id: None, started_by: None };
            let id = task_sets::create(state, arn, first, now);
            task_sets::set_primary(state, arn, &id, now);
        }
        DeploymentControllerType::External => {}
    }
}

/// The new service's row, with everything that it names looked up and checked.
fn checked(
    state: &State,
    context: &Context,
    cluster: &Cluster,
    arn: &str,
    input: CreateServiceRequest,
) -> Result<Service, ApiError> {
    let controller =
        input.deployment_controller.as_ref().map_or(DeploymentControllerType::Ecs, |given| given.r#type);
    let scheduling = input.scheduling_strategy.unwrap_or(SchedulingStrategy::Replica);
    let desired_count = match (scheduling, input.desired_count) {
        (SchedulingStrategy::Daemon, Some(_)) => {
            return Err(invalid(
                "The daemon scheduling strategy does not support a desired count for services.",
            ));
        }
        (SchedulingStrategy::Daemon, None) => 0,
        (SchedulingStrategy::Replica, given) => u32::try_from(given.unwrap_or(0))
            .map_err(|_| invalid("desiredCount must be greater than or equal to 0."))?,
    };
    controllers::check_new(controller, scheduling, &input)?;
    let deployment_configuration =
        configuration::filled(input.deployment_configuration.clone(), scheduling, controller);
    controllers::check_configuration(&deployment_configuration, controller)?;
    configuration::check(&deployment_configuration, scheduling)?;
    configuration::check_alarms(state, &context.scope, &deployment_configuration)?;
    let template = match controller {
        DeploymentControllerType::External => nothing_to_run(),
        DeploymentControllerType::Ecs | DeploymentControllerType::CodeDeploy => {
            checked_template(state, context, cluster, &input)?
        }
    };
    configuration::check_turns(state, &template, &deployment_configuration)?;
    Ok(Service {
        arn: arn.to_owned(),
        name: input.service_name,
        cluster_arn: cluster.arn.clone(),
        status: ServiceStatus::Active,
        desired_count,
        scheduling_strategy: scheduling,
        controller,
        template,
        deployment_configuration,
        health_check_grace_period_seconds: grace_period(input.health_check_grace_period_seconds)?,
        deployments: Vec::new(),
        task_sets: Vec::new(),
        last_completed: None,
        current_service_deployment: None,
        created_at: context.now,
        deleted_at: None,
        steady_since: None,
        standing: Vec::new(),
        echo: ServiceEcho {
            role_arn: input.role,
            created_by: Some(format!("arn:aws:iam::{}:root", context.scope.account)),
            placement_constraints: input.placement_constraints.unwrap_or_default(),
            placement_strategy: input.placement_strategy.unwrap_or_default(),
            enable_ecs_managed_tags: input.enable_ecs_managed_tags == Some(true),
            propagate_tags: input.propagate_tags,
            enable_execute_command: input.enable_execute_command == Some(true),
            availability_zone_rebalancing: input.availability_zone_rebalancing,
        },
    })
}

/// What the service's tasks are to be, with everything that is named looked up and checked.
fn checked_template(
    state: &State,
    context: &Context,
    cluster: &Cluster,
    input: &CreateServiceRequest,
) -> Result<RevisionTemplate, ApiError> {
    let Some(definition) = input.task_definition.as_deref() else {
        return Err(invalid("TaskDefinition can not be blank."));
    };
    let definition = lookup::usable_definition(state, context, definition)?;
    let (launch_type, capacity_provider_strategy) =
        configuration::launch(cluster, input.launch_type, input.capacity_provider_strategy.clone());
    let template = RevisionTemplate {
        task_definition: definition.task_definition_arn.clone().unwrap_or_default(),
        load_balancers: input.load_balancers.clone().unwrap_or_default(),
        network_configuration: input.network_configuration.clone(),
        launch_type,
        capacity_provider_strategy,
        platform_version: input.platform_version.clone(),
        service_registries: input.service_registries.clone().unwrap_or_default(),
        service_connect_configuration: input.service_connect_configuration.clone(),
        volume_configurations: input.volume_configurations.clone().unwrap_or_default(),
        vpc_lattice_configurations: input.vpc_lattice_configurations.clone().unwrap_or_default(),
    };
    configuration::check_template(state, &template, definition)?;
    Ok(template)
}

/// A service with the EXTERNAL controller runs what its PRIMARY task set runs, and has none yet.
fn nothing_to_run() -> RevisionTemplate {
    RevisionTemplate {
        task_definition: String::new(),
        load_balancers: Vec::new(),
        network_configuration: None,
        launch_type: None,
        capacity_provider_strategy: Vec::new(),
        platform_version: None,
        service_registries: Vec::new(),
        service_connect_configuration: None,
        volume_configurations: Vec::new(),
        vpc_lattice_configurations: Vec::new(),
    }
}

/// Seconds of grace; 0 when nothing is given.
pub(super) fn grace_period(given: Option<i32>) -> Result<u32, ApiError> {
    u32::try_from(given.unwrap_or(0))
        .map_err(|_| invalid("healthCheckGracePeriodSeconds must be greater than or equal to 0."))
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let valid = !name.is_empty()
        && name.len() <= 255
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if valid { Ok(()) } else { Err(invalid("Service name contains invalid characters.")) }
}
