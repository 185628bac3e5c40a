//! Listener rules: read, found, and their weights set. It must never send a weight to a rule that is
//! not as it was seen, nor lose another setting of it. Start with [`Client::set_weights`].

use crate::client::{Client, ask};
use crate::error::AwsError;
use crate::pacing::Bucket;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ForwardActionConfig, TargetGroupTuple, TargetHealthStateEnum,
};
use tidegate_rollout::alb::{Group, Place, Rule, RuleSeen, Stickiness, Targets, Weights};

/// What came of a write that is compared first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Yes,
    /// The rule was no longer as it was seen, and was left alone.
    NotAsSeen,
}

impl Client {
    /// The rule as it is.
    pub(crate) async fn rule(&self, arn: &str) -> Result<RuleSeen, AwsError> {
        Ok(self.raw_rule(arn).await?.map_or(RuleSeen::Missing, |raw| RuleSeen::Found(of(arn, &raw))))
    }

    async fn raw_rule(&self, arn: &str) -> Result<Option<RawRule>, AwsError> {
        let request = self.elb.describe_rules().rule_arns(arn);
        match ask!(self, "elasticloadbalancing", "DescribeRules", Bucket::Elsewhere, request) {
            Ok((output, _)) => Ok(output.rules.unwrap_or_default().into_iter().next().map(RawRule::from)),
            Err(AwsError::Refused { code, .. }) if code == "RuleNotFound" || code == "ListenerNotFound" => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Every rule of a load balancer that forwards, also the listeners' defaults.
    pub(crate) async fn rules_behind(&self, load_balancer: &str) -> Result<Vec<Rule>, AwsError> {
        let request = self.elb.describe_listeners().load_balancer_arn(load_balancer);
        let (listeners, _) =
            ask!(self, "elasticloadbalancing", "DescribeListeners", Bucket::Elsewhere, request)?;
        let mut found = Vec::new();
        for listener in listeners.listeners().iter().filter_map(|listener| listener.listener_arn()) {
            let mut marker = None;
            loop {
                let request = self.elb.describe_rules().listener_arn(listener).set_marker(marker);
                let (output, _) =
                    ask!(self, "elasticloadbalancing", "DescribeRules", Bucket::Elsewhere, request)?;
                marker = output.next_marker().map(str::to_owned);
                for rule in output.rules.unwrap_or_default() {
                    let arn = rule.rule_arn.clone().unwrap_or_default();
                    found.push(of(&arn, &RawRule::from(rule)));
                }
                if marker.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// The load balancers of each of these target groups.
    pub(crate) async fn load_balancers_of(
        &self,
        groups: &[&str],
    ) -> Result<Vec<(String, Vec<String>)>, AwsError> {
        let arns = groups.iter().map(|arn| (*arn).to_owned()).collect();
        let request = self.elb.describe_target_groups().set_target_group_arns(Some(arns));
        let (output, _) =
            ask!(self, "elasticloadbalancing", "DescribeTargetGroups", Bucket::Elsewhere, request)?;
        Ok(output
            .target_groups()
            .iter()
            .map(|group| {
                let arn = group.target_group_arn().unwrap_or_default().to_owned();
                (arn, group.load_balancer_arns().to_vec())
            })
            .collect())
    }

    /// How many targets of a group are healthy.
    pub(crate) async fn targets(&self, group: &str) -> Result<Targets, AwsError> {
        let request = self.elb.describe_target_health().target_group_arn(group);
        let (output, _) =
            ask!(self, "elasticloadbalancing", "DescribeTargetHealth", Bucket::Elsewhere, request)?;
        let mut targets = Targets::default();
        for described in output.target_health_descriptions() {
            match described.target_health().and_then(|health| health.state()) {
                Some(TargetHealthStateEnum::Healthy) => targets.healthy += 1,
                Some(TargetHealthStateEnum::Draining) | None => {}
                Some(_) => targets.others += 1,
            }
        }
        Ok(targets)
    }

    /// Sets the weights, if the rule is as it was seen: `ModifyRule` has no compare-and-swap, so it is
    /// read right before. Everything else of its actions goes back as it came.
    pub(crate) async fn set_weights(
        &self,
        seen: &Rule,
        stable: &str,
        candidate: &str,
        to: Weights,
    ) -> Result<Written, AwsError> {
        let Some(raw) = self.raw_rule(&seen.arn).await? else { return Ok(Written::NotAsSeen) };
        if of(&seen.arn, &raw) != *seen {
            return Ok(Written::NotAsSeen);
        }
        let weight = |arn: Option<&str>| match arn {
            Some(arn) if arn == stable => Some(to.stable),
            Some(arn) if arn == candidate => Some(to.candidate),
            _ => None,
        };
        let actions = Some(raw.actions.into_iter().map(|action| reweighted(action, &weight)).collect());
        match seen.place {
            Place::Rule => {
                let request = self.elb.modify_rule().rule_arn(&seen.arn).set_actions(actions);
                ask!(self, "elasticloadbalancing", "ModifyRule", Bucket::Elsewhere, request)?;
            }
            Place::Default => {
                let listener = listener_of(&seen.arn);
                let request = self.elb.modify_listener().listener_arn(listener).set_default_actions(actions);
                ask!(self, "elasticloadbalancing", "ModifyListener", Bucket::Elsewhere, request)?;
            }
        }
        Ok(Written::Yes)
    }
}

struct RawRule {
    is_default: bool,
    actions: Vec<Action>,
}

impl From<aws_sdk_elasticloadbalancingv2::types::Rule> for RawRule {
    fn from(rule: aws_sdk_elasticloadbalancingv2::types::Rule) -> Self {
        Self { is_default: rule.is_default.unwrap_or_default(), actions: rule.actions.unwrap_or_default() }
    }
}

/// The ARN of what is modified to move a rule's weights: the rule's own, or its listener's for a default rule.
pub(crate) fn modified(rule: &Rule) -> String {
    match rule.place {
        Place::Rule => rule.arn.clone(),
        Place::Default => listener_of(&rule.arn),
    }
}

/// The ARN of the listener of a rule: `…:listener-rule/app/<lb>/<id>/<listener>/<rule>`.
fn listener_of(rule: &str) -> String {
    let rule = rule.replacen(":listener-rule/", ":listener/", 1);
    rule.rsplit_once('/').map_or(rule.clone(), |(listener, _)| listener.to_owned())
}

fn of(arn: &str, raw: &RawRule) -> Rule {
    let mut groups = Vec::new();
    let mut stickiness = Stickiness::Off;
    let mut others = Vec::new();
    for action in &raw.actions {
        if action.r#type() != Some(&ActionTypeEnum::Forward) {
            others.push(action.r#type().map_or("?", ActionTypeEnum::as_str).to_owned());
            continue;
        }
        match action.forward_config() {
            Some(config) => {
                groups.extend(config.target_groups().iter().map(|group| Group {
                    arn: group.target_group_arn().unwrap_or_default().to_owned(),
                    weight: group.weight().and_then(|weight| u16::try_from(weight).ok()).unwrap_or(1),
                }));
                if let Some(config) = config.target_group_stickiness_config()
                    && config.enabled() == Some(true)
                {
                    stickiness = Stickiness::Seconds(config.duration_seconds().unwrap_or_default());
                }
            }
            None => {
                groups.extend(action.target_group_arn().map(|arn| Group { arn: arn.to_owned(), weight: 1 }))
            }
        }
    }
    Rule {
        arn: arn.to_owned(),
        place: if raw.is_default { Place::Default } else { Place::Rule },
        groups,
        stickiness,
        others,
    }
}

/// The action with other weights. AWS answers no client secret, and takes "the one that you have".
fn reweighted(mut action: Action, weight: &impl Fn(Option<&str>) -> Option<u16>) -> Action {
    if let Some(oidc) = &mut action.authenticate_oidc_config {
        oidc.use_existing_client_secret = Some(true);
    }
    let Some(config) = action.forward_config.take() else { return action };
    let groups = config.target_groups().iter().map(|group| {
        let own = weight(group.target_group_arn()).map(i32::from).or(group.weight());
        TargetGroupTuple::builder()
            .set_target_group_arn(group.target_group_arn().map(str::to_owned))
            .set_weight(own)
            .build()
    });
    let forward = ForwardActionConfig::builder()
        .set_target_groups(Some(groups.collect()))
        .set_target_group_stickiness_config(config.target_group_stickiness_config().cloned());
    // With several groups only the configuration names them.
    action.target_group_arn = None;
    action.forward_config = Some(forward.build());
    action
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_its_listener() {
        assert_eq!(
            listener_of("arn:aws:elasticloadbalancing:r:1:listener-rule/app/web/0a/1b/2c"),
            "arn:aws:elasticloadbalancing:r:1:listener/app/web/0a/1b"
        );
    }
}
