//! Resource policies: stored, checked for their form, never enforced.

use serde_json::Value;
use tidegate_models::secretsmanager::{
    DeleteResourcePolicyRequest, DeleteResourcePolicyResponse, GetResourcePolicyRequest,
    GetResourcePolicyResponse, PutResourcePolicyRequest, PutResourcePolicyResponse,
    ValidateResourcePolicyRequest, ValidateResourcePolicyResponse, ValidationErrorsEntry,
};

use super::lookup;
use crate::{ApiError, Context, State};

pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetResourcePolicyRequest,
) -> Result<GetResourcePolicyResponse, ApiError> {
    let secret = lookup::usable(state, &context.scope, &input.secret_id)?;
    Ok(GetResourcePolicyResponse {
        arn: Some(secret.arn.clone()),
        name: Some(secret.name.clone()),
        policy_name: None,
        resource_policy: secret.policy.clone(),
    })
}

pub(super) fn put(
    state: &mut State,
    context: &Context,
    input: PutResourcePolicyRequest,
) -> Result<PutResourcePolicyResponse, ApiError> {
    let secret = lookup::usable(state, &context.scope, &input.secret_id)?;
    let (arn, name) = (secret.arn.clone(), secret.name.clone());
    let policy = parse(&input.resource_policy)?;
    if input.block_public_policy == Some(true) && is_public(&policy) {
        return Err(ApiError::new(
            "PublicPolicyException",
            "This resource policy grants broad access to the secret: name whom it is for in Principal.",
        ));
    }
    state.secrets.update(&arn, |secret| secret.policy = Some(input.resource_policy));
    Ok(PutResourcePolicyResponse { arn: Some(arn), name: Some(name), policy_name: None })
}

pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteResourcePolicyRequest,
) -> Result<DeleteResourcePolicyResponse, ApiError> {
    let secret = lookup::usable(state, &context.scope, &input.secret_id)?;
    let (arn, name) = (secret.arn.clone(), secret.name.clone());
    if secret.policy.is_some() {
        state.secrets.update(&arn, |secret| secret.policy = None);
    }
    Ok(DeleteResourcePolicyResponse { arn: Some(arn), name: Some(name), policy_name: None })
}

pub(super) fn validate(
    state: &State,
    context: &Context,
    input: ValidateResourcePolicyRequest,
) -> Result<ValidateResourcePolicyResponse, ApiError> {
    if let Some(id) = &input.secret_id {
        lookup::secret(state, &context.scope, id)?;
    }
    let policy = parse(&input.resource_policy)?;
    let public = is_public(&policy).then(|| ValidationErrorsEntry {
        check_name: Some("CHECK_PUBLIC_POLICY".to_owned()),
        error_message: Some("The policy grants access to everybody.".to_owned()),
    });
    Ok(ValidateResourcePolicyResponse {
        policy_validation_passed: Some(public.is_none()),
        validation_errors: Some(public.into_iter().collect()),
    })
}

/// A policy is an object with statements, each of them with an effect.
fn parse(text: &str) -> Result<Value, ApiError> {
    let policy: Value = serde_json::from_str(text).map_err(|_| malformed())?;
    let well = statements(&policy);
    let is_statement = |it: &Value| it["Effect"] == "Allow" || it["Effect"] == "Deny";
    if policy.is_object() && !well.is_empty() && well.iter().all(|it| is_statement(it)) {
        Ok(policy)
    } else {
        Err(malformed())
    }
}

fn malformed() -> ApiError {
    ApiError::new("MalformedPolicyDocumentException", "This resource policy contains invalid Json.")
}

fn statements(policy: &Value) -> Vec<&Value> {
    match &policy["Statement"] {
        Value::Array(all) => all.iter().collect(),
        Value::Object(_) => vec![&policy["Statement"]],
        _ => Vec::new(),
    }
}

/// Whether somebody who is not named is let in.
fn is_public(policy: &Value) -> bool {
    let anybody = |principal: &Value| match principal {
        Value::String(name) => name == "*",
        Value::Object(kinds) => kinds.values().any(|names| {
            names == "*" || names.as_array().is_some_and(|names| names.iter().any(|name| name == "*"))
        }),
        _ => false,
    };
    statements(policy)
        .into_iter()
        .any(|it| it["Effect"] == "Allow" && it.get("Condition").is_none() && anybody(&it["Principal"]))
}
