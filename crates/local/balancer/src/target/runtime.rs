//! A target as the workers see it: its idle connections, its counters, whether it still takes requests.
//!
//! It outlives the snapshots that name it, so that draining and cutting reach requests that began under an older one.
//! It must never be locked across an await. Start at [`TargetRuntime`].

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{
            AtomicU8,
            Ordering::{AcqRel, Acquire, Release},
        },
    },
    time::Duration,
};

use futures_util::task::AtomicWaker;
use http::HeaderValue;
use slab::Slab;
use tidegate_clock::Timestamp;
use tokio::time::Instant;

use super::{connection::TargetConnection, keep_alive::KeepAlive};
use crate::config::TargetFault;
use crate::metrics::{Sharded, TargetCounters, WorkerId};

/// More idle connections than this per worker are closed instead of kept.
const IDLE_LIMIT: usize = 512;

/// A target that requests can be sent to.
#[derive(Debug)]
pub(crate) struct TargetRuntime {
    pub(crate) address: SocketAddr,
    /// `ip:port`, for the header that rehearsals read.
    pub(crate) name: HeaderValue,
    /// What its stickiness cookie carries.
    pub(crate) sticky_id: u64,
    pub(crate) counters: Sharded<TargetCounters>,
    pub(crate) keep_alive: KeepAlive,
    idle: Sharded<Mutex<Vec<Idle>>>,
    phase: AtomicU8,
    in_use: Mutex<Slab<Weak<Lifeline>>>,
    /// Milliseconds since the epoch at which its slow start began; none when it takes its full share.
    pub(crate) ramp_start: Mutex<Option<Timestamp>>,
    /// What is wrong with it, in a rehearsal.
    pub(crate) fault: Option<TargetFault>,
}

const SERVING: u8 = 0;
const DRAINING: u8 = 1;
const CUT: u8 = 2;

#[derive(Debug)]
struct Idle {
    connection: Box<TargetConnection>,
    since: Instant,
}

/// By which a connection in use hears that its target was cut.
#[derive(Debug, Default)]
pub(crate) struct Lifeline {
    pub(crate) waker: AtomicWaker,
}

impl TargetRuntime {
    pub(crate) fn new(
        address: SocketAddr,
        sticky_id: u64,
        workers: usize,
        fault: Option<TargetFault>,
    ) -> Arc<Self> {
        let name = HeaderValue::from_str(&address.to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        Arc::new(Self {
            address,
            name,
            sticky_id,
            counters: Sharded::new(workers),
            keep_alive: KeepAlive::new(),
            idle: Sharded::new(workers),
            phase: AtomicU8::new(SERVING),
            in_use: Mutex::default(),
            ramp_start: Mutex::new(None),
            fault,
        })
    }

    /// The idle connection that was used last, and how long ago. Those that the target has closed meanwhile are dropped.
    pub(crate) fn take_idle(
        &self,
        worker: WorkerId,
        now: Instant,
    ) -> Option<(Box<TargetConnection>, Duration)> {
        let mut idle = locked(self.idle.of(worker));
        while let Some(Idle { mut connection, since }) = idle.pop() {
            let age = now.saturating_duration_since(since);
            if connection.is_still_open() {
                return Some((connection, age));
            }
            self.keep_alive.was_closed(age);
        }
        None
    }

    /// Keeps a connection for the next request, unless the target takes none.
    pub(crate) fn keep_idle(&self, connection: Box<TargetConnection>, worker: WorkerId, now: Instant) {
        let mut idle = locked(self.idle.of(worker));
        // Asked under the lock: draining sets the phase first and empties the pool afterwards.
        if idle.len() < IDLE_LIMIT && self.phase.load(Acquire) == SERVING {
            idle.push(Idle { connection, since: now });
        }
    }

    /// Closes connections of `worker` that were idle for `limit` or that the target has closed.
    pub(crate) fn sweep_idle(&self, worker: WorkerId, now: Instant, limit: Duration) {
        locked(self.idle.of(worker)).retain_mut(|idle| {
            now.saturating_duration_since(idle.since) < limit && idle.connection.is_still_open()
        });
    }

    /// No new requests from now on. Idle connections are closed, so that a server which waits for them can go.
    pub(crate) fn drain(&self) {
        self.phase.fetch_max(DRAINING, Release);
        self.close_idle();
    }

    /// Takes requests again: it was registered anew before its deregistration delay was over.
    pub(crate) fn serve_again(&self) {
        // A target that was cut stays so.
        let _ = self.phase.compare_exchange(DRAINING, SERVING, AcqRel, Acquire);
    }

    /// Ends what is still in flight. There is no way back.
    pub(crate) fn cut(&self) {
        self.phase.fetch_max(CUT, Release);
        self.close_idle();
        for (_, lifeline) in &*locked(&self.in_use) {
            if let Some(lifeline) = lifeline.upgrade() {
                lifeline.waker.wake();
            }
        }
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.phase.load(Acquire) == CUT
    }

    /// Requests that it was given and that are not over.
    pub(crate) fn in_flight(&self) -> u64 {
        // Finished first: a request that ends in between may only make the answer larger, never negative.
        let finished = self.counters.sum(|counters| &counters.finished);
        self.counters.sum(|counters| &counters.started).saturating_sub(finished)
    }

    pub(super) fn register(&self, lifeline: &Arc<Lifeline>) -> usize {
        locked(&self.in_use).insert(Arc::downgrade(lifeline))
    }

    pub(super) fn unregister(&self, key: usize) {
        locked(&self.in_use).try_remove(key);
    }

    fn close_idle(&self) {
        for idle in self.idle.iter() {
            let closed = std::mem::take(&mut *locked(idle));
            drop(closed);
        }
    }
}

/// A request that a target was given, until it is over.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) target: Arc<TargetRuntime>,
    pub(crate) worker: WorkerId,
}

impl InFlight {
    pub(crate) fn begin(target: Arc<TargetRuntime>, worker: WorkerId) -> Self {
        target.counters.of(worker).started.add_one();
        Self { target, worker }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.target.counters.of(self.worker).finished.add_one();
    }
}

/// Nothing that holds these locks can panic half-way, so a poisoned one is as good as any.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
