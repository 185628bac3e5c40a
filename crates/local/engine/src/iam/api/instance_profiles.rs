//! Instance profiles.

use tidegate_models::iam::{
    self, AddRoleToInstanceProfileRequest, CreateInstanceProfileRequest, CreateInstanceProfileResponse,
    DeleteInstanceProfileRequest, GetInstanceProfileRequest, GetInstanceProfileResponse,
    ListInstanceProfileTagsRequest, ListInstanceProfileTagsResponse, ListInstanceProfilesForRoleRequest,
    ListInstanceProfilesForRoleResponse, ListInstanceProfilesRequest, ListInstanceProfilesResponse,
    RemoveRoleFromInstanceProfileRequest, TagInstanceProfileRequest, UntagInstanceProfileRequest,
};

use super::{
    super::records::{InstanceProfile, arn, key},
    Nothing,
    errors::{already_exists, delete_conflict, no_such_entity, quota},
    lists, roles, tags,
};
use crate::{ApiError, Context, State};

/// AWS's most instance profiles of an account.
const MOST: usize = 1_000;

/// `CreateInstanceProfile`
pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateInstanceProfileRequest,
) -> Result<CreateInstanceProfileResponse, ApiError> {
    let account = &context.scope.account;
    let given = tags::given(input.tags)?;
    let name = input.instance_profile_name;
    let key = key(account, &name);
    if state.instance_profiles.contains(&key) {
        return Err(already_exists(format!("Instance Profile {name} already exists.")));
    }
    if state.instance_profiles.with_prefix(&format!("{account}/")).count() >= MOST {
        return Err(quota("InstanceProfilesPerAccount", MOST));
    }
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    let profile = InstanceProfile {
        arn: arn(account, format_args!("instance-profile{path}{name}")),
        id: state.ids.unique("AIPA"),
        name,
        path,
        created_at: context.now,
        role: None,
    };
    state.instance_profiles.insert(&key, profile.clone());
    state.put_tags(&profile.arn, given);
    Ok(CreateInstanceProfileResponse { instance_profile: described(state, context, &profile) })
}

/// `GetInstanceProfile`
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetInstanceProfileRequest,
) -> Result<GetInstanceProfileResponse, ApiError> {
    let profile = find(state, context, &input.instance_profile_name)?;
    Ok(GetInstanceProfileResponse { instance_profile: described(state, context, profile) })
}

/// `ListInstanceProfiles`
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListInstanceProfilesRequest,
) -> Result<ListInstanceProfilesResponse, ApiError> {
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let account = format!("{}/", context.scope.account);
    let found = state.instance_profiles.with_prefix(&account);
    let found = found.filter(|(_, profile)| profile.path.starts_with(prefix));
    let found = found.map(|(key, profile)| {
        (key, iam::InstanceProfile { tags: None, ..described(state, context, profile) })
    });
    let purpose = format!("ListInstanceProfiles{prefix}");
    let page = lists::page(found, &purpose, input.marker.as_deref(), input.max_items)?;
    Ok(ListInstanceProfilesResponse {
        instance_profiles: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

/// `ListInstanceProfilesForRole`
pub(super) fn list_for_role(
    state: &State,
    context: &Context,
    input: ListInstanceProfilesForRoleRequest,
) -> Result<ListInstanceProfilesForRoleResponse, ApiError> {
    let role = &roles::find(state, context, &input.role_name)?.name;
    let account = format!("{}/", context.scope.account);
    let found = state.instance_profiles.with_prefix(&account);
    let found = found.filter(|(_, profile)| profile.role.as_ref() == Some(role));
    let found = found.map(|(key, profile)| (key, described(state, context, profile)));
    let purpose = format!("ListInstanceProfilesForRole {role}");
    let page = lists::page(found, &purpose, input.marker.as_deref(), input.max_items)?;
    Ok(ListInstanceProfilesForRoleResponse {
        instance_profiles: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

/// `DeleteInstanceProfile`
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteInstanceProfileRequest,
) -> Result<Nothing, ApiError> {
    let profile = find(state, context, &input.instance_profile_name)?;
    if profile.role.is_some() {
        return Err(delete_conflict("Cannot delete entity, must remove roles from instance profile first."));
    }
    let arn = profile.arn.clone();
    state.instance_profiles.remove(&key(&context.scope.account, &input.instance_profile_name));
    state.tags.remove(&arn);
    Ok(Nothing {})
}

/// `AddRoleToInstanceProfile`: a profile has one role at most.
pub(super) fn add_role(
    state: &mut State,
    context: &Context,
    input: AddRoleToInstanceProfileRequest,
) -> Result<Nothing, ApiError> {
    let profile = find(state, context, &input.instance_profile_name)?;
    roles::changeable(state, context, &input.role_name)?;
    let role = roles::find(state, context, &input.role_name)?.name.clone();
    if profile.role.is_some() {
        return Err(quota("InstanceSessionsPerInstanceProfile", 1));
    }
    let key = key(&context.scope.account, &input.instance_profile_name);
    state.instance_profiles.update(&key, |profile| profile.role = Some(role));
    Ok(Nothing {})
}

/// `RemoveRoleFromInstanceProfile`
pub(super) fn remove_role(
    state: &mut State,
    context: &Context,
    input: RemoveRoleFromInstanceProfileRequest,
) -> Result<Nothing, ApiError> {
    let profile = find(state, context, &input.instance_profile_name)?;
    if !profile.role.as_ref().is_some_and(|role| role.eq_ignore_ascii_case(&input.role_name)) {
        return Err(no_such_entity(format!(
            "The role with name {} cannot be found in the instance profile.",
            input.role_name
        )));
    }
    let key = key(&context.scope.account, &input.instance_profile_name);
    state.instance_profiles.update(&key, |profile| profile.role = None);
    Ok(Nothing {})
}

/// `TagInstanceProfile`
pub(super) fn tag(
    state: &mut State,
    context: &Context,
    input: TagInstanceProfileRequest,
) -> Result<Nothing, ApiError> {
    let arn = find(state, context, &input.instance_profile_name)?.arn.clone();
    tags::add(state, &arn, input.tags)?;
    Ok(Nothing {})
}

/// `UntagInstanceProfile`
pub(super) fn untag(
    state: &mut State,
    context: &Context,
    input: UntagInstanceProfileRequest,
) -> Result<Nothing, ApiError> {
    let arn = find(state, context, &input.instance_profile_name)?.arn.clone();
    tags::remove(state, &arn, &input.tag_keys);
    Ok(Nothing {})
}

/// `ListInstanceProfileTags`
pub(super) fn list_tags(
    state: &State,
    context: &Context,
    input: ListInstanceProfileTagsRequest,
) -> Result<ListInstanceProfileTagsResponse, ApiError> {
    let arn = &find(state, context, &input.instance_profile_name)?.arn;
    let page = tags::list(state, arn, input.marker.as_deref(), input.max_items)?;
    Ok(ListInstanceProfileTagsResponse {
        is_truncated: page.is_truncated,
        marker: page.marker,
        tags: page.items,
    })
}

fn find<'a>(state: &'a State, context: &Context, name: &str) -> Result<&'a InstanceProfile, ApiError> {
    state
        .instance_profiles
        .get(&key(&context.scope.account, name))
        .ok_or_else(|| no_such_entity(format!("Instance Profile {name} cannot be found.")))
}

fn described(state: &State, context: &Context, profile: &InstanceProfile) -> iam::InstanceProfile {
    let role = profile.role.as_deref().and_then(|name| roles::find(state, context, name).ok());
    iam::InstanceProfile {
        arn: profile.arn.clone(),
        create_date: profile.created_at,
        instance_profile_id: profile.id.clone(),
        instance_profile_name: profile.name.clone(),
        path: profile.path.clone(),
        roles: role.map(roles::in_list).into_iter().collect(),
        tags: tags::described(state, &profile.arn),
    }
}
