//! The value of an expression. Start at [`evaluate`].
//!
//! Two series meet at the points that both have. What is not a number, such as a division by zero, is no point.

use super::{
    Labelled, Series, functions,
    parse::{Expression, Operator},
};
use crate::cloudwatch::metrics::Periods;

/// What an expression can be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Series(Series),
    Many(Labelled),
    Text(String),
}

/// What an expression can ask for.
pub(super) struct Environment<'a> {
    /// The value of another query.
    pub lookup: &'a dyn Fn(&str) -> Result<Value, String>,
    /// All metrics of the queries whose id contains a text.
    pub metrics: &'a dyn Fn(&str) -> Labelled,
    pub periods: Periods,
    /// In seconds.
    pub period: i64,
}

impl Environment<'_> {
    /// The points at which there could be a value.
    pub(super) fn begins(&self) -> impl Iterator<Item = i64> + use<> {
        Periods { period: self.period, ..self.periods }.begins()
    }
}

/// The value of an expression.
pub(super) fn evaluate(expression: &Expression, environment: &Environment<'_>) -> Result<Value, String> {
    match expression {
        Expression::Number(number) => Ok(Value::Number(*number)),
        Expression::Text(text) => Ok(Value::Text(text.clone())),
        Expression::Id(id) if matches!(id.as_str(), "REPEAT" | "LINEAR") => Ok(Value::Text(id.clone())),
        Expression::Id(id) => (environment.lookup)(id),
        Expression::Minus(inner) => Ok(evaluate(inner, environment)?.each(|value| -value)),
        Expression::Binary(operator, left, right) => {
            binary(*operator, &evaluate(left, environment)?, &evaluate(right, environment)?)
        }
        Expression::Call(name, arguments) if name == "METRICS" => match arguments.as_slice() {
            [] => Ok(Value::Many((environment.metrics)(""))),
            [Expression::Text(text)] => Ok(Value::Many((environment.metrics)(text))),
            _ => Err("METRICS takes nothing or one text".to_owned()),
        },
        Expression::Call(name, arguments) => {
            let arguments: Result<Vec<_>, _> =
                arguments.iter().map(|argument| evaluate(argument, environment)).collect();
            functions::call(name, arguments?, environment)
        }
        Expression::List(parts) => {
            let mut many = Vec::new();
            for (at, part) in parts.iter().enumerate() {
                match evaluate(part, environment)? {
                    Value::Series(series) => many.push((label(part, at), series)),
                    Value::Many(series) => many.extend(series),
                    Value::Number(_) | Value::Text(_) => return Err("a list holds metrics only".to_owned()),
                }
            }
            Ok(Value::Many(many))
        }
    }
}

fn label(part: &Expression, at: usize) -> String {
    if let Expression::Id(id) = part { id.clone() } else { (at + 1).to_string() }
}

impl Value {
    /// What `of` makes of each number.
    pub(super) fn each(&self, of: impl Fn(f64) -> f64) -> Self {
        match self {
            Self::Number(number) => Self::Number(of(*number)),
            Self::Series(series) => Self::Series(each_point(series, &of)),
            Self::Many(many) => Self::Many(
                many.iter().map(|(label, series)| (label.clone(), each_point(series, &of))).collect(),
            ),
            Self::Text(_) => self.clone(),
        }
    }

    /// What `of` makes of each series.
    pub(super) fn whole(&self, of: &dyn Fn(&Series) -> Result<Series, String>) -> Result<Self, String> {
        match self {
            Self::Series(series) => of(series).map(Self::Series),
            Self::Many(many) => {
                let each = many.iter().map(|(label, series)| Ok((label.clone(), of(series)?)));
                each.collect::<Result<_, String>>().map(Self::Many)
            }
            Self::Number(_) | Self::Text(_) => Err("a metric is needed where a number stands".to_owned()),
        }
    }

    /// The value at a point.
    pub(super) fn at(&self, at: i64) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Series(series) => series.get(&at).copied(),
            Self::Many(_) | Self::Text(_) => None,
        }
    }
}

/// What `of` makes of each point of a series, or of each of several series.
pub(super) fn elementwise(value: &Value, of: impl Fn(i64, f64) -> Option<f64>) -> Value {
    let points = |series: &Series| -> Series {
        let made = series.iter().filter_map(|(at, value)| Some((*at, of(*at, *value)?)));
        made.filter(|(_, value)| value.is_finite()).collect()
    };
    match value {
        Value::Many(many) => {
            Value::Many(many.iter().map(|(label, series)| (label.clone(), points(series))).collect())
        }
        Value::Series(series) => Value::Series(points(series)),
        Value::Number(_) | Value::Text(_) => value.clone(),
    }
}

fn each_point(series: &Series, of: impl Fn(f64) -> f64) -> Series {
    series.iter().map(|(at, value)| (*at, of(*value))).filter(|(_, value)| value.is_finite()).collect()
}

fn binary(operator: Operator, left: &Value, right: &Value) -> Result<Value, String> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Ok(Value::Number(compute(operator, *left, *right))),
        (Value::Number(number), _) => {
            Ok(elementwise(right, |_, value| Some(compute(operator, *number, value))))
        }
        (_, Value::Number(number)) => {
            Ok(elementwise(left, |_, value| Some(compute(operator, value, *number))))
        }
        (_, Value::Series(other)) => {
            Ok(elementwise(left, |at, value| Some(compute(operator, value, *other.get(&at)?))))
        }
        (Value::Series(other), Value::Many(_)) => {
            Ok(elementwise(right, |at, value| Some(compute(operator, *other.get(&at)?, value))))
        }
        (Value::Many(_), Value::Many(_)) => Err("two lists of metrics cannot be combined".to_owned()),
        (Value::Text(_), _) | (_, Value::Text(_)) => Err("a text cannot be computed with".to_owned()),
    }
}

fn compute(operator: Operator, left: f64, right: f64) -> f64 {
    let number = |holds: bool| f64::from(u8::from(holds));
    match operator {
        Operator::Or => number(truth(left) || truth(right)),
        Operator::And => number(truth(left) && truth(right)),
        Operator::Equal => number(left.total_cmp(&right).is_eq()),
        Operator::NotEqual => number(left.total_cmp(&right).is_ne()),
        Operator::LessOrEqual => number(left <= right),
        Operator::GreaterOrEqual => number(left >= right),
        Operator::Less => number(left < right),
        Operator::Greater => number(left > right),
        Operator::Plus => left + right,
        Operator::Minus => left - right,
        Operator::Times => left * right,
        Operator::Over => left / right,
        Operator::Power => left.powf(right),
    }
}

/// Whether a number stands for true.
pub(super) fn truth(number: f64) -> bool {
    number != 0.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(text: &str) -> Result<Value, String> {
        let series = |points: &[(i64, f64)]| points.iter().copied().collect::<Series>();
        let m1 = series(&[(0, 1.0), (60, 2.0), (180, 4.0)]);
        let m2 = series(&[(0, 10.0), (60, 0.0), (120, 30.0)]);
        let lookup = |id: &str| match id {
            "m1" => Ok(Value::Series(m1.clone())),
            "m2" => Ok(Value::Series(m2.clone())),
            "none" => Ok(Value::Series(Series::new())),
            _ => Err(format!("unknown id {id}")),
        };
        let all = |_: &str| vec![("m1".to_owned(), m1.clone()), ("m2".to_owned(), m2.clone())];
        let periods = Periods { from: 0, to: 240, period: 60, origin: 0 };
        let environment = Environment { lookup: &lookup, metrics: &all, periods, period: 60 };
        evaluate(&Expression::parse(text)?, &environment)
    }

    #[test]
    fn numbers_bind_as_in_arithmetic() {
        for (text, expected) in [
            ("1 + 2 * 3", 7.0),
            ("(1 + 2) * 3", 9.0),
            ("10 - 2 - 3", 5.0),
            ("2 * 3 ^ 2", 18.0),
            ("-2 + 5", 3.0),
            ("- (2 + 5)", -7.0),
            (".5 * 4", 2.0),
            ("1 < 2 && 3 >= 3", 1.0),
            ("1 == 2 || 1 != 1", 0.0),
            ("1 > 2 OR 2 > 1 AND 0", 0.0),
            ("SUM(m1)", 7.0),
            ("AVG(m2)", 40.0 / 3.0),
            ("MAX(m1) - MIN(m1)", 3.0),
            ("METRIC_COUNT([m1, m2])", 2.0),
            ("PERIOD(m1)", 60.0),
            ("IF(1 > 2, 3, 4)", 4.0),
            ("ABS(-3) + CEIL(1.2) + FLOOR(1.8)", 6.0),
        ] {
            assert_eq!(value(text), Ok(Value::Number(expected)), "{text}");
        }
    }

    #[test]
    fn series_meet_where_both_have_points() {
        for (text, expected) in [
            ("m1 + m2", vec![(0, 11.0), (60, 2.0)]),
            ("m1 / m2", vec![(0, 0.1)]),
            ("100 * m1 / m1", vec![(0, 100.0), (60, 100.0), (180, 100.0)]),
            ("SUM([m1, m2])", vec![(0, 11.0), (60, 2.0), (120, 30.0), (180, 4.0)]),
            ("MAX(METRICS())", vec![(0, 10.0), (60, 2.0), (120, 30.0), (180, 4.0)]),
            ("FILL(m1, 0)", vec![(0, 1.0), (60, 2.0), (120, 0.0), (180, 4.0)]),
            ("FILL(m1, REPEAT)", vec![(0, 1.0), (60, 2.0), (120, 2.0), (180, 4.0)]),
            ("FILL(m1, LINEAR)", vec![(0, 1.0), (60, 2.0), (120, 3.0), (180, 4.0)]),
            ("FILL(none, 5)", vec![(0, 5.0), (60, 5.0), (120, 5.0), (180, 5.0)]),
            ("FILL(m1, m2)", vec![(0, 1.0), (60, 2.0), (120, 30.0), (180, 4.0)]),
            ("IF(m2 > 5, m2, 0)", vec![(0, 10.0), (60, 0.0), (120, 30.0)]),
            ("IF(m1 > 1, m1)", vec![(60, 2.0), (180, 4.0)]),
            ("RATE(m1)", vec![(60, 1.0 / 60.0), (180, 2.0 / 120.0)]),
            ("DIFF(m1)", vec![(60, 1.0), (180, 2.0)]),
            ("RUNNING_SUM(m1)", vec![(0, 1.0), (60, 3.0), (180, 7.0)]),
            ("TIME_SERIES(7)", vec![(0, 7.0), (60, 7.0), (120, 7.0), (180, 7.0)]),
            ("none / m1", vec![]),
            ("SUM(none)", vec![]),
        ] {
            assert_eq!(value(text), Ok(Value::Series(expected.into_iter().collect())), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_computed_is_said() {
        for (text, expected) in [
            ("m3", "unknown id m3"),
            ("NONE(m1)", "unknown function NONE"),
            ("SEARCH('a', 'b')", "SEARCH is not implemented by the local cloud yet"),
            ("SUM(m1, m2)", "SUM cannot be called with these arguments"),
            ("[m1, 2]", "a list holds metrics only"),
            ("METRICS() + METRICS()", "two lists of metrics cannot be combined"),
            ("m1 + 'a'", "a text cannot be computed with"),
            ("RATE(3)", "a metric is needed where a number stands"),
        ] {
            assert_eq!(value(text), Err(expected.to_owned()), "{text}");
        }
    }

    /// An expression of numbers as text, and its value computed beside it.
    fn expressions() -> impl Strategy<Value = (String, f64)> {
        let leaf = (0..100_u32).prop_map(|n| (n.to_string(), f64::from(n)));
        leaf.prop_recursive(5, 40, 2, |inner| {
            (inner.clone(), inner, 0..4_u8)
                .prop_map(|((a, x), (b, y), operator)| match operator {
                    0 => (format!("({a} + {b})"), x + y),
                    1 => (format!("({a}-{b})"), x - y),
                    2 => (format!("({a})*({b})"), x * y),
                    _ => (format!("({a}) / ({b} + 1000000)"), x / (y + 1e6)),
                })
                .prop_map(|(text, value)| (format!("({text})"), value))
        })
    }

    proptest! {
        #[test]
        fn an_expression_of_numbers_has_the_value_of_its_parts((text, expected) in expressions()) {
            match value(&text) {
                Ok(Value::Number(found)) => {
                    prop_assert!((found - expected).abs() <= expected.abs() * 1e-9, "{text}: {found}");
                }
                other => prop_assert!(matches!(&other, Err(deep) if deep.contains("nested")), "{text}: {other:?}"),
            }
        }
    }
}
