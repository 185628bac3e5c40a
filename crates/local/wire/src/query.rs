//! Query and ec2 query parameters as model-shaped documents.
//!
//! `Tags.member.2.Key=a` is a path through the shapes; the parameters come sorted, so that all under one path stand
//! together and nothing is copied to find them. What is allocated is bounded by the number of parameters, never by an
//! index that one of them names. Start at [`decode`].

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Map, Number, Value};
use tidegate_models::{Kind, Member, ServiceModel, ShapeId};

use crate::{
    json,
    malformed::{MAX_DEPTH, Malformed},
    params::{Param, Params},
    time_text,
};

/// Which of the two dialects the parameters are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `X.member.N`, names as the model has them.
    Query,
    /// `X.N`, names with a capital.
    Ec2,
}

/// Reads parameters by the shape of the operation's request. Parameters that the model does not name are ignored.
pub(crate) fn decode(
    model: &ServiceModel,
    dialect: Dialect,
    input: Option<ShapeId>,
    params: &Params<'_>,
) -> Result<Value, Malformed> {
    let root = Node { exact: None, under: params.sorted(), prefix: 0 };
    let document = match input {
        Some(shape) => Reader { model, dialect }.value(shape, root, 0)?,
        None => None,
    };
    Ok(document.unwrap_or_else(|| Value::Object(Map::new())))
}

/// One place in the tree that the names of the parameters span.
#[derive(Clone, Copy)]
struct Node<'a> {
    /// The value of the parameter whose name ends here.
    exact: Option<&'a str>,
    /// The parameters whose names go on from here, sorted.
    under: &'a [Param<'a>],
    /// How much of those names leads here, with the point after it.
    prefix: usize,
}

impl Node<'_> {
    /// The place called `name` under this one; `None` when no parameter leads there.
    fn child(self, name: &str) -> Option<Self> {
        let start = self.prefix;
        let (name, prefix) = (name.as_bytes(), self.prefix + name.len() + 1);
        let from = self.under.partition_point(|param| rest(param, start) < name);
        let exact =
            self.under.get(from).filter(|param| rest(param, start) == name).map(|param| &*param.value);
        let path = || name.iter().chain(b".");
        let from = self.under.partition_point(|param| rest(param, start).iter().lt(path()));
        let under = self.under.get(from..).unwrap_or_default();
        let leads_there = |param: &Param<'_>| {
            param.name.as_bytes().get(self.prefix..prefix).is_some_and(|part| part.iter().eq(path()))
        };
        let under = under.get(..under.partition_point(leads_there)).unwrap_or_default();
        (exact.is_some() || !under.is_empty()).then_some(Self { exact, under, prefix })
    }

    /// The numbered places under this one, by number. Numbers may have gaps; AWS closes them.
    fn entries(self) -> BTreeMap<u64, Self> {
        let mut entries = BTreeMap::new();
        let mut rest = self.under;
        while let Some(first) = rest.first() {
            let name = first.name.get(self.prefix..).unwrap_or_default();
            let segment = name.split_once('.').map_or(name, |(segment, _)| segment);
            let step = match index(segment) {
                Some(index) => {
                    let child = Self { under: rest, ..self }.child(segment);
                    let length =
                        child.map_or(0, |child| child.under.len() + usize::from(child.exact.is_some()));
                    if let Some(child) = child {
                        entries.entry(index).or_insert(child);
                    }
                    length.max(1)
                }
                None => 1,
            };
            rest = rest.get(step..).unwrap_or_default();
        }
        entries
    }
}

/// The name of `param` from `start` on.
fn rest<'p>(param: &'p Param<'_>, start: usize) -> &'p [u8] {
    param.name.as_bytes().get(start..).unwrap_or_default()
}

/// A number as a list's index is written: from 1, without leading zeros.
fn index(segment: &str) -> Option<u64> {
    let digits = segment.bytes().all(|byte| byte.is_ascii_digit()) && !segment.starts_with('0');
    if digits { segment.parse().ok() } else { None }
}

struct Reader<'m> {
    model: &'m ServiceModel,
    dialect: Dialect,
}

impl Reader<'_> {
    fn value(&self, shape: ShapeId, node: Node<'_>, depth: usize) -> Result<Option<Value>, Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed::TooDeep);
        }
        let kind = &self.model[shape].kind;
        match kind {
            Kind::Structure(members) => {
                let mut document = Map::new();
                for member in members {
                    let Some(child) = node.child(&self.name(member)) else { continue };
                    if let Some(value) = self.value(member.shape, child, depth + 1)? {
                        document.insert(member.name.clone(), value);
                    }
                }
                Ok(Some(Value::Object(document)))
            }
            Kind::List { member, location_name, flattened } => {
                let wrapped = match self.dialect {
                    Dialect::Query if !flattened => node.child(location_name.as_deref().unwrap_or("member")),
                    Dialect::Query | Dialect::Ec2 => None,
                };
                let mut list = Vec::new();
                for entry in wrapped.unwrap_or(node).entries().into_values() {
                    list.extend(self.value(*member, entry, depth + 1)?);
                }
                Ok(unless_absent(Value::Array(list), node))
            }
            Kind::Map { key, value } => {
                let mut document = Map::new();
                for entry in node.child("entry").unwrap_or(node).entries().into_values() {
                    let (Some(name), Some(child)) = (entry.child("key"), entry.child("value")) else {
                        continue;
                    };
                    let name = self.value(*key, name, depth + 1)?;
                    if let (Some(Value::String(name)), Some(child)) =
                        (name, self.value(*value, child, depth + 1)?)
                    {
                        document.insert(name, child);
                    }
                }
                Ok(unless_absent(Value::Object(document), node))
            }
            _ => node.exact.map(|text| scalar(kind, text)).transpose(),
        }
    }

    /// The name of a member in this dialect. A flattened list goes by the name of its entries.
    fn name<'m>(&'m self, member: &'m Member) -> Cow<'m, str> {
        let own = member.location_name.as_deref();
        match (self.dialect, &self.model[member.shape].kind, &member.query_name) {
            (Dialect::Query, Kind::List { location_name: Some(name), flattened: true, .. }, _) => {
                Cow::Borrowed(name)
            }
            (Dialect::Query, _, _) => Cow::Borrowed(own.unwrap_or(&member.name)),
            (Dialect::Ec2, _, Some(name)) => Cow::Borrowed(name),
            (Dialect::Ec2, _, None) => capitalised(own.unwrap_or(&member.name)),
        }
    }
}

/// A list or map is there when it has entries, or when it is sent as empty: `Tags=`.
fn unless_absent(value: Value, node: Node<'_>) -> Option<Value> {
    let empty = value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty);
    (!empty || node.exact.is_some()).then_some(value)
}

fn capitalised(name: &str) -> Cow<'_, str> {
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Cow::Borrowed(name);
    }
    let mut owned = name.to_owned();
    if let Some(first) = owned.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Cow::Owned(owned)
}

fn scalar(kind: &Kind, text: &str) -> Result<Value, Malformed> {
    let number = |number: Option<Number>| {
        number.map(Value::Number).ok_or_else(|| Malformed::scalar("STRING_VALUE", kind))
    };
    match kind {
        Kind::Integer => number(text.trim().parse::<i32>().ok().map(Number::from)),
        Kind::Long => number(text.trim().parse::<i64>().ok().map(Number::from)),
        Kind::Double => number(text.trim().parse().ok().and_then(Number::from_f64)),
        Kind::Timestamp => number(time_text::parse_seconds(text.trim()).and_then(Number::from_f64)),
        Kind::Boolean if text.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
        Kind::Boolean if text.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
        Kind::String => Ok(Value::String(text.to_owned())),
        Kind::Blob if json::is_base64(text) => Ok(Value::String(text.to_owned())),
        _ => Err(Malformed::scalar("STRING_VALUE", kind)),
    }
}
