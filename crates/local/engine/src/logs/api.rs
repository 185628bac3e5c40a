//! The API's handlers of groups and streams. Start at [`register`].

#![allow(clippy::needless_pass_by_value, reason = "every handler takes its whole input")]
#![allow(clippy::unnecessary_wraps, reason = "every handler may fail, also one that cannot")]

mod groups;
mod lookup;
mod retention;
mod streams;
mod tags;

pub(super) use groups::add as add_group;
pub use lookup::{find_group, group_of_ecs};
pub use streams::page_of_streams;
pub(super) use streams::{add as add_stream, check_name as check_stream_name};

use super::SERVICE;
use crate::{ApiError, engine::Handlers};

/// Adds the handlers of CloudWatch Logs. What reads or writes events is the server's.
pub(crate) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateLogGroup", groups::create);
    handlers.write(SERVICE, "DeleteLogGroup", groups::delete);
    handlers.read(SERVICE, "DescribeLogGroups", groups::describe);
    handlers.write(SERVICE, "CreateLogStream", streams::create);
    handlers.write(SERVICE, "DeleteLogStream", streams::delete);
    handlers.write(SERVICE, "PutRetentionPolicy", retention::put);
    handlers.write(SERVICE, "DeleteRetentionPolicy", retention::delete);
    handlers.write(SERVICE, "TagResource", tags::tag);
    handlers.write(SERVICE, "UntagResource", tags::untag);
    handlers.read(SERVICE, "ListTagsForResource", tags::list);
    handlers.write(SERVICE, "TagLogGroup", tags::tag_group);
    handlers.write(SERVICE, "UntagLogGroup", tags::untag_group);
    handlers.read(SERVICE, "ListTagsLogGroup", tags::list_of_group);
}

/// An operation's output that has no members.
#[derive(Debug, serde::Serialize)]
struct Nothing {}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message.into())
}
