//! Install: the replacement task set is created, and becomes steady within the hour.

use std::time::Duration;

use tidegate_models::{Timestamp, codedeploy::ErrorCode, ecs::LoadBalancer};

use super::{
    super::records::{AppSpec, Deployment, Work},
    Failure, Stands,
};
use crate::{
    State,
    ecs::{
        records::{RevisionTemplate, Scale, Service},
        task_sets::{self, NewTaskSet},
    },
};

/// How long the replacement task set may take.
const LONGEST: Duration = Duration::from_hours(1);

/// What ECS says of who made a task set: facts §4.6.
const STARTED_BY: &str = "CODE_DEPLOY";

/// Creates green, once, and waits for it.
pub(super) fn stand(state: &mut State, row: &Deployment, now: Timestamp) -> Stands {
    let Some(green) = row.green.task_set.as_deref() else {
        clear(state, row, now);
        create(state, row, now);
        return Stands::Moved;
    };
    if task_sets::is_steady(state, &row.service_arn, green, now) {
        return Stands::Done;
    }
    let at = row.since + LONGEST;
    if now < at {
        return Stands::Until(at);
    }
    Stands::Failed(Failure::failed(
        ErrorCode::Timeout,
        "The deployment timed out while waiting for the replacement task set to become healthy. This time out period is 60 minutes.".to_owned(),
    ))
}

/// Takes away what a deployment before left that was stopped without a roll-back, or kept its blue: the traffic was moved
/// away from it when Install began, and task sets wait for that to settle before they stop anything.
fn clear(state: &mut State, row: &Deployment, now: Timestamp) {
    let Some(service) = state.services.get(&row.service_arn) else { return };
    let left = service.task_sets.iter().map(|task_set| task_set.id.clone());
    let left: Vec<String> = left.filter(|id| Some(id) != row.blue.task_set.as_ref()).collect();
    for id in left {
        task_sets::delete(state, &row.service_arn, &id, now);
    }
}

fn create(state: &mut State, row: &Deployment, now: Timestamp) {
    let Work::Deploy(plan) = &row.work else { return };
    let Some(service) = state.services.get(&row.service_arn) else { return };
    let new = NewTaskSet {
        template: template(service, &plan.spec, &row.green.target_group),
        scale: Scale::FULL,
        external_id: Some(row.id.clone()),
        started_by: Some(STARTED_BY.to_owned()),
    };
    let id = task_sets::create(state, &row.service_arn, new, now);
    state.deployments.update(&row.arn, |row| {
        row.green.task_set = Some(id);
        row.updated_at = now;
    });
}

/// What the service is, with what the AppSpec says in its place.
fn template(service: &Service, spec: &AppSpec, target_group: &str) -> RevisionTemplate {
    let before = service.template.clone();
    let (launch_type, capacity_provider_strategy) = match spec.capacity_provider_strategy.as_slice() {
        [] => (before.launch_type, before.capacity_provider_strategy),
        given => (None, given.to_vec()),
    };
    RevisionTemplate {
        task_definition: spec.task_definition.clone(),
        load_balancers: vec![LoadBalancer {
            target_group_arn: Some(target_group.to_owned()),
            container_name: Some(spec.container_name.clone()),
            container_port: Some(spec.container_port),
            ..LoadBalancer::default()
        }],
        platform_version: spec.platform_version.clone().or(before.platform_version),
        network_configuration: spec.network_configuration.clone().or(before.network_configuration),
        launch_type,
        capacity_provider_strategy,
        ..before
    }
}
