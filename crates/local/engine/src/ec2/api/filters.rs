//! Filters: names that each kind lists, tags, and values with `*` and `?` in them.

use serde_json::Value;
use tidegate_models::ec2::Filter;

use super::{
    errors::invalid_value,
    resources::{Kind, Resource},
};
use crate::ApiError;

/// A filter that is known.
#[derive(Debug)]
pub(super) struct Prepared {
    looks_at: LooksAt,
    values: Vec<String>,
}

#[derive(Debug)]
enum LooksAt {
    /// Members on this path.
    Path(&'static str),
    /// The value of the tag with this key.
    Tag(String),
    /// The keys of all tags.
    TagKeys,
}

/// The filters of a call, known by this kind.
pub(super) fn prepared(kind: &Kind, filters: Option<Vec<Filter>>) -> Result<Vec<Prepared>, ApiError> {
    filters.into_iter().flatten().map(|filter| prepare(kind, filter)).collect()
}

fn prepare(kind: &Kind, filter: Filter) -> Result<Prepared, ApiError> {
    let name = filter.name.unwrap_or_default();
    let known = kind.filters.iter().find(|(known, _)| *known == name).map(|(_, path)| LooksAt::Path(path));
    let looks_at = match (known, name.strip_prefix("tag:")) {
        (Some(path), _) => path,
        (None, Some(key)) => LooksAt::Tag(key.to_owned()),
        (None, None) if name == "tag-key" => LooksAt::TagKeys,
        (None, None) => return Err(invalid_value(format!("The filter '{name}' is invalid"))),
    };
    Ok(Prepared { looks_at, values: filter.values.unwrap_or_default() })
}

/// Whether a document is what all filters ask for.
pub(super) fn match_all<R: Resource>(document: &R, filters: &[Prepared]) -> bool {
    if filters.is_empty() {
        return true;
    }
    let document = serde_json::to_value(document).unwrap_or_default();
    filters.iter().all(|filter| {
        let found = match &filter.looks_at {
            LooksAt::Path(path) => texts(&document, path),
            LooksAt::TagKeys => texts(&document, "Tags.Key"),
            LooksAt::Tag(key) => {
                let tags = document.get("Tags").and_then(Value::as_array).into_iter().flatten();
                let tagged = tags.filter(|tag| tag.get("Key").and_then(Value::as_str) == Some(key));
                tagged.flat_map(|tag| texts(tag, "Value")).collect()
            }
        };
        found.iter().any(|found| filter.values.iter().any(|value| matches(value, found)))
    })
}

/// What stands at the end of a path, in all entries of the lists on it.
fn texts(value: &Value, path: &str) -> Vec<String> {
    match (value, path.split_once('.').unwrap_or((path, ""))) {
        (Value::Array(entries), _) => entries.iter().flat_map(|entry| texts(entry, path)).collect(),
        (Value::String(text), _) => vec![text.clone()],
        (Value::Bool(_) | Value::Number(_), _) => vec![value.to_string()],
        (Value::Object(members), (name, rest)) => {
            members.get(name).map(|member| texts(member, rest)).unwrap_or_default()
        }
        (Value::Null, _) => Vec::new(),
    }
}

/// Whether `text` is what `pattern` says, in which `*` stands for anything and `?` for one character.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // Where the last `*` stands, and up to where it was taken to reach.
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match (pattern.get(at), star) {
            (Some('*'), _) => {
                star = Some((at, seen));
                at += 1;
            }
            (Some(c), _) if *c == '?' || Some(c) == text.get(seen) => {
                at += 1;
                seen += 1;
            }
            (_, Some((place, reach))) => {
                star = Some((place, reach + 1));
                at = place + 1;
                seen = reach + 1;
            }
            (_, None) => return false,
        }
    }
    pattern.iter().skip(at).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_what_ec2_says() {
        for (pattern, text) in
            [("web", "web"), ("w*", "web"), ("*", ""), ("w?b", "web"), ("*-a*", "eu-ab-ac"), ("**", "x")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("web", "webs"), ("w?", "web"), ("", "x"), ("?", ""), ("*-d", "eu-ab")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
