//! A listener rule that forwards to two weighted target groups, as it was found and as it should be.
//! `ModifyRule` has no compare-and-swap, so what is ours of a rule is kept here and compared with what
//! is seen. Start with [`Way::judged`].

use crate::{Millis, Percent};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The weights of the two target groups, each 0–999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u16, u16)", into = "(u16, u16)")]
pub struct Weights {
    /// Stable's.
    pub stable: u16,
    /// The candidate's.
    pub candidate: u16,
}

impl From<(u16, u16)> for Weights {
    fn from((stable, candidate): (u16, u16)) -> Self {
        Self { stable, candidate }
    }
}

impl From<Weights> for (u16, u16) {
    fn from(weights: Weights) -> Self {
        (weights.stable, weights.candidate)
    }
}

impl Weights {
    /// The weights that give the candidate this share.
    pub fn of(share: Percent) -> Self {
        let (candidate, stable) = share.weights();
        Self { stable, candidate }
    }

    /// The candidate's share; `None` if nobody gets anything.
    pub fn share(self) -> Option<Percent> {
        Percent::of_weights(self.candidate.into(), self.stable.into())
    }

    /// Does stable get everything?
    pub fn are_home(self) -> bool {
        self.candidate == 0 && self.stable > 0
    }
}

/// `stable 90, candidate 10`.
impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stable {}, candidate {}", self.stable, self.candidate)
    }
}

/// What `DescribeRules` said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleSeen {
    /// There is no such rule any more.
    Missing,
    /// The rule.
    Found(Rule),
}

/// A listener rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its ARN.
    pub arn: String,
    /// Whether it is the listener's default.
    pub place: Place,
    /// The target groups of its forward action with their weights, in its order.
    pub groups: Vec<Group>,
    /// Whether clients stick to a target group.
    pub stickiness: Stickiness,
    /// The other actions, each in a word.
    pub others: Vec<String>,
}

/// Where a rule stands; the two are changed by different operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A rule with conditions: `ModifyRule`.
    Rule,
    /// The listener's default: `ModifyListener`.
    Default,
}

/// One target group of a forward action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// `targetGroupArn`.
    pub arn: String,
    /// `weight`.
    pub weight: u16,
}

/// `targetGroupStickinessConfig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stickiness {
    /// Each request goes by the weights.
    Off,
    /// A client stays with its group for so many seconds, whatever the weights say by then.
    Seconds(i32),
}

impl Rule {
    /// Its weights, if it forwards to exactly these two groups.
    pub fn weights(&self, stable: &str, candidate: &str) -> Option<Weights> {
        let weight = |arn: &str| self.groups.iter().find(|group| group.arn == arn).map(|group| group.weight);
        match (self.groups.len(), weight(stable), weight(candidate)) {
            (2, Some(stable), Some(candidate)) => Some(Weights { stable, candidate }),
            _ => None,
        }
    }
}

/// The name of a target group, from its ARN: `…:targetgroup/<name>/<id>`.
pub(super) fn group_name(arn: &str) -> &str {
    let tail = arn.split_once(":targetgroup/").map_or(arn, |(_, tail)| tail);
    tail.split_once('/').map_or(tail, |(name, _)| name)
}

/// The rule of a rollout: what of it is ours, and what stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Way {
    pub(super) rule: String,
    pub(super) stable: String,
    pub(super) candidate: String,
    stickiness: Stickiness,
    others: Vec<String>,
    /// The weights as found, with everything at stable.
    pub(super) home: Weights,
    /// The weights that were read back last.
    pub(super) confirmed: Weights,
    /// The weights asked for since then: any of them may be what the rule says next.
    pub(super) asked: Vec<Weights>,
    /// When the confirmed weights were read back; `None` while the rule is as it was found.
    pub(super) since: Option<Millis>,
}

/// Whose doing what is seen of a rule is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// Ours: these weights.
    Ours(Weights),
    /// Somebody else's, in words.
    Foreign(String),
    /// Somebody else took everything back to stable.
    TakenHome(Weights),
}

impl Way {
    pub(super) fn of(rule: &Rule, stable: &str, candidate: &str, home: Weights) -> Self {
        Self {
            rule: rule.arn.clone(),
            stable: stable.to_owned(),
            candidate: candidate.to_owned(),
            stickiness: rule.stickiness,
            others: rule.others.clone(),
            home,
            confirmed: home,
            asked: Vec::new(),
            since: None,
        }
    }

    pub(super) fn is_sticky(&self) -> bool {
        self.stickiness != Stickiness::Off
    }

    /// Have the weights never been anything but home?
    pub(super) fn is_untouched(&self) -> bool {
        self.since.is_none() && self.asked.is_empty()
    }

    /// Compares what is seen with what is ours.
    pub(super) fn judged(&self, seen: &RuleSeen) -> Whose {
        let RuleSeen::Found(rule) = seen else {
            return Whose::Foreign("the rule is gone".to_owned());
        };
        let Some(weights) = rule.weights(&self.stable, &self.candidate) else {
            let groups: Vec<&str> = rule.groups.iter().map(|group| group_name(&group.arn)).collect();
            return Whose::Foreign(format!("the rule forwards to {} now", listed(&groups)));
        };
        if rule.stickiness != self.stickiness || rule.others != self.others {
            return Whose::Foreign("the rule's other settings were changed".to_owned());
        }
        if weights == self.confirmed || self.asked.contains(&weights) {
            return Whose::Ours(weights);
        }
        if weights.are_home() {
            return Whose::TakenHome(weights);
        }
        Whose::Foreign(format!(
            "the rule's weights are {weights} and this rollout had set {}",
            self.confirmed
        ))
    }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "no target group".to_owned() } else { names.join(", ") }
}
