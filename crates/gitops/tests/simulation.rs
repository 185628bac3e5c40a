//! Whole syncs in a world of numbers: commits come, rollouts end well and badly, the process dies at any moment and comes
//! back with what it kept. The deployer here is a fake; the loop is the real one. One seed is one run.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at what it did not expect")]

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tidegate_gitops::{
    Action, Commit, Ended, Frozen, How, Id, Memory, Outcome, Plan, Seen, Standing, State, SyncEvent, Wanted,
    step,
};

const TICK: i64 = 10_000;

/// What becomes of a content when it is deployed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Good,
    RollsBack,
    Fails,
    /// Its rollout cannot begin.
    Refused,
}

#[derive(Debug, Clone)]
struct Service {
    depends_on: Vec<usize>,
    wave: u32,
    release: Option<String>,
}

/// A rollout in the fake AWS: it goes on whether or not anybody follows it.
#[derive(Debug, Clone)]
struct Rollout {
    content: u64,
    fate: Fate,
    left: u32,
}

struct World {
    rng: fastrand::Rng,
    services: Vec<Service>,
    /// What git wants, what AWS runs, and whether that is steady.
    wanted: Vec<u64>,
    runs: Vec<u64>,
    steady: Vec<bool>,
    fates: BTreeMap<u64, Fate>,
    rollouts: BTreeMap<usize, Rollout>,
    ended: BTreeMap<usize, (u64, Fate)>,
    commit: u64,
    plan: Plan,
    kept: BTreeMap<Id, Memory>,
    /// The services that the living process works on, and whether it follows a rollout or goes back.
    followed: BTreeMap<usize, Option<u64>>,
    /// The unit digests that were thrown back while they were wanted.
    thrown_back: BTreeSet<(usize, String)>,
    baseline: BTreeMap<String, BTreeMap<usize, u64>>,
    frozen: bool,
    overridden: bool,
    now: i64,
    parallel: usize,
    told: Vec<SyncEvent>,
}

fn id(at: usize) -> Id {
    Id::parse(&format!("c/s{at}"))
}

fn place(id: &Id) -> usize {
    id.service()[1..].parse().unwrap()
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let count = rng.usize(1..9);
        let mut services: Vec<Service> = Vec::new();
        for at in 0..count {
            let wave = rng.u32(0..2);
            // One release a wave keeps plans valid: whatever is wrong with a plan is the business of its own tests.
            let release = rng.bool().then(|| format!("r{wave}"));
            let mut depends_on: Vec<usize> = (0..at).filter(|_| rng.u32(0..4) == 0).collect();
            depends_on.retain(|on| services[*on].wave <= wave);
            services.push(Service { depends_on, wave, release });
        }
        let mut world = Self {
            wanted: vec![0; count],
            runs: vec![0; count],
            steady: vec![true; count],
            fates: BTreeMap::from([(0, Fate::Good)]),
            rollouts: BTreeMap::new(),
            ended: BTreeMap::new(),
            commit: 0,
            plan: Plan::of(Commit { id: "0".into(), subject: String::new() }, Vec::new()).unwrap(),
            kept: BTreeMap::new(),
            followed: BTreeMap::new(),
            thrown_back: BTreeSet::new(),
            baseline: BTreeMap::new(),
            frozen: false,
            overridden: false,
            now: 0,
            parallel: rng.usize(1..4),
            told: Vec::new(),
            services,
            rng,
        };
        while world.replan().is_err() {
            // A circle through a release: fewer dependencies.
            for service in &mut world.services {
                service.depends_on.pop();
            }
        }
        world
    }

    fn replan(&mut self) -> Result<(), ()> {
        let wanted = self.services.iter().enumerate().map(|(at, service)| Wanted {
            id: id(at),
            depends_on: service.depends_on.iter().map(|on| id(*on)).collect(),
            wave: service.wave,
            release: service.release.clone(),
            digest: self.wanted[at].to_string(),
            file: String::new(),
        });
        let commit = Commit { id: self.commit.to_string(), subject: String::new() };
        self.plan = Plan::of(commit, wanted.collect()).map_err(|_| ())?;
        // What changed may be tried again.
        let plan = &self.plan;
        self.thrown_back.retain(|(at, digest)| plan.unit_of(&id(*at)).unwrap().digest == *digest);
        Ok(())
    }

    fn push(&mut self, only_good: bool) {
        self.commit += 1;
        for at in 0..self.services.len() {
            if self.rng.bool() {
                continue;
            }
            // A new content, or one that was there before: a revert.
            let content = if self.rng.u32(0..3) == 0 && !only_good {
                self.rng.u64(0..=self.commit * 100)
            } else {
                self.commit * 100 + at as u64
            };
            let fate = match self.rng.u32(0..6) {
                _ if only_good => Fate::Good,
                0 => Fate::RollsBack,
                1 => Fate::Fails,
                2 => Fate::Refused,
                _ => Fate::Good,
            };
            self.fates.entry(content).or_insert(fate);
            self.wanted[at] = content;
        }
        self.replan().unwrap();
    }

    /// AWS goes on by itself.
    fn pass(&mut self) {
        self.now += TICK;
        for at in 0..self.services.len() {
            let Some(rollout) = self.rollouts.get_mut(&at) else { continue };
            rollout.left = rollout.left.saturating_sub(1);
            if rollout.left > 0 {
                continue;
            }
            let Rollout { content, fate, .. } = self.rollouts.remove(&at).unwrap();
            match fate {
                Fate::Good => (self.runs[at], self.steady[at]) = (content, true),
                Fate::Fails => (self.runs[at], self.steady[at]) = (content, false),
                Fate::RollsBack | Fate::Refused => self.steady[at] = true,
            }
            self.ended.insert(at, (content, fate));
        }
    }

    /// What the living process hears of what it follows.
    fn heard(&mut self) -> Vec<(Id, Ended)> {
        let mut heard = Vec::new();
        for (at, content) in self.followed.clone() {
            if self.rollouts.contains_key(&at) {
                if content.is_some() && self.rng.u32(0..20) == 0 {
                    self.followed.remove(&at);
                    heard.push((id(at), Ended::GoesOn { reason: "lost sight".into() }));
                }
                continue;
            }
            self.followed.remove(&at);
            let verdict = match (self.ended.remove(&at), content) {
                (Some((_, Fate::Good)), _) => Ended::Promoted,
                (Some((_, Fate::RollsBack)), _) => bad(How::RolledBack),
                (Some((_, Fate::Fails)), _) => bad(How::Failed),
                (Some((_, Fate::Refused)), _) => Ended::NotBegun { reason: "refused".into() },
                (None, _) => Ended::NothingThere,
            };
            heard.push((id(at), verdict));
        }
        heard
    }

    fn standing(&mut self, at: usize) -> Standing {
        if self.rng.u32(0..30) == 0 {
            return Standing::Unknown { reason: "no answer".into() };
        }
        if self.is_in_sync(at) {
            Standing::InSync
        } else {
            Standing::Differs { running: self.runs[at].to_string(), fields: 1 }
        }
    }

    fn is_in_sync(&self, at: usize) -> bool {
        self.runs[at] == self.wanted[at] && self.steady[at] && !self.rollouts.contains_key(&at)
    }

    /// Looks, steps and acts; `dies` before the action of that number.
    fn step(&mut self, state: &mut State, dies: Option<usize>) -> bool {
        let ended = self.heard();
        let standings = (0..self.services.len()).map(|at| (id(at), self.standing(at))).collect();
        let frozen = (0..self.services.len())
            .filter(|_| self.frozen)
            .map(|at| (id(at), Frozen { message: "frozen".into(), until: i64::MAX }))
            .collect();
        let plan = self.plan.clone();
        let seen = Seen {
            plan: Some(&plan),
            standings,
            ended,
            frozen,
            overridden: self.overridden.then(|| "an outage".to_owned()),
        };
        let (next, actions) = step(state, &seen, self.now);
        *state = next;
        for (number, action) in actions.into_iter().enumerate() {
            if dies == Some(number) {
                return false;
            }
            self.act(action);
        }
        assert!(self.followed.len() <= self.parallel, "{} at once", self.followed.len());
        true
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Save { id, memory } => {
                // What was thrown back, and is wanted still: what changed and came back may be tried again.
                if let Some(back) = &memory.thrown_back
                    && self.plan.unit_of(&id).is_some_and(|unit| unit.digest == back.digest)
                {
                    self.thrown_back.insert((place(&id), back.digest.clone()));
                }
                if let Some(joint) = &memory.joint {
                    let of = |memory: &Memory| {
                        memory.joint.as_ref().is_some_and(|other| other.release == joint.release)
                    };
                    // What runs when the first of a release is written down is where a joint rollback goes.
                    if !self.kept.values().any(of) {
                        let runs = self.runs.iter().copied().enumerate().collect();
                        self.baseline.insert(joint.release.clone(), runs);
                    }
                }
                self.kept.insert(id, *memory);
            }
            Action::Deploy { id } => self.deploy(&id),
            Action::TakeUp { id, moving } => {
                let at = place(&id);
                assert!(!self.followed.contains_key(&at), "{at} is followed already");
                let content = moving.digest.parse().ok().or(Some(0));
                self.followed.insert(at, content);
            }
            Action::GoBack { id, to } => {
                let at = place(&id);
                // A process that died on the way back left exactly this rollout, which is followed.
                let under_way = self.rollouts.get(&at).map(|rollout| rollout.content.to_string());
                assert!(under_way.is_none_or(|content| content == to), "{at} is brought back while it moves");
                let release = self.kept[&id].joint.as_ref().unwrap().release.clone();
                let moving = self
                    .followed
                    .keys()
                    .filter(|other| self.services[**other].release.as_ref() == Some(&release));
                assert_eq!(moving.count(), 0, "a release goes back one after the other");
                self.followed.insert(at, None);
                self.ended.remove(&at);
                let left = self.rng.u32(1..4);
                self.rollouts.entry(at).or_insert(Rollout {
                    content: to.parse().unwrap(),
                    fate: Fate::Good,
                    left,
                });
            }
            Action::Report(event) => self.told.push(event),
        }
    }

    fn deploy(&mut self, deployed: &Id) {
        let at = place(deployed);
        let unit = self.plan.unit_of(deployed).unwrap().clone();
        assert!(!self.frozen || self.overridden, "{at} begins in a freeze");
        if self.frozen {
            assert_eq!(
                self.kept[deployed].overridden.as_ref().map(|it| it.reason.as_str()),
                Some("an outage")
            );
        }
        assert!(
            !self.thrown_back.contains(&(at, unit.digest.clone())),
            "{at}: {} a second time",
            unit.digest
        );
        let moving =
            self.kept[deployed].moving.as_ref().expect("the intent is durable before it is acted on");
        assert_eq!(moving.digest, unit.digest);
        for on in &self.services[at].depends_on {
            assert!(self.is_in_sync(*on), "{at} begins before {on}, which it depends on");
        }
        for (other, service) in self.services.iter().enumerate() {
            assert!(
                service.wave >= self.services[at].wave || self.is_in_sync(other),
                "{at} begins before the wave of {other}"
            );
        }
        if let Some(release) = &unit.release {
            let others =
                self.followed.keys().filter(|other| self.services[**other].release.as_ref() == Some(release));
            assert_eq!(others.count(), 0, "a release moves one after the other");
        }
        let content = self.wanted[at];
        let fate = self.fates[&content];
        let left = if fate == Fate::Refused { 0 } else { self.rng.u32(1..6) };
        self.ended.remove(&at);
        if fate == Fate::Refused {
            self.ended.insert(at, (content, fate));
        } else {
            self.steady[at] = false;
            self.rollouts.insert(at, Rollout { content, fate, left });
        }
        self.followed.insert(at, Some(content));
    }

    fn die(&mut self) -> State {
        self.followed.clear();
        State::restored(self.parallel, self.kept.clone())
    }

    /// Lets it go on until nothing moves any more.
    fn settle(&mut self, state: &mut State) {
        for _ in 0..3_000 {
            self.pass();
            self.step(state, None);
            let moves = !self.rollouts.is_empty() || !self.followed.is_empty();
            let pending = self.kept.values().any(|memory| {
                memory.moving.is_some() || memory.joint.as_ref().is_some_and(|joint| joint.back.is_some())
            });
            if !moves && !pending && self.quiet(state) {
                return;
            }
        }
        panic!("it does not come to rest: {:?}", self.kept);
    }

    /// Would a step begin anything, if all answers came?
    fn quiet(&self, state: &State) -> bool {
        let actions = self.would_do(state, i64::MAX / 2);
        let refusing = |id: &Id| self.fates[&self.wanted[place(id)]] == Fate::Refused;
        !actions.iter().any(|action| match action {
            Action::Deploy { id } | Action::Save { id, .. } => !refusing(id),
            Action::GoBack { .. } | Action::TakeUp { .. } => true,
            Action::Report(_) => false,
        })
    }

    fn would_do(&self, state: &State, now: i64) -> Vec<Action> {
        self.would_step(state, now).1
    }

    fn would_step(&self, state: &State, now: i64) -> (State, Vec<Action>) {
        let standing = |at: usize| {
            if self.is_in_sync(at) {
                return Standing::InSync;
            }
            Standing::Differs { running: self.runs[at].to_string(), fields: 1 }
        };
        let seen = Seen {
            plan: Some(&self.plan),
            standings: (0..self.services.len()).map(|at| (id(at), standing(at))).collect(),
            ..Seen::default()
        };
        step(state, &seen, now)
    }

    /// A release is never left half way.
    fn no_release_is_torn(&self) {
        for unit in self.plan.units().iter().filter(|unit| unit.release.is_some()) {
            let places: Vec<usize> = unit.members.iter().map(|member| place(&member.id)).collect();
            let thrown_back = places.iter().any(|at| self.thrown_back.contains(&(*at, unit.digest.clone())));
            let Some(baseline) = self.baseline.get(unit.release.as_ref().unwrap()).filter(|_| thrown_back)
            else {
                continue;
            };
            for at in places {
                assert_eq!(
                    Some(&self.runs[at]),
                    baseline.get(&at),
                    "{at} is not back where it was: {:#?}",
                    self.told
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").ok().and_then(|it| it.parse().ok()).unwrap_or(1_500), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn commits_come_rollouts_fail_the_process_dies_and_every_promise_holds(seed in any::<u64>()) {
        run(seed);
    }
}

#[test]
fn seeds_that_once_broke_a_promise_break_none() {
    for seed in [
        9_904_046_524_386_609_029,
        9_803_792_262_296_541_904,
        6_967_166_839_426_231_766,
        10_884_863_810_326_317_719,
    ] {
        run(seed);
    }
}

fn run(seed: u64) {
    let mut world = World::new(seed);
    let mut state = State::restored(world.parallel, BTreeMap::new());
    for _ in 0..world.rng.usize(1..5) {
        world.push(false);
        for _ in 0..world.rng.usize(0..25) {
            world.pass();
            if world.rng.u32(0..12) == 0 {
                world.frozen = !world.frozen;
                world.overridden = world.rng.u32(0..3) == 0;
            }
            let dies = (world.rng.u32(0..6) == 0).then(|| world.rng.usize(0..4));
            if !world.step(&mut state, dies) {
                state = world.die();
            }
        }
        if world.rng.bool() {
            (world.frozen, world.overridden) = (false, false);
            world.settle(&mut state);
            world.no_release_is_torn();
        }
    }
    (world.frozen, world.overridden) = (false, false);
    world.settle(&mut state);
    world.no_release_is_torn();

    // A restart at rest changes nothing.
    let restored = State::restored(world.parallel, world.kept.clone());
    let again = world.would_do(&restored, world.now);
    let refusing = |id: &Id| world.fates[&world.wanted[place(id)]] == Fate::Refused;
    for action in again {
        match &action {
            Action::Report(_) => {}
            Action::Deploy { id } | Action::Save { id, .. } => assert!(refusing(id), "{action:?}"),
            _ => panic!("{action:?}"),
        }
    }

    // And whatever was thrown back, good commits heal it all.
    for at in 0..world.services.len() {
        world.wanted[at] = 1_000_000 + at as u64;
        world.fates.insert(world.wanted[at], Fate::Good);
    }
    world.commit += 1;
    world.replan().unwrap();
    world.settle(&mut state);
    let (state, _) = world.would_step(&state, world.now);
    for at in 0..world.services.len() {
        assert!(world.is_in_sync(at), "{at}: {:#?}", world.told);
        assert_eq!(state.outcome(&world.plan, &id(at)), Outcome::InSync);
    }
    assert!(
        world
            .kept
            .values()
            .all(|memory| memory.moving.is_none() && memory.thrown_back.is_none() && memory.joint.is_none()),
        "{:?}",
        world.kept
    );
}

/// A verdict that nobody wants.
fn bad(how: How) -> Ended {
    Ended::ThrownBack { how, reason: "bad".into() }
}
