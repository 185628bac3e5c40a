//! CreateService.

use tidegate_models::ecs::{
    CreateServiceRequest, CreateServiceResponse, DeploymentControllerType, LaunchType, SchedulingStrategy,
};

use super::{
    super::{
        descriptions::{self, Tags},
        lookup::{self, invalid},
        tags,
    },
    configuration,
};
use crate::{
    ApiError, Context, State,
    ecs::{
        records::{Cluster, RevisionTemplate, Service, ServiceEcho, ServiceStatus},
        scheduler,
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
    tags::put(state, &arn, tags);
    if let Some(token) = token {
        state.tokens.insert(&token, arn.clone());
    }
    scheduler::start_deployment(state, &arn, context.now);
    let service =
        state.services.get(&arn).map(|service| descriptions::service(state, service, Tags::Included));
    Ok(CreateServiceResponse { service })
}

/// The new service's row, with everything that it names looked up and checked.
fn checked(
    state: &State,
    context: &Context,
    cluster: &Cluster,
    arn: &str,
    input: CreateServiceRequest,
) -> Result<Service, ApiError> {
    let controller = input.deployment_controller.map_or(DeploymentControllerType::Ecs, |given| given.r#type);
    if controller != DeploymentControllerType::Ecs {
        return Err(ApiError::new(
            "UnsupportedFeatureException",
            format!("The local cloud does not have the {controller} deployment controller yet; it has ECS."),
        ));
    }
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
    let deployment_configuration = configuration::filled(input.deployment_configuration, scheduling);
    configuration::check(&deployment_configuration, scheduling)?;
    configuration::check_alarms(state, &context.scope, &deployment_configuration)?;
    let Some(definition) = input.task_definition.as_deref() else {
        return Err(invalid("TaskDefinition can not be blank."));
    };
    let definition = lookup::usable_definition(state, context, definition)?;
    let strategy = match (&input.capacity_provider_strategy, input.launch_type) {
        (Some(given), _) => given.clone(),
        (None, None) => cluster.default_capacity_provider_strategy.clone(),
        (None, Some(_)) => Vec::new(),
    };
    let launch_type = input.launch_type.or_else(|| strategy.is_empty().then_some(LaunchType::Ec2));
    let template = RevisionTemplate {
        task_definition: definition.task_definition_arn.clone().unwrap_or_default(),
        load_balancers: input.load_balancers.unwrap_or_default(),
        network_configuration: input.network_configuration,
        launch_type,
        capacity_provider_strategy: strategy,
        platform_version: input.platform_version,
        service_registries: input.service_registries.unwrap_or_default(),
        service_connect_configuration: input.service_connect_configuration,
        volume_configurations: input.volume_configurations.unwrap_or_default(),
        vpc_lattice_configurations: input.vpc_lattice_configurations.unwrap_or_default(),
    };
    configuration::check_template(state, &template, definition)?;
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
