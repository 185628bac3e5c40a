//! Runs agents: one loop per task carries out what its agent decides and tells it what came of it.
//!
//! All waiting is here and all deciding in `agent`; all doing is in a [`Driver`]. Start at [`Host::start`].

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tidegate_clock::Clock;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Adopted, StopCause, TaskEvent, TaskSpec,
    agent::{Action, AdoptedContainer, Agent, Happening},
    driver::{Driver, Exit, Found, FoundContainer, Started, Watch},
    plan::TaskPlan,
};

/// How long [`Host::shutdown`] lets programs end by themselves, in real time.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);
/// How many ended tasks are remembered, so that a late start of one is not taken for a new task.
const REMEMBERED: usize = 4096;

/// The tasks of one runtime.
pub(crate) struct Host<D> {
    pub(crate) driver: Arc<D>,
    clock: Clock,
    events: mpsc::UnboundedSender<TaskEvent>,
    roster: Arc<Mutex<Roster>>,
    /// Counts live tasks, for those who wait for the last one.
    live: watch::Sender<usize>,
    /// Ends all loops without a word to the containers.
    abandon: CancellationToken,
}

#[derive(Default)]
struct Roster {
    live: HashMap<String, mpsc::UnboundedSender<Happening>>,
    ended: VecDeque<String>,
    closed: bool,
}

impl<D: Driver> Host<D> {
    pub(crate) fn new(driver: D, clock: Clock, events: mpsc::UnboundedSender<TaskEvent>) -> Self {
        Self {
            driver: Arc::new(driver),
            clock,
            events,
            roster: Arc::default(),
            live: watch::Sender::new(0),
            abandon: CancellationToken::new(),
        }
    }

    /// Starts a task; one that is known already is left alone.
    pub(crate) fn start(&self, spec: TaskSpec) {
        let task_id = spec.task_id.clone();
        match TaskPlan::new(spec, self.clock.speed()) {
            Ok(plan) => {
                let plan = Arc::new(plan);
                self.run(&plan, Agent::new(Arc::clone(&plan)), Vec::new());
            }
            Err(error) => {
                if self.roster().is_known(&task_id) {
                    return;
                }
                self.roster().remember(task_id.clone());
                let reason = format!("CannotCreateContainerError: {error}");
                self.report(TaskEvent::Stopped { task_id, code: StopCause::TaskFailedToStart, reason });
            }
        }
    }

    /// Stops a task. One that is not here is reported as stopped again, so that nobody waits for it.
    pub(crate) fn stop(&self, task_id: &str) {
        let sent =
            self.roster().live.get(task_id).is_some_and(|task| task.send(Happening::StopRequested).is_ok());
        if !sent {
            let (code, reason) = (StopCause::Requested, String::new());
            self.report(TaskEvent::Stopped { task_id: task_id.to_owned(), code, reason });
        }
    }

    /// Kills what of a task runs, as if it had crashed. A task that is not here has nothing that could.
    pub(crate) fn crash(&self, task_id: &str) {
        if let Some(task) = self.roster().live.get(task_id) {
            let _ = task.send(Happening::CrashRequested);
        }
    }

    /// Takes over what an earlier process left: expected tasks go on, everything else ends.
    pub(crate) async fn adopt(&self, expected: Vec<TaskSpec>) -> Vec<Adopted> {
        let mut adopted = Vec::with_capacity(expected.len());
        let mut keep = Vec::new();
        for spec in expected {
            let task_id = spec.task_id.clone();
            if self.roster().is_known(&task_id) {
                keep.push(task_id);
                continue;
            }
            let (result, kept) = self.adopt_one(spec, &task_id).await;
            keep.extend(kept.then_some(task_id));
            adopted.push(result);
        }
        keep.extend(self.roster().live.keys().cloned());
        self.driver.sweep(&keep).await;
        adopted
    }

    async fn adopt_one(&self, spec: TaskSpec, task_id: &str) -> (Adopted, bool) {
        let gone = |exit_codes| (Adopted::Gone { task_id: task_id.to_owned(), exit_codes }, false);
        let Ok(plan) = TaskPlan::new(spec, self.clock.speed()) else { return gone(Vec::new()) };
        let plan = Arc::new(plan);
        let Some(Found { network, containers }) = self.driver.find(&plan).await else {
            return gone(Vec::new());
        };
        if !containers.iter().any(|it| matches!(it, FoundContainer::Running { .. })) {
            let names = plan.containers.iter().map(|it| it.name.clone());
            let codes = names.zip(&containers).filter_map(|(name, it)| match it {
                FoundContainer::Ended(Exit { code: Some(code), .. }) => Some((name, *code)),
                _ => None,
            });
            let codes = codes.collect();
            self.driver.release(&plan).await;
            return gone(codes);
        }
        let mut watches = Vec::new();
        let mut facts = Vec::new();
        for (index, found) in containers.into_iter().enumerate() {
            facts.push(match found {
                FoundContainer::NeverStarted => AdoptedContainer::NeverStarted,
                FoundContainer::Ended(exit) => AdoptedContainer::Ended(exit),
                FoundContainer::Running { started: Started { runtime_id, watch }, since, image_digest } => {
                    watches.push((index, watch));
                    AdoptedContainer::Running { runtime_id, since, image_digest }
                }
            });
        }
        let (agent, facts) = Agent::adopted(Arc::clone(&plan), network, facts, self.clock.now());
        self.run(&plan, agent, watches);
        (Adopted::Running { task_id: task_id.to_owned(), facts }, true)
    }

    /// Ends all tasks, forcibly those that take long, and everything else of this instance.
    pub(crate) async fn shutdown(&self) {
        self.close(&Happening::StopRequested);
        if tokio::time::timeout(SHUTDOWN_PATIENCE, self.all_ended()).await.is_err() {
            self.close(&Happening::KillRequested);
            if tokio::time::timeout(SHUTDOWN_PATIENCE, self.all_ended()).await.is_err() {
                tracing::warn!("some tasks did not end; what is left of them is removed");
            }
        }
        self.abandon.cancel();
        self.driver.sweep(&[]).await;
    }

    /// Ends all loops; what becomes of the containers is the driver's business.
    pub(crate) fn abandon(&self) {
        self.abandon.cancel();
    }

    async fn all_ended(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.live.subscribe().wait_for(|&live| live == 0).await;
    }

    fn close(&self, happening: &Happening) {
        let mut roster = self.roster();
        roster.closed = true;
        for task in roster.live.values() {
            let happening = match happening {
                Happening::KillRequested => Happening::KillRequested,
                _ => Happening::StopRequested,
            };
            // A loop that has just ended needs no telling.
            let _ = task.send(happening);
        }
    }

    fn run(&self, plan: &Arc<TaskPlan>, agent: Agent, watches: Vec<(usize, Watch)>) {
        let (inbox, happenings) = mpsc::unbounded_channel();
        {
            let mut roster = self.roster();
            if roster.closed || roster.is_known(&plan.id) {
                return;
            }
            roster.live.insert(plan.id.clone(), inbox.clone());
            self.live.send_modify(|live| *live += 1);
        }
        let mut work = JoinSet::new();
        for (index, watch) in watches {
            let inbox = inbox.clone();
            work.spawn(async move { tell(&inbox, Happening::Exited(index, watch.await)) });
        }
        tell(&inbox, Happening::Begin);
        let task = TaskLoop {
            plan: Arc::clone(plan),
            agent,
            driver: Arc::clone(&self.driver),
            clock: self.clock.clone(),
            events: self.events.clone(),
            inbox,
            happenings,
            work,
        };
        let (roster, live, abandon) = (Arc::clone(&self.roster), self.live.clone(), self.abandon.clone());
        let task_id = plan.id.clone();
        tokio::spawn(async move {
            if abandon.run_until_cancelled(task.run()).await.is_some() {
                lock(&roster).remember(task_id);
            }
            live.send_modify(|live| *live = live.saturating_sub(1));
        });
    }

    fn report(&self, event: TaskEvent) {
        // Nobody listens any more when the local cloud is going away.
        let _ = self.events.send(event);
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        lock(&self.roster)
    }
}

impl Roster {
    fn is_known(&self, task_id: &str) -> bool {
        self.live.contains_key(task_id) || self.ended.iter().any(|it| it == task_id)
    }

    fn remember(&mut self, task_id: String) {
        self.live.remove(&task_id);
        if self.ended.len() >= REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(task_id);
    }
}

fn lock(roster: &Mutex<Roster>) -> MutexGuard<'_, Roster> {
    roster.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tell(inbox: &mpsc::UnboundedSender<Happening>, happening: Happening) {
    // Whoever ends the loop drops its inbox; what happens later concerns nobody.
    let _ = inbox.send(happening);
}

/// One task's loop.
struct TaskLoop<D> {
    plan: Arc<TaskPlan>,
    agent: Agent,
    driver: Arc<D>,
    clock: Clock,
    events: mpsc::UnboundedSender<TaskEvent>,
    inbox: mpsc::UnboundedSender<Happening>,
    happenings: mpsc::UnboundedReceiver<Happening>,
    /// What is being done; dropped with the loop.
    work: JoinSet<()>,
}

impl<D: Driver> TaskLoop<D> {
    async fn run(mut self) {
        while !self.agent.is_over() {
            let happening = self.next().await;
            for action in self.agent.step(happening, self.clock.now()) {
                self.carry_out(action);
            }
            while self.work.try_join_next().is_some() {}
        }
    }

    async fn next(&mut self) -> Happening {
        let deadline = self.agent.deadline();
        let clock = self.clock.clone();
        let tick = async {
            match deadline {
                Some(deadline) => clock.sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            // The loop holds a sender itself, so the channel stays open.
            happening = self.happenings.recv() => happening.unwrap_or(Happening::Tick),
            () = tick => Happening::Tick,
        }
    }

    fn carry_out(&mut self, action: Action) {
        let (driver, plan, inbox) = (Arc::clone(&self.driver), Arc::clone(&self.plan), self.inbox.clone());
        match action {
            Action::Report(event) => {
                // Nobody listens any more when the local cloud is going away.
                let _ = self.events.send(event);
            }
            Action::Prepare => {
                self.work
                    .spawn(async move { tell(&inbox, Happening::Prepared(driver.prepare(&plan).await)) });
            }
            Action::Pull(index) => {
                self.work.spawn(async move {
                    tell(&inbox, Happening::Pulled(index, driver.pull(&plan, index).await));
                });
            }
            Action::Start(index) => {
                self.work.spawn(async move {
                    match driver.start(&plan, index).await {
                        Ok(Started { runtime_id, watch }) => {
                            tell(&inbox, Happening::Started(index, Ok(runtime_id)));
                            tell(&inbox, Happening::Exited(index, watch.await));
                        }
                        Err(failure) => tell(&inbox, Happening::Started(index, Err(failure))),
                    }
                });
            }
            Action::Signal(index, signal) => {
                self.work.spawn(async move { driver.signal(&plan, index, signal).await });
            }
            Action::Probe(index, run) => {
                self.work.spawn(async move {
                    tell(&inbox, Happening::Probed(index, run, driver.probe(&plan, index).await));
                });
            }
            Action::Release => {
                self.work.spawn(async move {
                    driver.release(&plan).await;
                    tell(&inbox, Happening::Released);
                });
            }
        }
    }
}
