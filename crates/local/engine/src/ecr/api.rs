//! The API's handlers. Start at [`register`].

#![allow(clippy::needless_pass_by_value, reason = "every handler takes its whole input")]

mod images;
mod lookup;
mod policies;
mod repositories;
mod tags;

use super::SERVICE;
use crate::{ApiError, engine::Handlers};

/// Adds the handlers of ECR.
pub(crate) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateRepository", repositories::create);
    handlers.read(SERVICE, "DescribeRepositories", repositories::describe);
    handlers.write(SERVICE, "DeleteRepository", repositories::delete);
    handlers.read(SERVICE, "DescribeImages", images::describe);
    handlers.write(SERVICE, "PutImageTagMutability", repositories::put_mutability);
    handlers.write(SERVICE, "PutImageScanningConfiguration", repositories::put_scanning);
    handlers.write(SERVICE, "PutLifecyclePolicy", policies::put_lifecycle);
    handlers.read(SERVICE, "GetLifecyclePolicy", policies::get_lifecycle);
    handlers.write(SERVICE, "DeleteLifecyclePolicy", policies::delete_lifecycle);
    handlers.write(SERVICE, "SetRepositoryPolicy", policies::set);
    handlers.read(SERVICE, "GetRepositoryPolicy", policies::get);
    handlers.write(SERVICE, "DeleteRepositoryPolicy", policies::delete);
    handlers.write(SERVICE, "TagResource", tags::tag);
    handlers.write(SERVICE, "UntagResource", tags::untag);
    handlers.read(SERVICE, "ListTagsForResource", tags::list);
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message.into())
}
