//! The one writer: applies calls and events to the engine, makes the change durable, carries out its effects, answers.
//!
//! It never answers a call before its change is in the store, and never carries out an effect before that either. An
//! event that could not be stored is kept and tried again; a call is refused. Start at [`Writer::run`].

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tidegate_clock::Clock;
use tidegate_engine::{ApiError, Effect, Engine, Event, Reply, Request};
use tidegate_store::{Store, StoreError, Write};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::effects::Effects;

/// Most commands that one transaction takes in.
const BATCH: usize = 128;

/// How long events wait in real time before they are stored again after the store failed.
const RETRY: Duration = Duration::from_millis(500);

/// The table of what the server itself stores.
pub(crate) const META_TABLE: &str = "meta";

/// The row that holds the virtual time of the last change, in milliseconds since the Unix epoch.
pub(crate) const CLOCK_ROW: &str = "clock";

/// The engine, shared between the writer and those who only read.
pub(crate) type SharedEngine = Arc<RwLock<Engine>>;

/// What a call is answered.
type Answer = Result<Reply, ApiError>;

/// What the writer is asked for.
pub(crate) enum Command {
    /// Answer a call that may change something.
    Call { request: Request, reply: oneshot::Sender<Answer> },
    /// Take in what happened.
    Event(Event),
    /// Forget everything.
    Reset(oneshot::Sender<Result<(), StoreError>>),
    /// Copy what is durable to a new file.
    Copy(PathBuf, oneshot::Sender<Result<(), StoreError>>),
}

/// Where commands are sent to the writer.
#[derive(Clone, Debug)]
pub(crate) struct Commands(mpsc::UnboundedSender<Command>);

/// The writer has ended: the local cloud is shutting down.
#[derive(Debug)]
pub(crate) struct Ended;

impl Commands {
    pub(crate) fn channel() -> (Self, mpsc::UnboundedReceiver<Command>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Answers a call once its change is durable and in force.
    pub(crate) async fn call(&self, request: Request) -> Result<Answer, Ended> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Command::Call { request, reply }).map_err(|_| Ended)?;
        answer.await.map_err(|_| Ended)
    }

    /// Tells what happened. Once the writer has ended nobody wants to know.
    pub(crate) fn tell(&self, event: Event) {
        let _ = self.0.send(Command::Event(event));
    }

    /// Copies what is durable to a new file.
    pub(crate) async fn copy_to(&self, path: PathBuf) -> Result<Result<(), StoreError>, Ended> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Command::Copy(path, reply)).map_err(|_| Ended)?;
        answer.await.map_err(|_| Ended)
    }

    /// Empties the cloud.
    pub(crate) async fn reset(&self) -> Result<Result<(), StoreError>, Ended> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Command::Reset(reply)).map_err(|_| Ended)?;
        answer.await.map_err(|_| Ended)
    }
}

/// See the module's text.
pub(crate) struct Writer {
    pub engine: SharedEngine,
    pub store: Store,
    pub clock: Clock,
    pub effects: Effects,
    pub commands: mpsc::UnboundedReceiver<Command>,
    pub stop: CancellationToken,
    /// What could not be stored yet.
    pub unstored: Unstored,
}

/// What waits because the store failed.
#[derive(Debug, Default)]
pub(crate) struct Unstored {
    events: Vec<Event>,
    /// Whether reconciling has to be tried again, with or without events.
    pending: bool,
}

impl Writer {
    /// Runs until it is told to stop. Between two transactions, so that none is cut.
    pub(crate) async fn run(mut self) {
        self.transact(Vec::new()).await;
        while let Some(batch) = self.next_batch().await {
            self.transact(batch).await;
        }
    }

    /// Waits for commands or for the next thing that is due; `None` when nobody can send commands any more.
    async fn next_batch(&mut self) -> Option<Vec<Command>> {
        let due = lock_read(&self.engine).next_due();
        let wait = async {
            match due {
                _ if self.unstored.pending => tokio::time::sleep(RETRY).await,
                Some(due) => self.clock.sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        let mut batch = Vec::new();
        tokio::select! {
            received = self.commands.recv_many(&mut batch, BATCH) => (received > 0).then_some(batch),
            () = wait => Some(batch),
            () = self.stop.cancelled() => None,
        }
    }

    async fn transact(&mut self, batch: Vec<Command>) {
        let mut calls = Vec::new();
        let mut resets = Vec::new();
        let mut copies = Vec::new();
        let mut events = std::mem::take(&mut self.unstored).events;
        for command in batch {
            match command {
                Command::Call { request, reply } => calls.push((request, reply)),
                Command::Event(event) => events.push(event),
                Command::Reset(reply) => resets.push(reply),
                Command::Copy(path, reply) => copies.push((path, reply)),
            }
        }
        self.apply(events, calls).await;
        for (path, reply) in copies {
            let _ = reply.send(self.store.copy_to(&path));
        }
        for reply in resets {
            let result = self.reset().await;
            let _ = reply.send(result);
        }
    }

    async fn apply(&mut self, events: Vec<Event>, calls: Vec<(Request, oneshot::Sender<Answer>)>) {
        let (requests, replies): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
        let answers = match self.apply_and_store(&events, requests) {
            Ok((effects, answers)) => {
                self.effects.carry_out(effects, &self.engine).await;
                answers
            }
            Err(error) => {
                tracing::error!(%error, "the change was taken back");
                self.unstored = Unstored { events, pending: true };
                let refused = ApiError::new("ServerException", error.to_string());
                replies.iter().map(|_| Err(refused.clone())).collect()
            }
        };
        for (reply, answer) in replies.into_iter().zip(answers) {
            // A caller that went away does not want its answer.
            let _ = reply.send(answer);
        }
    }

    /// Applies everything and commits it, under one lock, so that nobody reads what is not durable.
    fn apply_and_store(
        &mut self,
        events: &[Event],
        requests: Vec<Request>,
    ) -> Result<(Vec<Effect>, Vec<Answer>), StoreError> {
        let now = self.clock.now();
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            engine.observe(event.clone(), now);
        }
        let answers = requests.into_iter().map(|request| engine.write(request, now)).collect();
        engine.settle(now);
        let changes = engine.changes();
        let time = now.as_millis().to_string();
        let writes = changes
            .iter()
            .map(|change| Write { table: change.table, key: &change.key, row: change.row.as_deref() })
            .chain([Write { table: META_TABLE, key: CLOCK_ROW, row: Some(time.as_bytes()) }]);
        if !changes.is_empty()
            && let Err(error) = self.store.commit(writes)
        {
            engine.roll_back();
            return Err(error);
        }
        Ok((engine.commit(), answers))
    }

    async fn reset(&mut self) -> Result<(), StoreError> {
        self.store.clear()?;
        let removed = self.engine.write().unwrap_or_else(PoisonError::into_inner).reset(fastrand::u64(..));
        self.effects.carry_out(removed, &self.engine).await;
        Ok(())
    }
}

/// A read lock on the engine; a panic of another holder does not spread.
pub(crate) fn lock_read(engine: &SharedEngine) -> std::sync::RwLockReadGuard<'_, Engine> {
    engine.read().unwrap_or_else(PoisonError::into_inner)
}
