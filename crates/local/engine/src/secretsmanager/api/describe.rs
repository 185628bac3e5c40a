//! `DescribeSecret` and `ListSecrets`: everything but the values.

use std::{cmp::Ordering, collections::BTreeMap};

use tidegate_models::secretsmanager::{
    DescribeSecretRequest, DescribeSecretResponse, ListSecretsRequest, ListSecretsResponse, SecretListEntry,
    SortByType, SortOrderType,
};

use super::{super::records::Secret, filters, lookup, tags};
use crate::{ApiError, Context, State, page::page_in_order};

/// AWS's most secrets in one page.
const PAGE: usize = 100;

pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeSecretRequest,
) -> Result<DescribeSecretResponse, ApiError> {
    let secret = lookup::secret(state, &context.scope, &input.secret_id)?;
    let tags = tags::of(state, &secret.arn);
    Ok(DescribeSecretResponse {
        arn: Some(secret.arn.clone()),
        created_date: Some(secret.created_at),
        deleted_date: secret.deletion.map(|deletion| deletion.asked_at),
        description: secret.description.clone(),
        kms_key_id: secret.kms_key_id.clone(),
        last_changed_date: Some(secret.changed_at),
        name: Some(secret.name.clone()),
        tags: (!tags.is_empty()).then_some(tags),
        r#type: secret.r#type.clone(),
        version_ids_to_stages: Some(stages(state, secret)).filter(|stages| !stages.is_empty()),
        ..DescribeSecretResponse::default()
    })
}

pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListSecretsRequest,
) -> Result<ListSecretsResponse, ApiError> {
    let filters = filters::parse(&input.filters.unwrap_or_default())?;
    let prefix = lookup::arn_prefix(&context.scope);
    let mut found: Vec<&Secret> = state
        .secrets
        .with_prefix(&prefix)
        .map(|(_, secret)| secret)
        .filter(|secret| secret.deletion.is_none() || input.include_planned_deletion == Some(true))
        .filter(|secret| filters.iter().all(|filter| filter.matches(state, secret)))
        .collect();
    let sort_by = input.sort_by.unwrap_or(SortByType::CreatedDate);
    found.sort_by(|a, b| order(sort_by, a, b));
    // AWS shows the newest first unless it is told otherwise; names begin at the beginning.
    let default = if sort_by == SortByType::Name { SortOrderType::Asc } else { SortOrderType::Desc };
    if input.sort_order.unwrap_or(default) == SortOrderType::Desc {
        found.reverse();
    }
    let limit = input.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let items = found.into_iter().map(|secret| entry(state, secret));
    let refused = || ApiError::new("InvalidNextTokenException", "Invalid token");
    let page = page_in_order(items, "ListSecrets", input.next_token.as_deref(), limit, refused)?;
    Ok(ListSecretsResponse { next_token: page.next, secret_list: Some(page.items) })
}

fn order(by: SortByType, a: &Secret, b: &Secret) -> Ordering {
    let first = match by {
        SortByType::Name => Ordering::Equal,
        SortByType::LastChangedDate => a.changed_at.cmp(&b.changed_at),
        // Who read a secret when is not written down.
        SortByType::CreatedDate | SortByType::LastAccessedDate => a.created_at.cmp(&b.created_at),
    };
    first.then_with(|| a.name.cmp(&b.name))
}

fn entry(state: &State, secret: &Secret) -> SecretListEntry {
    let tags = tags::of(state, &secret.arn);
    SecretListEntry {
        arn: Some(secret.arn.clone()),
        created_date: Some(secret.created_at),
        deleted_date: secret.deletion.map(|deletion| deletion.asked_at),
        description: secret.description.clone(),
        kms_key_id: secret.kms_key_id.clone(),
        last_changed_date: Some(secret.changed_at),
        name: Some(secret.name.clone()),
        secret_versions_to_stages: Some(stages(state, secret)).filter(|stages| !stages.is_empty()),
        tags: (!tags.is_empty()).then_some(tags),
        r#type: secret.r#type.clone(),
        ..SecretListEntry::default()
    }
}

/// The stages of each version that has any.
fn stages(state: &State, secret: &Secret) -> BTreeMap<String, Vec<String>> {
    let versions = state.secret_versions.indexed_by(&secret.arn).map(|(_, version)| version);
    let staged = versions.filter(|version| !version.stages.is_empty());
    staged.map(|version| (version.id.clone(), version.stages.clone())).collect()
}
