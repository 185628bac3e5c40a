//! `PutLogEvents`.

use tidegate_models::logs::{
    InputLogEvent, PutLogEventsRequest, PutLogEventsResponse, RejectedLogEventsInfo,
};
use tidegate_store::{LogWrite, NewEvent};
use tidegate_wire::{ApiError, Call};

use super::{Group, MOST_BYTES, group, invalid, of_store, stream};
use crate::api::Api;

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;
/// AWS's limits: how far ahead of the clock an event may be, and how old.
const TOO_NEW: i64 = 2 * HOUR;
const TOO_OLD: i64 = 14 * DAY;
/// What AWS counts for each event beside its message.
const OVERHEAD: usize = 26;
/// AWS ignores sequence tokens since 2023, and still gives one.
const NEXT_TOKEN: &str = "49590302938458192385849202938475647382910293847561029384";

pub(super) async fn put(api: &Api, call: &Call) -> Result<PutLogEventsResponse, ApiError> {
    let input: PutLogEventsRequest = call.typed()?;
    let group = group(api, call, Some(&input.log_group_name), None)?;
    let stream = stream(api, &group, &input.log_stream_name)?;
    check(&input.log_events)?;
    let now = api.clock.now().as_millis();
    let (accepted, rejected) = sort_out(input.log_events, &group, now);
    if !accepted.is_empty() {
        let written = api.logs.on_store(move |store| {
            let events: Vec<NewEvent<'_>> = accepted
                .iter()
                .map(|event| NewEvent { at: event.timestamp, message: &event.message })
                .collect();
            store.append(&LogWrite {
                group: group.number,
                stream,
                ingested_at: now,
                events: &events,
                bookmark: None,
            })
        });
        written.await.map_err(|error| of_store(&error))?;
    }
    Ok(PutLogEventsResponse {
        next_sequence_token: Some(NEXT_TOKEN.to_owned()),
        rejected_entity_info: None,
        rejected_log_events_info: rejected,
    })
}

fn check(events: &[InputLogEvent]) -> Result<(), ApiError> {
    let bytes: usize = events.iter().map(|event| event.message.len() + OVERHEAD).sum();
    if bytes > MOST_BYTES {
        return Err(invalid(format!("Upload too large: {bytes} bytes exceeds limit of {MOST_BYTES}")));
    }
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return Err(invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    if let (Some(first), Some(last)) = (events.first(), events.last())
        && last.timestamp.saturating_sub(first.timestamp) > DAY
    {
        return Err(invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    Ok(())
}

/// The events that are kept, and which of them all are not: they stand in order, so each end is one index.
fn sort_out(
    events: Vec<InputLogEvent>,
    group: &Group,
    now: i64,
) -> (Vec<InputLogEvent>, Option<RejectedLogEventsInfo>) {
    let index = |at: i64| events.partition_point(|event| event.timestamp < at);
    let (too_old, expired) = (index(now - TOO_OLD), index(group.since));
    let too_new = events.partition_point(|event| event.timestamp <= now + TOO_NEW);
    let as_i32 = |index: usize| i32::try_from(index).ok();
    let rejected = RejectedLogEventsInfo {
        expired_log_event_end_index: (expired > 0).then(|| as_i32(expired)).flatten(),
        too_new_log_event_start_index: (too_new < events.len()).then(|| as_i32(too_new)).flatten(),
        too_old_log_event_end_index: (too_old > 0).then(|| as_i32(too_old)).flatten(),
    };
    let any = rejected != RejectedLogEventsInfo::default();
    let first = too_old.max(expired);
    let kept = events.into_iter().take(too_new).skip(first).collect();
    (kept, any.then_some(rejected))
}
