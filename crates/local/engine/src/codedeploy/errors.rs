//! The errors of CodeDeploy that more than one handler answers with. Codes are the model's; texts are AWS's own where they
//! are known from published output.

use crate::ApiError;

/// An application that does not exist.
pub(super) fn no_application(name: &str) -> ApiError {
    ApiError::new("ApplicationDoesNotExistException", format!("No application found for name: {name}"))
}

/// A deployment group that does not exist.
pub(super) fn no_group(name: &str) -> ApiError {
    ApiError::new(
        "DeploymentGroupDoesNotExistException",
        format!("No Deployment Group found for name: {name}"),
    )
}

/// A deployment configuration that does not exist.
pub(super) fn no_config(name: &str) -> ApiError {
    ApiError::new(
        "DeploymentConfigDoesNotExistException",
        format!("No Deployment Configuration found for name: {name}"),
    )
}

/// A revision that cannot be deployed.
pub(super) fn invalid_revision(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidRevisionException", message.into())
}

/// Traffic that cannot be routed as a group or a listener says.
pub(super) fn invalid_load_balancer_info(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidLoadBalancerInfoException", message.into())
}

/// Two target groups that do not go together.
pub(super) fn invalid_pair(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidTargetGroupPairException", message.into())
}

/// An ECS service that CodeDeploy cannot deploy to.
pub(super) fn invalid_service(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidECSServiceException", message.into())
}

/// Something that does not belong to the ECS compute platform.
pub(super) fn invalid_input(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidInputException", message.into())
}

/// A token that no call answered with, or another one did.
pub(super) fn invalid_token() -> ApiError {
    ApiError::new(
        "InvalidNextTokenException",
        "The next token is not valid: pass on the nextToken of the same operation",
    )
}

/// More names or ids than one call may have.
pub(super) fn too_many(most: usize) -> ApiError {
    ApiError::new(
        "BatchLimitExceededException",
        format!("The maximum number of names or IDs allowed for this request ({most}) was exceeded."),
    )
}
