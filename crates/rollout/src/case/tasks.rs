//! The tasks of a case: which of them are about the deployment in question, and how they ended. It must
//! never count a normal replacement as a failure. Start with [`Case::failed_tasks`].

use super::{Case, Course};
use crate::Millis;
use crate::cause::of_stopped_task;
use crate::names::DeploymentId;
use crate::observation::{Deployment, RolloutState, StoppedTask};
use serde_json::Value;
use std::fmt::Write as _;

/// A task as DescribeTasks answers it, as far as it tells something.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// How it ended, or what is known of that so far.
    pub end: StoppedTask,
    /// Its revision, by ARN.
    pub task_definition: Option<String>,
    /// PROVISIONING, PENDING … STOPPED.
    pub last_status: String,
    /// HEALTHY, UNHEALTHY or UNKNOWN, over its essential containers.
    pub health: Option<String>,
    /// When it was created.
    pub created_at: Option<Millis>,
    /// When it reached RUNNING.
    pub started_at: Option<Millis>,
    /// When its containers were told to stop, or did.
    pub stopping_at: Option<Millis>,
    /// When its last container had ended.
    pub execution_stopped_at: Option<Millis>,
}

/// Tasks that died in one way, the newest first.
#[derive(Debug, Clone)]
pub struct Death<'a> {
    /// They. Never empty.
    pub tasks: Vec<&'a Task>,
}

impl Task {
    /// The short form of its id that people can find again.
    pub fn short(&self) -> &str {
        self.end.id.get(..12).unwrap_or(&self.end.id)
    }

    /// How long it ran before it was told to stop, or ended, in milliseconds.
    pub fn lived(&self) -> Option<Millis> {
        let until = self.stopping_at.or(self.end.stopped_at)?;
        Some((until - self.started_at?).max(0))
    }

    /// Was it told to stop by a normal replacement, by scaling, or by somebody?
    pub fn was_told_to_stop(&self) -> bool {
        matches!(self.end.stop_code.as_deref(), Some("ServiceSchedulerInitiated" | "UserInitiated"))
    }

    /// Did it end otherwise than by a normal replacement?
    pub fn failed(&self) -> bool {
        let reason = self.end.stopped_reason.as_deref().unwrap_or_default();
        let replaced = reason.starts_with("Scaling activity initiated by");
        let by_others = matches!(self.end.stop_code.as_deref(), Some("UserInitiated"));
        self.end.stop_code.is_some() && !by_others && (!replaced || of_stopped_task(&self.end).is_some())
    }

    /// The containers that ended with a code, each with it.
    pub fn exits(&self) -> impl Iterator<Item = (&str, i32)> {
        self.end.containers.iter().filter_map(|it| Some((it.name.as_str(), it.exit_code?)))
    }
}

impl Case {
    /// The tasks of the deployment in question that failed, newest first.
    pub fn failed_tasks(&self) -> Vec<&Task> {
        let mut failed: Vec<&Task> =
            self.stopped.items().iter().filter(|task| task.failed() && self.is_in_question(task)).collect();
        failed.sort_by_key(|task| std::cmp::Reverse(task.end.stopped_at.or(task.stopping_at)));
        failed
    }

    /// The failed tasks for which this holds; `None` if there are none.
    pub(crate) fn deaths(&self, is_one: impl Fn(&Task) -> bool) -> Option<Death<'_>> {
        let tasks: Vec<&Task> = self.failed_tasks().into_iter().filter(|task| is_one(task)).collect();
        (!tasks.is_empty()).then_some(Death { tasks })
    }

    /// The tasks of the deployment in question that have not stopped.
    pub fn live_tasks(&self) -> Vec<&Task> {
        let own = self.live.items().iter();
        own.filter(|task| self.is_in_question(task)).collect()
    }

    /// Is this task of the deployment that is asked about?
    pub fn is_in_question(&self, task: &Task) -> bool {
        if let Some(subject) = &self.subject {
            return task.end.started_by.as_ref() == Some(subject);
        }
        let by_primary =
            task.end.started_by.as_ref().is_some_and(|by| self.primary_id() == Some(by.as_str()));
        let began = self.began_at().unwrap_or(Millis::MIN);
        let since = task.created_at.or(task.end.stopped_at).unwrap_or(Millis::MAX);
        match self.course() {
            Course::GoingBack | Course::RolledBack => !by_primary && since >= began,
            Course::Moving | Course::Failed if self.controller() == "CODE_DEPLOY" => {
                !by_primary && since >= began
            }
            Course::Moving | Course::Failed => by_primary,
            Course::Steady => {
                let ended = self.ended_at().unwrap_or(Millis::MIN);
                by_primary && task.end.stopped_at.or(task.stopping_at).is_none_or(|at| at >= ended)
            }
        }
    }

    /// The deployment of the service that is asked about, where the service still lists it.
    pub fn deployment_in_question(&self) -> Option<&Deployment> {
        let deployments = &self.service.as_ref()?.seen.deployments;
        let failed = || {
            deployments.iter().find(|it| !it.is_primary() && it.rollout_state == Some(RolloutState::Failed))
        };
        match (&self.subject, self.course()) {
            (Some(subject), _) => deployments.iter().find(|it| it.id == *subject),
            (None, Course::GoingBack | Course::RolledBack) => failed(),
            (None, _) => deployments.iter().find(|it| it.is_primary()),
        }
    }

    /// The id of what the service works towards: its PRIMARY deployment or task set.
    fn primary_id(&self) -> Option<&str> {
        let service = self.service.as_ref()?;
        let sets = service.raw.get("taskSets").and_then(Value::as_array);
        let set = sets.and_then(|sets| sets.iter().find(|set| set["status"] == "PRIMARY"));
        let deployment = service.seen.deployments.iter().find(|it| it.is_primary());
        deployment.map(|it| it.id.as_str()).or_else(|| set?.get("id")?.as_str())
    }

    /// The revision that is asked about, by ARN, as far as the tasks, the deployments or CodeDeploy name it.
    pub fn revision_in_question(&self) -> Option<String> {
        let by_subject = self.subject.as_ref().and_then(|id| self.deployment_named(id));
        let brought = self.brought.clone().filter(|_| self.course() != Course::Steady);
        let of_tasks = self.failed_tasks().first().and_then(|task| task.task_definition.clone());
        let of_deployment = || self.deployment_in_question().map(|it| it.task_definition.as_str().to_owned());
        let of_service = || self.service.as_ref().map(|it| it.seen.task_definition.as_str().to_owned());
        by_subject.or(brought).or(of_tasks).or_else(of_deployment).or_else(of_service)
    }

    fn deployment_named(&self, id: &DeploymentId) -> Option<String> {
        let mut deployments = self.service.as_ref()?.seen.deployments.iter();
        deployments.find(|it| it.id == *id).map(|it| it.task_definition.as_str().to_owned())
    }
}

impl Death<'_> {
    /// The newest task that died so.
    pub fn newest(&self) -> &Task {
        self.tasks[0]
    }

    /// `3 tasks: web exited 1`, with the task that stopped last.
    pub fn counted(&self) -> String {
        let newest = self.newest();
        let mut ends: Vec<String> =
            newest.exits().map(|(name, code)| format!("{name} exited {code}")).collect();
        if ends.is_empty() {
            ends.push("no container started".to_owned());
        }
        let mut text = String::new();
        let _ = write!(
            text,
            "{}: {} (latest: task {})",
            crate::rules::count(self.tasks.len(), "task"),
            ends.join(", "),
            newest.short()
        );
        text
    }

    /// AWS's sentences about the newest, the container's own before the task's.
    pub fn sentences(&self) -> impl Iterator<Item = &str> {
        let end = &self.newest().end;
        let own = end.containers.iter().filter_map(|it| it.reason.as_deref());
        own.chain(end.stopped_reason.as_deref())
    }
}
