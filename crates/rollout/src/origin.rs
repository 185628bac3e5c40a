//! Where a revision comes from: which commit, whose run, by which strategy, and when. It is kept in the tags of the task
//! definition, so that history needs no store of its own. It must never cost a deployment: what does not fit into AWS's
//! tags is left out. Start with [`with_tags`].

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What all of Tidegate's own tags begin with. They are of one rollout: a copy of the document never has them, and they
/// are no difference.
pub const PREFIX: &str = "tidegate:";
/// What AWS takes of tags on one resource.
const MOST_TAGS: usize = 50;
/// What AWS takes in a tag's value.
const VALUE_LENGTH: usize = 256;

/// Where a revision comes from, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The commit.
    pub commit: Option<String>,
    /// Who.
    pub by: Option<String>,
    /// `owner/name`, or the address of the repository.
    pub repository: Option<String>,
    /// The address of the run of the pipeline.
    pub run: Option<String>,
}

/// What the tags of a revision say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Where it comes from.
    #[serde(flatten)]
    pub origin: Origin,
    /// By which strategy it was rolled out, such as `canary alb`.
    pub strategy: Option<String>,
    /// When it was registered, such as `2026-07-14T09:26:53Z`.
    pub at: Option<String>,
}

impl Recorded {
    /// The tags that say it, each of them in letters that AWS takes. What is not known has none.
    pub fn tags(&self) -> Vec<(&'static str, String)> {
        let all = [
            ("tidegate:commit", &self.origin.commit),
            ("tidegate:by", &self.origin.by),
            ("tidegate:strategy", &self.strategy),
            ("tidegate:at", &self.at),
            ("tidegate:repository", &self.origin.repository),
            ("tidegate:run", &self.origin.run),
        ];
        let said = all.into_iter().filter_map(|(key, value)| Some((key, tag_value(value.as_deref()?))));
        said.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// Reads the tags of a described revision.
    pub fn read(tags: &[Value]) -> Self {
        let of = |key: &str| {
            let tag = tags.iter().find(|tag| tag.get("key").and_then(Value::as_str) == Some(key))?;
            tag.get("value")?.as_str().map(str::to_owned).filter(|value| !value.is_empty())
        };
        Self {
            origin: Origin {
                commit: of("tidegate:commit"),
                by: of("tidegate:by"),
                repository: of("tidegate:repository"),
                run: of("tidegate:run"),
            },
            strategy: of("tidegate:strategy"),
            at: of("tidegate:at"),
        }
    }
}

/// In the letters that AWS takes for a tag's value (letters, digits, spaces and `_ . : / = + - @`), and no longer.
fn tag_value(text: &str) -> String {
    let allowed = text.chars().filter(|c| c.is_alphanumeric() || " _.:/=+-@".contains(*c));
    allowed.take(VALUE_LENGTH).collect::<String>().trim().to_owned()
}

/// The document without Tidegate's own tags: those of the revision that it was copied from say nothing of a new one.
/// No `tags` at all rather than none in it, which AWS refuses.
pub fn without_tags(document: &mut Value) {
    let Some(members) = document.as_object_mut() else { return };
    let Some(Value::Array(tags)) = members.get_mut("tags") else { return };
    tags.retain(|tag| !is_own(tag));
    if tags.is_empty() {
        members.remove("tags");
    }
}

/// The document with these tags, as many as AWS still takes beside those that it has.
pub fn with_tags(document: &Value, recorded: &Recorded) -> Value {
    let mut document = document.clone();
    without_tags(&mut document);
    let Some(members) = document.as_object_mut() else { return document };
    let mut tags = members.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
    let room = MOST_TAGS.saturating_sub(tags.len());
    let own = recorded.tags().into_iter().take(room);
    tags.extend(own.map(|(key, value)| json!({"key": key, "value": value})));
    if !tags.is_empty() {
        members.insert("tags".into(), Value::Array(tags));
    }
    document
}

fn is_own(tag: &Value) -> bool {
    tag.get("key").and_then(Value::as_str).is_some_and(|key| key.starts_with(PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn recorded() -> Recorded {
        Recorded {
            origin: Origin {
                commit: Some("4f2c1ab09d".into()),
                by: Some("ada <ada@example.com>".into()),
                repository: Some("shop/web".into()),
                run: Some("https://ci.example.com/shop/web/actions/runs/7?attempt=1".into()),
            },
            strategy: Some("canary alb".into()),
            at: Some("2026-07-14T09:26:53Z".into()),
        }
    }

    #[test]
    fn what_is_known_is_kept_in_letters_that_aws_takes_and_read_again() {
        let document =
            with_tags(&json!({"family": "web", "tags": [{"key": "team", "value": "a"}]}), &recorded());
        let tags = document["tags"].as_array().expect("tags");
        let read = Recorded::read(tags);
        assert_eq!(tags[0], json!({"key": "team", "value": "a"}));
        assert_eq!(read.origin.by.as_deref(), Some("ada ada@example.com"));
        assert_eq!(
            read.origin.run.as_deref(),
            Some("https://ci.example.com/shop/web/actions/runs/7attempt=1")
        );
        assert_eq!(read.at.as_deref(), Some("2026-07-14T09:26:53Z"));
        assert_eq!(
            (read.origin.commit.as_deref(), read.strategy.as_deref()),
            (Some("4f2c1ab09d"), Some("canary alb"))
        );
    }

    #[test]
    fn a_copy_never_has_the_tags_of_the_revision_that_it_was_copied_from() {
        let first = with_tags(&json!({"family": "web"}), &recorded());
        let nobody = Recorded { strategy: Some("rolling".into()), ..Recorded::default() };
        assert_eq!(
            with_tags(&first, &nobody)["tags"],
            json!([{"key": "tidegate:strategy", "value": "rolling"}])
        );
        assert_eq!(with_tags(&first, &Recorded::default()), json!({"family": "web"}), "never an empty list");
    }

    proptest! {
        #[test]
        fn tags_keep_within_what_aws_takes_whatever_is_known(
            texts in proptest::collection::vec(".{0,400}", 4), others in 0usize..60,
        ) {
            let mut texts = texts.into_iter().map(Some);
            let mut next = || texts.next().flatten();
            let origin = Origin { commit: next(), by: next(), repository: next(), run: next() };
            let own: Vec<Value> = (0..others).map(|n| json!({"key": format!("k{n}"), "value": "v"})).collect();
            let document = with_tags(&json!({"tags": own}), &Recorded { origin, strategy: None, at: None });
            let tags = document.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
            prop_assert!(tags.len() <= others.max(MOST_TAGS));
            prop_assert!(document.get("tags").is_none_or(|tags| tags.as_array().is_some_and(|tags| !tags.is_empty())));
            for tag in tags.iter().filter(|tag| is_own(tag)) {
                let value = tag["value"].as_str().unwrap_or_default();
                prop_assert!(!value.is_empty() && value.chars().count() <= VALUE_LENGTH);
                prop_assert!(value.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c)), "{value}");
            }
        }
    }
}
