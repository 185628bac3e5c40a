//! Subnets.

use tidegate_models::ec2::{
    AttributeBooleanValue, CreateSubnetRequest, CreateSubnetResult, DeleteSubnetRequest,
    DescribeSubnetsRequest, DescribeSubnetsResult, HostnameType, ModifySubnetAttributeRequest,
    PrivateDnsNameOptionsOnLaunch, Subnet, SubnetState, Vpc,
};

use super::{
    super::{SERVICE, cidr::Cidr},
    describe::{self, Asked, new_id},
    errors::{in_use, invalid_value, missing, unsupported},
    resources::Resource,
    route_tables, tags, vpcs, zones,
};
use crate::{ApiError, Context, State, engine::Handlers};

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateSubnet", create);
    handlers.read(SERVICE, "DescribeSubnets", describe_all);
    handlers.write(SERVICE, "ModifySubnetAttribute", modify);
    handlers.write(SERVICE, "DeleteSubnet", delete);
}

/// The zone of a subnet, if there is a record of it.
pub(crate) fn zone_of_subnet(state: &State, context: &Context, id: &str) -> Option<String> {
    state.subnets.get(&Subnet::KIND.arn(context, id))?.availability_zone.clone()
}

/// The VPC of a subnet, if there is a record of it.
pub(crate) fn vpc_of_subnet(state: &State, context: &Context, id: &str) -> Option<String> {
    state.subnets.get(&Subnet::KIND.arn(context, id))?.vpc_id.clone()
}

fn create(
    state: &mut State,
    context: &Context,
    input: CreateSubnetRequest,
) -> Result<CreateSubnetResult, ApiError> {
    if input.ipv6_cidr_block.is_some() || input.ipv6_native == Some(true) || input.outpost_arn.is_some() {
        return Err(unsupported("IPv6 blocks and Outposts are"));
    }
    let vpc = describe::find::<Vpc>(state, context, &input.vpc_id)?;
    let text = input.cidr_block.ok_or_else(|| missing("cidrBlock"))?;
    let block = vpcs::block(&text)?;
    let of_vpc = vpc.cidr_block.as_deref().and_then(Cidr::parse);
    if !(16..=28).contains(&block.prefix()) || of_vpc.is_none_or(|outer| !outer.contains(block)) {
        return Err(ApiError::new("InvalidSubnet.Range", format!("The CIDR '{text}' is invalid.")));
    }
    let others = state.subnets.indexed_by(&input.vpc_id).filter_map(|(_, row)| row.cidr_block.as_deref());
    if others.filter_map(Cidr::parse).any(|other| other.overlaps(block)) {
        return Err(ApiError::new(
            "InvalidSubnet.Conflict",
            format!("The CIDR '{text}' conflicts with another subnet"),
        ));
    }
    let zone = zone(context, input.availability_zone, input.availability_zone_id)?;
    let tags = tags::given::<Subnet>(input.tag_specifications)?;
    let subnet = document(state, context, &input.vpc_id, block, zone);
    Ok(CreateSubnetResult { subnet: Some(describe::add(state, context, subnet, tags)) })
}

fn describe_all(
    state: &State,
    context: &Context,
    input: DescribeSubnetsRequest,
) -> Result<DescribeSubnetsResult, ApiError> {
    let DescribeSubnetsRequest { filters, max_results, next_token, subnet_ids: ids, .. } = input;
    let (subnets, next_token) =
        describe::describe(state, context, Asked { ids, filters, max_results, next_token })?;
    Ok(DescribeSubnetsResult { next_token, subnets })
}

fn modify(state: &mut State, context: &Context, input: ModifySubnetAttributeRequest) -> Result<(), ApiError> {
    let id = input.subnet_id;
    let before = describe::find::<Subnet>(state, context, &id)?;
    if input.customer_owned_ipv4_pool.is_some() || input.enable_lni_at_device_index.is_some() {
        return Err(unsupported("Outposts are"));
    }
    let given = |value: Option<AttributeBooleanValue>| value.and_then(|value| value.value);
    let (a, aaaa) = (
        given(input.enable_resource_name_dns_a_record_on_launch),
        given(input.enable_resource_name_dns_aaaa_record_on_launch),
    );
    let names = before.private_dns_name_options_on_launch.unwrap_or_default();
    let names = PrivateDnsNameOptionsOnLaunch {
        enable_resource_name_dns_a_record: a.or(names.enable_resource_name_dns_a_record),
        enable_resource_name_dns_aaaa_record: aaaa.or(names.enable_resource_name_dns_aaaa_record),
        hostname_type: input.private_dns_hostname_type_on_launch.or(names.hostname_type),
    };
    let public_ip = given(input.map_public_ip_on_launch);
    let ipv6 = given(input.assign_ipv6_address_on_creation);
    let dns64 = given(input.enable_dns64);
    describe::change(state, context, &id, |subnet: &mut Subnet| {
        subnet.private_dns_name_options_on_launch = Some(names);
        subnet.map_public_ip_on_launch = public_ip.or(subnet.map_public_ip_on_launch);
        subnet.assign_ipv6_address_on_creation = ipv6.or(subnet.assign_ipv6_address_on_creation);
        subnet.enable_dns64 = dns64.or(subnet.enable_dns64);
    });
    Ok(())
}

fn delete(state: &mut State, context: &Context, input: DeleteSubnetRequest) -> Result<(), ApiError> {
    let id = input.subnet_id;
    let subnet = describe::find::<Subnet>(state, context, &id)?;
    let vpc = subnet.vpc_id.unwrap_or_default();
    let has_nat = state.nat_gateways.indexed_by(&vpc).any(|(_, nat)| nat.subnet_id.as_deref() == Some(&id));
    let has_balancer = state.load_balancers.iter().any(|(_, balancer)| {
        let zones = balancer.document.availability_zones.iter().flatten();
        zones.filter_map(|zone| zone.subnet_id.as_ref()).any(|subnet| *subnet == id)
    });
    if has_nat || has_balancer {
        return Err(in_use("subnet", &id));
    }
    route_tables::forget_subnet(state, &vpc, &id);
    describe::remove::<Subnet>(state, context, &id);
    Ok(())
}

/// Stores one of the subnets that a default VPC comes with.
pub(super) fn add_default(
    state: &mut State,
    context: &Context,
    vpc: &Vpc,
    zone: (String, String),
    at: usize,
) {
    let Some(block) = Cidr::parse(&format!("172.31.{}.0/20", at * 16)) else { return };
    let mut subnet = document(state, context, vpc.id(), block, zone);
    subnet.default_for_az = Some(true);
    subnet.map_public_ip_on_launch = Some(true);
    describe::add(state, context, subnet, tags::Given::new());
}

/// Name and id of the zone that a call gives in either way; the first when it gives none.
fn zone(context: &Context, name: Option<String>, id: Option<String>) -> Result<(String, String), ApiError> {
    let mut known = zones::zones(context);
    let found = known.find(|(known_name, known_id)| {
        name.as_ref().is_none_or(|name| name == known_name) && id.as_ref().is_none_or(|id| id == known_id)
    });
    found.ok_or_else(|| {
        let names: Vec<_> = zones::zones(context).map(|(name, _)| name).collect();
        invalid_value(format!(
            "Value ({}) for parameter availabilityZone is invalid. Subnets can currently only be created in the \
             following availability zones: {}.",
            name.or(id).unwrap_or_default(),
            names.join(", "),
        ))
    })
}

fn document(state: &mut State, context: &Context, vpc: &str, block: Cidr, zone: (String, String)) -> Subnet {
    let id = new_id::<Subnet>(state);
    Subnet {
        subnet_arn: Some(Subnet::KIND.arn(context, &id)),
        subnet_id: Some(id),
        vpc_id: Some(vpc.to_owned()),
        cidr_block: Some(block.to_string()),
        availability_zone: Some(zone.0),
        availability_zone_id: Some(zone.1),
        available_ip_address_count: i32::try_from(block.usable()).ok(),
        state: Some(SubnetState::Available),
        owner_id: Some(context.scope.account.clone()),
        default_for_az: Some(false),
        map_public_ip_on_launch: Some(false),
        map_customer_owned_ip_on_launch: Some(false),
        assign_ipv6_address_on_creation: Some(false),
        enable_dns64: Some(false),
        ipv6_native: Some(false),
        ipv6_cidr_block_association_set: Some(Vec::new()),
        private_dns_name_options_on_launch: Some(PrivateDnsNameOptionsOnLaunch {
            enable_resource_name_dns_a_record: Some(false),
            enable_resource_name_dns_aaaa_record: Some(false),
            hostname_type: Some(HostnameType::IpName),
        }),
        ..Subnet::default()
    }
}
