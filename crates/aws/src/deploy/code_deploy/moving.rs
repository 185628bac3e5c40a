//! The deployment that CodeDeploy works on for a service: found, and read for what it brings. It must never
//! change anything. Start with [`Moving`].

use crate::client::Client;
use crate::codedeploy::deployment_seen;
use crate::error::AwsError;
use crate::observe;
use serde_json::Value;
use std::collections::BTreeMap;
use tidegate_rollout::Strategy;
use tidegate_rollout::code_deploy::app_spec;
use tidegate_rollout::code_deploy::seen::Status;
use tidegate_rollout::names::{DeploymentId, TaskDefinitionArn};
use tidegate_rollout::strategy::DeploymentGroup;

/// A deployment of CodeDeploy, whoever created it.
#[derive(Debug)]
pub(super) struct Moving {
    /// The one that brings a revision, also while another that goes back from it is under way.
    pub(super) id: DeploymentId,
    /// `deploymentInfo`.
    pub(super) info: Value,
    /// What it brings.
    pub(super) candidate: TaskDefinitionArn,
    /// What served before.
    pub(super) stable: TaskDefinitionArn,
    /// Functions by lifecycle event.
    pub(super) hooks: BTreeMap<String, String>,
    /// The candidate's task set, once it is there.
    pub(super) candidate_set: Option<DeploymentId>,
    /// The target group of that task set, by ARN.
    pub(super) candidate_group: Option<String>,
}

impl Moving {
    /// The deployment under way for a service. The config file's deployment group is asked, else that of the
    /// service's latest deployment: a new one has no task set before its Install.
    pub(super) async fn under_way(
        client: &Client,
        service: &Value,
        strategy: &Strategy,
    ) -> Result<Option<Self>, AwsError> {
        let group = match (strategy, deployment_of(service)) {
            (Strategy::CodeDeploy(_, group), _) => group.clone(),
            (_, Some(latest)) => named_by(&client.deployment_info(&latest).await?),
            (_, None) => return Ok(None),
        };
        Self::in_group(client, service, &group).await
    }

    /// The deployment of a group that is under way: CodeDeploy runs one at a time.
    pub(super) async fn in_group(
        client: &Client,
        service: &Value,
        group: &DeploymentGroup,
    ) -> Result<Option<Self>, AwsError> {
        match client.deployments_in_progress(group).await?.into_iter().next() {
            Some(id) => Self::read(client, service, id).await,
            None => Ok(None),
        }
    }

    /// The one that made the newest task set, also when it has ended.
    pub(super) async fn latest(client: &Client, service: &Value) -> Result<Option<Self>, AwsError> {
        match deployment_of(service) {
            Some(id) => Self::read(client, service, id).await,
            None => Ok(None),
        }
    }

    /// `None` if nothing says what it brings.
    async fn read(client: &Client, service: &Value, id: DeploymentId) -> Result<Option<Self>, AwsError> {
        let info = client.deployment_info(&id).await?;
        let from = info.pointer("/rollbackInfo/rollbackTriggeringDeploymentId").and_then(Value::as_str);
        let (id, info) = match from.filter(|from| !from.is_empty()) {
            Some(from) => {
                let from = DeploymentId::answered(from);
                let info = client.deployment_info(&from).await?;
                (from, info)
            }
            None => (id, info),
        };
        let content = info.pointer("/revision/appSpecContent/content").and_then(Value::as_str);
        let set = task_sets_of(service, &id).next();
        let by_task_set = || {
            let arn = observe::task_definition_arn(set?, "taskDefinition").ok()?;
            Some((arn, BTreeMap::new()))
        };
        let Some((candidate, hooks)) = content.and_then(app_spec::read).or_else(by_task_set) else {
            return Ok(None);
        };
        Ok(Some(Self {
            stable: stable_beside(service, &id, &info).unwrap_or_else(|| candidate.clone()),
            candidate,
            hooks,
            candidate_set: set.and_then(|set| observe::text(set, "id")).map(DeploymentId::answered),
            candidate_group: set
                .and_then(|set| set.pointer("/loadBalancers/0/targetGroupArn")?.as_str())
                .map(str::to_owned),
            id,
            info,
        }))
    }

    /// Has it ended? What goes back from it may be under way even so.
    pub(super) fn is_over(&self) -> bool {
        let status = deployment_seen(&self.id, &self.info).status;
        matches!(status, Status::Succeeded | Status::Failed | Status::Stopped)
    }

    /// The config that moves its traffic.
    pub(super) fn config(&self) -> &str {
        observe::word(&self.info, "deploymentConfigName").unwrap_or_default()
    }

    /// Its application and deployment group, with its config.
    pub(super) fn group(&self) -> DeploymentGroup {
        named_by(&self.info)
    }
}

/// The deployment that made the newest task set. CodeDeploy writes its id into `externalId`.
pub(crate) fn deployment_of(service: &Value) -> Option<DeploymentId> {
    let sets = observe::list(service, "taskSets").iter();
    let made = sets.filter(|set| set["startedBy"] == "CODE_DEPLOY");
    let newest = made.max_by(|one, other| {
        let at = |set: &Value| observe::millis(set, "createdAt").unwrap_or(0);
        at(one).cmp(&at(other))
    })?;
    observe::text(newest, "externalId").map(DeploymentId::answered)
}

fn task_sets_of<'a>(service: &'a Value, id: &'a DeploymentId) -> impl Iterator<Item = &'a Value> {
    observe::list(service, "taskSets")
        .iter()
        .filter(|set| observe::word(set, "externalId") == Some(id.as_str()))
}

/// What served before: the revision of the other task set, one that drains from an earlier deployment last; else
/// what CodeDeploy says.
fn stable_beside(service: &Value, id: &DeploymentId, info: &Value) -> Option<TaskDefinitionArn> {
    let others = observe::list(service, "taskSets").iter();
    let others = others.filter(|set| observe::word(set, "externalId") != Some(id.as_str()));
    let rank = |set: &&Value| match observe::word(set, "status") {
        Some("PRIMARY") => 0,
        Some("DRAINING") => 2,
        _ => 1,
    };
    others
        .min_by_key(rank)
        .and_then(|set| observe::task_definition_arn(set, "taskDefinition").ok())
        .or_else(|| brought_by(info, "previousRevision"))
}

/// The revision that `revision` or `previousRevision` of a deployment brings.
pub(crate) fn brought_by(info: &Value, member: &str) -> Option<TaskDefinitionArn> {
    let content = info.get(member)?.pointer("/appSpecContent/content")?.as_str()?;
    app_spec::read(content).map(|(arn, _)| arn)
}

/// Application and deployment group of `deploymentInfo`.
pub(crate) fn named_by(info: &Value) -> DeploymentGroup {
    DeploymentGroup {
        application: observe::text(info, "applicationName").unwrap_or_default(),
        group: observe::text(info, "deploymentGroupName").unwrap_or_default(),
        config: observe::text(info, "deploymentConfigName"),
        hooks: BTreeMap::new(),
    }
}
