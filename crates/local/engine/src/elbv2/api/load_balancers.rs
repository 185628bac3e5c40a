//! Load balancers: created, described, deleted.
//!
//! A load balancer listens on a loopback address of its own, which is its `DNSName`: with its listener's port that is
//! what a client on this machine dials. Which subnets and groups it stands in is [`placement`]'s.

use std::collections::BTreeSet;

use tidegate_models::elbv2::{
    CreateLoadBalancerInput, CreateLoadBalancerOutput, DeleteLoadBalancerInput, DeleteLoadBalancerOutput,
    DescribeLoadBalancersInput, DescribeLoadBalancersOutput, IpAddressType, LoadBalancer as Document,
    LoadBalancerSchemeEnum as Scheme, LoadBalancerState, LoadBalancerStateEnum, LoadBalancerTypeEnum as Type,
};

use super::{
    super::{SERVICE, records::LoadBalancer},
    catalogue, changes, errors, lookup, names, placement, tags,
};
use crate::{ApiError, Context, Effect, State, elbv2::network::free_address, page::page};

/// How many items a describe call answers with when it gives no `PageSize`, which is also the most that it may give.
pub(super) const PAGE_SIZE: usize = 400;

/// AWS's default quota.
const MOST_LOAD_BALANCERS: usize = 50;

/// `CreateLoadBalancer`
pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateLoadBalancerInput,
) -> Result<CreateLoadBalancerOutput, ApiError> {
    if let Some(kind @ (Type::Network | Type::Gateway)) = input.r#type {
        return Err(errors::not_implemented(&format!("Load balancers of type '{kind}' are")));
    }
    names::check_load_balancer(&input.name)?;
    let zones = placement::zones(state, context, input.subnets, input.subnet_mappings)?;
    let tags = tags::given(input.tags)?;
    let scheme = input.scheme.unwrap_or(Scheme::InternetFacing);
    let ip_address_type = input.ip_address_type.unwrap_or(IpAddressType::Ipv4);
    placement::check_ip_address_type(Some(scheme), ip_address_type)?;
    let wanted = Document {
        load_balancer_name: Some(input.name.clone()),
        scheme: Some(scheme),
        r#type: Some(Type::Application),
        ip_address_type: Some(ip_address_type),
        security_groups: Some(placement::security_groups(context, input.security_groups)),
        vpc_id: Some(placement::vpc_id(state, context, &zones)),
        availability_zones: Some(zones),
        customer_owned_ipv4_pool: input.customer_owned_ipv4_pool,
        ipam_pools: input.ipam_pools,
        ..Document::default()
    };
    if let Some(existing) = lookup::load_balancer_named(state, context, &input.name) {
        return if has_settings(&existing.document, &wanted) {
            Ok(CreateLoadBalancerOutput { load_balancers: Some(vec![existing.document.clone()]) })
        } else {
            Err(ApiError::new(
                "DuplicateLoadBalancerName",
                format!(
                    "A load balancer with the same name '{}' exists, but with different settings",
                    input.name
                ),
            ))
        };
    }
    let too_many = || {
        ApiError::new(
            "TooManyLoadBalancers",
            format!(
                "You have reached the maximum number of application load balancers: {MOST_LOAD_BALANCERS}"
            ),
        )
    };
    let prefix = context.scope.arn(SERVICE, "loadbalancer/");
    if state.load_balancers.with_prefix(&prefix).count() >= MOST_LOAD_BALANCERS {
        return Err(too_many());
    }
    let address = free_address(state).ok_or_else(too_many)?;

    let arn =
        context.scope.arn(SERVICE, format_args!("loadbalancer/app/{}/{}", input.name, state.ids.hex(16)));
    let document = Document {
        load_balancer_arn: Some(arn.clone()),
        dns_name: Some(address.to_string()),
        canonical_hosted_zone_id: Some(placement::hosted_zone(context).to_owned()),
        created_time: Some(context.now),
        state: Some(LoadBalancerState { code: Some(LoadBalancerStateEnum::Active), reason: None }),
        ..wanted
    };
    let mut attributes = catalogue::defaults(catalogue::LOAD_BALANCER);
    if document.scheme == Some(Scheme::Internal) {
        attributes.insert("ipv6.deny_all_igw_traffic".to_owned(), "true".to_owned());
    }
    let row =
        LoadBalancer { arn: arn.clone(), name: input.name, address, document: document.clone(), attributes };
    state.load_balancers.insert(&arn, row);
    state.put_tags(&arn, tags);
    state.effect(Effect::LoadBalancer(arn));
    Ok(CreateLoadBalancerOutput { load_balancers: Some(vec![document]) })
}

/// `DescribeLoadBalancers`
pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeLoadBalancersInput,
) -> Result<DescribeLoadBalancersOutput, ApiError> {
    let arns = input.load_balancer_arns.unwrap_or_default();
    let names = input.names.unwrap_or_default();
    if !arns.is_empty() && !names.is_empty() {
        return Err(errors::validation(
            "Load balancer names and load balancer ARNs cannot be specified at the same time",
        ));
    }
    if !arns.is_empty() || !names.is_empty() {
        let by_arn = arns.iter().map(|arn| lookup::load_balancer(state, context, arn));
        let by_name = names.iter().map(|name| {
            let found = lookup::load_balancer_named(state, context, name);
            found.ok_or_else(|| errors::load_balancer_not_found(name))
        });
        let found = by_arn.chain(by_name).map(|found| found.map(|row| row.document.clone()));
        let found = found.collect::<Result<_, _>>()?;
        return Ok(DescribeLoadBalancersOutput { load_balancers: Some(found), next_marker: None });
    }
    let prefix = context.scope.arn(SERVICE, "loadbalancer/");
    let found = page(
        state.load_balancers.with_prefix(&prefix),
        "DescribeLoadBalancers",
        input.marker.as_deref(),
        page_size(input.page_size),
        errors::invalid_marker,
    )?;
    Ok(DescribeLoadBalancersOutput {
        load_balancers: Some(found.items.into_iter().map(|row| row.document.clone()).collect()),
        next_marker: found.next,
    })
}

/// `DeleteLoadBalancer`: with its listeners and their rules. One that is gone already is no error, as on AWS.
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteLoadBalancerInput,
) -> Result<DeleteLoadBalancerOutput, ApiError> {
    let arn = input.load_balancer_arn;
    let Ok(found) = lookup::load_balancer(state, context, &arn) else {
        return Ok(DeleteLoadBalancerOutput {});
    };
    if found.attributes.get("deletion_protection.enabled").is_some_and(|value| value == "true") {
        return Err(errors::not_permitted(format!(
            "Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        )));
    }
    let listeners: Vec<String> = state.listeners.indexed_by(&arn).map(|(arn, _)| arn.to_owned()).collect();
    for listener in listeners {
        changes::remove_listener(state, &arn, &listener);
    }
    state.load_balancers.remove(&arn);
    state.tags.remove(&arn);
    state.effect(Effect::LoadBalancer(arn));
    Ok(DeleteLoadBalancerOutput {})
}

/// The page size that a call gives, within AWS's bounds.
pub(super) fn page_size(given: Option<i32>) -> usize {
    given.and_then(|given| usize::try_from(given).ok()).map_or(PAGE_SIZE, |given| given.clamp(1, PAGE_SIZE))
}

/// Whether a load balancer has the settings that a call wants, so that the call may be a repeated one.
fn has_settings(existing: &Document, wanted: &Document) -> bool {
    let subnets = |document: &Document| -> BTreeSet<Option<String>> {
        document.availability_zones.iter().flatten().map(|zone| zone.subnet_id.clone()).collect()
    };
    let groups = |document: &Document| -> BTreeSet<String> {
        document.security_groups.iter().flatten().cloned().collect()
    };
    existing.scheme == wanted.scheme
        && existing.ip_address_type == wanted.ip_address_type
        && existing.customer_owned_ipv4_pool == wanted.customer_owned_ipv4_pool
        && subnets(existing) == subnets(wanted)
        && groups(existing) == groups(wanted)
}
