//! What a region has without anybody having made it: zones, limits; and what it has none of here: network interfaces.

use tidegate_models::ec2::{
    AccountAttribute, AccountAttributeName, AccountAttributeValue, AvailabilityZone,
    AvailabilityZoneOptInStatus, AvailabilityZoneState, DescribeAccountAttributesRequest,
    DescribeAccountAttributesResult, DescribeAvailabilityZonesRequest, DescribeAvailabilityZonesResult,
    DescribeNetworkInterfacesRequest, DescribeNetworkInterfacesResult, DescribeRegionsRequest,
    DescribeRegionsResult, Filter, Region,
};

use super::{super::SERVICE, errors::invalid_value, filters, vpcs};
use crate::{ApiError, Context, State, engine::Handlers};

/// The zones of each region.
const LETTERS: [&str; 3] = ["a", "b", "c"];

/// The regions that AWS gives to every account.
const REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

pub(super) fn register(handlers: &mut Handlers) {
    handlers.read(SERVICE, "DescribeAvailabilityZones", describe);
    handlers.read(SERVICE, "DescribeRegions", describe_regions);
    handlers.read(SERVICE, "DescribeAccountAttributes", describe_account_attributes);
    handlers.read(SERVICE, "DescribeNetworkInterfaces", describe_network_interfaces);
}

/// Name and id of every zone of the caller's region.
pub(super) fn zones(context: &Context) -> impl Iterator<Item = (String, String)> {
    let region = context.scope.region.clone();
    let short = short_name(&region);
    LETTERS
        .iter()
        .enumerate()
        .map(move |(at, letter)| (format!("{region}{letter}"), format!("{short}-az{}", at + 1)))
}

fn describe(
    _state: &State,
    context: &Context,
    input: DescribeAvailabilityZonesRequest,
) -> Result<DescribeAvailabilityZonesResult, ApiError> {
    let region = &context.scope.region;
    let known: Vec<_> = zones(context).collect();
    let names = input.zone_names.unwrap_or_default();
    let ids = input.zone_ids.unwrap_or_default();
    if let Some(unknown) = names.iter().find(|name| known.iter().all(|(known, _)| known != *name)) {
        return Err(invalid_value(format!("Invalid availability zone: [{unknown}]")));
    }
    if let Some(unknown) = ids.iter().find(|id| known.iter().all(|(_, known)| known != *id)) {
        return Err(invalid_value(format!("Invalid availability zone-id: [{unknown}]")));
    }
    let filters = input.filters.unwrap_or_default();
    let mut shown = Vec::new();
    for (name, id) in known {
        let is_asked_for =
            (names.is_empty() || names.contains(&name)) && (ids.is_empty() || ids.contains(&id));
        let members = [
            ("zone-name", name.as_str()),
            ("zone-id", &id),
            ("region-name", region),
            ("group-name", region),
            ("state", "available"),
            ("opt-in-status", "opt-in-not-required"),
            ("zone-type", "availability-zone"),
            ("network-border-group", region),
        ];
        if match_members(&filters, &members)? && is_asked_for {
            shown.push(AvailabilityZone {
                state: Some(AvailabilityZoneState::Available),
                opt_in_status: Some(AvailabilityZoneOptInStatus::OptInNotRequired),
                region_name: Some(region.clone()),
                group_name: Some(region.clone()),
                network_border_group: Some(region.clone()),
                zone_type: Some("availability-zone".to_owned()),
                zone_name: Some(name),
                zone_id: Some(id),
                ..AvailabilityZone::default()
            });
        }
    }
    Ok(DescribeAvailabilityZonesResult { availability_zones: Some(shown) })
}

fn describe_regions(
    _state: &State,
    _context: &Context,
    input: DescribeRegionsRequest,
) -> Result<DescribeRegionsResult, ApiError> {
    let filters = input.filters.unwrap_or_default();
    let names = input.region_names.unwrap_or_default();
    if let Some(unknown) = names.iter().find(|name| !REGIONS.contains(&name.as_str())) {
        return Err(invalid_value(format!("Invalid region name: {unknown}")));
    }
    let mut regions = Vec::new();
    for name in REGIONS {
        let endpoint = format!("ec2.{name}.amazonaws.com");
        let members =
            [("region-name", name), ("endpoint", &endpoint), ("opt-in-status", "opt-in-not-required")];
        if match_members(&filters, &members)? && (names.is_empty() || names.iter().any(|asked| asked == name))
        {
            regions.push(Region {
                region_name: Some(name.to_owned()),
                endpoint: Some(endpoint),
                opt_in_status: Some("opt-in-not-required".to_owned()),
                ..Region::default()
            });
        }
    }
    Ok(DescribeRegionsResult { regions: Some(regions) })
}

/// AWS's default quotas, and the default VPC.
fn describe_account_attributes(
    state: &State,
    context: &Context,
    input: DescribeAccountAttributesRequest,
) -> Result<DescribeAccountAttributesResult, ApiError> {
    let default_vpc = vpcs::default(state, context).unwrap_or_else(|| "none".to_owned());
    let attributes = [
        ("supported-platforms", "VPC"),
        ("vpc-max-security-groups-per-interface", "5"),
        ("max-elastic-ips", "5"),
        ("max-instances", "20"),
        ("vpc-max-elastic-ips", "5"),
        ("default-vpc", &default_vpc),
    ];
    let asked = input.attribute_names.unwrap_or_default();
    let is_asked_for = |name: &str| {
        asked.is_empty()
            || asked.iter().map(|asked| AccountAttributeName::as_str(*asked)).any(|asked| asked == name)
    };
    let shown =
        attributes.into_iter().filter(|(name, _)| is_asked_for(name)).map(|(name, value)| AccountAttribute {
            attribute_name: Some(name.to_owned()),
            attribute_values: Some(vec![AccountAttributeValue { attribute_value: Some(value.to_owned()) }]),
        });
    Ok(DescribeAccountAttributesResult { account_attributes: Some(shown.collect()) })
}

/// There are none: tasks and load balancers are on this machine's own network.
fn describe_network_interfaces(
    _state: &State,
    _context: &Context,
    input: DescribeNetworkInterfacesRequest,
) -> Result<DescribeNetworkInterfacesResult, ApiError> {
    if let Some(id) = input.network_interface_ids.iter().flatten().next() {
        return Err(ApiError::new(
            "InvalidNetworkInterfaceID.NotFound",
            format!("The networkInterface ID '{id}' does not exist"),
        ));
    }
    Ok(DescribeNetworkInterfacesResult { network_interfaces: Some(Vec::new()), next_token: None })
}

/// Whether all filters hold for named members.
fn match_members(filters: &[Filter], members: &[(&str, &str)]) -> Result<bool, ApiError> {
    let mut all = true;
    for filter in filters {
        let name = filter.name.as_deref().unwrap_or_default();
        let (_, found) = members
            .iter()
            .find(|(member, _)| *member == name)
            .ok_or_else(|| invalid_value(format!("The filter '{name}' is invalid")))?;
        all &= filter.values.iter().flatten().any(|value| filters::matches(value, found));
    }
    Ok(all)
}

/// `eu-west-1` as ids of zones have it: `euw1`.
fn short_name(region: &str) -> String {
    let mut short = String::new();
    for (at, part) in region.split('-').enumerate() {
        short.push_str(match part {
            "north" | "south" | "east" | "west" | "central" if at > 0 => &part[..1],
            "northeast" => "ne",
            "northwest" => "nw",
            "southeast" => "se",
            "southwest" => "sw",
            part => part,
        });
    }
    short
}
