//! One shape for documents that mean the same. AWS answers with defaults filled in, people write
//! without them; a difference that is only that must never be shown. Start with [`normalised`]; the
//! result is for comparing, never for sending.

use serde_json::{Map, Value, json};

/// The document with everything taken out that AWS would fill in, and with keyed lists sorted.
pub fn normalised(document: &Value) -> Value {
    let mut document = document.clone();
    let Some(members) = document.as_object_mut() else {
        return document;
    };
    drop_empty(members);
    stringify(members, "cpu");
    stringify(members, "memory");
    for container in objects(members.get_mut("containerDefinitions")) {
        container_definition(container);
    }
    for volume in objects(members.get_mut("volumes")) {
        // `host: {}` is how AWS answers a volume that was given only a name.
        drop_empty(volume);
    }
    sort_by(members, "volumes", "name");
    sort_by(members, "tags", "key");
    if let Some(Value::Array(required)) = members.get_mut("requiresCompatibilities") {
        required.sort_by_key(ToString::to_string);
    }
    let bridge = members.get("networkMode") == Some(&json!("bridge"));
    let fargate = members.get("requiresCompatibilities").is_some_and(|r| r.to_string().contains("FARGATE"));
    if bridge && !fargate {
        members.remove("networkMode");
    }
    document
}

fn container_definition(container: &mut Map<String, Value>) {
    drop_empty(container);
    drop_if(container, "cpu", &json!(0));
    drop_if(container, "essential", &json!(true));
    for mapping in objects(container.get_mut("portMappings")) {
        drop_if(mapping, "protocol", &json!("tcp"));
        drop_if(mapping, "hostPort", &json!(0));
        // Under awsvpc AWS answers hostPort = containerPort.
        if mapping.get("hostPort").is_some() && mapping.get("hostPort") == mapping.get("containerPort") {
            mapping.remove("hostPort");
        }
    }
    for mount in objects(container.get_mut("mountPoints")) {
        drop_if(mount, "readOnly", &json!(false));
    }
    if let Some(Value::Object(check)) = container.get_mut("healthCheck") {
        drop_if(check, "interval", &json!(30));
        drop_if(check, "timeout", &json!(5));
        drop_if(check, "retries", &json!(3));
        drop_if(check, "startPeriod", &json!(0));
    }
    if let Some(Value::Object(logs)) = container.get_mut("logConfiguration") {
        drop_empty(logs);
    }
    sort_by(container, "environment", "name");
    sort_by(container, "secrets", "name");
    sort_by(container, "ulimits", "name");
    sort_by(container, "portMappings", "containerPort");
    sort_by(container, "mountPoints", "containerPath");
    sort_by(container, "dependsOn", "containerName");
}

/// An absent member and an empty one mean the same in a task definition.
fn drop_empty(members: &mut Map<String, Value>) {
    members.retain(|_, value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(items) => !items.is_empty(),
        _ => true,
    });
}

fn drop_if(members: &mut Map<String, Value>, name: &str, default: &Value) {
    if members.get(name) == Some(default) {
        members.remove(name);
    }
}

/// Task-level cpu and memory are strings in the API; people write numbers in YAML.
fn stringify(members: &mut Map<String, Value>, name: &str) {
    if let Some(Value::Number(number)) = members.get(name) {
        let text = number.to_string();
        members.insert(name.to_owned(), Value::String(text));
    }
}

fn sort_by(members: &mut Map<String, Value>, list: &str, key: &str) {
    if let Some(Value::Array(items)) = members.get_mut(list) {
        items.sort_by_key(|item| item.get(key).map(ToString::to_string));
    }
}

fn objects(list: Option<&mut Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    list.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_and_what_aws_answers_are_one() {
        let written = json!({"family": "web", "cpu": 256, "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc",
            "containerDefinitions": [{"name": "web", "image": "web:1",
                "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
                "portMappings": [{"containerPort": 8080}],
                "healthCheck": {"command": ["CMD", "x"]}}]});
        let answered = json!({"family": "web", "cpu": "256", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc",
            "volumes": [], "placementConstraints": [],
            "containerDefinitions": [{"name": "web", "image": "web:1", "cpu": 0, "essential": true,
                "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
                "mountPoints": [], "volumesFrom": [], "systemControls": [],
                "healthCheck": {"command": ["CMD", "x"], "interval": 30, "timeout": 5, "retries": 3}}]});
        assert_eq!(normalised(&written), normalised(&answered));
    }

    #[test]
    fn an_order_that_means_something_stays() {
        let one = json!({"containerDefinitions": [{"name": "web", "command": ["b", "a"]}]});
        let two = json!({"containerDefinitions": [{"name": "web", "command": ["a", "b"]}]});
        assert_ne!(normalised(&one), normalised(&two));
    }
}
