//! The lifecycle hooks of a stage: a stage is over when all of its hooks have let it go.
//!
//! Facts §3.3 and §3.4: an `AWS_LAMBDA` hook calls its function until that has passed or failed; a PAUSE hook waits for
//! `ContinueServiceDeployment`; at its time-out either does what it was told to. On the way back hooks are called, too,
//! and waited for, but whatever they say the traffic has moved already. Start at [`stand`].

use std::time::Duration;

use tidegate_models::{
    Timestamp,
    ecs::{
        DeploymentLifecycleHook, DeploymentLifecycleHookAction as Action,
        DeploymentLifecycleHookStage as HookStage, DeploymentLifecycleHookStatus as Status,
        DeploymentLifecycleHookTargetType as TargetType,
    },
};

use super::{
    STAGE_LIMIT, Stands,
    functions::{self, Meaning},
    is_over,
};
use crate::{
    ApiError, FunctionAnswer, State,
    ecs::{
        records::{Direction, FunctionHook, HookRun, HookTarget, HookWait, ServiceDeployment, Stage, Staged},
        scheduler::failure::Cause,
    },
    lambda::{self, Caller},
    state::Subject,
};

/// How long a hook waits when nobody says.
const DEFAULT_TIMEOUT_MINUTES: i32 = 1440;

/// Calls the hooks of the stage that a deployment stands at, and says whether they have let it go.
pub(super) fn stand(state: &mut State, arn: &str, staged: &Staged, now: Timestamp) -> Stands {
    let Some(stage) = hook_stage(staged.stage) else { return Stands::Done };
    let Some(row) = state.service_deployments.get(arn) else { return Stands::Done };
    let mut runs = staged.hooks.clone();
    if runs.is_empty() {
        let wanted = wanted(row, staged, stage);
        runs = wanted.iter().map(|hook| begun(state, hook, now)).collect();
    }
    for run in runs.iter_mut().filter(|run| is_open(run)) {
        move_on(state, arn, staged, stage, run, now);
    }
    if runs != staged.hooks {
        change(state, arn, now, |hooks| hooks.clone_from(&runs));
    }
    let holds = |run: &&HookRun| {
        run.status == Status::Failed
            || (run.status == Status::TimedOut && run.timeout_action == Action::Rollback)
    };
    if staged.direction == Direction::Forward
        && let Some(failed) = runs.iter().find(holds)
    {
        return Stands::Failed(Cause::HookFailed { stage, why: why(failed) });
    }
    runs.iter().filter(|run| is_open(run)).map(due).min().map_or(Stands::Done, Stands::Until)
}

/// The hooks of a configuration that are called at a stage. On the way back those of the traffic that does move back.
fn wanted(row: &ServiceDeployment, staged: &Staged, stage: HookStage) -> Vec<DeploymentLifecycleHook> {
    if staged.direction == Direction::Back && !staged.again.contains(&staged.stage) {
        return Vec::new();
    }
    let configured = row.deployment_configuration.lifecycle_hooks.iter().flatten();
    let is_wanted = |hook: &&DeploymentLifecycleHook| {
        hook.lifecycle_stages.iter().flatten().any(|wanted| *wanted == stage)
    };
    configured.filter(is_wanted).cloned().collect()
}

/// A run of a hook that was not called yet: one with a function is called as soon as it is looked at.
fn begun(state: &mut State, hook: &DeploymentLifecycleHook, now: Timestamp) -> HookRun {
    let timeout = hook.timeout_configuration.as_ref();
    let minutes = timeout.and_then(|it| it.timeout_in_minutes).unwrap_or(DEFAULT_TIMEOUT_MINUTES);
    let length = Duration::from_mins(u64::try_from(minutes).unwrap_or(0));
    let timeout_action = timeout.and_then(|it| it.action).unwrap_or(Action::Rollback);
    if hook.target_type == Some(TargetType::Pause) {
        return HookRun {
            id: format!("ecs-pause-{}", state.ids.token21()),
            target: HookTarget::Pause,
            status: Status::AwaitingAction,
            expires_at: now + length,
            timeout_action,
        };
    }
    let function = FunctionHook {
        arn: hook.hook_target_arn.clone().unwrap_or_default(),
        details: hook.hook_details.clone().filter(|details| !details.is_null()),
        waits: HookWait::CallAt(now),
        failure: None,
    };
    HookRun {
        id: state.ids.uuid(),
        target: HookTarget::Function(function),
        status: Status::InProgress,
        // Only pauses may take longer than a stage.
        expires_at: now + length.min(STAGE_LIMIT),
        timeout_action,
    }
}

/// Ends a run whose time is over, and calls the function of one that is due.
fn move_on(
    state: &mut State,
    arn: &str,
    staged: &Staged,
    stage: HookStage,
    run: &mut HookRun,
    now: Timestamp,
) {
    if now >= run.expires_at {
        give_up(state, std::slice::from_ref(run));
        run.status = Status::TimedOut;
    }
    let HookTarget::Function(function) = &mut run.target else { return };
    match function.waits {
        _ if run.status == Status::TimedOut => {
            function.waits = HookWait::Nothing;
            function.failure = Some(format!("Lifecycle hook target {} timed out.", function.arn));
        }
        HookWait::CallAt(at) if at <= now => {
            let Some(row) = state.service_deployments.get(arn) else { return };
            let payload = functions::payload(
                row,
                source(state, row),
                staged,
                stage,
                &run.id,
                function.details.as_ref(),
            );
            let caller =
                Caller::ServiceDeploymentHook { service_deployment: arn.to_owned(), hook: run.id.clone() };
            let invocation = lambda::invoke(state, function.arn.clone(), payload, caller, now);
            function.waits = HookWait::Answer(invocation);
        }
        HookWait::CallAt(_) | HookWait::Answer(_) | HookWait::Nothing => {}
    }
}

/// The revision that has the traffic that the target revision has not.
fn source<'a>(state: &'a State, row: &'a ServiceDeployment) -> Option<&'a str> {
    let rolled_back_to = row.rollback.as_ref().and_then(|rollback| rollback.service_revision_arn.as_deref());
    let service = state.services.get(&row.service_arn);
    let completed = service.and_then(|service| service.last_completed.as_ref());
    rolled_back_to
        .or(completed.map(|deployment| deployment.revision_arn.as_str()))
        .or(row.source_revisions.first().map(String::as_str))
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
    change(state, arn, now, |hooks| {
        let Some(run) = hooks.iter_mut().find(|run| run.id == hook_id && is_open(run)) else { return };
        let HookTarget::Function(function) = &mut run.target else { return };
        function.waits = HookWait::Nothing;
        match functions::meaning(&function.arn, answer) {
            Meaning::Passed => run.status = Status::Succeeded,
            Meaning::Failed(why) => {
                run.status = Status::Failed;
                function.failure = Some(why);
            }
            Meaning::CallAgain { after, details } => {
                function.waits = HookWait::CallAt(now + after);
                function.details = details.or(function.details.take());
            }
        }
    });
    state.touch(Subject::Service(service_arn));
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
    // The model has no ConflictException here, unlike for StopServiceDeployment.
    let refused = |text: String| Err(ApiError::new("InvalidParameterException", text));
    if is_over(row.status) {
        return refused(format!(
            "Service deployment cannot be continued because it is in {} status.",
            row.status
        ));
    }
    let run = row.staged.iter().flat_map(|staged| &staged.hooks).find(|run| run.id == hook_id);
    match run.map(|run| run.status) {
        None => return refused(format!("Hook {hook_id} was not found.")),
        Some(Status::AwaitingAction) => {}
        Some(status) => {
            return refused(format!("Hook {hook_id} is not awaiting an action; it is {status}."));
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

/// Nobody waits for the functions of these runs any more.
pub(in crate::ecs::scheduler) fn give_up(state: &mut State, runs: &[HookRun]) {
    for run in runs {
        if let HookTarget::Function(FunctionHook { waits: HookWait::Answer(invocation), .. }) = &run.target {
            lambda::give_up(state, invocation);
        }
    }
}

fn is_open(run: &HookRun) -> bool {
    matches!(run.status, Status::AwaitingAction | Status::InProgress)
}

/// When something is to be done about an open run though nothing happens.
fn due(run: &HookRun) -> Timestamp {
    match &run.target {
        HookTarget::Function(FunctionHook { waits: HookWait::CallAt(at), .. }) => run.expires_at.min(*at),
        _ => run.expires_at,
    }
}

/// Why a run failed, where there is more to say than that.
fn why(run: &HookRun) -> Option<String> {
    match &run.target {
        HookTarget::Function(function) => function.failure.clone(),
        HookTarget::Pause => None,
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
