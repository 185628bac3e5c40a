//! Deployments that somebody started: picked up, stopped with their way back, or told not to wait. It
//! must never create one. Start with [`attach`].

use super::follow::follow;
use super::{count, routing, running};
use crate::client::Client;
use crate::codedeploy::{Wait, deployment_seen};
use crate::deploy::{DeployError, DeployPlan};
use crate::error::AwsError;
use crate::gates::Nobody;
use crate::observe;
use crate::sink::{EventSink, now};
use crate::watch::WatchOptions;
use serde_json::Value;
use std::collections::BTreeMap;
use tidegate_rollout::code_deploy::app_spec;
use tidegate_rollout::code_deploy::config::Routing;
use tidegate_rollout::code_deploy::requirements::Settings;
use tidegate_rollout::code_deploy::{Rollout, Start};
use tidegate_rollout::names::{DeploymentId, ServiceRef, TaskDefinitionArn};
use tidegate_rollout::plan::Size;
use tidegate_rollout::strategy::DeploymentGroup;
use tidegate_rollout::{Event, Millis, Plan, Strategy, Verdict};

/// Follows the CodeDeploy deployment that the service works on, whoever created it. `None` if there is
/// none that left a trace.
pub(crate) async fn attach(
    client: &Client,
    target: &ServiceRef,
    service: &Value,
    timeout_ms: Millis,
    options: WatchOptions,
    sink: &mut dyn EventSink,
) -> Result<Option<Verdict>, AwsError> {
    let Some(id) = deployment_of(service) else { return Ok(None) };
    let info = client.deployment_info(&id).await?;
    let content = info.pointer("/revision/appSpecContent/content").and_then(Value::as_str);
    let brought = content.and_then(app_spec::read);
    let newest = task_sets_of(service, &id).next();
    let by_task_set = newest.and_then(|set| observe::task_definition_arn(set, "taskDefinition").ok());
    let (candidate, hooks) = match (brought, by_task_set) {
        (Some(brought), _) => brought,
        (None, Some(arn)) => (arn, BTreeMap::new()),
        (None, None) => return Ok(None),
    };
    let stable = previous(service, &id).unwrap_or_else(|| candidate.clone());
    let name = observe::text(&info, "deploymentConfigName").unwrap_or_default();
    let routing = client.deployment_config(&name).await?.and_then(|it| routing(&it["trafficRoutingConfig"]));
    let group = named_by(&info);
    let bake = Settings::of(&info).bake();
    let strategy = Strategy::CodeDeploy(routing.unwrap_or(Routing::AllAtOnce).traffic(bake), group);
    let desired = count(service, "desiredCount");
    let size = Size { desired, maximum_percent: 200 };
    let started_at = now();
    let rollout = Rollout::begin(Start {
        plan: Plan::of(target.clone(), strategy, Vec::new(), size).on_clock(options.tick),
        stable,
        candidate,
        deployment: id,
        hooks,
        gates_timeout: 0,
        desired,
        started_at,
        deadline: started_at + timeout_ms,
    });
    follow(client, rollout, None, &Nobody, options, sink).await.map(Some)
}

/// The deployment that made the newest task set. CodeDeploy writes its id into `externalId`.
fn deployment_of(service: &Value) -> Option<DeploymentId> {
    let sets = observe::list(service, "taskSets").iter();
    let made = sets.filter(|set| set["startedBy"] == "CODE_DEPLOY");
    let newest = made.max_by(|one, other| {
        let at = |set: &Value| observe::millis(set, "createdAt").unwrap_or(0);
        at(one).cmp(&at(other))
    })?;
    observe::text(newest, "externalId").map(DeploymentId::answered)
}

fn task_sets_of<'a>(service: &'a Value, id: &'a DeploymentId) -> impl Iterator<Item = &'a Value> {
    observe::list(service, "taskSets")
        .iter()
        .filter(|set| observe::word(set, "externalId") == Some(id.as_str()))
}

/// The revision of the other task set.
fn previous(service: &Value, id: &DeploymentId) -> Option<TaskDefinitionArn> {
    let others = observe::list(service, "taskSets").iter();
    let mut others = others.filter(|set| observe::word(set, "externalId") != Some(id.as_str()));
    others.find_map(|set| observe::task_definition_arn(set, "taskDefinition").ok())
}

/// Goes back: a deployment under way is stopped with its rollback and followed; after its end the
/// revision is deployed again.
pub(crate) async fn stop(
    client: &Client,
    target: &ServiceRef,
    service: &Value,
    timeout_ms: Millis,
    options: WatchOptions,
    sink: &mut dyn EventSink,
) -> Result<Option<Verdict>, AwsError> {
    let Some(id) = under_way(client, service).await? else { return Ok(None) };
    let message = format!("deployment {id} is under way; CodeDeploy is asked to stop it and to go back");
    sink.event(now(), &Event::Held { reason: message });
    client.stop_deployment(&id).await?;
    attach(client, target, service, timeout_ms, options, sink).await
}

/// Ends the wait before the blue task set goes, and answers the deployment; `None` if none is under way.
pub async fn promote(client: &Client, target: &ServiceRef) -> Result<Option<DeploymentId>, AwsError> {
    let service = client.described_service(target).await?;
    let Some(id) = under_way(client, &service).await? else { return Ok(None) };
    client.continue_deployment(&id, Wait::Termination).await?;
    Ok(Some(id))
}

async fn under_way(client: &Client, service: &Value) -> Result<Option<DeploymentId>, AwsError> {
    use tidegate_rollout::code_deploy::seen::Status::{Failed, Stopped, Succeeded};
    let Some(id) = deployment_of(service) else { return Ok(None) };
    let info = client.deployment_info(&id).await?;
    let ended = matches!(deployment_seen(&id, &info).status, Succeeded | Failed | Stopped);
    Ok((!ended).then_some(id))
}

/// The revision that is being brought or runs, and the one to go back to: what a deployment under way
/// came from, else the last that a deployment of the group really brought.
pub(crate) async fn way_back(
    client: &Client,
    service: &Value,
) -> Result<Option<(TaskDefinitionArn, TaskDefinitionArn)>, AwsError> {
    if let Some(id) = under_way(client, service).await? {
        let brought = task_sets_of(service, &id).next();
        let brought = brought.and_then(|set| observe::task_definition_arn(set, "taskDefinition").ok());
        return Ok(brought.zip(previous(service, &id)));
    }
    let Some(id) = deployment_of(service) else { return Ok(None) };
    let current = running(service)?;
    let info = client.deployment_info(&id).await?;
    let group = named_by(&info);
    for id in client.deployments_succeeded(&group).await? {
        let info = client.deployment_info(&id).await?;
        if let Some(arn) = brought_by(&info, "revision").filter(|arn| *arn != current) {
            return Ok(Some((current, arn)));
        }
    }
    // The first revision of a service came without CodeDeploy.
    Ok(brought_by(&info, "previousRevision").filter(|arn| *arn != current).map(|arn| (current, arn)))
}

fn brought_by(info: &Value, member: &str) -> Option<TaskDefinitionArn> {
    let content = info.get(member)?.pointer("/appSpecContent/content")?.as_str()?;
    app_spec::read(content).map(|(arn, _)| arn)
}

/// The deployment group: the config file's, else that of the service's latest deployment.
pub(super) async fn group_of(
    client: &Client,
    service: &Value,
    plan: &DeployPlan,
) -> Result<DeploymentGroup, DeployError> {
    if let Strategy::CodeDeploy(_, group) = &plan.strategy {
        return Ok(group.clone());
    }
    let Some(id) = deployment_of(service) else {
        return Err(DeployError::refused(
            "nothing says which deployment group the service has",
            "name its application and deployment group in the section codeDeploy",
        ));
    };
    Ok(named_by(&client.deployment_info(&id).await?))
}

fn named_by(info: &Value) -> DeploymentGroup {
    DeploymentGroup {
        application: observe::text(info, "applicationName").unwrap_or_default(),
        group: observe::text(info, "deploymentGroupName").unwrap_or_default(),
        config: observe::text(info, "deploymentConfigName"),
    }
}
