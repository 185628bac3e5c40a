//! Deployments that somebody started: picked up, stopped with their way back, or told not to wait. It
//! must never create one. Start with [`attach`].

use super::follow::follow;
use super::moving::{Moving, came_from, deployment_of, named_by};
use super::{count, routing, running};
use crate::client::Client;
use crate::codedeploy::{Wait, deployment_seen};
use crate::deploy::{DeployError, DeployPlan, Outcome, Then};
use crate::error::AwsError;
use crate::gates::Nobody;
use crate::sink::{EventSink, now};
use crate::watch::WatchOptions;
use serde_json::Value;
use tidegate_rollout::code_deploy::config::Routing;
use tidegate_rollout::code_deploy::requirements::Settings;
use tidegate_rollout::code_deploy::seen::Status;
use tidegate_rollout::code_deploy::{Rollout, Start};
use tidegate_rollout::names::{DeploymentId, ServiceRef, TaskDefinitionArn};
use tidegate_rollout::plan::Size;
use tidegate_rollout::rollback::{Phase, Stop, UnderWay};
use tidegate_rollout::strategy::DeploymentGroup;
use tidegate_rollout::{Event, Millis, Plan, Strategy, Verdict};

/// Follows the CodeDeploy deployment that the service works on, whoever created it; else the latest one to its
/// verdict. `None` if there is none that left a trace.
pub(crate) async fn attach(
    client: &Client,
    target: &ServiceRef,
    service: &Value,
    timeout_ms: Millis,
    options: WatchOptions,
    sink: &mut dyn EventSink,
) -> Result<Option<Verdict>, AwsError> {
    let moving = match Moving::under_way(client, service, &Strategy::Rolling).await? {
        Some(moving) => moving,
        None => match Moving::latest(client, service).await? {
            Some(latest) => latest,
            None => return Ok(None),
        },
    };
    let started = Event::Started {
        target: target.clone(),
        deployment: moving.id.clone(),
        service_deployment: None,
        task_definition: moving.candidate.clone(),
        desired: count(service, "desiredCount"),
    };
    let rollout = picked_up(client, target, service, moving, timeout_ms, options).await?;
    sink.event(rollout.started_at(), &started);
    follow(client, rollout, None, &Nobody, options, sink).await.map(Some)
}

/// A deployment of somebody else's as a rollout without gates.
async fn picked_up(
    client: &Client,
    target: &ServiceRef,
    service: &Value,
    moving: Moving,
    timeout_ms: Millis,
    options: WatchOptions,
) -> Result<Rollout, AwsError> {
    let config = client.deployment_config(moving.config()).await?;
    let routing = config.and_then(|it| routing(&it["trafficRoutingConfig"]));
    let bake = Settings::of(&moving.info).bake();
    let traffic = routing.unwrap_or(Routing::AllAtOnce).traffic(bake);
    let strategy = Strategy::CodeDeploy(traffic, moving.group());
    let desired = count(service, "desiredCount");
    let size = Size { desired, maximum_percent: 200 };
    let started_at = now();
    Ok(Rollout::begin(Start {
        plan: Plan::of(target.clone(), strategy, Vec::new(), size).on_clock(options.tick),
        stable: moving.stable,
        candidate: moving.candidate,
        candidate_set: moving.candidate_set,
        deployment: moving.id,
        hooks: moving.hooks,
        gates_timeout: 0,
        desired,
        started_at,
        deadline: started_at + timeout_ms,
    }))
}

/// Goes back: a deployment under way is stopped with its rollback and followed to its end. `None` if none is.
pub(crate) async fn stop(
    client: &Client,
    plan: &DeployPlan,
    service: &Value,
    sink: &mut dyn EventSink,
) -> Result<Option<Outcome>, AwsError> {
    let Some(moving) = Moving::under_way(client, service, &plan.strategy).await? else { return Ok(None) };
    let (id, stable) = (moving.id.clone(), moving.stable.clone());
    let is_over = moving.is_over();
    let rollout = picked_up(client, &plan.target, service, moving, plan.timeout_ms, plan.watch).await?;
    let reason = if is_over {
        format!("deployment {id} has ended already and is gone back from")
    } else {
        format!("deployment {id} is under way; CodeDeploy is asked to stop it and to go back")
    };
    sink.event(now(), &Event::Held { reason });
    // One that has ended is followed to where it goes back to.
    let rollout = if is_over {
        rollout
    } else {
        client.stop_deployment(&id).await?;
        let reason = "somebody asked to go back".to_owned();
        sink.event(now(), &Event::RollingBack { to: stable, reason: reason.clone() });
        rollout.asked_to_stop(reason)
    };
    if plan.then == Then::Return {
        return Ok(Some(Outcome::Started { deployment: id }));
    }
    let verdict = follow(client, rollout, None, &Nobody, plan.watch, sink).await?;
    Ok(Some(Outcome::Ended(verdict)))
}

/// The deployment that is under way, as a rollback sees it.
pub(crate) async fn under_way_for_rollback(
    client: &Client,
    service: &Value,
    strategy: &Strategy,
) -> Result<Option<UnderWay>, AwsError> {
    let moving = Moving::under_way(client, service, strategy).await?;
    Ok(moving.map(|moving| {
        let status = deployment_seen(&moving.id, &moving.info).status;
        let blue_waits = moving.info["instanceTerminationWaitTimeStarted"] == true;
        let phase = match status {
            _ if moving.is_over() => Phase::GoingBack,
            Status::Baking => Phase::Baking,
            _ if blue_waits => Phase::Baking,
            _ => Phase::Moving,
        };
        UnderWay {
            id: format!("deployment {}", moving.id),
            brings: moving.candidate,
            back_to: Some(moving.stable),
            phase,
            stop: Stop::ByCall,
        }
    }))
}

/// What was not waited for any longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// The deployment.
    pub deployment: DeploymentId,
    /// What it waited for.
    pub wait: Wait,
}

/// Ends the wait that the deployment under way is in: for somebody who lets traffic move, or for the end of the
/// blue task set. The shares between are CodeDeploy's own; nobody can hurry them.
///
/// # Errors
///
/// [`DeployError::Refused`] if none is under way, or none that waits for anybody; nothing is changed then.
pub async fn promote(client: &Client, plan: &DeployPlan) -> Result<Promoted, DeployError> {
    let service = client.described_service(&plan.target).await?;
    let moving = under_way(client, plan, &service).await?;
    let blue_waits = moving.info["instanceTerminationWaitTimeStarted"] == true;
    let wait = match deployment_seen(&moving.id, &moving.info).status {
        Status::Ready => Wait::Ready,
        Status::InProgress | Status::Baking if blue_waits => Wait::Termination,
        Status::Failed | Status::Stopped => {
            return Err(DeployError::refused(
                format!(
                    "deployment {} has failed, and CodeDeploy goes back to {}",
                    moving.id,
                    moving.stable.short()
                ),
                "follow it with `tidegate watch`, then deploy again",
            ));
        }
        _ => {
            return Err(DeployError::refused(
                format!(
                    "deployment {} waits for nobody now: {} moves its traffic, and CodeDeploy lets nobody hurry that",
                    moving.id,
                    moving.config()
                ),
                "promote it once all traffic has moved, or use controller: alb or ecs, whose bakes can be ended",
            ));
        }
    };
    client.continue_deployment(&moving.id, wait).await?;
    Ok(Promoted { deployment: moving.id, wait })
}

/// Stops the deployment under way, has CodeDeploy go back from it, and follows that to its end.
///
/// # Errors
///
/// [`DeployError::Refused`] if none is under way; nothing is changed then.
pub async fn abort(
    client: &Client,
    plan: &DeployPlan,
    sink: &mut dyn EventSink,
) -> Result<Verdict, DeployError> {
    let service = client.described_service(&plan.target).await?;
    let wait = DeployPlan { then: Then::Wait, ..plan.clone() };
    match stop(client, &wait, &service, sink).await? {
        Some(Outcome::Ended(verdict)) => Ok(verdict),
        _ => Err(nothing_runs(plan)),
    }
}

/// What the deployment under way brings.
pub(crate) async fn brought(
    client: &Client,
    plan: &DeployPlan,
    service: &Value,
) -> Result<TaskDefinitionArn, DeployError> {
    Ok(under_way(client, plan, service).await?.candidate)
}

async fn under_way(client: &Client, plan: &DeployPlan, service: &Value) -> Result<Moving, DeployError> {
    Moving::under_way(client, service, &plan.strategy).await?.ok_or_else(|| nothing_runs(plan))
}

fn nothing_runs(plan: &DeployPlan) -> DeployError {
    DeployError::refused(
        format!("no deployment of {} by CodeDeploy is under way", plan.target),
        "see what runs with `tidegate status`; `tidegate rollback` goes back from one that has ended",
    )
}

/// The revision that is being brought or runs, and the one to go back to: what a deployment under way
/// came from, else the last that a deployment of the group really brought.
pub(crate) async fn way_back(
    client: &Client,
    service: &Value,
) -> Result<Option<(TaskDefinitionArn, TaskDefinitionArn)>, AwsError> {
    let Some(id) = deployment_of(service) else { return Ok(None) };
    let info = client.deployment_info(&id).await?;
    let group = named_by(&info);
    if let Some(moving) = Moving::in_group(client, service, &group).await? {
        return Ok(Some((moving.candidate, moving.stable)));
    }
    let current = running(service)?;
    for id in client.deployments_succeeded(&group).await? {
        let info = client.deployment_info(&id).await?;
        let brought = client.brought(&info, "revision").await?;
        if let Some((arn, _)) = brought.filter(|(arn, _)| *arn != current) {
            return Ok(Some((current, arn)));
        }
    }
    // The first revision of a service came without CodeDeploy.
    let first = came_from(client, &info, &current).await?;
    Ok(first.filter(|arn| *arn != current).map(|arn| (current, arn)))
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
