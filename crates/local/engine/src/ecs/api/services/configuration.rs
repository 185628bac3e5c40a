//! What CreateService and UpdateService both check and fill in.

use tidegate_models::ecs::{
    Compatibility, DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentStrategy, LoadBalancer,
    NetworkMode, SchedulingStrategy, TaskDefinition, ThresholdConfiguration, ThresholdType,
};

use super::super::lookup::invalid;
use crate::{ApiError, State, ecs::records::RevisionTemplate, elbv2};

/// A deployment configuration with AWS's defaults, as DescribeServices answers it.
pub(super) fn filled(
    given: Option<DeploymentConfiguration>,
    scheduling: SchedulingStrategy,
) -> DeploymentConfiguration {
    let mut configuration = given.unwrap_or_default();
    let daemon = scheduling == SchedulingStrategy::Daemon;
    configuration.minimum_healthy_percent.get_or_insert(if daemon { 0 } else { 100 });
    configuration.maximum_percent.get_or_insert(if daemon { 100 } else { 200 });
    configuration.strategy.get_or_insert(DeploymentStrategy::Rolling);
    configuration.bake_time_in_minutes.get_or_insert(0);
    let breaker = configuration.deployment_circuit_breaker.get_or_insert(DeploymentCircuitBreaker {
        enable: false,
        rollback: false,
        reset_on_healthy_task: None,
        threshold_configuration: None,
    });
    breaker.reset_on_healthy_task.get_or_insert(true);
    breaker
        .threshold_configuration
        .get_or_insert(ThresholdConfiguration { r#type: ThresholdType::BoundedPercent, value: 50 });
    configuration
}

/// Refuses a configuration that AWS refuses, or that this version does not carry out.
pub(super) fn check(
    configuration: &DeploymentConfiguration,
    scheduling: SchedulingStrategy,
) -> Result<(), ApiError> {
    let minimum = configuration.minimum_healthy_percent.unwrap_or(100);
    let maximum = configuration.maximum_percent.unwrap_or(200);
    if minimum < 0 || maximum < 0 {
        return Err(invalid("minimumHealthyPercent and maximumPercent cannot be negative."));
    }
    if scheduling == SchedulingStrategy::Daemon && maximum != 100 {
        return Err(invalid("The daemon scheduling strategy only supports a maximumPercent of 100."));
    }
    if maximum < 100 && scheduling == SchedulingStrategy::Replica {
        return Err(invalid("maximumPercent cannot be less than 100."));
    }
    if maximum == 100 && minimum == 100 {
        return Err(invalid(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
        ));
    }
    if let Some(strategy) = configuration.strategy
        && strategy != DeploymentStrategy::Rolling
    {
        return Err(ApiError::new(
            "UnsupportedFeatureException",
            format!(
                "The local cloud does not carry out the {strategy} deployment strategy yet; it carries out ROLLING."
            ),
        ));
    }
    if let Some(breaker) = &configuration.deployment_circuit_breaker {
        check_threshold(breaker)?;
    }
    check_early_success(configuration, minimum)
}

fn check_threshold(breaker: &DeploymentCircuitBreaker) -> Result<(), ApiError> {
    let Some(threshold) = &breaker.threshold_configuration else { return Ok(()) };
    let valid = match threshold.r#type {
        ThresholdType::Count => threshold.value >= 1,
        ThresholdType::BoundedPercent | ThresholdType::UnboundedPercent => {
            (1..=100).contains(&threshold.value)
        }
    };
    if valid {
        return Ok(());
    }
    Err(invalid(format!(
        "Invalid value {} for a circuit breaker threshold of type {}.",
        threshold.value, threshold.r#type
    )))
}

fn check_early_success(configuration: &DeploymentConfiguration, minimum: i32) -> Result<(), ApiError> {
    let Some(criteria) = configuration.early_success_criteria.as_ref().filter(|criteria| criteria.enable)
    else {
        return Ok(());
    };
    let (Some(percent), Some(_)) = (criteria.healthy_percent, criteria.source_service_revision_cleanup)
    else {
        return Err(invalid(
            "healthyPercent and sourceServiceRevisionCleanup are required when earlySuccessCriteria is enabled.",
        ));
    };
    if percent < minimum {
        return Err(invalid("healthyPercent must be greater than or equal to minimumHealthyPercent."));
    }
    Ok(())
}

/// Checks that what a deployment would start fits together: task definition, containers and ports, target groups, network.
pub(super) fn check_template(
    state: &State,
    template: &RevisionTemplate,
    definition: &TaskDefinition,
) -> Result<(), ApiError> {
    if template.launch_type.is_some() && !template.capacity_provider_strategy.is_empty() {
        return Err(invalid(
            "Specifying both a launch type and capacity provider strategy is not supported.",
        ));
    }
    let awsvpc = definition.network_mode == Some(NetworkMode::Awsvpc);
    let network =
        template.network_configuration.as_ref().and_then(|given| given.awsvpc_configuration.as_ref());
    if awsvpc && network.is_none() {
        return Err(invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ));
    }
    if !awsvpc && network.is_some() {
        return Err(invalid(
            "Network Configuration is not valid for the given networkMode of this task definition.",
        ));
    }
    let on_fargate = template.launch_type == Some(tidegate_models::ecs::LaunchType::Fargate);
    let compatible =
        definition.compatibilities.as_deref().unwrap_or_default().contains(&Compatibility::Fargate);
    if on_fargate && !compatible {
        return Err(ApiError::new(
            "PlatformTaskDefinitionIncompatibilityException",
            "Task definition does not support launch_type FARGATE.",
        ));
    }
    template.load_balancers.iter().try_for_each(|given| check_load_balancer(state, given, definition))
}

fn check_load_balancer(
    state: &State,
    given: &LoadBalancer,
    definition: &TaskDefinition,
) -> Result<(), ApiError> {
    let Some(group) = given.target_group_arn.as_deref() else {
        return Err(ApiError::new(
            "UnsupportedFeatureException",
            "The local cloud has no Classic Load Balancers; name a targetGroupArn.",
        ));
    };
    if !state.target_groups.contains(group) {
        return Err(invalid(format!("The target group {group} does not exist.")));
    }
    if !elbv2::is_behind_load_balancer(state, group) {
        return Err(invalid(format!(
            "The target group with targetGroupArn {group} does not have an associated load balancer."
        )));
    }
    let name = given.container_name.as_deref().unwrap_or_default();
    let containers = definition.container_definitions.iter().flatten();
    let Some(container) = containers.into_iter().find(|container| container.name.as_deref() == Some(name))
    else {
        return Err(invalid(format!("The container {name} does not exist in the task definition.")));
    };
    let port = given.container_port.unwrap_or(0);
    if container.port_mappings.iter().flatten().any(|mapping| mapping.container_port == Some(port)) {
        return Ok(());
    }
    Err(invalid(format!("The container {name} did not have a container port {port} defined.")))
}
