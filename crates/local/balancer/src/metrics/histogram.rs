//! Response times in buckets of a fixed relative width.
//!
//! Each power of two is cut into 32 buckets, so a quantile is off by at most about 3 %. Recording is three relaxed
//! additions and must stay that. Start at [`ResponseTimes`].

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

const SUB_BITS: u32 = 5;
const SUB_BUCKETS: usize = 1 << SUB_BITS;
/// Up to 2³² µs, a little over an hour: longer than any idle timeout.
const BUCKETS: usize = (32 - SUB_BITS as usize + 1) * SUB_BUCKETS;

/// The buckets of one worker.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Box<[AtomicU64]>,
    sum_micros: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), sum_micros: AtomicU64::new(0) }
    }
}

impl Histogram {
    pub(crate) fn record(&self, took: Duration) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.buckets[bucket_of(micros)].fetch_add(1, Relaxed);
        self.sum_micros.fetch_add(u64::from(micros), Relaxed);
    }
}

fn bucket_of(micros: u32) -> usize {
    let magnitude = (u32::BITS - micros.leading_zeros()).saturating_sub(SUB_BITS + 1);
    (magnitude as usize) * SUB_BUCKETS + (micros >> magnitude) as usize
}

/// The largest number of microseconds that falls into a bucket.
fn upper_bound(bucket: usize) -> u64 {
    let magnitude = (bucket / SUB_BUCKETS).saturating_sub(1);
    let within = (bucket - magnitude * SUB_BUCKETS) as u64;
    ((within + 1) << magnitude) - 1
}

/// `TargetResponseTime`: from the request leaving the balancer to the start of the response.
///
/// Two of them taken one after the other can be subtracted, which gives the times between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseTimes {
    buckets: Vec<u64>,
    sum_micros: u64,
}

impl ResponseTimes {
    pub(crate) fn of<'a>(histograms: impl IntoIterator<Item = &'a Histogram>) -> Self {
        let mut total = Self { buckets: vec![0; BUCKETS], sum_micros: 0 };
        for histogram in histograms {
            for (sum, bucket) in total.buckets.iter_mut().zip(&histogram.buckets) {
                *sum += bucket.load(Relaxed);
            }
            total.sum_micros += histogram.sum_micros.load(Relaxed);
        }
        total
    }

    /// How many responses were timed.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Their times together.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_micros)
    }

    /// Times, to about 3 %, with how many responses took each; shortest first.
    pub fn times(&self) -> impl Iterator<Item = (Duration, u64)> {
        let seen = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        seen.map(|(bucket, count)| (Duration::from_micros(upper_bound(bucket)), *count))
    }

    /// The time that a share of `quantile` (0–1) of the responses did not exceed, to about 3 %; `None` when nothing was
    /// timed. 0 is the shortest time, 1 the longest.
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let count = self.count();
        let rank = ((quantile.clamp(0.0, 1.0) * count as f64).ceil() as u64).max(1);
        let mut seen = 0;
        self.buckets.iter().enumerate().find_map(|(bucket, &here)| {
            seen += here;
            (here > 0 && seen >= rank).then(|| Duration::from_micros(upper_bound(bucket)))
        })
    }

    /// What was recorded since `earlier` was taken.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = earlier.buckets.iter().copied().chain(std::iter::repeat(0));
        Self {
            buckets: self
                .buckets
                .iter()
                .zip(before)
                .map(|(now, before)| now.saturating_sub(before))
                .collect(),
            sum_micros: self.sum_micros.saturating_sub(earlier.sum_micros),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bucket_is_never_more_than_about_three_percent_wide(micros in any::<u32>()) {
            let bucket = bucket_of(micros);
            prop_assert!(bucket < BUCKETS);
            let upper = upper_bound(bucket);
            prop_assert!(upper >= u64::from(micros));
            prop_assert!(upper as f64 <= f64::from(micros) * 1.032 + 1.0, "{upper} for {micros}");
        }

        #[test]
        fn buckets_follow_the_order_of_the_times(a in any::<u32>(), b in any::<u32>()) {
            prop_assert_eq!(bucket_of(a.min(b)) <= bucket_of(a.max(b)), true);
        }
    }

    #[test]
    fn quantiles_count_what_was_recorded_since() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_secs(5));
        let earlier = ResponseTimes::of([&histogram]);
        for millis in 1..=100 {
            histogram.record(Duration::from_millis(millis));
        }
        let times = ResponseTimes::of([&histogram]).since(&earlier);
        assert_eq!(times.count(), 100);
        assert_eq!(times.sum(), Duration::from_millis(5050));
        let p99 = times.quantile(0.99).unwrap();
        assert!((99.0..103.0).contains(&(p99.as_secs_f64() * 1000.0)), "{p99:?}");
        assert_eq!(earlier.since(&earlier).quantile(0.5), None);
        assert_eq!(times.times().map(|(_, count)| count).sum::<u64>(), 100);
        assert_eq!(times.times().last().map(|(time, _)| time), times.quantile(1.0));
    }
}
