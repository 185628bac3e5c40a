//! The AppSpec that Tidegate writes, so that nobody has to keep one: the container and its port are
//! read from the service, and so is everything that a new task set would otherwise lose. It must
//! never invent a member. Start with [`app_spec`].

use crate::names::TaskDefinitionArn;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The lifecycle events that may call a function, in their order.
pub const HOOKS: [&str; 5] =
    ["BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"];

/// Where the load balancer sends to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The container.
    pub container: String,
    /// Its port.
    pub port: u16,
    /// The target group that serves production now, by ARN.
    pub target_group: String,
}

impl Served {
    /// By the service's PRIMARY task set, else by the service itself.
    pub fn of(service: &Value) -> Option<Self> {
        let entry = |owner: &Value| {
            let entry = owner.pointer("/loadBalancers/0")?;
            Some(Self {
                container: entry["containerName"].as_str()?.to_owned(),
                port: u16::try_from(entry["containerPort"].as_u64()?).ok()?,
                target_group: entry["targetGroupArn"].as_str()?.to_owned(),
            })
        };
        primary_task_set(service).and_then(entry).or_else(|| entry(service))
    }
}

/// The task set that serves production.
pub fn primary_task_set(service: &Value) -> Option<&Value> {
    service["taskSets"].as_array()?.iter().find(|set| set["status"] == "PRIMARY")
}

/// The AppSpec of a deployment. Hooks are function names or ARNs by lifecycle event.
pub fn app_spec(
    service: &Value,
    served: &Served,
    task_definition: &TaskDefinitionArn,
    hooks: &BTreeMap<String, String>,
) -> Value {
    let mut properties = Map::new();
    properties.insert("TaskDefinition".into(), json!(task_definition));
    properties.insert(
        "LoadBalancerInfo".into(),
        json!({ "ContainerName": served.container, "ContainerPort": served.port }),
    );
    // What the task set has now comes first: the service may still say what it was created with.
    let said = |member: &str| {
        let of = |owner: &Value| owner.get(member).filter(|value| !is_empty(value)).cloned();
        primary_task_set(service).and_then(of).or_else(|| of(service))
    };
    if let Some(version) = said("platformVersion") {
        properties.insert("PlatformVersion".into(), version);
    }
    if let Some(network) = said("networkConfiguration") {
        properties.insert("NetworkConfiguration".into(), capitalised(&network));
    }
    if let Some(strategy) = said("capacityProviderStrategy") {
        properties.insert("CapacityProviderStrategy".into(), capitalised(&strategy));
    }
    let mut document = json!({
        "version": 0.0,
        "Resources": [{ "TargetService": { "Type": "AWS::ECS::Service", "Properties": properties } }],
    });
    let named: Vec<Value> =
        HOOKS.iter().filter_map(|event| Some(json!({ *event: hooks.get(*event)? }))).collect();
    if !named.is_empty() {
        document["Hooks"] = Value::Array(named);
    }
    document
}

/// The revision that an AppSpec brings, and its hooks. `None` if it is not JSON or names none.
pub fn read(content: &str) -> Option<(TaskDefinitionArn, BTreeMap<String, String>)> {
    let document: Value = serde_json::from_str(content).ok()?;
    let properties = document["Resources"].as_array()?.first()?.as_object()?.values().next()?;
    let arn = TaskDefinitionArn::parse(properties["Properties"]["TaskDefinition"].as_str()?).ok()?;
    let hooks = document["Hooks"].as_array().into_iter().flatten().filter_map(Value::as_object).flatten();
    let hooks = hooks.filter_map(|(event, function)| Some((event.clone(), function.as_str()?.to_owned())));
    Some((arn, hooks.collect()))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// The API's camelCase members as the AppSpec writes them.
fn capitalised(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(capitalised).collect()),
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !is_empty(value));
            Value::Object(members.map(|(name, value)| (capital(name), capitalised(value))).collect())
        }
        other => other.clone(),
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision() -> TaskDefinitionArn {
        TaskDefinitionArn::parse("arn:aws:ecs:r:1:task-definition/app:8").expect("valid")
    }

    fn service() -> Value {
        json!({
        "loadBalancers": [{ "targetGroupArn": "arn:blue", "containerName": "old", "containerPort": 80 }],
        "platformVersion": "LATEST",
        "taskSets": [
            { "status": "ACTIVE", "loadBalancers": [{ "targetGroupArn": "arn:other", "containerName": "x", "containerPort": 1 }] },
            { "status": "PRIMARY", "platformVersion": "1.4.0",
              "loadBalancers": [{ "targetGroupArn": "arn:green", "containerName": "app", "containerPort": 8080 }],
              "capacityProviderStrategy": [{ "capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0 }],
              "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-a"], "securityGroups": [], "assignPublicIp": "DISABLED" } } },
        ]})
    }

    #[test]
    fn the_app_spec_keeps_what_the_primary_task_set_has() {
        let service = service();
        let served = Served::of(&service).expect("it is behind a load balancer");
        assert_eq!(
            (served.container.as_str(), served.port, served.target_group.as_str()),
            ("app", 8080, "arn:green")
        );
        let hooks = BTreeMap::from([("BeforeAllowTraffic".to_owned(), "smoke".to_owned())]);
        let written = app_spec(&service, &served, &revision(), &hooks);
        insta::assert_snapshot!(serde_json::to_string_pretty(&written).expect("JSON"));
        assert_eq!(read(&written.to_string()), Some((revision(), hooks)));
    }

    #[test]
    fn a_service_without_task_sets_is_read_itself_and_nothing_is_invented() {
        let service = json!({ "loadBalancers": [{ "targetGroupArn": "arn:blue", "containerName": "app", "containerPort": 80 }] });
        let served = Served::of(&service).expect("it is behind a load balancer");
        let written = app_spec(&service, &served, &revision(), &BTreeMap::new());
        assert_eq!(
            written["Resources"][0]["TargetService"]["Properties"],
            json!({ "TaskDefinition": revision(), "LoadBalancerInfo": { "ContainerName": "app", "ContainerPort": 80 } })
        );
        assert!(written.get("Hooks").is_none());
    }
}
