//! What a pipeline sets in a container beside its image: variables, labels, log options, the command. It must never
//! touch another container, nor take out what it was not asked to. Start with [`edit`].

use super::images::{ImageError, containers};
use serde_json::{Map, Value, json};

/// What is to be set in a container; what is empty stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContainerEdit {
    /// `environment`, by name; others stay.
    pub environment: Vec<(String, String)>,
    /// `secrets`: `valueFrom` by name; others stay.
    pub secrets: Vec<(String, String)>,
    /// `environmentFiles`, all of them: objects in S3 by ARN.
    pub environment_files: Vec<String>,
    /// `dockerLabels`, by name; others stay.
    pub labels: Vec<(String, String)>,
    /// `logConfiguration.logDriver`.
    pub log_driver: Option<String>,
    /// `logConfiguration.options`, by name; others stay.
    pub log_options: Vec<(String, String)>,
    /// `command`.
    pub command: Option<Vec<String>>,
}

/// Edits one container of a task definition.
///
/// # Errors
///
/// [`ImageError::NoSuchContainer`] with the names that are there; nothing is changed then.
pub fn edit(document: &mut Value, container: &str, wanted: &ContainerEdit) -> Result<(), ImageError> {
    let existing = containers(document);
    let definitions = document.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    let found = definitions
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
        .find(|it| it.get("name").and_then(Value::as_str) == Some(container));
    let Some(found) = found else {
        return Err(if existing.is_empty() {
            ImageError::NoContainers
        } else {
            ImageError::NoSuchContainer { wanted: container.to_owned(), existing }
        });
    };
    put_pairs(found, "environment", "value", &wanted.environment);
    put_pairs(found, "secrets", "valueFrom", &wanted.secrets);
    put_members(found, "dockerLabels", &wanted.labels);
    if !wanted.environment_files.is_empty() {
        let files = wanted.environment_files.iter().map(|arn| json!({"value": arn, "type": "s3"}));
        found.insert("environmentFiles".into(), files.collect());
    }
    if let Some(command) = &wanted.command {
        found.insert("command".into(), json!(command));
    }
    if wanted.log_driver.is_some() || !wanted.log_options.is_empty() {
        let logs = found.entry("logConfiguration").or_insert_with(|| json!({}));
        if let Some(logs) = logs.as_object_mut() {
            if let Some(driver) = &wanted.log_driver {
                logs.insert("logDriver".into(), json!(driver));
            }
            put_members(logs, "options", &wanted.log_options);
        }
    }
    Ok(())
}

/// Sets items of a list of `{name, value}`; a name that is there keeps its place.
fn put_pairs(container: &mut Map<String, Value>, list: &str, value: &str, pairs: &[(String, String)]) {
    if pairs.is_empty() {
        return;
    }
    let items = container.entry(list).or_insert_with(|| json!([]));
    if !items.is_array() {
        *items = json!([]);
    }
    let Some(items) = items.as_array_mut() else { return };
    for (name, given) in pairs {
        match items.iter_mut().find(|item| item["name"] == name.as_str()) {
            Some(item) => item[value] = json!(given),
            None => items.push(json!({"name": name, value: given})),
        }
    }
}

fn put_members(owner: &mut Map<String, Value>, member: &str, pairs: &[(String, String)]) {
    if pairs.is_empty() {
        return;
    }
    let members = owner.entry(member).or_insert_with(|| json!({}));
    if !members.is_object() {
        *members = json!({});
    }
    for (name, given) in pairs {
        members[name.as_str()] = json!(given);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        text.split(' ').filter_map(|pair| pair.split_once('=')).map(|(a, b)| (a.into(), b.into())).collect()
    }

    #[test]
    fn a_container_gets_what_is_named_and_keeps_the_rest() {
        let mut document = json!({"containerDefinitions": [
            {"name": "app", "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "x": 1,
             "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g"}}},
            {"name": "side"}]});
        let wanted = ContainerEdit {
            environment: pairs("B=3 C=4"),
            secrets: pairs("T=arn:x"),
            environment_files: vec!["arn:s3".into()],
            labels: pairs("v=1"),
            log_driver: None,
            log_options: pairs("mode=non-blocking"),
            command: Some(vec!["run".into()]),
        };
        edit(&mut document, "app", &wanted).expect("it is there");
        assert_eq!(
            document,
            json!({"containerDefinitions": [
                {"name": "app", "x": 1, "command": ["run"], "dockerLabels": {"v": "1"},
                 "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}, {"name": "C", "value": "4"}],
                 "environmentFiles": [{"value": "arn:s3", "type": "s3"}],
                 "secrets": [{"name": "T", "valueFrom": "arn:x"}],
                 "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g", "mode": "non-blocking"}}},
                {"name": "side"}]})
        );
    }

    #[test]
    fn an_unknown_container_changes_nothing_and_names_those_that_are() {
        let mut document = json!({"containerDefinitions": [{"name": "app"}]});
        let error =
            edit(&mut document, "web", &ContainerEdit { labels: pairs("a=b"), ..ContainerEdit::default() });
        assert!(error.is_err_and(|error| error.to_string().contains("it has: app")));
        assert_eq!(document, json!({"containerDefinitions": [{"name": "app"}]}));
    }
}
