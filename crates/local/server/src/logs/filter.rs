//! `FilterLogEvents`: all streams of a group, or some, by time and pattern.

use std::collections::HashMap;

use tidegate_engine::logs::{Pattern, records::LogStream};
use tidegate_models::logs::{FilterLogEventsRequest, FilterLogEventsResponse, FilteredLogEvent};
use tidegate_store::{LogEvent, LogPosition, StoreError};
use tidegate_wire::{ApiError, Call};

use super::{Group, MOST_BYTES, find_stream, group, invalid, limit, of_store, token};
use crate::{api::Api, writer::lock_read};

/// How many events are looked at for one answer. AWS, too, answers with an empty page and a token after a while.
const MOST_SCANNED: usize = 100_000;
/// How many are read at once.
const STEP: usize = 2_000;

pub(super) async fn filter(api: &Api, call: &Call) -> Result<FilterLogEventsResponse, ApiError> {
    let input: FilterLogEventsRequest = call.typed()?;
    let group = group(api, call, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
    if input.log_stream_names.is_some() && input.log_stream_name_prefix.is_some() {
        return Err(invalid("logStreamNames and logStreamNamePrefix cannot be used together."));
    }
    if input.start_from_head == Some(false) {
        return Err(ApiError::new(
            "NotImplemented",
            "startFromHead=false of FilterLogEvents is not implemented by the local cloud.",
        ));
    }
    let pattern = Pattern::parse(input.filter_pattern.as_deref().unwrap_or_default())
        .map_err(|error| invalid(error.to_string()))?;
    let position = match input.next_token.as_deref() {
        None => LogPosition::START,
        Some(given) => token::parse(given).ok_or_else(|| invalid("The specified nextToken is invalid."))?,
    };
    let window = group.window(input.start_time, input.end_time);
    let limit = limit(input.limit);
    api.logs.ship(&group.arn).await;
    // Streams that containers opened just now are there by now, too.
    let names =
        names(api, &group, input.log_stream_names.as_deref(), input.log_stream_name_prefix.as_deref())?;
    let search = api.logs.on_store(move |store| {
        search(&names, &pattern, position, limit, |position| match single(&names) {
            Some(stream) => store.after(stream, position, &window, STEP),
            None => store.of_group(group.number, position, &window, STEP),
        })
    });
    let (events, next) = search.await.map_err(|error| of_store(&error))?;
    Ok(FilterLogEventsResponse {
        events: Some(events),
        next_token: next.map(token::of),
        // AWS fills it no more.
        searched_log_streams: Some(Vec::new()),
    })
}

fn single(names: &HashMap<i64, String>) -> Option<i64> {
    names.keys().next().copied().filter(|_| names.len() == 1)
}

/// The streams to search, by number.
fn names(
    api: &Api,
    group: &Group,
    asked: Option<&[String]>,
    prefix: Option<&str>,
) -> Result<HashMap<i64, String>, ApiError> {
    let engine = lock_read(&api.engine);
    let state = engine.state();
    let entry = |stream: &LogStream| (stream.number, stream.name.clone());
    if let Some(asked) = asked {
        return asked.iter().map(|name| find_stream(state, group, name).map(entry)).collect();
    }
    let prefix = LogStream::arn(&group.arn, prefix.unwrap_or_default());
    Ok(state.log_streams.with_prefix(&prefix).map(|(_, stream)| entry(stream)).collect())
}

/// What was found, and from where to go on.
type Found = (Vec<FilteredLogEvent>, Option<LogPosition>);

fn search(
    names: &HashMap<i64, String>,
    pattern: &Pattern,
    mut position: LogPosition,
    limit: usize,
    read: impl Fn(LogPosition) -> Result<Vec<LogEvent>, StoreError>,
) -> Result<Found, StoreError> {
    let (mut found, mut bytes, mut scanned) = (Vec::new(), 0, 0);
    while scanned < MOST_SCANNED {
        let page = read(position)?;
        let is_last = page.len() < STEP;
        scanned += page.len();
        for event in page {
            let Some(name) = names.get(&event.stream).filter(|_| pattern.matches(&event.message)) else {
                position = event.position;
                continue;
            };
            bytes += event.message.len();
            if found.len() == limit || (bytes > MOST_BYTES && !found.is_empty()) {
                return Ok((found, Some(position)));
            }
            position = event.position;
            found.push(output(event, name));
        }
        if is_last {
            return Ok((found, None));
        }
    }
    Ok((found, Some(position)))
}

fn output(event: LogEvent, stream: &str) -> FilteredLogEvent {
    FilteredLogEvent {
        event_id: Some(token::of(event.position)),
        ingestion_time: Some(event.ingested_at),
        log_stream_name: Some(stream.to_owned()),
        message: Some(event.message),
        timestamp: Some(event.position.at),
    }
}
