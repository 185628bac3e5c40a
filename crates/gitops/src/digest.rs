//! A short name for a content, so that "the same as what was thrown back" is one comparison. Start with [`digest`].

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The first 32 hex digits of the SHA-256 of a document, whatever the order of its keys.
pub fn digest(content: &Value) -> String {
    let mut text = String::new();
    canonical(content, &mut text);
    let mut digits = String::with_capacity(32);
    for byte in &Sha256::digest(text.as_bytes())[..16] {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            out.push('{');
            for name in names {
                let _ = write!(out, "{}:", Value::from(name.as_str()));
                canonical(&members[name], out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_keys_changes_no_digest_and_a_value_does() {
        let one: Value = serde_json::from_str(r#"{"a": 1, "b": {"c": [1, 2], "d": "x"}}"#).expect("JSON");
        let other: Value = serde_json::from_str(r#"{"b": {"d": "x", "c": [1, 2]}, "a": 1}"#).expect("JSON");
        assert_eq!(digest(&one), digest(&other));
        assert_eq!(digest(&one).len(), 32);
        assert_ne!(digest(&one), digest(&json!({"a": 1, "b": {"c": [2, 1], "d": "x"}})));
        assert_ne!(digest(&json!(["a", "b"])), digest(&json!(["a,b"])));
    }
}
