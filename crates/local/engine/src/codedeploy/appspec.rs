//! The AppSpec of a deployment to ECS: JSON or YAML, read strictly. Facts §4.2.
//!
//! A key that nobody knows is an error that names it, because an AppSpec is written by hand and a hook with a typing
//! error would silently never be called. Keys are found whatever their case, as AWS's own CLI and GitHub action find
//! them. Nothing here changes anything. Start at [`parse`], then [`check`].

mod document;

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tidegate_models::ecs::{
    AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, NetworkConfiguration, NetworkMode,
    TaskDefinition as Definition, TaskDefinitionStatus,
};

use super::records::{AppSpec, Event};
use crate::{
    Scope, State,
    ecs::records::{RevisionTemplate, TaskDefinition},
};

/// The one version that there is.
const VERSION: &str = "0.0";

/// The one type of resource that is deployed to ECS.
const SERVICE_TYPE: &str = "AWS::ECS::Service";

/// Reads an AppSpec; the error says what is wrong with it and where.
pub(super) fn parse(content: &str) -> Result<AppSpec, String> {
    let document = document::parse(content)?;
    let top = object(&document, "the AppSpec")?;
    known(top, "the AppSpec", &["version", "Resources", "Hooks"])?;
    check_version(get(top, "version"))?;
    let properties = properties(get(top, "Resources"))?;
    let at = "Properties";
    known(
        properties,
        at,
        &[
            "TaskDefinition",
            "LoadBalancerInfo",
            "PlatformVersion",
            "NetworkConfiguration",
            "CapacityProviderStrategy",
        ],
    )?;
    let task_definition = required_text(properties, at, "TaskDefinition")?;
    check_definition_arn(&task_definition)?;
    let load_balancer = required(properties, at, "LoadBalancerInfo")?;
    let at = "LoadBalancerInfo";
    let load_balancer = object(load_balancer, at)?;
    known(load_balancer, at, &["ContainerName", "ContainerPort"])?;
    Ok(AppSpec {
        task_definition,
        container_name: required_text(load_balancer, at, "ContainerName")?,
        container_port: port(required(load_balancer, at, "ContainerPort")?)?,
        platform_version: optional_text(properties, "Properties", "PlatformVersion")?,
        network_configuration: get(properties, "NetworkConfiguration").map(network).transpose()?,
        capacity_provider_strategy: strategy(get(properties, "CapacityProviderStrategy"))?,
        hooks: hooks(get(top, "Hooks"))?,
    })
}

/// Holds an AppSpec against what exists: its task definition, with the container and port that get the traffic.
pub(super) fn check(
    state: &State,
    scope: &Scope,
    spec: &AppSpec,
    template: &RevisionTemplate,
) -> Result<(), String> {
    let arn = &spec.task_definition;
    let definition = definition(state, scope, arn)
        .ok_or_else(|| format!("the task definition {arn} does not exist in this account and region"))?;
    if definition.status != Some(TaskDefinitionStatus::Active) {
        return Err(format!(
            "the task definition {arn} is not ACTIVE; register it again, or name another revision"
        ));
    }
    let containers = definition.container_definitions.as_deref().unwrap_or_default();
    let names: Vec<&str> = containers.iter().filter_map(|container| container.name.as_deref()).collect();
    let name = spec.container_name.as_str();
    let Some(container) = containers.iter().find(|container| container.name.as_deref() == Some(name)) else {
        return Err(format!("the container {name} does not exist in {arn}; it has {}", names.join(", ")));
    };
    let mappings = container.port_mappings.iter().flatten();
    let ports: Vec<i32> = mappings.filter_map(|mapping| mapping.container_port).collect();
    if !ports.contains(&spec.container_port) {
        let has = match ports.as_slice() {
            [] => "it maps no port".to_owned(),
            ports => format!("it has {}", ports.iter().map(i32::to_string).collect::<Vec<_>>().join(", ")),
        };
        return Err(format!(
            "the container {name} of {arn} does not have a container port {}; {has}",
            spec.container_port
        ));
    }
    let network = spec.network_configuration.as_ref().or(template.network_configuration.as_ref());
    match (definition.network_mode == Some(NetworkMode::Awsvpc), network.is_some()) {
        (true, false) => Err(format!(
            "{arn} has networkMode awsvpc, so NetworkConfiguration must be given by the service or the AppSpec"
        )),
        (false, true) => Err(format!(
            "NetworkConfiguration is not valid for the networkMode of {arn}, which is not awsvpc"
        )),
        _ => Ok(()),
    }
}

fn definition<'a>(state: &'a State, scope: &Scope, arn: &str) -> Option<&'a Definition> {
    let name = arn.strip_prefix(&scope.arn("ecs", "task-definition/"))?;
    let (family, revision) = name.split_once(':')?;
    let key = TaskDefinition::key(&TaskDefinition::family_key(scope, family), revision.parse().ok()?);
    state.task_definitions.get(&key).map(|row| row.document.as_ref())
}

fn check_version(version: Option<&Value>) -> Result<(), String> {
    let text = match version {
        None => return Err(format!("version is missing; it must be {VERSION}")),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    // YAML and JSON both read 0.0 as a number.
    if text == VERSION || text == "0" {
        return Ok(());
    }
    Err(format!("version must be {VERSION}, and is {text}"))
}

/// The properties of the one service that is deployed.
fn properties(resources: Option<&Value>) -> Result<&Map<String, Value>, String> {
    let resources = resources.ok_or("Resources is missing")?;
    let resources = resources.as_array().ok_or("Resources must be a list")?;
    let [resource] = resources.as_slice() else {
        return Err(format!("Resources must have exactly one resource, and has {}", resources.len()));
    };
    let mut named = object(resource, "the resource")?.iter();
    let (Some((name, resource)), None) = (named.next(), named.next()) else {
        return Err("the resource must have exactly one name, such as TargetService".to_owned());
    };
    let resource = object(resource, name)?;
    known(resource, name, &["Type", "Properties"])?;
    match required_text(resource, name, "Type")?.as_str() {
        SERVICE_TYPE => object(required(resource, name, "Properties")?, "Properties"),
        other => Err(format!("the Type of {name} must be {SERVICE_TYPE}, and is {other}")),
    }
}

fn check_definition_arn(arn: &str) -> Result<(), String> {
    let resource = arn.splitn(6, ':').nth(5).filter(|_| arn.starts_with("arn:"));
    let revision = resource
        .and_then(|resource| resource.strip_prefix("task-definition/"))
        .and_then(|name| name.split_once(':'))
        .and_then(|(family, revision)| {
            Some(family).filter(|family| !family.is_empty()).and(revision.parse().ok())
        });
    match revision {
        Some(0_u32) | None => Err(format!(
            "TaskDefinition must be a full ARN with a revision, such as \
             arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:1, and is {arn}"
        )),
        Some(_) => Ok(()),
    }
}

fn port(value: &Value) -> Result<i32, String> {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64().and_then(|number| i32::try_from(number).ok()),
    };
    let number = number.filter(|port| (1..=65_535).contains(port));
    number.ok_or_else(|| format!("ContainerPort must be a number between 1 and 65535, and is {value}"))
}

fn network(value: &Value) -> Result<NetworkConfiguration, String> {
    let at = "NetworkConfiguration";
    let outer = object(value, at)?;
    known(outer, at, &["AwsvpcConfiguration"])?;
    let at = "AwsvpcConfiguration";
    let inner = object(required(outer, "NetworkConfiguration", at)?, at)?;
    known(inner, at, &["Subnets", "SecurityGroups", "AssignPublicIp"])?;
    let assign = optional_text(inner, at, "AssignPublicIp")?;
    let assign_public_ip = assign
        .map(|text| {
            AssignPublicIp::parse(&text)
                .ok_or_else(|| format!("AssignPublicIp must be ENABLED or DISABLED, and is {text}"))
        })
        .transpose()?;
    let subnets = texts(inner, "Subnets")?;
    if subnets.is_empty() {
        return Err("AwsvpcConfiguration must have Subnets".to_owned());
    }
    let groups = texts(inner, "SecurityGroups")?;
    Ok(NetworkConfiguration {
        awsvpc_configuration: Some(AwsVpcConfiguration {
            subnets,
            security_groups: (!groups.is_empty()).then_some(groups),
            assign_public_ip,
        }),
    })
}

fn strategy(value: Option<&Value>) -> Result<Vec<CapacityProviderStrategyItem>, String> {
    let at = "CapacityProviderStrategy";
    let Some(value) = value else { return Ok(Vec::new()) };
    let items = value.as_array().ok_or_else(|| format!("{at} must be a list"))?;
    let item = |value: &Value| {
        let item = object(value, at)?;
        known(item, at, &["Base", "CapacityProvider", "Weight"])?;
        Ok(CapacityProviderStrategyItem {
            capacity_provider: required_text(item, at, "CapacityProvider")?,
            base: optional_number(item, "Base")?,
            weight: optional_number(item, "Weight")?,
        })
    };
    items.iter().map(item).collect()
}

fn hooks(value: Option<&Value>) -> Result<BTreeMap<Event, String>, String> {
    let mut hooks = BTreeMap::new();
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(hooks) };
    let list = value.as_array().ok_or("Hooks must be a list")?;
    for item in list {
        for (name, function) in object(item, "each of Hooks")? {
            let of_name = |event: &&Event| event.is_hook() && event.as_str().eq_ignore_ascii_case(name);
            let Some(event) = Event::ALL.iter().find(of_name) else {
                let known = Event::ALL.iter().filter(|event| event.is_hook()).map(|event| event.as_str());
                return Err(format!(
                    "{name} is not a lifecycle event that has a hook; those are {}",
                    known.collect::<Vec<_>>().join(", ")
                ));
            };
            let function = function.as_str().filter(|function| !function.is_empty());
            let function = function
                .ok_or_else(|| format!("the hook {name} must be the name or the ARN of a Lambda function"))?;
            if hooks.insert(*event, function.to_owned()).is_some() {
                return Err(format!("the hook {name} is given more than once"));
            }
        }
    }
    Ok(hooks)
}

fn object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("{at} must be a mapping"))
}

fn get<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    map.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, value)| value)
}

/// Refuses a key that nobody reads.
fn known(map: &Map<String, Value>, at: &str, keys: &[&str]) -> Result<(), String> {
    match map.keys().find(|key| !keys.iter().any(|known| known.eq_ignore_ascii_case(key))) {
        Some(key) => Err(format!("{at} has an unknown key {key}; known are {}", keys.join(", "))),
        None => Ok(()),
    }
}

fn required<'a>(map: &'a Map<String, Value>, at: &str, key: &str) -> Result<&'a Value, String> {
    get(map, key).filter(|value| !value.is_null()).ok_or_else(|| format!("{at} must have {key}"))
}

fn required_text(map: &Map<String, Value>, at: &str, key: &str) -> Result<String, String> {
    let text = required(map, at, key)?.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| format!("{key} of {at} must be a text"))
}

fn optional_text(map: &Map<String, Value>, at: &str, key: &str) -> Result<Option<String>, String> {
    match get(map, key) {
        None | Some(Value::Null) => Ok(None),
        Some(_) => required_text(map, at, key).map(Some),
    }
}

fn optional_number(map: &Map<String, Value>, key: &str) -> Result<Option<i32>, String> {
    let Some(value) = get(map, key).filter(|value| !value.is_null()) else { return Ok(None) };
    let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
    number.map(Some).ok_or_else(|| format!("{key} must be a whole number, and is {value}"))
}

fn texts(map: &Map<String, Value>, key: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("{key} must be a list of texts");
    let Some(value) = get(map, key).filter(|value| !value.is_null()) else { return Ok(Vec::new()) };
    let items = value.as_array().ok_or_else(wrong)?;
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DEFINITION: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7";

    fn whole() -> Value {
        json!({
            "version": "0.0",
            "Resources": [{ "TargetService": { "Type": SERVICE_TYPE, "Properties": {
                "TaskDefinition": DEFINITION,
                "LoadBalancerInfo": { "ContainerName": "web", "ContainerPort": 8080 },
                "PlatformVersion": "1.4.0",
                "NetworkConfiguration": { "AwsvpcConfiguration": {
                    "Subnets": ["subnet-1"], "SecurityGroups": ["sg-1"], "AssignPublicIp": "ENABLED",
                } },
                "CapacityProviderStrategy": [{ "Base": 1, "CapacityProvider": "FARGATE", "Weight": 2 }],
            } } }],
            "Hooks": [{ "BeforeInstall": "check" }, { "AfterAllowTraffic": "arn:aws:lambda:check" }],
        })
    }

    const YAML: &str = r#"
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7"
        LoadBalancerInfo: { ContainerName: "web", ContainerPort: 8080 }
        PlatformVersion: "1.4.0"
        NetworkConfiguration:
          AwsvpcConfiguration:
            Subnets: ["subnet-1"]
            SecurityGroups: ["sg-1"]
            AssignPublicIp: ENABLED
        CapacityProviderStrategy:
          - Base: 1
            CapacityProvider: FARGATE
            Weight: 2
Hooks:
  - BeforeInstall: "check"
  - AfterAllowTraffic: "arn:aws:lambda:check"
"#;

    #[test]
    fn json_and_yaml_say_the_same() {
        let of_json = parse(&whole().to_string()).unwrap();
        assert_eq!(parse(YAML).unwrap(), of_json);
        assert_eq!(of_json.hooks[&Event::BeforeInstall], "check");
        assert_eq!(of_json.container_port, 8080);
        assert_eq!(of_json.capacity_provider_strategy[0].weight, Some(2));
    }

    #[test]
    fn keys_are_found_whatever_their_case() {
        let content = whole().to_string();
        let lower =
            ["Resources", "TargetService", "Properties", "LoadBalancerInfo", "TaskDefinition", "Hooks"]
                .iter()
                .fold(content.clone(), |text, key| {
                    let (first, rest) = key.split_at(1);
                    text.replace(&format!("\"{key}\""), &format!("\"{}{rest}\"", first.to_lowercase()))
                });
        assert_ne!(lower, content);
        assert_eq!(parse(&lower).unwrap(), parse(&content).unwrap());
    }

    /// The whole AppSpec with the value at `pointer` changed.
    fn with(pointer: &str, value: Value) -> String {
        let mut document = whole();
        *document.pointer_mut(pointer).unwrap() = value;
        document.to_string()
    }

    #[test]
    fn an_error_names_what_is_wrong() {
        let properties = "/Resources/0/TargetService/Properties";
        let wrong = [
            (with("/version", json!("1.0")), "version must be 0.0, and is 1.0"),
            (with("/Resources", json!([])), "Resources must have exactly one resource, and has 0"),
            (
                with("/Resources/0/TargetService/Type", json!("AWS::Lambda::Function")),
                "the Type of TargetService must be AWS::ECS::Service, and is AWS::Lambda::Function",
            ),
            (
                with(&format!("{properties}/TaskDefinition"), json!("web:7")),
                "TaskDefinition must be a full ARN with a revision, such as \
                 arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:1, and is web:7",
            ),
            (
                with(&format!("{properties}/LoadBalancerInfo"), json!({ "ContainerName": "web" })),
                "LoadBalancerInfo must have ContainerPort",
            ),
            (
                with(&format!("{properties}/LoadBalancerInfo/ContainerPort"), json!(0)),
                "ContainerPort must be a number between 1 and 65535, and is 0",
            ),
            (
                with(&format!("{properties}/LoadBalancerInfo"), json!({ "ContainerNames": "web" })),
                "LoadBalancerInfo has an unknown key ContainerNames; known are ContainerName, ContainerPort",
            ),
            (
                with("/Hooks", json!([{ "AllowTraffic": "check" }])),
                "AllowTraffic is not a lifecycle event that has a hook; those are BeforeInstall, AfterInstall, \
                 AfterAllowTestTraffic, BeforeAllowTraffic, AfterAllowTraffic",
            ),
            (
                with("/Hooks", json!([{ "AfterInstall": "a" }, { "AfterInstall": "b" }])),
                "the hook AfterInstall is given more than once",
            ),
            ("[]".to_owned(), "the AppSpec must be a mapping"),
            (String::new(), "it is empty"),
        ];
        for (content, expected) in wrong {
            assert_eq!(parse(&content).unwrap_err(), expected, "{content}");
        }
    }

    #[test]
    fn text_that_is_neither_json_nor_yaml_is_an_error_with_its_line() {
        let error = parse("version: 0.0\nResources:\n  - a: [1\n  b").unwrap_err();
        assert!(error.starts_with("it is not valid YAML: line "), "{error}");
        let error = parse("{ \"version\": \n 0.0,, }").unwrap_err();
        assert!(error.starts_with("it is not valid JSON: "), "{error}");
        assert!(error.contains("line 2"), "{error}");
    }
}
