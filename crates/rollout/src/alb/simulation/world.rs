//! The small AWS. Every call is counted, and a fuse ends the process before one of them.

use super::super::check::{Found, begin};
use super::super::rule::{Group, Place, Rule, RuleSeen, Stickiness, Weights};
use super::super::seen::{Act, Counted, Haste, Question, RevisionSeen, Seen, Targets};
use super::super::{Progress, Request, Role, Verb};
use super::Killed;
use crate::gate::{AlarmReading, At, Check, Gate, Reading};
use crate::names::{ClusterName, DeploymentId, ServiceName, ServiceRef};
use crate::observation::{CircuitBreaker, Deployment, RolloutState, Service, ServiceSeen};
use crate::strategy::{CanaryStep, Candidate, Strategy, Traffic};
use crate::{Millis, Percent, TaskDefinitionArn, rolling};

pub(super) const STABLE: &str = "arn:aws:elasticloadbalancing:r:1:targetgroup/stable/1";
pub(super) const CANDIDATE: &str = "arn:aws:elasticloadbalancing:r:1:targetgroup/candidate/2";
const RULE: &str = "arn:aws:elasticloadbalancing:r:1:listener-rule/app/web/1/2/3";
/// Requests a second.
const RATE: u64 = 100;
/// A group must have been silent for so long before its tasks may go.
const SETTLE: Millis = 30_000;

pub(super) fn revision(n: u32) -> TaskDefinitionArn {
    TaskDefinitionArn::parse(&format!("arn:aws:ecs:r:1:task-definition/web:{n}")).expect("valid")
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lost {
    /// It was done, or not; nobody knows.
    Answer,
    /// AWS said no.
    Refused(String),
}

/// How the new revision behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quality {
    Good,
    /// It serves errors: the gate breaks once it has traffic.
    Errors,
    /// Its tasks never come up.
    Crashes,
    /// It is good as a candidate, and the stable service cannot run it.
    CrashesOnStable,
}

/// A service of the world.
#[derive(Debug, Clone)]
pub(super) struct Ecs {
    pub(super) service: Service,
    /// What is described until then: describes may lag behind.
    old: Option<(Millis, Service)>,
    pub(super) updates: u32,
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) now: Millis,
    pub(super) rule: Option<Rule>,
    pub(super) stable: Ecs,
    pub(super) candidate: Ecs,
    pub(super) saved: Option<String>,
    pub(super) request: Option<Request>,
    pub(super) quality: Quality,
    pub(super) calls: usize,
    /// The process ends before this call.
    pub(super) fuse: Option<usize>,
    /// One in so many calls loses its answer, by this state of a generator.
    pub(super) noise: Option<(u64, u64)>,
    pub(super) lag: Millis,
    pub(super) traffic: bool,
    pub(super) counts: bool,
    pub(super) revision_is_active: bool,
    /// UpdateService is refused for this revision.
    pub(super) refused: Option<u32>,
    /// What is known of requests is so late.
    log: Vec<(Millis, u64, u64)>,
    next_deployment: u32,
    foreign: bool,
}

impl World {
    pub(super) fn new(quality: Quality) -> Self {
        let service = |running| Service {
            status: "ACTIVE".into(),
            task_definition: revision(7),
            desired_count: running,
            deployments: vec![deployment(running, 7, running, RolloutState::Completed)],
            events: Vec::new(),
            current_service_deployment: None,
            circuit_breaker: CircuitBreaker::RollsBack,
        };
        let ecs = |running| Ecs { service: service(running), old: None, updates: 0 };
        let group = |arn: &str, weight| Group { arn: arn.into(), weight };
        Self {
            now: 1_000_000,
            rule: Some(Rule {
                arn: RULE.into(),
                place: Place::Rule,
                groups: vec![group(STABLE, 1), group(CANDIDATE, 0)],
                stickiness: Stickiness::Off,
                others: Vec::new(),
            }),
            stable: ecs(4),
            candidate: ecs(0),
            saved: None,
            request: None,
            quality,
            calls: 0,
            fuse: None,
            noise: None,
            lag: 0,
            traffic: true,
            counts: true,
            revision_is_active: true,
            refused: None,
            log: Vec::new(),
            next_deployment: 100,
            foreign: false,
        }
    }

    /// A rollout of revision 8 that may begin.
    pub(super) fn begin(&self, traffic: Traffic) -> Progress {
        let name = |name: &str| ServiceName::parse(name).expect("valid");
        let candidate = Candidate { service: name("web-canary"), rule: None };
        let rule = self.rule.as_ref().expect("a rule");
        begin(Found {
            target: ServiceRef { cluster: ClusterName::parse("prod").expect("valid"), service: name("web") },
            strategy: Strategy::Alb(traffic, candidate),
            gates: vec![Gate {
                name: "errors".into(),
                check: Check::Alarm { alarm: "errors".into() },
                at: At::EveryStep,
            }],
            by: "ada".into(),
            revision: revision(8),
            stable: &self.stable.service,
            maximum_percent: 200,
            candidate: &self.candidate.service,
            stable_group: STABLE,
            candidate_group: CANDIDATE,
            rule,
            timeout: 600_000,
            gates_timeout: 600_000,
            tick: 2_000,
            now: self.now,
        })
        .expect("may begin")
    }

    pub(super) fn canary() -> Traffic {
        let step = |weight| CanaryStep { weight: Percent::whole(weight), bake: 20_000 };
        Traffic::Canary { steps: vec![step(10), step(50)], bake: 20_000 }
    }

    pub(super) fn weights(&self) -> Weights {
        self.rule.as_ref().and_then(|rule| rule.weights(STABLE, CANDIDATE)).expect("two groups")
    }

    /// Somebody else sets the weights.
    pub(super) fn meddle(&mut self, weights: Weights) {
        self.foreign = true;
        self.set(weights);
    }

    fn set(&mut self, weights: Weights) {
        assert!(weights.stable <= 999 && weights.candidate <= 999, "{weights}");
        assert!(weights.stable + weights.candidate > 0, "somebody serves");
        for group in self.rule.iter_mut().flat_map(|rule| &mut rule.groups) {
            group.weight = if group.arn == STABLE { weights.stable } else { weights.candidate };
        }
        self.check();
    }

    /// A call leaves: the process may end before it, and its answer may be lost.
    fn call(&mut self) -> Result<bool, Killed> {
        if self.fuse == Some(self.calls) {
            return Err(Killed);
        }
        self.calls += 1;
        let Some((state, one_in)) = &mut self.noise else { return Ok(true) };
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Ok((*state >> 33) % *one_in != 0)
    }

    pub(super) fn ask(
        &mut self,
        question: &Question,
        progress: &Progress,
        seen: &mut Seen,
    ) -> Result<(), Killed> {
        if matches!(question, Question::Gates(gates) if gates.is_empty()) {
            return Ok(());
        }
        if !self.call()? {
            return Ok(());
        }
        match question {
            Question::Request => seen.request.clone_from(&self.request),
            Question::Rule(arn) => {
                assert_eq!(arn, RULE);
                seen.rule = Some(self.rule.clone().map_or(RuleSeen::Missing, RuleSeen::Found));
            }
            Question::Services => {
                seen.stable = Some(self.stable.described(self.now));
                seen.candidate = Some(self.candidate.described(self.now));
            }
            Question::Targets(Role::Stable) => seen.stable_targets = Some(self.stable.targets()),
            Question::Targets(Role::Candidate) => seen.candidate_targets = Some(self.candidate.targets()),
            Question::Traffic { since } => seen.counted = self.counted(*since),
            Question::Revision(_) => {
                seen.revision =
                    Some(if self.revision_is_active { RevisionSeen::Active } else { RevisionSeen::Gone });
            }
            Question::Gates(gates) => {
                assert!(progress.watch().is_some());
                let is_bad = self.quality == Quality::Errors && self.weights().candidate > 0;
                let state = if is_bad { AlarmReading::Alarm("errors".into()) } else { AlarmReading::Ok };
                seen.readings = gates.iter().map(|gate| (*gate, Reading::Alarm(state.clone()))).collect();
            }
        }
        Ok(())
    }

    pub(super) fn read(
        &mut self,
        action: &rolling::Action,
        progress: &mut Progress,
        seen: &mut Seen,
    ) -> Result<(), Killed> {
        self.call()?;
        match action {
            rolling::Action::ReadServiceDeployment(_) => progress.forget_service_deployment(),
            _ => seen.stopped_tasks = Some(Vec::new()),
        }
        Ok(())
    }

    /// Writes the parameter; answers whether that is known to have worked.
    pub(super) fn save(&mut self, progress: &Progress) -> Result<bool, Killed> {
        // It is read before it is written, so that nobody else's is overwritten.
        self.call()?;
        let is_answered = self.call()?;
        let text = serde_json::to_string(progress).expect("serialisable");
        assert!(text.len() <= 4096, "{} bytes do not fit into a standard parameter", text.len());
        self.saved = Some(text);
        Ok(is_answered)
    }

    pub(super) fn load(&self) -> Option<Progress> {
        self.saved.as_ref().map(|text| serde_json::from_str(text).expect("readable"))
    }

    pub(super) fn act(&mut self, act: &Act) -> Result<Result<(), Lost>, Killed> {
        match act {
            Act::SetWeights { seen, to, .. } => {
                // Read right before, and compared.
                if !self.call()? || self.rule.as_ref() != Some(seen) {
                    return Ok(Err(Lost::Answer));
                }
                let is_answered = self.call()?;
                assert!(!self.foreign, "a rule that somebody else changed is not overwritten");
                self.set(*to);
                Ok(if is_answered { Ok(()) } else { Err(Lost::Answer) })
            }
            Act::UpdateService { role, task_definition, desired } => {
                let is_answered = self.call()?;
                if self.refused == Some(task_definition.revision()) {
                    return Ok(Err(Lost::Refused("TaskDefinition is inactive".into())));
                }
                self.update(*role, task_definition, *desired);
                Ok(if is_answered { Ok(()) } else { Err(Lost::Answer) })
            }
        }
    }

    fn update(&mut self, role: Role, task_definition: &TaskDefinitionArn, desired: Option<u32>) {
        self.check_update(role, desired);
        let (now, lag) = (self.now, self.lag);
        self.next_deployment += 1;
        let id = self.next_deployment;
        let ecs = self.ecs(role);
        let before = ecs.service.clone();
        let changes = before.task_definition != *task_definition;
        assert!(changes || desired.is_some_and(|count| count != before.desired_count), "a double update");
        ecs.updates += 1;
        ecs.old = Some((now + lag, before));
        let service = &mut ecs.service;
        if let Some(count) = desired {
            service.desired_count = count;
        }
        if changes {
            for earlier in &mut service.deployments {
                earlier.status = "ACTIVE".into();
            }
            service.task_definition = task_definition.clone();
            let new = deployment(id, task_definition.revision(), 0, RolloutState::InProgress);
            service.deployments.insert(0, new);
        }
        service.deployments[0].desired = service.desired_count;
    }

    /// What may never be done to a service.
    fn check_update(&self, role: Role, desired: Option<u32>) {
        let weights = self.weights();
        let (weight, running, last) = match role {
            Role::Stable => (weights.stable, &self.stable, self.last_request(|log| log.1)),
            Role::Candidate => (weights.candidate, &self.candidate, self.last_request(|log| log.2)),
        };
        let shrinks = desired.is_some_and(|count| count < running.service.desired_count);
        if role == Role::Stable || shrinks {
            assert_eq!(weight, 0, "{role:?} is touched while it has weight");
            if self.traffic && self.counts {
                let silent = last.map_or(SETTLE, |last| self.now - last);
                assert!(silent >= SETTLE, "{role:?} had a request {silent} ms ago");
            }
        }
    }

    fn last_request(&self, of: impl Fn(&(Millis, u64, u64)) -> u64) -> Option<Millis> {
        self.log.iter().rev().find(|log| of(log) > 0).map(|log| log.0)
    }

    fn ecs(&mut self, role: Role) -> &mut Ecs {
        match role {
            Role::Stable => &mut self.stable,
            Role::Candidate => &mut self.candidate,
        }
    }

    fn counted(&self, since: Millis) -> Option<Counted> {
        if !self.counts {
            return None;
        }
        // What came in the last five seconds is not known yet.
        let until = self.now - 5_000;
        let inside = self.log.iter().filter(|log| log.0 >= since && log.0 < until);
        let (stable, candidate) = inside.fold((0, 0), |sum, log| (sum.0 + log.1, sum.1 + log.2));
        (until > since).then_some(Counted { from: since, until, stable, candidate })
    }

    /// Time goes by, in which tasks start and users ask.
    pub(super) fn advance(&mut self, time: Millis) {
        for _ in 0..(time / 1_000).max(1) {
            self.now += 1_000;
            let quality = self.quality;
            self.stable.tick(|r| r != 8 || !matches!(quality, Quality::Crashes | Quality::CrashesOnStable));
            self.candidate.tick(|r| r != 8 || quality != Quality::Crashes);
            if self.traffic {
                let weights = self.weights();
                let (s, c) = (u64::from(weights.stable), u64::from(weights.candidate));
                self.log.push((self.now, RATE * s / (s + c), RATE * c / (s + c)));
            }
            self.check();
        }
    }

    /// Whoever has weight has tasks.
    fn check(&self) {
        if self.foreign {
            return;
        }
        let weights = self.weights();
        for (weight, ecs) in [(weights.stable, &self.stable), (weights.candidate, &self.candidate)] {
            assert!(weight == 0 || ecs.targets().healthy > 0, "weight {weight} and nobody there: {ecs:#?}");
        }
    }

    /// What somebody else did is as it should be again.
    pub(super) fn forgiven(self) -> Self {
        Self { foreign: false, ..self }
    }

    /// Somebody else deploys the stable service.
    pub(super) fn deploy_stable(&mut self, to: u32) {
        let ecs = &mut self.stable;
        for earlier in &mut ecs.service.deployments {
            earlier.status = "ACTIVE".into();
        }
        let mut new = deployment(999, to, 0, RolloutState::InProgress);
        new.desired = ecs.service.desired_count;
        ecs.service.task_definition = revision(to);
        ecs.service.deployments.insert(0, new);
    }

    /// Somebody asks for something.
    pub(super) fn ask_for(&mut self, verb: Verb) {
        self.request = Some(Request { id: format!("r{}", self.now), verb, by: "bob".into() });
    }
}

impl Ecs {
    fn described(&self, now: Millis) -> ServiceSeen {
        let service = match &self.old {
            Some((until, old)) if now < *until => old,
            _ => &self.service,
        };
        ServiceSeen::Described(Box::new(service.clone()))
    }

    pub(super) fn targets(&self) -> Targets {
        Targets { healthy: self.service.deployments.iter().map(|d| d.running).sum(), others: 0 }
    }

    /// A second of the service scheduler: one task starts, then one of the old ones goes.
    fn tick(&mut self, comes_up: impl Fn(u32) -> bool) {
        let service = &mut self.service;
        let desired = service.desired_count;
        let Some((newest, older)) = service.deployments.split_first_mut() else { return };
        let good = comes_up(newest.task_definition.revision());
        newest.running = newest.running.min(desired);
        if newest.running < desired && good {
            newest.running += 1;
        }
        if !good && newest.running < desired && newest.rollout_state == Some(RolloutState::InProgress) {
            newest.failed += 1;
            if newest.failed >= 3 {
                newest.rollout_state = Some(RolloutState::Failed);
                newest.status = "ACTIVE".into();
                newest.running = 0;
                newest.rollout_state_reason =
                    Some("ECS deployment circuit breaker: tasks failed to start.".into());
                // The last completed one becomes the newest again.
                if let Some(back) =
                    older.iter_mut().find(|d| d.rollout_state == Some(RolloutState::Completed))
                {
                    back.status = "PRIMARY".into();
                    back.desired = desired;
                    back.rollout_state_reason =
                        Some("ECS deployment circuit breaker: rolling back to deploymentId x.".into());
                    service.task_definition = back.task_definition.clone();
                }
                let failed = service.deployments.remove(0);
                service.deployments.insert(1, failed);
                return;
            }
        }
        let running = newest.running;
        for old in older {
            old.running = old.running.min(desired.saturating_sub(running)).max(old.running.saturating_sub(1));
        }
        if running == desired && good {
            service.deployments.retain(|d| d.is_primary() || d.running > 0);
            if service.deployments.len() == 1 {
                service.deployments[0].rollout_state = Some(RolloutState::Completed);
            }
        }
    }
}

fn deployment(id: u32, revision_number: u32, running: u32, state: RolloutState) -> Deployment {
    Deployment {
        id: DeploymentId::answered(format!("ecs-svc/{id}")),
        status: "PRIMARY".into(),
        task_definition: revision(revision_number),
        desired: running,
        running,
        pending: 0,
        failed: 0,
        rollout_state: Some(state),
        rollout_state_reason: None,
        created_at: None,
    }
}

/// Is this done even where nothing can be saved?
pub(super) fn is_hasty(act: &Act) -> bool {
    matches!(act, Act::SetWeights { haste: Haste::UsersFirst, .. })
}
