//! The threads that serve.
//!
//! Each is a runtime of its own: a connection stays on its worker for life, with its idle connections to targets, so
//! workers never wait for each other, nor for the API that runs in the same process. Start at [`Workers::start`].

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use arc_swap::ArcSwap;
use tidegate_clock::Clock;
use tokio::{
    runtime::{Builder, Handle},
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{connection, listener};
use crate::{metrics::WorkerId, view::Snapshot};

/// More threads than this bring nothing on one machine's loopback.
const MOST_WORKERS: usize = 16;
/// How often idle connections to targets are looked through, in real time, and how old they may get.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
const IDLE_LIMIT: Duration = Duration::from_mins(1);

/// What all workers see.
pub(crate) struct Shared {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) clock: Clock,
    pub(crate) stop: CancellationToken,
    workers: Vec<WorkerHandle>,
    next_acceptor: AtomicUsize,
}

struct WorkerHandle {
    jobs: mpsc::UnboundedSender<Job>,
    /// Clients' connections that it serves.
    connections: AtomicUsize,
}

/// What a worker is given to do.
pub(crate) enum Job {
    Accept {
        listener: TcpListener,
        address: SocketAddr,
        closing: CancellationToken,
        closed: oneshot::Sender<()>,
    },
    Serve {
        stream: TcpStream,
        peer: SocketAddr,
        listener: SocketAddr,
        closing: CancellationToken,
        seat: Seat,
    },
}

/// A client's connection's place on a worker, counted from the moment it is chosen: connections that come in one burst
/// are spread, too.
pub(super) struct Seat {
    pub(super) shared: Arc<Shared>,
    pub(super) worker: WorkerId,
}

impl Seat {
    /// On the worker with the fewest connections.
    pub(super) fn take(shared: &Arc<Shared>) -> Self {
        let connections = shared.workers.iter().map(|worker| worker.connections.load(Relaxed));
        let fewest = connections.enumerate().min_by_key(|(_, count)| *count).map_or(0, |(index, _)| index);
        shared.workers[fewest].connections.fetch_add(1, Relaxed);
        Self { shared: Arc::clone(shared), worker: WorkerId(fewest) }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.shared.workers[self.worker.0].connections.fetch_sub(1, Relaxed);
    }
}

impl Shared {
    /// How many shards a counter needs.
    pub(crate) fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Gives a listening socket to a worker, by turns.
    pub(super) fn accept_on_some_worker(&self, job: Job) {
        let turn = self.next_acceptor.fetch_add(1, Relaxed);
        self.give(WorkerId(turn % self.workers.len()), job);
    }

    pub(super) fn give(&self, worker: WorkerId, job: Job) {
        if self.workers[worker.0].jobs.send(job).is_err() {
            tracing::debug!("a connection came when the balancer had stopped");
        }
    }
}

/// The running threads.
pub(crate) struct Workers {
    stopped: Vec<oneshot::Receiver<()>>,
}

impl Workers {
    /// Starts one worker for each processor. Where the system allows no thread, they run on the caller's runtime.
    pub(crate) fn start(clock: Clock) -> (Arc<Shared>, Self) {
        let count = thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS);
        let (workers, jobs): (Vec<_>, Vec<_>) = (0..count)
            .map(|_| {
                let (sender, receiver) = mpsc::unbounded_channel();
                (WorkerHandle { jobs: sender, connections: AtomicUsize::new(0) }, receiver)
            })
            .unzip();
        let shared = Arc::new(Shared {
            snapshot: ArcSwap::default(),
            clock,
            stop: CancellationToken::new(),
            workers,
            next_acceptor: AtomicUsize::new(0),
        });
        let stopped = jobs
            .into_iter()
            .enumerate()
            .map(|(index, jobs)| start_worker(WorkerId(index), jobs, Arc::clone(&shared)))
            .collect();
        (shared, Self { stopped })
    }

    /// Waits until all threads have ended; they do after [`Shared::stop`].
    pub(crate) async fn join(self) {
        for stopped in self.stopped {
            // An error is a worker that is gone, too.
            let _ = stopped.await;
        }
    }
}

fn start_worker(
    id: WorkerId,
    jobs: mpsc::UnboundedReceiver<Job>,
    shared: Arc<Shared>,
) -> oneshot::Receiver<()> {
    let (stopping, stopped) = oneshot::channel();
    let runtime = Builder::new_current_thread().enable_all().build();
    // The jobs travel in a slot, so that they are still here when no thread can be started.
    let slot = Arc::new(std::sync::Mutex::new(Some((jobs, shared, stopping))));
    let take = |slot: &std::sync::Mutex<Option<_>>| crate::target::locked(slot).take();
    let started = runtime.and_then(|runtime| {
        let slot = Arc::clone(&slot);
        thread::Builder::new().name(format!("balancer-{}", id.0)).spawn(move || {
            if let Some((jobs, shared, stopping)) = take(&slot) {
                runtime.block_on(work(id, jobs, shared));
                drop(runtime);
                let _: Result<(), ()> = stopping.send(());
            }
        })
    });
    if let Err(error) = started
        && let Some((jobs, shared, stopping)) = take(&slot)
    {
        tracing::warn!(%error, "no thread for the balancer: it shares those of its caller");
        Handle::current().spawn(async move {
            work(id, jobs, shared).await;
            let _: Result<(), ()> = stopping.send(());
        });
    }
    stopped
}

async fn work(id: WorkerId, mut jobs: mpsc::UnboundedReceiver<Job>, shared: Arc<Shared>) {
    let mut sweep = interval(SWEEP_INTERVAL);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            job = jobs.recv() => match job {
                Some(job) => begin(id, job, &shared),
                None => return,
            },
            _ = sweep.tick() => sweep_idle(id, &shared),
        }
    }
}

fn begin(id: WorkerId, job: Job, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    match job {
        Job::Accept { listener, address, closing, closed } => {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => {
                    tokio::spawn(async move {
                        listener::accept(listener, address, closing, id, shared).await;
                        // Nobody may wait for it any more.
                        let _ = closed.send(());
                    });
                }
                Err(error) => tracing::error!(%address, %error, "the listener cannot be served"),
            }
        }
        Job::Serve { stream, peer, listener, closing, seat } => {
            let stream: io::Result<_> = tokio::net::TcpStream::from_std(stream);
            match stream {
                Ok(stream) => {
                    tokio::spawn(connection::serve(stream, peer, listener, closing, seat));
                }
                Err(error) => tracing::debug!(%peer, %error, "the connection cannot be served"),
            }
        }
    }
}

fn sweep_idle(id: WorkerId, shared: &Shared) {
    let now = Instant::now();
    for target in &shared.snapshot.load().targets {
        target.sweep_idle(id, now, IDLE_LIMIT);
    }
}
