//! What a balancer is told: load balancers, listeners, rules and target groups as plain values.
//!
//! Nothing here knows a socket or holds state, and nothing here validates what the API in front already has.
//! Start at [`Change`].

mod health_check;
mod listener;
mod load_balancer;
mod rule;
mod target_group;

pub use health_check::{HealthCheck, HealthCheckPort, InvalidMatcher, Matcher};
pub use listener::{Listener, Protocol};
pub use load_balancer::{LoadBalancer, LoadBalancerAttributes, XForwardedFor};
pub use rule::{
    Action, Cidr, Condition, FixedResponse, Forward, InvalidCidr, Patterns, QueryPair, Redirect,
    RedirectStatus, Rule, Weight, WeightedGroup,
};
pub use target_group::{Algorithm, Registration, Target, TargetFault, TargetGroup, TargetStickiness};

/// One change to what a balancer serves.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Adds a load balancer, or replaces the one with the same ARN, all its listeners and rules included.
    PutLoadBalancer(LoadBalancer),
    /// Removes the load balancer with this ARN and closes its listeners. Unknown ARNs are no error.
    RemoveLoadBalancer(String),
    /// Adds a target group, or replaces the one with the same ARN. A target whose address was there before keeps its
    /// connections, counters and health; one whose address is gone has what is still in flight to it cut.
    PutTargetGroup(TargetGroup),
    /// Removes the target group with this ARN and cuts what is in flight to its targets. Unknown ARNs are no error.
    RemoveTargetGroup(String),
}
