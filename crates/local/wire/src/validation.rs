//! The model's constraints, and AWS's own words for what breaks them.
//!
//! It judges a document that already has the model's shape: what is required, lengths, ranges, patterns, enums. A
//! value of a sensitive shape never appears in a text, and a long one is cut. Start at [`violations`].

use std::{collections::HashMap, fmt::Write};

use serde_json::Value;
use tidegate_models::{Kind, ServiceModel, Shape, ShapeId};

use crate::pattern::Pattern;

/// The compiled patterns of a model's shapes.
pub(crate) type Patterns = HashMap<ShapeId, Pattern>;

/// How many violations are told at once; a request that breaks more has told enough.
const MAX_TOLD: usize = 10;

/// How many characters of a value are repeated.
const MAX_SHOWN: usize = 128;

/// What is wrong with a document.
#[derive(Debug)]
pub(crate) struct Violations {
    /// All of it in AWS's words: `2 validation errors detected: …; …`.
    pub text: String,
    /// Where the first required member is missing, if one is.
    pub missing: Option<String>,
}

/// All that is wrong with `document`; `None` when nothing is.
pub(crate) fn violations(
    model: &ServiceModel,
    patterns: &Patterns,
    input: ShapeId,
    document: &Value,
) -> Option<Violations> {
    let mut judge = Judge { model, patterns, found: Vec::new(), missing: None };
    judge.value(input, document, &Place::Root, Secrecy::Shown);
    let text = match judge.found.as_slice() {
        [] => return None,
        [one] => format!("1 validation error detected: {one}"),
        many => format!("{} validation errors detected: {}", many.len(), many.join("; ")),
    };
    Some(Violations { text, missing: judge.missing })
}

/// Whether a value may be repeated in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    Shown,
    Hidden,
}

/// Where in the document a value stands.
enum Place<'a> {
    Root,
    Member(&'a Place<'a>, &'a str),
    Entry(&'a Place<'a>, usize),
    Value(&'a Place<'a>, &'a str),
}

impl Place<'_> {
    fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// As AWS writes it: `actions.1.member.forwardConfig`, each name with a small first letter.
    fn write(&self, out: &mut String) {
        let (outer, text) = match self {
            Self::Root => return,
            Self::Member(outer, name) => (outer, uncapitalised(name)),
            Self::Entry(outer, at) => (outer, format!("{}.member", at + 1)),
            Self::Value(outer, key) => (outer, format!("{}.member", cut(key))),
        };
        outer.write(out);
        if !out.is_empty() {
            out.push('.');
        }
        out.push_str(&text);
    }
}

fn uncapitalised(name: &str) -> String {
    let mut name = name.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    name
}

struct Judge<'a> {
    model: &'a ServiceModel,
    patterns: &'a Patterns,
    found: Vec<String>,
    missing: Option<String>,
}

impl Judge<'_> {
    fn value(&mut self, id: ShapeId, value: &Value, place: &Place<'_>, secrecy: Secrecy) {
        let model = self.model;
        let shape = &model[id];
        let secrecy = if shape.sensitive { Secrecy::Hidden } else { secrecy };
        for constraint in self.broken(id, value) {
            self.tell(id, value, place, secrecy, &constraint);
        }
        if self.found.len() >= MAX_TOLD {
            return;
        }
        match (&shape.kind, value) {
            (Kind::Structure(members), Value::Object(given)) => {
                for member in members {
                    let place = Place::Member(place, &member.name);
                    match given.get(&member.name) {
                        Some(value) => self.value(member.shape, value, &place, secrecy),
                        None if member.required => {
                            self.missing.get_or_insert_with(|| place.text());
                            self.tell(
                                member.shape,
                                &Value::Null,
                                &place,
                                Secrecy::Shown,
                                "Member must not be null",
                            );
                        }
                        None => {}
                    }
                }
            }
            (Kind::List { member, .. }, Value::Array(given)) => {
                if given.iter().any(Value::is_null) {
                    self.tell(id, value, place, secrecy, "Member must not be null");
                } else if is_plain(&model[*member].kind) {
                    // AWS tells this of the list, and lists all that it asks of an entry, broken or not.
                    if given.iter().any(|entry| !self.broken(*member, entry).is_empty()) {
                        let secrecy = if model[*member].sensitive { Secrecy::Hidden } else { secrecy };
                        let all = constraints(&model[*member]).join(", ");
                        self.tell(
                            id,
                            value,
                            place,
                            secrecy,
                            &format!("Member must satisfy constraint: [{all}]"),
                        );
                    }
                } else {
                    for (at, entry) in given.iter().enumerate() {
                        self.value(*member, entry, &Place::Entry(place, at), secrecy);
                    }
                }
            }
            (Kind::Map { key, value: inner }, Value::Object(given)) => {
                let is_broken =
                    |key_value: &String| !self.broken(*key, &Value::String(key_value.clone())).is_empty();
                if has_constraints(&model[*key]) && given.keys().any(is_broken) {
                    let all = constraints(&model[*key]).join(", ");
                    self.tell(
                        id,
                        value,
                        place,
                        secrecy,
                        &format!("Map keys must satisfy constraint: [{all}]"),
                    );
                }
                if is_plain(&model[*inner].kind) {
                    if given.values().any(|entry| !self.broken(*inner, entry).is_empty()) {
                        let secrecy = if model[*inner].sensitive { Secrecy::Hidden } else { secrecy };
                        let all = constraints(&model[*inner]).join(", ");
                        self.tell(
                            id,
                            value,
                            place,
                            secrecy,
                            &format!("Map value must satisfy constraint: [{all}]"),
                        );
                    }
                } else {
                    for (name, entry) in given {
                        self.value(*inner, entry, &Place::Value(place, name), secrecy);
                    }
                }
            }
            _ => {}
        }
    }

    /// The constraints of its own shape that `value` breaks.
    fn broken(&self, id: ShapeId, value: &Value) -> Vec<String> {
        let shape = &self.model[id];
        if shape.union && value.as_object().is_some_and(|given| given.len() != 1) {
            return vec!["Member must have exactly one of its members".to_owned()];
        }
        if !has_constraints(shape) {
            return Vec::new();
        }
        let size = match value {
            Value::String(text) if matches!(shape.kind, Kind::Blob) => Some(blob_length(text) as f64),
            Value::String(text) => Some(text.chars().count() as f64),
            Value::Array(entries) => Some(entries.len() as f64),
            Value::Object(entries) => Some(entries.len() as f64),
            Value::Number(number) => number.as_f64(),
            _ => None,
        };
        let mut broken = Vec::new();
        if let (Some(size), Some(max)) = (size, shape.max.filter(|_| is_sized(&shape.kind))) {
            broken.extend((size > max).then(|| at_most(&shape.kind, max)));
        }
        if let (Some(size), Some(min)) = (size, shape.min.filter(|_| is_sized(&shape.kind))) {
            broken.extend((size < min).then(|| at_least(&shape.kind, min)));
        }
        if let Value::String(text) = value {
            if let Some((pattern, expression)) = shape.pattern.as_ref().zip(self.patterns.get(&id)) {
                broken.extend((!expression.is_match(text)).then(|| matching(pattern)));
            }
            if !shape.values.is_empty() && !shape.values.contains(text) {
                broken.push(one_of(&shape.values));
            }
        }
        broken
    }

    fn tell(&mut self, id: ShapeId, value: &Value, place: &Place<'_>, secrecy: Secrecy, constraint: &str) {
        if self.found.len() >= MAX_TOLD {
            return;
        }
        let at = place.text();
        let value = match (secrecy, value) {
            (Secrecy::Hidden, _) => String::new(),
            (Secrecy::Shown, Value::Null) => " null".to_owned(),
            (Secrecy::Shown, value) => {
                let mut shown = String::new();
                show(self.model, id, value, &mut shown);
                format!(" '{}'", cut(&shown))
            }
        };
        self.found.push(format!("Value{value} at '{at}' failed to satisfy constraint: {constraint}"));
    }
}

/// All that a shape asks of its values, in the order in which AWS lists it.
fn constraints(shape: &Shape) -> Vec<String> {
    let mut all = Vec::new();
    all.extend(shape.max.map(|max| at_most(&shape.kind, max)));
    all.extend(shape.min.map(|min| at_least(&shape.kind, min)));
    all.extend(shape.pattern.as_deref().map(matching));
    if !shape.values.is_empty() {
        all.push(one_of(&shape.values));
    }
    all
}

fn has_constraints(shape: &Shape) -> bool {
    shape.min.is_some() || shape.max.is_some() || shape.pattern.is_some() || !shape.values.is_empty()
}

fn is_plain(kind: &Kind) -> bool {
    !matches!(kind, Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. } | Kind::Document)
}

/// Whether a bound of the shape is a bound of what is counted here.
fn is_sized(kind: &Kind) -> bool {
    !matches!(kind, Kind::Document | Kind::Structure(_))
}

/// How many bytes a blob has, which stands in a document as base64.
fn blob_length(base64: &str) -> usize {
    base64.trim_end_matches('=').len() * 3 / 4
}

fn at_most(kind: &Kind, max: f64) -> String {
    format!("Member must have {} less than or equal to {max}", measure(kind))
}

fn at_least(kind: &Kind, min: f64) -> String {
    format!("Member must have {} greater than or equal to {min}", measure(kind))
}

fn measure(kind: &Kind) -> &'static str {
    match kind {
        Kind::Integer | Kind::Long | Kind::Double => "value",
        _ => "length",
    }
}

fn matching(pattern: &str) -> String {
    format!("Member must satisfy regular expression pattern: {pattern}")
}

fn one_of(values: &[String]) -> String {
    format!("Member must satisfy enum value set: [{}]", values.join(", "))
}

/// A value as AWS repeats it: lists as `[a, b]`, structures and maps as `{a=b}`. Stops soon after what will be shown.
fn show(model: &ServiceModel, id: ShapeId, value: &Value, out: &mut String) {
    let shape = &model[id];
    if out.len() > MAX_SHOWN * 4 {
        return;
    }
    if shape.sensitive {
        out.push_str("***");
        return;
    }
    match (&shape.kind, value) {
        (_, Value::String(text)) => out.extend(text.chars().take(MAX_SHOWN + 1)),
        (Kind::List { member, .. }, Value::Array(entries)) => {
            out.push('[');
            for (at, entry) in entries.iter().take(MAX_SHOWN).enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                show(model, *member, entry, out);
            }
            out.push(']');
        }
        (Kind::Structure(members), Value::Object(given)) => {
            let shown = members
                .iter()
                .filter_map(|member| Some((&member.name, member.shape, given.get(&member.name)?)));
            show_entries(model, shown, out);
        }
        (Kind::Map { value: inner, .. }, Value::Object(given)) => {
            show_entries(model, given.iter().map(|(name, entry)| (name, *inner, entry)), out);
        }
        (_, Value::Null | Value::Bool(_) | Value::Number(_)) => {
            let written = write!(out, "{value}");
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        }
        (_, Value::Array(_) | Value::Object(_)) => out.push_str("..."),
    }
}

fn show_entries<'v>(
    model: &ServiceModel,
    entries: impl Iterator<Item = (&'v String, ShapeId, &'v Value)>,
    out: &mut String,
) {
    out.push('{');
    for (at, (name, shape, entry)) in entries.take(MAX_SHOWN).enumerate() {
        out.push_str(if at == 0 { "" } else { ", " });
        out.extend([name, "="]);
        show(model, shape, entry, out);
    }
    out.push('}');
}

/// At most [`MAX_SHOWN`] characters of `text`.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
