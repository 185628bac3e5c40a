//! What time it is where the metrics are stamped. A laptop's clock may be wrong and a local cloud's may
//! run faster, so a moment that AWS stamped is the anchor. It must never read a clock itself. Start with
//! [`Clock`].

use tidegate_rollout::{Millis, pace};

/// AWS's clock, as far as one of its stamps tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    here: Millis,
    there: Millis,
    tick: Millis,
}

impl Clock {
    /// The same time as here.
    pub fn same() -> Self {
        Self { here: 0, there: 0, tick: pace::TICK }
    }

    /// AWS stamped `there` when it was `here` on this machine; `tick` is the watch's tick, which is
    /// shorter by as much as a local cloud's clock runs faster.
    pub fn anchored(here: Millis, there: Millis, tick: Millis) -> Self {
        Self { here, there, tick: tick.max(1) }
    }

    /// A moment of this machine on AWS's clock.
    pub fn aws(self, at: Millis) -> Millis {
        self.there + (at - self.here).saturating_mul(pace::TICK) / self.tick
    }

    /// A moment of AWS's clock on this machine's.
    pub fn here(self, at: Millis) -> Millis {
        self.here + (at - self.there).saturating_mul(self.tick) / pace::TICK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_behind_or_runs_faster_is_followed_from_a_stamp_of_its_own() {
        assert_eq!(Clock::same().aws(1_234), 1_234);
        assert_eq!(Clock::anchored(1_000, 900, pace::TICK).aws(2_000), 1_900);
        assert_eq!(Clock::anchored(1_000, 900, pace::TICK / 20).aws(2_000), 20_900);
    }
}
