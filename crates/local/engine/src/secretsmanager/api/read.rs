//! `GetSecretValue` and `BatchGetSecretValue`.

use tidegate_models::secretsmanager::{
    APIErrorType, BatchGetSecretValueRequest, BatchGetSecretValueResponse, GetSecretValueRequest,
    GetSecretValueResponse, SecretValueEntry,
};

use super::{
    super::{
        CURRENT,
        records::{Secret, Version},
    },
    filters, invalid_parameter, invalid_request, lookup,
};
use crate::{ApiError, Context, State, page::page};

/// AWS's most values in one page.
const PAGE: usize = 20;

pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetSecretValueRequest,
) -> Result<GetSecretValueResponse, ApiError> {
    let secret = lookup::usable(state, &context.scope, &input.secret_id)?;
    let version = version(state, secret, input.version_id.as_deref(), input.version_stage.as_deref())?;
    Ok(GetSecretValueResponse {
        arn: Some(secret.arn.clone()),
        created_date: Some(version.created_at),
        name: Some(secret.name.clone()),
        secret_binary: version.value.binary().cloned(),
        secret_string: version.value.string().cloned(),
        version_id: Some(version.id.clone()),
        version_stages: Some(version.stages.clone()),
    })
}

/// `BatchGetSecretValue`: what cannot be read is listed, not refused.
pub(super) fn get_several(
    state: &State,
    context: &Context,
    input: BatchGetSecretValueRequest,
) -> Result<BatchGetSecretValueResponse, ApiError> {
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    let next_token = match (input.secret_id_list, input.filters) {
        (Some(ids), None) => {
            if input.max_results.is_some() {
                return Err(invalid_parameter(
                    "You can't use MaxResults with SecretIdList: it is for Filters.",
                ));
            }
            for id in ids {
                let read = lookup::usable(state, &context.scope, &id)
                    .and_then(|secret| Ok((secret, version(state, secret, None, None)?)));
                match read {
                    Ok((secret, version)) => values.push(entry(secret, version)),
                    Err(error) => errors.push(APIErrorType {
                        error_code: Some(error.code.to_owned()),
                        message: Some(error.message.into_owned()),
                        secret_id: Some(id),
                    }),
                }
            }
            None
        }
        (None, Some(given)) => {
            let filters = filters::parse(&given)?;
            let limit =
                input.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE).clamp(1, PAGE);
            let prefix = lookup::arn_prefix(&context.scope);
            let found = state.secrets.with_prefix(&prefix).filter(|(_, secret)| {
                secret.deletion.is_none() && filters.iter().all(|filter| filter.matches(state, secret))
            });
            let found = found.filter_map(|(key, secret)| {
                Some((key, entry(secret, version(state, secret, None, None).ok()?)))
            });
            let refused = || ApiError::new("InvalidNextTokenException", "Invalid token");
            let page = page(found, "BatchGetSecretValue", input.next_token.as_deref(), limit, refused)?;
            values = page.items;
            page.next
        }
        _ => {
            return Err(invalid_request("Either SecretIdList or Filters must be provided, but not both."));
        }
    };
    Ok(BatchGetSecretValueResponse { errors: Some(errors), next_token, secret_values: Some(values) })
}

fn entry(secret: &Secret, version: &Version) -> SecretValueEntry {
    SecretValueEntry {
        arn: Some(secret.arn.clone()),
        created_date: Some(version.created_at),
        name: Some(secret.name.clone()),
        secret_binary: version.value.binary().cloned(),
        secret_string: version.value.string().cloned(),
        version_id: Some(version.id.clone()),
        version_stages: Some(version.stages.clone()),
    }
}

/// The version with that id, which has that stage; the current one when neither is given.
fn version<'a>(
    state: &'a State,
    secret: &Secret,
    id: Option<&str>,
    stage: Option<&str>,
) -> Result<&'a Version, ApiError> {
    let missing = |what: String| {
        ApiError::new(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret value for {what}"),
        )
    };
    let Some(id) = id else {
        let stage = stage.unwrap_or(CURRENT);
        let mut versions = state.secret_versions.indexed_by(&secret.arn).map(|(_, version)| version);
        let found = versions.find(|version| version.has_stage(stage));
        return found.ok_or_else(|| missing(format!("staging label: {stage}")));
    };
    let found = state.secret_versions.get(&Version::key(&secret.arn, id));
    let found = found.ok_or_else(|| missing(format!("VersionId: {id}")))?;
    match stage {
        Some(stage) if !found.has_stage(stage) => Err(invalid_request(
            "You provided a VersionStage that is not associated to the provided VersionId.",
        )),
        _ => Ok(found),
    }
}
