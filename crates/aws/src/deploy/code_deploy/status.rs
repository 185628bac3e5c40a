//! What CodeDeploy has to do with a service, for people. Reads only. Start with [`read`].

use super::count;
use super::moving::Moving;
use crate::client::Client;
use crate::codedeploy::deployment_seen;
use crate::error::AwsError;
use crate::observe;
use serde_json::Value;
use tidegate_rollout::Strategy;
use tidegate_rollout::code_deploy::requirements::check_controller;
use tidegate_rollout::code_deploy::seen::Target;
use tidegate_rollout::code_deploy::status::{Status, TaskSet, UnderWay, stage};
use tidegate_rollout::names::{DeploymentId, ServiceRef};

/// `None` for a service of another controller. What ECS says is told also where CodeDeploy cannot be asked. `strategy` is the config file's: it names the deployment group of a
/// service that CodeDeploy has not deployed yet.
pub(crate) async fn read(
    client: &Client,
    target: &ServiceRef,
    service: &Value,
    strategy: &Strategy,
) -> Option<Status> {
    check_controller(service).ok()?;
    let sets = observe::list(service, "taskSets").iter().filter_map(task_set);
    let status = Status::of(sets.collect());
    Some(match under_way(client, target, service, strategy).await {
        Ok(Some((deployment, of_service))) => status.with(deployment, of_service.as_ref()),
        Ok(None) => status,
        Err(error) => status.unseen(error.to_string()),
    })
}

async fn under_way(
    client: &Client,
    target: &ServiceRef,
    service: &Value,
    strategy: &Strategy,
) -> Result<Option<(UnderWay, Option<Target>)>, AwsError> {
    let Some(moving) = Moving::under_way(client, service, strategy).await? else { return Ok(None) };
    let seen = deployment_seen(&moving.id, &moving.info);
    // Whichever of the two moves the traffic now.
    let moves = seen.rollback.as_ref().unwrap_or(&moving.id);
    let of_service = client.deployment_target(moves, target).await?;
    let group = moving.group();
    let deployment = UnderWay {
        status: seen.status,
        error: seen.error,
        goes_back_by: seen.rollback.clone(),
        group: (group.application, group.group),
        config: moving.config().to_owned(),
        stage: of_service.as_ref().and_then(stage),
        candidate: moving.candidate,
        id: moving.id,
    };
    Ok(Some((deployment, of_service)))
}

fn task_set(set: &Value) -> Option<TaskSet> {
    Some(TaskSet {
        id: DeploymentId::answered(observe::text(set, "id")?),
        task_definition: observe::task_definition_arn(set, "taskDefinition").ok()?,
        status: observe::text(set, "status").unwrap_or_default(),
        share: None,
        desired: count(set, "computedDesiredCount"),
        running: count(set, "runningCount"),
        pending: count(set, "pendingCount"),
    })
}
