//! When a container's health check is due, and what its results mean. Pure: the caller runs the probes.

use std::time::Duration;

use tidegate_clock::Timestamp;
use tidegate_models::ecs::HealthStatus;

/// A container's health check, with AWS's defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HealthPlan {
    /// What to run, without the leading `CMD` or `CMD-SHELL`.
    pub(crate) command: ProbeCommand,
    /// From the end of one probe to the next one, and from the start to the first: 5–300 s, default 30.
    pub(crate) interval: Duration,
    /// For how long a probe may run: 2–60 s, default 5.
    pub(crate) timeout: Duration,
    /// How many failures in a row make it UNHEALTHY: 1–10, default 3.
    pub(crate) retries: u32,
    /// For how long after the start failures do not count: 0–300 s, default 0.
    pub(crate) start_period: Duration,
}

/// What a health check runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProbeCommand {
    /// A program and its arguments.
    Exec(Vec<String>),
    /// A line for the container's shell.
    Shell(String),
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeOutcome {
    /// Exit code 0 in time.
    Passed,
    /// Another exit code, no end in time, or it could not be run.
    Failed,
}

/// The health check of one run of a container.
#[derive(Clone, Debug)]
pub(crate) struct Monitor {
    plan: HealthPlan,
    status: HealthStatus,
    failures: u32,
    lenient_until: Timestamp,
    next: Next,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    At(Timestamp),
    Probing,
}

impl Monitor {
    /// For a container that started at `started`; the first probe is due one interval later.
    pub(crate) fn new(plan: HealthPlan, started: Timestamp) -> Self {
        let next = Next::At(started + plan.interval);
        Self {
            status: HealthStatus::Unknown,
            failures: 0,
            lenient_until: started + plan.start_period,
            next,
            plan,
        }
    }

    /// For a container that has been running since `started` without anybody looking; a probe is due at once.
    pub(crate) fn resumed(plan: HealthPlan, started: Timestamp, now: Timestamp) -> Self {
        Self { next: Next::At(now), ..Self::new(plan, started) }
    }

    /// What is known of the container.
    pub(crate) fn status(&self) -> HealthStatus {
        self.status
    }

    /// When the next probe is due; `None` while one runs.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        match self.next {
            Next::At(at) => Some(at),
            Next::Probing => None,
        }
    }

    /// Whether to run a probe now. When it says so, it waits for [`Monitor::probed`].
    pub(crate) fn take_due(&mut self, now: Timestamp) -> bool {
        let due = self.deadline().is_some_and(|at| at <= now);
        if due {
            self.next = Next::Probing;
        }
        due
    }

    /// A probe ended. Returns the status when it is another one now.
    pub(crate) fn probed(&mut self, outcome: ProbeOutcome, now: Timestamp) -> Option<HealthStatus> {
        self.next = Next::At(now + self.plan.interval);
        let before = self.status;
        match outcome {
            ProbeOutcome::Passed => {
                self.failures = 0;
                // A container that has passed once is up: what fails from here on counts.
                self.lenient_until = Timestamp::from_millis(i64::MIN);
                self.status = HealthStatus::Healthy;
            }
            ProbeOutcome::Failed if now <= self.lenient_until => {}
            ProbeOutcome::Failed => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= self.plan.retries {
                    self.status = HealthStatus::Unhealthy;
                }
            }
        }
        (self.status != before).then_some(self.status)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(retries: u32, start_period: u64) -> HealthPlan {
        HealthPlan {
            command: ProbeCommand::Shell("true".to_owned()),
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            retries,
            start_period: Duration::from_secs(start_period),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn the_first_probe_is_due_one_interval_after_the_start_and_the_next_after_the_last_ones_end() {
        let mut monitor = Monitor::new(plan(3, 0), at(0));
        assert!(!monitor.take_due(at(9)));
        assert!(monitor.take_due(at(10)));
        assert!(!monitor.take_due(at(30)), "one probe at a time");
        monitor.probed(ProbeOutcome::Passed, at(14));
        assert_eq!(monitor.deadline(), Some(at(24)));
    }

    #[test]
    fn a_success_in_the_start_period_makes_it_healthy_at_once_and_failures_count_from_then() {
        let mut monitor = Monitor::new(plan(1, 60), at(0));
        assert_eq!(monitor.probed(ProbeOutcome::Failed, at(10)), None);
        assert_eq!(monitor.probed(ProbeOutcome::Passed, at(20)), Some(HealthStatus::Healthy));
        assert_eq!(monitor.probed(ProbeOutcome::Failed, at(30)), Some(HealthStatus::Unhealthy));
        assert_eq!(monitor.probed(ProbeOutcome::Passed, at(40)), Some(HealthStatus::Healthy));
    }

    #[test]
    fn failures_after_the_start_period_count_to_the_retries() {
        let mut monitor = Monitor::new(plan(2, 15), at(0));
        assert_eq!(monitor.probed(ProbeOutcome::Failed, at(10)), None);
        assert_eq!(monitor.probed(ProbeOutcome::Failed, at(20)), None);
        assert_eq!(monitor.probed(ProbeOutcome::Failed, at(30)), Some(HealthStatus::Unhealthy));
    }

    proptest! {
        #[test]
        fn it_is_unhealthy_exactly_when_the_last_retries_counted_probes_failed(
            retries in 1_u32..6,
            passes in prop::collection::vec(any::<bool>(), 1..40),
        ) {
            let mut monitor = Monitor::new(plan(retries, 0), at(0));
            for end in 1..=passes.len() {
                let outcome = if passes[end - 1] { ProbeOutcome::Passed } else { ProbeOutcome::Failed };
                monitor.probed(outcome, at(end as i64 * 10));
                let seen = &passes[..end];
                let run = seen.iter().rev().take_while(|&&passed| !passed).count() as u32;
                let expected = match (run >= retries, seen.contains(&true)) {
                    (true, _) => HealthStatus::Unhealthy,
                    (false, true) => HealthStatus::Healthy,
                    (false, false) => HealthStatus::Unknown,
                };
                prop_assert_eq!(monitor.status(), expected);
            }
        }
    }
}
