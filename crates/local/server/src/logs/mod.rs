//! CloudWatch Logs, as far as events are concerned: written, read, searched, and taken from containers.
//!
//! Groups and streams are the engine's; their events are in a store of their own, which no other call waits for
//! (`docs/decisions/0006-logs-and-secrets.md`). `shipping` is the `awslogs` driver. Before events are read, what containers have
//! printed by then is shipped, so that nobody reads less than there is. Start at [`answer`].

mod filter;
mod get;
mod groups;
mod put;
mod shipping;
mod streams;
mod token;

use std::ops::Range;

use tidegate_engine::{
    Scope, State, Timestamp,
    logs::records::{LogGroup, LogStream},
};
use tidegate_store::StoreError;
use tidegate_wire::{ApiError, Call, Response};

pub(crate) use shipping::Logs;

use crate::{api::Api, writer::lock_read};

/// AWS's most events in one answer.
const MOST_EVENTS: usize = 10_000;
/// AWS's most bytes of events in one answer.
const MOST_BYTES: usize = 1 << 20;

/// Answers a call of CloudWatch Logs about events; `None` when it is the engine's.
pub(crate) async fn answer(api: &Api, call: &Call) -> Option<Response> {
    if call.service != tidegate_engine::logs::SERVICE {
        return None;
    }
    Some(match call.operation {
        "PutLogEvents" => reply(call, put::put(api, call).await),
        "GetLogEvents" => reply(call, get::get(api, call).await),
        "FilterLogEvents" => reply(call, filter::filter(api, call).await),
        "DescribeLogStreams" => reply(call, streams::describe(api, call).await),
        "DescribeLogGroups" => reply(call, groups::describe(api, call).await),
        _ => return None,
    })
}

fn reply<O: serde::Serialize>(call: &Call, answer: Result<O, ApiError>) -> Response {
    match answer {
        Ok(output) => call.succeed(&output),
        Err(error) => call.fail(&error),
    }
}

/// A group as a call needs it.
#[derive(Clone, Debug)]
struct Group {
    arn: String,
    number: i64,
    /// From when on its events are kept.
    since: i64,
}

impl Group {
    fn of(row: &LogGroup, now: Timestamp) -> Self {
        Self { arn: row.arn.clone(), number: row.number, since: since(row, now) }
    }

    /// The times that a call asks for, as far as there are events of them.
    fn window(&self, start: Option<i64>, end: Option<i64>) -> Range<i64> {
        start.unwrap_or(i64::MIN).max(self.since)..end.unwrap_or(i64::MAX)
    }
}

/// From when on the events of a group are kept.
fn since(group: &LogGroup, now: Timestamp) -> i64 {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    group.retention_days.map_or(i64::MIN, |days| now.as_millis() - i64::from(days) * DAY)
}

/// The group that a call names.
fn group(api: &Api, call: &Call, name: Option<&str>, identifier: Option<&str>) -> Result<Group, ApiError> {
    let engine = lock_read(&api.engine);
    let found = tidegate_engine::logs::find_group(engine.state(), &scope(call), name, identifier);
    found.map(|group| Group::of(group, api.clock.now())).map_err(of_engine)
}

/// The number of a stream of a group.
fn stream(api: &Api, group: &Group, name: &str) -> Result<i64, ApiError> {
    let engine = lock_read(&api.engine);
    find_stream(engine.state(), group, name).map(|stream| stream.number)
}

fn find_stream<'a>(state: &'a State, group: &Group, name: &str) -> Result<&'a LogStream, ApiError> {
    let found = state.log_streams.get(&LogStream::arn(&group.arn, name));
    found
        .ok_or_else(|| ApiError::new("ResourceNotFoundException", "The specified log stream does not exist."))
}

fn scope(call: &Call) -> Scope {
    Scope { account: call.account.clone(), region: call.region.clone() }
}

fn of_engine(error: tidegate_engine::ApiError) -> ApiError {
    ApiError::new(error.code, error.message.into_owned())
}

/// The disk is full, or broken.
fn of_store(error: &StoreError) -> ApiError {
    ApiError::new("ServiceUnavailableException", error.to_string())
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message.into())
}

/// How many events a call asks for.
fn limit(asked: Option<i32>) -> usize {
    asked.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(MOST_EVENTS).clamp(1, MOST_EVENTS)
}
