//! What a deployment group deploys to: an ECS service, two target groups and the listeners that route to them.
//!
//! A group names them; here they are looked up and held against each other, so that what cannot be deployed is refused
//! before anything changes. Nothing here changes anything. Start at [`find`].

use std::collections::BTreeSet;

use tidegate_models::{
    codedeploy::{DeploymentGroupInfo, TargetGroupPairInfo, TrafficRoute},
    ecs::DeploymentControllerType,
};

use super::errors::{invalid_load_balancer_info, invalid_pair, invalid_service};
use crate::{
    ApiError, Scope, State,
    ecs::records::{Service, ServiceStatus},
};

/// What a group deploys to, found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The ECS service's ARN.
    pub service: String,
    /// The ARN of the listener of production traffic.
    pub production: String,
    /// The ARN of the listener of test traffic.
    pub test: Option<String>,
    /// The ARNs of the two target groups that take turns.
    pub groups: [String; 2],
}

/// Finds what a group deploys to, and refuses it where its parts do not go together.
pub(super) fn find(state: &State, scope: &Scope, group: &DeploymentGroupInfo) -> Result<Target, ApiError> {
    let service = service(state, scope, group)?.arn.clone();
    let pair = pair(group)?;
    let production = listener(state, "prodTrafficRoute", pair.prod_traffic_route.as_ref())?
        .ok_or_else(|| invalid_load_balancer_info("prodTrafficRoute must have exactly one listener"))?;
    let test = listener(state, "testTrafficRoute", pair.test_traffic_route.as_ref())?;
    if test.as_ref() == Some(&production) {
        return Err(invalid_load_balancer_info(format!(
            "The listener of prodTrafficRoute and of testTrafficRoute must not be the same: {production}"
        )));
    }
    let groups = target_groups(state, scope, pair)?;
    let target = Target { service, production, test, groups };
    check_load_balancer(state, &target)?;
    check_routes(state, &target)?;
    Ok(target)
}

/// The service that a group deploys to.
fn service<'a>(
    state: &'a State,
    scope: &Scope,
    group: &DeploymentGroupInfo,
) -> Result<&'a Service, ApiError> {
    let [given] = group.ecs_services.as_deref().unwrap_or_default() else {
        return Err(invalid_service("For ECS deployment group, ecsServices must have exactly one service"));
    };
    let cluster = given.cluster_name.as_deref().unwrap_or("default");
    let Some(name) = given.service_name.as_deref().filter(|name| !name.is_empty()) else {
        return Err(invalid_service("For ECS deployment group, the serviceName of ecsServices is required"));
    };
    let resource = format!("service/{}/{}", last_part(cluster), last_part(name));
    let found = state.services.get(&scope.arn("ecs", resource));
    let Some(service) = found.filter(|service| service.status == ServiceStatus::Active) else {
        return Err(invalid_service(format!(
            "The ECS service {name} could not be found in cluster {cluster}, or is not ACTIVE"
        )));
    };
    if service.controller != DeploymentControllerType::CodeDeploy {
        return Err(invalid_service(format!(
            "Deployment group's ECSService must be configured for a CODE_DEPLOY deployment controller; that of \
             {name} is {}",
            service.controller
        )));
    }
    Ok(service)
}

/// A name is given alone or as the end of an ARN.
fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn pair(group: &DeploymentGroupInfo) -> Result<&TargetGroupPairInfo, ApiError> {
    let info = group.load_balancer_info.as_ref();
    let pairs = info.and_then(|info| info.target_group_pair_info_list.as_deref()).unwrap_or_default();
    let [pair] = pairs else {
        return Err(invalid_load_balancer_info(
            "For ECS deployment group, loadBalancerInfo must have exactly one pair in targetGroupPairInfoList",
        ));
    };
    Ok(pair)
}

/// The one listener of a route; `None` when the group has no such route.
fn listener(state: &State, member: &str, route: Option<&TrafficRoute>) -> Result<Option<String>, ApiError> {
    let Some(route) = route else { return Ok(None) };
    let [arn] = route.listener_arns.as_deref().unwrap_or_default() else {
        return Err(invalid_load_balancer_info(format!("{member} must have exactly one listener")));
    };
    if !state.listeners.contains(arn) {
        return Err(invalid_load_balancer_info(format!(
            "The listener of {member} could not be found: {arn}"
        )));
    }
    Ok(Some(arn.clone()))
}

fn target_groups(state: &State, scope: &Scope, pair: &TargetGroupPairInfo) -> Result<[String; 2], ApiError> {
    let [first, second] = pair.target_groups.as_deref().unwrap_or_default() else {
        return Err(invalid_pair("A target group pair must have exactly two target groups"));
    };
    let find = |name: Option<&str>| {
        let name = name.filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| invalid_pair("Both target groups of a pair must have a name"))?;
        let prefix = scope.arn("elasticloadbalancing", format_args!("targetgroup/{name}/"));
        let found = state.target_groups.with_prefix(&prefix).next().map(|(arn, _)| arn.to_owned());
        found.ok_or_else(|| invalid_pair(format!("The target group could not be found: {name}")))
    };
    let groups = [find(first.name.as_deref())?, find(second.name.as_deref())?];
    if groups[0] == groups[1] {
        return Err(invalid_pair("The two target groups of a pair must not be the same"));
    }
    Ok(groups)
}

/// Both listeners, and whatever already forwards to either target group, are of one load balancer.
fn check_load_balancer(state: &State, target: &Target) -> Result<(), ApiError> {
    let of_listener = |arn: &String| state.listeners.get(arn).map(|row| row.load_balancer_arn.as_str());
    let own = of_listener(&target.production);
    if let Some(test) = target.test.as_ref().filter(|test| of_listener(test) != own) {
        return Err(invalid_load_balancer_info(format!(
            "The listeners of prodTrafficRoute and testTrafficRoute must be of the same load balancer: {}, {test}",
            target.production
        )));
    }
    for group in &target.groups {
        let rules = state.rules.indexed_by(group);
        let load_balancers: BTreeSet<&str> =
            rules.filter_map(|(_, rule)| of_listener(&rule.listener_arn)).collect();
        if let Some(other) = load_balancers.into_iter().find(|arn| Some(*arn) != own) {
            return Err(invalid_pair(format!(
                "Both target groups must be of the load balancer of the listener {}; {group} is of {other}",
                target.production
            )));
        }
    }
    Ok(())
}

/// The traffic of both listeners goes to one of the pair already.
fn check_routes(state: &State, target: &Target) -> Result<(), ApiError> {
    let production = [("prodTrafficRoute", &target.production)];
    let test = target.test.iter().map(|listener| ("testTrafficRoute", listener));
    for (member, listener) in production.into_iter().chain(test) {
        if rules(state, listener, &target.groups).is_empty() {
            return Err(invalid_load_balancer_info(format!(
                "The listener of {member} must forward to one of the two target groups: {listener}"
            )));
        }
    }
    Ok(())
}

/// The rules of a listener, its default rule too, that forward to either of two target groups: those that a deployment
/// rewrites. Facts §4.4.
pub(super) fn rules(state: &State, listener: &str, groups: &[String; 2]) -> Vec<String> {
    let rules = state.rules.indexed_by(listener).filter(|(_, rule)| rule.listener_arn == listener);
    let is_ours = |group: &str| groups.iter().any(|own| own == group);
    let ours = rules.filter(|(_, rule)| rule.target_groups().any(is_ours));
    ours.map(|(arn, _)| arn.to_owned()).collect()
}
