//! A task definition as a file that people read and edit: what AWS alone writes is left out, secrets are, and members
//! stand in the order in which one thinks of them. It must never lose a member that it does not know. Start with
//! [`task_definition`].

use crate::secrets;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use tidegate_rollout::task_definition::strip::{registrable, response_only};

/// The order of members; what is not named comes after, by name.
const ORDER: [&str; 40] = [
    "family",
    "name",
    "key",
    "type",
    "image",
    "essential",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "memoryReservation",
    "runtimePlatform",
    "ephemeralStorage",
    "value",
    "valueFrom",
    "entryPoint",
    "command",
    "containerPort",
    "hostPort",
    "protocol",
    "portMappings",
    "environment",
    "environmentFiles",
    "secrets",
    "healthCheck",
    "interval",
    "timeout",
    "retries",
    "startPeriod",
    "stopTimeout",
    "dependsOn",
    "logConfiguration",
    "logDriver",
    "options",
    "containerDefinitions",
    "volumes",
    "placementConstraints",
    "tags",
];

/// Members that AWS answers empty where nobody wrote them.
const NOISE: [&str; 6] =
    ["environment", "mountPoints", "placementConstraints", "systemControls", "volumes", "volumesFrom"];

/// As wide as one line of the file gets where a value fits on one.
const WIDTH: usize = 100;

/// A task definition to keep in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDefinition {
    /// Its text, JSON with look-ups such as `${env:NAME}`.
    pub text: String,
    /// Members that were left out, since only AWS writes them.
    pub left_out: Vec<&'static str>,
    /// What was taken for a secret: where it stood, and the variable that is looked up instead.
    pub secrets: Vec<(String, String)>,
}

/// The file of a described task definition.
pub fn task_definition(described: &Value) -> TaskDefinition {
    let left_out = response_only(described);
    let mut document = registrable(described);
    if let Some(members) = document.as_object_mut() {
        drop_noise(members);
    }
    let containers = document.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
        drop_noise(container);
    }
    let mut taken = Vec::new();
    protect(&mut document, &Place::default(), &mut taken);
    let mut text = String::new();
    put(&mut text, &document, 0);
    text.push('\n');
    TaskDefinition { text, left_out, secrets: taken }
}

fn drop_noise(members: &mut Map<String, Value>) {
    members.retain(|name, value| {
        !(NOISE.contains(&name.as_str()) && value.as_array().is_some_and(Vec::is_empty))
    });
}

/// Where a text stands.
#[derive(Debug, Clone, Default)]
struct Place {
    /// For people: `containerDefinitions[app].environment[DB_PASSWORD]`.
    path: String,
    /// What it is called: the nearest name.
    name: String,
    /// The container that it belongs to.
    container: Option<String>,
}

/// Puts look-ups in the place of secrets, and lets `${` of the definition's own stay what it is.
fn protect(value: &mut Value, place: &Place, taken: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => {
            if !is_reference(place) && secrets::is_secret(&place.name, text) {
                let variable = variable(place, taken);
                *text = format!("${{env:{variable}}}");
                taken.push((place.path.clone(), variable));
            } else if text.contains("${") {
                *text = text.replace("${", "$${");
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                let named =
                    ["name", "key"].iter().find_map(|key| item.get(*key)?.as_str()).map(str::to_owned);
                let mut within = place.clone();
                within.path = format!("{}[{}]", place.path, named.clone().unwrap_or_else(|| at.to_string()));
                if place.path == "containerDefinitions" {
                    within.container.clone_from(&named);
                }
                within.name = named.unwrap_or_else(|| place.name.clone());
                protect(item, &within, taken);
            }
        }
        Value::Object(members) => {
            let is_pair = members.len() == 2 && members.contains_key("value");
            for (key, member) in members.iter_mut() {
                let dot = if place.path.is_empty() { "" } else { "." };
                let mut within = place.clone();
                // `{"name": "DB_PASSWORD", "value": …}` is called by its name.
                if !(is_pair && key == "value") {
                    within.path = format!("{}{dot}{key}", place.path);
                    within.name.clone_from(key);
                }
                protect(member, &within, taken);
            }
        }
        _ => {}
    }
}

/// What names a secret without being it: `secrets[].valueFrom`, names, references of AWS's.
fn is_reference(place: &Place) -> bool {
    ["valueFrom", "name", "key", "credentialsParameter", "image", "family"].contains(&place.name.as_str())
        || place.path.contains(".secretOptions[")
}

/// A variable's name that nothing else has.
fn variable(place: &Place, taken: &[(String, String)]) -> String {
    let upper = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
    };
    let name = upper(&place.name);
    let is_free = |name: &String| taken.iter().all(|(_, known)| known != name);
    let with_container = place.container.as_deref().map(|container| format!("{}_{name}", upper(container)));
    let starts_well = |name: &String| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let first = [Some(name.clone()), with_container.clone()]
        .into_iter()
        .flatten()
        .find(|it| is_free(it) && starts_well(it));
    first.unwrap_or_else(|| {
        let stem = with_container.unwrap_or_else(|| format!("VALUE_{name}"));
        (2..=taken.len() + 2).map(|n| format!("{stem}_{n}")).find(is_free).unwrap_or(stem)
    })
}

/// Writes a value, on one line where it fits.
fn put(text: &mut String, value: &Value, depth: usize) {
    let one_line = on_one_line(value);
    let is_flat = match value {
        Value::Array(items) => items.iter().all(|item| !item.is_object() && !item.is_array()),
        Value::Object(members) => {
            depth > 0 && members.values().all(|item| !item.is_object() && !item.is_array())
        }
        _ => true,
    };
    if is_flat && one_line.len() + 2 * depth <= WIDTH {
        text.push_str(&one_line);
        return;
    }
    let indent = "  ".repeat(depth + 1);
    let close = "  ".repeat(depth);
    match value {
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                text.push_str(if at == 0 { "\n" } else { ",\n" });
                text.push_str(&indent);
                put(text, item, depth + 1);
            }
            let _ = write!(text, "\n{close}]");
        }
        Value::Object(members) => {
            text.push('{');
            for (at, (name, member)) in ordered(members).into_iter().enumerate() {
                text.push_str(if at == 0 { "\n" } else { ",\n" });
                let _ = write!(text, "{indent}{}: ", Value::from(name));
                put(text, member, depth + 1);
            }
            let _ = write!(text, "\n{close}}}");
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

fn on_one_line(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(on_one_line).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members = ordered(members).into_iter();
            let members =
                members.map(|(name, member)| format!("{}: {}", Value::from(name), on_one_line(member)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_string(),
    }
}

fn ordered(members: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let rank = |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len() - 1);
    let mut ordered: Vec<(&str, &Value)> =
        members.iter().map(|(name, member)| (name.as_str(), member)).collect();
    ordered.sort_by_key(|(name, _)| (rank(name), *name));
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_described_definition_becomes_a_file_without_what_is_aws_s_and_without_secrets() {
        let described = json!({
            "taskDefinitionArn": "arn:aws:ecs:r:1:task-definition/web:7", "revision": 7, "status": "ACTIVE",
            "registeredAt": 1.5, "requiresAttributes": [{"name": "x"}], "compatibilities": ["EC2", "FARGATE"],
            "family": "web", "cpu": "256", "memory": "512", "networkMode": "awsvpc", "volumes": [],
            "placementConstraints": [], "someFutureField": {"deep": [1, {"a": "b"}], "empty": []},
            "executionRoleArn": "arn:aws:iam::1:role/x",
            "containerDefinitions": [{
                "name": "app", "image": "web@sha256:00", "cpu": 0, "essential": true, "mountPoints": [], "volumesFrom": [],
                "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
                "command": ["sh", "-c", "exec app --home ${HOME} --token=abcdef"],
                "environment": [
                    {"name": "LOG_LEVEL", "value": "info"}, {"name": "DB_PASSWORD", "value": "hunter2"},
                    {"name": "DATABASE_URL", "value": "postgres://a:b@db/x"}],
                "secrets": [{"name": "API_TOKEN", "valueFrom": "arn:aws:ssm:r:1:parameter/token"}],
                "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "0123abcd", "splunk-url": "https://x"}},
            }, {
                "name": "side", "image": "side:1", "essential": false,
                "environment": [{"name": "DB_PASSWORD", "value": "hunter3"}],
            }],
            "tags": [{"key": "team", "value": "shop"}],
        });
        let made = task_definition(&described);
        insta::assert_snapshot!(made.text);
        for secret in ["hunter", "postgres://", "0123abcd", "abcdef"] {
            assert!(!made.text.contains(secret), "{secret}");
        }
        insta::assert_debug_snapshot!((made.left_out, made.secrets));
        assert!(serde_json::from_str::<Value>(&made.text).is_ok(), "it is JSON");
    }
}
