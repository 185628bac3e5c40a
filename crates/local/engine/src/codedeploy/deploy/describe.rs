//! Deployments and their targets as the API answers them.

use tidegate_models::codedeploy::{
    DeploymentInfo, DeploymentOverview, DeploymentStatus, DeploymentTarget, DeploymentTargetType,
    Diagnostics, ECSTarget, ECSTaskSet, LifecycleErrorCode, LifecycleEvent, LifecycleEventStatus,
    TargetGroupInfo, TargetLabel, TargetStatus,
};

use super::{
    super::records::{Deployment, EventRun, Phase, Side, Termination},
    traffic,
};
use crate::{State, ecs};

/// As `GetDeployment` answers; the names of its application and group are looked up by who asks.
pub(in crate::codedeploy) fn deployment(row: &Deployment) -> DeploymentInfo {
    let waits = matches!(row.termination, Termination::After { .. })
        && (row.phase == Phase::TerminationWait || row.status == DeploymentStatus::Succeeded);
    DeploymentInfo {
        deployment_id: Some(row.id.clone()),
        status: Some(row.status),
        error_information: row.error.clone(),
        create_time: Some(row.created_at),
        start_time: row.started_at,
        complete_time: row.completed_at,
        deployment_overview: Some(overview(target_status(row))),
        instance_termination_wait_time_started: Some(waits),
        rollback_info: row.rollback.clone(),
        deployment_status_messages: Some(
            row.error.iter().filter_map(|error| error.message.clone()).collect(),
        ),
        ..row.echo.clone()
    }
}

/// The one target of a deployment.
pub(in crate::codedeploy) fn target(state: &State, row: &Deployment) -> DeploymentTarget {
    let task_sets = if row.is_over() { row.final_task_sets.clone() } else { task_sets(state, row) };
    DeploymentTarget {
        deployment_target_type: Some(DeploymentTargetType::EcsTarget),
        ecs_target: Some(ECSTarget {
            deployment_id: Some(row.id.clone()),
            target_id: Some(target_id(row)),
            target_arn: Some(row.service_arn.clone()),
            status: Some(target_status(row)),
            last_updated_at: Some(row.updated_at),
            lifecycle_events: Some(row.events.iter().map(event).collect()),
            task_sets_info: Some(task_sets),
        }),
        ..DeploymentTarget::default()
    }
}

/// `<cluster>:<service>`
pub(in crate::codedeploy) fn target_id(row: &Deployment) -> String {
    let name = row.service_arn.split_once(":service/").map_or(row.service_arn.as_str(), |(_, name)| name);
    name.replacen('/', ":", 1)
}

/// How the target of a deployment stands.
pub(in crate::codedeploy) fn target_status(row: &Deployment) -> TargetStatus {
    match row.status {
        DeploymentStatus::Created | DeploymentStatus::Queued => TargetStatus::Pending,
        DeploymentStatus::InProgress | DeploymentStatus::Baking => TargetStatus::InProgress,
        DeploymentStatus::Ready => TargetStatus::Ready,
        DeploymentStatus::Succeeded => TargetStatus::Succeeded,
        DeploymentStatus::Failed => TargetStatus::Failed,
        DeploymentStatus::Stopped => TargetStatus::Skipped,
    }
}

fn overview(status: TargetStatus) -> DeploymentOverview {
    let count = |wanted: TargetStatus| Some(i64::from(status == wanted));
    DeploymentOverview {
        pending: count(TargetStatus::Pending),
        in_progress: count(TargetStatus::InProgress),
        ready: count(TargetStatus::Ready),
        succeeded: count(TargetStatus::Succeeded),
        failed: count(TargetStatus::Failed),
        skipped: count(TargetStatus::Skipped),
    }
}

fn event(run: &EventRun) -> LifecycleEvent {
    let diagnostics = match run.status {
        LifecycleEventStatus::Succeeded => {
            Some(Diagnostics { error_code: Some(LifecycleErrorCode::Success), ..Diagnostics::default() })
        }
        LifecycleEventStatus::Failed => Some(Diagnostics {
            error_code: Some(LifecycleErrorCode::UnknownError),
            message: run.failure.clone(),
            ..Diagnostics::default()
        }),
        _ => None,
    };
    LifecycleEvent {
        lifecycle_event_name: Some(run.event.as_str().to_owned()),
        status: Some(run.status),
        start_time: run.started_at,
        end_time: run.ended_at,
        diagnostics,
    }
}

/// Blue and green as they are now; one that is not there is left out.
pub(super) fn task_sets(state: &State, row: &Deployment) -> Vec<ECSTaskSet> {
    let sides = [(&row.blue, TargetLabel::Blue), (&row.green, TargetLabel::Green)];
    sides.into_iter().filter_map(|(side, label)| task_set(state, row, side, label)).collect()
}

fn task_set(state: &State, row: &Deployment, side: &Side, label: TargetLabel) -> Option<ECSTaskSet> {
    let task_set = state.services.get(&row.service_arn)?.task_set(side.task_set.as_deref()?)?;
    let counts = ecs::counts(state, &row.service_arn, &task_set.id);
    let name = state.target_groups.get(&side.target_group)?.document.target_group_name.clone();
    Some(ECSTaskSet {
        identifer: Some(task_set.id.clone()),
        desired_count: Some(i64::from(counts.desired)),
        pending_count: Some(i64::from(counts.pending)),
        running_count: Some(i64::from(counts.running)),
        status: Some(task_set.status.as_str().to_owned()),
        traffic_weight: Some(traffic::weight(state, row, side)),
        target_group: Some(TargetGroupInfo { name }),
        task_set_label: Some(label),
    })
}
