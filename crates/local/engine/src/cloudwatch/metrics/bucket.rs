//! What was measured in one stretch of time: how often which value.
//!
//! Values are kept, so that percentiles can be asked for; when there are too many different ones, those that are near each
//! other become one. Start at [`Bucket`].

use serde::{Deserialize, Serialize};

/// How many different values are kept before near ones are joined.
const MOST_VALUES: usize = 256;

/// The width to which they are joined first: 1 %.
const FIRST_WIDTH: f64 = 1.01;

/// Samples of one stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    count: f64,
    sum: f64,
    min: f64,
    max: f64,
    /// Values in order, with how often each was seen.
    values: Vec<(f64, f64)>,
    /// How many samples came without their values, in a statistic set.
    unknown: f64,
}

impl Bucket {
    /// Values, each with how often it was seen. All must be finite.
    pub fn of(values: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut bucket = Self::default();
        for (value, count) in values {
            if count > 0.0 {
                bucket.extend(count, value * count, value, value);
                bucket.see(value, count);
            }
        }
        bucket.coarsen();
        bucket
    }

    /// Samples of which only these four numbers are known.
    pub(crate) fn of_statistics(count: f64, sum: f64, min: f64, max: f64) -> Self {
        // A set in which all samples are the same hides nothing.
        if min.total_cmp(&max).is_eq() || count.total_cmp(&1.0).is_eq() {
            return Self { count, sum, min, max, values: vec![(sum / count, count)], unknown: 0.0 };
        }
        Self { count, sum, min, max, values: Vec::new(), unknown: count }
    }

    /// The samples' sum, where it is known better than by the values.
    #[must_use]
    pub fn with_sum(mut self, sum: f64) -> Self {
        self.sum = sum;
        self
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.count <= 0.0
    }

    /// How many samples there are.
    pub(crate) fn count(&self) -> f64 {
        self.count
    }

    pub(crate) fn sum(&self) -> f64 {
        self.sum
    }

    pub(crate) fn min(&self) -> f64 {
        self.min
    }

    pub(crate) fn max(&self) -> f64 {
        self.max
    }

    /// Values in order with how often each was seen; `None` when not all are known.
    pub(crate) fn values(&self) -> Option<&[(f64, f64)]> {
        (self.unknown <= 0.0).then_some(&self.values)
    }

    /// How much memory it takes, in pairs of numbers.
    pub(crate) fn cells(&self) -> usize {
        4 + self.values.len()
    }

    /// Takes in the samples of another one.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        self.extend(other.count, other.sum, other.min, other.max);
        self.unknown += other.unknown;
        for (value, count) in &other.values {
            self.see(*value, *count);
        }
        self.coarsen();
    }

    fn extend(&mut self, count: f64, sum: f64, min: f64, max: f64) {
        let was_empty = self.is_empty();
        self.min = if was_empty { min } else { self.min.min(min) };
        self.max = if was_empty { max } else { self.max.max(max) };
        self.count += count;
        self.sum += sum;
    }

    fn see(&mut self, value: f64, count: f64) {
        match self.values.binary_search_by(|(known, _)| known.total_cmp(&value)) {
            Ok(at) => self.values[at].1 += count,
            Err(at) => self.values.insert(at, (value, count)),
        }
    }

    /// Joins values that are near each other, until there are few enough.
    fn coarsen(&mut self) {
        let mut width = FIRST_WIDTH;
        while self.values.len() > MOST_VALUES {
            let mut joined: Vec<(f64, f64)> = Vec::with_capacity(MOST_VALUES);
            let mut start = f64::NAN;
            for (value, count) in self.values.drain(..) {
                match joined.last_mut() {
                    Some((last, seen)) if is_near(start, value, width) => {
                        *last = (*last * *seen + value * count) / (*seen + count);
                        *seen += count;
                    }
                    _ => {
                        start = value;
                        joined.push((value, count));
                    }
                }
            }
            self.values = joined;
            width *= width;
        }
    }
}

/// Whether two values, the lower one first, differ by no more than a factor.
fn is_near(low: f64, high: f64, width: f64) -> bool {
    let (small, large) = (low.abs().min(high.abs()), low.abs().max(high.abs()));
    low.signum().total_cmp(&high.signum()).is_eq() && large <= small * width
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn many_values_become_few_and_lose_neither_count_nor_sum(values in prop::collection::vec(-1e6..1e6_f64, 1..2_000)) {
            let mut merged = Bucket::default();
            for chunk in values.chunks(100) {
                merged.merge(&Bucket::of(chunk.iter().map(|value| (*value, 1.0))));
            }
            prop_assert!(merged.values().unwrap().len() <= MOST_VALUES);
            let seen: f64 = merged.values().unwrap().iter().map(|(_, count)| count).sum();
            prop_assert!((seen - values.len() as f64).abs() < 1e-6);
            prop_assert!((merged.sum() - values.iter().sum::<f64>()).abs() < 1e-3);
            prop_assert!(merged.values().unwrap().is_sorted_by(|one, other| one.0 <= other.0));
            let highest = values.iter().copied().fold(f64::MIN, f64::max);
            prop_assert!(merged.max().total_cmp(&highest).is_eq());
        }
    }
}
