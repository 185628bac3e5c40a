//! What the `CODE_DEPLOY` and EXTERNAL deployment controllers do not let a service have or change.
//!
//! With them ECS itself deploys nothing: what a deployment would bring is a task set's. Nothing here is checked for the
//! ECS controller.

use tidegate_models::ecs::{
    CreateServiceRequest, DeploymentConfiguration, DeploymentControllerType, DeploymentStrategy,
    LoadBalancer, SchedulingStrategy, UpdateServiceRequest,
};

use super::super::lookup::invalid;
use crate::ApiError;

/// What a controller other than ECS asks of a new service: task sets have no DAEMONs, CodeDeploy needs a target group to
/// move traffic from, and with EXTERNAL everything that a task set fixes is left to the task sets.
pub(super) fn check_new(
    controller: DeploymentControllerType,
    scheduling: SchedulingStrategy,
    input: &CreateServiceRequest,
) -> Result<(), ApiError> {
    if controller == DeploymentControllerType::Ecs {
        return Ok(());
    }
    if scheduling == SchedulingStrategy::Daemon {
        return Err(invalid(format!(
            "The {controller} deployment controller requires the REPLICA scheduling strategy."
        )));
    }
    let load_balancers = input.load_balancers.as_deref().unwrap_or_default();
    if controller == DeploymentControllerType::CodeDeploy {
        if load_balancers.is_empty() {
            return Err(invalid("The CODE_DEPLOY deployment controller requires a load balancer."));
        }
        return check_one_target_group(load_balancers);
    }
    for (member, is_given) in [
        ("TaskDefinition", input.task_definition.is_some()),
        ("LoadBalancers", !load_balancers.is_empty()),
        ("ServiceRegistries", input.service_registries.as_ref().is_some_and(|given| !given.is_empty())),
        ("NetworkConfiguration", input.network_configuration.is_some()),
        ("LaunchType", input.launch_type.is_some()),
        (
            "CapacityProviderStrategy",
            input.capacity_provider_strategy.as_ref().is_some_and(|given| !given.is_empty()),
        ),
        ("PlatformVersion", input.platform_version.is_some()),
        ("ServiceConnectConfiguration", input.service_connect_configuration.is_some()),
    ] {
        if is_given {
            return Err(invalid(format!("{member} must be empty or null.")));
        }
    }
    Ok(())
}

/// With a controller other than ECS an update does not deploy: AWS names what was given, also when it is what is there.
pub(super) fn check_update(
    controller: DeploymentControllerType,
    input: &UpdateServiceRequest,
) -> Result<(), ApiError> {
    let instead = match controller {
        DeploymentControllerType::Ecs => return Ok(()),
        DeploymentControllerType::CodeDeploy => "Use AWS CodeDeploy to trigger a new deployment.",
        DeploymentControllerType::External => "Use CreateTaskSet to trigger a new deployment.",
    };
    for (what, is_given) in [
        ("task definition", input.task_definition.is_some()),
        ("load balancers", input.load_balancers.is_some()),
        ("network parameters", input.network_configuration.is_some()),
        ("platform version", input.platform_version.is_some()),
        ("service registries", input.service_registries.is_some()),
        ("capacity provider strategy", input.capacity_provider_strategy.is_some()),
        ("service connect configuration", input.service_connect_configuration.is_some()),
        ("volume configurations", input.volume_configurations.is_some()),
        ("VPC Lattice configurations", input.vpc_lattice_configurations.is_some()),
    ] {
        if is_given {
            return Err(invalid(format!(
                "Unable to update {what} on services with a {controller} deployment controller. {instead}"
            )));
        }
    }
    if input.force_new_deployment == Some(true) {
        return Err(invalid(format!(
            "Cannot force a new deployment on services with a {controller} deployment controller. {instead}"
        )));
    }
    Ok(())
}

/// Refuses what only the ECS controller has: with the others there are the two percentages, and no stages or breakers.
pub(super) fn check_configuration(
    configuration: &DeploymentConfiguration,
    controller: DeploymentControllerType,
) -> Result<(), ApiError> {
    if controller == DeploymentControllerType::Ecs {
        return Ok(());
    }
    let strategy = configuration.strategy.filter(|strategy| *strategy != DeploymentStrategy::Rolling);
    let breaker = configuration.deployment_circuit_breaker.as_ref().filter(|breaker| breaker.enable);
    let alarms = configuration.alarms.as_ref().filter(|alarms| alarms.enable);
    let criteria = configuration.early_success_criteria.as_ref().filter(|criteria| criteria.enable);
    let hooks = configuration.lifecycle_hooks.as_ref().filter(|hooks| !hooks.is_empty());
    for (member, is_given) in [
        ("deploymentCircuitBreaker", breaker.is_some()),
        ("alarms", alarms.is_some()),
        ("strategy", strategy.is_some()),
        ("bakeTimeInMinutes", configuration.bake_time_in_minutes.is_some_and(|minutes| minutes != 0)),
        ("lifecycleHooks", hooks.is_some()),
        ("linearConfiguration", configuration.linear_configuration.is_some()),
        ("canaryConfiguration", configuration.canary_configuration.is_some()),
        ("earlySuccessCriteria", criteria.is_some()),
    ] {
        if is_given {
            return Err(invalid(format!(
                "{member} is only supported with the ECS deployment controller; this service has {controller}."
            )));
        }
    }
    Ok(())
}

/// AWS does not support several target groups for task sets.
pub(in crate::ecs::api) fn check_one_target_group(load_balancers: &[LoadBalancer]) -> Result<(), ApiError> {
    match load_balancers.len() {
        0 | 1 => Ok(()),
        _ => Err(invalid("loadBalancers can have at most 1 items with task sets.")),
    }
}
