//! The two services of a rollout: one is updated once and its deployment followed to its end, the
//! other must stay as it is. What a deployment's looks mean is `rolling`'s. Start with
//! [`Progress::bring`].

use super::progress::{Out, Progress, Role, Update};
use super::seen::{Act, Seen};
use crate::names::DeploymentId;
use crate::observation::{Deployment, Observation, Service, ServiceSeen};
use crate::rolling::{self, Rollout, Start};
use crate::verdict::Verdict;
use crate::{Event, Millis, TaskDefinitionArn};

/// How long a describe may go on showing the state of before an update.
const SETTLING: Millis = 10_000;

/// How a deployment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    Moving,
    Steady,
    Failed(String),
    Superseded { by: DeploymentId, task_definition: TaskDefinitionArn },
}

pub(super) fn primary(service: &Service) -> Option<&Deployment> {
    service.deployments.iter().find(|d| d.is_primary())
}

impl Progress {
    /// The deployment with which the service is what it should be, once it is seen. Asks for it if it
    /// is not, once: a read may be older than the update.
    pub(super) fn bring(
        &mut self,
        role: Role,
        task_definition: &TaskDefinitionArn,
        desired: Option<u32>,
        service: &Service,
        now: Millis,
        out: &mut Out,
    ) -> Option<DeploymentId> {
        if let Update::Seen { deployment } = &self.update {
            return Some(deployment.clone());
        }
        let wanted = |d: &&Deployment| {
            d.task_definition == *task_definition
                && desired.is_none_or(|count| service.desired_count == count)
        };
        if let Some(ours) = primary(service).filter(wanted) {
            self.update = Update::Seen { deployment: ours.id.clone() };
            return Some(ours.id.clone());
        }
        let is_due = match self.update {
            Update::Asked { at } => now - at >= self.scaled(SETTLING),
            _ => true,
        };
        if is_due {
            self.update = Update::Asked { at: now };
            out.act = Some(Act::UpdateService { role, task_definition: task_definition.clone(), desired });
        }
        None
    }

    /// One look at the deployment that brings the revision.
    pub(super) fn follow(
        &mut self,
        role: Role,
        deployment: &DeploymentId,
        service: &Service,
        seen: &Seen,
        now: Millis,
        out: &mut Out,
    ) -> Standing {
        let rollout = match self.fresh.following.take() {
            Some(rollout) => *rollout,
            None => self.attached(role, deployment, service, now),
        };
        let observation = Observation {
            service_deployment: seen.service_deployment.clone(),
            stopped_tasks: seen.stopped_tasks.clone(),
            ..Observation::of(ServiceSeen::Described(Box::new(service.clone())))
        };
        let (rollout, actions) = rolling::step(&rollout, &observation, now);
        let mut standing = Standing::Moving;
        for action in actions {
            match action {
                rolling::Action::Report(Event::Decided { verdict, .. }) => standing = stands(verdict),
                rolling::Action::Report(Event::RollbackRequested { reason }) => {
                    standing = Standing::Failed(reason);
                }
                // Where the service goes by itself is no news: the weights decide what users see.
                rolling::Action::Report(Event::RollingBack { .. })
                | rolling::Action::ReadDeregistrationDelay(_)
                | rolling::Action::RequestRollback(_) => {}
                rolling::Action::Report(event) => out.tell(event),
                read => out.reads.push(read),
            }
        }
        if standing == Standing::Moving {
            self.fresh.following = Some(Box::new(rollout));
        }
        standing
    }

    /// A deployment whose beginning this runner may not have seen.
    fn attached(&self, role: Role, deployment: &DeploymentId, service: &Service, now: Millis) -> Rollout {
        let others = service.deployments.iter().filter(|d| d.id != *deployment);
        let since = service.deployments.iter().find(|d| d.id == *deployment).and_then(|d| d.created_at);
        let since = since.unwrap_or(self.started_at);
        Rollout::begin(Start {
            target: self.service(role),
            candidate: self.revision.clone(),
            deployment: deployment.clone(),
            service_deployment: None,
            earlier_service_deployment: None,
            earlier_deployments: others.map(|d| d.id.clone()).collect(),
            known_events: service.events.iter().filter(|e| e.at < since).map(|e| e.id.clone()).collect(),
            started_at: now,
            deadline: self.deadline,
        })
    }
}

fn stands(verdict: Verdict) -> Standing {
    match verdict {
        Verdict::Promoted { .. } => Standing::Steady,
        Verdict::RolledBack { reason, .. } | Verdict::Failed { reason, .. } | Verdict::Aborted { reason } => {
            Standing::Failed(reason)
        }
        Verdict::TimedOut { reached } => Standing::Failed(format!("not steady in time: {reached}")),
        Verdict::Superseded { by, task_definition } => Standing::Superseded { by, task_definition },
    }
}
