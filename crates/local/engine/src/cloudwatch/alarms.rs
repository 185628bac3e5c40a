//! The alarms of the state: found by name, put, given another state, deleted.
//!
//! Every change of an alarm's state goes through [`set_state`], which writes the history and tells the watchers; nothing
//! else may write it. [`alarm_state`] is what others ask.

use serde_json::json;
use tidegate_models::{
    Timestamp,
    cloudwatch::{AlarmHistoryItem, HistoryItemType, StateValue},
};

use super::{
    records::{Alarm, AlarmHistory, AlarmState, Definition},
    watchers,
};
use crate::{Scope, State};

/// How many items of an alarm's history are kept.
const MOST_HISTORY: u64 = 500;

/// The state of an alarm, metric or composite; `None` when there is no such alarm.
pub(crate) fn alarm_state(state: &State, scope: &Scope, name: &str) -> Option<StateValue> {
    Some(named(state, scope, name)?.state.value)
}

/// The alarm with this name.
pub(super) fn named<'a>(state: &'a State, scope: &Scope, name: &str) -> Option<&'a Alarm> {
    state.alarms.get(&arn(scope, name))
}

/// The ARN of the alarm with this name, be it there or not.
pub(super) fn arn(scope: &Scope, name: &str) -> String {
    scope.arn("cloudwatch", format_args!("alarm:{name}"))
}

/// Creates an alarm, or gives the one that has the name another definition; it keeps its state then.
pub(super) fn put(state: &mut State, scope: &Scope, name: &str, definition: Definition, now: Timestamp) {
    let arn = arn(scope, name);
    let before = state.alarms.get(&arn);
    let (summary, kept) = match before {
        Some(alarm) => (format!("Alarm \"{name}\" updated"), alarm.state.clone()),
        None => (format!("Alarm \"{name}\" created"), initial(now)),
    };
    let data = json!({
        "version": "1.0",
        "type": if before.is_some() { "Update" } else { "Create" },
        "updatedAlarm": definition_of(&definition),
    });
    let alarm =
        Alarm { arn: arn.clone(), name: name.to_owned(), definition, state: kept, configured_at: now };
    let item = item(&alarm, HistoryItemType::ConfigurationUpdate, summary, &data, now);
    // Those that it drove, and those that it drives.
    watchers::notify_targets(state, scope, name);
    state.alarms.insert(&arn, alarm);
    remember(state, &arn, item);
    watchers::notify_targets(state, scope, name);
}

/// Gives an alarm another state, and tells those that watch it when its value changed.
pub(super) fn set_state(state: &mut State, scope: &Scope, arn: &str, new: Judgement, now: Timestamp) {
    let Some(alarm) = state.alarms.get(arn) else { return };
    let old = alarm.state.clone();
    let is_transition = old.value != new.value;
    let next = AlarmState {
        value: new.value,
        reason: new.reason,
        reason_data: new.reason_data,
        updated_at: now,
        transitioned_at: if is_transition { now } else { old.transitioned_at },
    };
    let item = is_transition.then(|| {
        let summary = format!("Alarm updated from {} to {}", old.value, next.value);
        let data = json!({"version": "1.0", "oldState": state_data(&old), "newState": state_data(&next)});
        item(alarm, HistoryItemType::StateUpdate, summary, &data, now)
    });
    let name = alarm.name.clone();
    state.alarms.update(arn, |alarm| alarm.state = next);
    if let Some(item) = item {
        remember(state, arn, item);
        watchers::notify(state, scope, &name);
    }
}

/// What a state is to become.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judgement {
    pub value: StateValue,
    pub reason: String,
    pub reason_data: Option<String>,
}

/// Deletes an alarm; its history stays, as on AWS.
pub(super) fn delete(state: &mut State, scope: &Scope, arn: &str) {
    let Some(alarm) = state.alarms.get(arn) else { return };
    let name = alarm.name.clone();
    // As long as it says whom it drives; they look when it is gone.
    watchers::notify(state, scope, &name);
    state.alarms.remove(arn);
    state.tags.remove(arn);
}

/// The same, for who made the alarm itself.
pub(crate) fn delete_alarm(state: &mut State, arn: &str) {
    if let Some(scope) = scope_of(arn) {
        delete(state, &scope, arn);
    }
}

fn initial(now: Timestamp) -> AlarmState {
    AlarmState {
        value: StateValue::InsufficientData,
        reason: "Unchecked: Initial alarm creation".to_owned(),
        reason_data: None,
        updated_at: now,
        transitioned_at: now,
    }
}

fn remember(state: &mut State, arn: &str, item: AlarmHistoryItem) {
    let last = state.alarm_history.indexed_by(arn).next_back().map_or(0, |(_, row)| row.number);
    let number = last + 1;
    let row = AlarmHistory { alarm_arn: arn.to_owned(), number, item };
    state.alarm_history.insert(&AlarmHistory::key(arn, number), row);
    if let Some(forgotten) = number.checked_sub(MOST_HISTORY) {
        state.alarm_history.remove(&AlarmHistory::key(arn, forgotten));
    }
}

fn item(
    alarm: &Alarm,
    kind: HistoryItemType,
    summary: String,
    data: &serde_json::Value,
    now: Timestamp,
) -> AlarmHistoryItem {
    AlarmHistoryItem {
        alarm_name: Some(alarm.name.clone()),
        alarm_type: Some(alarm.definition.alarm_type()),
        history_item_type: Some(kind),
        history_summary: Some(summary),
        history_data: Some(data.to_string()),
        timestamp: Some(now),
        ..AlarmHistoryItem::default()
    }
}

fn definition_of(definition: &Definition) -> serde_json::Value {
    let described = match definition {
        Definition::Metric(document) => serde_json::to_value(document),
        Definition::Composite(document) => serde_json::to_value(document),
    };
    described.unwrap_or_default()
}

fn state_data(state: &AlarmState) -> serde_json::Value {
    let mut data = json!({"stateValue": state.value, "stateReason": state.reason});
    let parsed: Option<serde_json::Value> =
        state.reason_data.as_deref().and_then(|text| serde_json::from_str(text).ok());
    if let Some(reason_data) = parsed {
        data["stateReasonData"] = reason_data;
    }
    data
}

/// Whose alarm this is, by its ARN.
pub(super) fn scope_of(arn: &str) -> Option<Scope> {
    let mut parts = arn.splitn(6, ':').skip(3);
    let (region, account) = (parts.next()?, parts.next()?);
    Some(Scope { account: account.to_owned(), region: region.to_owned() })
}
