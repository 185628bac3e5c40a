//! How many tasks a service must keep and may have, from its two percentages.
//!
//! Facts: `floor = ceil(desired × minimumHealthyPercent / 100)`, `ceiling = floor(desired × maximumPercent / 100)`.
//! Nothing here knows what a task is. Start at [`Limits::of`].

use tidegate_models::ecs::{DeploymentConfiguration, SchedulingStrategy};

/// The two numbers that bound what the scheduler does in one pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// RUNNING and healthy tasks, of all deployments together, that a stop must leave.
    pub(super) floor: u32,
    /// Tasks in PENDING or RUNNING, of all deployments together, that a start must not exceed.
    pub(super) ceiling: u32,
}

impl Limits {
    /// The limits at `desired` tasks. Percentages that are not given are AWS's defaults: 100 and 200 for REPLICA, 0 and
    /// 100 for DAEMON.
    pub(super) fn of(
        desired: u32,
        configuration: &DeploymentConfiguration,
        strategy: SchedulingStrategy,
    ) -> Self {
        let (minimum, maximum) = match strategy {
            SchedulingStrategy::Daemon => (0, 100),
            SchedulingStrategy::Replica => (100, 200),
        };
        let minimum = percent(configuration.minimum_healthy_percent, minimum);
        let maximum = percent(configuration.maximum_percent, maximum);
        Self { floor: share_rounded_up(desired, minimum), ceiling: share_rounded_down(desired, maximum) }
    }
}

/// `percent` of `count`, rounded up.
pub(super) fn share_rounded_up(count: u32, percent: u32) -> u32 {
    saturate((u64::from(count) * u64::from(percent)).div_ceil(100))
}

fn share_rounded_down(count: u32, percent: u32) -> u32 {
    saturate(u64::from(count) * u64::from(percent) / 100)
}

fn percent(given: Option<i32>, default: u32) -> u32 {
    given.map_or(default, |given| u32::try_from(given).unwrap_or(0))
}

fn saturate(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(desired: u32, minimum: i32, maximum: i32) -> Limits {
        let configuration = DeploymentConfiguration {
            minimum_healthy_percent: Some(minimum),
            maximum_percent: Some(maximum),
            ..DeploymentConfiguration::default()
        };
        Limits::of(desired, &configuration, SchedulingStrategy::Replica)
    }

    #[test]
    fn limits_are_those_that_aws_documents() {
        for (desired, minimum, maximum, floor, ceiling) in [
            (4, 100, 200, 4, 8),
            (4, 50, 100, 2, 4),
            (4, 100, 125, 4, 5),
            (4, 50, 200, 2, 8),
            (3, 100, 125, 3, 3),
            (2, 75, 100, 2, 2),
            (1, 100, 200, 1, 2),
            (1, 100, 199, 1, 1),
            (1, 50, 100, 1, 1),
            (1, 0, 100, 0, 1),
            (10, 90, 110, 9, 11),
            (0, 100, 200, 0, 0),
        ] {
            assert_eq!(
                limits(desired, minimum, maximum),
                Limits { floor, ceiling },
                "{desired} {minimum}/{maximum}"
            );
        }
    }

    #[test]
    fn percentages_not_given_are_the_strategys_defaults() {
        let nothing = DeploymentConfiguration::default();
        let replica = Limits::of(3, &nothing, SchedulingStrategy::Replica);
        assert_eq!(replica, Limits { floor: 3, ceiling: 6 });
        let daemon = Limits::of(1, &nothing, SchedulingStrategy::Daemon);
        assert_eq!(daemon, Limits { floor: 0, ceiling: 1 });
    }

    proptest! {
        #[test]
        fn floor_and_ceiling_are_the_nearest_whole_counts(desired in 0..5000_u32, minimum in 0..=100_i32, maximum in 100..=200_i32) {
            let Limits { floor, ceiling } = limits(desired, minimum, maximum);
            let (lowest, highest) = (u64::from(desired) * minimum as u64, u64::from(desired) * maximum as u64);
            prop_assert!(u64::from(floor) * 100 >= lowest && (u64::from(floor) * 100) < lowest + 100);
            prop_assert!(u64::from(ceiling) * 100 <= highest && u64::from(ceiling) * 100 + 100 > highest);
            prop_assert!(floor <= desired && desired <= ceiling);
        }
    }
}
