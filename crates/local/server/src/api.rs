//! The AWS API over HTTP: sockets, requests, answers.
//!
//! It decides nothing: the wire decodes, the engine answers, the wire encodes. Start at [`serve`].

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, StatusCode, header::DATE};
use http_body_util::{BodyExt, Either, Full};
use hyper::{
    body::{Body, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tidegate_engine::{ApiError, Scope, Timestamp};
use tidegate_wire::{Call, Wire, max_body};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    control::Control,
    logs, permission,
    permission::Permissions,
    ports::PortGuard,
    registry::{self, Registry},
    throttle::Throttle,
    writer::{Commands, SharedEngine, lock_read},
};

/// How much of a body that is too long is read and thrown away, so that its client hears why.
const MAX_PASSED: usize = 8 << 20;

/// And for how long.
const PASSED_FOR: Duration = Duration::from_secs(5);

/// The end of the year 9999: a date has no room for more.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);

/// What answers requests; shared by all connections.
pub(crate) struct Api {
    pub wire: Wire,
    pub engine: SharedEngine,
    pub commands: Commands,
    pub clock: tidegate_clock::Clock,
    pub ports: PortGuard,
    pub runtime: tidegate_tasks::Runtime,
    pub logs: logs::Logs,
    pub registry: Registry,
    pub permissions: Permissions,
    pub control: Control,
    pub throttle: Throttle,
}

/// Serves until `stop`.
pub(crate) async fn serve(listener: TcpListener, api: Arc<Api>, stop: CancellationToken) {
    loop {
        let connection = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match connection {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve_connection(stream, Arc::clone(&api), stop.clone()));
            }
            // Too many open files: those that are open will close; a moment's rest keeps this from spinning.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    }
}

async fn serve_connection(stream: tokio::net::TcpStream, api: Arc<Api>, stop: CancellationToken) {
    let service = service_fn(move |request| {
        let api = Arc::clone(&api);
        async move {
            let mut response = api.answer(request).await;
            response.headers_mut().insert(DATE, date(api.clock.now()));
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Not `pipeline_flush`: it holds an answer back while more is there to read, and so the one that refuses a body.
    builder.http1().timer(TokioTimer::new());
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // A client that breaks off is no concern of ours.
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

impl Api {
    async fn answer(&self, request: Request<Incoming>) -> Response<registry::Answer> {
        if request.uri().path() == "/v2" || request.uri().path().starts_with("/v2/") {
            return self.registry.answer(request).await;
        }
        self.answer_in_one(request).await.map(Either::Left)
    }

    /// Answers what comes and goes in one piece.
    async fn answer_in_one(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = match whole(body, max_body(&parts)).await {
            Ok(body) => body,
            Err(Unreadable::TooLarge) => return self.wire.too_large(&parts).map(Full::new),
            Err(Unreadable::BrokenOff) => return broken_off(),
        };
        if let Some(path) = parts.uri.path().strip_prefix("/_tidegate/") {
            return self.control.answer(self, &parts, path).await;
        }
        match self.wire.decode(&parts, &body) {
            Ok(call) => self.answer_call(call).await,
            Err(refused) => refused,
        }
        .map(Full::new)
    }

    async fn answer_call(&self, call: Call) -> Response<Bytes> {
        if let Err(error) = self.permissions.check(&self.engine, &call, self.clock.now()) {
            return call.fail(&tidegate_wire::ApiError::new(error.code, error.message.into_owned()));
        }
        if let Some(identity) = permission::identity(&call) {
            return call.succeed(&identity);
        }
        let at = self.clock.now().as_millis();
        if !self.throttle.takes(call.service, call.operation, &call.account, &call.region, at) {
            return call.fail(&tidegate_wire::ApiError::new("ThrottlingException", "Rate exceeded"));
        }
        if let Some(answered) = logs::answer(self, &call).await {
            return answered;
        }
        if let Some(answered) = registry::answer_call(&self.registry, &call).await {
            return answered;
        }
        let request = tidegate_engine::Request {
            service: call.service,
            operation: call.operation.to_owned(),
            scope: Scope { account: call.account.clone(), region: call.region.clone() },
            input: call.input.clone(),
        };
        let answer = match self.read(request) {
            Ok(answer) => answer,
            Err(request) => self.write(request).await,
        };
        match answer {
            Ok(reply) => call.succeed(&reply),
            Err(error) => call.fail(&tidegate_wire::ApiError::new(error.code, error.message.into_owned())),
        }
    }

    /// Answers a call that only reads, or gives it back.
    fn read(&self, request: tidegate_engine::Request) -> Result<Answer, tidegate_engine::Request> {
        let engine = lock_read(&self.engine);
        if engine.is_read(&request) { Ok(engine.read(request, self.clock.now())) } else { Err(request) }
    }

    /// Answers a call that may change something, once the change is durable and in force.
    async fn write(&self, request: tidegate_engine::Request) -> Answer {
        let reserved = self.ports.reserve(&self.engine, &request).await?;
        let answer = self.commands.call(request).await;
        if !matches!(answer, Ok(Ok(_))) {
            self.ports.release(reserved);
        }
        answer.unwrap_or_else(|_ended| {
            Err(ApiError::new(
                "ServerException",
                "The local cloud is shutting down; start it again with `tidegate local up`.",
            ))
        })
    }
}

type Answer = Result<tidegate_engine::Reply, ApiError>;

/// Answers are dated by the cloud's own clock: clients learn from them how late it is here.
fn date(now: Timestamp) -> HeaderValue {
    let since = Duration::from_millis(now.as_millis().unsigned_abs()).min(LAST_DATE);
    HeaderValue::from_str(&httpdate::fmt_http_date(UNIX_EPOCH + since))
        .unwrap_or(HeaderValue::from_static(""))
}

/// Why there is no body.
enum Unreadable {
    /// It is longer than it may be, or says that it will be.
    TooLarge,
    /// The client broke off.
    BrokenOff,
}

/// A request's body. What says that it is too long is not kept at all, what turns out to be is kept to the limit.
async fn whole(mut body: Incoming, most: usize) -> Result<Bytes, Unreadable> {
    if body.size_hint().lower() > most as u64 {
        tokio::spawn(pass_over(body));
        return Err(Unreadable::TooLarge);
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Unreadable::BrokenOff)?;
        let data = frame.data_ref().map_or(&[][..], |data| data);
        if whole.len() + data.len() > most {
            tokio::spawn(pass_over(body));
            return Err(Unreadable::TooLarge);
        }
        whole.extend_from_slice(data);
    }
    Ok(whole.freeze())
}

/// Reads on for a while, and keeps nothing: a connection that is closed over unread bytes is reset, and with it goes the
/// answer that says why.
async fn pass_over(mut body: Incoming) {
    let reading = async {
        let mut passed = 0;
        while let Some(Ok(frame)) = body.frame().await {
            passed += frame.data_ref().map_or(0, Bytes::len);
            if passed > MAX_PASSED {
                // Whoever still sends has to wait, and so finds the answer.
                return std::future::pending().await;
            }
        }
    };
    let _ = tokio::time::timeout(PASSED_FOR, reading).await;
}

/// Nobody may be there to read it.
fn broken_off() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from("The request's body broke off."));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
