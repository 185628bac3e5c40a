//! Strategy × controller: how tasks and traffic move, and who moves them. Every pair that exists is
//! one variant that holds exactly what it needs, so a pair that does not exist cannot be written.
//! Start with [`Strategy::choose`], which is what the config file and the flags go through.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Who moves the tasks and the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Controller {
    /// Amazon ECS itself.
    #[default]
    Ecs,
    /// AWS CodeDeploy.
    CodeDeploy,
    /// Tidegate moves the weights of a listener rule.
    Alb,
}

/// How a service gets from one revision to another, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Tasks are replaced within minimum and maximum percent, by Amazon ECS.
    RollingByEcs,
    /// Both revisions in full, one traffic shift, by Amazon ECS.
    BlueGreenByEcs,
    /// Both revisions in full, one traffic shift, by AWS CodeDeploy.
    BlueGreenByCodeDeploy,
    /// Two services behind one listener rule, weights in one step, by Tidegate.
    BlueGreenByAlb,
    /// Equal steps, by Amazon ECS.
    LinearByEcs,
    /// Equal steps, by AWS CodeDeploy.
    LinearByCodeDeploy,
    /// Equal steps, by Tidegate.
    LinearByAlb,
    /// A small share first, by Amazon ECS.
    CanaryByEcs,
    /// A small share first, by AWS CodeDeploy.
    CanaryByCodeDeploy,
    /// Any list of steps, by Tidegate.
    CanaryByAlb,
}

/// Every pair that exists: the two words of the config file, the strategy, and whether it runs yet.
const PAIRS: [(&str, &str, Strategy, Availability); 10] = [
    ("rolling", "ecs", Strategy::RollingByEcs, Availability::Now),
    ("blue_green", "ecs", Strategy::BlueGreenByEcs, Availability::Later),
    ("blue_green", "code_deploy", Strategy::BlueGreenByCodeDeploy, Availability::Later),
    ("blue_green", "alb", Strategy::BlueGreenByAlb, Availability::Later),
    ("linear", "ecs", Strategy::LinearByEcs, Availability::Later),
    ("linear", "code_deploy", Strategy::LinearByCodeDeploy, Availability::Later),
    ("linear", "alb", Strategy::LinearByAlb, Availability::Later),
    ("canary", "ecs", Strategy::CanaryByEcs, Availability::Later),
    ("canary", "code_deploy", Strategy::CanaryByCodeDeploy, Availability::Later),
    ("canary", "alb", Strategy::CanaryByAlb, Availability::Later),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Availability {
    Now,
    Later,
}

/// Why a pair of strategy and controller cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StrategyError {
    /// The pair makes no sense, whatever the version.
    #[error(
        "there is no strategy `{strategy}` with controller `{controller}`; the pairs are: {}",
        listed(&pairs())
    )]
    NoSuchPair {
        /// The strategy as written.
        strategy: String,
        /// The controller as written.
        controller: String,
    },
    /// The pair is known, and this version cannot run it.
    #[error(
        "strategy `{strategy}` with controller `{controller}` is not yet available; this version runs: {}",
        listed(&available())
    )]
    NotYet {
        /// The strategy as written.
        strategy: String,
        /// The controller as written.
        controller: String,
    },
}

impl Strategy {
    /// The strategy of a pair of words, or which pairs there are.
    pub fn choose(strategy: &str, controller: &str) -> Result<Self, StrategyError> {
        let found = PAIRS.iter().find(|(s, c, ..)| *s == strategy && *c == controller);
        match found {
            Some((.., chosen, Availability::Now)) => Ok(chosen.clone()),
            Some((.., Availability::Later)) => Err(StrategyError::NotYet {
                strategy: strategy.to_owned(),
                controller: controller.to_owned(),
            }),
            None => Err(StrategyError::NoSuchPair {
                strategy: strategy.to_owned(),
                controller: controller.to_owned(),
            }),
        }
    }
}

/// Every pair that exists, as `strategy × controller`.
pub fn pairs() -> Vec<(&'static str, &'static str)> {
    PAIRS.iter().map(|(s, c, ..)| (*s, *c)).collect()
}

/// The pairs that this version runs.
pub fn available() -> Vec<(&'static str, &'static str)> {
    PAIRS
        .iter()
        .filter(|(.., availability)| *availability == Availability::Now)
        .map(|(s, c, ..)| (*s, *c))
        .collect()
}

fn listed(pairs: &[(&str, &str)]) -> String {
    let words: Vec<String> = pairs.iter().map(|(s, c)| format!("{s} × {c}")).collect();
    words.join(", ")
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (strategy, controller) = PAIRS
            .iter()
            .find(|(.., known, _)| known == self)
            .map_or(("rolling", "ecs"), |(s, c, ..)| (*s, *c));
        write!(f, "{strategy} × {controller}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rolling_by_ecs_is_what_runs_today() {
        assert_eq!(Strategy::choose("rolling", "ecs"), Ok(Strategy::RollingByEcs));
    }

    #[test]
    fn a_pair_that_does_not_exist_is_answered_with_those_that_do() {
        let error = Strategy::choose("rolling", "alb").expect_err("no such pair");
        insta::assert_snapshot!(error, @"there is no strategy `rolling` with controller `alb`; the pairs are: rolling × ecs, blue_green × ecs, blue_green × code_deploy, blue_green × alb, linear × ecs, linear × code_deploy, linear × alb, canary × ecs, canary × code_deploy, canary × alb");
    }

    #[test]
    fn a_pair_that_comes_later_says_what_exists() {
        let error = Strategy::choose("canary", "ecs").expect_err("later");
        insta::assert_snapshot!(error, @"strategy `canary` with controller `ecs` is not yet available; this version runs: rolling × ecs");
    }
}
