//! Inputs by shape, drawn so that calls often mean the same things, and what earlier replies named.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use serde_json::{Map, Value, json};
use tidegate_models::{Kind, ServiceModel, Shape, ShapeId};

/// How many texts of one member are kept in mind.
const KEPT: usize = 6;

/// The texts of earlier replies, by the member that they stood in.
#[derive(Default)]
pub(super) struct Memory(BTreeMap<String, VecDeque<String>>);

impl Memory {
    pub(super) fn remember(&mut self, name: &str, value: &Value) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| self.remember(name, value)),
            Value::Array(items) => items.iter().for_each(|item| self.remember(name, item)),
            Value::String(text) => {
                let known = self.0.entry(key(name)).or_default();
                if !known.contains(text) {
                    known.push_back(text.clone());
                    if known.len() > KEPT {
                        known.pop_front();
                    }
                }
            }
            _ => {}
        }
    }

    /// A text that stood where a member `name` asks for one: `task` is answered by `taskArns`, too.
    fn recall(&self, name: &str, rng: &mut Rng) -> Option<String> {
        let name = key(name);
        let name = name.strip_prefix("primary").unwrap_or(&name);
        let known = [name.to_owned(), format!("{name}arn"), format!("{name}name")];
        let known: Vec<&String> = known.iter().filter_map(|name| self.0.get(name)).flatten().collect();
        (!known.is_empty()).then(|| known[rng.usize(..known.len())].clone())
    }
}

fn key(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    name.strip_suffix('s').map_or_else(|| name.clone(), str::to_owned)
}

/// What the members of a world's inputs are usually given.
pub(super) type Words = Vec<(&'static [&'static str], Vec<String>)>;

/// Values by shape.
pub(super) struct Inputs<'a> {
    pub(super) model: &'static ServiceModel,
    pub(super) words: &'a Words,
    pub(super) memory: &'a Memory,
    pub(super) rng: &'a mut Rng,
}

impl<'a> Inputs<'a> {
    /// The input of a call: often an example with a member or two changed, else anything at all.
    pub(super) fn of(&mut self, operation: &str, example: Option<&Value>) -> Value {
        let Some(shape) = self.model.operation(operation).and_then(|operation| operation.input) else {
            return json!({});
        };
        match example {
            Some(example) if self.rng.usize(..4) > 0 => self.changed("", shape, example),
            _ => self.value("", shape, 0),
        }
    }

    /// A known input with some of it changed.
    fn changed(&mut self, name: &str, id: ShapeId, example: &Value) -> Value {
        if self.rng.usize(..60) == 0 {
            return self.value(name, id, 1);
        }
        match (&self.model[id].kind, example) {
            (Kind::Structure(members), Value::Object(given)) => {
                let mut object = Map::new();
                for member in members {
                    let value = match given.get(&member.name) {
                        Some(_) if !member.required && self.rng.usize(..60) == 0 => continue,
                        Some(value) => self.changed(&member.name, member.shape, value),
                        None if self.rng.usize(..60) == 0 => self.value(&member.name, member.shape, 2),
                        None => continue,
                    };
                    object.insert(member.name.clone(), value);
                }
                Value::Object(object)
            }
            (Kind::List { member, .. }, Value::Array(items)) => {
                items.iter().map(|item| self.changed(name, *member, item)).collect()
            }
            (Kind::String, _) if self.usual(name).is_some() && self.rng.usize(..8) == 0 => {
                self.value(name, id, 1)
            }
            _ => example.clone(),
        }
    }

    /// The words that a member usually has.
    fn usual(&self, name: &str) -> Option<&'a [String]> {
        self.words.iter().find(|(names, _)| names.contains(&name)).map(|(_, words)| words.as_slice())
    }

    fn value(&mut self, name: &str, id: ShapeId, depth: usize) -> Value {
        let shape = &self.model[id];
        match &shape.kind {
            Kind::Structure(members) => {
                let mut object = Map::new();
                for member in members {
                    // Deep and rare members less often, so that some calls are simple enough to be accepted.
                    if member.required || self.rng.usize(..3 + 2 * depth) == 0 {
                        object.insert(member.name.clone(), self.value(&member.name, member.shape, depth + 1));
                    }
                }
                Value::Object(object)
            }
            Kind::List { member, .. } => {
                let count = self.rng.usize(..3);
                (0..count).map(|_| self.value(name, *member, depth + 1)).collect()
            }
            Kind::Map { key, value } => {
                let key = self.text("key", &self.model[*key]);
                json!({ key: self.value(name, *value, depth + 1) })
            }
            Kind::String => self.text(name, shape).into(),
            Kind::Integer => self.number(name).into(),
            Kind::Long => self.one_of(&[0, 1, 1_790_000_000, i64::MAX, i64::MIN]).into(),
            Kind::Double => {
                let random = self.rng.f64();
                self.one_of(&[random, 0.0, 1.0, 50.0, 100.0, -1.0, f64::MAX]).into()
            }
            Kind::Boolean => self.rng.bool().into(),
            Kind::Timestamp => {
                self.one_of(&[1_790_000_000.5, 1_790_000_060.0, 1_789_999_400.0, 0.0, -1.0, 4e9]).into()
            }
            Kind::Blob => "AAAA".into(),
            Kind::Document => json!({}),
        }
    }

    fn text(&mut self, name: &str, shape: &Shape) -> String {
        if !shape.values.is_empty() {
            return shape.values[self.rng.usize(..shape.values.len())].clone();
        }
        let words = self.usual(name);
        match (words, self.rng.usize(..12)) {
            (_, 0) => {}
            (Some(words), 1..8) => return words[self.rng.usize(..words.len())].clone(),
            _ => {
                if let Some(known) = self.memory.recall(name, self.rng) {
                    return known;
                }
                if let Some(words) = words {
                    return words[self.rng.usize(..words.len())].clone();
                }
            }
        }
        let odd = ["", "x", "ä ☃", "arn:aws:ecs:eu-west-1:123456789012:cluster/prod", "0", "/", ":", "*"];
        self.one_of(&odd).to_owned()
    }

    fn number(&mut self, name: &str) -> i32 {
        let usual: &[i32] = match name {
            "desiredCount" | "count" => &[0, 1, 3, -1],
            "containerPort" | "hostPort" | "ContainerPort" => &[8080, 0, -1, 65_536],
            "Port" => &[80, 8080, 8443, 0],
            "Priority" => &[1, 2, 3, 50_000, 0],
            "maxResults" | "MaxResults" | "MaxRecords" | "PageSize" => &[1, 2, 100, 0, -1],
            "memory" | "memoryReservation" => &[64, 0],
            "Period" => &[10, 60, 300, 0, 7, i32::MAX],
            "EvaluationPeriods" | "DatapointsToAlarm" => &[1, 2, 3, 0, i32::MAX],
            _ => &[0, 1, 50, 100, 200, i32::MAX, i32::MIN],
        };
        self.one_of(usual)
    }

    fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.rng.usize(..items.len())]
    }
}
