//! CloudWatch Logs, as far as a deployer needs it: what the `awslogs` driver of a container wrote.
//!
//! The lines are the runtime's, so this is answered here and not by the engine. Groups and streams exist as far as task
//! definitions name them and tasks wrote to them. Start at [`answer`].

use tidegate_engine::{State, ecs::records::Task};
use tidegate_models::{ecs, logs};
use tidegate_tasks::{LogLine, LogPage, LogPosition};
use tidegate_wire::{ApiError, Call, Response};

use crate::{api::Api, tasking, writer::lock_read};

/// The signing name.
pub(crate) const SERVICE: &str = "logs";

/// AWS's most events in one answer.
const MOST_EVENTS: usize = 10_000;

/// Answers a call of CloudWatch Logs.
pub(crate) async fn answer(api: &Api, call: &Call) -> Response {
    match call.operation {
        "GetLogEvents" => reply(call, get_log_events(api, call).await),
        "DescribeLogStreams" => reply(call, describe_log_streams(api, call)),
        other => call.fail(&ApiError::new("NotImplemented", format!("logs {other} is not implemented"))),
    }
}

fn reply<O: serde::Serialize>(call: &Call, answer: Result<O, ApiError>) -> Response {
    match answer {
        Ok(output) => call.succeed(&output),
        Err(error) => call.fail(&error),
    }
}

/// A log stream and what writes to it.
struct Stream {
    name: String,
    task_id: String,
    container: String,
    since: i64,
}

async fn get_log_events(api: &Api, call: &Call) -> Result<logs::GetLogEventsResponse, ApiError> {
    let input: logs::GetLogEventsRequest = call.typed()?;
    let group = group_name(input.log_group_name, input.log_group_identifier)?;
    let stream = streams(api, call, &group)
        .into_iter()
        .find(|stream| stream.name == input.log_stream_name)
        .ok_or_else(|| {
        ApiError::new("ResourceNotFoundException", "The specified log stream does not exist.")
    })?;
    let limit = input
        .limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(MOST_EVENTS)
        .clamp(1, MOST_EVENTS);
    let position = position(input.next_token.as_deref(), input.start_from_head == Some(true))?;
    let page = match api.runtime.read_logs(&stream.task_id, &stream.container, position, limit).await {
        Ok(page) => page,
        // A container that has printed nothing yet.
        Err(tidegate_tasks::Error::NoLog { .. }) => LogPage { lines: Vec::new(), previous: 0, next: 0 },
        Err(error) => return Err(ApiError::new("ServiceUnavailableException", error.to_string())),
    };
    let within = |line: &LogLine| {
        let at = line.at.as_millis();
        input.start_time.is_none_or(|start| at >= start) && input.end_time.is_none_or(|end| at < end)
    };
    Ok(logs::GetLogEventsResponse {
        events: Some(page.lines.into_iter().filter(within).map(event).collect()),
        next_forward_token: Some(format!("f/{:056}", page.next)),
        next_backward_token: Some(format!("b/{:056}", page.previous)),
    })
}

/// From where to read: after a forward token, before a backward one, else from the first or the last line.
fn position(token: Option<&str>, from_head: bool) -> Result<LogPosition, ApiError> {
    let Some(token) = token else {
        return Ok(if from_head { LogPosition::Head } else { LogPosition::Tail });
    };
    let at = |digits: &str| digits.parse::<u64>().ok();
    let found = match token.split_once('/') {
        Some(("f", digits)) => at(digits).map(LogPosition::From),
        Some(("b", digits)) => at(digits).map(LogPosition::Before),
        _ => None,
    };
    found.ok_or_else(|| ApiError::new("InvalidParameterException", "The specified nextToken is invalid."))
}

fn event(line: LogLine) -> logs::OutputLogEvent {
    let at = Some(line.at.as_millis());
    logs::OutputLogEvent { message: Some(line.message), timestamp: at, ingestion_time: at }
}

fn describe_log_streams(api: &Api, call: &Call) -> Result<logs::DescribeLogStreamsResponse, ApiError> {
    let input: logs::DescribeLogStreamsRequest = call.typed()?;
    let group = group_name(input.log_group_name, input.log_group_identifier)?;
    let prefix = input.log_stream_name_prefix.unwrap_or_default();
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(50);
    let mut found = streams(api, call, &group);
    found.retain(|stream| stream.name.starts_with(&prefix));
    match input.order_by {
        Some(logs::OrderBy::LastEventTime) => found.sort_by_key(|stream| stream.since),
        _ => found.sort_by(|a, b| a.name.cmp(&b.name)),
    }
    if input.descending == Some(true) {
        found.reverse();
    }
    let start = match input.next_token.as_deref() {
        None => 0,
        Some(token) => token
            .parse()
            .map_err(|_| ApiError::new("InvalidParameterException", "The specified nextToken is invalid."))?,
    };
    let streams = found.iter().skip(start).take(limit).map(|stream| logs::LogStream {
        log_stream_name: Some(stream.name.clone()),
        creation_time: Some(stream.since),
        arn: Some(format!(
            "arn:aws:logs:{}:{}:log-group:{group}:log-stream:{}",
            call.region, call.account, stream.name
        )),
        ..logs::LogStream::default()
    });
    Ok(logs::DescribeLogStreamsResponse {
        log_streams: Some(streams.collect()),
        next_token: (start + limit < found.len()).then(|| (start + limit).to_string()),
    })
}

/// The group's name, given as such or as an ARN.
fn group_name(name: Option<String>, identifier: Option<String>) -> Result<String, ApiError> {
    match (name, identifier) {
        (Some(name), None) => Ok(name),
        (None, Some(identifier)) => Ok(match identifier.split_once(":log-group:") {
            Some((_, name)) => name.trim_end_matches(":*").to_owned(),
            None => identifier,
        }),
        _ => Err(ApiError::new(
            "InvalidParameterException",
            "Exactly one of logGroupName and logGroupIdentifier must be given.",
        )),
    }
}

/// The streams of a group: one for each container of the caller's tasks whose definition logs to it.
fn streams(api: &Api, call: &Call, group: &str) -> Vec<Stream> {
    let engine = lock_read(&api.engine);
    let state = engine.state();
    let own = format!("arn:aws:ecs:{}:{}:task/", call.region, call.account);
    state.tasks.with_prefix(&own).flat_map(|(arn, task)| streams_of(state, arn, task, group)).collect()
}

fn streams_of(state: &State, arn: &str, task: &Task, group: &str) -> Vec<Stream> {
    let Some(spec) = tasking::spec(state, arn) else { return Vec::new() };
    let containers = spec.definition.container_definitions.iter().flatten();
    containers
        .filter_map(|container| {
            let options = awslogs(container)?;
            let container = container.name.clone()?;
            let named = |key: &str| options.get(key).map(String::as_str);
            (named("awslogs-group") == Some(group)).then(|| Stream {
                name: match named("awslogs-stream-prefix") {
                    Some(prefix) => format!("{prefix}/{container}/{}", spec.task_id),
                    None => spec.task_id.clone(),
                },
                task_id: spec.task_id.clone(),
                container,
                since: task.times.created_at.as_millis(),
            })
        })
        .collect()
}

fn awslogs(container: &ecs::ContainerDefinition) -> Option<&std::collections::BTreeMap<String, String>> {
    let configuration = container.log_configuration.as_ref()?;
    (configuration.log_driver == ecs::LogDriver::Awslogs).then_some(configuration.options.as_ref()).flatten()
}
