//! One mapping of the config file, read key by key. A key that nobody took is a mistake, answered
//! with the nearest one that exists. Start with [`Section::of`].

use super::duration;
use super::error::{ConfigError, Place, Source};
use super::yaml::{Data, Key, Node};
use serde_json::Value;
use tidegate_rollout::Percent;

/// A mapping, and the keys that it may have.
pub struct Section<'a> {
    source: &'a Source,
    entries: &'a [(Key, Node)],
    known: &'static [&'static str],
}

impl<'a> Section<'a> {
    /// Checks that the node is a mapping and holds only known keys.
    pub fn of(
        source: &'a Source,
        node: &'a Node,
        name: &str,
        known: &'static [&'static str],
    ) -> Result<Self, ConfigError> {
        let Data::Mapping(entries) = &node.data else {
            let what = format!("{name} must be a mapping, and this is {}", node.kind());
            return Err(ConfigError::at(source, node.place, what));
        };
        for (key, _) in entries {
            if !known.contains(&key.name.as_str()) {
                return Err(unknown(source, key, name, known));
            }
        }
        Ok(Self { source, entries, known })
    }

    /// The node under a key; an empty value is as good as none.
    pub fn node(&self, name: &str) -> Option<&'a Node> {
        debug_assert!(self.known.contains(&name), "a key is read that the section does not list");
        self.entries
            .iter()
            .find(|(key, _)| key.name == name)
            .map(|(_, node)| node)
            .filter(|node| !matches!(node.data, Data::Scalar(Value::Null)))
    }

    /// Where a key stands.
    pub fn key_place(&self, name: &str) -> Option<Place> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(key, _)| key.place)
    }

    /// A text. Numbers and booleans are taken as they are written: `service: 1` is a name.
    pub fn text(&self, name: &str) -> Result<Option<String>, ConfigError> {
        self.node(name).map(|node| text(self.source, node, name)).transpose()
    }

    /// `true` or `false`.
    pub fn truth(&self, name: &str) -> Result<Option<bool>, ConfigError> {
        self.node(name)
            .map(|node| match &node.data {
                Data::Scalar(Value::Bool(truth)) => Ok(*truth),
                _ => Err(self.wrong(node, name, "true or false")),
            })
            .transpose()
    }

    /// A whole number from 1 on.
    pub fn count(&self, name: &str) -> Result<Option<u32>, ConfigError> {
        self.node(name)
            .map(|node| match &node.data {
                Data::Scalar(Value::Number(number)) => number
                    .as_u64()
                    .and_then(|n| u32::try_from(n).ok())
                    .filter(|n| *n > 0)
                    .ok_or_else(|| self.wrong(node, name, "a whole number from 1 on")),
                _ => Err(self.wrong(node, name, "a whole number from 1 on")),
            })
            .transpose()
    }

    /// A number; `99%` is 99.
    pub fn number(&self, name: &str) -> Result<Option<f64>, ConfigError> {
        self.node(name).map(|node| number(self.source, node, name)).transpose()
    }

    /// A share of traffic: `25`, `0.5` or `25%`.
    pub fn share(&self, name: &str) -> Result<Option<Percent>, ConfigError> {
        self.node(name).map(|node| share(self.source, node, name)).transpose()
    }

    /// A time, in milliseconds: `90s`, `15m`, or a number of seconds.
    pub fn time(&self, name: &str) -> Result<Option<i64>, ConfigError> {
        let Some(node) = self.node(name) else { return Ok(None) };
        let given = text(self.source, node, name)?;
        let read = duration::parse_millis(&given);
        read.map(Some).map_err(|wrong| ConfigError::at(self.source, node.place, wrong))
    }

    /// What must be there.
    pub fn required(&self, name: &str, section: &str, at: Place) -> Result<&'a Node, ConfigError> {
        self.node(name).ok_or_else(|| ConfigError::at(self.source, at, format!("{section} needs `{name}`")))
    }

    /// Names with texts, in the order of the file.
    pub fn texts(&self, name: &str) -> Result<Vec<(String, String)>, ConfigError> {
        let Some(node) = self.node(name) else {
            return Ok(Vec::new());
        };
        let Data::Mapping(entries) = &node.data else {
            return Err(self.wrong(node, name, "a mapping of names to texts"));
        };
        entries
            .iter()
            .map(|(key, value)| Ok((key.name.clone(), text(self.source, value, &key.name)?)))
            .collect()
    }

    fn wrong(&self, node: &Node, name: &str, wanted: &str) -> ConfigError {
        ConfigError::at(
            self.source,
            node.place,
            format!("{name} must be {wanted}, and this is {}", node.kind()),
        )
    }
}

/// A number; `99%` is 99.
pub fn number(source: &Source, node: &Node, name: &str) -> Result<f64, ConfigError> {
    let number = match &node.data {
        Data::Scalar(Value::Number(number)) => number.as_f64(),
        Data::Scalar(Value::String(text)) => {
            text.trim().strip_suffix('%').and_then(|number| number.trim().parse().ok())
        }
        _ => None,
    };
    number.ok_or_else(|| {
        ConfigError::at(source, node.place, format!("{name} must be a number, such as 5 or 5%"))
    })
}

/// A share of traffic.
pub fn share(source: &Source, node: &Node, name: &str) -> Result<Percent, ConfigError> {
    Percent::parse(number(source, node, name)?)
        .map_err(|error| ConfigError::at(source, node.place, error.to_string()))
}

/// A scalar as a text.
pub fn text(source: &Source, node: &Node, name: &str) -> Result<String, ConfigError> {
    match &node.data {
        Data::Scalar(Value::String(text)) => Ok(text.clone()),
        Data::Scalar(value @ (Value::Number(_) | Value::Bool(_))) => Ok(value.to_string()),
        _ => Err(ConfigError::at(
            source,
            node.place,
            format!("{name} must be a text, and this is {}", node.kind()),
        )),
    }
}

fn unknown(source: &Source, key: &Key, section: &str, known: &[&str]) -> ConfigError {
    let error = ConfigError::at(source, key.place, format!("unknown key `{}` in {section}", key.name));
    let nearest = known
        .iter()
        .map(|name| (strsim::jaro_winkler(&key.name.to_lowercase(), &name.to_lowercase()), *name))
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .filter(|(likeness, _)| *likeness > 0.75);
    match nearest {
        Some((_, name)) => error.with_help(format!("did you mean `{name}`?")),
        None => error.with_help(format!("it may have: {}", known.join(", "))),
    }
}
