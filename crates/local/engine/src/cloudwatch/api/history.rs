//! What happened to alarms.

use tidegate_models::cloudwatch::{
    AlarmHistoryItem, AlarmType, DescribeAlarmHistoryInput, DescribeAlarmHistoryOutput, ScanBy,
};

use super::{super::alarms, errors};
use crate::{ApiError, Context, State, page::page_in_order};

/// AWS's largest page, and the one that it gives when none is asked for.
const PAGE: usize = 100;

/// `DescribeAlarmHistory`: newest first unless asked otherwise. Also of alarms that are gone.
pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeAlarmHistoryInput,
) -> Result<DescribeAlarmHistoryOutput, ApiError> {
    let types =
        input.alarm_types.clone().unwrap_or_else(|| vec![AlarmType::MetricAlarm, AlarmType::CompositeAlarm]);
    let is_wanted = |item: &&AlarmHistoryItem| {
        input.history_item_type.is_none_or(|kind| item.history_item_type == Some(kind))
            && input.start_date.is_none_or(|start| item.timestamp >= Some(start))
            && input.end_date.is_none_or(|end| item.timestamp <= Some(end))
            && item.alarm_type.is_some_and(|kind| types.contains(&kind))
    };
    let every = alarms::arn(&context.scope, "");
    let rows = match &input.alarm_name {
        Some(name) => state.alarm_history.indexed_by(&alarms::arn(&context.scope, name)).collect::<Vec<_>>(),
        None => state.alarm_history.with_prefix(&every).collect(),
    };
    let mut items: Vec<(usize, &AlarmHistoryItem)> =
        rows.iter().map(|(_, row)| &row.item).filter(is_wanted).enumerate().collect();
    // Stable: items of one moment stay in the order in which they happened.
    items.sort_by_key(|(at, item)| (item.timestamp, *at));
    if input.scan_by != Some(ScanBy::TimestampAscending) {
        items.reverse();
    }
    let items = items.into_iter().map(|(_, item)| item.clone());
    let limit = input.max_records.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE);
    let token = input.next_token.as_deref();
    let page = page_in_order(items, "DescribeAlarmHistory", token, limit, errors::invalid_token)?;
    Ok(DescribeAlarmHistoryOutput { alarm_history_items: Some(page.items), next_token: page.next })
}
