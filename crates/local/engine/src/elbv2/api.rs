//! The API's handlers: one file for each kind of resource, and this table of which operation is whose.
//!
//! A handler checks everything first and changes the state last, so that one that answers with an error has changed
//! nothing. What follows from a change (states of targets, forgetting what has drained) is left to
//! [`reconcile_target_group`](super::reconcile_target_group). Start at [`register`].

#![allow(clippy::needless_pass_by_value, reason = "every handler takes its whole input")]
#![allow(clippy::unnecessary_wraps, reason = "every handler may fail, also one that cannot")]

mod actions;
mod attributes;
mod catalogue;
mod certificates;
mod changes;
mod conditions;
mod errors;
mod health_checks;
mod limits;
mod listeners;
mod load_balancers;
mod lookup;
mod names;
mod placement;
mod rules;
mod tags;
mod target_groups;
mod targets;

pub(super) use rules::in_order;

use super::SERVICE;
use crate::engine::Handlers;

/// Adds the handlers of `ELBv2`.
pub(crate) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateLoadBalancer", load_balancers::create);
    handlers.read(SERVICE, "DescribeLoadBalancers", load_balancers::describe);
    handlers.write(SERVICE, "DeleteLoadBalancer", load_balancers::delete);
    handlers.write(SERVICE, "SetSecurityGroups", placement::set_security_groups);
    handlers.write(SERVICE, "SetSubnets", placement::set_subnets);
    handlers.write(SERVICE, "SetIpAddressType", placement::set_ip_address_type);

    handlers.write(SERVICE, "CreateTargetGroup", target_groups::create);
    handlers.write(SERVICE, "ModifyTargetGroup", target_groups::modify);
    handlers.read(SERVICE, "DescribeTargetGroups", target_groups::describe);
    handlers.write(SERVICE, "DeleteTargetGroup", target_groups::delete);

    handlers.write(SERVICE, "RegisterTargets", targets::register);
    handlers.write(SERVICE, "DeregisterTargets", targets::deregister);
    handlers.read(SERVICE, "DescribeTargetHealth", targets::describe_health);

    handlers.write(SERVICE, "CreateListener", listeners::create);
    handlers.write(SERVICE, "ModifyListener", listeners::modify);
    handlers.read(SERVICE, "DescribeListeners", listeners::describe);
    handlers.write(SERVICE, "DeleteListener", listeners::delete);
    handlers.read(SERVICE, "DescribeListenerCertificates", certificates::describe);
    handlers.read(SERVICE, "DescribeSSLPolicies", certificates::describe_ssl_policies);

    handlers.write(SERVICE, "CreateRule", rules::create);
    handlers.write(SERVICE, "ModifyRule", rules::modify);
    handlers.read(SERVICE, "DescribeRules", rules::describe);
    handlers.write(SERVICE, "DeleteRule", rules::delete);
    handlers.write(SERVICE, "SetRulePriorities", rules::set_priorities);

    handlers.read(SERVICE, "DescribeLoadBalancerAttributes", attributes::describe_load_balancer);
    handlers.write(SERVICE, "ModifyLoadBalancerAttributes", attributes::modify_load_balancer);
    handlers.read(SERVICE, "DescribeTargetGroupAttributes", attributes::describe_target_group);
    handlers.write(SERVICE, "ModifyTargetGroupAttributes", attributes::modify_target_group);
    handlers.read(SERVICE, "DescribeListenerAttributes", attributes::describe_listener);
    handlers.write(SERVICE, "ModifyListenerAttributes", attributes::modify_listener);

    handlers.write(SERVICE, "AddTags", tags::add);
    handlers.write(SERVICE, "RemoveTags", tags::remove);
    handlers.read(SERVICE, "DescribeTags", tags::describe);

    handlers.read(SERVICE, "DescribeAccountLimits", limits::describe_account);
    handlers.read(SERVICE, "DescribeCapacityReservation", limits::describe_capacity_reservation);
}
