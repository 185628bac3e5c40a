//! `GetLogEvents`: one stream, forwards or backwards.

use tidegate_models::logs::{GetLogEventsRequest, GetLogEventsResponse, OutputLogEvent};
use tidegate_store::{LogEvent, LogPosition};
use tidegate_wire::{ApiError, Call};

use super::{MOST_BYTES, group, invalid, limit, of_store, stream, token};
use crate::api::Api;

/// Which events a call wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    After(LogPosition),
    Before(LogPosition),
}

pub(super) async fn get(api: &Api, call: &Call) -> Result<GetLogEventsResponse, ApiError> {
    let input: GetLogEventsRequest = call.typed()?;
    let group = group(api, call, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
    let stream = stream(api, &group, &input.log_stream_name)?;
    let from = from(input.next_token.as_deref(), input.start_from_head)?;
    let window = group.window(input.start_time, input.end_time);
    let limit = limit(input.limit);
    api.logs.ship(&group.arn).await;
    let read = api.logs.on_store(move |store| match from {
        From::After(position) => store.after(stream, position, &window, limit),
        From::Before(position) => store.before(stream, position, &window, limit),
    });
    let events = fitting(read.await.map_err(|error| of_store(&error))?, from);
    // An empty page leads nowhere: its tokens are the place where it was looked for. A log without any begins at its start.
    let here = match from {
        From::Before(LogPosition::END) => LogPosition::START,
        From::After(position) | From::Before(position) => position,
    };
    let (first, last) = (events.first(), events.last());
    let (backward, forward) = (first.map_or(here, |it| it.position), last.map_or(here, |it| it.position));
    Ok(GetLogEventsResponse {
        next_backward_token: Some(format!("b/{}", token::of(backward))),
        next_forward_token: Some(format!("f/{}", token::of(forward))),
        events: Some(events.into_iter().map(output).collect()),
    })
}

/// After a forward token, before a backward one, else from the first event or the last.
fn from(given: Option<&str>, start_from_head: Option<bool>) -> Result<From, ApiError> {
    let Some(given) = given else {
        let is_head = start_from_head == Some(true);
        return Ok(if is_head { From::After(LogPosition::START) } else { From::Before(LogPosition::END) });
    };
    let found = match given.split_once('/') {
        Some(("f", digits)) => token::parse(digits).map(From::After),
        Some(("b", digits)) => token::parse(digits).map(From::Before),
        _ => None,
    };
    found.ok_or_else(|| invalid("The specified nextToken is invalid."))
}

/// As many of the events as an answer may have bytes, from the end where the call began to read. At least one.
fn fitting(mut events: Vec<LogEvent>, from: From) -> Vec<LogEvent> {
    let mut left = MOST_BYTES;
    let mut fits = |event: &LogEvent| {
        let size = event.message.len();
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    match from {
        From::After(_) => {
            let count = events.iter().take_while(|event| fits(event)).count().max(1);
            events.truncate(count);
        }
        From::Before(_) => {
            let count = events.iter().rev().take_while(|event| fits(event)).count().max(1);
            events.drain(..events.len().saturating_sub(count));
        }
    }
    events
}

fn output(event: LogEvent) -> OutputLogEvent {
    OutputLogEvent {
        ingestion_time: Some(event.ingested_at),
        message: Some(event.message),
        timestamp: Some(event.position.at),
    }
}
