//! Elastic IP addresses.

use tidegate_models::ec2::{
    Address, AddressAttribute, AllocateAddressRequest, AllocateAddressResult,
    DescribeAddressesAttributeRequest, DescribeAddressesAttributeResult, DescribeAddressesRequest,
    DescribeAddressesResult, DisassociateAddressRequest, DomainType, NatGateway, ReleaseAddressRequest,
};

use super::{
    super::{SERVICE, cidr::Cidr},
    describe::{self, Asked, new_id},
    errors::{missing, unsupported},
    resources::Resource,
    tags,
};
use crate::{ApiError, Context, State, engine::Handlers};

/// The block that is set aside for measurements: its addresses are nobody's.
const BLOCK: &str = "198.18.0.0/15";

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "AllocateAddress", allocate);
    handlers.read(SERVICE, "DescribeAddresses", describe_all);
    handlers.read(SERVICE, "DescribeAddressesAttribute", describe_attribute);
    handlers.write(SERVICE, "DisassociateAddress", disassociate);
    handlers.write(SERVICE, "ReleaseAddress", release);
}

fn allocate(
    state: &mut State,
    context: &Context,
    input: AllocateAddressRequest,
) -> Result<AllocateAddressResult, ApiError> {
    if input.address.is_some() || input.ipam_pool_id.is_some() || input.customer_owned_ipv4_pool.is_some() {
        return Err(unsupported("Addresses of one's own are"));
    }
    let tags = tags::given::<Address>(input.tag_specifications)?;
    let public_ip = free(state).ok_or_else(|| {
        ApiError::new("AddressLimitExceeded", "The maximum number of addresses has been reached.")
    })?;
    let address = Address {
        allocation_id: Some(new_id::<Address>(state)),
        public_ip: Some(public_ip),
        domain: Some(DomainType::Vpc),
        network_border_group: Some(context.scope.region.clone()),
        public_ipv4_pool: Some("amazon".to_owned()),
        ..Address::default()
    };
    let address = describe::add(state, context, address, tags);
    Ok(AllocateAddressResult {
        allocation_id: address.allocation_id,
        public_ip: address.public_ip,
        domain: address.domain,
        network_border_group: address.network_border_group,
        public_ipv4_pool: address.public_ipv4_pool,
        ..AllocateAddressResult::default()
    })
}

/// `DescribeAddresses`: never in pages.
fn describe_all(
    state: &State,
    context: &Context,
    input: DescribeAddressesRequest,
) -> Result<DescribeAddressesResult, ApiError> {
    let asked = Asked { ids: input.allocation_ids, filters: input.filters, ..Asked::default() };
    let (addresses, _) = describe::describe::<Address>(state, context, asked)?;
    let mut addresses = addresses.unwrap_or_default();
    if let Some(asked) = input.public_ips {
        let missing =
            asked.iter().find(|ip| addresses.iter().all(|address| address.public_ip.as_ref() != Some(*ip)));
        if let Some(ip) = missing {
            return Err(ApiError::new("InvalidAddress.NotFound", format!("Address '{ip}' not found.")));
        }
        addresses.retain(|address| address.public_ip.as_ref().is_some_and(|ip| asked.contains(ip)));
    }
    Ok(DescribeAddressesResult { addresses: Some(addresses) })
}

/// `DescribeAddressesAttribute`: no address has a name.
fn describe_attribute(
    state: &State,
    context: &Context,
    input: DescribeAddressesAttributeRequest,
) -> Result<DescribeAddressesAttributeResult, ApiError> {
    let asked = Asked {
        ids: input.allocation_ids,
        max_results: input.max_results,
        next_token: input.next_token,
        ..Asked::default()
    };
    let (addresses, next_token) = describe::describe::<Address>(state, context, asked)?;
    let shown = addresses.into_iter().flatten().map(|address| AddressAttribute {
        allocation_id: address.allocation_id,
        public_ip: address.public_ip,
        ..AddressAttribute::default()
    });
    Ok(DescribeAddressesAttributeResult { addresses: Some(shown.collect()), next_token })
}

/// `DisassociateAddress`: that of a NAT gateway, which is all that an address can be associated with here, ends with the
/// gateway alone.
fn disassociate(
    state: &mut State,
    context: &Context,
    input: DisassociateAddressRequest,
) -> Result<(), ApiError> {
    let id = input.association_id.ok_or_else(|| missing("associationId"))?;
    let prefix = NatGateway::KIND.arn(context, "");
    let mut all = state.nat_gateways.with_prefix(&prefix);
    let is_used = all.any(|(_, nat)| {
        let mut addresses = nat.nat_gateway_addresses.iter().flatten();
        addresses.any(|address| address.association_id.as_ref() == Some(&id))
    });
    Err(if is_used {
        ApiError::new("AuthFailure", "You do not have permission to access the specified resource.")
    } else {
        ApiError::new("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist"))
    })
}

fn release(state: &mut State, context: &Context, input: ReleaseAddressRequest) -> Result<(), ApiError> {
    let id = input.allocation_id.ok_or_else(|| missing("allocationId"))?;
    let address = describe::find::<Address>(state, context, &id)?;
    if address.association_id.is_some() {
        let ip = address.public_ip.unwrap_or_default();
        return Err(ApiError::new("InvalidIPAddress.InUse", format!("Address {ip} is in use.")));
    }
    describe::remove::<Address>(state, context, &id);
    Ok(())
}

/// What it is associated with: a NAT gateway, or nothing.
pub(super) fn complete(address: &mut Address, state: &State, context: &Context) {
    let prefix = NatGateway::KIND.arn(context, "");
    let all = state.nat_gateways.with_prefix(&prefix);
    let mut used = all.flat_map(|(_, nat)| nat.nat_gateway_addresses.iter().flatten());
    if let Some(used) = used.find(|used| used.allocation_id == address.allocation_id) {
        address.association_id.clone_from(&used.association_id);
        address.network_interface_id.clone_from(&used.network_interface_id);
        address.private_ip_address.clone_from(&used.private_ip);
        address.network_interface_owner_id = Some(context.scope.account.clone());
    }
}

fn free(state: &State) -> Option<String> {
    let block = Cidr::parse(BLOCK)?;
    let is_taken =
        |ip: &String| state.elastic_ips.iter().any(|(_, address)| address.public_ip.as_ref() == Some(ip));
    (1..=block.usable()).map(|at| block.address(at).to_string()).find(|ip| !is_taken(ip))
}
