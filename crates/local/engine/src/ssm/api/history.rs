//! `GetParameterHistory`: all versions of a parameter.

use tidegate_models::ssm::{GetParameterHistoryRequest, GetParameterHistoryResult, ParameterHistory};

use super::{
    super::records::Parameter,
    describe,
    names::{self, Asked},
    not_found, read,
    reference::Decryption,
    versions,
};
use crate::{ApiError, Context, State, page::page};

/// AWS's most versions in one page.
const PAGE: usize = 50;

pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetParameterHistoryRequest,
) -> Result<GetParameterHistoryResult, ApiError> {
    let asked = Asked::parse(&input.name);
    let key = names::key(state, &context.scope, &asked).ok_or_else(|| not_found(&input.name))?;
    let decryption = Decryption::of(input.with_decryption);
    let versions = versions::all(state, &key);
    let entries = versions.iter().map(|(key, row)| (key.as_str(), entry(context, row, decryption)));
    let limit = input.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let refused = || ApiError::new("InvalidNextToken", "The specified token isn't valid.");
    let page = page(entries, "GetParameterHistory", input.next_token.as_deref(), limit, refused)?;
    Ok(GetParameterHistoryResult { next_token: page.next, parameters: Some(page.items) })
}

fn entry(context: &Context, version: &Parameter, decryption: Decryption) -> ParameterHistory {
    ParameterHistory {
        allowed_pattern: version.allowed_pattern.clone(),
        data_type: Some(version.data_type.clone()),
        description: version.description.clone(),
        key_id: version.key_id.clone(),
        labels: Some(version.labels.clone()),
        last_modified_date: Some(version.modified_at),
        last_modified_user: Some(describe::user(context)),
        name: Some(version.name.clone()),
        policies: Some(Vec::new()),
        tier: Some(version.tier),
        r#type: Some(version.r#type),
        value: Some(read::shown(version, decryption)),
        version: Some(version.version),
    }
}
