//! Layers: which are there, and where they are downloaded. Uploads are of whoever keeps the bytes.

use serde::{Deserialize, Serialize};
use tidegate_models::ecr::{
    BatchCheckLayerAvailabilityRequest, BatchCheckLayerAvailabilityResponse, GetDownloadUrlForLayerRequest,
    GetDownloadUrlForLayerResponse, Layer as Document, LayerAvailability, LayerFailure, LayerFailureCode,
};

use super::{lookup, registry};
use crate::{
    ApiError, Context, State,
    ecr::{images, manifest, records::Layer},
    state::Subject,
};

/// The call by which the keeper of the bytes says that a repository has a layer. Its input is [`KeepLayer`].
pub const KEEP_LAYER: &str = "KeepLayer";

/// A layer whose bytes are durable, or that another repository has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepLayer {
    /// The ARN of the repository that gets it.
    pub repository_arn: String,
    /// Its digest.
    pub digest: String,
    /// Where it comes from.
    pub from: Source,
}

/// Where a layer comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// It was uploaded, and has so many bytes.
    Upload(i64),
    /// The repository with this ARN has it.
    Repository(String),
}

/// Nothing to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {}

pub(super) fn keep(state: &mut State, context: &Context, input: KeepLayer) -> Result<Kept, ApiError> {
    let repository = lookup::of_arn(state, &input.repository_arn)?;
    let arn = repository.arn.clone();
    let size = match &input.from {
        Source::Upload(size) => *size,
        Source::Repository(other) => {
            let other = lookup::of_arn(state, other)?;
            let layer = images::layer(state, &other.arn, &input.digest);
            layer.ok_or_else(|| not_found(&input.digest, &other.name))?.size
        }
    };
    let layer =
        Layer { repository_arn: arn.clone(), digest: input.digest.clone(), size, uploaded_at: context.now };
    state.layers.insert(&Layer::key(&arn, &input.digest), layer);
    state.touch(Subject::Repository(arn));
    Ok(Kept {})
}

pub(super) fn check(
    state: &State,
    context: &Context,
    input: BatchCheckLayerAvailabilityRequest,
) -> Result<BatchCheckLayerAvailabilityResponse, ApiError> {
    let registry_id = input.registry_id.as_deref();
    let repository = lookup::repository(state, &context.scope, registry_id, &input.repository_name)?;
    let (mut layers, mut failures) = (Vec::new(), Vec::new());
    for digest in input.layer_digests {
        if !manifest::is_digest(&digest) {
            failures.push(LayerFailure {
                failure_code: Some(LayerFailureCode::InvalidLayerDigest),
                failure_reason: Some(
                    "Invalid request parameters: layer digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
                        .to_owned(),
                ),
                layer_digest: Some(digest),
            });
            continue;
        }
        let found = images::layer(state, &repository.arn, &digest);
        layers.push(Document {
            layer_availability: Some(match found {
                Some(_) => LayerAvailability::Available,
                None => LayerAvailability::Unavailable,
            }),
            layer_size: found.map(|layer| layer.size),
            layer_digest: Some(digest),
            media_type: None,
        });
    }
    Ok(BatchCheckLayerAvailabilityResponse { failures: Some(failures), layers: Some(layers) })
}

pub(super) fn download_url(
    state: &State,
    context: &Context,
    input: GetDownloadUrlForLayerRequest,
) -> Result<GetDownloadUrlForLayerResponse, ApiError> {
    let registry_id = input.registry_id.as_deref();
    let repository = lookup::repository(state, &context.scope, registry_id, &input.repository_name)?;
    let digest = input.layer_digest;
    if images::layer(state, &repository.arn, &digest).is_none() {
        return Err(not_found(&digest, &repository.name));
    }
    let scope = lookup::registry(&context.scope, registry_id);
    let host = &state.settings.registry;
    let token = registry::token(scope, context.now).password();
    // Of base64, these two mean something else in a URL.
    let token = token.replace('+', "%2B").replace('=', "%3D");
    let url = format!("http://{host}/v2/{}/blobs/{digest}?token={token}", repository.name);
    Ok(GetDownloadUrlForLayerResponse { download_url: Some(url), layer_digest: Some(digest) })
}

fn not_found(digest: &str, repository: &str) -> ApiError {
    ApiError::new(
        "LayersNotFoundException",
        format!("The layer with digest '{digest}' does not exist in the repository with name '{repository}'"),
    )
}
