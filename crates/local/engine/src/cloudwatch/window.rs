//! How long an alarm looks back before it judges.

use std::{collections::BTreeSet, time::Duration};

use super::{alarms, composite, records::Definition, rule::Rule};
use crate::{Scope, State};

/// The length of the evaluation range of the alarm with this name: its period times its evaluation periods; of a
/// composite alarm the longest of those that it is about. Zero when there is no such alarm.
pub(crate) fn alarm_window(state: &State, scope: &Scope, name: &str) -> Duration {
    let (mut waiting, mut seen) = (vec![name.to_owned()], BTreeSet::new());
    let mut longest = Duration::ZERO;
    while let Some(next) = waiting.pop() {
        let Some(alarm) = alarms::named(state, scope, &next) else { continue };
        if !seen.insert(next) {
            continue;
        }
        match &alarm.definition {
            Definition::Metric(metric) => {
                let queried = metric.metrics.iter().flatten();
                let periods = queried
                    .filter_map(|query| query.period.or(query.metric_stat.as_ref().map(|stat| stat.period)));
                let period = metric.period.into_iter().chain(periods).max().unwrap_or(0);
                let seconds = i64::from(period) * i64::from(metric.evaluation_periods.unwrap_or(1));
                longest = longest.max(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
            }
            Definition::Composite(_) => {
                waiting.extend(composite::rule(alarm).iter().flat_map(Rule::names).map(str::to_owned));
            }
        }
    }
    longest
}
