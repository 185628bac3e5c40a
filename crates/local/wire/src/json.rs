//! awsJson bodies as model-shaped documents.
//!
//! After [`decode`] a document holds only what the model names, each of the kind that it names, so that a typed
//! struct can always be read from it. Values are not judged here; that is `validation`'s.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Number, Value};
use tidegate_models::{Kind, ServiceModel, ShapeId};

use crate::{
    malformed::{MAX_DEPTH, Malformed},
    time_text,
};

/// Reads a body by the shape of the operation's request. AWS ignores members that the model does not name, and takes
/// `null` for absent.
pub(crate) fn decode(model: &ServiceModel, input: Option<ShapeId>, body: &[u8]) -> Result<Value, Malformed> {
    let mut document = match body.trim_ascii() {
        b"" => Value::Object(Map::new()),
        // The parser itself stops at 128 levels.
        body => serde_json::from_slice(body).map_err(|_| Malformed::NotJson)?,
    };
    match input {
        Some(shape) => conform(model, shape, &mut document, 0)?,
        None => document = Value::Object(Map::new()),
    }
    Ok(document)
}

/// Brings `value` into the form that `shape` asks for, or says why that cannot be.
fn conform(model: &ServiceModel, shape: ShapeId, value: &mut Value, depth: usize) -> Result<(), Malformed> {
    if depth > MAX_DEPTH {
        return Err(Malformed::TooDeep);
    }
    let kind = &model[shape].kind;
    match (kind, &mut *value) {
        (Kind::Document | Kind::Boolean, Value::Bool(_))
        | (Kind::Document, _)
        | (Kind::String, Value::String(_)) => Ok(()),
        (Kind::Blob, Value::String(text)) if is_base64(text) => Ok(()),
        (Kind::Structure(members), Value::Object(given)) => {
            let mut outcome = Ok(());
            given.retain(|name, value| {
                if outcome.is_err() || value.is_null() {
                    return false;
                }
                let Some(member) = members.iter().find(|member| member.name == *name) else { return false };
                outcome = conform(model, member.shape, value, depth + 1);
                true
            });
            outcome
        }
        (Kind::Map { value: shape, .. }, Value::Object(given)) => {
            given.retain(|_, value| !value.is_null());
            given.values_mut().try_for_each(|value| conform(model, *shape, value, depth + 1))
        }
        (Kind::List { member, .. }, Value::Array(given)) => {
            // A null entry stays, for validation to refuse as AWS does.
            let entries = given.iter_mut().filter(|entry| !entry.is_null());
            entries.into_iter().try_for_each(|entry| conform(model, *member, entry, depth + 1))
        }
        (Kind::Integer | Kind::Long | Kind::Double | Kind::Timestamp, Value::Number(number)) => {
            *number = fitting(kind, number).ok_or_else(|| Malformed::scalar("NUMBER_VALUE", kind))?;
            Ok(())
        }
        (Kind::Timestamp, Value::String(text)) => {
            let seconds = time_text::parse_seconds(text).and_then(Number::from_f64);
            *value = Value::Number(seconds.ok_or_else(|| Malformed::scalar("STRING_VALUE", kind))?);
            Ok(())
        }
        (_, Value::Object(_)) => Err(Malformed::UnexpectedStructure),
        (_, Value::Array(_)) => Err(Malformed::UnexpectedList),
        (_, Value::String(_)) => Err(Malformed::scalar("STRING_VALUE", kind)),
        (_, Value::Number(_)) => Err(Malformed::scalar("NUMBER_VALUE", kind)),
        (_, Value::Bool(true)) => Err(Malformed::scalar("TRUE_VALUE", kind)),
        (_, Value::Bool(false)) => Err(Malformed::scalar("FALSE_VALUE", kind)),
        (_, Value::Null) => Err(Malformed::scalar("NULL_VALUE", kind)),
    }
}

/// Whether `text` is base64, as a blob is written.
pub(crate) fn is_base64(text: &str) -> bool {
    STANDARD.decode(text).is_ok()
}

/// `number` as `kind` holds it; `None` when it does not fit. A whole number written with a point is whole.
pub(crate) fn fitting(kind: &Kind, number: &Number) -> Option<Number> {
    let whole = || {
        let number = number.as_i64().or_else(|| {
            let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
            // Both bounds are whole floats; the upper one is the first that does not fit.
            (-(2f64.powi(63))..2f64.powi(63)).contains(&float).then_some(float as i64)
        })?;
        Some(number)
    };
    match kind {
        Kind::Integer => whole().and_then(|number| i32::try_from(number).ok()).map(Number::from),
        Kind::Long => whole().map(Number::from),
        Kind::Double | Kind::Timestamp => {
            number.as_f64().filter(|float| float.is_finite()).map(|_| number.clone())
        }
        _ => None,
    }
}
