//! The tasks of a service, running and stopped. Read only. Start with [`read`].

use crate::client::{Client, ask};
use crate::ecs::json;
use crate::error::AwsError;
use crate::observe;
use crate::pacing::Bucket;
use crate::sink::now;
use aws_sdk_ecs::types::DesiredStatus;
use tidegate_rollout::Millis;
use tidegate_rollout::names::{ClusterName, ServiceRef};
use tidegate_rollout::tasks::TaskSeen;

/// Which tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that are to run.
    Running,
    /// Those that stopped within about the last hour: ECS forgets older ones.
    Stopped,
    /// Both.
    All,
}

/// Tasks, and the moment at which they were seen.
#[derive(Debug, Clone)]
pub struct Tasks {
    /// On the endpoint's clock.
    pub at: Millis,
    /// Running ones first, each kind from the newest to the oldest.
    pub tasks: Vec<TaskSeen>,
}

/// Reads them. `tick` is the watch's, for the endpoint's clock.
///
/// # Errors
///
/// When AWS does not answer or refuses, or there is no such service.
pub async fn read(
    client: &Client,
    target: &ServiceRef,
    which: Which,
    tick: Millis,
) -> Result<Tasks, AwsError> {
    // ListTasks of a service that was deleted says no more than of one without tasks.
    client.described_service(target).await?;
    let statuses: &[DesiredStatus] = match which {
        Which::Running => &[DesiredStatus::Running],
        Which::Stopped => &[DesiredStatus::Stopped],
        Which::All => &[DesiredStatus::Running, DesiredStatus::Stopped],
    };
    let mut tasks = client.tasks_seen(target, statuses).await?;
    let moment =
        |task: &TaskSeen| task.stopped_at.or(task.started_at).or(task.created_at).unwrap_or(Millis::MAX);
    tasks.sort_by_key(|task| {
        (task.desired_status == "STOPPED", std::cmp::Reverse(moment(task)), task.id.clone())
    });
    Ok(Tasks { at: client.clock(tick).aws(now()), tasks })
}

impl Client {
    /// The tasks of a service with these desired statuses.
    pub(crate) async fn tasks_seen(
        &self,
        target: &ServiceRef,
        statuses: &[DesiredStatus],
    ) -> Result<Vec<TaskSeen>, AwsError> {
        let mut arns = Vec::new();
        for status in statuses {
            let mut token: Option<String> = None;
            loop {
                let request = self
                    .ecs
                    .list_tasks()
                    .cluster(target.cluster.as_str())
                    .service_name(target.service.as_str())
                    .desired_status(status.clone())
                    .set_next_token(token);
                let (output, _) = ask!(self, "ecs", "ListTasks", Bucket::TaskRead, request)?;
                arns.extend(output.task_arns().iter().cloned());
                token = output.next_token().map(str::to_owned);
                if token.is_none() {
                    break;
                }
            }
        }
        self.described_tasks_seen(&target.cluster, &arns).await
    }

    /// These tasks as AWS describes them; those that it has forgotten are not there.
    pub(crate) async fn described_tasks_seen(
        &self,
        cluster: &ClusterName,
        arns: &[String],
    ) -> Result<Vec<TaskSeen>, AwsError> {
        let mut tasks = Vec::new();
        for some in arns.chunks(100) {
            let request = self.ecs.describe_tasks().cluster(cluster.as_str()).set_tasks(Some(some.to_vec()));
            let (_, reply) = ask!(self, "ecs", "DescribeTasks", Bucket::TaskRead, request)?;
            let reply = json("DescribeTasks", &reply)?;
            tasks.extend(observe::list(&reply, "tasks").iter().filter_map(TaskSeen::read));
        }
        Ok(tasks)
    }
}
