//! Scalars as the API types them. People write `cpu: 256` and `value: 8080` in YAML; the API takes
//! strings there and refuses numbers. It must never touch a member that may be a number. Start with
//! [`spell_for_aws`].

use serde_json::{Map, Value};

/// Turns numbers and booleans into strings where the service model says string: cpu and memory of
/// the task, values of environment entries, options of log drivers, docker labels.
pub fn spell_for_aws(document: &mut Value) {
    let Some(members) = document.as_object_mut() else {
        return;
    };
    for name in ["cpu", "memory"] {
        if let Some(value) = members.get_mut(name) {
            spell(value);
        }
    }
    let definitions = members.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    for container in definitions.into_iter().flatten().filter_map(Value::as_object_mut) {
        let environment = container.get_mut("environment").and_then(Value::as_array_mut);
        for value in environment.into_iter().flatten().filter_map(|entry| entry.get_mut("value")) {
            spell(value);
        }
        if let Some(options) = container.get_mut("logConfiguration").and_then(|l| l.get_mut("options")) {
            spell_all(options.as_object_mut());
        }
        spell_all(container.get_mut("dockerLabels").and_then(Value::as_object_mut));
    }
}

fn spell_all(members: Option<&mut Map<String, Value>>) {
    for (_, value) in members.into_iter().flatten() {
        spell(value);
    }
}

fn spell(value: &mut Value) {
    if matches!(value, Value::Number(_) | Value::Bool(_)) {
        *value = Value::String(value.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_become_strings_only_where_the_api_takes_strings() {
        let mut document = json!({"cpu": 256, "memory": 512, "containerDefinitions": [{
            "name": "web", "cpu": 10, "memory": 128,
            "environment": [{"name": "PORT", "value": 8080}, {"name": "DEBUG", "value": true}],
            "dockerLabels": {"v": 1}, "logConfiguration": {"options": {"max-buffer": 4}},
            "portMappings": [{"containerPort": 8080}]}]});
        spell_for_aws(&mut document);
        assert_eq!(
            document,
            json!({"cpu": "256", "memory": "512", "containerDefinitions": [{
            "name": "web", "cpu": 10, "memory": 128,
            "environment": [{"name": "PORT", "value": "8080"}, {"name": "DEBUG", "value": "true"}],
            "dockerLabels": {"v": "1"}, "logConfiguration": {"options": {"max-buffer": "4"}},
            "portMappings": [{"containerPort": 8080}]}]})
        );
    }
}
