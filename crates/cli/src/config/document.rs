//! A task definition from a file of its own. Start with [`read`].

use super::error::{ConfigError, Source};
use super::{lookup, yaml};
use serde_json::Value;
use std::path::Path;

/// The document of a JSON or YAML file (JSON is YAML), with its look-ups resolved. A file that holds
/// the whole answer of `aws ecs describe-task-definition` is taken for the definition in it.
pub fn read(path: &Path) -> Result<Value, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::without_place(format!("cannot read {}: {error}", path.display())))?;
    parse(&Source { name: path.display().to_string(), text }, &|name| std::env::var(name).ok())
}

/// A JSON or YAML file as it stands, look-ups and all.
pub fn raw(path: &Path) -> Result<Value, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::without_place(format!("cannot read {}: {error}", path.display())))?;
    Ok(yaml::parse(&Source { name: path.display().to_string(), text })?.to_json())
}

/// The document of a text; `variable` answers `${env:…}`.
pub fn parse(source: &Source, variable: &dyn Fn(&str) -> Option<String>) -> Result<Value, ConfigError> {
    let mut node = yaml::parse(source)?;
    lookup::resolve(source, &mut node, variable)?;
    checked(source, &node)
}

/// The document if it looks like a task definition.
pub fn checked(source: &Source, node: &yaml::Node) -> Result<Value, ConfigError> {
    let mut document = node.to_json();
    if let Some(inner) = document.get_mut("taskDefinition").filter(|inner| inner.is_object()) {
        let inner = inner.take();
        let tags = document.get("tags").cloned();
        document = inner;
        if let (Some(tags), Some(members)) = (tags, document.as_object_mut()) {
            members.insert("tags".into(), tags);
        }
    }
    if document.get("containerDefinitions").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        return Err(ConfigError::at(
            source,
            node.place,
            "this is no task definition: it has no containerDefinitions",
        )
        .with_help("write it in AWS's own camelCase: family, containerDefinitions, cpu, memory …"));
    }
    if document.get("family").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(ConfigError::at(source, node.place, "the task definition has no family"));
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_describe_task_definition_is_taken_for_the_definition_in_it() {
        let text = r#"{"taskDefinition": {"family": "web", "containerDefinitions": [{"name": "web"}]}, "tags": [{"key": "a", "value": "b"}]}"#;
        let document =
            parse(&Source { name: "td.json".into(), text: text.into() }, &|_| None).expect("a definition");
        assert_eq!(document["family"], "web");
        assert_eq!(document["tags"][0]["key"], "a");
    }
}
