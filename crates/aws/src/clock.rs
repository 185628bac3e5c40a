//! The clock of the endpoint: Amazon's is the wall's, a local cloud's may run faster. Deadlines, bakes and the times
//! of questions about metrics are on it, and it is the only place that reads a clock. Start with [`EndpointClock`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidegate_rollout::{Millis, pace};
use tokio::time::Instant;

/// A clock that was right at one moment and runs at its own speed since. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct EndpointClock {
    base: Millis,
    since: Instant,
    speed: f64,
}

impl EndpointClock {
    /// Amazon's: the wall's.
    pub fn wall() -> Self {
        let base = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX));
        Self::running(base, 1.0)
    }

    /// One that shows `now` (milliseconds since the Unix epoch) and runs `speed` times as fast as the wall's.
    pub fn running(now: Millis, speed: f64) -> Self {
        Self { base: now, since: Instant::now(), speed: speed.max(f64::MIN_POSITIVE) }
    }

    /// The moment, in milliseconds since the Unix epoch.
    pub fn now(&self) -> Millis {
        self.base + (self.since.elapsed().as_secs_f64() * 1000.0 * self.speed) as Millis
    }

    /// Waits for `time` milliseconds of this clock; not at all if that is not positive.
    pub async fn sleep(&self, time: Millis) {
        tokio::time::sleep(self.real(time)).await;
    }

    /// How long `time` milliseconds of this clock are in real time.
    pub fn real(&self, time: Millis) -> Duration {
        Duration::try_from_secs_f64(time.max(0) as f64 / 1000.0 / self.speed).unwrap_or(Duration::MAX)
    }
}

impl Default for EndpointClock {
    fn default() -> Self {
        Self::wall()
    }
}

/// The endpoint's clock where only its stamps tell of it: a laptop's own clock may be wrong, and nobody says how
/// fast a local cloud in another process runs but the watch's tick.
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

    #[tokio::test(start_paused = true)]
    async fn a_fast_clock_shows_more_time_than_passed_and_sleeps_less() {
        let clock = EndpointClock::running(1_000, 60.0);
        clock.sleep(60_000).await;
        assert_eq!(clock.now(), 61_000);
        assert_eq!(clock.real(60_000), Duration::from_secs(1));
        assert_eq!(clock.real(-5), Duration::ZERO);
    }

    #[test]
    fn a_clock_that_is_behind_or_runs_faster_is_followed_from_a_stamp_of_its_own() {
        assert_eq!(Clock::same().aws(1_234), 1_234);
        assert_eq!(Clock::anchored(1_000, 900, pace::TICK).aws(2_000), 1_900);
        assert_eq!(Clock::anchored(1_000, 900, pace::TICK / 20).aws(2_000), 20_900);
    }
}
