//! The shell of a simulated world: time, power, the store, and the order in which things are done.
//!
//! It does what the real shell does, in the same order: events and calls in, settle, store, carry out, answer. With
//! faults on it loses power or its store at any of these points and comes back by adoption.

use std::{collections::BTreeMap, time::Duration};

use fastrand::Rng;
use serde_json::Value;
use tidegate_engine::{
    Effect, Engine, Event, Request, Scope, Settings, State, TaskChange, Timestamp, ecs::records::TaskStatus,
};

use super::{
    functions::{Functions, Manner},
    release::{Fate, Release},
    runtime::Runtime,
    setup::Setup,
    watch::Watch,
};

/// What is wrong, in words.
pub(super) type Broken = String;

/// How often power and store fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Faults {
    /// Never.
    Off,
    /// Now and then.
    On,
}

/// A call of AWS's API.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) service: &'static str,
    pub(super) operation: &'static str,
    pub(super) input: Value,
}

/// A world.
#[derive(Debug)]
pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) now: Timestamp,
    pub(super) setup: Setup,
    pub(super) rng: Rng,
    pub(super) runtime: Runtime,
    pub(super) functions: Functions,
    pub(super) faults: Faults,
    pub(super) watch: Watch,
    /// What the tasks of each task definition do.
    releases: BTreeMap<String, Release>,
    rows: BTreeMap<(&'static str, String), Vec<u8>>,
    trace: Option<Vec<String>>,
}

const EPOCH: Timestamp = Timestamp::from_millis(1_790_000_000_000);

impl World {
    /// A world without a service.
    pub(super) fn new(seed: u64, setup: Setup) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut world = Self {
            engine: Engine::new(settings(&mut rng)),
            now: EPOCH,
            runtime: Runtime::of(None, setup.checks_containers),
            functions: Functions::new(),
            setup,
            rng,
            faults: Faults::Off,
            watch: Watch::default(),
            releases: BTreeMap::new(),
            rows: BTreeMap::new(),
            trace: None,
        };
        let behind = world.lay_out();
        world.runtime = Runtime::of(behind, world.setup.checks_containers);
        world
    }

    pub(super) fn state(&self) -> &State {
        self.engine.state()
    }

    /// The reply of a call that must be accepted, carried out at once and without faults.
    #[track_caller]
    pub(super) fn call(&mut self, service: &'static str, operation: &'static str, input: Value) -> Value {
        let call = Call { service, operation, input };
        let reply = match self.engine.write(request(&call), self.now) {
            Ok(reply) => serde_json::to_value(&reply).unwrap(),
            Err(error) => panic!("{operation} was refused: {error}"),
        };
        self.engine.settle(self.now);
        let effects = self.store();
        self.carry_out(effects);
        reply
    }

    /// The error of a call that must be refused.
    #[track_caller]
    pub(super) fn refusal(&mut self, operation: &'static str, input: Value) -> String {
        let call = Call { service: "ecs", operation, input };
        match self.engine.write(request(&call), self.now) {
            Ok(_) => panic!("{operation} was accepted"),
            Err(error) => error.to_string(),
        }
    }

    /// From now on everything is written down.
    pub(super) fn keep_trace(&mut self) {
        self.trace = Some(Vec::new());
    }

    /// What was written down.
    pub(super) fn trace(&self) -> String {
        self.trace.as_ref().map(|lines| lines.join("\n")).unwrap_or_default()
    }

    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        let now = self.now.since(EPOCH).as_secs_f64();
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{now:9.3} {}", line()));
        }
    }

    /// A new revision of the task definition, whose tasks behave as `release`. Answers its ARN.
    pub(super) fn register(&mut self, release: Release) -> String {
        let input = self.setup.task_definition();
        let reply = self.call("ecs", "RegisterTaskDefinition", input);
        let arn = reply["taskDefinition"]["taskDefinitionArn"].as_str().unwrap().to_owned();
        self.note(|| format!("{arn} is {release:?}"));
        self.releases.insert(arn.clone(), release);
        arn
    }

    /// Makes a call, which may be refused, then settles, stores and carries out.
    pub(super) fn act(
        &mut self,
        service: &'static str,
        operation: &'static str,
        input: Value,
    ) -> Result<(), Broken> {
        self.note(|| format!("— {operation} {input}"));
        self.step(&[], Some(&Call { service, operation, input }))
    }

    /// Something happens outside, as the shell is told.
    pub(super) fn tell(&mut self, events: &[Event]) -> Result<(), Broken> {
        self.step(events, None)
    }

    /// From now on the tasks of every release behave as those of `release`.
    pub(super) fn releases_turn(&mut self, release: Release) {
        for known in self.releases.values_mut() {
            *known = release;
        }
    }

    /// Goes to the next thing that happens, if that is before `end`. Answers whether there was one.
    pub(super) fn advance(&mut self, end: Timestamp) -> Result<bool, Broken> {
        let told = self.runtime.next_at().into_iter().chain(self.functions.next_at());
        let next = told.chain(self.engine.next_due()).min();
        let Some(next) = next.filter(|next| *next <= end) else { return Ok(false) };
        self.now = self.now.max(next);
        if self.faults == Faults::On && self.rng.u8(..4) == 0 {
            // Things happen late, and then together.
            self.now = self.now + Duration::from_millis(self.rng.u64(..3_000));
        }
        let mut events = Vec::new();
        while let Some((task, next)) = self.runtime.pop(self.now) {
            events.extend(self.runtime.happen(&task, next, self.now));
        }
        while let Some(event) = self.functions.pop(self.now) {
            events.push(event);
        }
        self.step(&events, None)?;
        Ok(true)
    }

    /// Lets time pass.
    pub(super) fn run_for(&mut self, time: Duration) -> Result<(), Broken> {
        let end = self.now + time;
        while self.advance(end)? {}
        self.now = self.now.max(end);
        Ok(())
    }

    /// Lets time pass until `holds`. Answers for how long it took.
    pub(super) fn run_until(
        &mut self,
        most: Duration,
        what: &str,
        holds: impl Fn(&Self) -> bool,
    ) -> Result<Duration, Broken> {
        let (start, end) = (self.now, self.now + most);
        while !holds(self) {
            if !self.advance(end)? {
                return Err(format!("not {what} within {most:?}"));
            }
        }
        Ok(self.now.since(start))
    }

    /// One turn of the writer: events and an action in, settled, stored, carried out. With faults on it may fail at
    /// each point.
    fn step(&mut self, events: &[Event], call: Option<&Call>) -> Result<(), Broken> {
        for event in events {
            self.note(|| format!("  {}", short(event)));
        }
        if self.strikes() && self.rng.bool() {
            // The store fails: all is taken back, the call is refused, events are kept and tried again.
            self.take_in(events, call);
            self.engine.settle(self.now);
            self.engine.roll_back();
            self.is_as_stored()?;
            self.note(|| "! the store failed".to_owned());
            self.take_in(events, None);
        } else {
            self.take_in(events, call);
        }
        self.watch.before_settling(self.engine.state(), self.now, events);
        self.engine.settle(self.now);
        if self.strikes() {
            self.note(|| "! killed before it was stored".to_owned());
            self.watch.forget_this_step();
            return self.restart();
        }
        self.watch.after_settling(self.engine.state(), self.now)?;
        let effects = self.store();
        self.check_effects(&effects)?;
        if self.strikes() {
            self.note(|| "! killed before the effects".to_owned());
            return self.restart();
        }
        self.carry_out(effects);
        if self.rng.u8(..32) == 0 {
            self.restart_changes_nothing()?;
        }
        Ok(())
    }

    fn take_in(&mut self, events: &[Event], call: Option<&Call>) {
        for event in events {
            self.engine.observe(event.clone(), self.now);
        }
        let Some(call) = call else { return };
        if let Err(error) = self.engine.write(request(call), self.now) {
            self.note(|| format!("  refused: {error}"));
        }
    }

    fn strikes(&mut self) -> bool {
        self.faults == Faults::On && self.rng.u16(..400) == 0
    }

    fn store(&mut self) -> Vec<Effect> {
        for change in self.engine.changes() {
            match change.row {
                Some(row) => self.rows.insert((change.table, change.key), row),
                None => self.rows.remove(&(change.table, change.key)),
            };
        }
        self.engine.commit()
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::StartTask(arn) => self.start(&arn),
                Effect::StopTask(arn) => {
                    self.note(|| format!("  > stop {}", tail(&arn)));
                    self.runtime.stop(&arn, &mut self.rng, self.now);
                }
                Effect::TargetGroup(_) => self.runtime.check_all(self.now),
                Effect::InvokeFunction(id) => {
                    if let Some(invocation) = self.engine.state().invocations.get(&id) {
                        self.functions.call(&id, invocation, &mut self.rng, self.now);
                    }
                }
                Effect::LoadBalancer(_) | Effect::Blob(_) => {}
            }
        }
    }

    fn start(&mut self, arn: &str) {
        let Some(task) = self.state().tasks.get(arn) else { return };
        let release = self.releases.get(&task.task_definition).copied().unwrap_or(Release::Good);
        let release = if self.watch.is_calm { Release::Good } else { release };
        let fate = Fate::of(release, &mut self.rng);
        self.note(|| format!("  > start {}", tail(arn)));
        self.runtime.start(arn, fate, self.now);
    }

    /// From now on nothing fails: not the power, not the tasks.
    pub(super) fn calm(&mut self) {
        self.faults = Faults::Off;
        self.watch.is_calm = true;
        self.functions.manner = Manner::Scripted;
        self.runtime.calm(self.now);
        self.note(|| "— calm".to_owned());
    }

    /// `kill -9`, some time, and back again.
    pub(super) fn restart(&mut self) -> Result<(), Broken> {
        self.engine = self.loaded();
        self.now = self.now + Duration::from_millis(self.rng.u64(1..20_000));
        self.functions.lose_all();
        // What happens meanwhile is told to nobody; some tasks go with the power.
        while let Some((task, next)) = self.runtime.pop(self.now) {
            self.runtime.happen(&task, next, self.now);
        }
        for task in self.runtime.alive() {
            if self.rng.u8(..6) == 0 {
                self.runtime.kill(&task);
            }
        }
        self.note(|| "! restarted".to_owned());
        let (events, starts, stops) = self.adopt();
        let faults = std::mem::replace(&mut self.faults, Faults::Off);
        for arn in starts {
            self.runtime.forget(&arn);
            self.start(&arn);
        }
        for arn in stops {
            self.runtime.stop(&arn, &mut self.rng, self.now);
        }
        let done = self.step(&events, None);
        self.faults = faults;
        self.runtime.check_all(self.now);
        done
    }

    /// As the shell adopts: what runs is told, what never ran is started again, what is gone is lost, what nobody wants
    /// is killed.
    fn adopt(&mut self) -> (Vec<Event>, Vec<String>, Vec<String>) {
        let (mut events, mut starts, mut stops) = (Vec::new(), Vec::new(), Vec::new());
        for (arn, task) in
            self.state().tasks.iter().filter(|(_, it)| it.last_status < TaskStatus::Deprovisioning)
        {
            let tell = |change| Event::Task { task: arn.to_owned(), change };
            let stopping = task.last_status == TaskStatus::Stopping;
            if self.runtime.is_alive(arn) {
                events.extend(self.runtime.facts(arn).into_iter().map(tell));
                if stopping {
                    stops.push(arn.to_owned());
                }
            } else if task.last_status <= TaskStatus::Pending && !stopping {
                starts.push(arn.to_owned());
            } else {
                events.push(tell(TaskChange::Lost));
            }
        }
        for arn in self.runtime.alive() {
            let wanted =
                self.state().tasks.get(&arn).is_some_and(|it| it.last_status < TaskStatus::Deprovisioning);
            if !wanted {
                self.runtime.kill(&arn);
            }
        }
        (events, starts, stops)
    }

    /// The engine as it would be loaded now.
    fn loaded(&mut self) -> Engine {
        let mut engine = Engine::new(settings(&mut self.rng));
        for ((table, key), row) in &self.rows {
            engine.load(table, key, row).unwrap();
        }
        engine.resume();
        engine
    }

    /// A state that is loaded again has nothing to do that the one before had not, and knows as much.
    fn restart_changes_nothing(&mut self) -> Result<(), Broken> {
        let mut again = self.loaded();
        again.settle(self.now);
        let changes: Vec<String> =
            again.changes().into_iter().map(|change| format!("{} {}", change.table, change.key)).collect();
        if !changes.is_empty() {
            return Err(format!("a restart changes {changes:?}"));
        }
        if again.next_due() != self.engine.next_due() {
            let (then, now) = (again.next_due(), self.engine.next_due());
            return Err(format!("a restart wakes at {then:?} instead of {now:?}"));
        }
        Ok(())
    }

    /// After a roll-back of a failed commit, the state is what is stored.
    fn is_as_stored(&mut self) -> Result<(), Broken> {
        if !self.engine.changes().is_empty() {
            return Err("a roll-back leaves changes".to_owned());
        }
        let stored = |table: &str| self.rows.keys().filter(|(name, _)| *name == table).count();
        let lengths = [
            ("services", self.state().services.len()),
            ("tasks", self.state().tasks.len()),
            ("service_deployments", self.state().service_deployments.len()),
        ];
        for (table, length) in lengths {
            if length != stored(table) {
                return Err(format!(
                    "a roll-back leaves {length} rows of {table}, {} are stored",
                    stored(table)
                ));
            }
        }
        for (arn, task) in self.state().tasks.iter() {
            let row = serde_json::to_vec(task).unwrap_or_default();
            if self.rows.get(&("tasks", arn.to_owned())) != Some(&row) {
                return Err(format!("a roll-back leaves {arn} changed"));
            }
        }
        for (arn, service) in self.state().services.iter() {
            let row = serde_json::to_vec(service).unwrap_or_default();
            if self.rows.get(&("services", arn.to_owned())) != Some(&row) {
                return Err(format!("a roll-back leaves {arn} changed"));
            }
        }
        Ok(())
    }

    /// Every effect is about something that is there, and no task is told to stop while a target of it gets traffic.
    fn check_effects(&self, effects: &[Effect]) -> Result<(), Broken> {
        for effect in effects {
            let (Effect::StartTask(arn) | Effect::StopTask(arn)) = effect else { continue };
            let Some(task) = self.state().tasks.get(arn) else {
                return Err(format!("{effect:?} is of no task"));
            };
            let still_a_target = task.targets.iter().any(|target| {
                let group = self.state().target_groups.get(&target.target_group);
                let found = group.and_then(|group| group.target(&target.id, target.port));
                found.is_some_and(|found| found.owner_task.as_ref() == Some(arn))
            });
            if matches!(effect, Effect::StopTask(_)) && still_a_target {
                return Err(format!("{arn} is told to stop before its targets have drained"));
            }
        }
        Ok(())
    }
}

fn request(call: &Call) -> Request {
    Request {
        service: call.service,
        operation: call.operation.to_owned(),
        scope: Scope { account: "123456789012".to_owned(), region: "eu-west-1".to_owned() },
        input: call.input.clone(),
    }
}

fn settings(rng: &mut Rng) -> Settings {
    Settings {
        seed: rng.u64(..),
        load_balancer_network: [127, 30],
        missing: tidegate_engine::Missing::Fails,
        registry: "127.0.0.1:4566".to_owned(),
    }
}

pub(super) fn tail(arn: &str) -> &str {
    let id = arn.rsplit('/').next().unwrap_or(arn);
    id.get(..6).unwrap_or(id)
}

fn short(event: &Event) -> String {
    match event {
        Event::Task { task, change } => {
            let change = format!("{change:?}");
            let end = change.find([' ', '{', '(']).unwrap_or(change.len());
            format!("{} {}", tail(task), &change[..end])
        }
        Event::TargetHealth { target, health, .. } => format!("{target} {:?}", health.state),
        Event::FunctionAnswered { invocation, answer } => format!("{} {answer:?}", tail(invocation)),
        Event::LogsBegin(task) => format!("logs of {task} begin"),
        Event::ImagePulled { digest, .. } => format!("{digest} pulled"),
        Event::Metrics(measured) => format!("{} metrics", measured.len()),
    }
}
