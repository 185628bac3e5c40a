//! How fast a deployment may start tasks again after some failed.
//!
//! AWS slows starts down, up to 15 minutes apart, when tasks never reach RUNNING, and publishes no steps. Here the first
//! three rounds are not slowed (a round is as many failures as tasks are desired), so that a circuit breaker with its
//! default threshold never waits; then 10 s, doubled each round. Tasks that ran and ended are not throttled, only paced:
//! AWS's own pace comes from its slow starts, a local process's would come from nowhere.

use std::time::Duration;

use tidegate_models::Timestamp;

use crate::ecs::records::StartThrottle;

const ROUNDS_AT_FULL_SPEED: u32 = 3;
const FIRST_GAP: Duration = Duration::from_secs(10);
const LONGEST_GAP: Duration = Duration::from_mins(15);

/// Between the end of a task that ran without ever being healthy and the next start.
const PACE: Duration = Duration::from_secs(2);

impl StartThrottle {
    /// A task ended that never reached RUNNING.
    pub(super) fn never_ran(&mut self, desired: u32, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        let gap = gap(self.failures, desired);
        if !gap.is_zero() {
            self.not_before = Some(now + gap);
        }
    }

    /// A task ended that ran and was never healthy.
    pub(super) fn ran_in_vain(&mut self, now: Timestamp) {
        self.not_before = self.not_before.max(Some(now + PACE));
    }

    /// A task reached RUNNING.
    pub(super) fn ran(&mut self) {
        self.failures = 0;
    }

    /// Whether starts are slowed down so much that the service says so.
    pub(super) fn is_impaired(&self, desired: u32) -> bool {
        !gap(self.failures, desired).is_zero()
    }

    /// Until when nothing may start; `None` when it may now.
    pub(super) fn holds_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.not_before.filter(|not_before| now < *not_before)
    }
}

fn gap(failures: u32, desired: u32) -> Duration {
    let rounds = failures / desired.max(1);
    match rounds.checked_sub(ROUNDS_AT_FULL_SPEED) {
        None => Duration::ZERO,
        Some(slowed) => FIRST_GAP.saturating_mul(1 << slowed.min(7)).min(LONGEST_GAP),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_grow_from_nothing_to_fifteen_minutes() {
        let gaps: Vec<u64> = (1..=12).map(|failures| gap(failures, 1).as_secs()).collect();
        assert_eq!(gaps, [0, 0, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900]);
    }

    #[test]
    fn a_round_is_as_many_failures_as_tasks_are_desired() {
        assert_eq!(gap(11, 4), Duration::ZERO);
        assert_eq!(gap(12, 4), FIRST_GAP);
    }

    #[test]
    fn a_task_that_runs_ends_the_throttling() {
        let (mut throttle, now) = (StartThrottle::default(), Timestamp::from_millis(0));
        for _ in 0..5 {
            throttle.never_ran(1, now);
        }
        assert!(throttle.is_impaired(1));
        throttle.ran();
        assert!(!throttle.is_impaired(1));
    }
}
