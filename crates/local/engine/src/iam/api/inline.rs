//! Inline policies of roles.

use tidegate_models::iam::{
    DeleteRolePolicyRequest, GetRolePolicyRequest, GetRolePolicyResponse, ListRolePoliciesRequest,
    ListRolePoliciesResponse, PutRolePolicyRequest,
};

use super::{
    super::document::{self, Purpose},
    Nothing,
    errors::{limit_exceeded, no_such_entity},
    lists, roles,
};
use crate::{ApiError, Context, State};

/// AWS's most characters of all inline policies of a role, without white space.
const SIZE: usize = 10_240;

/// `PutRolePolicy`: one of that name is replaced.
pub(super) fn put(
    state: &mut State,
    context: &Context,
    input: PutRolePolicyRequest,
) -> Result<Nothing, ApiError> {
    let key = roles::changeable(state, context, &input.role_name)?;
    document::check(&input.policy_document, Purpose::Identity)?;
    let role = roles::find(state, context, &input.role_name)?;
    let others = role.inline.iter().filter(|(name, _)| **name != input.policy_name);
    let others: usize = others.map(|(_, text)| document::size(text)).sum();
    if others + document::size(&input.policy_document) > SIZE {
        return Err(limit_exceeded(format!(
            "Maximum policy size of {SIZE} bytes exceeded for role {}",
            input.role_name
        )));
    }
    state.iam_roles.update(&key, |role| role.inline.insert(input.policy_name, input.policy_document));
    Ok(Nothing {})
}

/// `GetRolePolicy`
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetRolePolicyRequest,
) -> Result<GetRolePolicyResponse, ApiError> {
    let role = roles::find(state, context, &input.role_name)?;
    let text = role.inline.get(&input.policy_name).ok_or_else(|| missing(&input.policy_name))?;
    Ok(GetRolePolicyResponse {
        policy_document: document::encoded(text),
        policy_name: input.policy_name,
        role_name: role.name.clone(),
    })
}

/// `ListRolePolicies`
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListRolePoliciesRequest,
) -> Result<ListRolePoliciesResponse, ApiError> {
    let role = roles::find(state, context, &input.role_name)?;
    let names = role.inline.keys().map(|name| (name.as_str(), name.clone()));
    let purpose = format!("ListRolePolicies {}", role.name);
    let page = lists::page(names, &purpose, input.marker.as_deref(), input.max_items)?;
    Ok(ListRolePoliciesResponse {
        is_truncated: page.is_truncated,
        marker: page.marker,
        policy_names: page.items,
    })
}

/// `DeleteRolePolicy`
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteRolePolicyRequest,
) -> Result<Nothing, ApiError> {
    let key = roles::changeable(state, context, &input.role_name)?;
    if !roles::find(state, context, &input.role_name)?.inline.contains_key(&input.policy_name) {
        return Err(missing(&input.policy_name));
    }
    state.iam_roles.update(&key, |role| role.inline.remove(&input.policy_name));
    Ok(Nothing {})
}

fn missing(name: &str) -> ApiError {
    no_such_entity(format!("The role policy with name {name} cannot be found."))
}
