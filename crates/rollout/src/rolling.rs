//! A rolling deployment followed to its verdict. It follows the deployment that its own
//! UpdateService answered and must never take another one's success for its own: AWS's
//! `ServicesStable` waiter calls a service that went back to the old revision stable. Start with
//! [`step`]; what a look means is decided in `judge`.

mod drain;
mod judge;

use crate::Millis;
use crate::cause::{Cause, Heals, of_service_event, of_stopped_task};
use crate::diagnosis::{Diagnosis, events_that_tell, failures, group_stopped, most_failures};
use crate::event::Event;
use crate::gate::Standing;
use crate::names::{DeploymentId, ServiceDeploymentArn, ServiceRef, TaskDefinitionArn};
use crate::observation::{
    CircuitBreaker, Deployment, Observation, Service, ServiceEvent, ServiceSeen, StoppedTask,
};
use crate::pace::{Nearness, Pulse};
use crate::verdict::Verdict;
use drain::Drain;
use judge::{Judgement, judge};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One step: what was known, and what is seen now, give what is known now, and what to do.
///
/// Reading actions ([`Action::ReadServiceDeployment`], [`Action::ReadStoppedTasks`]) ask for more
/// of the same look: carry them out and step again with the fuller observation, without waiting.
/// A rollout that has its verdict answers with itself and no action.
pub fn step(rollout: &Rollout, seen: &Observation, now: Millis) -> (Rollout, Vec<Action>) {
    let mut next = rollout.clone();
    let mut actions = Vec::new();
    if next.verdict().is_some() {
        return (next, actions);
    }
    let ServiceSeen::Described(service) = &seen.service else {
        next.end(Verdict::Aborted { reason: "the service no longer exists".into() }, now, &mut actions);
        return (next, actions);
    };
    next.learn_service_deployment(service);
    next.hear_events(service, now, &mut actions);
    next.count_tasks(service, now, &mut actions);
    next.learn_causes(seen, &mut actions);
    next.hear_alarms(seen, &mut actions);
    next.drain.learn(seen.deregistration_delay);

    match judge(&next, service, seen.service_deployment.as_ref(), now) {
        Judgement::Ended(verdict) => next.end(verdict, now, &mut actions),
        Judgement::AskServiceDeployment(arn) => {
            actions.push(Action::ReadServiceDeployment(arn));
        }
        Judgement::GoingBack { to, reason } => next.go_back(to, reason, now, &mut actions),
        Judgement::Failing { since } => {
            next.failed_since = Some(since);
            next.nearness = Nearness::VerdictIsNear;
        }
        Judgement::Waiting(nearness) => {
            next.nearness = nearness;
            next.give_up_on_the_hopeless(service, now, &mut actions);
        }
    }
    if next.verdict().is_none() {
        actions.extend(next.drain.question().map(Action::ReadDeregistrationDelay));
        next.ask_for_stopped_tasks(service, seen, &mut actions);
    }
    (next, actions)
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Hand this to the reporters.
    Report(Event),
    /// Read this service deployment and step again.
    ReadServiceDeployment(ServiceDeploymentArn),
    /// Read the stopped tasks that this deployment started and step again.
    ReadStoppedTasks(DeploymentId),
    /// Read the deregistration delay of this target group and step again.
    ReadDeregistrationDelay(String),
    /// A step of the plan begins that gives the candidate this share: requests count from here on.
    BeginStep(crate::Percent),
    /// Ask these gates of the plan, count the requests, and step again.
    AskGates(Vec<usize>),
    /// `ContinueServiceDeployment` with action CONTINUE for this hook.
    Continue {
        /// The service deployment.
        arn: ServiceDeploymentArn,
        /// The hook.
        hook: String,
    },
    /// `StopServiceDeployment` with stopType ROLLBACK. If AWS refuses, call [`Rollout::rollback_refused`].
    RequestRollback(ServiceDeploymentArn),
}

/// A deployment that is followed look by look, whatever its strategy.
pub trait Following: Clone {
    /// One step; see [`step`].
    fn step(&self, seen: &Observation, now: Millis) -> (Self, Vec<Action>);
    /// What every deployment of a service has: its events, counts and verdict.
    fn followed(&self) -> &Rollout;
    /// The same, to be told what a call of the shell brought about.
    fn followed_mut(&mut self) -> &mut Rollout;
    /// Can it be followed by the deployments of the service alone?
    fn needs_service_deployment(&self) -> NeedsServiceDeployment;
}

/// Whether a deployment can be followed without its service deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeedsServiceDeployment {
    /// The deployments of the service tell enough.
    No,
    /// Its stages and hooks are nowhere else.
    Yes,
}

impl Following for Rollout {
    fn step(&self, seen: &Observation, now: Millis) -> (Self, Vec<Action>) {
        step(self, seen, now)
    }

    fn followed(&self) -> &Rollout {
        self
    }

    fn followed_mut(&mut self) -> &mut Rollout {
        self
    }

    fn needs_service_deployment(&self) -> NeedsServiceDeployment {
        NeedsServiceDeployment::No
    }
}

/// Who takes a failed deployment back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WayBack {
    /// The circuit breaker, where it is on: asking ECS for it earlier changes only when.
    #[default]
    OfTheBreaker,
    /// Both revisions run, so there is always a way back.
    OfTheStrategy,
}

/// What is known when UpdateService has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The service.
    pub target: ServiceRef,
    /// The revision that is rolled out.
    pub candidate: TaskDefinitionArn,
    /// The deployment that the answer names PRIMARY.
    pub deployment: DeploymentId,
    /// The service deployment, if the answer names one that was not there before.
    pub service_deployment: Option<ServiceDeploymentArn>,
    /// The service deployment that was current before UpdateService, which is not ours.
    pub earlier_service_deployment: Option<ServiceDeploymentArn>,
    /// The deployments that were there before.
    pub earlier_deployments: BTreeSet<DeploymentId>,
    /// The ids of the service events that were there before.
    pub known_events: BTreeSet<String>,
    /// When UpdateService answered.
    pub started_at: Millis,
    /// When to stop waiting.
    pub deadline: Millis,
}

/// One attempt to move a service to a revision, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    target: ServiceRef,
    candidate: TaskDefinitionArn,
    deployment: DeploymentId,
    service_deployment: Option<ServiceDeploymentArn>,
    earlier_service_deployment: Option<ServiceDeploymentArn>,
    earlier_deployments: BTreeSet<DeploymentId>,
    known_events: BTreeSet<String>,
    started_at: Millis,
    deadline: Millis,
    phase: Phase,
    #[serde(default)]
    way_back: WayBack,
    /// When the deployment was first seen FAILED with nothing said about what follows.
    failed_since: Option<Millis>,
    counted: Vec<Deployment>,
    moved_at: Millis,
    nearness: Nearness,
    drain: Drain,
    /// The failure count for which stopped tasks were last read.
    failures_looked_into: u32,
    trouble_to_look_into: bool,
    /// Has the candidate run in full? From then on ECS's circuit breaker counts nothing, and whatever dies is news.
    #[serde(default)]
    was_full: bool,
    /// Deployment alarms that went off, and were told.
    #[serde(default)]
    alarms: BTreeSet<String>,
    causes: Vec<Cause>,
    events: Vec<ServiceEvent>,
    stopped: Vec<StoppedTask>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Moving,
    RollbackRequested { reason: String },
    GoingBack { reason: String },
    Ended(Verdict),
}

impl Rollout {
    /// A rollout whose UpdateService has just been answered.
    pub fn begin(start: Start) -> Self {
        Self {
            target: start.target,
            candidate: start.candidate,
            deployment: start.deployment,
            service_deployment: start.service_deployment,
            earlier_service_deployment: start.earlier_service_deployment,
            earlier_deployments: start.earlier_deployments,
            known_events: start.known_events,
            started_at: start.started_at,
            deadline: start.deadline,
            phase: Phase::Moving,
            way_back: WayBack::default(),
            failed_since: None,
            counted: Vec::new(),
            moved_at: start.started_at,
            nearness: Nearness::VerdictIsFar,
            drain: Drain::default(),
            failures_looked_into: 0,
            trouble_to_look_into: false,
            was_full: false,
            alarms: BTreeSet::new(),
            causes: Vec::new(),
            events: Vec::new(),
            stopped: Vec::new(),
        }
    }

    /// A rollout that somebody else started, picked up from what the service shows now: the failed
    /// deployment if the service is going back from one, else the newest. `None` if the service has
    /// no deployments (another controller keeps them).
    pub fn attach(target: ServiceRef, service: &Service, now: Millis, deadline: Millis) -> Option<Self> {
        let primary = service.deployments.iter().find(|d| d.is_primary())?;
        // One that failed and is newer than the PRIMARY was the PRIMARY, and is gone back from.
        let failed = service
            .deployments
            .iter()
            .filter(|d| !d.is_primary() && d.rollout_state == Some(crate::observation::RolloutState::Failed))
            .find(|d| judge::says_rolling_back(primary) || d.created_at > primary.created_at);
        let followed = failed.unwrap_or(primary);
        // What was said on the way to where it stands is over with it.
        let is_over = followed.rollout_state == Some(crate::observation::RolloutState::Completed);
        let since = followed.created_at.filter(|_| !is_over).unwrap_or(now);
        let earlier =
            service.deployments.iter().filter(|d| d.id != followed.id && d.created_at <= followed.created_at);
        Some(Self::begin(Start {
            target,
            candidate: followed.task_definition.clone(),
            deployment: followed.id.clone(),
            service_deployment: service.current_service_deployment.clone(),
            earlier_service_deployment: None,
            earlier_deployments: earlier.map(|d| d.id.clone()).collect(),
            known_events: service.events.iter().filter(|e| e.at < since).map(|e| e.id.clone()).collect(),
            started_at: now,
            deadline,
        }))
    }

    /// The verdict, once there is one.
    pub fn verdict(&self) -> Option<&Verdict> {
        match &self.phase {
            Phase::Ended(verdict) => Some(verdict),
            _ => None,
        }
    }

    /// The deployment that is followed.
    pub fn deployment(&self) -> &DeploymentId {
        &self.deployment
    }

    /// The service.
    pub fn target(&self) -> &ServiceRef {
        &self.target
    }

    /// What [`crate::pace::next_look`] needs.
    pub fn pulse(&self) -> Pulse {
        Pulse { moved_at: self.moved_at, nearness: self.nearness, drained_at: self.drain.ends_at() }
    }

    /// The revision that is rolled out.
    pub fn candidate(&self) -> &TaskDefinitionArn {
        &self.candidate
    }

    /// The service events of this rollout, oldest first.
    pub fn events(&self) -> &[ServiceEvent] {
        &self.events
    }

    /// The service deployment, once it is known.
    pub fn service_deployment(&self) -> Option<&ServiceDeploymentArn> {
        self.service_deployment.as_ref()
    }

    /// The same rollout of a strategy that has always a way back.
    #[must_use]
    pub(crate) fn with_way_back(mut self) -> Self {
        self.way_back = WayBack::OfTheStrategy;
        self
    }

    /// Is it on its way forth, with nobody having asked for anything else?
    pub(crate) fn is_moving(&self) -> bool {
        matches!(self.phase, Phase::Moving)
    }

    /// Something moved that the service itself does not show.
    pub(crate) fn moved(&mut self, now: Millis) {
        self.moved_at = now;
    }

    /// A gate is watched, or a hook waits: the next look comes soon.
    pub(crate) fn look_soon(&mut self) {
        self.nearness = Nearness::VerdictIsNear;
    }

    /// Takes the deployment back, for a reason of ours. Nothing where it goes back already.
    pub(crate) fn throw_back(&mut self, reason: String, actions: &mut Vec<Action>) {
        if let Some(arn) = self.service_deployment.clone().filter(|_| self.is_moving()) {
            self.ask_to_go_back(arn, reason, actions);
        }
    }

    /// Somebody wants the deployment taken back now. There is an action that asks for it where the service deployment
    /// is known.
    pub fn aborted(&self, reason: String) -> (Self, Vec<Action>) {
        let (mut next, mut actions) = (self.clone(), Vec::new());
        next.throw_back(reason, &mut actions);
        (next, actions)
    }

    /// AWS does not know, or does not show, the service deployment: go by the deployments alone.
    pub fn forget_service_deployment(&mut self) {
        self.earlier_service_deployment = self.service_deployment.take();
    }

    /// The latest stopped tasks that were read.
    pub fn stopped_tasks(&self) -> &[StoppedTask] {
        &self.stopped
    }

    /// What is known about a failure without any further call.
    pub fn diagnosis(&self, most_events: usize) -> Diagnosis {
        let mut causes = self.causes.clone();
        causes.sort_by_key(|cause| cause.heals == Heals::Perhaps);
        Diagnosis {
            causes,
            events: events_that_tell(&self.events, most_events),
            stopped: group_stopped(&self.stopped),
            ..Diagnosis::default()
        }
    }

    /// Takes stopped tasks that were read after the verdict into the evidence.
    #[must_use]
    pub fn with_stopped_tasks(mut self, tasks: &[StoppedTask]) -> Self {
        self.take_stopped_tasks(tasks);
        self
    }

    /// AWS refused the rollback that was asked for: the wait ends, since waiting cannot help.
    pub fn rollback_refused(&self, refusal: &str, now: Millis) -> (Self, Vec<Action>) {
        let mut next = self.clone();
        let mut actions = Vec::new();
        let reason = match &self.phase {
            Phase::RollbackRequested { reason } => reason.clone(),
            _ => return (next, actions),
        };
        let left = format!("ECS goes on trying by itself; asking it to roll back was refused: {refusal}");
        next.end(Verdict::Failed { reason, left, breaker: None }, now, &mut actions);
        (next, actions)
    }

    /// The deadline, and what counts as the beginning, as one pair for tests and displays.
    pub fn window(&self) -> (Millis, Millis) {
        (self.started_at, self.deadline)
    }

    fn followed<'a>(&self, service: &'a Service) -> Option<&'a Deployment> {
        service.deployments.iter().find(|d| d.id == self.deployment)
    }

    /// While our deployment is the newest, the service's current service deployment is ours, unless
    /// it is the one that was there before.
    fn learn_service_deployment(&mut self, service: &Service) {
        let ours_is_newest = self.followed(service).is_some_and(Deployment::is_primary);
        if self.service_deployment.is_some() || !ours_is_newest {
            return;
        }
        let current = service.current_service_deployment.clone();
        if current != self.earlier_service_deployment {
            self.service_deployment = current;
        }
    }

    fn hear_events(&mut self, service: &Service, now: Millis, actions: &mut Vec<Action>) {
        // Newest first in the answer, oldest first for people.
        for event in service.events.iter().rev() {
            if !self.known_events.insert(event.id.clone()) {
                continue;
            }
            self.moved_at = now;
            actions.push(Action::Report(Event::ServiceSaid {
                said_at: event.at,
                message: event.message.clone(),
            }));
            self.drain.hear(&event.message, now);
            self.trouble_to_look_into |= self.was_full && is_about_tasks_that_start(&event.message);
            if let Some(cause) = of_service_event(&event.message) {
                self.trouble_to_look_into = true;
                self.remember_cause(cause, actions);
            }
            self.events.push(event.clone());
        }
    }

    fn count_tasks(&mut self, service: &Service, now: Millis, actions: &mut Vec<Action>) {
        if self.counted == service.deployments {
            return;
        }
        self.moved_at = now;
        self.counted.clone_from(&service.deployments);
        self.was_full |=
            self.followed(service).is_some_and(|ours| ours.desired > 0 && ours.running >= ours.desired);
        actions.push(Action::Report(Event::Progressed {
            deployments: service.deployments.clone(),
            followed: self.deployment.clone(),
        }));
    }

    fn learn_causes(&mut self, seen: &Observation, actions: &mut Vec<Action>) {
        let Some(tasks) = &seen.stopped_tasks else {
            return;
        };
        for cause in self.take_stopped_tasks(tasks) {
            actions.push(Action::Report(Event::CauseFound { cause }));
        }
    }

    /// A deployment alarm is a gate that ECS itself watches.
    fn hear_alarms(&mut self, seen: &Observation, actions: &mut Vec<Action>) {
        let known = seen.service_deployment.iter().flat_map(|known| &known.triggered_alarms);
        for alarm in known {
            if self.alarms.insert(alarm.clone()) {
                let standing = Standing::Broken { evidence: format!("alarm {alarm} went off") };
                actions.push(Action::Report(Event::GateStands { gate: alarm.clone(), standing }));
            }
        }
    }

    fn take_stopped_tasks(&mut self, tasks: &[StoppedTask]) -> Vec<Cause> {
        self.stopped =
            tasks.iter().filter(|task| task.started_by.as_ref() == Some(&self.deployment)).cloned().collect();
        let mut found = Vec::new();
        for cause in self.stopped.iter().filter_map(of_stopped_task) {
            if self.causes.iter().all(|known| known.what != cause.what) {
                self.causes.push(cause.clone());
                found.push(cause);
            }
        }
        found
    }

    fn remember_cause(&mut self, cause: Cause, actions: &mut Vec<Action>) {
        if self.causes.iter().all(|known| known.what != cause.what) {
            self.causes.push(cause.clone());
            actions.push(Action::Report(Event::CauseFound { cause }));
        }
    }

    /// Ends the wait at the first sight of a cause that cannot heal. Where the service's own circuit
    /// breaker would roll back after a few more failures, ECS is asked to do it now.
    fn give_up_on_the_hopeless(&mut self, service: &Service, now: Millis, actions: &mut Vec<Action>) {
        if self.phase != Phase::Moving {
            return;
        }
        let is_taken_back = match self.way_back {
            WayBack::OfTheBreaker => service.circuit_breaker == CircuitBreaker::RollsBack,
            WayBack::OfTheStrategy => true,
        };
        let way_back =
            self.service_deployment.clone().filter(|_| is_taken_back && !self.earlier_deployments.is_empty());
        match (self.hopeless(), self.keeps_dying(), way_back) {
            (Some(reason), _, Some(arn)) | (None, Some(reason), Some(arn)) => {
                self.ask_to_go_back(arn, reason, actions);
            }
            (Some(reason), _, None) => {
                let left = judge::what_is_left(self, service);
                self.end(Verdict::Failed { reason, left, breaker: None }, now, actions);
            }
            // It may come to rest yet, and with no way back nothing is gained by leaving it.
            (None, _, _) => {}
        }
    }

    fn hopeless(&self) -> Option<String> {
        let cause = self.causes.iter().find(|cause| cause.heals == Heals::Never)?;
        Some(format!("{} ({})", cause.what, cause.said()))
    }

    /// Tasks of the candidate came up and die, again and again, while the deployment waits for something else.
    fn keeps_dying(&self) -> Option<String> {
        let desired = self.counted.iter().find(|it| it.id == self.deployment)?.desired;
        let died = failures(&self.stopped);
        if !self.was_full || died < most_failures(desired) {
            return None;
        }
        let why = self.causes.last().map_or_else(String::new, |cause| format!(": {}", cause.what));
        Some(format!("{died} tasks of the candidate died after they had come up{why}"))
    }

    /// Asks ECS to take the deployment back now.
    fn ask_to_go_back(&mut self, arn: ServiceDeploymentArn, reason: String, actions: &mut Vec<Action>) {
        actions.push(Action::Report(Event::RollbackRequested { reason: reason.clone() }));
        actions.push(Action::RequestRollback(arn));
        self.phase = Phase::RollbackRequested { reason };
        self.nearness = Nearness::VerdictIsNear;
    }

    fn ask_for_stopped_tasks(&mut self, service: &Service, seen: &Observation, actions: &mut Vec<Action>) {
        let failures = self.followed(service).map_or(0, |d| d.failed);
        let due = failures > self.failures_looked_into || self.trouble_to_look_into;
        let moving = matches!(self.phase, Phase::Moving);
        if due && moving && seen.stopped_tasks.is_none() {
            actions.push(Action::ReadStoppedTasks(self.deployment.clone()));
        }
        // A count that fell (a healthy task resets it) and grows again is news again.
        self.failures_looked_into = failures;
        self.trouble_to_look_into = false;
    }

    fn go_back(&mut self, to: TaskDefinitionArn, reason: String, now: Millis, actions: &mut Vec<Action>) {
        self.nearness = Nearness::VerdictIsNear;
        if matches!(self.phase, Phase::GoingBack { .. }) {
            return;
        }
        self.moved_at = now;
        actions.push(Action::Report(Event::RollingBack { to, reason: reason.clone() }));
        self.phase = Phase::GoingBack { reason };
    }

    fn end(&mut self, verdict: Verdict, now: Millis, actions: &mut Vec<Action>) {
        self.phase = Phase::Ended(verdict.clone());
        actions.push(Action::Report(Event::Decided { verdict, duration_ms: now - self.started_at }));
    }
}

/// `(service web) has started 3 tasks: …`.
fn is_about_tasks_that_start(message: &str) -> bool {
    message.contains(" has started ")
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
