//! `ListSecretVersionIds` and `UpdateSecretVersionStage`.

use tidegate_models::secretsmanager::{
    ListSecretVersionIdsRequest, ListSecretVersionIdsResponse, SecretVersionsListEntry,
    UpdateSecretVersionStageRequest, UpdateSecretVersionStageResponse,
};

use super::{
    super::{
        CURRENT,
        records::{Secret, Version},
    },
    invalid_parameter, lookup, versions,
};
use crate::{ApiError, Context, State, page::page};

/// AWS's most versions in one page.
const PAGE: usize = 100;

pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListSecretVersionIdsRequest,
) -> Result<ListSecretVersionIdsResponse, ApiError> {
    let secret = lookup::secret(state, &context.scope, &input.secret_id)?;
    let versions = state.secret_versions.indexed_by(&secret.arn);
    let shown = versions
        .filter(|(_, version)| !version.stages.is_empty() || input.include_deprecated == Some(true))
        .map(|(key, version)| (key, entry(secret, version)));
    let limit = input.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let refused = || ApiError::new("InvalidNextTokenException", "Invalid token");
    let page = page(shown, "ListSecretVersionIds", input.next_token.as_deref(), limit, refused)?;
    Ok(ListSecretVersionIdsResponse {
        arn: Some(secret.arn.clone()),
        name: Some(secret.name.clone()),
        next_token: page.next,
        versions: Some(page.items),
    })
}

fn entry(secret: &Secret, version: &Version) -> SecretVersionsListEntry {
    SecretVersionsListEntry {
        created_date: Some(version.created_at),
        kms_key_ids: Some(vec![
            secret.kms_key_id.clone().unwrap_or_else(|| "DefaultEncryptionKey".to_owned()),
        ]),
        last_accessed_date: None,
        version_id: Some(version.id.clone()),
        version_stages: Some(version.stages.clone()).filter(|stages| !stages.is_empty()),
    }
}

pub(super) fn update(
    state: &mut State,
    context: &Context,
    input: UpdateSecretVersionStageRequest,
) -> Result<UpdateSecretVersionStageResponse, ApiError> {
    let secret = lookup::usable(state, &context.scope, &input.secret_id)?;
    let (arn, name) = (secret.arn.clone(), secret.name.clone());
    let (stage, to, from) = (input.version_stage, input.move_to_version_id, input.remove_from_version_id);
    for id in to.iter().chain(&from) {
        if !state.secret_versions.contains(&Version::key(&arn, id)) {
            return Err(ApiError::new(
                "ResourceNotFoundException",
                format!("Secrets Manager can't find the specified secret value for VersionId: {id}"),
            ));
        }
    }
    let holder = versions::holder(state, &arn, &stage);
    match (&holder, &from) {
        // It is where it shall be already.
        (Some(holder), _) if to.as_ref() == Some(holder) => {}
        (Some(holder), None) => {
            return Err(invalid_parameter(format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version \
                 {holder}, so you must explicitly reference that version in RemoveFromVersionId."
            )));
        }
        (holder, Some(from)) if holder.as_ref() != Some(from) => {
            return Err(invalid_parameter(format!(
                "The staging label {stage} is not attached to the version {from} that RemoveFromVersionId names."
            )));
        }
        _ => {}
    }
    if to.is_none() && from.is_none() {
        return Err(invalid_parameter(
            "You must specify MoveToVersionId or RemoveFromVersionId, or both of them.",
        ));
    }
    if to.is_none() && stage == CURRENT {
        return Err(invalid_parameter(
            "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.",
        ));
    }
    versions::check_stages(state, &arn, std::slice::from_ref(&stage))?;
    versions::move_stage(state, &arn, &stage, to.as_deref());
    versions::touch(state, &arn, context.now);
    Ok(UpdateSecretVersionStageResponse { arn: Some(arn), name: Some(name) })
}
