//! The deployment config that moves traffic as a strategy says: one of CodeDeploy's own where it
//! fits exactly, else one of ours whose name holds its numbers. Start with [`DeploymentConfig::of`].

use crate::Millis;
use crate::percent::Percent;
use crate::strategy::{CanaryStep, Traffic};

/// A deployment config, by name; ours with what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeploymentConfig {
    /// It exists: one of CodeDeploy's own, or the one that the user named.
    Existing(String),
    /// It is created when it is not there.
    Ours {
        /// `tidegate-canary-20-percent-7-minutes`.
        name: String,
        /// What it says.
        routing: Routing,
    },
}

/// `trafficRoutingConfig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// `AllAtOnce`.
    AllAtOnce,
    /// `TimeBasedCanary`.
    Canary {
        /// `canaryPercentage`.
        percentage: u16,
        /// `canaryInterval`, in minutes.
        interval: i64,
    },
    /// `TimeBasedLinear`.
    Linear {
        /// `linearPercentage`.
        percentage: u16,
        /// `linearInterval`, in minutes.
        interval: i64,
    },
}

const MINUTE: Millis = 60_000;

impl DeploymentConfig {
    /// The config for a way of moving traffic.
    pub fn of(traffic: &Traffic) -> Self {
        let routing = Routing::of(traffic);
        let own = |name: &str| Self::Existing(format!("CodeDeployDefault.{name}"));
        match routing {
            Routing::AllAtOnce => own("ECSAllAtOnce"),
            Routing::Canary { percentage: 10, interval: interval @ (5 | 15) } => {
                own(&format!("ECSCanary10Percent{interval}Minutes"))
            }
            Routing::Linear { percentage: 10, interval: interval @ (1 | 3) } => {
                own(&format!("ECSLinear10PercentEvery{interval}Minutes"))
            }
            Routing::Canary { percentage, interval } => Self::Ours {
                name: format!("tidegate-canary-{percentage}-percent-{interval}-minutes"),
                routing,
            },
            Routing::Linear { percentage, interval } => Self::Ours {
                name: format!("tidegate-linear-{percentage}-percent-every-{interval}-minutes"),
                routing,
            },
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Existing(name) | Self::Ours { name, .. } => name,
        }
    }
}

impl Routing {
    /// Strategies of this controller have whole minutes and whole percent: see [`crate::Strategy::choose`].
    fn of(traffic: &Traffic) -> Self {
        let percentage = |share: Percent| share.tenths() / 10;
        match traffic {
            Traffic::BlueGreen { .. } => Self::AllAtOnce,
            Traffic::Linear { step, .. } if *step == Percent::ALL => Self::AllAtOnce,
            Traffic::Linear { step, step_bake, .. } => {
                Self::Linear { percentage: percentage(*step), interval: (step_bake / MINUTE).max(1) }
            }
            Traffic::Canary { steps, .. } => match steps.first() {
                Some(step) => Self::Canary {
                    percentage: percentage(step.weight),
                    interval: (step.bake / MINUTE).max(1),
                },
                None => Self::AllAtOnce,
            },
        }
    }

    /// How traffic moves by it, with this bake after the last shift.
    pub fn traffic(self, bake: Millis) -> Traffic {
        match self {
            Self::AllAtOnce => Traffic::BlueGreen { bake },
            Self::Canary { percentage, interval } => Traffic::Canary {
                steps: vec![CanaryStep { weight: Percent::whole(percentage), bake: interval * MINUTE }],
                bake,
            },
            Self::Linear { percentage, interval } => {
                Traffic::Linear { step: Percent::whole(percentage), step_bake: interval * MINUTE, bake }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canary(percentage: u16, minutes: i64) -> Traffic {
        Routing::Canary { percentage, interval: minutes }.traffic(0)
    }

    fn linear(percentage: u16, minutes: i64) -> Traffic {
        Routing::Linear { percentage, interval: minutes }.traffic(0)
    }

    #[test]
    fn codedeploys_own_configs_are_used_where_they_fit_exactly_and_no_other_is() {
        let named = [
            (Traffic::BlueGreen { bake: 0 }, "CodeDeployDefault.ECSAllAtOnce"),
            (canary(10, 5), "CodeDeployDefault.ECSCanary10Percent5Minutes"),
            (canary(10, 15), "CodeDeployDefault.ECSCanary10Percent15Minutes"),
            (linear(10, 1), "CodeDeployDefault.ECSLinear10PercentEvery1Minutes"),
            (linear(10, 3), "CodeDeployDefault.ECSLinear10PercentEvery3Minutes"),
            (canary(10, 10), "tidegate-canary-10-percent-10-minutes"),
            (canary(20, 5), "tidegate-canary-20-percent-5-minutes"),
            (linear(25, 3), "tidegate-linear-25-percent-every-3-minutes"),
        ];
        for (traffic, name) in named {
            assert_eq!(DeploymentConfig::of(&traffic).name(), name);
        }
    }

    #[test]
    fn a_config_of_ours_says_what_its_strategy_says() {
        for traffic in [canary(20, 7), linear(30, 2)] {
            let DeploymentConfig::Ours { routing, .. } = DeploymentConfig::of(&traffic) else {
                panic!("no predefined one fits")
            };
            assert_eq!(routing.traffic(0), traffic);
        }
    }
}
