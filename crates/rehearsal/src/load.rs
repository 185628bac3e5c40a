//! Steady open-loop traffic: requests leave at their times, whether or not earlier ones have been answered.
//!
//! A latency is counted from the moment at which the request should have left, so that a stall cannot hide by holding
//! requests back. A failure is a transport error, a time-out or a 5xx; it is counted and never tried again, also not when
//! a connection that was kept open turns out to be closed: a browser would hide that, a caller of an API sees it. Start at
//! [`Traffic::start`].

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use hdrhistogram::Histogram;
use http::{Request, Uri};
use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// The response header by which the local cloud's balancer names the target that answered.
pub const TARGET_HEADER: &str = "x-tidegate-target";

/// Most requests under way at once; one more counts as failed, since its user would have given up.
const MOST_UNDER_WAY: u32 = 5_000;

/// Longer latencies count as this: an hour.
const LONGEST_MICROS: u64 = 3_600_000_000;

/// How long the thread that lets requests leave sleeps at most before it looks whether it should stop.
const NOTICES_STOP: Duration = Duration::from_millis(50);

/// What traffic to send.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where to, for example `http://127.0.0.1:8080/`.
    pub url: Uri,
    /// Requests a second: 1–100,000.
    pub rate: u32,
    /// After how long without an answer a request has failed.
    pub timeout: Duration,
}

/// What was measured between two looks.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Requests that were answered or failed.
    pub sent: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Requests answered by each target, and those of them that failed.
    pub by_target: BTreeMap<SocketAddr, Answers>,
    /// What failed requests ended with, and how many of them.
    pub failures: BTreeMap<String, u64>,
    /// When the first and the last request failed.
    pub failed_between: Option<(Instant, Instant)>,
    /// Microseconds from when each request should have left to the end of its answer.
    latency: Histogram<u64>,
}

/// The answers of one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// All of them.
    pub total: u64,
    /// Those with a 5xx status.
    pub failed: u64,
    /// When the last of them came.
    pub last: Option<Instant>,
}

impl Measured {
    fn nothing() -> Self {
        #[expect(clippy::expect_used, reason = "constants within the histogram's own limits")]
        let latency = Histogram::new_with_bounds(1, LONGEST_MICROS, 3).expect("valid bounds");
        Self {
            sent: 0,
            failed: 0,
            by_target: BTreeMap::new(),
            failures: BTreeMap::new(),
            failed_between: None,
            latency,
        }
    }

    /// The latency in milliseconds that a share of the requests did not exceed: 0.5 for the median.
    pub fn latency_ms(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }

    fn answered(&mut self, latency: Duration, target: Option<SocketAddr>, status: u16) {
        self.took(latency);
        let failed = status >= 500;
        if let Some(target) = target {
            let answers = self.by_target.entry(target).or_default();
            answers.total += 1;
            answers.failed += u64::from(failed);
            answers.last = Some(Instant::now());
        }
        if failed {
            self.fail(format!("HTTP {status}"));
        }
    }

    fn lost(&mut self, latency: Duration, why: String) {
        self.took(latency);
        self.fail(why);
    }

    fn took(&mut self, latency: Duration) {
        self.sent += 1;
        self.latency.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    fn fail(&mut self, why: String) {
        self.failed += 1;
        *self.failures.entry(why).or_default() += 1;
        let now = Instant::now();
        self.failed_between = Some((self.failed_between.map_or(now, |(first, _)| first), now));
    }
}

/// Traffic under way; it ends when this is dropped.
#[derive(Debug)]
pub struct Traffic {
    shared: Arc<Shared>,
    stop: CancellationToken,
    pacer: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    load: Load,
    client: Client<HttpConnector, Empty<Bytes>>,
    under_way: AtomicU32,
    measured: Mutex<Measured>,
}

impl Traffic {
    /// Starts to send. Panics outside of a Tokio runtime.
    pub fn start(load: Load) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(load.timeout));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .retry_canceled_requests(false)
            .build(connector);
        let shared = Arc::new(Shared {
            load,
            client,
            under_way: AtomicU32::new(0),
            measured: Mutex::new(Measured::nothing()),
        });
        let stop = CancellationToken::new();
        let pacer = tokio::task::spawn_blocking({
            let (shared, stop, runtime) = (Arc::clone(&shared), stop.clone(), Handle::current());
            move || pace(&shared, &stop, &runtime)
        });
        Self { shared, stop, pacer }
    }

    /// What was measured since the last take; measuring begins anew.
    pub fn take(&self) -> Measured {
        std::mem::replace(&mut self.shared.lock(), Measured::nothing())
    }

    /// What was measured since the last take; measuring goes on.
    pub fn look(&self) -> Measured {
        self.shared.lock().clone()
    }

    /// Sends no more, and waits for the answers of what is under way.
    pub async fn stop(mut self) -> Measured {
        self.stop.cancel();
        let _ = (&mut self.pacer).await;
        while self.shared.under_way.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.take()
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Lets each request leave at its time. On a thread of its own: the timers of the runtime are a millisecond coarse, which
/// would count as latency.
fn pace(shared: &Arc<Shared>, stop: &CancellationToken, runtime: &Handle) {
    let start = Instant::now();
    let gap = Duration::from_secs(1).div_f64(f64::from(shared.load.rate.max(1)));
    for number in 0_u32.. {
        let due = start + gap * number;
        while let Some(early) = due.checked_duration_since(Instant::now()).filter(|early| !early.is_zero()) {
            if stop.is_cancelled() {
                return;
            }
            std::thread::sleep(early.min(NOTICES_STOP));
        }
        if stop.is_cancelled() {
            return;
        }
        if shared.under_way.fetch_add(1, Ordering::AcqRel) >= MOST_UNDER_WAY {
            shared.under_way.fetch_sub(1, Ordering::AcqRel);
            shared.lock().lost(Duration::ZERO, format!("not sent: {MOST_UNDER_WAY} requests were under way"));
            continue;
        }
        runtime.spawn(send(Arc::clone(shared), due));
    }
}

async fn send(shared: Arc<Shared>, due: Instant) {
    let outcome = tokio::time::timeout(shared.load.timeout, shared.exchange()).await;
    let latency = due.elapsed();
    let mut measured = shared.lock();
    match outcome {
        Ok(Ok((status, target))) => measured.answered(latency, target, status),
        Ok(Err(why)) => measured.lost(latency, why),
        Err(_) => measured.lost(latency, "timed out".to_owned()),
    }
    drop(measured);
    shared.under_way.fetch_sub(1, Ordering::AcqRel);
}

impl Shared {
    async fn exchange(&self) -> Result<(u16, Option<SocketAddr>), String> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.load.url.clone();
        let response = self.client.request(request).await.map_err(|error| cause(&error))?;
        let status = response.status().as_u16();
        let target =
            response.headers().get(TARGET_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
        response.into_body().collect().await.map_err(|error| cause(&error))?;
        Ok((status, target))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Measured> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The innermost cause, which names the fault.
fn cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
