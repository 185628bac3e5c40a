//! Tags of load balancers, target groups, listeners and rules.

use std::collections::BTreeMap;

use tidegate_models::elbv2::{
    AddTagsInput, AddTagsOutput, DescribeTagsInput, DescribeTagsOutput, RemoveTagsInput, RemoveTagsOutput,
    Tag, TagDescription,
};

use super::{errors::validation, lookup};
use crate::{ApiError, Context, State};

/// AWS's quota of tags of a resource.
const MOST_TAGS: usize = 50;

/// AWS's limit of resources in one call.
const MOST_RESOURCES: usize = 20;

/// `AddTags`: a key that is there already gets the new value.
pub(super) fn add(
    state: &mut State,
    context: &Context,
    input: AddTagsInput,
) -> Result<AddTagsOutput, ApiError> {
    check_resources(state, context, &input.resource_arns)?;
    let new = given(Some(input.tags))?;
    let mut rows = Vec::new();
    for arn in &input.resource_arns {
        let mut tags = state.tags.get(arn).cloned().unwrap_or_default();
        tags.extend(new.clone());
        if tags.len() > MOST_TAGS {
            return Err(too_many());
        }
        rows.push((arn, tags));
    }
    for (arn, tags) in rows {
        state.put_tags(arn, tags);
    }
    Ok(AddTagsOutput {})
}

/// `RemoveTags`: keys that are not there are no error.
pub(super) fn remove(
    state: &mut State,
    context: &Context,
    input: RemoveTagsInput,
) -> Result<RemoveTagsOutput, ApiError> {
    check_resources(state, context, &input.resource_arns)?;
    for arn in &input.resource_arns {
        let Some(mut tags) = state.tags.get(arn).cloned() else { continue };
        tags.retain(|key, _| !input.tag_keys.contains(key));
        state.put_tags(arn, tags);
    }
    Ok(RemoveTagsOutput {})
}

/// `DescribeTags`
pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeTagsInput,
) -> Result<DescribeTagsOutput, ApiError> {
    check_resources(state, context, &input.resource_arns)?;
    let describe = |arn: String| {
        let tags = state.tags.get(&arn).into_iter().flatten();
        let tags = tags.map(|(key, value)| Tag { key: key.clone(), value: Some(value.clone()) }).collect();
        TagDescription { resource_arn: Some(arn), tags: Some(tags) }
    };
    Ok(DescribeTagsOutput { tag_descriptions: Some(input.resource_arns.into_iter().map(describe).collect()) })
}

/// The tags that a call gives, checked.
pub(super) fn given(tags: Option<Vec<Tag>>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut given = BTreeMap::new();
    for Tag { key, value } in tags.unwrap_or_default() {
        if key.is_empty() || key.chars().count() > 128 {
            return Err(validation(format!("Tag key '{key}' must have between 1 and 128 characters")));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(validation(format!("Tag key '{key}' begins with 'aws:', which is reserved")));
        }
        if given.insert(key.clone(), value.unwrap_or_default()).is_some() {
            return Err(ApiError::new(
                "DuplicateTagKeys",
                format!("Tag key '{key}' was specified more than once"),
            ));
        }
    }
    if given.len() > MOST_TAGS { Err(too_many()) } else { Ok(given) }
}

fn check_resources(state: &State, context: &Context, arns: &[String]) -> Result<(), ApiError> {
    if arns.is_empty() || arns.len() > MOST_RESOURCES {
        return Err(validation(format!("Between 1 and {MOST_RESOURCES} resource ARNs must be specified")));
    }
    for arn in arns {
        match arn.splitn(6, ':').nth(5).and_then(|resource| resource.split('/').next()) {
            Some("loadbalancer") => lookup::load_balancer(state, context, arn).map(|_| ())?,
            Some("targetgroup") => lookup::target_group(state, context, arn).map(|_| ())?,
            Some("listener") => lookup::listener(state, context, arn).map(|_| ())?,
            Some("listener-rule") => lookup::rule(state, context, arn).map(|_| ())?,
            _ => return Err(validation(format!("'{arn}' is not a valid resource ARN"))),
        }
    }
    Ok(())
}

fn too_many() -> ApiError {
    ApiError::new("TooManyTags", format!("The maximum number of tags on a resource is {MOST_TAGS}"))
}
