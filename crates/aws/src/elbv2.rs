//! Elastic Load Balancing: which targets are not healthy, and by which check. Read only, and only
//! for the failure screen. Start with [`Client::health_findings`].

use crate::client::{Client, ask};
use crate::error::AwsError;
use crate::pacing::Bucket;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, TargetGroup, TargetHealthDescription, TargetHealthStateEnum,
};
use serde_json::{Value, json};
use tidegate_rollout::diagnosis::HealthFinding;

/// Targets listed for one target group; more say nothing new.
const TARGETS_SHOWN: usize = 5;

impl Client {
    /// The deregistration delay of a target group, in seconds.
    pub(crate) async fn deregistration_delay(&self, target_group: &str) -> Result<i64, AwsError> {
        let request = self.elb.describe_target_group_attributes().target_group_arn(target_group);
        let (output, _) =
            ask!(self, "elasticloadbalancing", "DescribeTargetGroupAttributes", Bucket::Elsewhere, request)?;
        let delay = output
            .attributes()
            .iter()
            .find(|attribute| attribute.key() == Some("deregistration_delay.timeout_seconds"))
            .and_then(|attribute| attribute.value()?.parse().ok());
        delay.ok_or_else(|| {
            crate::ecs::unexpected("DescribeTargetGroupAttributes", "it has no deregistration delay")
        })
    }

    /// The target groups of these names, with the members that AWS describes; one that does not exist
    /// is left out.
    pub(crate) async fn target_groups_named(&self, names: &[String]) -> Result<Vec<Value>, AwsError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let request = self.elb.describe_target_groups().set_names(Some(names.to_vec()));
        let asked = ask!(self, "elasticloadbalancing", "DescribeTargetGroups", Bucket::Elsewhere, request);
        let output = match asked {
            Ok((output, _)) => output,
            // AWS refuses the whole list for one name: those that exist are found one by one.
            Err(error) if is_not_found(&error) && names.len() > 1 => {
                let mut found = Vec::new();
                for name in names {
                    found.extend(Box::pin(self.target_groups_named(std::slice::from_ref(name))).await?);
                }
                return Ok(found);
            }
            Err(error) if is_not_found(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let described = output.target_groups().iter().map(|group| {
            json!({
                "TargetGroupArn": group.target_group_arn(), "TargetGroupName": group.target_group_name(),
                "LoadBalancerArns": group.load_balancer_arns(),
            })
        });
        Ok(described.collect())
    }

    /// The listeners of these ARNs with their default actions; one that does not exist is left out.
    pub(crate) async fn listeners(&self, arns: &[String]) -> Result<Vec<Value>, AwsError> {
        let mut found = Vec::new();
        for arn in arns {
            let request = self.elb.describe_listeners().listener_arns(arn);
            match ask!(self, "elasticloadbalancing", "DescribeListeners", Bucket::Elsewhere, request) {
                Ok((output, _)) => found.extend(output.listeners().iter().map(|listener| {
                    let actions: Vec<Value> = listener.default_actions().iter().map(forward).collect();
                    json!({
                        "ListenerArn": listener.listener_arn(), "LoadBalancerArn": listener.load_balancer_arn(),
                        "DefaultActions": actions,
                    })
                })),
                Err(error) if is_not_found(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// The rules of a listener with their actions.
    pub(crate) async fn rules_of(&self, listener: Option<&str>) -> Result<Vec<Value>, AwsError> {
        let Some(listener) = listener else { return Ok(Vec::new()) };
        let request = self.elb.describe_rules().listener_arn(listener);
        match ask!(self, "elasticloadbalancing", "DescribeRules", Bucket::Elsewhere, request) {
            Ok((output, _)) => Ok(output
                .rules()
                .iter()
                .map(|rule| {
                    let actions: Vec<Value> = rule.actions().iter().map(forward).collect();
                    json!({ "RuleArn": rule.rule_arn(), "Actions": actions })
                })
                .collect()),
            Err(error) if is_not_found(&error) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The target groups that have targets which are neither healthy nor draining.
    pub(crate) async fn health_findings(
        &self,
        target_groups: &[String],
    ) -> Result<Vec<HealthFinding>, AwsError> {
        if target_groups.is_empty() {
            return Ok(Vec::new());
        }
        let request = self.elb.describe_target_groups().set_target_group_arns(Some(target_groups.to_vec()));
        let (groups, _) =
            ask!(self, "elasticloadbalancing", "DescribeTargetGroups", Bucket::Elsewhere, request)?;
        let mut findings = Vec::new();
        for group in groups.target_groups() {
            let request = self
                .elb
                .describe_target_health()
                .set_target_group_arn(group.target_group_arn().map(str::to_owned));
            let (health, _) =
                ask!(self, "elasticloadbalancing", "DescribeTargetHealth", Bucket::Elsewhere, request)?;
            let targets: Vec<String> = health
                .target_health_descriptions()
                .iter()
                .filter_map(unhealthy)
                .take(TARGETS_SHOWN)
                .collect();
            findings.push(HealthFinding {
                target_group: group.target_group_name().unwrap_or("?").to_owned(),
                check: check(group),
                targets,
            });
        }
        Ok(findings)
    }
}

fn is_not_found(error: &AwsError) -> bool {
    matches!(error, AwsError::Refused { code, .. } if code.ends_with("NotFound"))
}

/// Where an action sends to, as Elastic Load Balancing writes it.
fn forward(action: &Action) -> Value {
    let weighted = action.forward_config().map(|config| {
        let groups = config.target_groups().iter();
        groups
            .map(|group| json!({ "TargetGroupArn": group.target_group_arn(), "Weight": group.weight() }))
            .collect::<Vec<_>>()
    });
    json!({
        "TargetGroupArn": action.target_group_arn(),
        "ForwardConfig": { "TargetGroups": weighted.unwrap_or_default() },
    })
}

fn unhealthy(target: &TargetHealthDescription) -> Option<String> {
    let health = target.target_health()?;
    let state = health.state()?;
    if matches!(state, TargetHealthStateEnum::Healthy | TargetHealthStateEnum::Draining) {
        return None;
    }
    let place = target
        .target()
        .map_or_else(String::new, |t| format!("{}:{}", t.id().unwrap_or("?"), t.port().unwrap_or_default()));
    let reason = health.reason().map_or_else(String::new, |r| format!(", {}", r.as_str()));
    let description = health.description().map_or_else(String::new, |d| format!(": {d}"));
    Some(format!("{place} {}{reason}{description}", state.as_str()))
}

/// `GET /health on traffic-port every 30 s, expects 200 within 5 s, 5 passes or 2 failures decide`.
fn check(group: &TargetGroup) -> String {
    let path = group.health_check_path().unwrap_or("/");
    let port = group.health_check_port().unwrap_or("traffic-port");
    let expects = group.matcher().and_then(|m| m.http_code()).unwrap_or("200");
    format!(
        "GET {path} on {port} every {} s, expects {expects} within {} s; {} passes make it healthy, {} failures unhealthy",
        group.health_check_interval_seconds().unwrap_or(30),
        group.health_check_timeout_seconds().unwrap_or(5),
        group.healthy_threshold_count().unwrap_or(5),
        group.unhealthy_threshold_count().unwrap_or(2),
    )
}
