//! Elastic Load Balancing: listeners, rules and target groups, as far as a rollout asks for them. Read only.
//! Start with [`Client::forwards_of`].

use crate::client::{Client, ask};
use crate::error::AwsError;
use crate::pacing::Bucket;
use aws_sdk_elasticloadbalancingv2::types::{Action, ForwardActionConfig, TargetGroupTuple};
use serde_json::{Value, json};
use std::collections::BTreeMap;

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

    /// The load balancers that each of these target groups is behind, by ARN.
    pub(crate) async fn balancers_of(
        &self,
        target_groups: &[String],
    ) -> Result<BTreeMap<String, Vec<String>>, AwsError> {
        let request = self.elb.describe_target_groups().set_target_group_arns(Some(target_groups.to_vec()));
        let (groups, _) =
            ask!(self, "elasticloadbalancing", "DescribeTargetGroups", Bucket::Elsewhere, request)?;
        let behind = groups.target_groups().iter().map(|group| {
            (group.target_group_arn().unwrap_or_default().to_owned(), group.load_balancer_arns().to_vec())
        });
        Ok(behind.collect())
    }

    /// The target groups that a rule (or, for a Network Load Balancer, a listener) forwards to, each with
    /// its weight.
    pub(crate) async fn forwards_of(&self, rule: &str) -> Result<Vec<(String, u32)>, AwsError> {
        let actions = if rule.contains(":listener/") {
            let request = self.elb.describe_listeners().listener_arns(rule);
            let (output, _) =
                ask!(self, "elasticloadbalancing", "DescribeListeners", Bucket::Elsewhere, request)?;
            output.listeners().first().map(|listener| listener.default_actions().to_vec())
        } else {
            let request = self.elb.describe_rules().rule_arns(rule);
            let (output, _) =
                ask!(self, "elasticloadbalancing", "DescribeRules", Bucket::Elsewhere, request)?;
            output.rules().first().map(|rule| rule.actions().to_vec())
        };
        Ok(actions.unwrap_or_default().iter().flat_map(forwards).collect())
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
}

/// The groups of one action; a forward to a single group gives it everything.
fn forwards(action: &Action) -> Vec<(String, u32)> {
    let weighted = action.forward_config().map(ForwardActionConfig::target_groups).unwrap_or_default();
    if weighted.is_empty() {
        return action.target_group_arn().map(|arn| (arn.to_owned(), 1)).into_iter().collect();
    }
    let weight = |tuple: &TargetGroupTuple| tuple.weight().map_or(1, |weight| weight.max(0).unsigned_abs());
    weighted
        .iter()
        .map(|tuple| (tuple.target_group_arn().unwrap_or_default().to_owned(), weight(tuple)))
        .collect()
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
