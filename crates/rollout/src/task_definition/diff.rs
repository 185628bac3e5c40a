//! What differs between two task definitions, and what each difference does. It must never show a
//! value that may be a secret unless asked: values of `environment` are masked. Start with
//! [`differences`]; both documents must be normalised.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Where, such as `containerDefinitions[web].image`.
    pub path: String,
    /// What runs.
    pub before: Shown,
    /// What is wanted.
    pub after: Shown,
    /// What it does.
    pub effect: Effect,
}

impl Difference {
    /// Can only a new revision bring this about?
    pub fn needs_a_revision(&self) -> bool {
        self.effect != Effect::Nothing
    }
}

/// A value as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Not there.
    Absent,
    /// As it is.
    Value(Value),
    /// There, and not to be shown.
    Masked,
}

/// What a difference does to what runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Every task is replaced by one of the new revision.
    RestartsTasks,
    /// Tasks do not notice.
    Nothing,
    /// Every task is replaced, and something may break: this is what.
    Risk(String),
}

/// The differences between two normalised documents, in the order of the paths.
pub fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(&mut Vec::new(), Some(before), Some(after), &mut found);
    found
}

/// A piece of a path: a member's name, or an item by its key or its place.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Member(String),
    Item(String),
}

fn walk(path: &mut Vec<Piece>, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                path.push(Piece::Member(name.clone()));
                walk(path, old.get(name), new.get(name), found);
                path.pop();
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if key_of(path).is_some() => {
            let key = key_of(path).unwrap_or_default();
            items_by_key(path, key, old, new, found);
        }
        // A list that appears or goes is shown item by item, so that its values can be masked.
        (None, Some(Value::Array(new))) if key_of(path).is_some() => {
            items_by_key(path, key_of(path).unwrap_or_default(), &[], new, found);
        }
        (Some(Value::Array(old)), None) if key_of(path).is_some() => {
            items_by_key(path, key_of(path).unwrap_or_default(), old, &[], found);
        }
        _ => found.push(Difference {
            path: written(path),
            before: shown(path, before),
            after: shown(path, after),
            effect: effect(path, before, after),
        }),
    }
}

fn items_by_key(path: &mut Vec<Piece>, key: &str, old: &[Value], new: &[Value], found: &mut Vec<Difference>) {
    let name = |item: &Value| -> String {
        match item.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => item.to_string(),
        }
    };
    let mut names: Vec<String> = Vec::new();
    for item in old.iter().chain(new) {
        let name = name(item);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for wanted in names {
        let before = old.iter().find(|item| name(item) == wanted);
        let after = new.iter().find(|item| name(item) == wanted);
        path.push(Piece::Item(wanted));
        if list_of(path) == Some("environment") {
            path.push(Piece::Member("value".into()));
            let value = |item: Option<&Value>| item.and_then(|item| item.get("value")).cloned();
            walk(path, value(before).as_ref(), value(after).as_ref(), found);
            path.pop();
        } else {
            walk(path, before, after, found);
        }
        path.pop();
    }
}

/// The member that names an item of the list at the end of this path.
fn key_of(path: &[Piece]) -> Option<&'static str> {
    let Some(Piece::Member(list)) = path.last() else {
        return None;
    };
    match list.as_str() {
        "containerDefinitions" | "environment" | "secrets" | "volumes" | "ulimits" => Some("name"),
        "portMappings" => Some("containerPort"),
        "mountPoints" => Some("containerPath"),
        "dependsOn" => Some("containerName"),
        "tags" => Some("key"),
        _ => None,
    }
}

/// The list that the item at the end of this path is in.
fn list_of(path: &[Piece]) -> Option<&str> {
    match path {
        [.., Piece::Member(list), Piece::Item(_)] => Some(list),
        _ => None,
    }
}

fn written(path: &[Piece]) -> String {
    let mut text = String::new();
    for piece in path {
        match piece {
            Piece::Member(name) if text.is_empty() => text.push_str(name),
            Piece::Member(name) => {
                text.push('.');
                text.push_str(name);
            }
            Piece::Item(name) => {
                text.push('[');
                text.push_str(name);
                text.push(']');
            }
        }
    }
    text
}

fn shown(path: &[Piece], value: Option<&Value>) -> Shown {
    match value {
        None => Shown::Absent,
        Some(_) if may_be_secret(path) => Shown::Masked,
        Some(value) => Shown::Value(masked_within(value)),
    }
}

/// Values of the environment, and of options and labels whose name sounds like a secret.
fn may_be_secret(path: &[Piece]) -> bool {
    let in_environment =
        path.iter().any(|piece| matches!(piece, Piece::Member(name) if name == "environment"));
    let sounds = match path.last() {
        Some(Piece::Member(name)) => sounds_secret(name),
        _ => false,
    };
    in_environment || sounds
}

fn sounds_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    ["token", "password", "passwd", "apikey", "api-key", "api_key", "secretkey", "credential"]
        .iter()
        .any(|part| name.contains(part))
}

/// A whole container that comes or goes carries its environment along.
fn masked_within(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, inner)| {
                    let inner = match (name.as_str(), inner) {
                        ("environment", Value::Array(entries)) => {
                            Value::Array(entries.iter().map(without_value).collect())
                        }
                        (name, Value::String(_)) if sounds_secret(name) => Value::String("********".into()),
                        _ => masked_within(inner),
                    };
                    (name.clone(), inner)
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(masked_within).collect()),
        other => other.clone(),
    }
}

fn without_value(entry: &Value) -> Value {
    let mut entry = entry.clone();
    if let Some(value) = entry.get_mut("value") {
        *value = Value::String("********".into());
    }
    entry
}

/// What a difference at this place does.
fn effect(path: &[Piece], before: Option<&Value>, after: Option<&Value>) -> Effect {
    if path.first() == Some(&Piece::Member("tags".into())) {
        return Effect::Nothing;
    }
    let last = match path.last() {
        Some(Piece::Member(name)) => name.as_str(),
        _ => "",
    };
    let list = list_of(path).unwrap_or_default();
    let risk = |what: &str| Effect::Risk(what.to_owned());
    match (last, list) {
        ("image", _) if after.and_then(Value::as_str).is_some_and(is_latest) => {
            risk("`latest` may be another image tomorrow; name a version or a digest")
        }
        ("family", _) => risk("another family: the revisions of the old one are no longer this service's"),
        ("networkMode", _) => {
            risk("the service's network configuration and target group type must fit the new mode")
        }
        ("cpuArchitecture" | "operatingSystemFamily", _) => {
            risk("the images must be built for the new platform")
        }
        ("taskRoleArn" | "executionRoleArn", _) => risk("the new role must allow what the old one did"),
        ("healthCheck", _) if after.is_none() => {
            risk("without a health check a hung container counts as healthy")
        }
        ("essential", _) => risk("decides whether the task ends when this container does"),
        ("memory" | "memoryReservation", _) if shrinks(before, after) => {
            risk("less memory: containers that use more are killed (exit code 137)")
        }
        ("cpu", _) if shrinks(before, after) => risk("less CPU: start and response may get slower"),
        (_, "portMappings") => {
            risk("the service's load balancers name container ports; a missing one stops the deployment")
        }
        (_, "containerDefinitions") if after.is_none() => risk("the container is no longer part of the task"),
        (_, "secrets") if before.is_none() => risk("the execution role must be allowed to read the secret"),
        _ => Effect::RestartsTasks,
    }
}

fn is_latest(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    name.ends_with(":latest") || !name.contains([':', '@'])
}

fn shrinks(before: Option<&Value>, after: Option<&Value>) -> bool {
    let number = |value: Option<&Value>| match value {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    matches!((number(before), number(after)), (Some(old), Some(new)) if new < old)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(before: &Value, after: &Value) -> String {
        let line = |d: &Difference| format!("{} | {:?} -> {:?} | {:?}", d.path, d.before, d.after, d.effect);
        differences(before, after).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_changed_image_restarts_tasks() {
        let before = json!({"containerDefinitions": [{"name": "web", "image": "web:1"}]});
        let after = json!({"containerDefinitions": [{"name": "web", "image": "web:2"}]});
        insta::assert_snapshot!(lines(&before, &after), @r#"containerDefinitions[web].image | Value(String("web:1")) -> Value(String("web:2")) | RestartsTasks"#);
    }

    #[test]
    fn environment_values_are_never_shown() {
        let before = json!({"containerDefinitions": [{"name": "web", "environment": [{"name": "KEY", "value": "hunter1"}]}]});
        let after = json!({"containerDefinitions": [
            {"name": "web", "environment": [{"name": "KEY", "value": "hunter2"}, {"name": "NEW", "value": "hunter3"}]},
            {"name": "side", "environment": [{"name": "K", "value": "hunter4"}], "logConfiguration": {"options": {"splunk-token": "hunter5"}}}]});
        let shown = lines(&before, &after);
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(
            shown.contains("containerDefinitions[web].environment[KEY].value | Masked -> Masked"),
            "{shown}"
        );
        assert!(
            shown.contains("containerDefinitions[web].environment[NEW].value | Absent -> Masked"),
            "{shown}"
        );
    }

    #[test]
    fn tags_alone_need_no_revision() {
        let before = json!({"family": "web"});
        let after = json!({"family": "web", "tags": [{"key": "team", "value": "a"}]});
        assert!(differences(&before, &after).iter().all(|d| !d.needs_a_revision()));
    }

    #[test]
    fn less_memory_a_lost_health_check_and_latest_are_risks() {
        let before = json!({"memory": "1024", "containerDefinitions": [{"name": "web", "image": "web:1", "healthCheck": {"command": ["x"]}}]});
        let after =
            json!({"memory": "512", "containerDefinitions": [{"name": "web", "image": "reg:5000/web"}]});
        let effects: Vec<_> = differences(&before, &after)
            .into_iter()
            .map(|d| (d.path, matches!(d.effect, Effect::Risk(_))))
            .collect();
        assert_eq!(
            effects,
            [
                ("containerDefinitions[web].healthCheck".to_owned(), true),
                ("containerDefinitions[web].image".to_owned(), true),
                ("memory".to_owned(), true),
            ]
        );
    }

    #[test]
    fn a_list_in_another_order_differs_only_where_order_means_something() {
        let before = json!({"containerDefinitions": [{"name": "a"}, {"name": "b"}]});
        let after = json!({"containerDefinitions": [{"name": "b"}, {"name": "a"}]});
        assert_eq!(differences(&before, &after), []);
    }
}
