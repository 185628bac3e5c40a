//! The HTTP data plane: what an AWS Application Load Balancer does, on this machine's addresses.
//!
//! It listens, matches rules, shares requests out by weight, checks health, drains and counts; it must never decide what
//! is registered or which weights hold: whoever calls [`Balancer::apply`] does. Start at [`Balancer`]; a request's way
//! begins in `proxy::service`.

mod balancer;
pub mod config;
mod control;
mod error;
mod health;
mod hop_by_hop;
mod metrics;
mod pace;
mod proxy;
mod routing;
mod serve;
mod target;
mod view;

pub use balancer::{Balancer, ListenerAddress};
pub use config::{
    Action, Algorithm, Change, Cidr, Condition, FixedResponse, Forward, HealthCheck, HealthCheckPort,
    InvalidCidr, InvalidMatcher, Listener, LoadBalancer, LoadBalancerAttributes, Matcher, Patterns, Protocol,
    QueryPair, Redirect, RedirectStatus, Registration, Rule, Target, TargetFault, TargetGroup,
    TargetStickiness, Weight, WeightedGroup, XForwardedFor,
};
pub use error::{ApplyError, BindError};
pub use health::{Event, HealthState, TargetHealth};
pub use metrics::{
    LoadBalancerMetrics, MetricsSnapshot, ResponseTimes, TargetCodes, TargetGroupHosts, TargetGroupMetrics,
    TargetMetrics,
};
