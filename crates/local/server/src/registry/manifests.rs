//! Manifests and tags: read from the engine, changed by ECR's own calls.

use bytes::Bytes;
use http::{HeaderName, Method, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tidegate_engine::{
    Event,
    ecr::{images, manifest, records::Image},
};
use tidegate_models::ecr::{BatchDeleteImageResponse, PutImageResponse};

use super::{Answer, Refusal, Registry, Repository, parameter, set, whole};
use crate::writer::lock_read;

const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const FILTERS: HeaderName = HeaderName::from_static("oci-filters-applied");

impl Registry {
    pub(super) fn get_manifest(
        &self,
        repository: &Repository,
        reference: &str,
        method: &Method,
    ) -> Result<Response<Answer>, Refusal> {
        let engine = lock_read(&self.engine);
        let image = if manifest::is_digest(reference) {
            images::with_digest(engine.state(), &repository.arn, reference)
        } else {
            images::tagged(engine.state(), &repository.arn, reference)
        };
        let image = image.ok_or_else(unknown)?;
        let body = if *method == Method::HEAD { Bytes::new() } else { image.manifest.clone().into() };
        let mut response = whole(StatusCode::OK, body);
        set(&mut response, header::CONTENT_TYPE, &image.content.media_type);
        set(&mut response, header::CONTENT_LENGTH, &image.manifest.len().to_string());
        set(&mut response, DIGEST, &image.digest);
        if *method != Method::HEAD {
            let (repository, digest) = (repository.arn.clone(), image.digest.clone());
            self.commands.tell(Event::ImagePulled { repository, digest });
        }
        Ok(response)
    }

    pub(super) async fn put_manifest(
        &self,
        repository: &Repository,
        reference: &str,
        parts: &Parts,
        body: Incoming,
    ) -> Result<Response<Answer>, Refusal> {
        let body = Limited::new(body, manifest::MOST_BYTES).collect().await.map_err(|error| {
            let message = "a manifest has at most 4 MiB";
            match error.downcast_ref::<LengthLimitError>() {
                Some(_) => Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", message),
                None => Refusal::new(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", "the request broke off"),
            }
        })?;
        let text = String::from_utf8(body.to_bytes().to_vec()).map_err(|_| {
            Refusal::new(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", "the manifest is not UTF-8")
        })?;
        let digest = manifest::digest_of(text.as_bytes());
        let media_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.map(|value| value.split(';').next().unwrap_or(value).trim());
        // What it is not is told by the call below.
        let content = manifest::Manifest::parse(&text, media_type).ok();
        let subject = content.and_then(|content| content.subject);
        let mut input = json!({ "repositoryName": repository.name, "imageManifest": text });
        let member = if reference.starts_with("sha256:") { "imageDigest" } else { "imageTag" };
        input[member] = reference.into();
        if let Some(media_type) = media_type {
            input["imageManifestMediaType"] = media_type.into();
        }
        match self.call::<PutImageResponse>(&repository.scope, "PutImage", input).await {
            Ok(_) => {}
            // Who pushes the same again has pushed it.
            Err(error) if error.code == "ImageAlreadyExistsException" => {}
            Err(error) => return Err(error.into()),
        }
        let mut response = whole(StatusCode::CREATED, Bytes::new());
        set(&mut response, header::LOCATION, &format!("/v2/{}/manifests/{digest}", repository.name));
        set(&mut response, DIGEST, &digest);
        if let Some(subject) = subject {
            set(&mut response, SUBJECT, &subject);
        }
        Ok(response)
    }

    pub(super) async fn delete_manifest(
        &self,
        repository: &Repository,
        reference: &str,
    ) -> Result<Response<Answer>, Refusal> {
        let member = if reference.starts_with("sha256:") { "imageDigest" } else { "imageTag" };
        let input = json!({ "repositoryName": repository.name, "imageIds": [{ member: reference }] });
        let deleted: BatchDeleteImageResponse =
            self.call(&repository.scope, "BatchDeleteImage", input).await?;
        match deleted.failures.into_iter().flatten().next() {
            None => Ok(whole(StatusCode::ACCEPTED, Bytes::new())),
            Some(failure) => {
                use tidegate_models::ecr::ImageFailureCode;
                let reason = failure.failure_reason.unwrap_or_default();
                Err(match failure.failure_code {
                    Some(ImageFailureCode::ImageReferencedByManifestList) => {
                        Refusal::new(StatusCode::CONFLICT, "DENIED", reason)
                    }
                    Some(ImageFailureCode::InvalidImageDigest) => {
                        Refusal::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", reason)
                    }
                    _ => unknown(),
                })
            }
        }
    }

    /// All tags in order, or as many as are asked for, with the address of the rest.
    pub(super) fn tags(&self, repository: &Repository, parts: &Parts) -> Result<Response<Answer>, Refusal> {
        let most = match parameter(parts, "n") {
            None => usize::MAX,
            Some(text) => text.parse().map_err(|_| {
                Refusal::new(
                    StatusCode::BAD_REQUEST,
                    "PAGINATION_NUMBER_INVALID",
                    format!("n is a number, not {text:?}"),
                )
            })?,
        };
        let last = parameter(parts, "last").unwrap_or_default();
        let engine = lock_read(&self.engine);
        let images = images::of_repository(engine.state(), &repository.arn);
        let mut tags: Vec<&String> =
            images.flat_map(|image| &image.tags).filter(|tag| **tag > last).collect();
        tags.sort();
        let more = tags.len() > most;
        tags.truncate(most);
        let body = json!({ "name": repository.name, "tags": tags }).to_string();
        let mut response = whole(StatusCode::OK, body.into());
        set(&mut response, header::CONTENT_TYPE, "application/json");
        if let (true, Some(last)) = (more, tags.last()) {
            let link = format!("</v2/{}/tags/list?n={most}&last={last}>; rel=\"next\"", repository.name);
            set(&mut response, header::LINK, &link);
        }
        Ok(response)
    }

    /// What is about the image with this digest.
    pub(super) fn referrers(
        &self,
        repository: &Repository,
        digest: &str,
        parts: &Parts,
    ) -> Result<Response<Answer>, Refusal> {
        if !manifest::is_digest(digest) {
            return Err(Refusal::digest_invalid(digest));
        }
        let wanted = parameter(parts, "artifactType");
        let engine = lock_read(&self.engine);
        let found = images::referrers(engine.state(), &repository.arn, digest);
        let found =
            found.filter(|image| wanted.is_none() || image.content.artifact_type.as_ref() == wanted.as_ref());
        let manifests: Vec<Value> = found.map(descriptor).collect();
        let body = json!({ "schemaVersion": 2, "mediaType": manifest::OCI_INDEX, "manifests": manifests });
        let mut response = whole(StatusCode::OK, body.to_string().into());
        set(&mut response, header::CONTENT_TYPE, manifest::OCI_INDEX);
        if wanted.is_some() {
            set(&mut response, FILTERS, "artifactType");
        }
        Ok(response)
    }
}

fn descriptor(image: &Image) -> Value {
    let content = &image.content;
    let mut descriptor = json!({
        "mediaType": content.media_type, "digest": image.digest, "size": image.manifest.len(),
    });
    if let Some(artifact_type) = &content.artifact_type {
        descriptor["artifactType"] = artifact_type.as_str().into();
    }
    if !content.annotations.is_empty() {
        descriptor["annotations"] = json!(content.annotations);
    }
    descriptor
}

fn unknown() -> Refusal {
    let message = "Requested image not found";
    Refusal::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", message)
}
