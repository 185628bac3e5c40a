//! Images read: with their manifests, described, listed.

use tidegate_models::ecr::{
    BatchGetImageRequest, BatchGetImageResponse, DescribeImagesRequest, DescribeImagesResponse,
    Image as Document, ImageDetail, ImageFailureCode, ImageIdentifier, ImageStatus, ListImagesRequest,
    ListImagesResponse, TagStatus,
};

use super::{bad_token, identify, limit, lookup, scans};
use crate::{
    ApiError, Context, State,
    ecr::{
        images,
        manifest::{DOCKER_IMAGE, OCI_IMAGE},
        records::{Image, Repository},
    },
    page::page,
};

pub(super) fn batch(
    state: &State,
    context: &Context,
    input: BatchGetImageRequest,
) -> Result<BatchGetImageResponse, ApiError> {
    let registry_id = input.registry_id.as_deref();
    let repository = lookup::repository(state, &context.scope, registry_id, &input.repository_name)?;
    let accepted = input.accepted_media_types.unwrap_or_default();
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for id in input.image_ids {
        match identify::image(state, repository, &id) {
            Ok(image) if is_accepted(image, &accepted) => found.push(document(repository, image, id)),
            Ok(_) => failures.push(identify::failure(
                ImageFailureCode::ImageNotFound,
                "Requested image is of none of the accepted media types",
                id,
            )),
            Err((code, reason)) => failures.push(identify::failure(code, reason, id)),
        }
    }
    Ok(BatchGetImageResponse { failures: Some(failures), images: Some(found) })
}

/// The two forms of one image's manifest are accepted for each other by clients that name one of them.
fn is_accepted(image: &Image, accepted: &[String]) -> bool {
    let is = |wanted: &str| accepted.iter().any(|it| it == wanted);
    let media_type = image.content.media_type.as_str();
    accepted.is_empty()
        || is(media_type)
        || ([DOCKER_IMAGE, OCI_IMAGE].contains(&media_type) && (is(DOCKER_IMAGE) || is(OCI_IMAGE)))
}

fn document(repository: &Repository, image: &Image, asked: ImageIdentifier) -> Document {
    Document {
        image_id: Some(ImageIdentifier {
            image_digest: Some(image.digest.clone()),
            image_tag: asked.image_tag.or_else(|| image.tags.first().cloned()),
        }),
        image_manifest: Some(image.manifest.clone()),
        image_manifest_media_type: Some(image.content.media_type.clone()),
        registry_id: repository.document.registry_id.clone(),
        repository_name: Some(repository.name.clone()),
    }
}

pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeImagesRequest,
) -> Result<DescribeImagesResponse, ApiError> {
    let registry_id = input.registry_id.as_deref();
    let repository = lookup::repository(state, &context.scope, registry_id, &input.repository_name)?;
    if let Some(ids) = &input.image_ids {
        let mut details: Vec<ImageDetail> = Vec::new();
        for id in ids {
            let image = identify::image(state, repository, id)
                .map_err(|(code, reason)| identify::error(code, reason, repository, id))?;
            // An image that is named twice is described once.
            if details.iter().all(|detail| detail.image_digest.as_ref() != Some(&image.digest)) {
                details.push(detail(repository, image));
            }
        }
        return Ok(DescribeImagesResponse { image_details: Some(details), next_token: None });
    }
    let status = input.filter.and_then(|filter| filter.tag_status).unwrap_or(TagStatus::Any);
    let rows = state.images.indexed_by(&repository.arn).filter(|(_, image)| has_status(image, status));
    let purpose = format!("DescribeImages/{}", repository.arn);
    let found = page(rows, &purpose, input.next_token.as_deref(), limit(input.max_results), bad_token)?;
    let details = found.items.into_iter().map(|image| detail(repository, image)).collect();
    Ok(DescribeImagesResponse { image_details: Some(details), next_token: found.next })
}

fn has_status(image: &Image, status: TagStatus) -> bool {
    match status {
        TagStatus::Any => true,
        TagStatus::Tagged => !image.tags.is_empty(),
        TagStatus::Untagged => image.tags.is_empty(),
    }
}

fn detail(repository: &Repository, image: &Image) -> ImageDetail {
    let tags: Vec<String> = image.tags.iter().cloned().collect();
    ImageDetail {
        artifact_media_type: image.content.artifact_type.clone(),
        image_digest: Some(image.digest.clone()),
        image_manifest_media_type: Some(image.content.media_type.clone()),
        image_pushed_at: Some(image.pushed_at),
        image_scan_status: scans::status(image),
        image_size_in_bytes: Some(image.size),
        image_status: Some(ImageStatus::Active),
        image_tags: (!tags.is_empty()).then_some(tags),
        last_recorded_pull_time: image.pulled_at,
        registry_id: repository.document.registry_id.clone(),
        repository_name: Some(repository.name.clone()),
        subject_manifest_digest: image.content.subject.clone(),
        ..ImageDetail::default()
    }
}

/// `ListImages`: each tag once, and each image without one.
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListImagesRequest,
) -> Result<ListImagesResponse, ApiError> {
    let registry_id = input.registry_id.as_deref();
    let repository = lookup::repository(state, &context.scope, registry_id, &input.repository_name)?;
    let status = input.filter.and_then(|filter| filter.tag_status).unwrap_or(TagStatus::Any);
    let mut ids = Vec::new();
    for image in images::of_repository(state, &repository.arn).filter(|image| has_status(image, status)) {
        let id = |tag: Option<&String>| ImageIdentifier {
            image_digest: Some(image.digest.clone()),
            image_tag: tag.cloned(),
        };
        if image.tags.is_empty() {
            ids.push((image.digest.clone(), id(None)));
        }
        ids.extend(image.tags.iter().map(|tag| (format!("{} {tag}", image.digest), id(Some(tag)))));
    }
    let rows = ids.iter().map(|(key, id)| (key.as_str(), id.clone()));
    let purpose = format!("ListImages/{}", repository.arn);
    let found = page(rows, &purpose, input.next_token.as_deref(), limit(input.max_results), bad_token)?;
    Ok(ListImagesResponse { image_ids: Some(found.items), next_token: found.next })
}
