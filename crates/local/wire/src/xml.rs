//! Model-shaped documents as the XML of query and ec2 query.
//!
//! It writes what the shapes name and nothing else, and always well-formed XML 1.0, whatever the strings hold. Start
//! at [`XmlWriter::members`].

use std::fmt::Write;

use serde_json::Value;
use tidegate_models::{Kind, ServiceModel, ShapeId};

use crate::time_text;

/// Writes one XML document into a string.
pub(crate) struct XmlWriter<'m> {
    model: &'m ServiceModel,
    out: String,
}

impl<'m> XmlWriter<'m> {
    /// A writer of values with shapes of `model`.
    pub(crate) fn new(model: &'m ServiceModel) -> Self {
        Self { model, out: String::with_capacity(1024) }
    }

    /// The text so far.
    pub(crate) fn finish(self) -> String {
        self.out
    }

    /// Opens `<name xmlns="…">`.
    pub(crate) fn open_root(&mut self, name: &str, namespace: Option<&str>) {
        open_root(&mut self.out, name, namespace);
    }

    /// Opens `<name>`.
    pub(crate) fn open(&mut self, name: &str) {
        self.out.extend(["<", name, ">"]);
    }

    /// Closes `</name>`.
    pub(crate) fn close(&mut self, name: &str) {
        self.out.extend(["</", name, ">"]);
    }

    /// Writes `<name>text</name>`.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        text_element(&mut self.out, name, text);
    }

    /// Writes the members of a structure, without an element around them.
    pub(crate) fn members(&mut self, shape: ShapeId, document: &Value) {
        let model = self.model;
        let (Kind::Structure(members), Value::Object(values)) = (&model[shape].kind, document) else {
            return;
        };
        for member in members {
            if let Some(value) = values.get(&member.name).filter(|value| !value.is_null()) {
                self.element(member.location_name.as_deref().unwrap_or(&member.name), member.shape, value);
            }
        }
    }

    fn element(&mut self, name: &str, shape: ShapeId, value: &Value) {
        let model = self.model;
        match &model[shape].kind {
            Kind::Structure(_) => {
                self.open(name);
                self.members(shape, value);
                self.close(name);
            }
            Kind::List { member, location_name, flattened } => {
                let entries = value.as_array().map_or(&[][..], Vec::as_slice);
                if *flattened {
                    let name = location_name.as_deref().unwrap_or(name);
                    for entry in entries {
                        self.element(name, *member, entry);
                    }
                } else {
                    let entry_name = location_name.as_deref().unwrap_or("member");
                    self.open(name);
                    for entry in entries {
                        self.element(entry_name, *member, entry);
                    }
                    self.close(name);
                }
            }
            Kind::Map { value: shape, .. } => {
                self.open(name);
                for (key, value) in value.as_object().into_iter().flatten() {
                    self.open("entry");
                    self.text("key", key);
                    self.element("value", *shape, value);
                    self.close("entry");
                }
                self.close(name);
            }
            Kind::Timestamp => match value.as_f64() {
                Some(seconds) => self.text(name, &time_text::iso_8601(seconds)),
                None => self.scalar(name, value),
            },
            _ => self.scalar(name, value),
        }
    }

    fn scalar(&mut self, name: &str, value: &Value) {
        untyped_element(&mut self.out, name, value);
    }
}

/// Opens `<name xmlns="…">` at the end of `out`.
pub(crate) fn open_root(out: &mut String, name: &str, namespace: Option<&str>) {
    out.extend(["<", name]);
    if let Some(namespace) = namespace {
        out.push_str(" xmlns=\"");
        escape(out, namespace);
        out.push('"');
    }
    out.push('>');
}

/// Writes `<name>text</name>` at the end of `out`.
pub(crate) fn text_element(out: &mut String, name: &str, text: &str) {
    out.extend(["<", name, ">"]);
    escape(out, text);
    out.extend(["</", name, ">"]);
}

/// Writes a value that has no shape: text as it is, a list with `member` elements, an object by its names.
pub(crate) fn untyped_element(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::String(text) => text_element(out, name, text),
        Value::Array(entries) => {
            out.extend(["<", name, ">"]);
            for entry in entries {
                untyped_element(out, "member", entry);
            }
            out.extend(["</", name, ">"]);
        }
        Value::Object(members) => {
            out.extend(["<", name, ">"]);
            for (name, value) in members {
                untyped_element(out, name, value);
            }
            out.extend(["</", name, ">"]);
        }
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) => {
            let written = write!(out, "<{name}>{value}</{name}>");
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        }
    }
}

/// Appends `text` so that a reader gets it back: line ends that XML would change are written as references, and the
/// characters that XML 1.0 cannot hold at all become the replacement character.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            '\t' | '\n' => out.push(character),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            _ => out.push(character),
        }
    }
}
