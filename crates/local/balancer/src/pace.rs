//! How long things may really take when the clock runs fast.
//!
//! A network, a processor and the program behind a target do not run faster with the clock. Start at
//! [`real_at_least`].

use std::time::Duration;

use tidegate_clock::Clock;

/// The real length of `virtual_length`, but not cut below `floor`, unless it was shorter than that to begin with.
pub(crate) fn real_at_least(clock: &Clock, virtual_length: Duration, floor: Duration) -> Duration {
    clock.real(virtual_length).max(floor.min(virtual_length))
}

#[cfg(test)]
mod tests {
    use tidegate_clock::{Speed, Timestamp};

    use super::*;

    #[tokio::test]
    async fn a_fast_clock_cuts_no_time_below_its_floor() {
        let clock = Clock::starting_at(Timestamp::default(), Speed::new(60.0).unwrap());
        let floor = Duration::from_millis(250);
        assert_eq!(real_at_least(&clock, Duration::from_secs(5), floor), floor);
        assert_eq!(real_at_least(&clock, Duration::from_mins(1), floor), Duration::from_secs(1));
        assert_eq!(real_at_least(&clock, Duration::from_millis(100), floor), Duration::from_millis(100));
    }
}
