//! The data points of all metrics, and which of them are durable.
//!
//! A metric's points are kept by the minute and the second; those older than three hours by the minute only, none for
//! longer than fifteen days, and the oldest of all are dropped when there are too many. What was put through the API is
//! stored with the call; what the cloud measures itself is stored once its minute is over (`docs/decisions/0005`). Like a
//! table it knows what changed since the last commit, and takes it back. Start at [`Metrics`].

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tidegate_models::{Timestamp, cloudwatch::StandardUnit};

use super::{Bucket, MetricName};
use crate::{Change, LoadError, Scope, State};

/// The rows' table in the store.
const TABLE: &str = "metric_minutes";

/// For how many minutes points are kept by the second.
const MINUTES_BY_SECOND: i64 = 3 * 60;

/// For how many minutes points are kept at all.
const MINUTES: i64 = 15 * 24 * 60;

/// How much is kept of all metrics together, in pairs of numbers: about 64 MiB.
const MOST_CELLS: usize = 4 << 20;

/// How long after the end of a minute it is stored: what comes in the last moment is in it.
const CLOSING: Duration = Duration::from_secs(1);

/// Data to put.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Put {
    pub metric: MetricName,
    pub unit: StandardUnit,
    /// The moment that they are of.
    pub at: Timestamp,
    pub resolution: Resolution,
    pub samples: Bucket,
}

/// To what points of a metric are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    Second,
    Minute,
}

/// When data become durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// With the commit that follows.
    AtOnce,
    /// Once their minute is over.
    ByTheMinute,
}

/// A minute of a metric. Time first: what is oldest comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct MinuteId {
    minute: i64,
    metric: MetricName,
    unit: StandardUnit,
}

/// The points of a minute, by second, in order.
type Minute = Vec<(u8, Bucket)>;

/// A minute as it is stored.
#[derive(Serialize, Deserialize)]
struct Row {
    metric: MetricName,
    unit: StandardUnit,
    minute: i64,
    points: Minute,
}

/// All data points.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    series: BTreeMap<MetricName, BTreeMap<StandardUnit, BTreeMap<i64, Minute>>>,
    cells: usize,
    /// Before which minute points are by the minute only.
    coarse_before: i64,
    /// The minutes as they were at the last commit.
    before: HashMap<MinuteId, Option<Minute>>,
    /// Whose rows the next commit writes or removes.
    writing: BTreeSet<MinuteId>,
    /// Which are to be written once they are over.
    open: BTreeSet<MinuteId>,
}

/// A stretch of time, cut into periods. In seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Periods {
    pub from: i64,
    pub to: i64,
    pub period: i64,
    /// Where some period begins.
    pub origin: i64,
}

impl Periods {
    /// The beginning of the period that `second` is in.
    pub(in super::super) fn begin_of(&self, second: i64) -> i64 {
        (second - self.origin).div_euclid(self.period) * self.period + self.origin
    }

    /// The beginnings of all periods.
    pub(in super::super) fn begins(&self) -> impl Iterator<Item = i64> + use<> {
        let Self { to, period, .. } = *self;
        (0..).map_while({
            let first = self.begin_of(self.from);
            move |at: i64| Some(first + at * period).filter(|begin| *begin < to)
        })
    }
}

impl Metrics {
    /// Takes data in.
    pub(crate) fn put(&mut self, put: &Put, durability: Durability) {
        let second = put.at.as_millis().div_euclid(1_000);
        let id = MinuteId { minute: second.div_euclid(60), metric: put.metric.clone(), unit: put.unit };
        let within = match put.resolution {
            Resolution::Second if id.minute >= self.coarse_before => second.rem_euclid(60) as u8,
            _ => 0,
        };
        self.change(&id, |minute| match minute.binary_search_by_key(&within, |(second, _)| *second) {
            Ok(at) => minute[at].1.merge(&put.samples),
            Err(at) => minute.insert(at, (within, put.samples.clone())),
        });
        match durability {
            Durability::AtOnce => self.writing.insert(id),
            Durability::ByTheMinute => self.open.insert(id),
        };
    }

    /// What was measured of a metric in each period in which something was.
    pub(in super::super) fn read(
        &self,
        metric: &MetricName,
        unit: Option<StandardUnit>,
        periods: Periods,
    ) -> BTreeMap<i64, Bucket> {
        let mut found: BTreeMap<i64, Bucket> = BTreeMap::new();
        let (from, to) = (periods.begin_of(periods.from), periods.to);
        let units = self.series.get(metric).into_iter().flatten();
        for (_, minutes) in units.filter(|(has, _)| unit.is_none_or(|wanted| wanted == **has)) {
            if from >= to {
                break;
            }
            for (minute, points) in minutes.range(from.div_euclid(60)..=to.div_euclid(60)) {
                for (within, samples) in points {
                    let second = minute * 60 + i64::from(*within);
                    if (from..to).contains(&second) {
                        found.entry(periods.begin_of(second)).or_default().merge(samples);
                    }
                }
            }
        }
        found
    }

    /// The units in which a metric has data.
    pub(in super::super) fn units(&self, metric: &MetricName) -> impl Iterator<Item = StandardUnit> {
        self.series.get(metric).into_iter().flatten().map(|(unit, _)| *unit)
    }

    /// The metrics of a scope that have data since then, in order.
    pub(in super::super) fn names(
        &self,
        scope: &Scope,
        since: Timestamp,
    ) -> impl Iterator<Item = &MetricName> {
        let minute = since.as_millis().div_euclid(60_000);
        let first = MetricName::new(scope, "", "", Vec::new());
        let own = self.series.range(first..).take_while(move |(name, _)| name.scope == *scope);
        own.filter(move |(_, units)| {
            units.values().any(|minutes| minutes.last_key_value().is_some_and(|(last, _)| *last >= minute))
        })
        .map(|(name, _)| name)
    }

    /// Has minutes that are over stored, and forgets what is too old. Answers when the next one is over.
    fn close(&mut self, now: Timestamp) -> Option<Timestamp> {
        let current = (now - CLOSING).as_millis().div_euclid(60_000);
        let over: Vec<MinuteId> = self.open.iter().take_while(|id| id.minute < current).cloned().collect();
        self.writing.extend(over);
        self.coarsen(current - MINUTES_BY_SECOND);
        self.forget(current - MINUTES);
        while self.cells > MOST_CELLS {
            let firsts = self.series.values().flat_map(BTreeMap::values);
            let Some(oldest) = firsts.filter_map(|minutes| minutes.keys().next()).min().copied() else {
                break;
            };
            self.forget(oldest + 60);
        }
        let next = self.open.iter().map(|id| id.minute).find(|minute| *minute >= current)?;
        Some(Timestamp::from_millis((next + 1) * 60_000) + CLOSING)
    }

    fn coarsen(&mut self, before: i64) {
        if before <= self.coarse_before {
            return;
        }
        let range = self.coarse_before..before;
        self.coarse_before = before;
        for minutes in self.series.values_mut().flat_map(BTreeMap::values_mut) {
            for (_, minute) in minutes.range_mut(range.clone()).filter(|(_, minute)| minute.len() > 1) {
                self.cells -= cells(minute);
                *minute = by_the_minute(minute);
                self.cells += cells(minute);
            }
        }
    }

    fn forget(&mut self, before: i64) {
        let mut old = Vec::new();
        for (metric, units) in &self.series {
            for (unit, minutes) in units {
                let ids = minutes.range(..before).map(|(minute, _)| *minute);
                old.extend(ids.map(|minute| MinuteId { minute, metric: metric.clone(), unit: *unit }));
            }
        }
        for id in old {
            self.change(&id, Vec::clear);
            self.writing.insert(id);
        }
    }

    /// Changes a minute, which is gone when it is left empty.
    fn change(&mut self, id: &MinuteId, change: impl FnOnce(&mut Minute)) {
        if !self.before.contains_key(id) {
            let old = self.get(id).cloned();
            self.before.insert(id.clone(), old);
        }
        let units = self.series.entry(id.metric.clone()).or_default();
        let minute = units.entry(id.unit).or_default().entry(id.minute).or_default();
        let old = cells(minute);
        change(minute);
        self.cells = self.cells + cells(minute) - old;
        if minute.is_empty() {
            self.set(id, None);
        }
    }

    fn set(&mut self, id: &MinuteId, minute: Option<Minute>) {
        let units = self.series.entry(id.metric.clone()).or_default();
        let minutes = units.entry(id.unit).or_default();
        let new = minute.as_ref().map_or(0, cells);
        let old = match minute {
            Some(minute) => minutes.insert(id.minute, minute),
            None => minutes.remove(&id.minute),
        };
        self.cells = self.cells + new - old.as_ref().map_or(0, cells);
        if minutes.is_empty() {
            units.remove(&id.unit);
        }
        if units.is_empty() {
            self.series.remove(&id.metric);
        }
    }

    fn get(&self, id: &MinuteId) -> Option<&Minute> {
        self.series.get(&id.metric)?.get(&id.unit)?.get(&id.minute)
    }

    /// The rows that the next commit is to store.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Change> {
        self.writing.iter().map(|id| {
            let row = self.get(id).map(|minute| {
                // What is measured every second is stored by the minute.
                let points = if self.open.contains(id) { by_the_minute(minute) } else { minute.clone() };
                let row = Row { metric: id.metric.clone(), unit: id.unit, minute: id.minute, points };
                serde_json::to_vec(&row).unwrap_or_default()
            });
            Change { table: TABLE, key: key(id), row }
        })
    }

    pub(crate) fn commit(&mut self) {
        self.before.clear();
        for id in std::mem::take(&mut self.writing) {
            self.open.remove(&id);
        }
    }

    pub(crate) fn roll_back(&mut self) {
        for (id, minute) in std::mem::take(&mut self.before) {
            self.set(&id, minute);
        }
        self.writing.clear();
    }

    /// Puts a stored row back; `None` when it is another table's.
    pub(crate) fn load(&mut self, table: &str, key: &str, row: &[u8]) -> Option<Result<(), LoadError>> {
        if table != TABLE {
            return None;
        }
        let loaded = serde_json::from_slice::<Row>(row).map_err(|source| LoadError::Row {
            table: TABLE.to_owned(),
            key: key.to_owned(),
            source,
        });
        Some(loaded.map(|row| {
            let id = MinuteId { minute: row.minute, metric: row.metric, unit: row.unit };
            self.set(&id, Some(row.points));
        }))
    }
}

/// Stores minutes that are over. Answers when the next one is.
pub(crate) fn reconcile(state: &mut State, now: Timestamp) -> Option<Timestamp> {
    state.metrics.close(now)
}

fn by_the_minute(minute: &Minute) -> Minute {
    let mut whole = Bucket::default();
    for (_, samples) in minute {
        whole.merge(samples);
    }
    vec![(0, whole)]
}

fn cells(minute: &Minute) -> usize {
    minute.iter().map(|(_, samples)| samples.cells()).sum()
}

fn key(id: &MinuteId) -> String {
    let MinuteId { minute, metric, unit } = id;
    let dimensions = metric.dimensions().iter().map(|(name, value)| format!("{name:?}={value:?}"));
    let dimensions = dimensions.collect::<Vec<_>>().join(",");
    let Scope { account, region } = &metric.scope;
    format!("{minute:010}/{region}/{account}/{:?}/{:?}/{unit}/{dimensions}", metric.namespace, metric.name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put(metric: u8, second: i64, value: f64) -> Put {
        let scope = Scope { account: "1".to_owned(), region: "r".to_owned() };
        Put {
            metric: MetricName::new(&scope, "App", &format!("m{metric}"), Vec::new()),
            unit: StandardUnit::Count,
            at: Timestamp::from_millis(second * 1_000),
            resolution: Resolution::Second,
            samples: Bucket::of([(value, 1.0)]),
        }
    }

    fn everything(metrics: &Metrics, period: i64) -> Vec<(String, i64, f64, f64)> {
        let periods = Periods { from: 0, to: 100_000_000, period, origin: 0 };
        let all = metrics.series.keys().flat_map(|name| {
            let found = metrics.read(name, None, periods).into_iter();
            found.map(|(at, samples)| (name.name.clone(), at, samples.count(), samples.sum()))
        });
        all.collect()
    }

    fn store(metrics: &mut Metrics, rows: &mut BTreeMap<String, Vec<u8>>) {
        for change in metrics.changes() {
            match change.row {
                Some(row) => rows.insert(change.key, row),
                None => rows.remove(&change.key),
            };
        }
        metrics.commit();
    }

    fn counted(metrics: &Metrics) -> usize {
        metrics.series.values().flat_map(BTreeMap::values).flat_map(BTreeMap::values).map(cells).sum()
    }

    proptest! {
        #[test]
        fn what_is_put_is_read_per_period_taken_back_and_loaded(
            first in prop::collection::vec((0..3_u8, 0..400_i64, 0..9_u8), 0..40),
            second in prop::collection::vec((0..3_u8, 0..400_i64, 0..9_u8), 0..40),
            lazily: bool,
        ) {
            let durability = if lazily { Durability::ByTheMinute } else { Durability::AtOnce };
            let (mut metrics, mut rows) = (Metrics::default(), BTreeMap::new());
            let mut expected: BTreeMap<(String, i64), (f64, f64)> = BTreeMap::new();
            for (metric, at, value) in first {
                metrics.put(&put(metric, at, f64::from(value)), durability);
                let entry = expected.entry((format!("m{metric}"), at / 60 * 60)).or_default();
                *entry = (entry.0 + 1.0, entry.1 + f64::from(value));
            }
            let expected: Vec<_> =
                expected.into_iter().map(|((name, at), (count, sum))| (name, at, count, sum)).collect();
            store(&mut metrics, &mut rows);
            prop_assert_eq!(&everything(&metrics, 60), &expected);
            for (metric, at, value) in second {
                metrics.put(&put(metric, at, f64::from(value)), durability);
            }
            metrics.roll_back();
            prop_assert_eq!(&everything(&metrics, 60), &expected);
            prop_assert_eq!(metrics.cells, counted(&metrics));

            metrics.close(Timestamp::from_millis(1_000_000));
            store(&mut metrics, &mut rows);
            let mut loaded = Metrics::default();
            for (key, row) in &rows {
                loaded.load(TABLE, key, row).unwrap().unwrap();
            }
            prop_assert_eq!(&everything(&loaded, 60), &expected);
            prop_assert!(lazily || everything(&loaded, 1) == everything(&metrics, 1));
        }
    }

    #[test]
    fn a_minute_that_is_measured_every_second_is_stored_once() {
        let mut metrics = Metrics::default();
        let mut written = 0;
        for second in 0..130 {
            metrics.put(&put(0, second, 1.0), Durability::ByTheMinute);
            metrics.close(Timestamp::from_millis(second * 1_000));
            written += metrics.changes().count();
            metrics.commit();
        }
        assert_eq!(written, 2, "the two minutes that are over");
    }

    #[test]
    fn what_is_old_is_by_the_minute_and_what_is_too_old_is_gone() {
        let (mut metrics, mut rows) = (Metrics::default(), BTreeMap::new());
        metrics.put(&put(0, 0, 1.0), Durability::AtOnce);
        metrics.put(&put(0, 7, 1.0), Durability::AtOnce);
        store(&mut metrics, &mut rows);
        assert_eq!(everything(&metrics, 1).len(), 2);
        metrics.close(Timestamp::from_millis(4 * 3_600_000));
        assert_eq!(everything(&metrics, 1), [("m0".to_owned(), 0, 2.0, 2.0)]);
        metrics.close(Timestamp::from_millis(16 * 86_400_000));
        store(&mut metrics, &mut rows);
        assert!(rows.is_empty() && metrics.series.is_empty() && metrics.cells == 0);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_go_first() {
        let mut metrics = Metrics::default();
        let values = |n: i64| Bucket::of((0..200).map(|at| (f64::from(at) + n as f64, 1.0)));
        for minute in 0..21_000 {
            let samples = values(minute);
            metrics.put(&Put { samples, ..put(0, minute * 60, 0.0) }, Durability::AtOnce);
            if minute % 60 == 0 {
                metrics.close(Timestamp::from_millis(minute * 60_000));
                metrics.commit();
            }
        }
        metrics.close(Timestamp::from_millis(21_000 * 60_000));
        assert!(metrics.cells <= MOST_CELLS && metrics.cells > MOST_CELLS / 2, "{}", metrics.cells);
        assert_eq!(everything(&metrics, 60).last().unwrap().1, 20_999 * 60);
    }
}
