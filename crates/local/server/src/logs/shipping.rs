//! The `awslogs` driver: what containers print goes to their streams.
//!
//! The runtime keeps what a container printed in a file that survives everything; from there it is shipped once a second,
//! and before anybody reads. Up to where it was shipped is stored with the events, so that nothing is shipped twice or
//! left out, whenever the cloud is killed. Start at [`Logs::ship`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use regex_lite::Regex;
use tidegate_clock::Clock;
use tidegate_engine::{
    Scope,
    ecs::records::TaskStatus,
    logs::{destination, records::LogStream},
};
use tidegate_store::{LogEvents, LogWrite, NewEvent, StoreError};
use tidegate_tasks::{LogLine, LogPage, LogPosition, Runtime, TaskSpec};
use tokio_util::sync::CancellationToken;

use crate::writer::{SharedEngine, lock_read};

/// How often containers' output is shipped, in real time.
const SHIP_EVERY: Duration = Duration::from_secs(1);
/// After how many turns what is old goes.
const TURNS_BETWEEN_CLEANINGS: u32 = 60;
/// How many lines are shipped in one transaction.
const LINES: usize = 10_000;
/// How many turns a task that has stopped is still looked at: its last lines may be on their way.
const TURNS_AFTER_STOP: u32 = 10;
/// How much all events of a cloud may have: beyond it the oldest go.
const MOST_BYTES: i64 = 1 << 30;

/// The logs of a local cloud. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Logs(Arc<Inner>);

struct Inner {
    store: Mutex<LogEvents>,
    sources: Mutex<BTreeMap<String, Source>>,
    /// Held while something is shipped.
    turn: tokio::sync::Mutex<()>,
    runtime: Runtime,
    engine: SharedEngine,
    clock: Clock,
}

/// A container whose output is shipped.
#[derive(Clone, Debug)]
struct Source {
    task_arn: String,
    task_id: String,
    container: String,
    group_arn: String,
    stream_arn: String,
    /// Matches the line that a message of several lines begins with.
    begins: Option<Regex>,
    /// Turns since its task has stopped and nothing came.
    quiet: u32,
}

/// Whether a source's task has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Running,
    Over,
}

impl Logs {
    pub(crate) fn new(store: LogEvents, runtime: Runtime, engine: SharedEngine, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            store: Mutex::new(store),
            sources: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            runtime,
            engine,
            clock,
        }))
    }

    /// Copies all that was logged to a new file.
    pub(crate) async fn copy_to(&self, path: std::path::PathBuf) -> Result<(), StoreError> {
        self.on_store(move |store| store.copy_to(&path)).await
    }

    /// Ships what the containers of a task print from now on. Whether there are any that log.
    pub(crate) fn follow(&self, spec: &TaskSpec) -> bool {
        let scope = Scope::of_arn(&spec.task_arn);
        let mut sources = self.sources();
        let mut any = false;
        for container in spec.definition.container_definitions.iter().flatten() {
            let Some(destination) = destination(&scope, &spec.task_id, container) else { continue };
            let container = container.name.clone().unwrap_or_default();
            let key = format!("{}/{container}", spec.task_arn);
            sources.entry(key).or_insert_with(|| Source {
                task_arn: spec.task_arn.clone(),
                task_id: spec.task_id.clone(),
                container,
                group_arn: destination.group_arn(),
                stream_arn: destination.stream_arn(),
                begins: destination.multiline.as_deref().and_then(|pattern| Regex::new(pattern).ok()),
                quiet: 0,
            });
            any = true;
        }
        any
    }

    /// Ships, once a second, and cleans up now and then.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(SHIP_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut turn: u32 = 0;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            self.ship_all().await;
            if turn.is_multiple_of(TURNS_BETWEEN_CLEANINGS) {
                self.clean_up().await;
            }
            turn = turn.wrapping_add(1);
        }
    }

    /// Ships what the containers that log to a group have printed by now.
    pub(crate) async fn ship(&self, group_arn: &str) {
        self.ship_where(|source| source.group_arn == group_arn).await;
    }

    async fn ship_all(&self) {
        for (key, moved) in self.ship_where(|_| true).await {
            let mut sources = self.sources();
            let Some(source) = sources.get_mut(&key) else { continue };
            let is_over = self.life(source) == Life::Over;
            source.quiet = if moved || !is_over { 0 } else { source.quiet + 1 };
            if source.quiet > TURNS_AFTER_STOP {
                sources.remove(&key);
            }
        }
    }

    /// Answers of each source whether there was something to ship.
    async fn ship_where(&self, wanted: impl Fn(&Source) -> bool) -> Vec<(String, bool)> {
        let _turn = self.0.turn.lock().await;
        let wanted: Vec<(String, Source)> = self
            .sources()
            .iter()
            .filter(|(_, source)| wanted(source))
            .map(|(key, source)| (key.clone(), source.clone()))
            .collect();
        let mut shipped = Vec::new();
        for (key, source) in wanted {
            let moved = self.ship_one(&key, &source).await.unwrap_or_else(|error| {
                tracing::warn!(%error, container = key, "cannot ship a log; it is tried again");
                true
            });
            shipped.push((key, moved));
        }
        shipped
    }

    async fn ship_one(&self, key: &str, source: &Source) -> Result<bool, StoreError> {
        let mut moved = false;
        while let Some((group, stream)) = self.numbers(source) {
            // Asked before the log is read: what a task printed before it stopped is there by then.
            let life = self.life(source);
            let own = key.to_owned();
            let from = self.on_store(move |store| store.bookmark(&own)).await?;
            let read = |limit| {
                let position = LogPosition::From(from);
                self.0.runtime.read_logs(&source.task_id, &source.container, position, limit)
            };
            // One that has printed nothing yet has no log.
            let Ok(mut page) = read(LINES).await else { break };
            let whole = whole_lines(&page, source.begins.as_ref(), life);
            if whole < page.lines.len() {
                if whole == 0 {
                    break;
                }
                let Ok(shorter) = read(whole).await else { break };
                page = shorter;
            }
            if page.lines.is_empty() {
                break;
            }
            let is_last = page.lines.len() < LINES;
            let messages = messages(page.lines, source.begins.as_ref());
            let (own, ingested_at) = (key.to_owned(), self.0.clock.now().as_millis());
            self.on_store(move |store| {
                let events: Vec<NewEvent<'_>> =
                    messages.iter().map(|(at, message)| NewEvent { at: *at, message }).collect();
                let bookmark = Some((own.as_str(), page.next));
                store.append(&LogWrite { group, stream, ingested_at, events: &events, bookmark })
            })
            .await?;
            moved = true;
            if is_last {
                break;
            }
        }
        Ok(moved)
    }

    /// The numbers of the group and stream of a source; `None` while there is no such stream. Then nothing is shipped, as
    /// with a stream that somebody deleted.
    fn numbers(&self, source: &Source) -> Option<(i64, i64)> {
        let engine = lock_read(&self.0.engine);
        let group = engine.state().log_groups.get(&source.group_arn)?.number;
        Some((group, engine.state().log_streams.get(&source.stream_arn)?.number))
    }

    fn life(&self, source: &Source) -> Life {
        let engine = lock_read(&self.0.engine);
        let task = engine.state().tasks.get(&source.task_arn);
        let runs = task.is_some_and(|task| task.last_status < TaskStatus::Deprovisioning);
        if runs { Life::Running } else { Life::Over }
    }

    /// What is over its group's retention goes, what belongs to no stream, and the oldest where there is too much.
    async fn clean_up(&self) {
        let (live, tasks) = {
            let engine = lock_read(&self.0.engine);
            let state = engine.state();
            let now = self.0.clock.now();
            let since = |stream: &LogStream| {
                let group = state.log_groups.get(&stream.group_arn);
                group.map_or(i64::MAX, |group| super::since(group, now))
            };
            let live: HashMap<i64, i64> =
                state.log_streams.iter().map(|(_, stream)| (stream.number, since(stream))).collect();
            let tasks: Vec<String> = state.tasks.iter().map(|(arn, _)| arn.to_owned()).collect();
            (live, tasks)
        };
        let cleaned = self.on_store(move |store| {
            store.keep(&live, MOST_BYTES)?;
            // A task that the state has forgotten does not come back.
            store.forget_bookmarks(|source| {
                source
                    .rsplit_once('/')
                    .is_none_or(|(task, _)| tasks.binary_search_by(|own| own.as_str().cmp(task)).is_err())
            })
        });
        if let Err(error) = cleaned.await {
            tracing::warn!(%error, "cannot clean up the logs; it is tried again");
        }
    }

    /// Does something with the store where it keeps nobody waiting.
    pub(super) async fn on_store<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut LogEvents) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            work(&mut inner.store.lock().unwrap_or_else(PoisonError::into_inner))
        });
        match done.await {
            Ok(result) => result,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }

    fn sources(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Source>> {
        self.0.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many lines from the first on are whole messages: of several lines the last may go on, unless nobody writes any more
/// or it fills the page.
fn whole_lines(page: &LogPage, begins: Option<&Regex>, life: Life) -> usize {
    let all = page.lines.len();
    let Some(begins) = begins.filter(|_| life == Life::Running) else { return all };
    match page.lines.iter().rposition(|line| begins.is_match(&line.message)) {
        Some(0) if all == LINES => all,
        Some(last) => last,
        None => all,
    }
}

/// The messages that lines make, with their times.
fn messages(lines: Vec<LogLine>, begins: Option<&Regex>) -> Vec<(i64, String)> {
    let mut messages: Vec<(i64, String)> = Vec::with_capacity(lines.len());
    for line in lines {
        let continues = begins.is_some_and(|begins| !begins.is_match(&line.message));
        match messages.last_mut().filter(|_| continues) {
            Some((_, message)) => {
                message.push('\n');
                message.push_str(&line.message);
            }
            // No event is empty; AWS's driver leaves empty lines out, too.
            None if line.message.is_empty() => {}
            None => messages.push((line.at.as_millis(), line.message)),
        }
    }
    messages
}

#[cfg(test)]
mod tests {
    use tidegate_engine::Timestamp;

    use super::*;

    fn page(lines: &[&str]) -> LogPage {
        let lines = lines
            .iter()
            .zip(1..)
            .map(|(line, at)| LogLine { at: Timestamp::from_millis(at), message: (*line).to_owned() })
            .collect();
        LogPage { lines, previous: 0, next: 0 }
    }

    #[test]
    fn a_message_of_several_lines_ends_where_the_next_begins() {
        let begins = Regex::new("^[0-9]").unwrap();
        let page = page(&["1 began", "  at a", "  at b", "2 began", "", "  at c"]);
        assert_eq!(whole_lines(&page, Some(&begins), Life::Running), 3);
        assert_eq!(whole_lines(&page, Some(&begins), Life::Over), 6);
        assert_eq!(whole_lines(&page, None, Life::Running), 6);
        let expected = vec![(1, "1 began\n  at a\n  at b".to_owned()), (4, "2 began\n\n  at c".to_owned())];
        assert_eq!(messages(page.lines, Some(&begins)), expected);
    }
}
