//! Applications.

use tidegate_models::codedeploy::{
    ApplicationInfo, BatchGetApplicationsInput, BatchGetApplicationsOutput, ComputePlatform,
    CreateApplicationInput, CreateApplicationOutput, DeleteApplicationInput, GetApplicationInput,
    GetApplicationOutput, ListApplicationsInput, ListApplicationsOutput, UpdateApplicationInput,
};

use super::{
    Nothing, PAGE, errors,
    lookup::{self, Named},
    tags,
};
use crate::{
    ApiError, Context, State,
    codedeploy::records::{Application, DeploymentGroup},
    page::page,
};

/// AWS's most names in one BatchGetApplications.
const MOST: usize = 100;

/// `CreateApplication`
pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateApplicationInput,
) -> Result<CreateApplicationOutput, ApiError> {
    let name = input.application_name;
    check_new(state, context, &name)?;
    let platform = input.compute_platform.unwrap_or(ComputePlatform::Server);
    if platform != ComputePlatform::Ecs {
        return Err(ApiError::new(
            "InvalidComputePlatformException",
            format!(
                "The local cloud deploys to the ECS compute platform only, not to {platform}; set computePlatform to ECS"
            ),
        ));
    }
    let tags = tags::given(input.tags)?;
    let arn = lookup::application_arn(context, &name);
    let id = state.ids.uuid();
    let row = Application { arn: arn.clone(), id: id.clone(), name, created_at: context.now };
    state.code_deploy_applications.insert(&arn, row);
    state.put_tags(&arn, tags);
    Ok(CreateApplicationOutput { application_id: Some(id) })
}

/// `UpdateApplication`: another name.
pub(super) fn update(
    state: &mut State,
    context: &Context,
    input: UpdateApplicationInput,
) -> Result<Nothing, ApiError> {
    let old = lookup::application(state, context, &input.application_name.unwrap_or_default())?.clone();
    let Some(name) = input.new_application_name.filter(|name| *name != old.name) else {
        return Ok(Nothing {});
    };
    check_new(state, context, &name)?;
    let arn = lookup::application_arn(context, &name);
    state.code_deploy_applications.remove(&old.arn);
    state
        .code_deploy_applications
        .insert(&arn, Application { arn: arn.clone(), name: name.clone(), ..old.clone() });
    tags::rename(state, &old.arn, &arn);
    for key in group_keys(state, &old.id) {
        let arns = state.deployment_groups.update(&key, |group| {
            let new = lookup::group_arn(context, &name, &group.name);
            let before = std::mem::replace(&mut group.arn, new.clone());
            (before, new, group.id.clone(), group.name.clone())
        });
        if let Some((before, after, id, group)) = arns {
            tags::rename(state, &before, &after);
            super::groups::relabel(state, &id, &name, &group);
        }
    }
    Ok(Nothing {})
}

/// `DeleteApplication`, with its groups, revisions and what was deployed. One that is gone already is no error, as on AWS.
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteApplicationInput,
) -> Result<Nothing, ApiError> {
    lookup::check_name(&input.application_name, Named::Application)?;
    let Ok(application) = lookup::application(state, context, &input.application_name) else {
        return Ok(Nothing {});
    };
    let (arn, id) = (application.arn.clone(), application.id.clone());
    for key in group_keys(state, &id) {
        super::groups::remove(state, &key);
    }
    let prefix = format!("{id}/");
    let revisions: Vec<String> =
        state.application_revisions.with_prefix(&prefix).map(|(key, _)| key.to_owned()).collect();
    for key in revisions {
        state.application_revisions.remove(&key);
    }
    state.code_deploy_applications.remove(&arn);
    state.tags.remove(&arn);
    Ok(Nothing {})
}

/// `GetApplication`
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetApplicationInput,
) -> Result<GetApplicationOutput, ApiError> {
    let application = lookup::application(state, context, &input.application_name)?;
    Ok(GetApplicationOutput { application: Some(described(application)) })
}

/// `BatchGetApplications`
pub(super) fn batch_get(
    state: &State,
    context: &Context,
    input: BatchGetApplicationsInput,
) -> Result<BatchGetApplicationsOutput, ApiError> {
    if input.application_names.len() > MOST {
        return Err(errors::too_many(MOST));
    }
    let find = |name: &String| lookup::application(state, context, name).map(described);
    let found = input.application_names.iter().map(find).collect::<Result<_, _>>()?;
    Ok(BatchGetApplicationsOutput { applications_info: Some(found) })
}

/// `ListApplications`
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListApplicationsInput,
) -> Result<ListApplicationsOutput, ApiError> {
    let prefix = lookup::application_arn(context, "");
    let rows = state.code_deploy_applications.with_prefix(&prefix);
    let found = page(rows, "ListApplications", input.next_token.as_deref(), PAGE, errors::invalid_token)?;
    Ok(ListApplicationsOutput {
        applications: Some(found.items.into_iter().map(|row| row.name.clone()).collect()),
        next_token: found.next,
    })
}

fn check_new(state: &State, context: &Context, name: &str) -> Result<(), ApiError> {
    lookup::check_name(name, Named::Application)?;
    if state.code_deploy_applications.contains(&lookup::application_arn(context, name)) {
        return Err(ApiError::new(
            "ApplicationAlreadyExistsException",
            format!("Application already exists with name: {name}"),
        ));
    }
    Ok(())
}

fn group_keys(state: &State, application_id: &str) -> Vec<String> {
    let prefix = DeploymentGroup::key(application_id, "");
    state.deployment_groups.with_prefix(&prefix).map(|(key, _)| key.to_owned()).collect()
}

/// As `GetApplication` answers.
fn described(row: &Application) -> ApplicationInfo {
    ApplicationInfo {
        application_id: Some(row.id.clone()),
        application_name: Some(row.name.clone()),
        compute_platform: Some(ComputePlatform::Ecs),
        create_time: Some(row.created_at),
        linked_to_git_hub: Some(false),
        git_hub_account_name: None,
    }
}
