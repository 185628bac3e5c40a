//! JSON or YAML as one tree. What begins with a brace is JSON; both YAML and AWS take that so.

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value};

/// The one document of a text.
pub(super) fn parse(content: &str) -> Result<Value, String> {
    let text = content.trim_start_matches('\u{feff}').trim_start();
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.starts_with('{') {
        return serde_json::from_str(text).map_err(|error| format!("it is not valid JSON: {error}"));
    }
    let documents = Yaml::load_from_str(content).map_err(|error| {
        let line = error.marker().line();
        format!("it is not valid YAML: line {line}: {}", error.info())
    })?;
    match documents.as_slice() {
        [document] => value(document),
        [] => Err("it is empty".to_owned()),
        _ => Err("it has more than one YAML document".to_owned()),
    }
}

fn value(yaml: &Yaml<'_>) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Value(scalar) => scalar_value(scalar),
        Yaml::Sequence(items) => Value::Array(items.iter().map(value).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let mut members = Map::new();
            for (key, entry) in entries {
                let Yaml::Value(Scalar::String(name)) = key else {
                    return Err("a key of its YAML is not a text".to_owned());
                };
                members.insert(name.to_string(), value(entry)?);
            }
            Value::Object(members)
        }
        Yaml::Tagged(_, inner) => value(inner)?,
        _ => return Err("a value of its YAML cannot be read".to_owned()),
    })
}

fn scalar_value(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(truth) => Value::Bool(*truth),
        Scalar::Integer(number) => Value::from(*number),
        Scalar::FloatingPoint(number) => Value::from(number.into_inner()),
        Scalar::String(text) => Value::String(text.to_string()),
    }
}
