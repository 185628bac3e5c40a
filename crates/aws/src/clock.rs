//! The endpoint's clock, as its replies tell it: each one is dated. A laptop's own clock may be wrong, and a local
//! cloud's runs faster; what AWS stamps is on its clock, deadlines and waits are on this machine's. Start with
//! [`Clock`].

use crate::sink::now;
use aws_smithy_types::date_time::{DateTime, Format};
use std::sync::{Arc, Mutex, PoisonError};
use tidegate_rollout::{Millis, pace};

/// One moment on both clocks, and how fast the endpoint's runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    here: Millis,
    there: Millis,
    tick: Millis,
}

impl Clock {
    /// It was `there` on the endpoint's clock when it was `here` on this machine; `tick` is the watch's tick, which
    /// is shorter by as much as a local cloud's clock runs faster.
    pub fn anchored(here: Millis, there: Millis, tick: Millis) -> Self {
        Self { here, there, tick: tick.max(1) }
    }

    /// A moment of this machine on the endpoint's clock.
    pub fn aws(self, at: Millis) -> Millis {
        self.there + (at - self.here).saturating_mul(pace::TICK) / self.tick
    }

    /// A moment of the endpoint's clock on this machine's.
    pub fn here(self, at: Millis) -> Millis {
        self.here + (at - self.there).saturating_mul(self.tick) / pace::TICK
    }
}

/// What the newest reply says of the time. Shared by a client and its clones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dated(Arc<Mutex<Option<(Millis, Millis)>>>);

impl Dated {
    /// A reply has just come that is dated so. One that cannot be read is passed over.
    pub(crate) fn hear(&self, date: &str) {
        let there = DateTime::from_str(date, Format::HttpDate).ok().and_then(|date| date.to_millis().ok());
        if let Some(there) = there {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now(), there));
        }
    }

    /// The endpoint's clock where ticks are that long; this machine's own while no reply has told another.
    pub(crate) fn clock(&self, tick: Millis) -> Clock {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (here, there) = known.unwrap_or_else(|| (now(), now()));
        Clock::anchored(here, there, tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_behind_or_runs_faster_is_followed_from_a_moment_of_its_own() {
        assert_eq!(Clock::anchored(1_000, 900, pace::TICK).aws(2_000), 1_900);
        assert_eq!(Clock::anchored(1_000, 900, pace::TICK / 20).aws(2_000), 20_900);
        assert_eq!(Clock::anchored(1_000, 900, pace::TICK / 20).here(20_900), 2_000);
    }

    #[test]
    fn the_newest_reply_tells_the_time_and_one_without_a_date_changes_nothing() {
        let dated = Dated::default();
        let here = now();
        assert!((dated.clock(pace::TICK).aws(here) - here).abs() < 1_000, "nothing is known yet");
        dated.hear("Tue, 14 Jul 2026 09:26:53 GMT");
        dated.hear("yesterday");
        let there = dated.clock(pace::TICK).aws(now());
        assert!((1_784_021_213_000..1_784_021_214_000).contains(&there), "{there}");
    }
}
