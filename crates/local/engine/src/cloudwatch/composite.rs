//! Composite alarms: in which state their rule puts them, and which alarms they are about.
//!
//! A composite alarm is evaluated when it is put and when one of its children changes, at no other time: so one that was
//! set by hand stays as it was set until then, as on AWS.

use std::collections::BTreeSet;

use serde_json::json;
use tidegate_models::{Timestamp, cloudwatch::StateValue};

use super::{
    alarms::{self, Judgement},
    civil,
    records::{Alarm, Definition},
    rule::Rule,
};
use crate::{Scope, State};

/// The composite alarms whose rule names the alarm.
pub(super) fn parents<'a>(state: &'a State, scope: &Scope, name: &str) -> Vec<&'a Alarm> {
    let prefix = scope.arn("cloudwatch", "alarm:");
    let composites = state.alarms.indexed_by(Alarm::COMPOSITE);
    let own = composites.filter(|(arn, _)| arn.starts_with(&prefix));
    own.filter(|(_, alarm)| rule(alarm).is_some_and(|rule| rule.names().contains(&name)))
        .map(|(_, alarm)| alarm)
        .collect()
}

/// Whether the rule of the alarm `name` names `other`, or names one whose rule does, and so on.
pub(super) fn depends_on(state: &State, scope: &Scope, name: &str, other: &str) -> bool {
    let (mut waiting, mut seen) = (vec![name.to_owned()], BTreeSet::new());
    while let Some(next) = waiting.pop() {
        if next == other {
            return true;
        }
        if !seen.insert(next.clone()) {
            continue;
        }
        let rule = alarms::named(state, scope, &next).and_then(rule);
        waiting.extend(rule.iter().flat_map(Rule::names).map(str::to_owned));
    }
    false
}

/// The rule of an alarm, if it is a composite one.
pub(super) fn rule(alarm: &Alarm) -> Option<Rule> {
    match &alarm.definition {
        // What is stored was read before.
        Definition::Composite(document) => Rule::parse(document.alarm_rule.as_deref()?).ok(),
        Definition::Metric(_) => None,
    }
}

/// Puts a composite alarm into the state that its rule says.
pub(super) fn evaluate(state: &mut State, scope: &Scope, arn: &str, now: Timestamp) {
    let Some(alarm) = state.alarms.get(arn) else { return };
    let Some(rule) = rule(alarm) else { return };
    let holds = rule.holds(&|name| alarms::alarm_state(state, scope, name));
    let value = if holds { StateValue::Alarm } else { StateValue::Ok };
    if value != alarm.state.value {
        let judgement = because(state, scope, &rule, value, now);
        alarms::set_state(state, scope, arn, judgement, now);
    }
}

fn because(state: &State, scope: &Scope, rule: &Rule, value: StateValue, now: Timestamp) -> Judgement {
    let mut children: Vec<&Alarm> =
        rule.names().into_iter().filter_map(|name| alarms::named(state, scope, name)).collect();
    children.sort_by_key(|child| std::cmp::Reverse(child.state.transitioned_at));
    let reason = match children.first() {
        Some(child) => format!(
            "{} transitioned to {} at {}",
            child.arn,
            child.state.value,
            civil::long(child.state.transitioned_at)
        ),
        None => format!("The rule is {}", if value == StateValue::Alarm { "TRUE" } else { "FALSE" }),
    };
    let triggering = children.first().map(|child| {
        json!({
            "arn": child.arn,
            "state": {"value": child.state.value, "timestamp": civil::iso(child.state.transitioned_at)},
        })
    });
    let data =
        json!({"triggeringAlarms": triggering.into_iter().collect::<Vec<_>>(), "queryDate": civil::iso(now)});
    Judgement { value, reason, reason_data: Some(data.to_string()) }
}
