//! `DescribeLogStreams`.

use tidegate_engine::logs::{page_of_streams, records::LogStream};
use tidegate_models::logs::{self, DescribeLogStreamsRequest, DescribeLogStreamsResponse, OrderBy};
use tidegate_store::LogSummary;
use tidegate_wire::{ApiError, Call};

use super::{group, invalid, of_engine, of_store};
use crate::{api::Api, writer::lock_read};

/// AWS's most streams in one page.
const PAGE: usize = 50;

pub(super) async fn describe(api: &Api, call: &Call) -> Result<DescribeLogStreamsResponse, ApiError> {
    let input: DescribeLogStreamsRequest = call.typed()?;
    let group = group(api, call, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
    let by_time = input.order_by == Some(OrderBy::LastEventTime);
    if by_time && input.log_stream_name_prefix.is_some() {
        return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    api.logs.ship(&group.arn).await;
    let number = group.number;
    let summaries = api.logs.on_store(move |store| store.summaries(number)).await;
    let summaries = summaries.map_err(|error| of_store(&error))?;
    let last = |stream: &LogStream| summaries.get(&stream.number).map(|summary| summary.last);
    let engine = lock_read(&api.engine);
    let prefix = LogStream::arn(&group.arn, input.log_stream_name_prefix.as_deref().unwrap_or_default());
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let (found, next_token) = page_of_streams(
        engine.state(),
        &prefix,
        input.descending,
        input.next_token.as_deref(),
        limit,
        // One without events is as old as it is.
        |stream| by_time.then(|| last(stream).unwrap_or(stream.created_at.as_millis())),
    )
    .map_err(of_engine)?;
    let streams =
        found.into_iter().map(|(arn, stream)| described(arn, stream, summaries.get(&stream.number)));
    Ok(DescribeLogStreamsResponse { log_streams: Some(streams.collect()), next_token })
}

fn described(arn: &str, stream: &LogStream, summary: Option<&LogSummary>) -> logs::LogStream {
    logs::LogStream {
        arn: Some(arn.to_owned()),
        creation_time: Some(stream.created_at.as_millis()),
        first_event_timestamp: summary.map(|summary| summary.first),
        last_event_timestamp: summary.map(|summary| summary.last),
        last_ingestion_time: summary.map(|summary| summary.ingested_at),
        log_stream_name: Some(stream.name.clone()),
        // AWS says 0 since 2019, whatever is stored.
        stored_bytes: Some(0),
        upload_sequence_token: None,
    }
}
