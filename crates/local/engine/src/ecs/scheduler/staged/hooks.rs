//! The lifecycle hooks of a stage: a stage is over when all of its hooks have let it go.
//!
//! Facts §3.4: a PAUSE hook waits for `ContinueServiceDeployment`, and at its time-out does what it was told to.

use std::time::Duration;

use tidegate_models::{
    Timestamp,
    ecs::{
        DeploymentLifecycleHook, DeploymentLifecycleHookAction as Action,
        DeploymentLifecycleHookStage as HookStage, DeploymentLifecycleHookStatus as Status,
        DeploymentLifecycleHookTargetType as TargetType,
    },
};

use super::{Stands, is_over};
use crate::{
    ApiError, FunctionAnswer, State,
    ecs::records::{HookRun, Stage, Staged},
    state::Subject,
};

/// How long a hook waits when nobody says.
const DEFAULT_TIMEOUT_MINUTES: i32 = 1440;

/// Calls the hooks of the stage that a deployment stands at, and says whether they have let it go.
pub(super) fn stand(state: &mut State, arn: &str, staged: &Staged, now: Timestamp) -> Stands {
    let Some(stage) = hook_stage(staged.stage) else { return Stands::Done };
    let Some(row) = state.service_deployments.get(arn) else { return Stands::Done };
    let configured = row.deployment_configuration.lifecycle_hooks.iter().flatten();
    let wanted: Vec<DeploymentLifecycleHook> = configured
        .filter(|hook| hook.lifecycle_stages.iter().flatten().any(|it| *it == stage))
        .cloned()
        .collect();
    if staged.hooks.is_empty() && !wanted.is_empty() {
        let runs: Vec<HookRun> = wanted.iter().map(|hook| called(state, hook, now)).collect();
        let earliest = runs.iter().map(|run| run.expires_at).min();
        change(state, arn, now, |hooks| *hooks = runs);
        return earliest.map_or(Stands::Done, Stands::Until);
    }
    let mut runs = staged.hooks.clone();
    for run in runs.iter_mut().filter(|run| run.status == Status::AwaitingAction && now >= run.expires_at) {
        run.status = Status::TimedOut;
    }
    if runs != staged.hooks {
        change(state, arn, now, |hooks| hooks.clone_from(&runs));
    }
    let failed = |run: &HookRun| {
        run.status == Status::Failed
            || (run.status == Status::TimedOut && run.timeout_action == Action::Rollback)
    };
    if runs.iter().any(failed) {
        return Stands::Failed(stage);
    }
    let waiting = runs.iter().filter(|run| run.status == Status::AwaitingAction);
    waiting.map(|run| run.expires_at).min().map_or(Stands::Done, Stands::Until)
}

/// `ContinueServiceDeployment`: lets a hook go, or throws the deployment back.
pub(crate) fn answer(
    state: &mut State,
    arn: &str,
    hook_id: &str,
    action: Action,
    now: Timestamp,
) -> Result<(), ApiError> {
    let Some(row) = state.service_deployments.get(arn) else {
        return Err(ApiError::new("ServiceDeploymentNotFoundException", "Service deployment not found."));
    };
    let conflict = |text: String| Err(ApiError::new("ConflictException", text));
    if is_over(row.status) {
        return conflict(format!(
            "Service deployment cannot be continued because it is in {} status.",
            row.status
        ));
    }
    let run = row.staged.iter().flat_map(|staged| &staged.hooks).find(|run| run.id == hook_id);
    match run.map(|run| run.status) {
        None => {
            return Err(ApiError::new("InvalidParameterException", format!("Hook {hook_id} was not found.")));
        }
        Some(Status::AwaitingAction) => {}
        Some(status) => {
            return conflict(format!("Hook {hook_id} is not awaiting an action; it is {status}."));
        }
    }
    let service_arn = row.service_arn.clone();
    let status = if action == Action::Continue { Status::Succeeded } else { Status::Failed };
    change(state, arn, now, |hooks| {
        for run in hooks.iter_mut().filter(|run| run.id == hook_id) {
            run.status = status;
        }
    });
    state.touch(Subject::Service(service_arn));
    Ok(())
}

/// Takes in the answer of a hook's function; one that comes too late, or for a stage that is over, changes nothing.
pub(crate) fn function_answered(
    state: &mut State,
    arn: &str,
    hook_id: &str,
    answer: FunctionAnswer,
    now: Timestamp,
) {
    let Some(row) = state.service_deployments.get(arn).filter(|row| !is_over(row.status)) else { return };
    let service_arn = row.service_arn.clone();
    let status = match answer {
        FunctionAnswer::Returned(_) => Status::Succeeded,
        FunctionAnswer::Failed(_) => Status::Failed,
    };
    change(state, arn, now, |hooks| {
        for run in hooks.iter_mut().filter(|run| run.id == hook_id && run.status == Status::InProgress) {
            run.status = status;
        }
    });
    state.touch(Subject::Service(service_arn));
}

fn called(state: &mut State, hook: &DeploymentLifecycleHook, now: Timestamp) -> HookRun {
    let timeout = hook.timeout_configuration.as_ref();
    let minutes = timeout.and_then(|it| it.timeout_in_minutes).unwrap_or(DEFAULT_TIMEOUT_MINUTES);
    HookRun {
        id: format!("ecs-pause-{}", state.ids.token21()),
        target_type: TargetType::Pause,
        status: Status::AwaitingAction,
        expires_at: now + Duration::from_mins(u64::try_from(minutes).unwrap_or(0)),
        timeout_action: timeout.and_then(|it| it.action).unwrap_or(Action::Rollback),
    }
}

fn change(state: &mut State, arn: &str, now: Timestamp, change: impl FnOnce(&mut Vec<HookRun>)) {
    state.service_deployments.update(arn, |row| {
        if let Some(staged) = &mut row.staged {
            change(&mut staged.hooks);
            row.updated_at = now;
        }
    });
}

/// The stage as hooks name it; some stages have none.
fn hook_stage(stage: Stage) -> Option<HookStage> {
    Some(match stage {
        Stage::ReconcileService => HookStage::ReconcileService,
        Stage::PreScaleUp => HookStage::PreScaleUp,
        Stage::PostScaleUp => HookStage::PostScaleUp,
        Stage::TestTrafficShift => HookStage::TestTrafficShift,
        Stage::PostTestTrafficShift => HookStage::PostTestTrafficShift,
        Stage::PreProductionTrafficShift => HookStage::PreProductionTrafficShift,
        Stage::ProductionTrafficShift => HookStage::ProductionTrafficShift,
        Stage::PostProductionTrafficShift => HookStage::PostProductionTrafficShift,
        Stage::ScaleUp | Stage::BakeTime | Stage::CleanUp => return None,
    })
}
