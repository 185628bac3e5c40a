//! Tags of applications and deployment groups.

use std::{borrow::Cow, collections::BTreeMap};

use tidegate_models::codedeploy::{
    ListTagsForResourceInput, ListTagsForResourceOutput, Tag, TagResourceInput, TagResourceOutput,
    UntagResourceInput, UntagResourceOutput,
};

use super::{SERVICE, errors, lookup};
use crate::{ApiError, Context, State};

/// AWS's quota of tags of a resource.
const MOST_TAGS: usize = 50;

/// `TagResource`: a key that is there already gets the new value.
pub(super) fn tag(
    state: &mut State,
    context: &Context,
    input: TagResourceInput,
) -> Result<TagResourceOutput, ApiError> {
    check_resource(state, context, &input.resource_arn)?;
    if input.tags.is_empty() {
        return Err(ApiError::new("TagRequiredException", "A tag was not specified."));
    }
    let mut tags = state.tags.get(&input.resource_arn).cloned().unwrap_or_default();
    tags.extend(given(Some(input.tags))?);
    check_count(&tags)?;
    state.put_tags(&input.resource_arn, tags);
    Ok(TagResourceOutput {})
}

/// `UntagResource`: keys that are not there are no error.
pub(super) fn untag(
    state: &mut State,
    context: &Context,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, ApiError> {
    check_resource(state, context, &input.resource_arn)?;
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
    check_resource(state, context, &input.resource_arn).map_err(|error| match error.code {
        // The model has no such error here, unlike for TagResource.
        code if code.ends_with("DoesNotExistException") => invalid_arn(error.message),
        _ => error,
    })?;
    let tags = state.tags.get(&input.resource_arn).into_iter().flatten();
    let tags = tags.map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) });
    Ok(ListTagsForResourceOutput { tags: Some(tags.collect()), next_token: None })
}

/// The tags that a call gives, checked.
pub(super) fn given(tags: Option<Vec<Tag>>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut given = BTreeMap::new();
    for tag in tags.unwrap_or_default() {
        let (key, value) = (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(invalid(format!(
                "Tag '{key}' must have a key of 1 to 128 characters and a value of at most 256"
            )));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid(format!("Tag key '{key}' begins with 'aws:', which is reserved")));
        }
        if given.insert(key.clone(), value).is_some() {
            return Err(invalid(format!("Tag key '{key}' was specified more than once")));
        }
    }
    check_count(&given)?;
    Ok(given)
}

/// The tags follow their resource to its new ARN.
pub(super) fn rename(state: &mut State, before: &str, after: &str) {
    let tags = state.tags.get(before).cloned().unwrap_or_default();
    state.tags.remove(before);
    state.put_tags(after, tags);
}

fn check_count(tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
    if tags.len() > MOST_TAGS {
        return Err(invalid(format!("The maximum number of tags on a resource is {MOST_TAGS}")));
    }
    Ok(())
}

fn check_resource(state: &State, context: &Context, arn: &str) -> Result<(), ApiError> {
    if !arn.starts_with("arn:") {
        return Err(invalid_arn(format!("The ARN is not valid: {arn}")));
    }
    let own = context.scope.arn(SERVICE, "");
    let resource = arn.strip_prefix(&own).and_then(|resource| resource.split_once(':'));
    let found = match resource {
        Some(("application", name)) => lookup::application(state, context, name).map(|_| ()),
        Some(("deploymentgroup", name)) => {
            let (application, group) = name.split_once('/').ok_or_else(|| errors::no_group(name))?;
            let application = lookup::application(state, context, application);
            application.and_then(|application| lookup::group(state, application, group)).map(|_| ())
        }
        _ => Err(ApiError::new(
            "ArnNotSupportedException",
            format!(
                "Only applications and deployment groups of this account and region can be tagged: {arn}"
            ),
        )),
    };
    // A name that no resource may have makes no ARN.
    found.map_err(|error| match error.code {
        code if code.contains("Name") => invalid_arn(error.message),
        _ => error,
    })
}

fn invalid_arn(message: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::new("InvalidArnException", message)
}

fn invalid(message: String) -> ApiError {
    ApiError::new("InvalidTagsToAddException", message)
}
