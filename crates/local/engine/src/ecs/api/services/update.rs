//! UpdateService: what is absent stays, what is given replaces, what is empty clears. Only some members start a
//! deployment.

use tidegate_models::ecs::{
    DeploymentConfiguration, DeploymentStrategy, SchedulingStrategy, UpdateServiceRequest,
    UpdateServiceResponse,
};

use super::{
    super::{
        descriptions::{self, Tags},
        lookup::{self, invalid},
    },
    configuration, controllers,
    create::grace_period,
};
use crate::{
    ApiError, Context, State,
    ecs::{
        records::{RevisionTemplate, Service},
        scheduler,
    },
    state::Subject,
};

pub(super) fn update(
    state: &mut State,
    context: &Context,
    input: UpdateServiceRequest,
) -> Result<UpdateServiceResponse, ApiError> {
    let cluster = lookup::cluster(state, context, input.cluster.as_deref())?;
    let before = lookup::active_service(state, cluster, &input.service)?;
    let arn = before.arn.clone();
    let force = input.force_new_deployment == Some(true);
    let gives_alarms = input.deployment_configuration.as_ref().is_some_and(|given| given.alarms.is_some());
    let after = updated(state, context, before, input)?;
    let deploys = force || starts_deployment(&before.template, &after.template);
    // An alarm that somebody deleted since is in nobody's way until a deployment needs it.
    if deploys || gives_alarms {
        configuration::check_alarms(state, &context.scope, &after.deployment_configuration)?;
    }

    state.services.insert(&arn, after);
    if deploys {
        scheduler::start_deployment(state, &arn, context.now);
    }
    state.touch(Subject::Service(arn.clone()));
    let service =
        state.services.get(&arn).map(|service| descriptions::service(state, service, Tags::Included));
    Ok(UpdateServiceResponse { service })
}

/// Whether the difference of two templates starts a deployment: a capacity provider strategy alone does not.
fn starts_deployment(before: &RevisionTemplate, after: &RevisionTemplate) -> bool {
    let compared = RevisionTemplate {
        capacity_provider_strategy: before.capacity_provider_strategy.clone(),
        launch_type: before.launch_type,
        ..after.clone()
    };
    compared != *before
}

/// The service as it is to be, with everything that it newly names looked up and checked.
fn updated(
    state: &State,
    context: &Context,
    before: &Service,
    input: UpdateServiceRequest,
) -> Result<Service, ApiError> {
    let mut service = before.clone();
    if let Some(desired) = input.desired_count {
        if service.scheduling_strategy == SchedulingStrategy::Daemon {
            return Err(invalid(
                "The daemon scheduling strategy does not support a desired count for services.",
            ));
        }
        service.desired_count = u32::try_from(desired)
            .map_err(|_| invalid("desiredCount must be greater than or equal to 0."))?;
    }
    if let Some(given) = &input.deployment_controller
        && given.r#type != service.controller
    {
        return Err(ApiError::new(
            "UnsupportedFeatureException",
            format!(
                "The local cloud does not change the deployment controller of a service; this one has {}.",
                service.controller
            ),
        ));
    }
    controllers::check_update(service.controller, &input)?;
    if let Some(given) = input.deployment_configuration {
        service.deployment_configuration = configuration::filled(
            Some(merged(before.deployment_configuration.clone(), given)),
            service.scheduling_strategy,
            service.controller,
        );
        controllers::check_configuration(&service.deployment_configuration, service.controller)?;
        configuration::check(&service.deployment_configuration, service.scheduling_strategy)?;
    }
    if input.health_check_grace_period_seconds.is_some() {
        service.health_check_grace_period_seconds = grace_period(input.health_check_grace_period_seconds)?;
    }
    let wanted = input.task_definition.as_deref().unwrap_or(&before.template.task_definition);
    let changes_definition = input.task_definition.is_some() || input.force_new_deployment == Some(true);
    let template = &mut service.template;
    replace(&mut template.load_balancers, input.load_balancers);
    replace(&mut template.service_registries, input.service_registries);
    replace(&mut template.volume_configurations, input.volume_configurations);
    replace(&mut template.vpc_lattice_configurations, input.vpc_lattice_configurations);
    if let Some(given) = input.capacity_provider_strategy {
        template.capacity_provider_strategy = given;
        template.launch_type = None;
    }
    template.network_configuration = input.network_configuration.or(template.network_configuration.take());
    template.platform_version = input.platform_version.or(template.platform_version.take());
    template.service_connect_configuration =
        input.service_connect_configuration.or(template.service_connect_configuration.take());
    if changes_definition || *template != before.template {
        let definition = lookup::usable_definition(state, context, wanted)?;
        template.task_definition = definition.task_definition_arn.clone().unwrap_or_default();
        configuration::check_template(state, template, definition)?;
    }
    configuration::check_turns(state, &service.template, &service.deployment_configuration)?;
    let echo = &mut service.echo;
    replace(&mut echo.placement_constraints, input.placement_constraints);
    replace(&mut echo.placement_strategy, input.placement_strategy);
    echo.enable_execute_command = input.enable_execute_command.unwrap_or(echo.enable_execute_command);
    echo.enable_ecs_managed_tags = input.enable_ecs_managed_tags.unwrap_or(echo.enable_ecs_managed_tags);
    echo.propagate_tags = input.propagate_tags.or(echo.propagate_tags);
    echo.availability_zone_rebalancing =
        input.availability_zone_rebalancing.or(echo.availability_zone_rebalancing);
    Ok(service)
}

/// A deployment configuration in which only what is given is replaced. The numbers of a strategy go with it: those that
/// stayed would be refused beside the next one, which nobody could clear.
fn merged(mut before: DeploymentConfiguration, given: DeploymentConfiguration) -> DeploymentConfiguration {
    match given.strategy {
        None => {}
        Some(DeploymentStrategy::Linear) => before.canary_configuration = None,
        Some(DeploymentStrategy::Canary) => before.linear_configuration = None,
        Some(DeploymentStrategy::Rolling | DeploymentStrategy::BlueGreen) => {
            before.linear_configuration = None;
            before.canary_configuration = None;
        }
    }
    DeploymentConfiguration {
        deployment_circuit_breaker: given.deployment_circuit_breaker.or(before.deployment_circuit_breaker),
        maximum_percent: given.maximum_percent.or(before.maximum_percent),
        minimum_healthy_percent: given.minimum_healthy_percent.or(before.minimum_healthy_percent),
        alarms: given.alarms.or(before.alarms),
        strategy: given.strategy.or(before.strategy),
        bake_time_in_minutes: given.bake_time_in_minutes.or(before.bake_time_in_minutes),
        lifecycle_hooks: given.lifecycle_hooks.or(before.lifecycle_hooks),
        linear_configuration: given.linear_configuration.or(before.linear_configuration),
        canary_configuration: given.canary_configuration.or(before.canary_configuration),
        early_success_criteria: given.early_success_criteria.or(before.early_success_criteria),
    }
}

fn replace<T>(list: &mut Vec<T>, given: Option<Vec<T>>) {
    if let Some(given) = given {
        *list = given;
    }
}
