//! `CreateLogStream` and `DeleteLogStream`, and which streams `DescribeLogStreams` shows.

use tidegate_models::{
    Timestamp,
    logs::{CreateLogStreamRequest, DeleteLogStreamRequest},
};

use super::{super::records::LogStream, Nothing, invalid, lookup};
use crate::{ApiError, Context, State, page};

pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateLogStreamRequest,
) -> Result<Nothing, ApiError> {
    check_name(&input.log_stream_name)?;
    let group = lookup::group(state, &context.scope, &input.log_group_name)?.arn.clone();
    if state.log_streams.contains(&LogStream::arn(&group, &input.log_stream_name)) {
        return Err(ApiError::new(
            "ResourceAlreadyExistsException",
            "The specified log stream already exists",
        ));
    }
    add(state, &group, &input.log_stream_name, context.now);
    Ok(Nothing {})
}

/// Makes a stream of the group with this ARN.
pub(in super::super) fn add(state: &mut State, group_arn: &str, name: &str, now: Timestamp) {
    let stream = LogStream {
        group_arn: group_arn.to_owned(),
        name: name.to_owned(),
        number: state.ids.number(),
        created_at: now,
    };
    state.log_streams.insert(&LogStream::arn(group_arn, name), stream);
}

pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteLogStreamRequest,
) -> Result<Nothing, ApiError> {
    let group = lookup::group(state, &context.scope, &input.log_group_name)?;
    let arn = LogStream::arn(&group.arn, &input.log_stream_name);
    if !state.log_streams.contains(&arn) {
        return Err(ApiError::new("ResourceNotFoundException", "The specified log stream does not exist."));
    }
    state.log_streams.remove(&arn);
    Ok(Nothing {})
}

/// Streams with their ARNs, and the token of the next page.
type StreamPage<'a> = (Vec<(&'a str, &'a LogStream)>, Option<String>);

/// A page of the streams whose ARNs begin with `prefix`, ordered by what `rank` says and by name.
///
/// # Errors
///
/// When the token was made for something else.
pub fn page_of_streams<'a, R: Ord>(
    state: &'a State,
    prefix: &'a str,
    descending: Option<bool>,
    token: Option<&str>,
    limit: usize,
    rank: impl Fn(&LogStream) -> R,
) -> Result<StreamPage<'a>, ApiError> {
    let mut found: Vec<(&str, &LogStream)> = state.log_streams.with_prefix(prefix).collect();
    found.sort_by(|(_, a), (_, b)| rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name)));
    if descending == Some(true) {
        found.reverse();
    }
    let refused = || invalid("The specified nextToken is invalid.");
    let page = page::page_in_order(found.into_iter(), "DescribeLogStreams", token, limit, refused)?;
    Ok((page.items, page.next))
}

/// AWS's rule: neither a colon nor an asterisk.
pub(in super::super) fn check_name(name: &str) -> Result<(), ApiError> {
    if name.is_empty() || name.len() > 512 || name.contains([':', '*']) {
        return Err(invalid(
            "1 validation error detected: Value at 'logStreamName' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [^:*]*",
        ));
    }
    Ok(())
}
