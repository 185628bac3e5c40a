//! A CodeDeploy deployment followed to its verdict. CodeDeploy moves the tasks and the traffic;
//! Tidegate watches gates and tasks meanwhile, and stops the deployment, with its way back, as soon
//! as one of them says so: CodeDeploy itself has no circuit breaker and waits an hour for tasks that
//! never come up. It must never take a deployment for its own that it did not create, nor a rollback
//! for a success. Start with [`step`].

pub mod app_spec;
pub mod config;
pub mod failure;
pub mod requirements;
pub mod seen;
pub mod status;

use crate::cause::{Cause, Heals, of_stopped_task};
use crate::diagnosis::{Diagnosis, failures, group_stopped, most_failures};
use crate::gate::{Judgement, Watch};
use crate::names::{DeploymentId, ServiceRef, TaskDefinitionArn};
use crate::observation::StoppedTask;
use crate::pace::{Nearness, Pulse};
use crate::plan::StepKind;
use crate::{Event, Millis, Percent, Plan, Verdict};
pub use requirements::Refusal;
use seen::{Answers, Seen, StageStatus, Status, Target};
use std::collections::{BTreeMap, BTreeSet};

/// How long after its end a deployment may take to name the one that goes back from it.
const ROLLBACK_IS_NAMED_WITHIN: Millis = 60_000;
/// How long after a ContinueDeployment a deployment may still be Ready before it is told again.
const CONTINUES_WITHIN: Millis = 15_000;

/// One step: what was known, and what is seen now, give what is known now, and what to do.
///
/// Reading actions ([`Action::AskGates`], [`Action::ReadStoppedTasks`]) ask for more of the same look:
/// carry them out and step again with the fuller look, without waiting. A rollout that has its verdict
/// answers with itself and no action.
pub fn step(rollout: &Rollout, seen: &Seen, now: Millis) -> (Rollout, Vec<Action>) {
    let mut next = rollout.clone();
    let mut actions = Vec::new();
    if next.verdict().is_some() {
        return (next, actions);
    }
    next.hear_stages(seen, now, &mut actions);
    next.weigh(seen, now, &mut actions);
    next.learn_causes(seen, now, &mut actions);
    match next.phase.clone() {
        Phase::GoingBack { reason, .. } => next.follow_rollback(&reason, seen, now, &mut actions),
        Phase::Moving | Phase::Stopping { .. } => next.follow_own(seen, now, &mut actions),
        Phase::Ended(_) => {}
    }
    if next.verdict().is_none() && now >= next.deadline() {
        let reached = next.reached(seen);
        next.end(Verdict::TimedOut { reached }, now, &mut actions);
    }
    (next, actions)
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Hand this to the reporters.
    Report(Event),
    /// Ask these gates of the plan and step again.
    AskGates(Vec<usize>),
    /// Read the service's stopped tasks and step again.
    ReadStoppedTasks,
    /// `ContinueDeployment` with `READY_WAIT`: traffic may move. A refusal is a warning.
    LetTrafficMove,
    /// StopDeployment with `autoRollbackEnabled`. If AWS refuses, call [`Rollout::stop_refused`].
    StopWithRollback,
}

/// What is known when CreateDeployment has answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// What is done, step by step, on the endpoint's clock.
    pub plan: Plan,
    /// The revision that served before.
    pub stable: TaskDefinitionArn,
    /// The revision that is rolled out.
    pub candidate: TaskDefinitionArn,
    /// Its task set, where it is known before the first look.
    pub candidate_set: Option<DeploymentId>,
    /// The deployment.
    pub deployment: DeploymentId,
    /// Functions by lifecycle event, for the words of a failure.
    pub hooks: BTreeMap<String, String>,
    /// How long after a bake a gate may take to answer, in milliseconds.
    pub gates_timeout: Millis,
    /// How many tasks the service wants.
    pub desired: u32,
    /// When CreateDeployment answered.
    pub started_at: Millis,
    /// When to stop waiting.
    pub deadline: Millis,
}

/// One attempt to move a service to a revision by CodeDeploy, as far as it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    start: Start,
    phase: Phase,
    /// The gates of the step that is under way.
    watch: Watch,
    /// Lifecycle events that were told.
    stages_told: BTreeSet<(DeploymentId, String)>,
    told: Told,
    /// When the deployment was first seen ended with nothing said about what follows.
    ended_since: Option<Millis>,
    told_to_continue: Option<Millis>,
    moved_at: Millis,
    nearness: Nearness,
    causes: Vec<Cause>,
    stopped: Vec<StoppedTask>,
    running: u32,
    /// The task set that holds the candidate, once it was seen.
    candidate_set: Option<DeploymentId>,
}

/// What was last told of the task sets.
#[derive(Debug, Clone, Default, PartialEq)]
struct Told {
    task_sets: Vec<seen::TaskSet>,
    weights: Option<(Percent, Option<Percent>, Option<Percent>)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Moving,
    /// StopDeployment was asked for.
    Stopping {
        reason: String,
    },
    /// The deployment that goes back is followed.
    GoingBack {
        reason: String,
        by: DeploymentId,
    },
    Ended(Verdict),
}

impl Rollout {
    /// A rollout whose CreateDeployment has just been answered, or that is picked up.
    pub fn begin(start: Start) -> Self {
        Self {
            phase: Phase::Moving,
            watch: Watch::begin(&start.plan, 0, start.started_at, start.gates_timeout),
            stages_told: BTreeSet::new(),
            told: Told::default(),
            ended_since: None,
            told_to_continue: None,
            moved_at: start.started_at,
            nearness: Nearness::VerdictIsFar,
            causes: Vec::new(),
            stopped: Vec::new(),
            running: 0,
            candidate_set: start.candidate_set.clone(),
            start,
        }
    }

    /// The same after a StopDeployment that somebody else sent.
    #[must_use]
    pub fn asked_to_stop(self, reason: String) -> Self {
        Self { phase: Phase::Stopping { reason }, nearness: Nearness::VerdictIsNear, ..self }
    }

    /// The verdict, once there is one.
    pub fn verdict(&self) -> Option<&Verdict> {
        match &self.phase {
            Phase::Ended(verdict) => Some(verdict),
            _ => None,
        }
    }

    /// The deployment to look at: its own, or the one that goes back.
    pub fn followed(&self) -> &DeploymentId {
        match &self.phase {
            Phase::GoingBack { by, .. } => by,
            _ => &self.start.deployment,
        }
    }

    /// Its own deployment.
    pub fn deployment(&self) -> &DeploymentId {
        &self.start.deployment
    }

    /// The service.
    pub fn target(&self) -> &ServiceRef {
        &self.start.plan.target
    }

    /// What is done, step by step.
    pub fn plan(&self) -> &Plan {
        &self.start.plan
    }

    /// The revision that is rolled out.
    pub fn candidate(&self) -> &TaskDefinitionArn {
        &self.start.candidate
    }

    /// The candidate's task set, once it was seen.
    pub fn candidate_set(&self) -> Option<&DeploymentId> {
        self.candidate_set.as_ref()
    }

    /// The step that is under way, as its index in the plan.
    pub fn step(&self) -> usize {
        self.watch.step()
    }

    /// When CreateDeployment answered.
    pub fn started_at(&self) -> Millis {
        self.start.started_at
    }

    /// When to stop waiting.
    pub fn deadline(&self) -> Millis {
        self.start.deadline
    }

    /// What [`crate::pace::next_look`] needs.
    pub fn pulse(&self) -> Pulse {
        Pulse { moved_at: self.moved_at, nearness: self.nearness, drained_at: 0 }
    }

    /// The stopped tasks of the candidate.
    pub fn stopped_tasks(&self) -> &[StoppedTask] {
        &self.stopped
    }

    /// What is known about a failure without any further call.
    pub fn diagnosis(&self) -> Diagnosis {
        let mut causes = self.causes.clone();
        causes.sort_by_key(|cause| cause.heals == Heals::Perhaps);
        Diagnosis { causes, stopped: group_stopped(&self.stopped), ..Diagnosis::default() }
    }

    /// AWS refused to stop the deployment: what it brings stays.
    pub fn stop_refused(&self, refusal: &str, now: Millis) -> (Self, Vec<Action>) {
        let mut next = self.clone();
        let mut actions = Vec::new();
        if let Phase::Stopping { reason } = &self.phase {
            let left = format!(
                "stopping deployment {} was refused ({refusal}); `tidegate rollback` deploys {} again",
                self.start.deployment,
                self.start.stable.short()
            );
            next.end(Verdict::Failed { reason: reason.clone(), left, breaker: None }, now, &mut actions);
        }
        (next, actions)
    }

    fn hear_stages(&mut self, seen: &Seen, now: Millis, actions: &mut Vec<Action>) {
        let Some(target) = &seen.target else { return };
        for stage in target.stages.iter().filter(|stage| stage.status.has_begun()) {
            if self.stages_told.insert((seen.deployment.id.clone(), stage.name.clone())) {
                self.moved_at = now;
                actions.push(Action::Report(Event::StageEntered { stage: stage.name.clone() }));
            }
        }
        if let (Some(error), Phase::Moving) = (&seen.deployment.error, &self.phase) {
            let failed = target.stages.iter().find(|stage| stage.status == StageStatus::Failed);
            self.remember_cause(failure::cause(error, failed, &self.start.hooks), actions);
        }
    }

    /// Tells how the tasks and the traffic stand, and which step of the plan that is.
    fn weigh(&mut self, seen: &Seen, now: Millis, actions: &mut Vec<Action>) {
        let Some(target) = &seen.target else { return };
        if !self.goes_back() && self.candidate_set.is_none() {
            self.candidate_set = target.green().map(|set| set.id.clone());
        }
        if self.told.task_sets != target.task_sets {
            self.moved_at = now;
            self.told.task_sets.clone_from(&target.task_sets);
            if let Some(followed) = self.candidates(target).map(|set| set.id.clone()) {
                let rows = target.task_sets.iter().map(|set| set.as_deployment(self.revision_of(set)));
                actions.push(Action::Report(Event::Progressed { deployments: rows.collect(), followed }));
            }
        }
        let set = self.candidates(target).map_or(Percent::NONE, |set| set.weight);
        if self.phase == Phase::Moving {
            self.running = self.candidates(target).map_or(0, |set| set.running);
            self.enter_steps(target, set, now, actions);
        }
        let asked = match (&self.phase, self.start.plan.steps.get(self.watch.step()).map(|step| step.kind)) {
            (Phase::Moving, Some(StepKind::Shift(weight))) => weight,
            (Phase::Moving, Some(StepKind::CleanUp)) => Percent::ALL,
            _ => Percent::NONE,
        };
        let weights = (asked, Some(set), seen.measured);
        let is_news = self.told.weights.is_none_or(|(told_asked, told_set, told_measured)| {
            (told_asked, told_set) != (asked, Some(set))
                || seen.measured.is_some_and(|it| Some(it) != told_measured)
        });
        let has_begun = asked.max(set) > Percent::NONE || self.told.weights.is_some();
        if has_begun && is_news {
            self.told.weights = Some(weights);
            actions.push(Action::Report(Event::Weighed { asked, set: Some(set), measured: seen.measured }));
        }
    }

    /// The task set that holds the candidate, known by its id: the labels of a deployment that goes back need not be
    /// those of the one before.
    fn candidates<'a>(&self, target: &'a Target) -> Option<&'a seen::TaskSet> {
        let id = self.candidate_set.as_ref()?;
        target.task_sets.iter().find(|set| set.id == *id)
    }

    fn goes_back(&self) -> bool {
        matches!(self.phase, Phase::GoingBack { .. })
    }

    fn revision_of(&self, set: &seen::TaskSet) -> &TaskDefinitionArn {
        if self.candidate_set.as_ref() == Some(&set.id) { &self.start.candidate } else { &self.start.stable }
    }

    /// CodeDeploy goes from step to step by itself; each that it has entered begins its watch. A gate
    /// that fails for want of evidence at the end of a step does so when CodeDeploy has left it.
    fn enter_steps(&mut self, target: &Target, weight: Percent, now: Millis, actions: &mut Vec<Action>) {
        let reached = self.position(target, weight);
        while self.watch.step() < reached {
            self.watch.end_bake(now);
            if let Judgement::Break { gate, evidence } = self.watch.judgement(&self.start.plan, now)
                && self.ends_for_want_of_evidence()
            {
                self.throw_back(format!("gate {gate}: {evidence}"), now, actions);
                return;
            }
            let step = self.watch.step() + 1;
            self.watch = Watch::begin(&self.start.plan, step, now, self.start.gates_timeout);
            self.moved_at = now;
            if let Some(entered) = self.start.plan.steps.get(step) {
                let (kind, bake) = (entered.kind, entered.bake);
                actions.push(Action::Report(Event::StepBegan { step, kind, bake }));
            }
        }
    }

    /// Was a gate of the step asked at all? One that nobody could ask in the short moment between two
    /// looks says nothing against the candidate.
    fn ends_for_want_of_evidence(&self) -> bool {
        self.watch.standings().next().is_some()
    }

    fn position(&self, target: &Target, weight: Percent) -> usize {
        let steps = &self.start.plan.steps;
        let begun =
            |name: &str| target.stages.iter().any(|stage| stage.name == name && stage.status.has_begun());
        let is_at = |kind: StepKind| match kind {
            StepKind::Shift(share) => weight > Percent::NONE && share <= weight,
            StepKind::TestTraffic => {
                begun("AllowTestTraffic") || begun("BeforeAllowTraffic") || weight > Percent::NONE
            }
            StepKind::CleanUp => {
                let blue_goes = target.blue().is_none_or(|blue| blue.status == "DRAINING");
                weight == Percent::ALL && begun("AfterAllowTraffic") && blue_goes
            }
            _ => true,
        };
        steps.iter().take_while(|step| is_at(step.kind)).count().saturating_sub(1)
    }

    fn learn_causes(&mut self, seen: &Seen, now: Millis, actions: &mut Vec<Action>) {
        let Some(green) = seen.target.as_ref().and_then(Target::green) else { return };
        if self.phase != Phase::Moving {
            return;
        }
        let Some(tasks) = &seen.stopped_tasks else {
            // One too many is the replacement of one that fails its health checks; under traffic a task that dies is
            // replaced at once, and no count tells of it between two looks.
            let is_telling = green.running != green.desired || self.is_shifting();
            let ends = matches!(seen.deployment.status, Status::Succeeded | Status::Failed | Status::Stopped);
            if is_telling && !ends {
                actions.push(Action::ReadStoppedTasks);
            }
            return;
        };
        self.stopped =
            tasks.iter().filter(|task| task.started_by.as_ref() == Some(&green.id)).cloned().collect();
        let found: Vec<Cause> = self.stopped.iter().filter_map(of_stopped_task).collect();
        for cause in found {
            self.remember_cause(cause, actions);
        }
        if let Some(cause) = self.causes.iter().find(|cause| cause.heals == Heals::Never) {
            let reason = format!("{} ({})", cause.what, cause.said());
            actions.push(Action::Report(Event::RollbackRequested { reason: reason.clone() }));
            self.throw_back(reason, now, actions);
            return;
        }
        let failed = failures(&self.stopped);
        if failed >= most_failures(self.start.desired) {
            let why = self.causes.first().map_or_else(String::new, |cause| format!(": {}", cause.what));
            self.throw_back(format!("{failed} tasks of the candidate failed{why}"), now, actions);
        }
    }

    fn is_shifting(&self) -> bool {
        let step = self.start.plan.steps.get(self.watch.step());
        step.is_some_and(|step| matches!(step.kind, StepKind::Shift(_)))
    }

    fn remember_cause(&mut self, cause: Cause, actions: &mut Vec<Action>) {
        if self.causes.iter().all(|known| known.what != cause.what) {
            self.causes.push(cause.clone());
            actions.push(Action::Report(Event::CauseFound { cause }));
        }
    }

    fn follow_own(&mut self, seen: &Seen, now: Millis, actions: &mut Vec<Action>) {
        let deployment = &seen.deployment;
        match deployment.status {
            Status::Succeeded => self.succeeded(now, actions),
            Status::Failed | Status::Stopped => match &deployment.rollback {
                Some(by) => {
                    let reason = self.reason_of(seen);
                    self.go_back(reason, by.clone(), now, actions);
                }
                None => self.ended_without_rollback(seen, now, actions),
            },
            _ if self.phase == Phase::Moving => {
                self.watch_gates(seen, now, actions);
                if deployment.status == Status::Ready {
                    self.let_traffic_move(now, actions);
                }
            }
            _ => {}
        }
    }

    fn succeeded(&mut self, now: Millis, actions: &mut Vec<Action>) {
        let verdict = match &self.phase {
            Phase::Stopping { reason } => Verdict::Failed {
                reason: reason.clone(),
                left: format!(
                    "deployment {} had ended before it could be stopped, so {} serves; `tidegate rollback` deploys {} again",
                    self.start.deployment,
                    self.start.candidate.short(),
                    self.start.stable.short()
                ),
                breaker: None,
            },
            _ => Verdict::Promoted { task_definition: self.start.candidate.clone(), running: self.running },
        };
        self.end(verdict, now, actions);
    }

    fn watch_gates(&mut self, seen: &Seen, now: Millis, actions: &mut Vec<Action>) {
        match &seen.readings {
            None => {
                let questions = self.watch.questions(&self.start.plan);
                if !questions.is_empty() {
                    actions.push(Action::AskGates(questions));
                    return;
                }
            }
            Some(readings) => {
                for (gate, reading) in readings {
                    let heard = self.watch.hear(&self.start.plan, *gate, reading.clone(), now);
                    actions.extend(heard.into_iter().map(Action::Report));
                }
            }
        }
        if let Judgement::Break { gate, evidence } = self.watch.judgement(&self.start.plan, now) {
            self.throw_back(format!("gate {gate}: {evidence}"), now, actions);
        }
    }

    /// The candidate runs, and CodeDeploy waits to be told that traffic may move.
    fn let_traffic_move(&mut self, now: Millis, actions: &mut Vec<Action>) {
        let is_told = self.told_to_continue.is_some_and(|at| now - at < CONTINUES_WITHIN);
        let passes = self.watch.judgement(&self.start.plan, now) == Judgement::Pass;
        if self.phase == Phase::Moving && passes && !is_told {
            self.told_to_continue = Some(now);
            actions.push(Action::LetTrafficMove);
        }
    }

    fn throw_back(&mut self, reason: String, now: Millis, actions: &mut Vec<Action>) {
        if self.phase != Phase::Moving {
            return;
        }
        self.moved_at = now;
        self.nearness = Nearness::VerdictIsNear;
        actions.push(Action::Report(Event::RollingBack {
            to: self.start.stable.clone(),
            reason: reason.clone(),
        }));
        actions.push(Action::StopWithRollback);
        self.phase = Phase::Stopping { reason };
    }

    fn go_back(&mut self, reason: String, by: DeploymentId, now: Millis, actions: &mut Vec<Action>) {
        if self.phase == Phase::Moving {
            let (to, reason) = (self.start.stable.clone(), reason.clone());
            actions.push(Action::Report(Event::RollingBack { to, reason }));
        }
        self.moved_at = now;
        self.nearness = Nearness::VerdictIsNear;
        self.phase = Phase::GoingBack { reason, by };
    }

    fn follow_rollback(&mut self, reason: &str, seen: &Seen, now: Millis, actions: &mut Vec<Action>) {
        if seen.deployment.id != *self.followed() {
            return;
        }
        match seen.deployment.status {
            Status::Succeeded => {
                let to = self.start.stable.clone();
                let verdict = Verdict::RolledBack { to, reason: reason.to_owned(), breaker: None };
                self.end(verdict, now, actions);
            }
            Status::Failed | Status::Stopped => {
                let said = seen.deployment.error.as_ref().map_or("no reason given", |error| &error.message);
                let left =
                    format!("deployment {}, which was to go back, ended, too: {said}", seen.deployment.id);
                self.end(Verdict::Failed { reason: reason.to_owned(), left, breaker: None }, now, actions);
            }
            _ => {}
        }
    }

    /// The deployment has ended and names none that goes back. CodeDeploy may still be about to; if not,
    /// the weights say who serves.
    fn ended_without_rollback(&mut self, seen: &Seen, now: Millis, actions: &mut Vec<Action>) {
        let since = *self.ended_since.get_or_insert(now);
        self.nearness = Nearness::VerdictIsNear;
        if self.rollback_is_due(seen) && now - since < ROLLBACK_IS_NAMED_WITHIN {
            return;
        }
        let reason = self.reason_of(seen);
        let share = seen
            .target
            .as_ref()
            .map_or(Percent::NONE, |target| target.green().map_or(Percent::NONE, |green| green.weight));
        let by_hand = seen.deployment.error.as_ref().is_some_and(|error| error.code == "MANUAL_STOP");
        let verdict = if share == Percent::NONE && seen.target.is_some() {
            Verdict::RolledBack { to: self.start.stable.clone(), reason, breaker: None }
        } else if by_hand && self.phase == Phase::Moving {
            Verdict::Aborted { reason: format!("{reason}; {share} of production stays with the candidate") }
        } else {
            let left = format!(
                "{share} of production stays with {}; `tidegate rollback` deploys {} again",
                self.start.candidate.short(),
                self.start.stable.short()
            );
            Verdict::Failed { reason, left, breaker: None }
        };
        self.end(verdict, now, actions);
    }

    fn rollback_is_due(&self, seen: &Seen) -> bool {
        // Where there never was a task set of the candidate there is nothing to go back from.
        if self.candidate_set.is_none() && seen.target.is_some() {
            return false;
        }
        let rolls_back = seen.deployment.rolls_back;
        let answers = match seen.deployment.error.as_ref().map(|error| error.code.as_str()) {
            _ if matches!(self.phase, Phase::Stopping { .. }) => Answers::GoesBack,
            Some("ALARM_ACTIVE") => rolls_back.on_alarm,
            Some("MANUAL_STOP") => rolls_back.on_request,
            _ if seen.deployment.status == Status::Stopped => rolls_back.on_request,
            _ => rolls_back.on_failure,
        };
        answers == Answers::GoesBack
    }

    /// Why, in the best words at hand.
    fn reason_of(&self, seen: &Seen) -> String {
        if let Phase::Stopping { reason } | Phase::GoingBack { reason, .. } = &self.phase {
            return reason.clone();
        }
        match (&seen.deployment.error, self.causes.first()) {
            (Some(error), Some(cause)) => format!("{}: {}", cause.what, error.message),
            (Some(error), None) => format!("{}: {}", error.code, error.message),
            (None, _) => "CodeDeploy gave no reason".to_owned(),
        }
    }

    fn reached(&self, seen: &Seen) -> String {
        let mut stages = seen.target.iter().flat_map(|target| &target.stages);
        let last = stages.rfind(|stage| stage.status.has_begun());
        let share = self.told.weights.and_then(|(_, set, _)| set).unwrap_or(Percent::NONE);
        format!(
            "deployment {} is at {} with {share} of production on {}",
            seen.deployment.id,
            last.map_or("its beginning", |stage| &stage.name),
            self.start.candidate.short()
        )
    }

    fn end(&mut self, verdict: Verdict, now: Millis, actions: &mut Vec<Action>) {
        self.phase = Phase::Ended(verdict.clone());
        let duration_ms = now - self.start.started_at;
        actions.push(Action::Report(Event::Decided { verdict, duration_ms }));
    }
}

#[cfg(test)]
mod tests;
