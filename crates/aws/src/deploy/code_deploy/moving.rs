//! The deployment that CodeDeploy works on for a service: found, and read for what it brings. It must never
//! change anything. Start with [`Moving`].

use crate::client::Client;
use crate::codedeploy::deployment_seen;
use crate::error::AwsError;
use crate::observe;
use serde_json::Value;
use std::collections::BTreeMap;
use tidegate_rollout::Strategy;
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
        let set = task_sets_of(service, &id).next();
        let by_task_set = || {
            let arn = observe::task_definition_arn(set?, "taskDefinition").ok()?;
            Some((arn, BTreeMap::new()))
        };
        let Some((candidate, hooks)) = client.brought(&info, "revision").await?.or_else(by_task_set) else {
            return Ok(None);
        };
        let stable = match stable_beside(service, &id) {
            Some(stable) => Some(stable),
            None => came_from(client, &info, &candidate).await?,
        };
        Ok(Some(Self {
            stable: stable.unwrap_or_else(|| candidate.clone()),
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

/// What served before: the revision of the other task set, one that drains from an earlier deployment last.
fn stable_beside(service: &Value, id: &DeploymentId) -> Option<TaskDefinitionArn> {
    let others = observe::list(service, "taskSets").iter();
    let others = others.filter(|set| observe::word(set, "externalId") != Some(id.as_str()));
    let rank = |set: &&Value| match observe::word(set, "status") {
        Some("PRIMARY") => 0,
        Some("DRAINING") => 2,
        _ => 1,
    };
    others.min_by_key(rank).and_then(|set| observe::task_definition_arn(set, "taskDefinition").ok())
}

/// What a deployment took the place of: by CodeDeploy's `previousRevision`, else by Tidegate's own words in its
/// description, where CodeDeploy leaves that or its content out. `beside` is a revision of the same account and Region.
pub(super) async fn came_from(
    client: &Client,
    info: &Value,
    beside: &TaskDefinitionArn,
) -> Result<Option<TaskDefinitionArn>, AwsError> {
    if let Some((arn, _)) = client.brought(info, "previousRevision").await? {
        return Ok(Some(arn));
    }
    Ok(observe::word(info, "description").and_then(|it| described_before(it, beside)))
}

/// A mark of its own, by which a deployment of unknown fate is found, and what it takes the place of.
pub(super) fn description(candidate: &TaskDefinitionArn, stable: &TaskDefinitionArn, mark: u32) -> String {
    format!("tidegate brings {} in place of {} ({mark:08x})", candidate.short(), stable.short())
}

fn described_before(description: &str, beside: &TaskDefinitionArn) -> Option<TaskDefinitionArn> {
    let (_, rest) = description.strip_prefix("tidegate brings ")?.split_once(" in place of ")?;
    let (short, _) = rest.split_once(" (")?;
    let (place, _) = beside.as_str().rsplit_once('/')?;
    TaskDefinitionArn::parse(&format!("{place}/{short}")).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_tells_what_the_deployment_takes_the_place_of() {
        let arn = |name: &str| {
            TaskDefinitionArn::parse(&format!("arn:aws:ecs:eu-west-1:1:task-definition/{name}")).unwrap()
        };
        let (candidate, stable) = (arn("web:8"), arn("web-old:7"));
        let said = description(&candidate, &stable, 0xbeef);
        assert_eq!(said, "tidegate brings web:8 in place of web-old:7 (0000beef)");
        assert_eq!(described_before(&said, &candidate), Some(stable));
        for other in ["", "tidegate brings web:8 (0000beef)", "in place of web:7 (1)"] {
            assert_eq!(described_before(other, &candidate), None, "{other}");
        }
    }
}
