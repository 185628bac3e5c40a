//! Finding what a call names, within the caller's account and region.
//!
//! The state holds all accounts and regions; a resource of another one is not found. Nothing here changes anything.

use super::{
    super::{
        SERVICE,
        records::{Listener, LoadBalancer, Rule, TargetGroup},
    },
    errors,
};
use crate::{ApiError, Context, State};

/// The load balancer with this ARN.
pub(super) fn load_balancer<'a>(
    state: &'a State,
    context: &Context,
    arn: &str,
) -> Result<&'a LoadBalancer, ApiError> {
    let found = state.load_balancers.get(arn).filter(|_| is_in_scope(context, arn));
    found.ok_or_else(|| errors::load_balancer_not_found(arn))
}

/// The load balancer with this name. Names are unique within an account and region.
pub(super) fn load_balancer_named<'a>(
    state: &'a State,
    context: &Context,
    name: &str,
) -> Option<&'a LoadBalancer> {
    let prefix = context.scope.arn(SERVICE, format_args!("loadbalancer/app/{name}/"));
    let (_, found) = state.load_balancers.with_prefix(&prefix).next()?;
    // The row lives as long as the state; only the iterator is bound to the prefix.
    state.load_balancers.get(&found.arn)
}

/// The target group with this ARN.
pub(super) fn target_group<'a>(
    state: &'a State,
    context: &Context,
    arn: &str,
) -> Result<&'a TargetGroup, ApiError> {
    let found = state.target_groups.get(arn).filter(|_| is_in_scope(context, arn));
    found.ok_or_else(|| errors::target_group_not_found(arn))
}

/// The target group with this name. Names are unique within an account and region.
pub(super) fn target_group_named<'a>(
    state: &'a State,
    context: &Context,
    name: &str,
) -> Option<&'a TargetGroup> {
    let prefix = context.scope.arn(SERVICE, format_args!("targetgroup/{name}/"));
    let (_, found) = state.target_groups.with_prefix(&prefix).next()?;
    state.target_groups.get(&found.arn)
}

/// The listener with this ARN.
pub(super) fn listener<'a>(state: &'a State, context: &Context, arn: &str) -> Result<&'a Listener, ApiError> {
    state.listeners.get(arn).filter(|_| is_in_scope(context, arn)).ok_or_else(errors::listener_not_found)
}

/// The rule with this ARN.
pub(super) fn rule<'a>(state: &'a State, context: &Context, arn: &str) -> Result<&'a Rule, ApiError> {
    state.rules.get(arn).filter(|_| is_in_scope(context, arn)).ok_or_else(errors::rule_not_found)
}

/// The load balancer that a target group belongs to: the one whose rules forward to it. There is never more than one.
pub(super) fn load_balancer_of_group<'a>(state: &'a State, group_arn: &str) -> Option<&'a str> {
    let (_, rule) = state.rules.indexed_by(group_arn).next()?;
    state.listeners.get(&rule.listener_arn).map(|listener| listener.load_balancer_arn.as_str())
}

fn is_in_scope(context: &Context, arn: &str) -> bool {
    arn.starts_with(&context.scope.arn(SERVICE, ""))
}
