//! Who is to look again when an alarm's state changes.
//!
//! CloudWatch does not know what they do about it: it only has their reconcilers asked. Start at [`notify`].

use super::{alarms, composite, records::Alarm};
use crate::{
    Scope, State, application_autoscaling, codedeploy, ecs::records::ServiceDeployment, state::Subject,
};

/// Has everyone look again who watches the alarm with this name: it changed its state, or it is about to go.
pub(crate) fn notify(state: &mut State, scope: &Scope, name: &str) {
    let index = ServiceDeployment::watching(&scope.arn("ecs", "cluster"), name);
    let watching = state.service_deployments.indexed_by(&index);
    let watching: Vec<_> =
        watching.map(|(_, deployment)| Subject::Service(deployment.service_arn.clone())).collect();
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
