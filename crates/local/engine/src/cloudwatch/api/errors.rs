//! The errors of CloudWatch, by the names that the query protocol has for them.
//!
//! Its newer protocols write the names of the model's shapes; the wire knows both.

use crate::ApiError;

/// A value that AWS would not take.
pub(super) fn validation(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", message.into())
}

/// A parameter whose value is not one.
pub(super) fn invalid_value(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterValue", message.into())
}

/// Parameters that do not go together.
pub(super) fn invalid_combination(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterCombination", message.into())
}

/// A parameter that has to be there.
pub(super) fn missing(message: impl Into<String>) -> ApiError {
    ApiError::new("MissingParameter", message.into())
}

/// Something that AWS has and the local cloud does not; `what` is the subject of the sentence.
pub(super) fn not_implemented(what: &str) -> ApiError {
    ApiError::new("NotImplemented", format!("{what} not implemented by the local cloud yet"))
}

/// A token that no call answered with, or another one did.
pub(super) fn invalid_token() -> ApiError {
    ApiError::new(
        "InvalidNextToken",
        "The NextToken is not valid: pass on the one that the same operation answered",
    )
}

/// No alarm with this name.
pub(super) fn unknown_alarm(name: &str) -> ApiError {
    ApiError::new("ResourceNotFound", format!("Unknown alarm {name}"))
}
