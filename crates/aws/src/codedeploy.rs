//! AWS CodeDeploy: what is read and what is asked for. Replies are taken as raw JSON. A deployment of
//! unknown fate must never be created again blindly: each carries a mark of its own in its
//! description, by which it is found. Start with [`Client::create_deployment`].

use crate::client::{Client, Customized, ask};
use crate::ecs::{json, unexpected};
use crate::error::{AwsError, Fate};
use crate::observe;
use crate::pacing::Bucket;
use aws_config::retry::RetryConfig;
use aws_sdk_codedeploy::types::{
    AppSpecContent, ComputePlatform, DeploymentStatus, DeploymentWaitType, RevisionLocation,
    RevisionLocationType, TimeBasedCanary, TimeBasedLinear, TrafficRoutingConfig, TrafficRoutingType,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tidegate_rollout::Percent;
use tidegate_rollout::code_deploy::app_spec;
use tidegate_rollout::code_deploy::config::Routing;
use tidegate_rollout::code_deploy::seen::{
    Deployment, ErrorInformation, Label, RollsBack, Stage, StageStatus, Status, Target, TaskSet,
};
use tidegate_rollout::names::{DeploymentId, ServiceRef, TaskDefinitionArn};
use tidegate_rollout::strategy::DeploymentGroup;

/// How often a deployment that certainly was not created is asked for in all.
const TRIES: u32 = 6;
/// How often it is looked for after an answer that was lost, a second apart.
const READ_BACKS: u32 = 4;

/// A deployment to create.
pub(crate) struct NewDeployment<'a> {
    pub(crate) group: &'a DeploymentGroup,
    pub(crate) config: &'a str,
    pub(crate) app_spec: &'a Value,
    pub(crate) description: String,
}

impl Client {
    /// `deploymentGroupInfo`.
    pub(crate) async fn deployment_group(&self, group: &DeploymentGroup) -> Result<Value, AwsError> {
        let request = self
            .codedeploy
            .get_deployment_group()
            .application_name(&group.application)
            .deployment_group_name(&group.group);
        let (_, reply) = ask!(self, "codedeploy", "GetDeploymentGroup", Bucket::CodeDeploy, request)?;
        member("GetDeploymentGroup", &reply, "deploymentGroupInfo")
    }

    /// `deploymentConfigInfo`, or `None` where there is none of that name.
    pub(crate) async fn deployment_config(&self, name: &str) -> Result<Option<Value>, AwsError> {
        let request = self.codedeploy.get_deployment_config().deployment_config_name(name);
        let asked = ask!(self, "codedeploy", "GetDeploymentConfig", Bucket::CodeDeploy, request);
        match asked {
            Ok((_, reply)) => member("GetDeploymentConfig", &reply, "deploymentConfigInfo").map(Some),
            Err(AwsError::Refused { code, .. }) if code == "DeploymentConfigDoesNotExistException" => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Creates a deployment config; one that is there already is as good.
    pub(crate) async fn create_deployment_config(
        &self,
        name: &str,
        routing: Routing,
    ) -> Result<(), AwsError> {
        let minutes = |interval: i64| i32::try_from(interval).unwrap_or(i32::MAX);
        let built = TrafficRoutingConfig::builder();
        let built = match routing {
            Routing::AllAtOnce => built.r#type(TrafficRoutingType::AllAtOnce),
            Routing::Canary { percentage, interval } => {
                built.r#type(TrafficRoutingType::TimeBasedCanary).time_based_canary(
                    TimeBasedCanary::builder()
                        .canary_percentage(i32::from(percentage))
                        .canary_interval(minutes(interval))
                        .build(),
                )
            }
            Routing::Linear { percentage, interval } => {
                built.r#type(TrafficRoutingType::TimeBasedLinear).time_based_linear(
                    TimeBasedLinear::builder()
                        .linear_percentage(i32::from(percentage))
                        .linear_interval(minutes(interval))
                        .build(),
                )
            }
        };
        let request = self
            .codedeploy
            .create_deployment_config()
            .deployment_config_name(name)
            .compute_platform(ComputePlatform::Ecs)
            .traffic_routing_config(built.build());
        match ask!(self, "codedeploy", "CreateDeploymentConfig", Bucket::CodeDeploy, request) {
            Err(AwsError::Refused { code, .. }) if code == "DeploymentConfigAlreadyExistsException" => Ok(()),
            answered => answered.map(drop),
        }
    }

    /// Creates a deployment once, and answers its id.
    pub(crate) async fn create_deployment(&self, new: &NewDeployment<'_>) -> Result<DeploymentId, AwsError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let content = AppSpecContent::builder().content(new.app_spec.to_string()).build();
            let revision = RevisionLocation::builder()
                .revision_type(RevisionLocationType::AppSpecContent)
                .app_spec_content(content)
                .build();
            let request = self
                .codedeploy
                .create_deployment()
                .application_name(&new.group.application)
                .deployment_group_name(&new.group.group)
                .deployment_config_name(new.config)
                .description(&new.description)
                .revision(revision);
            let once = aws_sdk_codedeploy::Config::builder().retry_config(RetryConfig::disabled());
            let request = Customized(request.customize().config_override(once));
            match ask!(self, "codedeploy", "CreateDeployment", Bucket::CodeDeploy, request) {
                Ok((output, _)) => {
                    let id = output.deployment_id().map(DeploymentId::answered);
                    return id.ok_or_else(|| unexpected("CreateDeployment", "it has no deploymentId"));
                }
                Err(error) if error.fate() == Fate::DidNotHappen && tried < TRIES => {
                    tokio::time::sleep(Duration::from_millis(500 << (tried - 1).min(5))).await;
                }
                Err(error) if error.fate() == Fate::Unknown => {
                    return self.created_after_all(new).await.ok_or(error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// After a CreateDeployment of unknown fate: does a deployment carry our mark?
    async fn created_after_all(&self, new: &NewDeployment<'_>) -> Option<DeploymentId> {
        for _ in 0..READ_BACKS {
            for id in self.deployments_in_progress(new.group).await.unwrap_or_default() {
                if let Ok(info) = self.deployment_info(&id).await
                    && observe::word(&info, "description") == Some(new.description.as_str())
                {
                    return Some(id);
                }
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        None
    }

    /// The deployments of a group that have not ended, newest first.
    pub(crate) async fn deployments_in_progress(
        &self,
        group: &DeploymentGroup,
    ) -> Result<Vec<DeploymentId>, AwsError> {
        use DeploymentStatus::{Baking, Created, InProgress, Queued, Ready};
        self.deployments(group, vec![Created, Queued, InProgress, Baking, Ready]).await
    }

    /// The deployments of a group that succeeded, newest first.
    pub(crate) async fn deployments_succeeded(
        &self,
        group: &DeploymentGroup,
    ) -> Result<Vec<DeploymentId>, AwsError> {
        self.deployments(group, vec![DeploymentStatus::Succeeded]).await
    }

    async fn deployments(
        &self,
        group: &DeploymentGroup,
        statuses: Vec<DeploymentStatus>,
    ) -> Result<Vec<DeploymentId>, AwsError> {
        let request = self
            .codedeploy
            .list_deployments()
            .application_name(&group.application)
            .deployment_group_name(&group.group)
            .set_include_only_statuses(Some(statuses));
        let (output, _) = ask!(self, "codedeploy", "ListDeployments", Bucket::CodeDeploy, request)?;
        Ok(output.deployments().iter().map(DeploymentId::answered).collect())
    }

    /// `deploymentInfo`.
    pub(crate) async fn deployment_info(&self, id: &DeploymentId) -> Result<Value, AwsError> {
        let request = self.codedeploy.get_deployment().deployment_id(id.as_str());
        let (_, reply) = ask!(self, "codedeploy", "GetDeployment", Bucket::CodeDeploy, request)?;
        member("GetDeployment", &reply, "deploymentInfo")
    }

    /// What `revision` or `previousRevision` of `deploymentInfo` brings: the task definition, and the hooks by lifecycle
    /// event. GetDeployment answers an AppSpec by its SHA-256 alone; its content is the application's revision's.
    pub(crate) async fn brought(&self, info: &Value, member: &str) -> Result<Option<Brought>, AwsError> {
        let Some(location) = info.get(member).filter(|it| it.is_object()) else { return Ok(None) };
        if let Some(content) = content(location) {
            return Ok(app_spec::read(content));
        }
        let sha256 = location.pointer("/appSpecContent/sha256").and_then(Value::as_str);
        let (Some(sha256), Some(application)) = (sha256, observe::word(info, "applicationName")) else {
            return Ok(None);
        };
        let wanted = RevisionLocation::builder()
            .revision_type(RevisionLocationType::AppSpecContent)
            .app_spec_content(AppSpecContent::builder().sha256(sha256).build());
        let request =
            self.codedeploy.get_application_revision().application_name(application).revision(wanted.build());
        match ask!(self, "codedeploy", "GetApplicationRevision", Bucket::CodeDeploy, request) {
            Ok((_, reply)) => {
                let reply = json("GetApplicationRevision", &reply)?;
                Ok(reply.get("revision").and_then(content).and_then(app_spec::read))
            }
            Err(AwsError::Refused { code, .. }) if code == "RevisionDoesNotExistException" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The deployment's one target: the service. `None` until CodeDeploy knows it.
    pub(crate) async fn deployment_target(
        &self,
        id: &DeploymentId,
        service: &ServiceRef,
    ) -> Result<Option<Target>, AwsError> {
        let target = format!("{}:{}", service.cluster.short(), service.service.short());
        let request =
            self.codedeploy.batch_get_deployment_targets().deployment_id(id.as_str()).target_ids(target);
        match ask!(self, "codedeploy", "BatchGetDeploymentTargets", Bucket::CodeDeploy, request) {
            Ok((_, reply)) => {
                let reply = json("BatchGetDeploymentTargets", &reply)?;
                Ok(reply.pointer("/deploymentTargets/0/ecsTarget").map(target_seen))
            }
            Err(AwsError::Refused { code, .. })
                if matches!(
                    code.as_str(),
                    "DeploymentTargetDoesNotExistException" | "DeploymentNotStartedException"
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Lets a deployment go on: `READY_WAIT` moves traffic, `TERMINATION_WAIT` ends the blue task set.
    pub(crate) async fn continue_deployment(&self, id: &DeploymentId, wait: Wait) -> Result<(), AwsError> {
        let wait = match wait {
            Wait::Ready => DeploymentWaitType::ReadyWait,
            Wait::Termination => DeploymentWaitType::TerminationWait,
        };
        let request =
            self.codedeploy.continue_deployment().deployment_id(id.as_str()).deployment_wait_type(wait);
        ask!(self, "codedeploy", "ContinueDeployment", Bucket::CodeDeploy, request).map(drop)
    }

    /// Stops a deployment, and has CodeDeploy go back from it. Asking twice is harmless.
    pub(crate) async fn stop_deployment(&self, id: &DeploymentId) -> Result<(), AwsError> {
        let request =
            self.codedeploy.stop_deployment().deployment_id(id.as_str()).auto_rollback_enabled(true);
        ask!(self, "codedeploy", "StopDeployment", Bucket::CodeDeploy, request).map(drop)
    }
}

/// The revision that a deployment brings, and its hooks by lifecycle event.
pub(crate) type Brought = (TaskDefinitionArn, BTreeMap<String, String>);

/// The text of an AppSpec, where an answer has it.
fn content(location: &Value) -> Option<&str> {
    location.pointer("/appSpecContent/content").and_then(Value::as_str).filter(|content| !content.is_empty())
}

/// What a deployment waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// To be told that traffic may move.
    Ready,
    /// For the end of the blue task set.
    Termination,
}

fn member(operation: &'static str, reply: &[u8], name: &str) -> Result<Value, AwsError> {
    let mut reply = json(operation, reply)?;
    let found = reply.get_mut(name).map(Value::take).filter(Value::is_object);
    found.ok_or_else(|| unexpected(operation, &format!("it has no {name}")))
}

/// `deploymentInfo` as an observation.
pub(crate) fn deployment_seen(id: &DeploymentId, info: &Value) -> Deployment {
    let error = info.get("errorInformation").filter(|error| error.is_object());
    Deployment {
        id: id.clone(),
        status: known(info, "status").unwrap_or(Status::Unknown),
        error: error.and_then(|error| {
            Some(ErrorInformation {
                code: observe::text(error, "code")?,
                message: observe::text(error, "message").unwrap_or_default(),
            })
        }),
        rollback: info
            .get("rollbackInfo")
            .and_then(|rollback| observe::text(rollback, "rollbackDeploymentId"))
            .filter(|by| !by.is_empty())
            .map(DeploymentId::answered),
        rolls_back: RollsBack::of(&info["autoRollbackConfiguration"]),
    }
}

fn target_seen(target: &Value) -> Target {
    Target {
        stages: observe::list(target, "lifecycleEvents").iter().filter_map(stage).collect(),
        task_sets: observe::list(target, "taskSetsInfo").iter().filter_map(task_set).collect(),
    }
}

fn stage(event: &Value) -> Option<Stage> {
    let diagnostics = event.get("diagnostics").filter(|it| it.is_object()).map(|it| {
        let parts = ["errorCode", "scriptName", "message", "logTail"];
        let told = parts.iter().filter_map(|part| observe::word(it, part));
        told.filter(|text| !text.is_empty() && *text != "Success").collect::<Vec<_>>().join(": ")
    });
    Some(Stage {
        name: observe::text(event, "lifecycleEventName")?,
        status: known(event, "status").unwrap_or(StageStatus::Unknown),
        diagnostics: diagnostics.filter(|text| !text.is_empty()),
    })
}

fn task_set(set: &Value) -> Option<TaskSet> {
    let count =
        |name: &str| set.get(name).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let weight = set.get("trafficWeight").and_then(Value::as_f64).unwrap_or(0.0);
    Some(TaskSet {
        // AWS spells it so.
        id: DeploymentId::answered(
            observe::text(set, "identifer").or_else(|| observe::text(set, "identifier"))?,
        ),
        label: if observe::word(set, "taskSetLabel") == Some("Blue") { Label::Blue } else { Label::Green },
        status: observe::text(set, "status").unwrap_or_default(),
        weight: Percent::parse((weight * 10.0).round() / 10.0).unwrap_or(Percent::NONE),
        desired: count("desiredCount"),
        running: count("runningCount"),
        pending: count("pendingCount"),
    })
}

fn known<T: serde::de::DeserializeOwned>(object: &Value, name: &str) -> Option<T> {
    object.get(name).and_then(|value| serde_json::from_value(value.clone()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_target_is_read_with_its_stages_and_task_sets_and_aws_s_own_spelling() {
        let seen = target_seen(&json!({
            "status": "InProgress",
            "lifecycleEvents": [
                { "lifecycleEventName": "Install", "status": "Succeeded", "diagnostics": { "errorCode": "Success", "message": "" } },
                { "lifecycleEventName": "AfterInstall", "status": "Failed", "diagnostics": { "errorCode": "ScriptFailed", "scriptName": "smoke", "message": "no front page" } },
                { "lifecycleEventName": "AllowTraffic", "status": "OnTheMoon" }],
            "taskSetsInfo": [
                { "identifer": "ecs-svc/1", "taskSetLabel": "Blue", "status": "PRIMARY", "trafficWeight": 90.0, "desiredCount": 3, "runningCount": 3 },
                { "identifer": "ecs-svc/2", "taskSetLabel": "Green", "status": "ACTIVE", "trafficWeight": 10.0, "desiredCount": 3, "runningCount": 2, "pendingCount": 1 }]}));
        assert_eq!(seen.stages[0].diagnostics, None);
        assert_eq!(seen.stages[1].diagnostics.as_deref(), Some("ScriptFailed: smoke: no front page"));
        assert_eq!(seen.stages[2].status, StageStatus::Unknown);
        let green = seen.green().expect("there");
        assert_eq!((green.weight, green.running, green.pending), (Percent::whole(10), 2, 1));
    }
}
