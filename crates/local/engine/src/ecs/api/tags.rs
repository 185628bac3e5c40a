//! Tags on everything that has an ARN.

use std::collections::BTreeMap;

use tidegate_models::ecs::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, Tag, TagResourceRequest, TagResourceResponse,
    UntagResourceRequest, UntagResourceResponse,
};

use super::{
    SERVICE,
    lookup::{self, invalid},
};
use crate::{
    ApiError, Context, State,
    ecs::{records::TaskDefinition, task_sets},
    engine::Handlers,
};

/// AWS's most tags on one resource.
const MOST: usize = 50;

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "TagResource", tag);
    handlers.write(SERVICE, "UntagResource", untag);
    handlers.read(SERVICE, "ListTagsForResource", list);
}

/// The tags of a new resource, checked.
pub(super) fn checked(tags: Option<&[Tag]>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut checked = BTreeMap::new();
    for tag in tags.unwrap_or_default() {
        let key = tag.key.clone().unwrap_or_default();
        if key.is_empty() {
            return Err(invalid("Tag keys cannot be null or empty."));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys cannot begin with aws:."));
        }
        if checked.insert(key, tag.value.clone().unwrap_or_default()).is_some() {
            return Err(invalid("Tags cannot contain duplicate keys."));
        }
    }
    if checked.len() > MOST {
        return Err(invalid(format!("Tags cannot have more than {MOST} entries.")));
    }
    Ok(checked)
}

fn tag(
    state: &mut State,
    context: &Context,
    input: TagResourceRequest,
) -> Result<TagResourceResponse, ApiError> {
    check_exists(state, context, &input.resource_arn)?;
    let added = checked(Some(&input.tags))?;
    let mut tags = state.tags.get(&input.resource_arn).cloned().unwrap_or_default();
    tags.extend(added);
    if tags.len() > MOST {
        return Err(invalid(format!("Tags cannot have more than {MOST} entries.")));
    }
    state.put_tags(&input.resource_arn, tags);
    Ok(TagResourceResponse {})
}

fn untag(
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

fn list(
    state: &State,
    context: &Context,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ApiError> {
    check_exists(state, context, &input.resource_arn)?;
    Ok(ListTagsForResourceResponse { tags: Some(lookup::tags_of(state, &input.resource_arn)) })
}

fn check_exists(state: &State, context: &Context, arn: &str) -> Result<(), ApiError> {
    let kind = arn.splitn(6, ':').nth(5).and_then(|resource| resource.split('/').next());
    let exists = lookup::own(context, arn)
        && match kind {
            Some("cluster") => state.clusters.contains(arn),
            Some("capacity-provider") => state.capacity_providers.contains(arn),
            Some("service") => state.services.contains(arn),
            Some("task") => state.tasks.contains(arn),
            Some("task-set") => task_sets::find(state, arn).is_some(),
            Some("service-deployment") => state.service_deployments.contains(arn),
            Some("service-revision") => state.service_revisions.contains(arn),
            Some("task-definition") => arn
                .rsplit_once(':')
                .and_then(|(family, revision)| Some(TaskDefinition::key(family, revision.parse().ok()?)))
                .is_some_and(|key| state.task_definitions.contains(&key)),
            _ => return Err(invalid(format!("Invalid resource arn {arn}."))),
        };
    if exists { Ok(()) } else { Err(invalid("The specified resource is not found.")) }
}
