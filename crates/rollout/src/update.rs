//! The document that UpdateService is sent. It must never hold a key that nobody asked for:
//! a rolling service replaces exactly the keys that are present, so `desiredCount` is absent unless
//! the user named one, else it would undo auto scaling. Start with [`update_service_request`].

use crate::names::{ServiceRef, TaskDefinitionArn};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What the user wants of the circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerPolicy {
    /// Switch it on, with rollback, where the service has it off.
    #[default]
    EnsureOn,
    /// Leave the service's setting alone.
    LeaveAsIs,
}

/// Whether to redeploy a service that already runs the wanted revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Force {
    /// Nothing changed means nothing to do.
    #[default]
    OnlyIfChanged,
    /// `forceNewDeployment`: new tasks even of the same revision.
    Redeploy,
}

/// The request, ready to send. `service` is the service exactly as DescribeServices answered it.
pub fn update_service_request(
    target: &ServiceRef,
    service: &Value,
    task_definition: &TaskDefinitionArn,
    breaker: BreakerPolicy,
    force: Force,
    desired_count: Option<u32>,
) -> Value {
    let mut request = Map::new();
    request.insert("cluster".into(), json!(target.cluster));
    request.insert("service".into(), json!(target.service));
    request.insert("taskDefinition".into(), json!(task_definition));
    if let Some(configuration) = breaker_to_send(service, breaker) {
        request.insert("deploymentConfiguration".into(), configuration);
    }
    if force == Force::Redeploy {
        request.insert("forceNewDeployment".into(), Value::Bool(true));
    }
    if let Some(count) = desired_count {
        request.insert("desiredCount".into(), json!(count));
    }
    Value::Object(request)
}

/// The service's own deployment configuration with the breaker switched on, or nothing if it need
/// not be sent. Every other field, known or not, goes back as it came: AWS answers
/// `thresholdConfiguration` and `resetOnHealthyTask` filled with defaults since July 2026, and
/// replaces the structure as a whole.
pub fn breaker_to_send(service: &Value, policy: BreakerPolicy) -> Option<Value> {
    if policy == BreakerPolicy::LeaveAsIs {
        return None;
    }
    let mut configuration = match service.get("deploymentConfiguration") {
        Some(Value::Object(map)) => map.clone(),
        _ => Map::new(),
    };
    let mut breaker = match configuration.get("deploymentCircuitBreaker") {
        Some(Value::Object(map)) => map.clone(),
        _ => Map::new(),
    };
    // On, with or without rollback, is a choice that somebody made: it stays.
    if breaker.get("enable") == Some(&Value::Bool(true)) {
        return None;
    }
    breaker.insert("enable".into(), Value::Bool(true));
    breaker.insert("rollback".into(), Value::Bool(true));
    configuration.insert("deploymentCircuitBreaker".into(), Value::Object(breaker));
    Some(Value::Object(configuration))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{ClusterName, ServiceName};

    fn target() -> ServiceRef {
        ServiceRef {
            cluster: ClusterName::parse("prod").expect("valid"),
            service: ServiceName::parse("web").expect("valid"),
        }
    }

    fn revision() -> TaskDefinitionArn {
        TaskDefinitionArn::parse("arn:aws:ecs:r:1:task-definition/web:8").expect("valid")
    }

    #[test]
    fn the_desired_count_is_sent_only_when_asked_for() {
        let service = json!({"desiredCount": 7, "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": false}}});
        let plain = update_service_request(
            &target(),
            &service,
            &revision(),
            BreakerPolicy::EnsureOn,
            Force::OnlyIfChanged,
            None,
        );
        assert_eq!(plain, json!({"cluster": "prod", "service": "web", "taskDefinition": revision()}));
        let asked = update_service_request(
            &target(),
            &service,
            &revision(),
            BreakerPolicy::EnsureOn,
            Force::OnlyIfChanged,
            Some(3),
        );
        assert_eq!(asked["desiredCount"], 3);
    }

    #[test]
    fn switching_the_breaker_on_keeps_every_other_field_also_unknown_ones() {
        let service = json!({"deploymentConfiguration": {
            "minimumHealthyPercent": 50, "maximumPercent": 150, "earlySuccessCriteria": {"x": 1},
            "deploymentCircuitBreaker": {"enable": false, "rollback": false, "resetOnHealthyTask": false,
                "thresholdConfiguration": {"type": "COUNT", "value": 9}}}});
        let sent = breaker_to_send(&service, BreakerPolicy::EnsureOn).expect("it is off");
        assert_eq!(
            sent,
            json!({
            "minimumHealthyPercent": 50, "maximumPercent": 150, "earlySuccessCriteria": {"x": 1},
            "deploymentCircuitBreaker": {"enable": true, "rollback": true, "resetOnHealthyTask": false,
                "thresholdConfiguration": {"type": "COUNT", "value": 9}}})
        );
    }

    #[test]
    fn a_breaker_that_is_on_or_left_alone_is_not_sent() {
        let on = json!({"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}}});
        assert_eq!(breaker_to_send(&on, BreakerPolicy::EnsureOn), None);
        assert_eq!(breaker_to_send(&json!({}), BreakerPolicy::LeaveAsIs), None);
    }
}
