//! Deployment alarms: CloudWatch alarms that fail a deployment, in every strategy.
//!
//! Facts §2.2: they are looked at from the first running task of the new revision on and through the bake; one that was in
//! ALARM when the deployment began is ignored for all of it, so that a fix can be deployed. How long a ROLLING deployment
//! bakes follows from the alarms: as long as the slowest of them looks back. Start at [`detected`].

use std::time::Duration;

use tidegate_models::{
    Timestamp,
    cloudwatch::StateValue,
    ecs::{
        DeploymentAlarms, DeploymentConfiguration, ServiceDeploymentAlarms,
        ServiceDeploymentRollbackMonitorsStatus as MonitorStatus, ServiceDeploymentStatus as Status,
    },
};

use crate::{
    Scope, State, cloudwatch,
    ecs::records::{Deployment, Service, ServiceDeployment, Stage},
};

const MINUTE: Duration = Duration::from_mins(1);

/// What a new service deployment says of its alarms, all of `ignored` being in ALARM; `None` when it has none.
pub(super) fn summary(service: &Service, ignored: &[String]) -> Option<ServiceDeploymentAlarms> {
    let alarms = service.deployment_configuration.alarms.as_ref()?;
    let watches = alarms.enable && alarms.alarm_names.iter().any(|name| !ignored.contains(name));
    Some(ServiceDeploymentAlarms {
        alarm_names: Some(alarms.alarm_names.clone()),
        status: Some(if watches { MonitorStatus::Monitoring } else { MonitorStatus::Disabled }),
        triggered_alarm_names: Some(Vec::new()),
    })
}

/// The alarms of a service that are in ALARM.
pub(super) fn raised(state: &State, service: &Service) -> Vec<String> {
    let names = enabled(&service.deployment_configuration).map(|alarms| &alarms.alarm_names);
    names.into_iter().flatten().filter(|name| is_raised(state, &service.arn, name)).cloned().collect()
}

/// The alarms that fail the deployment in progress of a service now; empty when none does.
pub(super) fn detected(state: &State, service: &Service) -> Vec<String> {
    let Some(row) = watched_deployment(state, service) else { return Vec::new() };
    watched_alarms(row).filter(|name| is_raised(state, &service.arn, name)).cloned().collect()
}

/// Whether the alarms of a service deployment roll back.
pub(super) fn rolls_back(row: &ServiceDeployment) -> bool {
    enabled(&row.deployment_configuration).is_some_and(|alarms| alarms.rollback)
}

/// What the alarms saw stays in the service deployment.
pub(super) fn mark(state: &mut State, primary: &Deployment, triggered: &[String]) {
    state.service_deployments.update(&primary.service_deployment_arn, |row| {
        let alarms = row.alarms.get_or_insert_default();
        alarms.status = Some(MonitorStatus::Triggered);
        alarms.triggered_alarm_names = Some(triggered.to_vec());
    });
}

/// Begins the bake of a ROLLING deployment that is done otherwise, unless it has begun. Answers until when it lasts; `None`
/// when it is over, or there is none.
pub(super) fn bake(state: &mut State, service_arn: &str, now: Timestamp) -> Option<Timestamp> {
    let service = state.services.get(service_arn)?;
    let row = watched_deployment(state, service).filter(|row| row.staged.is_none())?;
    let scope = Scope::of_arn(service_arn);
    let window = watched_alarms(row).map(|name| cloudwatch::alarm_window(state, &scope, name)).max()?;
    if let Some(until) = service.deployments.first()?.bake_until {
        return (now < until).then_some(until);
    }
    let until = now + whole_minutes(window);
    state.services.update(service_arn, |service| {
        if let Some(primary) = service.deployments.first_mut() {
            primary.bake_until = Some(until);
        }
    });
    Some(until)
}

/// The service deployment in progress, while its alarms are looked at: its tasks run, and the old ones are still wanted.
fn watched_deployment<'a>(state: &'a State, service: &Service) -> Option<&'a ServiceDeployment> {
    let primary = service.deployments.first().filter(|primary| primary.has_run)?;
    let row = state.service_deployments.get(&primary.service_deployment_arn)?;
    let cleans_up = row.staged.as_ref().is_some_and(|staged| staged.stage == Stage::CleanUp);
    (row.status == Status::InProgress && !cleans_up).then_some(row)
}

fn watched_alarms(row: &ServiceDeployment) -> impl Iterator<Item = &String> {
    let names = enabled(&row.deployment_configuration).map(|alarms| &alarms.alarm_names);
    names.into_iter().flatten().filter(|name| !row.ignored_alarms.contains(name))
}

fn enabled(configuration: &DeploymentConfiguration) -> Option<&DeploymentAlarms> {
    configuration.alarms.as_ref().filter(|alarms| alarms.enable)
}

fn is_raised(state: &State, service_arn: &str, name: &str) -> bool {
    cloudwatch::alarm_state(state, &Scope::of_arn(service_arn), name) == Some(StateValue::Alarm)
}

/// AWS does not say how long the bake is: as long as the alarms look back, in whole minutes, one at least.
fn whole_minutes(window: Duration) -> Duration {
    MINUTE * u32::try_from(window.as_secs().div_ceil(60)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bake_is_in_whole_minutes() {
        for (seconds, minutes) in [(0, 1), (10, 1), (60, 1), (61, 2), (900, 15)] {
            assert_eq!(whole_minutes(Duration::from_secs(seconds)), MINUTE * minutes);
        }
    }
}
