//! The newest CodeDeploy deployment of a service, also one that has ended. Start with [`newest`].

use crate::client::{Client, ask};
use crate::deploy::code_deploy::moving::{deployment_of, named_by};
use crate::error::AwsError;
use crate::pacing::Bucket;
use serde_json::Value;
use tidegate_rollout::Strategy;
use tidegate_rollout::code_deploy::requirements::check_controller;
use tidegate_rollout::names::DeploymentId;
use tidegate_rollout::strategy::DeploymentGroup;

/// `deploymentInfo`: of the one that is named, else of the newest in the config file's deployment group, else in
/// that of the service's task sets. `None` with another controller, or where nothing names a group.
pub(super) async fn newest(
    client: &Client,
    service: &Value,
    named: Option<&DeploymentId>,
    strategy: Option<&Strategy>,
) -> Result<Option<Value>, AwsError> {
    if check_controller(service).is_err() {
        return Ok(None);
    }
    if let Some(id) = named {
        return client.deployment_info(id).await.map(Some);
    }
    let group = match (strategy, deployment_of(service)) {
        (Some(Strategy::CodeDeploy(_, group)), _) => group.clone(),
        (_, Some(latest)) => named_by(&client.deployment_info(&latest).await?),
        (_, None) => return Ok(None),
    };
    let Some(id) = newest_of(client, &group).await? else { return Ok(None) };
    let info = client.deployment_info(&id).await?;
    // One that goes back is told of by the one that it goes back from.
    let from = info.pointer("/rollbackInfo/rollbackTriggeringDeploymentId").and_then(Value::as_str);
    match from.filter(|from| !from.is_empty()) {
        Some(from) => client.deployment_info(&DeploymentId::answered(from)).await.map(Some),
        None => Ok(Some(info)),
    }
}

/// CodeDeploy lists the newest first.
async fn newest_of(client: &Client, group: &DeploymentGroup) -> Result<Option<DeploymentId>, AwsError> {
    let request = client
        .codedeploy
        .list_deployments()
        .application_name(&group.application)
        .deployment_group_name(&group.group);
    let (output, _) = ask!(client, "codedeploy", "ListDeployments", Bucket::CodeDeploy, request)?;
    Ok(output.deployments().first().map(DeploymentId::answered))
}
