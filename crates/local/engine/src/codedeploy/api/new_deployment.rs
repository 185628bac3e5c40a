//! CreateDeployment: everything that a deployment is about is looked up and checked, before anything changes.

use tidegate_models::codedeploy::{
    AlarmConfiguration, AutoRollbackConfiguration, ComputePlatform, CreateDeploymentInput,
    CreateDeploymentOutput, DeploymentCreator, DeploymentGroupInfo, DeploymentInfo, DeploymentMode,
    DeploymentReadyAction, DeploymentStatus, InstanceAction, RevisionLocation, TrafficRoutingConfig,
    TrafficRoutingType,
};

use super::{
    SERVICE, configs,
    errors::{self, invalid_load_balancer_info, invalid_revision, invalid_service},
    group_rules, groups, lookup,
    revisions::{self, Given},
};
use crate::{
    ApiError, Context, State,
    codedeploy::{
        appspec, deploy,
        records::{
            Alarms, Application, Deployment, DeploymentGroup, Event, Phase, Plan, Ready, Revision, Routes,
            Side, Termination, UnknownAlarm, Work,
        },
        target::{self, Target},
    },
    ecs::records::{Share, TaskSetStatus},
    state::Subject,
};

/// `CreateDeployment`
pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateDeploymentInput,
) -> Result<CreateDeploymentOutput, ApiError> {
    let application = lookup::application(state, context, &input.application_name)?.clone();
    let group = input.deployment_group_name.as_deref().unwrap_or_default();
    let group = lookup::group(state, &application, group)?.clone();
    revisions::check_description(input.description.as_deref())?;
    check_platform(&input)?;
    check_alone(state, &group)?;
    let config_name =
        input.deployment_config_name.clone().or_else(|| group.document.deployment_config_name.clone());
    group_rules::check_config(state, context, config_name.as_deref())?;
    group_rules::check_rollback(input.auto_rollback_configuration.as_ref())?;
    group_rules::check_alarms(input.override_alarm_configuration.as_ref())?;
    let alarms = alarms(&input, &group.document);
    check_alarms(state, context, &alarms)?;
    let revision = revision(state, &application, input.revision.as_ref())?;
    let target = target::find(state, &context.scope, &group.document)?;
    let (blue, green) = sides(state, &target)?;
    if let Some(service) = state.services.get(&target.service) {
        appspec::check(state, &context.scope, &revision.spec, &service.template)
            .map_err(|problem| invalid_revision(format!("The AppSpec cannot be deployed: {problem}")))?;
    }

    let id = state.ids.deployment();
    let arn = context.scope.arn(SERVICE, format_args!("deployment:{id}"));
    let routes = Routes { production: target.production, test: target.test };
    let config = config_name.as_deref().and_then(|name| configs::find(state, context, name));
    let (steps, interval_minutes) = steps(config.and_then(|config| config.traffic_routing_config));
    let rollback = input
        .auto_rollback_configuration
        .clone()
        .or_else(|| group.document.auto_rollback_configuration.clone());
    let work = Work::Deploy(Box::new(Plan { spec: revision.spec.clone(), steps, interval_minutes }));
    let row = Deployment {
        arn: arn.clone(),
        id: id.clone(),
        scope: context.scope.clone(),
        group_id: group.id.clone(),
        revision: revision.sha256.clone(),
        echo: DeploymentInfo {
            deployment_config_name: config_name,
            auto_rollback_configuration: rollback.clone(),
            revision: Some(revisions::without_content(&revision.location)),
            ..echo(state, &application, &group, &input)
        },
        service_arn: target.service,
        events: deploy::events_of(&work, &routes),
        routes,
        blue,
        green,
        work,
        ready: ready(&group.document),
        termination: termination(&group.document),
        rolls_back_on: rolls_back_on(rollback),
        alarms,
        status: DeploymentStatus::Created,
        phase: Phase::Event(Event::BeforeInstall),
        since: context.now,
        step: 0,
        error: None,
        rollback: None,
        created_at: context.now,
        started_at: None,
        completed_at: None,
        updated_at: context.now,
        final_task_sets: Vec::new(),
    };
    let key = Revision::key(&application.id, &revision.sha256);
    revisions::put(state, context, &application, revision, None);
    state.application_revisions.update(&key, |revision| {
        revision.first_used_at.get_or_insert(context.now);
        revision.last_used_at = Some(context.now);
    });
    state.deployments.insert(&arn, row);
    state.touch(Subject::Deployment(arn));
    Ok(CreateDeploymentOutput { deployment_id: Some(id) })
}

/// Members of the other compute platforms.
fn check_platform(input: &CreateDeploymentInput) -> Result<(), ApiError> {
    if input.target_instances.is_some() {
        return Err(ApiError::new(
            "InvalidTargetInstancesException",
            "targetInstances cannot be specified for the ECS compute platform",
        ));
    }
    if input.update_outdated_instances_only == Some(true) {
        return Err(ApiError::new(
            "InvalidUpdateOutdatedInstancesOnlyValueException",
            "updateOutdatedInstancesOnly cannot be true for the ECS compute platform",
        ));
    }
    if input.deployment_mode.is_some_and(|mode| mode != DeploymentMode::Standard) {
        return Err(errors::invalid_input(
            "For the ECS compute platform, the deploymentMode can only be STANDARD",
        ));
    }
    Ok(())
}

/// A group has one deployment at a time.
fn check_alone(state: &State, group: &DeploymentGroup) -> Result<(), ApiError> {
    let mut others = state.deployments.indexed_by(&group.id).map(|(_, row)| row);
    match others.find(|row| !row.is_over()) {
        Some(other) => Err(ApiError::new(
            "DeploymentLimitExceededException",
            format!("The Deployment Group '{}' already has an active Deployment '{}'", group.name, other.id),
        )),
        None => Ok(()),
    }
}

/// The revision that is given with its content, or one that was registered, by its SHA-256.
fn revision(
    state: &State,
    application: &Application,
    location: Option<&RevisionLocation>,
) -> Result<Given, ApiError> {
    let location = location
        .ok_or_else(|| ApiError::new("RevisionRequiredException", "The revision was not specified."))?;
    let of_content = location.app_spec_content.as_ref().and_then(|content| content.content.as_ref());
    let of_string = location.string.as_ref().and_then(|string| string.content.as_ref());
    match (of_content, of_string, revisions::find(state, application, location)) {
        (None, None, Ok(registered)) => revisions::given(&registered.location),
        _ => revisions::given(location),
    }
}

/// The task set that serves, behind the production listener, and the place of the one that is to come.
fn sides(state: &State, target: &Target) -> Result<(Side, Side), ApiError> {
    let service = state.services.get(&target.service);
    let primary = service.and_then(|service| {
        service.task_sets.iter().find(|task_set| task_set.status == TaskSetStatus::Primary)
    });
    let primary = primary.ok_or_else(|| {
        invalid_service(format!("The ECS service {} has no PRIMARY task set", target.service))
    })?;
    let revision = state.service_revisions.get(&primary.revision_arn);
    let group = revision.and_then(|revision| revision.target_groups.first()).cloned().unwrap_or_default();
    let Some(other) =
        target.groups.iter().find(|other| **other != group).filter(|_| target.groups.contains(&group))
    else {
        return Err(errors::invalid_pair(format!(
            "The target group of the PRIMARY task set of {} must be one of the deployment group's pair, and is {group}",
            target.service
        )));
    };
    deploy::primary_is_behind(state, target, &group).map_err(invalid_load_balancer_info)?;
    let blue = Side { task_set: Some(primary.id.clone()), target_group: group };
    Ok((blue, Side { task_set: None, target_group: other.clone() }))
}

fn alarms(input: &CreateDeploymentInput, group: &DeploymentGroupInfo) -> Alarms {
    let given = input.override_alarm_configuration.as_ref().or(group.alarm_configuration.as_ref());
    let Some(AlarmConfiguration { alarms: Some(alarms), enabled: Some(true), ignore_poll_alarm_failure }) =
        given
    else {
        return Alarms::default();
    };
    Alarms {
        names: alarms.iter().filter_map(|alarm| alarm.name.clone()).collect(),
        unknown: match ignore_poll_alarm_failure {
            Some(true) => UnknownAlarm::IsIgnored,
            _ => UnknownAlarm::Stops,
        },
    }
}

/// An alarm that does not exist would stop the deployment at once: it is refused instead.
fn check_alarms(state: &State, context: &Context, alarms: &Alarms) -> Result<(), ApiError> {
    let is_missing = |name: &&String| crate::cloudwatch::alarm_state(state, &context.scope, name).is_none();
    match alarms.names.iter().find(is_missing) {
        Some(name) if alarms.unknown == UnknownAlarm::Stops => Err(ApiError::new(
            "InvalidAlarmConfigException",
            format!("The Amazon CloudWatch alarm could not be found: {name}"),
        )),
        _ => Ok(()),
    }
}

/// Green's shares, step by step, and how many minutes pass between two of them.
fn steps(routing: Option<TrafficRoutingConfig>) -> (Vec<Share>, u32) {
    let routing = routing.unwrap_or_default();
    let share = |percent: i32| Share::percent(f64::from(percent));
    let minutes = |given: Option<i32>| given.and_then(|minutes| u32::try_from(minutes).ok()).unwrap_or(0);
    match (routing.r#type, routing.time_based_canary, routing.time_based_linear) {
        (Some(TrafficRoutingType::TimeBasedCanary), Some(canary), _) => (
            vec![share(canary.canary_percentage.unwrap_or(100)), Share::EVERYTHING],
            minutes(canary.canary_interval),
        ),
        (Some(TrafficRoutingType::TimeBasedLinear), _, Some(linear)) => {
            let percent = linear.linear_percentage.unwrap_or(100).max(1);
            let steps = (1..).map(|step| share(percent * step));
            let before = steps.take_while(|share| *share < Share::EVERYTHING);
            (before.chain([Share::EVERYTHING]).collect(), minutes(linear.linear_interval))
        }
        _ => (vec![Share::EVERYTHING], 0),
    }
}

fn ready(group: &DeploymentGroupInfo) -> Ready {
    let given = group.blue_green_deployment_configuration.as_ref();
    let given = given.and_then(|given| given.deployment_ready_option.as_ref());
    match given.and_then(|given| given.action_on_timeout) {
        Some(DeploymentReadyAction::StopDeployment) => {
            let minutes = given.and_then(|given| given.wait_time_in_minutes);
            Ready::StopAfter { minutes: minutes.and_then(|minutes| u32::try_from(minutes).ok()).unwrap_or(0) }
        }
        _ => Ready::Continue,
    }
}

fn termination(group: &DeploymentGroupInfo) -> Termination {
    let given = group.blue_green_deployment_configuration.as_ref();
    let given = given.and_then(|given| given.terminate_blue_instances_on_deployment_success.as_ref());
    match given.and_then(|given| given.action) {
        Some(InstanceAction::KeepAlive) => Termination::KeepAlive,
        _ => {
            let minutes = given.and_then(|given| given.termination_wait_time_in_minutes);
            Termination::After {
                minutes: minutes.and_then(|minutes| u32::try_from(minutes).ok()).unwrap_or(0),
            }
        }
    }
}

fn rolls_back_on(
    given: Option<AutoRollbackConfiguration>,
) -> Vec<tidegate_models::codedeploy::AutoRollbackEvent> {
    let enabled = given.filter(|given| given.enabled == Some(true));
    enabled.and_then(|given| given.events).unwrap_or_default()
}

/// What of a deployment is only stored and described.
fn echo(
    state: &State,
    application: &Application,
    group: &DeploymentGroup,
    input: &CreateDeploymentInput,
) -> DeploymentInfo {
    let document = &group.document;
    DeploymentInfo {
        application_name: Some(application.name.clone()),
        deployment_group_name: Some(group.name.clone()),
        compute_platform: Some(ComputePlatform::Ecs),
        creator: Some(DeploymentCreator::User),
        description: input.description.clone(),
        deployment_style: document.deployment_style.clone(),
        blue_green_deployment_configuration: document.blue_green_deployment_configuration.clone(),
        load_balancer_info: document.load_balancer_info.clone(),
        override_alarm_configuration: input.override_alarm_configuration.clone(),
        file_exists_behavior: input.file_exists_behavior,
        ignore_application_stop_failures: Some(input.ignore_application_stop_failures == Some(true)),
        update_outdated_instances_only: Some(false),
        deployment_mode: Some(DeploymentMode::Standard),
        previous_revision: groups::last_successful(state, &group.id)
            .and_then(|row| row.echo.revision.clone()),
        ..DeploymentInfo::default()
    }
}
