//! `BatchDeleteImage`: a tag, or an image with all its tags.

use tidegate_models::ecr::{
    BatchDeleteImageRequest, BatchDeleteImageResponse, ImageFailureCode, ImageIdentifier,
};

use super::{identify, lookup};
use crate::{
    ApiError, Context, State,
    ecr::{images, records::Image},
};

pub(super) fn batch(
    state: &mut State,
    context: &Context,
    input: BatchDeleteImageRequest,
) -> Result<BatchDeleteImageResponse, ApiError> {
    let registry_id = input.registry_id.as_deref();
    let repository = lookup::repository(state, &context.scope, registry_id, &input.repository_name)?.clone();
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for id in input.image_ids {
        let image = match identify::image(state, &repository, &id) {
            Ok(image) => image.clone(),
            Err((code, reason)) => {
                failures.push(identify::failure(code, reason, id));
                continue;
            }
        };
        let parents = Image::parents_index(&repository.arn, &image.digest);
        let parents: Vec<&str> =
            state.images.indexed_by(&parents).map(|(_, index)| index.digest.as_str()).collect();
        let named = |tag: Option<&String>| ImageIdentifier {
            image_digest: Some(image.digest.clone()),
            image_tag: tag.cloned(),
        };
        match &id.image_tag {
            Some(tag) if image.tags.len() > 1 || !parents.is_empty() => {
                deleted.push(named(Some(tag)));
                images::untag(state, &repository.arn, tag);
            }
            _ if !parents.is_empty() => {
                let reason = format!("Requested image referenced by manifest list: [{}]", parents.join(", "));
                failures.push(identify::failure(ImageFailureCode::ImageReferencedByManifestList, reason, id));
            }
            _ => {
                if image.tags.is_empty() {
                    deleted.push(named(None));
                }
                deleted.extend(image.tags.iter().map(|tag| named(Some(tag))));
                images::remove(state, &repository.arn, &image.digest);
            }
        }
    }
    Ok(BatchDeleteImageResponse { failures: Some(failures), image_ids: Some(deleted) })
}
