//! Elastic Load Balancing v2: load balancers, target groups, listeners, rules, targets and their health.
//!
//! It holds what is wanted of the balancer and what the balancer's health checks found; it moves no traffic. ECS
//! registers and deregisters its tasks through `register_target` and `deregister_target`.

mod api;
mod network;
pub mod records;
pub mod routing;
mod targets;
mod weights;

pub(crate) use api::register;
pub(crate) use network::move_in;
pub use records::TargetHealth;
pub(crate) use targets::{
    deregister_target, health_of, is_behind_load_balancer, observe, reconcile_target_group, register_target,
};
pub(crate) use weights::{set_weights, weights};

/// The signing name.
pub(crate) const SERVICE: &str = "elasticloadbalancing";
