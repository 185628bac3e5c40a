//! Blobs: pushed in one piece or in many, taken from another repository, pulled.

use bytes::Bytes;
use http::{HeaderName, Method, Response, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use tidegate_engine::{
    Scope,
    ecr::{Source, images, manifest},
};

use super::{
    Answer, Refusal, Registry, Repository, parameter, part, route, set, uploads::UploadError, whole,
};
use crate::writer::lock_read;

const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const UPLOAD: HeaderName = HeaderName::from_static("docker-upload-uuid");

impl Registry {
    /// A new upload; with `mount` perhaps none, and with `digest` a whole one.
    pub(super) async fn begin_upload(
        &self,
        repository: &Repository,
        scope: &Scope,
        parts: &Parts,
        body: Incoming,
    ) -> Result<Response<Answer>, Refusal> {
        if let (Some(digest), Some(from)) = (parameter(parts, "mount"), parameter(parts, "from"))
            && let Ok(other) = self.repository(scope, &from)
            // What is not there is uploaded.
            && self.keep(repository, &digest, Source::Repository(other.arn)).await.is_ok()
        {
            return Ok(created(repository, &digest));
        }
        let id = self.uploads.begin(&repository.arn).await?;
        if let Some(digest) = parameter(parts, "digest") {
            let ended = self.end_upload(repository, &id, &digest, None, body).await;
            if ended.is_err() {
                // Nobody knows its id.
                let _ = self.uploads.cancel(&repository.arn, &id).await;
            }
            return ended;
        }
        Ok(under_way(repository, &id, 0, StatusCode::ACCEPTED))
    }

    pub(super) async fn upload_status(
        &self,
        repository: &Repository,
        id: &str,
    ) -> Result<Response<Answer>, Refusal> {
        let length = self.uploads.length(&repository.arn, id).await?;
        Ok(under_way(repository, id, length, StatusCode::NO_CONTENT))
    }

    pub(super) async fn append_upload(
        &self,
        repository: &Repository,
        id: &str,
        parts: &Parts,
        body: Incoming,
    ) -> Result<Response<Answer>, Refusal> {
        match self.uploads.append(&repository.arn, id, start(parts)?, body).await {
            Ok(length) => Ok(under_way(repository, id, length, StatusCode::ACCEPTED)),
            // So that the client learns where to go on.
            Err(UploadError::NotNext(length)) => {
                Ok(under_way(repository, id, length, StatusCode::RANGE_NOT_SATISFIABLE))
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn complete_upload(
        &self,
        repository: &Repository,
        id: &str,
        parts: &Parts,
        body: Incoming,
    ) -> Result<Response<Answer>, Refusal> {
        let digest = parameter(parts, "digest").unwrap_or_default();
        self.end_upload(repository, id, &digest, start(parts)?, body).await
    }

    /// Takes in the last piece, checks the whole, and tells the engine.
    async fn end_upload(
        &self,
        repository: &Repository,
        id: &str,
        digest: &str,
        start: Option<u64>,
        last: Incoming,
    ) -> Result<Response<Answer>, Refusal> {
        if !manifest::is_digest(digest) {
            return Err(Refusal::digest_invalid(digest));
        }
        self.uploads.append(&repository.arn, id, start, last).await?;
        let (_hold, length) = self.uploads.complete(&repository.arn, id, digest).await?;
        let size = i64::try_from(length).unwrap_or(i64::MAX);
        self.keep(repository, digest, Source::Upload(size)).await?;
        Ok(created(repository, digest))
    }

    pub(super) async fn get_blob(
        &self,
        repository: &Repository,
        digest: &str,
        parts: &Parts,
    ) -> Result<Response<Answer>, Refusal> {
        if !manifest::is_digest(digest) {
            return Err(Refusal::digest_invalid(digest));
        }
        let size = {
            let engine = lock_read(&self.engine);
            let layer = images::layer(engine.state(), &repository.arn, digest);
            layer.ok_or_else(|| Refusal::blob_unknown(digest))?.size
        };
        let length = u64::try_from(size).unwrap_or(0);
        let wanted = parts.headers.get(header::RANGE).and_then(|value| value.to_str().ok());
        let wanted = match wanted.filter(|value| value.starts_with("bytes=") && !value.contains(',')) {
            None => None,
            Some(value) => match route::range(value, length) {
                Some(range) => Some(range),
                None => {
                    let mut response = whole(StatusCode::RANGE_NOT_SATISFIABLE, Bytes::new());
                    set(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
                    return Ok(response);
                }
            },
        };
        let range = wanted.clone().unwrap_or(0..length);
        let mut response = whole(StatusCode::OK, Bytes::new());
        if parts.method != Method::HEAD {
            let file = self.blob(digest, range.start).await?;
            *response.body_mut() = part(file, range.end - range.start);
        }
        set(&mut response, header::CONTENT_TYPE, "application/octet-stream");
        set(&mut response, header::CONTENT_LENGTH, &(range.end - range.start).to_string());
        set(&mut response, header::ACCEPT_RANGES, "bytes");
        set(&mut response, header::ETAG, &format!("\"{digest}\""));
        set(&mut response, DIGEST, digest);
        if wanted.is_some() {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            set(&mut response, header::CONTENT_RANGE, &range);
        }
        Ok(response)
    }

    /// A blob's file, from which the next byte read is the one at `start`.
    async fn blob(&self, digest: &str, start: u64) -> Result<tokio::fs::File, Refusal> {
        use tokio::io::AsyncSeekExt;
        let mut file = match tokio::fs::File::open(self.blobs.path(digest)).await {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Refusal::blob_unknown(digest));
            }
            Err(error) => return Err(Refusal::failed(error)),
        };
        file.seek(std::io::SeekFrom::Start(start)).await.map_err(Refusal::failed)?;
        Ok(file)
    }
}

/// Where the client believes to be.
fn start(parts: &Parts) -> Result<Option<u64>, Refusal> {
    let Some(value) = parts.headers.get(header::CONTENT_RANGE) else { return Ok(None) };
    let start = value.to_str().ok().and_then(route::start_of_piece);
    start.map(Some).ok_or_else(|| {
        let message = "Content-Range is first-last, in bytes";
        Refusal::new(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID", message)
    })
}

fn created(repository: &Repository, digest: &str) -> Response<Answer> {
    let mut response = whole(StatusCode::CREATED, Bytes::new());
    set(&mut response, header::LOCATION, &format!("/v2/{}/blobs/{digest}", repository.name));
    set(&mut response, DIGEST, digest);
    response
}

fn under_way(repository: &Repository, id: &str, length: u64, status: StatusCode) -> Response<Answer> {
    let mut response = whole(status, Bytes::new());
    set(&mut response, header::LOCATION, &format!("/v2/{}/blobs/uploads/{id}", repository.name));
    set(&mut response, header::RANGE, &format!("0-{}", length.saturating_sub(1)));
    set(&mut response, UPLOAD, id);
    response
}
