//! Tags of groups, by the operations of today and by those that came first.

use std::collections::BTreeMap;

use tidegate_models::logs::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, ListTagsLogGroupRequest,
    ListTagsLogGroupResponse, TagLogGroupRequest, TagResourceRequest, UntagLogGroupRequest,
    UntagResourceRequest,
};

use super::{Nothing, invalid, lookup};
use crate::{ApiError, Context, State};

type Tags = BTreeMap<String, String>;

/// AWS's most tags on one resource.
const MOST: usize = 50;

pub(super) fn tag(
    state: &mut State,
    context: &Context,
    input: TagResourceRequest,
) -> Result<Nothing, ApiError> {
    let arn = resource(state, context, &input.resource_arn)?;
    add(state, &arn, input.tags, || {
        ApiError::new("TooManyTagsException", format!("A resource can have at most {MOST} tags."))
    })
}

pub(super) fn tag_group(
    state: &mut State,
    context: &Context,
    input: TagLogGroupRequest,
) -> Result<Nothing, ApiError> {
    let arn = lookup::group(state, &context.scope, &input.log_group_name)?.arn.clone();
    add(state, &arn, input.tags, || invalid(format!("A log group can have at most {MOST} tags.")))
}

pub(super) fn untag(
    state: &mut State,
    context: &Context,
    input: UntagResourceRequest,
) -> Result<Nothing, ApiError> {
    let arn = resource(state, context, &input.resource_arn)?;
    take_away(state, &arn, &input.tag_keys)
}

pub(super) fn untag_group(
    state: &mut State,
    context: &Context,
    input: UntagLogGroupRequest,
) -> Result<Nothing, ApiError> {
    let arn = lookup::group(state, &context.scope, &input.log_group_name)?.arn.clone();
    take_away(state, &arn, &input.tags)
}

pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ApiError> {
    let arn = resource(state, context, &input.resource_arn)?;
    Ok(ListTagsForResourceResponse { tags: Some(of(state, &arn)) })
}

pub(super) fn list_of_group(
    state: &State,
    context: &Context,
    input: ListTagsLogGroupRequest,
) -> Result<ListTagsLogGroupResponse, ApiError> {
    let group = lookup::group(state, &context.scope, &input.log_group_name)?;
    Ok(ListTagsLogGroupResponse { tags: Some(of(state, &group.arn)) })
}

/// The tags that a call gives, checked.
pub(super) fn given(tags: Tags) -> Result<Tags, ApiError> {
    if let Some(key) = tags.keys().find(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        return Err(invalid(format!("Tag key {key} begins with aws:, which is reserved.")));
    }
    if tags.len() > MOST {
        return Err(invalid(format!("A log group can have at most {MOST} tags.")));
    }
    Ok(tags)
}

fn add(
    state: &mut State,
    arn: &str,
    tags: Tags,
    too_many: impl FnOnce() -> ApiError,
) -> Result<Nothing, ApiError> {
    let mut all = of(state, arn);
    all.extend(given(tags)?);
    if all.len() > MOST {
        return Err(too_many());
    }
    state.put_tags(arn, all);
    Ok(Nothing {})
}

fn take_away(state: &mut State, arn: &str, keys: &[String]) -> Result<Nothing, ApiError> {
    let mut tags = of(state, arn);
    tags.retain(|key, _| !keys.contains(key));
    state.put_tags(arn, tags);
    Ok(Nothing {})
}

fn of(state: &State, arn: &str) -> Tags {
    state.tags.get(arn).cloned().unwrap_or_default()
}

fn resource(state: &State, context: &Context, arn: &str) -> Result<String, ApiError> {
    let is_arn = arn.starts_with("arn:") && arn.contains(":log-group:");
    if !is_arn {
        return Err(invalid(format!("{arn} is not the ARN of a log group.")));
    }
    lookup::find_group(state, &context.scope, None, Some(arn)).map(|group| group.arn.clone())
}
