//! Metric math: expressions over metrics, and the queries that bind them together.
//!
//! `parse` reads an expression, `evaluate` computes one, `queries` is a list of metrics and expressions that name each
//! other, as `GetMetricData` and alarms have it. Start at `queries`.

mod evaluate;
mod functions;
mod parse;
mod queries;

pub(super) use queries::{Answer, Queries, Returned};

/// Values by the beginning of their period, in seconds since the epoch.
type Series = std::collections::BTreeMap<i64, f64>;

/// Several series, each with its label.
type Labelled = Vec<(String, Series)>;
