//! The API's handlers. Start at [`register`].

#![allow(clippy::needless_pass_by_value, reason = "every handler takes its whole input")]
#![allow(clippy::unnecessary_wraps, reason = "every handler may fail, also one that cannot")]

mod delete;
mod get;
mod identify;
mod layers;
mod lookup;
mod policies;
mod previews;
mod put;
mod registry;
mod repositories;
mod scans;
mod tags;

pub use layers::{KEEP_LAYER, KeepLayer, Kept, Source};
pub use lookup::repository;

use super::SERVICE;
use crate::{ApiError, engine::Handlers};

/// Items on a page unless a call says otherwise.
const PAGE: usize = 100;

/// Adds the handlers of ECR.
pub(crate) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateRepository", repositories::create);
    handlers.read(SERVICE, "DescribeRepositories", repositories::describe);
    handlers.write(SERVICE, "DeleteRepository", repositories::delete);
    handlers.write(SERVICE, "PutImageTagMutability", repositories::put_mutability);
    handlers.write(SERVICE, "PutImageScanningConfiguration", repositories::put_scanning);
    handlers.write(SERVICE, "PutLifecyclePolicy", policies::put_lifecycle);
    handlers.read(SERVICE, "GetLifecyclePolicy", policies::get_lifecycle);
    handlers.write(SERVICE, "DeleteLifecyclePolicy", policies::delete_lifecycle);
    handlers.write(SERVICE, "SetRepositoryPolicy", policies::set);
    handlers.read(SERVICE, "GetRepositoryPolicy", policies::get);
    handlers.write(SERVICE, "DeleteRepositoryPolicy", policies::delete);
    handlers.write(SERVICE, "StartLifecyclePolicyPreview", previews::start);
    handlers.read(SERVICE, "GetLifecyclePolicyPreview", previews::get);
    handlers.write(SERVICE, "PutImage", put::put);
    handlers.read(SERVICE, "BatchGetImage", get::batch);
    handlers.read(SERVICE, "DescribeImages", get::describe);
    handlers.read(SERVICE, "ListImages", get::list);
    handlers.write(SERVICE, "BatchDeleteImage", delete::batch);
    handlers.read(SERVICE, "BatchCheckLayerAvailability", layers::check);
    handlers.read(SERVICE, "GetDownloadUrlForLayer", layers::download_url);
    handlers.write(SERVICE, KEEP_LAYER, layers::keep);
    handlers.write(SERVICE, "StartImageScan", scans::start);
    handlers.read(SERVICE, "DescribeImageScanFindings", scans::findings);
    handlers.read(SERVICE, "GetAuthorizationToken", registry::authorize);
    handlers.read(SERVICE, "DescribeRegistry", registry::describe);
    handlers.read(SERVICE, "GetRegistryScanningConfiguration", registry::scanning);
    handlers.write(SERVICE, "TagResource", tags::tag);
    handlers.write(SERVICE, "UntagResource", tags::untag);
    handlers.read(SERVICE, "ListTagsForResource", tags::list);
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message.into())
}

fn bad_token() -> ApiError {
    invalid("Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid token'")
}

/// How many items a call asks for.
fn limit(asked: Option<i32>) -> usize {
    asked.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE)
}
