//! The functions of metric math, by name.
//!
//! A function of one series gives a number or a series; the same function of a list gives a series, point by point.

use super::{
    Series,
    evaluate::{Environment, Value, elementwise, truth},
};

/// The functions that can be called.
pub(super) const NAMES: [&str; 21] = [
    "ABS",
    "AVG",
    "CEIL",
    "DIFF",
    "FILL",
    "FLOOR",
    "IF",
    "LOG",
    "LOG10",
    "MAX",
    "METRICS",
    "METRIC_COUNT",
    "MIN",
    "PERIOD",
    "RATE",
    "RUNNING_SUM",
    "STDDEV",
    "SUM",
    "TIME_SERIES",
    "SLICE",
    "EPOCH",
];

/// Calls a function.
pub(super) fn call(
    name: &str,
    arguments: Vec<Value>,
    environment: &Environment<'_>,
) -> Result<Value, String> {
    match (name, arguments.as_slice()) {
        ("SUM" | "AVG" | "MIN" | "MAX" | "STDDEV", [argument]) => Ok(over(name, argument)),
        ("METRIC_COUNT", [Value::Many(many)]) => Ok(Value::Number(many.len() as f64)),
        ("METRIC_COUNT", [_]) => Ok(Value::Number(1.0)),
        ("ABS", [argument]) => Ok(argument.each(f64::abs)),
        ("CEIL", [argument]) => Ok(argument.each(f64::ceil)),
        ("FLOOR", [argument]) => Ok(argument.each(f64::floor)),
        ("LOG", [argument]) => Ok(argument.each(f64::ln)),
        ("LOG10", [argument]) => Ok(argument.each(f64::log10)),
        ("EPOCH", [argument]) => {
            argument.whole(&|series: &Series| Ok(series.keys().map(|at| (*at, *at as f64)).collect()))
        }
        ("DIFF", [argument]) => argument.whole(&|series: &Series| Ok(steps(series, |step, _| step))),
        ("RATE", [argument]) => {
            argument.whole(&|series: &Series| Ok(steps(series, |step, seconds| step / seconds)))
        }
        ("RUNNING_SUM", [argument]) => argument.whole(&|series: &Series| {
            let mut sum = 0.0;
            let running = series.iter().map(|(at, value)| {
                sum += value;
                (*at, sum)
            });
            Ok(running.collect())
        }),
        ("PERIOD", [Value::Series(_)]) => Ok(Value::Number(environment.period as f64)),
        ("TIME_SERIES", [Value::Number(number)]) => {
            Ok(Value::Series(environment.begins().map(|at| (at, *number)).collect()))
        }
        ("FILL", [argument, with]) => argument.whole(&|series: &Series| fill(series, with, environment)),
        ("SLICE", [argument, Value::Number(from)]) => {
            let from = *from;
            argument.whole(&move |series: &Series| Ok(slice(series, from, f64::INFINITY)))
        }
        ("SLICE", [argument, Value::Number(from), Value::Number(to)]) => {
            let (from, to) = (*from, *to);
            argument.whole(&move |series: &Series| Ok(slice(series, from, to)))
        }
        ("IF", [condition, then]) => Ok(if_else(condition, then, None)),
        ("IF", [condition, then, otherwise]) => Ok(if_else(condition, then, Some(otherwise))),
        _ if NAMES.contains(&name) => Err(format!("{name} cannot be called with these arguments")),
        _ => Err(unknown(name)),
    }
}

/// That there is no function called so, or that it is not to be had here.
pub(super) fn unknown(name: &str) -> String {
    match name {
        "SEARCH"
        | "ANOMALY_DETECTION_BAND"
        | "SORT"
        | "REMOVE_EMPTY"
        | "SERVICE_QUOTA"
        | "INSIGHT_RULE_METRIC"
        | "FIRST"
        | "LAST"
        | "MINUTE"
        | "HOUR"
        | "DAY"
        | "DATE"
        | "MONTH"
        | "YEAR"
        | "DB_PERF_INSIGHTS"
        | "LAMBDA"
        | "DATAPOINT_COUNT" => format!("{name} is not implemented by the local cloud yet"),
        _ => format!("unknown function {name}"),
    }
}

/// One number for a series; a series for a list, of the values at each point.
fn over(name: &str, argument: &Value) -> Value {
    let reduce = |values: &[f64]| {
        let (count, sum) = (values.len() as f64, values.iter().sum::<f64>());
        match name {
            "SUM" => sum,
            "AVG" => sum / count,
            "MIN" => values.iter().copied().fold(f64::INFINITY, f64::min),
            "MAX" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            _ => {
                let mean = sum / count;
                (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
            }
        }
    };
    match argument {
        Value::Many(many) => {
            let mut at_each: std::collections::BTreeMap<i64, Vec<f64>> = std::collections::BTreeMap::new();
            for (at, value) in many.iter().flat_map(|(_, series)| series) {
                at_each.entry(*at).or_default().push(*value);
            }
            Value::Series(at_each.into_iter().map(|(at, values)| (at, reduce(&values))).collect())
        }
        Value::Series(series) if series.is_empty() => Value::Series(Series::new()),
        Value::Series(series) => Value::Number(reduce(&series.values().copied().collect::<Vec<_>>())),
        Value::Number(number) => Value::Number(reduce(&[*number])),
        Value::Text(_) => argument.clone(),
    }
}

/// From each point to the next: what `of` makes of the difference and the seconds between.
fn steps(series: &Series, of: impl Fn(f64, f64) -> f64) -> Series {
    let pairs = series.iter().zip(series.iter().skip(1));
    pairs.map(|((before, old), (at, new))| (*at, of(new - old, (at - before) as f64))).collect()
}

fn fill(series: &Series, with: &Value, environment: &Environment<'_>) -> Result<Series, String> {
    let mut filled = Series::new();
    for at in environment.begins() {
        let known = series.get(&at).copied();
        let value = match (known, with) {
            (Some(known), _) => Some(known),
            (None, Value::Number(number)) => Some(*number),
            (None, Value::Series(other)) => other.get(&at).copied(),
            (None, Value::Text(way)) if way == "REPEAT" => {
                series.range(..at).next_back().map(|(_, value)| *value)
            }
            (None, Value::Text(way)) if way == "LINEAR" => linear(series, at),
            (None, _) => return Err("FILL takes a number, a metric, REPEAT or LINEAR".to_owned()),
        };
        filled.extend(value.map(|value| (at, value)));
    }
    Ok(filled)
}

fn linear(series: &Series, at: i64) -> Option<f64> {
    let (before, old) = series.range(..at).next_back()?;
    let (after, new) = series.range(at..).next()?;
    Some(old + (new - old) * (at - before) as f64 / (after - before) as f64)
}

fn slice(series: &Series, from: f64, to: f64) -> Series {
    let count = series.len() as f64;
    let index = |given: f64| if given < 0.0 { count + given } else { given };
    let (from, to) = (index(from), index(to));
    let points = series.iter().enumerate();
    points
        .filter(|(at, _)| (*at as f64) >= from && (*at as f64) < to)
        .map(|(_, (at, value))| (*at, *value))
        .collect()
}

fn if_else(condition: &Value, then: &Value, otherwise: Option<&Value>) -> Value {
    match condition {
        Value::Number(number) if truth(*number) => then.clone(),
        Value::Number(_) => otherwise.cloned().unwrap_or(Value::Series(Series::new())),
        _ => elementwise(condition, |at, condition| {
            let chosen = if truth(condition) { Some(then) } else { otherwise };
            chosen.and_then(|chosen| chosen.at(at))
        }),
    }
}
