//! Tags of roles, policies, instance profiles and identity providers.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_models::iam::Tag;

use super::{
    errors::{invalid_input, limit_exceeded},
    lists::{self, Listed},
};
use crate::{ApiError, State};

/// AWS's most tags on one entity.
const MOST: usize = 50;

/// The tags that a call gives, checked.
pub(super) fn given(tags: Option<Vec<Tag>>) -> Result<BTreeMap<String, String>, ApiError> {
    let (mut given, mut keys) = (BTreeMap::new(), BTreeSet::new());
    for Tag { key, value } in tags.unwrap_or_default() {
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid_input("Tag keys that begin with \"aws:\" are reserved for system use."));
        }
        if !keys.insert(key.to_ascii_lowercase()) {
            return Err(invalid_input(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        given.insert(key, value);
    }
    if given.len() > MOST { Err(too_many()) } else { Ok(given) }
}

/// Adds tags; a key that is there already, in whatever case, gets the new value.
pub(super) fn add(state: &mut State, arn: &str, tags: Vec<Tag>) -> Result<(), ApiError> {
    let given = given(Some(tags))?;
    let mut tags = state.tags.get(arn).cloned().unwrap_or_default();
    tags.retain(|key, _| !given.keys().any(|given| given.eq_ignore_ascii_case(key)));
    tags.extend(given);
    if tags.len() > MOST {
        return Err(too_many());
    }
    state.put_tags(arn, tags);
    Ok(())
}

/// Removes tags; keys that are not there are no error.
pub(super) fn remove(state: &mut State, arn: &str, keys: &[String]) {
    let mut tags = state.tags.get(arn).cloned().unwrap_or_default();
    tags.retain(|key, _| !keys.iter().any(|given| given.eq_ignore_ascii_case(key)));
    state.put_tags(arn, tags);
}

/// A page of the tags of what has this ARN.
pub(super) fn list(
    state: &State,
    arn: &str,
    marker: Option<&str>,
    max_items: Option<i32>,
) -> Result<Listed<Tag>, ApiError> {
    let tags = state.tags.get(arn).into_iter().flatten();
    let tags = tags.map(|(key, value)| (key.as_str(), Tag { key: key.clone(), value: value.clone() }));
    lists::page(tags, &format!("tags of {arn}"), marker, max_items)
}

/// The tags as descriptions carry them: absent when there are none.
pub(super) fn described(state: &State, arn: &str) -> Option<Vec<Tag>> {
    let tags = state.tags.get(arn)?.iter();
    Some(tags.map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect())
}

fn too_many() -> ApiError {
    limit_exceeded(format!("The number of tags has reached the maximum limit of {MOST}."))
}
