//! A service is deleted: its tasks stop, then it is INACTIVE, then it is forgotten.
//!
//! Start at [`delete_service`].

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use tidegate_models::{Timestamp, ecs::ServiceDeploymentStatus};

use super::deployments;
use crate::{State, Table, ecs::records::ServiceStatus, state::Subject};

/// For how long a deleted service is still described.
const DESCRIBED_FOR: Duration = Duration::from_hours(1);

/// Deletes a service: DRAINING until its last task is gone.
pub(crate) fn delete_service(state: &mut State, arn: &str, now: Timestamp) {
    let Some(service) = state.services.get(arn).filter(|service| service.status == ServiceStatus::Active)
    else {
        return;
    };
    if let Some(deployment) = service.current_service_deployment.clone() {
        let reason = "Service deployment was stopped because the service was deleted.";
        deployments::finish(state, &deployment, ServiceDeploymentStatus::Stopped, Some(reason), now);
    }
    state.services.update(arn, |service| {
        service.status = ServiceStatus::Draining;
        service.steady_since = None;
    });
    state.touch(Subject::Service(arn.to_owned()));
}

/// Once the last task of a DRAINING service is gone, it is INACTIVE.
pub(super) fn end(state: &mut State, arn: &str, now: Timestamp) {
    let task_sets = state.services.get(arn).map(|service| service.task_sets.clone()).unwrap_or_default();
    for task_set in task_sets {
        state.tags.remove(&task_set.arn);
    }
    state.services.update(arn, |service| {
        service.status = ServiceStatus::Inactive;
        service.deleted_at = Some(now);
        service.deployments.clear();
        service.task_sets.clear();
        service.last_completed = None;
    });
}

/// Forgets an INACTIVE service in time. Answers when, while that is not yet.
pub(super) fn forget(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    let forgotten_at = state.services.get(arn)?.deleted_at? + DESCRIBED_FOR;
    if now < forgotten_at {
        return Some(forgotten_at);
    }
    forget_history(state, arn);
    state.tags.remove(arn);
    state.services.remove(arn);
    None
}

/// Forgets a service's events, deployments and revisions.
pub(crate) fn forget_history(state: &mut State, arn: &str) {
    forget_rows(&mut state.service_events, arn);
    forget_rows(&mut state.service_deployments, arn);
    forget_rows(&mut state.service_revisions, arn);
}

fn forget_rows<V: Clone + Serialize + DeserializeOwned>(table: &mut Table<V>, index: &str) {
    let keys: Vec<String> = table.indexed_by(index).map(|(key, _)| key.to_owned()).collect();
    for key in keys {
        table.remove(&key);
    }
}
