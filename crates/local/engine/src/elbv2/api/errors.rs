//! The errors of `ELBv2` that more than one handler answers with.
//!
//! Codes drop the "Exception" of the model's shapes, as the query protocol does. Texts are AWS's own where they are
//! known from published output.

use crate::ApiError;

/// A value that AWS would not take.
pub(super) fn validation(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", message.into())
}

/// Something that AWS has and the local cloud does not; `what` is the subject of the sentence.
pub(super) fn not_implemented(what: &str) -> ApiError {
    ApiError::new("NotImplemented", format!("{what} not implemented by the local cloud yet"))
}

/// A configuration whose parts do not go together.
pub(super) fn invalid_configuration(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidConfigurationRequest", message.into())
}

/// An action that is not valid.
pub(super) fn invalid_action(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidLoadBalancerAction", message.into())
}

/// Something that is never allowed with this resource.
pub(super) fn not_permitted(message: impl Into<String>) -> ApiError {
    ApiError::new("OperationNotPermitted", message.into())
}

/// A marker that no call answered with, or another one did.
pub(super) fn invalid_marker() -> ApiError {
    validation("The marker is not valid: pass on the NextMarker of the same operation")
}

/// A load balancer, by ARN or name, that does not exist.
pub(super) fn load_balancer_not_found(id: &str) -> ApiError {
    ApiError::new("LoadBalancerNotFound", format!("Load balancers '[{id}]' not found"))
}

/// A target group that an action or a call names.
pub(super) fn target_group_not_found(arn: &str) -> ApiError {
    ApiError::new("TargetGroupNotFound", format!("Target groups '{arn}' not found"))
}

/// What `DescribeTargetGroups` answers, whichever of them is missing.
pub(super) fn some_target_groups_not_found() -> ApiError {
    ApiError::new("TargetGroupNotFound", "One or more target groups not found")
}

/// A listener that does not exist.
pub(super) fn listener_not_found() -> ApiError {
    ApiError::new("ListenerNotFound", "One or more listeners not found")
}

/// A rule that does not exist.
pub(super) fn rule_not_found() -> ApiError {
    ApiError::new("RuleNotFound", "One or more rules not found")
}
