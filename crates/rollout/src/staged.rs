//! A blue/green, linear or canary deployment that Amazon ECS itself moves, followed to its verdict. ECS
//! stops at PAUSE hooks that Tidegate put there; they are answered when the gates have, and a gate that
//! is broken takes the deployment back at once. It must never answer a hook of somebody else's. What is
//! the same for every deployment is [`crate::rolling`]'s; the hooks are made in [`configuration`]. Start
//! with [`Staged::step`].

pub mod configuration;

use crate::gate::{Judgement, Watch};
use crate::observation::{GatesSeen, Observation, Pause, PauseState, Requests, ServiceDeployment, Staging};
use crate::plan::StepKind;
use crate::rolling::{Action, Following, NeedsServiceDeployment, Rollout};
use crate::{Event, Millis, Percent, Plan, pace, rolling};
use configuration::Hooks;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long an answer to a hook may take until AWS shows it, before it is sent again.
const SETTLING: Millis = 10_000;
/// How often a measured share is worth a call, and a line, where no gate needs the counts.
const MEASURED_EVERY: Millis = 10_000;

/// A staged deployment, as far as it is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Staged {
    followed: Rollout,
    hand: Hand,
    plan: Plan,
    hooks: Hooks,
    gates_timeout: Millis,
    /// How long stable must have had no request before its tasks may go.
    settle: Millis,
    stage: Option<String>,
    watch: Option<Watch>,
    /// Since when our hook of the step waits.
    paused_since: Option<Millis>,
    /// When each hook was answered.
    answered: BTreeMap<String, Millis>,
    weighed: Option<Weighed>,
}

/// Whether this program decides, or only looks on while another does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Hand {
    Decides,
    LooksOn,
}

/// The shares that were told last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Weighed {
    at: Millis,
    set: Option<Percent>,
    measured: Option<Percent>,
}

/// What a staged deployment needs beside a [`Rollout`].
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// The plan, on the clock that `now` is on.
    pub plan: Plan,
    /// The PAUSE hooks that were put in.
    pub hooks: Hooks,
    /// How long after a bake an answer may take.
    pub gates_timeout: Millis,
    /// How long stable must have had no request before its tasks may go.
    pub settle: Millis,
}

impl Following for Staged {
    fn step(&self, seen: &Observation, now: Millis) -> (Self, Vec<Action>) {
        let mut next = self.clone();
        if let Some(arn) = next.followed.service_deployment()
            && seen.service_deployment.is_none()
            && next.followed.verdict().is_none()
        {
            return (next.clone(), vec![Action::ReadServiceDeployment(arn.clone())]);
        }
        let (followed, mut actions) = rolling::step(&next.followed, seen, now);
        next.followed = followed;
        if let Some(known) = seen.service_deployment.as_ref().filter(|_| next.followed.verdict().is_none()) {
            next.advance(known, seen.gates.as_ref(), now, &mut actions);
        }
        (next, actions)
    }

    fn followed(&self) -> &Rollout {
        &self.followed
    }

    fn followed_mut(&mut self) -> &mut Rollout {
        &mut self.followed
    }

    fn needs_service_deployment(&self) -> NeedsServiceDeployment {
        NeedsServiceDeployment::Yes
    }
}

impl Staged {
    /// A rollout whose UpdateService has been answered, just now or to somebody else.
    pub fn begin(rollout: Rollout, course: Course) -> Self {
        Self {
            followed: rollout.with_way_back(),
            hand: Hand::Decides,
            plan: course.plan,
            hooks: course.hooks,
            gates_timeout: course.gates_timeout,
            settle: course.settle,
            stage: None,
            watch: None,
            paused_since: None,
            answered: BTreeMap::new(),
            weighed: None,
        }
    }

    /// The same for a program that only shows it: hooks and gates are another's.
    #[must_use]
    pub fn looking_on(self) -> Self {
        Self { hand: Hand::LooksOn, ..self }
    }

    /// The plan that is executed.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What the service deployment says of the stages.
    fn advance(
        &mut self,
        known: &ServiceDeployment,
        gates: Option<&GatesSeen>,
        now: Millis,
        actions: &mut Vec<Action>,
    ) {
        let staging = &known.staging;
        if let Some(stage) = staging.stage.as_ref().filter(|_| staging.stage != self.stage) {
            actions.push(Action::Report(Event::StageEntered { stage: stage.clone() }));
            self.followed.moved(now);
            self.stage = Some(stage.clone());
        }
        if !self.followed.is_moving() {
            return;
        }
        let Some(step) = self.step_of(staging) else { return };
        if self.watch.as_ref().is_none_or(|watch| watch.step() < step) {
            self.begin_step(step, now, actions);
        }
        let asked = self.share_of(step);
        let wanted = self.watch.as_ref().map_or_else(Vec::new, |watch| watch.questions(&self.plan));
        match gates {
            None if !wanted.is_empty() || self.is_to_be_measured(asked, now) => {
                actions.push(Action::AskGates(wanted));
                return;
            }
            None => {}
            Some(gates) => self.hear(gates, now, actions),
        }
        self.weigh(asked, staging.weight, gates, now, actions);
        self.decide(staging, gates.map(|gates| gates.stable), now, actions);
    }

    /// The step of the plan that the stage belongs to. A shift is told by its weight: AWS has no stage
    /// of its own for the time before one.
    fn step_of(&self, staging: &Staging) -> Option<usize> {
        let of_kind =
            |wanted: fn(&StepKind) -> bool| self.plan.steps.iter().position(|step| wanted(&step.kind));
        let weight = staging.weight.unwrap_or(Percent::NONE);
        match staging.stage.as_deref()? {
            "RECONCILE_SERVICE" | "PRE_SCALE_UP" | "SCALE_UP" | "POST_SCALE_UP" => {
                of_kind(|kind| *kind == StepKind::ScaleUp)
            }
            "CLEAN_UP" => of_kind(|kind| *kind == StepKind::CleanUp),
            "POST_PRODUCTION_TRAFFIC_SHIFT" | "BAKE_TIME" => {
                of_kind(|kind| *kind == StepKind::Shift(Percent::ALL))
            }
            _ if weight == Percent::NONE => of_kind(|kind| *kind == StepKind::TestTraffic),
            _ => self
                .plan
                .steps
                .iter()
                .rposition(|step| matches!(step.kind, StepKind::Shift(share) if share <= weight)),
        }
    }

    fn share_of(&self, step: usize) -> Percent {
        match self.plan.steps.get(step).map(|step| step.kind) {
            Some(StepKind::Shift(share)) => share,
            Some(StepKind::CleanUp) => Percent::ALL,
            _ => Percent::NONE,
        }
    }

    fn begin_step(&mut self, step: usize, now: Millis, actions: &mut Vec<Action>) {
        let Some(of_plan) = self.plan.steps.get(step) else { return };
        actions.push(Action::Report(Event::StepBegan { step, kind: of_plan.kind, bake: of_plan.bake }));
        actions.push(Action::BeginStep(self.share_of(step)));
        self.watch = Some(Watch::begin(&self.plan, step, now, self.gates_timeout));
        self.paused_since = None;
        self.followed.moved(now);
    }

    fn is_to_be_measured(&self, asked: Percent, now: Millis) -> bool {
        asked > Percent::NONE && self.weighed.is_none_or(|weighed| now - weighed.at >= MEASURED_EVERY)
    }

    fn hear(&mut self, gates: &GatesSeen, now: Millis, actions: &mut Vec<Action>) {
        let Some(watch) = &mut self.watch else { return };
        for (gate, reading) in &gates.readings {
            let events = watch.hear(&self.plan, *gate, reading.clone(), now);
            actions.extend(events.into_iter().map(Action::Report));
        }
    }

    /// Tells the three numbers of the share when one has changed.
    fn weigh(
        &mut self,
        asked: Percent,
        set: Option<Percent>,
        gates: Option<&GatesSeen>,
        now: Millis,
        actions: &mut Vec<Action>,
    ) {
        if asked == Percent::NONE {
            return;
        }
        let before = self.weighed;
        let measured =
            gates.map_or_else(|| before.and_then(|weighed| weighed.measured), |gates| gates.measured);
        let is_news = before.is_none_or(|before| {
            before.set != set || (before.measured != measured && now - before.at >= MEASURED_EVERY)
        });
        if is_news {
            actions.push(Action::Report(Event::Weighed { asked, set, measured }));
        }
        // What was measured is as old as its question, also where it was no news.
        if is_news || gates.is_some_and(|_| self.is_to_be_measured(asked, now)) {
            self.weighed = Some(Weighed { at: now, set, measured });
        }
    }

    /// Takes the deployment back, or lets it go on.
    fn decide(
        &mut self,
        staging: &Staging,
        stable: Option<Requests>,
        now: Millis,
        actions: &mut Vec<Action>,
    ) {
        let Some(watch) = &mut self.watch else { return };
        let pause = self.hooks.ours(staging).cloned();
        if pause.is_some() {
            // ECS counts the bake, and has counted it out.
            watch.end_bake(now);
            self.paused_since.get_or_insert(now);
        }
        if pause.is_some() || !watch.questions(&self.plan).is_empty() {
            self.followed.look_soon();
        }
        if self.hand == Hand::LooksOn {
            return;
        }
        let judgement = match (&pause, watch.broken(&self.plan)) {
            (_, Some(broken)) => broken,
            (Some(_), None) => watch.judgement(&self.plan, now),
            // What is missing is waited for at the hook; what goes on in the bake can only break.
            (None, None) => Judgement::Wait,
        };
        match (judgement, pause) {
            (Judgement::Break { gate, evidence }, _) => {
                self.followed.throw_back(format!("gate {gate}: {evidence}"), actions);
            }
            (Judgement::Pass, Some(pause)) if self.may_go_on(staging, stable, now, actions) => {
                self.go_on(pause, now, actions);
            }
            _ => {}
        }
    }

    /// After the last shift stable's tasks go next: only once it has seen no request for a while. A weight
    /// that was set is not yet a weight that holds.
    fn may_go_on(
        &mut self,
        staging: &Staging,
        stable: Option<Requests>,
        now: Millis,
        actions: &mut Vec<Action>,
    ) -> bool {
        if staging.stage.as_deref() != Some("POST_PRODUCTION_TRAFFIC_SHIFT") {
            return true;
        }
        let is_quiet = match stable {
            Some(Requests::NobodyCounts) => true,
            Some(Requests::NoneSince(at)) => now - at >= self.settle,
            Some(Requests::Perhaps) | None => false,
        };
        let waited = self.paused_since.map_or(0, |since| now - since);
        if !is_quiet && waited >= self.gates_timeout + self.settle {
            let reason = "stable still gets requests although all of production was given to the candidate";
            self.followed.throw_back(reason.to_owned(), actions);
        }
        is_quiet
    }

    fn go_on(&mut self, pause: Pause, now: Millis, actions: &mut Vec<Action>) {
        let is_due = self.answered.get(&pause.id).is_none_or(|at| now - at >= SETTLING);
        if let Some(arn) = self.followed.service_deployment().filter(|_| is_due) {
            actions.push(Action::Continue { arn: arn.clone(), hook: pause.id.clone() });
            self.answered.insert(pause.id, now);
        }
    }
}

/// How long stable must have had no request before its tasks may go, on Amazon's clock: the metrics of a
/// load balancer come by the minute, and up to three minutes late (facts §9).
pub const SETTLE: Millis = 180_000;

impl Course {
    /// The same on a clock whose ticks take `tick` milliseconds.
    #[must_use]
    pub fn on_clock(self, tick: Millis) -> Self {
        Self {
            plan: self.plan.on_clock(tick),
            gates_timeout: pace::on_clock(self.gates_timeout, tick),
            settle: pace::on_clock(self.settle, tick),
            ..self
        }
    }
}

impl Pause {
    /// Nobody has answered it yet.
    pub fn waits(&self) -> bool {
        self.state == PauseState::AwaitsAction
    }
}

#[cfg(test)]
mod tests;
