//! Who is to look again when an alarm's state changes.
//!
//! CloudWatch does not know what they do about it: it only has their reconcilers asked. Start at [`notify`].

use tidegate_models::ecs::ServiceDeploymentStatus as Status;

use super::{alarms, composite, records::Alarm};
use crate::{Scope, State, application_autoscaling, codedeploy, ecs::records::Service, state::Subject};

/// Has everyone look again who watches the alarm with this name: it changed its state, or it is about to go.
pub(crate) fn notify(state: &mut State, scope: &Scope, name: &str) {
    let prefix = scope.arn("ecs", "service/");
    let watching = state.services.with_prefix(&prefix).filter(|(_, service)| watches(state, service, name));
    let watching: Vec<_> = watching.map(|(arn, _)| Subject::Service(arn.to_owned())).collect();
    let parents = composite::parents(state, scope, name).into_iter();
    let parents: Vec<_> = parents.map(|alarm| Subject::Alarm(alarm.arn.clone())).collect();
    let prefix = scope.arn("codedeploy", "deployment:");
    let deployments =
        state.deployments.with_prefix(&prefix).filter(|(_, row)| codedeploy::watches(row, name));
    let deployments: Vec<_> = deployments.map(|(arn, _)| Subject::Deployment(arn.to_owned())).collect();
    for subject in watching.into_iter().chain(parents).chain(deployments) {
        state.touch(subject);
    }
    notify_targets(state, scope, name);
}

/// Has the targets look again whose policies the alarm with this name drives.
pub(super) fn notify_targets(state: &mut State, scope: &Scope, name: &str) {
    let actions = alarms::named(state, scope, name).map(Alarm::index).unwrap_or_default();
    let targets = actions.iter().filter_map(|action| application_autoscaling::target_of_policy(action));
    let targets: Vec<_> = targets.map(Subject::ScalableTarget).collect();
    for target in targets {
        state.touch(target);
    }
}

/// Whether a service has a deployment in progress that the alarm can fail.
fn watches(state: &State, service: &Service, name: &str) -> bool {
    let current = service.current_service_deployment.as_ref();
    let current = current.and_then(|arn| state.service_deployments.get(arn));
    current.is_some_and(|deployment| {
        let alarms = deployment.deployment_configuration.alarms.as_ref();
        alarms.is_some_and(|alarms| alarms.alarm_names.iter().any(|watched| watched == name))
            && matches!(
                deployment.status,
                Status::Pending
                    | Status::InProgress
                    | Status::StopRequested
                    | Status::RollbackRequested
                    | Status::RollbackInProgress
            )
    })
}
