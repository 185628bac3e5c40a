//! What a container prints, brought from the daemon into the log store.

use std::{collections::HashMap, str::FromStr, time::Duration};

use bollard::{Docker, container::LogOutput, query_parameters::LogsOptionsBuilder};
use futures_util::StreamExt;
use tidegate_clock::{Clock, Timestamp};

use super::daemon::is_missing;
use crate::logs::LogStore;

/// How long to wait before asking a daemon again that broke off.
const PAUSE: Duration = Duration::from_millis(500);

/// Where a container's lines go.
pub(super) struct Follower {
    pub(super) docker: Docker,
    pub(super) logs: LogStore,
    pub(super) clock: Clock,
    pub(super) task_id: String,
    pub(super) container: String,
    /// Docker's id of it.
    pub(super) id: String,
}

/// A line of the daemon: when it came, in the daemon's own fixed-width form, and the text with its end.
type Piece = (String, Vec<u8>);

/// By stream, the beginning of a line whose end has not come.
type Unfinished = HashMap<&'static str, Vec<u8>>;

impl Follower {
    /// Takes over what the container prints until it has ended and all is here; takes up where an earlier follower was.
    pub(super) async fn run(self) {
        let taken_up = self.logs.take_up(&self.task_id, &self.container);
        let mut bookmark = taken_up.unwrap_or_else(|error| {
            tracing::warn!(task = self.task_id, container = self.container, %error, "lines of output may come twice");
            String::new()
        });
        let mut unfinished = Unfinished::default();
        loop {
            self.follow(&mut bookmark, &mut unfinished).await;
            match self.docker.inspect_container(&self.id, None).await {
                Ok(found) if found.state.as_ref().and_then(|it| it.running) == Some(true) => {}
                Ok(_) => break,
                Err(error) if is_missing(&error) => break,
                Err(_) => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
        let now = self.clock.now();
        let rest = unfinished.into_values().filter(|line| !line.is_empty());
        let rest: Vec<_> = rest.map(|line| (now, [line, b"\n".to_vec()].concat())).collect();
        self.store(&rest);
    }

    async fn follow(&self, bookmark: &mut String, unfinished: &mut Unfinished) {
        let since = jiff::Timestamp::from_str(bookmark).map_or(0, |at| at.as_second() as i32);
        let options = LogsOptionsBuilder::default().follow(true).stdout(true).stderr(true).timestamps(true);
        let options = options.since(since).tail("all").build();
        let mut batches = Box::pin(self.docker.logs(&self.id, Some(options))).ready_chunks(512);
        // Asked from a whole second on, the daemon repeats what came within it.
        let known = bookmark.clone();
        while let Some(batch) = batches.next().await {
            let broken = batch.iter().any(Result::is_err);
            let mut complete = Vec::new();
            for output in batch.into_iter().flatten() {
                let (stream, (at, text)) = piece(&output);
                if at <= known {
                    continue;
                }
                let line = unfinished.entry(stream).or_default();
                line.extend(text);
                if line.ends_with(b"\n") {
                    complete.push((self.virtual_time(&at), std::mem::take(line)));
                }
                *bookmark = at;
            }
            self.store(&complete);
            // The next cloud has no beginnings of lines: it is told of a moment when there were none.
            if !complete.is_empty() && unfinished.values().all(Vec::is_empty) {
                let _ = self.logs.set_bookmark(&self.task_id, &self.container, bookmark);
            }
            if broken {
                return;
            }
        }
    }

    fn store(&self, lines: &[(Timestamp, Vec<u8>)]) {
        for same_time in lines.chunk_by(|a, b| a.0 == b.0) {
            let Some(&(at, _)) = same_time.first() else { continue };
            let bytes: Vec<u8> = same_time.iter().flat_map(|(_, line)| line.iter().copied()).collect();
            if let Err(error) = self.logs.append(&self.task_id, &self.container, at, &bytes) {
                tracing::warn!(task = self.task_id, container = self.container, %error, "a line of output is lost");
            }
        }
    }

    /// The virtual time of a moment that the daemon's clock names.
    fn virtual_time(&self, at: &str) -> Timestamp {
        let now = self.clock.now();
        let Ok(at) = jiff::Timestamp::from_str(at) else { return now };
        let ago = jiff::Timestamp::now().as_millisecond() - at.as_millisecond();
        now - Duration::from_millis(u64::try_from(ago).unwrap_or(0)).mul_f64(self.clock.speed().factor())
    }
}

/// The stream of an output, its time and its text.
fn piece(output: &LogOutput) -> (&'static str, Piece) {
    let stream = match output {
        LogOutput::StdErr { .. } => "stderr",
        LogOutput::StdOut { .. } | LogOutput::StdIn { .. } | LogOutput::Console { .. } => "stdout",
    };
    let bytes = output.as_ref();
    let (at, text) = match bytes.iter().position(|&byte| byte == b' ') {
        Some(space) => (&bytes[..space], &bytes[space + 1..]),
        None => (bytes, &[][..]),
    };
    (stream, (String::from_utf8_lossy(at).into_owned(), text.to_vec()))
}
