//! Tags of everything here.

use std::collections::BTreeMap;

use tidegate_models::ec2::{
    CreateTagsRequest, DeleteTagsRequest, DescribeTagsRequest, DescribeTagsResult, Filter, ResourceType, Tag,
    TagDescription, TagSpecification,
};

use super::{
    super::SERVICE,
    errors::invalid_value,
    filters,
    resources::{self, Resource},
};
use crate::{ApiError, Context, State, engine::Handlers, page::page};

/// AWS's quota of tags of a resource.
const MOST_TAGS: usize = 50;

/// Tags that a call gives, checked.
pub(super) type Given = BTreeMap<String, String>;

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateTags", create);
    handlers.write(SERVICE, "DeleteTags", delete);
    handlers.read(SERVICE, "DescribeTags", describe);
}

fn create(state: &mut State, context: &Context, input: CreateTagsRequest) -> Result<(), ApiError> {
    let new = checked(input.tags)?;
    let mut rows = Vec::new();
    for id in &input.resources {
        let arn = resources::arn_of(state, context, id)?;
        let mut tags = state.tags.get(&arn).cloned().unwrap_or_default();
        tags.extend(new.clone());
        if tags.len() > MOST_TAGS {
            return Err(too_many());
        }
        rows.push((arn, tags));
    }
    for (arn, tags) in rows {
        state.put_tags(&arn, tags);
    }
    Ok(())
}

/// `DeleteTags`: without tags all of them; a tag with a value only where it has that value.
fn delete(state: &mut State, context: &Context, input: DeleteTagsRequest) -> Result<(), ApiError> {
    let arns: Vec<_> =
        input.resources.iter().map(|id| resources::arn_of(state, context, id)).collect::<Result<_, _>>()?;
    let named = input.tags.unwrap_or_default();
    for arn in arns {
        let Some(mut tags) = state.tags.get(&arn).cloned() else { continue };
        tags.retain(|key, value| {
            let is_meant = |tag: &Tag| {
                tag.key.as_ref() == Some(key) && tag.value.as_ref().is_none_or(|given| given == value)
            };
            !named.is_empty() && !named.iter().any(is_meant)
        });
        state.put_tags(&arn, tags);
    }
    Ok(())
}

fn describe(
    state: &State,
    context: &Context,
    input: DescribeTagsRequest,
) -> Result<DescribeTagsResult, ApiError> {
    let filters = input.filters.unwrap_or_default();
    let known = ["key", "resource-id", "resource-type", "value"];
    let unknown = |filter: &&Filter| {
        filter.name.as_deref().is_none_or(|name| !known.contains(&name) && !name.starts_with("tag:"))
    };
    if let Some(filter) = filters.iter().find(unknown) {
        return Err(invalid_value(format!(
            "The filter '{}' is invalid",
            filter.name.as_deref().unwrap_or_default()
        )));
    }
    let prefix = context.scope.arn(SERVICE, "");
    let all = state
        .tags
        .with_prefix(&prefix)
        .flat_map(|(arn, tags)| tags.iter().map(move |(key, value)| (arn, key, value)));
    let mut found: Vec<(String, TagDescription)> = all
        .filter_map(|(arn, key, value)| {
            let (kind, id) = arn.get(prefix.len()..)?.split_once('/')?;
            let is_meant = |filter: &Filter| {
                let looked_at = match filter.name.as_deref() {
                    Some("key") => key.as_str(),
                    Some("value") => value,
                    Some("resource-id") => id,
                    Some("resource-type") => kind,
                    Some(name) if name.strip_prefix("tag:") == Some(key) => value,
                    _ => return false,
                };
                filter.values.iter().flatten().any(|wanted| filters::matches(wanted, looked_at))
            };
            let description = TagDescription {
                key: Some(key.clone()),
                resource_id: Some(id.to_owned()),
                resource_type: Some(resources::type_named(kind)?),
                value: Some(value.clone()),
            };
            filters.iter().all(is_meant).then(|| (format!("{id}/{key}"), description))
        })
        .collect();
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    let limit = input.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(1000).clamp(1, 1000);
    let refused = || ApiError::new("InvalidNextToken", "The specified token is not valid.");
    let items = found.iter().map(|(key, description)| (key.as_str(), description.clone()));
    let page = page(items, "DescribeTags", input.next_token.as_deref(), limit, refused)?;
    Ok(DescribeTagsResult { next_token: page.next, tags: Some(page.items) })
}

/// The tags that a call gives to what it creates.
pub(super) fn given<R: Resource>(specifications: Option<Vec<TagSpecification>>) -> Result<Given, ApiError> {
    of_type(R::KIND.resource_type, specifications)
}

/// The tags that a call gives to what it creates, which is of this type.
pub(super) fn of_type(
    wanted: ResourceType,
    specifications: Option<Vec<TagSpecification>>,
) -> Result<Given, ApiError> {
    let mut tags = Vec::new();
    for specification in specifications.into_iter().flatten() {
        let given = specification.resource_type.map_or("", ResourceType::as_str);
        if given != wanted.as_str() {
            return Err(invalid_value(format!(
                "'{given}' is not a valid taggable resource type for this operation."
            )));
        }
        tags.extend(specification.tags.unwrap_or_default());
    }
    checked(tags)
}

/// The tags of a resource.
pub(super) fn of(state: &State, arn: &str) -> Vec<Tag> {
    let tags = state.tags.get(arn).into_iter().flatten();
    tags.map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

fn checked(tags: Vec<Tag>) -> Result<Given, ApiError> {
    let mut given = Given::new();
    for Tag { key, value } in tags {
        let (key, value) = (key.unwrap_or_default(), value.unwrap_or_default());
        if key.is_empty() || key.chars().count() > 128 {
            return Err(invalid_value("Tag keys must have between 1 and 128 characters."));
        }
        if value.chars().count() > 256 {
            return Err(invalid_value("Tag values must have at most 256 characters."));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid_value("Tag keys starting with 'aws:' are reserved for internal use"));
        }
        if given.insert(key.clone(), value).is_some() {
            return Err(invalid_value(format!("Duplicate tag key '{key}' specified.")));
        }
    }
    if given.len() > MOST_TAGS { Err(too_many()) } else { Ok(given) }
}

fn too_many() -> ApiError {
    ApiError::new("TagLimitExceeded", format!("More than {MOST_TAGS} tags specified"))
}
