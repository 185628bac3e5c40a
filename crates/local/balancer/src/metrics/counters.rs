//! The counters that a request touches.
//!
//! Each worker has its own copy, apart by more than a cache line. Nothing here may take a lock or allocate once it was
//! built. Start at [`Sharded`].

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::StatusCode;

use super::histogram::Histogram;

/// Which worker counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerId(pub(crate) usize);

/// One `T` for each worker.
#[derive(Debug)]
pub(crate) struct Sharded<T>(Box<[Padded<T>]>);

/// Two cache lines, since processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Padded<T>(T);

impl<T: Default> Sharded<T> {
    pub(crate) fn new(workers: usize) -> Self {
        Self((0..workers.max(1)).map(|_| Padded::default()).collect())
    }
}

impl<T> Sharded<T> {
    /// The copy of `worker`.
    pub(crate) fn of(&self, worker: WorkerId) -> &T {
        &self.0[worker.0 % self.0.len()].0
    }

    /// The copies of all workers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|padded| &padded.0)
    }

    /// The sum over all workers of what `counter` picks.
    pub(crate) fn sum(&self, counter: impl Fn(&T) -> &Counter) -> u64 {
        self.iter().map(|shard| counter(shard).get()).sum()
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A status code that the balancer made, as `HTTPCode_ELB_*` tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ElbCode(pub(crate) u16);

/// What is counted for a load balancer.
#[derive(Debug, Default)]
pub(crate) struct LoadBalancerCounters {
    /// Of all target groups, those that are gone included.
    pub(crate) targets: ForwardCounters,
    pub(crate) elb_4xx: Counter,
    pub(crate) elb_5xx: Counter,
    pub(crate) elb_502: Counter,
    pub(crate) elb_503: Counter,
    pub(crate) elb_504: Counter,
    pub(crate) redirects: Counter,
    pub(crate) fixed_responses: Counter,
    pub(crate) connections_opened: Counter,
    pub(crate) connections_closed: Counter,
    pub(crate) connections_rejected: Counter,
}

impl LoadBalancerCounters {
    pub(crate) fn count_elb(&self, code: ElbCode) {
        match code.0 {
            400..=499 => self.elb_4xx.add_one(),
            500..=599 => self.elb_5xx.add_one(),
            _ => {}
        }
        match code.0 {
            502 => self.elb_502.add_one(),
            503 => self.elb_503.add_one(),
            504 => self.elb_504.add_one(),
            _ => {}
        }
    }
}

/// What is counted for a target group behind one load balancer.
#[derive(Debug, Default)]
pub(crate) struct ForwardCounters {
    pub(crate) requests: Counter,
    pub(crate) target_2xx: Counter,
    pub(crate) target_3xx: Counter,
    pub(crate) target_4xx: Counter,
    pub(crate) target_5xx: Counter,
    pub(crate) connection_errors: Counter,
    pub(crate) response_times: Histogram,
}

impl ForwardCounters {
    pub(crate) fn count_target(&self, status: StatusCode) {
        match status.as_u16() {
            200..=299 => self.target_2xx.add_one(),
            300..=399 => self.target_3xx.add_one(),
            400..=499 => self.target_4xx.add_one(),
            500..=599 => self.target_5xx.add_one(),
            _ => {}
        }
    }
}

/// What is counted for one target.
#[derive(Debug, Default)]
pub(crate) struct TargetCounters {
    /// Requests that were given to it.
    pub(crate) started: Counter,
    /// Those of them that are over, well or not.
    pub(crate) finished: Counter,
}
