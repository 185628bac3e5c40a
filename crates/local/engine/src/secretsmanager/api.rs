//! The API's handlers. Start at [`register`].

#![allow(clippy::needless_pass_by_value, reason = "every handler takes its whole input")]
#![allow(clippy::unnecessary_wraps, reason = "every handler may fail, also one that cannot")]

mod create;
mod delete;
mod describe;
mod filters;
mod lookup;
mod password;
mod policy;
mod read;
mod stages;
mod tags;
mod update;
mod versions;

pub(crate) use lookup::{find_value, source_of};
pub(super) use versions::remove;

use super::SERVICE;
use crate::{ApiError, engine::Handlers};

/// Adds the handlers of Secrets Manager.
pub(crate) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateSecret", create::create);
    handlers.read(SERVICE, "GetSecretValue", read::get);
    handlers.read(SERVICE, "BatchGetSecretValue", read::get_several);
    handlers.write(SERVICE, "PutSecretValue", update::put_value);
    handlers.write(SERVICE, "UpdateSecret", update::update);
    handlers.read(SERVICE, "DescribeSecret", describe::describe);
    handlers.read(SERVICE, "ListSecrets", describe::list);
    handlers.write(SERVICE, "DeleteSecret", delete::delete);
    handlers.write(SERVICE, "RestoreSecret", delete::restore);
    handlers.read(SERVICE, "ListSecretVersionIds", stages::list);
    handlers.write(SERVICE, "UpdateSecretVersionStage", stages::update);
    handlers.write(SERVICE, "TagResource", tags::tag);
    handlers.write(SERVICE, "UntagResource", tags::untag);
    handlers.read(SERVICE, "GetResourcePolicy", policy::get);
    handlers.write(SERVICE, "PutResourcePolicy", policy::put);
    handlers.write(SERVICE, "DeleteResourcePolicy", policy::delete);
    handlers.read(SERVICE, "ValidateResourcePolicy", policy::validate);
    // It only draws from the cloud's randomness, but that is a change.
    handlers.write(SERVICE, "GetRandomPassword", password::draw);
}

/// An operation's output that has no members.
#[derive(Debug, serde::Serialize)]
struct Nothing {}

fn not_found() -> ApiError {
    ApiError::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

fn invalid_parameter(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message.into())
}

fn invalid_request(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidRequestException", message.into())
}
