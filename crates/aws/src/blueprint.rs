//! Everything of a service that the files which ship it are made from. Reads only. Start with [`read`].

use crate::alb::listener::modified;
use crate::alb::ready::rule_between;
use crate::client::{Client, ask};
use crate::deploy::code_deploy::routing;
use crate::deploy::{DeployError, DeployPlan, rendered};
use crate::ecs::json;
use crate::error::AwsError;
use crate::observe;
use crate::pacing::Bucket;
use crate::sink::{EventSink, now};
use serde_json::Value;
use std::collections::BTreeMap;
use tidegate_rollout::code_deploy::config::{DeploymentConfig, Routing};
use tidegate_rollout::code_deploy::requirements::Settings;
use tidegate_rollout::names::{ServiceRef, TaskDefinitionArn};
use tidegate_rollout::strategy::{DeploymentGroup, Traffic};
use tidegate_rollout::{Event, Strategy};

/// A service as it stands.
#[derive(Debug, Clone)]
pub struct Blueprint {
    /// One item of `services[]`, as DescribeServices answered it.
    pub service: Value,
    /// The task definition that runs, with its tags beside it.
    pub task_definition: Value,
    /// The deployment group that deploys it; absent where none does.
    pub code_deploy: Option<GroupFound>,
}

/// The deployment group of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFound {
    /// How its config moves traffic, with its wait before blue ends as the bake.
    pub traffic: Traffic,
    /// Application and group, with its config where that is none that a strategy's own numbers name.
    pub group: DeploymentGroup,
    /// The alarms that it watches.
    pub alarms: Vec<String>,
}

/// One DescribeServices and one DescribeTaskDefinition; for a service of CodeDeploy's also a search for its group.
pub async fn read(client: &Client, target: &ServiceRef) -> Result<Blueprint, AwsError> {
    let (service, task_definition) = runs(client, target).await?;
    let code_deploy =
        if controller(&service) == "CODE_DEPLOY" { group_of(client, target).await? } else { None };
    Ok(Blueprint { service, task_definition, code_deploy })
}

/// One item of `services[]`, as DescribeServices answers it, and the task definition that runs.
pub async fn runs(client: &Client, target: &ServiceRef) -> Result<(Value, Value), AwsError> {
    let service = client.described_service(target).await?;
    let running = observe::running_task_definition(&service)
        .map_err(|error| crate::ecs::unexpected("DescribeServices", &error.to_string()))?;
    let task_definition = client.described_task_definition(running.as_str()).await?;
    Ok((service, task_definition))
}

/// One item of `services[]`, as DescribeServices answers it.
pub async fn service(client: &Client, target: &ServiceRef) -> Result<Value, AwsError> {
    client.described_service(target).await
}

/// The ARN of the listener rule, or of the listener, whose weights Tidegate moves, where it is Tidegate that does.
///
/// # Errors
///
/// When AWS does not answer, or no rule is between the service and its candidate.
pub async fn rule(
    client: &Client,
    target: &ServiceRef,
    service: &Value,
    strategy: &Strategy,
) -> Result<Option<String>, DeployError> {
    let Strategy::Alb(_, candidate) = strategy else { return Ok(None) };
    let between = rule_between(client, target, service, candidate).await?;
    Ok(Some(modified(&between)))
}

/// A task definition by ARN, `family:revision` or family, with its tags beside its other members.
pub async fn task_definition(client: &Client, name: &str) -> Result<Value, AwsError> {
    client.described_task_definition(name).await
}

/// `deploymentController.type` of a described service; ECS where it is not said.
pub fn controller(service: &Value) -> &str {
    service.pointer("/deploymentController/type").and_then(Value::as_str).unwrap_or("ECS")
}

/// The deployment config that a group has of its own.
pub async fn config_of_group(client: &Client, group: &DeploymentGroup) -> Result<Option<String>, AwsError> {
    let info = client.deployment_group(group).await?;
    Ok(observe::text(&info, "deploymentConfigName"))
}

/// Registers the plan's task definition and leaves every service alone.
///
/// # Errors
///
/// [`DeployError`]; nothing that runs was touched.
pub async fn register(
    client: &Client,
    plan: &DeployPlan,
    sink: &mut dyn EventSink,
) -> Result<TaskDefinitionArn, DeployError> {
    let document = rendered(client, plan, sink).await?;
    let arn = client.register(&document).await?;
    sink.event(now(), &Event::Registered { task_definition: arn.clone() });
    Ok(arn)
}

/// The group whose service this is, of any application.
async fn group_of(client: &Client, target: &ServiceRef) -> Result<Option<GroupFound>, AwsError> {
    for application in applications(client).await? {
        for info in groups_of(client, &application).await? {
            let is_ours = observe::list(&info, "ecsServices").iter().any(|it| {
                observe::word(it, "serviceName") == Some(target.service.short())
                    && observe::word(it, "clusterName")
                        .is_some_and(|name| name.rsplit('/').next() == Some(target.cluster.short()))
            });
            if is_ours {
                return found(client, application, &info).await.map(Some);
            }
        }
    }
    Ok(None)
}

async fn found(client: &Client, application: String, info: &Value) -> Result<GroupFound, AwsError> {
    let config = observe::text(info, "deploymentConfigName").unwrap_or_default();
    let described = client.deployment_config(&config).await?.unwrap_or_default();
    let bake = Settings::of(info).bake();
    let traffic = routing(&described["trafficRoutingConfig"]).unwrap_or(Routing::AllAtOnce).traffic(bake);
    let is_ordinary = DeploymentConfig::of(&traffic).name() == config;
    let watches = info.pointer("/alarmConfiguration/enabled").and_then(Value::as_bool) == Some(true);
    let alarms = info.pointer("/alarmConfiguration/alarms").and_then(Value::as_array).filter(|_| watches);
    Ok(GroupFound {
        traffic,
        group: DeploymentGroup {
            application,
            group: observe::text(info, "deploymentGroupName").unwrap_or_default(),
            config: (!is_ordinary).then_some(config),
            hooks: BTreeMap::new(),
        },
        alarms: alarms.into_iter().flatten().filter_map(|alarm| observe::text(alarm, "name")).collect(),
    })
}

async fn applications(client: &Client) -> Result<Vec<String>, AwsError> {
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let request = client.codedeploy.list_applications().set_next_token(token);
        let (output, _) = ask!(client, "codedeploy", "ListApplications", Bucket::CodeDeploy, request)?;
        found.extend_from_slice(output.applications());
        token = output.next_token().map(str::to_owned);
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// `deploymentGroupInfo` of every group of an application, a hundred a call.
async fn groups_of(client: &Client, application: &str) -> Result<Vec<Value>, AwsError> {
    let mut names = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let request =
            client.codedeploy.list_deployment_groups().application_name(application).set_next_token(token);
        let (output, _) = ask!(client, "codedeploy", "ListDeploymentGroups", Bucket::CodeDeploy, request)?;
        names.extend_from_slice(output.deployment_groups());
        token = output.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    let mut found = Vec::new();
    for chunk in names.chunks(100) {
        let request = client
            .codedeploy
            .batch_get_deployment_groups()
            .application_name(application)
            .set_deployment_group_names(Some(chunk.to_vec()));
        let (_, reply) = ask!(client, "codedeploy", "BatchGetDeploymentGroups", Bucket::CodeDeploy, request)?;
        let reply = json("BatchGetDeploymentGroups", &reply)?;
        found.extend_from_slice(observe::list(&reply, "deploymentGroupsInfo"));
    }
    Ok(found)
}
