//! Amazon CloudWatch: states of alarms and sums of metrics. Read only. It must never take "no data" for
//! a number. Start with [`Client::alarm_states`].

use crate::client::{Client, ask};
use crate::error::AwsError;
use crate::pacing::Bucket;
use aws_sdk_cloudwatch::types::{
    AlarmType, Dimension, Metric, MetricDataQuery, MetricStat, ScanBy, StateValue,
};
use aws_smithy_types::DateTime;
use std::collections::BTreeMap;
use tidegate_rollout::Millis;
use tidegate_rollout::gate::AlarmReading;

/// DescribeAlarms takes so many names.
const NAMES_A_CALL: usize = 100;

/// One time series to read.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) namespace: String,
    pub(crate) metric: String,
    pub(crate) dimensions: Vec<(String, String)>,
    pub(crate) statistic: String,
    /// In milliseconds of AWS's clock.
    pub(crate) period: Millis,
}

/// A point of a series: the beginning of its period, and its value.
pub(crate) type Point = (Millis, f64);

impl Client {
    /// The state of each of these alarms, metric or composite. AWS leaves out those that do not exist.
    pub(crate) async fn alarm_states(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, AlarmReading>, AwsError> {
        let mut states: BTreeMap<String, AlarmReading> =
            names.iter().map(|name| (name.clone(), AlarmReading::Missing)).collect();
        for chunk in names.chunks(NAMES_A_CALL) {
            let request = self
                .cloudwatch
                .describe_alarms()
                .set_alarm_names(Some(chunk.to_vec()))
                .alarm_types(AlarmType::MetricAlarm)
                .alarm_types(AlarmType::CompositeAlarm)
                .max_records(100);
            let (output, _) = ask!(self, "cloudwatch", "DescribeAlarms", Bucket::Elsewhere, request)?;
            let metric = output
                .metric_alarms()
                .iter()
                .map(|alarm| (alarm.alarm_name(), alarm.state_value(), alarm.state_reason()));
            let composite = output
                .composite_alarms()
                .iter()
                .map(|alarm| (alarm.alarm_name(), alarm.state_value(), alarm.state_reason()));
            for (name, state, reason) in metric.chain(composite) {
                let state = match state {
                    Some(StateValue::Ok) => AlarmReading::Ok,
                    Some(StateValue::Alarm) => AlarmReading::Alarm(reason.unwrap_or_default().to_owned()),
                    _ => AlarmReading::InsufficientData,
                };
                states.insert(name.unwrap_or_default().to_owned(), state);
            }
        }
        Ok(states)
    }

    /// The points of each series from `from` to `to` on AWS's clock, oldest first.
    pub(crate) async fn points(
        &self,
        series: &[Series],
        from: Millis,
        to: Millis,
    ) -> Result<Vec<Vec<Point>>, AwsError> {
        let mut points = vec![Vec::new(); series.len()];
        let queries: Vec<MetricDataQuery> = series.iter().enumerate().map(query).collect();
        let mut token: Option<String> = None;
        while !series.is_empty() {
            let request = self
                .cloudwatch
                .get_metric_data()
                .set_metric_data_queries(Some(queries.clone()))
                .start_time(DateTime::from_millis(from))
                .end_time(DateTime::from_millis(to))
                .scan_by(ScanBy::TimestampAscending)
                .set_next_token(token);
            let (output, _) = ask!(self, "cloudwatch", "GetMetricData", Bucket::Elsewhere, request)?;
            for result in output.metric_data_results() {
                let index = result.id().and_then(|id| id.strip_prefix('q')?.parse::<usize>().ok());
                let Some(of_series) = index.and_then(|index| points.get_mut(index)) else { continue };
                let stamps = result.timestamps().iter().map(|at| at.to_millis().unwrap_or_default());
                of_series.extend(stamps.zip(result.values().iter().copied()));
            }
            token = output.next_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        Ok(points)
    }
}

fn query((index, series): (usize, &Series)) -> MetricDataQuery {
    let dimensions =
        series.dimensions.iter().map(|(name, value)| Dimension::builder().name(name).value(value).build());
    let metric = Metric::builder()
        .namespace(&series.namespace)
        .metric_name(&series.metric)
        .set_dimensions(Some(dimensions.collect()));
    let stat = MetricStat::builder()
        .metric(metric.build())
        .period(i32::try_from(series.period / 1000).unwrap_or(60))
        .stat(&series.statistic);
    MetricDataQuery::builder().id(format!("q{index}")).metric_stat(stat.build()).build()
}
