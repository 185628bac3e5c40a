//! NAT gateways. They are there at once, and gone at once: AWS shows a deleted one for an hour.

use tidegate_models::ec2::{
    Address, ConnectivityType, CreateNatGatewayRequest, CreateNatGatewayResult, DeleteNatGatewayRequest,
    DeleteNatGatewayResult, DescribeNatGatewaysRequest, DescribeNatGatewaysResult, NatGateway,
    NatGatewayAddress, NatGatewayAddressStatus, NatGatewayState, Subnet,
};

use super::{
    super::{SERVICE, cidr::Cidr},
    describe::{self, Asked, id_with, new_id},
    errors::{missing, unsupported},
    tags,
};
use crate::{ApiError, Context, State, engine::Handlers};

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateNatGateway", create);
    handlers.read(SERVICE, "DescribeNatGateways", describe_all);
    handlers.write(SERVICE, "DeleteNatGateway", delete);
}

fn create(
    state: &mut State,
    context: &Context,
    input: CreateNatGatewayRequest,
) -> Result<CreateNatGatewayResult, ApiError> {
    if input.availability_mode.is_some() || input.secondary_allocation_ids.is_some() {
        return Err(unsupported("Regional NAT gateways and secondary addresses are"));
    }
    let subnet =
        describe::find::<Subnet>(state, context, &input.subnet_id.ok_or_else(|| missing("subnetId"))?)?;
    let connectivity = input.connectivity_type.unwrap_or(ConnectivityType::Public);
    let address = match (connectivity, &input.allocation_id) {
        (ConnectivityType::Public, Some(id)) => Some(describe::find::<Address>(state, context, id)?),
        (ConnectivityType::Public, None) => return Err(missing("allocationId")),
        (ConnectivityType::Private, _) => None,
    };
    if let Some(address) = address.as_ref().filter(|address| address.association_id.is_some()) {
        return Err(ApiError::new(
            "Resource.AlreadyAssociated",
            format!(
                "Elastic IP address [{}] is already associated",
                address.allocation_id.as_deref().unwrap_or_default()
            ),
        ));
    }
    let tags = tags::given::<NatGateway>(input.tag_specifications)?;
    let in_vpc = state.nat_gateways.indexed_by(subnet.vpc_id.as_deref().unwrap_or_default()).count();
    // The first four addresses of a subnet are AWS's own.
    let host = u32::try_from(in_vpc).unwrap_or_default().saturating_add(4);
    let private_ip =
        subnet.cidr_block.as_deref().and_then(Cidr::parse).map(|block| block.address(host).to_string());
    let address = NatGatewayAddress {
        association_id: address.as_ref().map(|_| id_with(state, "eipassoc")),
        allocation_id: input.allocation_id,
        network_interface_id: Some(id_with(state, "eni")),
        private_ip: input.private_ip_address.or(private_ip),
        public_ip: address.and_then(|address| address.public_ip),
        is_primary: Some(true),
        status: Some(NatGatewayAddressStatus::Succeeded),
        ..NatGatewayAddress::default()
    };
    let gateway = NatGateway {
        nat_gateway_id: Some(new_id::<NatGateway>(state)),
        connectivity_type: Some(connectivity),
        create_time: Some(context.now),
        nat_gateway_addresses: Some(vec![address]),
        state: Some(NatGatewayState::Available),
        subnet_id: subnet.subnet_id,
        vpc_id: subnet.vpc_id,
        ..NatGateway::default()
    };
    let gateway = describe::add(state, context, gateway, tags);
    Ok(CreateNatGatewayResult { client_token: input.client_token, nat_gateway: Some(gateway) })
}

fn describe_all(
    state: &State,
    context: &Context,
    input: DescribeNatGatewaysRequest,
) -> Result<DescribeNatGatewaysResult, ApiError> {
    let DescribeNatGatewaysRequest { filter: filters, max_results, next_token, nat_gateway_ids: ids, .. } =
        input;
    let (nat_gateways, next_token) =
        describe::describe(state, context, Asked { ids, filters, max_results, next_token })?;
    Ok(DescribeNatGatewaysResult { nat_gateways, next_token })
}

fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteNatGatewayRequest,
) -> Result<DeleteNatGatewayResult, ApiError> {
    describe::find::<NatGateway>(state, context, &input.nat_gateway_id)?;
    describe::remove::<NatGateway>(state, context, &input.nat_gateway_id);
    Ok(DeleteNatGatewayResult { nat_gateway_id: Some(input.nat_gateway_id) })
}
