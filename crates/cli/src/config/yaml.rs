//! YAML as a tree that knows where everything stands. It must never lose a place: errors point at
//! it. Start with [`parse`].

use super::error::{ConfigError, Place, Source};
use saphyr::{MarkedYaml, Scalar, YamlData};
use serde_json::{Map, Value};

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub data: Data,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Data {
    /// Anything that is one value.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// A mapping in the order of the file.
    Mapping(Vec<(Key, Node)>),
}

/// A key with its place.
#[derive(Debug, Clone)]
pub struct Key {
    /// The key.
    pub name: String,
    /// Where it stands.
    pub place: Place,
}

impl Node {
    /// The value without places, as JSON. Keys keep their order where the map does.
    pub fn to_json(&self) -> Value {
        match &self.data {
            Data::Scalar(value) => value.clone(),
            Data::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Data::Mapping(entries) => {
                let members: Map<String, Value> =
                    entries.iter().map(|(key, node)| (key.name.clone(), node.to_json())).collect();
                Value::Object(members)
            }
        }
    }

    /// Takes these keys out of a mapping.
    pub fn forget(&mut self, names: &[&str]) {
        if let Data::Mapping(entries) = &mut self.data {
            entries.retain(|(key, _)| !names.contains(&key.name.as_str()));
        }
    }

    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match &self.data {
            Data::Scalar(Value::Null) => "nothing",
            Data::Scalar(Value::Bool(_)) => "a boolean",
            Data::Scalar(Value::Number(_)) => "a number",
            Data::Scalar(_) => "a text",
            Data::List(_) => "a list",
            Data::Mapping(_) => "a mapping",
        }
    }
}

/// The one document of a YAML (or JSON) text. An empty file is an empty mapping.
pub fn parse(source: &Source) -> Result<Node, ConfigError> {
    let places = Places::of(&source.text);
    let documents: Vec<MarkedYaml<'_>> = tidegate_yaml::load(&source.text).map_err(|error| {
        let place = Place { start: places.byte(error.marker().index()), len: 1 };
        match error.info() {
            "duplicated key in mapping" => {
                ConfigError::at(source, place, "this key stands here a second time; keep one of the two")
            }
            syntax => ConfigError::at(source, place, format!("this is not YAML: {syntax}")),
        }
    })?;
    match documents.as_slice() {
        [] => Ok(Node { place: Place::default(), data: Data::Mapping(Vec::new()) }),
        [document] => node(source, &places, document),
        [_, second, ..] => Err(ConfigError::at(
            source,
            places.of_node(second),
            "a second document begins here; the file may hold one",
        )),
    }
}

fn node(source: &Source, places: &Places, yaml: &MarkedYaml<'_>) -> Result<Node, ConfigError> {
    let place = places.of_node(yaml);
    let data = match &yaml.data {
        YamlData::Value(scalar) => Data::Scalar(scalar_value(scalar)),
        YamlData::Sequence(items) => {
            Data::List(items.iter().map(|item| node(source, places, item)).collect::<Result<_, _>>()?)
        }
        YamlData::Mapping(entries) => {
            let mut pairs = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let name = match &key.data {
                    YamlData::Value(Scalar::String(text)) => text.to_string(),
                    YamlData::Value(Scalar::Integer(number)) => number.to_string(),
                    YamlData::Value(Scalar::Boolean(truth)) => truth.to_string(),
                    _ => return Err(ConfigError::at(source, places.of_node(key), "a key must be a text")),
                };
                pairs.push((Key { name, place: places.of_node(key) }, node(source, places, value)?));
            }
            Data::Mapping(pairs)
        }
        YamlData::Tagged(_, inner) => return node(source, places, inner),
        _ => return Err(ConfigError::at(source, place, "this value cannot be read")),
    };
    Ok(Node { place, data })
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

/// The parser counts characters, reports count bytes.
struct Places {
    bytes: Vec<usize>,
    len: usize,
}

impl Places {
    fn of(text: &str) -> Self {
        Self { bytes: text.char_indices().map(|(byte, _)| byte).collect(), len: text.len() }
    }

    fn byte(&self, character: usize) -> usize {
        self.bytes.get(character).copied().unwrap_or(self.len)
    }

    fn of_node(&self, yaml: &MarkedYaml<'_>) -> Place {
        let start = self.byte(yaml.span.start.index());
        let end = self.byte(yaml.span.end.index());
        Place { start, len: end.saturating_sub(start).max(1) }
    }
}
