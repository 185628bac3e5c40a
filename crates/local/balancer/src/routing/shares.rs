//! Turns in proportion to weights, without a lock.
//!
//! It is deterministic: in every run of as many turns as the reduced weights sum up to, each index comes exactly as
//! often as its weight says, well spread. It must never give a turn to a weight of zero. Start at [`Shares::turn`].

use std::sync::atomic::{AtomicUsize, Ordering};

/// Weights, reduced by their greatest common divisor, and a count of the turns so far.
#[derive(Debug)]
pub(crate) struct Shares {
    /// Running sums of the reduced weights.
    bounds: Box<[u32]>,
    /// Coprime with the total, near the total's golden section: steps of this length visit every slot once in a round
    /// and put consecutive turns far apart, so that 90/10 is never ninety and then ten.
    stride: u32,
    turns: AtomicUsize,
}

impl Shares {
    pub(crate) fn new(weights: impl IntoIterator<Item = u16>) -> Self {
        let weights: Vec<u32> = weights.into_iter().map(u32::from).collect();
        let divisor = weights.iter().copied().fold(0, greatest_common_divisor).max(1);
        let bounds: Box<[u32]> = weights
            .iter()
            .scan(0, |sum, weight| {
                *sum += weight / divisor;
                Some(*sum)
            })
            .collect();
        let total = bounds.last().copied().unwrap_or(0);
        Self { bounds, stride: coprime_near_golden_section(total), turns: AtomicUsize::new(0) }
    }

    /// The index whose turn it is; `None` when all weights are zero.
    pub(crate) fn turn(&self) -> Option<usize> {
        let total = *self.bounds.last()?;
        if total == 0 {
            return None;
        }
        if let [_] = &*self.bounds {
            return Some(0);
        }
        let turn = self.turns.fetch_add(1, Ordering::Relaxed) as u64;
        let slot = (turn % u64::from(total) * u64::from(self.stride) % u64::from(total)) as u32;
        self.bounds.iter().position(|&bound| slot < bound)
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

fn coprime_near_golden_section(total: u32) -> u32 {
    let golden = (f64::from(total) * 0.618_034).round().max(1.0) as u32;
    (golden..golden + total.max(1)).find(|&stride| greatest_common_divisor(stride, total) == 1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_round_gives_each_exactly_its_weight(
            weights in proptest::collection::vec(0u16..=999, 1..=5),
            skipped in 0usize..2000,
        ) {
            let shares = Shares::new(weights.iter().copied());
            let total: usize = weights.iter().map(|&weight| usize::from(weight)).sum();
            for _ in 0..skipped {
                shares.turn();
            }
            let mut counts = vec![0; weights.len()];
            for _ in 0..total {
                counts[shares.turn().unwrap()] += 1;
            }
            prop_assert_eq!(counts, weights.iter().map(|&weight| usize::from(weight)).collect::<Vec<_>>());
        }

        #[test]
        fn any_hundred_turns_are_near_their_share(heavy in 1u16..=99, skipped in 0usize..1000) {
            let shares = Shares::new([heavy, 100 - heavy]);
            for _ in 0..skipped {
                shares.turn();
            }
            let first = (0..100).filter(|_| shares.turn() == Some(0)).count();
            prop_assert_eq!(first, usize::from(heavy));
        }
    }

    #[test]
    fn turns_are_spread_and_not_in_runs() {
        let shares = Shares::new([90, 10]);
        let turns: Vec<_> = (0..40).map(|_| shares.turn().unwrap()).collect();
        let longest = turns.chunk_by(|a, b| a == b).map(<[_]>::len).max();
        assert_eq!(longest, Some(9), "{turns:?}");
    }

    #[test]
    fn all_weights_zero_gives_nobody_a_turn() {
        assert_eq!(Shares::new([0, 0]).turn(), None);
        assert_eq!(Shares::new([]).turn(), None);
        assert_eq!(Shares::new([0]).turn(), None);
    }
}
