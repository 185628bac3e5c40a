//! Metrics and expressions that name each other, as one request has them.
//!
//! [`Queries::parse`] finds all that is wrong before anything is computed: ids, statistics, texts of expressions, circles.
//! Each query is computed once, after those that it names, so that nothing is as deep as their chain. Start at
//! [`Queries`].

use std::collections::{BTreeMap, BTreeSet};

use tidegate_models::cloudwatch::{MetricDataQuery, MetricStat, StandardUnit};

use super::{
    Labelled, Series,
    evaluate::{Environment, Value, evaluate},
    functions,
    parse::Expression,
};
use crate::{
    Scope,
    cloudwatch::metrics::{MetricName, Metrics, Periods, Statistic},
};

/// The queries of a request, valid, by id.
#[derive(Debug)]
pub(in super::super) struct Queries {
    by_id: BTreeMap<String, Query>,
    /// The ids, each after those that its expression names; metrics first.
    order: Vec<String>,
    /// The longest period of all metrics: that of expressions, unless they say so themselves.
    period: i64,
}

#[derive(Debug)]
struct Query {
    source: Source,
    label: Option<String>,
    period: Option<i64>,
}

#[derive(Debug)]
enum Source {
    Metric { metric: MetricName, unit: Option<StandardUnit>, period: i64, statistic: Statistic },
    Expression(Expression),
}

/// What a query answers.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Answer {
    /// Series: one, or several of a list.
    Series(Vec<Returned>),
    /// No series: it can be used, and not be returned.
    OneNumber,
}

/// A series of the answer.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Returned {
    pub label: String,
    pub points: Series,
}

impl Queries {
    /// Reads queries; the error says what is wrong with which.
    pub(in super::super) fn parse(scope: &Scope, given: &[MetricDataQuery]) -> Result<Self, String> {
        let mut queries = BTreeMap::new();
        for query in given {
            let id = &query.id;
            check_id(id)?;
            let source = match (&query.metric_stat, &query.expression) {
                (Some(stat), None) => metric(scope, id, stat)?,
                (None, Some(text)) => Source::Expression(
                    Expression::parse(text)
                        .map_err(|wrong| format!("Error in expression '{id}' [{wrong}]"))?,
                ),
                (Some(_), Some(_)) => {
                    return Err(format!(
                        "The query '{id}' has both a MetricStat and an Expression; give one of them"
                    ));
                }
                (None, None) => {
                    return Err(format!("The query '{id}' has neither a MetricStat nor an Expression"));
                }
            };
            let period = query.period.map(|period| check_period(id, period)).transpose()?;
            let new = Query { source, label: query.label.clone(), period };
            if queries.insert(id.clone(), new).is_some() {
                return Err("The values for parameter id in MetricDataQueries are not unique.".to_owned());
            }
        }
        let stats = queries.values().filter_map(|query| match query.source {
            Source::Metric { period, .. } => Some(period),
            Source::Expression(_) => query.period,
        });
        let period = stats.max().unwrap_or(60);
        let mut queries = Self { by_id: queries, order: Vec::new(), period };
        queries.check_names()?;
        queries.order = queries.in_order()?;
        Ok(queries)
    }

    /// The longest period, in seconds.
    pub(in super::super) fn period(&self) -> i64 {
        self.period
    }

    /// What each of the queries answers, by id.
    pub(in super::super) fn answers(
        &self,
        metrics: &Metrics,
        periods: Periods,
    ) -> Result<BTreeMap<&str, Answer>, String> {
        let mut known: BTreeMap<&str, Value> = BTreeMap::new();
        for id in &self.order {
            let Some(query) = self.by_id.get(id) else { continue };
            let value = self.value(query, metrics, periods, &known);
            known.insert(id, value.map_err(|wrong| format!("Error in expression '{id}' [{wrong}]"))?);
        }
        Ok(known.into_iter().map(|(id, value)| (id, self.returned(id, value))).collect())
    }

    /// The shortest period of all metrics, in seconds.
    pub(in super::super) fn shortest_period(&self) -> i64 {
        let periods = self.by_id.values().map(|query| match query.source {
            Source::Metric { period, .. } => period,
            Source::Expression(_) => query.period.unwrap_or(self.period),
        });
        periods.min().unwrap_or(self.period)
    }

    fn value(
        &self,
        query: &Query,
        metrics: &Metrics,
        periods: Periods,
        known: &BTreeMap<&str, Value>,
    ) -> Result<Value, String> {
        match &query.source {
            Source::Metric { metric, unit, period, statistic } => {
                let found = metrics.read(metric, *unit, Periods { period: *period, ..periods }).into_iter();
                let points = found.filter_map(|(at, samples)| Some((at, statistic.of(&samples)?)));
                Ok(Value::Series(points.collect()))
            }
            Source::Expression(expression) => {
                let environment = Environment {
                    lookup: &|id| known.get(id).cloned().ok_or_else(|| format!("Undefined variable {id}")),
                    metrics: &|text| self.all(text, known),
                    periods,
                    period: query.period.unwrap_or(self.period),
                };
                evaluate(expression, &environment)
            }
        }
    }

    /// The metrics, not the expressions, whose id contains a text.
    fn all(&self, text: &str, known: &BTreeMap<&str, Value>) -> Labelled {
        let metrics = known.iter().filter_map(|(id, value)| match (self.by_id.get(*id)?, value) {
            (Query { source: Source::Metric { .. }, label, .. }, Value::Series(series))
                if id.contains(text) =>
            {
                Some((label.clone().unwrap_or_else(|| self.default_label(id)), series.clone()))
            }
            _ => None,
        });
        metrics.collect()
    }

    fn returned(&self, id: &str, value: Value) -> Answer {
        let label = self.by_id.get(id).and_then(|query| query.label.clone());
        match value {
            Value::Series(points) => {
                let label = label.unwrap_or_else(|| self.default_label(id));
                Answer::Series(vec![Returned { label, points }])
            }
            Value::Many(many) => {
                let labelled = |(own, points): (String, Series)| {
                    let label = label.as_ref().map(|label| format!("{label} {own}")).unwrap_or(own);
                    Returned { label, points }
                };
                Answer::Series(many.into_iter().map(labelled).collect())
            }
            Value::Number(_) | Value::Text(_) => Answer::OneNumber,
        }
    }

    fn default_label(&self, id: &str) -> String {
        match self.by_id.get(id).map(|query| &query.source) {
            Some(Source::Metric { metric, .. }) => metric.name.clone(),
            _ => id.to_owned(),
        }
    }

    fn check_names(&self) -> Result<(), String> {
        for (id, query) in &self.by_id {
            let Source::Expression(expression) = &query.source else { continue };
            let mut wrong = None;
            expression.visit(&mut |part| match part {
                Expression::Id(name) if is_variable(name) && !self.by_id.contains_key(name) => {
                    wrong.get_or_insert_with(|| format!("Undefined variable {name}"));
                }
                Expression::Call(name, _) if !functions::NAMES.contains(&name.as_str()) => {
                    wrong.get_or_insert_with(|| functions::unknown(name));
                }
                _ => {}
            });
            if let Some(wrong) = wrong {
                return Err(format!("Error in expression '{id}' [{wrong}]"));
            }
        }
        Ok(())
    }

    /// The ids, each after those that it names.
    fn in_order(&self) -> Result<Vec<String>, String> {
        // Metrics first: METRICS() asks for them without naming them.
        let metrics = self.by_id.iter().filter(|(_, query)| matches!(query.source, Source::Metric { .. }));
        let mut done: BTreeSet<&str> = metrics.map(|(id, _)| id.as_str()).collect();
        let mut order: Vec<String> = done.iter().map(|id| (*id).to_owned()).collect();
        while order.len() < self.by_id.len() {
            let waiting = self.by_id.iter().filter(|(id, _)| !done.contains(id.as_str()));
            let ready =
                waiting.clone().filter(|(_, query)| query.names().iter().all(|name| done.contains(name)));
            let ready: Vec<&str> = ready.map(|(id, _)| id.as_str()).collect();
            if ready.is_empty() {
                let stuck = waiting.map(|(id, _)| id.as_str()).next().unwrap_or_default();
                return Err(format!("Error in expression '{stuck}' [it depends on itself]"));
            }
            order.extend(ready.iter().map(|id| (*id).to_owned()));
            done.extend(ready);
        }
        Ok(order)
    }
}

impl Query {
    /// The ids that must be known before it.
    fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        if let Source::Expression(expression) = &self.source {
            expression.visit(&mut |part| match part {
                Expression::Id(name) if is_variable(name) => names.push(name.as_str()),
                _ => {}
            });
        }
        names
    }
}

/// Whether a word in an expression is the id of a query.
fn is_variable(word: &str) -> bool {
    !matches!(word, "REPEAT" | "LINEAR")
}

fn metric(scope: &Scope, id: &str, stat: &MetricStat) -> Result<Source, String> {
    let statistic = Statistic::parse(&stat.stat).ok_or_else(|| {
        format!("The value {} for parameter Stat of the query '{id}' is not supported", stat.stat)
    })?;
    let (Some(namespace), Some(name)) = (&stat.metric.namespace, &stat.metric.metric_name) else {
        return Err(format!("The metric of the query '{id}' must have a Namespace and a MetricName"));
    };
    let metric = MetricName::given(scope, namespace, name, stat.metric.dimensions.as_deref());
    Ok(Source::Metric { metric, unit: stat.unit, period: check_period(id, stat.period)?, statistic })
}

fn check_id(id: &str) -> Result<(), String> {
    let begins = id.starts_with(|first: char| first.is_ascii_lowercase());
    if begins && id.chars().all(|char| char.is_ascii_alphanumeric() || char == '_') {
        return Ok(());
    }
    Err(format!(
        "The id '{id}' is not valid: it must begin with a lower-case letter and hold letters, digits and underscores only"
    ))
}

fn check_period(id: &str, period: i32) -> Result<i64, String> {
    if matches!(period, 1 | 5 | 10 | 20 | 30) || (period > 0 && period % 60 == 0) {
        return Ok(i64::from(period));
    }
    Err(format!(
        "The period {period} of the query '{id}' is not valid: it must be 1, 5, 10, 20, 30 or a multiple of 60"
    ))
}
