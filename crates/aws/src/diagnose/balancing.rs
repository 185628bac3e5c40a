//! The target groups of a service, their targets, and the rules that send to them. Start with [`read`].

use crate::client::{Client, ask};
use crate::error::AwsError;
use crate::observe;
use crate::pacing::Bucket;
use aws_sdk_elasticloadbalancingv2::types as elb;
use serde_json::Value;
use std::collections::BTreeSet;
use tidegate_rollout::alb::Rule;
use tidegate_rollout::case::{Case, Fact, HealthCheck, Target, TargetGroup};
use tidegate_rollout::diagnosis::HealthFinding;

/// Targets listed for one target group on the failure screen; more say nothing new.
const TARGETS_SHOWN: usize = 5;

/// What stands before the service; nothing is asked where it has no load balancer.
pub(super) async fn read(client: &Client, service: &Value) -> (Fact<Vec<TargetGroup>>, Fact<Vec<Rule>>) {
    let arns = arns(service);
    if arns.is_empty() {
        return (Fact::Absent, Fact::Absent);
    }
    let groups = match groups(client, &arns).await {
        Ok(groups) => groups,
        Err(error) => return (Fact::Unasked(error.to_string()), Fact::Absent),
    };
    let balancers: BTreeSet<String> =
        groups.iter().flat_map(|group| group.load_balancers.iter().cloned()).collect();
    let mut rules = Vec::new();
    for balancer in balancers {
        match client.rules_behind(&balancer).await {
            Ok(found) => rules.extend(found),
            Err(error) => return (Fact::Known(groups), Fact::Unasked(error.to_string())),
        }
    }
    let own = |rule: &Rule| rule.groups.iter().any(|group| arns.contains(&group.arn));
    rules.retain(own);
    (Fact::Known(groups), Fact::Known(rules))
}

/// The target groups that a described service names, those of its task sets, too.
fn arns(service: &Value) -> Vec<String> {
    let sets = observe::list(service, "taskSets").iter().flat_map(|set| observe::list(set, "loadBalancers"));
    let mut found: Vec<String> = Vec::new();
    for balancer in observe::list(service, "loadBalancers").iter().chain(sets) {
        let own = observe::text(balancer, "targetGroupArn");
        let other =
            balancer.pointer("/advancedConfiguration/alternateTargetGroupArn").and_then(Value::as_str);
        for arn in own.into_iter().chain(other.map(str::to_owned)) {
            if !found.contains(&arn) {
                found.push(arn);
            }
        }
    }
    found
}

async fn groups(client: &Client, arns: &[String]) -> Result<Vec<TargetGroup>, AwsError> {
    let request = client.elb.describe_target_groups().set_target_group_arns(Some(arns.to_vec()));
    let (output, _) =
        ask!(client, "elasticloadbalancing", "DescribeTargetGroups", Bucket::Elsewhere, request)?;
    let mut found = Vec::new();
    for group in output.target_groups() {
        let arn = group.target_group_arn().unwrap_or_default();
        let (targets, delay) = tokio::join!(targets(client, arn), client.deregistration_delay(arn));
        found.push(TargetGroup {
            arn: arn.to_owned(),
            name: group.target_group_name().unwrap_or("?").to_owned(),
            load_balancers: group.load_balancer_arns().to_vec(),
            check: check(group),
            delay_seconds: Fact::of(delay.map(Some)),
            targets: Fact::of(targets.map(Some)),
        });
    }
    Ok(found)
}

async fn targets(client: &Client, group: &str) -> Result<Vec<Target>, AwsError> {
    let request = client.elb.describe_target_health().target_group_arn(group);
    let (output, _) =
        ask!(client, "elasticloadbalancing", "DescribeTargetHealth", Bucket::Elsewhere, request)?;
    Ok(output.target_health_descriptions().iter().filter_map(target).collect())
}

fn target(described: &elb::TargetHealthDescription) -> Option<Target> {
    let (target, health) = (described.target()?, described.target_health()?);
    Some(Target {
        id: target.id().unwrap_or("?").to_owned(),
        port: target.port().unwrap_or_default(),
        state: health.state()?.as_str().to_owned(),
        reason: health.reason().map(|reason| reason.as_str().to_owned()),
        description: health.description().map(str::to_owned),
    })
}

fn check(group: &elb::TargetGroup) -> HealthCheck {
    let protocol = group.health_check_protocol().map_or("HTTP", |protocol| protocol.as_str());
    HealthCheck {
        protocol: protocol.to_owned(),
        path: protocol.starts_with("HTTP").then(|| group.health_check_path().unwrap_or("/").to_owned()),
        port: group.health_check_port().unwrap_or("traffic-port").to_owned(),
        matcher: group.matcher().and_then(|matcher| matcher.http_code()).unwrap_or("200").to_owned(),
        interval: group.health_check_interval_seconds().unwrap_or(30),
        timeout: group.health_check_timeout_seconds().unwrap_or(5),
        passes: group.healthy_threshold_count().unwrap_or(5),
        failures: group.unhealthy_threshold_count().unwrap_or(2),
    }
}

/// The target groups with targets that are neither healthy nor draining, for the failure screen.
pub(super) fn findings(case: &Case) -> Vec<HealthFinding> {
    let of_group = |group: &TargetGroup| {
        let sick = |target: &&Target| !matches!(target.state.as_str(), "healthy" | "draining");
        let targets: Vec<String> =
            group.targets.items().iter().filter(sick).take(TARGETS_SHOWN).map(line).collect();
        (!targets.is_empty()).then(|| HealthFinding {
            target_group: group.name.clone(),
            check: group.check.to_string(),
            targets,
        })
    };
    case.groups.items().iter().filter_map(of_group).collect()
}

fn line(target: &Target) -> String {
    let reason = target.reason.as_ref().map_or_else(String::new, |reason| format!(", {reason}"));
    let description = target.description.as_ref().map_or_else(String::new, |it| format!(": {it}"));
    format!("{}:{} {}{reason}{description}", target.id, target.port, target.state)
}
