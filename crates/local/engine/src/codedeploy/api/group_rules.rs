//! What a deployment group must be like: settings that AWS refuses are refused here, with the member that is wrong.
//!
//! Nothing here changes anything. Start at [`check`].

use std::collections::BTreeSet;

use tidegate_models::codedeploy::{
    AlarmConfiguration, AutoRollbackConfiguration, BlueGreenDeploymentConfiguration,
    BlueInstanceTerminationOption, DeploymentGroupInfo, DeploymentOption, DeploymentReadyAction,
    DeploymentReadyOption, DeploymentType, InstanceAction, TriggerConfig,
};

use super::{configs, errors};
use crate::{
    ApiError, Context, State,
    codedeploy::target::{self, Target},
};

/// AWS's most alarms of a group.
const MOST_ALARMS: usize = 10;

/// AWS's most triggers of a group.
const MOST_TRIGGERS: usize = 10;

/// The longest wait for traffic to move: facts §4.5.
const LONGEST_READY_MINUTES: i32 = 120 * 60;

/// The longest wait before the original task set goes: facts §4.5.
const LONGEST_TERMINATION_MINUTES: i32 = 48 * 60;

/// Checks a group as it would be stored, and finds what it deploys to.
pub(super) fn check(
    state: &State,
    context: &Context,
    group: &DeploymentGroupInfo,
) -> Result<Target, ApiError> {
    check_platform(group)?;
    check_role(group.service_role_arn.as_deref().unwrap_or_default())?;
    check_config(state, context, group.deployment_config_name.as_deref())?;
    check_style(group)?;
    check_blue_green(group.blue_green_deployment_configuration.as_ref())?;
    check_rollback(group.auto_rollback_configuration.as_ref())?;
    check_alarms(group.alarm_configuration.as_ref())?;
    check_triggers(group.trigger_configurations.as_deref().unwrap_or_default())?;
    target::find(state, &context.scope, group)
}

/// Members of the other compute platforms.
fn check_platform(group: &DeploymentGroupInfo) -> Result<(), ApiError> {
    let has = |present: bool, member: &'static str| present.then_some(member);
    let tag_set = group.ec2_tag_set.as_ref().and_then(|set| set.ec2_tag_set_list.as_ref());
    let premises_set =
        group.on_premises_tag_set.as_ref().and_then(|set| set.on_premises_tag_set_list.as_ref());
    let info = group.load_balancer_info.as_ref();
    let foreign = [
        has(group.auto_scaling_groups.iter().flatten().next().is_some(), "autoScalingGroups"),
        has(group.ec2_tag_filters.iter().flatten().next().is_some(), "ec2TagFilters"),
        has(tag_set.into_iter().flatten().next().is_some(), "ec2TagSet"),
        has(
            group.on_premises_instance_tag_filters.iter().flatten().next().is_some(),
            "onPremisesInstanceTagFilters",
        ),
        has(premises_set.into_iter().flatten().next().is_some(), "onPremisesTagSet"),
        has(group.termination_hook_enabled == Some(true), "terminationHookEnabled"),
        has(
            info.and_then(|info| info.elb_info_list.as_ref()).into_iter().flatten().next().is_some(),
            "loadBalancerInfo.elbInfoList",
        ),
        has(
            info.and_then(|info| info.target_group_info_list.as_ref()).into_iter().flatten().next().is_some(),
            "loadBalancerInfo.targetGroupInfoList",
        ),
    ];
    match foreign.into_iter().flatten().next() {
        Some(member) => {
            Err(errors::invalid_input(format!("For ECS deployment group, {member} cannot be specified")))
        }
        None => Ok(()),
    }
}

fn check_role(arn: &str) -> Result<(), ApiError> {
    if !(arn.starts_with("arn:") && arn.contains(":role/")) {
        return Err(ApiError::new(
            "InvalidRoleException",
            format!("serviceRoleArn must be the ARN of an IAM role, and is {arn}"),
        ));
    }
    Ok(())
}

/// AWS's default is one for EC2, so that a group for ECS must always name its own.
pub(super) fn check_config(state: &State, context: &Context, name: Option<&str>) -> Result<(), ApiError> {
    let name = name.unwrap_or("CodeDeployDefault.OneAtATime");
    if configs::find(state, context, name).is_some() {
        return Ok(());
    }
    let of_servers = ["OneAtATime", "HalfAtATime", "AllAtOnce"];
    let of_lambda = "CodeDeployDefault.Lambda";
    let is_foreign = name.starts_with(of_lambda)
        || of_servers.iter().any(|known| name == format!("CodeDeployDefault.{known}"));
    if is_foreign {
        return Err(ApiError::new(
            "InvalidDeploymentConfigNameException",
            format!(
                "For ECS deployment group, deploymentConfigName must be of an ECS deployment configuration, such as CodeDeployDefault.ECSAllAtOnce; {name} is not"
            ),
        ));
    }
    Err(errors::no_config(name))
}

fn check_style(group: &DeploymentGroupInfo) -> Result<(), ApiError> {
    let style = group.deployment_style.as_ref();
    let deployment_type = style.and_then(|style| style.deployment_type);
    let option = style.and_then(|style| style.deployment_option);
    if deployment_type == Some(DeploymentType::BlueGreen)
        && option == Some(DeploymentOption::WithTrafficControl)
    {
        return Ok(());
    }
    Err(ApiError::new(
        "InvalidDeploymentStyleException",
        "For ECS deployment group, deploymentStyle must have deploymentType BLUE_GREEN and deploymentOption WITH_TRAFFIC_CONTROL",
    ))
}

fn check_blue_green(given: Option<&BlueGreenDeploymentConfiguration>) -> Result<(), ApiError> {
    let invalid =
        |message: String| Err(ApiError::new("InvalidBlueGreenDeploymentConfigurationException", message));
    let Some(given) = given else {
        return invalid(
            "For ECS deployment group, blueGreenDeploymentConfiguration cannot be null".to_owned(),
        );
    };
    if given.green_fleet_provisioning_option.is_some() {
        return invalid(
            "For ECS deployment group, greenFleetProvisioningOption cannot be specified".to_owned(),
        );
    }
    match &given.deployment_ready_option {
        None | Some(DeploymentReadyOption { action_on_timeout: None, .. }) => {
            return invalid(
                "For ECS deployment group, the actionOnTimeout of deploymentReadyOption cannot be null"
                    .to_owned(),
            );
        }
        Some(DeploymentReadyOption {
            action_on_timeout: Some(DeploymentReadyAction::ContinueDeployment),
            wait_time_in_minutes,
        }) if wait_time_in_minutes.unwrap_or(0) != 0 => {
            return invalid(
                "waitTimeInMinutes of deploymentReadyOption applies only to the actionOnTimeout STOP_DEPLOYMENT".to_owned(),
            );
        }
        Some(DeploymentReadyOption {
            action_on_timeout: Some(DeploymentReadyAction::StopDeployment),
            wait_time_in_minutes,
        }) if !(1..=LONGEST_READY_MINUTES).contains(&wait_time_in_minutes.unwrap_or(0)) => {
            return invalid(format!(
                "With the actionOnTimeout STOP_DEPLOYMENT, waitTimeInMinutes of deploymentReadyOption must be between 1 and {LONGEST_READY_MINUTES}"
            ));
        }
        Some(_) => {}
    }
    match &given.terminate_blue_instances_on_deployment_success {
        None | Some(BlueInstanceTerminationOption { action: None, .. }) => invalid(
            "For ECS deployment group, the action of terminateBlueInstancesOnDeploymentSuccess cannot be null"
                .to_owned(),
        ),
        Some(BlueInstanceTerminationOption {
            action: Some(InstanceAction::Terminate | InstanceAction::KeepAlive),
            termination_wait_time_in_minutes,
        }) if !(0..=LONGEST_TERMINATION_MINUTES).contains(&termination_wait_time_in_minutes.unwrap_or(0)) => {
            invalid(format!(
                "terminationWaitTimeInMinutes must be between 0 and {LONGEST_TERMINATION_MINUTES}"
            ))
        }
        Some(_) => Ok(()),
    }
}

/// Of a group or of one deployment.
pub(super) fn check_rollback(given: Option<&AutoRollbackConfiguration>) -> Result<(), ApiError> {
    let is_enabled = given.is_some_and(|given| given.enabled == Some(true));
    if is_enabled && given.and_then(|given| given.events.as_ref()).is_none_or(Vec::is_empty) {
        return Err(ApiError::new(
            "InvalidAutoRollbackConfigException",
            "autoRollbackConfiguration must have at least one event when it is enabled",
        ));
    }
    Ok(())
}

/// Of a group or of one deployment.
pub(super) fn check_alarms(given: Option<&AlarmConfiguration>) -> Result<(), ApiError> {
    let invalid = |message: String| Err(ApiError::new("InvalidAlarmConfigException", message));
    let Some(given) = given else { return Ok(()) };
    let alarms = given.alarms.as_deref().unwrap_or_default();
    if alarms.len() > MOST_ALARMS {
        return Err(ApiError::new(
            "AlarmsLimitExceededException",
            format!("The maximum number of alarms for a deployment group ({MOST_ALARMS}) was exceeded."),
        ));
    }
    let mut seen = BTreeSet::new();
    for alarm in alarms {
        match alarm.name.as_deref().unwrap_or_default() {
            "" => return invalid("Each alarm of alarmConfiguration must have a name".to_owned()),
            name if !seen.insert(name) => {
                return invalid(format!("alarmConfiguration has the alarm {name} more than once"));
            }
            _ => {}
        }
    }
    if given.enabled == Some(true) && alarms.is_empty() {
        return invalid("alarmConfiguration must have at least one alarm when it is enabled".to_owned());
    }
    Ok(())
}

fn check_triggers(triggers: &[TriggerConfig]) -> Result<(), ApiError> {
    if triggers.len() > MOST_TRIGGERS {
        return Err(ApiError::new(
            "TriggerTargetsLimitExceededException",
            "The maximum allowed number of triggers was exceeded.",
        ));
    }
    let is_whole = |trigger: &TriggerConfig| {
        let target = trigger.trigger_target_arn.as_deref().unwrap_or_default();
        trigger.trigger_name.as_deref().is_some_and(|name| !name.is_empty())
            && target.starts_with("arn:")
            && trigger.trigger_events.as_ref().is_some_and(|events| !events.is_empty())
    };
    if triggers.iter().all(is_whole) {
        return Ok(());
    }
    Err(ApiError::new(
        "InvalidTriggerConfigException",
        "Each of triggerConfigurations must have a triggerName, a triggerTargetArn that is an ARN, and triggerEvents",
    ))
}
