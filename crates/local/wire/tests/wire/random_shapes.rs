//! Random services with random documents, and the client's side of the form protocols.
//!
//! Written from the protocols' rules on their own, not by the code under test, so that a mistake does not cancel
//! itself out. Start at [`service`].

use std::fmt::Write;

use proptest::{collection, option, prelude::*};
use quick_xml::{Reader, events::Event};
use serde_json::{Map, Number, Value, json};

/// A random shape.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    String,
    Integer,
    Long,
    Double,
    Boolean,
    Timestamp,
    Blob,
    List { entry: Box<Shape>, name: Option<String> },
    Map(Box<Shape>),
    Structure(Vec<Member>),
}

/// A member of a random structure.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub name: String,
    pub location: Option<String>,
    pub query: Option<String>,
    /// Only a list that is a member can stand without an element around it.
    pub flattened: bool,
    pub shape: Shape,
}

/// A structure and a document of it.
pub(crate) fn service() -> impl Strategy<Value = (Shape, Value)> {
    structure(shape().boxed()).prop_flat_map(|shape| {
        let document = document(&shape);
        (Just(shape), document)
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        Just(Shape::String),
        Just(Shape::Integer),
        Just(Shape::Long),
        Just(Shape::Double),
        Just(Shape::Boolean),
        Just(Shape::Timestamp),
        Just(Shape::Blob),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (inner.clone(), option::of(Just("item".to_owned())))
                .prop_map(|(entry, name)| Shape::List { entry: Box::new(entry), name }),
            inner.clone().prop_map(|value| Shape::Map(Box::new(value))),
            structure(inner.boxed()),
        ]
    })
}

fn structure(inner: BoxedStrategy<Shape>) -> impl Strategy<Value = Shape> {
    collection::vec((inner, any::<[bool; 4]>()), 1..5).prop_map(|members| {
        let member =
            |(at, (shape, [small, located, queried, flattened])): (usize, (Shape, [bool; 4]))| Member {
                name: if small { format!("member{at}") } else { format!("Member{at}") },
                location: located.then(|| format!("location{at}")),
                query: queried.then(|| format!("Query{at}")),
                flattened: flattened && matches!(shape, Shape::List { .. }),
                shape: match shape {
                    // Entries of a flattened list go by this name alone, so it must be the member's own.
                    Shape::List { entry, name: Some(_) } if flattened => {
                        Shape::List { entry, name: Some(format!("Entry{at}")) }
                    }
                    shape => shape,
                },
            };
        Shape::Structure(members.into_iter().enumerate().map(member).collect())
    })
}

fn document(shape: &Shape) -> BoxedStrategy<Value> {
    match shape {
        // Everything but what XML 1.0 cannot hold.
        Shape::String => "[ -~\t\r\n\u{e4}\u{2603}\u{1f600}]{0,12}".prop_map(Value::String).boxed(),
        Shape::Integer => any::<i32>().prop_map(Value::from).boxed(),
        Shape::Long => any::<i64>().prop_map(Value::from).boxed(),
        // Nine digits at a moderate scale: beyond that the JSON parser may lose the last bit.
        Shape::Double => (-999_999_999..1_000_000_000, -12..12)
            .prop_filter_map("finite", |(digits, scale)| {
                Number::from_f64(format!("{digits}e{scale}").parse().unwrap_or(f64::NAN))
            })
            .prop_map(Value::Number)
            .boxed(),
        Shape::Boolean => any::<bool>().prop_map(Value::Bool).boxed(),
        Shape::Timestamp => (0..4_000_000_000_000_i64)
            .prop_filter_map("finite", |millis| Number::from_f64(millis as f64 / 1000.0))
            .prop_map(Value::Number)
            .boxed(),
        Shape::Blob => "([A-Za-z0-9+/]{4}){0,3}".prop_map(Value::String).boxed(),
        Shape::List { entry, .. } => collection::vec(document(entry), 0..4).prop_map(Value::Array).boxed(),
        Shape::Map(value) => collection::btree_map("[a-z.&<]{1,5}", document(value), 0..3)
            .prop_map(|entries| Value::Object(entries.into_iter().collect()))
            .boxed(),
        Shape::Structure(members) => {
            let mut strategy = Just(Map::new()).boxed();
            for (at, member) in members.iter().enumerate() {
                let name = member.name.clone();
                // A flattened list leaves no trace in XML when it is empty; the first member is always there, since a
                // structure without members leaves none in a query.
                let flattened = member.flattened;
                let value = document(&member.shape)
                    .prop_filter("a flattened list has entries", move |value| {
                        !flattened || value != &json!([])
                    });
                let value = if at == 0 { value.prop_map(Some).boxed() } else { option::of(value).boxed() };
                strategy = (strategy, value)
                    .prop_map(move |(mut document, value)| {
                        document.extend(value.map(|value| (name.clone(), value)));
                        document
                    })
                    .boxed();
            }
            strategy.prop_map(Value::Object).boxed()
        }
    }
}

/// The table of a service with one operation, `Echo`, whose request and response both are `shape`.
pub(crate) fn table(shape: &Shape, protocols: &[&str]) -> String {
    let mut shapes = Map::new();
    let root = add(shape, false, &mut shapes);
    json!({
        "signingName": "random", "protocol": protocols[0], "protocols": protocols, "apiVersion": "2026-01-01",
        "targetPrefix": "Random", "xmlNamespace": "http://random/", "unimplemented": [], "errors": {},
        "operations": { "Echo": { "input": root, "output": root, "resultWrapper": "EchoResult", "errors": [] } },
        "shapes": shapes,
    })
    .to_string()
}

fn add(shape: &Shape, flattened: bool, shapes: &mut Map<String, Value>) -> String {
    let table = match shape {
        Shape::String => json!({"type": "string"}),
        Shape::Integer => json!({"type": "integer"}),
        Shape::Long => json!({"type": "long"}),
        Shape::Double => json!({"type": "double"}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Timestamp => json!({"type": "timestamp"}),
        Shape::Blob => json!({"type": "blob"}),
        Shape::List { entry, name } => {
            let mut table = json!({"type": "list", "member": add(entry, false, shapes)});
            if let Some(name) = name {
                table["locationName"] = json!(name);
            }
            if flattened {
                table["flattened"] = json!(true);
            }
            table
        }
        Shape::Map(value) => {
            let key = add(&Shape::String, false, shapes);
            json!({"type": "map", "key": key, "value": add(value, false, shapes)})
        }
        Shape::Structure(members) => {
            let mut table = Map::new();
            for member in members {
                let mut entry = json!({"shape": add(&member.shape, member.flattened, shapes)});
                for (key, name) in [("locationName", &member.location), ("queryName", &member.query)] {
                    if let Some(name) = name {
                        entry[key] = json!(name);
                    }
                }
                table.insert(member.name.clone(), entry);
            }
            json!({"type": "structure", "members": table})
        }
    };
    let name = format!("Shape{}", shapes.len());
    shapes.insert(name.clone(), table);
    name
}

/// Which form protocol a client speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forms {
    Query,
    Ec2,
}

/// The parameters by which a client sends `document`.
pub(crate) fn params(forms: Forms, shape: &Shape, document: &Value) -> Vec<(String, String)> {
    let mut out = Vec::new();
    push(forms, shape, document, String::new(), false, &mut out);
    out
}

fn push(
    forms: Forms,
    shape: &Shape,
    value: &Value,
    path: String,
    flattened: bool,
    out: &mut Vec<(String, String)>,
) {
    match (shape, value) {
        (Shape::Structure(members), Value::Object(values)) => {
            for member in members {
                let Some(value) = values.get(&member.name) else { continue };
                let own = member.location.as_ref().unwrap_or(&member.name);
                let name = match (forms, &member.shape) {
                    (Forms::Query, Shape::List { name: Some(name), .. }) if member.flattened => name.clone(),
                    (Forms::Query, _) => own.clone(),
                    (Forms::Ec2, _) => member.query.clone().unwrap_or_else(|| {
                        let (first, rest) = own.split_at(1);
                        first.to_uppercase() + rest
                    }),
                };
                let path = if path.is_empty() { name } else { format!("{path}.{name}") };
                push(forms, &member.shape, value, path, member.flattened, out);
            }
        }
        (Shape::List { entry, name }, Value::Array(values)) => {
            if values.is_empty() {
                out.push((path, String::new()));
                return;
            }
            let path = match forms {
                Forms::Query if !flattened => format!("{path}.{}", name.as_deref().unwrap_or("member")),
                _ => path,
            };
            for (at, value) in values.iter().enumerate() {
                push(forms, entry, value, format!("{path}.{}", at + 1), false, out);
            }
        }
        (Shape::Map(inner), Value::Object(values)) => {
            if values.is_empty() {
                out.push((path.clone(), String::new()));
            }
            for (at, (key, value)) in values.iter().enumerate() {
                out.push((format!("{path}.entry.{}.key", at + 1), key.clone()));
                push(forms, inner, value, format!("{path}.entry.{}.value", at + 1), false, out);
            }
        }
        (Shape::Timestamp, Value::Number(seconds)) => out.push((path, seconds.to_string())),
        (_, Value::String(text)) => out.push((path, text.clone())),
        (_, value) => out.push((path, value.to_string())),
    }
}

/// Parameters as a form body, every byte escaped that may be.
pub(crate) fn form(params: &[(String, String)]) -> String {
    let mut out = String::new();
    for (name, value) in params {
        let written = write!(out, "&{name}=");
        assert!(written.is_ok());
        for byte in value.bytes() {
            let written = match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => write!(out, "{}", char::from(byte)),
                b' ' => write!(out, "+"),
                byte => write!(out, "%{byte:02X}"),
            };
            assert!(written.is_ok());
        }
    }
    out
}

/// An XML element as any reader sees it.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub name: String,
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    /// The document element of `xml`.
    pub(crate) fn parse(xml: &[u8]) -> Self {
        let mut reader = Reader::from_str(std::str::from_utf8(xml).unwrap());
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => {
                    let name = start.local_name().as_ref().to_owned();
                    open.push(Self { name, ..Self::default() });
                }
                Event::End(_) => {
                    let done = open.pop().unwrap();
                    open.last_mut().unwrap().children.push(done);
                }
                Event::Text(text) => open.last_mut().unwrap().text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let text = match reference.resolve_char_ref().unwrap() {
                        Some(character) => character.to_string(),
                        None => quick_xml::escape::resolve_predefined_entity(&reference).unwrap().to_owned(),
                    };
                    open.last_mut().unwrap().text.push_str(&text);
                }
                Event::Eof => return open.pop().unwrap().children.pop().unwrap(),
                other => panic!("unexpected in an answer: {other:?}"),
            }
        }
    }

    /// The one child called `name`.
    pub(crate) fn child(&self, name: &str) -> &Self {
        self.children
            .iter()
            .find(|child| child.name == name)
            .unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// What a client reads from this element, which holds the members of `shape`.
    pub(crate) fn document(&self, shape: &Shape) -> Value {
        match shape {
            Shape::Structure(members) => {
                let mut document = Map::new();
                for member in members {
                    let own = member.location.as_ref().unwrap_or(&member.name);
                    if let (true, Shape::List { entry, name }) = (member.flattened, &member.shape) {
                        let name = name.as_ref().unwrap_or(own);
                        let entries = self.children.iter().filter(|child| child.name == *name);
                        let list: Vec<Value> = entries.map(|child| child.document(entry)).collect();
                        if !list.is_empty() {
                            document.insert(member.name.clone(), Value::Array(list));
                        }
                    } else if let Some(child) = self.children.iter().find(|child| child.name == *own) {
                        document.insert(member.name.clone(), child.document(&member.shape));
                    }
                }
                Value::Object(document)
            }
            Shape::List { entry, name } => {
                let name = name.as_deref().unwrap_or("member");
                assert!(self.children.iter().all(|child| child.name == name));
                self.children.iter().map(|child| child.document(entry)).collect()
            }
            Shape::Map(value) => {
                let entry =
                    |child: &Self| (child.child("key").text.clone(), child.child("value").document(value));
                Value::Object(self.children.iter().map(entry).collect())
            }
            Shape::Timestamp => {
                let time: jiff::Timestamp = self.text.parse().unwrap();
                json!(time.as_millisecond() as f64 / 1000.0)
            }
            Shape::String | Shape::Blob => Value::String(self.text.clone()),
            Shape::Integer | Shape::Long | Shape::Double | Shape::Boolean => {
                serde_json::from_str(&self.text).unwrap()
            }
        }
    }
}
