//! Roles: created, read, changed, tagged, deleted.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_models::iam::{
    self, AttachedPermissionsBoundary, CreateRoleRequest, CreateRoleResponse, DeleteRoleRequest,
    GetRoleRequest, GetRoleResponse, ListRoleTagsRequest, ListRoleTagsResponse, ListRolesRequest,
    ListRolesResponse, PermissionsBoundaryAttachmentType, RoleLastUsed, TagRoleRequest, UntagRoleRequest,
    UpdateAssumeRolePolicyRequest, UpdateRoleDescriptionRequest, UpdateRoleDescriptionResponse,
    UpdateRoleRequest, UpdateRoleResponse,
};

use super::{
    super::{
        document::{self, Purpose},
        managed,
        records::{Role, arn, key},
        service_linked,
    },
    Nothing,
    errors::{already_exists, delete_conflict, invalid_input, no_such_entity, no_such_role, quota},
    lists, tags,
};
use crate::{ApiError, Context, State};

/// AWS's most roles of an account.
const MOST: usize = 1_000;

/// AWS's longest trust policy, in characters without white space.
const TRUST_POLICY_SIZE: usize = 2_048;

/// How long a session of a role is, in seconds, unless somebody said another maximum.
const SESSION: i32 = 3_600;

/// `CreateRole`
pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateRoleRequest,
) -> Result<CreateRoleResponse, ApiError> {
    let account = &context.scope.account;
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    if path.starts_with(service_linked::PATH) {
        return Err(invalid_input(format!(
            "Roles with the path {} are created by AWS services: use CreateServiceLinkedRole.",
            service_linked::PATH
        )));
    }
    check_trust_policy(&input.assume_role_policy_document)?;
    let given = tags::given(input.tags)?;
    let key = key(account, &input.role_name);
    if state.iam_roles.contains(&key) {
        return Err(already_exists(format!("Role with name {} already exists.", input.role_name)));
    }
    if let Some(boundary) = &input.permissions_boundary
        && !state.iam_policies.contains(boundary)
        && managed::by_arn(boundary).is_none()
    {
        return Err(no_such_entity(format!("Scope ARN: {boundary} does not exist or is not attachable.")));
    }
    if state.iam_roles.with_prefix(&format!("{account}/")).count() >= MOST {
        return Err(quota("RolesPerAccount", MOST));
    }
    let role = Role {
        arn: arn(account, format_args!("role{path}{}", input.role_name)),
        id: state.ids.unique("AROA"),
        name: input.role_name,
        path,
        trust_policy: input.assume_role_policy_document,
        description: input.description,
        max_session_duration: input.max_session_duration.unwrap_or(SESSION),
        permissions_boundary: input.permissions_boundary,
        created_at: context.now,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
    };
    state.iam_roles.insert(&key, role.clone());
    state.put_tags(&role.arn, given);
    Ok(CreateRoleResponse { role: iam::Role { role_last_used: None, ..described(state, &role) } })
}

/// `GetRole`
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetRoleRequest,
) -> Result<GetRoleResponse, ApiError> {
    Ok(GetRoleResponse { role: described(state, find(state, context, &input.role_name)?) })
}

/// `ListRoles`: without tags, as on AWS.
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListRolesRequest,
) -> Result<ListRolesResponse, ApiError> {
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let account = format!("{}/", context.scope.account);
    let found = state.iam_roles.with_prefix(&account).filter(|(_, role)| role.path.starts_with(prefix));
    let found = found.map(|(key, role)| (key, in_list(role)));
    let page = lists::page(found, &format!("ListRoles{prefix}"), input.marker.as_deref(), input.max_items)?;
    Ok(ListRolesResponse { is_truncated: page.is_truncated, marker: page.marker, roles: page.items })
}

/// `UpdateRole`: what is absent stays.
pub(super) fn update(
    state: &mut State,
    context: &Context,
    input: UpdateRoleRequest,
) -> Result<UpdateRoleResponse, ApiError> {
    let key = changeable(state, context, &input.role_name)?;
    state.iam_roles.update(&key, |role| {
        role.description = input.description.or(role.description.take());
        role.max_session_duration = input.max_session_duration.unwrap_or(role.max_session_duration);
    });
    Ok(UpdateRoleResponse {})
}

/// `UpdateRoleDescription`
pub(super) fn update_description(
    state: &mut State,
    context: &Context,
    input: UpdateRoleDescriptionRequest,
) -> Result<UpdateRoleDescriptionResponse, ApiError> {
    let key = changeable(state, context, &input.role_name)?;
    state.iam_roles.update(&key, |role| role.description = Some(input.description));
    let role = state.iam_roles.get(&key).map(|role| described(state, role));
    Ok(UpdateRoleDescriptionResponse { role })
}

/// `UpdateAssumeRolePolicy`
pub(super) fn update_trust_policy(
    state: &mut State,
    context: &Context,
    input: UpdateAssumeRolePolicyRequest,
) -> Result<Nothing, ApiError> {
    let key = changeable(state, context, &input.role_name)?;
    check_trust_policy(&input.policy_document)?;
    state.iam_roles.update(&key, |role| role.trust_policy = input.policy_document);
    Ok(Nothing {})
}

/// `DeleteRole`: only one on which nothing hangs.
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteRoleRequest,
) -> Result<Nothing, ApiError> {
    let key = changeable(state, context, &input.role_name)?;
    let role = find(state, context, &input.role_name)?;
    let account = format!("{}/", context.scope.account);
    let carries = |(_, profile): (_, &super::super::records::InstanceProfile)| {
        profile.role.as_deref() == Some(role.name.as_str())
    };
    if state.instance_profiles.with_prefix(&account).any(carries) {
        return Err(delete_conflict("Cannot delete entity, must remove roles from instance profile first."));
    }
    if !role.attached.is_empty() {
        return Err(delete_conflict("Cannot delete entity, must detach all policies first."));
    }
    if !role.inline.is_empty() {
        return Err(delete_conflict("Cannot delete entity, must delete policies first."));
    }
    let arn = role.arn.clone();
    state.iam_roles.remove(&key);
    state.tags.remove(&arn);
    Ok(Nothing {})
}

/// `TagRole`
pub(super) fn tag(state: &mut State, context: &Context, input: TagRoleRequest) -> Result<Nothing, ApiError> {
    let arn = find(state, context, &input.role_name)?.arn.clone();
    tags::add(state, &arn, input.tags)?;
    Ok(Nothing {})
}

/// `UntagRole`
pub(super) fn untag(
    state: &mut State,
    context: &Context,
    input: UntagRoleRequest,
) -> Result<Nothing, ApiError> {
    let arn = find(state, context, &input.role_name)?.arn.clone();
    tags::remove(state, &arn, &input.tag_keys);
    Ok(Nothing {})
}

/// `ListRoleTags`
pub(super) fn list_tags(
    state: &State,
    context: &Context,
    input: ListRoleTagsRequest,
) -> Result<ListRoleTagsResponse, ApiError> {
    let arn = &find(state, context, &input.role_name)?.arn;
    let page = tags::list(state, arn, input.marker.as_deref(), input.max_items)?;
    Ok(ListRoleTagsResponse { is_truncated: page.is_truncated, marker: page.marker, tags: page.items })
}

/// The role with this name.
pub(super) fn find<'a>(state: &'a State, context: &Context, name: &str) -> Result<&'a Role, ApiError> {
    state.iam_roles.get(&key(&context.scope.account, name)).ok_or_else(|| no_such_role(name))
}

/// The key of the role with this name, if somebody else than AWS may change it.
pub(super) fn changeable(state: &State, context: &Context, name: &str) -> Result<String, ApiError> {
    if find(state, context, name)?.path.starts_with(service_linked::PATH) {
        return Err(ApiError::new(
            "UnmodifiableEntity",
            format!(
                "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
            ),
        ));
    }
    Ok(key(&context.scope.account, name))
}

/// A role as the API describes it.
pub(super) fn described(state: &State, role: &Role) -> iam::Role {
    iam::Role {
        tags: tags::described(state, &role.arn),
        // Nobody's last use is known: AWS answers an empty element then.
        role_last_used: Some(RoleLastUsed::default()),
        ..in_list(role)
    }
}

/// A role as lists and instance profiles have it.
pub(super) fn in_list(role: &Role) -> iam::Role {
    iam::Role {
        arn: role.arn.clone(),
        assume_role_policy_document: Some(document::encoded(&role.trust_policy)),
        create_date: role.created_at,
        description: role.description.clone(),
        max_session_duration: Some(role.max_session_duration),
        max_signin_session_duration: None,
        path: role.path.clone(),
        permissions_boundary: role.permissions_boundary.clone().map(|arn| AttachedPermissionsBoundary {
            permissions_boundary_arn: Some(arn),
            permissions_boundary_type: Some(PermissionsBoundaryAttachmentType::PermissionsBoundaryPolicy),
        }),
        role_id: role.id.clone(),
        role_last_used: None,
        role_name: role.name.clone(),
        source_role_template: None,
        tags: None,
    }
}

fn check_trust_policy(text: &str) -> Result<(), ApiError> {
    document::check(text, Purpose::Trust)?;
    if document::size(text) > TRUST_POLICY_SIZE {
        return Err(quota("ACLSizePerRole", TRUST_POLICY_SIZE));
    }
    Ok(())
}
