//! What CreateService and UpdateService both check and fill in.

use tidegate_models::ecs::{
    CapacityProviderStrategyItem, Compatibility, DeploymentCircuitBreaker, DeploymentConfiguration,
    DeploymentControllerType, DeploymentLifecycleHook, DeploymentLifecycleHookStage as HookStage,
    DeploymentLifecycleHookTargetType as HookTarget, DeploymentStrategy, LaunchType, LoadBalancer,
    NetworkMode, SchedulingStrategy, TaskDefinition, ThresholdConfiguration, ThresholdType,
};

use super::super::lookup::invalid;
use crate::{
    ApiError, Scope, State, cloudwatch,
    ecs::records::{Cluster, RevisionTemplate},
    elbv2,
};

/// A deployment configuration with AWS's defaults, as DescribeServices answers it.
pub(super) fn filled(
    given: Option<DeploymentConfiguration>,
    scheduling: SchedulingStrategy,
    controller: DeploymentControllerType,
) -> DeploymentConfiguration {
    let mut configuration = given.unwrap_or_default();
    let daemon = scheduling == SchedulingStrategy::Daemon;
    configuration.minimum_healthy_percent.get_or_insert(if daemon { 0 } else { 100 });
    configuration.maximum_percent.get_or_insert(if daemon { 100 } else { 200 });
    if controller != DeploymentControllerType::Ecs {
        return configuration;
    }
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

/// Where new tasks run: as given, or as the cluster says, or on EC2.
pub(in crate::ecs::api) fn launch(
    cluster: &Cluster,
    launch_type: Option<LaunchType>,
    strategy: Option<Vec<CapacityProviderStrategyItem>>,
) -> (Option<LaunchType>, Vec<CapacityProviderStrategyItem>) {
    let strategy = match (strategy, launch_type) {
        (Some(given), _) => given,
        (None, None) => cluster.default_capacity_provider_strategy.clone(),
        (None, Some(_)) => Vec::new(),
    };
    let launch_type = launch_type.or_else(|| strategy.is_empty().then_some(LaunchType::Ec2));
    (launch_type, strategy)
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
    check_stages(configuration, scheduling)?;
    if let Some(breaker) = &configuration.deployment_circuit_breaker {
        check_threshold(breaker)?;
    }
    check_early_success(configuration, minimum)
}

/// Refuses alarms that nobody could be warned by.
pub(super) fn check_alarms(
    state: &State,
    scope: &Scope,
    configuration: &DeploymentConfiguration,
) -> Result<(), ApiError> {
    let Some(alarms) = configuration.alarms.as_ref().filter(|alarms| alarms.enable) else { return Ok(()) };
    if alarms.alarm_names.is_empty() {
        return Err(invalid("alarmNames cannot be empty when deployment alarms are enabled."));
    }
    let missing =
        alarms.alarm_names.iter().filter(|name| cloudwatch::alarm_state(state, scope, name).is_none());
    let missing: Vec<&str> = missing.map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(invalid(format!(
        "The following deployment alarms do not exist: {}. Create them before the deployment, or leave them out of alarmNames.",
        missing.join(", ")
    )))
}

/// What only deployments in stages have: steps, bakes and hooks.
fn check_stages(
    configuration: &DeploymentConfiguration,
    scheduling: SchedulingStrategy,
) -> Result<(), ApiError> {
    let strategy = configuration.strategy.unwrap_or(DeploymentStrategy::Rolling);
    if strategy != DeploymentStrategy::Rolling && scheduling == SchedulingStrategy::Daemon {
        return Err(invalid(format!(
            "The {strategy} deployment strategy requires the REPLICA scheduling strategy."
        )));
    }
    let linear = configuration.linear_configuration.as_ref();
    let canary = configuration.canary_configuration.as_ref();
    if linear.is_some() && strategy != DeploymentStrategy::Linear {
        return Err(invalid("linearConfiguration is only valid with the LINEAR deployment strategy."));
    }
    if canary.is_some() && strategy != DeploymentStrategy::Canary {
        return Err(invalid("canaryConfiguration is only valid with the CANARY deployment strategy."));
    }
    check_percent("stepPercent", linear.and_then(|it| it.step_percent), 3.0)?;
    check_percent("canaryPercent", canary.and_then(|it| it.canary_percent), 0.1)?;
    for (member, minutes) in [
        ("bakeTimeInMinutes", configuration.bake_time_in_minutes),
        ("stepBakeTimeInMinutes", linear.and_then(|it| it.step_bake_time_in_minutes)),
        ("canaryBakeTimeInMinutes", canary.and_then(|it| it.canary_bake_time_in_minutes)),
    ] {
        if minutes.is_some_and(|minutes| !(0..=1440).contains(&minutes)) {
            return Err(invalid(format!("{member} must be between 0 and 1440.")));
        }
    }
    configuration.lifecycle_hooks.iter().flatten().try_for_each(check_hook)
}

fn check_percent(member: &str, percent: Option<f64>, least: f64) -> Result<(), ApiError> {
    let Some(percent) = percent else { return Ok(()) };
    let tenths = percent * 10.0;
    if (least..=100.0).contains(&percent) && (tenths - tenths.round()).abs() < 1e-6 {
        return Ok(());
    }
    Err(invalid(format!("{member} must be between {least:.1} and 100.0, in multiples of 0.1.")))
}

fn check_hook(hook: &DeploymentLifecycleHook) -> Result<(), ApiError> {
    let stages = hook.lifecycle_stages.as_deref().unwrap_or_default();
    if stages.is_empty() {
        return Err(invalid("lifecycleStages cannot be empty."));
    }
    match hook.target_type.unwrap_or(HookTarget::AwsLambda) {
        HookTarget::AwsLambda => check_function_hook(hook)?,
        HookTarget::Pause => check_pause_hook(hook, stages)?,
    }
    let minutes = hook.timeout_configuration.as_ref().and_then(|timeout| timeout.timeout_in_minutes);
    if minutes.is_some_and(|minutes| !(1..=20_160).contains(&minutes)) {
        return Err(invalid("timeoutInMinutes must be between 1 and 20160."));
    }
    Ok(())
}

fn check_function_hook(hook: &DeploymentLifecycleHook) -> Result<(), ApiError> {
    let Some(function) = given(hook.hook_target_arn.as_ref()) else {
        return Err(invalid("hookTargetArn is required for AWS_LAMBDA lifecycle hooks."));
    };
    let parts: Vec<&str> = function.splitn(7, ':').collect();
    let is_function = matches!(parts[..], ["arn", _, "lambda", region, account, "function", name]
        if ![region, account, name].contains(&""));
    if !is_function {
        return Err(invalid(format!(
            "hookTargetArn has an invalid ARN format. Must be the ARN of a Lambda function. Got: {function}"
        )));
    }
    if given(hook.role_arn.as_ref()).is_none() {
        return Err(invalid("roleArn is required for AWS_LAMBDA lifecycle hooks."));
    }
    Ok(())
}

fn check_pause_hook(hook: &DeploymentLifecycleHook, stages: &[HookStage]) -> Result<(), ApiError> {
    if given(hook.hook_target_arn.as_ref()).is_some() {
        return Err(invalid("hookTargetArn is not applicable for PAUSE lifecycle hooks."));
    }
    if stages.iter().any(|it| matches!(it, HookStage::TestTrafficShift | HookStage::ProductionTrafficShift)) {
        return Err(invalid(
            "PAUSE lifecycle hooks are not allowed at TEST_TRAFFIC_SHIFT and PRODUCTION_TRAFFIC_SHIFT.",
        ));
    }
    Ok(())
}

/// What was given; an empty text is nothing.
fn given(text: Option<&String>) -> Option<&String> {
    text.filter(|text| !text.is_empty())
}

/// Checks the rules and the second target groups that a deployment in stages moves traffic between.
pub(super) fn check_turns(
    state: &State,
    template: &RevisionTemplate,
    configuration: &DeploymentConfiguration,
) -> Result<(), ApiError> {
    let is_staged = configuration.strategy.is_some_and(|strategy| strategy != DeploymentStrategy::Rolling);
    let advanced =
        template.load_balancers.iter().filter(|given| given.advanced_configuration.is_some()).count();
    if is_staged && advanced == 0 && !template.load_balancers.is_empty() {
        return Err(invalid(
            "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy",
        ));
    }
    if advanced != 0 && advanced != template.load_balancers.len() {
        return Err(invalid(
            "Either all or none of the provided loadBalancers must have advancedConfiguration defined",
        ));
    }
    template.load_balancers.iter().try_for_each(|given| check_turn(state, given))
}

fn check_turn(state: &State, given: &LoadBalancer) -> Result<(), ApiError> {
    let Some(advanced) = &given.advanced_configuration else { return Ok(()) };
    let missing = |member: &str| invalid(format!("{member} is required in advancedConfiguration."));
    let alternate =
        advanced.alternate_target_group_arn.as_deref().ok_or_else(|| missing("alternateTargetGroupArn"))?;
    let production =
        advanced.production_listener_rule.as_deref().ok_or_else(|| missing("productionListenerRule"))?;
    if given.target_group_arn.as_deref() == Some(alternate) {
        return Err(invalid(format!("Duplicate targetGroupArn found: {alternate}")));
    }
    if !state.target_groups.contains(alternate) {
        return Err(invalid(format!("The target group {alternate} does not exist.")));
    }
    for (member, rule) in [
        ("productionListenerRule", Some(production)),
        ("testListenerRule", advanced.test_listener_rule.as_deref()),
    ] {
        if let Some(rule) = rule
            && !rule.contains(":listener-rule/")
        {
            return Err(invalid(format!(
                "{member} has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got: {rule}"
            )));
        }
    }
    if advanced.test_listener_rule.as_deref() == Some(production) {
        return Err(invalid(format!(
            "The following rules cannot be used as both production and test listener rules: {production}"
        )));
    }
    Ok(())
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
    if configuration.strategy.is_some_and(|strategy| strategy != DeploymentStrategy::Rolling) {
        return Err(invalid("earlySuccessCriteria is only valid with the ROLLING deployment strategy."));
    }
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
pub(in crate::ecs::api) fn check_template(
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
