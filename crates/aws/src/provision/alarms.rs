//! The alarms of a stage. A config file names alarms of production, which a local cloud does not have: here each is one
//! on the stage's own load balancer.

use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, Metric, MetricDataQuery, MetricStat};

use super::Parts;
use crate::{
    client::{Client, ask},
    error::AwsError,
    pacing::Bucket,
};

/// Load balancers count by the minute.
const PERIOD_SECONDS: i32 = 60;
/// A deployment bakes as long as its alarms look back: two minutes, so that a whole one is among them. One bad minute is
/// enough.
const PERIODS: i32 = 2;

/// An alarm on the stage's load balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct StageAlarm {
    /// Its name.
    pub name: String,
    /// When it goes off.
    pub watches: Watches,
}

/// When an alarm goes off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Watches {
    /// More than this share of the requests, in percent, ended with a 5xx, the load balancer's own included.
    Errors(f64),
    /// One request in twenty took longer than this, in seconds.
    SlowerThan(f64),
}

impl Client {
    pub(super) async fn put_alarm(&self, parts: &Parts<'_>, alarm: &StageAlarm) -> Result<(), AwsError> {
        let load_balancer =
            parts.load_balancer.split(":loadbalancer/").nth(1).unwrap_or(&parts.load_balancer);
        let stat = |metric: &str, statistic: &str| {
            let dimension = Dimension::builder().name("LoadBalancer").value(load_balancer).build();
            let metric =
                Metric::builder().namespace("AWS/ApplicationELB").metric_name(metric).dimensions(dimension);
            MetricStat::builder().metric(metric.build()).period(PERIOD_SECONDS).stat(statistic).build()
        };
        let query = |id: &str| MetricDataQuery::builder().id(id);
        let counted =
            |id: &str, metric: &str| query(id).metric_stat(stat(metric, "Sum")).return_data(false).build();
        let (queries, threshold) = match alarm.watches {
            Watches::Errors(percent) => {
                let share = query("share").expression("100 * (FILL(theirs, 0) + FILL(own, 0)) / requests");
                let queries = vec![
                    share.return_data(true).build(),
                    counted("theirs", "HTTPCode_Target_5XX_Count"),
                    counted("own", "HTTPCode_ELB_5XX_Count"),
                    counted("requests", "RequestCount"),
                ];
                (queries, percent)
            }
            Watches::SlowerThan(seconds) => {
                let slow = query("slow").metric_stat(stat("TargetResponseTime", "p95"));
                (vec![slow.return_data(true).build()], seconds)
            }
        };
        let request = self
            .cloudwatch
            .put_metric_alarm()
            .alarm_name(&alarm.name)
            .set_metrics(Some(queries))
            .evaluation_periods(PERIODS)
            .datapoints_to_alarm(1)
            .comparison_operator(ComparisonOperator::GreaterThanThreshold)
            .threshold(threshold)
            .treat_missing_data("notBreaching");
        ask!(self, "cloudwatch", "PutMetricAlarm", Bucket::Elsewhere, request).map(drop)
    }
}
