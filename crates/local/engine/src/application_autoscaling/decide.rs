//! How much a policy wants, purely: capacities and metrics in, a capacity out. Start at [`stepped`] and [`tracked`].

use tidegate_models::application_autoscaling::{
    AdjustmentType, StepAdjustment, StepScalingPolicyConfiguration,
};

/// On which side of its threshold an alarm's metric breaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breach {
    /// Above.
    Above,
    /// Below.
    Below,
}

/// The capacity that a step policy makes of `capacity` when the metric is `distance` away from the alarm's threshold.
/// `None` when no step covers that.
pub(super) fn stepped(
    policy: &StepScalingPolicyConfiguration,
    capacity: u32,
    distance: f64,
    breach: Breach,
) -> Option<u32> {
    let step = policy.step_adjustments.iter().flatten().find(|step| covers(step, distance, breach))?;
    let adjustment = i64::from(step.scaling_adjustment);
    let capacity = i64::from(capacity);
    let wanted = match policy.adjustment_type {
        Some(AdjustmentType::ExactCapacity) => adjustment,
        Some(AdjustmentType::PercentChangeInCapacity) => {
            let least = i64::from(policy.min_adjustment_magnitude.unwrap_or(1)).max(1);
            // Towards zero, but never to nothing.
            let change = capacity * adjustment / 100;
            capacity + if change.abs() < least { least * adjustment.signum() } else { change }
        }
        Some(AdjustmentType::ChangeInCapacity) | None => capacity + adjustment,
    };
    Some(u32::try_from(wanted.max(0)).unwrap_or(u32::MAX))
}

/// The bound nearer to the threshold belongs to a step, the farther one does not.
fn covers(step: &StepAdjustment, distance: f64, breach: Breach) -> bool {
    let (lower, upper) = (step.metric_interval_lower_bound, step.metric_interval_upper_bound);
    match breach {
        Breach::Above => {
            lower.is_none_or(|lower| distance >= lower) && upper.is_none_or(|upper| distance < upper)
        }
        Breach::Below => {
            lower.is_none_or(|lower| distance > lower) && upper.is_none_or(|upper| distance <= upper)
        }
    }
}

/// The capacity at which a metric that is `value` at `capacity` would be at `target`: rounded up, so that it is never
/// above.
pub(super) fn tracked(capacity: u32, value: f64, target: f64) -> u32 {
    // A hair less, so that a whole number that floating point made a little larger stays itself.
    let wanted = (f64::from(capacity) * value / target - 1e-9).ceil();
    // Saturates.
    wanted.max(0.0) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(
        kind: AdjustmentType,
        steps: &[(Option<f64>, Option<f64>, i32)],
    ) -> StepScalingPolicyConfiguration {
        let steps = steps.iter().map(|(lower, upper, adjustment)| StepAdjustment {
            metric_interval_lower_bound: *lower,
            metric_interval_upper_bound: *upper,
            scaling_adjustment: *adjustment,
        });
        StepScalingPolicyConfiguration {
            adjustment_type: Some(kind),
            step_adjustments: Some(steps.collect()),
            ..StepScalingPolicyConfiguration::default()
        }
    }

    #[test]
    fn the_step_is_the_one_that_covers_the_breach() {
        let out = policy(
            AdjustmentType::ChangeInCapacity,
            &[(Some(0.0), Some(10.0), 1), (Some(10.0), Some(20.0), 2), (Some(20.0), None, 3)],
        );
        for (distance, expected) in [(0.0, 5), (9.9, 5), (10.0, 6), (25.0, 7)] {
            assert_eq!(stepped(&out, 4, distance, Breach::Above), Some(expected), "{distance}");
        }
        assert_eq!(stepped(&out, 4, -1.0, Breach::Above), None);
        let back = policy(
            AdjustmentType::ChangeInCapacity,
            &[(Some(-10.0), Some(0.0), -1), (None, Some(-10.0), -9)],
        );
        for (distance, expected) in [(0.0, 3), (-9.9, 3), (-10.0, 0)] {
            assert_eq!(stepped(&back, 4, distance, Breach::Below), Some(expected), "{distance}");
        }
    }

    #[test]
    fn percentages_are_rounded_towards_zero_but_change_something() {
        let percent =
            |adjustment| policy(AdjustmentType::PercentChangeInCapacity, &[(None, None, adjustment)]);
        for (capacity, adjustment, expected) in
            [(10, 25, 12), (3, 10, 4), (10, -25, 8), (3, -10, 2), (10, 100, 20)]
        {
            assert_eq!(stepped(&percent(adjustment), capacity, 0.0, Breach::Above), Some(expected));
        }
        let mut at_least = percent(10);
        at_least.min_adjustment_magnitude = Some(3);
        assert_eq!(stepped(&at_least, 4, 0.0, Breach::Above), Some(7));
        let exact = policy(AdjustmentType::ExactCapacity, &[(None, None, 9)]);
        assert_eq!(stepped(&exact, 4, 0.0, Breach::Above), Some(9));
    }

    #[test]
    fn tracking_is_proportional_and_rounds_up() {
        for (capacity, value, expected) in [
            (4, 100.0, 8),
            (4, 50.0, 4),
            (4, 60.0, 5),
            (4, 40.0, 4),
            (4, 24.0, 2),
            (3, 0.0, 0),
            (10, 55.0, 11),
        ] {
            assert_eq!(tracked(capacity, value, 50.0), expected, "{capacity} at {value}");
        }
    }

    proptest! {
        #[test]
        fn no_number_panics(capacity: u32, value: f64, target: f64, distance: f64, adjustment: i32) {
            let _ = tracked(capacity, value, target);
            for kind in [AdjustmentType::ChangeInCapacity, AdjustmentType::PercentChangeInCapacity, AdjustmentType::ExactCapacity] {
                let _ = stepped(&policy(kind, &[(None, None, adjustment)]), capacity, distance, Breach::Above);
            }
        }

        #[test]
        fn the_metric_is_never_above_its_target_afterwards(capacity in 1..500_u32, value in 0.1..400.0_f64) {
            let after = tracked(capacity, value, 50.0);
            prop_assert!(f64::from(capacity) * value / f64::from(after) <= 50.0 + 1e-6);
        }
    }
}
