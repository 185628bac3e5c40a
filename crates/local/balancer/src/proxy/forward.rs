//! The forward action: a group by weight, a target of the group, an exchange with it.
//!
//! A request goes to one target only. It is sent there a second time only when an idle connection turned out to be
//! closed, and never when that could have an effect twice. Start at [`forward`].

use std::{future::poll_fn, sync::Arc};

use http::{Response, StatusCode, header::SET_COOKIE, request::Parts};
use http_body::Body as _;
use hyper::upgrade::OnUpgrade;
use tokio::time::Instant;

use super::{
    ProxyBody,
    answers::Refusal,
    client_body::ClientBody,
    request_head::{self, Forwarding, Inspected, host_of},
    service::{ClientConnection, RequestInProgress},
    stickiness::{APP_TARGET_COOKIE, GROUP_COOKIE, StickyCookie, TARGET_COOKIE, cookies, set_cookies},
    tunnel,
};
use crate::{
    config::{TargetFault, TargetStickiness},
    metrics::{ElbCode, LoadBalancerCounters},
    target::{
        BodyFraming, ConnectFailure, Exchange, ExchangeFailure, InFlight, Outgoing, Received, Repeatable,
        ResponseHead, TargetBody, TargetConnection, TargetRuntime,
    },
    view::{ForwardGroup, ForwardView, ListenerView, LoadBalancerView},
};

/// A client's request, taken apart.
pub(super) struct ClientRequest {
    pub(super) parts: Parts,
    pub(super) body: ClientBody,
    pub(super) inspected: Inspected,
    pub(super) in_progress: RequestInProgress,
    /// When its head was complete.
    pub(super) received: Instant,
}

/// Sends a request to a target and answers with what it says.
pub(super) async fn forward(
    client: &Arc<ClientConnection>,
    view: &ListenerView,
    action: &ForwardView,
    request: ClientRequest,
) -> Result<Response<ProxyBody>, Refusal> {
    let ClientRequest { mut parts, body, inspected, in_progress, received } = request;
    let worker = client.worker;
    let forward_group = choose_group(client, action, &parts).ok_or(Refusal::ServiceUnavailable)?;
    let target = choose_target(client, forward_group, &parts).ok_or(Refusal::ServiceUnavailable)?;
    let lb_counters = view.load_balancer.counters.of(worker);
    let counters = forward_group.counters.of(worker);
    let both = [&lb_counters.targets, counters];
    for counters in both {
        counters.requests.add_one();
    }
    let in_flight = InFlight::begin(Arc::clone(target), worker);
    let abandoned = Abandoned(lb_counters);

    let on_upgrade =
        if inspected.wants_upgrade(&parts) { parts.extensions.remove::<OnUpgrade>() } else { None };
    let outgoing = outgoing(client, view, &parts, body, &inspected);
    let repeatable = repeatable(&parts);
    let answered = exchange(&view.load_balancer, &in_flight, outgoing, repeatable, &parts, received).await;
    abandoned.answered();
    let Answer { exchange, mut head, started } = answered.map_err(|failure| {
        if let Failure::Connect(_) = failure {
            for counters in both {
                counters.connection_errors.add_one();
            }
        }
        failure.refusal()
    })?;

    if let Some(fault) = target.fault {
        suffer(fault, &mut head).await;
    }
    let ended = Instant::now();
    for counters in both {
        counters.response_times.record(ended.saturating_duration_since(started));
        counters.count_target(head.status);
    }
    let cookies = sticky_cookies(client, action, forward_group, target, &head);
    let status = head.status;
    let expose_target = view.load_balancer.attributes.expose_target.then(|| target.name.clone());

    let (headers, body) = if status == StatusCode::SWITCHING_PROTOCOLS {
        let on_upgrade = on_upgrade.ok_or(Refusal::BadGateway)?;
        tunnel::spawn(on_upgrade, exchange.into_connection(), in_flight, in_progress, client, view);
        (head.headers, ProxyBody::Whole(bytes::Bytes::new()))
    } else {
        let (headers, received) = TargetBody::receive(exchange, head, in_flight, ended);
        let body = match received {
            Received::Whole(bytes) => ProxyBody::Whole(bytes),
            Received::Streaming(body) => ProxyBody::Streaming { body, _in_progress: in_progress },
        };
        (headers, body)
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    if let Some(name) = expose_target {
        response.headers_mut().insert("x-tidegate-target", name);
    }
    Ok(response)
}

/// What a rehearsal's fault does to an answer.
async fn suffer(fault: TargetFault, head: &mut ResponseHead) {
    match fault {
        TargetFault::Errors { per_million } if fastrand::u32(..1_000_000) < per_million => {
            head.status = StatusCode::INTERNAL_SERVER_ERROR;
        }
        TargetFault::Errors { .. } | TargetFault::FailsHealthChecks => {}
        TargetFault::Latency(length) => tokio::time::sleep(length).await,
    }
}

/// The group that the client sticks to, or the one whose turn it is.
fn choose_group<'a>(
    client: &ClientConnection,
    action: &'a ForwardView,
    parts: &Parts,
) -> Option<&'a ForwardGroup> {
    if action.stickiness.is_some()
        && let Some(id) = StickyCookie::read(&parts.headers, GROUP_COOKIE, client.shared.clock.now())
        && let Some(stuck) = action.groups.iter().find(|group| group.group.sticky_id == id)
    {
        return Some(stuck);
    }
    action.groups.get(action.shares.turn()?)
}

/// The target that the client sticks to, or the one that the group's algorithm chooses.
fn choose_target<'a>(
    client: &ClientConnection,
    group: &'a ForwardGroup,
    parts: &Parts,
) -> Option<&'a Arc<TargetRuntime>> {
    let group = &group.group;
    let now = || client.shared.clock.now();
    let stuck = match &group.stickiness {
        TargetStickiness::Disabled => None,
        TargetStickiness::LbCookie { .. } => StickyCookie::read(&parts.headers, TARGET_COOKIE, now()),
        TargetStickiness::AppCookie { name, .. } => cookies(&parts.headers, name)
            .next()
            .and_then(|_| StickyCookie::read(&parts.headers, APP_TARGET_COOKIE, now())),
    };
    stuck.and_then(|id| group.sticky(id)).or_else(|| group.choose(now))
}

fn outgoing(
    client: &ClientConnection,
    view: &ListenerView,
    parts: &Parts,
    body: ClientBody,
    inspected: &Inspected,
) -> Outgoing<ClientBody> {
    let framing = if body.is_end_stream() {
        BodyFraming::Empty
    } else if body.size_hint().exact().is_some() {
        BodyFraming::Length
    } else {
        BodyFraming::Chunked
    };
    let millis = client.shared.clock.now().as_millis();
    let forwarding = Forwarding {
        attributes: &view.load_balancer.attributes,
        host: host_of(parts).unwrap_or_default(),
        peer: &client.peer_text,
        peer_port: client.peer.port(),
        listener_port: view.port,
        framing,
        seconds: u64::try_from(millis / 1000).unwrap_or(0),
    };
    Outgoing::new(request_head::write(parts, inspected, forwarding), body, framing, repeatable(parts))
}

fn repeatable(parts: &Parts) -> Repeatable {
    if parts.method.is_idempotent() { Repeatable::Yes } else { Repeatable::No }
}

struct Answer {
    exchange: Exchange<ClientBody>,
    head: ResponseHead,
    started: Instant,
}

enum Failure {
    Connect(ConnectFailure),
    Exchange(ExchangeFailure),
}

impl Failure {
    fn refusal(&self) -> Refusal {
        match self {
            Self::Connect(ConnectFailure::TimedOut) | Self::Exchange(ExchangeFailure::TargetTimedOut) => {
                Refusal::GatewayTimeout
            }
            Self::Exchange(ExchangeFailure::ClientTimedOut) => Refusal::RequestTimeout,
            Self::Exchange(ExchangeFailure::ClientGone) => Refusal::BadRequest,
            Self::Connect(ConnectFailure::Refused)
            | Self::Exchange(
                ExchangeFailure::ClosedUnanswered
                | ExchangeFailure::ClosedWithin
                | ExchangeFailure::Malformed
                | ExchangeFailure::Cut,
            ) => Refusal::BadGateway,
        }
    }
}

/// One exchange on an idle connection, and when that proves closed, one on a new connection.
async fn exchange(
    load_balancer: &LoadBalancerView,
    in_flight: &InFlight,
    mut outgoing: Outgoing<ClientBody>,
    repeatable: Repeatable,
    parts: &Parts,
    now: Instant,
) -> Result<Answer, Failure> {
    let target = &in_flight.target;
    if let Some((connection, idle)) = target.take_idle(in_flight.worker, now) {
        if repeatable == Repeatable::Yes || target.keep_alive.trusts(idle) {
            let mut exchange =
                Exchange::new(connection, outgoing, parts.method.clone(), load_balancer.idle_timeout, now);
            match poll_fn(|context| exchange.poll_response(context)).await {
                Ok(head) => {
                    target.keep_alive.was_kept();
                    return Ok(Answer { exchange, head, started: now });
                }
                Err(ExchangeFailure::ClosedUnanswered) => {
                    target.keep_alive.was_closed(idle);
                    outgoing = exchange.into_outgoing();
                    if !outgoing.rewind() {
                        return Err(Failure::Exchange(ExchangeFailure::ClosedUnanswered));
                    }
                }
                Err(failure) => return Err(Failure::Exchange(failure)),
            }
        } else {
            target.keep_idle(connection, in_flight.worker, now - idle);
        }
    }
    let connection =
        TargetConnection::open(Arc::clone(target), load_balancer.connect_timeout, load_balancer.idle_timeout)
            .await
            .map_err(Failure::Connect)?;
    let started = Instant::now();
    let mut exchange =
        Exchange::new(connection, outgoing, parts.method.clone(), load_balancer.idle_timeout, started);
    match poll_fn(|context| exchange.poll_response(context)).await {
        Ok(head) => Ok(Answer { exchange, head, started }),
        Err(failure) => Err(Failure::Exchange(failure)),
    }
}

/// The cookies that make the client stick where it was sent.
fn sticky_cookies(
    client: &ClientConnection,
    action: &ForwardView,
    group: &ForwardGroup,
    target: &TargetRuntime,
    head: &ResponseHead,
) -> Vec<http::HeaderValue> {
    let mut cookies = Vec::new();
    let mut stick = |name, id, duration| {
        let cookie = StickyCookie { id, expires: client.shared.clock.now() + duration };
        let value = cookie.encode(fastrand::u32(..));
        cookies.extend(set_cookies(name, &value, client.shared.clock.real(duration)));
    };
    if let Some(duration) = action.stickiness {
        stick(GROUP_COOKIE, group.group.sticky_id, duration);
    }
    match &group.group.stickiness {
        TargetStickiness::LbCookie { duration } => stick(TARGET_COOKIE, target.sticky_id, *duration),
        TargetStickiness::AppCookie { name, duration } if sets_cookie(head, name) => {
            stick(APP_TARGET_COOKIE, target.sticky_id, *duration);
        }
        TargetStickiness::AppCookie { .. } | TargetStickiness::Disabled => {}
    }
    cookies
}

fn sets_cookie(head: &ResponseHead, name: &str) -> bool {
    head.headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split_once('=').is_some_and(|(found, _)| found.trim() == name))
}

/// Counts a request whose client went before it was answered as AWS does: as a 460.
struct Abandoned<'a>(&'a LoadBalancerCounters);

impl Abandoned<'_> {
    fn answered(self) {
        std::mem::forget(self);
    }
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        self.0.count_elb(ElbCode(460));
    }
}
