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
    alarms: &[String],
    force: Force,
    desired_count: Option<u32>,
) -> Value {
    let mut request = Map::new();
    request.insert("cluster".into(), json!(target.cluster));
    request.insert("service".into(), json!(target.service));
    request.insert("taskDefinition".into(), json!(task_definition));
    let with_breaker = breaker_to_send(service, breaker);
    let configuration = with_breaker.as_ref().or_else(|| service.get("deploymentConfiguration"));
    if let Some(configuration) = alarms_to_send(configuration, alarms).or(with_breaker) {
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

/// A deployment configuration that watches these alarms, too, and rolls back when one goes off; nothing if it does
/// already. Alarms of the service stay, and so does every other field.
fn alarms_to_send(configuration: Option<&Value>, wanted: &[String]) -> Option<Value> {
    let mut configuration = configuration.and_then(Value::as_object).cloned().unwrap_or_default();
    let mut alarms = configuration.get("alarms").and_then(Value::as_object).cloned().unwrap_or_default();
    let is_on = |name: &str| alarms.get(name) == Some(&Value::Bool(true));
    let mut names = alarms.get("alarmNames").and_then(Value::as_array).cloned().unwrap_or_default();
    let missing: Vec<Value> =
        wanted.iter().map(|name| json!(name)).filter(|name| !names.contains(name)).collect();
    if wanted.is_empty() || (missing.is_empty() && is_on("enable") && is_on("rollback")) {
        return None;
    }
    // Names of a list that was switched off were not meant to be watched.
    if !is_on("enable") {
        names.retain(|name| wanted.iter().any(|wanted| name == wanted));
    }
    names.extend(missing);
    alarms.insert("alarmNames".into(), Value::Array(names));
    alarms.insert("enable".into(), Value::Bool(true));
    alarms.insert("rollback".into(), Value::Bool(true));
    configuration.insert("alarms".into(), Value::Object(alarms));
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
            &[],
            Force::OnlyIfChanged,
            None,
        );
        assert_eq!(plain, json!({"cluster": "prod", "service": "web", "taskDefinition": revision()}));
        let asked = update_service_request(
            &target(),
            &service,
            &revision(),
            BreakerPolicy::EnsureOn,
            &[],
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

    #[test]
    fn alarms_come_beside_those_of_the_service_and_every_other_field_stays() {
        let names = ["api-5xx".to_owned()];
        let service = json!({"maximumPercent": 150, "alarms": {"alarmNames": ["old"], "enable": true, "rollback": true, "x": 1}});
        assert_eq!(
            alarms_to_send(Some(&service), &names),
            Some(json!({"maximumPercent": 150,
                "alarms": {"alarmNames": ["old", "api-5xx"], "enable": true, "rollback": true, "x": 1}}))
        );
        let off = json!({"alarms": {"alarmNames": ["old"], "enable": false, "rollback": false}});
        assert_eq!(
            alarms_to_send(Some(&off), &names),
            Some(json!({"alarms": {"alarmNames": ["api-5xx"], "enable": true, "rollback": true}}))
        );
        let watches = json!({"alarms": {"alarmNames": ["old", "api-5xx"], "enable": true, "rollback": true}});
        assert_eq!(alarms_to_send(Some(&watches), &names), None);
        assert_eq!(alarms_to_send(Some(&service), &[]), None, "nobody asked for anything");
    }

    #[test]
    fn the_breaker_and_the_alarms_go_in_one_configuration() {
        let sent = update_service_request(
            &target(),
            &json!({"deploymentConfiguration": {"minimumHealthyPercent": 50}}),
            &revision(),
            BreakerPolicy::EnsureOn,
            &["api-5xx".to_owned()],
            Force::OnlyIfChanged,
            None,
        );
        assert_eq!(
            sent["deploymentConfiguration"],
            json!({"minimumHealthyPercent": 50, "deploymentCircuitBreaker": {"enable": true, "rollback": true},
                "alarms": {"alarmNames": ["api-5xx"], "enable": true, "rollback": true}})
        );
    }
}
