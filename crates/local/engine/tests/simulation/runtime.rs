//! A fake runtime and a fake balancer: they know the truth about tasks, and say it in events.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use fastrand::Rng;
use tidegate_models::{
    Timestamp, ecs::HealthStatus, elbv2::TargetHealthReasonEnum, elbv2::TargetHealthStateEnum,
};

use super::{
    release::{FailsToRun, Fate},
    setup::Behind,
};
use tidegate_engine::{Event, StopCause, TaskChange, elbv2::TargetHealth};

/// The one container of every simulated task.
pub(super) const CONTAINER: &str = "app";
/// The port that it listens on.
pub(super) const PORT: u16 = 8080;

/// The truth about one task.
#[derive(Clone, Debug)]
struct Truth {
    fate: Fate,
    phase: Phase,
    address: Ipv4Addr,
    running_since: Option<Timestamp>,
    stop_asked: bool,
    check_planned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Preparing,
    Starting,
    Running,
    Ended,
}

/// Something that will happen to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Prepared,
    Started,
    Exits,
    Killed,
    Checked,
    Turns,
}

/// All tasks that were ever started, and what is to come of them.
#[derive(Debug, Default)]
pub(super) struct Runtime {
    tasks: BTreeMap<String, Truth>,
    free: BTreeSet<Ipv4Addr>,
    highest: u32,
    to_come: BTreeMap<(Timestamp, u64), (String, Next)>,
    sequence: u64,
    /// What all tasks are behind.
    behind: Option<Behind>,
    /// Whether containers have a health check.
    checks_containers: bool,
}

impl Runtime {
    /// A runtime whose tasks are all behind the same.
    pub(super) fn of(behind: Option<Behind>, checks_containers: bool) -> Self {
        Self { behind, checks_containers, ..Self::default() }
    }

    /// What all tasks are behind.
    pub(super) fn behind(&self) -> Option<&Behind> {
        self.behind.as_ref()
    }

    /// When something happens next.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.to_come.first_key_value().map(|((at, _), _)| *at)
    }

    /// What happens next, if it is due.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<(String, Next)> {
        let entry = self.to_come.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    /// Starts a task, unless it was started before.
    pub(super) fn start(&mut self, task: &str, fate: Fate, now: Timestamp) {
        if self.tasks.contains_key(task) {
            return;
        }
        let address = self.free.pop_first().unwrap_or_else(|| {
            self.highest += 1;
            Ipv4Addr::from(0x7f40_0000 + self.highest)
        });
        let truth = Truth {
            fate,
            phase: Phase::Preparing,
            address,
            running_since: None,
            stop_asked: false,
            check_planned: false,
        };
        self.tasks.insert(task.to_owned(), truth);
        self.plan(task, Next::Prepared, now + fate.prepares);
    }

    /// Tells a task to stop.
    pub(super) fn stop(&mut self, task: &str, rng: &mut Rng, now: Timestamp) {
        if let Some(truth) = self.tasks.get_mut(task)
            && truth.phase != Phase::Ended
            && !truth.stop_asked
        {
            truth.stop_asked = true;
            let takes = Duration::from_millis(if rng.u8(..8) == 0 { 30_000 } else { rng.u64(1..2_000) });
            self.plan(task, Next::Killed, now + takes);
        }
    }

    /// What the events are that tell of it.
    pub(super) fn happen(&mut self, task: &str, next: Next, now: Timestamp) -> Vec<Event> {
        let Some(truth) = self.tasks.get(task).cloned() else { return Vec::new() };
        if truth.phase == Phase::Ended {
            return Vec::new();
        }
        let changes = match next {
            Next::Prepared => {
                self.set_phase(task, Phase::Starting);
                self.plan(task, Next::Started, now + truth.fate.starts);
                vec![network(truth.address), TaskChange::PullStarted]
            }
            Next::Started => match truth.fate.fails_to_run {
                Some(FailsToRun::CannotPull) => {
                    self.end(task);
                    let reason = "CannotPullContainerError: not found".to_owned();
                    vec![
                        TaskChange::PullStopped,
                        container_stopped(None),
                        TaskChange::Stopped { cause: StopCause::TaskFailedToStart, reason },
                    ]
                }
                Some(FailsToRun::Exits) => {
                    self.end(task);
                    vec![TaskChange::PullStopped, started(), container_stopped(Some(1)), exited()]
                }
                None => {
                    self.run(task, &truth, now);
                    vec![TaskChange::PullStopped, started(), TaskChange::Running]
                }
            },
            Next::Exits => {
                self.end(task);
                vec![container_stopped(Some(1)), exited()]
            }
            Next::Killed => {
                self.end(task);
                let reason = String::new();
                vec![
                    container_stopped(Some(143)),
                    TaskChange::Stopped { cause: StopCause::Requested, reason },
                ]
            }
            Next::Turns => {
                if let Some(truth) = self.tasks.get_mut(task) {
                    truth.fate.healthy = !truth.fate.healthy;
                }
                if let Some(every) = truth.fate.turns_every {
                    self.plan(task, Next::Turns, now + every);
                }
                self.plan_check(task, now);
                Vec::new()
            }
            Next::Checked => return self.check(task),
        };
        changes.into_iter().map(|change| Event::Task { task: task.to_owned(), change }).collect()
    }

    /// Plans a check of each task that runs: something about its targets changed, or nobody knows what they found.
    pub(super) fn check_all(&mut self, now: Timestamp) {
        let running: Vec<String> = self
            .tasks
            .iter()
            .filter(|(_, it)| it.phase == Phase::Running)
            .map(|(task, _)| task.clone())
            .collect();
        for task in running {
            self.plan_check(&task, now);
        }
    }

    /// From now on nothing fails any more.
    pub(super) fn calm(&mut self, now: Timestamp) {
        for truth in self.tasks.values_mut() {
            truth.fate.turns_every = None;
            truth.fate.healthy = true;
            truth.fate.fails_to_run = None;
        }
        self.to_come.retain(|_, (_, next)| !matches!(next, Next::Exits | Next::Turns));
        self.check_all(now);
    }

    /// From now on health checks of the task fail.
    pub(super) fn spoil(&mut self, task: &str, now: Timestamp) {
        if let Some(truth) = self.tasks.get_mut(task) {
            truth.fate.healthy = false;
        }
        self.plan_check(task, now);
    }

    /// Whether anything of the task runs.
    pub(super) fn is_alive(&self, task: &str) -> bool {
        self.tasks.get(task).is_some_and(|truth| truth.phase != Phase::Ended)
    }

    /// The tasks of which anything runs.
    pub(super) fn alive(&self) -> Vec<String> {
        self.tasks.iter().filter(|(_, it)| it.phase != Phase::Ended).map(|(task, _)| task.clone()).collect()
    }

    /// The power went off: everything that runs is killed with it.
    pub(super) fn kill(&mut self, task: &str) {
        if self.is_alive(task) {
            self.end(task);
        }
    }

    /// Forgets a task that ended, so that it can be started again.
    pub(super) fn forget(&mut self, task: &str) {
        self.tasks.remove(task);
        self.to_come.retain(|_, (other, _)| other != task);
    }

    /// What a shell that comes back is told of a task that runs.
    pub(super) fn facts(&self, task: &str) -> Vec<TaskChange> {
        let Some(truth) = self.tasks.get(task) else { return Vec::new() };
        match truth.phase {
            Phase::Preparing | Phase::Ended => Vec::new(),
            Phase::Starting => vec![network(truth.address)],
            Phase::Running => vec![network(truth.address), started(), TaskChange::Running],
        }
    }

    fn run(&mut self, task: &str, truth: &Truth, now: Timestamp) {
        self.set_phase(task, Phase::Running);
        if let Some(truth) = self.tasks.get_mut(task) {
            truth.running_since = Some(now);
        }
        if let Some(after) = truth.fate.exits_after {
            self.plan(task, Next::Exits, now + after);
        }
        if let Some(every) = truth.fate.turns_every {
            self.plan(task, Next::Turns, now + truth.fate.found_after + every);
        }
        self.plan_check(task, now);
    }

    /// What health checks find, once they have.
    fn check(&mut self, task: &str) -> Vec<Event> {
        let Some(truth) = self.tasks.get_mut(task) else { return Vec::new() };
        truth.check_planned = false;
        if truth.phase != Phase::Running {
            return Vec::new();
        }
        let mut events = Vec::new();
        // In whichever of the groups it is registered: what is found of an address that is not is nobody's news.
        for group in self.behind.iter().flat_map(|behind| &behind.groups) {
            let health = if truth.fate.healthy { TargetHealth::healthy() } else { failed_check() };
            events.push(Event::TargetHealth {
                target_group: group.clone(),
                target: truth.address.to_string(),
                port: PORT,
                health,
            });
        }
        if self.checks_containers {
            let health = if truth.fate.healthy { HealthStatus::Healthy } else { HealthStatus::Unhealthy };
            let change = TaskChange::ContainerHealth { container: CONTAINER.to_owned(), health };
            events.push(Event::Task { task: task.to_owned(), change });
        }
        events
    }

    fn plan_check(&mut self, task: &str, now: Timestamp) {
        let Some(truth) = self.tasks.get_mut(task) else { return };
        let Some(since) = truth.running_since else { return };
        if !truth.check_planned {
            truth.check_planned = true;
            let at = (since + truth.fate.found_after).max(now + Duration::from_millis(700));
            self.plan(task, Next::Checked, at);
        }
    }

    fn plan(&mut self, task: &str, next: Next, at: Timestamp) {
        self.sequence += 1;
        self.to_come.insert((at, self.sequence), (task.to_owned(), next));
    }

    fn set_phase(&mut self, task: &str, phase: Phase) {
        if let Some(truth) = self.tasks.get_mut(task) {
            truth.phase = phase;
        }
    }

    fn end(&mut self, task: &str) {
        self.set_phase(task, Phase::Ended);
        if let Some(truth) = self.tasks.get(task) {
            self.free.insert(truth.address);
        }
        self.to_come.retain(|_, (other, _)| other != task);
    }
}

fn network(address: Ipv4Addr) -> TaskChange {
    TaskChange::NetworkReady { address: IpAddr::V4(address), bindings: Vec::new() }
}

fn started() -> TaskChange {
    TaskChange::ContainerStarted {
        container: CONTAINER.to_owned(),
        runtime_id: "1".to_owned(),
        image_digest: Some("sha256:00".to_owned()),
    }
}

fn container_stopped(exit_code: Option<i32>) -> TaskChange {
    TaskChange::ContainerStopped { container: CONTAINER.to_owned(), exit_code, reason: None }
}

fn exited() -> TaskChange {
    TaskChange::Stopped {
        cause: StopCause::EssentialContainerExited,
        reason: "Essential container in task exited".to_owned(),
    }
}

fn failed_check() -> TargetHealth {
    TargetHealth::because(
        TargetHealthStateEnum::Unhealthy,
        TargetHealthReasonEnum::TargetResponseCodeMismatch,
        "Health checks failed with these codes: [500]",
    )
}
