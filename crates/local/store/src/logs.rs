//! What was logged: events of streams, in an SQLite file of their own, so that much logging never makes the state slow.
//!
//! An [`LogEvents::append`] is all or nothing and durable against the death of the process when it returns. Streams and
//! groups are numbers here: what they are called, and whether they still exist, the caller knows, who says from time to
//! time what is to stay ([`LogEvents::keep`]). Start at [`LogEvents`].

use std::{
    collections::HashMap,
    ops::Range,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::StoreError;

/// What AWS counts for each event beside its message.
const OVERHEAD: i64 = 26;

/// A log's events.
#[derive(Debug)]
pub struct LogEvents {
    connection: Connection,
    path: PathBuf,
}

/// Where an event stands among those of its stream or group: by time, then by arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    /// Milliseconds since the Unix epoch.
    pub at: i64,
    /// Grows with each event that arrives.
    pub id: i64,
}

impl LogPosition {
    /// Before everything.
    pub const START: Self = Self { at: i64::MIN, id: i64::MIN };
    /// After everything.
    pub const END: Self = Self { at: i64::MAX, id: i64::MAX };
}

/// An event to append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewEvent<'a> {
    /// When it happened: milliseconds since the Unix epoch.
    pub at: i64,
    /// What was logged.
    pub message: &'a str,
}

/// Some events of one stream.
#[derive(Clone, Copy, Debug)]
pub struct LogWrite<'a> {
    /// The group's number.
    pub group: i64,
    /// The stream's number.
    pub stream: i64,
    /// When they arrive.
    pub ingested_at: i64,
    /// The events, in order.
    pub events: &'a [NewEvent<'a>],
    /// Whose reading they come from, and up to where it has read now: kept together with the events, so that nothing is
    /// appended twice or left out.
    pub bookmark: Option<(&'a str, u64)>,
}

/// An event that was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// Where it stands.
    pub position: LogPosition,
    /// The stream's number.
    pub stream: i64,
    /// When it arrived.
    pub ingested_at: i64,
    /// What was logged.
    pub message: String,
}

/// What is known of a stream's events without reading them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSummary {
    /// The time of the first event.
    pub first: i64,
    /// The time of the last event.
    pub last: i64,
    /// When one arrived last.
    pub ingested_at: i64,
}

impl LogEvents {
    /// Opens the events in the file at `path`, or makes an empty one.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Open { path: path.to_owned(), source };
        let connection = Connection::open(path).map_err(failed)?;
        connection
            .execute_batch(
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
                 CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY AUTOINCREMENT, grp INTEGER NOT NULL,
                    stream INTEGER NOT NULL, at INTEGER NOT NULL, ingested INTEGER NOT NULL, message TEXT NOT NULL);
                 CREATE INDEX IF NOT EXISTS event_of_stream ON event (stream, at, id);
                 CREATE INDEX IF NOT EXISTS event_of_group ON event (grp, at, id);
                 CREATE TABLE IF NOT EXISTS stream (stream INTEGER PRIMARY KEY, grp INTEGER NOT NULL,
                    first INTEGER NOT NULL, last INTEGER NOT NULL, ingested INTEGER NOT NULL, bytes INTEGER NOT NULL);
                 CREATE TABLE IF NOT EXISTS bookmark (source TEXT PRIMARY KEY, position INTEGER NOT NULL);",
            )
            .map_err(failed)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Writes all that is kept now to a new file at `path`, which can be opened there.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let copied = self.connection.execute("VACUUM INTO ?1", [path.to_string_lossy()]);
        copied.map(drop).map_err(|source| StoreError::Access {
            action: "copy",
            path: path.to_owned(),
            source,
        })
    }

    /// Appends events: all of them with the bookmark, or nothing.
    pub fn append(&mut self, write: &LogWrite<'_>) -> Result<(), StoreError> {
        let result = append(&mut self.connection, write);
        result.map_err(|source| self.access("write", source))
    }

    /// Up to where `source` was read.
    pub fn bookmark(&self, source: &str) -> Result<u64, StoreError> {
        let found = self
            .connection
            .query_row("SELECT position FROM bookmark WHERE source = ?1", [source], |row| {
                row.get::<_, i64>(0)
            })
            .optional()
            .map_err(|source| self.access("read", source))?;
        Ok(found.and_then(|position| u64::try_from(position).ok()).unwrap_or(0))
    }

    /// Forgets up to where the sources were read that are `done` with.
    pub fn forget_bookmarks(&mut self, done: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        let result = forget_bookmarks(&mut self.connection, done);
        result.map_err(|source| self.access("write", source))
    }

    /// At most `limit` events of a stream behind `after`, within `window`; oldest first.
    pub fn after(
        &self,
        stream: i64,
        after: LogPosition,
        window: &Range<i64>,
        limit: usize,
    ) -> Result<Vec<LogEvent>, StoreError> {
        self.query(
            "SELECT id, stream, at, ingested, message FROM event
             WHERE stream = ?1 AND (at, id) > (?2, ?3) AND at >= ?4 AND at < ?5 ORDER BY at, id LIMIT ?6",
            (stream, after, window, limit),
        )
    }

    /// The last `limit` events of a stream before `before`, within `window`; oldest first.
    pub fn before(
        &self,
        stream: i64,
        before: LogPosition,
        window: &Range<i64>,
        limit: usize,
    ) -> Result<Vec<LogEvent>, StoreError> {
        let mut events = self.query(
            "SELECT id, stream, at, ingested, message FROM event
             WHERE stream = ?1 AND (at, id) < (?2, ?3) AND at >= ?4 AND at < ?5 ORDER BY at DESC, id DESC LIMIT ?6",
            (stream, before, window, limit),
        )?;
        events.reverse();
        Ok(events)
    }

    /// At most `limit` events of all streams of a group behind `after`, within `window`; oldest first.
    pub fn of_group(
        &self,
        group: i64,
        after: LogPosition,
        window: &Range<i64>,
        limit: usize,
    ) -> Result<Vec<LogEvent>, StoreError> {
        self.query(
            "SELECT id, stream, at, ingested, message FROM event
             WHERE grp = ?1 AND (at, id) > (?2, ?3) AND at >= ?4 AND at < ?5 ORDER BY at, id LIMIT ?6",
            (group, after, window, limit),
        )
    }

    /// What is known of the streams of a group, by number; of those without events nothing is.
    pub fn summaries(&self, group: i64) -> Result<HashMap<i64, LogSummary>, StoreError> {
        let failed = |source| self.access("read", source);
        let mut statement = self
            .connection
            .prepare_cached("SELECT stream, first, last, ingested FROM stream WHERE grp = ?1")
            .map_err(failed)?;
        let summary = |row: &Row<'_>| {
            let (first, last, ingested_at) = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((row.get(0)?, LogSummary { first, last, ingested_at }))
        };
        let rows = statement.query_map([group], summary).map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// How many bytes the events of each group have, by number.
    pub fn bytes(&self) -> Result<HashMap<i64, i64>, StoreError> {
        let failed = |source| self.access("read", source);
        let mut statement = self
            .connection
            .prepare_cached("SELECT grp, SUM(bytes) FROM stream GROUP BY grp")
            .map_err(failed)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// Removes all events but those of the streams in `live`, of each from the time given on; then the oldest of all, until
    /// there are no more than `most_bytes`.
    pub fn keep(&mut self, live: &HashMap<i64, i64>, most_bytes: i64) -> Result<(), StoreError> {
        let result = keep(&mut self.connection, live, most_bytes);
        result.map_err(|source| self.access("shorten", source))
    }

    fn query(
        &self,
        sql: &str,
        (of, position, window, limit): (i64, LogPosition, &Range<i64>, usize),
    ) -> Result<Vec<LogEvent>, StoreError> {
        let failed = |source| self.access("read", source);
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let event = |row: &Row<'_>| {
            Ok(LogEvent {
                position: LogPosition { id: row.get(0)?, at: row.get(2)? },
                stream: row.get(1)?,
                ingested_at: row.get(3)?,
                message: row.get(4)?,
            })
        };
        let rows = statement
            .query_map(params![of, position.at, position.id, window.start, window.end, limit], event)
            .map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    fn access(&self, action: &'static str, source: rusqlite::Error) -> StoreError {
        StoreError::Access { action, path: self.path.clone(), source }
    }
}

fn append(connection: &mut Connection, write: &LogWrite<'_>) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut put = transaction.prepare_cached(
            "INSERT INTO event (grp, stream, at, ingested, message) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let mut bytes = 0;
        for event in write.events {
            put.execute(params![write.group, write.stream, event.at, write.ingested_at, event.message])?;
            bytes += OVERHEAD + i64::try_from(event.message.len()).unwrap_or(0);
        }
        let times = || write.events.iter().map(|event| event.at);
        if let (Some(first), Some(last)) = (times().min(), times().max()) {
            transaction
                .prepare_cached(
                    "INSERT INTO stream (stream, grp, first, last, ingested, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (stream) DO UPDATE SET first = MIN(first, ?3), last = MAX(last, ?4), ingested = ?5,
                        bytes = bytes + ?6",
                )?
                .execute(params![write.stream, write.group, first, last, write.ingested_at, bytes])?;
        }
        if let Some((source, position)) = write.bookmark {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO bookmark (source, position) VALUES (?1, ?2)")?
                .execute(params![source, i64::try_from(position).unwrap_or(i64::MAX)])?;
        }
    }
    transaction.commit()
}

fn forget_bookmarks(connection: &mut Connection, done: impl Fn(&str) -> bool) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let sources: Vec<String> = {
        let mut statement = transaction.prepare("SELECT source FROM bookmark")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    for source in sources.iter().filter(|source| done(source)) {
        transaction.execute("DELETE FROM bookmark WHERE source = ?1", [source])?;
    }
    transaction.commit()
}

fn keep(connection: &mut Connection, live: &HashMap<i64, i64>, most_bytes: i64) -> rusqlite::Result<()> {
    /// Events that go in one step when there are too many.
    const STEP: i64 = 5_000;
    let transaction = connection.transaction()?;
    let streams: Vec<(i64, i64)> = {
        let mut statement = transaction.prepare("SELECT stream, first FROM stream")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    let mut shortened = Vec::new();
    for (stream, first) in streams {
        let Some(&since) = live.get(&stream) else {
            transaction.execute("DELETE FROM event WHERE stream = ?1", [stream])?;
            transaction.execute("DELETE FROM stream WHERE stream = ?1", [stream])?;
            continue;
        };
        if first < since {
            transaction.execute("DELETE FROM event WHERE stream = ?1 AND at < ?2", [stream, since])?;
            shortened.push(stream);
        }
    }
    measure(&transaction, &shortened)?;
    while transaction.query_row("SELECT TOTAL(bytes) > ?1 FROM stream", [most_bytes], |row| row.get(0))? {
        let last: Option<i64> = transaction.query_row(
            "SELECT MAX(id) FROM (SELECT id FROM event ORDER BY id LIMIT ?1)",
            [STEP],
            |row| row.get(0),
        )?;
        let Some(last) = last else { break };
        let shortened: Vec<i64> = {
            let mut statement =
                transaction.prepare_cached("SELECT DISTINCT stream FROM event WHERE id <= ?1")?;
            let rows = statement.query_map([last], |row| row.get(0))?;
            rows.collect::<Result<_, _>>()?
        };
        transaction.execute("DELETE FROM event WHERE id <= ?1", [last])?;
        measure(&transaction, &shortened)?;
    }
    transaction.commit()
}

/// Counts the events of streams anew that lost some.
fn measure(connection: &Connection, streams: &[i64]) -> rusqlite::Result<()> {
    for stream in streams {
        connection.execute(
            "UPDATE stream SET (first, bytes) = (SELECT COALESCE(MIN(at), stream.last),
                COALESCE(SUM(LENGTH(CAST(message AS BLOB)) + ?2), 0) FROM event WHERE event.stream = ?1)
             WHERE stream = ?1",
            params![stream, OVERHEAD],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALWAYS: Range<i64> = i64::MIN..i64::MAX;

    fn open() -> (tempfile::TempDir, LogEvents) {
        let folder = tempfile::tempdir().unwrap();
        let events = LogEvents::open(&folder.path().join("logs.db")).unwrap();
        (folder, events)
    }

    fn write(events: &mut LogEvents, stream: i64, lines: &[(i64, &str)]) {
        let new: Vec<NewEvent<'_>> = lines.iter().map(|&(at, message)| NewEvent { at, message }).collect();
        let write = LogWrite { group: 1, stream, ingested_at: 100, events: &new, bookmark: None };
        events.append(&write).unwrap();
    }

    fn texts(found: &[LogEvent]) -> Vec<&str> {
        found.iter().map(|event| event.message.as_str()).collect()
    }

    #[test]
    fn events_are_read_in_the_order_of_their_times_from_both_ends() {
        let (_folder, mut events) = open();
        write(&mut events, 7, &[(3, "c"), (1, "a")]);
        write(&mut events, 7, &[(2, "b"), (2, "b2")]);
        write(&mut events, 8, &[(2, "other")]);
        let first = events.after(7, LogPosition::START, &ALWAYS, 2).unwrap();
        assert_eq!(texts(&first), ["a", "b"]);
        assert_eq!(texts(&events.after(7, first[1].position, &ALWAYS, 9).unwrap()), ["b2", "c"]);
        assert_eq!(texts(&events.before(7, LogPosition::END, &ALWAYS, 2).unwrap()), ["b2", "c"]);
        assert_eq!(texts(&events.after(7, LogPosition::START, &(2..3), 9).unwrap()), ["b", "b2"]);
        assert_eq!(
            texts(&events.of_group(1, LogPosition::START, &ALWAYS, 9).unwrap()),
            ["a", "b", "b2", "other", "c"]
        );
        assert_eq!(events.summaries(1).unwrap()[&7], LogSummary { first: 1, last: 3, ingested_at: 100 });
    }

    #[test]
    fn a_bookmark_stands_with_the_events_that_it_is_for() {
        let (folder, mut events) = open();
        let new = [NewEvent { at: 1, message: "a" }];
        events
            .append(&LogWrite {
                group: 1,
                stream: 7,
                ingested_at: 1,
                events: &new,
                bookmark: Some(("s", 12)),
            })
            .unwrap();
        drop(events);
        let events = LogEvents::open(&folder.path().join("logs.db")).unwrap();
        assert_eq!((events.bookmark("s").unwrap(), events.bookmark("t").unwrap()), (12, 0));
        assert_eq!(events.after(7, LogPosition::START, &ALWAYS, 9).unwrap().len(), 1);
    }

    #[test]
    fn what_is_too_old_too_much_or_of_nobody_goes() {
        let (_folder, mut events) = open();
        write(&mut events, 7, &[(1, "old"), (5, "new")]);
        write(&mut events, 8, &[(5, "of nobody")]);
        events.keep(&HashMap::from([(7, 3)]), i64::MAX).unwrap();
        assert_eq!(texts(&events.of_group(1, LogPosition::START, &ALWAYS, 9).unwrap()), ["new"]);
        assert_eq!(events.bytes().unwrap(), HashMap::from([(1, 29)]));
        assert_eq!(events.summaries(1).unwrap()[&7].first, 5);
        events.keep(&HashMap::from([(7, 3)]), 10).unwrap();
        assert_eq!(events.bytes().unwrap(), HashMap::from([(1, 0)]));
    }
}
