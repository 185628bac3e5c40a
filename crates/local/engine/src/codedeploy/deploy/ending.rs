//! How deployments end: well, failed, stopped; and the roll-back that follows, which is a deployment of its own.
//!
//! A roll-back begins in the transaction that ends the other: production is back at blue before anybody is answered.

use tidegate_models::{
    Timestamp,
    codedeploy::{
        AutoRollbackEvent, DeploymentCreator, DeploymentInfo, DeploymentStatus, ErrorCode, ErrorInformation,
        LifecycleEventStatus, RollbackInfo,
    },
};

use super::{
    super::records::{Alarms, Deployment, Phase, Termination, Work},
    course, describe, hooks,
};
use crate::{
    State,
    codedeploy::SERVICE,
    ecs::{records::TaskSetStatus, task_sets},
    state::Subject,
};

/// Why a deployment ends before it is done.
pub(super) struct Failure {
    code: ErrorCode,
    message: String,
    /// Failed or Stopped.
    status: DeploymentStatus,
    /// Which setting makes it roll back.
    event: AutoRollbackEvent,
}

impl Failure {
    /// It failed.
    pub(super) fn failed(code: ErrorCode, message: String) -> Self {
        Self { code, message, status: DeploymentStatus::Failed, event: AutoRollbackEvent::DeploymentFailure }
    }

    /// It was stopped.
    pub(super) fn stopped(code: ErrorCode, message: String, event: AutoRollbackEvent) -> Self {
        Self { code, message, status: DeploymentStatus::Stopped, event }
    }
}

/// Whether a deployment that ends is rolled back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RollBack {
    Yes,
    No,
}

/// `StopDeployment`, with what it says of a roll-back; otherwise the deployment's own settings decide.
pub(in crate::codedeploy) fn stop(
    state: &mut State,
    row: &Deployment,
    auto_rollback: Option<bool>,
    now: Timestamp,
) {
    let event = AutoRollbackEvent::DeploymentStopOnRequest;
    let failure =
        Failure::stopped(ErrorCode::ManualStop, "The deployment was stopped by a user.".to_owned(), event);
    let is_wanted = auto_rollback.unwrap_or_else(|| row.rolls_back_on.contains(&event));
    end_with(state, row, &failure, if is_wanted { RollBack::Yes } else { RollBack::No }, now);
}

/// Ends a deployment before it is done, and rolls it back where its settings say so.
pub(super) fn end(state: &mut State, row: &Deployment, failure: &Failure, now: Timestamp) {
    let is_wanted = row.rolls_back_on.contains(&failure.event);
    end_with(state, row, failure, if is_wanted { RollBack::Yes } else { RollBack::No }, now);
}

fn end_with(state: &mut State, row: &Deployment, failure: &Failure, roll_back: RollBack, now: Timestamp) {
    hooks::give_up(state, row);
    let task_sets = describe::task_sets(state, row);
    state.deployments.update(&row.arn, |row| {
        for run in &mut row.events {
            match (run.status, failure.status) {
                (LifecycleEventStatus::InProgress, DeploymentStatus::Failed) => {
                    run.status = LifecycleEventStatus::Failed;
                    run.failure = Some(failure.message.clone());
                    run.ended_at = Some(now);
                }
                (LifecycleEventStatus::InProgress, _) => {
                    run.status = LifecycleEventStatus::Skipped;
                    run.ended_at = Some(now);
                }
                (LifecycleEventStatus::Pending, _) => run.status = LifecycleEventStatus::Skipped,
                _ => {}
            }
        }
        row.status = failure.status;
        row.error =
            Some(ErrorInformation { code: Some(failure.code), message: Some(failure.message.clone()) });
        row.started_at.get_or_insert(now);
        row.completed_at = Some(now);
        row.updated_at = now;
        row.final_task_sets = task_sets;
    });
    // What it waited for does not wake it any more.
    state.touch(Subject::Deployment(row.arn.clone()));
    if roll_back == RollBack::Yes && row.work != Work::RollBack {
        let info = begin_rollback(state, row, now);
        state.deployments.update(&row.arn, |row| row.rollback = Some(info));
    }
}

/// All is done: blue goes, unless it is to stay. After a roll-back it is green that goes.
pub(super) fn succeed(state: &mut State, row: &Deployment, now: Timestamp) {
    let gone = match (&row.work, row.termination) {
        (Work::RollBack, _) => row.green.task_set.as_deref(),
        (Work::Deploy(_), Termination::After { .. }) => row.blue.task_set.as_deref(),
        (Work::Deploy(_), Termination::KeepAlive) => None,
    };
    if let Some(id) = gone {
        task_sets::delete(state, &row.service_arn, id, now);
    }
    let task_sets = describe::task_sets(state, row);
    state.deployments.update(&row.arn, |row| {
        row.status = DeploymentStatus::Succeeded;
        row.completed_at = Some(now);
        row.final_task_sets = task_sets;
    });
}

/// Makes the deployment that rolls another one back, and answers what that one has to say of it.
fn begin_rollback(state: &mut State, row: &Deployment, now: Timestamp) -> RollbackInfo {
    let service = state.services.get(&row.service_arn);
    let is_there = |id: Option<&str>| {
        let task_set = service.and_then(|service| service.task_set(id?));
        task_set.is_some_and(|task_set| task_set.status != TaskSetStatus::Draining)
    };
    let can_go_back = is_there(row.blue.task_set.as_deref()) && is_there(row.green.task_set.as_deref());
    if !can_go_back {
        return RollbackInfo {
            rollback_message: Some(
                "The deployment cannot be rolled back: there is no replacement task set to take away, or no original one to go back to."
                    .to_owned(),
            ),
            ..RollbackInfo::default()
        };
    }
    let id = state.ids.deployment();
    let arn = row.scope.arn(SERVICE, format_args!("deployment:{id}"));
    let previous = row.echo.previous_revision.clone();
    let sha256 = previous.as_ref().and_then(|location| {
        let of_content = location.app_spec_content.as_ref().and_then(|content| content.sha256.clone());
        of_content.or_else(|| location.string.as_ref()?.sha256.clone())
    });
    let back = Deployment {
        arn: arn.clone(),
        id: id.clone(),
        revision: sha256.unwrap_or_default(),
        echo: DeploymentInfo {
            creator: Some(DeploymentCreator::CodeDeployRollback),
            revision: previous,
            description: None,
            ..row.echo.clone()
        },
        work: Work::RollBack,
        rolls_back_on: Vec::new(),
        alarms: Alarms::default(),
        status: DeploymentStatus::Created,
        phase: Phase::Event(super::Event::AllowTraffic),
        since: now,
        step: 0,
        events: course::events_of(&Work::RollBack, &row.routes),
        error: None,
        rollback: Some(RollbackInfo {
            rollback_triggering_deployment_id: Some(row.id.clone()),
            rollback_message: Some(format!("Deployment {} is rolled back.", row.id)),
            ..RollbackInfo::default()
        }),
        created_at: now,
        started_at: None,
        completed_at: None,
        updated_at: now,
        final_task_sets: Vec::new(),
        ..row.clone()
    };
    state.deployments.insert(&arn, back);
    state.touch(Subject::Deployment(arn));
    RollbackInfo {
        rollback_deployment_id: Some(id.clone()),
        rollback_message: Some(format!("The deployment is rolled back by deployment {id}.")),
        ..RollbackInfo::default()
    }
}
