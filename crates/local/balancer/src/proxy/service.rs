//! What is done with one request of a client.
//!
//! The answer is always a response: whatever goes wrong here has a status code. Start at [`serve`].

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{Request, Response, Version};
use hyper::body::Incoming;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    ProxyBody,
    answers::{self, Refusal},
    client_body::ClientBody,
    forward::{ClientRequest, forward},
    redirect::{self, RequestParts},
    request_head::{Inspected, host_of},
};
use crate::{
    metrics::WorkerId,
    routing::{RequestHead, without_port},
    serve::Shared,
    view::{ActionView, ListenerView},
};

/// A client's connection, as its requests see it.
pub(crate) struct ClientConnection {
    pub(crate) shared: Arc<Shared>,
    /// The configured address of its listener.
    pub(crate) listener: SocketAddr,
    pub(crate) peer: SocketAddr,
    /// The peer's address without its port.
    pub(crate) peer_text: String,
    pub(crate) worker: WorkerId,
    /// Its listener goes.
    pub(crate) closing: CancellationToken,
    pub(crate) activity: Activity,
}

/// When a connection was last used.
pub(crate) struct Activity {
    opened: Instant,
    in_progress: AtomicU32,
    /// Milliseconds after it was opened.
    last_millis: AtomicU64,
}

impl Activity {
    pub(crate) fn starting_now() -> Self {
        Self { opened: Instant::now(), in_progress: AtomicU32::new(0), last_millis: AtomicU64::new(0) }
    }

    pub(crate) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// How long no request was in progress; zero while one is.
    pub(crate) fn idle_for(&self) -> Duration {
        if self.in_progress.load(Relaxed) > 0 {
            return Duration::ZERO;
        }
        self.opened.elapsed().saturating_sub(Duration::from_millis(self.last_millis.load(Relaxed)))
    }

    fn touch(&self, now: Instant) {
        let millis = now.saturating_duration_since(self.opened).as_millis();
        self.last_millis.store(u64::try_from(millis).unwrap_or(u64::MAX), Relaxed);
    }
}

/// A request of a client, until the last byte of its response is handed over.
pub(crate) struct RequestInProgress(Arc<ClientConnection>);

impl RequestInProgress {
    fn begin(client: Arc<ClientConnection>, now: Instant) -> Self {
        client.activity.touch(now);
        client.activity.in_progress.fetch_add(1, Relaxed);
        Self(client)
    }
}

impl Drop for RequestInProgress {
    fn drop(&mut self) {
        self.0.activity.touch(Instant::now());
        self.0.activity.in_progress.fetch_sub(1, Relaxed);
    }
}

/// Answers one request.
pub(crate) async fn serve(
    client: Arc<ClientConnection>,
    request: Request<Incoming>,
) -> Result<Response<ProxyBody>, Infallible> {
    let now = Instant::now();
    let in_progress = RequestInProgress::begin(Arc::clone(&client), now);
    let Some(view) = client.shared.snapshot.load().listeners.get(&client.listener).cloned() else {
        // Its listener is gone and the connection about to be closed.
        return Ok(Refusal::ServiceUnavailable.response());
    };
    let response = match answer(&client, &view, request, in_progress, now).await {
        Ok(response) => response,
        Err(refusal) => {
            view.load_balancer.counters.of(client.worker).count_elb(refusal.code());
            refusal.response()
        }
    };
    Ok(response)
}

async fn answer(
    client: &Arc<ClientConnection>,
    view: &ListenerView,
    request: Request<Incoming>,
    in_progress: RequestInProgress,
    received: Instant,
) -> Result<Response<ProxyBody>, Refusal> {
    let (parts, body) = request.into_parts();
    let body = ClientBody::new(body);
    let inspected = Inspected::of(&parts)?;
    let host = match host_of(&parts) {
        Some(host) => host,
        None if parts.version == Version::HTTP_10 => "",
        None => return Err(Refusal::BadRequest),
    };
    let head = RequestHead {
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        host,
        peer: client.peer.ip(),
    };
    let counters = view.load_balancer.counters.of(client.worker);
    match view.action(&head) {
        None => Err(Refusal::NoRule),
        Some(ActionView::Forward(action)) => {
            forward(client, view, action, ClientRequest { parts, body, inspected, in_progress, received })
                .await
        }
        Some(ActionView::Redirect(action)) => {
            counters.redirects.add_one();
            let request =
                RequestParts { protocol: "http", host: without_port(host), port: view.port, uri: &parts.uri };
            Ok(redirect::redirect(action, request))
        }
        Some(ActionView::FixedResponse(action)) => {
            counters.fixed_responses.add_one();
            Ok(answers::fixed(action))
        }
    }
}
