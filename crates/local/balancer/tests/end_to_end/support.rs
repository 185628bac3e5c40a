//! A balancer, targets that do as they are told, and clients that wait for what they expect.

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http1::SendRequest, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tidegate_balancer::{
    Action, Balancer, Change, Event, Forward, HealthCheck, HealthState, Listener, LoadBalancer,
    LoadBalancerAttributes, Protocol, Rule, Target, TargetGroup, TargetStickiness, Weight, WeightedGroup,
};
use tidegate_clock::{Clock, Speed};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};

pub(crate) const LISTENER: &str = "listener/web";
const DEADLINE: Duration = Duration::from_secs(20);

/// Fails the test when what it waits for does not come.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// Waits for what no event tells of.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    within(what, async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// A balancer with its events, at 60 times real time.
pub(crate) struct Rig {
    pub(crate) balancer: Balancer,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Rig {
    pub(crate) fn start() -> Self {
        let clock = Clock::starting_now(Speed::new(60.0).unwrap());
        let (balancer, events) = Balancer::new(clock);
        Self { balancer, events }
    }

    pub(crate) async fn apply(&self, changes: impl IntoIterator<Item = Change>) {
        within("a change", self.balancer.apply(changes.into_iter().collect())).await.unwrap();
    }

    /// One listener that forwards to one group with these targets, all known to be healthy.
    pub(crate) async fn serving(targets: &[SocketAddr]) -> (Self, SocketAddr) {
        let rig = Self::start();
        rig.apply([
            put_group("group", targets.iter().map(|&at| known_healthy(at))),
            forward_to(&[("group", 1)]),
        ])
        .await;
        let address = rig.address();
        (rig, address)
    }

    /// Where the first listener listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.balancer.listeners()[0].address
    }

    pub(crate) async fn health(
        &mut self,
        target: SocketAddr,
        state: HealthState,
    ) -> tidegate_balancer::TargetHealth {
        within("a state of health", async {
            loop {
                let Event::TargetHealth { target: found, health, .. } = self.events.recv().await.unwrap();
                if found == target && health.state == state {
                    return health;
                }
            }
        })
        .await
    }

    /// Requests that are in flight to `target`.
    pub(crate) fn in_flight(&self, target: SocketAddr) -> u64 {
        self.balancer
            .metrics()
            .targets
            .iter()
            .filter(|metrics| metrics.target == target)
            .map(|m| m.in_flight)
            .sum()
    }
}

pub(crate) fn known_healthy(address: SocketAddr) -> Target {
    Target { known_health: Some(HealthState::Healthy), ..Target::new(address) }
}

pub(crate) fn group(arn: &str, targets: impl IntoIterator<Item = Target>) -> TargetGroup {
    TargetGroup {
        arn: arn.to_owned(),
        health_check: HealthCheck {
            interval: Duration::from_secs(5),
            healthy_threshold: 2,
            ..HealthCheck::default()
        },
        algorithm: tidegate_balancer::Algorithm::RoundRobin,
        stickiness: TargetStickiness::Disabled,
        slow_start: Duration::ZERO,
        targets: targets.into_iter().collect(),
    }
}

pub(crate) fn put_group(arn: &str, targets: impl IntoIterator<Item = Target>) -> Change {
    Change::PutTargetGroup(group(arn, targets))
}

pub(crate) fn forward(groups: &[(&str, u16)]) -> Action {
    let groups = groups.iter().map(|&(arn, weight)| WeightedGroup {
        target_group: arn.to_owned(),
        weight: Weight::new(weight).unwrap(),
    });
    Action::Forward(Forward { groups: groups.collect(), stickiness: None })
}

pub(crate) fn forward_to(groups: &[(&str, u16)]) -> Change {
    Change::PutLoadBalancer(load_balancer(forward(groups)))
}

/// A load balancer with one listener on a free port and one rule.
pub(crate) fn load_balancer(action: Action) -> LoadBalancer {
    let rules = vec![Rule { arn: "rule/default".to_owned(), conditions: Vec::new(), action }];
    LoadBalancer {
        arn: "app/web".to_owned(),
        listeners: vec![Listener {
            arn: LISTENER.to_owned(),
            address: "127.0.0.1:0".parse().unwrap(),
            protocol: Protocol::Http,
            rules,
        }],
        attributes: LoadBalancerAttributes { expose_target: true, ..LoadBalancerAttributes::default() },
    }
}

/// A program behind an address, until it is dropped.
pub(crate) struct TestTarget {
    pub(crate) address: SocketAddr,
    /// Connections that it accepted, those of health checks included.
    pub(crate) connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for TestTarget {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TestTarget {
    /// Runs `serve` for each connection.
    pub(crate) async fn raw<F>(serve: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            let mut serving = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, SeqCst);
                serving.spawn(serve(stream));
            }
        });
        Self { address, connections, task }
    }

    /// Answers each request, health checks included, with `answer`.
    pub(crate) async fn http<F>(
        answer: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        Self::raw(move |stream| {
            let answer = answer.clone();
            async move {
                let service = service_fn(move |request| {
                    let answered = answer(request);
                    async move { Ok::<_, std::convert::Infallible>(answered.await) }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            }
        })
        .await
    }

    /// Answers 200 and its own name to whatever it is asked.
    pub(crate) async fn named(name: &'static str) -> Self {
        Self::http(move |_| async move { Response::new(Full::from(name)) }).await
    }

    /// For each connection: answers health checks, and does `serve` with the first request's head otherwise.
    pub(crate) async fn scripted<F>(
        serve: impl Fn(TcpStream, String) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::raw(move |mut stream| {
            let serve = serve.clone();
            async move {
                let Some(head) = read_head(&mut stream).await else { return };
                if head.contains("ELB-HealthChecker/2.0") {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                } else {
                    serve(stream, head).await;
                }
            }
        })
        .await
    }
}

/// An address on which nobody listens.
pub(crate) async fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Reads up to the empty line; `None` when the stream ends before it.
pub(crate) async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// What a client got.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

type RequestBody = http_body_util::combinators::BoxBody<Bytes, std::io::Error>;

/// A client with one connection that is kept.
pub(crate) struct Client {
    sender: SendRequest<RequestBody>,
    pub(crate) connection: JoinHandle<()>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(async move {
            let _ = connection.with_upgrades().await;
        });
        Self { sender, connection }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.request(Request::get(path).body(Full::default()).unwrap()).await
    }

    pub(crate) async fn request(&mut self, request: Request<Full<Bytes>>) -> Reply {
        let request = request.map(|body| body.map_err(|never| match never {}).boxed());
        within("a reply", async {
            let response = self.start(request).await.unwrap();
            let (head, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Reply { status: head.status, headers: head.headers, body }
        })
        .await
    }

    /// Sends a request and answers when the head of its response is there.
    pub(crate) fn start(
        &mut self,
        mut request: Request<RequestBody>,
    ) -> Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send + '_>> {
        request.headers_mut().entry("host").or_insert("web.example".parse().unwrap());
        Box::pin(async move {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        })
    }
}

/// One request over HTTP/2 with prior knowledge.
pub(crate) async fn http2(address: SocketAddr, request: Request<Full<Bytes>>) -> Reply {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let reply = within("a reply over HTTP/2", async {
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        Reply { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
    })
    .await;
    connection.abort();
    reply
}

/// Writes `request` on a connection of its own and reads until the balancer closes it.
pub(crate) async fn raw_exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    within("the end of the connection", stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8(answer).unwrap()
}
