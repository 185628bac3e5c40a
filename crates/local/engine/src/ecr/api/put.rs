//! `PutImage`: what a push ends with. Layers and the images that an index lists have to be there.

use tidegate_models::ecr::{Image as Document, ImageIdentifier, PutImageRequest, PutImageResponse};

use super::{invalid, lookup};
use crate::{
    ApiError, Context, State,
    ecr::{
        images,
        manifest::{self, Manifest},
        records::{Image, Repository},
    },
};

/// AWS's most tags of one image.
const MOST_TAGS: usize = 1000;

pub(super) fn put(
    state: &mut State,
    context: &Context,
    input: PutImageRequest,
) -> Result<PutImageResponse, ApiError> {
    let name = &input.repository_name;
    let repository = lookup::repository(state, &context.scope, input.registry_id.as_deref(), name)?;
    let arn = repository.arn.clone();
    let registry_id = repository.document.registry_id.clone();
    let scanning = repository.document.image_scanning_configuration.as_ref();
    let is_scanned = scanning.and_then(|it| it.scan_on_push) == Some(true);
    let content = Manifest::parse(&input.image_manifest, input.image_manifest_media_type.as_deref());
    let content = content.map_err(|why| {
        invalid(format!("Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{why}'"))
    })?;
    let digest = manifest::digest_of(input.image_manifest.as_bytes());
    if input.image_digest.as_ref().is_some_and(|given| *given != digest) {
        return Err(ApiError::new(
            "ImageDigestDoesNotMatchException",
            format!("The manifest's digest is {digest}, which is not the image digest of the request"),
        ));
    }
    check_tag(state, repository, input.image_tag.as_deref(), &digest)?;
    check_content(state, repository, &content)?;
    let size = size(state, &arn, &content);
    let media_type = content.media_type.clone();
    let mut image = match images::with_digest(state, &arn, &digest) {
        Some(there) => there.clone(),
        None => Image {
            repository_arn: arn.clone(),
            digest: digest.clone(),
            manifest: input.image_manifest.clone(),
            content,
            tags: std::collections::BTreeSet::new(),
            size,
            pushed_at: context.now,
            pulled_at: None,
            scanned_at: is_scanned.then_some(context.now),
        },
    };
    if let Some(tag) = &input.image_tag {
        images::untag(state, &arn, tag);
        image.tags.insert(tag.clone());
    }
    state.images.insert(&Image::key(&arn, &digest), image);
    Ok(PutImageResponse {
        image: Some(Document {
            image_id: Some(ImageIdentifier { image_digest: Some(digest), image_tag: input.image_tag }),
            image_manifest: Some(input.image_manifest),
            image_manifest_media_type: Some(media_type),
            registry_id,
            repository_name: Some(input.repository_name),
        }),
    })
}

/// The image may get the tag, and has not got it yet.
fn check_tag(
    state: &State,
    repository: &Repository,
    tag: Option<&str>,
    digest: &str,
) -> Result<(), ApiError> {
    let Repository { arn, name, .. } = repository;
    let account = repository.document.registry_id.as_deref().unwrap_or_default();
    let there = images::with_digest(state, arn, digest);
    let Some(tag) = tag else {
        return match there {
            None => Ok(()),
            Some(_) => Err(ApiError::new(
                "ImageAlreadyExistsException",
                format!(
                    "Image with digest '{digest}' already exists in the repository with name '{name}' in registry with \
                     id '{account}'"
                ),
            )),
        };
    };
    if !manifest::is_tag(tag) {
        return Err(invalid(
            "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression \
             '[a-zA-Z0-9_][a-zA-Z0-9-._]{0,127}''",
        ));
    }
    match images::tagged(state, arn, tag) {
        Some(tagged) if tagged.digest == digest => Err(ApiError::new(
            "ImageAlreadyExistsException",
            format!(
                "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{name}' in \
                 registry with id '{account}'"
            ),
        )),
        Some(_) if images::is_fixed(repository, tag) => Err(ApiError::new(
            "ImageTagAlreadyExistsException",
            format!(
                "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the \
                 tag is immutable."
            ),
        )),
        _ if there.is_some_and(|image| image.tags.len() >= MOST_TAGS) => {
            Err(ApiError::new("LimitExceededException", format!("An image has at most {MOST_TAGS} tags")))
        }
        _ => Ok(()),
    }
}

fn check_content(state: &State, repository: &Repository, content: &Manifest) -> Result<(), ApiError> {
    let Repository { arn, name, .. } = repository;
    let account = repository.document.registry_id.as_deref().unwrap_or_default();
    let refuse = |code, what: &str, digests: Vec<&str>| {
        let digests = digests.join(", ");
        Err(ApiError::new(
            code,
            format!(
                "{what} with digests '[{digests}]' required for pushing image into repository with name '{name}' in the \
                 registry with id '{account}' do not exist"
            ),
        ))
    };
    let blobs = content.blobs.iter().map(|blob| blob.digest.as_str());
    let missing: Vec<&str> = blobs.filter(|digest| images::layer(state, arn, digest).is_none()).collect();
    if !missing.is_empty() {
        return refuse("LayersNotFoundException", "Layers", missing);
    }
    let listed = content.manifests.iter().map(String::as_str);
    let missing: Vec<&str> =
        listed.filter(|digest| images::with_digest(state, arn, digest).is_none()).collect();
    if !missing.is_empty() {
        return refuse("ReferencedImagesNotFoundException", "Images", missing);
    }
    Ok(())
}

fn size(state: &State, arn: &str, content: &Manifest) -> i64 {
    let listed = content.manifests.iter().filter_map(|digest| images::with_digest(state, arn, digest));
    let largest = listed.map(|image| image.size).max().unwrap_or(0);
    // The manifest may say what it wants; this is what is there.
    let blobs = content.blobs.iter().filter_map(|blob| images::layer(state, arn, &blob.digest));
    blobs.map(|layer| layer.size).sum::<i64>().max(largest)
}
