//! The state machine of a target's health: state and check result in, new state out.
//!
//! It knows neither time nor sockets. It must never need more than one pass to make a newly registered target healthy:
//! that is AWS's rule, and rollouts are timed by it. Start at [`Machine::after`].

use super::{HealthState, TargetHealth};

/// What one health check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeResult {
    /// A status code that the matcher accepts.
    Passed,
    /// A status code that it does not accept.
    WrongCode(u16),
    /// No answer within the health check's timeout.
    TimedOut,
    /// No connection, or no HTTP answer on it.
    Failed,
}

/// How many results in a row it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thresholds {
    /// Passes that make an unhealthy target healthy.
    pub(crate) healthy: u32,
    /// Failures that make a target unhealthy.
    pub(crate) unhealthy: u32,
}

/// A target's health and the run of results that may change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    standing: Standing,
    /// Results in a row that speak against the present standing.
    against: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Initial,
    Healthy,
    /// With the last failure, which `DescribeTargetHealth` names; none when it is only known from before a restart.
    Unhealthy(Option<ProbeResult>),
    Unavailable,
}

impl Machine {
    /// A newly registered target.
    pub(crate) const INITIAL: Self = Self { standing: Standing::Initial, against: 0 };

    /// A target of which `state` was known before a restart.
    pub(crate) fn seeded(state: HealthState) -> Self {
        let standing = match state {
            HealthState::Initial => Standing::Initial,
            HealthState::Healthy => Standing::Healthy,
            HealthState::Unhealthy => Standing::Unhealthy(None),
            HealthState::Unavailable => Standing::Unavailable,
        };
        Self { standing, against: 0 }
    }

    /// The machine after one more result.
    #[must_use]
    pub(crate) fn after(self, result: ProbeResult, thresholds: Thresholds) -> Self {
        let passed = result == ProbeResult::Passed;
        let against = self.against + 1;
        match (self.standing, passed) {
            (Standing::Initial | Standing::Unavailable, true) => {
                Self { standing: Standing::Healthy, against: 0 }
            }
            (Standing::Healthy, true) => Self { against: 0, ..self },
            (Standing::Unhealthy(_), true) if against >= thresholds.healthy => {
                Self { standing: Standing::Healthy, against: 0 }
            }
            (Standing::Unhealthy(_), false) => {
                Self { standing: Standing::Unhealthy(Some(result)), against: 0 }
            }
            (_, false) if against >= thresholds.unhealthy => {
                Self { standing: Standing::Unhealthy(Some(result)), against: 0 }
            }
            (Standing::Unhealthy(_), true) | (_, false) => Self { against, ..self },
        }
    }

    /// The machine after health checks were switched off, or on again.
    #[must_use]
    pub(crate) fn with_checks(self, checks: Checks) -> Self {
        match (self.standing, checks) {
            (Standing::Unavailable, Checks::On) => Self::INITIAL,
            (_, Checks::Off) => Self { standing: Standing::Unavailable, against: 0 },
            (_, Checks::On) => self,
        }
    }

    pub(crate) fn state(self) -> HealthState {
        match self.standing {
            Standing::Initial => HealthState::Initial,
            Standing::Healthy => HealthState::Healthy,
            Standing::Unhealthy(_) => HealthState::Unhealthy,
            Standing::Unavailable => HealthState::Unavailable,
        }
    }

    /// In the words of `DescribeTargetHealth`.
    pub(crate) fn health(self) -> TargetHealth {
        let told = |state, reason, description: String| TargetHealth {
            state,
            reason: Some(reason),
            description: Some(description),
        };
        match self.standing {
            Standing::Healthy => {
                TargetHealth { state: HealthState::Healthy, reason: None, description: None }
            }
            Standing::Initial => told(
                HealthState::Initial,
                "Elb.InitialHealthChecking",
                "Initial health checks in progress".to_owned(),
            ),
            Standing::Unavailable => told(
                HealthState::Unavailable,
                "Target.HealthCheckDisabled",
                "Health checks are disabled for this target group".to_owned(),
            ),
            Standing::Unhealthy(Some(ProbeResult::WrongCode(code))) => told(
                HealthState::Unhealthy,
                "Target.ResponseCodeMismatch",
                format!("Health checks failed with these codes: [{code}]"),
            ),
            Standing::Unhealthy(Some(ProbeResult::TimedOut)) => {
                told(HealthState::Unhealthy, "Target.Timeout", "Request timed out".to_owned())
            }
            Standing::Unhealthy(_) => {
                told(HealthState::Unhealthy, "Target.FailedHealthChecks", "Health checks failed".to_owned())
            }
        }
    }
}

/// Whether a group's health checks are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checks {
    On,
    Off,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const THRESHOLDS: Thresholds = Thresholds { healthy: 5, unhealthy: 2 };

    fn run(start: Machine, results: &[ProbeResult]) -> Machine {
        results.iter().fold(start, |machine, &result| machine.after(result, THRESHOLDS))
    }

    fn any_result() -> impl Strategy<Value = ProbeResult> {
        prop_oneof![
            Just(ProbeResult::Passed),
            (400u16..600).prop_map(ProbeResult::WrongCode),
            Just(ProbeResult::TimedOut),
            Just(ProbeResult::Failed),
        ]
    }

    proptest! {
        #[test]
        fn a_target_that_was_never_decided_is_healthy_after_one_pass(failures in 0usize..2) {
            let results = [vec![ProbeResult::Failed; failures.min(1)], vec![ProbeResult::Passed]].concat();
            prop_assert_eq!(run(Machine::INITIAL, &results).state(), HealthState::Healthy);
        }

        #[test]
        fn the_state_follows_from_the_tail_of_the_results(results in proptest::collection::vec(any_result(), 1..60)) {
            let state = run(Machine::INITIAL, &results).state();
            let passes = results.iter().rev().take_while(|&&result| result == ProbeResult::Passed).count();
            let failures = results.iter().rev().take_while(|&&result| result != ProbeResult::Passed).count();
            if passes >= 5 {
                prop_assert_eq!(state, HealthState::Healthy);
            }
            if failures >= 2 {
                prop_assert_eq!(state, HealthState::Unhealthy);
            }
        }

        #[test]
        fn one_failure_among_passes_never_makes_a_healthy_target_unhealthy(
            results in proptest::collection::vec(any_result(), 0..60),
        ) {
            let mut machine = Machine::seeded(HealthState::Healthy);
            let mut failures_in_a_row = 0;
            for result in results {
                machine = machine.after(result, THRESHOLDS);
                failures_in_a_row = if result == ProbeResult::Passed { 0 } else { failures_in_a_row + 1 };
                if failures_in_a_row >= 2 {
                    break;
                }
                prop_assert_eq!(machine.state(), HealthState::Healthy);
            }
        }

        #[test]
        fn reason_and_description_are_absent_exactly_when_healthy(
            results in proptest::collection::vec(any_result(), 0..20),
        ) {
            let health = run(Machine::INITIAL, &results).health();
            prop_assert_eq!(health.reason.is_none(), health.state == HealthState::Healthy);
            prop_assert_eq!(health.description.is_none(), health.state == HealthState::Healthy);
        }
    }

    #[test]
    fn an_unhealthy_target_needs_the_full_healthy_threshold() {
        let unhealthy = run(Machine::INITIAL, &[ProbeResult::Failed; 2]);
        assert_eq!(unhealthy.state(), HealthState::Unhealthy);
        let nearly = run(unhealthy, &[ProbeResult::Passed; 4]);
        assert_eq!(nearly.state(), HealthState::Unhealthy);
        assert_eq!(run(nearly, &[ProbeResult::Passed]).state(), HealthState::Healthy);
        let set_back = run(nearly, &[ProbeResult::TimedOut]);
        assert_eq!(run(set_back, &[ProbeResult::Passed; 4]).state(), HealthState::Unhealthy);
    }

    #[test]
    fn the_last_failure_is_what_is_described() {
        let machine = run(Machine::INITIAL, &[ProbeResult::Failed, ProbeResult::WrongCode(500)]);
        assert_eq!(
            machine.health(),
            TargetHealth {
                state: HealthState::Unhealthy,
                reason: Some("Target.ResponseCodeMismatch"),
                description: Some("Health checks failed with these codes: [500]".to_owned()),
            }
        );
        let later = machine.after(ProbeResult::TimedOut, THRESHOLDS);
        assert_eq!(later.health().reason, Some("Target.Timeout"));
    }

    #[test]
    fn checks_switched_off_and_on_start_from_initial() {
        let off = Machine::seeded(HealthState::Unhealthy).with_checks(Checks::Off);
        assert_eq!(off.state(), HealthState::Unavailable);
        assert_eq!(off.with_checks(Checks::On).state(), HealthState::Initial);
        assert_eq!(
            Machine::seeded(HealthState::Healthy).with_checks(Checks::On).state(),
            HealthState::Healthy
        );
    }
}
