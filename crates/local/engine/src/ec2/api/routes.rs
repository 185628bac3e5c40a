//! The routes of a route table.

use tidegate_models::ec2::{
    CreateRouteRequest, CreateRouteResult, DeleteRouteRequest, InternetGateway, NatGateway,
    ReplaceRouteRequest, Route, RouteOrigin, RouteTable,
};

use super::{
    super::{SERVICE, cidr::Cidr},
    describe,
    errors::{invalid_value, missing, unsupported},
    internet_gateways,
    resources::Resource,
};
use crate::{ApiError, Context, State, engine::Handlers};

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateRoute", create);
    handlers.write(SERVICE, "ReplaceRoute", replace);
    handlers.write(SERVICE, "DeleteRoute", delete);
}

fn create(
    state: &mut State,
    context: &Context,
    input: CreateRouteRequest,
) -> Result<CreateRouteResult, ApiError> {
    let others = [
        input.carrier_gateway_id,
        input.core_network_arn,
        input.egress_only_internet_gateway_id,
        input.instance_id,
        input.local_gateway_id,
        input.network_interface_id,
        input.odb_network_arn,
        input.transit_gateway_id,
        input.vpc_endpoint_id,
        input.vpc_peering_connection_id,
    ];
    check_others(
        &others,
        input.destination_ipv6_cidr_block.is_some() || input.destination_prefix_list_id.is_some(),
    )?;
    let table = describe::find::<RouteTable>(state, context, &input.route_table_id)?;
    let destination = destination(input.destination_cidr_block)?;
    if find(&table, &destination).is_some() {
        return Err(ApiError::new(
            "RouteAlreadyExists",
            format!("The route identified by {destination} already exists."),
        ));
    }
    let route = to(state, context, &table, destination, input.gateway_id, input.nat_gateway_id)?;
    describe::change(state, context, table.id(), |table: &mut RouteTable| {
        table.routes.get_or_insert_default().push(route);
    });
    Ok(CreateRouteResult { r#return: Some(true) })
}

fn replace(state: &mut State, context: &Context, input: ReplaceRouteRequest) -> Result<(), ApiError> {
    let others = [
        input.carrier_gateway_id,
        input.core_network_arn,
        input.egress_only_internet_gateway_id,
        input.instance_id,
        input.local_gateway_id,
        input.network_interface_id,
        input.odb_network_arn,
        input.transit_gateway_id,
        input.vpc_endpoint_id,
        input.vpc_peering_connection_id,
    ];
    check_others(
        &others,
        input.destination_ipv6_cidr_block.is_some() || input.destination_prefix_list_id.is_some(),
    )?;
    let table = describe::find::<RouteTable>(state, context, &input.route_table_id)?;
    let destination = destination(input.destination_cidr_block)?;
    let at = find(&table, &destination).ok_or_else(|| not_found(&table, &destination))?;
    let route = to(state, context, &table, destination, input.gateway_id, input.nat_gateway_id)?;
    describe::change(state, context, table.id(), |table: &mut RouteTable| {
        table.routes.get_or_insert_default().splice(at..=at, [route]);
    });
    Ok(())
}

fn delete(state: &mut State, context: &Context, input: DeleteRouteRequest) -> Result<(), ApiError> {
    check_others(
        &[],
        input.destination_ipv6_cidr_block.is_some() || input.destination_prefix_list_id.is_some(),
    )?;
    let table = describe::find::<RouteTable>(state, context, &input.route_table_id)?;
    let destination = destination(input.destination_cidr_block)?;
    let at = find(&table, &destination).ok_or_else(|| not_found(&table, &destination))?;
    let is_local = |route: &Route| route.gateway_id.as_deref() == Some("local");
    if table.routes.iter().flatten().nth(at).is_some_and(is_local) {
        return Err(invalid_value(format!(
            "cannot remove local route {destination} in route table {}",
            table.id()
        )));
    }
    describe::change(state, context, table.id(), |table: &mut RouteTable| {
        table.routes.get_or_insert_default().remove(at);
    });
    Ok(())
}

/// Only what there are records of can be routed to.
fn check_others(targets: &[Option<String>], has_other_destination: bool) -> Result<(), ApiError> {
    if has_other_destination {
        return Err(unsupported("Routes of IPv6 blocks and prefix lists are"));
    }
    match targets.iter().flatten().next() {
        Some(target) => {
            Err(unsupported(&format!("Routes to anything but internet and NAT gateways ({target}) are")))
        }
        None => Ok(()),
    }
}

fn destination(given: Option<String>) -> Result<String, ApiError> {
    let text = given.ok_or_else(|| missing("destinationCidrBlock"))?;
    let block = Cidr::parse(&text).ok_or_else(|| {
        invalid_value(format!(
            "Value ({text}) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block."
        ))
    })?;
    Ok(block.to_string())
}

/// Where in the table the route of this destination stands.
fn find(table: &RouteTable, destination: &str) -> Option<usize> {
    let mut routes = table.routes.iter().flatten();
    routes.position(|route| route.destination_cidr_block.as_deref() == Some(destination))
}

fn to(
    state: &State,
    context: &Context,
    table: &RouteTable,
    destination: String,
    gateway: Option<String>,
    nat: Option<String>,
) -> Result<Route, ApiError> {
    match (&gateway, &nat) {
        (Some(id), None) if id != "local" => {
            let row =
                state.internet_gateways.get(&InternetGateway::KIND.arn(context, id)).ok_or_else(|| {
                    ApiError::new(
                        "InvalidGatewayID.NotFound",
                        format!("The gateway ID '{id}' does not exist"),
                    )
                })?;
            if internet_gateways::vpc_of(row) != table.vpc_id.as_deref() {
                return Err(invalid_value(format!(
                    "route table {} and network gateway {id} belong to different networks",
                    table.id()
                )));
            }
        }
        (Some(_), None) => {}
        (None, Some(id)) => {
            describe::find::<NatGateway>(state, context, id)?;
        }
        (None, None) => return Err(missing("gatewayId")),
        (Some(_), Some(_)) => {
            return Err(ApiError::new("InvalidParameterCombination", "Exactly one target can be specified"));
        }
    }
    Ok(Route {
        destination_cidr_block: Some(destination),
        gateway_id: gateway,
        nat_gateway_id: nat,
        origin: Some(RouteOrigin::CreateRoute),
        ..Route::default()
    })
}

fn not_found(table: &RouteTable, destination: &str) -> ApiError {
    ApiError::new(
        "InvalidRoute.NotFound",
        format!("no route with destination-cidr-block {destination} in route table {}", table.id()),
    )
}
