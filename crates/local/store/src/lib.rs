//! What of a local cloud is durable: rows of named tables in one SQLite file.
//!
//! A [`Store::commit`] is all or nothing and is durable against the death of the process (not of the machine: a
//! rehearsal is worth no disk flush per call) when it returns. The store knows no row's meaning, only which tables are to be
//! sealed. Start at [`Store`]; the events of logs are in a file of their own: [`LogEvents`].

mod logs;
mod seal;

use std::path::{Path, PathBuf};

pub use logs::{LogEvent, LogEvents, LogPosition, LogSummary, LogWrite, NewEvent};
use seal::Key;
pub use seal::SealError;

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

/// The layout of the file. Another one is refused, never converted in silence.
const SCHEMA: i64 = 1;

/// A failure of the store, in words for the person whose disk it is.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or the file cannot be opened or made.
    #[error("cannot open the local cloud's state at {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// SQLite's error.
        source: rusqlite::Error,
    },
    /// Another process holds the file.
    #[error(
        "the local cloud's state at {path} is in use by another local cloud; stop that one with `tidegate local down`, \
         or choose another folder with --data-dir"
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file has another layout.
    #[error(
        "the local cloud's state at {path} has layout {found}, but this version reads layout {SCHEMA}; use the version \
         that wrote it, or empty it with `tidegate local reset`"
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// The layout that it has.
        found: i64,
    },
    /// A row that is to be secret cannot be sealed or opened.
    #[error("the local cloud's secrets: {source}")]
    Seal {
        /// Why not.
        #[from]
        source: SealError,
    },
    /// A read or write failed: a full disk, a broken file.
    #[error("cannot {action} the local cloud's state at {path}: {source}")]
    Access {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// SQLite's error.
        source: rusqlite::Error,
    },
}

/// A change of one row.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// The row's table.
    pub table: &'a str,
    /// The row's key.
    pub key: &'a str,
    /// The row; `None` removes it.
    pub row: Option<&'a [u8]>,
}

/// An open state file, held by this process alone.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    key: Key,
    sealed: &'static [&'static str],
}

impl Store {
    /// Opens the state in the file at `path`, or makes an empty one. The rows of the tables in `sealed` are encrypted with
    /// the key in the file beside it.
    pub fn open(path: &Path, sealed: &'static [&'static str]) -> Result<Self, StoreError> {
        let opened =
            Connection::open(path).map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        // The file first: without its folder there is nowhere to put a key either.
        Self::prepare(opened, path.to_owned(), || Key::open(&path.with_extension("key")), sealed)
    }

    /// An empty state that ends with the process.
    pub fn in_memory() -> Result<Self, StoreError> {
        let path = PathBuf::from(":memory:");
        let opened =
            Connection::open_in_memory().map_err(|source| StoreError::Open { path: path.clone(), source })?;
        Self::prepare(opened, path, Key::temporary, &[])
    }

    /// Makes all of `writes` durable, or none.
    pub fn commit<'a>(&mut self, writes: impl IntoIterator<Item = Write<'a>>) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        for Write { table, key, row } in writes {
            let sealed = match row {
                Some(row) if self.sealed.contains(&table) => Some(self.key.seal(table, key, row)?),
                _ => None,
            };
            rows.push((table, key, row, sealed));
        }
        let writes = rows.iter().map(|(table, key, row, sealed)| Write {
            table,
            key,
            row: sealed.as_deref().or(*row),
        });
        let result = Self::write_all(&mut self.connection, writes);
        result.map_err(|source| self.access("write", source))
    }

    /// Calls `each` with table, key and row of every row.
    pub fn load<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(&str, &str, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |source| self.access("read", source);
        let mut rows = self.connection.prepare("SELECT tbl, key, value FROM row").map_err(failed)?;
        let mut rows = rows.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let table: String = row.get(0).map_err(failed)?;
            let key: String = row.get(1).map_err(failed)?;
            let value: Vec<u8> = row.get(2).map_err(failed)?;
            // A row of another table may begin as a sealed one does.
            let opened = if self.sealed.contains(&table.as_str()) {
                self.key.open_row(&table, &key, value)
            } else {
                Some(value)
            };
            let Some(value) = opened else {
                let path = self.path.with_extension("key");
                return Err(StoreError::Seal { source: SealError::Foreign { table, key, path } }.into());
            };
            each(&table, &key, &value)?;
        }
        Ok(())
    }

    /// Writes all that is durable now to a new file at `path`, as a state that can be opened there.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let copied = self.connection.execute("VACUUM INTO ?1", [path.to_string_lossy()]);
        copied.map(drop).map_err(|source| StoreError::Access {
            action: "copy",
            path: path.to_owned(),
            source,
        })
    }

    /// Removes every row.
    pub fn clear(&mut self) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM row", []).map_err(|source| self.access("empty", source))?;
        Ok(())
    }

    fn prepare(
        connection: Connection,
        path: PathBuf,
        key: impl FnOnce() -> Result<Key, SealError>,
        sealed: &'static [&'static str],
    ) -> Result<Self, StoreError> {
        let in_use = |source: &rusqlite::Error| {
            matches!(source.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
        };
        let schema = Self::claim(&connection).map_err(|source| {
            let path = path.clone();
            if in_use(&source) { StoreError::InUse { path } } else { StoreError::Open { path, source } }
        })?;
        if schema != SCHEMA {
            return Err(StoreError::Schema { path, found: schema });
        }
        Ok(Self { connection, path, key: key()?, sealed })
    }

    /// Takes the file for this process alone and answers the layout that it has.
    fn claim(connection: &Connection) -> rusqlite::Result<i64> {
        connection.busy_timeout(std::time::Duration::from_millis(500))?;
        connection.execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             BEGIN EXCLUSIVE;
             CREATE TABLE IF NOT EXISTS row (tbl TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
                PRIMARY KEY (tbl, key)) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS layout (version INTEGER NOT NULL);
             COMMIT;",
        )?;
        let found = connection.query_row("SELECT version FROM layout", [], |row| row.get(0)).optional()?;
        if found.is_none() {
            connection.execute("INSERT INTO layout VALUES (?1)", [SCHEMA])?;
        }
        Ok(found.unwrap_or(SCHEMA))
    }

    fn write_all<'a>(
        connection: &mut Connection,
        writes: impl IntoIterator<Item = Write<'a>>,
    ) -> rusqlite::Result<()> {
        let transaction = connection.transaction()?;
        {
            let mut put = transaction
                .prepare_cached("INSERT OR REPLACE INTO row (tbl, key, value) VALUES (?1, ?2, ?3)")?;
            let mut remove = transaction.prepare_cached("DELETE FROM row WHERE tbl = ?1 AND key = ?2")?;
            for write in writes {
                match write.row {
                    Some(row) => put.execute(params![write.table, write.key, row])?,
                    None => remove.execute(params![write.table, write.key])?,
                };
            }
        }
        transaction.commit()
    }

    fn access(&self, action: &'static str, source: rusqlite::Error) -> StoreError {
        StoreError::Access { action, path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Rows = BTreeMap<(String, String), Vec<u8>>;

    fn rows(store: &Store) -> Rows {
        let mut rows = BTreeMap::new();
        store
            .load::<StoreError>(|table, key, row| {
                rows.insert((table.to_owned(), key.to_owned()), row.to_vec());
                Ok(())
            })
            .unwrap();
        rows
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_was_committed_is_there_after_reopening(
            writes in prop::collection::vec((0..3_u8, 0..6_u8, prop::option::of(any::<Vec<u8>>())), 0..30)
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("state.db");
            let mut expected = Rows::new();
            {
                let mut store = Store::open(&path, &[]).unwrap();
                for (table, key, row) in &writes {
                    let (table, key) = (format!("t{table}"), format!("k{key}"));
                    store.commit([Write { table: &table, key: &key, row: row.as_deref() }]).unwrap();
                    match row {
                        Some(row) => expected.insert((table, key), row.clone()),
                        None => expected.remove(&(table, key)),
                    };
                }
            }
            prop_assert_eq!(rows(&Store::open(&path, &[]).unwrap()), expected);
        }
    }

    #[test]
    fn a_second_cloud_on_the_same_folder_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let _first = Store::open(&path, &[]).unwrap();
        let second = Store::open(&path, &[]).unwrap_err();
        assert!(matches!(second, StoreError::InUse { .. }), "{second}");
        assert!(second.to_string().contains("tidegate local down"), "{second}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("state.db");
        let error = Store::open(&path, &[]).unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
    }

    #[test]
    fn a_copy_holds_what_was_durable_and_goes_its_own_way() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("state.db"), &[]).unwrap();
        store.commit([Write { table: "t", key: "before", row: Some(b"1") }]).unwrap();
        let path = folder.path().join("copy.db");
        store.copy_to(&path).unwrap();
        store.commit([Write { table: "t", key: "after", row: Some(b"2") }]).unwrap();
        let copy = Store::open(&path, &[]).unwrap();
        assert_eq!(rows(&copy), Rows::from([(("t".into(), "before".into()), b"1".to_vec())]));
        let error = store.copy_to(&path).unwrap_err().to_string();
        assert!(error.contains("cannot copy") && error.contains("copy.db"), "{error}");
    }

    #[test]
    fn another_layout_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let store = Store::open(&path, &[]).unwrap();
        store.connection.execute("UPDATE layout SET version = 99", []).unwrap();
        drop(store);
        assert!(matches!(Store::open(&path, &[]).unwrap_err(), StoreError::Schema { found: 99, .. }));
    }

    #[test]
    fn a_full_disk_is_an_error_and_loses_nothing_that_was_committed() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("state.db"), &[]).unwrap();
        store.commit([Write { table: "t", key: "kept", row: Some(b"1") }]).unwrap();
        store.connection.execute_batch("PRAGMA max_page_count = 8").unwrap();
        let big = vec![7; 1 << 20];
        let writes =
            [Write { table: "t", key: "kept", row: None }, Write { table: "t", key: "big", row: Some(&big) }];
        assert!(matches!(store.commit(writes).unwrap_err(), StoreError::Access { action: "write", .. }));
        assert_eq!(rows(&store), Rows::from([(("t".into(), "kept".into()), b"1".to_vec())]));
    }

    #[test]
    fn a_sealed_row_is_not_on_the_disk_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let row = Write { table: "secrets", key: "k", row: Some(b"hunter2-hunter2") };
        Store::open(&path, &["secrets"]).unwrap().commit([row]).unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(7).any(|found| found == b"hunter2"));
        }
        let store = Store::open(&path, &["secrets"]).unwrap();
        assert_eq!(rows(&store), Rows::from([(("secrets".into(), "k".into()), b"hunter2-hunter2".to_vec())]));
        drop(store);
        std::fs::remove_file(path.with_extension("key")).unwrap();
        let store = Store::open(&path, &["secrets"]).unwrap();
        let foreign = store.load::<StoreError>(|_, _, _| Ok(())).unwrap_err().to_string();
        assert!(foreign.contains("sealed with another key"), "{foreign}");
    }

    #[test]
    fn a_row_from_before_its_table_was_sealed_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let row = Write { table: "parameters", key: "k", row: Some(b"{}") };
        Store::open(&path, &[]).unwrap().commit([row]).unwrap();
        let store = Store::open(&path, &["parameters"]).unwrap();
        assert_eq!(rows(&store), Rows::from([(("parameters".into(), "k".into()), b"{}".to_vec())]));
    }
}
