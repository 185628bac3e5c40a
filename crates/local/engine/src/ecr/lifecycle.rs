//! Lifecycle policies: which images of a repository are to go. Pure. Start at [`Policy::expiring`].
//!
//! AWS's rules of rules: they are looked at by priority; an image whose tags a rule is about is never expired by a rule
//! of a lower priority, but counts there nevertheless; an image that an index lists stays for as long as the index does.

use std::{cmp::Reverse, collections::BTreeSet, time::Duration};

use serde_json::Value;
use tidegate_models::Timestamp;

use super::{records::Image, wildcard};

const DAY: Duration = Duration::from_hours(24);

/// A lifecycle policy; rules in the order of their priorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Policy(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    priority: i32,
    tags: Tags,
    limit: Limit,
}

/// Which images a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tags {
    Any,
    None,
    /// Those that have, for each of these patterns, a tag that matches it.
    Matching(Vec<String>),
}

/// How many of them may stay.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Limit {
    Newest(usize),
    PushedWithin(Duration),
    PulledWithin(Duration),
}

/// An image that goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expiring {
    pub digest: String,
    /// Of the rule that says so.
    pub priority: i32,
}

impl Policy {
    /// Reads a policy, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text).map_err(|_| "it is not JSON".to_owned())?;
        let rules = document.get("rules").and_then(Value::as_array).filter(|rules| !rules.is_empty());
        let rules = rules.ok_or("object has missing required properties ([\"rules\"])")?;
        let mut rules = rules.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
        rules.sort_by_key(|rule| rule.priority);
        if rules.windows(2).any(|two| two[0].priority == two[1].priority) {
            return Err("two rules have the same rulePriority".to_owned());
        }
        Ok(Self(rules))
    }

    /// The images of a repository that are to go, in the order of the rules.
    pub(crate) fn expiring<'a>(
        &self,
        images: impl Iterator<Item = &'a Image>,
        now: Timestamp,
    ) -> Vec<Expiring> {
        let mut images: Vec<&Image> = images.collect();
        images.sort_by_key(|image| (Reverse(image.pushed_at), image.digest.as_str()));
        let mut spoken_for = BTreeSet::new();
        let mut expiring = Vec::new();
        for rule in &self.0 {
            // What is about another image goes with that one.
            let about = images.iter().filter(|image| image.content.subject.is_none());
            let about: Vec<&Image> = about.filter(|image| rule.tags.are_of(image)).copied().collect();
            for (place, image) in about.iter().enumerate() {
                if rule.limit.is_over(place, image, now) && !spoken_for.contains(image.digest.as_str()) {
                    expiring.push(Expiring { digest: image.digest.clone(), priority: rule.priority });
                }
            }
            spoken_for.extend(about.iter().map(|image| image.digest.as_str()));
        }
        let goes = |digest: &str| expiring.iter().any(|gone| gone.digest == digest);
        let kept: BTreeSet<&str> = images
            .iter()
            .filter(|image| !goes(&image.digest))
            .flat_map(|index| index.content.manifests.iter().map(String::as_str))
            .collect();
        let is_listed = |gone: &Expiring| kept.contains(gone.digest.as_str());
        let (listed, mut free): (Vec<_>, Vec<_>) = expiring.iter().cloned().partition(is_listed);
        drop(listed);
        free.sort_by_key(|gone| gone.priority);
        free
    }
}

impl Tags {
    fn are_of(&self, image: &Image) -> bool {
        match self {
            Self::Any => true,
            Self::None => image.tags.is_empty(),
            Self::Matching(patterns) => {
                patterns.iter().all(|pattern| image.tags.iter().any(|tag| wildcard::matches(pattern, tag)))
            }
        }
    }
}

impl Limit {
    /// `place` is how many newer ones there are.
    fn is_over(&self, place: usize, image: &Image, now: Timestamp) -> bool {
        match self {
            Self::Newest(most) => place >= *most,
            Self::PushedWithin(time) => now.since(image.pushed_at) > *time,
            Self::PulledWithin(time) => now.since(image.pulled_at.unwrap_or(image.pushed_at)) > *time,
        }
    }
}

fn rule(rule: &Value) -> Result<Rule, String> {
    let priority = rule.get("rulePriority").and_then(Value::as_i64);
    let priority = priority.and_then(|it| i32::try_from(it).ok()).filter(|it| *it > 0);
    let priority = priority.ok_or("each rule needs a rulePriority from 1 on")?;
    let selection = rule.get("selection").unwrap_or(&Value::Null);
    let member =
        |name: &str| selection.get(name).ok_or_else(|| format!("the selection of a rule needs {name}"));
    let (status, count_type, number) = (member("tagStatus")?, member("countType")?, member("countNumber")?);
    let number = number.as_u64().filter(|it| *it > 0).ok_or("countNumber is a number from 1 on")?;
    let days = || match selection.get("countUnit").and_then(Value::as_str) {
        Some("days") => {
            u32::try_from(number).map(|days| DAY * days).map_err(|_| "countNumber is too large".to_owned())
        }
        _ => Err("a countType that is a time needs the countUnit days".to_owned()),
    };
    let limit = match count_type.as_str().unwrap_or_default() {
        "imageCountMoreThan" => Limit::Newest(usize::try_from(number).unwrap_or(usize::MAX)),
        "sinceImagePushed" => Limit::PushedWithin(days()?),
        "sinceImagePulled" => Limit::PulledWithin(days()?),
        other => {
            return Err(format!(
                "the local cloud has no countType {other}; it has imageCountMoreThan, sinceImagePushed and sinceImagePulled"
            ));
        }
    };
    match rule.pointer("/action/type").and_then(Value::as_str) {
        Some("expire") => {}
        Some(other) => return Err(format!("the local cloud has no action {other}; it has expire")),
        None => return Err("each rule needs an action with a type".to_owned()),
    }
    let tags = match status.as_str().unwrap_or_default() {
        "any" => Tags::Any,
        "untagged" => Tags::None,
        "tagged" => Tags::Matching(patterns(selection)?),
        other => return Err(format!("tagStatus is tagged, untagged or any, not {other}")),
    };
    Ok(Rule { priority, tags, limit })
}

fn patterns(selection: &Value) -> Result<Vec<String>, String> {
    let list = |name: &str| -> Vec<&str> {
        let all = selection.get(name).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(Value::as_str).filter(|it| !it.is_empty()).collect()
    };
    let (prefixes, wildcards) = (list("tagPrefixList"), list("tagPatternList"));
    match (prefixes.is_empty(), wildcards.is_empty()) {
        (true, true) => Err("tagStatus tagged needs a tagPatternList or a tagPrefixList".to_owned()),
        (false, false) => Err("a rule has a tagPatternList or a tagPrefixList, not both".to_owned()),
        (false, true) => Ok(prefixes.into_iter().map(|prefix| format!("{prefix}*")).collect()),
        (true, false) => Ok(wildcards.into_iter().map(str::to_owned).collect()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::manifest::Manifest, *};

    /// Image `n` was pushed `n` days after the epoch.
    fn image(n: u32, tags: &[&str]) -> Image {
        let blank = r#"{"schemaVersion":2,"manifests":[]}"#;
        Image {
            repository_arn: String::new(),
            digest: format!("image-{n}"),
            manifest: String::new(),
            content: Manifest::parse(blank, None).unwrap(),
            tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
            size: 0,
            pushed_at: Timestamp::from_millis(0) + DAY * n,
            pulled_at: None,
            scanned_at: None,
        }
    }

    fn rule(priority: u32, selection: Value) -> Value {
        json!({ "rulePriority": priority, "selection": selection, "action": { "type": "expire" } })
    }

    fn gone(rules: &[Value], images: &[Image], day: u32) -> Vec<String> {
        let policy = Policy::parse(&json!({ "rules": rules }).to_string()).unwrap();
        let now = Timestamp::from_millis(0) + DAY * day;
        policy
            .expiring(images.iter(), now)
            .into_iter()
            .map(|gone| format!("{}:{}", gone.priority, gone.digest))
            .collect()
    }

    #[test]
    fn the_newest_stay() {
        let images = [image(1, &["a"]), image(2, &["b"]), image(3, &[])];
        let rule =
            rule(1, json!({ "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 2 }));
        assert_eq!(gone(&[rule], &images, 3), ["1:image-1"]);
    }

    #[test]
    fn a_rule_takes_no_image_that_a_higher_one_is_about_but_counts_it() {
        let images = [image(1, &["prod-1"]), image(2, &["dev-1"]), image(3, &["prod-2"])];
        let prod = rule(
            1,
            json!({
                "tagStatus": "tagged", "tagPatternList": ["prod*"], "countType": "imageCountMoreThan", "countNumber": 5,
            }),
        );
        let any = rule(2, json!({ "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1 }));
        assert_eq!(gone(&[any, prod], &images, 3), ["2:image-2"]);
    }

    #[test]
    fn age_is_since_the_push_or_the_pull() {
        let mut images = [image(1, &[]), image(2, &["a"]), image(9, &[])];
        images[0].pulled_at = Some(Timestamp::from_millis(0) + DAY * 9);
        let since = |what| {
            rule(
                1,
                json!({
                    "tagStatus": "untagged", "countType": what, "countUnit": "days", "countNumber": 5,
                }),
            )
        };
        assert_eq!(gone(&[since("sinceImagePushed")], &images, 10), ["1:image-1"]);
        assert!(gone(&[since("sinceImagePulled")], &images, 10).is_empty());
    }

    #[test]
    fn an_image_of_several_patterns_needs_a_tag_for_each() {
        let images = [image(1, &["x-1", "y-1"]), image(2, &["x-2"])];
        let both = rule(
            1,
            json!({
                "tagStatus": "tagged", "tagPrefixList": ["x", "y"], "countType": "sinceImagePushed", "countUnit": "days",
                "countNumber": 1,
            }),
        );
        assert_eq!(gone(&[both], &images, 10), ["1:image-1"]);
    }

    #[test]
    fn what_a_kept_index_lists_stays_and_goes_with_it() {
        let mut index = image(9, &["app"]);
        index.content.manifests.push("image-1".to_owned());
        let images = [image(1, &[]), index];
        let untagged = rule(
            1,
            json!({ "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1 }),
        );
        assert!(gone(&[untagged], &images, 10).is_empty());
        let any = rule(
            1,
            json!({ "tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1 }),
        );
        assert_eq!(gone(&[any], &images, 20).len(), 2);
    }
}
