//! Tags of secrets.

use std::collections::BTreeMap;

use tidegate_models::secretsmanager::{Tag, TagResourceRequest, UntagResourceRequest};

use super::{Nothing, invalid_parameter, lookup};
use crate::{ApiError, Context, State};

/// AWS's most tags on one resource.
const MOST: usize = 50;

pub(super) fn tag(
    state: &mut State,
    context: &Context,
    input: TagResourceRequest,
) -> Result<Nothing, ApiError> {
    let arn = lookup::usable(state, &context.scope, &input.secret_id)?.arn.clone();
    let mut tags = state.tags.get(&arn).cloned().unwrap_or_default();
    tags.extend(given(input.tags)?);
    if tags.len() > MOST {
        return Err(too_many());
    }
    state.put_tags(&arn, tags);
    Ok(Nothing {})
}

pub(super) fn untag(
    state: &mut State,
    context: &Context,
    input: UntagResourceRequest,
) -> Result<Nothing, ApiError> {
    let arn = lookup::usable(state, &context.scope, &input.secret_id)?.arn.clone();
    let mut tags = state.tags.get(&arn).cloned().unwrap_or_default();
    tags.retain(|key, _| !input.tag_keys.contains(key));
    state.put_tags(&arn, tags);
    Ok(Nothing {})
}

/// The tags of a secret, as they are shown.
pub(super) fn of(state: &State, arn: &str) -> Vec<Tag> {
    let tags = state.tags.get(arn).into_iter().flatten();
    tags.map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

/// The tags that a call gives, checked.
pub(super) fn given(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut given = BTreeMap::new();
    for Tag { key, value } in tags {
        let key = key.ok_or_else(|| invalid_parameter("Tag key can't be empty."))?;
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid_parameter(format!("Tag key {key} begins with aws:, which is reserved.")));
        }
        given.insert(key, value.unwrap_or_default());
    }
    if given.len() > MOST { Err(too_many()) } else { Ok(given) }
}

fn too_many() -> ApiError {
    invalid_parameter(format!("A secret can have at most {MOST} tags."))
}
