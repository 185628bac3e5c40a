//! The errors that several operations answer with.

use crate::ApiError;

/// A value that the parameter cannot have.
pub(super) fn invalid_value(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterValue", message.into())
}

/// A parameter that must be given.
pub(super) fn missing(parameter: &str) -> ApiError {
    ApiError::new("MissingParameter", format!("The request must contain the parameter {parameter}"))
}

/// Something else stands on what is to go.
pub(super) fn in_use(what: &str, id: &str) -> ApiError {
    ApiError::new("DependencyViolation", format!("The {what} '{id}' has dependencies and cannot be deleted."))
}

/// Something that AWS has and the local cloud has not.
pub(super) fn unsupported(what: &str) -> ApiError {
    ApiError::new("UnsupportedOperation", format!("{what} not implemented by the local cloud yet"))
}
