//! The revisions of a service's family: which there are, which are in use, which may go. It must
//! never deregister what runs or what a rollback needs: an INACTIVE revision cannot come back.
//! Start with [`survey`].

use crate::alb;
use crate::client::{Client, ask};
use crate::deploy::code_deploy;
use crate::error::AwsError;
use crate::observe;
use crate::pacing::Bucket;
use crate::rollback::history;
use aws_sdk_ecs::types::DesiredStatus;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tidegate_rollout::code_deploy::requirements::check_controller;
use tidegate_rollout::names::{ClusterName, ServiceName, ServiceRef, TaskDefinitionArn};
use tidegate_rollout::prune::{User, needed, prunable};
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

/// Reads what a family has. Services of other clusters are not looked at here: see [`Users::of`].
pub async fn survey(client: &Client, target: &ServiceRef) -> Result<Survey, AwsError> {
    let described = client.described_service(target).await?;
    let current = observe::running_task_definition(&described)
        .map_err(|error| crate::ecs::unexpected("DescribeServices", &error.to_string()))?;
    let active = client.active_revisions(current.family()).await?;
    let services = client.services_of_cluster(target).await?;
    let in_use = services.iter().flat_map(runs).collect();
    let history = history(client, target).await?;
    Ok(Survey { current, active, in_use, history })
}

/// Everybody in the account and region who needs revisions of a family.
#[derive(Debug, Clone)]
pub struct Users {
    needed: BTreeMap<TaskDefinitionArn, String>,
}

impl Users {
    /// Looks at every service and task of every cluster. What only names a revision without running it (a schedule, a
    /// state machine) cannot be seen from Amazon ECS.
    ///
    /// # Errors
    ///
    /// When AWS does not answer or refuses any of it: what could not be asked may be needed.
    pub async fn of(client: &Client, survey: &Survey) -> Result<Self, AwsError> {
        let family = survey.current.family();
        let (mut users, mut tasks) = (Vec::new(), Vec::new());
        for arn in client.clusters().await? {
            let Ok(cluster) = ClusterName::parse(&arn) else { continue };
            for service in client.services_of(&cluster).await? {
                if let Some(user) = user(client, &cluster, &service, family).await? {
                    users.push(user);
                }
            }
            for task in client.tasks_of_family(&cluster, family).await? {
                tasks.push((task, cluster.short().to_owned()));
            }
        }
        Ok(Self { needed: needed(family, &survey.active, &users, &tasks) })
    }

    /// Why a revision must stay, if it must.
    pub fn why(&self, revision: &TaskDefinitionArn) -> Option<&str> {
        self.needed.get(revision).map(String::as_str)
    }

    /// What `prune --keep` would deregister, oldest first.
    pub fn prunable(&self, survey: &Survey, keep: usize) -> Vec<TaskDefinitionArn> {
        prunable(survey.current.family(), &survey.active, &self.needed, keep)
    }
}

/// A described service, if it has to do with the family.
async fn user(
    client: &Client,
    cluster: &ClusterName,
    service: &Value,
    family: &str,
) -> Result<Option<User>, AwsError> {
    let runs = runs(service);
    let name = observe::text(service, "serviceName").unwrap_or_default();
    let (Ok(current), Ok(name)) = (observe::running_task_definition(service), ServiceName::parse(&name))
    else {
        return Ok(None);
    };
    if !runs.iter().any(|arn| arn.family() == family) {
        return Ok(None);
    }
    let target = ServiceRef { cluster: cluster.clone(), service: name };
    let mut ways_back = BTreeSet::new();
    let history = if check_controller(service).is_ok() {
        let way = code_deploy::way_back(client, service).await?;
        ways_back.extend(way.into_iter().flat_map(|(brought, back)| [brought, back]));
        Vec::new()
    } else {
        history(client, &target).await?
    };
    // Without Parameter Store, or the permission for it, there is no such rollout.
    if let Some(held) = alb::held(client, &target).await.ok().flatten() {
        ways_back.extend([held.progress.revision().clone(), held.progress.stable_revision().clone()]);
    }
    Ok(Some(User { name: target.to_string(), current, runs, history, ways_back }))
}

/// All revisions that a described service has in its deployments, its task sets and its own name for it.
fn runs(service: &Value) -> BTreeSet<TaskDefinitionArn> {
    let parts = observe::list(service, "deployments").iter().chain(observe::list(service, "taskSets"));
    let all = parts.chain([service]);
    all.filter_map(|part| observe::task_definition_arn(part, "taskDefinition").ok()).collect()
}

/// Deregisters these revisions, oldest first, one a second as AWS allows; answers how many are done
/// before the first failure.
pub async fn prune(client: &Client, gone: &[TaskDefinitionArn]) -> Result<usize, (usize, AwsError)> {
    for (done, arn) in gone.iter().enumerate() {
        client.deregister(arn).await.map_err(|error| (done, error))?;
    }
    Ok(gone.len())
}

impl Client {
    /// Every cluster of the account in the region, by ARN.
    async fn clusters(&self) -> Result<Vec<String>, AwsError> {
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let request = self.ecs.list_clusters().max_results(100).set_next_token(token);
            let (output, _) = ask!(self, "ecs", "ListClusters", Bucket::ServiceRead, request)?;
            found.extend_from_slice(output.cluster_arns());
            token = output.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// The revisions of a family that tasks of a cluster run, of services or not.
    async fn tasks_of_family(
        &self,
        cluster: &ClusterName,
        family: &str,
    ) -> Result<BTreeSet<TaskDefinitionArn>, AwsError> {
        let mut arns = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let request = self
                .ecs
                .list_tasks()
                .cluster(cluster.as_str())
                .family(family)
                .desired_status(DesiredStatus::Running)
                .set_next_token(token);
            let (output, _) = ask!(self, "ecs", "ListTasks", Bucket::TaskRead, request)?;
            arns.extend_from_slice(output.task_arns());
            token = output.next_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        let tasks = self.described_tasks_seen(cluster, &arns).await?;
        Ok(tasks.iter().filter_map(|task| TaskDefinitionArn::parse(&task.task_definition).ok()).collect())
    }
}
