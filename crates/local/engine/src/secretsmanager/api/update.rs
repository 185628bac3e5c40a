//! `PutSecretValue` and `UpdateSecret`: a new version, and what is said about the secret.

use tidegate_models::secretsmanager::{
    PutSecretValueRequest, PutSecretValueResponse, UpdateSecretRequest, UpdateSecretResponse,
};

use super::{
    super::{CURRENT, records::Version},
    invalid_parameter, invalid_request, lookup,
    versions::{self, Put},
};
use crate::{ApiError, Context, State};

pub(super) fn put_value(
    state: &mut State,
    context: &Context,
    input: PutSecretValueRequest,
) -> Result<PutSecretValueResponse, ApiError> {
    let secret = lookup::usable(state, &context.scope, &input.secret_id)?;
    let (arn, name) = (secret.arn.clone(), secret.name.clone());
    let value = versions::value(input.secret_string, input.secret_binary)?
        .ok_or_else(|| invalid_request("You must provide either SecretString or SecretBinary."))?;
    let token = versions::token(input.client_request_token)?;
    let mut stages = input.version_stages.unwrap_or_else(|| vec![CURRENT.to_owned()]);
    stages.sort();
    stages.dedup();
    if versions::check(state, &arn, &token, &value)? == Put::New {
        versions::check_stages(state, &arn, &stages)?;
        versions::add(state, &arn, &token, value, stages, context.now);
    }
    let stages = state.secret_versions.get(&Version::key(&arn, &token)).map(|version| version.stages.clone());
    Ok(PutSecretValueResponse {
        arn: Some(arn),
        name: Some(name),
        version_id: Some(token),
        version_stages: stages,
    })
}

pub(super) fn update(
    state: &mut State,
    context: &Context,
    input: UpdateSecretRequest,
) -> Result<UpdateSecretResponse, ApiError> {
    let secret = lookup::usable(state, &context.scope, &input.secret_id)?;
    let (arn, name) = (secret.arn.clone(), secret.name.clone());
    let value = versions::value(input.secret_string, input.secret_binary)?;
    if input.description.as_ref().is_some_and(|text| text.len() > 2048) {
        return Err(invalid_parameter("The description is longer than 2048 characters."));
    }
    let mut version_id = None;
    if let Some(value) = value {
        let token = versions::token(input.client_request_token)?;
        if versions::check(state, &arn, &token, &value)? == Put::New {
            versions::add(state, &arn, &token, value, vec![CURRENT.to_owned()], context.now);
        }
        version_id = Some(token);
    }
    state.secrets.update(&arn, |secret| {
        secret.changed_at = context.now;
        secret.description = input.description.or_else(|| secret.description.take());
        secret.kms_key_id = input.kms_key_id.or_else(|| secret.kms_key_id.take());
        secret.r#type = input.r#type.or_else(|| secret.r#type.take());
    });
    Ok(UpdateSecretResponse { arn: Some(arn), name: Some(name), version_id })
}
