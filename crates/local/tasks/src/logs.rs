//! What containers print, kept in files: written by the containers themselves, or line by line for Docker.
//!
//! A container's output goes straight into its file, so nothing is lost and nothing blocks when the local cloud is killed.
//! Beside it stands a list of times: up to which byte the file had grown when it was looked at. A file that gets long
//! loses its beginning, and old tasks lose theirs, so that logs never fill a disk. Start at [`LogStore::read`].

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tidegate_clock::{Clock, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::{Error, records::Records};

/// How often files are looked at, in real time: how exact the time of a line is.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A file longer than this is cut to half of it, at its beginning.
const LONGEST_FILE: u64 = 16 << 20;
/// How many ended tasks keep their logs.
const ENDED_TASKS: usize = 500;
/// A line longer than this is split: the limit of one event of CloudWatch Logs, less its overhead.
const LONGEST_LINE: usize = 256 * 1024 - 26;

/// A line that a container printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was seen: exact to about 200 ms of real time with processes, to the millisecond with Docker.
    pub at: Timestamp,
    /// Without the line's end.
    pub message: String,
}

/// From where to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogPosition {
    /// The oldest lines that are kept.
    Head,
    /// The newest lines.
    Tail,
    /// The lines from here on: a page's `next`.
    From(u64),
    /// The lines that end here: a page's `previous`.
    Before(u64),
}

/// Some lines of a log, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Where the line before the first one ends.
    pub previous: u64,
    /// Where the line after the last one begins. Stays the same when there is nothing new.
    pub next: u64,
}

/// The logs of one runtime.
#[derive(Clone, Debug)]
pub(crate) struct LogStore {
    folder: Arc<Path>,
    clock: Clock,
    open: Arc<Mutex<HashMap<PathBuf, Growth>>>,
}

/// Who notes when a file grew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Growth {
    /// Nobody who writes: it is looked at, and had this length.
    LookedAt(u64),
    /// Whoever writes.
    NotedByWriter,
}

impl LogStore {
    /// Logs in `folder`, one folder per task. Files are looked at until `stop` is cancelled.
    pub(crate) fn new(folder: &Path, clock: Clock, stop: CancellationToken) -> Self {
        let store = Self { folder: Arc::from(folder), clock, open: Arc::default() };
        let watched = store.clone();
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            let mut ticks = tokio::time::interval(LOOK_EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                watched.look();
            }
        }));
        store
    }

    /// The folder of a task.
    pub(crate) fn task_folder(&self, task_id: &str) -> PathBuf {
        self.folder.join(file_name(task_id))
    }

    /// The file that a container's output goes to, opened to append; from here on it is looked at.
    pub(crate) fn open(&self, task_id: &str, container: &str) -> io::Result<File> {
        let path = self.path(task_id, container);
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        self.follow(task_id, container);
        Ok(file)
    }

    /// Looks at a container's file from here on, also at what came since it was looked at last.
    pub(crate) fn follow(&self, task_id: &str, container: &str) {
        let path = self.path(task_id, container);
        let seen = times(&path).last().map_or(0, |&(end, _)| end);
        self.lock().insert(path, Growth::LookedAt(seen));
    }

    /// Makes a container's file, to which [`LogStore::append`] will add lines.
    pub(crate) fn open_for_lines(&self, task_id: &str, container: &str) -> io::Result<()> {
        let path = self.path(task_id, container);
        OpenOptions::new().create(true).append(true).open(&path)?;
        self.lock().insert(path, Growth::NotedByWriter);
        Ok(())
    }

    /// The container has ended; its file will not grow any more.
    pub(crate) fn close(&self, task_id: &str, container: &str) {
        let path = self.path(task_id, container);
        let seen = self.lock().remove(&path);
        if let Some(Growth::LookedAt(seen)) = seen {
            note_growth(&path, seen, self.clock.now());
        }
    }

    /// Adds whole lines to a container's log, all printed at `at`.
    pub(crate) fn append(
        &self,
        task_id: &str,
        container: &str,
        at: Timestamp,
        lines: &[u8],
    ) -> io::Result<()> {
        let path = self.path(task_id, container);
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        file.write_all(lines)?;
        let end = file.metadata()?.len();
        note_time(&path, end, at)?;
        forget_beginning(&path, end);
        Ok(())
    }

    /// Up to where another source of a container's lines was read. Lines that were added after that was kept are taken
    /// back, since that source gives them again: whoever is killed between the two neither loses nor repeats one.
    pub(crate) fn take_up(&self, task_id: &str, container: &str) -> io::Result<String> {
        let path = self.path(task_id, container);
        let kept = fs::read_to_string(beside(&path, "bookmark")).unwrap_or_default();
        let kept =
            kept.split_once(' ').and_then(|(end, bookmark)| Some((end.parse::<u64>().ok()?, bookmark)));
        let (end, bookmark) = kept.unwrap_or((0, ""));
        let Ok(length) = fs::metadata(&path).map(|it| it.len()) else { return Ok(bookmark.to_owned()) };
        if length > end {
            OpenOptions::new().write(true).open(&path)?.set_len(end)?;
            keep_times(&path, |it| it <= end)?;
        }
        Ok(bookmark.to_owned())
    }

    /// Keeps up to where another source of a container's lines was read, all of which have been added.
    pub(crate) fn set_bookmark(&self, task_id: &str, container: &str, bookmark: &str) -> io::Result<()> {
        let path = self.path(task_id, container);
        let end = fs::metadata(&path).map_or(0, |it| it.len());
        let draft = beside(&path, "bookmark.new");
        fs::write(&draft, format!("{end} {bookmark}"))?;
        fs::rename(&draft, beside(&path, "bookmark"))
    }

    /// At most `limit` lines of a container's log.
    pub(crate) fn read(
        &self,
        task_id: &str,
        container: &str,
        position: LogPosition,
        limit: usize,
    ) -> Result<LogPage, Error> {
        let path = self.path(task_id, container);
        let now = self.clock.now();
        let still_written = match self.lock().get_mut(&path) {
            // Whoever reads what nobody has looked at yet looks at it now: each line has its time.
            Some(Growth::LookedAt(seen)) => {
                *seen = note_growth(&path, *seen, now);
                true
            }
            Some(Growth::NotedByWriter) => true,
            None => false,
        };
        let no_log = || Error::NoLog { task_id: task_id.to_owned(), container: container.to_owned() };
        if !path.exists() {
            return Err(no_log());
        }
        read(&path, position, limit.max(1), still_written, now).map_err(Error::folder("read", path))
    }

    /// Removes the logs of the tasks that ended first, when there are too many, without keeping anybody waiting.
    pub(crate) fn prune_behind(&self, records: Records) {
        let store = self.clone();
        tokio::task::spawn_blocking(move || {
            store.prune(|folder| {
                folder
                    .file_name()
                    .and_then(|name| name.to_str())
                    .is_some_and(|name| records.task(name).is_some())
            });
        });
    }

    /// `live` says which tasks have not ended.
    fn prune(&self, live: impl Fn(&Path) -> bool) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut ended: Vec<_> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.is_dir() && !live(path))
            .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
            .collect();
        if ended.len() <= ENDED_TASKS {
            return;
        }
        ended.sort();
        let too_many = ended.len() - ENDED_TASKS;
        for (_, path) in ended.drain(..too_many) {
            // Two that end at the same time may both prune.
            let removed = fs::remove_dir_all(&path);
            if let Err(error) = removed.or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            }) {
                tracing::warn!(path = %path.display(), %error, "cannot remove an old log");
            }
        }
    }

    fn path(&self, task_id: &str, container: &str) -> PathBuf {
        self.task_folder(task_id).join(format!("{}.log", file_name(container)))
    }

    fn look(&self) {
        let now = self.clock.now();
        for (path, growth) in self.lock().iter_mut() {
            if let Growth::LookedAt(seen) = growth {
                *seen = note_growth(path, *seen, now);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Growth>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that is one file's and stays in its folder.
pub(crate) fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    name.chars().map(safe).collect()
}

/// How long the file is; noted with the time when it has grown beyond `seen`.
fn note_growth(path: &Path, seen: u64, now: Timestamp) -> u64 {
    // A file that is gone, or a full disk, costs the times of some lines and nothing else.
    let Ok(length) = fs::metadata(path).map(|it| it.len()) else { return seen };
    if length == seen || note_time(path, length, now).is_err() {
        return seen;
    }
    forget_beginning(path, length);
    length
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    path.with_extension(extension)
}

fn note_time(path: &Path, end: u64, at: Timestamp) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(beside(path, "times"))?;
    file.write_all(format!("{end} {}\n", at.as_millis()).as_bytes())
}

/// Up to which byte the file had grown, and when that was seen; ascending.
fn times(path: &Path) -> Vec<(u64, Timestamp)> {
    let text = fs::read_to_string(beside(path, "times")).unwrap_or_default();
    let entry = |line: &str| {
        let (end, at) = line.split_once(' ')?;
        Some((end.parse().ok()?, Timestamp::from_millis(at.parse().ok()?)))
    };
    text.lines().filter_map(entry).collect()
}

/// Where what is kept of the file begins.
fn beginning(path: &Path) -> u64 {
    fs::read_to_string(beside(path, "start")).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Gives the disk space of a long file's beginning back. Positions in the file stay what they are.
fn forget_beginning(path: &Path, length: u64) {
    let start = beginning(path);
    if length - start.min(length) <= LONGEST_FILE {
        return;
    }
    let new_start = length - LONGEST_FILE / 2;
    let forgotten = fs::write(beside(path, "start"), new_start.to_string())
        .and_then(|()| OpenOptions::new().write(true).open(path))
        .and_then(|file| give_back(&file, new_start));
    if let Err(error) = forgotten {
        tracing::warn!(path = %path.display(), %error, "cannot shorten a log");
        return;
    }
    if let Err(error) = keep_times(path, |end| end > new_start) {
        tracing::warn!(path = %path.display(), %error, "cannot shorten a log's times");
    }
}

/// Forgets when the file grew to any other than the lengths to keep.
fn keep_times(path: &Path, keep: impl Fn(u64) -> bool) -> io::Result<()> {
    let kept = times(path).into_iter().filter(|&(end, _)| keep(end));
    let kept: Vec<_> = kept.map(|(end, at)| format!("{end} {}\n", at.as_millis())).collect();
    let draft = beside(path, "times.new");
    fs::write(&draft, kept.concat())?;
    fs::rename(&draft, beside(path, "times"))
}

#[cfg(target_os = "linux")]
fn give_back(file: &File, length: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    Ok(fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, length)?)
}

/// Elsewhere a file cannot lose its beginning alone: it is emptied, and positions begin at 0 again.
#[cfg(not(target_os = "linux"))]
fn give_back(file: &File, _length: u64) -> io::Result<()> {
    file.set_len(0)
}

fn read(
    path: &Path,
    position: LogPosition,
    limit: usize,
    still_written: bool,
    now: Timestamp,
) -> io::Result<LogPage> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let start = beginning(path).min(length);
    let (from, to) = match position {
        LogPosition::Head | LogPosition::Tail => (start, length),
        // A position beyond the end is of a file that was emptied since.
        LogPosition::From(at) => (if at > length { start } else { at.max(start) }, length),
        LogPosition::Before(at) => (start, at.clamp(start, length)),
    };
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(to - from).read_to_end(&mut bytes)?;
    let mut lines = split(&bytes, from, still_written && to == length);
    // What a shortened log begins with is the rest of a line.
    if from == start && start > 0 && !lines.is_empty() {
        lines.remove(0);
    }
    let lines = match position {
        LogPosition::Head | LogPosition::From(_) => lines.get(..limit.min(lines.len())).unwrap_or_default(),
        LogPosition::Tail | LogPosition::Before(_) => {
            lines.get(lines.len().saturating_sub(limit)..).unwrap_or_default()
        }
    };
    let times = times(path);
    let previous = lines.first().map_or(from, |it| it.begin);
    let next =
        lines.last().map_or(if matches!(position, LogPosition::Before(_)) { to } else { from }, |it| it.end);
    let lines = lines
        .iter()
        .map(|it| LogLine { at: seen_at(&times, it.begin).unwrap_or(now), message: it.text.clone() })
        .collect();
    Ok(LogPage { lines, previous, next })
}

struct Line {
    begin: u64,
    end: u64,
    text: String,
}

/// The lines of `bytes`, which stand in the file from `offset` on. A last line without an end is left for later while
/// the file is written.
fn split(bytes: &[u8], offset: u64, still_written: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut begin = 0;
    for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
        let complete = piece.ends_with(b"\n");
        for part in piece.chunks(LONGEST_LINE) {
            let end = begin + part.len();
            if complete || !still_written || part.len() == LONGEST_LINE {
                let text = part.strip_suffix(b"\n").unwrap_or(part);
                let text = text.strip_suffix(b"\r").unwrap_or(text);
                let text = String::from_utf8_lossy(text).into_owned();
                lines.push(Line { begin: offset + begin as u64, end: offset + end as u64, text });
            }
            begin = end;
        }
    }
    lines
}

/// When a line that begins there was seen; `None` when nothing was noted yet.
fn seen_at(times: &[(u64, Timestamp)], begin: u64) -> Option<Timestamp> {
    let index = times.partition_point(|&(end, _)| end <= begin);
    times.get(index).or(times.last()).map(|&(_, at)| at)
}

#[cfg(test)]
mod tests {
    use tidegate_clock::Speed;

    use super::*;

    fn store() -> (tempfile::TempDir, LogStore) {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::starting_now(Speed::REAL);
        let store = LogStore { folder: Arc::from(folder.path()), clock, open: Arc::default() };
        fs::create_dir_all(store.task_folder("t")).unwrap();
        (folder, store)
    }

    fn messages(page: &LogPage) -> Vec<&str> {
        page.lines.iter().map(|line| line.message.as_str()).collect()
    }

    #[tokio::test]
    async fn pages_follow_each_other_in_both_directions() {
        let (_folder, store) = store();
        for number in 0..5 {
            store
                .append("t", "c", Timestamp::from_millis(number), format!("line {number}\n").as_bytes())
                .unwrap();
        }
        let read = |position| store.read("t", "c", position, 2).unwrap();
        let head = read(LogPosition::Head);
        assert_eq!(messages(&head), ["line 0", "line 1"]);
        assert_eq!(messages(&read(LogPosition::From(head.next))), ["line 2", "line 3"]);
        let tail = read(LogPosition::Tail);
        assert_eq!(messages(&tail), ["line 3", "line 4"]);
        assert_eq!(tail.lines[1].at, Timestamp::from_millis(4));
        assert_eq!(messages(&read(LogPosition::Before(tail.previous))), ["line 1", "line 2"]);
        let end = read(LogPosition::From(tail.next));
        assert_eq!((messages(&end).len(), end.next), (0, tail.next));
    }

    #[tokio::test]
    async fn a_line_that_is_read_before_anybody_looked_has_its_time() {
        let (_folder, store) = store();
        let before = store.clock.now();
        let mut file = store.open("t", "c").unwrap();
        file.write_all(b"up\n").unwrap();
        let page = store.read("t", "c", LogPosition::Head, 9).unwrap();
        assert!(page.lines[0].at >= before, "{:?}", page.lines);
        file.write_all(b"ready\n").unwrap();
        store.look();
        let again = store.read("t", "c", LogPosition::Head, 9).unwrap();
        assert_eq!(again.lines[0].at, page.lines[0].at, "and keeps it");
    }

    #[tokio::test]
    async fn an_unfinished_line_is_left_for_later_while_its_container_runs() {
        let (_folder, store) = store();
        let mut file = store.open("t", "c").unwrap();
        file.write_all(b"whole\r\nhalf").unwrap();
        store.look();
        let first = store.read("t", "c", LogPosition::Head, 9).unwrap();
        assert_eq!(messages(&first), ["whole"]);
        store.close("t", "c");
        assert_eq!(messages(&store.read("t", "c", LogPosition::From(first.next), 9).unwrap()), ["half"]);
    }

    #[tokio::test]
    async fn a_long_log_loses_its_beginning_and_keeps_its_positions() {
        let (_folder, store) = store();
        let mut file = store.open("t", "c").unwrap();
        let line = [b'x'; 1023];
        for _ in 0..=(LONGEST_FILE / 1024) {
            file.write_all(&line).and_then(|()| file.write_all(b"\n")).unwrap();
        }
        file.write_all(b"last\n").unwrap();
        store.look();
        let head = store.read("t", "c", LogPosition::Head, usize::MAX).unwrap();
        assert!(head.lines.len() as u64 <= LONGEST_FILE / 2 / 1024 + 1, "{}", head.lines.len());
        assert!(head.lines.iter().all(|it| it.message.len() == 1023 || it.message == "last"));
        assert_eq!(messages(&store.read("t", "c", LogPosition::Tail, 1).unwrap()), ["last"]);
    }

    #[tokio::test]
    async fn who_was_killed_before_the_bookmark_was_kept_neither_loses_nor_repeats_a_line() {
        let (_folder, store) = store();
        let append = |at, line: &str| {
            store.append("t", "c", Timestamp::from_millis(at), line.as_bytes()).unwrap();
        };
        append(1, "one\n");
        store.set_bookmark("t", "c", "first").unwrap();
        append(2, "two\n");
        assert_eq!(store.take_up("t", "c").unwrap(), "first");
        append(3, "two\n");
        let page = store.read("t", "c", LogPosition::Head, 9).unwrap();
        assert_eq!(messages(&page), ["one", "two"]);
        assert_eq!(page.lines[1].at, Timestamp::from_millis(3));
    }

    #[tokio::test]
    async fn who_was_killed_before_the_first_bookmark_begins_again() {
        let (_folder, store) = store();
        store.append("t", "c", Timestamp::from_millis(1), b"one\n").unwrap();
        assert_eq!(store.take_up("t", "c").unwrap(), "");
        store.append("t", "c", Timestamp::from_millis(2), b"one\n").unwrap();
        assert_eq!(messages(&store.read("t", "c", LogPosition::Head, 9).unwrap()), ["one"]);
    }

    #[tokio::test]
    async fn the_logs_of_the_tasks_that_ended_first_are_given_up() {
        let (_folder, store) = store();
        for number in 0..ENDED_TASKS {
            fs::create_dir_all(store.task_folder(&format!("ended{number}"))).unwrap();
        }
        let old = store.task_folder("t");
        File::open(&old).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        store.prune(|folder| folder == old);
        assert!(old.exists(), "it has not ended");
        store.prune(|_| false);
        assert!(!old.exists());
        assert!(store.task_folder("ended0").exists());
    }

    #[tokio::test]
    async fn a_log_that_nobody_wrote_is_an_error_that_names_it() {
        let (_folder, store) = store();
        let error = store.read("t", "../c", LogPosition::Tail, 1).unwrap_err();
        assert_eq!(error.to_string(), "there is no log of container ../c of task t");
    }
}
