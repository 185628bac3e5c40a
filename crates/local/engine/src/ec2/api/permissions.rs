//! The two ways in which EC2 writes rules: one by one, or as permissions with lists of sources.

use tidegate_models::ec2::{
    IpPermission, IpRange, Ipv6Range, PrefixListId, ReferencedSecurityGroup, SecurityGroup,
    SecurityGroupRule, UserIdGroupPair,
};

use super::{
    super::cidr::Cidr,
    describe,
    errors::{invalid_value, missing},
    resources::Resource,
    security_groups,
};
use crate::{ApiError, Context, State};

/// The rules that permissions come to, checked; without ids.
pub(super) fn to_rules(
    state: &State,
    context: &Context,
    permissions: Vec<IpPermission>,
) -> Result<Vec<SecurityGroupRule>, ApiError> {
    if permissions.is_empty() {
        return Err(missing("ipPermissions"));
    }
    let mut rules = Vec::new();
    for permission in permissions {
        let before = rules.len();
        let ports = ports(permission.ip_protocol.as_deref(), permission.from_port, permission.to_port)?;
        for range in permission.ip_ranges.into_iter().flatten() {
            let block = block(range.cidr_ip)?;
            rules.push(SecurityGroupRule {
                cidr_ipv4: Some(block),
                description: described(range.description)?,
                ..ports.clone()
            });
        }
        for range in permission.ipv6_ranges.into_iter().flatten() {
            let block = ipv6_block(range.cidr_ipv6)?;
            rules.push(SecurityGroupRule {
                cidr_ipv6: Some(block),
                description: described(range.description)?,
                ..ports.clone()
            });
        }
        for list in permission.prefix_list_ids.into_iter().flatten() {
            rules.push(SecurityGroupRule {
                prefix_list_id: list.prefix_list_id,
                description: described(list.description)?,
                ..ports.clone()
            });
        }
        for pair in permission.user_id_group_pairs.into_iter().flatten() {
            let description = described(pair.description)?;
            let group = security_groups::id_of(state, context, pair.group_id, pair.group_name)?;
            rules.push(SecurityGroupRule {
                referenced_group_info: Some(reference(state, context, &group)?),
                description,
                ..ports.clone()
            });
        }
        if rules.len() == before {
            return Err(missing("CidrIp, CidrIpv6, PrefixListId or GroupId"));
        }
    }
    Ok(rules)
}

/// The permissions that rules come to: one for each protocol and range of ports.
pub(super) fn of_rules<'a>(rules: impl Iterator<Item = &'a SecurityGroupRule>) -> Vec<IpPermission> {
    let mut permissions: Vec<IpPermission> = Vec::new();
    for rule in rules {
        let is_everything = rule.ip_protocol.as_deref() == Some("-1");
        let (from_port, to_port) = if is_everything { (None, None) } else { (rule.from_port, rule.to_port) };
        let found = permissions.iter_mut().find(|permission| {
            permission.ip_protocol == rule.ip_protocol
                && permission.from_port == from_port
                && permission.to_port == to_port
        });
        let empty = IpPermission {
            ip_protocol: rule.ip_protocol.clone(),
            from_port,
            to_port,
            ip_ranges: Some(Vec::new()),
            ipv6_ranges: Some(Vec::new()),
            prefix_list_ids: Some(Vec::new()),
            user_id_group_pairs: Some(Vec::new()),
        };
        match found {
            Some(permission) => add_source(permission, rule),
            None => {
                permissions.push(empty);
                permissions.last_mut().into_iter().for_each(|permission| add_source(permission, rule));
            }
        }
    }
    permissions
}

fn add_source(permission: &mut IpPermission, rule: &SecurityGroupRule) {
    let description = rule.description.clone();
    if let Some(block) = &rule.cidr_ipv4 {
        let range = IpRange { cidr_ip: Some(block.clone()), description };
        permission.ip_ranges.get_or_insert_default().push(range);
    } else if let Some(block) = &rule.cidr_ipv6 {
        let range = Ipv6Range { cidr_ipv6: Some(block.clone()), description };
        permission.ipv6_ranges.get_or_insert_default().push(range);
    } else if let Some(list) = &rule.prefix_list_id {
        let list = PrefixListId { prefix_list_id: Some(list.clone()), description };
        permission.prefix_list_ids.get_or_insert_default().push(list);
    } else if let Some(group) = &rule.referenced_group_info {
        let pair = UserIdGroupPair {
            group_id: group.group_id.clone(),
            user_id: group.user_id.clone(),
            description,
            ..UserIdGroupPair::default()
        };
        permission.user_id_group_pairs.get_or_insert_default().push(pair);
    }
}

/// A rule of this protocol and range of ports, checked; without a source.
pub(super) fn ports(
    protocol: Option<&str>,
    from_port: Option<i32>,
    to_port: Option<i32>,
) -> Result<SecurityGroupRule, ApiError> {
    let given = protocol.ok_or_else(|| missing("ipProtocol"))?.to_ascii_lowercase();
    let protocol = match given.as_str() {
        "-1" | "all" => "-1",
        "tcp" | "6" => "tcp",
        "udp" | "17" => "udp",
        "icmp" | "1" => "icmp",
        "icmpv6" | "58" => "icmpv6",
        number if number.parse::<u8>().is_ok() => number,
        other => {
            return Err(ApiError::new(
                "InvalidPermission.Malformed",
                format!("Invalid value '{other}' for IP protocol. Unknown protocol."),
            ));
        }
    };
    let (from_port, to_port) = match (protocol, from_port, to_port) {
        ("tcp" | "udp", Some(from), Some(to)) => {
            let is_port = |port| (0..=65535).contains(&port);
            if !is_port(from) || !is_port(to) || from > to {
                return Err(invalid_value(format!("Invalid TCP/UDP port range ({from}:{to})")));
            }
            (from, to)
        }
        ("tcp" | "udp", ..) => {
            return Err(invalid_value(
                "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
            ));
        }
        ("icmp" | "icmpv6", from, to) => (from.unwrap_or(-1), to.unwrap_or(-1)),
        // Every port of any other protocol, whatever is given.
        _ => (-1, -1),
    };
    Ok(SecurityGroupRule {
        ip_protocol: Some(protocol.to_owned()),
        from_port: Some(from_port),
        to_port: Some(to_port),
        ..SecurityGroupRule::default()
    })
}

/// A group as a rule names it.
pub(super) fn reference(
    state: &State,
    context: &Context,
    group: &str,
) -> Result<ReferencedSecurityGroup, ApiError> {
    let group = describe::find::<SecurityGroup>(state, context, group)?;
    Ok(ReferencedSecurityGroup {
        group_id: Some(group.id().to_owned()),
        user_id: group.owner_id,
        ..ReferencedSecurityGroup::default()
    })
}

/// A block as rules have it.
pub(super) fn block(given: Option<String>) -> Result<String, ApiError> {
    let text = given.ok_or_else(|| missing("CidrIp"))?;
    let block = Cidr::parse(&text);
    block
        .map(|block| block.to_string())
        .ok_or_else(|| invalid_value(format!("CIDR block {text} is malformed")))
}

/// An IPv6 block as rules have it.
pub(super) fn ipv6_block(given: Option<String>) -> Result<String, ApiError> {
    let text = given.ok_or_else(|| missing("CidrIpv6"))?;
    let parts = text.split_once('/');
    let parsed = parts.and_then(|(address, prefix)| {
        let address: std::net::Ipv6Addr = address.parse().ok()?;
        let prefix: u8 = prefix.parse().ok().filter(|prefix| *prefix <= 128)?;
        Some(format!("{address}/{prefix}"))
    });
    parsed.ok_or_else(|| invalid_value(format!("CIDR block {text} is malformed")))
}

/// A description of a rule, checked.
pub(super) fn described(given: Option<String>) -> Result<Option<String>, ApiError> {
    if given.as_ref().is_some_and(|text| text.chars().count() > 255 || !is_plain_text(text)) {
        return Err(invalid_value(
            "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set: \
             a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
        ));
    }
    Ok(given.filter(|text| !text.is_empty()))
}

/// Whether a text has only the characters that names and descriptions may have.
pub(super) fn is_plain_text(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "._-:/()#,@[]+=&;{}!$* ".contains(c))
}
