//! One step of the loop: what ended is taken in, what was begun is taken up, what must go back goes back, and what may
//! begin begins. It must never begin a content that was thrown back, a service before what it depends on, or more at
//! once than is allowed. Start with [`step`].

use crate::Millis;
use crate::event::SyncEvent;
use crate::memory::{How, Joint, Memory, Moving, Overridden, ThrownBack, shortened};
use crate::plan::{Id, Plan, Unit, Wanted};
use crate::state::{Action, Ended, Seen, Standing, State, Wait, Work};
use std::collections::BTreeMap;

/// How long the first wait is after something could not begin; each next is twice as long.
const FIRST_WAIT: Millis = 30_000;
/// The longest wait.
const LONGEST_WAIT: Millis = 15 * 60_000;
/// How often a service is tried to be brought back.
const TRIES_BACK: u32 = 6;

/// Takes in what was seen, and answers what to do.
pub fn step(state: &State, seen: &Seen<'_>, now: Millis) -> (State, Vec<Action>) {
    let mut step = Step { state: state.clone(), seen, now, actions: Vec::new() };
    step.note_plan();
    for (id, ended) in &seen.ended {
        step.take_in(id, ended);
    }
    step.fail_releases();
    step.note_standings();
    step.take_up();
    step.go_back();
    if let Some(plan) = seen.plan {
        step.settle_releases(plan);
        step.heal(plan);
        step.begin(plan);
        step.tell_in_sync(plan);
    }
    (step.state, step.actions)
}

struct Step<'a> {
    state: State,
    seen: &'a Seen<'a>,
    now: Millis,
    actions: Vec<Action>,
}

impl Step<'_> {
    /// A standing is about one content: when another is wanted, it has to be looked at again.
    fn note_plan(&mut self) {
        let Some(plan) = self.seen.plan else { return };
        let mut wanted = BTreeMap::new();
        for unit in plan.units() {
            for member in &unit.members {
                let content = format!("{} {}", member.digest, unit.digest);
                if self.state.wanted.get(&member.id) != Some(&content) {
                    self.state.standings.remove(&member.id);
                    if self.memory(&member.id).moving.is_none() {
                        self.state.waits.remove(&member.id);
                    }
                }
                wanted.insert(member.id.clone(), content);
            }
        }
        self.state.standings.retain(|id, _| wanted.contains_key(id));
        self.state.wanted = wanted;
        let commit = plan.commit().clone();
        let seen = SyncEvent::CommitSeen { commit, services: self.state.wanted.len() };
        if self.state.told.get("commit") != Some(&seen) {
            // What stops a commit is told once for each commit that it stops.
            self.state.told.retain(|about, _| !about.starts_with("wave ") && !about.starts_with("again "));
        }
        self.tell("commit", seen);
    }

    fn note_standings(&mut self) {
        for (id, standing) in &self.seen.standings {
            // What is being moved is judged by its verdict, not by a look in between.
            if self.state.work.contains_key(id) {
                continue;
            }
            if let Standing::Unknown { reason } = standing {
                self.tell(
                    &format!("ask {id}"),
                    SyncEvent::CouldNotAsk { service: id.clone(), reason: reason.clone() },
                );
            } else {
                self.state.told.remove(&format!("ask {id}"));
            }
            if matches!(standing, Standing::InSync)
                && self.memory(id).moving.is_none()
                && self.back_of(id).is_none()
            {
                self.state.waits.remove(id);
            }
            self.state.standings.insert(id.clone(), standing.clone());
        }
    }

    fn take_in(&mut self, id: &Id, ended: &Ended) {
        let Some(work) = self.state.work.remove(id) else { return };
        if work == Work::GoingBack {
            return self.take_in_return(id, ended);
        }
        let mut memory = self.memory(id);
        let Some(moving) = memory.moving.clone() else { return };
        // Only a rollout of what is wanted now says how the service stands; after all else it is looked at again.
        self.state.standings.remove(id);
        match ended {
            Ended::Promoted => {
                memory.moving = None;
                memory.thrown_back = None;
                if work == Work::Rollout && self.wants(id, &moving.digest) {
                    self.state.standings.insert(id.clone(), Standing::InSync);
                }
                self.state.waits.remove(id);
                self.save(id, memory);
                self.report(SyncEvent::Promoted { service: id.clone(), commit: moving.commit });
            }
            Ended::ThrownBack { how, reason } => self.thrown_back(id, memory, &moving, *how, reason),
            Ended::NotBegun { reason } if self.has_moved_others(id, &memory) => {
                let reason = format!("could not begin: {reason}");
                self.thrown_back(id, memory, &moving, How::Failed, &reason);
            }
            Ended::NotBegun { reason } => {
                memory.moving = None;
                // A part that moved earlier, with another content of its release, still has its way back.
                memory.joint = memory.joint.filter(|joint| joint.back.is_some() || joint.from != moving.from);
                self.save(id, memory);
                let again_at = self.wait(id);
                let (service, reason) = (id.clone(), reason.clone());
                self.report(SyncEvent::Refused { service, reason, again_at });
            }
            Ended::GoesOn { reason } => {
                let again_at = self.wait(id);
                let (service, reason) = (id.clone(), reason.clone());
                self.report(SyncEvent::GoesOn { service, reason, again_at });
            }
            Ended::NothingThere => {
                memory.moving = None;
                self.save(id, memory);
            }
        }
    }

    fn thrown_back(&mut self, id: &Id, mut memory: Memory, moving: &Moving, how: How, reason: &str) {
        memory.moving = None;
        memory.thrown_back = Some(ThrownBack {
            digest: moving.digest.clone(),
            commit: moving.commit.clone(),
            at: self.now,
            how,
            reason: shortened(reason),
        });
        if let Some(joint) = memory.joint.take()
            && (how != How::RolledBack || joint.from != moving.from)
        {
            let back = Some(shortened(&format!("{id}: {reason}")));
            memory.joint = Some(Joint { back, ..joint });
        }
        self.state.waits.remove(id);
        if let Some(back) = &memory.thrown_back {
            // It is told now; that it is not tried again need not be told in the same breath.
            let (service, commit, reason) = (id.clone(), back.commit.clone(), back.reason.clone());
            let about = format!("again {id} {}", back.digest);
            self.state.told.insert(about, SyncEvent::NotTriedAgain { service, commit, reason });
        }
        self.save(id, memory);
        let (service, commit) = (id.clone(), moving.commit.clone());
        self.report(SyncEvent::ThrownBack { service, commit, how, reason: reason.to_owned() });
    }

    /// All that has moved of a release that failed has to go back. It follows from what is kept of the service that
    /// failed, so that a process that dies before it has marked the others leaves none of them behind.
    fn fail_releases(&mut self) {
        let mut failed: BTreeMap<String, (Id, String)> = BTreeMap::new();
        for (id, memory) in &self.state.memory {
            let Some(joint) = memory.joint.as_ref().filter(|joint| joint.back.is_none()) else { continue };
            for (other, theirs) in &self.state.memory {
                let thrown_back = theirs.thrown_back.as_ref().filter(|back| back.digest == joint.digest);
                let goes_back = theirs.joint.as_ref().filter(|part| part.release == joint.release);
                let reason = thrown_back
                    .map(|back| format!("{other}: {}", back.reason))
                    .or_else(|| goes_back.and_then(|part| part.back.clone()));
                if let Some(reason) = reason.filter(|_| other != id) {
                    failed.entry(joint.release.clone()).or_insert((other.clone(), reason));
                }
            }
        }
        for (release, (because, reason)) in failed {
            let mut moved: Vec<(usize, Id)> = Vec::new();
            let ids: Vec<Id> = self.state.memory.keys().cloned().collect();
            for id in ids {
                let mut memory = self.memory(&id);
                let Some(joint) = memory.joint.as_mut().filter(|joint| joint.release == release) else {
                    continue;
                };
                moved.push((joint.order, id.clone()));
                if joint.back.is_none() {
                    joint.back = Some(shortened(&reason));
                    self.save(&id, memory);
                }
            }
            moved.sort();
            let services = moved.into_iter().rev().map(|(_, id)| id).collect();
            self.report(SyncEvent::ReleaseGoesBack { release, because, services });
        }
    }

    fn take_in_return(&mut self, id: &Id, ended: &Ended) {
        let mut memory = self.memory(id);
        let Some(joint) = memory.joint.clone() else { return };
        let reason = joint.back.clone().unwrap_or_default();
        let failure = match ended {
            Ended::Promoted | Ended::NothingThere => None,
            Ended::ThrownBack { reason, .. } | Ended::NotBegun { reason } | Ended::GoesOn { reason } => {
                Some(reason)
            }
        };
        let service = id.clone();
        let release = joint.release.clone();
        if let Some(why) = failure {
            let tries = self.state.waits.get(id).map_or(0, |wait| wait.tries);
            if tries + 1 < TRIES_BACK {
                let again_at = Some(self.wait(id));
                self.report(SyncEvent::CouldNotGoBack { service, release, reason: why.clone(), again_at });
                return;
            }
            self.report(SyncEvent::CouldNotGoBack { service, release, reason: why.clone(), again_at: None });
        } else {
            self.report(SyncEvent::WentBack { service, release, to: joint.from.clone() });
        }
        self.state.waits.remove(id);
        self.state.standings.remove(id);
        memory.joint = None;
        memory.moving = None;
        if memory.thrown_back.as_ref().is_none_or(|back| back.digest != joint.digest) {
            memory.thrown_back = Some(ThrownBack {
                digest: joint.digest,
                commit: joint.commit,
                at: self.now,
                how: How::WithItsRelease,
                reason,
            });
        }
        self.save(id, memory);
    }

    /// What was begun and whose end nobody has seen: after a restart, or after its watch broke off.
    fn take_up(&mut self) {
        let begun: Vec<(Id, Moving)> = self
            .state
            .memory
            .iter()
            .filter(|(id, _)| !self.state.work.contains_key(*id) && !self.is_waiting(id))
            .filter_map(|(id, memory)| Some((id.clone(), memory.moving.clone()?)))
            .collect();
        for (id, moving) in begun {
            if !self.has_room() {
                return;
            }
            self.state.work.insert(id.clone(), Work::TakingUp);
            self.report(SyncEvent::TakenUp { service: id.clone(), commit: moving.commit.clone() });
            self.actions.push(Action::TakeUp { id, moving });
        }
    }

    /// The last of a release that moved goes back first, and one after the other.
    fn go_back(&mut self) {
        let mut last: BTreeMap<String, (usize, Id, String)> = BTreeMap::new();
        for (id, memory) in &self.state.memory {
            let Some(joint) = memory.joint.as_ref().filter(|joint| joint.back.is_some()) else { continue };
            let candidate = (joint.order, id.clone(), joint.from.clone());
            let kept = last.entry(joint.release.clone()).or_insert_with(|| candidate.clone());
            if candidate.0 > kept.0 {
                *kept = candidate;
            }
        }
        for (release, (_, id, to)) in last {
            let is_busy = self.state.memory.iter().any(|(other, memory)| {
                memory.joint.as_ref().is_some_and(|joint| joint.release == release)
                    && (self.state.work.contains_key(other) || memory.moving.is_some())
            });
            if is_busy || self.is_waiting(&id) || !self.has_room() {
                continue;
            }
            self.state.work.insert(id.clone(), Work::GoingBack);
            self.state.standings.remove(&id);
            self.actions.push(Action::GoBack { id, to });
        }
    }

    /// A release whose services are all where they should be is over; a part in a release that is no more is, too.
    fn settle_releases(&mut self, plan: &Plan) {
        for unit in plan.units().iter().filter(|unit| unit.release.is_some()) {
            if !self.is_in_sync(unit) {
                continue;
            }
            let mut was_moving = false;
            let leads = |member: &&Wanted| {
                self.state
                    .memory
                    .get(&member.id)
                    .and_then(|memory| memory.joint.as_ref())
                    .is_some_and(|it| it.leads)
            };
            let (first, others): (Vec<&Wanted>, Vec<&Wanted>) = unit.members.iter().partition(leads);
            for member in first.into_iter().chain(others) {
                let mut memory = self.memory(&member.id);
                if memory.joint.take().is_some() {
                    was_moving = true;
                    self.save(&member.id, memory);
                }
            }
            if let Some(release) = unit.release.clone().filter(|_| was_moving) {
                self.report(SyncEvent::Released { release, commit: plan.commit().id.clone() });
            }
        }
        let ids: Vec<Id> = self.state.memory.keys().cloned().collect();
        for id in ids {
            let mut memory = self.memory(&id);
            let release = plan.unit_of(&id).and_then(|unit| unit.release.as_ref());
            let is_gone = |joint: &Joint| {
                joint.back.is_none() && (release != Some(&joint.release) || !self.goes_on(joint))
            };
            if memory.moving.is_none() && memory.joint.as_ref().is_some_and(is_gone) {
                memory.joint = None;
                self.save(&id, memory);
            }
        }
    }

    /// Is the release of this part not over? A process may have died after it had forgotten the first of them.
    fn goes_on(&self, part: &Joint) -> bool {
        part.leads || self.leader_of(&part.release).is_some_and(|leader| leader.began == part.began)
    }

    fn leader_of(&self, release: &str) -> Option<&Joint> {
        let parts = self.state.memory.values().filter_map(|memory| memory.joint.as_ref());
        parts.into_iter().find(|joint| joint.leads && joint.release == release)
    }

    /// What was thrown back is forgotten once something else is wanted and runs.
    fn heal(&mut self, plan: &Plan) {
        for unit in plan.units() {
            for member in &unit.members {
                let mut memory = self.memory(&member.id);
                let is_other = memory.thrown_back.as_ref().is_some_and(|back| back.digest != unit.digest);
                if is_other && self.is_member_in_sync(member) {
                    memory.thrown_back = None;
                    self.save(&member.id, memory);
                    let commit = plan.commit().id.clone();
                    self.report(SyncEvent::Healed { service: member.id.clone(), commit });
                }
            }
        }
    }

    fn begin(&mut self, plan: &Plan) {
        self.state.frozen.clear();
        let mut earlier_in_sync = true;
        let mut wave_in_sync = true;
        let mut wave = None;
        let mut in_sync = vec![false; plan.units().len()];
        let mut frozen: BTreeMap<(String, Millis), usize> = BTreeMap::new();
        let places = by_wave(plan);
        for place in places {
            let unit = &plan.units()[place];
            if wave != Some(unit.wave) {
                earlier_in_sync &= wave_in_sync;
                wave_in_sync = true;
                wave = Some(unit.wave);
            }
            in_sync[place] = self.is_in_sync(unit);
            wave_in_sync &= in_sync[place];
            if in_sync[place] || !self.tell_not_tried_again(unit) {
                continue;
            }
            let stopped_by = self.stopped_by(plan, unit.wave);
            if let Some(because) = stopped_by {
                self.tell(
                    &format!("wave {}", unit.wave),
                    SyncEvent::WaveStopped { wave: unit.wave, because },
                );
                continue;
            }
            if !earlier_in_sync || !unit.depends_on.iter().all(|on| in_sync[*on]) {
                continue;
            }
            if let Some(open) = unit.members.iter().find_map(|member| self.seen.frozen.get(&member.id))
                && self.seen.overridden.is_none()
                && self.next_of(unit).is_some()
            {
                for member in &unit.members {
                    self.state.frozen.insert(member.id.clone());
                }
                *frozen.entry((open.message.clone(), open.until)).or_default() += unit.members.len();
                continue;
            }
            if self.has_room()
                && let Some((order, member)) = self.next_of(unit)
            {
                let member = member.clone();
                self.start(plan, unit, order, &member);
            }
        }
        let none: Vec<String> =
            self.state.told.keys().filter(|about| about.starts_with("frozen ")).cloned().collect();
        if frozen.is_empty() {
            for about in none {
                self.state.told.remove(&about);
            }
        }
        for ((message, until), services) in frozen {
            self.tell(&format!("frozen {message} {until}"), SyncEvent::Frozen { services, message, until });
        }
    }

    /// The service of the unit that may begin now: of a release the first that differs, and only while none moves.
    fn next_of<'u>(&self, unit: &'u Unit) -> Option<(usize, &'u Wanted)> {
        let is_busy = |member: &Wanted| {
            let memory = self.state.memory.get(&member.id);
            self.state.work.contains_key(&member.id)
                || memory.is_some_and(|memory| {
                    memory.moving.is_some() || memory.joint.as_ref().is_some_and(|joint| joint.back.is_some())
                })
        };
        if unit.members.iter().any(is_busy) {
            return None;
        }
        let (order, first) =
            unit.members.iter().enumerate().find(|(_, member)| !self.is_member_in_sync(member))?;
        let differs = matches!(self.state.standings.get(&first.id), Some(Standing::Differs { .. }));
        (differs && !self.is_waiting(&first.id)).then_some((order, first))
    }

    fn start(&mut self, plan: &Plan, unit: &Unit, order: usize, member: &Wanted) {
        let Some(Standing::Differs { running, fields }) = self.state.standings.get(&member.id).cloned()
        else {
            return;
        };
        let commit = plan.commit().id.clone();
        let mut memory = self.memory(&member.id);
        memory.moving = Some(Moving {
            digest: unit.digest.clone(),
            commit: commit.clone(),
            since: self.now,
            from: running.clone(),
        });
        if let Some(release) = &unit.release {
            // What was there before the release began stays the way back, also when the release changes half way.
            let leader = self.leader_of(release).map(|leader| leader.began);
            let (from, began, leads) = match memory.joint.take() {
                Some(joint) => (joint.from, joint.began, joint.leads),
                None => (running, leader.unwrap_or(self.now), leader.is_none()),
            };
            memory.joint = Some(Joint {
                release: release.clone(),
                digest: unit.digest.clone(),
                commit: commit.clone(),
                from,
                order,
                began,
                leads,
                back: None,
            });
        }
        let window = unit.members.iter().find_map(|member| self.seen.frozen.get(&member.id));
        if let (Some(window), Some(reason)) = (window, &self.seen.overridden) {
            memory.overridden = Some(Overridden {
                reason: shortened(reason),
                window: shortened(&window.message),
                at: self.now,
                commit: commit.clone(),
            });
            let (service, message, reason) = (member.id.clone(), window.message.clone(), reason.clone());
            self.report(SyncEvent::FreezeOverridden { service, message, reason });
        }
        // A release that goes on with other content takes its parts along.
        if unit.release.is_some() {
            self.renew_joint(unit, &commit);
        }
        self.save(&member.id, memory);
        self.state.work.insert(member.id.clone(), Work::Rollout);
        let (service, release) = (member.id.clone(), unit.release.clone());
        self.report(SyncEvent::Began { service, commit, release, fields });
        self.actions.push(Action::Deploy { id: member.id.clone() });
    }

    fn renew_joint(&mut self, unit: &Unit, commit: &str) {
        for (order, member) in unit.members.iter().enumerate() {
            let mut memory = self.memory(&member.id);
            let Some(joint) = &mut memory.joint else { continue };
            if joint.digest != unit.digest || joint.order != order {
                (joint.digest, joint.commit, joint.order) = (unit.digest.clone(), commit.to_owned(), order);
                self.save(&member.id, memory);
            }
        }
    }

    /// Tells of what was thrown back before; answers whether the unit may be tried.
    fn tell_not_tried_again(&mut self, unit: &Unit) -> bool {
        let mut may = true;
        for member in &unit.members {
            let Some(back) = self.thrown_back_of(&member.id, unit).cloned() else { continue };
            may = false;
            if !self.is_member_in_sync(member) {
                let (service, commit, reason) = (member.id.clone(), back.commit, back.reason);
                let event = SyncEvent::NotTriedAgain { service, commit, reason };
                let about = format!("again {} {}", member.id, back.digest);
                self.tell(&about, event);
            }
        }
        may
    }

    /// Whose bad verdict on this very commit stops a wave.
    fn stopped_by(&self, plan: &Plan, wave: u32) -> Option<Id> {
        let of_wave = plan.units().iter().filter(|unit| unit.wave == wave);
        let mut members = of_wave.flat_map(|unit| unit.members.iter().map(move |member| (unit, member)));
        let stops = |(unit, member): &(&Unit, &Wanted)| {
            self.thrown_back_of(&member.id, unit).is_some_and(|back| back.commit == plan.commit().id)
        };
        members.find(stops).map(|(_, member)| member.id.clone())
    }

    fn tell_in_sync(&mut self, plan: &Plan) {
        let all = plan.units().iter().all(|unit| self.is_in_sync(unit));
        if all && self.state.work.is_empty() {
            let commit = plan.commit().id.clone();
            self.tell("in sync", SyncEvent::InSync { commit, services: plan.services().count() });
        } else if !all {
            self.state.told.remove("in sync");
        }
    }

    fn thrown_back_of(&self, id: &Id, unit: &Unit) -> Option<&ThrownBack> {
        let back = self.state.memory.get(id)?.thrown_back.as_ref()?;
        (back.digest == unit.digest).then_some(back)
    }

    fn back_of(&self, id: &Id) -> Option<&Joint> {
        self.state.memory.get(id)?.joint.as_ref().filter(|joint| joint.back.is_some())
    }

    fn is_in_sync(&self, unit: &Unit) -> bool {
        unit.members.iter().all(|member| self.is_member_in_sync(member))
    }

    fn is_member_in_sync(&self, member: &Wanted) -> bool {
        !self.state.work.contains_key(&member.id)
            && self.state.standings.get(&member.id) == Some(&Standing::InSync)
            && self.state.memory.get(&member.id).is_none_or(|memory| memory.moving.is_none())
            && self.back_of(&member.id).is_none()
    }

    /// Has its release moved another service already?
    fn has_moved_others(&self, id: &Id, memory: &Memory) -> bool {
        memory.joint.as_ref().is_some_and(|joint| {
            self.state.memory.iter().any(|(other, memory)| {
                other != id && memory.joint.as_ref().is_some_and(|theirs| theirs.release == joint.release)
            })
        })
    }

    fn wants(&self, id: &Id, digest: &str) -> bool {
        self.seen.plan.and_then(|plan| plan.unit_of(id)).is_some_and(|unit| unit.digest == digest)
    }

    fn has_room(&self) -> bool {
        self.state.work.len() < self.state.parallel
    }

    fn is_waiting(&self, id: &Id) -> bool {
        self.state.waits.get(id).is_some_and(|wait| self.now < wait.until)
    }

    /// Lets it be tried again later; answers when.
    fn wait(&mut self, id: &Id) -> Millis {
        let tries = self.state.waits.get(id).map_or(0, |wait| wait.tries);
        let length = (FIRST_WAIT << tries.min(10)).min(LONGEST_WAIT);
        let until = self.now + length;
        self.state.waits.insert(id.clone(), Wait { until, tries: tries + 1 });
        until
    }

    fn memory(&self, id: &Id) -> Memory {
        self.state.memory(id)
    }

    fn save(&mut self, id: &Id, memory: Memory) {
        if memory.is_empty() {
            self.state.memory.remove(id);
        } else {
            self.state.memory.insert(id.clone(), memory.clone());
        }
        self.actions.push(Action::Save { id: id.clone(), memory: Box::new(memory) });
    }

    fn report(&mut self, event: SyncEvent) {
        self.actions.push(Action::Report(event));
    }

    /// Tells it unless it was told.
    fn tell(&mut self, about: &str, event: SyncEvent) {
        if self.state.told.get(about) != Some(&event) {
            self.state.told.insert(about.to_owned(), event.clone());
            self.report(event);
        }
    }
}

/// The units by wave, each wave in the plan's order.
fn by_wave(plan: &Plan) -> Vec<usize> {
    let mut places: Vec<usize> = (0..plan.units().len()).collect();
    places.sort_by_key(|place| plan.units()[*place].wave);
    places
}
