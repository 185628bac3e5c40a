//! What a local cloud tells of itself beside the AWS API: `/_tidegate/…`.
//!
//! For people and scripts: health, listeners, reset, shutdown. Pages of a browser may not call it.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};
use tidegate_balancer::Balancer;
use tokio_util::sync::CancellationToken;

use crate::{
    SnapshotError,
    api::Api,
    logs::Logs,
    registry::blobs::Blobs,
    snapshot::{self, Draft},
    writer::{Commands, lock_read},
};

/// What the control answers from, beside the API's own parts.
pub(crate) struct Control {
    pub balancer: Balancer,
    /// Where the state lives.
    pub data_dir: PathBuf,
    /// Cancelled when somebody asked for the end.
    pub shutdown: CancellationToken,
}

impl Control {
    /// Answers a request for `/_tidegate/{path}`.
    pub(crate) async fn answer(
        &self,
        api: &Api,
        parts: &http::request::Parts,
        path: &str,
    ) -> Response<Full<Bytes>> {
        if parts.headers.contains_key(header::ORIGIN) {
            return answer(
                StatusCode::FORBIDDEN,
                &json!({ "error": "a web page may not control the local cloud" }),
            );
        }
        match (&parts.method, path) {
            (&Method::GET, "health") => answer(StatusCode::OK, &health(api)),
            (&Method::GET, "listeners") => answer(StatusCode::OK, &self.listeners()),
            (&Method::GET, "actions") => answer(StatusCode::OK, &api.permissions.tell()),
            (&Method::DELETE, "actions") => {
                api.permissions.forget();
                answer(StatusCode::OK, &json!({ "status": "forgotten" }))
            }
            (&Method::POST, "reset") => match api.commands.reset().await {
                Ok(Ok(())) => answer(StatusCode::OK, &json!({ "status": "empty" })),
                Ok(Err(error)) => {
                    answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": error.to_string() }))
                }
                Err(_ended) => answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": "shutting down" })),
            },
            (&Method::POST, "snapshot") => {
                match copy(&api.commands, &api.logs, api.registry.blobs(), &self.data_dir).await {
                    Ok(draft) => answer(StatusCode::OK, &json!({ "draft": draft.hand_over() })),
                    Err(error) => {
                        answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": error.to_string() }))
                    }
                }
            }
            (&Method::POST, "shutdown") => {
                self.shutdown.cancel();
                answer(StatusCode::ACCEPTED, &json!({ "status": "shutting down" }))
            }
            (_, "health" | "listeners" | "actions" | "reset" | "shutdown" | "snapshot") => answer(
                StatusCode::METHOD_NOT_ALLOWED,
                &json!({ "error": "health and listeners are GET; actions is GET or DELETE; reset, shutdown and snapshot are POST" }),
            ),
            _ => answer(
                StatusCode::NOT_FOUND,
                &json!({ "error": format!("there is no /_tidegate/{path}; there are health, listeners, actions, reset, shutdown and snapshot") }),
            ),
        }
    }

    fn listeners(&self) -> Value {
        let listeners = self.balancer.listeners();
        json!({ "listeners": listeners.iter().map(|listener| json!({
            "loadBalancerArn": listener.load_balancer,
            "listenerArn": listener.listener,
            "address": listener.address.to_string(),
        })).collect::<Vec<_>>() })
    }
}

/// Copies the databases and the layers, for whoever makes a snapshot of it.
pub(crate) async fn copy(
    commands: &Commands,
    logs: &Logs,
    blobs: &Blobs,
    data_dir: &Path,
) -> Result<Draft, SnapshotError> {
    let draft = Draft::new(data_dir)?;
    // What the copied state wants is there until it is copied, too.
    let _held = blobs.hold_all();
    commands.copy_to(draft.path_of(snapshot::STATE)).await.map_err(|_ended| SnapshotError::Ending)??;
    logs.copy_to(draft.path_of(snapshot::LOGS)).await?;
    draft.take_layers(data_dir)?;
    Ok(draft)
}

fn health(api: &Api) -> Value {
    let engine = lock_read(&api.engine);
    let state = engine.state();
    let mut health = json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "runtime": api.runtime.name(),
        "speed": api.clock.speed().factor(),
        "services": api.wire.signing_names().collect::<Vec<_>>(),
        "counts": {
            "clusters": state.clusters.len(),
            "services": state.services.len(),
            "tasks": state.tasks.len(),
            "loadBalancers": state.load_balancers.len(),
        },
    });
    if let Some(throttled) = api.throttle.throttled() {
        health["throttled"] = json!(throttled);
    }
    health
}

fn answer(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{body}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
