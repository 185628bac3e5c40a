//! The revisions of a service's family: which there are, which are in use, which may go. It must
//! never deregister what runs or what a rollback needs: an INACTIVE revision cannot come back.
//! Start with [`survey`].

use crate::client::Client;
use crate::error::AwsError;
use crate::observe;
use crate::rollback::history;
use std::collections::BTreeSet;
use tidegate_rollout::names::{ServiceRef, TaskDefinitionArn};
use tidegate_rollout::observation::ServiceDeploymentStatus;
use tidegate_rollout::prune::prunable;
use tidegate_rollout::rollback::PastDeployment;

/// What is known of a family.
#[derive(Debug, Clone)]
pub struct Survey {
    /// What the service names.
    pub current: TaskDefinitionArn,
    /// Every ACTIVE revision, newest first.
    pub active: Vec<TaskDefinitionArn>,
    /// Revisions that a service of the cluster runs or moves to.
    pub in_use: BTreeSet<TaskDefinitionArn>,
    /// The deployments of the last 90 days.
    pub history: Vec<PastDeployment>,
}

impl Survey {
    /// What must stay: what runs, and whatever was once steady and may be rolled back to.
    pub fn needed(&self) -> BTreeSet<TaskDefinitionArn> {
        let mut newest_first: Vec<&PastDeployment> = self.history.iter().collect();
        newest_first.sort_by_key(|past| std::cmp::Reverse(past.created_at));
        let steady = newest_first
            .into_iter()
            .filter(|past| past.status == ServiceDeploymentStatus::Successful)
            .map(|past| past.task_definition.clone());
        let last: Option<TaskDefinitionArn> =
            tidegate_rollout::rollback::target(&self.history, &self.current)
                .ok()
                .map(|past| past.task_definition.clone());
        // Not every revision of the last 90 days: the last steady ones are what a rollback needs.
        let newest_steady = steady.take(2);
        self.in_use.iter().cloned().chain(last).chain(newest_steady).collect()
    }

    /// What `prune --keep` would deregister.
    pub fn prunable(&self, keep: usize) -> Vec<TaskDefinitionArn> {
        prunable(self.current.family(), &self.active, &self.needed(), keep)
    }
}

/// Reads what a family has. Services of other clusters cannot be seen from here.
pub async fn survey(client: &Client, target: &ServiceRef) -> Result<Survey, AwsError> {
    let described = client.described_service(target).await?;
    let current = observe::running_task_definition(&described)
        .map_err(|error| crate::ecs::unexpected("DescribeServices", &error.to_string()))?;
    let active = client.active_revisions(current.family()).await?;
    let mut in_use = BTreeSet::new();
    for service in client.services_of_cluster(target).await? {
        let Ok(service) = observe::service(&service) else { continue };
        in_use.insert(service.task_definition);
        in_use.extend(service.deployments.into_iter().map(|d| d.task_definition));
    }
    let history = history(client, target).await?;
    Ok(Survey { current, active, in_use, history })
}

/// Deregisters these revisions, oldest first, one a second as AWS allows; answers how many are done
/// before the first failure.
pub async fn prune(client: &Client, gone: &[TaskDefinitionArn]) -> Result<usize, (usize, AwsError)> {
    for (done, arn) in gone.iter().enumerate() {
        client.deregister(arn).await.map_err(|error| (done, error))?;
    }
    Ok(gone.len())
}
