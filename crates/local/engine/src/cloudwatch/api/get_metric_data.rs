//! Metrics and expressions of them.

use tidegate_models::{
    Timestamp,
    cloudwatch::{GetMetricDataInput, GetMetricDataOutput, MetricDataResult, ScanBy, StatusCode},
};

use super::{
    super::{
        math::{Answer, Queries, Returned},
        metrics::Periods,
    },
    errors::{self, invalid_value, validation},
    metric_names,
};
use crate::{ApiError, Context, State};

/// AWS's limit of queries in one call.
const MOST_QUERIES: usize = 500;

/// AWS's limit of data points in one answer, and how many are given when nothing else is asked for.
const MOST_POINTS: usize = 100_800;

/// `GetMetricData`: periods begin at whole multiples of themselves. The period that is not over yet answers with what
/// there is of it so far, as on AWS.
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetMetricDataInput,
) -> Result<GetMetricDataOutput, ApiError> {
    if input.metric_data_queries.is_empty() {
        return Err(validation("The parameter MetricDataQueries is required."));
    }
    if input.metric_data_queries.len() > MOST_QUERIES {
        return Err(validation(format!(
            "The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}."
        )));
    }
    if input.start_time >= input.end_time {
        return Err(validation("The parameter EndTime must be greater than StartTime."));
    }
    let limit = match input.max_datapoints {
        None => MOST_POINTS,
        Some(given) => usize::try_from(given)
            .ok()
            .filter(|given| (1..=MOST_POINTS).contains(given))
            .ok_or_else(|| validation(format!("MaxDatapoints must be between 1 and {MOST_POINTS}")))?,
    };
    for query in &input.metric_data_queries {
        let metric = query.metric_stat.as_ref().map(|stat| &stat.metric);
        let dimensions = metric.and_then(|metric| metric.dimensions.as_deref()).unwrap_or_default();
        metric_names::check_dimensions("MetricStat.Metric.Dimensions", dimensions)?;
        if query.account_id.as_ref().is_some_and(|account| *account != context.scope.account) {
            return Err(invalid_value(format!("The query '{}' is of another account", query.id)));
        }
    }
    let queries = Queries::parse(&context.scope, &input.metric_data_queries).map_err(validation)?;
    let periods = Periods {
        from: input.start_time.as_millis().div_euclid(1_000),
        to: (input.end_time.as_millis() + 999).div_euclid(1_000),
        period: queries.period(),
        origin: 0,
    };
    check_size(&queries, periods)?;
    let answers = queries.answers(&state.metrics, periods).map_err(validation)?;

    let scan = input.scan_by.unwrap_or(ScanBy::TimestampDescending);
    let wanted = input.metric_data_queries.iter().filter(|query| query.return_data.unwrap_or(true));
    let mut results = Vec::new();
    for query in wanted {
        match answers.get(query.id.as_str()) {
            Some(Answer::Series(series)) => {
                results.extend(series.iter().map(|returned| result(&query.id, returned, scan)));
            }
            Some(Answer::OneNumber) => {
                return Err(validation(format!(
                    "Error in expression '{}' [it is one number, and what is returned must be a time series; \
                     TIME_SERIES makes one of it]",
                    query.id
                )));
            }
            None => {}
        }
    }
    let skip = offset(input.next_token.as_deref())?;
    let (results, next) = cut(results, skip, limit);
    Ok(GetMetricDataOutput {
        messages: Some(Vec::new()),
        metric_data_results: Some(results),
        next_token: next.map(|offset| format!("{TOKEN}{offset:x}")),
    })
}

/// What a token begins with.
const TOKEN: &str = "gmd-";

/// At which point of all the next page begins.
fn offset(token: Option<&str>) -> Result<usize, ApiError> {
    let Some(token) = token else { return Ok(0) };
    let offset = token.strip_prefix(TOKEN).and_then(|offset| usize::from_str_radix(offset, 16).ok());
    offset.ok_or_else(errors::invalid_token)
}

/// More points than anyone could page through are more than should be computed.
fn check_size(queries: &Queries, periods: Periods) -> Result<(), ApiError> {
    let most = (periods.to - periods.from) / queries.shortest_period();
    if most > 10 * MOST_POINTS as i64 {
        return Err(validation(format!(
            "You have requested up to {most} datapoints of one metric; increase the period, or decrease the time range"
        )));
    }
    Ok(())
}

fn result(id: &str, returned: &Returned, scan: ScanBy) -> MetricDataResult {
    let mut points: Vec<(i64, f64)> = returned.points.iter().map(|(at, value)| (*at, *value)).collect();
    if scan == ScanBy::TimestampDescending {
        points.reverse();
    }
    let (at, values) = points.into_iter().unzip::<_, _, Vec<i64>, Vec<f64>>();
    MetricDataResult {
        id: Some(id.to_owned()),
        label: Some(returned.label.clone()),
        messages: None,
        status_code: Some(StatusCode::Complete),
        timestamps: Some(at.into_iter().map(|second| Timestamp::from_millis(second * 1_000)).collect()),
        values: Some(values),
    }
}

/// The page of points that begins after `skip` of them, and where the next one does. A result whose points go on on the
/// next page is `PartialData`.
fn cut(results: Vec<MetricDataResult>, skip: usize, limit: usize) -> (Vec<MetricDataResult>, Option<usize>) {
    let (mut page, mut before, mut left) = (Vec::new(), 0, limit);
    for mut result in results {
        let count = result.values.as_ref().map_or(0, Vec::len);
        let start = skip.saturating_sub(before).min(count);
        let was_done = before + count <= skip && skip > 0;
        before += count;
        if was_done {
            continue;
        }
        if left == 0 && count > start {
            return (page, Some(skip + limit));
        }
        let end = (start + left).min(count);
        left -= end - start;
        let part = |values: Vec<f64>| values[start..end].to_vec();
        result.values = result.values.map(part);
        result.timestamps = result.timestamps.map(|timestamps| timestamps[start..end].to_vec());
        if end < count {
            result.status_code = Some(StatusCode::PartialData);
            page.push(result);
            return (page, Some(skip + limit));
        }
        page.push(result);
    }
    (page, None)
}
