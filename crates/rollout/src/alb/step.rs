//! One step: what was known, and what is seen now, give what is known now, and what to do. Start with
//! [`step`]; one function a phase follows, in the order in which a good release passes them.

use super::follow::{Standing, primary};
use super::progress::{Ending, Fresh, Hold, MeasuredYet, Out, Phase, Progress, Role, Update, described};
use super::request::{Request, Verb};
use super::rule::{Rule, RuleSeen, Way, Weights, Whose};
use super::seen::{Act, Action, Haste, RevisionSeen, Seen};
use super::traffic::{Emptied, Measured, NO_COUNTS, Quiet, SETTLE, measured};
use crate::gate::{Approval, Check, Judgement, Reading, Watch};
use crate::observation::{RolloutState, Service, ServiceSeen};
use crate::plan::StepKind;
use crate::verdict::Verdict;
use crate::{Event, Millis, Percent, TaskDefinitionArn};

/// How often the stable service is moved to the revision before the rollout says that it cannot.
const TRIES: u32 = 3;

/// One step: what was known, and what is seen now, give what is known now, and what to do.
///
/// The actions are carried out in their order: what is to be saved is saved before anything is
/// changed. After [`Action::Act`] or [`Action::Read`] look again at once, without waiting. A rollout
/// that has its verdict answers with itself and no action.
pub fn step(progress: &Progress, seen: &Seen, now: Millis) -> (Progress, Vec<Action>) {
    let mut next = progress.clone();
    let mut out = Out::default();
    next.take_in(seen, now, &mut out);
    let mut actions = Vec::new();
    if next.milestone() != progress.milestone() {
        actions.push(Action::Save);
    }
    actions.extend(out.act.map(Action::Act));
    actions.extend(out.reports.into_iter().map(Action::Report));
    actions.extend(out.reads.into_iter().map(Action::Read));
    (next, actions)
}

impl Progress {
    /// The beginning, for reporters: a runner that takes a rollout up says it again.
    pub fn announced(&self) -> Vec<Event> {
        let kind = self.step_kind();
        let steps = &self.plan().steps;
        let step = steps.iter().position(|step| step.kind == kind).unwrap_or(0);
        let bake = steps.get(step).map_or(0, |step| step.bake);
        vec![Event::PlanMade { plan: self.plan.written() }, Event::StepBegan { step, kind, bake }]
    }

    /// Goes on from phase to phase as far as this look carries: until something is to be done, or to be
    /// waited for.
    fn take_in(&mut self, seen: &Seen, now: Millis, out: &mut Out) {
        if self.verdict.is_some() {
            return;
        }
        self.hear(seen.request.as_ref(), now, out);
        let ground = self.ground(seen.rule.as_ref(), now, out);
        let mut seen = seen.clone();
        let mut phase = None;
        while phase.as_ref() != Some(&self.phase) && self.verdict.is_none() && out.act.is_none() {
            phase = Some(self.phase.clone());
            match &ground {
                Ground::Known(rule) => self.go_on(rule, &seen, now, out),
                Ground::Unknown => self.go_on_unseeing(&seen, now, out),
                Ground::Foreign => {}
            }
            // Each answer is heard once.
            seen.refused = None;
            seen.readings.clear();
        }
    }

    /// What somebody asked for.
    fn hear(&mut self, request: Option<&Request>, now: Millis, out: &mut Out) {
        let Some(request) = request.filter(|request| self.last_request.as_ref() != Some(&request.id)) else {
            return;
        };
        self.last_request = Some(request.id.clone());
        let by = &request.by;
        let is_forward = !self.is_going_home() && !self.is_past_return();
        let said = match request.verb {
            Verb::Pause if is_forward => {
                self.hold = Hold::Paused;
                format!("paused by {by}: the weights stay as they are; gates go on deciding")
            }
            Verb::Resume => {
                self.hold = Hold::Free;
                format!("{by} lets it go on")
            }
            Verb::Promote if is_forward => {
                self.hold = Hold::Free;
                self.promote(by, now, out);
                format!("promoted by {by}: the rest of this step's bake is skipped")
            }
            Verb::Abort if is_forward => {
                let reason = format!("aborted by {by}");
                return self.go_home(Ending::RolledBack { reason }, now, out);
            }
            Verb::Pause | Verb::Promote => {
                format!("{by} asked to {}, and the rollout is on its last steps already", request.verb.name())
            }
            Verb::Abort if self.is_past_return() => format!(
                "{by} asked to abort, and it is too late: the stable service runs {} already, or in part; the work goes on. \
                 Afterwards `tidegate rollback` goes back",
                self.revision.short()
            ),
            Verb::Abort => format!("{by} asked to abort, and traffic is on its way back already"),
        };
        out.tell(Event::Held { reason: said });
    }

    fn promote(&mut self, by: &str, now: Millis, out: &mut Out) {
        self.measured = match self.measured {
            MeasuredYet::NotYet => MeasuredYet::DoneWithout,
            known => known,
        };
        let plan = self.plan.plan.clone();
        let Some(watch) = &mut self.watch else { return };
        watch.end_bake(now);
        for gate in watch.questions(&plan) {
            if matches!(plan.gates.get(gate).map(|gate| &gate.check), Some(Check::Approval { .. })) {
                let granted = Reading::Approval(Approval::Granted { by: by.to_owned() });
                out.reports.extend(watch.hear(&plan, gate, granted, now));
            }
        }
    }

    /// What the rule says, if it is ours. What somebody else changed is never overwritten.
    fn ground(&mut self, seen: Option<&RuleSeen>, now: Millis, out: &mut Out) -> Ground {
        let Some(seen) = seen else { return Ground::Unknown };
        let whose = self.way.judged(seen);
        match (&whose, seen) {
            (Whose::Ours(_), RuleSeen::Found(rule)) => {
                self.fresh.foreign_since = None;
                return Ground::Known(rule.clone());
            }
            // The same share in other numbers, as found by whoever wrote them.
            (Whose::TakenHome(weights), RuleSeen::Found(rule)) if self.way.confirmed.are_home() => {
                self.way.home = *weights;
                self.way.confirmed = *weights;
                return Ground::Known(rule.clone());
            }
            _ => {}
        }
        // One look may be an old picture; nothing is done until the next one agrees.
        let since = *self.fresh.foreign_since.get_or_insert(now);
        if now - since < 2 * self.tick {
            return Ground::Foreign;
        }
        match (whose, seen) {
            (Whose::TakenHome(weights), RuleSeen::Found(rule)) if !self.is_past_return() => {
                self.way.home = weights;
                self.way.asked.push(weights);
                if !self.is_going_home() {
                    let reason = "somebody set the rule's weights back to stable".to_owned();
                    self.go_home(Ending::RolledBack { reason }, now, out);
                }
                return Ground::Known(rule.clone());
            }
            (Whose::TakenHome(weights), _) => {
                self.end_with_foreign_rule(&format!("its weights are {weights}"), now, out);
            }
            (Whose::Foreign(what), _) => self.end_with_foreign_rule(&what, now, out),
            (Whose::Ours(_), _) => {}
        }
        Ground::Foreign
    }

    fn end_with_foreign_rule(&mut self, what: &str, now: Millis, out: &mut Out) {
        let left = format!(
            "the rule and both services stay as they are. To go on, set the weights to {} again and call `tidegate resume` or \
             `tidegate abort`; to leave it, move the traffic with `tidegate shift`",
            self.way.confirmed
        );
        let reason = format!("somebody else changed the rule: {what}");
        self.end(Verdict::Failed { reason, left, breaker: None }, now, out);
    }

    fn go_on(&mut self, rule: &Rule, seen: &Seen, now: Millis, out: &mut Out) {
        if let Some(refusal) = &seen.refused {
            return self.refused(refusal, now, out);
        }
        // What needs nothing but the rule must not wait for anything else.
        match self.phase.clone() {
            Phase::GoingHome { ending } => return self.return_home(ending, rule, now, out),
            Phase::Settling { ending } => return self.settle(ending, seen, now, out),
            _ => {}
        }
        let both = [Role::Stable, Role::Candidate].map(|role| described(seen, role));
        if let Some(role) = gone(both) {
            return self.service_is_gone(role, now, out);
        }
        let [Some(ServiceSeen::Described(stable)), Some(ServiceSeen::Described(candidate))] = both else {
            return self.go_on_unseeing(seen, now, out);
        };
        if self.superseded(stable, candidate, now, out) {
            return;
        }
        match self.phase.clone() {
            Phase::ScalingUp => self.scale_up(candidate, seen, now, out),
            Phase::Shifting { shift } => self.shift(shift, rule, now, out),
            Phase::Baking { shift } => {
                if self.bake(seen, now, out) == Baked::Through {
                    self.after_bake(shift, now, out);
                }
            }
            Phase::Emptying => self.empty(stable, seen, now, out),
            Phase::RollingStable => self.roll_stable(stable, seen, now, out),
            Phase::GivingBack { ending } => self.give_back(&ending, stable, candidate, now, out),
            Phase::GoingHome { .. } | Phase::Settling { .. } => {}
        }
    }

    /// The rule or a service could not be read: nothing goes forward, and what breaks breaks.
    fn go_on_unseeing(&mut self, seen: &Seen, now: Millis, out: &mut Out) {
        match self.phase {
            Phase::Baking { .. } => {
                self.bake(seen, now, out);
            }
            Phase::Settling { .. } | Phase::GivingBack { .. } => {}
            _ => self.overdue("the rule and the services could not be read", now, out),
        }
    }

    // ---- the phases

    fn scale_up(&mut self, candidate: &Service, seen: &Seen, now: Millis, out: &mut Out) {
        let (revision, desired) = (self.revision.clone(), self.found.desired);
        let ours = self.bring(Role::Candidate, &revision, Some(desired), candidate, now, out);
        let Some(ours) = ours else {
            return self.overdue("the candidate service did not take the update", now, out);
        };
        self.candidate_deployment = Some(ours.clone());
        match self.follow(Role::Candidate, &ours, candidate, seen, now, out) {
            Standing::Failed(reason) => self.go_home(Ending::RolledBack { reason }, now, out),
            Standing::Superseded { by, task_definition } => {
                self.go_home(Ending::Superseded { by, task_definition }, now, out);
            }
            Standing::Moving => self.overdue("the candidate's tasks did not get healthy in time", now, out),
            Standing::Steady => {
                let healthy = seen.candidate_targets.map_or(0, |targets| targets.healthy);
                if healthy < desired {
                    let what =
                        format!("only {healthy} of {desired} targets of the candidate got healthy in time");
                    return self.overdue(&what, now, out);
                }
                self.next_shift(0, now, out);
            }
        }
    }

    fn shift(&mut self, shift: usize, rule: &Rule, now: Millis, out: &mut Out) {
        let Some(StepKind::Shift(share)) = self.plan().steps.get(shift + 1).map(|step| step.kind) else {
            return;
        };
        if self.weigh(Weights::of(share), rule, Haste::Ordinary, now, out) {
            self.enter(Phase::Baking { shift }, now);
            self.watch_shift(shift, now);
        } else {
            self.overdue("the rule did not take the weights", now, out);
        }
    }

    fn bake(&mut self, seen: &Seen, now: Millis, out: &mut Out) -> Baked {
        let plan = self.plan.plan.clone();
        let Some(watch) = &mut self.watch else { return Baked::Through };
        for (gate, reading) in &seen.readings {
            out.reports.extend(watch.hear(&plan, *gate, reading.clone(), now));
        }
        let judgement = watch.judgement(&plan, now);
        let broken = match &judgement {
            Judgement::Break { gate, evidence } => Some(format!("gate {gate}: {evidence}")),
            _ if seen.candidate_targets.is_some_and(|targets| targets.healthy == 0) => {
                Some("no target of the candidate is healthy".to_owned())
            }
            _ => self.measure(seen, now, out),
        };
        if let Some(reason) = broken {
            self.go_home(Ending::RolledBack { reason }, now, out);
            return Baked::NotYet;
        }
        let waits = self.measured == MeasuredYet::NotYet || self.hold == Hold::Paused;
        if judgement == Judgement::Pass && !waits { Baked::Through } else { Baked::NotYet }
    }

    fn after_bake(&mut self, shift: usize, now: Millis, out: &mut Out) {
        let next = self.plan().steps.get(shift + 2).map(|step| step.kind);
        if matches!(next, Some(StepKind::Shift(_))) {
            return self.next_shift(shift + 1, now, out);
        }
        self.watch = None;
        self.quiet = Some(Quiet::from(self.way.since.unwrap_or(now)));
        self.enter(Phase::Emptying, now);
        self.began(StepKind::RollStable, out);
    }

    /// Sees the share in the request counts, once for each shift. Answers what is wrong with it.
    fn measure(&mut self, seen: &Seen, now: Millis, out: &mut Out) -> Option<String> {
        if self.measured != MeasuredYet::NotYet {
            return None;
        }
        let set = self.share();
        let is_late = now - self.way.since.unwrap_or(now) >= self.scaled(NO_COUNTS);
        let whole = seen.counted.filter(|counted| counted.until - counted.from >= self.scaled(SETTLE));
        match whole.map(|counted| measured(set, counted)) {
            Some(Measured::Plausible(share)) => {
                self.measured = MeasuredYet::Seen;
                out.tell(Event::Weighed { asked: set, set: Some(set), measured: Some(share) });
            }
            Some(Measured::Contradicts(share)) if is_late && !self.way.is_sticky() => {
                return Some(format!(
                    "the rule gives the candidate {set} and the request counts say {share}: the balancer does not do what the rule says"
                ));
            }
            Some(Measured::Contradicts(_)) if is_late => {
                self.do_without_counts("clients stick to the group that they were sent to first", out);
            }
            Some(Measured::TooLittle) if is_late || self.bake_is_over(now) => {
                self.do_without_counts("there is too little traffic to see the weights in it", out);
            }
            None if is_late => self.do_without_counts("the request counts cannot be had", out),
            _ => {}
        }
        None
    }

    fn do_without_counts(&mut self, why: &str, out: &mut Out) {
        self.measured = MeasuredYet::DoneWithout;
        let set = self.share();
        out.tell(Event::Weighed { asked: set, set: Some(set), measured: None });
        self.note(format!("{why}; going on by what the rule says"), out);
    }

    fn empty(&mut self, stable: &Service, seen: &Seen, now: Millis, out: &mut Out) {
        let tick = self.tick;
        let scaled = |time| crate::pace::on_clock(time, tick);
        let quiet = self.quiet.get_or_insert(Quiet::from(now));
        let emptied = quiet.hear(seen.counted, |counted| counted.stable, scaled, now);
        match emptied {
            Emptied::Yes => {}
            Emptied::NoTraffic => {
                self.note("nobody sends requests; stable's group is empty as far as that tells", out)
            }
            Emptied::Unknown => self.note("the request counts cannot be had; stable's weight is 0", out),
            Emptied::NotYet if self.way.is_sticky() && now >= self.deadline => {
                self.note("clients stick to stable's group; they move as its tasks drain", out);
            }
            Emptied::NotYet => {
                return self.overdue("stable's group still gets requests, though its weight is 0", now, out);
            }
        }
        // The last look before there is no way back.
        let healthy = seen.candidate_targets.map(|targets| targets.healthy);
        match (healthy, seen.revision) {
            (Some(healthy), Some(RevisionSeen::Active)) if healthy >= self.found.desired => {}
            (Some(_), Some(RevisionSeen::Gone)) => {
                let reason =
                    format!("{} was deregistered: the stable service cannot run it", self.revision.short());
                return self.go_home(Ending::RolledBack { reason }, now, out);
            }
            _ => return self.overdue("the candidate does not run in full", now, out),
        }
        if self.hold == Hold::Paused {
            return;
        }
        self.note(
            format!(
                "point of no return: {} served everything and passed; the stable service of {} rolls to it now, and from here on a failure leaves the candidate serving",
                self.revision.short(),
                tasks(stable.desired_count),
            ),
            out,
        );
        self.quiet = None;
        self.enter(Phase::RollingStable, now);
    }

    fn roll_stable(&mut self, stable: &Service, seen: &Seen, now: Millis, out: &mut Out) {
        let revision = self.revision.clone();
        let Some(ours) = self.bring(Role::Stable, &revision, None, stable, now, out) else {
            return self.overdue("the stable service did not take the update", now, out);
        };
        match self.follow(Role::Stable, &ours, stable, seen, now, out) {
            Standing::Moving => self.overdue("the stable service did not get steady in time", now, out),
            Standing::Superseded { by, task_definition } => {
                let reason = format!(
                    "deployment {by} of {} took its place on the stable service",
                    task_definition.short()
                );
                self.end_past_return(reason, now, out);
            }
            Standing::Failed(reason) => {
                self.failures += 1;
                if self.failures >= TRIES {
                    return self.end_past_return(reason, now, out);
                }
                out.tell(Event::Warned {
                    message: format!(
                        "the stable service did not get there ({reason}); the candidate serves, trying again"
                    ),
                });
                self.enter(Phase::RollingStable, now);
            }
            Standing::Steady => {
                let healthy = seen.stable_targets.map_or(0, |targets| targets.healthy);
                if healthy < stable.desired_count {
                    let what = format!(
                        "only {healthy} of {} targets of stable got healthy in time",
                        stable.desired_count
                    );
                    return self.overdue(&what, now, out);
                }
                self.enter(Phase::GoingHome { ending: Ending::Promoted }, now);
                self.began(StepKind::ShiftHome, out);
            }
        }
    }

    fn return_home(&mut self, ending: Ending, rule: &Rule, now: Millis, out: &mut Out) {
        let was_untouched = self.way.is_untouched();
        if self.weigh(self.way.home, rule, Haste::UsersFirst, now, out) {
            self.quiet = Some(Quiet::from(now));
            self.enter(
                if was_untouched { Phase::GivingBack { ending } } else { Phase::Settling { ending } },
                now,
            );
            self.began(StepKind::CleanUp, out);
        } else {
            self.overdue("the rule did not take the weights", now, out);
        }
    }

    fn settle(&mut self, ending: Ending, seen: &Seen, now: Millis, out: &mut Out) {
        let tick = self.tick;
        let scaled = |time| crate::pace::on_clock(time, tick);
        let quiet = self.quiet.get_or_insert(Quiet::from(now));
        match quiet.hear(seen.counted, |counted| counted.candidate, scaled, now) {
            Emptied::Yes => out.tell(Event::Weighed {
                asked: Percent::NONE,
                set: Some(Percent::NONE),
                measured: Some(Percent::NONE),
            }),
            Emptied::NoTraffic => {
                self.note("nobody sends requests; the candidate's group is empty as far as that tells", out)
            }
            Emptied::Unknown => {
                self.note("the request counts cannot be had; the candidate's weight is 0", out)
            }
            Emptied::NotYet if now < self.deadline => return,
            Emptied::NotYet => {
                self.note("the candidate's group still gets requests though its weight is 0, so its tasks stay; take them away with `tidegate scale` once it is quiet", out);
                return self.conclude(&ending, None, now, out);
            }
        }
        self.enter(Phase::GivingBack { ending }, now);
    }

    fn give_back(
        &mut self,
        ending: &Ending,
        stable: &Service,
        candidate: &Service,
        now: Millis,
        out: &mut Out,
    ) {
        // What somebody else deployed to the candidate service stays there.
        if self.candidate_was_replaced(candidate) {
            return self.conclude(ending, Some(stable), now, out);
        }
        let revision = match ending {
            Ending::Promoted => self.revision.clone(),
            _ => self.found.candidate_revision.clone(),
        };
        let desired = self.found.candidate_desired;
        let is_given = self.bring(Role::Candidate, &revision, Some(desired), candidate, now, out).is_some();
        let rests = primary(candidate).is_some_and(|d| {
            d.rollout_state != Some(RolloutState::InProgress) && d.running + d.pending <= desired
        });
        if is_given && rests {
            self.conclude(ending, Some(stable), now, out);
        } else if now >= self.deadline {
            self.note("the candidate service did not take its old count back in time", out);
            self.conclude(ending, Some(stable), now, out);
        }
    }

    // ---- what the phases share

    /// Asks for weights until they are read back. Asking twice changes nothing.
    fn weigh(&mut self, to: Weights, rule: &Rule, haste: Haste, now: Millis, out: &mut Out) -> bool {
        let Some(set) = rule.weights(&self.way.stable, &self.way.candidate) else { return false };
        let asked = to.share().unwrap_or_default();
        if set == to {
            let is_news = self.way.confirmed != to || !self.way.asked.is_empty();
            self.way.confirmed = to;
            self.way.asked.clear();
            if is_news {
                self.way.since = Some(now);
                out.tell(Event::Weighed { asked, set: Some(asked), measured: None });
            }
            return true;
        }
        if !self.way.asked.contains(&to) {
            self.way.asked.push(to);
        }
        let Way { stable, candidate, .. } = &self.way;
        out.act = Some(Act::SetWeights {
            seen: rule.clone(),
            stable: stable.clone(),
            candidate: candidate.clone(),
            to,
            haste,
        });
        false
    }

    /// The traffic goes back to stable now, whatever the phase.
    pub(super) fn go_home(&mut self, ending: Ending, now: Millis, out: &mut Out) {
        let reason = match &ending {
            Ending::RolledBack { reason } => reason.clone(),
            Ending::Superseded { by, .. } => format!("deployment {by} was started by somebody else"),
            Ending::Promoted => String::new(),
        };
        out.act = None;
        out.tell(Event::RollingBack { to: self.found.stable_revision.clone(), reason });
        self.watch = None;
        self.hold = Hold::Free;
        self.enter(Phase::GoingHome { ending }, now);
    }

    fn next_shift(&mut self, shift: usize, now: Millis, out: &mut Out) {
        if self.hold == Hold::Paused {
            return;
        }
        self.watch = None;
        self.enter(Phase::Shifting { shift }, now);
        self.began(self.step_kind(), out);
    }

    /// A shift is watched from now on.
    pub(super) fn watch_shift(&mut self, shift: usize, now: Millis) {
        self.watch = Some(Watch::begin(self.plan(), shift + 1, now, self.gates_timeout));
        self.measured = MeasuredYet::NotYet;
    }

    fn enter(&mut self, phase: Phase, now: Millis) {
        self.phase = phase;
        self.deadline = now + self.timeout;
        self.update = Update::NotAsked;
        self.fresh = Fresh::default();
    }

    fn began(&self, kind: StepKind, out: &mut Out) {
        let steps = &self.plan().steps;
        if let Some(step) = steps.iter().position(|step| step.kind == kind) {
            let bake = steps.get(step).map_or(0, |step| step.bake);
            out.tell(Event::StepBegan { step, kind, bake });
        }
    }

    fn bake_is_over(&self, now: Millis) -> bool {
        self.watch.as_ref().is_none_or(|watch| now >= watch.bake_ends_at())
    }

    fn note(&mut self, message: impl Into<String>, out: &mut Out) {
        let message = message.into();
        if !self.fresh.said.contains(&message) {
            self.fresh.said.push(message.clone());
            out.tell(Event::Warned { message });
        }
    }

    /// The phase took too long.
    fn overdue(&mut self, what: &str, now: Millis, out: &mut Out) {
        if now < self.deadline || self.hold == Hold::Paused {
            return;
        }
        self.give_up(what.to_owned(), now, out);
    }

    /// What AWS refuses will be refused again: a way back is taken where there is one.
    fn refused(&mut self, refusal: &str, now: Millis, out: &mut Out) {
        match &self.phase {
            // The revision that it had may be gone by now; the count is what costs.
            Phase::GivingBack { ending: Ending::RolledBack { .. } | Ending::Superseded { .. } }
                if self.found.candidate_revision != self.revision =>
            {
                self.found.candidate_revision = self.revision.clone();
                self.update = Update::NotAsked;
                self.note(format!("the candidate service keeps {}: {refusal}", self.revision.short()), out);
            }
            Phase::GivingBack { ending } => {
                let ending = ending.clone();
                self.note(format!("the candidate service could not be given its count back: {refusal}"), out);
                self.conclude(&ending, None, now, out);
            }
            Phase::GoingHome { .. } => self.overdue(refusal, now, out),
            _ => self.give_up(refusal.to_owned(), now, out),
        }
    }

    fn give_up(&mut self, reason: String, now: Millis, out: &mut Out) {
        match &self.phase {
            Phase::GoingHome { ending: Ending::Promoted } | Phase::RollingStable => {
                self.end_past_return(reason, now, out);
            }
            Phase::GoingHome { .. } => {
                let left = format!(
                    "the rule gives the candidate {} still; `tidegate abort` tries again, `tidegate shift --to 0` by hand",
                    self.share()
                );
                self.end(Verdict::Failed { reason, left, breaker: None }, now, out);
            }
            _ => self.go_home(Ending::RolledBack { reason }, now, out),
        }
    }

    fn end_past_return(&mut self, reason: String, now: Millis, out: &mut Out) {
        let left = format!(
            "the candidate service goes on serving {} with all the traffic; `tidegate resume` tries the rest again",
            self.revision.short()
        );
        self.end(Verdict::Failed { reason, left, breaker: None }, now, out);
    }

    fn service_is_gone(&mut self, role: Role, now: Millis, out: &mut Out) {
        let reason = format!("the service {} no longer exists", self.service(role));
        if role == Role::Candidate && !self.is_past_return() && !self.is_going_home() {
            return self.go_home(Ending::RolledBack { reason }, now, out);
        }
        self.end(Verdict::Aborted { reason }, now, out);
    }

    /// Has somebody else deployed the service that must stay as it is?
    fn superseded(&mut self, stable: &Service, candidate: &Service, now: Millis, out: &mut Out) -> bool {
        let stays = matches!(
            self.phase,
            Phase::ScalingUp | Phase::Shifting { .. } | Phase::Baking { .. } | Phase::Emptying
        );
        if !stays {
            return false;
        }
        let moved = primary(stable).filter(|d| d.task_definition != self.found.stable_revision);
        let replaced = primary(candidate)
            .filter(|_| self.phase != Phase::ScalingUp && self.candidate_was_replaced(candidate));
        let Some(theirs) = moved.or(replaced) else { return false };
        let (by, task_definition) = (theirs.id.clone(), theirs.task_definition.clone());
        self.go_home(Ending::Superseded { by, task_definition }, now, out);
        true
    }

    fn candidate_was_replaced(&self, candidate: &Service) -> bool {
        let ours = [&self.revision, &self.found.candidate_revision];
        primary(candidate).is_some_and(|d| !ours.contains(&&d.task_definition))
    }

    fn conclude(&mut self, ending: &Ending, stable: Option<&Service>, now: Millis, out: &mut Out) {
        let running = stable.and_then(primary).map_or(self.found.desired, |d| d.running);
        let verdict = match ending {
            Ending::Promoted => Verdict::Promoted { task_definition: self.revision.clone(), running },
            Ending::RolledBack { reason } => Verdict::RolledBack {
                to: self.found.stable_revision.clone(),
                reason: reason.clone(),
                breaker: None,
            },
            Ending::Superseded { by, task_definition } => {
                Verdict::Superseded { by: by.clone(), task_definition: task_definition.clone() }
            }
        };
        self.end(verdict, now, out);
    }

    fn end(&mut self, verdict: Verdict, now: Millis, out: &mut Out) {
        out.act = None;
        self.verdict = Some(verdict.clone());
        out.tell(Event::Decided { verdict, duration_ms: now - self.started_at });
    }

    /// The revision that a service is left with, for reporters.
    pub fn serves(&self) -> &TaskDefinitionArn {
        match &self.verdict {
            Some(Verdict::Promoted { .. }) => &self.revision,
            _ => &self.found.stable_revision,
        }
    }
}

/// What is known of the rule.
enum Ground {
    /// It is as it should be, or as it was asked to be.
    Known(Rule),
    /// It could not be read.
    Unknown,
    /// It is somebody else's doing.
    Foreign,
}

/// Whether a step was watched to its end.
#[derive(PartialEq, Eq)]
enum Baked {
    Through,
    NotYet,
}

/// The first of the two services that no longer exists.
fn gone([stable, candidate]: [Option<&ServiceSeen>; 2]) -> Option<Role> {
    match (stable, candidate) {
        (Some(ServiceSeen::Missing), _) => Some(Role::Stable),
        (_, Some(ServiceSeen::Missing)) => Some(Role::Candidate),
        _ => None,
    }
}

fn tasks(count: u32) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") }
}
