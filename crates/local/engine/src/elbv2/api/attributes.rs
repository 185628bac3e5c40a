//! Attributes of load balancers, target groups and listeners: described, and modified as far as they go together.
//!
//! Which there are and what values each takes is the [`catalogue`]'s.

use std::collections::BTreeMap;

use tidegate_models::elbv2::{
    DescribeListenerAttributesInput, DescribeListenerAttributesOutput, DescribeLoadBalancerAttributesInput,
    DescribeLoadBalancerAttributesOutput, DescribeTargetGroupAttributesInput,
    DescribeTargetGroupAttributesOutput, ListenerAttribute, LoadBalancerAttribute,
    ModifyListenerAttributesInput, ModifyListenerAttributesOutput, ModifyLoadBalancerAttributesInput,
    ModifyLoadBalancerAttributesOutput, ModifyTargetGroupAttributesInput, ModifyTargetGroupAttributesOutput,
    ProtocolEnum, TargetGroupAttribute,
};

use super::{
    catalogue,
    errors::{invalid_configuration, validation},
    lookup,
};
use crate::{ApiError, Context, Effect, State};

type Attributes = BTreeMap<String, String>;

/// `DescribeLoadBalancerAttributes`
pub(super) fn describe_load_balancer(
    state: &State,
    context: &Context,
    input: DescribeLoadBalancerAttributesInput,
) -> Result<DescribeLoadBalancerAttributesOutput, ApiError> {
    let row = lookup::load_balancer(state, context, &input.load_balancer_arn)?;
    Ok(DescribeLoadBalancerAttributesOutput { attributes: Some(of_load_balancer(&row.attributes)) })
}

/// `ModifyLoadBalancerAttributes`
pub(super) fn modify_load_balancer(
    state: &mut State,
    context: &Context,
    input: ModifyLoadBalancerAttributesInput,
) -> Result<ModifyLoadBalancerAttributesOutput, ApiError> {
    let arn = input.load_balancer_arn;
    let current = &lookup::load_balancer(state, context, &arn)?.attributes;
    let given = input.attributes.into_iter().map(|attribute| (attribute.key, attribute.value));
    let attributes = catalogue::changed("Load balancer", catalogue::LOAD_BALANCER, current, given)?;
    for logs in ["access_logs", "connection_logs", "health_check_logs"] {
        if is(&attributes, &format!("{logs}.s3.enabled"), "true")
            && is(&attributes, &format!("{logs}.s3.bucket"), "")
        {
            return Err(validation(format!("'{logs}.s3.bucket' must be specified to enable '{logs}'")));
        }
    }
    let answer = of_load_balancer(&attributes);
    state.load_balancers.update(&arn, |row| row.attributes = attributes);
    state.effect(Effect::LoadBalancer(arn));
    Ok(ModifyLoadBalancerAttributesOutput { attributes: Some(answer) })
}

/// `DescribeTargetGroupAttributes`
pub(super) fn describe_target_group(
    state: &State,
    context: &Context,
    input: DescribeTargetGroupAttributesInput,
) -> Result<DescribeTargetGroupAttributesOutput, ApiError> {
    let row = lookup::target_group(state, context, &input.target_group_arn)?;
    Ok(DescribeTargetGroupAttributesOutput { attributes: Some(of_target_group(&row.attributes)) })
}

/// `ModifyTargetGroupAttributes`. Targets that drain already keep the delay that they began with.
pub(super) fn modify_target_group(
    state: &mut State,
    context: &Context,
    input: ModifyTargetGroupAttributesInput,
) -> Result<ModifyTargetGroupAttributesOutput, ApiError> {
    let arn = input.target_group_arn;
    let current = &lookup::target_group(state, context, &arn)?.attributes;
    let given = input.attributes.into_iter().map(|attribute| (attribute.key, attribute.value));
    let attributes = catalogue::changed("Target group", catalogue::TARGET_GROUP, current, given)?;
    check_target_group(&attributes)?;
    let answer = of_target_group(&attributes);
    state.target_groups.update(&arn, |row| row.attributes = attributes);
    state.effect(Effect::TargetGroup(arn));
    Ok(ModifyTargetGroupAttributesOutput { attributes: Some(answer) })
}

/// `DescribeListenerAttributes`
pub(super) fn describe_listener(
    state: &State,
    context: &Context,
    input: DescribeListenerAttributesInput,
) -> Result<DescribeListenerAttributesOutput, ApiError> {
    let row = lookup::listener(state, context, &input.listener_arn)?;
    Ok(DescribeListenerAttributesOutput { attributes: Some(of_listener(&row.attributes)) })
}

/// `ModifyListenerAttributes`
pub(super) fn modify_listener(
    state: &mut State,
    context: &Context,
    input: ModifyListenerAttributesInput,
) -> Result<ModifyListenerAttributesOutput, ApiError> {
    let row = lookup::listener(state, context, &input.listener_arn)?;
    let load_balancer_arn = row.load_balancer_arn.clone();
    let protocol = row.document.protocol.unwrap_or(ProtocolEnum::Http);
    let given = input.attributes.into_iter().map(|attribute| (attribute.key, attribute.value));
    let attributes =
        catalogue::changed("Listener", catalogue::of_listener(protocol), &row.attributes, given)?;
    let answer = of_listener(&attributes);
    state.listeners.update(&input.listener_arn, |row| row.attributes = attributes);
    state.effect(Effect::LoadBalancer(load_balancer_arn));
    Ok(ModifyListenerAttributesOutput { attributes: Some(answer) })
}

/// What AWS's guide says about attributes of a target group that do not go together.
fn check_target_group(attributes: &Attributes) -> Result<(), ApiError> {
    let algorithm = attributes.get("load_balancing.algorithm.type").map_or("round_robin", String::as_str);
    if algorithm != "round_robin" && !is(attributes, "slow_start.duration_seconds", "0") {
        return Err(invalid_configuration(format!(
            "Slow start cannot be enabled with the load balancing algorithm '{algorithm}'"
        )));
    }
    if algorithm != "weighted_random" && is(attributes, "load_balancing.algorithm.anomaly_mitigation", "on") {
        return Err(invalid_configuration(
            "Anomaly mitigation can only be enabled with the load balancing algorithm 'weighted_random'",
        ));
    }
    if is(attributes, "stickiness.enabled", "true")
        && is(attributes, "stickiness.type", "app_cookie")
        && is(attributes, "stickiness.app_cookie.cookie_name", "")
    {
        return Err(invalid_configuration(
            "You must set an application cookie name to enable stickiness of type 'app_cookie'",
        ));
    }
    Ok(())
}

fn is(attributes: &Attributes, key: &str, value: &str) -> bool {
    attributes.get(key).map_or("", String::as_str) == value
}

fn of_load_balancer(attributes: &Attributes) -> Vec<LoadBalancerAttribute> {
    let pair = |(key, value): (&String, &String)| LoadBalancerAttribute {
        key: Some(key.clone()),
        value: Some(value.clone()),
    };
    attributes.iter().map(pair).collect()
}

fn of_target_group(attributes: &Attributes) -> Vec<TargetGroupAttribute> {
    let pair = |(key, value): (&String, &String)| TargetGroupAttribute {
        key: Some(key.clone()),
        value: Some(value.clone()),
    };
    attributes.iter().map(pair).collect()
}

fn of_listener(attributes: &Attributes) -> Vec<ListenerAttribute> {
    let pair = |(key, value): (&String, &String)| ListenerAttribute {
        key: Some(key.clone()),
        value: Some(value.clone()),
    };
    attributes.iter().map(pair).collect()
}
