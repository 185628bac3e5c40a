//! Amazon ECS: what is read. Every reply is taken as raw JSON, so that nothing is lost between what
//! AWS said and what is sent back. It must never change anything: that is in `writes`. Start with
//! [`Client::described_service`].

mod writes;

use crate::client::{Client, ask};
use crate::error::AwsError;
use crate::observe;
use crate::pacing::Bucket;
use aws_sdk_ecs::types::{DesiredStatus, ServiceField, TaskDefinitionField, TaskDefinitionStatus};
use serde_json::Value;
use tidegate_rollout::names::{ClusterName, ServiceDeploymentArn, ServiceRef, TaskDefinitionArn};
use tidegate_rollout::observation::{ServiceDeployment, ServiceSeen, StoppedTask};

impl Client {
    /// The service as DescribeServices answers it. A missing or inactive one is an error here.
    pub(crate) async fn described_service(&self, target: &ServiceRef) -> Result<Value, AwsError> {
        match self.look(target).await? {
            Some(service) if observe::word(&service, "status") != Some("INACTIVE") => Ok(service),
            _ => Err(AwsError::ServiceNotFound {
                service: target.service.short().to_owned(),
                cluster: target.cluster.short().to_owned(),
                region: self.place.region.clone(),
            }),
        }
    }

    /// The service as an observation; missing is an ordinary answer.
    pub(crate) async fn observed_service(&self, target: &ServiceRef) -> Result<ServiceSeen, AwsError> {
        match self.look(target).await? {
            None => Ok(ServiceSeen::Missing),
            Some(described) => seen("DescribeServices", &described),
        }
    }

    /// The service as DescribeServices answers it, also an inactive one; missing is an ordinary answer.
    pub(crate) async fn look(&self, target: &ServiceRef) -> Result<Option<Value>, AwsError> {
        let request =
            self.ecs.describe_services().cluster(target.cluster.as_str()).services(target.service.as_str());
        let (_, reply) = ask!(self, "ecs", "DescribeServices", Bucket::ServiceRead, request)
            .map_err(|error| self.about_cluster(error, target))?;
        let reply = json("DescribeServices", &reply)?;
        Ok(reply.get("services").and_then(|services| services.get(0)).cloned())
    }

    fn about_cluster(&self, error: AwsError, target: &ServiceRef) -> AwsError {
        match error {
            AwsError::Refused { code, .. } if code == "ClusterNotFoundException" => {
                AwsError::ClusterNotFound {
                    cluster: target.cluster.short().to_owned(),
                    region: self.place.region.clone(),
                }
            }
            other => other,
        }
    }

    /// The definition with its tags put beside the other members, as `RegisterTaskDefinition` takes it.
    /// AWS answers tags only when asked, and outside of the definition; a copy would lose them.
    pub(crate) async fn described_task_definition(&self, name: &str) -> Result<Value, AwsError> {
        let request =
            self.ecs.describe_task_definition().task_definition(name).include(TaskDefinitionField::Tags);
        let (_, reply) = ask!(self, "ecs", "DescribeTaskDefinition", Bucket::TaskDefinitionRead, request)?;
        let mut reply = json("DescribeTaskDefinition", &reply)?;
        let tags = reply.get_mut("tags").map(Value::take).filter(|tags| !tags.is_null());
        let mut definition = reply
            .get_mut("taskDefinition")
            .map(Value::take)
            .filter(Value::is_object)
            .ok_or_else(|| unexpected("DescribeTaskDefinition", "it has no taskDefinition"))?;
        if let (Some(tags), Some(members)) = (tags, definition.as_object_mut()) {
            members.insert("tags".into(), tags);
        }
        Ok(definition)
    }

    /// The service deployment, or `None` where AWS does not know it.
    pub(crate) async fn service_deployment(
        &self,
        arn: &ServiceDeploymentArn,
    ) -> Result<Option<ServiceDeployment>, AwsError> {
        Ok(self.described_service_deployment(arn).await?.as_ref().and_then(observe::service_deployment))
    }

    /// The service deployment as AWS describes it.
    pub(crate) async fn described_service_deployment(
        &self,
        arn: &ServiceDeploymentArn,
    ) -> Result<Option<Value>, AwsError> {
        let request = self.ecs.describe_service_deployments().service_deployment_arns(arn.as_str());
        let (_, reply) =
            ask!(self, "ecs", "DescribeServiceDeployments", Bucket::ServiceDeploymentRead, request)?;
        let reply = json("DescribeServiceDeployments", &reply)?;
        Ok(observe::list(&reply, "serviceDeployments").first().cloned())
    }

    /// The service deployments of the last 90 days, as AWS's briefs.
    pub(crate) async fn service_deployment_briefs(
        &self,
        target: &ServiceRef,
    ) -> Result<Vec<Value>, AwsError> {
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let request = self
                .ecs
                .list_service_deployments()
                .cluster(target.cluster.as_str())
                .service(target.service.as_str())
                .max_results(100)
                .set_next_token(token);
            let (_, reply) =
                ask!(self, "ecs", "ListServiceDeployments", Bucket::ServiceDeploymentRead, request)?;
            let reply = json("ListServiceDeployments", &reply)?;
            found.extend_from_slice(observe::list(&reply, "serviceDeployments"));
            token = observe::text(&reply, "nextToken");
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// Service revisions, twenty a call.
    pub(crate) async fn service_revisions(&self, arns: &[String]) -> Result<Vec<Value>, AwsError> {
        let mut found = Vec::new();
        for chunk in arns.chunks(20) {
            let request =
                self.ecs.describe_service_revisions().set_service_revision_arns(Some(chunk.to_vec()));
            let (_, reply) =
                ask!(self, "ecs", "DescribeServiceRevisions", Bucket::ServiceDeploymentRead, request)?;
            found.extend_from_slice(observe::list(
                &json("DescribeServiceRevisions", &reply)?,
                "serviceRevisions",
            ));
        }
        Ok(found)
    }

    /// The service's tasks that stopped within about the last hour, at most 100. AWS takes
    /// `startedBy` only as the sole filter, so whose they are is told from the description.
    pub(crate) async fn stopped_tasks(&self, target: &ServiceRef) -> Result<Vec<StoppedTask>, AwsError> {
        let request = self
            .ecs
            .list_tasks()
            .cluster(target.cluster.as_str())
            .service_name(target.service.as_str())
            .desired_status(DesiredStatus::Stopped);
        let (output, _) = ask!(self, "ecs", "ListTasks", Bucket::TaskRead, request)?;
        let listed = output.task_arns();
        if listed.is_empty() { Ok(Vec::new()) } else { self.described_tasks(target, listed).await }
    }

    async fn described_tasks(
        &self,
        target: &ServiceRef,
        arns: &[String],
    ) -> Result<Vec<StoppedTask>, AwsError> {
        let request = self
            .ecs
            .describe_tasks()
            .cluster(target.cluster.as_str())
            .set_tasks(Some(arns.iter().take(100).cloned().collect()));
        let (_, reply) = ask!(self, "ecs", "DescribeTasks", Bucket::TaskRead, request)?;
        let reply = json("DescribeTasks", &reply)?;
        Ok(observe::list(&reply, "tasks").iter().filter_map(observe::stopped_task).collect())
    }

    /// Every ACTIVE revision of a family, newest first.
    pub(crate) async fn active_revisions(&self, family: &str) -> Result<Vec<TaskDefinitionArn>, AwsError> {
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let request = self
                .ecs
                .list_task_definitions()
                .family_prefix(family)
                .status(TaskDefinitionStatus::Active)
                .sort(aws_sdk_ecs::types::SortOrder::Desc)
                .set_next_token(token);
            let (output, _) = ask!(self, "ecs", "ListTaskDefinitions", Bucket::TaskDefinitionRead, request)?;
            // The filter is a prefix: `web` also answers `web-admin`.
            let own =
                output.task_definition_arns().iter().filter_map(|arn| TaskDefinitionArn::parse(arn).ok());
            found.extend(own.filter(|arn| arn.family() == family));
            token = output.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// Every service of the cluster, as AWS describes them, ten a call.
    pub(crate) async fn services_of_cluster(&self, target: &ServiceRef) -> Result<Vec<Value>, AwsError> {
        self.services_of(&target.cluster).await
    }

    /// The same by the cluster alone.
    pub(crate) async fn services_of(&self, cluster: &ClusterName) -> Result<Vec<Value>, AwsError> {
        let mut arns = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let request =
                self.ecs.list_services().cluster(cluster.as_str()).max_results(100).set_next_token(token);
            let (output, _) = ask!(self, "ecs", "ListServices", Bucket::ServiceRead, request)?;
            arns.extend_from_slice(output.service_arns());
            token = output.next_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        let mut services = Vec::new();
        for chunk in arns.chunks(10) {
            let request = self
                .ecs
                .describe_services()
                .cluster(cluster.as_str())
                .set_services(Some(chunk.to_vec()))
                .include(ServiceField::Tags);
            let (_, reply) = ask!(self, "ecs", "DescribeServices", Bucket::ServiceRead, request)?;
            services.extend_from_slice(observe::list(&json("DescribeServices", &reply)?, "services"));
        }
        Ok(services)
    }
}

/// A raw reply as JSON.
pub(crate) fn json(operation: &'static str, reply: &[u8]) -> Result<Value, AwsError> {
    serde_json::from_slice(reply).map_err(|error| unexpected(operation, &format!("it is not JSON ({error})")))
}

/// A described service as an observation.
pub(crate) fn seen(operation: &'static str, described: &Value) -> Result<ServiceSeen, AwsError> {
    observe::service(described)
        .map(|service| ServiceSeen::Described(Box::new(service)))
        .map_err(|error| unexpected(operation, &error.to_string()))
}

pub(crate) fn unexpected(operation: &'static str, detail: &str) -> AwsError {
    AwsError::UnexpectedReply { operation, detail: detail.to_owned() }
}
