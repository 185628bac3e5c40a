//! The API's handlers: one file for each thing that can be done with an alarm or a metric, and this table.
//!
//! A handler checks everything first and changes the state last, so that one that answers with an error has changed
//! nothing. What follows from a change (whether an alarm is to be raised) is left to the reconciler. Start at
//! [`register`].

#![allow(clippy::needless_pass_by_value, reason = "every handler takes its whole input")]
#![allow(clippy::unnecessary_wraps, reason = "every handler may fail, also one that cannot")]

mod alarm_actions;
mod alarm_states;
mod composite_alarms;
mod describe_alarms;
mod errors;
mod get_metric_data;
mod get_metric_statistics;
mod history;
mod list_metrics;
mod metric_alarms;
mod metric_names;
mod put_metric_data;
mod tags;

use serde::Serialize;
use tidegate_models::cloudwatch::PutMetricAlarmInput;

use super::SERVICE;
use crate::{ApiError, Context, State, engine::Handlers};

/// The answer of an operation that has none.
#[derive(Debug, Serialize)]
struct Nothing {}

/// `PutMetricAlarm`, for services that make alarms of their own: refused where AWS's API refuses it.
pub(crate) fn put_metric_alarm(
    state: &mut State,
    context: &Context,
    input: PutMetricAlarmInput,
) -> Result<(), ApiError> {
    metric_alarms::put(state, context, input).map(|Nothing {}| ())
}

/// Adds the handlers of CloudWatch.
pub(crate) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "PutMetricAlarm", metric_alarms::put);
    handlers.write(SERVICE, "PutCompositeAlarm", composite_alarms::put);
    handlers.read(SERVICE, "DescribeAlarms", describe_alarms::describe);
    handlers.read(SERVICE, "DescribeAlarmsForMetric", describe_alarms::describe_for_metric);
    handlers.write(SERVICE, "SetAlarmState", alarm_states::set);
    handlers.write(SERVICE, "DeleteAlarms", alarm_states::delete);
    handlers.read(SERVICE, "DescribeAlarmHistory", history::describe);
    handlers.write(SERVICE, "EnableAlarmActions", alarm_actions::enable);
    handlers.write(SERVICE, "DisableAlarmActions", alarm_actions::disable);

    handlers.write(SERVICE, "PutMetricData", put_metric_data::put);
    handlers.read(SERVICE, "GetMetricData", get_metric_data::get);
    handlers.read(SERVICE, "GetMetricStatistics", get_metric_statistics::get);
    handlers.read(SERVICE, "ListMetrics", list_metrics::list);

    handlers.write(SERVICE, "TagResource", tags::tag);
    handlers.write(SERVICE, "UntagResource", tags::untag);
    handlers.read(SERVICE, "ListTagsForResource", tags::list);
}
