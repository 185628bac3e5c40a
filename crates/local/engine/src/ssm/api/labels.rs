//! `LabelParameterVersion` and `UnlabelParameterVersion`. A label is on one version at a time: it moves.

use std::collections::BTreeSet;

use tidegate_models::ssm::{
    LabelParameterVersionRequest, LabelParameterVersionResult, UnlabelParameterVersionRequest,
    UnlabelParameterVersionResult,
};

use super::{
    names::{self, Asked},
    not_found, versions,
};
use crate::{ApiError, Context, State};

/// AWS's most labels on a version.
const MOST: usize = 10;

pub(super) fn label(
    state: &mut State,
    context: &Context,
    input: LabelParameterVersionRequest,
) -> Result<LabelParameterVersionResult, ApiError> {
    let key = key(state, context, &input.name)?;
    let newest = state.parameters.get(&key).map_or(0, |row| row.version);
    let version = input.parameter_version.unwrap_or(newest);
    let (valid, invalid): (Vec<String>, Vec<String>) =
        input.labels.into_iter().partition(|label| is_valid(label));
    let all = versions::all(state, &key);
    let own = all.iter().find(|(_, row)| row.version == version);
    let (_, row) = own.ok_or_else(|| no_version(&input.name, version))?;
    let labels: BTreeSet<String> = row.labels.iter().chain(&valid).cloned().collect();
    if labels.len() > MOST {
        return Err(ApiError::new(
            "ParameterVersionLabelLimitExceeded",
            "An error occurred (ParameterVersionLabelLimitExceeded) when calling the LabelParameterVersion operation: A \
             parameter version can have maximum 10 labels. Move one or more labels to another version and try again.",
        ));
    }
    let is_moved = |label: &String| valid.contains(label);
    let losing: Vec<i64> = all
        .iter()
        .filter(|(_, row)| row.version != version && row.labels.iter().any(is_moved))
        .map(|(_, row)| row.version)
        .collect();
    for other in losing {
        versions::update(state, &key, other, |row| row.labels.retain(|label| !is_moved(label)));
    }
    if !valid.is_empty() {
        versions::update(state, &key, version, |row| row.labels = labels.into_iter().collect());
    }
    Ok(LabelParameterVersionResult { invalid_labels: Some(invalid), parameter_version: Some(version) })
}

pub(super) fn unlabel(
    state: &mut State,
    context: &Context,
    input: UnlabelParameterVersionRequest,
) -> Result<UnlabelParameterVersionResult, ApiError> {
    let key = key(state, context, &input.name)?;
    let version = input.parameter_version;
    let all = versions::all(state, &key);
    let own = all.iter().find(|(_, row)| row.version == version);
    let (_, row) = own.ok_or_else(|| no_version(&input.name, version))?;
    let (removed, invalid): (Vec<String>, Vec<String>) =
        input.labels.into_iter().partition(|label| row.labels.contains(label));
    if !removed.is_empty() {
        versions::update(state, &key, version, |row| row.labels.retain(|label| !removed.contains(label)));
    }
    Ok(UnlabelParameterVersionResult { invalid_labels: Some(invalid), removed_labels: Some(removed) })
}

fn key(state: &State, context: &Context, name: &str) -> Result<String, ApiError> {
    names::key(state, &context.scope, &Asked::parse(name)).ok_or_else(|| not_found(name))
}

/// AWS's rules of labels: no number first, no reserved beginning, letters, digits, dots, hyphens and underscores.
fn is_valid(label: &str) -> bool {
    let lower = label.to_ascii_lowercase();
    label.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
        && !label.starts_with(|c: char| c.is_ascii_digit())
        && !lower.starts_with("aws")
        && !lower.starts_with("ssm")
}

fn no_version(name: &str, version: i64) -> ApiError {
    ApiError::new(
        "ParameterVersionNotFound",
        format!("Systems Manager could not find version {version} of {name}."),
    )
}
