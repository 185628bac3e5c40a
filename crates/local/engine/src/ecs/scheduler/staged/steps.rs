//! The steps of the production traffic, and how long each is watched. Facts §3.1.

use std::time::Duration;

use tidegate_models::ecs::{DeploymentConfiguration, DeploymentStrategy};

use crate::ecs::records::Share;

const DEFAULT_LINEAR_PERCENT: f64 = 10.0;
const DEFAULT_LINEAR_BAKE_MINUTES: i32 = 6;
const DEFAULT_CANARY_PERCENT: f64 = 5.0;
const DEFAULT_CANARY_BAKE_MINUTES: i32 = 10;

/// The target revision's share after each step; the last is all traffic.
pub(super) fn of(configuration: &DeploymentConfiguration) -> Vec<Share> {
    match configuration.strategy {
        Some(DeploymentStrategy::Linear) => {
            let given = configuration.linear_configuration.as_ref().and_then(|linear| linear.step_percent);
            let step = Share::percent(given.unwrap_or(DEFAULT_LINEAR_PERCENT)).max(Share::percent(0.1));
            let steps = std::iter::successors(Some(step), |share| {
                (*share < Share::EVERYTHING).then(|| share.plus(step))
            });
            steps.collect()
        }
        Some(DeploymentStrategy::Canary) => {
            let given = configuration.canary_configuration.as_ref().and_then(|canary| canary.canary_percent);
            let canary = Share::percent(given.unwrap_or(DEFAULT_CANARY_PERCENT));
            vec![canary, Share::EVERYTHING]
        }
        _ => vec![Share::EVERYTHING],
    }
}

/// How long each step but the last is watched.
pub(super) fn step_bake(configuration: &DeploymentConfiguration) -> Duration {
    let linear = || configuration.linear_configuration.as_ref()?.step_bake_time_in_minutes;
    let canary = || configuration.canary_configuration.as_ref()?.canary_bake_time_in_minutes;
    match configuration.strategy {
        Some(DeploymentStrategy::Linear) => minutes(linear().unwrap_or(DEFAULT_LINEAR_BAKE_MINUTES)),
        Some(DeploymentStrategy::Canary) => minutes(canary().unwrap_or(DEFAULT_CANARY_BAKE_MINUTES)),
        _ => Duration::ZERO,
    }
}

/// How long both revisions are watched once all traffic has moved.
pub(super) fn bake(configuration: &DeploymentConfiguration) -> Duration {
    minutes(configuration.bake_time_in_minutes.unwrap_or(0))
}

fn minutes(count: i32) -> Duration {
    Duration::from_mins(u64::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use tidegate_models::ecs::{CanaryConfiguration, LinearConfiguration};

    use super::*;

    fn percents(configuration: &DeploymentConfiguration) -> Vec<f64> {
        of(configuration).into_iter().map(Share::as_percent).collect()
    }

    fn linear(step_percent: Option<f64>) -> DeploymentConfiguration {
        DeploymentConfiguration {
            strategy: Some(DeploymentStrategy::Linear),
            linear_configuration: Some(LinearConfiguration { step_percent, ..Default::default() }),
            ..Default::default()
        }
    }

    #[test]
    fn linear_steps_are_equal_and_the_last_is_clipped() {
        assert_eq!(percents(&linear(Some(25.0))), [25.0, 50.0, 75.0, 100.0]);
        assert_eq!(percents(&linear(Some(40.0))), [40.0, 80.0, 100.0]);
        assert_eq!(percents(&linear(None)).len(), 10);
        assert_eq!(percents(&linear(Some(100.0))), [100.0]);
        assert_eq!(percents(&linear(Some(3.0))).last(), Some(&100.0));
    }

    #[test]
    fn a_canary_has_two_steps_and_blue_green_one() {
        let canary = DeploymentConfiguration {
            strategy: Some(DeploymentStrategy::Canary),
            canary_configuration: Some(CanaryConfiguration {
                canary_percent: Some(0.5),
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!(percents(&canary), [0.5, 100.0]);
        let blue_green =
            DeploymentConfiguration { strategy: Some(DeploymentStrategy::BlueGreen), ..Default::default() };
        assert_eq!(percents(&blue_green), [100.0]);
    }

    #[test]
    fn weights_are_percent_or_tenths_and_always_whole() {
        for (percent, expected) in
            [(0.0, (0, 100)), (10.0, (10, 90)), (0.5, (5, 995)), (99.9, (999, 1)), (100.0, (100, 0))]
        {
            assert_eq!(Share::percent(percent).weights(), expected);
        }
    }
}
