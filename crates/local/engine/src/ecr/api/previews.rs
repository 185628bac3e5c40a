//! What a lifecycle policy would do: asked for, then read.

use tidegate_models::ecr::{
    GetLifecyclePolicyPreviewRequest, GetLifecyclePolicyPreviewResponse, ImageActionType, ImageFailureCode,
    LifecyclePolicyPreviewResult, LifecyclePolicyPreviewStatus, LifecyclePolicyPreviewSummary,
    LifecyclePolicyRuleAction, StartLifecyclePolicyPreviewRequest, StartLifecyclePolicyPreviewResponse,
    TagStatus,
};

use super::{bad_token, identify, limit, lookup, policies};
use crate::{
    ApiError, Context, State,
    ecr::{images, lifecycle::Policy, records::Image},
    page::page_in_order,
};

pub(super) fn start(
    state: &mut State,
    context: &Context,
    input: StartLifecyclePolicyPreviewRequest,
) -> Result<StartLifecyclePolicyPreviewResponse, ApiError> {
    let name = input.repository_name;
    let repository = lookup::repository(state, &context.scope, input.registry_id.as_deref(), &name)?;
    let (arn, registry_id) = (repository.arn.clone(), repository.document.registry_id.clone());
    let text = input.lifecycle_policy_text.or_else(|| repository.lifecycle_policy.clone());
    let text = text.ok_or_else(|| policies::no_lifecycle(&name, registry_id.as_deref()))?;
    policies::understood(&text)?;
    state.repositories.update(&arn, |row| row.lifecycle_preview = Some(text.clone()));
    Ok(StartLifecyclePolicyPreviewResponse {
        lifecycle_policy_text: Some(text),
        registry_id,
        repository_name: Some(name),
        status: Some(LifecyclePolicyPreviewStatus::InProgress),
    })
}

pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetLifecyclePolicyPreviewRequest,
) -> Result<GetLifecyclePolicyPreviewResponse, ApiError> {
    let name = input.repository_name;
    let repository = lookup::repository(state, &context.scope, input.registry_id.as_deref(), &name)?;
    let registry_id = repository.document.registry_id.clone();
    let Some(text) = repository.lifecycle_preview.clone() else {
        let account = registry_id.as_deref().unwrap_or_default();
        return Err(ApiError::new(
            "LifecyclePolicyPreviewNotFoundException",
            format!(
                "Lifecycle policy preview does not exist for the repository with name '{name}' in the registry with id \
                 '{account}'"
            ),
        ));
    };
    let policy: Policy = policies::understood(&text)?;
    let expiring = policy.expiring(images::of_repository(state, &repository.arn), context.now);
    let total = i32::try_from(expiring.len()).unwrap_or(i32::MAX);
    let mut asked = Vec::new();
    for id in input.image_ids.iter().flatten() {
        match identify::image(state, repository, id) {
            Ok(image) => asked.push(image.digest.as_str()),
            // The call has no error for what is not there: nothing expires of it.
            Err((ImageFailureCode::ImageNotFound | ImageFailureCode::ImageTagDoesNotMatchDigest, _)) => {}
            Err((code, reason)) => return Err(identify::error(code, reason, repository, id)),
        }
    }
    let status = input.filter.and_then(|filter| filter.tag_status).unwrap_or(TagStatus::Any);
    let is_asked = |image: &Image| {
        (input.image_ids.is_none() || asked.contains(&image.digest.as_str()))
            && match status {
                TagStatus::Any => true,
                TagStatus::Tagged => !image.tags.is_empty(),
                TagStatus::Untagged => image.tags.is_empty(),
            }
    };
    let results = expiring.iter().filter_map(|gone| {
        let image = images::with_digest(state, &repository.arn, &gone.digest)?;
        is_asked(image).then(|| LifecyclePolicyPreviewResult {
            action: Some(LifecyclePolicyRuleAction {
                target_storage_class: None,
                r#type: Some(ImageActionType::Expire),
            }),
            applied_rule_priority: Some(gone.priority),
            image_digest: Some(image.digest.clone()),
            image_pushed_at: Some(image.pushed_at),
            image_tags: Some(image.tags.iter().cloned().collect()),
            storage_class: None,
        })
    });
    let purpose = format!("GetLifecyclePolicyPreview/{}", repository.arn);
    let token = input.next_token.as_deref();
    let found = page_in_order(results, &purpose, token, limit(input.max_results), bad_token)?;
    Ok(GetLifecyclePolicyPreviewResponse {
        lifecycle_policy_text: Some(text),
        next_token: found.next,
        preview_results: Some(found.items),
        registry_id,
        repository_name: Some(name),
        status: Some(LifecyclePolicyPreviewStatus::Complete),
        summary: Some(LifecyclePolicyPreviewSummary {
            expiring_image_total_count: Some(total),
            transitioning_image_total_counts: None,
        }),
    })
}
