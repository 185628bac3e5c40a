//! The tasks of a service, those that run and those that stopped. Start with [`stopped`].

use crate::client::{Client, ask};
use crate::ecs::json;
use crate::error::AwsError;
use crate::observe;
use crate::pacing::Bucket;
use aws_sdk_ecs::types::DesiredStatus;
use serde_json::Value;
use tidegate_rollout::case::Task;
use tidegate_rollout::names::ServiceRef;

/// `DescribeTasks` takes so many.
const TASKS_A_CALL: usize = 100;

/// Tasks that stopped within about the last hour, or were told to, at most 100.
pub(super) async fn stopped(client: &Client, target: &ServiceRef) -> Result<Vec<Task>, AwsError> {
    listed(client, target, DesiredStatus::Stopped).await
}

/// Tasks that are to run, at most 100.
pub(super) async fn live(client: &Client, target: &ServiceRef) -> Result<Vec<Task>, AwsError> {
    listed(client, target, DesiredStatus::Running).await
}

async fn listed(client: &Client, target: &ServiceRef, desired: DesiredStatus) -> Result<Vec<Task>, AwsError> {
    let request = client
        .ecs
        .list_tasks()
        .cluster(target.cluster.as_str())
        .service_name(target.service.as_str())
        .desired_status(desired);
    let (output, _) = ask!(client, "ecs", "ListTasks", Bucket::TaskRead, request)?;
    let arns: Vec<String> = output.task_arns().iter().take(TASKS_A_CALL).cloned().collect();
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let request = client.ecs.describe_tasks().cluster(target.cluster.as_str()).set_tasks(Some(arns));
    let (_, reply) = ask!(client, "ecs", "DescribeTasks", Bucket::TaskRead, request)?;
    Ok(observe::list(&json("DescribeTasks", &reply)?, "tasks").iter().filter_map(task).collect())
}

fn task(described: &Value) -> Option<Task> {
    let at = |name: &str| observe::millis(described, name);
    Some(Task {
        end: observe::stopped_task(described)?,
        task_definition: observe::text(described, "taskDefinitionArn"),
        last_status: observe::text(described, "lastStatus").unwrap_or_default(),
        health: observe::text(described, "healthStatus"),
        created_at: at("createdAt"),
        started_at: at("startedAt"),
        stopping_at: at("stoppingAt"),
        execution_stopped_at: at("executionStoppedAt"),
    })
}
