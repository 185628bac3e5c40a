//! Internet gateways.

use tidegate_models::ec2::{
    AttachInternetGatewayRequest, AttachmentStatus, CreateInternetGatewayRequest,
    CreateInternetGatewayResult, DeleteInternetGatewayRequest, DescribeInternetGatewaysRequest,
    DescribeInternetGatewaysResult, DetachInternetGatewayRequest, InternetGateway, InternetGatewayAttachment,
    Vpc,
};

use super::{
    super::SERVICE,
    describe::{self, Asked, new_id},
    errors::in_use,
    resources::Resource,
    tags,
};
use crate::{ApiError, Context, State, engine::Handlers};

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateInternetGateway", create);
    handlers.read(SERVICE, "DescribeInternetGateways", describe_all);
    handlers.write(SERVICE, "AttachInternetGateway", attach);
    handlers.write(SERVICE, "DetachInternetGateway", detach);
    handlers.write(SERVICE, "DeleteInternetGateway", delete);
}

fn create(
    state: &mut State,
    context: &Context,
    input: CreateInternetGatewayRequest,
) -> Result<CreateInternetGatewayResult, ApiError> {
    let tags = tags::given::<InternetGateway>(input.tag_specifications)?;
    let gateway = document(state, context);
    let gateway = describe::add(state, context, gateway, tags);
    Ok(CreateInternetGatewayResult { internet_gateway: Some(gateway) })
}

fn describe_all(
    state: &State,
    context: &Context,
    input: DescribeInternetGatewaysRequest,
) -> Result<DescribeInternetGatewaysResult, ApiError> {
    let DescribeInternetGatewaysRequest {
        filters, max_results, next_token, internet_gateway_ids: ids, ..
    } = input;
    let (internet_gateways, next_token) =
        describe::describe(state, context, Asked { ids, filters, max_results, next_token })?;
    Ok(DescribeInternetGatewaysResult { internet_gateways, next_token })
}

fn attach(state: &mut State, context: &Context, input: AttachInternetGatewayRequest) -> Result<(), ApiError> {
    let (id, vpc) = (input.internet_gateway_id, input.vpc_id);
    let gateway = describe::find::<InternetGateway>(state, context, &id)?;
    describe::find::<Vpc>(state, context, &vpc)?;
    if let Some(attached) = vpc_of(&gateway) {
        return Err(ApiError::new(
            "Resource.AlreadyAssociated",
            format!("resource {id} is already attached to network {attached}"),
        ));
    }
    if state.internet_gateways.indexed_by(&vpc).next().is_some() {
        return Err(ApiError::new(
            "InvalidParameterValue",
            format!("Network {vpc} already has an internet gateway attached"),
        ));
    }
    describe::change(state, context, &id, |gateway| attach_to(gateway, &vpc));
    Ok(())
}

fn detach(state: &mut State, context: &Context, input: DetachInternetGatewayRequest) -> Result<(), ApiError> {
    let (id, vpc) = (input.internet_gateway_id, input.vpc_id);
    let gateway = describe::find::<InternetGateway>(state, context, &id)?;
    if vpc_of(&gateway) != Some(&vpc) {
        return Err(ApiError::new(
            "Gateway.NotAttached",
            format!("resource {id} is not attached to network {vpc}"),
        ));
    }
    if state.nat_gateways.indexed_by(&vpc).next().is_some() {
        return Err(ApiError::new(
            "DependencyViolation",
            format!(
                "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before \
                 detaching the gateway."
            ),
        ));
    }
    describe::change(state, context, &id, |gateway: &mut InternetGateway| {
        gateway.attachments = Some(Vec::new())
    });
    Ok(())
}

fn delete(state: &mut State, context: &Context, input: DeleteInternetGatewayRequest) -> Result<(), ApiError> {
    let gateway = describe::find::<InternetGateway>(state, context, &input.internet_gateway_id)?;
    if vpc_of(&gateway).is_some() {
        return Err(in_use("internetGateway", gateway.id()));
    }
    describe::remove::<InternetGateway>(state, context, gateway.id());
    Ok(())
}

/// The VPC that a gateway is attached to.
pub(super) fn vpc_of(gateway: &InternetGateway) -> Option<&str> {
    gateway.attachments.iter().flatten().find_map(|attachment| attachment.vpc_id.as_deref())
}

/// Stores the gateway that a default VPC comes with; its id.
pub(super) fn add_attached(state: &mut State, context: &Context, vpc: &str) -> String {
    let mut gateway = document(state, context);
    attach_to(&mut gateway, vpc);
    describe::add(state, context, gateway, tags::Given::new()).id().to_owned()
}

fn attach_to(gateway: &mut InternetGateway, vpc: &str) {
    let attachment =
        InternetGatewayAttachment { state: Some(AttachmentStatus::Available), vpc_id: Some(vpc.to_owned()) };
    gateway.attachments = Some(vec![attachment]);
}

fn document(state: &mut State, context: &Context) -> InternetGateway {
    InternetGateway {
        internet_gateway_id: Some(new_id::<InternetGateway>(state)),
        attachments: Some(Vec::new()),
        owner_id: Some(context.scope.account.clone()),
        tags: None,
    }
}
