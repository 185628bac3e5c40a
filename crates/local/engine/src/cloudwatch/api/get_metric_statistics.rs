//! Statistics of one metric.

use std::collections::BTreeMap;

use tidegate_models::{
    Timestamp,
    cloudwatch::{self, Datapoint, GetMetricStatisticsInput, GetMetricStatisticsOutput, StandardUnit},
};

use super::{
    super::metrics::{Bucket, MetricName, Periods, Statistic},
    errors::{invalid_combination, invalid_value, missing},
    metric_names,
};
use crate::{ApiError, Context, State};

/// AWS's limit of periods.
const MOST_PERIODS: i64 = 1_440;

/// `GetMetricStatistics`: periods begin at `StartTime`. Data in different units are different points.
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetMetricStatisticsInput,
) -> Result<GetMetricStatisticsOutput, ApiError> {
    let statistics = input.statistics.unwrap_or_default();
    let extended = input.extended_statistics.unwrap_or_default();
    if statistics.is_empty() && extended.is_empty() {
        return Err(missing("Must specify either Statistics or ExtendedStatistics"));
    }
    let mut asked = Vec::new();
    for name in extended {
        let statistic = metric_names::check_extended_statistic("ExtendedStatistics", &name)?;
        asked.push((name, statistic));
    }
    metric_names::check_dimensions("Dimensions", input.dimensions.as_deref().unwrap_or_default())?;
    let periods = periods(input.start_time, input.end_time, input.period)?;
    let metric =
        MetricName::given(&context.scope, &input.namespace, &input.metric_name, input.dimensions.as_deref());
    let units: Vec<StandardUnit> = match input.unit {
        Some(unit) => vec![unit],
        None => state.metrics.units(&metric).collect(),
    };
    let mut points = Vec::new();
    for unit in units {
        for (at, samples) in state.metrics.read(&metric, Some(unit), periods) {
            points.push(datapoint(at, unit, &samples, &statistics, &asked));
        }
    }
    points.sort_by_key(|point| point.timestamp);
    Ok(GetMetricStatisticsOutput { datapoints: Some(points), label: Some(input.metric_name) })
}

fn periods(start: Timestamp, end: Timestamp, period: i32) -> Result<Periods, ApiError> {
    if !(matches!(period, 1 | 5 | 10 | 20 | 30) || (period > 0 && period % 60 == 0)) {
        return Err(invalid_value(format!(
            "The value {period} for parameter Period is invalid: it must be 1, 5, 10, 20, 30 or a multiple of 60."
        )));
    }
    if start >= end {
        return Err(invalid_value("The parameter StartTime must be less than the parameter EndTime."));
    }
    let period = i64::from(period);
    // AWS begins at StartTime, rounded down to the minute, or to the period when that is shorter.
    let start = start.as_millis().div_euclid(1_000);
    let origin = start - start.rem_euclid(period.min(60));
    let periods = Periods { from: origin, to: (end.as_millis() + 999).div_euclid(1_000), period, origin };
    let count = (periods.to - origin + period - 1) / period;
    if count > MOST_PERIODS {
        return Err(invalid_combination(format!(
            "You have requested up to {count} datapoints, which exceeds the limit of {MOST_PERIODS}. You may reduce \
             the datapoints requested by increasing Period, or decreasing the time range."
        )));
    }
    Ok(periods)
}

fn datapoint(
    at: i64,
    unit: StandardUnit,
    samples: &Bucket,
    statistics: &[cloudwatch::Statistic],
    extended: &[(String, Statistic)],
) -> Datapoint {
    let of = |wanted: cloudwatch::Statistic| {
        if statistics.contains(&wanted) { Statistic::from(wanted).of(samples) } else { None }
    };
    let known = extended.iter().filter_map(|(name, statistic)| Some((name.clone(), statistic.of(samples)?)));
    let known: BTreeMap<String, f64> = known.collect();
    Datapoint {
        average: of(cloudwatch::Statistic::Average),
        extended_statistics: (!known.is_empty()).then_some(known),
        maximum: of(cloudwatch::Statistic::Maximum),
        minimum: of(cloudwatch::Statistic::Minimum),
        sample_count: of(cloudwatch::Statistic::SampleCount),
        sum: of(cloudwatch::Statistic::Sum),
        timestamp: Some(Timestamp::from_millis(at * 1_000)),
        unit: Some(unit),
    }
}
