//! The rows of the state: ordered tables that know what changed since the last commit.
//!
//! A table never forgets a change: until [`Table::commit`] it can say which rows changed, or take all of it back with
//! [`Table::roll_back`]. Start at [`Table`].

use std::{
    collections::{BTreeSet, HashMap},
    ops::Bound,
    sync::Arc,
};

use serde::{Serialize, de::DeserializeOwned};

/// A row as it is stored: JSON, or nothing when it was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The table's name.
    pub table: &'static str,
    /// The row's key.
    pub key: String,
    /// The row, or `None` when it is gone.
    pub row: Option<Vec<u8>>,
}

/// A stored row that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A table that this version does not know.
    #[error(
        "the stored state has a table {0:?} that this version does not know; it was written by a newer one"
    )]
    UnknownTable(String),
    /// A row that is not what this version stores.
    #[error("row {key:?} of table {table:?} cannot be read: {source}")]
    Row {
        /// The table's name.
        table: String,
        /// The row's key.
        key: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Under which keys the index holds a row.
#[derive(Debug)]
enum IndexOf<V> {
    /// At most one.
    One(fn(&V) -> Option<String>),
    /// Any number, each of them once.
    Many(fn(&V) -> Vec<String>),
}

impl<V> IndexOf<V> {
    fn keys(&self, row: &V) -> Vec<String> {
        match self {
            Self::One(index_of) => index_of(row).into_iter().collect(),
            Self::Many(index_of) => index_of(row),
        }
    }
}

/// An ordered table of rows `V`, with one secondary index.
///
/// Reads cost the same however many rows there are: keys are long and begin alike, so that comparing them on the way
/// down a tree was what an event cost most in a large cloud. A first write to a row since the last commit copies it.
#[derive(Debug)]
pub struct Table<V> {
    name: &'static str,
    rows: HashMap<Arc<str>, Arc<V>>,
    /// The keys of all rows, for what goes through them in order.
    order: BTreeSet<Arc<str>>,
    index_of: IndexOf<V>,
    index: HashMap<String, BTreeSet<Arc<str>>>,
    before: HashMap<Arc<str>, Option<Arc<V>>>,
}

impl<V: Clone + Serialize + DeserializeOwned> Table<V> {
    /// An empty table without an index.
    pub fn new(name: &'static str) -> Self {
        Self::indexed(name, |_| None)
    }

    /// An empty table whose rows can be found by `index_of` them; rows for which that is `None` are not in the index.
    pub fn indexed(name: &'static str, index_of: fn(&V) -> Option<String>) -> Self {
        Self::with_index(name, IndexOf::One(index_of))
    }

    /// An empty table whose rows can be found by each of the keys that `index_of` gives them.
    pub fn indexed_by_many(name: &'static str, index_of: fn(&V) -> Vec<String>) -> Self {
        Self::with_index(name, IndexOf::Many(index_of))
    }

    fn with_index(name: &'static str, index_of: IndexOf<V>) -> Self {
        Self {
            name,
            rows: HashMap::new(),
            order: BTreeSet::new(),
            index_of,
            index: HashMap::new(),
            before: HashMap::new(),
        }
    }

    /// The table's name in the store.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The row at `key`.
    pub fn get(&self, key: &str) -> Option<&V> {
        self.rows.get(key).map(Arc::as_ref)
    }

    /// Whether there is a row at `key`.
    pub fn contains(&self, key: &str) -> bool {
        self.rows.contains_key(key)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows in key order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &V)> {
        self.order.iter().filter_map(|key| self.row(key))
    }

    /// The rows whose keys start with `prefix`, in key order.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a V)> {
        self.order
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |key| key.starts_with(prefix))
            .filter_map(|key| self.row(key))
    }

    /// The rows that the index holds under `index`, in key order.
    pub fn indexed_by<'a>(
        &'a self,
        index: &str,
    ) -> impl DoubleEndedIterator<Item = (&'a str, &'a V)> + use<'a, V> {
        let keys = self.index.get(index).into_iter().flatten();
        keys.filter_map(|key| self.row(key))
    }

    fn row<'a>(&'a self, key: &'a str) -> Option<(&'a str, &'a V)> {
        self.get(key).map(|row| (key, row))
    }

    /// Puts `row` at `key`, in place of what stands there.
    pub fn insert(&mut self, key: &str, row: V) {
        let new = Arc::new(row);
        self.set(key, Some(new));
    }

    /// Changes the row at `key`; `None` when there is none.
    pub fn update<R>(&mut self, key: &str, change: impl FnOnce(&mut V) -> R) -> Option<R> {
        let row = self.rows.get_mut(key)?;
        let index_before = self.index_of.keys(row);
        if !self.before.contains_key(key) {
            self.before.insert(key.into(), Some(Arc::clone(row)));
        }
        let result = change(Arc::make_mut(row));
        let index_after = self.index_of.keys(row);
        if index_before != index_after {
            self.unindex(key, index_before);
            self.reindex(key, index_after);
        }
        Some(result)
    }

    /// Removes the row at `key`.
    pub fn remove(&mut self, key: &str) {
        if self.rows.contains_key(key) {
            self.set(key, None);
        }
    }

    /// The rows that changed since the last commit, ready to be stored.
    pub fn changes(&self) -> impl Iterator<Item = Change> {
        self.before.keys().map(|key| Change {
            table: self.name,
            key: key.to_string(),
            row: self.rows.get(key).map(|row| serde_json::to_vec(row.as_ref()).unwrap_or_default()),
        })
    }

    /// Whether anything changed since the last commit.
    pub fn is_changed(&self) -> bool {
        !self.before.is_empty()
    }

    /// What changed is durable now.
    pub fn commit(&mut self) {
        self.before.clear();
    }

    /// Takes back all that changed since the last commit.
    pub fn roll_back(&mut self) {
        for (key, row) in std::mem::take(&mut self.before) {
            self.set(&key, row);
        }
        self.before.clear();
    }

    /// Puts a stored row back without counting it as a change.
    pub fn load(&mut self, key: &str, row: &[u8]) -> Result<(), LoadError> {
        let row = serde_json::from_slice(row).map_err(|source| LoadError::Row {
            table: self.name.to_owned(),
            key: key.to_owned(),
            source,
        })?;
        self.set(key, Some(Arc::new(row)));
        self.before.remove(key);
        Ok(())
    }

    fn set(&mut self, key: &str, row: Option<Arc<V>>) {
        let index_after = row.as_deref().map(|row| self.index_of.keys(row)).unwrap_or_default();
        let key: Arc<str> = key.into();
        let old = match row {
            Some(row) => {
                self.order.insert(Arc::clone(&key));
                self.rows.insert(Arc::clone(&key), row)
            }
            None => {
                self.order.remove(&key);
                self.rows.remove(&key)
            }
        };
        let index_before = old.as_deref().map(|row| self.index_of.keys(row)).unwrap_or_default();
        self.before.entry(Arc::clone(&key)).or_insert(old);
        self.unindex(&key, index_before);
        self.reindex(&key, index_after);
    }

    fn unindex(&mut self, key: &str, index: Vec<String>) {
        for index in index {
            if let Some(keys) = self.index.get_mut(&index) {
                keys.remove(key);
                if keys.is_empty() {
                    self.index.remove(&index);
                }
            }
        }
    }

    fn reindex(&mut self, key: &str, index: Vec<String>) {
        for index in index {
            self.index.entry(index).or_default().insert(key.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn table() -> Table<u32> {
        Table::indexed("numbers", |n| Some((n % 3).to_string()))
    }

    /// Some rows have no key, some have two, and some change one of theirs only.
    fn table_with_many_keys() -> Table<u32> {
        Table::indexed_by_many("numbers", |n| divisors(*n))
    }

    fn divisors(n: u32) -> Vec<String> {
        [2, 3, 5]
            .into_iter()
            .filter(|divisor| n.is_multiple_of(*divisor))
            .map(|divisor| divisor.to_string())
            .collect()
    }

    fn rows(table: &Table<u32>) -> Vec<(String, u32)> {
        table.iter().map(|(key, row)| (key.to_owned(), *row)).collect()
    }

    fn step() -> impl Strategy<Value = (u8, u8, u32)> {
        (0..3_u8, 0..8_u8, 0..100_u32)
    }

    fn apply(table: &mut Table<u32>, (action, key, value): (u8, u8, u32)) {
        let key = format!("k{key}");
        match action {
            0 => table.insert(&key, value),
            1 => {
                table.update(&key, |row| *row = value);
            }
            _ => table.remove(&key),
        }
    }

    proptest! {
        #[test]
        fn rolling_back_restores_rows_and_index(first: Vec<u8>, steps in prop::collection::vec(step(), 0..40)) {
            let mut changed = table();
            for key in &first {
                changed.insert(&format!("k{}", key % 8), u32::from(*key));
            }
            changed.commit();
            let before = rows(&changed);
            for step in steps {
                apply(&mut changed, step);
            }
            changed.roll_back();
            prop_assert_eq!(rows(&changed), before);
            prop_assert!(!changed.is_changed());
            for residue in ["0", "1", "2"] {
                let expected: Vec<u32> =
                    changed.iter().map(|(_, n)| *n).filter(|n| (n % 3).to_string() == residue).collect();
                let indexed: Vec<u32> = changed.indexed_by(residue).map(|(_, n)| *n).collect();
                prop_assert_eq!(indexed, expected);
            }
        }

        #[test]
        fn a_row_is_found_by_each_of_its_keys(steps in prop::collection::vec(step(), 0..40), cut in 0..40_usize) {
            let mut table = table_with_many_keys();
            for (at, step) in steps.into_iter().enumerate() {
                if at == cut {
                    table.commit();
                }
                apply(&mut table, step);
            }
            for rolled_back in [false, true] {
                if rolled_back {
                    table.roll_back();
                }
                for divisor in ["2", "3", "5"] {
                    let has_key = |n: &u32| divisors(*n).iter().any(|key| key == divisor);
                    let expected: Vec<u32> = table.iter().map(|(_, n)| *n).filter(has_key).collect();
                    let indexed: Vec<u32> = table.indexed_by(divisor).map(|(_, n)| *n).collect();
                    prop_assert_eq!(indexed, expected);
                }
            }
        }

        #[test]
        fn stored_changes_load_to_the_same_rows(steps in prop::collection::vec(step(), 0..40), cut in 0..40_usize) {
            let (mut live, mut stored) = (table(), BTreeMap::new());
            for (at, step) in steps.into_iter().enumerate() {
                apply(&mut live, step);
                if at % (cut + 1) == 0 {
                    store(&mut live, &mut stored);
                }
            }
            store(&mut live, &mut stored);
            let mut loaded = table();
            for (key, row) in &stored {
                loaded.load(key, row).unwrap();
            }
            prop_assert_eq!(rows(&loaded), rows(&live));
            prop_assert!(!loaded.is_changed());
        }
    }

    fn store(live: &mut Table<u32>, stored: &mut BTreeMap<String, Vec<u8>>) {
        for change in live.changes() {
            match change.row {
                Some(row) => stored.insert(change.key, row),
                None => stored.remove(&change.key),
            };
        }
        live.commit();
    }
}
