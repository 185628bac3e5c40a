//! What was measured: data points by metric, and the statistics of them.
//!
//! `store` keeps them and says which rows are durable, `bucket` is what happened in one stretch of time, `statistic` is
//! what can be asked of it. Nothing here knows alarms or expressions.

mod bucket;
mod name;
mod statistic;
mod store;

pub use bucket::Bucket;
pub use name::MetricName;
pub(super) use statistic::Statistic;
pub(super) use store::Periods;
pub(crate) use store::{Durability, Metrics, Put, Resolution, reconcile};
