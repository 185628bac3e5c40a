//! The plan of a rollout: every step with its weight, its gates, how long it takes at least, how many
//! tasks run at most, and what a failure there does. A dry run prints it, and the same object is what
//! is executed. Start with [`Plan::of`].

use crate::Millis;
use crate::gate::{At, Gate};
use crate::names::ServiceRef;
use crate::percent::Percent;
use crate::strategy::{Strategy, Traffic};
use serde::{Deserialize, Serialize};

/// What a rollout does, step by step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The service.
    pub target: ServiceRef,
    /// How, and by whom.
    pub strategy: Strategy,
    /// The gates, named by index in [`Step::gates`].
    pub gates: Vec<Gate>,
    /// In order.
    pub steps: Vec<Step>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What is done.
    pub kind: StepKind,
    /// How long it is watched at least, in milliseconds.
    pub bake: Millis,
    /// Which of the plan's gates must hold.
    pub gates: Vec<usize>,
    /// How many tasks run at most while it is under way.
    pub most_tasks: u32,
    /// What a failure there does.
    pub on_failure: OnFailure,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Tasks are replaced within minimum and maximum percent.
    Roll,
    /// The candidate's tasks start beside stable's and get healthy; no traffic.
    ScaleUp,
    /// The test listener sends to the candidate.
    TestTraffic,
    /// The candidate gets this share of production.
    Shift(Percent),
    /// The stable service, without traffic, rolls to the candidate's revision (controller `alb`).
    RollStable,
    /// Traffic goes home to the stable service, which runs the candidate's revision now (`alb`).
    ShiftHome,
    /// What served before goes.
    CleanUp,
}

/// What a failure at a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// ECS rolls back to the revision that completed last (circuit breaker, alarms).
    EcsRollsBack,
    /// The candidate's tasks go; no user ever saw them.
    CandidateGoes,
    /// The weights go back to stable at once, then the candidate's tasks go.
    WeightsBack,
    /// The candidate serves already; the rest of the work is tried again and nothing is taken back.
    CandidateStays,
}

/// What of the service decides how many tasks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// `desiredCount`.
    pub desired: u32,
    /// `maximumPercent`.
    pub maximum_percent: u32,
}

impl Plan {
    /// The plan of a strategy for a service of that size.
    pub fn of(target: ServiceRef, strategy: Strategy, gates: Vec<Gate>, size: Size) -> Self {
        let rolling = size.desired * size.maximum_percent / 100;
        let both = size.desired * 2;
        let step =
            |kind, most_tasks, on_failure| Step { kind, bake: 0, gates: Vec::new(), most_tasks, on_failure };
        let mut steps = Vec::new();
        match strategy.traffic() {
            None => steps.push(Step {
                gates: gates_at(&gates, Percent::ALL),
                ..step(StepKind::Roll, rolling.max(size.desired), OnFailure::EcsRollsBack)
            }),
            Some(traffic) => {
                steps.push(step(StepKind::ScaleUp, both, OnFailure::CandidateGoes));
                if !matches!(strategy, Strategy::Alb(..)) {
                    steps.push(Step {
                        gates: gates_at(&gates, Percent::NONE),
                        ..step(StepKind::TestTraffic, both, OnFailure::CandidateGoes)
                    });
                }
                steps.extend(shifts(traffic, &gates, both));
                if matches!(strategy, Strategy::Alb(..)) {
                    let most = size.desired + rolling.max(size.desired);
                    steps.push(step(StepKind::RollStable, most, OnFailure::CandidateStays));
                    steps.push(step(StepKind::ShiftHome, both, OnFailure::CandidateStays));
                }
                steps.push(step(StepKind::CleanUp, both, OnFailure::CandidateStays));
            }
        }
        Self { target, strategy, gates, steps }
    }

    /// How long the steps are watched at least, together.
    pub fn least(&self) -> Millis {
        self.steps.iter().map(|step| step.bake).sum()
    }

    /// The same plan on a clock on which a tick takes `tick` milliseconds instead of
    /// [`TICK`](crate::pace::TICK): a local cloud whose time runs faster bakes shorter by as much.
    #[must_use]
    pub fn on_clock(mut self, tick: Millis) -> Self {
        for step in &mut self.steps {
            step.bake = crate::pace::on_clock(step.bake, tick);
        }
        self
    }

    /// How many tasks run at most.
    pub fn most_tasks(&self) -> u32 {
        self.steps.iter().map(|step| step.most_tasks).max().unwrap_or(0)
    }
}

fn shifts<'a>(traffic: &Traffic, gates: &'a [Gate], most_tasks: u32) -> impl Iterator<Item = Step> + use<'a> {
    traffic.shifts().into_iter().map(move |shift| Step {
        kind: StepKind::Shift(shift.weight),
        bake: shift.bake,
        gates: gates_at(gates, shift.weight),
        most_tasks,
        on_failure: OnFailure::WeightsBack,
    })
}

/// The gates that are looked at where the candidate has this share; those of every step not before it
/// has any.
fn gates_at(gates: &[Gate], weight: Percent) -> Vec<usize> {
    let is_looked_at = |gate: &Gate| match &gate.at {
        At::EveryStep => weight > Percent::NONE,
        At::Steps(weights) => weights.contains(&weight),
    };
    gates.iter().enumerate().filter(|(_, gate)| is_looked_at(gate)).map(|(index, _)| index).collect()
}
