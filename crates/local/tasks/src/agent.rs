//! The life of a task, decided without I/O: what happened and the time go in, what to do comes out.
//!
//! It keeps AWS's rules of `dependsOn`, `essential`, `startTimeout`, `stopTimeout` and `restartPolicy`, and reports each
//! container's end once and the task's end last. It must never start a container after the task began to end, nor kill
//! one before its stop timeout is over. Start at [`Agent::step`].

use std::{sync::Arc, time::Duration};

use tidegate_clock::Timestamp;
use tidegate_models::ecs::{ContainerCondition, HealthStatus};

use crate::{
    StopCause, TaskEvent,
    driver::{Exit, Failure, Network, StopSignal},
    health::{Monitor, ProbeOutcome},
    plan::{Dependency, TaskPlan},
};

/// What AWS says of a task that ended with one of its essential containers.
const ESSENTIAL_EXITED: &str = "Essential container in task exited";

/// A task's life.
#[derive(Debug)]
pub(crate) struct Agent {
    plan: Arc<TaskPlan>,
    phase: Phase,
    containers: Vec<Container>,
    ending: Option<Ending>,
    pull: Pull,
    patience: Patience,
    reported_running: bool,
}

/// Whether containers get their stop timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    Kept,
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Preparing,
    /// There is a network, or no hope of one.
    Prepared,
    Releasing,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pull {
    NotBegun,
    Running,
    Ended,
}

#[derive(Clone, Debug)]
struct Ending {
    cause: StopCause,
    reason: String,
}

#[derive(Debug)]
struct Container {
    state: State,
    image_digest: Option<String>,
    /// When it was started first, for the start timeout.
    first_started: Option<Timestamp>,
    /// Counts starts, to tell results of an earlier run from those of this one.
    run: u32,
}

#[derive(Debug)]
enum State {
    /// Its image is not here yet.
    Waiting,
    /// It may start once its dependencies hold.
    Ready,
    Starting,
    Running {
        since: Timestamp,
        monitor: Option<Monitor>,
    },
    /// It was told to end; at `kill_at` it is killed, `None` when it was.
    Stopping {
        kill_at: Option<Timestamp>,
    },
    Stopped {
        ran: Ran,
        exit_code: Option<i32>,
    },
}

/// Whether a stopped container ever ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ran {
    Yes,
    No,
}

/// Something that the agent is told.
#[derive(Debug)]
pub(crate) enum Happening {
    Begin,
    Prepared(Result<Network, Failure>),
    Pulled(usize, Result<Option<String>, Failure>),
    /// The runtime's id, or why it could not be started.
    Started(usize, Result<String, Failure>),
    Exited(usize, Exit),
    /// By the container's run that was probed.
    Probed(usize, u32, ProbeOutcome),
    StopRequested,
    /// Stop, and no more patience.
    KillRequested,
    /// A rehearsal's fault: its containers are to die as if by themselves.
    CrashRequested,
    Released,
    /// The agent's deadline has come.
    Tick,
}

/// Something that the agent wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Prepare,
    Pull(usize),
    Start(usize),
    Signal(usize, StopSignal),
    Probe(usize, u32),
    /// All containers have ended: give back what the task holds.
    Release,
    Report(TaskEvent),
}

/// Whether a dependency holds.
enum Verdict {
    Holds,
    NotYet,
    Never(String),
}

impl Agent {
    /// For a task that is new.
    pub(crate) fn new(plan: Arc<TaskPlan>) -> Self {
        let container =
            |_| Container { state: State::Waiting, image_digest: None, first_started: None, run: 0 };
        let containers = (0..plan.containers.len()).map(container).collect();
        Self {
            plan,
            phase: Phase::New,
            containers,
            ending: None,
            pull: Pull::NotBegun,
            patience: Patience::Kept,
            reported_running: false,
        }
    }

    /// For a task that was found running. Returns the facts that led to where it stands, which are not reported again.
    pub(crate) fn adopted(
        plan: Arc<TaskPlan>,
        network: Network,
        found: Vec<AdoptedContainer>,
        now: Timestamp,
    ) -> (Self, Vec<TaskEvent>) {
        let mut agent = Self::new(plan);
        let task_id = agent.plan.id.clone();
        let Network { address, bindings } = network;
        let mut facts = vec![TaskEvent::NetworkReady { task_id, address, bindings }];
        agent.phase = Phase::Prepared;
        for (index, found) in found.into_iter().enumerate().take(agent.containers.len()) {
            let container = &mut agent.containers[index];
            match found {
                AdoptedContainer::NeverStarted => {}
                AdoptedContainer::Running { runtime_id, since, image_digest } => {
                    let health = agent.plan.containers[index].health.clone();
                    let monitor = health.map(|health| Monitor::resumed(health, since, now));
                    container.state = State::Running { since, monitor };
                    container.first_started = Some(since);
                    container.image_digest = image_digest;
                    facts.push(agent.started_event(index, runtime_id));
                }
                AdoptedContainer::Ended(exit) => {
                    container.state = State::Stopped { ran: Ran::Yes, exit_code: exit.code };
                    facts.push(agent.stopped_event(index, exit));
                }
            }
        }
        if agent.all_up() {
            agent.reported_running = true;
            facts.push(TaskEvent::Running { task_id: agent.plan.id.clone() });
        }
        (agent, facts)
    }

    /// Takes in what happened and answers what to do, in order.
    pub(crate) fn step(&mut self, happening: Happening, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        self.apply(happening, now, &mut actions);
        if self.ending.is_none() {
            self.start_what_may_start(now, &mut actions);
            self.report_running(&mut actions);
            self.probe_what_is_due(now, &mut actions);
            self.end_when_an_essential_ended_or_nothing_is_left();
        }
        if self.ending.is_some() {
            self.stop_in_order(now, &mut actions);
        }
        actions
    }

    /// When to call [`Agent::step`] with [`Happening::Tick`], unless something else happens before.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let own =
            self.containers.iter().enumerate().filter_map(|(index, container)| match &container.state {
                State::Stopping { kill_at } => *kill_at,
                State::Running { monitor, .. } if self.ending.is_none() => {
                    let probe = monitor.as_ref().and_then(Monitor::deadline);
                    let patience = self.start_deadline(index).filter(|_| self.is_waited_for(index));
                    probe.into_iter().chain(patience).min()
                }
                _ => None,
            });
        own.min()
    }

    /// Whether the task's last event is out.
    pub(crate) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    fn apply(&mut self, happening: Happening, now: Timestamp, actions: &mut Vec<Action>) {
        match happening {
            Happening::Begin => {
                match self.phase {
                    Phase::New => {
                        self.phase = Phase::Preparing;
                        actions.push(Action::Prepare);
                    }
                    // It was adopted before all of its containers were started.
                    Phase::Prepared => self.begin_pull(actions),
                    _ => {}
                }
            }
            Happening::Prepared(result) => self.prepared(result, actions),
            Happening::Pulled(index, result) => self.pulled(index, result, actions),
            Happening::Started(index, result) => self.started(index, result, now, actions),
            Happening::Exited(index, exit) => self.exited(index, exit, now, actions),
            Happening::Probed(index, run, outcome) => self.probed(index, run, outcome, now, actions),
            Happening::StopRequested => self.end(StopCause::Requested, ""),
            Happening::KillRequested => {
                self.end(StopCause::Requested, "");
                self.patience = Patience::Lost;
                for index in 0..self.containers.len() {
                    if self.is_running(index) {
                        self.containers[index].state = State::Stopping { kill_at: Some(now) };
                    } else if let State::Stopping { kill_at: Some(kill_at) } =
                        &mut self.containers[index].state
                    {
                        *kill_at = now;
                    }
                }
            }
            Happening::CrashRequested => {
                let running = (0..self.containers.len()).filter(|&index| self.is_running(index));
                actions.extend(running.map(|index| Action::Signal(index, StopSignal::Kill)));
            }
            Happening::Released => {
                if self.phase == Phase::Releasing {
                    self.phase = Phase::Over;
                    if let Some(Ending { cause, reason }) = self.ending.clone() {
                        let task_id = self.plan.id.clone();
                        actions.push(Action::Report(TaskEvent::Stopped { task_id, code: cause, reason }));
                    }
                }
            }
            Happening::Tick => {}
        }
    }

    fn prepared(&mut self, result: Result<Network, Failure>, actions: &mut Vec<Action>) {
        if self.phase != Phase::Preparing {
            return;
        }
        self.phase = Phase::Prepared;
        let task_id = self.plan.id.clone();
        match result {
            Ok(Network { address, bindings }) => {
                if self.ending.is_none() {
                    actions.push(Action::Report(TaskEvent::NetworkReady { task_id, address, bindings }));
                    self.begin_pull(actions);
                }
            }
            Err(failure) => self.end(StopCause::TaskFailedToStart, failure.reason),
        }
    }

    fn begin_pull(&mut self, actions: &mut Vec<Action>) {
        let waiting = |index: &usize| matches!(self.containers[*index].state, State::Waiting);
        let waiting: Vec<_> = (0..self.containers.len()).filter(waiting).collect();
        if self.pull == Pull::NotBegun && !waiting.is_empty() {
            self.pull = Pull::Running;
            actions.push(Action::Report(TaskEvent::PullStarted { task_id: self.plan.id.clone() }));
            actions.extend(waiting.into_iter().map(Action::Pull));
        }
    }

    fn pulled(&mut self, index: usize, result: Result<Option<String>, Failure>, actions: &mut Vec<Action>) {
        if !matches!(self.containers[index].state, State::Waiting) {
            return;
        }
        match result {
            Ok(digest) => {
                self.containers[index].image_digest = digest;
                self.containers[index].state = State::Ready;
            }
            Err(failure) => self.failed_to_start(index, failure, actions),
        }
        if !self.containers.iter().any(|it| matches!(it.state, State::Waiting)) {
            self.end_pull(actions);
        }
    }

    fn started(
        &mut self,
        index: usize,
        result: Result<String, Failure>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        if !matches!(self.containers[index].state, State::Starting) {
            return;
        }
        match result {
            Ok(runtime_id) => {
                let monitor =
                    self.plan.containers[index].health.clone().map(|health| Monitor::new(health, now));
                self.containers[index].state = State::Running { since: now, monitor };
                self.containers[index].first_started.get_or_insert(now);
                actions.push(Action::Report(self.started_event(index, runtime_id)));
            }
            Err(failure) => self.failed_to_start(index, failure, actions),
        }
    }

    fn exited(&mut self, index: usize, exit: Exit, now: Timestamp, actions: &mut Vec<Action>) {
        let ran_for = match self.containers[index].state {
            State::Running { since, .. } => Some(now.since(since)),
            State::Stopping { .. } => None,
            _ => return,
        };
        if ran_for.is_some_and(|ran_for| self.restarts(index, exit.code, ran_for)) {
            let was_known = matches!(&self.containers[index].state,
                State::Running { monitor: Some(monitor), .. } if monitor.status() != HealthStatus::Unknown);
            self.containers[index].state = State::Starting;
            self.containers[index].run += 1;
            if was_known {
                let ((task_id, container), status) = (self.names(index), HealthStatus::Unknown);
                actions.push(Action::Report(TaskEvent::ContainerHealth { task_id, container, status }));
            }
            actions.push(Action::Start(index));
            return;
        }
        self.containers[index].state = State::Stopped { ran: Ran::Yes, exit_code: exit.code };
        actions.push(Action::Report(self.stopped_event(index, exit)));
        if self.plan.containers[index].essential {
            self.end(StopCause::EssentialContainerExited, ESSENTIAL_EXITED);
        }
    }

    /// AWS restarts a container in place only if it has run for the attempt period since its last start.
    fn restarts(&self, index: usize, exit_code: Option<i32>, ran_for: Duration) -> bool {
        let Some(policy) = &self.plan.containers[index].restart else { return false };
        let ignored = exit_code.is_some_and(|code| policy.ignored_exit_codes.contains(&code));
        self.ending.is_none() && !ignored && ran_for >= policy.attempt_period
    }

    fn probed(
        &mut self,
        index: usize,
        run: u32,
        outcome: ProbeOutcome,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let container = &mut self.containers[index];
        if container.run != run {
            return;
        }
        let State::Running { monitor: Some(monitor), .. } = &mut container.state else { return };
        if let Some(status) = monitor.probed(outcome, now) {
            let (task_id, container) = self.names(index);
            actions.push(Action::Report(TaskEvent::ContainerHealth { task_id, container, status }));
        }
    }

    fn failed_to_start(&mut self, index: usize, failure: Failure, actions: &mut Vec<Action>) {
        let Failure { reason, exit_code } = failure;
        // After a restart in place that failed, it did run once.
        let ran = if self.containers[index].first_started.is_some() { Ran::Yes } else { Ran::No };
        self.containers[index].state = State::Stopped { ran, exit_code };
        let exit = Exit { code: exit_code, reason: Some(reason.clone()) };
        actions.push(Action::Report(self.stopped_event(index, exit)));
        if self.plan.containers[index].essential {
            match ran {
                Ran::No => self.end(StopCause::TaskFailedToStart, reason),
                Ran::Yes => self.end(StopCause::EssentialContainerExited, ESSENTIAL_EXITED),
            }
        }
    }

    /// The first reason to end stays.
    fn end(&mut self, cause: StopCause, reason: impl Into<String>) {
        self.ending.get_or_insert_with(|| Ending { cause, reason: reason.into() });
    }

    fn start_what_may_start(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        // A container that can never start decides about those that depend on it, so look again after each.
        let mut again = true;
        while again && self.ending.is_none() {
            again = false;
            for index in 0..self.containers.len() {
                if !matches!(self.containers[index].state, State::Ready) {
                    continue;
                }
                match self.may_start(index, now) {
                    Verdict::Holds => {
                        self.containers[index].state = State::Starting;
                        actions.push(Action::Start(index));
                    }
                    Verdict::NotYet => {}
                    Verdict::Never(reason) => {
                        self.failed_to_start(index, Failure::new(reason), actions);
                        again = true;
                    }
                }
            }
        }
    }

    fn may_start(&self, index: usize, now: Timestamp) -> Verdict {
        let mut verdict = Verdict::Holds;
        for &dependency in &self.plan.containers[index].depends_on {
            match self.holds(dependency, now) {
                Verdict::Holds => {}
                Verdict::NotYet => verdict = Verdict::NotYet,
                Verdict::Never(why) => {
                    let (own, other) = (
                        &self.plan.containers[index].name,
                        self.plan.containers[dependency.on].name.as_str(),
                    );
                    let condition = dependency.condition;
                    return Verdict::Never(format!(
                        "Container {own} could not start: it depends on container {other} being {condition}, but {other} {why}"
                    ));
                }
            }
        }
        verdict
    }

    fn holds(&self, dependency: Dependency, now: Timestamp) -> Verdict {
        use ContainerCondition::{Complete, Healthy, Start, Success};
        let Dependency { on, condition } = dependency;
        match (&self.containers[on].state, condition) {
            (State::Stopped { ran: Ran::No, .. }, _) => Verdict::Never("could not be started".to_owned()),
            (State::Running { .. } | State::Stopping { .. } | State::Stopped { .. }, Start)
            | (State::Stopped { .. }, Complete)
            | (State::Stopped { exit_code: Some(0), .. }, Success) => Verdict::Holds,
            (State::Stopped { exit_code: Some(code), .. }, _) => {
                Verdict::Never(format!("exited with code {code}"))
            }
            (State::Stopped { exit_code: None, .. }, _) => Verdict::Never("ended".to_owned()),
            (State::Running { monitor: None, .. }, Healthy) => {
                Verdict::Never("has no health check".to_owned())
            }
            (State::Running { monitor: Some(monitor), .. }, Healthy)
                if monitor.status() == HealthStatus::Healthy =>
            {
                Verdict::Holds
            }
            _ if self.start_deadline(on).is_some_and(|deadline| deadline <= now) => {
                Verdict::Never("was not within its startTimeout".to_owned())
            }
            _ => Verdict::NotYet,
        }
    }

    /// Until when those that depend on it wait.
    fn start_deadline(&self, index: usize) -> Option<Timestamp> {
        let started = self.containers[index].first_started?;
        self.plan.containers[index].start_timeout.map(|timeout| started + timeout)
    }

    fn is_waited_for(&self, index: usize) -> bool {
        let unresolved = |it: &Dependency| {
            // At the beginning of time no deadline has passed, so this asks about everything but the deadline.
            it.on == index && matches!(self.holds(*it, Timestamp::from_millis(i64::MIN)), Verdict::NotYet)
        };
        let ready = |other: &usize| matches!(self.containers[*other].state, State::Ready);
        let mut dependents = self.plan.dependents(index).filter(ready);
        dependents.any(|other| self.plan.containers[other].depends_on.iter().any(unresolved))
    }

    fn report_running(&mut self, actions: &mut Vec<Action>) {
        if !self.reported_running && self.ending.is_none() && self.all_up() {
            self.reported_running = true;
            actions.push(Action::Report(TaskEvent::Running { task_id: self.plan.id.clone() }));
        }
    }

    /// As ECS sees it: a container that is done, an init container for one, has been up.
    fn all_up(&self) -> bool {
        let up = |it: &Container| matches!(it.state, State::Running { .. } | State::Stopped { .. });
        self.containers.iter().all(up)
            && self.containers.iter().any(|it| matches!(it.state, State::Running { .. }))
    }

    fn probe_what_is_due(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        for (index, container) in self.containers.iter_mut().enumerate() {
            if let State::Running { monitor: Some(monitor), .. } = &mut container.state
                && monitor.take_due(now)
            {
                actions.push(Action::Probe(index, container.run));
            }
        }
    }

    fn end_when_an_essential_ended_or_nothing_is_left(&mut self) {
        let stopped = |it: &Container| matches!(it.state, State::Stopped { .. });
        let essential = |index: usize| self.plan.containers[index].essential;
        let over = self.containers.iter().enumerate().any(|(index, it)| essential(index) && stopped(it))
            || self.containers.iter().all(stopped);
        if over {
            self.end(StopCause::EssentialContainerExited, ESSENTIAL_EXITED);
        }
    }

    /// Those that nothing depends on any more are told to end, until nothing is left.
    fn stop_in_order(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        for index in 0..self.containers.len() {
            if matches!(self.containers[index].state, State::Waiting | State::Ready) {
                self.containers[index].state = State::Stopped { ran: Ran::No, exit_code: None };
                actions.push(Action::Report(self.stopped_event(index, Exit { code: None, reason: None })));
            }
        }
        self.end_pull(actions);
        for index in 0..self.containers.len() {
            if self.is_running(index) && self.plan.dependents(index).all(|other| self.is_stopped(other)) {
                let kill_at = match self.patience {
                    Patience::Kept => now + self.plan.containers[index].stop_timeout,
                    Patience::Lost => now,
                };
                self.containers[index].state = State::Stopping { kill_at: Some(kill_at) };
                actions.push(Action::Signal(index, StopSignal::Terminate));
            }
            if let State::Stopping { kill_at } = &mut self.containers[index].state
                && kill_at.is_some_and(|kill_at| kill_at <= now)
            {
                *kill_at = None;
                actions.push(Action::Signal(index, StopSignal::Kill));
            }
        }
        if (0..self.containers.len()).all(|index| self.is_stopped(index))
            && matches!(self.phase, Phase::New | Phase::Prepared)
        {
            self.phase = Phase::Releasing;
            actions.push(Action::Release);
        }
    }

    fn end_pull(&mut self, actions: &mut Vec<Action>) {
        if self.pull == Pull::Running {
            self.pull = Pull::Ended;
            actions.push(Action::Report(TaskEvent::PullStopped { task_id: self.plan.id.clone() }));
        }
    }

    fn is_running(&self, index: usize) -> bool {
        matches!(self.containers[index].state, State::Running { .. })
    }

    fn is_stopped(&self, index: usize) -> bool {
        matches!(self.containers[index].state, State::Stopped { .. })
    }

    fn names(&self, index: usize) -> (String, String) {
        (self.plan.id.clone(), self.plan.containers[index].name.clone())
    }

    fn started_event(&self, index: usize, runtime_id: String) -> TaskEvent {
        let (task_id, container) = self.names(index);
        let image_digest = self.containers[index].image_digest.clone();
        TaskEvent::ContainerStarted { task_id, container, runtime_id, image_digest }
    }

    fn stopped_event(&self, index: usize, exit: Exit) -> TaskEvent {
        let (task_id, container) = self.names(index);
        TaskEvent::ContainerStopped { task_id, container, exit_code: exit.code, reason: exit.reason }
    }
}

/// A container of a task that an earlier process started.
#[derive(Clone, Debug)]
pub(crate) enum AdoptedContainer {
    NeverStarted,
    Running { runtime_id: String, since: Timestamp, image_digest: Option<String> },
    Ended(Exit),
}

#[cfg(test)]
mod tests;
