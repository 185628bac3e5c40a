//! The functions that are called at lifecycle events, and what they say.
//!
//! Facts §4.3: a function gets the ids of the deployment and of its execution, and says within the hour, once, through
//! `PutLifecycleEventHookExecutionStatus`, how it went.

use std::time::Duration;

use serde_json::json;
use tidegate_models::{
    Timestamp,
    codedeploy::{ErrorCode, LifecycleEventStatus},
};

use super::{
    super::records::{Deployment, Event, HookOutcome, HookRun, Work},
    Failure, Stands,
};
use crate::{
    ApiError, FunctionAnswer, State,
    lambda::{self, Caller},
    state::Subject,
};

/// How long a function may take to say how it went.
const LONGEST: Duration = Duration::from_hours(1);

/// Calls the function of an event, once, and waits for what it says.
pub(super) fn stand(state: &mut State, row: &Deployment, event: Event, now: Timestamp) -> Stands {
    let Work::Deploy(plan) = &row.work else { return Stands::Done };
    let Some(function) = plan.spec.hooks.get(&event) else { return Stands::Done };
    let run = row.events.iter().find(|run| run.event == event).and_then(|run| run.hook.as_ref());
    let Some(run) = run else {
        let run = call(state, row, function, now);
        let expires_at = run.expires_at;
        change(state, &row.arn, event, now, |hook| *hook = Some(run));
        return Stands::Until(expires_at);
    };
    let failed =
        |message: &str| Stands::Failed(Failure::failed(ErrorCode::HookExecutionFailure, message.to_owned()));
    match &run.outcome {
        HookOutcome::Succeeded => Stands::Done,
        HookOutcome::Failed => failed(
            "The deployment failed because one or more of the lifecycle event validation functions failed.",
        ),
        HookOutcome::NotCalled(reason) => failed(&format!(
            "The deployment failed because the lifecycle event validation function {function} could not be run: {reason}"
        )),
        HookOutcome::Awaited if now < run.expires_at => Stands::Until(run.expires_at),
        HookOutcome::Awaited => failed(
            "The deployment timed out while waiting for a status callback. CodeDeploy expects a status callback within one hour after a deployment hook is invoked.",
        ),
    }
}

fn call(state: &mut State, row: &Deployment, function: &str, now: Timestamp) -> HookRun {
    let execution = state.ids.uuid();
    let payload = json!({ "DeploymentId": row.id, "LifecycleEventHookExecutionId": execution });
    let caller = Caller::DeploymentHook { deployment: row.arn.clone(), execution: execution.clone() };
    let function = lambda::function_arn(&row.scope, function);
    let invocation = lambda::invoke(state, function, payload, caller, now);
    HookRun { execution, invocation, outcome: HookOutcome::Awaited, expires_at: now + LONGEST }
}

/// `PutLifecycleEventHookExecutionStatus`: takes in what a function says.
pub(in crate::codedeploy) fn answer(
    state: &mut State,
    row: &Deployment,
    execution: &str,
    status: LifecycleEventStatus,
    now: Timestamp,
) -> Result<(), ApiError> {
    let outcome = match status {
        LifecycleEventStatus::Succeeded => HookOutcome::Succeeded,
        LifecycleEventStatus::Failed => HookOutcome::Failed,
        other => {
            return Err(ApiError::new(
                "InvalidLifecycleEventHookExecutionStatusException",
                format!("The status of a lifecycle event hook must be Succeeded or Failed, and is {other}"),
            ));
        }
    };
    let Some((event, run)) = find(row, execution) else {
        return Err(ApiError::new(
            "InvalidLifecycleEventHookExecutionIdException",
            format!("The deployment {} has no lifecycle event hook execution {execution}", row.id),
        ));
    };
    if run.outcome != HookOutcome::Awaited || row.is_over() {
        return Err(ApiError::new(
            "LifecycleEventAlreadyCompletedException",
            format!("The lifecycle event {} of {} is already completed", event.as_str(), row.id),
        ));
    }
    set_outcome(state, &row.arn, event, outcome, now);
    Ok(())
}

/// A function returned, or could not be called. What it returns says nothing: it says how it went by a call of its own.
pub(crate) fn function_answered(
    state: &mut State,
    arn: &str,
    execution: &str,
    answer: FunctionAnswer,
    now: Timestamp,
) {
    let Some(row) = state.deployments.get(arn).filter(|row| !row.is_over()) else { return };
    let Some((event, run)) = find(row, execution) else { return };
    if let FunctionAnswer::Failed(reason) = answer
        && run.outcome == HookOutcome::Awaited
    {
        set_outcome(state, arn, event, HookOutcome::NotCalled(reason), now);
    }
}

/// The deployment is over: nobody waits for its functions any more.
pub(super) fn give_up(state: &mut State, row: &Deployment) {
    for run in row.events.iter().filter_map(|run| run.hook.as_ref()) {
        lambda::give_up(state, &run.invocation);
    }
}

fn find<'a>(row: &'a Deployment, execution: &str) -> Option<(Event, &'a HookRun)> {
    let runs = row.events.iter().filter_map(|run| run.hook.as_ref().map(|hook| (run.event, hook)));
    runs.into_iter().find(|(_, hook)| hook.execution == execution)
}

fn set_outcome(state: &mut State, arn: &str, event: Event, outcome: HookOutcome, now: Timestamp) {
    change(state, arn, event, now, |hook| {
        if let Some(run) = hook {
            run.outcome = outcome;
        }
    });
    state.touch(Subject::Deployment(arn.to_owned()));
}

fn change(
    state: &mut State,
    arn: &str,
    event: Event,
    now: Timestamp,
    change: impl FnOnce(&mut Option<HookRun>),
) {
    state.deployments.update(arn, |row| {
        if let Some(run) = row.events.iter_mut().find(|run| run.event == event) {
            change(&mut run.hook);
            row.updated_at = now;
        }
    });
}
