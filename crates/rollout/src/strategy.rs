//! Strategy × controller: how tasks and traffic move, and who moves them. Every pair that exists can
//! be written as a [`Strategy`], and no other; what a controller cannot do (a share of 0.5 % by
//! CodeDeploy) is refused by [`Strategy::choose`] before anything changes. Start there.

use crate::Millis;
use crate::names::ServiceName;
use crate::percent::Percent;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How a service gets from one revision to another, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Tasks are replaced within minimum and maximum percent, by Amazon ECS.
    Rolling,
    /// Both revisions run, and Amazon ECS moves the traffic.
    Ecs(Traffic),
    /// Both revisions run as task sets, and AWS CodeDeploy moves the traffic.
    CodeDeploy(Traffic, DeploymentGroup),
    /// Two services run, and Tidegate moves the weights of a listener rule.
    Alb(Traffic, Candidate),
}

/// How traffic moves from the stable revision to the candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Traffic {
    /// All at once.
    BlueGreen {
        /// How long both run after it.
        bake: Millis,
    },
    /// In equal steps; the last is clipped.
    Linear {
        /// The size of a step.
        step: Percent,
        /// How long each step but the last is watched.
        step_bake: Millis,
        /// How long both run after the last.
        bake: Millis,
    },
    /// In the steps given, each more than the one before, then all.
    Canary {
        /// The steps below 100 %.
        steps: Vec<CanaryStep>,
        /// How long both run after the last.
        bake: Millis,
    },
}

/// One step of a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryStep {
    /// The candidate's share.
    pub weight: Percent,
    /// How long it is watched.
    pub bake: Millis,
}

/// A change of weights, and how long it is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// The candidate's share.
    pub weight: Percent,
    /// How long it is watched before the next, in milliseconds.
    pub bake: Millis,
}

impl Traffic {
    /// The changes of weights in order; the last is everything.
    pub fn shifts(&self) -> Vec<Shift> {
        match self {
            Self::BlueGreen { bake } => vec![Shift { weight: Percent::ALL, bake: *bake }],
            Self::Linear { step, step_bake, bake } => {
                let mut shifts = Vec::new();
                let mut weight = Percent::NONE;
                // A step of nothing would never arrive; `choose` refuses it.
                let step = (*step).max(Percent::whole(1));
                while weight < Percent::ALL {
                    weight = weight.plus(step);
                    let is_last = weight == Percent::ALL;
                    shifts.push(Shift { weight, bake: if is_last { *bake } else { *step_bake } });
                }
                shifts
            }
            Self::Canary { steps, bake } => steps
                .iter()
                .map(|step| Shift { weight: step.weight, bake: step.bake })
                .chain([Shift { weight: Percent::ALL, bake: *bake }])
                .collect(),
        }
    }

    /// `blue_green`, `linear` or `canary`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::BlueGreen { .. } => "blue_green",
            Self::Linear { .. } => "linear",
            Self::Canary { .. } => "canary",
        }
    }
}

/// The CodeDeploy deployment group of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentGroup {
    /// `applicationName`.
    pub application: String,
    /// `deploymentGroupName`.
    pub group: String,
    /// `deploymentConfigName` to use instead of the one that the strategy describes.
    pub config: Option<String>,
    /// Lambda functions, by name or ARN, that CodeDeploy calls at lifecycle events of a deployment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hooks: BTreeMap<String, String>,
}

/// The second service of the `alb` controller, and the rule that both are behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The service that gets the candidate first; in the cluster of the stable one.
    pub service: ServiceName,
    /// The listener rule whose weights are moved; found from the target groups when absent.
    pub rule: Option<String>,
}

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

impl Controller {
    /// As the config file writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::CodeDeploy => "code_deploy",
            Self::Alb => "alb",
        }
    }

    /// The controller of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Ecs, Self::CodeDeploy, Self::Alb].into_iter().find(|known| known.name() == name)
    }
}

/// Every pair that exists, by the two words of the config file.
pub const PAIRS: [(&str, Controller); 10] = [
    ("rolling", Controller::Ecs),
    ("blue_green", Controller::Ecs),
    ("blue_green", Controller::CodeDeploy),
    ("blue_green", Controller::Alb),
    ("linear", Controller::Ecs),
    ("linear", Controller::CodeDeploy),
    ("linear", Controller::Alb),
    ("canary", Controller::Ecs),
    ("canary", Controller::CodeDeploy),
    ("canary", Controller::Alb),
];

/// What the words and sections of the config file say about the strategy; [`Strategy::choose`] makes one of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// `strategy`, or `rolling`.
    pub strategy: Option<String>,
    /// `controller`, or `ecs`.
    pub controller: Option<String>,
    /// The size of a linear step.
    pub linear_step: Option<Percent>,
    /// How long a linear step is watched.
    pub linear_bake: Option<Millis>,
    /// The canary's steps below 100 %; a bake that is absent is the default's.
    pub canary_steps: Option<Vec<(Percent, Option<Millis>)>>,
    /// How long each canary step is watched, where the step itself does not say.
    pub canary_bake: Option<Millis>,
    /// How long both run after the last shift.
    pub bake: Option<Millis>,
    /// For `code_deploy`.
    pub deployment_group: Option<DeploymentGroup>,
    /// For `alb`.
    pub candidate: Option<Candidate>,
}

/// Why a strategy cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StrategyError {
    /// The pair makes no sense, whatever the version.
    #[error(
        "there is no strategy `{strategy}` with controller `{controller}`: {}",
        those_that_are(strategy, controller)
    )]
    NoSuchPair {
        /// The strategy as written.
        strategy: String,
        /// The controller as written.
        controller: String,
    },
    /// The controller needs a section of its own.
    #[error("controller `{controller}` needs the section `{section}`: {holds}")]
    SectionMissing {
        /// The controller.
        controller: &'static str,
        /// The section's key.
        section: &'static str,
        /// What it holds.
        holds: &'static str,
    },
    /// The controller cannot move traffic that way.
    #[error("{what}; {instead}")]
    NotByThisController {
        /// What was asked for.
        what: String,
        /// What can be had.
        instead: String,
    },
}

/// AWS's default of `canaryPercent`, facts §3.1.
const CANARY_PERCENT: u16 = 5;
/// AWS's default of `canaryBakeTimeInMinutes`.
const CANARY_BAKE: Millis = 10 * MINUTE;
/// AWS's default of `linearConfiguration.stepPercent`.
const LINEAR_STEP: u16 = 10;
/// AWS's default of `stepBakeTimeInMinutes`.
const LINEAR_BAKE: Millis = 6 * MINUTE;
/// How long both revisions run after the last shift when nobody says.
const BAKE: Millis = 5 * MINUTE;
/// The guide's canary.
const GUIDE_STEPS: [u16; 3] = [10, 25, 50];
const MINUTE: Millis = 60_000;

impl Strategy {
    /// The strategy that a wish describes, or what is wrong with it. Defaults are AWS's own; for a
    /// canary by `alb` the guide's 10 → 25 → 50 → 100.
    pub fn choose(wish: &Wish) -> Result<Self, StrategyError> {
        let strategy = wish.strategy.as_deref().unwrap_or("rolling");
        let word = wish.controller.as_deref().unwrap_or("ecs");
        let pair = Controller::named(word)
            .filter(|controller| PAIRS.contains(&(strategy_word(strategy), *controller)));
        let Some(controller) = pair else {
            return Err(StrategyError::NoSuchPair {
                strategy: strategy.to_owned(),
                controller: word.to_owned(),
            });
        };
        let Some(traffic) = traffic(strategy, controller, wish) else { return Ok(Self::Rolling) };
        check(&traffic, controller)?;
        Ok(match controller {
            Controller::Ecs => Self::Ecs(traffic),
            Controller::CodeDeploy => Self::CodeDeploy(
                traffic,
                wish.deployment_group.clone().ok_or(StrategyError::SectionMissing {
                    controller: "code_deploy",
                    section: "codeDeploy",
                    holds: "application, deploymentGroup",
                })?,
            ),
            Controller::Alb => Self::Alb(
                traffic,
                wish.candidate.clone().ok_or(StrategyError::SectionMissing {
                    controller: "alb",
                    section: "alb",
                    holds: "candidate (the second service), and rule where the target groups are behind several",
                })?,
            ),
        })
    }

    /// Who moves.
    pub fn controller(&self) -> Controller {
        match self {
            Self::Rolling | Self::Ecs(_) => Controller::Ecs,
            Self::CodeDeploy(..) => Controller::CodeDeploy,
            Self::Alb(..) => Controller::Alb,
        }
    }

    /// `rolling`, `blue_green`, `linear` or `canary`.
    pub fn name(&self) -> &'static str {
        self.traffic().map_or("rolling", Traffic::name)
    }

    /// How traffic moves; `None` for rolling, where it moves with the tasks.
    pub fn traffic(&self) -> Option<&Traffic> {
        match self {
            Self::Rolling => None,
            Self::Ecs(traffic) | Self::CodeDeploy(traffic, _) | Self::Alb(traffic, _) => Some(traffic),
        }
    }
}

/// The word of [`PAIRS`] that is the same as this one.
fn strategy_word(word: &str) -> &'static str {
    PAIRS.iter().map(|(known, _)| *known).find(|known| *known == word).unwrap_or("")
}

fn traffic(strategy: &str, controller: Controller, wish: &Wish) -> Option<Traffic> {
    let bake = wish.bake.unwrap_or(BAKE);
    Some(match strategy {
        "blue_green" => Traffic::BlueGreen { bake },
        "linear" => Traffic::Linear {
            step: wish.linear_step.unwrap_or(Percent::whole(LINEAR_STEP)),
            step_bake: wish.linear_bake.unwrap_or(LINEAR_BAKE),
            bake,
        },
        "canary" => {
            let step_bake = wish.canary_bake.unwrap_or(CANARY_BAKE);
            let default = || match controller {
                Controller::Alb => GUIDE_STEPS.iter().map(|step| (Percent::whole(*step), None)).collect(),
                Controller::CodeDeploy => vec![(Percent::whole(10), None)],
                Controller::Ecs => vec![(Percent::whole(CANARY_PERCENT), None)],
            };
            let mut steps: Vec<_> = wish.canary_steps.clone().unwrap_or_else(default);
            // The guide writes the 100 at the end; it is there anyway.
            if steps.last().is_some_and(|(weight, _)| *weight == Percent::ALL) {
                steps.pop();
            }
            let steps = steps
                .into_iter()
                .map(|(weight, bake)| CanaryStep { weight, bake: bake.unwrap_or(step_bake) });
            Traffic::Canary { steps: steps.collect(), bake }
        }
        _ => return None,
    })
}

/// What the controller can do of it: facts §3.1 for ECS, §4.1 for CodeDeploy.
fn check(traffic: &Traffic, controller: Controller) -> Result<(), StrategyError> {
    let refused = |what: String, instead: &str| {
        Err(StrategyError::NotByThisController { what, instead: instead.to_owned() })
    };
    if let Traffic::Canary { steps, .. } = traffic {
        if steps.is_empty() {
            return refused(
                "a canary without a step below 100 % is no canary".into(),
                "use strategy blue_green",
            );
        }
        let weights: Vec<Percent> = steps.iter().map(|step| step.weight).collect();
        let grows = weights.windows(2).all(|pair| pair[0] < pair[1]);
        let is_inside = weights
            .iter()
            .all(|weight| (Percent::NONE..Percent::ALL).contains(weight) && *weight > Percent::NONE);
        if !grows || !is_inside {
            return refused(
                format!(
                    "the canary's steps are {}",
                    weights.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                ),
                "each step must be more than the one before, above 0 and below 100 %",
            );
        }
        if steps.len() > 1 && controller != Controller::Alb {
            return refused(
                format!("a canary of {} steps with controller `{}`", steps.len(), controller.name()),
                "it knows one step before 100 %: use strategy linear, or controller alb, which takes any list",
            );
        }
    }
    if let Traffic::Linear { step, .. } = traffic {
        let least = if controller == Controller::Ecs { Percent::whole(3) } else { Percent::whole(1) };
        if *step < least {
            return refused(format!("a linear step of {step}"), &format!("it must be at least {least}"));
        }
    }
    let shifts = traffic.shifts();
    if controller == Controller::CodeDeploy && shifts.iter().any(|shift| !shift.weight.is_whole()) {
        return refused("a share with a fraction".into(), "CodeDeploy takes whole percent");
    }
    if controller != Controller::Alb
        && let Some(shift) = shifts.iter().find(|shift| shift.bake % MINUTE != 0)
    {
        return refused(
            format!("a bake of {} s with controller `{}`", shift.bake / 1000, controller.name()),
            "it counts in whole minutes",
        );
    }
    let longest = shifts.iter().map(|shift| shift.bake).max().unwrap_or(0);
    let (limit, words) = match controller {
        Controller::Ecs => (1440 * MINUTE, "24 hours at most"),
        Controller::CodeDeploy => (2880 * MINUTE, "48 hours at most"),
        Controller::Alb => (14 * 1440 * MINUTE, "14 days at most"),
    };
    if longest > limit {
        return refused(format!("a bake of {} minutes", longest / MINUTE), words);
    }
    Ok(())
}

/// What of a pair is wrong, and the pairs that exist.
fn those_that_are(strategy: &str, controller: &str) -> String {
    let Some(known) = Controller::named(controller) else {
        return "controllers are ecs, code_deploy and alb".to_owned();
    };
    if strategy_word(strategy).is_empty() {
        return "strategies are rolling, blue_green, linear and canary".to_owned();
    }
    let joined = |words: Vec<&str>| words.join(", ");
    let of_strategy = PAIRS.iter().filter(|(word, _)| *word == strategy).map(|(_, it)| it.name()).collect();
    let of_controller = PAIRS.iter().filter(|(_, it)| *it == known).map(|(word, _)| *word).collect();
    format!("{strategy} goes with {}, and {controller} does {}", joined(of_strategy), joined(of_controller))
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.name(), self.controller().name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(strategy: &str, controller: &str) -> Wish {
        Wish {
            strategy: Some(strategy.into()),
            controller: Some(controller.into()),
            deployment_group: Some(DeploymentGroup {
                application: "app".into(),
                group: "dg".into(),
                config: None,
                hooks: BTreeMap::new(),
            }),
            candidate: Some(Candidate {
                service: ServiceName::parse("web-canary").expect("valid"),
                rule: None,
            }),
            ..Wish::default()
        }
    }

    fn weights(strategy: &Strategy) -> Vec<f64> {
        let shifts = strategy.traffic().map(Traffic::shifts).unwrap_or_default();
        shifts.iter().map(|shift| shift.weight.as_f64()).collect()
    }

    #[test]
    fn every_pair_of_the_table_can_be_written_and_says_its_name() {
        for (strategy, controller) in PAIRS {
            let chosen = Strategy::choose(&wish(strategy, controller.name())).expect("a pair");
            assert_eq!((chosen.name(), chosen.controller()), (strategy, controller));
            assert_eq!(chosen == Strategy::Rolling, strategy == "rolling");
        }
        assert_eq!(Strategy::choose(&Wish::default()), Ok(Strategy::Rolling));
    }

    #[test]
    fn a_pair_that_does_not_exist_is_answered_with_those_that_do() {
        let error = Strategy::choose(&wish("rolling", "alb")).expect_err("no such pair");
        assert_eq!(
            error.to_string(),
            "there is no strategy `rolling` with controller `alb`: rolling goes with ecs, and alb does blue_green, linear, canary"
        );
        let said = |strategy, controller| {
            Strategy::choose(&wish(strategy, controller)).expect_err("none").to_string()
        };
        assert!(said("bluegreen", "ecs").ends_with("strategies are rolling, blue_green, linear and canary"));
        assert!(said("canary", "elb").ends_with("controllers are ecs, code_deploy and alb"));
    }

    #[test]
    fn defaults_are_awss_and_the_guides() {
        let steps =
            |strategy, controller| weights(&Strategy::choose(&wish(strategy, controller)).expect("a pair"));
        assert_eq!(steps("canary", "ecs"), [5.0, 100.0]);
        assert_eq!(steps("canary", "alb"), [10.0, 25.0, 50.0, 100.0]);
        assert_eq!(steps("linear", "ecs").len(), 10);
        assert_eq!(steps("blue_green", "code_deploy"), [100.0]);
    }

    #[test]
    fn a_linear_strategy_clips_its_last_step() {
        let chosen =
            Strategy::choose(&Wish { linear_step: Some(Percent::whole(40)), ..wish("linear", "alb") });
        assert_eq!(weights(&chosen.expect("valid")), [40.0, 80.0, 100.0]);
    }

    #[test]
    fn what_a_controller_cannot_do_is_said_before_anything_changes() {
        let step = |percent: f64| Percent::parse(percent).expect("a share");
        let two = Some(vec![(step(10.0), None), (step(50.0), None)]);
        let refused = [
            Wish { canary_steps: two, ..wish("canary", "ecs") },
            Wish {
                canary_steps: Some(vec![(step(50.0), None), (step(10.0), None)]),
                ..wish("canary", "alb")
            },
            Wish { canary_steps: Some(vec![(step(0.5), None)]), ..wish("canary", "code_deploy") },
            Wish { canary_steps: Some(vec![]), ..wish("canary", "alb") },
            Wish { linear_step: Some(step(2.0)), ..wish("linear", "ecs") },
            Wish { bake: Some(90_000), ..wish("blue_green", "ecs") },
            Wish { candidate: None, ..wish("canary", "alb") },
            Wish { deployment_group: None, ..wish("canary", "code_deploy") },
        ];
        let texts: Vec<String> =
            refused.iter().map(|wish| Strategy::choose(wish).expect_err("refused").to_string()).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }
}
