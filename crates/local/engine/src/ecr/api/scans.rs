//! Scans of images. There is no scanner here: a scan is over at once, finds nothing, and says why.

use std::collections::BTreeMap;

use tidegate_models::ecr::{
    DescribeImageScanFindingsRequest, DescribeImageScanFindingsResponse, ImageScanFindings, ImageScanStatus,
    ScanStatus, StartImageScanRequest, StartImageScanResponse,
};

use super::{identify, lookup};
use crate::{ApiError, Context, State, ecr::records::Image};

const NOTHING_SCANNED: &str = "The local cloud has no scanner: nothing was looked at, and no findings does not mean no vulnerabilities.";

pub(super) fn start(
    state: &mut State,
    context: &Context,
    input: StartImageScanRequest,
) -> Result<StartImageScanResponse, ApiError> {
    let registry_id = input.registry_id.as_deref();
    let repository = lookup::repository(state, &context.scope, registry_id, &input.repository_name)?;
    let image = identify::image(state, repository, &input.image_id)
        .map_err(|(code, reason)| identify::error(code, reason, repository, &input.image_id))?;
    if image.content.is_index() {
        return Err(ApiError::new(
            "UnsupportedImageTypeException",
            "The image is a list of images, which is not scanned; scan those that it lists.",
        ));
    }
    let registry_id = repository.document.registry_id.clone();
    let mut id = input.image_id;
    id.image_digest = Some(image.digest.clone());
    let key = Image::key(&repository.arn, &image.digest);
    let now = context.now;
    state.images.update(&key, |image| image.scanned_at = Some(now));
    Ok(StartImageScanResponse {
        image_id: Some(id),
        image_scan_status: Some(ImageScanStatus {
            description: Some(NOTHING_SCANNED.to_owned()),
            status: Some(ScanStatus::InProgress),
        }),
        registry_id,
        repository_name: Some(input.repository_name),
    })
}

pub(super) fn findings(
    state: &State,
    context: &Context,
    input: DescribeImageScanFindingsRequest,
) -> Result<DescribeImageScanFindingsResponse, ApiError> {
    let registry_id = input.registry_id.as_deref();
    let repository = lookup::repository(state, &context.scope, registry_id, &input.repository_name)?;
    let image = identify::image(state, repository, &input.image_id)
        .map_err(|(code, reason)| identify::error(code, reason, repository, &input.image_id))?;
    let Some(scanned_at) = image.scanned_at else {
        return Err(ApiError::new(
            "ScanNotFoundException",
            format!(
                "Image scan does not exist for the image with '{{imageDigest:'{}', imageTag:'{}'}}' in the repository \
                 with name '{}' in the registry with id '{}'",
                image.digest,
                input.image_id.image_tag.as_deref().unwrap_or("null"),
                repository.name,
                repository.document.registry_id.as_deref().unwrap_or_default(),
            ),
        ));
    };
    let mut id = input.image_id;
    id.image_digest = Some(image.digest.clone());
    Ok(DescribeImageScanFindingsResponse {
        image_id: Some(id),
        image_scan_findings: Some(ImageScanFindings {
            finding_severity_counts: Some(BTreeMap::new().into_iter().collect()),
            findings: Some(Vec::new()),
            image_scan_completed_at: Some(scanned_at),
            ..ImageScanFindings::default()
        }),
        image_scan_status: status(image),
        next_token: None,
        registry_id: repository.document.registry_id.clone(),
        repository_name: Some(repository.name.clone()),
    })
}

/// What became of the scan of an image, if somebody asked for one.
pub(super) fn status(image: &Image) -> Option<ImageScanStatus> {
    image.scanned_at.map(|_| ImageScanStatus {
        description: Some(NOTHING_SCANNED.to_owned()),
        status: Some(ScanStatus::Complete),
    })
}
