//! What the cloud measures about what it runs, as metrics of AWS's own namespaces.
//!
//! It decides nothing: whoever measures gives the metric its AWS name. Start at [`observe`].

use tidegate_models::{Timestamp, cloudwatch::StandardUnit};

use super::metrics::{Bucket, Durability, MetricName, Put, Resolution};
use crate::{State, state::Subject};

/// Something measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Of which metric.
    pub metric: MetricName,
    /// In which unit.
    pub unit: StandardUnit,
    /// The values, with how often each was seen.
    pub samples: Bucket,
}

/// Takes in what was measured, as of now: so nothing comes late for an alarm, however fast time runs.
pub(crate) fn observe(state: &mut State, measured: &[Measured], now: Timestamp) {
    for Measured { metric, unit, samples } in measured {
        let put = Put {
            metric: metric.clone(),
            unit: *unit,
            at: now,
            resolution: Resolution::Second,
            samples: samples.clone(),
        };
        state.metrics.put(&put, Durability::ByTheMinute);
    }
    state.touch(Subject::Metrics);
}
