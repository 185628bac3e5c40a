//! What all calls name: a service namespace, a resource, a dimension; and how lists are paged.

use tidegate_models::application_autoscaling::{ScalableDimension, ServiceNamespace};

use super::super::records::ScalableTarget;
use crate::{
    ApiError, Context, State,
    page::{self, Page},
};

/// AWS's items in a page, unless the call says how many.
const PAGE: usize = 50;

/// A value that AWS would not take.
pub(super) fn validation(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message.into())
}

/// Something that is not there.
pub(super) fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::new("ObjectNotFoundException", message.into())
}

/// Refuses what is not the desired count of an ECS service.
pub(super) fn check_dimension(
    namespace: ServiceNamespace,
    dimension: ScalableDimension,
) -> Result<(), ApiError> {
    check_namespace(namespace)?;
    if dimension == ScalableDimension::EcsServiceDesiredCount {
        return Ok(());
    }
    Err(validation("Unsupported service namespace, resource type or scalable dimension"))
}

/// Refuses a namespace that is not ECS's.
pub(super) fn check_namespace(namespace: ServiceNamespace) -> Result<(), ApiError> {
    if namespace == ServiceNamespace::Ecs {
        return Ok(());
    }
    Err(validation(format!(
        "The local cloud scales ECS services only: service namespace {namespace} is not implemented."
    )))
}

/// The key of the target of a resource, and the target, if it is registered.
pub(super) fn target<'a>(
    state: &'a State,
    context: &Context,
    resource_id: &str,
) -> Option<(String, &'a ScalableTarget)> {
    let key = ScalableTarget::key(&context.scope, resource_id);
    let target = state.scalable_targets.get(&key)?;
    Some((key, target))
}

/// The same, for calls that need it to be registered.
pub(super) fn registered<'a>(
    state: &'a State,
    context: &Context,
    resource_id: &str,
) -> Result<(String, &'a ScalableTarget), ApiError> {
    target(state, context, resource_id)
        .ok_or_else(|| not_found(format!("No scalable target registered for {}", in_words(resource_id))))
}

/// What a call is about, as AWS's errors say it.
pub(super) fn in_words(resource_id: &str) -> String {
    format!(
        "service namespace: ecs, resource ID: {resource_id}, scalable dimension: {}",
        ScalableDimension::EcsServiceDesiredCount
    )
}

/// The page that a call asks for.
pub(super) fn page<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    purpose: &str,
    token: Option<&str>,
    max_results: Option<i32>,
) -> Result<Page<T>, ApiError> {
    let limit = max_results.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0);
    let invalid = || ApiError::new("InvalidNextTokenException", "Invalid next token");
    page::page(items, purpose, token, limit.unwrap_or(PAGE).min(PAGE), invalid)
}
