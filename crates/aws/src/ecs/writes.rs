//! Amazon ECS: what is changed. A write whose fate is not known must never be sent again blindly:
//! registering twice makes two revisions, updating twice makes two deployments. So SDK retries are
//! off here; a throttle (which says that nothing happened) is tried again, and after a time-out or a
//! 5xx the state is read back. Start with [`Client::register`] and [`Client::update`].

use crate::client::{Client, Customized, ask};
use crate::ecs::{json, unexpected};
use crate::error::{AwsError, Fate};
use crate::exchange::Exchange;
use crate::observe;
use crate::pacing::Bucket;
use aws_config::retry::RetryConfig;
use aws_sdk_ecs::types::{DeploymentLifecycleHookAction, StopServiceDeploymentStopType, Tag};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tidegate_rollout::names::{DeploymentId, ServiceDeploymentArn, ServiceRef, TaskDefinitionArn};
use tidegate_rollout::task_definition::{normalise::normalised, strip::registrable};

/// How often a write that certainly did not happen is tried in all.
const TRIES: u32 = 6;
/// How often the state is read back after a write of unknown fate, a second apart.
const READ_BACKS: u32 = 4;

/// What UpdateService brought about.
#[derive(Debug, Clone)]
pub(crate) struct Updated {
    /// The service as answered, or as read back.
    pub(crate) service: Value,
}

impl Client {
    /// Registers the document once and answers the new revision.
    pub(crate) async fn register(&self, document: &Value) -> Result<TaskDefinitionArn, AwsError> {
        let family = observe::text(document, "family").unwrap_or_default();
        let mut tried = 0;
        loop {
            tried += 1;
            // The SDK's own serialisation is replaced by the document before signing.
            let request = self.ecs.register_task_definition().family(&family);
            let request = request.customize().config_override(once());
            let exchange = Exchange::of("RegisterTaskDefinition", self).sending(document);
            let sent = ask!(
                self,
                "ecs",
                "RegisterTaskDefinition",
                Bucket::TaskDefinitionModify,
                Customized(request),
                exchange
            );
            match sent {
                Ok((_, reply)) => {
                    let reply = json("RegisterTaskDefinition", &reply)?;
                    let definition = reply.get("taskDefinition").unwrap_or(&Value::Null);
                    return observe::task_definition_arn(definition, "taskDefinitionArn")
                        .map_err(|error| unexpected("RegisterTaskDefinition", &error.to_string()));
                }
                Err(error) if error.fate() == Fate::DidNotHappen && tried < TRIES => back_off(tried).await,
                Err(error) if error.fate() == Fate::Unknown => {
                    return self.registered_after_all(&family, document).await.ok_or(error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// After a registration of unknown fate: is the newest revision of the family our document?
    async fn registered_after_all(&self, family: &str, document: &Value) -> Option<TaskDefinitionArn> {
        let wanted = normalised(&registrable(document));
        for _ in 0..READ_BACKS {
            if let Ok(newest) = self.described_task_definition(family).await
                && normalised(&registrable(&newest)) == wanted
            {
                return observe::task_definition_arn(&newest, "taskDefinitionArn").ok();
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        None
    }

    /// Updates the service once. `earlier` are the deployments that were there before.
    pub(crate) async fn update(
        &self,
        target: &ServiceRef,
        document: &Value,
        earlier: &BTreeSet<DeploymentId>,
    ) -> Result<Updated, AwsError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let request = self.ecs.update_service().service(target.service.as_str());
            let request = request.customize().config_override(once());
            let exchange = Exchange::of("UpdateService", self).sending(document);
            let sent =
                ask!(self, "ecs", "UpdateService", Bucket::ServiceModify, Customized(request), exchange);
            match sent {
                Ok((_, reply)) => {
                    let mut reply = json("UpdateService", &reply)?;
                    let service = reply.get_mut("service").map(Value::take).filter(Value::is_object);
                    return service
                        .map(|service| Updated { service })
                        .ok_or_else(|| unexpected("UpdateService", "it has no service"));
                }
                Err(error) if error.fate() == Fate::DidNotHappen && tried < TRIES => back_off(tried).await,
                Err(error) if error.fate() == Fate::Unknown => {
                    return self.updated_after_all(target, document, earlier).await.ok_or(error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// After an update of unknown fate: is there a new deployment of our revision?
    async fn updated_after_all(
        &self,
        target: &ServiceRef,
        document: &Value,
        earlier: &BTreeSet<DeploymentId>,
    ) -> Option<Updated> {
        let wanted = observe::word(document, "taskDefinition");
        for _ in 0..READ_BACKS {
            if let Ok(service) = self.described_service(target).await {
                let ours = observe::list(&service, "deployments").iter().any(|deployment| {
                    let new = observe::text(deployment, "id")
                        .is_some_and(|id| !earlier.contains(&DeploymentId::answered(id)));
                    new && observe::word(deployment, "taskDefinition") == wanted
                });
                if ours {
                    return Some(Updated { service });
                }
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        None
    }

    /// Asks ECS to roll a service deployment back now. Asking twice is harmless: a finished one
    /// answers with a conflict.
    pub(crate) async fn request_rollback(&self, arn: &ServiceDeploymentArn) -> Result<(), AwsError> {
        let request = self
            .ecs
            .stop_service_deployment()
            .service_deployment_arn(arn.as_str())
            .stop_type(StopServiceDeploymentStopType::Rollback);
        ask!(self, "ecs", "StopServiceDeployment", Bucket::ServiceModify, request).map(|_| ())
    }

    /// Lets a deployment that waits at a PAUSE hook go on. Answering twice is harmless: a hook that was
    /// answered answers with a conflict.
    pub(crate) async fn continue_service_deployment(
        &self,
        arn: &ServiceDeploymentArn,
        hook: &str,
    ) -> Result<(), AwsError> {
        let request = self
            .ecs
            .continue_service_deployment()
            .service_deployment_arn(arn.as_str())
            .hook_id(hook)
            .action(DeploymentLifecycleHookAction::Continue);
        ask!(self, "ecs", "ContinueServiceDeployment", Bucket::ServiceModify, request).map(|_| ())
    }

    /// Puts one tag on a task definition revision. Doing it twice changes nothing more.
    pub(crate) async fn tag_revision(
        &self,
        arn: &TaskDefinitionArn,
        key: &str,
        value: &str,
    ) -> Result<(), AwsError> {
        let tag = Tag::builder().key(key).value(value).build();
        let request = self.ecs.tag_resource().resource_arn(arn.as_str()).tags(tag);
        ask!(self, "ecs", "TagResource", Bucket::ServiceModify, request).map(|_| ())
    }

    /// Deregisters one revision. Doing it twice changes nothing more.
    pub(crate) async fn deregister(&self, arn: &TaskDefinitionArn) -> Result<(), AwsError> {
        let request = self.ecs.deregister_task_definition().task_definition(arn.as_str());
        ask!(self, "ecs", "DeregisterTaskDefinition", Bucket::TaskDefinitionModify, request).map(|_| ())
    }
}

/// No retries of the SDK's own.
fn once() -> aws_sdk_ecs::config::Builder {
    aws_sdk_ecs::Config::builder().retry_config(RetryConfig::disabled())
}

/// Waits before the next try: 0.5 s, 1 s, 2 s, 4 s …, each by a random half more or less.
async fn back_off(tried: u32) {
    let base = 500_u64 << (tried - 1).min(5);
    let jittered = base / 2 + fastrand::u64(0..=base);
    tokio::time::sleep(Duration::from_millis(jittered)).await;
}
