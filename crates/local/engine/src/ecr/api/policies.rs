//! The two policies of a repository: which images may go, and who may do what.

use serde_json::Value;
use tidegate_models::ecr::{
    DeleteLifecyclePolicyRequest, DeleteLifecyclePolicyResponse, DeleteRepositoryPolicyRequest,
    DeleteRepositoryPolicyResponse, GetLifecyclePolicyRequest, GetLifecyclePolicyResponse,
    GetRepositoryPolicyRequest, GetRepositoryPolicyResponse, PutLifecyclePolicyRequest,
    PutLifecyclePolicyResponse, SetRepositoryPolicyRequest, SetRepositoryPolicyResponse,
};

use super::{invalid, lookup};
use crate::{ApiError, Context, State, ecr::lifecycle::Policy, state::Subject};

pub(super) fn put_lifecycle(
    state: &mut State,
    context: &Context,
    input: PutLifecyclePolicyRequest,
) -> Result<PutLifecyclePolicyResponse, ApiError> {
    let (name, text) = (input.repository_name, input.lifecycle_policy_text);
    let found = lookup::repository(state, &context.scope, input.registry_id.as_deref(), &name)?;
    let (arn, registry_id) = (found.arn.clone(), found.document.registry_id.clone());
    understood(&text)?;
    let now = context.now;
    state.repositories.update(&arn, |row| {
        row.lifecycle_policy = Some(text.clone());
        row.lifecycle_looked_at = Some(now);
    });
    state.touch(Subject::Repository(arn));
    Ok(PutLifecyclePolicyResponse {
        lifecycle_policy_text: Some(text),
        registry_id,
        repository_name: Some(name),
    })
}

pub(super) fn get_lifecycle(
    state: &State,
    context: &Context,
    input: GetLifecyclePolicyRequest,
) -> Result<GetLifecyclePolicyResponse, ApiError> {
    let name = input.repository_name;
    let found = lookup::repository(state, &context.scope, input.registry_id.as_deref(), &name)?;
    let text = found.lifecycle_policy.clone();
    let text = text.ok_or_else(|| no_lifecycle(&name, found.document.registry_id.as_deref()))?;
    Ok(GetLifecyclePolicyResponse {
        last_evaluated_at: found.lifecycle_looked_at,
        lifecycle_policy_text: Some(text),
        registry_id: found.document.registry_id.clone(),
        repository_name: Some(name),
    })
}

pub(super) fn delete_lifecycle(
    state: &mut State,
    context: &Context,
    input: DeleteLifecyclePolicyRequest,
) -> Result<DeleteLifecyclePolicyResponse, ApiError> {
    let name = input.repository_name;
    let found = lookup::repository(state, &context.scope, input.registry_id.as_deref(), &name)?;
    let (arn, registry_id) = (found.arn.clone(), found.document.registry_id.clone());
    let text = found.lifecycle_policy.clone();
    let text = text.ok_or_else(|| no_lifecycle(&name, registry_id.as_deref()))?;
    let last_evaluated_at = found.lifecycle_looked_at;
    state.repositories.update(&arn, |row| row.lifecycle_policy = None);
    Ok(DeleteLifecyclePolicyResponse {
        last_evaluated_at,
        lifecycle_policy_text: Some(text),
        registry_id,
        repository_name: Some(name),
    })
}

pub(super) fn set(
    state: &mut State,
    context: &Context,
    input: SetRepositoryPolicyRequest,
) -> Result<SetRepositoryPolicyResponse, ApiError> {
    let (name, text) = (input.repository_name, input.policy_text);
    let found = lookup::repository(state, &context.scope, input.registry_id.as_deref(), &name)?;
    let (arn, registry_id) = (found.arn.clone(), found.document.registry_id.clone());
    if !matches!(serde_json::from_str(&text), Ok(Value::Object(document)) if document.contains_key("Statement"))
    {
        return Err(invalid(
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
        ));
    }
    state.repositories.update(&arn, |row| row.policy = Some(text.clone()));
    Ok(SetRepositoryPolicyResponse { policy_text: Some(text), registry_id, repository_name: Some(name) })
}

pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetRepositoryPolicyRequest,
) -> Result<GetRepositoryPolicyResponse, ApiError> {
    let name = input.repository_name;
    let found = lookup::repository(state, &context.scope, input.registry_id.as_deref(), &name)?;
    let registry_id = found.document.registry_id.clone();
    let text = found.policy.clone().ok_or_else(|| no_policy(&name, registry_id.as_deref()))?;
    Ok(GetRepositoryPolicyResponse { policy_text: Some(text), registry_id, repository_name: Some(name) })
}

pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteRepositoryPolicyRequest,
) -> Result<DeleteRepositoryPolicyResponse, ApiError> {
    let name = input.repository_name;
    let found = lookup::repository(state, &context.scope, input.registry_id.as_deref(), &name)?;
    let (arn, registry_id) = (found.arn.clone(), found.document.registry_id.clone());
    let text = found.policy.clone().ok_or_else(|| no_policy(&name, registry_id.as_deref()))?;
    state.repositories.update(&arn, |row| row.policy = None);
    Ok(DeleteRepositoryPolicyResponse { policy_text: Some(text), registry_id, repository_name: Some(name) })
}

/// A lifecycle policy, if it is one.
pub(super) fn understood(text: &str) -> Result<Policy, ApiError> {
    Policy::parse(text).map_err(|why| {
        invalid(format!(
            "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: {why}'"
        ))
    })
}

pub(super) fn no_lifecycle(name: &str, account: Option<&str>) -> ApiError {
    ApiError::new(
        "LifecyclePolicyNotFoundException",
        format!(
            "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{}'",
            account.unwrap_or_default()
        ),
    )
}

fn no_policy(name: &str, account: Option<&str>) -> ApiError {
    ApiError::new(
        "RepositoryPolicyNotFoundException",
        format!(
            "Repository policy does not exist for the repository with name '{name}' in the registry with id '{}'",
            account.unwrap_or_default()
        ),
    )
}
