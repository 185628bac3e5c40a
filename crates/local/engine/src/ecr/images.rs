//! Images and layers of repositories: found, put, taken away. What calls and reconcilers share.
//!
//! A layer stays for as long as an image of its repository has it. The bytes are a file, of which [`Effect::Blob`] says
//! that it may not be wanted any more; it is for all repositories, so whoever carries that out asks [`is_wanted`].

use tidegate_models::{
    Timestamp,
    ecr::{ImageTagMutability, ImageTagMutabilityExclusionFilter},
};

use super::{
    lifecycle::Policy,
    records::{Image, Layer, Repository},
    wildcard,
};
use crate::{Effect, State};

/// How often images are held against their repository's lifecycle policy. AWS does within a day.
const LIFECYCLE_EVERY: std::time::Duration = std::time::Duration::from_mins(5);

/// For how long a layer waits for an image that has it.
const UNUSED_FOR: std::time::Duration = std::time::Duration::from_hours(24);

/// How exactly the last pull is known.
const PULLS_NOTED_EVERY: std::time::Duration = std::time::Duration::from_mins(1);

/// Where images are pushed to and pulled from, as their names begin.
pub fn host(state: &State) -> &str {
    &state.settings.registry
}

/// The images of a repository, in the order of their digests.
pub fn of_repository<'a>(state: &'a State, arn: &str) -> impl Iterator<Item = &'a Image> + use<'a> {
    state.images.indexed_by(arn).map(|(_, image)| image)
}

/// The image with this tag.
pub fn tagged<'a>(state: &'a State, arn: &str, tag: &str) -> Option<&'a Image> {
    state.images.indexed_by(&Image::tag_index(arn, tag)).next().map(|(_, image)| image)
}

/// The image with this digest.
pub fn with_digest<'a>(state: &'a State, arn: &str, digest: &str) -> Option<&'a Image> {
    state.images.get(&Image::key(arn, digest))
}

/// The artifacts that are about the image with this digest, whether that is there or not.
pub fn referrers<'a>(state: &'a State, arn: &str, digest: &str) -> impl Iterator<Item = &'a Image> + use<'a> {
    state.images.indexed_by(&Image::referrers_index(arn, digest)).map(|(_, image)| image)
}

/// The layer of a repository with this digest.
pub fn layer<'a>(state: &'a State, arn: &str, digest: &str) -> Option<&'a Layer> {
    state.layers.get(&Layer::key(arn, digest))
}

/// Whether any repository has the layer with this digest.
pub fn is_wanted(state: &State, digest: &str) -> bool {
    state.layers.indexed_by(digest).next().is_some()
}

/// Whether a tag that is there may not move.
pub(super) fn is_fixed(repository: &Repository, tag: &str) -> bool {
    let filters = repository.document.image_tag_mutability_exclusion_filters.iter().flatten();
    let mut patterns = filters.map(|filter: &ImageTagMutabilityExclusionFilter| filter.filter.as_str());
    let is_excluded = patterns.any(|pattern| wildcard::matches(pattern, tag));
    match repository.document.image_tag_mutability {
        Some(ImageTagMutability::Immutable) => true,
        Some(ImageTagMutability::ImmutableWithExclusion) => !is_excluded,
        Some(ImageTagMutability::MutableWithExclusion) => is_excluded,
        Some(ImageTagMutability::Mutable) | None => false,
    }
}

/// Takes a tag from whatever has it.
pub(super) fn untag(state: &mut State, arn: &str, tag: &str) {
    let keys: Vec<String> =
        state.images.indexed_by(&Image::tag_index(arn, tag)).map(|(key, _)| key.to_owned()).collect();
    for key in keys {
        state.images.update(&key, |image| image.tags.remove(tag));
    }
}

/// Removes an image and the layers that no other image of the repository has.
pub(super) fn remove(state: &mut State, arn: &str, digest: &str) {
    let key = Image::key(arn, digest);
    let Some(blobs) = state.images.get(&key).map(|image| image.content.blobs.clone()) else { return };
    state.images.remove(&key);
    for blob in blobs {
        if !is_used(state, arn, &blob.digest) {
            state.layers.remove(&Layer::key(arn, &blob.digest));
            state.effect(Effect::Blob(blob.digest));
        }
    }
}

/// Removes all that a repository holds.
pub(super) fn empty(state: &mut State, arn: &str) {
    let images: Vec<String> = of_repository(state, arn).map(|image| image.digest.clone()).collect();
    for digest in images {
        state.images.remove(&Image::key(arn, &digest));
    }
    let layers: Vec<String> = state.layers.indexed_by(arn).map(|(_, layer)| layer.digest.clone()).collect();
    for digest in layers {
        state.layers.remove(&Layer::key(arn, &digest));
        state.effect(Effect::Blob(digest));
    }
}

/// Remembers that an image was pulled. As on AWS once in a while is enough.
pub(crate) fn observe_pull(state: &mut State, arn: &str, digest: &str, now: Timestamp) {
    let key = Image::key(arn, digest);
    let last = state.images.get(&key).map(|image| image.pulled_at);
    if last.is_some_and(|last| last.is_none_or(|last| now.since(last) >= PULLS_NOTED_EVERY)) {
        state.images.update(&key, |image| image.pulled_at = Some(now));
    }
}

/// Looks after a repository: its lifecycle policy, and the layers of pushes that nobody ended. When to look again.
pub(crate) fn reconcile_repository(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    let expiry = expire(state, arn, now);
    let unused = forget_unused(state, arn, now);
    expiry.into_iter().chain(unused).min()
}

/// Holds the images of a repository against its lifecycle policy, if it is time.
fn expire(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    let repository = state.repositories.get(arn)?;
    let text = repository.lifecycle_policy.as_deref()?;
    let due = repository.lifecycle_looked_at.unwrap_or(now) + LIFECYCLE_EVERY;
    if due > now {
        return Some(due);
    }
    // What was put was understood; a policy that an older version took and this one does not, expires nothing.
    let expiring = Policy::parse(text).map(|policy| policy.expiring(of_repository(state, arn), now));
    for gone in expiring.unwrap_or_default() {
        let about: Vec<String> =
            referrers(state, arn, &gone.digest).map(|artifact| artifact.digest.clone()).collect();
        for digest in about.iter().chain([&gone.digest]) {
            remove(state, arn, digest);
        }
    }
    state.repositories.update(arn, |row| row.lifecycle_looked_at = Some(now));
    Some(now + LIFECYCLE_EVERY)
}

/// Removes the layers that no image has got for long.
fn forget_unused(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    let layers = state.layers.indexed_by(arn).map(|(_, layer)| layer);
    let unused = layers.filter(|layer| !is_used(state, arn, &layer.digest));
    let unused: Vec<(Timestamp, String)> =
        unused.map(|layer| (layer.uploaded_at + UNUSED_FOR, layer.digest.clone())).collect();
    for (_, digest) in unused.iter().filter(|(due, _)| *due <= now) {
        state.layers.remove(&Layer::key(arn, digest));
        state.effect(Effect::Blob(digest.clone()));
    }
    unused.into_iter().map(|(due, _)| due).filter(|due| *due > now).min()
}

/// Whether an image of the repository has the layer.
fn is_used(state: &State, arn: &str, layer: &str) -> bool {
    state.images.indexed_by(&Image::users_index(arn, layer)).next().is_some()
}
