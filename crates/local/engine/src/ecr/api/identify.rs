//! Which image a call names: by digest, by tag, or by both.

use tidegate_models::ecr::{ImageFailure, ImageFailureCode, ImageIdentifier};

use crate::{
    ApiError, State,
    ecr::{
        images, manifest,
        records::{Image, Repository},
    },
};

/// Why there is no such image.
pub(super) type Failed = (ImageFailureCode, &'static str);

/// The image, or why there is none.
pub(super) fn image<'a>(
    state: &'a State,
    repository: &Repository,
    id: &ImageIdentifier,
) -> Result<&'a Image, Failed> {
    let not_found = (ImageFailureCode::ImageNotFound, "Requested image not found");
    let arn = &repository.arn;
    let digest = id.image_digest.as_deref();
    if digest.is_some_and(|digest| !manifest::is_digest(digest)) {
        return Err((
            ImageFailureCode::InvalidImageDigest,
            "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        ));
    }
    match (digest, id.image_tag.as_deref()) {
        (None, None) => Err((
            ImageFailureCode::MissingDigestAndTag,
            "Invalid request parameters: both tag and digest cannot be null",
        )),
        (Some(digest), None) => images::with_digest(state, arn, digest).ok_or(not_found),
        (None, Some(tag)) => images::tagged(state, arn, tag).ok_or(not_found),
        (Some(digest), Some(tag)) => {
            let image = images::with_digest(state, arn, digest).ok_or(not_found)?;
            if image.tags.contains(tag) {
                Ok(image)
            } else {
                Err((
                    ImageFailureCode::ImageTagDoesNotMatchDigest,
                    "Requested image's tag and digest do not belong together",
                ))
            }
        }
    }
}

/// As calls on several images answer it.
pub(super) fn failure(
    code: ImageFailureCode,
    reason: impl Into<String>,
    id: ImageIdentifier,
) -> ImageFailure {
    ImageFailure { failure_code: Some(code), failure_reason: Some(reason.into()), image_id: Some(id) }
}

/// As calls on one image, or on all or none, answer it.
pub(super) fn error(
    code: ImageFailureCode,
    reason: &'static str,
    repository: &Repository,
    id: &ImageIdentifier,
) -> ApiError {
    if code != ImageFailureCode::ImageNotFound && code != ImageFailureCode::ImageTagDoesNotMatchDigest {
        return super::invalid(reason);
    }
    let quoted = |value: Option<&str>| format!("'{}'", value.unwrap_or("null"));
    ApiError::new(
        "ImageNotFoundException",
        format!(
            "The image with imageId {{imageDigest:{}, imageTag:{}}} does not exist within the repository with name '{}' \
             in the registry with id '{}'",
            quoted(id.image_digest.as_deref()),
            quoted(id.image_tag.as_deref()),
            repository.name,
            repository.document.registry_id.as_deref().unwrap_or_default(),
        ),
    )
}
