//! Faults for rehearsals: what is wrong with the tasks of a candidate.
//!
//! A fault is given by the machinery around a task (the runtime kills it, the balancer spoils its answers), so that any
//! application can be rehearsed with it, and the deployer sees nothing but what a real fault would show it.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tidegate_balancer::TargetFault;
use tidegate_clock::Clock;
use tidegate_tasks::{Runtime, TaskEvent};

/// What is wrong with a task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Its containers die as soon as they start.
    CrashOnStart,
    /// Its containers die this long after it runs, in the cloud's time.
    CrashAfter(Duration),
    /// Its health checks fail.
    NeverHealthy,
    /// This share of its answers, 0–1, has status 500.
    ErrorRate(f64),
    /// Its answers come this much later, in real time, since it is real clients that wait.
    Latency(Duration),
}

/// The faults that were given, shared by all that carry them out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Arc<RwLock<Vec<Rule>>>);

#[derive(Clone, Debug)]
struct Rule {
    family: String,
    after_revision: u32,
    fault: Fault,
}

impl Faults {
    /// Gives `fault` to every task of `family` with a revision after `after_revision`.
    pub(crate) fn inject(&self, family: &str, after_revision: u32, fault: Fault) {
        let rule = Rule { family: family.to_owned(), after_revision, fault };
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(rule);
    }

    /// No fault any more for tasks that start from now on.
    pub(crate) fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The fault of the tasks of a task definition, by its ARN.
    pub(crate) fn of(&self, task_definition: &str) -> Option<Fault> {
        let (family, revision) = task_definition.rsplit('/').next()?.split_once(':')?;
        let revision: u32 = revision.parse().ok()?;
        let rules = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let applies = |rule: &&Rule| rule.family == family && revision > rule.after_revision;
        rules.iter().rfind(applies).map(|rule| rule.fault)
    }

    /// Does what `event` of a task with this definition calls for.
    pub(crate) fn carry_out(
        &self,
        task_definition: &str,
        event: &TaskEvent,
        runtime: &Runtime,
        clock: &Clock,
    ) {
        match (self.of(task_definition), event) {
            (Some(Fault::CrashOnStart), TaskEvent::ContainerStarted { task_id, .. }) => {
                runtime.crash(task_id)
            }
            (Some(Fault::CrashAfter(length)), TaskEvent::Running { task_id }) => {
                let (task_id, runtime, clock) = (task_id.clone(), runtime.clone(), clock.clone());
                tokio::spawn(async move {
                    clock.sleep(length).await;
                    runtime.crash(&task_id);
                });
            }
            _ => {}
        }
    }
}

impl Fault {
    /// What of it is the balancer's to do.
    pub(crate) fn of_target(self) -> Option<TargetFault> {
        match self {
            Self::CrashOnStart | Self::CrashAfter(_) => None,
            Self::NeverHealthy => Some(TargetFault::FailsHealthChecks),
            Self::ErrorRate(share) => {
                Some(TargetFault::Errors { per_million: (share.clamp(0.0, 1.0) * 1_000_000.0) as u32 })
            }
            Self::Latency(length) => Some(TargetFault::Latency(length)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_for_the_revisions_after_the_stable_one_only() {
        let faults = Faults::default();
        faults.inject("hello", 9, Fault::NeverHealthy);
        let arn = |name: &str| format!("arn:aws:ecs:eu-west-1:000000000000:task-definition/{name}");
        assert_eq!(faults.of(&arn("hello:10")), Some(Fault::NeverHealthy));
        assert_eq!(faults.of(&arn("hello:9")), None);
        assert_eq!(faults.of(&arn("other:10")), None);
        faults.clear();
        assert_eq!(faults.of(&arn("hello:10")), None);
    }
}
