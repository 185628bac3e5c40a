//! A local cloud as other commands see it: asked over HTTP, or cleaned up after when it died.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;

use crate::{
    Presence, PresenceError, SnapshotError,
    snapshot::{self, Draft},
};

/// How long a running cloud may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a cloud could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Nothing answers there.
    #[error("no local cloud answers at {endpoint}: {reason}; start one with `tidegate local up`")]
    Unreachable {
        /// Where it was looked for.
        endpoint: String,
        /// What happened instead.
        reason: String,
    },
    /// What answers is no local cloud.
    #[error(
        "{endpoint} answers, but not as a local cloud does (HTTP {status}): is another tool using this port?"
    )]
    Alien {
        /// Where it was looked for.
        endpoint: String,
        /// What it answered.
        status: u16,
    },
    /// The cloud could not do it.
    #[error("the local cloud at {endpoint} could not do it: {reason}")]
    Refused {
        /// The cloud.
        endpoint: String,
        /// Its words.
        reason: String,
    },
    /// The folder's record cannot be read.
    #[error(transparent)]
    Presence(#[from] PresenceError),
    /// The snapshot cannot be written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// What an earlier cloud left cannot be cleaned up.
    #[error(transparent)]
    CleanUp(#[from] tidegate_tasks::Error),
}

/// `GET /_tidegate/health` of the cloud at `endpoint`.
pub async fn health(endpoint: &str) -> Result<Value, RemoteError> {
    ask(endpoint, Method::GET, "health").await
}

/// Empties the cloud at `endpoint`.
pub async fn reset(endpoint: &str) -> Result<(), RemoteError> {
    ask(endpoint, Method::POST, "reset").await.map(drop)
}

/// Writes a snapshot of the cloud of a folder, whether it is up or not.
pub async fn save_snapshot(data_dir: &Path, file: &Path) -> Result<(), RemoteError> {
    let Some(presence) = Presence::read(data_dir)? else { return Ok(snapshot::save(data_dir, file)?) };
    let endpoint = presence.endpoint;
    let copied = match ask(&endpoint, Method::POST, "snapshot").await {
        Ok(copied) => copied,
        // It died: its state is there all the same.
        Err(RemoteError::Unreachable { .. }) => return Ok(snapshot::save(data_dir, file)?),
        Err(error) => return Err(error),
    };
    let draft = copied["draft"].as_str().and_then(|name| Draft::take_over(data_dir, name));
    let draft = draft.ok_or_else(|| RemoteError::Refused {
        endpoint,
        reason: format!("it left no copy of its state in {}", data_dir.display()),
    })?;
    Ok(snapshot::pack(data_dir, &draft, file)?)
}

/// How a cloud was brought down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// It ran and ended in order.
    Ended,
    /// It had died; what it left running is gone now.
    CleanedUp,
    /// None ran from this folder.
    WasNotUp,
}

/// Ends the cloud of a folder and everything that it runs, also when it died and left its tasks.
pub async fn down(data_dir: &Path) -> Result<Down, RemoteError> {
    let Some(presence) = Presence::read(data_dir)? else { return Ok(Down::WasNotUp) };
    if ask(&presence.endpoint, Method::POST, "shutdown").await.is_ok() {
        wait_until_gone(data_dir).await?;
        return Ok(Down::Ended);
    }
    tidegate_tasks::clean_up(&data_dir.join("tasks"), &presence.instance).await?;
    Presence::remove(data_dir)?;
    Ok(Down::CleanedUp)
}

/// The cloud removes its record as the last thing that it does.
async fn wait_until_gone(data_dir: &Path) -> Result<(), RemoteError> {
    while Presence::read(data_dir)?.is_some() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn ask(endpoint: &str, method: Method, path: &str) -> Result<Value, RemoteError> {
    let unreachable = |reason: String| RemoteError::Unreachable { endpoint: endpoint.to_owned(), reason };
    let uri: Uri = format!("{}/_tidegate/{path}", endpoint.trim_end_matches('/'))
        .parse()
        .map_err(|error| unreachable(format!("it is no address ({error})")))?;
    let request = Request::builder().method(method).uri(uri).body(Empty::<Bytes>::new());
    let request = request.map_err(|error| unreachable(error.to_string()))?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let exchange = async {
        let response = client.request(request).await.map_err(|error| unreachable(root_cause(&error)))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| unreachable(error.to_string()))?;
        Ok::<_, RemoteError>((status, body.to_bytes()))
    };
    let (status, body) = tokio::time::timeout(PATIENCE, exchange)
        .await
        .map_err(|_| unreachable("it does not answer".into()))??;
    let body: Option<Value> = serde_json::from_slice(&body).ok();
    match body {
        Some(body) if status.is_success() => Ok(body),
        Some(body) if body.get("error").is_some() => Err(RemoteError::Refused {
            endpoint: endpoint.to_owned(),
            reason: body["error"].as_str().unwrap_or_default().to_owned(),
        }),
        _ => Err(RemoteError::Alien { endpoint: endpoint.to_owned(), status: status.as_u16() }),
    }
}

pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
