//! The registry: what `docker push` and `docker pull` speak, on the port of the AWS API, under `/v2/`.
//!
//! Images, tags and which layers a repository has are the engine's, and change only by calls of ECR, so that the registry
//! cannot do what ECR would refuse; the bytes of layers are files ([`blobs`]), which come by [`uploads`]. An answer is
//! given after its change is durable. See `docs/decisions/0007-registry.md`. Start at [`Registry::answer`].

mod auth;
pub(crate) mod blobs;
mod error;
mod layers;
mod manifests;
mod pulls;
mod pushes;
mod route;
pub(crate) mod uploads;

use std::{io, path::Path, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt, stream::Map};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{Either, Full, StreamBody};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tidegate_clock::Clock;
use tidegate_engine::{ApiError, Scope, ecr};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

pub(crate) use layers::answer as answer_call;
pub(crate) use pulls::{Found, image};

use self::{blobs::Blobs, error::Refusal, route::Route, uploads::Uploads};
use crate::writer::{Commands, SharedEngine, lock_read};

/// The folder of the blobs, in the registry's.
pub(crate) const BLOBS: &str = "blobs";
/// The folder of what is on its way to be one.
pub(crate) const UPLOADS: &str = "uploads";

/// How much of a file is read at once.
const PIECE: usize = 64 << 10;

/// The body of an answer: at hand, or a part of a file that is read as it is sent.
pub(crate) type Answer = Either<Full<Bytes>, FilePart>;

type Piece = io::Result<Bytes>;
/// A part of a file, in pieces.
pub(crate) type FilePart =
    StreamBody<Map<ReaderStream<tokio::io::Take<tokio::fs::File>>, fn(Piece) -> io::Result<Frame<Bytes>>>>;

/// See the module's text. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Registry {
    engine: SharedEngine,
    commands: Commands,
    clock: Clock,
    blobs: Blobs,
    uploads: Uploads,
    /// As image names begin.
    host: Arc<str>,
}

impl Registry {
    /// One whose files are in `folder`; those that nobody wants are removed.
    pub(crate) fn open(
        folder: &Path,
        engine: SharedEngine,
        commands: Commands,
        clock: Clock,
        host: &str,
    ) -> io::Result<Self> {
        let blobs = Blobs::open(&folder.join(BLOBS))?;
        blobs.sweep(lock_read(&engine).state())?;
        let uploads = Uploads::open(&folder.join(UPLOADS), blobs.clone())?;
        Ok(Self { engine, commands, clock, blobs, uploads, host: host.into() })
    }

    /// The files of layers.
    pub(crate) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Answers a request whose path begins with `/v2`.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response<Answer> {
        let (parts, body) = request.into_parts();
        let answered = self.dispatch(&parts, body).await;
        let mut response = answered.unwrap_or_else(Refusal::answer);
        if response.status() == StatusCode::UNAUTHORIZED {
            let challenge = format!("Basic realm=\"http://{}/\",service=\"ecr.amazonaws.com\"", self.host);
            set(&mut response, header::WWW_AUTHENTICATE, &challenge);
        }
        let version = HeaderName::from_static("docker-distribution-api-version");
        set(&mut response, version, "registry/2.0");
        response
    }

    async fn dispatch(
        &self,
        parts: &http::request::Parts,
        body: Incoming,
    ) -> Result<Response<Answer>, Refusal> {
        let scope = auth::scope(parts, self.clock.now())?;
        let at = |name: &str| self.repository(&scope, name);
        match route::route(&parts.method, parts.uri.path()) {
            Route::Ping => Ok(whole(StatusCode::OK, Bytes::from_static(b"{}"))),
            Route::GetManifest { name, reference } => self.get_manifest(&at(name)?, reference, &parts.method),
            Route::PutManifest { name, reference } => {
                self.put_manifest(&at(name)?, reference, parts, body).await
            }
            Route::DeleteManifest { name, reference } => self.delete_manifest(&at(name)?, reference).await,
            Route::GetBlob { name, digest } => self.get_blob(&at(name)?, digest, parts).await,
            Route::BeginUpload { name } => self.begin_upload(&at(name)?, &scope, parts, body).await,
            Route::UploadStatus { name, id } => self.upload_status(&at(name)?, id).await,
            Route::AppendUpload { name, id } => self.append_upload(&at(name)?, id, parts, body).await,
            Route::CompleteUpload { name, id } => self.complete_upload(&at(name)?, id, parts, body).await,
            Route::CancelUpload { name, id } => {
                self.uploads.cancel(&at(name)?.arn, id).await?;
                Ok(whole(StatusCode::NO_CONTENT, Bytes::new()))
            }
            Route::Tags { name } => self.tags(&at(name)?, parts),
            Route::Referrers { name, digest } => self.referrers(&at(name)?, digest, parts),
            Route::Unsupported => Err(Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "UNSUPPORTED",
                format!("the registry has no {} of {}", parts.method, parts.uri.path()),
            )),
            Route::Unknown => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                "UNSUPPORTED",
                format!("the registry has no {}", parts.uri.path()),
            )),
        }
    }

    fn repository(&self, scope: &Scope, name: &str) -> Result<Repository, Refusal> {
        let engine = lock_read(&self.engine);
        let found = ecr::repository(engine.state(), scope, None, name)?;
        Ok(Repository { arn: found.arn.clone(), name: found.name.clone(), scope: scope.clone() })
    }

    /// Makes a call of ECR; it is durable when this is back.
    async fn call<O: DeserializeOwned>(
        &self,
        scope: &Scope,
        operation: &str,
        input: serde_json::Value,
    ) -> Result<O, ApiError> {
        let request = tidegate_engine::Request {
            service: ecr::SERVICE,
            operation: operation.to_owned(),
            scope: scope.clone(),
            input,
        };
        let failed = |why: String| ApiError::new("ServerException", why);
        let reply = self.commands.call(request).await;
        let reply = reply.map_err(|_ended| failed("The local cloud is shutting down.".to_owned()))??;
        let reply = serde_json::to_value(&reply).map_err(|error| failed(error.to_string()))?;
        serde_json::from_value(reply).map_err(|error| failed(error.to_string()))
    }

    /// The engine is told that a repository has a layer.
    async fn keep(&self, repository: &Repository, digest: &str, from: ecr::Source) -> Result<(), ApiError> {
        let input =
            ecr::KeepLayer { repository_arn: repository.arn.clone(), digest: digest.to_owned(), from };
        let input = serde_json::to_value(input)
            .map_err(|error| ApiError::new("ServerException", error.to_string()))?;
        let ecr::Kept {} = self.call(&repository.scope, ecr::KEEP_LAYER, input).await?;
        Ok(())
    }
}

/// A repository as a request needs it.
struct Repository {
    arn: String,
    name: String,
    scope: Scope,
}

/// An answer that is at hand.
fn whole(status: StatusCode, body: Bytes) -> Response<Answer> {
    let mut response = Response::new(Either::Left(Full::new(body)));
    *response.status_mut() = status;
    response
}

/// An answer that is the next so many bytes of a file.
fn part(file: tokio::fs::File, length: u64) -> Answer {
    let pieces = ReaderStream::with_capacity(file.take(length), PIECE);
    Either::Right(StreamBody::new(pieces.map(frame as fn(Piece) -> io::Result<Frame<Bytes>>)))
}

fn frame(piece: Piece) -> io::Result<Frame<Bytes>> {
    piece.map(Frame::data)
}

/// Sets a header to a text that is one: digests, numbers, and paths that came as such.
fn set(response: &mut Response<Answer>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A parameter of a request's query.
fn parameter(parts: &http::request::Parts, name: &str) -> Option<String> {
    let pairs = parts.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find(|(key, _)| *key == name)?.1;
    percent_encoding::percent_decode_str(value).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}
