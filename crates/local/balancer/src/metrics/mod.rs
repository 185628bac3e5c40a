//! What was counted: monotonic since the start, one shard for each worker, summed only when someone asks.
//!
//! A request touches relaxed counters of its own worker's cache lines and no lock. Names are CloudWatch's, without the
//! `_Count` that some end in. Start at [`MetricsSnapshot`].

mod counters;
mod histogram;
mod snapshot;

pub(crate) use counters::{
    ElbCode, ForwardCounters, LoadBalancerCounters, Sharded, TargetCounters, WorkerId,
};
pub use histogram::ResponseTimes;
pub use snapshot::{
    LoadBalancerMetrics, MetricsSnapshot, TargetCodes, TargetGroupHosts, TargetGroupMetrics, TargetMetrics,
};
