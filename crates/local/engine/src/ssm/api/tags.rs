//! Tags of parameters.

use std::collections::BTreeMap;

use tidegate_models::ssm::{
    AddTagsToResourceRequest, AddTagsToResourceResult, ListTagsForResourceRequest, ListTagsForResourceResult,
    RemoveTagsFromResourceRequest, RemoveTagsFromResourceResult, ResourceTypeForTagging, Tag,
};

use super::{
    invalid,
    names::{self, Asked},
};
use crate::{ApiError, Context, State};

/// AWS's most tags on one resource.
const MOST: usize = 50;

pub(super) fn add(
    state: &mut State,
    context: &Context,
    input: AddTagsToResourceRequest,
) -> Result<AddTagsToResourceResult, ApiError> {
    let arn = arn(state, context, input.resource_type, &input.resource_id)?;
    let mut tags = state.tags.get(&arn).cloned().unwrap_or_default();
    tags.extend(given(input.tags)?);
    if tags.len() > MOST {
        return Err(ApiError::new(
            "TooManyTagsError",
            "The Targets parameter includes too many tags. Remove one or more tags and try the command again.",
        ));
    }
    state.put_tags(&arn, tags);
    Ok(AddTagsToResourceResult {})
}

pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResult, ApiError> {
    let arn = arn(state, context, input.resource_type, &input.resource_id)?;
    let tags = state.tags.get(&arn).into_iter().flatten();
    let tags = tags.map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect();
    Ok(ListTagsForResourceResult { tag_list: Some(tags) })
}

pub(super) fn remove(
    state: &mut State,
    context: &Context,
    input: RemoveTagsFromResourceRequest,
) -> Result<RemoveTagsFromResourceResult, ApiError> {
    let arn = arn(state, context, input.resource_type, &input.resource_id)?;
    let mut tags = state.tags.get(&arn).cloned().unwrap_or_default();
    tags.retain(|key, _| !input.tag_keys.contains(key));
    state.put_tags(&arn, tags);
    Ok(RemoveTagsFromResourceResult {})
}

/// The tags that a call gives, checked.
pub(super) fn given(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut given = BTreeMap::new();
    for Tag { key, value } in tags {
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid(format!("Tag key {key} begins with aws:, which is reserved.")));
        }
        if given.insert(key.clone(), value).is_some() {
            return Err(invalid(format!("Tag key {key} was given more than once.")));
        }
    }
    if given.len() > MOST {
        return Err(invalid(format!("A parameter can have at most {MOST} tags.")));
    }
    Ok(given)
}

fn arn(
    state: &State,
    context: &Context,
    r#type: ResourceTypeForTagging,
    id: &str,
) -> Result<String, ApiError> {
    if r#type != ResourceTypeForTagging::Parameter {
        return Err(ApiError::new(
            "InvalidResourceType",
            format!("{} is not a type that the local cloud has: only Parameter is.", r#type.as_str()),
        ));
    }
    let key = names::key(state, &context.scope, &Asked::parse(id));
    let row = key.and_then(|key| state.parameters.get(&key));
    row.map(|row| row.arn.clone()).ok_or_else(|| {
        ApiError::new(
            "InvalidResourceId",
            "The resource ID is not valid. Verify that you entered the correct ID and try again.",
        )
    })
}
