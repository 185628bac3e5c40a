//! `CreateSecret`: a new secret, with a first value or without.

use tidegate_models::secretsmanager::{CreateSecretRequest, CreateSecretResponse};

use super::{
    super::{
        CURRENT,
        records::{Secret, Version},
    },
    invalid_parameter, invalid_request, lookup, tags,
    versions::{self, Put},
};
use crate::{ApiError, Context, State};

pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateSecretRequest,
) -> Result<CreateSecretResponse, ApiError> {
    check_name(&input.name)?;
    if input.add_replica_regions.as_ref().is_some_and(|regions| !regions.is_empty())
        || input.cross_account_primary_arn.is_some()
    {
        return Err(ApiError::new(
            "NotImplemented",
            "Replicas of secrets are not implemented by the local cloud.",
        ));
    }
    let value = versions::value(input.secret_string, input.secret_binary)?;
    let tags = tags::given(input.tags.unwrap_or_default())?;
    let token = match (&value, input.client_request_token) {
        (Some(_), token) => Some(versions::token(token)?),
        (None, token) => token,
    };
    if let Ok(existing) = lookup::secret(state, &context.scope, &input.name) {
        if existing.deletion.is_some() {
            return Err(invalid_request(
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            ));
        }
        // The same call again, which did not hear its answer.
        if let (Some(value), Some(token)) = (&value, &token)
            && state.secret_versions.contains(&Version::key(&existing.arn, token))
            && versions::check(state, &existing.arn, token, value) == Ok(Put::Repeated)
        {
            return Ok(answer(existing, Some(token.clone())));
        }
        return Err(ApiError::new(
            "ResourceExistsException",
            format!("The operation failed because the secret {} already exists.", input.name),
        ));
    }
    let arn = lookup::arn(&context.scope, &input.name, &state.ids.suffix6());
    let secret = Secret {
        arn: arn.clone(),
        name: input.name,
        description: input.description,
        kms_key_id: input.kms_key_id,
        r#type: input.r#type,
        created_at: context.now,
        changed_at: context.now,
        deletion: None,
        policy: None,
    };
    let answer = answer(&secret, token.clone().filter(|_| value.is_some()));
    state.secrets.insert(&arn, secret);
    state.put_tags(&arn, tags);
    if let (Some(value), Some(token)) = (value, token) {
        versions::add(state, &arn, &token, value, vec![CURRENT.to_owned()], context.now);
    }
    Ok(answer)
}

fn answer(secret: &Secret, version: Option<String>) -> CreateSecretResponse {
    CreateSecretResponse {
        arn: Some(secret.arn.clone()),
        name: Some(secret.name.clone()),
        replication_status: None,
        version_id: version,
    }
}

fn check_name(name: &str) -> Result<(), ApiError> {
    if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@-!".contains(c)) {
        return Ok(());
    }
    Err(invalid_parameter(
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    ))
}
