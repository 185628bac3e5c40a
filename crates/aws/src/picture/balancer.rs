//! What Elastic Load Balancing says of the target groups. A load balancer that several share is asked for once. Start
//! with [`Client::pictured_groups`].

use super::Known;
use super::asked::asked;
use crate::client::{Client, ask};
use crate::error::AwsError;
use crate::pacing::Bucket;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ForwardActionConfig, ProtocolEnum, TargetDescription, TargetGroup as Described, TargetTypeEnum,
};
use std::collections::BTreeMap;
use tidegate_checks::Asked;
use tidegate_checks::picture::{HealthCheck, ListenerRule, Target, TargetGroup};

/// A load balancer.
#[derive(Debug, Clone)]
pub(super) struct Balancer {
    idle_timeout: Option<i64>,
    /// Each rule with the target groups that it forwards to.
    rules: Asked<Vec<(ListenerRule, Vec<String>)>>,
}

impl Client {
    /// The target groups of these ARNs.
    pub(super) async fn pictured_groups(
        &self,
        known: &Known,
        arns: &[String],
    ) -> BTreeMap<String, Asked<TargetGroup>> {
        let mut found = BTreeMap::new();
        if arns.is_empty() {
            return found;
        }
        // AWS refuses the whole list for one that is not there: then they are asked for one by one.
        let together = self.groups_of_arns(arns).await.ok();
        for arn in arns {
            let described = match &together {
                Some(groups) => {
                    let own = groups.iter().find(|group| group.target_group_arn() == Some(arn.as_str()));
                    own.map_or(Asked::Absent, |group| Asked::Told(group.clone()))
                }
                None => asked(self.groups_of_arns(std::slice::from_ref(arn)).await)
                    .map(|groups| groups.into_iter().next())
                    .flatten(),
            };
            let group = match described {
                Asked::Told(described) => Asked::Told(self.pictured_group(known, arn, &described).await),
                Asked::Absent => Asked::Absent,
                Asked::CouldNotAsk(why) => Asked::CouldNotAsk(why),
            };
            found.insert(arn.clone(), group);
        }
        found
    }

    async fn groups_of_arns(&self, arns: &[String]) -> Result<Vec<Described>, AwsError> {
        let request = self.elb.describe_target_groups().set_target_group_arns(Some(arns.to_vec()));
        let (output, _) =
            ask!(self, "elasticloadbalancing", "DescribeTargetGroups", Bucket::Elsewhere, request)?;
        Ok(output.target_groups().to_vec())
    }

    async fn pictured_group(&self, known: &Known, arn: &str, described: &Described) -> TargetGroup {
        let balancer = described.load_balancer_arns().first().cloned();
        let about = match &balancer {
            None => Asked::Absent,
            Some(balancer) => {
                known.balancers.of(balancer, async { asked(self.pictured_balancer(balancer).await) }).await
            }
        };
        let rules = match &about {
            Asked::Told(balancer) => balancer.rules.clone().map(|rules| {
                let own = rules.into_iter().filter(|(_, groups)| groups.iter().any(|group| group == arn));
                own.map(|(rule, _)| rule).collect()
            }),
            Asked::Absent => Asked::Absent,
            Asked::CouldNotAsk(why) => Asked::CouldNotAsk(why.clone()),
        };
        let word = |word: Option<&str>, usual: &str| word.unwrap_or(usual).to_owned();
        let protocol = word(described.protocol().map(ProtocolEnum::as_str), "HTTP");
        TargetGroup {
            name: word(described.target_group_name(), "?"),
            health_check: HealthCheck {
                enabled: described.health_check_enabled().unwrap_or(true),
                protocol: word(described.health_check_protocol().map(ProtocolEnum::as_str), &protocol),
                path: described.health_check_path().map(str::to_owned),
                interval: i64::from(described.health_check_interval_seconds().unwrap_or(30)),
                unhealthy_threshold: i64::from(described.unhealthy_threshold_count().unwrap_or(2)),
                matcher: described.matcher().and_then(|it| it.http_code()).map(str::to_owned),
            },
            protocol,
            deregistration_delay: asked(self.deregistration_delay(arn).await),
            idle_timeout: about.map(|balancer| balancer.idle_timeout).flatten(),
            targets: asked(self.pictured_targets(arn).await),
            rules,
            load_balancer: balancer.map_or(Asked::Absent, Asked::Told),
            target_type: word(described.target_type().map(TargetTypeEnum::as_str), "ip"),
            port: described.port().map(i64::from),
            vpc: described.vpc_id().map(str::to_owned),
        }
    }

    async fn pictured_targets(&self, group: &str) -> Result<Vec<Target>, AwsError> {
        let request = self.elb.describe_target_health().target_group_arn(group);
        let (output, _) =
            ask!(self, "elasticloadbalancing", "DescribeTargetHealth", Bucket::Elsewhere, request)?;
        let targets = output.target_health_descriptions().iter().map(|it| Target {
            id: it.target().and_then(|target| target.id()).unwrap_or("?").to_owned(),
            port: it.target().and_then(TargetDescription::port).map_or(0, i64::from),
            state: it
                .target_health()
                .and_then(|health| health.state())
                .map_or("unknown", |state| state.as_str())
                .to_owned(),
            reason: it
                .target_health()
                .and_then(|health| health.reason())
                .map(|reason| reason.as_str().to_owned()),
            description: it.target_health().and_then(|health| health.description()).map(str::to_owned),
        });
        Ok(targets.collect())
    }

    async fn pictured_balancer(&self, arn: &str) -> Result<Balancer, AwsError> {
        let request = self.elb.describe_load_balancer_attributes().load_balancer_arn(arn);
        let (output, _) =
            ask!(self, "elasticloadbalancing", "DescribeLoadBalancerAttributes", Bucket::Elsewhere, request)?;
        let idle_timeout = output
            .attributes()
            .iter()
            .find(|attribute| attribute.key() == Some("idle_timeout.timeout_seconds"))
            .and_then(|attribute| attribute.value()?.parse().ok());
        // A Network Load Balancer has listeners without rules.
        let has_rules = arn.contains(":loadbalancer/app/");
        let rules = if has_rules { asked(self.pictured_rules(arn).await) } else { Asked::Told(Vec::new()) };
        Ok(Balancer { idle_timeout, rules })
    }

    async fn pictured_rules(&self, balancer: &str) -> Result<Vec<(ListenerRule, Vec<String>)>, AwsError> {
        let mut found = Vec::new();
        let request = self.elb.describe_listeners().load_balancer_arn(balancer).page_size(400);
        let (listeners, _) =
            ask!(self, "elasticloadbalancing", "DescribeListeners", Bucket::Elsewhere, request)?;
        for listener in listeners.listeners().iter().filter_map(|listener| listener.listener_arn()) {
            let request = self.elb.describe_rules().listener_arn(listener).page_size(400);
            let (output, _) =
                ask!(self, "elasticloadbalancing", "DescribeRules", Bucket::Elsewhere, request)?;
            for rule in output.rules() {
                let groups = rule.actions().iter().flat_map(groups_of).collect();
                let rule = ListenerRule {
                    arn: rule.rule_arn().unwrap_or_default().to_owned(),
                    listener: listener.to_owned(),
                    is_default: rule.is_default().unwrap_or(false),
                };
                found.push((rule, groups));
            }
        }
        Ok(found)
    }
}

fn groups_of(action: &Action) -> Vec<String> {
    let weighted = action.forward_config().map(ForwardActionConfig::target_groups).unwrap_or_default();
    let weighted = weighted.iter().filter_map(|group| group.target_group_arn());
    action.target_group_arn().into_iter().chain(weighted).map(str::to_owned).collect()
}
