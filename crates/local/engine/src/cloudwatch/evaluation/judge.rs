//! The decision about an alarm: points in, state out.
//!
//! CloudWatch looks at more periods than an alarm evaluates (the evaluation range). With enough real points among them it
//! takes the newest of those and misses nothing; with fewer, what is missing is filled in as the alarm says. Start at
//! [`judge`].

use tidegate_models::cloudwatch::{ComparisonOperator as Operator, StateValue};

/// How many periods more than an alarm evaluates are looked at. AWS does not say how many it takes; its own examples
/// look at five for three.
const MORE: usize = 2;

/// What an alarm holds its points to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rule {
    pub operator: Operator,
    pub threshold: f64,
    /// N: how many points are evaluated.
    pub evaluation_periods: usize,
    /// M: how many of them must breach.
    pub datapoints_to_alarm: usize,
    pub missing: TreatMissingData,
}

/// What a missing point counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TreatMissingData {
    /// Nothing; when all are missing there is insufficient data.
    Missing,
    Breaching,
    NotBreaching,
    /// Nothing; when all are missing the alarm stays as it is.
    Ignore,
}

/// What the points say.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// The alarm is to be in this state.
    Is(Finding),
    /// The points do not say: the alarm stays as it is.
    Stays,
}

/// A state and the points that led to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    pub value: StateValue,
    /// The real points that were evaluated, oldest first.
    pub points: Vec<(i64, f64)>,
    /// How many missing ones were filled in.
    pub filled: usize,
}

impl Rule {
    /// How many periods are looked at.
    pub(super) fn range(&self) -> usize {
        self.evaluation_periods + MORE
    }

    /// Whether a point is on the wrong side of the threshold.
    pub(super) fn is_breaching(&self, value: f64) -> bool {
        match self.operator {
            Operator::GreaterThanOrEqualToThreshold => value >= self.threshold,
            Operator::GreaterThanThreshold => value > self.threshold,
            Operator::LessThanThreshold => value < self.threshold,
            Operator::LessThanOrEqualToThreshold => value <= self.threshold,
            // Refused when an alarm is put.
            Operator::LessThanLowerOrGreaterThanUpperThreshold
            | Operator::LessThanLowerThreshold
            | Operator::GreaterThanUpperThreshold => false,
        }
    }
}

/// What the points of the evaluation range, oldest first, say about an alarm.
pub(super) fn judge(rule: &Rule, range: &[(i64, Option<f64>)]) -> Verdict {
    let mut points: Vec<(i64, f64)> =
        range.iter().filter_map(|(at, value)| value.map(|value| (*at, value))).collect();
    let missing = rule.evaluation_periods.saturating_sub(points.len());
    points.drain(..points.len().saturating_sub(rule.evaluation_periods));
    let breaching = points.iter().filter(|(_, value)| rule.is_breaching(*value)).count();
    let (all_breach, none) = (breaching == points.len(), points.is_empty());
    let is = |value| Verdict::Is(Finding { value, points, filled: missing });
    let by_count = |breaching| {
        if breaching >= rule.datapoints_to_alarm { StateValue::Alarm } else { StateValue::Ok }
    };
    match rule.missing {
        _ if missing == 0 => is(by_count(breaching)),
        TreatMissingData::Breaching => is(by_count(breaching + missing)),
        TreatMissingData::Missing if none => is(StateValue::InsufficientData),
        TreatMissingData::Ignore if none => Verdict::Stays,
        // Some points, too few of them, and all bad: too early for an alarm, no reason for OK.
        TreatMissingData::Ignore if all_breach && breaching < rule.datapoints_to_alarm => Verdict::Stays,
        TreatMissingData::Missing if all_breach && breaching < rule.datapoints_to_alarm => {
            if oldest_is_old_enough(rule, range) {
                is(StateValue::Alarm)
            } else {
                Verdict::Stays
            }
        }
        TreatMissingData::NotBreaching | TreatMissingData::Missing | TreatMissingData::Ignore => {
            is(by_count(breaching))
        }
    }
}

/// Whether the oldest point, which breaches, is at least as old as an alarm takes to be raised: then the missing ones
/// since are not waited for, so that an alarm is raised when data stop.
fn oldest_is_old_enough(rule: &Rule, range: &[(i64, Option<f64>)]) -> bool {
    let oldest = range.iter().position(|(_, value)| value.is_some());
    oldest.is_some_and(|at| range.len() - at >= rule.datapoints_to_alarm)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [TreatMissingData; 4] = [
        TreatMissingData::Missing,
        TreatMissingData::Ignore,
        TreatMissingData::Breaching,
        TreatMissingData::NotBreaching,
    ];

    fn rule(m: usize, n: usize, missing: TreatMissingData) -> Rule {
        Rule {
            operator: Operator::GreaterThanThreshold,
            threshold: 1.0,
            evaluation_periods: n,
            datapoints_to_alarm: m,
            missing,
        }
    }

    /// `-` is missing, `0` good, `X` bad.
    fn points(drawn: &str) -> Vec<(i64, Option<f64>)> {
        let value = |char| match char {
            'X' => Some(9.0),
            '0' => Some(0.0),
            _ => None,
        };
        drawn.chars().enumerate().map(|(at, char)| (at as i64 * 60, value(char))).collect()
    }

    fn letter(verdict: &Verdict) -> char {
        match verdict {
            Verdict::Stays => '=',
            Verdict::Is(finding) => match finding.value {
                StateValue::Alarm => 'A',
                StateValue::Ok => 'O',
                StateValue::InsufficientData => '?',
            },
        }
    }

    /// The two tables of AWS's guide ("Configuring how CloudWatch alarms treat missing data"): for missing, ignore,
    /// breaching, notBreaching.
    #[test]
    fn alarms_treat_missing_points_as_in_the_tables_of_aws() {
        for (m, drawn, filled, expected) in [
            (3, "0-X-X", 0, "OOOO"),
            (3, "----0", 2, "OOOO"),
            (3, "-----", 3, "?=AO"),
            (3, "0XX-X", 0, "AAAA"),
            (3, "--X--", 2, "A=AO"),
            (2, "0-X-X", 0, "AAAA"),
            (2, "00X0X", 0, "AAAA"),
            (2, "0-X--", 1, "OOAO"),
            (2, "----0", 2, "OOAO"),
            (2, "---X-", 2, "A=AO"),
        ] {
            let found: String =
                ALL.iter().map(|missing| letter(&judge(&rule(m, 3, *missing), &points(drawn)))).collect();
            assert_eq!(found, expected, "{m} of 3: {drawn}");
            if let Verdict::Is(finding) = judge(&rule(m, 3, TreatMissingData::NotBreaching), &points(drawn)) {
                assert_eq!(finding.filled, filled, "{m} of 3: {drawn}");
            }
        }
    }

    #[test]
    fn a_first_bad_point_after_missing_ones_does_not_raise_an_alarm_too_early() {
        for drawn in ["----X", "---X-"] {
            assert_eq!(
                letter(&judge(&rule(3, 3, TreatMissingData::Missing), &points(drawn))),
                '=',
                "{drawn}"
            );
        }
        assert_eq!(letter(&judge(&rule(1, 1, TreatMissingData::Missing), &points("--X"))), 'A');
    }

    #[test]
    fn each_operator_breaches_on_its_side_of_the_threshold() {
        for (operator, expected) in [
            (Operator::GreaterThanThreshold, [false, false, true]),
            (Operator::GreaterThanOrEqualToThreshold, [false, true, true]),
            (Operator::LessThanThreshold, [true, false, false]),
            (Operator::LessThanOrEqualToThreshold, [true, true, false]),
        ] {
            let rule = Rule { operator, ..rule(1, 1, TreatMissingData::Missing) };
            assert_eq!([0.0, 1.0, 2.0].map(|value| rule.is_breaching(value)), expected, "{operator}");
        }
    }

    /// The same decision, written the way that AWS's guide tells it: with letters, point by point.
    fn told(m: usize, n: usize, missing: TreatMissingData, drawn: &str) -> char {
        let real: Vec<char> = drawn.chars().filter(|point| *point != '-').collect();
        let mut evaluated: Vec<char> = real.iter().rev().take(n).copied().collect();
        let fill = match missing {
            TreatMissingData::Breaching => 'X',
            TreatMissingData::NotBreaching => '0',
            TreatMissingData::Missing | TreatMissingData::Ignore => '-',
        };
        while evaluated.len() < n {
            evaluated.push(fill);
        }
        let bad = evaluated.iter().filter(|point| **point == 'X').count();
        let good = evaluated.iter().filter(|point| **point == '0').count();
        if bad >= m {
            'A'
        } else if good > 0 {
            'O'
        } else if bad == 0 {
            if missing == TreatMissingData::Missing { '?' } else { '=' }
        } else {
            let since_first_bad = drawn.len() - drawn.find('X').unwrap();
            if missing == TreatMissingData::Missing && since_first_bad >= m { 'A' } else { '=' }
        }
    }

    proptest! {
        #[test]
        fn the_decision_is_the_one_that_the_guide_tells(
            n in 1..6_usize, m in 1..6_usize, missing in 0..4_usize, drawn in "[-0X]{8}"
        ) {
            let m = m.min(n);
            let missing = ALL[missing];
            let rule = rule(m, n, missing);
            let drawn = &drawn[drawn.len() - rule.range()..];
            let found = letter(&judge(&rule, &points(drawn)));
            prop_assert_eq!(found, told(m, n, missing, drawn), "{} of {}, {:?}: {}", m, n, missing, drawn);
        }
    }
}
