//! The weights of a rule by hand. It refuses what cannot be meant, and reads back what it has set.
//! Start with [`prepare`], which changes nothing, then [`Shift::carry_out`].

use super::lease;
use super::listener::Written;
use super::ready::{common_balancer, group_name};
use crate::client::Client;
use crate::deploy::DeployError;
use crate::ecs::unexpected;
use crate::observe;
use crate::sink::now;
use serde::Serialize;
use tidegate_rollout::Percent;
use tidegate_rollout::alb::check::find_rule;
use tidegate_rollout::alb::{Rule, RuleSeen, Targets, Weights};
use tidegate_rollout::names::ServiceRef;

/// Where the two groups are told from.
#[derive(Debug, Clone)]
pub enum Groups {
    /// The target groups of these two services.
    OfServices {
        /// The stable one.
        stable: ServiceRef,
        /// The candidate.
        candidate: ServiceRef,
    },
    /// The rule itself; the candidate's group by name or ARN, if it is not the second.
    OfRule {
        /// The rule's ARN.
        rule: String,
        /// Which of its two groups the share goes to.
        candidate: Option<String>,
    },
}

/// A change of weights that may be made.
#[derive(Debug, Clone)]
pub struct Shift {
    rule: Rule,
    stable: String,
    candidate: String,
    before: Weights,
    to: Weights,
    targets: [Targets; 2],
}

/// One line of the table: a group before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `stable` or `candidate`.
    pub role: &'static str,
    /// The target group's name.
    pub target_group: String,
    /// Healthy targets.
    pub healthy: u32,
    /// The weight before.
    pub before: u16,
    /// The weight asked for.
    pub asked: u16,
    /// The weight that was read back.
    pub set: Option<u16>,
}

/// Looks at everything and changes nothing.
pub async fn prepare(
    client: &Client,
    groups: &Groups,
    named_rule: Option<&str>,
    share: Percent,
) -> Result<Shift, DeployError> {
    let (rule, stable, candidate) = match groups {
        Groups::OfServices { stable, candidate } => {
            let (stable, candidate) = (group_of(client, stable).await?, group_of(client, candidate).await?);
            let balancer = common_balancer(client, &stable, &candidate).await?;
            let rules = client.rules_behind(&balancer).await?;
            (find_rule(&rules, &stable, &candidate, named_rule)?.clone(), stable, candidate)
        }
        Groups::OfRule { rule, candidate } => of_rule(client, rule, candidate.as_deref()).await?,
    };
    let before = rule.weights(&stable, &candidate).ok_or_else(|| {
        let names: Vec<&str> = rule.groups.iter().map(|group| group_name(&group.arn)).collect();
        DeployError::refused(
            format!(
                "the rule forwards to {}, and a shift moves traffic between exactly two groups",
                names.join(", ")
            ),
            "change such a rule with `aws elbv2 modify-rule`",
        )
    })?;
    let targets = [client.targets(&stable).await?, client.targets(&candidate).await?];
    Ok(Shift { rule, stable, candidate, before, to: Weights::of(share), targets })
}

async fn of_rule(
    client: &Client,
    arn: &str,
    wanted: Option<&str>,
) -> Result<(Rule, String, String), DeployError> {
    let RuleSeen::Found(rule) = client.rule(arn).await? else {
        return Err(DeployError::refused(format!("there is no rule {arn}"), "check the ARN and the region"));
    };
    let arns: Vec<String> = rule.groups.iter().map(|group| group.arn.clone()).collect();
    let Ok([first, second]) = <[String; 2]>::try_from(arns) else {
        return Err(DeployError::refused(
            format!(
                "the rule forwards to {} target groups, and a shift needs exactly two",
                rule.groups.len()
            ),
            "change such a rule with `aws elbv2 modify-rule`",
        ));
    };
    let is = |arn: &str, wanted: &str| arn == wanted || group_name(arn) == wanted;
    match wanted {
        None => Ok((rule, first, second)),
        Some(wanted) if is(&second, wanted) => Ok((rule, first, second)),
        Some(wanted) if is(&first, wanted) => Ok((rule, second, first)),
        Some(wanted) => Err(DeployError::refused(
            format!(
                "{wanted} is not a target group of this rule: it forwards to {} and {}",
                group_name(&first),
                group_name(&second)
            ),
            "name one of them with --candidate-group",
        )),
    }
}

async fn group_of(client: &Client, service: &ServiceRef) -> Result<String, DeployError> {
    let described = client.described_service(service).await?;
    let balancers = observe::list(&described, "loadBalancers");
    let groups: Vec<String> =
        balancers.iter().filter_map(|balancer| observe::text(balancer, "targetGroupArn")).collect();
    match <[String; 1]>::try_from(groups) {
        Ok([only]) => Ok(only),
        Err(groups) => Err(DeployError::refused(
            format!(
                "service {} has {} target groups, and a shift needs exactly one",
                service.service.short(),
                groups.len()
            ),
            "name the rule with --rule",
        )),
    }
}

impl Shift {
    /// Does it change anything?
    pub fn changes_nothing(&self) -> bool {
        self.before.share() == self.to.share()
    }

    /// The groups that would get traffic and have no healthy target.
    pub fn to_nobody(&self) -> Vec<&str> {
        let sides = [
            (self.to.stable, &self.stable, self.targets[0]),
            (self.to.candidate, &self.candidate, self.targets[1]),
        ];
        sides
            .into_iter()
            .filter(|(weight, _, targets)| *weight > 0 && targets.healthy == 0)
            .map(|(_, arn, _)| group_name(arn))
            .collect()
    }

    /// The table; `set` is what was read back.
    pub fn rows(&self, set: Option<Weights>) -> [Row; 2] {
        let row = |role, arn: &str, targets: Targets, of: fn(Weights) -> u16| Row {
            role,
            target_group: group_name(arn).to_owned(),
            healthy: targets.healthy,
            before: of(self.before),
            asked: of(self.to),
            set: set.map(of),
        };
        [
            row("stable", &self.stable, self.targets[0], |weights| weights.stable),
            row("candidate", &self.candidate, self.targets[1], |weights| weights.candidate),
        ]
    }

    /// Refuses a rule that a rollout moves.
    pub async fn refuse_under_lease(
        &self,
        client: &Client,
        target: Option<&ServiceRef>,
    ) -> Result<(), DeployError> {
        let Some(target) = target else { return Ok(()) };
        match lease::read(client, target).await? {
            Some((held, ..)) if held.is_running(now()) && held.progress.rule() == self.rule.arn => {
                Err(lease::LeaseError::Held(Box::new(held)).into())
            }
            _ => Ok(()),
        }
    }

    /// Sets the weights, and answers what the rule says afterwards.
    pub async fn carry_out(&self, client: &Client) -> Result<Weights, DeployError> {
        let written = client.set_weights(&self.rule, &self.stable, &self.candidate, self.to).await?;
        if written == Written::NotAsSeen {
            return Err(DeployError::refused(
                "somebody else changed the rule in this moment",
                "look at it, and try again",
            ));
        }
        match client.rule(&self.rule.arn).await? {
            RuleSeen::Found(rule) => rule
                .weights(&self.stable, &self.candidate)
                .ok_or_else(|| unexpected("DescribeRules", "the rule has other groups now").into()),
            RuleSeen::Missing => Err(unexpected("DescribeRules", "the rule is gone").into()),
        }
    }
}
