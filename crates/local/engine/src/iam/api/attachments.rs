//! Managed policies attached to roles.

use tidegate_models::iam::{
    AttachRolePolicyRequest, AttachedPolicy, DetachRolePolicyRequest, EntityType,
    ListAttachedRolePoliciesRequest, ListAttachedRolePoliciesResponse, ListEntitiesForPolicyRequest,
    ListEntitiesForPolicyResponse, PolicyRole, PolicyUsageType,
};

use super::{
    super::{managed, records::Role},
    Nothing,
    errors::{no_such_entity, no_such_policy, quota},
    lists, policies, roles,
};
use crate::{ApiError, Context, State};

/// AWS's most managed policies on a role.
const MOST: usize = 10;

/// `AttachRolePolicy`: one that is attached already stays so.
pub(super) fn attach(
    state: &mut State,
    context: &Context,
    input: AttachRolePolicyRequest,
) -> Result<Nothing, ApiError> {
    let key = roles::changeable(state, context, &input.role_name)?;
    if !policies::exists(state, context, &input.policy_arn) {
        return Err(no_such_entity(format!(
            "Policy {} does not exist or is not attachable.",
            input.policy_arn
        )));
    }
    if managed::by_arn(&input.policy_arn).is_some_and(|policy| policy.path == "/aws-service-role/") {
        return Err(ApiError::new(
            "PolicyNotAttachable",
            "Cannot attach a Service Role Policy to a Customer Role.",
        ));
    }
    let attached = &roles::find(state, context, &input.role_name)?.attached;
    if !attached.contains(&input.policy_arn) && attached.len() >= MOST {
        return Err(quota("PoliciesPerRole", MOST));
    }
    state.iam_roles.update(&key, |role| role.attached.insert(input.policy_arn));
    Ok(Nothing {})
}

/// `DetachRolePolicy`
pub(super) fn detach(
    state: &mut State,
    context: &Context,
    input: DetachRolePolicyRequest,
) -> Result<Nothing, ApiError> {
    let key = roles::changeable(state, context, &input.role_name)?;
    if !roles::find(state, context, &input.role_name)?.attached.contains(&input.policy_arn) {
        return Err(no_such_policy(&input.policy_arn));
    }
    state.iam_roles.update(&key, |role| role.attached.remove(&input.policy_arn));
    Ok(Nothing {})
}

/// `ListAttachedRolePolicies`
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListAttachedRolePoliciesRequest,
) -> Result<ListAttachedRolePoliciesResponse, ApiError> {
    let role = roles::find(state, context, &input.role_name)?;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let attached = role.attached.iter().filter(|arn| path_of(arn).starts_with(prefix)).map(|arn| {
        let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
        (arn.as_str(), AttachedPolicy { policy_arn: Some(arn.clone()), policy_name: Some(name) })
    });
    let purpose = format!("ListAttachedRolePolicies {}{prefix}", role.name);
    let page = lists::page(attached, &purpose, input.marker.as_deref(), input.max_items)?;
    Ok(ListAttachedRolePoliciesResponse {
        attached_policies: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

/// `ListEntitiesForPolicy`: roles, since there are no users and groups.
pub(super) fn list_entities(
    state: &State,
    context: &Context,
    input: ListEntitiesForPolicyRequest,
) -> Result<ListEntitiesForPolicyResponse, ApiError> {
    if !policies::exists(state, context, &input.policy_arn) {
        return Err(no_such_policy(&input.policy_arn));
    }
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let wants_roles = input.entity_filter.is_none_or(|kind| kind == EntityType::Role);
    let uses = |role: &Role| match input.policy_usage_filter {
        Some(PolicyUsageType::PermissionsBoundary) => {
            role.permissions_boundary.as_ref() == Some(&input.policy_arn)
        }
        Some(PolicyUsageType::PermissionsPolicy) => role.attached.contains(&input.policy_arn),
        None => {
            role.attached.contains(&input.policy_arn)
                || role.permissions_boundary.as_ref() == Some(&input.policy_arn)
        }
    };
    let account = format!("{}/", context.scope.account);
    let found = state
        .iam_roles
        .with_prefix(&account)
        .filter(|(_, role)| wants_roles && role.path.starts_with(prefix) && uses(role))
        .map(|(key, role)| {
            (key, PolicyRole { role_id: Some(role.id.clone()), role_name: Some(role.name.clone()) })
        });
    let purpose = format!("ListEntitiesForPolicy {}", input.policy_arn);
    let page = lists::page(found, &purpose, input.marker.as_deref(), input.max_items)?;
    Ok(ListEntitiesForPolicyResponse {
        is_truncated: page.is_truncated,
        marker: page.marker,
        policy_groups: Some(Vec::new()),
        policy_roles: Some(page.items),
        policy_users: Some(Vec::new()),
    })
}

/// The path in a policy's ARN.
fn path_of(arn: &str) -> &str {
    let resource = arn.split_once(":policy").map_or("/", |(_, resource)| resource);
    resource.rfind('/').map_or("/", |end| &resource[..=end])
}
