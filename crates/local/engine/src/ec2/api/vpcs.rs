//! VPCs, with the route table, security group and network ACL that each comes with.

use tidegate_models::ec2::{
    AttributeBooleanValue, CreateDefaultVpcRequest, CreateDefaultVpcResult, CreateVpcRequest,
    CreateVpcResult, DeleteVpcRequest, DescribeNetworkAclsRequest, DescribeNetworkAclsResult,
    DescribeVpcAttributeRequest, DescribeVpcAttributeResult, DescribeVpcsRequest, DescribeVpcsResult,
    ModifyVpcAttributeRequest, NetworkAcl, NetworkAclAssociation, NetworkAclEntry, RouteTable, RuleAction,
    SecurityGroup, Subnet, Tenancy, Vpc, VpcAttributeName, VpcCidrBlockAssociation, VpcCidrBlockState,
    VpcCidrBlockStateCode, VpcState,
};

use super::{
    super::{SERVICE, cidr::Cidr, records::VpcAttributes},
    describe::{self, Asked, id_with, new_id},
    errors::{in_use, invalid_value, missing, unsupported},
    internet_gateways,
    resources::Resource,
    route_tables, security_groups, subnets, tags, zones,
};
use crate::{ApiError, Context, State, engine::Handlers};

/// The block of AWS's default VPCs.
const DEFAULT_BLOCK: &str = "172.31.0.0/16";

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateVpc", create);
    handlers.write(SERVICE, "CreateDefaultVpc", create_default);
    handlers.read(SERVICE, "DescribeVpcs", describe_all);
    handlers.read(SERVICE, "DescribeVpcAttribute", describe_attribute);
    handlers.write(SERVICE, "ModifyVpcAttribute", modify_attribute);
    handlers.write(SERVICE, "DeleteVpc", delete);
    handlers.read(SERVICE, "DescribeNetworkAcls", describe_network_acls);
}

fn create(
    state: &mut State,
    context: &Context,
    input: CreateVpcRequest,
) -> Result<CreateVpcResult, ApiError> {
    let wants_ipv6 = input.amazon_provided_ipv6_cidr_block == Some(true) || input.ipv6_cidr_block.is_some();
    if wants_ipv6 || input.ipv4_ipam_pool_id.is_some() || input.ipv6_ipam_pool_id.is_some() {
        return Err(unsupported("IPv6 blocks and IPAM pools are"));
    }
    let text = input.cidr_block.ok_or_else(|| missing("cidrBlock"))?;
    let block = block(&text)?;
    if !(16..=28).contains(&block.prefix()) {
        return Err(ApiError::new("InvalidVpc.Range", format!("The CIDR '{text}' is invalid.")));
    }
    let tags = tags::given::<Vpc>(input.tag_specifications)?;
    let tenancy = input.instance_tenancy.unwrap_or(Tenancy::Default);
    let vpc = document(state, context, block, tenancy);
    Ok(CreateVpcResult { vpc: Some(add(state, context, vpc, tags)) })
}

/// `CreateDefaultVpc`: with a subnet in each zone and a way to the internet, as AWS makes it.
fn create_default(
    state: &mut State,
    context: &Context,
    _input: CreateDefaultVpcRequest,
) -> Result<CreateDefaultVpcResult, ApiError> {
    if let Some(existing) = default(state, context) {
        return Err(ApiError::new(
            "DefaultVpcAlreadyExists",
            format!("A Default VPC already exists for this account in this region: {existing}."),
        ));
    }
    let block = block(DEFAULT_BLOCK)?;
    let vpc = Vpc { is_default: Some(true), ..document(state, context, block, Tenancy::Default) };
    let vpc = add(state, context, vpc, tags::Given::new());
    attributes_mut(state, context, vpc.id(), |attributes| attributes.dns_hostnames = true);
    for (at, zone) in zones::zones(context).enumerate() {
        subnets::add_default(state, context, &vpc, zone, at);
    }
    let gateway = internet_gateways::add_attached(state, context, vpc.id());
    route_tables::route_everything(state, context, vpc.id(), &gateway);
    Ok(CreateDefaultVpcResult { vpc: Some(vpc) })
}

fn describe_all(
    state: &State,
    context: &Context,
    input: DescribeVpcsRequest,
) -> Result<DescribeVpcsResult, ApiError> {
    let DescribeVpcsRequest { filters, max_results, next_token, vpc_ids: ids, .. } = input;
    let (vpcs, next_token) =
        describe::describe(state, context, Asked { ids, filters, max_results, next_token })?;
    Ok(DescribeVpcsResult { next_token, vpcs })
}

fn describe_attribute(
    state: &State,
    context: &Context,
    input: DescribeVpcAttributeRequest,
) -> Result<DescribeVpcAttributeResult, ApiError> {
    let arn = Vpc::KIND.arn(context, &input.vpc_id);
    let attributes = state.vpc_attributes.get(&arn).ok_or_else(|| Vpc::KIND.missing(&input.vpc_id))?;
    let value = |value| Some(AttributeBooleanValue { value: Some(value) });
    let mut shown =
        DescribeVpcAttributeResult { vpc_id: Some(input.vpc_id), ..DescribeVpcAttributeResult::default() };
    match input.attribute {
        VpcAttributeName::EnableDnsHostnames => shown.enable_dns_hostnames = value(attributes.dns_hostnames),
        VpcAttributeName::EnableDnsSupport => shown.enable_dns_support = value(attributes.dns_support),
        VpcAttributeName::EnableNetworkAddressUsageMetrics => {
            shown.enable_network_address_usage_metrics = value(attributes.address_usage_metrics);
        }
    }
    Ok(shown)
}

fn modify_attribute(
    state: &mut State,
    context: &Context,
    input: ModifyVpcAttributeRequest,
) -> Result<(), ApiError> {
    describe::find::<Vpc>(state, context, &input.vpc_id)?;
    let given = |value: Option<AttributeBooleanValue>| value.and_then(|value| value.value);
    let hostnames = given(input.enable_dns_hostnames);
    let support = given(input.enable_dns_support);
    let metrics = given(input.enable_network_address_usage_metrics);
    match [hostnames, support, metrics].iter().flatten().count() {
        1 => {}
        0 => return Err(missing("attribute")),
        _ => {
            return Err(ApiError::new(
                "InvalidParameterCombination",
                "Fields for multiple attribute types specified: only one attribute can be modified in a request.",
            ));
        }
    }
    attributes_mut(state, context, &input.vpc_id, |attributes| {
        attributes.dns_hostnames = hostnames.unwrap_or(attributes.dns_hostnames);
        attributes.dns_support = support.unwrap_or(attributes.dns_support);
        attributes.address_usage_metrics = metrics.unwrap_or(attributes.address_usage_metrics);
    });
    Ok(())
}

/// `DeleteVpc`: only one that holds nothing but what it came with, which goes with it.
fn delete(state: &mut State, context: &Context, input: DeleteVpcRequest) -> Result<(), ApiError> {
    let id = input.vpc_id;
    describe::find::<Vpc>(state, context, &id)?;
    let groups: Vec<_> = ids_in::<SecurityGroup>(state, &id);
    let tables: Vec<_> = ids_in::<RouteTable>(state, &id);
    let acls: Vec<_> = ids_in::<NetworkAcl>(state, &id);
    let is_used = !ids_in::<Subnet>(state, &id).is_empty()
        || groups.len() > 1
        || tables.len() > 1
        || state.nat_gateways.indexed_by(&id).next().is_some()
        || state.internet_gateways.indexed_by(&id).next().is_some();
    if is_used {
        return Err(in_use("vpc", &id));
    }
    for group in groups {
        security_groups::remove(state, context, &group);
    }
    for table in tables {
        describe::remove::<RouteTable>(state, context, &table);
    }
    for acl in acls {
        describe::remove::<NetworkAcl>(state, context, &acl);
    }
    state.vpc_attributes.remove(&Vpc::KIND.arn(context, &id));
    describe::remove::<Vpc>(state, context, &id);
    Ok(())
}

fn describe_network_acls(
    state: &State,
    context: &Context,
    input: DescribeNetworkAclsRequest,
) -> Result<DescribeNetworkAclsResult, ApiError> {
    let DescribeNetworkAclsRequest { filters, max_results, next_token, network_acl_ids: ids, .. } = input;
    let (network_acls, next_token) =
        describe::describe(state, context, Asked { ids, filters, max_results, next_token })?;
    Ok(DescribeNetworkAclsResult { network_acls, next_token })
}

/// The id of the account's default VPC in the region.
pub(super) fn default(state: &State, context: &Context) -> Option<String> {
    let prefix = Vpc::KIND.arn(context, "");
    let mut all = state.vpcs.with_prefix(&prefix);
    all.find(|(_, vpc)| vpc.is_default == Some(true)).map(|(_, vpc)| vpc.id().to_owned())
}

/// Reads a block of addresses.
pub(super) fn block(text: &str) -> Result<Cidr, ApiError> {
    Cidr::parse(text).ok_or_else(|| {
        invalid_value(format!(
            "Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        ))
    })
}

/// The subnets of its VPC: there is only the one network ACL that the VPC came with.
pub(super) fn complete_network_acl(acl: &mut NetworkAcl, state: &State, _context: &Context) {
    let subnets = state.subnets.indexed_by(acl.vpc_id.as_deref().unwrap_or_default());
    let association = |subnet: &Subnet| NetworkAclAssociation {
        network_acl_association_id: Some(subnet.id().replacen("subnet-", "aclassoc-", 1)),
        network_acl_id: acl.network_acl_id.clone(),
        subnet_id: subnet.subnet_id.clone(),
    };
    acl.associations = Some(subnets.map(|(_, subnet)| association(subnet)).collect());
}

fn ids_in<R: Resource>(state: &State, vpc: &str) -> Vec<String> {
    R::table(state).indexed_by(vpc).map(|(_, row)| row.id().to_owned()).collect()
}

fn attributes_mut(state: &mut State, context: &Context, id: &str, change: impl FnOnce(&mut VpcAttributes)) {
    state.vpc_attributes.update(&Vpc::KIND.arn(context, id), change);
}

fn document(state: &mut State, context: &Context, block: Cidr, tenancy: Tenancy) -> Vpc {
    let association = VpcCidrBlockAssociation {
        association_id: Some(id_with(state, "vpc-cidr-assoc")),
        cidr_block: Some(block.to_string()),
        cidr_block_state: Some(VpcCidrBlockState {
            state: Some(VpcCidrBlockStateCode::Associated),
            status_message: None,
        }),
    };
    Vpc {
        vpc_id: Some(new_id::<Vpc>(state)),
        cidr_block: Some(block.to_string()),
        cidr_block_association_set: Some(vec![association]),
        // The options that every account has; nothing here asks them.
        dhcp_options_id: Some("dopt-00000000000000001".to_owned()),
        instance_tenancy: Some(tenancy),
        is_default: Some(false),
        owner_id: Some(context.scope.account.clone()),
        state: Some(VpcState::Available),
        ..Vpc::default()
    }
}

/// Stores a new VPC, with what every VPC comes with.
fn add(state: &mut State, context: &Context, vpc: Vpc, tags: tags::Given) -> Vpc {
    let attributes = VpcAttributes { dns_hostnames: false, dns_support: true, address_usage_metrics: false };
    state.vpc_attributes.insert(&Vpc::KIND.arn(context, vpc.id()), attributes);
    route_tables::add_main(state, context, &vpc);
    security_groups::add_default(state, context, vpc.id());
    add_network_acl(state, context, vpc.id());
    describe::add(state, context, vpc, tags)
}

/// The default network ACL lets everything through.
fn add_network_acl(state: &mut State, context: &Context, vpc: &str) {
    let entry = |egress, rule_number, rule_action| NetworkAclEntry {
        cidr_block: Some("0.0.0.0/0".to_owned()),
        egress: Some(egress),
        protocol: Some("-1".to_owned()),
        rule_action: Some(rule_action),
        rule_number: Some(rule_number),
        ..NetworkAclEntry::default()
    };
    let entries = [true, false]
        .into_iter()
        .flat_map(|egress| [entry(egress, 100, RuleAction::Allow), entry(egress, 32767, RuleAction::Deny)]);
    let acl = NetworkAcl {
        network_acl_id: Some(new_id::<NetworkAcl>(state)),
        entries: Some(entries.collect()),
        is_default: Some(true),
        owner_id: Some(context.scope.account.clone()),
        vpc_id: Some(vpc.to_owned()),
        ..NetworkAcl::default()
    };
    describe::add(state, context, acl, tags::Given::new());
}
