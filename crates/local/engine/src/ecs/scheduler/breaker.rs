//! The deployment circuit breaker: what counts as a failure, and how many are too many.
//!
//! AWS counts tasks that never reach RUNNING until one does (stage 1), then tasks that fail a health check (stage 2), and
//! leaves open what a task is that runs and ends before anything found it healthy. Here every task that ends, or is found
//! unhealthy, before it counted as healthy is a failure in both stages: so `exit 1` at start trips at exactly the
//! threshold. It never counts a task that somebody stopped or that was lost with the local cloud. Start at
//! [`count_failure`].

use tidegate_models::{
    Timestamp,
    ecs::{
        DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentRolloutState,
        ServiceDeploymentCircuitBreaker, ServiceDeploymentRollbackMonitorsStatus as MonitorStatus,
        ServiceDeploymentStatus, ThresholdType,
    },
};

use super::{arithmetic::share_rounded_up, counts::desired_count};
use crate::{
    State,
    ecs::records::{Deployment, Service},
};

/// What a bounded threshold is kept within.
const BOUNDS: (u32, u32) = (3, 200);

/// Of the desired count, unless the service says otherwise.
const DEFAULT_PERCENT: u32 = 50;

/// How many failures are too many for a service that wants `desired` tasks: at least 1.
pub(super) fn threshold(configuration: &DeploymentConfiguration, desired: u32) -> u32 {
    let breaker = configuration.deployment_circuit_breaker.as_ref();
    let given = breaker.and_then(|breaker| breaker.threshold_configuration.as_ref());
    let (kind, value) = given.map_or((ThresholdType::BoundedPercent, DEFAULT_PERCENT), |given| {
        (given.r#type, u32::try_from(given.value).unwrap_or(0))
    });
    let threshold = match kind {
        ThresholdType::BoundedPercent => share_rounded_up(desired, value).clamp(BOUNDS.0, BOUNDS.1),
        ThresholdType::UnboundedPercent => share_rounded_up(desired, value),
        ThresholdType::Count => value,
    };
    threshold.max(1)
}

/// The threshold that trips the breaker of `service`; `None` when it has none.
pub(super) fn armed_threshold(service: &Service) -> Option<u32> {
    enabled(&service.deployment_configuration)?;
    Some(threshold(&service.deployment_configuration, desired_count(service)))
}

/// Whether the breaker of `service` rolls back.
pub(super) fn rolls_back(service: &Service) -> bool {
    enabled(&service.deployment_configuration).is_some_and(|breaker| breaker.rollback)
}

/// Whether the PRIMARY deployment of `service` has failed too often.
pub(super) fn is_tripped(service: &Service) -> bool {
    let primary = service.deployments.first().filter(|deployment| is_watched(deployment));
    primary.zip(armed_threshold(service)).is_some_and(|(primary, most)| primary.failures.breaker >= most)
}

/// Counts a failure of a task of a deployment; never beyond the threshold.
pub(super) fn count_failure(state: &mut State, service_arn: &str, deployment_id: &str, now: Timestamp) {
    state.services.update(service_arn, |service| {
        let most = armed_threshold(service);
        let Some(deployment) = service.deployments.iter_mut().find(|it| it.id == deployment_id) else {
            return;
        };
        if !deployment.has_been_healthy {
            deployment.failures.failed_tasks += 1;
        }
        if is_watched(deployment) && most.is_none_or(|most| deployment.failures.breaker < most) {
            deployment.failures.breaker += 1;
        }
        deployment.updated_at = now;
    });
    describe(state, service_arn, now);
}

/// A task of a deployment became healthy: failures are not consecutive any more.
pub(super) fn count_healthy(state: &mut State, service_arn: &str, deployment_id: &str, now: Timestamp) {
    state.services.update(service_arn, |service| {
        let breaker = service.deployment_configuration.deployment_circuit_breaker.as_ref();
        let resets = breaker.and_then(|breaker| breaker.reset_on_healthy_task).unwrap_or(true);
        let Some(deployment) = service.deployments.iter_mut().find(|it| it.id == deployment_id) else {
            return;
        };
        deployment.has_been_healthy = true;
        deployment.failures.failed_tasks = 0;
        if resets {
            deployment.failures.breaker = 0;
        }
    });
    describe(state, service_arn, now);
}

/// What a new service deployment says of its breaker.
pub(super) fn summary(service: &Service) -> ServiceDeploymentCircuitBreaker {
    let armed = enabled(&service.deployment_configuration).is_some();
    let most = threshold(&service.deployment_configuration, desired_count(service));
    ServiceDeploymentCircuitBreaker {
        failure_count: Some(0),
        status: Some(if armed { MonitorStatus::Monitoring } else { MonitorStatus::Disabled }),
        threshold: Some(i32::try_from(most).unwrap_or(i32::MAX)),
    }
}

/// Brings the service deployment's summary up to date, while the breaker watches it.
pub(super) fn describe(state: &mut State, service_arn: &str, now: Timestamp) {
    let Some(service) = state.services.get(service_arn) else { return };
    let Some(primary) = service.deployments.first().filter(|primary| is_watched(primary)) else { return };
    let Some(row) = state.service_deployments.get(&primary.service_deployment_arn) else { return };
    if row.status != ServiceDeploymentStatus::InProgress {
        return;
    }
    let counted = ServiceDeploymentCircuitBreaker {
        failure_count: Some(i32::try_from(primary.failures.breaker).unwrap_or(i32::MAX)),
        ..summary(service)
    };
    if row.circuit_breaker.as_ref() != Some(&counted) {
        let arn = row.arn.clone();
        state.service_deployments.update(&arn, |row| {
            row.circuit_breaker = Some(counted);
            row.updated_at = now;
        });
    }
}

fn enabled(configuration: &DeploymentConfiguration) -> Option<&DeploymentCircuitBreaker> {
    configuration.deployment_circuit_breaker.as_ref().filter(|breaker| breaker.enable)
}

fn is_watched(deployment: &Deployment) -> bool {
    deployment.primary && deployment.rollout_state == DeploymentRolloutState::InProgress
}

#[cfg(test)]
mod tests {
    use tidegate_models::ecs::ThresholdConfiguration;

    use super::*;

    fn at(desired: u32, given: Option<(ThresholdType, i32)>) -> u32 {
        let threshold_configuration = given.map(|(r#type, value)| ThresholdConfiguration { r#type, value });
        let breaker =
            DeploymentCircuitBreaker { enable: true, threshold_configuration, ..Default::default() };
        let configuration =
            DeploymentConfiguration { deployment_circuit_breaker: Some(breaker), ..Default::default() };
        threshold(&configuration, desired)
    }

    #[test]
    fn the_default_threshold_is_half_of_the_desired_count_within_3_and_200() {
        for (desired, expected) in [(0, 3), (1, 3), (6, 3), (7, 4), (25, 13), (400, 200), (800, 200)] {
            assert_eq!(at(desired, None), expected, "{desired}");
        }
    }

    #[test]
    fn a_threshold_can_be_a_bounded_or_unbounded_percentage_or_a_count() {
        assert_eq!(at(10, Some((ThresholdType::BoundedPercent, 10))), 3);
        assert_eq!(at(10, Some((ThresholdType::UnboundedPercent, 10))), 1);
        assert_eq!(at(1000, Some((ThresholdType::UnboundedPercent, 50))), 500);
        assert_eq!(at(1000, Some((ThresholdType::Count, 7))), 7);
        assert_eq!(at(1000, Some((ThresholdType::Count, 0))), 1);
    }
}
