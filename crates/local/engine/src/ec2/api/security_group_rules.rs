//! The rules of security groups: authorized, revoked, changed, described.

use tidegate_models::ec2::{
    AuthorizeSecurityGroupEgressRequest, AuthorizeSecurityGroupEgressResult,
    AuthorizeSecurityGroupIngressRequest, AuthorizeSecurityGroupIngressResult,
    DescribeSecurityGroupRulesRequest, DescribeSecurityGroupRulesResult, IpPermission, IpRange,
    ModifySecurityGroupRulesRequest, ModifySecurityGroupRulesResult, RevokeSecurityGroupEgressRequest,
    RevokeSecurityGroupEgressResult, RevokeSecurityGroupIngressRequest, RevokeSecurityGroupIngressResult,
    RevokedSecurityGroupRule, SecurityGroupRule, SecurityGroupRuleDescription, SecurityGroupRuleRequest,
    TagSpecification, UpdateSecurityGroupRuleDescriptionsEgressRequest,
    UpdateSecurityGroupRuleDescriptionsEgressResult, UpdateSecurityGroupRuleDescriptionsIngressRequest,
    UpdateSecurityGroupRuleDescriptionsIngressResult, UserIdGroupPair,
};

use super::{
    super::SERVICE,
    describe::{self, Asked, new_id},
    errors::missing,
    permissions,
    resources::Resource,
    security_groups, tags,
};
use crate::{ApiError, Context, State, engine::Handlers};

/// AWS's default quota of rules of a group in each direction.
const MOST_RULES: usize = 60;

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "AuthorizeSecurityGroupIngress", authorize_ingress);
    handlers.write(SERVICE, "AuthorizeSecurityGroupEgress", authorize_egress);
    handlers.write(SERVICE, "RevokeSecurityGroupIngress", revoke_ingress);
    handlers.write(SERVICE, "RevokeSecurityGroupEgress", revoke_egress);
    handlers.write(SERVICE, "ModifySecurityGroupRules", modify);
    handlers.write(SERVICE, "UpdateSecurityGroupRuleDescriptionsIngress", describe_ingress_anew);
    handlers.write(SERVICE, "UpdateSecurityGroupRuleDescriptionsEgress", describe_egress_anew);
    handlers.read(SERVICE, "DescribeSecurityGroupRules", describe_all);
}

/// Which way a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Ingress,
    Egress,
}

fn authorize_ingress(
    state: &mut State,
    context: &Context,
    input: AuthorizeSecurityGroupIngressRequest,
) -> Result<AuthorizeSecurityGroupIngressResult, ApiError> {
    let group = security_groups::id_of(state, context, input.group_id, input.group_name)?;
    let flat = flat(
        input.ip_protocol,
        input.from_port,
        input.to_port,
        input.cidr_ip,
        input.source_security_group_name,
    );
    let wanted = input.ip_permissions.unwrap_or_default().into_iter().chain(flat).collect();
    let rules = authorize(state, context, &group, Direction::Ingress, wanted, input.tag_specifications)?;
    Ok(AuthorizeSecurityGroupIngressResult { r#return: Some(true), security_group_rules: Some(rules) })
}

fn authorize_egress(
    state: &mut State,
    context: &Context,
    input: AuthorizeSecurityGroupEgressRequest,
) -> Result<AuthorizeSecurityGroupEgressResult, ApiError> {
    let group = security_groups::id_of(state, context, Some(input.group_id), None)?;
    let flat = flat(
        input.ip_protocol,
        input.from_port,
        input.to_port,
        input.cidr_ip,
        input.source_security_group_name,
    );
    let wanted = input.ip_permissions.unwrap_or_default().into_iter().chain(flat).collect();
    let rules = authorize(state, context, &group, Direction::Egress, wanted, input.tag_specifications)?;
    Ok(AuthorizeSecurityGroupEgressResult { r#return: Some(true), security_group_rules: Some(rules) })
}

fn authorize(
    state: &mut State,
    context: &Context,
    group: &str,
    direction: Direction,
    wanted: Vec<IpPermission>,
    specifications: Option<Vec<TagSpecification>>,
) -> Result<Vec<SecurityGroupRule>, ApiError> {
    let tags = tags::given::<SecurityGroupRule>(specifications)?;
    let wanted = permissions::to_rules(state, context, wanted)?;
    let existing = rules(state, group, direction);
    for (at, rule) in wanted.iter().enumerate() {
        if existing.iter().chain(wanted.iter().take(at)).any(|other| is_same(other, rule)) {
            return Err(duplicate(rule));
        }
    }
    if existing.len() + wanted.len() > MOST_RULES {
        return Err(ApiError::new(
            "RulesPerSecurityGroupLimitExceeded",
            "The maximum number of rules per security group has been reached.",
        ));
    }
    let with_direction = |rule| SecurityGroupRule { is_egress: Some(direction == Direction::Egress), ..rule };
    Ok(wanted
        .into_iter()
        .map(|rule| add(state, context, group, with_direction(rule), tags.clone()))
        .collect())
}

fn revoke_ingress(
    state: &mut State,
    context: &Context,
    input: RevokeSecurityGroupIngressRequest,
) -> Result<RevokeSecurityGroupIngressResult, ApiError> {
    let group = security_groups::id_of(state, context, input.group_id, input.group_name)?;
    let flat = flat(
        input.ip_protocol,
        input.from_port,
        input.to_port,
        input.cidr_ip,
        input.source_security_group_name,
    );
    let meant = input.ip_permissions.unwrap_or_default().into_iter().chain(flat).collect();
    let revoked = revoke(state, context, &group, Direction::Ingress, meant, input.security_group_rule_ids)?;
    Ok(RevokeSecurityGroupIngressResult {
        r#return: Some(true),
        revoked_security_group_rules: Some(revoked),
        unknown_ip_permissions: None,
    })
}

fn revoke_egress(
    state: &mut State,
    context: &Context,
    input: RevokeSecurityGroupEgressRequest,
) -> Result<RevokeSecurityGroupEgressResult, ApiError> {
    let group = security_groups::id_of(state, context, Some(input.group_id), None)?;
    let flat = flat(
        input.ip_protocol,
        input.from_port,
        input.to_port,
        input.cidr_ip,
        input.source_security_group_name,
    );
    let meant = input.ip_permissions.unwrap_or_default().into_iter().chain(flat).collect();
    let revoked = revoke(state, context, &group, Direction::Egress, meant, input.security_group_rule_ids)?;
    Ok(RevokeSecurityGroupEgressResult {
        r#return: Some(true),
        revoked_security_group_rules: Some(revoked),
        unknown_ip_permissions: None,
    })
}

fn revoke(
    state: &mut State,
    context: &Context,
    group: &str,
    direction: Direction,
    meant: Vec<IpPermission>,
    ids: Option<Vec<String>>,
) -> Result<Vec<RevokedSecurityGroupRule>, ApiError> {
    let meant = by_permission_or_id(state, context, group, direction, meant, ids)?;
    for rule in &meant {
        describe::remove::<SecurityGroupRule>(state, context, rule.id());
    }
    let revoked = |rule: SecurityGroupRule| RevokedSecurityGroupRule {
        referenced_group_id: referenced(&rule).map(str::to_owned),
        cidr_ipv4: rule.cidr_ipv4,
        cidr_ipv6: rule.cidr_ipv6,
        description: rule.description,
        from_port: rule.from_port,
        group_id: rule.group_id,
        ip_protocol: rule.ip_protocol,
        is_egress: rule.is_egress,
        prefix_list_id: rule.prefix_list_id,
        security_group_rule_id: rule.security_group_rule_id,
        to_port: rule.to_port,
    };
    Ok(meant.into_iter().map(revoked).collect())
}

/// `ModifySecurityGroupRules`: each rule gets what is given in place of what it was, but for id and direction.
fn modify(
    state: &mut State,
    context: &Context,
    input: ModifySecurityGroupRulesRequest,
) -> Result<ModifySecurityGroupRulesResult, ApiError> {
    let group = security_groups::id_of(state, context, Some(input.group_id), None)?;
    let mut changes = Vec::new();
    for update in input.security_group_rules {
        let before = rule_of(state, context, &group, &update.security_group_rule_id)?;
        let wanted = update.security_group_rule.ok_or_else(|| missing("SecurityGroupRule"))?;
        let after = SecurityGroupRule {
            group_id: before.group_id,
            group_owner_id: before.group_owner_id,
            is_egress: before.is_egress,
            security_group_rule_arn: before.security_group_rule_arn,
            security_group_rule_id: before.security_group_rule_id,
            ..requested(state, context, wanted)?
        };
        changes.push(after);
    }
    let direction = |egress| if egress == Some(true) { Direction::Egress } else { Direction::Ingress };
    for change in &changes {
        let others = rules(state, &group, direction(change.is_egress));
        if others.iter().any(|other| other.id() != change.id() && is_same(other, change)) {
            return Err(duplicate(change));
        }
    }
    for change in changes {
        let id = change.id().to_owned();
        describe::change(state, context, &id, |rule| *rule = change);
    }
    Ok(ModifySecurityGroupRulesResult { r#return: Some(true) })
}

fn describe_ingress_anew(
    state: &mut State,
    context: &Context,
    input: UpdateSecurityGroupRuleDescriptionsIngressRequest,
) -> Result<UpdateSecurityGroupRuleDescriptionsIngressResult, ApiError> {
    let group = security_groups::id_of(state, context, input.group_id, input.group_name)?;
    let (permissions, by_id) = (input.ip_permissions, input.security_group_rule_descriptions);
    describe_anew(state, context, &group, Direction::Ingress, permissions, by_id)?;
    Ok(UpdateSecurityGroupRuleDescriptionsIngressResult { r#return: Some(true) })
}

fn describe_egress_anew(
    state: &mut State,
    context: &Context,
    input: UpdateSecurityGroupRuleDescriptionsEgressRequest,
) -> Result<UpdateSecurityGroupRuleDescriptionsEgressResult, ApiError> {
    let group = security_groups::id_of(state, context, input.group_id, input.group_name)?;
    let (permissions, by_id) = (input.ip_permissions, input.security_group_rule_descriptions);
    describe_anew(state, context, &group, Direction::Egress, permissions, by_id)?;
    Ok(UpdateSecurityGroupRuleDescriptionsEgressResult { r#return: Some(true) })
}

fn describe_anew(
    state: &mut State,
    context: &Context,
    group: &str,
    direction: Direction,
    wanted: Option<Vec<IpPermission>>,
    by_id: Option<Vec<SecurityGroupRuleDescription>>,
) -> Result<(), ApiError> {
    let mut changes = Vec::new();
    for given in by_id.iter().flatten() {
        let id = given.security_group_rule_id.as_deref().ok_or_else(|| missing("SecurityGroupRuleId"))?;
        changes.push((
            rule_of(state, context, group, id)?.id().to_owned(),
            permissions::described(given.description.clone())?,
        ));
    }
    if by_id.is_none() {
        let existing = rules(state, group, direction);
        for rule in permissions::to_rules(state, context, wanted.unwrap_or_default())? {
            let found = existing.iter().find(|other| is_same(other, &rule)).ok_or_else(not_found)?;
            changes.push((found.id().to_owned(), rule.description));
        }
    }
    for (id, description) in changes {
        describe::change(state, context, &id, |rule: &mut SecurityGroupRule| rule.description = description);
    }
    Ok(())
}

fn describe_all(
    state: &State,
    context: &Context,
    input: DescribeSecurityGroupRulesRequest,
) -> Result<DescribeSecurityGroupRulesResult, ApiError> {
    let DescribeSecurityGroupRulesRequest {
        filters,
        max_results,
        next_token,
        security_group_rule_ids: ids,
        ..
    } = input;
    let (security_group_rules, next_token) =
        describe::describe(state, context, Asked { ids, filters, max_results, next_token })?;
    Ok(DescribeSecurityGroupRulesResult { next_token, security_group_rules })
}

/// Stores a rule of a group.
pub(super) fn add(
    state: &mut State,
    context: &Context,
    group: &str,
    rule: SecurityGroupRule,
    tags: tags::Given,
) -> SecurityGroupRule {
    let id = new_id::<SecurityGroupRule>(state);
    let rule = SecurityGroupRule {
        security_group_rule_arn: Some(SecurityGroupRule::KIND.arn(context, &id)),
        security_group_rule_id: Some(id),
        group_id: Some(group.to_owned()),
        group_owner_id: Some(context.scope.account.clone()),
        ..rule
    };
    describe::add(state, context, rule, tags)
}

/// The group that a rule names.
pub(super) fn referenced(rule: &SecurityGroupRule) -> Option<&str> {
    rule.referenced_group_info.as_ref()?.group_id.as_deref()
}

/// The rules that a call means, each of which exists.
fn by_permission_or_id(
    state: &State,
    context: &Context,
    group: &str,
    direction: Direction,
    meant: Vec<IpPermission>,
    ids: Option<Vec<String>>,
) -> Result<Vec<SecurityGroupRule>, ApiError> {
    if let Some(ids) = ids {
        return ids.iter().map(|id| rule_of(state, context, group, id)).collect();
    }
    let existing = rules(state, group, direction);
    let meant = permissions::to_rules(state, context, meant)?;
    let found = meant.iter().map(|rule| existing.iter().find(|other| is_same(other, rule)).cloned());
    found.map(|found| found.ok_or_else(not_found)).collect()
}

fn rule_of(state: &State, context: &Context, group: &str, id: &str) -> Result<SecurityGroupRule, ApiError> {
    let rule = describe::find::<SecurityGroupRule>(state, context, id)?;
    if rule.group_id.as_deref() == Some(group) { Ok(rule) } else { Err(SecurityGroupRule::KIND.missing(id)) }
}

fn rules(state: &State, group: &str, direction: Direction) -> Vec<SecurityGroupRule> {
    let all = state.security_group_rules.indexed_by(group).map(|(_, rule)| rule);
    all.filter(|rule| rule.is_egress == Some(direction == Direction::Egress)).cloned().collect()
}

/// Whether two rules let the same through, whatever is written about them.
fn is_same(a: &SecurityGroupRule, b: &SecurityGroupRule) -> bool {
    a.ip_protocol == b.ip_protocol
        && a.from_port == b.from_port
        && a.to_port == b.to_port
        && a.cidr_ipv4 == b.cidr_ipv4
        && a.cidr_ipv6 == b.cidr_ipv6
        && a.prefix_list_id == b.prefix_list_id
        && referenced(a) == referenced(b)
}

/// The one permission that the older form of a call gives.
fn flat(
    protocol: Option<String>,
    from_port: Option<i32>,
    to_port: Option<i32>,
    cidr_ip: Option<String>,
    source_group: Option<String>,
) -> Option<IpPermission> {
    protocol.as_ref().or(cidr_ip.as_ref()).or(source_group.as_ref())?;
    Some(IpPermission {
        ip_protocol: protocol,
        from_port,
        to_port,
        ip_ranges: cidr_ip.map(|cidr_ip| vec![IpRange { cidr_ip: Some(cidr_ip), description: None }]),
        user_id_group_pairs: source_group
            .map(|name| vec![UserIdGroupPair { group_name: Some(name), ..UserIdGroupPair::default() }]),
        ..IpPermission::default()
    })
}

fn requested(
    state: &State,
    context: &Context,
    wanted: SecurityGroupRuleRequest,
) -> Result<SecurityGroupRule, ApiError> {
    let ports = permissions::ports(wanted.ip_protocol.as_deref(), wanted.from_port, wanted.to_port)?;
    let rule = SecurityGroupRule { description: permissions::described(wanted.description)?, ..ports };
    Ok(if wanted.cidr_ipv4.is_some() {
        SecurityGroupRule { cidr_ipv4: Some(permissions::block(wanted.cidr_ipv4)?), ..rule }
    } else if wanted.cidr_ipv6.is_some() {
        SecurityGroupRule { cidr_ipv6: Some(permissions::ipv6_block(wanted.cidr_ipv6)?), ..rule }
    } else if let Some(group) = wanted.referenced_group_id {
        let reference = permissions::reference(state, context, &group)?;
        SecurityGroupRule { referenced_group_info: Some(reference), ..rule }
    } else if wanted.prefix_list_id.is_some() {
        SecurityGroupRule { prefix_list_id: wanted.prefix_list_id, ..rule }
    } else {
        return Err(missing("CidrIpv4, CidrIpv6, PrefixListId or ReferencedGroupId"));
    })
}

fn duplicate(rule: &SecurityGroupRule) -> ApiError {
    let peer = [&rule.cidr_ipv4, &rule.cidr_ipv6, &rule.prefix_list_id].into_iter().flatten().next();
    let peer = peer.map(String::as_str).or(referenced(rule)).unwrap_or_default();
    let protocol = match rule.ip_protocol.as_deref() {
        Some("-1") | None => "ALL".to_owned(),
        Some(protocol) => {
            let port = |port: Option<i32>| port.unwrap_or(-1);
            format!(
                "{}, from port: {}, to port: {}",
                protocol.to_ascii_uppercase(),
                port(rule.from_port),
                port(rule.to_port)
            )
        }
    };
    ApiError::new(
        "InvalidPermission.Duplicate",
        format!("the specified rule \"peer: {peer}, {protocol}, ALLOW\" already exists"),
    )
}

fn not_found() -> ApiError {
    ApiError::new("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
}
