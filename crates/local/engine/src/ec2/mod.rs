//! Amazon EC2's networks, as records: VPCs with what belongs to each, subnets, security groups, gateways, routes.
//!
//! No packet asks them: tasks and load balancers are reached as the machine lets them be. They are here so that what
//! describes a service's surroundings (Terraform above all) is answered, checked and kept. Start at `api`.

mod api;
mod cidr;
pub mod records;

pub(crate) use api::{register, vpc_of_subnet, zone_of_subnet};

/// The signing name.
pub(crate) const SERVICE: &str = "ec2";
