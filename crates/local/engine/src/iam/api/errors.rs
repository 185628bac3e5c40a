//! The errors of IAM, by the codes that its protocol has for them.

use crate::ApiError;

/// Something that is not there.
pub(super) fn no_such_entity(message: impl Into<String>) -> ApiError {
    ApiError::new("NoSuchEntity", message.into())
}

/// No role with this name.
pub(super) fn no_such_role(name: &str) -> ApiError {
    no_such_entity(format!("The role with name {name} cannot be found."))
}

/// No managed policy with this ARN.
pub(super) fn no_such_policy(arn: &str) -> ApiError {
    no_such_entity(format!("Policy {arn} was not found."))
}

/// Something of that name is there.
pub(super) fn already_exists(message: impl Into<String>) -> ApiError {
    ApiError::new("EntityAlreadyExists", message.into())
}

/// Something else hangs on what is to be deleted.
pub(super) fn delete_conflict(message: impl Into<String>) -> ApiError {
    ApiError::new("DeleteConflict", message.into())
}

/// One of IAM's quotas.
pub(super) fn limit_exceeded(message: impl Into<String>) -> ApiError {
    ApiError::new("LimitExceeded", message.into())
}

/// One of IAM's quotas that has a name.
pub(super) fn quota(name: &str, most: usize) -> ApiError {
    limit_exceeded(format!("Cannot exceed quota for {name}: {most}"))
}

/// A value that IAM does not take.
pub(super) fn invalid_input(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidInput", message.into())
}

/// A value that no operation of IAM takes.
pub(super) fn validation(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", message.into())
}
