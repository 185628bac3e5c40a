//! The error that behaviour answers with.
//!
//! It names the error and says what happened; how that is written depends on the protocol and is `encoding`'s. It
//! must never hold anything of HTTP. Start at [`ApiError`].

use std::borrow::Cow;

use serde_json::{Map, Value};

/// An error of an operation, in the words of the service's model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// The name of the model's error shape (`ClusterNotFoundException`) or its code on the wire
    /// (`TargetGroupNotFound`). The HTTP status follows from it; a code that the model does not know is the client's
    /// fault (400).
    pub code: Cow<'static, str>,
    /// What happened, in AWS's own text where one is known.
    pub message: String,
    /// Further members of the error's shape, by the model's names.
    pub members: Map<String, Value>,
}

impl ApiError {
    /// An error with no members but its message.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), members: Map::new() }
    }

    /// The same error with one more member of its shape.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }
}
