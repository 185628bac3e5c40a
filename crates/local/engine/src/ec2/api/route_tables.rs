//! Route tables, and which subnets go by which.

use tidegate_models::ec2::{
    AssociateRouteTableRequest, AssociateRouteTableResult, CreateRouteTableRequest, CreateRouteTableResult,
    DeleteRouteTableRequest, DescribeRouteTablesRequest, DescribeRouteTablesResult,
    DisassociateRouteTableRequest, InternetGateway, NatGateway, ReplaceRouteTableAssociationRequest,
    ReplaceRouteTableAssociationResult, Route, RouteOrigin, RouteState, RouteTable, RouteTableAssociation,
    RouteTableAssociationState, RouteTableAssociationStateCode, Subnet, Vpc,
};

use super::{
    super::SERVICE,
    describe::{self, Asked, id_with, new_id},
    errors::{in_use, invalid_value, missing, unsupported},
    internet_gateways,
    resources::Resource,
    tags,
};
use crate::{ApiError, Context, State, engine::Handlers};

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateRouteTable", create);
    handlers.read(SERVICE, "DescribeRouteTables", describe_all);
    handlers.write(SERVICE, "DeleteRouteTable", delete);
    handlers.write(SERVICE, "AssociateRouteTable", associate);
    handlers.write(SERVICE, "DisassociateRouteTable", disassociate);
    handlers.write(SERVICE, "ReplaceRouteTableAssociation", replace_association);
}

fn create(
    state: &mut State,
    context: &Context,
    input: CreateRouteTableRequest,
) -> Result<CreateRouteTableResult, ApiError> {
    let vpc = describe::find::<Vpc>(state, context, &input.vpc_id)?;
    let tags = tags::given::<RouteTable>(input.tag_specifications)?;
    let table = document(state, context, &vpc);
    let table = describe::add(state, context, table, tags);
    Ok(CreateRouteTableResult { client_token: input.client_token, route_table: Some(table) })
}

fn describe_all(
    state: &State,
    context: &Context,
    input: DescribeRouteTablesRequest,
) -> Result<DescribeRouteTablesResult, ApiError> {
    let DescribeRouteTablesRequest { filters, max_results, next_token, route_table_ids: ids, .. } = input;
    let (route_tables, next_token) =
        describe::describe(state, context, Asked { ids, filters, max_results, next_token })?;
    Ok(DescribeRouteTablesResult { next_token, route_tables })
}

fn delete(state: &mut State, context: &Context, input: DeleteRouteTableRequest) -> Result<(), ApiError> {
    let table = describe::find::<RouteTable>(state, context, &input.route_table_id)?;
    if table.associations.iter().flatten().next().is_some() {
        return Err(in_use("routeTable", table.id()));
    }
    describe::remove::<RouteTable>(state, context, table.id());
    Ok(())
}

fn associate(
    state: &mut State,
    context: &Context,
    input: AssociateRouteTableRequest,
) -> Result<AssociateRouteTableResult, ApiError> {
    if input.gateway_id.is_some() {
        return Err(unsupported("Route tables of gateways are"));
    }
    let table = describe::find::<RouteTable>(state, context, &input.route_table_id)?;
    let subnet_id = input.subnet_id.ok_or_else(|| missing("subnetId"))?;
    let subnet = describe::find::<Subnet>(state, context, &subnet_id)?;
    let vpc = table.vpc_id.clone().unwrap_or_default();
    if subnet.vpc_id.as_ref() != Some(&vpc) {
        return Err(invalid_value(format!(
            "Route table {} and subnet {subnet_id} belong to different networks",
            table.id()
        )));
    }
    if holder(state, &vpc, |association| association.subnet_id.as_ref() == Some(&subnet_id)).is_some() {
        return Err(ApiError::new(
            "Resource.AlreadyAssociated",
            format!(
                "the specified association for route table {} conflicts with an existing association",
                table.id()
            ),
        ));
    }
    let association = association(state, table.id(), Some(subnet_id));
    let (id, code) = (association.route_table_association_id.clone(), association.association_state.clone());
    describe::change(state, context, table.id(), |table: &mut RouteTable| {
        table.associations.get_or_insert_default().push(association);
    });
    Ok(AssociateRouteTableResult { association_id: id, association_state: code })
}

fn disassociate(
    state: &mut State,
    context: &Context,
    input: DisassociateRouteTableRequest,
) -> Result<(), ApiError> {
    let id = input.association_id;
    let (table, association) = find_association(state, context, &id)?;
    if association.main == Some(true) {
        return Err(invalid_value(format!("cannot disassociate the main route table association {id}")));
    }
    describe::change(state, context, &table, |table| drop_association(table, &id));
    Ok(())
}

/// `ReplaceRouteTableAssociation`: also how another table becomes the main one.
fn replace_association(
    state: &mut State,
    context: &Context,
    input: ReplaceRouteTableAssociationRequest,
) -> Result<ReplaceRouteTableAssociationResult, ApiError> {
    let id = input.association_id;
    let (old_id, old) = find_association(state, context, &id)?;
    let before = describe::find::<RouteTable>(state, context, &old_id)?;
    let table = describe::find::<RouteTable>(state, context, &input.route_table_id)?;
    if before.vpc_id != table.vpc_id {
        return Err(invalid_value(format!(
            "Route tables {old_id} and {} belong to different networks",
            table.id()
        )));
    }
    let new = RouteTableAssociation { main: old.main, ..association(state, table.id(), old.subnet_id) };
    let reply = ReplaceRouteTableAssociationResult {
        association_state: new.association_state.clone(),
        new_association_id: new.route_table_association_id.clone(),
    };
    describe::change(state, context, &old_id, |table| drop_association(table, &id));
    describe::change(state, context, table.id(), |table: &mut RouteTable| {
        table.associations.get_or_insert_default().push(new);
    });
    Ok(reply)
}

/// Stores the main route table that a VPC comes with.
pub(super) fn add_main(state: &mut State, context: &Context, vpc: &Vpc) {
    let mut table = document(state, context, vpc);
    let main = RouteTableAssociation { main: Some(true), ..association(state, table.id(), None) };
    table.associations = Some(vec![main]);
    describe::add(state, context, table, tags::Given::new());
}

/// Routes everything that the main table of a default VPC does not know to its gateway.
pub(super) fn route_everything(state: &mut State, context: &Context, vpc: &str, gateway: &str) {
    let main = state.route_tables.indexed_by(vpc).next().map(|(_, table)| table.id().to_owned());
    let route = Route {
        destination_cidr_block: Some("0.0.0.0/0".to_owned()),
        gateway_id: Some(gateway.to_owned()),
        origin: Some(RouteOrigin::CreateRoute),
        ..Route::default()
    };
    describe::change(state, context, &main.unwrap_or_default(), |table: &mut RouteTable| {
        table.routes.get_or_insert_default().push(route);
    });
}

/// A subnet that goes leaves no association.
pub(super) fn forget_subnet(state: &mut State, vpc: &str, subnet: &str) {
    let holder = holder(state, vpc, |association| association.subnet_id.as_deref() == Some(subnet));
    if let Some((arn, association)) = holder {
        let id = association.route_table_association_id.unwrap_or_default();
        state.route_tables.update(&arn, |table| drop_association(table, &id));
    }
}

/// Whether each route leads anywhere: a gateway that is gone or not attached leaves a black hole.
pub(super) fn complete(table: &mut RouteTable, state: &State, context: &Context) {
    let vpc = table.vpc_id.clone();
    for route in table.routes.iter_mut().flatten() {
        let leads = match (route.gateway_id.as_deref(), route.nat_gateway_id.as_deref()) {
            (Some("local"), _) | (None, None) => true,
            (Some(gateway), _) => {
                let gateway = state.internet_gateways.get(&InternetGateway::KIND.arn(context, gateway));
                gateway.and_then(internet_gateways::vpc_of) == vpc.as_deref()
            }
            (None, Some(nat)) => state.nat_gateways.contains(&NatGateway::KIND.arn(context, nat)),
        };
        route.state = Some(if leads { RouteState::Active } else { RouteState::Blackhole });
    }
}

fn find_association(
    state: &State,
    context: &Context,
    id: &str,
) -> Result<(String, RouteTableAssociation), ApiError> {
    let prefix = RouteTable::KIND.arn(context, "");
    let mut all = state.route_tables.with_prefix(&prefix).flat_map(|(_, table)| {
        table.associations.iter().flatten().map(|association| (table.id().to_owned(), association.clone()))
    });
    all.find(|(_, association)| association.route_table_association_id.as_deref() == Some(id)).ok_or_else(
        || {
            ApiError::new(
                "InvalidAssociationID.NotFound",
                format!("The association ID '{id}' does not exist"),
            )
        },
    )
}

/// The table of a VPC that has such an association, by ARN.
fn holder(
    state: &State,
    vpc: &str,
    is_meant: impl Fn(&RouteTableAssociation) -> bool,
) -> Option<(String, RouteTableAssociation)> {
    state.route_tables.indexed_by(vpc).find_map(|(arn, table)| {
        let association = table.associations.iter().flatten().find(|association| is_meant(association));
        association.map(|association| (arn.to_owned(), association.clone()))
    })
}

fn drop_association(table: &mut RouteTable, id: &str) {
    let associations = table.associations.get_or_insert_default();
    associations.retain(|association| association.route_table_association_id.as_deref() != Some(id));
}

fn association(state: &mut State, table: &str, subnet: Option<String>) -> RouteTableAssociation {
    RouteTableAssociation {
        route_table_association_id: Some(id_with(state, "rtbassoc")),
        route_table_id: Some(table.to_owned()),
        subnet_id: subnet,
        main: Some(false),
        association_state: Some(RouteTableAssociationState {
            state: Some(RouteTableAssociationStateCode::Associated),
            status_message: None,
        }),
        ..RouteTableAssociation::default()
    }
}

fn document(state: &mut State, context: &Context, vpc: &Vpc) -> RouteTable {
    let local = Route {
        destination_cidr_block: vpc.cidr_block.clone(),
        gateway_id: Some("local".to_owned()),
        origin: Some(RouteOrigin::CreateRouteTable),
        ..Route::default()
    };
    RouteTable {
        route_table_id: Some(new_id::<RouteTable>(state)),
        vpc_id: vpc.vpc_id.clone(),
        owner_id: Some(context.scope.account.clone()),
        routes: Some(vec![local]),
        associations: Some(Vec::new()),
        propagating_vgws: Some(Vec::new()),
        tags: None,
    }
}
