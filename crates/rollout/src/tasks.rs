//! A task as it was seen, running or stopped, whoever started it. Plain data; what a stopped one means is said by
//! [`TaskSeen::why`] and [`ending`]. It must never call a missing exit code a success.

use crate::Millis;
use crate::cause::{Cause, of_stopped_task};
use crate::names::DeploymentId;
use crate::observation::{StoppedContainer, StoppedTask};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One item of `tasks[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSeen {
    /// The 32 hexadecimal digits of its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// `family:revision`.
    pub revision: String,
    /// The ARN of its task definition.
    pub task_definition: String,
    /// `lastStatus`, such as RUNNING.
    pub last_status: String,
    /// `desiredStatus`: RUNNING or STOPPED.
    pub desired_status: String,
    /// HEALTHY, UNHEALTHY or UNKNOWN.
    pub health: String,
    /// A deployment's id, or what `RunTask` was given.
    pub started_by: Option<String>,
    /// `service:…` or `family:…`.
    pub group: Option<String>,
    /// FARGATE, EC2 or EXTERNAL.
    pub launch_type: Option<String>,
    /// The capacity provider, where one was used.
    pub capacity_provider: Option<String>,
    /// Where it runs.
    pub availability_zone: Option<String>,
    /// Its address under network mode awsvpc.
    pub address: Option<String>,
    /// When it was asked for.
    pub created_at: Option<Millis>,
    /// When it was RUNNING.
    pub started_at: Option<Millis>,
    /// When it was STOPPED.
    pub stopped_at: Option<Millis>,
    /// `EssentialContainerExited`, `TaskFailedToStart` …
    pub stop_code: Option<String>,
    /// AWS's sentence.
    pub stopped_reason: Option<String>,
    /// Its containers, as AWS lists them.
    pub containers: Vec<ContainerSeen>,
}

/// A container of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSeen {
    /// Its name.
    pub name: String,
    /// RUNNING, STOPPED …
    pub last_status: String,
    /// Absent while it runs, and if it never started.
    pub exit_code: Option<i32>,
    /// Why it stopped, where there is more to say than the task's reason.
    pub reason: Option<String>,
    /// HEALTHY, UNHEALTHY or UNKNOWN.
    pub health: Option<String>,
    /// The image as the task definition names it.
    pub image: Option<String>,
    /// `sha256:…` of what it runs.
    pub image_digest: Option<String>,
}

impl TaskSeen {
    /// Reads one item of `tasks[]`; `None` if it has no ARN.
    pub fn read(described: &Value) -> Option<Self> {
        let arn = text(described, "taskArn")?;
        let task_definition = text(described, "taskDefinitionArn").unwrap_or_default();
        let containers = described.get("containers").and_then(Value::as_array);
        Some(Self {
            id: arn.rsplit('/').next().unwrap_or(&arn).to_owned(),
            revision: task_definition.rsplit('/').next().unwrap_or_default().to_owned(),
            task_definition,
            last_status: text(described, "lastStatus").unwrap_or_default(),
            desired_status: text(described, "desiredStatus").unwrap_or_default(),
            health: text(described, "healthStatus").unwrap_or_else(|| "UNKNOWN".to_owned()),
            started_by: text(described, "startedBy"),
            group: text(described, "group"),
            launch_type: text(described, "launchType"),
            capacity_provider: text(described, "capacityProviderName"),
            availability_zone: text(described, "availabilityZone"),
            address: address(described),
            created_at: millis(described, "createdAt"),
            started_at: millis(described, "startedAt"),
            stopped_at: millis(described, "stoppedAt"),
            stop_code: text(described, "stopCode"),
            stopped_reason: text(described, "stoppedReason"),
            containers: containers.into_iter().flatten().filter_map(ContainerSeen::read).collect(),
            arn,
        })
    }

    /// Is it over?
    pub fn is_stopped(&self) -> bool {
        self.last_status == "STOPPED"
    }

    /// Why it stopped, in AWS's words: what a container says tells more than "Essential container in task exited".
    pub fn why(&self) -> Option<String> {
        let task = self.stopped_reason.clone().filter(|reason| !reason.is_empty());
        // AWS often says the same of the task and of its container.
        let is_said = |reason: &str| task.as_deref().is_some_and(|task| task.contains(reason));
        let told = self.containers.iter().filter_map(|container| {
            let reason = container.reason.as_deref().filter(|it| !it.is_empty() && !is_said(it))?;
            Some(format!("{}: {reason}", container.name))
        });
        let told: Vec<String> = told.collect();
        let all: Vec<String> = task.into_iter().chain(told).collect();
        if all.is_empty() { None } else { Some(all.join("; ")) }
    }

    /// The trouble that its sentences name, with what to do.
    pub fn cause(&self) -> Option<Cause> {
        of_stopped_task(&StoppedTask {
            id: self.id.clone(),
            started_by: self.started_by.clone().map(DeploymentId::answered),
            stop_code: self.stop_code.clone(),
            stopped_reason: self.stopped_reason.clone(),
            stopped_at: self.stopped_at,
            containers: self.containers.iter().map(ContainerSeen::stopped).collect(),
        })
    }
}

impl ContainerSeen {
    fn read(described: &Value) -> Option<Self> {
        let code = described.get("exitCode").and_then(Value::as_i64);
        Some(Self {
            name: text(described, "name")?,
            last_status: text(described, "lastStatus").unwrap_or_default(),
            exit_code: code.and_then(|code| i32::try_from(code).ok()),
            reason: text(described, "reason"),
            health: text(described, "healthStatus"),
            image: text(described, "image"),
            image_digest: text(described, "imageDigest"),
        })
    }

    fn stopped(&self) -> StoppedContainer {
        StoppedContainer {
            name: self.name.clone(),
            exit_code: self.exit_code,
            reason: self.reason.clone(),
            health_status: self.health.clone(),
        }
    }
}

/// How a stopped task ended, judged by one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// That container ran and exited with this code.
    Exited(i32),
    /// It never ran: AWS's sentence.
    NeverStarted(String),
}

/// How it ended for `container`. A container without an exit code never ran, or AWS lost sight of it: no success.
pub fn ending(task: &TaskSeen, container: &str) -> Ending {
    let code = task.containers.iter().find(|it| it.name == container).and_then(|it| it.exit_code);
    match code {
        Some(code) => Ending::Exited(code),
        None => Ending::NeverStarted(task.why().unwrap_or_else(|| {
            let code = task.stop_code.as_deref().unwrap_or("no stop code");
            format!("container {container} has no exit code, and AWS does not say why ({code})")
        })),
    }
}

/// The address of the network interface, under network mode awsvpc.
fn address(described: &Value) -> Option<String> {
    let attachments = described.get("attachments")?.as_array()?;
    let details = attachments.iter().filter_map(|it| it.get("details")?.as_array()).flatten();
    details
        .filter(|detail| detail.get("name").and_then(Value::as_str) == Some("privateIPv4Address"))
        .find_map(|detail| text(detail, "value"))
}

fn text(object: &Value, name: &str) -> Option<String> {
    object.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// AWS's JSON gives moments as seconds since the epoch, with a fraction.
fn millis(object: &Value, name: &str) -> Option<Millis> {
    object.get(name).and_then(Value::as_f64).map(|seconds| (seconds * 1000.0).round() as Millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn task(extra: &Value) -> TaskSeen {
        let mut described = json!({
            "taskArn": "arn:aws:ecs:r:1:task/prod/0123456789abcdef0123456789abcdef", "lastStatus": "STOPPED",
            "taskDefinitionArn": "arn:aws:ecs:r:1:task-definition/web:8", "desiredStatus": "STOPPED",
        });
        if let (Some(members), Some(more)) = (described.as_object_mut(), extra.as_object()) {
            members.extend(more.clone());
        }
        TaskSeen::read(&described).expect("has an ARN")
    }

    #[test]
    fn a_task_ends_with_the_code_of_the_container_that_is_asked_about() {
        let task =
            task(&json!({"containers": [{"name": "web", "exitCode": 3}, {"name": "side", "exitCode": 0}]}));
        assert_eq!((task.id.as_str(), task.revision.as_str()), ("0123456789abcdef0123456789abcdef", "web:8"));
        assert_eq!(ending(&task, "web"), Ending::Exited(3));
        assert_eq!(ending(&task, "side"), Ending::Exited(0));
    }

    #[test]
    fn a_container_without_an_exit_code_never_ran_and_that_is_no_success() {
        let pulled = task(&json!({
            "stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref web:9: web:9: not found",
            "containers": [{"name": "web", "reason": "CannotPullContainerError: web:9: not found"}]}));
        let Ending::NeverStarted(why) = ending(&pulled, "web") else { panic!("it never ran") };
        assert!(why.contains("failed to resolve ref web:9") && why.contains("web: CannotPull"), "{why}");
        assert_eq!(pulled.cause().map(|cause| cause.what).as_deref(), Some("the image does not exist"));
        let silent = task(&json!({"containers": []}));
        let Ending::NeverStarted(why) = ending(&silent, "web") else { panic!("it never ran") };
        assert_eq!(why, "container web has no exit code, and AWS does not say why (no stop code)");
    }

    #[test]
    fn a_task_s_address_is_found_among_its_attachments() {
        let task = task(&json!({"attachments": [{"type": "eni", "details": [
            {"name": "subnetId", "value": "subnet-1"}, {"name": "privateIPv4Address", "value": "10.0.0.7"}]}]}));
        assert_eq!(task.address.as_deref(), Some("10.0.0.7"));
    }
}
