//! Deployments begin, are stopped and end; the service deployment is the history's record of each.
//!
//! Starting one only writes down what is wanted; tasks follow when the service is reconciled. Start at
//! [`start_deployment`].

use std::time::Duration;

use tidegate_models::{
    Timestamp,
    ecs::{
        ContainerImage, DeploymentRolloutState, ServiceDeploymentRollbackMonitorsStatus as MonitorStatus,
        ServiceDeploymentStatus as Status, ServiceRevisionSummary, StopServiceDeploymentStopType as StopType,
    },
};

use super::{
    alarms, breaker,
    counts::{desired_count, revision_counts},
    events,
    launch::{definition_key, digest_of},
    staged,
};
use crate::{
    ApiError, State,
    ecs::records::{
        Deployment, FailureCount, Service, ServiceDeployment, ServiceRevision, StandingCause, StartThrottle,
    },
    state::Subject,
};

/// How long AWS keeps the history of service deployments.
const HISTORY: Duration = Duration::from_hours(90 * 24);

/// Begins a deployment of the service's template: called once the service is stored, and after each change of it that
/// starts a deployment. Answers the ARN of the service deployment, which is PENDING until the service is reconciled.
pub(crate) fn start_deployment(state: &mut State, service_arn: &str, now: Timestamp) -> String {
    forget_old_history(state, service_arn, now);
    let deployment_id = format!("ecs-svc/{}", state.ids.digits19());
    let revision_arn = service_resource(service_arn, "service-revision", &state.ids.digits19());
    let arn = service_resource(service_arn, "service-deployment", &state.ids.token21());
    let Some(service) = state.services.get(service_arn).cloned() else { return arn };
    supersede(state, &service, now);
    let is_staged = staged::is_staged(&service.deployment_configuration);

    let ignored_alarms = alarms::raised(state, &service);
    let images = images_of(state, &service.template.task_definition);
    let revision = ServiceRevision {
        arn: revision_arn.clone(),
        service_arn: service_arn.to_owned(),
        cluster_arn: service.cluster_arn.clone(),
        template: service.template.clone(),
        target_groups: staged::target_groups(state, &service, is_staged),
        container_images: images,
        created_at: now,
    };
    state.service_revisions.insert(&revision_arn, revision);
    let row = ServiceDeployment {
        arn: arn.clone(),
        service_arn: service_arn.to_owned(),
        cluster_arn: service.cluster_arn.clone(),
        deployment_id: deployment_id.clone(),
        status: Status::Pending,
        status_reason: None,
        created_at: now,
        started_at: None,
        finished_at: None,
        stopped_at: None,
        updated_at: now,
        source_revisions: serving_revisions(&service),
        target_revision: revision_arn.clone(),
        deployment_configuration: service.deployment_configuration.clone(),
        rollback: None,
        circuit_breaker: Some(breaker::summary(&service)),
        alarms: alarms::summary(&service, &ignored_alarms),
        ignored_alarms,
        final_counts: Vec::new(),
        staged: is_staged.then(|| staged::begin(state, &service, now)),
    };
    state.service_deployments.insert(&arn, row);
    staged::restore(state, &arn);
    let deployment = Deployment {
        rollout_state_reason: format!("ECS deployment {deployment_id} in progress."),
        id: deployment_id,
        revision_arn,
        service_deployment_arn: arn.clone(),
        primary: true,
        desired_count: desired_count(&service),
        rollout_state: DeploymentRolloutState::InProgress,
        created_at: now,
        updated_at: now,
        failures: FailureCount::default(),
        has_run: false,
        has_been_healthy: false,
        throttle: StartThrottle::default(),
        bake_until: None,
    };
    state.services.update(service_arn, |service| {
        for older in &mut service.deployments {
            older.primary = false;
        }
        service.deployments.insert(0, deployment);
        service.current_service_deployment = Some(arn.clone());
        service.steady_since = None;
    });
    for cause in [StandingCause::Stuck, StandingCause::StartImpaired, StandingCause::NotPlaced] {
        events::resolve(state, service_arn, cause);
    }
    state.touch(Subject::Service(service_arn.to_owned()));
    arn
}

/// Stops a service deployment: ROLLBACK goes back to the last completed deployment, ABORT leaves everything where it
/// stands. What follows from it is done when the service is reconciled.
pub(crate) fn stop_service_deployment(
    state: &mut State,
    arn: &str,
    stop_type: StopType,
    now: Timestamp,
) -> Result<(), ApiError> {
    let Some(row) = state.service_deployments.get(arn) else {
        return Err(ApiError::new("ServiceDeploymentNotFoundException", "Service deployment not found."));
    };
    let service_arn = row.service_arn.clone();
    let next = match (stop_type, row.status) {
        (_, status) if is_over(status) => {
            let text = format!("Service deployment cannot be stopped because it is in {status} status.");
            return Err(ApiError::new("ConflictException", text));
        }
        (StopType::Rollback, Status::RollbackRequested | Status::RollbackInProgress) => return Ok(()),
        (StopType::Rollback, _) => Status::RollbackRequested,
        (StopType::Abort, _) => Status::StopRequested,
    };
    state.service_deployments.update(arn, |row| {
        row.status = next;
        row.updated_at = now;
    });
    state.touch(Subject::Service(service_arn));
    Ok(())
}

/// Ends a service deployment: fixes its counts and stops its monitors.
pub(super) fn finish(state: &mut State, arn: &str, status: Status, reason: Option<&str>, now: Timestamp) {
    let Some(row) = state.service_deployments.get(arn).filter(|row| !is_over(row.status)) else { return };
    let revisions: Vec<&String> =
        std::iter::once(&row.target_revision).chain(&row.source_revisions).collect();
    let hooks = row.staged.as_ref().map(|staged| staged.hooks.clone()).unwrap_or_default();
    let final_counts = revisions.into_iter().map(|arn| counted(state, &row.service_arn, arn)).collect();
    state.service_deployments.update(arn, |row| {
        row.status = status;
        if let Some(reason) = reason {
            row.status_reason = Some(reason.to_owned());
        }
        row.finished_at = Some(now);
        row.updated_at = now;
        row.stopped_at = (status == Status::Stopped).then_some(now);
        row.final_counts = final_counts;
        if let Some(breaker) = &mut row.circuit_breaker
            && breaker.status == Some(MonitorStatus::Monitoring)
        {
            breaker.status = Some(MonitorStatus::MonitoringComplete);
        }
        if let Some(alarms) = &mut row.alarms
            && alarms.status == Some(MonitorStatus::Monitoring)
        {
            alarms.status = Some(MonitorStatus::MonitoringComplete);
        }
    });
    staged::give_up(state, &hooks);
}

/// Sets how many tasks a service wants; one that deploys takes the new count into its deployment.
pub(crate) fn set_desired_count(state: &mut State, service_arn: &str, count: u32) {
    state.services.update(service_arn, |service| service.desired_count = count);
    state.touch(Subject::Service(service_arn.to_owned()));
}

/// Whether a deployment of a service runs, whoever makes it.
pub(crate) fn is_deploying(state: &State, service_arn: &str) -> bool {
    let Some(service) = state.services.get(service_arn) else { return false };
    let current = service.current_service_deployment.as_ref();
    let current = current.and_then(|arn| state.service_deployments.get(arn));
    current.is_some_and(|deployment| !is_over(deployment.status))
        || service.deployments.len() > 1
        || service.task_sets.len() > 1
        || state.deployments.indexed_by(service_arn).next().is_some()
}

/// Whether a service deployment with this status will never change again.
pub(super) fn is_over(status: Status) -> bool {
    match status {
        Status::Successful | Status::Stopped | Status::RollbackSuccessful | Status::RollbackFailed => true,
        Status::Pending
        | Status::InProgress
        | Status::StopRequested
        | Status::RollbackRequested
        | Status::RollbackInProgress => false,
    }
}

/// The counts of a revision as the API describes them.
fn counted(state: &State, service_arn: &str, revision_arn: &str) -> ServiceRevisionSummary {
    let counts = revision_counts(state, service_arn, revision_arn);
    let whole = |count: u32| Some(i32::try_from(count).unwrap_or(i32::MAX));
    ServiceRevisionSummary {
        arn: Some(revision_arn.to_owned()),
        requested_task_count: whole(counts.desired),
        running_task_count: whole(counts.running),
        pending_task_count: whole(counts.pending),
        ..ServiceRevisionSummary::default()
    }
}

/// A newer deployment takes the place of the one in progress, which ends where it is.
fn supersede(state: &mut State, service: &Service, now: Timestamp) {
    let Some(arn) = &service.current_service_deployment else { return };
    let Some(status) = state.service_deployments.get(arn).map(|row| row.status) else { return };
    let ends_as = match status {
        Status::RollbackRequested | Status::RollbackInProgress => Status::RollbackFailed,
        _ => Status::Stopped,
    };
    let reason = "Service deployment was stopped because a newer service deployment was started.";
    finish(state, arn, ends_as, Some(reason), now);
}

/// The revisions whose tasks serve when a deployment begins, newest first, each once.
fn serving_revisions(service: &Service) -> Vec<String> {
    let mut revisions: Vec<String> = Vec::new();
    for deployment in &service.deployments {
        if !revisions.contains(&deployment.revision_arn) {
            revisions.push(deployment.revision_arn.clone());
        }
    }
    revisions
}

/// The images of a task definition; those given by digest are resolved already.
pub(super) fn images_of(state: &State, task_definition: &str) -> Vec<ContainerImage> {
    let row = definition_key(task_definition).and_then(|key| state.task_definitions.get(&key));
    let containers = row.and_then(|row| row.document.container_definitions.as_ref()).into_iter().flatten();
    let image = |container: &tidegate_models::ecs::ContainerDefinition| ContainerImage {
        container_name: container.name.clone(),
        image: container.image.clone(),
        image_digest: container.image.as_deref().and_then(digest_of),
    };
    containers.map(image).collect()
}

/// Forgets what is older than AWS keeps, when it is not in use any more.
fn forget_old_history(state: &mut State, service_arn: &str, now: Timestamp) {
    let Some(service) = state.services.get(service_arn) else { return };
    let deployments = state.service_deployments.indexed_by(service_arn);
    let old: Vec<String> = deployments
        .filter(|(_, row)| row.finished_at.is_some_and(|at| at + HISTORY <= now))
        .map(|(arn, _)| arn.to_owned())
        .collect();
    if old.is_empty() {
        return;
    }
    let in_use: Vec<String> =
        service.deployments.iter().chain(&service.last_completed).map(|it| it.revision_arn.clone()).collect();
    for arn in old {
        let Some(revision) = state.service_deployments.get(&arn).map(|row| row.target_revision.clone())
        else {
            continue;
        };
        state.service_deployments.remove(&arn);
        let still_told = state
            .service_deployments
            .indexed_by(service_arn)
            .any(|(_, row)| row.target_revision == revision || row.source_revisions.contains(&revision));
        if !still_told && !in_use.contains(&revision) {
            state.service_revisions.remove(&revision);
        }
    }
}

/// The ARN of a resource of a service: `arn:aws:ecs:R:A:kind/<cluster>/<service>/<id>`.
pub(super) fn service_resource(service_arn: &str, kind: &str, id: &str) -> String {
    format!("{}/{id}", service_arn.replacen(":service/", &format!(":{kind}/"), 1))
}
