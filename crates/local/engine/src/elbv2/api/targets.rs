//! Targets through the API: registered, deregistered, and what is known of their health.

use std::net::{IpAddr, Ipv4Addr};

use tidegate_models::elbv2::{
    AnomalyDetection, AnomalyResultEnum, DeregisterTargetsInput, DeregisterTargetsOutput,
    DescribeTargetHealthInput, DescribeTargetHealthInputIncludeEnum as Include, DescribeTargetHealthOutput,
    MitigationInEffectEnum, RegisterTargetsInput, RegisterTargetsOutput, TargetDescription,
    TargetHealth as Health, TargetHealthDescription, TargetTypeEnum as TargetType,
};

use super::{
    super::{TargetHealth, deregister_target, records::TargetGroup, register_target, targets::touch_owner},
    errors::validation,
    lookup,
};
use crate::{ApiError, Context, State};

/// AWS's quota of targets of a target group.
const MOST_TARGETS: usize = 1000;

/// `RegisterTargets`
pub(super) fn register(
    state: &mut State,
    context: &Context,
    input: RegisterTargetsInput,
) -> Result<RegisterTargetsOutput, ApiError> {
    let group = lookup::target_group(state, context, &input.target_group_arn)?;
    let targets = targets_of(group, &input.targets)?;
    let new = targets.iter().filter(|(id, port)| group.target(id, *port).is_none()).count();
    if group.targets.len() + new > MOST_TARGETS {
        return Err(ApiError::new(
            "TooManyTargets",
            format!("You have reached the maximum number of targets in a target group: {MOST_TARGETS}"),
        ));
    }
    for (id, port) in targets {
        register_target(state, &input.target_group_arn, &id, port, None, context.now);
    }
    Ok(RegisterTargetsOutput {})
}

/// `DeregisterTargets`. Targets that are not registered are no error, as on AWS.
pub(super) fn deregister(
    state: &mut State,
    context: &Context,
    input: DeregisterTargetsInput,
) -> Result<DeregisterTargetsOutput, ApiError> {
    let group = lookup::target_group(state, context, &input.target_group_arn)?;
    let targets = targets_of(group, &input.targets)?;
    let owner_of =
        |(id, port): &(String, u16)| group.target(id, *port).map(|target| target.owner_task.clone());
    let owners: Vec<Option<String>> = targets.iter().filter_map(owner_of).collect();
    for (id, port) in targets {
        deregister_target(state, &input.target_group_arn, &id, port, context.now);
    }
    for owner in owners {
        touch_owner(state, owner);
    }
    Ok(DeregisterTargetsOutput {})
}

/// `DescribeTargetHealth`
pub(super) fn describe_health(
    state: &State,
    context: &Context,
    input: DescribeTargetHealthInput,
) -> Result<DescribeTargetHealthOutput, ApiError> {
    let group = lookup::target_group(state, context, &input.target_group_arn)?;
    let asked = input.targets.unwrap_or_default();
    let healths: Vec<(String, u16, TargetHealth)> = if asked.is_empty() {
        let registered = group.targets.iter();
        registered.map(|target| (target.id.clone(), target.port, target.health.clone())).collect()
    } else {
        let asked = targets_of(group, &asked)?.into_iter();
        asked
            .map(|(id, port)| {
                let health = group.target(&id, port).map(|target| target.health.clone());
                (id, port, health.unwrap_or_else(TargetHealth::not_registered))
            })
            .collect()
    };
    let anomalies = input
        .include
        .unwrap_or_default()
        .iter()
        .any(|include| matches!(include, Include::AnomalyDetection | Include::All));
    let describe = |(id, port, health): (String, u16, TargetHealth)| TargetHealthDescription {
        health_check_port: Some(match group.document.health_check_port.as_deref() {
            None | Some("traffic-port") => port.to_string(),
            Some(fixed) => fixed.to_owned(),
        }),
        target: Some(TargetDescription { id, port: Some(port.into()), ..TargetDescription::default() }),
        target_health: Some(Health {
            state: Some(health.state),
            reason: health.reason,
            description: health.description,
        }),
        anomaly_detection: anomalies.then_some(AnomalyDetection {
            result: Some(AnomalyResultEnum::Normal),
            mitigation_in_effect: Some(MitigationInEffectEnum::No),
        }),
        administrative_override: None,
    };
    let descriptions = healths.into_iter().map(describe).collect();
    Ok(DescribeTargetHealthOutput { target_health_descriptions: Some(descriptions) })
}

/// The ids and ports of the targets that a call names, checked; the port is the group's when the call gives none.
fn targets_of(group: &TargetGroup, given: &[TargetDescription]) -> Result<Vec<(String, u16)>, ApiError> {
    if given.is_empty() {
        return Err(validation("At least one target must be specified"));
    }
    given
        .iter()
        .map(|target| {
            let id = match group.document.target_type {
                Some(TargetType::Ip) => ip(&target.id)?.to_string(),
                _ => instance(&target.id)?.to_owned(),
            };
            let port = target.port.or(group.document.port).unwrap_or_default();
            match u16::try_from(port) {
                Ok(port) if port > 0 => Ok((id, port)),
                _ => Err(validation(format!("Target port '{port}' must be between '1-65535' inclusive"))),
            }
        })
        .collect()
}

/// An instance's id: `i-` and 8 or 17 hexadecimal digits.
fn instance(id: &str) -> Result<&str, ApiError> {
    let digits = id.strip_prefix("i-").unwrap_or_default();
    if matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(id)
    } else {
        Err(validation(format!("Instance ID '{id}' is not valid")))
    }
}

/// An address of this machine or of a private network; AWS takes no public ones either.
fn ip(id: &str) -> Result<IpAddr, ApiError> {
    let invalid = |why: &str| ApiError::new("InvalidTarget", format!("The IP address '{id}' {why}"));
    let address: IpAddr = id.parse().map_err(|_| invalid("is not a valid IPv4 or IPv6 address"))?;
    let is_private = match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local() || is_shared(v4),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    if is_private { Ok(address) } else { Err(invalid("is publicly routable and cannot be a target")) }
}

/// RFC 6598, `100.64.0.0/10`.
fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && second & 0b1100_0000 == 64
}
