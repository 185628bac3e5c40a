//! rpc-v2-cbor bodies: CBOR to model-shaped documents and back.
//!
//! A document is the same as in awsJson (timestamps as seconds, blobs as base64), so that behaviour never sees which
//! protocol was spoken. Start at [`decode`].

use base64::{Engine, engine::general_purpose::STANDARD};
use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value};
use tidegate_models::{Kind, ServiceModel, ShapeId};

use crate::{
    json,
    malformed::{MAX_DEPTH, Malformed},
};

/// The tag of a timestamp: seconds since the Unix epoch.
const EPOCH_TAG: u64 = 1;

/// Reads a body by the shape of the operation's request. Members that the model does not name are ignored.
pub(crate) fn decode(model: &ServiceModel, input: Option<ShapeId>, body: &[u8]) -> Result<Value, Malformed> {
    let nothing = || Value::Object(Map::new());
    let Some(shape) = input else { return Ok(nothing()) };
    if body.is_empty() {
        return Ok(nothing());
    }
    let value: Cbor = ciborium::de::from_reader_with_recursion_limit(body, MAX_DEPTH * 2)
        .map_err(|_| Malformed::NotCbor)?;
    read(model, shape, value, 0)
}

/// Writes a document by its shape. The document comes from behaviour; what does not fit the shape is left out.
pub(crate) fn encode(model: &ServiceModel, shape: Option<ShapeId>, document: &Value) -> Vec<u8> {
    let value = shape.and_then(|shape| write(model, shape, document)).unwrap_or(Cbor::Map(Vec::new()));
    to_bytes(&value)
}

/// Writes an error: its code, its message and its further members.
pub(crate) fn encode_error(code: &str, message: &str, members: &Map<String, Value>) -> Vec<u8> {
    let mut entries = vec![
        (Cbor::Text("__type".into()), Cbor::Text(code.into())),
        (Cbor::Text("message".into()), Cbor::Text(message.into())),
    ];
    entries.extend(members.iter().map(|(name, value)| (Cbor::Text(name.clone()), untyped(value))));
    to_bytes(&Cbor::Map(entries))
}

fn to_bytes(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    let written = ciborium::into_writer(value, &mut bytes);
    debug_assert!(written.is_ok(), "a value is always written to a Vec");
    bytes
}

fn read(model: &ServiceModel, shape: ShapeId, value: Cbor, depth: usize) -> Result<Value, Malformed> {
    if depth > MAX_DEPTH {
        return Err(Malformed::TooDeep);
    }
    let kind = &model[shape].kind;
    match (kind, value) {
        (Kind::Structure(members), Cbor::Map(entries)) => {
            let mut document = Map::new();
            for (name, value) in entries {
                let member =
                    name.as_text().and_then(|name| members.iter().find(|member| member.name == name));
                if let (Some(member), false) = (member, value.is_null()) {
                    document.insert(member.name.clone(), read(model, member.shape, value, depth + 1)?);
                }
            }
            Ok(Value::Object(document))
        }
        (Kind::Map { value: shape, .. }, Cbor::Map(entries)) => {
            let mut document = Map::new();
            for (name, value) in entries {
                let Cbor::Text(name) = name else { return Err(Malformed::UnexpectedStructure) };
                if !value.is_null() {
                    document.insert(name, read(model, *shape, value, depth + 1)?);
                }
            }
            Ok(Value::Object(document))
        }
        (Kind::List { member, .. }, Cbor::Array(entries)) => entries
            .into_iter()
            // A null entry stays, for validation to refuse as AWS does.
            .map(
                |entry| {
                    if entry.is_null() { Ok(Value::Null) } else { read(model, *member, entry, depth + 1) }
                },
            )
            .collect(),
        (Kind::Timestamp, Cbor::Tag(EPOCH_TAG, seconds)) => number(kind, &seconds),
        (Kind::Integer | Kind::Long | Kind::Double, value @ (Cbor::Integer(_) | Cbor::Float(_))) => {
            number(kind, &value)
        }
        (Kind::String, Cbor::Text(text)) => Ok(Value::String(text)),
        (Kind::Blob, Cbor::Bytes(bytes)) => Ok(Value::String(STANDARD.encode(bytes))),
        (Kind::Boolean, Cbor::Bool(value)) => Ok(Value::Bool(value)),
        (_, Cbor::Map(_)) => Err(Malformed::UnexpectedStructure),
        (_, Cbor::Array(_)) => Err(Malformed::UnexpectedList),
        (_, Cbor::Text(_)) => Err(Malformed::scalar("STRING_VALUE", kind)),
        (_, Cbor::Bytes(_)) => Err(Malformed::scalar("BINARY_VALUE", kind)),
        (_, Cbor::Bool(true)) => Err(Malformed::scalar("TRUE_VALUE", kind)),
        (_, Cbor::Bool(false)) => Err(Malformed::scalar("FALSE_VALUE", kind)),
        (_, Cbor::Null) => Err(Malformed::scalar("NULL_VALUE", kind)),
        (_, _) => Err(Malformed::scalar("NUMBER_VALUE", kind)),
    }
}

fn number(kind: &Kind, value: &Cbor) -> Result<Value, Malformed> {
    let number = match value {
        Cbor::Integer(integer) => {
            let integer = i128::from(*integer);
            i64::try_from(integer)
                .map(Number::from)
                .or_else(|_| u64::try_from(integer).map(Number::from))
                .ok()
        }
        Cbor::Float(float) => Number::from_f64(*float),
        _ => None,
    };
    let fitting = number.and_then(|number| json::fitting(kind, &number));
    fitting.map(Value::Number).ok_or_else(|| Malformed::scalar("NUMBER_VALUE", kind))
}

fn write(model: &ServiceModel, shape: ShapeId, value: &Value) -> Option<Cbor> {
    Some(match (&model[shape].kind, value) {
        (Kind::Structure(members), Value::Object(values)) => {
            let written = members.iter().filter_map(|member| {
                let value = write(model, member.shape, values.get(&member.name)?)?;
                Some((Cbor::Text(member.name.clone()), value))
            });
            Cbor::Map(written.collect())
        }
        (Kind::Map { value: shape, .. }, Value::Object(values)) => {
            let written = values
                .iter()
                .filter_map(|(name, value)| Some((Cbor::Text(name.clone()), write(model, *shape, value)?)));
            Cbor::Map(written.collect())
        }
        (Kind::List { member, .. }, Value::Array(values)) => {
            Cbor::Array(values.iter().filter_map(|value| write(model, *member, value)).collect())
        }
        (Kind::Timestamp, Value::Number(seconds)) => {
            Cbor::Tag(EPOCH_TAG, Box::new(Cbor::Float(seconds.as_f64()?)))
        }
        (Kind::Double, Value::Number(number)) => Cbor::Float(number.as_f64()?),
        (Kind::Blob, Value::String(text)) => Cbor::Bytes(STANDARD.decode(text).ok()?),
        (_, Value::Null) => return None,
        (_, value) => untyped(value),
    })
}

fn untyped(value: &Value) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(value) => Cbor::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => Cbor::Integer(integer.into()),
            (None, Some(integer)) => Cbor::Integer(integer.into()),
            (None, None) => Cbor::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Array(entries) => Cbor::Array(entries.iter().map(untyped).collect()),
        Value::Object(members) => Cbor::Map(
            members.iter().map(|(name, value)| (Cbor::Text(name.clone()), untyped(value))).collect(),
        ),
    }
}
