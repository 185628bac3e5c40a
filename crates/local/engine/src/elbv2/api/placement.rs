//! Where a load balancer stands: subnets, zones, security groups, VPC, IP address type.
//!
//! Ids are taken as they come, also where EC2 has no record of them. What AWS looks up by them (a zone, the VPC) is that
//! of the records; without a record it is derived, so that the same call always answers the same.

use std::collections::BTreeSet;

use tidegate_models::elbv2::{
    AvailabilityZone, IpAddressType, LoadBalancerSchemeEnum as Scheme, SetIpAddressTypeInput,
    SetIpAddressTypeOutput, SetSecurityGroupsInput, SetSecurityGroupsOutput, SetSubnetsInput,
    SetSubnetsOutput, SubnetMapping,
};

use super::{
    errors::{invalid_configuration, validation},
    lookup,
};
use crate::{ApiError, Context, Effect, State, ec2};

/// `SetSubnets`
pub(super) fn set_subnets(
    state: &mut State,
    context: &Context,
    input: SetSubnetsInput,
) -> Result<SetSubnetsOutput, ApiError> {
    let scheme = lookup::load_balancer(state, context, &input.load_balancer_arn)?.document.scheme;
    let zones = zones(state, context, input.subnets, input.subnet_mappings)?;
    if let Some(wanted) = input.ip_address_type {
        check_ip_address_type(scheme, wanted)?;
    }
    let ip_address_type = state.load_balancers.update(&input.load_balancer_arn, |row| {
        row.document.availability_zones = Some(zones.clone());
        if input.ip_address_type.is_some() {
            row.document.ip_address_type = input.ip_address_type;
        }
        row.document.ip_address_type
    });
    state.effect(Effect::LoadBalancer(input.load_balancer_arn));
    Ok(SetSubnetsOutput {
        availability_zones: Some(zones),
        enable_prefix_for_ipv6_source_nat: None,
        ip_address_type: ip_address_type.flatten(),
    })
}

/// `SetSecurityGroups`
pub(super) fn set_security_groups(
    state: &mut State,
    context: &Context,
    input: SetSecurityGroupsInput,
) -> Result<SetSecurityGroupsOutput, ApiError> {
    lookup::load_balancer(state, context, &input.load_balancer_arn)?;
    if input.security_groups.is_empty() {
        return Err(invalid_configuration("At least one security group must be specified"));
    }
    let groups = security_groups(context, Some(input.security_groups));
    state.load_balancers.update(&input.load_balancer_arn, |row| {
        row.document.security_groups = Some(groups.clone());
    });
    Ok(SetSecurityGroupsOutput {
        security_group_ids: Some(groups),
        enforce_security_group_inbound_rules_on_private_link_traffic: None,
    })
}

/// `SetIpAddressType`
pub(super) fn set_ip_address_type(
    state: &mut State,
    context: &Context,
    input: SetIpAddressTypeInput,
) -> Result<SetIpAddressTypeOutput, ApiError> {
    let scheme = lookup::load_balancer(state, context, &input.load_balancer_arn)?.document.scheme;
    check_ip_address_type(scheme, input.ip_address_type)?;
    state.load_balancers.update(&input.load_balancer_arn, |row| {
        row.document.ip_address_type = Some(input.ip_address_type);
    });
    Ok(SetIpAddressTypeOutput { ip_address_type: Some(input.ip_address_type) })
}

/// The zones of the subnets that a call gives in either of the two ways. A subnet without a record gets a zone of its
/// own.
pub(super) fn zones(
    state: &State,
    context: &Context,
    subnets: Option<Vec<String>>,
    mappings: Option<Vec<SubnetMapping>>,
) -> Result<Vec<AvailabilityZone>, ApiError> {
    let subnets = match (subnets.unwrap_or_default(), mappings.unwrap_or_default()) {
        (subnets, mappings) if !subnets.is_empty() && !mappings.is_empty() => {
            return Err(validation("You cannot specify both subnets and subnet mappings"));
        }
        (subnets, mappings) if mappings.is_empty() => subnets,
        (_, mappings) => mappings
            .into_iter()
            .map(|mapping| mapping.subnet_id.ok_or_else(|| validation("A subnet ID must be specified")))
            .collect::<Result<_, _>>()?,
    };
    if subnets.is_empty() {
        return Err(validation("At least two subnets in two different Availability Zones must be specified"));
    }
    let mut seen = BTreeSet::new();
    let recorded = |subnet: &String| ec2::zone_of_subnet(state, context, subnet);
    if !subnets.iter().all(|subnet| seen.insert(recorded(subnet).unwrap_or_else(|| subnet.clone()))) {
        return Err(invalid_configuration(
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        ));
    }
    let zone = |(at, subnet): (usize, String)| AvailabilityZone {
        zone_name: Some(recorded(&subnet).unwrap_or_else(|| {
            format!("{}{}", context.scope.region, ["a", "b", "c", "d", "e", "f"][at % 6])
        })),
        subnet_id: Some(subnet),
        load_balancer_addresses: Some(Vec::new()),
        ..AvailabilityZone::default()
    };
    Ok(subnets.into_iter().enumerate().map(zone).collect())
}

/// The security groups that a call gives, each once; the VPC's default group when it gives none.
pub(super) fn security_groups(context: &Context, given: Option<Vec<String>>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut groups = given.unwrap_or_default();
    groups.retain(|group| seen.insert(group.clone()));
    if groups.is_empty() {
        groups.push(format!("sg-{}", derived_id(context, "default security group")));
    }
    groups
}

/// The VPC of subnets; without a record of them the one VPC of an account and region.
pub(super) fn vpc_id(state: &State, context: &Context, zones: &[AvailabilityZone]) -> String {
    let subnets = zones.iter().filter_map(|zone| zone.subnet_id.as_deref());
    let mut recorded = subnets.filter_map(|subnet| ec2::vpc_of_subnet(state, context, subnet));
    recorded.next().unwrap_or_else(|| derived_vpc_id(context))
}

fn derived_vpc_id(context: &Context) -> String {
    format!("vpc-{}", derived_id(context, "default VPC"))
}

/// The hosted zone of Application Load Balancers in the caller's region, as AWS publishes them; that of `us-east-1` for
/// regions that are not in this list.
pub(super) fn hosted_zone(context: &Context) -> &'static str {
    match context.scope.region.as_str() {
        "us-east-2" => "Z3AADJGX6KTTL2",
        "us-west-1" => "Z368ELLRRE2KJ0",
        "us-west-2" => "Z1H1FL5HABSF5",
        "ca-central-1" => "ZQSVJUPU6J1EY",
        "eu-central-1" => "Z215JYRZR1TBD5",
        "eu-west-1" => "Z32O12XQLNTSW2",
        "eu-west-2" => "ZHURV8PSTC4K8",
        "eu-west-3" => "Z3Q77PNBQS71R4",
        "eu-north-1" => "Z23TAZ6LKFMNIO",
        "ap-south-1" => "ZP97RAFLXTNZK",
        "ap-northeast-1" => "Z14GRHDCWA56QT",
        "ap-northeast-2" => "ZWKZPGTI48KDX",
        "ap-southeast-1" => "Z1LMS91P8CMLE5",
        "ap-southeast-2" => "Z1GM3OXH4ZPM65",
        "sa-east-1" => "Z2P70J7HTTTPLU",
        _ => "Z35SXDOTRQ7X7K",
    }
}

/// Only a load balancer that faces the internet can do without public IPv4 addresses.
pub(super) fn check_ip_address_type(scheme: Option<Scheme>, wanted: IpAddressType) -> Result<(), ApiError> {
    if scheme == Some(Scheme::Internal) && wanted == IpAddressType::DualstackWithoutPublicIpv4 {
        return Err(invalid_configuration(format!(
            "The IP address type '{wanted}' is not valid for a load balancer with the scheme 'internal'"
        )));
    }
    Ok(())
}

/// 17 hexadecimal digits that are always the same for the same account, region and use: the 64 bits of FNV-1a.
fn derived_id(context: &Context, of: &str) -> String {
    let text = format!("{}/{}/{of}", context.scope.account, context.scope.region);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("0{hash:016x}")
}
