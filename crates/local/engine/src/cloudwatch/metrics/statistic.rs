//! What can be asked of samples: the five plain statistics, percentiles, and those that leave samples out.
//!
//! `p99`, `tm99`, `TM(10%:90%)`, `TC(0.1:0.5)`, `PR(:0.2)`, `IQM` as AWS writes them. Start at [`Statistic::parse`].

use tidegate_models::cloudwatch;

use super::Bucket;

/// A statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) enum Statistic {
    SampleCount,
    Sum,
    Average,
    Minimum,
    Maximum,
    /// The value that this share (0–1) of the samples does not exceed.
    Percentile(f64),
    /// Something of the samples between two bounds.
    Between(Between, Bound, Bound),
    /// The share of samples, in percent, above the first and not above the second value.
    PercentileRank(Option<f64>, Option<f64>),
}

/// What is asked of the samples between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) enum Between {
    TrimmedMean,
    TrimmedCount,
    TrimmedSum,
    /// The mean, with what is outside moved onto the bounds.
    WinsorizedMean,
}

/// Where samples begin or end to count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) enum Bound {
    /// A share (0–1) of the samples.
    Share(f64),
    /// A value; the lower bound is exclusive, the upper one inclusive.
    Value(f64),
    /// No bound.
    Open,
}

impl From<cloudwatch::Statistic> for Statistic {
    fn from(given: cloudwatch::Statistic) -> Self {
        match given {
            cloudwatch::Statistic::SampleCount => Self::SampleCount,
            cloudwatch::Statistic::Average => Self::Average,
            cloudwatch::Statistic::Sum => Self::Sum,
            cloudwatch::Statistic::Minimum => Self::Minimum,
            cloudwatch::Statistic::Maximum => Self::Maximum,
        }
    }
}

impl Statistic {
    /// Reads a statistic as calls name it.
    pub(in super::super) fn parse(given: &str) -> Option<Self> {
        if let Some(plain) = cloudwatch::Statistic::parse(given) {
            return Some(plain.into());
        }
        if given.eq_ignore_ascii_case("iqm") {
            return Some(Self::Between(Between::TrimmedMean, Bound::Share(0.25), Bound::Share(0.75)));
        }
        if let Some(percent) = given.strip_prefix('p') {
            return Some(Self::Percentile(share(percent)?));
        }
        let (name, bounds) = given.split_at_checked(2)?;
        let ranged = bounds.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let ranged = ranged.map(|range| range.split_once(':'));
        if name.eq_ignore_ascii_case("pr") {
            let (from, to) = ranged??;
            let (from, to) = (optional(from)?, optional(to)?);
            return (from.is_some() || to.is_some()).then_some(Self::PercentileRank(from, to));
        }
        let between = match name.to_ascii_lowercase().as_str() {
            "tm" => Between::TrimmedMean,
            "tc" => Between::TrimmedCount,
            "ts" => Between::TrimmedSum,
            "wm" => Between::WinsorizedMean,
            _ => return None,
        };
        let (from, to) = match ranged {
            Some(range) => {
                let (from, to) = range?;
                (Bound::parse(from)?, Bound::parse(to)?)
            }
            None => (Bound::Open, Bound::Share(share(bounds)?)),
        };
        match (from, to) {
            (Bound::Open, Bound::Open)
            | (Bound::Share(_), Bound::Value(_))
            | (Bound::Value(_), Bound::Share(_)) => None,
            _ => Some(Self::Between(between, from, to)),
        }
    }

    /// The statistic of samples; `None` when there is none, or too little is known of them.
    pub(in super::super) fn of(self, bucket: &Bucket) -> Option<f64> {
        if bucket.is_empty() {
            return None;
        }
        match self {
            Self::SampleCount => Some(bucket.count()),
            Self::Sum => Some(bucket.sum()),
            Self::Average => Some(bucket.sum() / bucket.count()),
            Self::Minimum => Some(bucket.min()),
            Self::Maximum => Some(bucket.max()),
            Self::Percentile(share) => percentile(bucket.values()?, bucket.count(), share),
            Self::Between(between, from, to) => between.of(bucket.values()?, bucket.count(), from, to),
            Self::PercentileRank(from, to) => {
                let inside =
                    |value: f64| from.is_none_or(|from| value > from) && to.is_none_or(|to| value <= to);
                let values = bucket.values()?.iter();
                let counted: f64 = values.filter(|(value, _)| inside(*value)).map(|(_, count)| count).sum();
                Some(100.0 * counted / bucket.count())
            }
        }
    }
}

impl Bound {
    fn parse(given: &str) -> Option<Self> {
        match given.strip_suffix('%') {
            Some(percent) => share(percent).map(Self::Share),
            None => optional(given).map(|value| value.map_or(Self::Open, Self::Value)),
        }
    }
}

impl Between {
    fn of(self, values: &[(f64, f64)], total: f64, from: Bound, to: Bound) -> Option<f64> {
        // How many of the samples of each value lie between the bounds.
        let mut before = 0.0;
        let (mut count, mut sum, mut low, mut high) = (0.0, 0.0, 0.0, 0.0);
        for (value, seen) in values {
            let (start, end) = (before, before + seen);
            before = end;
            let lower = match from {
                Bound::Open => start,
                Bound::Share(share) => start.max((total * share).min(end)),
                Bound::Value(bound) => {
                    if *value > bound {
                        start
                    } else {
                        end
                    }
                }
            };
            let upper = match to {
                Bound::Open => end,
                Bound::Share(share) => end.min((total * share).max(start)),
                Bound::Value(bound) => {
                    if *value <= bound {
                        end
                    } else {
                        start
                    }
                }
            };
            let inside = (upper - lower).max(0.0);
            count += inside;
            sum += inside * value;
            low += lower - start;
            high += end - upper;
        }
        match self {
            Self::TrimmedCount => Some(count),
            Self::TrimmedSum => Some(sum),
            Self::TrimmedMean => (count > 0.0).then(|| sum / count),
            Self::WinsorizedMean => {
                let at = |bound| match bound {
                    Bound::Open => Some(0.0),
                    Bound::Value(value) => Some(value),
                    Bound::Share(share) => percentile(values, total, share),
                };
                Some((sum + low * at(from)? + high * at(to)?) / total)
            }
        }
    }
}

/// The lowest value such that `share` of the samples are not above it.
fn percentile(values: &[(f64, f64)], total: f64, share: f64) -> Option<f64> {
    // The least excess of a sum of floats must not push it onto the next sample.
    let rank = (total * share * (1.0 - 1e-12)).max(f64::MIN_POSITIVE);
    let mut seen = 0.0;
    let reaches = |(_, count): &&(f64, f64)| {
        seen += count;
        seen >= rank
    };
    values.iter().find(reaches).or(values.last()).map(|(value, _)| *value)
}

/// A percentage, 0–100, as a share.
fn share(percent: &str) -> Option<f64> {
    let percent: f64 = number(percent)?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

/// A number, or nothing where none is written; `None` for what is neither.
#[expect(clippy::option_option, reason = "the outer one is an error")]
fn optional(given: &str) -> Option<Option<f64>> {
    if given.is_empty() { Some(None) } else { number(given).map(Some) }
}

/// A plain decimal number; neither `inf` nor `nan` nor `1e5`.
fn number(given: &str) -> Option<f64> {
    let plain = given.chars().all(|char| char.is_ascii_digit() || matches!(char, '.' | '-'));
    given.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(statistic: &str, values: &[(f64, f64)]) -> Option<f64> {
        Statistic::parse(statistic).unwrap().of(&Bucket::of(values.iter().copied()))
    }

    #[test]
    fn statistics_of_one_to_a_hundred_are_as_expected() {
        let values: Vec<_> = (1..=100).map(|n| (f64::from(n), 1.0)).collect();
        for (statistic, expected) in [
            ("SampleCount", 100.0),
            ("Sum", 5050.0),
            ("Average", 50.5),
            ("Minimum", 1.0),
            ("Maximum", 100.0),
            ("p0", 1.0),
            ("p50", 50.0),
            ("p99", 99.0),
            ("p99.9", 100.0),
            ("p100", 100.0),
            ("tm90", 45.5),
            ("TM(10%:90%)", 50.5),
            ("TM(50:)", 75.5),
            ("IQM", 50.5),
            ("TC(10%:90%)", 80.0),
            ("TC(10:90)", 80.0),
            ("tc99", 99.0),
            ("TS(:10)", 55.0),
            ("PR(:25)", 25.0),
            ("PR(25:50)", 25.0),
            ("PR(90:)", 10.0),
            ("wm90", 49.95),
            ("WM(10:90)", 50.4),
        ] {
            let found = of(statistic, &values).unwrap();
            assert!((found - expected).abs() < 1e-9, "{statistic}: {found}");
        }
    }

    #[test]
    fn what_is_no_statistic_is_none() {
        for given in [
            "",
            "p",
            "p101",
            "p-1",
            "pinf",
            "sum",
            "tm",
            "tm101",
            "TM()",
            "TM(:)",
            "TM(10%:90)",
            "PR(:)",
            "PR(10%:)",
            "xx99",
            "TM(a:b)",
            "ü",
        ] {
            assert_eq!(Statistic::parse(given), None, "{given}");
        }
    }

    #[test]
    fn a_statistic_set_has_no_percentiles_unless_all_of_it_is_one_value() {
        let hidden = Bucket::of_statistics(3.0, 6.0, 1.0, 3.0);
        assert_eq!(Statistic::Percentile(0.5).of(&hidden), None);
        assert_eq!(Statistic::Average.of(&hidden), Some(2.0));
        let plain = Bucket::of_statistics(3.0, 6.0, 2.0, 2.0);
        assert_eq!(Statistic::Percentile(0.5).of(&plain), Some(2.0));
    }

    proptest! {
        #[test]
        fn a_percentile_is_the_sample_of_its_rank(
            samples in prop::collection::vec(0..50_u8, 1..200), percent in 1..=100_u8
        ) {
            let mut sorted = samples.clone();
            sorted.sort_unstable();
            let rank = (usize::from(percent) * sorted.len()).div_ceil(100);
            let expected = f64::from(sorted[rank - 1]);
            let values: Vec<_> = samples.iter().map(|sample| (f64::from(*sample), 1.0)).collect();
            prop_assert_eq!(of(&format!("p{percent}"), &values), Some(expected));
        }

        #[test]
        fn no_text_panics(given in "[ptmcrswMTIQP(%:.0-9)]{0,12}") {
            let _ = Statistic::parse(&given).and_then(|statistic| statistic.of(&Bucket::of([(1.0, 1.0)])));
        }
    }
}
