//! When an alarm is looked at, and at which points. Start at [`reconcile_alarm`].
//!
//! Each minute, and every ten seconds for periods under a minute. The window slides as on AWS: an alarm with a period of
//! five minutes is evaluated each minute over the five minutes before it; with a `WallClockWindow` over those that the
//! clock cuts.

use std::{collections::BTreeMap, time::Duration};

use tidegate_models::{
    Timestamp,
    cloudwatch::{MetricAlarm, StateValue},
};

use super::{
    judge::{Rule, TreatMissingData, Verdict, judge},
    reason,
};
use crate::{
    Scope, State,
    cloudwatch::{
        alarms::{self, Judgement},
        composite,
        math::{Answer, Queries},
        metrics::{MetricName, Periods, Statistic},
        records::Definition,
    },
};

/// How long after the end of a period it is evaluated: what is measured every second is in by then.
const SETTLING: Duration = Duration::from_secs(2);

/// Evaluates an alarm when it is due. Answers when it is due next.
pub(crate) fn reconcile_alarm(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    let scope = alarms::scope_of(arn)?;
    let Some(alarm) = state.alarms.get(arn) else {
        state.evaluations.remove(arn);
        return None;
    };
    let Definition::Metric(document) = &alarm.definition else {
        composite::evaluate(state, &scope, arn, now);
        return None;
    };
    let interval = interval(&scope, document);
    // An alarm that was just put, or set by hand, stays as it is until then.
    let is_due = state.evaluations.get(arn).is_some_and(|due| now >= *due);
    if is_due && let Some(judgement) = evaluate(state, &scope, document, alarm.state.value, now) {
        alarms::set_state(state, &scope, arn, judgement, now);
    }
    let due = next(now, interval);
    state.evaluations.insert(arn.to_owned(), due);
    Some(due)
}

/// How often an alarm is evaluated, in seconds.
fn interval(scope: &Scope, alarm: &MetricAlarm) -> i64 {
    let period = watched(scope, alarm).map_or(60, |watched| watched.period());
    if period < 60 { 10 } else { 60 }
}

/// The next point at which alarms of this interval are evaluated.
fn next(now: Timestamp, interval: i64) -> Timestamp {
    let second = (now - SETTLING).as_millis().div_euclid(1_000);
    Timestamp::from_millis((second.div_euclid(interval) + 1) * interval * 1_000) + SETTLING
}

/// What an alarm watches.
enum Watched {
    Metric { metric: MetricName, statistic: Statistic, period: i64 },
    Expression { queries: Queries, id: String },
}

impl Watched {
    fn period(&self) -> i64 {
        match self {
            Self::Metric { period, .. } => *period,
            Self::Expression { queries, .. } => queries.period(),
        }
    }
}

/// All of it was checked when the alarm was put.
fn watched(scope: &Scope, alarm: &MetricAlarm) -> Option<Watched> {
    if let Some(metrics) = &alarm.metrics {
        let returned = metrics.iter().find(|query| query.return_data.unwrap_or(true))?;
        return Some(Watched::Expression {
            queries: Queries::parse(scope, metrics).ok()?,
            id: returned.id.clone(),
        });
    }
    let statistic = match (alarm.statistic, &alarm.extended_statistic) {
        (Some(statistic), _) => statistic.into(),
        (None, Some(extended)) => Statistic::parse(extended)?,
        (None, None) => return None,
    };
    let (namespace, name) = (alarm.namespace.as_deref()?, alarm.metric_name.as_deref()?);
    Some(Watched::Metric {
        metric: MetricName::given(scope, namespace, name, alarm.dimensions.as_deref()),
        statistic,
        period: alarm.period?.into(),
    })
}

fn evaluate(
    state: &State,
    scope: &Scope,
    alarm: &MetricAlarm,
    before: StateValue,
    now: Timestamp,
) -> Option<Judgement> {
    let watched = watched(scope, alarm)?;
    let rule = rule(alarm)?;
    let periods = periods(alarm, &watched, &rule, now);
    let points = points(state, alarm, &watched, periods);
    let range: Vec<_> = periods.begins().map(|at| (at, points.get(&at).copied())).collect();
    match judge(&rule, &range) {
        Verdict::Is(finding) if finding.value != before => Some(Judgement {
            value: finding.value,
            reason: reason::text(&rule, &finding, before),
            reason_data: Some(reason::data(alarm, &rule, &finding, periods.period, now)),
        }),
        // AWS does not touch the reason either while the state is the same.
        Verdict::Is(_) | Verdict::Stays => None,
    }
}

/// The periods of the evaluation range: those that are over.
fn periods(alarm: &MetricAlarm, watched: &Watched, rule: &Rule, now: Timestamp) -> Periods {
    let period = watched.period();
    let is_wall_clock =
        alarm.evaluation_window.as_ref().is_some_and(|window| window.wall_clock_window.is_some());
    let step = if is_wall_clock { period } else { period.min(60) };
    let second = (now - SETTLING).as_millis().div_euclid(1_000);
    let to = second - second.rem_euclid(step);
    let from = to - i64::try_from(rule.range()).unwrap_or(i64::MAX / period) * period;
    Periods { from, to, period, origin: to }
}

fn points(state: &State, alarm: &MetricAlarm, watched: &Watched, periods: Periods) -> BTreeMap<i64, f64> {
    match watched {
        Watched::Metric { metric, statistic, .. } => {
            let found = state.metrics.read(metric, alarm.unit, periods).into_iter();
            found.filter_map(|(at, samples)| Some((at, statistic.of(&samples)?))).collect()
        }
        Watched::Expression { queries, id } => {
            // What cannot be computed is no data.
            let answers = queries.answers(&state.metrics, periods).unwrap_or_default();
            match answers.get(id.as_str()) {
                Some(Answer::Series(series)) => {
                    series.first().map(|returned| returned.points.clone()).unwrap_or_default()
                }
                Some(Answer::OneNumber) | None => BTreeMap::new(),
            }
        }
    }
}

/// The value of the newest period that an alarm would be evaluated by; `None` when there are no data.
pub(crate) fn newest_point(state: &State, arn: &str, now: Timestamp) -> Option<f64> {
    let scope = alarms::scope_of(arn)?;
    let Definition::Metric(alarm) = &state.alarms.get(arn)?.definition else { return None };
    let watched = watched(&scope, alarm)?;
    let periods = periods(alarm, &watched, &rule(alarm)?, now);
    points(state, alarm, &watched, periods).into_values().next_back()
}

fn rule(alarm: &MetricAlarm) -> Option<Rule> {
    let count = |given: i32| usize::try_from(given).unwrap_or(1).max(1);
    let evaluation_periods = count(alarm.evaluation_periods?);
    Some(Rule {
        operator: alarm.comparison_operator?,
        threshold: alarm.threshold?,
        evaluation_periods,
        datapoints_to_alarm: alarm.datapoints_to_alarm.map_or(evaluation_periods, count),
        missing: match alarm.treat_missing_data.as_deref() {
            Some("breaching") => TreatMissingData::Breaching,
            Some("notBreaching") => TreatMissingData::NotBreaching,
            Some("ignore") => TreatMissingData::Ignore,
            _ => TreatMissingData::Missing,
        },
    })
}
