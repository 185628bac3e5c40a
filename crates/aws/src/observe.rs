//! From AWS's JSON to observations. It must never refuse a reply for a key that it does not know,
//! nor invent a value that decides something. Start with [`service`].

use serde_json::Value;
use tidegate_rollout::names::{DeploymentId, ServiceDeploymentArn, TaskDefinitionArn};
use tidegate_rollout::observation::{
    BreakerCount, CircuitBreaker, Deployment, Pause, PauseState, RolloutState, Service, ServiceDeployment,
    ServiceDeploymentStatus, ServiceEvent, Staging, StoppedContainer, StoppedTask,
};
use tidegate_rollout::{Millis, Percent};

/// A reply that lacks what every such reply has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the reply has no usable `{member}`")]
pub struct Unusable {
    /// The member that is missing or malformed.
    pub member: &'static str,
}

/// One item of `services[]`.
pub fn service(described: &Value) -> Result<Service, Unusable> {
    let task_definition = running_task_definition(described)?;
    let deployments = list(described, "deployments").iter().map(deployment).collect::<Result<_, _>>()?;
    Ok(Service {
        status: text(described, "status").unwrap_or_default(),
        task_definition,
        desired_count: count(described, "desiredCount"),
        deployments,
        events: list(described, "events").iter().filter_map(event).collect(),
        current_service_deployment: text(described, "currentServiceDeployment")
            .map(ServiceDeploymentArn::answered),
        circuit_breaker: circuit_breaker(described),
    })
}

/// The revision that a described service works towards: its PRIMARY deployment's or task set's, else
/// its own.
pub(crate) fn running_task_definition(described: &Value) -> Result<TaskDefinitionArn, Unusable> {
    let mut all = list(described, "deployments").iter().chain(list(described, "taskSets"));
    let primary = all.find(|d| word(d, "status") == Some("PRIMARY"));
    task_definition_arn(primary.unwrap_or(described), "taskDefinition")
}

fn circuit_breaker(described: &Value) -> CircuitBreaker {
    let breaker = described.pointer("/deploymentConfiguration/deploymentCircuitBreaker");
    let says = |name: &str| breaker.and_then(|b| b.get(name)).and_then(Value::as_bool).unwrap_or(false);
    match (says("enable"), says("rollback")) {
        (false, _) => CircuitBreaker::Off,
        (true, false) => CircuitBreaker::Stops,
        (true, true) => CircuitBreaker::RollsBack,
    }
}

fn deployment(described: &Value) -> Result<Deployment, Unusable> {
    Ok(Deployment {
        id: DeploymentId::answered(text(described, "id").ok_or(Unusable { member: "deployments[].id" })?),
        status: text(described, "status").unwrap_or_default(),
        task_definition: task_definition_arn(described, "taskDefinition")?,
        desired: count(described, "desiredCount"),
        running: count(described, "runningCount"),
        pending: count(described, "pendingCount"),
        failed: count(described, "failedTasks"),
        rollout_state: word(described, "rolloutState").and_then(as_rollout_state),
        rollout_state_reason: text(described, "rolloutStateReason"),
        created_at: millis(described, "createdAt"),
    })
}

fn as_rollout_state(word: &str) -> Option<RolloutState> {
    match word {
        "IN_PROGRESS" => Some(RolloutState::InProgress),
        "COMPLETED" => Some(RolloutState::Completed),
        "FAILED" => Some(RolloutState::Failed),
        _ => None,
    }
}

fn event(described: &Value) -> Option<ServiceEvent> {
    Some(ServiceEvent {
        id: text(described, "id")?,
        at: millis(described, "createdAt")?,
        message: text(described, "message")?,
    })
}

/// One item of `serviceDeployments[]`.
pub fn service_deployment(described: &Value) -> Option<ServiceDeployment> {
    Some(ServiceDeployment {
        arn: ServiceDeploymentArn::answered(text(described, "serviceDeploymentArn")?),
        status: service_deployment_status(described),
        status_reason: text(described, "statusReason").filter(|reason| !reason.is_empty()),
        breaker: described.get("deploymentCircuitBreaker").filter(|b| b.get("threshold").is_some()).map(
            |breaker| BreakerCount {
                failures: count(breaker, "failureCount"),
                threshold: count(breaker, "threshold"),
            },
        ),
        rollback_reason: described
            .get("rollback")
            .and_then(|r| text(r, "reason"))
            .filter(|reason| !reason.is_empty()),
        triggered_alarms: described.get("alarms").map_or_else(Vec::new, |alarms| {
            let names = list(alarms, "triggeredAlarmNames").iter();
            names.filter_map(Value::as_str).map(str::to_owned).collect()
        }),
        staging: staging(described),
    })
}

fn staging(described: &Value) -> Staging {
    let pauses = list(described, "lifecycleHookDetails")
        .iter()
        .filter(|hook| word(hook, "targetType") == Some("PAUSE"));
    Staging {
        stage: text(described, "lifecycleStage"),
        pauses: pauses.filter_map(pause).collect(),
        weight: described
            .pointer("/targetServiceRevision/requestedProductionTrafficWeight")
            .and_then(Value::as_f64)
            .and_then(|weight| Percent::parse((weight * 10.0).round() / 10.0).ok()),
    }
}

fn pause(described: &Value) -> Option<Pause> {
    let awaits = word(described, "status") == Some("AWAITING_ACTION");
    Some(Pause {
        id: text(described, "hookId")?,
        state: if awaits { PauseState::AwaitsAction } else { PauseState::Over },
    })
}

/// `status` of a service deployment or of a brief of one.
pub fn service_deployment_status(described: &Value) -> ServiceDeploymentStatus {
    described
        .get("status")
        .and_then(|status| serde_json::from_value(status.clone()).ok())
        .unwrap_or(ServiceDeploymentStatus::Unknown)
}

/// One item of `tasks[]`.
pub fn stopped_task(described: &Value) -> Option<StoppedTask> {
    let arn = text(described, "taskArn")?;
    Some(StoppedTask {
        id: arn.rsplit('/').next().unwrap_or(&arn).to_owned(),
        started_by: text(described, "startedBy").map(DeploymentId::answered),
        stop_code: text(described, "stopCode"),
        stopped_reason: text(described, "stoppedReason"),
        stopped_at: millis(described, "stoppedAt"),
        containers: list(described, "containers").iter().filter_map(stopped_container).collect(),
    })
}

fn stopped_container(described: &Value) -> Option<StoppedContainer> {
    Some(StoppedContainer {
        name: text(described, "name")?,
        exit_code: described
            .get("exitCode")
            .and_then(Value::as_i64)
            .and_then(|code| i32::try_from(code).ok()),
        reason: text(described, "reason"),
        health_status: text(described, "healthStatus"),
    })
}

pub(crate) fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(crate) fn word<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

pub(crate) fn text(object: &Value, name: &str) -> Option<String> {
    word(object, name).map(str::to_owned)
}

fn count(object: &Value, name: &str) -> u32 {
    object.get(name).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

/// AWS's JSON gives moments as seconds since the epoch, with a fraction.
pub(crate) fn millis(object: &Value, name: &str) -> Option<Millis> {
    let seconds = object.get(name)?.as_f64()?;
    Some((seconds * 1000.0).round() as Millis)
}

pub(crate) fn task_definition_arn(
    object: &Value,
    member: &'static str,
) -> Result<TaskDefinitionArn, Unusable> {
    word(object, member).and_then(|arn| TaskDefinitionArn::parse(arn).ok()).ok_or(Unusable { member })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_described_service_with_unknown_keys_is_read() {
        let seen = service(&json!({
            "status": "ACTIVE", "desiredCount": 3, "futureKey": {"a": 1},
            "taskDefinition": "arn:aws:ecs:r:1:task-definition/web:7",
            "currentServiceDeployment": "arn:sd",
            "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true, "thresholdConfiguration": {}}},
            "deployments": [{"id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": "arn:aws:ecs:r:1:task-definition/web:7",
                "desiredCount": 3, "runningCount": 2, "pendingCount": 1, "failedTasks": 4, "rolloutState": "IN_PROGRESS", "createdAt": 1.5}],
            "events": [{"id": "e", "createdAt": 1_700_000.5, "message": "m"}]})).expect("usable");
        assert_eq!(seen.circuit_breaker, CircuitBreaker::RollsBack);
        assert_eq!(seen.events[0].at, 1_700_000_500);
        assert_eq!((seen.deployments[0].running, seen.deployments[0].failed), (2, 4));
    }

    #[test]
    fn a_status_that_is_not_known_yet_concludes_nothing() {
        let seen = service_deployment(&json!({"serviceDeploymentArn": "arn:sd", "status": "ON_THE_MOON"}))
            .expect("read");
        assert_eq!(seen.status, ServiceDeploymentStatus::Unknown);
    }

    #[test]
    fn a_staged_deployment_shows_its_stage_its_pauses_and_its_weight() {
        let seen = service_deployment(&json!({
            "serviceDeploymentArn": "arn:sd", "status": "IN_PROGRESS", "lifecycleStage": "BAKE_TIME",
            "targetServiceRevision": {"requestedProductionTrafficWeight": 0.300_000_01},
            "lifecycleHookDetails": [
                {"hookId": "a", "targetType": "AWS_LAMBDA", "status": "IN_PROGRESS"},
                {"hookId": "b", "targetType": "PAUSE", "status": "AWAITING_ACTION"},
                {"hookId": "c", "targetType": "PAUSE", "status": "SUCCEEDED"}]}))
        .expect("read");
        assert_eq!(seen.staging.stage.as_deref(), Some("BAKE_TIME"));
        assert_eq!(seen.staging.weight, Percent::parse(0.3).ok());
        let pauses: Vec<_> = seen.staging.pauses.iter().map(|p| (p.id.as_str(), p.state)).collect();
        assert_eq!(pauses, [("b", PauseState::AwaitsAction), ("c", PauseState::Over)]);
    }

    #[test]
    fn a_service_without_a_task_definition_is_refused_and_not_guessed() {
        assert_eq!(service(&json!({"status": "ACTIVE"})), Err(Unusable { member: "taskDefinition" }));
    }
}
