//! Data points, put.

use std::time::Duration;

use tidegate_models::{
    Timestamp,
    cloudwatch::{MetricDatum, PutMetricDataInput, StandardUnit, StatisticSet},
};

use super::{
    super::metrics::{Bucket, Durability, MetricName, Put, Resolution},
    Nothing,
    errors::{invalid_combination, invalid_value, missing},
    metric_names,
};
use crate::{ApiError, Context, State, state::Subject};

/// AWS's limit of data in one call.
const MOST_DATA: usize = 1_000;

/// AWS's limit of values in one datum.
const MOST_VALUES: usize = 150;

/// How far back a datum may be.
const OLDEST: Duration = Duration::from_hours(14 * 24);

/// How far ahead a datum may be.
const NEWEST: Duration = Duration::from_hours(2);

/// `PutMetricData`. Entities are taken and not kept.
pub(super) fn put(
    state: &mut State,
    context: &Context,
    input: PutMetricDataInput,
) -> Result<Nothing, ApiError> {
    if input.namespace.starts_with("AWS/") {
        return Err(invalid_value("The value AWS/ for parameter Namespace is invalid."));
    }
    let of_entities = input.entity_metric_data.into_iter().flatten().filter_map(|entity| entity.metric_data);
    let data: Vec<MetricDatum> = input.metric_data.into_iter().chain(of_entities).flatten().collect();
    if data.is_empty() {
        return Err(missing("The parameter MetricData is required."));
    }
    if data.len() > MOST_DATA {
        return Err(invalid_value(format!(
            "The collection MetricData must not have a size greater than {MOST_DATA}."
        )));
    }
    let mut puts = Vec::with_capacity(data.len());
    for (at, datum) in data.into_iter().enumerate() {
        puts.push(read(context, &input.namespace, &format!("MetricData.member.{}", at + 1), datum)?);
    }
    for put in puts {
        state.metrics.put(&put, Durability::AtOnce);
    }
    state.touch(Subject::Metrics);
    Ok(Nothing {})
}

fn read(context: &Context, namespace: &str, place: &str, datum: MetricDatum) -> Result<Put, ApiError> {
    metric_names::check_dimensions(
        &format!("{place}.Dimensions"),
        datum.dimensions.as_deref().unwrap_or_default(),
    )?;
    let at = datum.timestamp.unwrap_or(context.now);
    check_time(place, at, context.now)?;
    let resolution = match datum.storage_resolution {
        Some(1) => Resolution::Second,
        None | Some(60) => Resolution::Minute,
        Some(other) => {
            return Err(invalid_value(format!(
                "The value {other} for parameter {place}.StorageResolution is invalid: it must be 1 or 60."
            )));
        }
    };
    Ok(Put {
        metric: MetricName::given(&context.scope, namespace, &datum.metric_name, datum.dimensions.as_deref()),
        unit: datum.unit.unwrap_or(StandardUnit::None),
        at,
        resolution,
        samples: samples(place, datum)?,
    })
}

fn check_time(place: &str, at: Timestamp, now: Timestamp) -> Result<(), ApiError> {
    if at > now + NEWEST {
        return Err(invalid_value(format!(
            "The parameter {place}.Timestamp must specify a time no more than two hours in the future."
        )));
    }
    if at < now - OLDEST {
        return Err(invalid_value(format!(
            "The parameter {place}.Timestamp must specify a time within the past two weeks."
        )));
    }
    Ok(())
}

fn samples(place: &str, datum: MetricDatum) -> Result<Bucket, ApiError> {
    match (datum.value, datum.values, datum.statistic_values) {
        (Some(value), None, None) => {
            check_value(&format!("{place}.Value"), value)?;
            Ok(Bucket::of([(value, 1.0)]))
        }
        (None, Some(values), None) => of_values(place, &values, datum.counts),
        (None, None, Some(set)) => of_set(&format!("{place}.StatisticValues"), &set),
        (None, None, None) => Err(missing(format!(
            "At least one of the parameters {place}.Value, {place}.Values or {place}.StatisticValues must be specified."
        ))),
        (value, _, set) => {
            let first = if value.is_some() { "Value" } else { "Values" };
            let second = if set.is_some() { "StatisticValues" } else { "Values" };
            Err(invalid_combination(format!(
                "The parameters {place}.{first} and {place}.{second} are mutually exclusive and you have specified both."
            )))
        }
    }
}

fn of_values(place: &str, values: &[f64], counts: Option<Vec<f64>>) -> Result<Bucket, ApiError> {
    if values.is_empty() || values.len() > MOST_VALUES {
        return Err(invalid_value(format!(
            "The collection {place}.Values must have a size between 1 and {MOST_VALUES}."
        )));
    }
    let counts = counts.unwrap_or_else(|| vec![1.0; values.len()]);
    if counts.len() != values.len() {
        return Err(invalid_value(format!(
            "The parameters {place}.Values and {place}.Counts must have the same size."
        )));
    }
    for (at, (value, count)) in values.iter().zip(&counts).enumerate() {
        let number = at + 1;
        check_value(&format!("{place}.Values.member.{number}"), *value)?;
        check_value(&format!("{place}.Counts.member.{number}"), *count)?;
        if *count <= 0.0 {
            return Err(invalid_value(format!(
                "The value {count} for parameter {place}.Counts.member.{number} is invalid: it must be positive."
            )));
        }
    }
    Ok(Bucket::of(values.iter().copied().zip(counts)))
}

fn of_set(place: &str, set: &StatisticSet) -> Result<Bucket, ApiError> {
    for (name, value) in [
        ("SampleCount", set.sample_count),
        ("Sum", set.sum),
        ("Minimum", set.minimum),
        ("Maximum", set.maximum),
    ] {
        check_value(&format!("{place}.{name}"), value)?;
    }
    if set.sample_count <= 0.0 {
        return Err(invalid_value(format!(
            "The value {} for parameter {place}.SampleCount is invalid: it must be positive.",
            set.sample_count
        )));
    }
    if set.minimum > set.maximum {
        return Err(invalid_value(format!(
            "The parameter {place}.Maximum must be greater than {place}.Minimum."
        )));
    }
    Ok(Bucket::of_statistics(set.sample_count, set.sum, set.minimum, set.maximum))
}

/// AWS takes numbers between −2³⁶⁰ and 2³⁶⁰.
fn check_value(parameter: &str, value: f64) -> Result<(), ApiError> {
    if value.is_finite() && value.abs() <= 2_f64.powi(360) {
        return Ok(());
    }
    Err(invalid_value(format!("The value {value:?} for parameter {parameter} is invalid.")))
}
