//! The errors that API calls answer with.

use std::borrow::Cow;

/// An error of an API call, in AWS's own codes and words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// The code of an error shape of the service's model, for example `ClusterNotFoundException`.
    pub code: &'static str,
    /// What a person reads.
    pub message: Cow<'static, str>,
}

impl ApiError {
    /// An error with AWS's `code` and `message`.
    pub fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }
}
