//! Target groups: created, modified, described, deleted.
//!
//! Which load balancer a group belongs to is not stored: it is looked up by the rules that forward to it.

use std::collections::BTreeSet;

use tidegate_models::elbv2::{
    CreateTargetGroupInput, CreateTargetGroupOutput, DeleteTargetGroupInput, DeleteTargetGroupOutput,
    DescribeTargetGroupsInput, DescribeTargetGroupsOutput, ModifyTargetGroupInput, ModifyTargetGroupOutput,
    ProtocolEnum as Protocol, TargetGroup as Document, TargetGroupIpAddressTypeEnum as IpAddressType,
    TargetTypeEnum as TargetType,
};

use super::{
    super::{SERVICE, records::TargetGroup, targets::touch_owner},
    catalogue,
    errors::{self, not_implemented, validation},
    health_checks, load_balancers, lookup, names, tags,
};
use crate::{ApiError, Context, Effect, State, page::page, state::Subject};

/// `CreateTargetGroup`
pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateTargetGroupInput,
) -> Result<CreateTargetGroupOutput, ApiError> {
    names::check_target_group(&input.name)?;
    let tags = tags::given(input.tags.clone())?;
    let name = input.name.clone();
    let wanted = wanted(input)?;
    if let Some(existing) = lookup::target_group_named(state, context, &name) {
        let described = Document { target_group_arn: None, ..existing.document.clone() };
        return if described == wanted {
            Ok(CreateTargetGroupOutput { target_groups: Some(vec![described_group(state, existing)]) })
        } else {
            Err(ApiError::new(
                "DuplicateTargetGroupName",
                format!("A target group with the same name '{name}' exists, but with different settings"),
            ))
        };
    }
    let arn = context.scope.arn(SERVICE, format_args!("targetgroup/{name}/{}", state.ids.hex(16)));
    let row = TargetGroup {
        arn: arn.clone(),
        document: Document { target_group_arn: Some(arn.clone()), ..wanted },
        attributes: catalogue::defaults(catalogue::TARGET_GROUP),
        targets: Vec::new(),
    };
    let described = described_group(state, &row);
    state.target_groups.insert(&arn, row);
    state.put_tags(&arn, tags);
    state.effect(Effect::TargetGroup(arn));
    Ok(CreateTargetGroupOutput { target_groups: Some(vec![described]) })
}

/// `ModifyTargetGroup`: its health checks.
pub(super) fn modify(
    state: &mut State,
    context: &Context,
    input: ModifyTargetGroupInput,
) -> Result<ModifyTargetGroupOutput, ApiError> {
    let arn = input.target_group_arn;
    let mut document = lookup::target_group(state, context, &arn)?.document.clone();
    let given = health_checks::Given {
        enabled: input.health_check_enabled,
        interval_seconds: input.health_check_interval_seconds,
        timeout_seconds: input.health_check_timeout_seconds,
        healthy_threshold: input.healthy_threshold_count,
        unhealthy_threshold: input.unhealthy_threshold_count,
        path: input.health_check_path,
        port: input.health_check_port,
        protocol: input.health_check_protocol,
        matcher: input.matcher,
    };
    health_checks::apply(given, &mut document)?;
    state.target_groups.update(&arn, |group| group.document = document);
    state.effect(Effect::TargetGroup(arn.clone()));
    let group = lookup::target_group(state, context, &arn)?;
    Ok(ModifyTargetGroupOutput { target_groups: Some(vec![described_group(state, group)]) })
}

/// `DescribeTargetGroups`
pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeTargetGroupsInput,
) -> Result<DescribeTargetGroupsOutput, ApiError> {
    let arns = input.target_group_arns.unwrap_or_default();
    let names = input.names.unwrap_or_default();
    let ways = [!arns.is_empty(), !names.is_empty(), input.load_balancer_arn.is_some()];
    if ways.iter().filter(|way| **way).count() > 1 {
        return Err(validation(
            "Target group names, target group ARNs, and a load balancer ARN cannot be specified at the same time",
        ));
    }
    if !arns.is_empty() || !names.is_empty() {
        let by_arn = arns.iter().map(|arn| lookup::target_group(state, context, arn).ok());
        let by_name = names.iter().map(|name| lookup::target_group_named(state, context, name));
        let found = by_arn.chain(by_name).map(|found| found.map(|group| described_group(state, group)));
        let found: Option<Vec<_>> = found.collect();
        let found = found.ok_or_else(errors::some_target_groups_not_found)?;
        return Ok(DescribeTargetGroupsOutput { target_groups: Some(found), next_marker: None });
    }
    let prefix = context.scope.arn(SERVICE, "targetgroup/");
    let rows: Box<dyn Iterator<Item = (&str, &TargetGroup)>> = match &input.load_balancer_arn {
        Some(arn) => {
            lookup::load_balancer(state, context, arn)?;
            let groups = groups_of_load_balancer(state, arn).into_iter();
            Box::new(groups.filter_map(|arn| Some((arn, state.target_groups.get(arn)?))))
        }
        None => Box::new(state.target_groups.with_prefix(&prefix)),
    };
    let limit = load_balancers::page_size(input.page_size);
    let found = page(rows, "DescribeTargetGroups", input.marker.as_deref(), limit, errors::invalid_marker)?;
    Ok(DescribeTargetGroupsOutput {
        target_groups: Some(found.items.into_iter().map(|group| described_group(state, group)).collect()),
        next_marker: found.next,
    })
}

/// `DeleteTargetGroup`. One that is gone already is no error, as on AWS.
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteTargetGroupInput,
) -> Result<DeleteTargetGroupOutput, ApiError> {
    let arn = input.target_group_arn;
    let Ok(group) = lookup::target_group(state, context, &arn) else {
        return Ok(DeleteTargetGroupOutput {});
    };
    if lookup::load_balancer_of_group(state, &arn).is_some() {
        return Err(ApiError::new(
            "ResourceInUse",
            format!("Target group '{arn}' is currently in use by a listener or a rule"),
        ));
    }
    let owners: Vec<_> = group.targets.iter().map(|target| target.owner_task.clone()).collect();
    state.target_groups.remove(&arn);
    state.tags.remove(&arn);
    for owner in owners {
        touch_owner(state, owner);
    }
    state.touch(Subject::TargetGroup(arn.clone()));
    state.effect(Effect::TargetGroup(arn));
    Ok(DeleteTargetGroupOutput {})
}

/// As `DescribeTargetGroups` answers.
fn described_group(state: &State, group: &TargetGroup) -> Document {
    let load_balancer = lookup::load_balancer_of_group(state, &group.arn);
    Document {
        load_balancer_arns: Some(load_balancer.into_iter().map(str::to_owned).collect()),
        ..group.document.clone()
    }
}

/// The groups that a load balancer's rules forward to.
fn groups_of_load_balancer<'a>(state: &'a State, arn: &str) -> BTreeSet<&'a str> {
    let rules = state.listeners.indexed_by(arn).flat_map(|(listener, _)| state.rules.indexed_by(listener));
    rules.flat_map(|(_, rule)| rule.target_groups()).collect()
}

/// What a call to create a target group wants, checked, with AWS's defaults.
fn wanted(input: CreateTargetGroupInput) -> Result<Document, ApiError> {
    let target_type = input.target_type.unwrap_or(TargetType::Instance);
    if let TargetType::Lambda | TargetType::Alb = target_type {
        return Err(not_implemented(&format!("Target groups with target type '{target_type}' are")));
    }
    match input.protocol.ok_or_else(|| validation("A protocol must be specified"))? {
        Protocol::Http => {}
        Protocol::Https => {
            return Err(not_implemented("Target groups with protocol 'HTTPS' (TLS to the targets) are"));
        }
        other => return Err(not_implemented(&format!("Target groups with protocol '{other}' are"))),
    }
    let port = input.port.ok_or_else(|| validation("A port must be specified"))?;
    if !(1..=65_535).contains(&port) {
        return Err(validation(format!("Port '{port}' must be between '1-65535' inclusive")));
    }
    let vpc_id = input.vpc_id.ok_or_else(|| validation("A VPC ID must be specified"))?;
    // Terraform's provider sends an empty one where nobody gave any.
    let given_version = input.protocol_version.filter(|version| !version.is_empty());
    let version = given_version.unwrap_or_else(|| "HTTP1".to_owned());
    match version.as_str() {
        "HTTP1" => {}
        "HTTP2" | "GRPC" => {
            return Err(not_implemented(&format!("Target groups with protocol version '{version}' are")));
        }
        _ => {
            return Err(validation(format!(
                "Protocol version '{version}' must be one of [HTTP1, HTTP2, GRPC]"
            )));
        }
    }
    let mut document = Document {
        target_group_name: Some(input.name),
        target_type: Some(target_type),
        protocol: Some(Protocol::Http),
        protocol_version: Some(version),
        port: Some(port),
        vpc_id: Some(vpc_id),
        ip_address_type: Some(input.ip_address_type.unwrap_or(IpAddressType::Ipv4)),
        target_control_port: input.target_control_port,
        ..Document::default()
    };
    let given = health_checks::Given {
        enabled: input.health_check_enabled,
        interval_seconds: input.health_check_interval_seconds,
        timeout_seconds: input.health_check_timeout_seconds,
        healthy_threshold: input.healthy_threshold_count,
        unhealthy_threshold: input.unhealthy_threshold_count,
        path: input.health_check_path,
        port: input.health_check_port,
        protocol: input.health_check_protocol,
        matcher: input.matcher,
    };
    health_checks::apply(given, &mut document)?;
    Ok(document)
}
