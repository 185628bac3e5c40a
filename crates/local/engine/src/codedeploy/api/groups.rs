//! Deployment groups.

use tidegate_models::codedeploy::{
    BatchGetDeploymentGroupsInput, BatchGetDeploymentGroupsOutput, BlueGreenDeploymentConfiguration,
    ComputePlatform, CreateDeploymentGroupInput, CreateDeploymentGroupOutput, DeleteDeploymentGroupInput,
    DeleteDeploymentGroupOutput, DeploymentGroupInfo, DeploymentStatus, GetDeploymentGroupInput,
    GetDeploymentGroupOutput, LastDeploymentInfo, ListDeploymentGroupsInput, ListDeploymentGroupsOutput,
    UpdateDeploymentGroupInput, UpdateDeploymentGroupOutput,
};

use super::{
    PAGE, errors, group_rules,
    lookup::{self, Named},
    tags,
};
use crate::{
    ApiError, Context, State,
    codedeploy::{
        deploy,
        records::{Application, Deployment, DeploymentGroup, Work},
    },
    page::page,
};

/// AWS's most names in one BatchGetDeploymentGroups.
const MOST: usize = 100;

/// `CreateDeploymentGroup`
pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateDeploymentGroupInput,
) -> Result<CreateDeploymentGroupOutput, ApiError> {
    let application = lookup::application(state, context, &input.application_name)?.clone();
    let name = input.deployment_group_name.clone();
    check_new(state, &application, &name)?;
    let tags = tags::given(input.tags.clone())?;
    // An update that empties it has an invalid role instead, by the model.
    if input.service_role_arn.is_empty() {
        return Err(ApiError::new("RoleRequiredException", "The role ID was not specified."));
    }
    let document = wanted(input);
    let target = group_rules::check(state, context, &document)?;
    check_sole(state, &target.service, None)?;
    let id = state.ids.uuid();
    let arn = lookup::group_arn(context, &application.name, &name);
    let document = DeploymentGroupInfo { deployment_group_id: Some(id.clone()), ..document };
    let row = DeploymentGroup {
        arn: arn.clone(),
        id: id.clone(),
        application_id: application.id.clone(),
        name: name.clone(),
        service_arn: target.service,
        document,
    };
    state.deployment_groups.insert(&DeploymentGroup::key(&application.id, &name), row);
    state.put_tags(&arn, tags);
    Ok(CreateDeploymentGroupOutput { deployment_group_id: Some(id) })
}

/// `UpdateDeploymentGroup`: members that are given take the place of those that are there. A deployment under way goes on
/// as it began.
pub(super) fn update(
    state: &mut State,
    context: &Context,
    input: UpdateDeploymentGroupInput,
) -> Result<UpdateDeploymentGroupOutput, ApiError> {
    let application = lookup::application(state, context, &input.application_name)?.clone();
    let old = lookup::group(state, &application, &input.current_deployment_group_name)?.clone();
    let name = input.new_deployment_group_name.clone().unwrap_or_else(|| old.name.clone());
    if name != old.name {
        check_new(state, &application, &name)?;
    }
    let document = changed(old.document.clone(), input, &name);
    let target = group_rules::check(state, context, &document)?;
    check_sole(state, &target.service, Some(&old.id))?;
    let arn = lookup::group_arn(context, &application.name, &name);
    if name != old.name {
        state.deployment_groups.remove(&DeploymentGroup::key(&application.id, &old.name));
        tags::rename(state, &old.arn, &arn);
        relabel(state, &old.id, &application.name, &name);
    }
    let row = DeploymentGroup { arn, name: name.clone(), service_arn: target.service, document, ..old };
    state.deployment_groups.insert(&DeploymentGroup::key(&application.id, &name), row);
    Ok(UpdateDeploymentGroupOutput { hooks_not_cleaned_up: Some(Vec::new()) })
}

/// `DeleteDeploymentGroup`, with all that is known of its deployments. One that is gone already is no error, as on AWS.
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteDeploymentGroupInput,
) -> Result<DeleteDeploymentGroupOutput, ApiError> {
    lookup::check_name(&input.application_name, Named::Application)?;
    lookup::check_name(&input.deployment_group_name, Named::Group)?;
    if let Ok(application) = lookup::application(state, context, &input.application_name) {
        let key = DeploymentGroup::key(&application.id, &input.deployment_group_name);
        remove(state, &key);
    }
    Ok(DeleteDeploymentGroupOutput { hooks_not_cleaned_up: Some(Vec::new()) })
}

/// Removes a group, its tags and its deployments. One under way ends where it is: its task sets and weights stay.
pub(super) fn remove(state: &mut State, key: &str) {
    let Some(group) = state.deployment_groups.get(key) else { return };
    let (arn, id) = (group.arn.clone(), group.id.clone());
    state.deployment_groups.remove(key);
    state.tags.remove(&arn);
    deploy::forget(state, &id);
}

/// The deployments of a group are of an application and a group that are called otherwise now.
pub(super) fn relabel(state: &mut State, group_id: &str, application: &str, group: &str) {
    let deployments = state.deployments.indexed_by(group_id).map(|(arn, _)| arn.to_owned());
    for arn in deployments.collect::<Vec<_>>() {
        state.deployments.update(&arn, |row| {
            row.echo.application_name = Some(application.to_owned());
            row.echo.deployment_group_name = Some(group.to_owned());
        });
    }
}

/// `GetDeploymentGroup`
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetDeploymentGroupInput,
) -> Result<GetDeploymentGroupOutput, ApiError> {
    let application = lookup::application(state, context, &input.application_name)?;
    let group = lookup::group(state, application, &input.deployment_group_name)?;
    Ok(GetDeploymentGroupOutput { deployment_group_info: Some(described(state, application, group)) })
}

/// `BatchGetDeploymentGroups`: those that do not exist are named in the reply's error message.
pub(super) fn batch_get(
    state: &State,
    context: &Context,
    input: BatchGetDeploymentGroupsInput,
) -> Result<BatchGetDeploymentGroupsOutput, ApiError> {
    let application = lookup::application(state, context, &input.application_name)?;
    if input.deployment_group_names.len() > MOST {
        return Err(errors::too_many(MOST));
    }
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for name in &input.deployment_group_names {
        match lookup::group(state, application, name) {
            Ok(group) => found.push(described(state, application, group)),
            Err(error) => missing.push(error.message.into_owned()),
        }
    }
    Ok(BatchGetDeploymentGroupsOutput {
        deployment_groups_info: Some(found),
        error_message: (!missing.is_empty()).then(|| missing.join("; ")),
    })
}

/// `ListDeploymentGroups`
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListDeploymentGroupsInput,
) -> Result<ListDeploymentGroupsOutput, ApiError> {
    let application = lookup::application(state, context, &input.application_name)?;
    let prefix = DeploymentGroup::key(&application.id, "");
    let rows = state.deployment_groups.with_prefix(&prefix);
    let found = page(rows, "ListDeploymentGroups", input.next_token.as_deref(), PAGE, errors::invalid_token)?;
    Ok(ListDeploymentGroupsOutput {
        application_name: Some(application.name.clone()),
        deployment_groups: Some(found.items.into_iter().map(|group| group.name.clone()).collect()),
        next_token: found.next,
    })
}

fn check_new(state: &State, application: &Application, name: &str) -> Result<(), ApiError> {
    lookup::check_name(name, Named::Group)?;
    if state.deployment_groups.contains(&DeploymentGroup::key(&application.id, name)) {
        return Err(ApiError::new(
            "DeploymentGroupAlreadyExistsException",
            format!("Deployment group name already exists: {name}"),
        ));
    }
    Ok(())
}

/// A service has one group. `own` is the id of the group that may have it already.
fn check_sole(state: &State, service: &str, own: Option<&str>) -> Result<(), ApiError> {
    let mut others = state.deployment_groups.indexed_by(service).map(|(_, group)| group);
    match others.find(|group| Some(group.id.as_str()) != own) {
        Some(other) => Err(ApiError::new(
            "ECSServiceMappingLimitExceededException",
            format!(
                "The ECS service {service} is mapped to another deployment group already, and can have one only: {}",
                other.arn
            ),
        )),
        None => Ok(()),
    }
}

/// As `GetDeploymentGroup` answers.
fn described(state: &State, application: &Application, group: &DeploymentGroup) -> DeploymentGroupInfo {
    let successful = last_successful(state, &group.id);
    DeploymentGroupInfo {
        application_name: Some(application.name.clone()),
        last_attempted_deployment: newest(state, &group.id, |_| true).map(brief),
        last_successful_deployment: successful.map(brief),
        target_revision: successful.and_then(|row| row.echo.revision.clone()),
        ..group.document.clone()
    }
}

/// The last deployment of a group that succeeded: what it is at.
pub(super) fn last_successful<'a>(state: &'a State, group_id: &str) -> Option<&'a Deployment> {
    newest(state, group_id, |row| row.status == DeploymentStatus::Succeeded)
}

fn newest<'a>(
    state: &'a State,
    group_id: &str,
    is_wanted: impl Fn(&Deployment) -> bool,
) -> Option<&'a Deployment> {
    let deployments = state.deployments.indexed_by(group_id).map(|(_, row)| row);
    // Ids are random, so that two of one moment are told apart by which began: a roll-back follows what it rolls back.
    deployments.filter(|row| is_wanted(row)).max_by_key(|row| (row.created_at, row.work == Work::RollBack))
}

fn brief(row: &Deployment) -> LastDeploymentInfo {
    LastDeploymentInfo {
        deployment_id: Some(row.id.clone()),
        status: Some(row.status),
        create_time: Some(row.created_at),
        end_time: row.completed_at,
    }
}

fn wanted(input: CreateDeploymentGroupInput) -> DeploymentGroupInfo {
    DeploymentGroupInfo {
        alarm_configuration: input.alarm_configuration,
        auto_rollback_configuration: input.auto_rollback_configuration,
        auto_scaling_groups: names_of_scaling_groups(input.auto_scaling_groups),
        blue_green_deployment_configuration: input.blue_green_deployment_configuration.map(with_times),
        compute_platform: Some(ComputePlatform::Ecs),
        deployment_config_name: input.deployment_config_name,
        deployment_group_name: Some(input.deployment_group_name),
        deployment_style: input.deployment_style,
        ec2_deployment_options: input.ec2_deployment_options,
        ec2_tag_filters: input.ec2_tag_filters,
        ec2_tag_set: input.ec2_tag_set,
        ecs_services: input.ecs_services,
        load_balancer_info: input.load_balancer_info,
        on_premises_instance_tag_filters: input.on_premises_instance_tag_filters,
        on_premises_tag_set: input.on_premises_tag_set,
        outdated_instances_strategy: input.outdated_instances_strategy,
        service_role_arn: Some(input.service_role_arn),
        termination_hook_enabled: input.termination_hook_enabled,
        trigger_configurations: input.trigger_configurations,
        ..DeploymentGroupInfo::default()
    }
}

fn changed(old: DeploymentGroupInfo, input: UpdateDeploymentGroupInput, name: &str) -> DeploymentGroupInfo {
    DeploymentGroupInfo {
        alarm_configuration: input.alarm_configuration.or(old.alarm_configuration),
        auto_rollback_configuration: input.auto_rollback_configuration.or(old.auto_rollback_configuration),
        auto_scaling_groups: names_of_scaling_groups(input.auto_scaling_groups).or(old.auto_scaling_groups),
        blue_green_deployment_configuration: input
            .blue_green_deployment_configuration
            .map(with_times)
            .or(old.blue_green_deployment_configuration),
        deployment_config_name: input.deployment_config_name.or(old.deployment_config_name),
        deployment_group_name: Some(name.to_owned()),
        deployment_style: input.deployment_style.or(old.deployment_style),
        ec2_deployment_options: input.ec2_deployment_options.or(old.ec2_deployment_options),
        ec2_tag_filters: input.ec2_tag_filters.or(old.ec2_tag_filters),
        ec2_tag_set: input.ec2_tag_set.or(old.ec2_tag_set),
        ecs_services: input.ecs_services.or(old.ecs_services),
        load_balancer_info: input.load_balancer_info.or(old.load_balancer_info),
        on_premises_instance_tag_filters: input
            .on_premises_instance_tag_filters
            .or(old.on_premises_instance_tag_filters),
        on_premises_tag_set: input.on_premises_tag_set.or(old.on_premises_tag_set),
        outdated_instances_strategy: input.outdated_instances_strategy.or(old.outdated_instances_strategy),
        service_role_arn: input.service_role_arn.or(old.service_role_arn),
        termination_hook_enabled: input.termination_hook_enabled.or(old.termination_hook_enabled),
        trigger_configurations: input.trigger_configurations.or(old.trigger_configurations),
        ..old
    }
}

/// CodeDeploy answers both times also when nobody gave them; the AWS CLI's `ecs deploy` reads them without asking.
fn with_times(mut given: BlueGreenDeploymentConfiguration) -> BlueGreenDeploymentConfiguration {
    if let Some(ready) = &mut given.deployment_ready_option {
        ready.wait_time_in_minutes.get_or_insert(0);
    }
    if let Some(terminate) = &mut given.terminate_blue_instances_on_deployment_success {
        terminate.termination_wait_time_in_minutes.get_or_insert(0);
    }
    given
}

fn names_of_scaling_groups(
    given: Option<Vec<String>>,
) -> Option<Vec<tidegate_models::codedeploy::AutoScalingGroup>> {
    let named = |name: String| tidegate_models::codedeploy::AutoScalingGroup {
        name: Some(name),
        hook: None,
        termination_hook: None,
    };
    given.map(|names| names.into_iter().map(named).collect())
}
