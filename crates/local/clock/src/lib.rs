//! The one clock of the local cloud: virtual time that may run faster than the wall's.
//!
//! Every part that waits or stamps asks a [`Clock`]; nothing else in the local cloud may read the system time or sleep
//! for a length that AWS would count in its own time. Start at [`Clock`]; [`Timestamp`] is the only point in time that
//! the pure crates know.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

pub use tidegate_models::Timestamp;
use tokio::time::Instant;

/// How many virtual seconds pass in one real second: more than zero, at most 10,000.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed(f64);

impl Speed {
    /// Virtual time runs with the wall's.
    pub const REAL: Self = Self(1.0);

    /// `None` unless `factor` is a number above 0 and at most 10,000.
    pub fn new(factor: f64) -> Option<Self> {
        (factor > 0.0 && factor <= 10_000.0).then_some(Self(factor))
    }

    /// Virtual seconds for each real second.
    pub fn factor(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×", self.0)
    }
}

/// The clock that every part of a local cloud shares. Cheap to clone.
///
/// It is built on Tokio's time, so a test with paused time drives it without waiting.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Origin>);

#[derive(Debug)]
struct Origin {
    started: Instant,
    epoch: Timestamp,
    speed: Speed,
}

impl Clock {
    /// A clock that starts at the system's time now and runs at `speed`. Must be called within a Tokio runtime.
    pub fn starting_now(speed: Speed) -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::starting_at(Timestamp::default() + since_epoch, speed)
    }

    /// A clock that starts at `epoch`: after a restart, at the later of the system's time and the last time stored, so
    /// that virtual time that ran ahead never jumps back.
    pub fn starting_at(epoch: Timestamp, speed: Speed) -> Self {
        Self(Arc::new(Origin { started: Instant::now(), epoch, speed }))
    }

    /// The virtual time now.
    pub fn now(&self) -> Timestamp {
        self.0.epoch + self.0.started.elapsed().mul_f64(self.0.speed.factor())
    }

    /// The speed at which it runs.
    pub fn speed(&self) -> Speed {
        self.0.speed
    }

    /// How long `virtual_length` takes on the wall.
    pub fn real(&self, virtual_length: Duration) -> Duration {
        virtual_length.div_f64(self.0.speed.factor())
    }

    /// Completes when `virtual_length` of virtual time has passed.
    pub async fn sleep(&self, virtual_length: Duration) {
        tokio::time::sleep(self.real(virtual_length)).await;
    }

    /// Completes at `deadline`; at once when that has passed.
    pub async fn sleep_until(&self, deadline: Timestamp) {
        self.sleep(deadline.since(self.now())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_minute_at_sixty_times_speed_takes_a_second() {
        let clock = Clock::starting_at(Timestamp::from_millis(0), Speed::new(60.0).unwrap());
        let wall = Instant::now();
        clock.sleep(Duration::from_mins(1)).await;
        assert!(wall.elapsed() < Duration::from_millis(1_010), "{:?}", wall.elapsed());
        assert!(clock.now() >= Timestamp::from_millis(60_000));
    }

    #[test]
    fn a_speed_of_zero_or_no_number_is_refused() {
        for factor in [0.0, -1.0, f64::NAN, 10_001.0, f64::INFINITY] {
            assert_eq!(Speed::new(factor), None);
        }
    }
}
