//! The API's handlers, one file for each kind of resource. Start at [`register`].

#![allow(clippy::needless_pass_by_value, reason = "every handler takes its whole input")]
#![allow(clippy::unnecessary_wraps, reason = "every handler may fail, also one that cannot")]

mod addresses;
mod describe;
mod errors;
mod filters;
mod internet_gateways;
mod nat_gateways;
mod permissions;
mod resources;
mod route_tables;
mod routes;
mod security_group_rules;
mod security_groups;
mod subnets;
mod tags;
mod vpcs;
mod zones;

use crate::engine::Handlers;

pub(crate) use subnets::{vpc_of_subnet, zone_of_subnet};

/// Adds the handlers of EC2.
pub(crate) fn register(handlers: &mut Handlers) {
    vpcs::register(handlers);
    subnets::register(handlers);
    internet_gateways::register(handlers);
    route_tables::register(handlers);
    routes::register(handlers);
    security_groups::register(handlers);
    security_group_rules::register(handlers);
    addresses::register(handlers);
    nat_gateways::register(handlers);
    tags::register(handlers);
    zones::register(handlers);
}
