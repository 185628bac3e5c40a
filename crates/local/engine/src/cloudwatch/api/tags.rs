//! Tags of alarms.

use std::collections::BTreeMap;

use tidegate_models::cloudwatch::{
    ListTagsForResourceInput, ListTagsForResourceOutput, Tag, TagResourceInput, TagResourceOutput,
    UntagResourceInput, UntagResourceOutput,
};

use super::errors::invalid_value;
use crate::{ApiError, Context, State};

/// AWS's most tags on one resource.
const MOST: usize = 50;

/// `TagResource`: a key that is there already gets the new value.
pub(super) fn tag(
    state: &mut State,
    context: &Context,
    input: TagResourceInput,
) -> Result<TagResourceOutput, ApiError> {
    check_exists(state, context, &input.resource_arn)?;
    let mut tags = state.tags.get(&input.resource_arn).cloned().unwrap_or_default();
    tags.extend(given(Some(input.tags))?);
    if tags.len() > MOST {
        return Err(too_many());
    }
    state.put_tags(&input.resource_arn, tags);
    Ok(TagResourceOutput {})
}

/// `UntagResource`: keys that are not there are no error.
pub(super) fn untag(
    state: &mut State,
    context: &Context,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, ApiError> {
    check_exists(state, context, &input.resource_arn)?;
    let mut tags = state.tags.get(&input.resource_arn).cloned().unwrap_or_default();
    tags.retain(|key, _| !input.tag_keys.contains(key));
    state.put_tags(&input.resource_arn, tags);
    Ok(UntagResourceOutput {})
}

/// `ListTagsForResource`
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, ApiError> {
    check_exists(state, context, &input.resource_arn)?;
    let tags = state.tags.get(&input.resource_arn).into_iter().flatten();
    let tags = tags.map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect();
    Ok(ListTagsForResourceOutput { tags: Some(tags) })
}

/// The tags that a call gives, checked.
pub(super) fn given(tags: Option<Vec<Tag>>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut given = BTreeMap::new();
    for Tag { key, value } in tags.unwrap_or_default() {
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid_value(format!("Tag key '{key}' begins with 'aws:', which is reserved")));
        }
        if given.insert(key.clone(), value).is_some() {
            return Err(invalid_value(format!("Tag key '{key}' was specified more than once")));
        }
    }
    if given.len() > MOST { Err(too_many()) } else { Ok(given) }
}

fn check_exists(state: &State, context: &Context, arn: &str) -> Result<(), ApiError> {
    if !arn.starts_with("arn:") {
        return Err(invalid_value(format!("'{arn}' is not a valid ARN")));
    }
    let is_own = arn.starts_with(&context.scope.arn("cloudwatch", "alarm:"));
    if is_own && state.alarms.contains(arn) {
        return Ok(());
    }
    Err(ApiError::new("ResourceNotFoundException", format!("Unknown resource {arn}")))
}

fn too_many() -> ApiError {
    invalid_value(format!("The maximum number of tags on a resource is {MOST}"))
}
