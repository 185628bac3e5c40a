//! Deployment configurations: AWS's own for ECS, and those that someone made. Facts §4.1.

use tidegate_models::{
    Timestamp,
    codedeploy::{
        ComputePlatform, CreateDeploymentConfigInput, CreateDeploymentConfigOutput,
        DeleteDeploymentConfigInput, DeploymentConfigInfo, GetDeploymentConfigInput,
        GetDeploymentConfigOutput, ListDeploymentConfigsInput, ListDeploymentConfigsOutput, TimeBasedCanary,
        TimeBasedLinear, TrafficRoutingConfig, TrafficRoutingType,
    },
};

use super::{
    Nothing, PAGE, SERVICE, errors,
    lookup::{self, Named},
};
use crate::{ApiError, Context, State, codedeploy::records::DeploymentConfig, page::page};

/// What AWS's own configurations are called.
const PREDEFINED: &str = "CodeDeployDefault.";

/// The largest step of a canary or linear configuration, in percent.
const LARGEST_STEP: i32 = 99;

/// The longest time from the first step to the last.
const LONGEST_MINUTES: i32 = 2880;

/// `CreateDeploymentConfig`
pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateDeploymentConfigInput,
) -> Result<CreateDeploymentConfigOutput, ApiError> {
    let name = input.deployment_config_name;
    lookup::check_name(&name, Named::Config)?;
    if name.starts_with(PREDEFINED) {
        return Err(ApiError::new(
            "InvalidDeploymentConfigNameException",
            format!("Deployment configuration names that begin with {PREDEFINED} are reserved: {name}"),
        ));
    }
    if find(state, context, &name).is_some() {
        return Err(ApiError::new(
            "DeploymentConfigAlreadyExistsException",
            format!("Deployment configuration already exists with name: {name}"),
        ));
    }
    let platform = input.compute_platform.unwrap_or(ComputePlatform::Server);
    if platform != ComputePlatform::Ecs {
        return Err(ApiError::new(
            "InvalidComputePlatformException",
            format!(
                "The local cloud deploys to the ECS compute platform only, not to {platform}; set computePlatform to ECS"
            ),
        ));
    }
    if input.minimum_healthy_hosts.is_some() {
        return Err(ApiError::new(
            "InvalidMinimumHealthyHostValueException",
            "minimumHealthyHosts cannot be specified for the ECS compute platform",
        ));
    }
    if input.zonal_config.is_some() {
        return Err(ApiError::new(
            "InvalidZonalDeploymentConfigurationException",
            "zonalConfig cannot be specified for the ECS compute platform",
        ));
    }
    let routing = input.traffic_routing_config.unwrap_or_else(all_at_once);
    check(&routing)?;
    let id = state.ids.uuid();
    let document = document(&id, &name, routing, Some(context.now));
    state.deployment_configs.insert(&lookup::config_arn(context, &name), DeploymentConfig { document });
    Ok(CreateDeploymentConfigOutput { deployment_config_id: Some(id) })
}

/// `DeleteDeploymentConfig`: one that a group uses, or AWS's own, stays. One that is gone already is no error.
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteDeploymentConfigInput,
) -> Result<Nothing, ApiError> {
    let name = input.deployment_config_name;
    lookup::check_name(&name, Named::Config)?;
    if name.starts_with(PREDEFINED) {
        return Err(ApiError::new(
            "InvalidOperationException",
            format!("Predefined deployment configurations cannot be deleted: {name}"),
        ));
    }
    let own = context.scope.arn(SERVICE, "deploymentgroup:");
    let is_used = state.deployment_groups.iter().any(|(_, group)| {
        group.arn.starts_with(&own) && group.document.deployment_config_name.as_deref() == Some(&name)
    });
    if is_used {
        return Err(ApiError::new(
            "DeploymentConfigInUseException",
            format!("The deployment configuration is still in use: {name}"),
        ));
    }
    state.deployment_configs.remove(&lookup::config_arn(context, &name));
    Ok(Nothing {})
}

/// `GetDeploymentConfig`
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetDeploymentConfigInput,
) -> Result<GetDeploymentConfigOutput, ApiError> {
    let name = input.deployment_config_name;
    lookup::check_name(&name, Named::Config)?;
    let found = find(state, context, &name).ok_or_else(|| errors::no_config(&name))?;
    Ok(GetDeploymentConfigOutput { deployment_config_info: Some(found) })
}

/// `ListDeploymentConfigs`: AWS's own first.
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListDeploymentConfigsInput,
) -> Result<ListDeploymentConfigsOutput, ApiError> {
    let prefix = lookup::config_arn(context, "");
    let own = state.deployment_configs.with_prefix(&prefix);
    let own = own.filter_map(|(_, row)| row.document.deployment_config_name.clone());
    let mut names: Vec<String> = predefined().into_iter().map(|(name, _)| name).chain(own).collect();
    names.sort();
    let items = names.iter().map(|name| (name.as_str(), name.clone()));
    let found =
        page(items, "ListDeploymentConfigs", input.next_token.as_deref(), PAGE, errors::invalid_token)?;
    Ok(ListDeploymentConfigsOutput { deployment_configs_list: Some(found.items), next_token: found.next })
}

/// The configuration with this name, made by AWS or by someone of this account and region.
pub(super) fn find(state: &State, context: &Context, name: &str) -> Option<DeploymentConfigInfo> {
    // AWS's own always have the same id, so that what is compared with what was read before is the same.
    let of_aws = predefined().into_iter().zip(1..).find(|((known, _), _)| known == name);
    let of_aws = of_aws.map(|((name, routing), number)| {
        document(&format!("00000000-0000-0000-0000-{number:012}"), &name, routing, None)
    });
    of_aws.or_else(|| {
        state.deployment_configs.get(&lookup::config_arn(context, name)).map(|row| row.document.clone())
    })
}

/// AWS's own configurations for ECS.
fn predefined() -> Vec<(String, TrafficRoutingConfig)> {
    [
        ("ECSAllAtOnce", all_at_once()),
        ("ECSCanary10Percent15Minutes", canary(10, 15)),
        ("ECSCanary10Percent5Minutes", canary(10, 5)),
        ("ECSLinear10PercentEvery1Minutes", linear(10, 1)),
        ("ECSLinear10PercentEvery3Minutes", linear(10, 3)),
    ]
    .map(|(name, routing)| (format!("{PREDEFINED}{name}"), routing))
    .into()
}

fn all_at_once() -> TrafficRoutingConfig {
    TrafficRoutingConfig {
        r#type: Some(TrafficRoutingType::AllAtOnce),
        time_based_canary: None,
        time_based_linear: None,
    }
}

fn canary(percentage: i32, interval: i32) -> TrafficRoutingConfig {
    let canary = TimeBasedCanary { canary_percentage: Some(percentage), canary_interval: Some(interval) };
    TrafficRoutingConfig {
        r#type: Some(TrafficRoutingType::TimeBasedCanary),
        time_based_canary: Some(canary),
        time_based_linear: None,
    }
}

fn linear(percentage: i32, interval: i32) -> TrafficRoutingConfig {
    let linear = TimeBasedLinear { linear_percentage: Some(percentage), linear_interval: Some(interval) };
    TrafficRoutingConfig {
        r#type: Some(TrafficRoutingType::TimeBasedLinear),
        time_based_canary: None,
        time_based_linear: Some(linear),
    }
}

fn document(
    id: &str,
    name: &str,
    routing: TrafficRoutingConfig,
    created_at: Option<Timestamp>,
) -> DeploymentConfigInfo {
    DeploymentConfigInfo {
        deployment_config_id: Some(id.to_owned()),
        deployment_config_name: Some(name.to_owned()),
        compute_platform: Some(ComputePlatform::Ecs),
        create_time: created_at,
        traffic_routing_config: Some(routing),
        minimum_healthy_hosts: None,
        zonal_config: None,
    }
}

/// Exactly what the type needs, within AWS's bounds.
fn check(routing: &TrafficRoutingConfig) -> Result<(), ApiError> {
    let (canary, linear) = (&routing.time_based_canary, &routing.time_based_linear);
    match (routing.r#type, canary, linear) {
        (None, ..) => Err(invalid("trafficRoutingConfig must have a type")),
        (Some(TrafficRoutingType::AllAtOnce), None, None) => Ok(()),
        (Some(TrafficRoutingType::TimeBasedCanary), Some(canary), None) => {
            let interval = canary.canary_interval;
            check_step("canaryPercentage", canary.canary_percentage, "canaryInterval", interval, |_| 1)
        }
        (Some(TrafficRoutingType::TimeBasedLinear), None, Some(linear)) => {
            // The first step comes at once; the others follow an interval each.
            let waits = |percentage: i32| (100 + percentage - 1) / percentage - 1;
            let interval = linear.linear_interval;
            check_step("linearPercentage", linear.linear_percentage, "linearInterval", interval, waits)
        }
        (Some(TrafficRoutingType::TimeBasedCanary), None, _) => {
            Err(invalid("A trafficRoutingConfig of type TimeBasedCanary must have timeBasedCanary"))
        }
        (Some(TrafficRoutingType::TimeBasedLinear), _, None) => {
            Err(invalid("A trafficRoutingConfig of type TimeBasedLinear must have timeBasedLinear"))
        }
        (Some(routing_type), ..) => Err(invalid(format!(
            "A trafficRoutingConfig of type {routing_type} cannot have the settings of another type"
        ))),
    }
}

fn check_step(
    percentage_member: &str,
    percentage: Option<i32>,
    interval_member: &str,
    interval: Option<i32>,
    waits: impl Fn(i32) -> i32,
) -> Result<(), ApiError> {
    let percentage = percentage.ok_or_else(|| invalid(format!("{percentage_member} is required")))?;
    let interval = interval.ok_or_else(|| invalid(format!("{interval_member} is required")))?;
    if !(1..=LARGEST_STEP).contains(&percentage) {
        return Err(invalid(format!(
            "{percentage_member} must be between 1 and {LARGEST_STEP}, and is {percentage}"
        )));
    }
    if interval < 1 || interval.saturating_mul(waits(percentage)) > LONGEST_MINUTES {
        return Err(invalid(format!(
            "{interval_member} must be at least 1, and from the first to the last shift of traffic at most \
             {LONGEST_MINUTES} minutes may pass; it is {interval}"
        )));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidTrafficRoutingConfigurationException", message.into())
}
