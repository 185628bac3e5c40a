//! The calls of ECR that bring a layer's bytes. The registry's uploads are behind them, too.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use http_body_util::Full;
use tidegate_engine::{
    Scope,
    ecr::{self, Source, images},
};
use tidegate_models::ecr::{
    CompleteLayerUploadRequest, CompleteLayerUploadResponse, InitiateLayerUploadRequest,
    InitiateLayerUploadResponse, UploadLayerPartRequest, UploadLayerPartResponse,
};
use tidegate_wire::{ApiError, Call, Response};

use super::{Registry, Repository, uploads::UploadError};
use crate::writer::lock_read;

/// The proposal for the size of a part: AWS's is 20 MiB, but a call's body is smaller here.
const PART_BYTES: i64 = 1 << 20;

/// Answers a call of ECR that brings a layer; `None` when it is the engine's.
pub(crate) async fn answer(registry: &Registry, call: &Call) -> Option<Response> {
    if call.service != ecr::SERVICE {
        return None;
    }
    Some(match call.operation {
        "InitiateLayerUpload" => reply(call, initiate(registry, call).await),
        "UploadLayerPart" => reply(call, upload(registry, call).await),
        "CompleteLayerUpload" => reply(call, complete(registry, call).await),
        _ => return None,
    })
}

fn reply<O: serde::Serialize>(call: &Call, answer: Result<O, ApiError>) -> Response {
    match answer {
        Ok(output) => call.succeed(&output),
        Err(error) => call.fail(&error),
    }
}

async fn initiate(registry: &Registry, call: &Call) -> Result<InitiateLayerUploadResponse, ApiError> {
    let input: InitiateLayerUploadRequest = call.typed()?;
    let repository = repository(registry, call, input.registry_id.as_deref(), &input.repository_name)?;
    let id = registry.uploads.begin(&repository.arn).await.map_err(|error| failed(&error))?;
    Ok(InitiateLayerUploadResponse { part_size: Some(PART_BYTES), upload_id: Some(id) })
}

async fn upload(registry: &Registry, call: &Call) -> Result<UploadLayerPartResponse, ApiError> {
    let input: UploadLayerPartRequest = call.typed()?;
    let repository = repository(registry, call, input.registry_id.as_deref(), &input.repository_name)?;
    let bytes = BASE64.decode(&input.layer_part_blob).map_err(|_| {
        ApiError::new("InvalidParameterException", "Invalid parameter at 'layerPartBlob': it is not base64")
    })?;
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let first = u64::try_from(input.part_first_byte).unwrap_or(u64::MAX);
    if input.part_last_byte.checked_sub(input.part_first_byte) != Some(length - 1) {
        return Err(ApiError::new(
            "InvalidLayerPartException",
            format!(
                "The part is said to be bytes {} to {} and has {length} bytes",
                input.part_first_byte, input.part_last_byte
            ),
        ));
    }
    let body = Full::new(Bytes::from(bytes));
    let uploaded = registry.uploads.append(&repository.arn, &input.upload_id, Some(first), body).await;
    let uploaded = uploaded.map_err(|error| of_upload(&error, &input.upload_id, &repository))?;
    Ok(UploadLayerPartResponse {
        last_byte_received: i64::try_from(uploaded).ok().map(|length| length - 1),
        registry_id: Some(repository.scope.account),
        repository_name: Some(repository.name),
        upload_id: Some(input.upload_id),
    })
}

async fn complete(registry: &Registry, call: &Call) -> Result<CompleteLayerUploadResponse, ApiError> {
    let input: CompleteLayerUploadRequest = call.typed()?;
    let repository = repository(registry, call, input.registry_id.as_deref(), &input.repository_name)?;
    let wrong = |error: &UploadError| of_upload(error, &input.upload_id, &repository);
    let digest = input.layer_digests.first().cloned().unwrap_or_default();
    let length = registry.uploads.length(&repository.arn, &input.upload_id).await;
    if length.map_err(|error| wrong(&error))? == 0 {
        return Err(ApiError::new(
            "EmptyUploadException",
            format!("No layer parts were uploaded for upload id '{}'", input.upload_id),
        ));
    }
    let is_there = images::layer(lock_read(&registry.engine).state(), &repository.arn, &digest).is_some();
    if is_there {
        return Err(ApiError::new(
            "LayerAlreadyExistsException",
            format!("The layer with digest '{digest}' already exists in repository '{}'", repository.name),
        ));
    }
    let ended = registry.uploads.complete(&repository.arn, &input.upload_id, &digest).await;
    let (_hold, length) = ended.map_err(|error| wrong(&error))?;
    let size = i64::try_from(length).unwrap_or(i64::MAX);
    let kept = registry.keep(&repository, &digest, Source::Upload(size)).await;
    kept.map_err(|error| ApiError::new(error.code, error.message.into_owned()))?;
    Ok(CompleteLayerUploadResponse {
        layer_digest: Some(digest),
        registry_id: Some(repository.scope.account),
        repository_name: Some(repository.name),
        upload_id: Some(input.upload_id),
    })
}

fn repository(
    registry: &Registry,
    call: &Call,
    account: Option<&str>,
    name: &str,
) -> Result<Repository, ApiError> {
    let account = account.unwrap_or(&call.account).to_owned();
    let scope = Scope { account, region: call.region.clone() };
    let engine = lock_read(&registry.engine);
    match ecr::repository(engine.state(), &scope, None, name) {
        Ok(found) => Ok(Repository { arn: found.arn.clone(), name: found.name.clone(), scope }),
        Err(error) => Err(ApiError::new(error.code, error.message.into_owned())),
    }
}

fn of_upload(error: &UploadError, id: &str, repository: &Repository) -> ApiError {
    let (code, text) = match error {
        UploadError::Unknown => (
            "UploadNotFoundException",
            format!(
                "The upload with id '{id}' could not be found in the repository with name '{}' in the registry with id '{}'",
                repository.name, repository.scope.account
            ),
        ),
        UploadError::NotNext(length) => (
            "InvalidLayerPartException",
            format!("The next part of upload id '{id}' begins with byte {length}"),
        ),
        UploadError::TooLarge => ("LimitExceededException", error.to_string()),
        UploadError::OtherDigest(found) => (
            "InvalidLayerException",
            format!("The digest of the uploaded layer is '{found}', which is not the one of the request"),
        ),
        UploadError::BrokenOff | UploadError::File(_) => return failed(error),
    };
    ApiError::new(code, text)
}

fn failed(error: &UploadError) -> ApiError {
    ApiError::new("ServerException", error.to_string())
}
