//! Deployments: read, listed, stopped, let go on; and what their functions say.

use tidegate_models::codedeploy::{
    BatchGetDeploymentsInput, BatchGetDeploymentsOutput, ContinueDeploymentInput, DeploymentStatus,
    DeploymentWaitType, GetDeploymentInput, GetDeploymentOutput, ListDeploymentsInput, ListDeploymentsOutput,
    PutLifecycleEventHookExecutionStatusInput, PutLifecycleEventHookExecutionStatusOutput,
    StopDeploymentInput, StopDeploymentOutput, StopStatus,
};

use super::{Nothing, PAGE, errors, lookup};
use crate::{
    ApiError, Context, State,
    codedeploy::{
        deploy,
        records::{Deployment, Phase, Work},
    },
    page::page,
};

/// AWS's most deployments in one BatchGetDeployments: facts §8 and the model's prose differ; the larger number.
const MOST: usize = 100;

/// `GetDeployment`
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetDeploymentInput,
) -> Result<GetDeploymentOutput, ApiError> {
    let row = lookup::deployment(state, context, &input.deployment_id)?;
    Ok(GetDeploymentOutput { deployment_info: Some(deploy::described(row)) })
}

/// `BatchGetDeployments`: those that do not exist are left out.
pub(super) fn batch_get(
    state: &State,
    context: &Context,
    input: BatchGetDeploymentsInput,
) -> Result<BatchGetDeploymentsOutput, ApiError> {
    if input.deployment_ids.is_empty() {
        return Err(ApiError::new(
            "DeploymentIdRequiredException",
            "At least one deployment ID must be specified.",
        ));
    }
    if input.deployment_ids.len() > MOST {
        return Err(errors::too_many(MOST));
    }
    let found = input.deployment_ids.iter().filter_map(|id| lookup::deployment(state, context, id).ok());
    Ok(BatchGetDeploymentsOutput { deployments_info: Some(found.map(deploy::described).collect()) })
}

/// `ListDeployments`, newest first.
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListDeploymentsInput,
) -> Result<ListDeploymentsOutput, ApiError> {
    let mut rows: Vec<&Deployment> = match (&input.application_name, &input.deployment_group_name) {
        (Some(application), Some(group)) => {
            let application = lookup::application(state, context, application)?;
            let group = lookup::group(state, application, group)?;
            state.deployments.indexed_by(&group.id).map(|(_, row)| row).collect()
        }
        (None, None) => {
            state.deployments.iter().map(|(_, row)| row).filter(|row| row.scope == context.scope).collect()
        }
        (Some(_), None) => {
            return Err(ApiError::new(
                "DeploymentGroupNameRequiredException",
                "deploymentGroupName must be specified when applicationName is",
            ));
        }
        (None, Some(_)) => {
            return Err(ApiError::new(
                "ApplicationNameRequiredException",
                "applicationName must be specified when deploymentGroupName is",
            ));
        }
    };
    let range = input.create_time_range.unwrap_or_default();
    if range.start.zip(range.end).is_some_and(|(start, end)| start > end) {
        return Err(ApiError::new(
            "InvalidTimeRangeException",
            "The start of createTimeRange must not be after its end",
        ));
    }
    let statuses = input.include_only_statuses.unwrap_or_default();
    rows.retain(|row| {
        (statuses.is_empty() || statuses.contains(&row.status))
            && range.start.is_none_or(|start| start <= row.created_at)
            && range.end.is_none_or(|end| row.created_at <= end)
            && input.external_id.is_none()
    });
    // A page begins after what a deployment is ordered by, so that new ones do not shift it.
    let key = |row: &Deployment| {
        let newest_first = u64::MAX - u64::try_from(row.created_at.as_millis()).unwrap_or(0);
        format!("{newest_first:020}/{}/{}", u8::from(row.work != Work::RollBack), row.id)
    };
    let keyed: Vec<(String, &Deployment)> = rows.into_iter().map(|row| (key(row), row)).collect();
    let mut sorted: Vec<(&str, &Deployment)> = keyed.iter().map(|(key, row)| (key.as_str(), *row)).collect();
    sorted.sort_by_key(|(key, _)| *key);
    let found = page(
        sorted.into_iter(),
        "ListDeployments",
        input.next_token.as_deref(),
        PAGE,
        errors::invalid_token,
    )?;
    Ok(ListDeploymentsOutput {
        deployments: Some(found.items.into_iter().map(|row| row.id.clone()).collect()),
        next_token: found.next,
    })
}

/// `StopDeployment`: with a roll-back, production is back at blue before this is answered.
pub(super) fn stop(
    state: &mut State,
    context: &Context,
    input: StopDeploymentInput,
) -> Result<StopDeploymentOutput, ApiError> {
    let row = live(state, context, &input.deployment_id)?.clone();
    deploy::stop(state, &row, input.auto_rollback_enabled, context.now);
    Ok(StopDeploymentOutput {
        status: Some(StopStatus::Succeeded),
        status_message: Some("The deployment was stopped.".to_owned()),
    })
}

/// `ContinueDeployment`: ends the wait for traffic to move, or the one before blue goes.
pub(super) fn go_on(
    state: &mut State,
    context: &Context,
    input: ContinueDeploymentInput,
) -> Result<Nothing, ApiError> {
    let row = live(state, context, &input.deployment_id.unwrap_or_default())?.clone();
    match input.deployment_wait_type.unwrap_or(DeploymentWaitType::ReadyWait) {
        DeploymentWaitType::ReadyWait if row.status != DeploymentStatus::Ready => {
            return Err(ApiError::new(
                "DeploymentIsNotInReadyStateException",
                format!("The deployment {} does not have a status of Ready and can't continue yet.", row.id),
            ));
        }
        DeploymentWaitType::TerminationWait if row.phase != Phase::TerminationWait => {
            return Err(ApiError::new(
                "InvalidDeploymentStatusException",
                format!(
                    "The deployment {} does not wait for the termination of its original task set.",
                    row.id
                ),
            ));
        }
        DeploymentWaitType::ReadyWait | DeploymentWaitType::TerminationWait => {}
    }
    deploy::go_on(state, &row, context.now);
    Ok(Nothing {})
}

/// `PutLifecycleEventHookExecutionStatus`
pub(super) fn answer_hook(
    state: &mut State,
    context: &Context,
    input: PutLifecycleEventHookExecutionStatusInput,
) -> Result<PutLifecycleEventHookExecutionStatusOutput, ApiError> {
    let row = lookup::deployment(state, context, &input.deployment_id.unwrap_or_default())?.clone();
    let execution = input.lifecycle_event_hook_execution_id.unwrap_or_default();
    let Some(status) = input.status else {
        return Err(ApiError::new(
            "InvalidLifecycleEventHookExecutionStatusException",
            "The status of the lifecycle event hook is missing; it must be Succeeded or Failed",
        ));
    };
    deploy::answer_hook(state, &row, &execution, status, context.now)?;
    Ok(PutLifecycleEventHookExecutionStatusOutput { lifecycle_event_hook_execution_id: Some(execution) })
}

fn live<'a>(state: &'a State, context: &Context, id: &str) -> Result<&'a Deployment, ApiError> {
    let row = lookup::deployment(state, context, id)?;
    if row.is_over() {
        return Err(ApiError::new(
            "DeploymentAlreadyCompletedException",
            format!("The deployment {id} is already complete; its status is {}", row.status),
        ));
    }
    Ok(row)
}
