//! Tags of scalable targets.

use std::collections::BTreeMap;

use tidegate_models::application_autoscaling::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, TagResourceRequest, TagResourceResponse,
    UntagResourceRequest, UntagResourceResponse,
};

use super::lookup::validation;
use crate::{ApiError, Context, State};

/// AWS's most tags on one target.
const MOST: usize = 50;

/// `TagResource`: a key that is there already gets the new value.
pub(super) fn tag(
    state: &mut State,
    context: &Context,
    input: TagResourceRequest,
) -> Result<TagResourceResponse, ApiError> {
    check_exists(state, context, &input.resource_arn)?;
    check(&input.tags)?;
    let mut tags = state.tags.get(&input.resource_arn).cloned().unwrap_or_default();
    tags.extend(input.tags);
    if tags.len() > MOST {
        return Err(too_many());
    }
    state.put_tags(&input.resource_arn, tags);
    Ok(TagResourceResponse {})
}

/// `UntagResource`: keys that are not there are no error.
pub(super) fn untag(
    state: &mut State,
    context: &Context,
    input: UntagResourceRequest,
) -> Result<UntagResourceResponse, ApiError> {
    check_exists(state, context, &input.resource_arn)?;
    let mut tags = state.tags.get(&input.resource_arn).cloned().unwrap_or_default();
    tags.retain(|key, _| !input.tag_keys.contains(key));
    state.put_tags(&input.resource_arn, tags);
    Ok(UntagResourceResponse {})
}

/// `ListTagsForResource`
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ApiError> {
    check_exists(state, context, &input.resource_arn)?;
    let tags = state.tags.get(&input.resource_arn).cloned().unwrap_or_default();
    Ok(ListTagsForResourceResponse { tags: Some(tags) })
}

/// Refuses tags that AWS keeps for itself, and too many.
pub(super) fn check(given: &BTreeMap<String, String>) -> Result<(), ApiError> {
    if let Some(key) = given.keys().find(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        return Err(validation(format!("Tag key '{key}' begins with 'aws:', which is reserved")));
    }
    if given.len() > MOST { Err(too_many()) } else { Ok(()) }
}

fn check_exists(state: &State, context: &Context, arn: &str) -> Result<(), ApiError> {
    let keys = super::super::records::ScalableTarget::keys_of(&context.scope);
    if state.scalable_targets.with_prefix(&keys).any(|(_, target)| target.arn == arn) {
        return Ok(());
    }
    Err(ApiError::new(
        "ResourceNotFoundException",
        format!("No scalable target found for resource ARN: {arn}"),
    ))
}

fn too_many() -> ApiError {
    ApiError::new("TooManyTagsException", format!("A resource can have at most {MOST} tags."))
}
