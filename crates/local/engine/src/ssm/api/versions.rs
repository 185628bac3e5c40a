//! The versions of a parameter: the newest stands in one table, the older ones in another.

use super::super::records::Parameter;
use crate::{ApiError, State};

/// AWS's most versions of a parameter.
const MOST: usize = 100;

/// All versions of the parameter with this key, oldest first.
pub(super) fn all<'a>(state: &'a State, key: &str) -> Vec<(String, &'a Parameter)> {
    let prefix = Parameter::version_keys_of(key);
    let older: Vec<String> =
        state.parameter_versions.with_prefix(&prefix).map(|(key, _)| key.to_owned()).collect();
    let older = older.into_iter().filter_map(|key| {
        let row = state.parameter_versions.get(&key)?;
        Some((key, row))
    });
    let newest = state.parameters.get(key).map(|row| (Parameter::version_key(key, row.version), row));
    older.chain(newest).collect()
}

/// Puts `new` in front of the versions that there are; the oldest goes when there are too many.
pub(super) fn push(state: &mut State, key: &str, new: Parameter) -> Result<(), ApiError> {
    let versions = all(state, key);
    let oldest = match versions.first() {
        Some((oldest, row)) if versions.len() >= MOST => {
            if !row.labels.is_empty() {
                return Err(ApiError::new(
                    "ParameterMaxVersionLimitExceeded",
                    format!(
                        "You attempted to create a new version of {} by calling the PutParameter API with the overwrite \
                         flag. Version {}, the oldest version, can't be deleted because it has a label associated with it. \
                         Move the label to another version of the parameter, and try again.",
                        new.name, row.version
                    ),
                ));
            }
            Some(oldest.clone())
        }
        _ => None,
    };
    if let Some(before) = state.parameters.get(key).cloned() {
        state.parameter_versions.insert(&Parameter::version_key(key, before.version), before);
    }
    if let Some(oldest) = oldest {
        state.parameter_versions.remove(&oldest);
    }
    state.parameters.insert(key, new);
    Ok(())
}

/// Changes one version.
pub(super) fn update(state: &mut State, key: &str, version: i64, change: impl FnOnce(&mut Parameter)) {
    if state.parameters.get(key).is_some_and(|newest| newest.version == version) {
        state.parameters.update(key, change);
    } else {
        state.parameter_versions.update(&Parameter::version_key(key, version), change);
    }
}

/// Removes the older versions.
pub(super) fn forget(state: &mut State, key: &str) {
    let prefix = Parameter::version_keys_of(key);
    let older: Vec<String> =
        state.parameter_versions.with_prefix(&prefix).map(|(key, _)| key.to_owned()).collect();
    for key in older {
        state.parameter_versions.remove(&key);
    }
}
