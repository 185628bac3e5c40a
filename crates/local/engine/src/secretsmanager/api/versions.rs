//! Versions: a value that is put, and the stages that it takes from others.

use std::collections::BTreeSet;

use tidegate_models::{Secret as Hidden, Timestamp};

use super::{
    super::{
        CURRENT, PREVIOUS,
        records::{Value, Version},
    },
    invalid_parameter, invalid_request,
};
use crate::{ApiError, State};

/// AWS's most versions of a secret; those without stages go first.
const MOST_VERSIONS: usize = 100;
/// AWS's most stages of a secret.
const MOST_STAGES: usize = 20;
/// AWS's most bytes of a value.
const MOST_BYTES: usize = 65_536;

/// The value that a call gives; `None` when it gives none.
pub(super) fn value(string: Option<Hidden>, binary: Option<Hidden>) -> Result<Option<Value>, ApiError> {
    let value = match (string, binary) {
        (Some(_), Some(_)) => {
            return Err(invalid_parameter(
                "You can't specify both a binary secret value and a string secret value in the same secret.",
            ));
        }
        (Some(string), None) => Value::String(string),
        (None, Some(binary)) => Value::Binary(binary),
        (None, None) => return Ok(None),
    };
    if value.secret().expose().len() > MOST_BYTES * 4 / 3 + 4
        || value.string().is_some_and(|text| text.expose().len() > MOST_BYTES)
    {
        return Err(invalid_parameter(format!("The secret value is larger than {MOST_BYTES} bytes.")));
    }
    Ok(Some(value))
}

/// What became of a value that was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// There is a new version.
    New,
    /// The same value was put with the same token before.
    Repeated,
}

/// Checks whether `value` may be put with the token `id`.
pub(super) fn check(state: &State, arn: &str, id: &str, value: &Value) -> Result<Put, ApiError> {
    match state.secret_versions.get(&Version::key(arn, id)) {
        None => Ok(Put::New),
        Some(version) if version.value == *value => Ok(Put::Repeated),
        Some(_) => Err(ApiError::new(
            "ResourceExistsException",
            format!(
                "You can't use ClientRequestToken {id} because that value is already in use for a version of secret {arn}."
            ),
        )),
    }
}

/// Adds a version, which takes its stages from the versions that have them.
pub(super) fn add(state: &mut State, arn: &str, id: &str, value: Value, stages: Vec<String>, now: Timestamp) {
    let version =
        Version { secret_arn: arn.to_owned(), id: id.to_owned(), value, stages: Vec::new(), created_at: now };
    state.secret_versions.insert(&Version::key(arn, id), version);
    for stage in stages {
        move_stage(state, arn, &stage, Some(id));
    }
    prune(state, arn);
    touch(state, arn, now);
}

/// Something of the secret has changed.
pub(super) fn touch(state: &mut State, arn: &str, now: Timestamp) {
    state.secrets.update(arn, |secret| secret.changed_at = now);
}

/// The version that the stage is on.
pub(super) fn holder(state: &State, arn: &str, stage: &str) -> Option<String> {
    let mut versions = state.secret_versions.indexed_by(arn).map(|(_, version)| version);
    versions.find(|version| version.has_stage(stage)).map(|version| version.id.clone())
}

/// Moves a stage to a version, or takes it away. What was current becomes the previous one.
pub(super) fn move_stage(state: &mut State, arn: &str, stage: &str, to: Option<&str>) {
    let from = holder(state, arn, stage);
    if from.as_deref() == to {
        return;
    }
    if let Some(from) = &from {
        state.secret_versions.update(&Version::key(arn, from), |version| {
            version.stages.retain(|own| own != stage);
        });
    }
    if let Some(to) = to {
        state.secret_versions.update(&Version::key(arn, to), |version| {
            version.stages.push(stage.to_owned());
            version.stages.sort();
        });
    }
    if stage == CURRENT
        && let Some(from) = from
    {
        move_stage(state, arn, PREVIOUS, Some(&from));
    }
}

/// Checks that a secret would not have too many stages with `more`.
pub(super) fn check_stages(state: &State, arn: &str, more: &[String]) -> Result<(), ApiError> {
    let versions = state.secret_versions.indexed_by(arn).map(|(_, version)| version);
    let all: BTreeSet<&String> = versions.flat_map(|version| &version.stages).chain(more).collect();
    if all.len() > MOST_STAGES {
        return Err(ApiError::new(
            "LimitExceededException",
            format!("A secret can have at most {MOST_STAGES} staging labels."),
        ));
    }
    Ok(())
}

/// The oldest versions without stages go when there are too many.
fn prune(state: &mut State, arn: &str) {
    let versions: Vec<(String, Timestamp, bool)> = state
        .secret_versions
        .indexed_by(arn)
        .map(|(key, version)| (key.to_owned(), version.created_at, version.stages.is_empty()))
        .collect();
    let too_many = versions.len().saturating_sub(MOST_VERSIONS);
    let mut deprecated: Vec<_> = versions.into_iter().filter(|(_, _, deprecated)| *deprecated).collect();
    deprecated.sort_by_key(|(_, at, _)| *at);
    for (key, _, _) in deprecated.into_iter().take(too_many) {
        state.secret_versions.remove(&key);
    }
}

/// Removes a secret and all that belongs to it.
pub(in super::super) fn remove(state: &mut State, arn: &str) {
    let versions: Vec<String> =
        state.secret_versions.indexed_by(arn).map(|(key, _)| key.to_owned()).collect();
    for key in versions {
        state.secret_versions.remove(&key);
    }
    state.secrets.remove(arn);
    state.tags.remove(arn);
}

/// The token of a call. The SDKs give one; without one AWS refuses, and so is the caller told here.
pub(super) fn token(given: Option<String>) -> Result<String, ApiError> {
    given.ok_or_else(|| {
        invalid_request("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
    })
}
