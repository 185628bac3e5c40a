//! Tags of repositories.

use std::collections::BTreeMap;

use tidegate_models::ecr::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, Tag, TagResourceRequest, TagResourceResponse,
    UntagResourceRequest, UntagResourceResponse,
};

use super::lookup;
use crate::{ApiError, Context, State};

/// AWS's most tags on one resource.
const MOST: usize = 50;

pub(super) fn tag(
    state: &mut State,
    _context: &Context,
    input: TagResourceRequest,
) -> Result<TagResourceResponse, ApiError> {
    let arn = lookup::of_arn(state, &input.resource_arn)?.arn.clone();
    let mut tags = state.tags.get(&arn).cloned().unwrap_or_default();
    tags.extend(given(input.tags)?);
    if tags.len() > MOST {
        return Err(too_many());
    }
    state.tags.insert(&arn, tags);
    Ok(TagResourceResponse {})
}

pub(super) fn untag(
    state: &mut State,
    _context: &Context,
    input: UntagResourceRequest,
) -> Result<UntagResourceResponse, ApiError> {
    let arn = lookup::of_arn(state, &input.resource_arn)?.arn.clone();
    let mut tags = state.tags.get(&arn).cloned().unwrap_or_default();
    tags.retain(|key, _| !input.tag_keys.contains(key));
    state.put_tags(&arn, tags);
    Ok(UntagResourceResponse {})
}

pub(super) fn list(
    state: &State,
    _context: &Context,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ApiError> {
    let arn = &lookup::of_arn(state, &input.resource_arn)?.arn;
    let tags = state.tags.get(arn).into_iter().flatten();
    let tags = tags.map(|(key, value)| Tag { key: key.clone(), value: value.clone() });
    Ok(ListTagsForResourceResponse { tags: Some(tags.collect()) })
}

/// The tags that a call gives, checked.
pub(super) fn given(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, ApiError> {
    if tags.len() > MOST {
        return Err(too_many());
    }
    tags.into_iter()
        .map(|Tag { key, value }| {
            if key.to_ascii_lowercase().starts_with("aws:") {
                let message = format!("The tag key '{key}' begins with aws:, which is reserved");
                return Err(ApiError::new("InvalidTagParameterException", message));
            }
            Ok((key, value))
        })
        .collect()
}

fn too_many() -> ApiError {
    ApiError::new("TooManyTagsException", format!("A repository has at most {MOST} tags"))
}
