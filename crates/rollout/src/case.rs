//! Everything that is known of one service when somebody asks why it does not get where it should, as
//! plain data. It must never hold a conclusion (those are the rules' of [`crate::rules`]), nor take
//! "could not ask" for "there is none". Start with [`Case`].

mod balancing;
mod shown;
mod tasks;

pub use balancing::{HealthCheck, Target, TargetGroup};
pub use tasks::{Death, Task};

use crate::Millis;
use crate::alb::Rule;
use crate::names::{DeploymentId, ServiceRef};
use crate::observation::{Service, ServiceDeploymentStatus as Status};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One service and what belongs to it, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Which service.
    pub target: ServiceRef,
    /// The moment, on AWS's clock.
    pub now: Millis,
    /// The service; absent where the cluster has none of that name.
    pub service: Option<Described>,
    /// The names of the cluster's services; asked only where the service is absent.
    pub neighbours: Fact<Vec<String>>,
    /// The deployment that is asked about, where the asker knows it; else it is found.
    pub subject: Option<DeploymentId>,
    /// The revision that the newest deployment brings or brought, by ARN, where that was asked.
    pub brought: Option<String>,
    /// The newest service deployment, as `DescribeServiceDeployments` answers it.
    pub service_deployment: Fact<Value>,
    /// `deploymentInfo` of the newest CodeDeploy deployment.
    pub code_deploy: Fact<Value>,
    /// The task definition of the revision that is asked about.
    pub task_definition: Fact<Value>,
    /// Tasks that stopped within about the last hour.
    pub stopped: Fact<Vec<Task>>,
    /// Tasks that have not stopped yet.
    pub live: Fact<Vec<Task>>,
    /// The target groups of the service.
    pub groups: Fact<Vec<TargetGroup>>,
    /// The forwarding rules of the load balancers of these groups.
    pub rules: Fact<Vec<Rule>>,
    /// The alarms of the deployment configuration.
    pub alarms: Fact<Vec<Alarm>>,
    /// The ends of the logs of the containers that failed last.
    pub logs: Fact<Vec<Log>>,
}

/// A described service.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// What decides something.
    pub seen: Service,
    /// As DescribeServices answered it.
    pub raw: Value,
}

/// Something that may not be known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fact<T> {
    /// It is so.
    Known(T),
    /// There is none, or nothing made it worth a call.
    #[default]
    Absent,
    /// AWS was asked, and did not say; why.
    Unasked(String),
}

impl<T> Fact<T> {
    /// What is known, if it is.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Unasked(_) => None,
        }
    }

    /// From a call that may have found nothing.
    pub fn of<E: std::fmt::Display>(asked: Result<Option<T>, E>) -> Self {
        match asked {
            Ok(Some(value)) => Self::Known(value),
            Ok(None) => Self::Absent,
            Err(error) => Self::Unasked(error.to_string()),
        }
    }
}

impl<T> Fact<Vec<T>> {
    /// Every item that is known.
    pub fn items(&self) -> &[T] {
        self.known().map_or(&[], Vec::as_slice)
    }
}

/// A CloudWatch alarm that may fail a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: AlarmState,
    /// CloudWatch's sentence about the state.
    pub reason: Option<String>,
    /// What it watches, such as `HTTPCode_Target_5XX_Count > 5 (Sum over 60 s, 2 of 2)`.
    pub watches: Option<String>,
    /// Since when it is in that state.
    pub since: Option<Millis>,
}

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlarmState {
    /// OK.
    Ok,
    /// ALARM.
    Alarm,
    /// `INSUFFICIENT_DATA`.
    InsufficientData,
    /// There is no alarm of that name.
    Missing,
}

/// The end of a container's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The task's id.
    pub task: String,
    /// The container.
    pub container: String,
    /// The log group.
    pub group: String,
    /// The stream.
    pub stream: String,
    /// When each of the last lines was written, and what it says; oldest first.
    pub lines: Vec<(Millis, String)>,
}

/// Where the deployment in question stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    /// Nothing moves; the newest revision serves.
    Steady,
    /// A deployment is under way.
    Moving,
    /// The service goes back to an earlier revision.
    GoingBack,
    /// The service is steady on an earlier revision.
    RolledBack,
    /// A deployment failed and nothing went back.
    Failed,
}

impl Case {
    /// A service of which nothing else is known yet.
    pub fn of(target: ServiceRef, now: Millis, service: Option<Described>) -> Self {
        Self {
            target,
            now,
            service,
            neighbours: Fact::Absent,
            subject: None,
            brought: None,
            service_deployment: Fact::Absent,
            code_deploy: Fact::Absent,
            task_definition: Fact::Absent,
            stopped: Fact::Absent,
            live: Fact::Absent,
            groups: Fact::Absent,
            rules: Fact::Absent,
            alarms: Fact::Absent,
            logs: Fact::Absent,
        }
    }

    /// A member of the described service.
    pub fn member(&self, pointer: &str) -> Option<&Value> {
        self.service.as_ref()?.raw.pointer(pointer).filter(|value| !value.is_null())
    }

    /// `deploymentController.type`; ECS where it is not said.
    pub fn controller(&self) -> &str {
        self.member("/deploymentController/type").and_then(Value::as_str).unwrap_or("ECS")
    }

    /// The desired count.
    pub fn desired(&self) -> u32 {
        self.service.as_ref().map_or(0, |service| service.seen.desired_count)
    }

    /// `healthCheckGracePeriodSeconds`.
    pub fn grace_seconds(&self) -> i64 {
        self.member("/healthCheckGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(0)
    }

    /// Where the deployment in question stands.
    pub fn course(&self) -> Course {
        if self.controller() == "CODE_DEPLOY" {
            return self.course_of_code_deploy();
        }
        match self.status() {
            Some(Status::Pending | Status::InProgress) => Course::Moving,
            Some(Status::StopRequested | Status::RollbackRequested | Status::RollbackInProgress) => {
                Course::GoingBack
            }
            Some(Status::RollbackSuccessful) => Course::RolledBack,
            Some(Status::Stopped | Status::RollbackFailed) => Course::Failed,
            Some(Status::Successful) => Course::Steady,
            Some(Status::Unknown) | None => self.course_of_deployments(),
        }
    }

    /// Without a service deployment the deployments of the service tell enough.
    fn course_of_deployments(&self) -> Course {
        use crate::observation::RolloutState::{Completed, Failed, InProgress};
        let Some(service) = &self.service else { return Course::Steady };
        let deployments = &service.seen.deployments;
        let primary = deployments.iter().find(|it| it.is_primary());
        let other_failed = deployments.iter().any(|it| !it.is_primary() && it.rollout_state == Some(Failed));
        match primary.and_then(|it| it.rollout_state) {
            _ if other_failed => Course::GoingBack,
            Some(Failed) => Course::Failed,
            Some(InProgress) => Course::Moving,
            // Behind a Classic Load Balancer AWS tells no state.
            None if deployments.len() > 1 => Course::Moving,
            Some(Completed) | None => Course::Steady,
        }
    }

    fn course_of_code_deploy(&self) -> Course {
        let Some(info) = self.code_deploy.known() else { return Course::Steady };
        let rolls_back = info
            .pointer("/rollbackInfo/rollbackDeploymentId")
            .and_then(Value::as_str)
            .is_some_and(|id| !id.is_empty());
        match info["status"].as_str() {
            Some("Succeeded") => Course::Steady,
            Some("Failed" | "Stopped") if rolls_back => Course::RolledBack,
            Some("Failed" | "Stopped") => Course::Failed,
            _ => Course::Moving,
        }
    }

    /// The status of the newest service deployment.
    pub fn status(&self) -> Option<Status> {
        let known = self.service_deployment.known()?;
        serde_json::from_value(known.get("status")?.clone()).ok()
    }

    /// `statusReason` of the newest service deployment.
    pub fn status_reason(&self) -> Option<&str> {
        self.service_deployment.known()?.get("statusReason")?.as_str().filter(|reason| !reason.is_empty())
    }

    /// When the deployment in question began.
    pub fn began_at(&self) -> Option<Millis> {
        if self.controller() == "CODE_DEPLOY" {
            return self.code_deploy.known().and_then(|info| millis(info, "createTime"));
        }
        let by_deployment = self.service_deployment.known().and_then(|known| millis(known, "createdAt"));
        by_deployment.or_else(|| self.deployment_in_question()?.created_at)
    }

    /// The end of the deployment in question, if it has one.
    pub fn ended_at(&self) -> Option<Millis> {
        let known = self.service_deployment.known()?;
        millis(known, "finishedAt").or_else(|| millis(known, "stoppedAt"))
    }

    /// The messages of the service events since the deployment in question began, newest first.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        let began = self.began_at().unwrap_or(Millis::MIN);
        // Afterwards only what came after its end is news.
        let from = match self.course() {
            Course::Steady => self.ended_at().unwrap_or(began),
            _ => began,
        };
        let events = self.service.iter().flat_map(|service| &service.seen.events);
        events.filter(move |event| event.at >= from).map(|event| event.message.as_str())
    }

    /// The newest of these events that says this, without the service's name before it.
    pub fn event_that_says(&self, part: &str) -> Option<String> {
        self.events().find(|message| message.contains(part)).map(without_service)
    }
}

/// `(service web) has …` without its beginning.
pub(crate) fn without_service(message: &str) -> String {
    let rest = message.strip_prefix("(service ").and_then(|rest| rest.split_once(") "));
    rest.map_or_else(|| message.to_owned(), |(_, rest)| rest.to_owned())
}

/// AWS's JSON gives moments as seconds since the epoch, with a fraction.
pub(crate) fn millis(object: &Value, name: &str) -> Option<Millis> {
    let seconds = object.get(name)?.as_f64()?;
    Some((seconds * 1000.0).round() as Millis)
}
