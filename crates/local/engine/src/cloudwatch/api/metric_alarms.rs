//! Metric alarms: put.

use tidegate_models::cloudwatch::{
    ComparisonOperator as Operator, EvaluationWindow, MetricAlarm as Document, MetricDataQuery,
    PutMetricAlarmInput,
};

use super::{
    super::{alarms, math::Queries, records::Definition},
    Nothing,
    errors::{invalid_combination, missing, not_implemented, validation},
    metric_names, tags,
};
use crate::{ApiError, Context, Scope, State, state::Subject};

/// `PutMetricAlarm`. An alarm that exists keeps its state until it is evaluated.
pub(super) fn put(
    state: &mut State,
    context: &Context,
    input: PutMetricAlarmInput,
) -> Result<Nothing, ApiError> {
    check(&context.scope, &input)?;
    let name = input.alarm_name.clone();
    let existing = alarms::named(state, &context.scope, &name);
    if existing.is_some_and(|alarm| matches!(alarm.definition, Definition::Composite(_))) {
        return Err(validation(format!(
            "The alarm '{name}' exists and is a composite alarm; delete it first"
        )));
    }
    let is_new = existing.is_none();
    let tags = tags::given(input.tags.clone())?;
    let arn = alarms::arn(&context.scope, &name);
    let definition = Definition::Metric(Box::new(document(arn.clone(), input)));
    alarms::put(state, &context.scope, &name, definition, context.now);
    // As on AWS, tags given for an alarm that exists are ignored.
    if is_new {
        state.put_tags(&arn, tags);
    }
    state.touch(Subject::Alarm(arn));
    Ok(Nothing {})
}

fn document(arn: String, input: PutMetricAlarmInput) -> Document {
    Document {
        action_configuration: input.action_configuration,
        actions_enabled: Some(input.actions_enabled.unwrap_or(true)),
        alarm_actions: Some(input.alarm_actions.unwrap_or_default()),
        alarm_arn: Some(arn),
        alarm_description: input.alarm_description,
        alarm_name: Some(input.alarm_name),
        comparison_operator: input.comparison_operator,
        datapoints_to_alarm: input.datapoints_to_alarm,
        // As on AWS, an alarm of an expression has no dimensions of its own.
        dimensions: Some(input.dimensions.unwrap_or_default()),
        evaluate_low_sample_count_percentile: input.evaluate_low_sample_count_percentile,
        evaluation_periods: input.evaluation_periods,
        evaluation_window: input.evaluation_window,
        extended_statistic: input.extended_statistic,
        insufficient_data_actions: Some(input.insufficient_data_actions.unwrap_or_default()),
        metric_name: input.metric_name,
        metrics: input.metrics,
        namespace: input.namespace,
        ok_actions: Some(input.ok_actions.unwrap_or_default()),
        period: input.period,
        statistic: input.statistic,
        threshold: input.threshold,
        treat_missing_data: input.treat_missing_data,
        unit: input.unit,
        ..Document::default()
    }
}

fn check(scope: &Scope, input: &PutMetricAlarmInput) -> Result<(), ApiError> {
    if input.evaluation_criteria.is_some() || input.evaluation_interval.is_some() {
        return Err(not_implemented("Alarms on PromQL queries are"));
    }
    if input.warm_up_configuration.is_some() {
        return Err(not_implemented("Warm-up periods of alarms are"));
    }
    let operator =
        input.comparison_operator.ok_or_else(|| missing("The parameter ComparisonOperator is required."))?;
    if let Operator::LessThanLowerOrGreaterThanUpperThreshold
    | Operator::LessThanLowerThreshold
    | Operator::GreaterThanUpperThreshold = operator
    {
        return Err(not_implemented(&format!("Anomaly detection ({operator}) is")));
    }
    if input.threshold_metric_id.is_some() {
        return Err(not_implemented("Anomaly detection (ThresholdMetricId) is"));
    }
    let threshold = input.threshold.ok_or_else(|| missing("The parameter Threshold is required."))?;
    if !threshold.is_finite() {
        return Err(validation("Threshold must be a finite number"));
    }
    let periods =
        input.evaluation_periods.ok_or_else(|| missing("The parameter EvaluationPeriods is required."))?;
    if input.datapoints_to_alarm.is_some_and(|points| points > periods) {
        return Err(validation("DatapointsToAlarm must be less than or equal to EvaluationPeriods"));
    }
    one_of(
        "TreatMissingData",
        input.treat_missing_data.as_deref(),
        &["breaching", "notBreaching", "ignore", "missing"],
    )?;
    one_of(
        "EvaluateLowSampleCountPercentile",
        input.evaluate_low_sample_count_percentile.as_deref(),
        &["evaluate", "ignore"],
    )?;
    let period = match &input.metrics {
        Some(metrics) => check_metrics(scope, input, metrics)?,
        None => check_metric(input)?,
    };
    check_period(period, periods)?;
    check_window(input.evaluation_window.as_ref(), period)
}

/// An alarm of one metric: answers its period.
fn check_metric(input: &PutMetricAlarmInput) -> Result<i32, ApiError> {
    if input.metric_name.is_none() {
        return Err(missing("Either MetricName or Metrics is required."));
    }
    if input.namespace.is_none() {
        return Err(missing("The parameter Namespace is required."));
    }
    match (&input.statistic, &input.extended_statistic) {
        (Some(_), None) => {}
        (None, Some(extended)) => {
            metric_names::check_extended_statistic("ExtendedStatistic", extended)?;
        }
        (Some(_), Some(_)) => {
            return Err(invalid_combination(
                "Statistic and ExtendedStatistic cannot be specified at the same time.",
            ));
        }
        (None, None) => return Err(missing("Either Statistic or ExtendedStatistic is required.")),
    }
    metric_names::check_dimensions("Dimensions", input.dimensions.as_deref().unwrap_or_default())?;
    input.period.ok_or_else(|| missing("The parameter Period is required."))
}

/// An alarm of an expression: answers its period.
fn check_metrics(
    scope: &Scope,
    input: &PutMetricAlarmInput,
    metrics: &[MetricDataQuery],
) -> Result<i32, ApiError> {
    let alone = [
        ("MetricName", input.metric_name.is_some()),
        ("Namespace", input.namespace.is_some()),
        ("Dimensions", input.dimensions.as_ref().is_some_and(|given| !given.is_empty())),
        ("Period", input.period.is_some()),
        ("Unit", input.unit.is_some()),
        ("Statistic", input.statistic.is_some()),
        ("ExtendedStatistic", input.extended_statistic.is_some()),
    ];
    if let Some((parameter, _)) = alone.iter().find(|(_, given)| *given) {
        return Err(invalid_combination(format!(
            "Metrics and {parameter} cannot be specified at the same time."
        )));
    }
    let returned: Vec<_> = metrics.iter().filter(|query| query.return_data.unwrap_or(true)).collect();
    let [_] = returned.as_slice() else {
        return Err(validation(
            "Metrics list must contain exactly one metric matching the ReturnData=true flag",
        ));
    };
    if metrics.iter().all(|query| query.metric_stat.is_none()) {
        return Err(validation("Metrics list must contain at least one MetricStat"));
    }
    let queries = Queries::parse(scope, metrics).map_err(validation)?;
    i32::try_from(queries.period()).map_err(|_| validation("The period is too long"))
}

/// AWS's own rules and text.
fn check_period(period: i32, evaluation_periods: i32) -> Result<(), ApiError> {
    if !(matches!(period, 10 | 20 | 30) || (period > 0 && period % 60 == 0)) {
        return Err(validation(format!(
            "Period {period} is not valid: it must be 10, 20, 30 or a multiple of 60"
        )));
    }
    let total = i64::from(period) * i64::from(evaluation_periods);
    if period < 3_600 && total > 86_400 {
        return Err(validation(
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).",
        ));
    }
    if total > 604_800 {
        return Err(validation(
            "Metrics cannot be checked across more than seven days (EvaluationPeriods * Period must be <= 604800).",
        ));
    }
    Ok(())
}

fn check_window(window: Option<&EvaluationWindow>, period: i32) -> Result<(), ApiError> {
    let Some(wall_clock) = window.and_then(|window| window.wall_clock_window.as_ref()) else { return Ok(()) };
    if window.is_some_and(|window| window.sliding_window.is_some()) {
        return Err(invalid_combination(
            "SlidingWindow and WallClockWindow cannot be specified at the same time.",
        ));
    }
    if wall_clock.timezone.as_deref().is_some_and(|zone| zone != "UTC") {
        return Err(not_implemented("Time zones of wall clock windows are"));
    }
    if !matches!(period, 60 | 300 | 3_600 | 86_400 | 604_800) {
        return Err(validation(
            "With a WallClockWindow the period must be 60, 300, 3600, 86400 or 604800 seconds",
        ));
    }
    Ok(())
}

fn one_of(parameter: &str, given: Option<&str>, values: &[&str]) -> Result<(), ApiError> {
    match given {
        Some(given) if !values.contains(&given) => Err(validation(format!(
            "The value {given} for parameter {parameter} is invalid: it must be one of [{}]",
            values.join(", ")
        ))),
        _ => Ok(()),
    }
}
