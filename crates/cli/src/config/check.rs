//! The section for `tidegate check`: what is lived with, each with its reason. It must never take a suppression of a
//! rule that does not exist: whoever wrote it believes that something is hidden. Start with [`CheckConfig`].

use super::error::{ConfigError, Source};
use super::section::{Section, text};
use super::yaml::{Data, Node};
use tidegate_checks::rules::{TABLE, named};
use tidegate_checks::{Day, Suppression};

/// `check:`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckConfig {
    /// What is lived with, in the order of the file.
    pub suppress: Vec<Suppression>,
    /// For how many days a rollback drill holds.
    pub drill_days: Option<u32>,
}

/// Reads `check:`.
pub fn check(source: &Source, node: &Node) -> Result<CheckConfig, ConfigError> {
    let section = Section::of(source, node, "check", &["suppress", "drillDays"])?;
    let suppress = match section.node("suppress") {
        None => Vec::new(),
        Some(list) => {
            let Data::List(items) = &list.data else {
                let what = format!("check.suppress must be a list, and this is {}", list.kind());
                return Err(ConfigError::at(source, list.place, what)
                    .with_help("write for example `- { rule: one-task, reason: \"its queue may wait\" }`"));
            };
            items.iter().map(|item| suppression(source, item)).collect::<Result<_, _>>()?
        }
    };
    Ok(CheckConfig { suppress, drill_days: section.count("drillDays")? })
}

fn suppression(source: &Source, node: &Node) -> Result<Suppression, ConfigError> {
    let section = Section::of(source, node, "a suppression", &["rule", "reason", "until", "service"])?;
    let rule_node = section.required("rule", "a suppression", node.place)?;
    let rule = text(source, rule_node, "rule")?;
    if named(&rule).is_none() {
        return Err(unknown(source, rule_node, &rule));
    }
    let without_reason = |place| {
        ConfigError::at(source, place, format!("the suppression of `{rule}` has no reason"))
            .with_help("add `reason: \"…\"`: whoever reads it in a year wants to know why it is fine")
    };
    let reason_node = section.node("reason").ok_or_else(|| without_reason(node.place))?;
    let reason = text(source, reason_node, "reason")?.trim().to_owned();
    if reason.is_empty() {
        return Err(without_reason(reason_node.place));
    }
    let until = match section.node("until") {
        None => None,
        Some(until) => {
            let written = text(source, until, "until")?;
            Some(Day::parse(&written).map_err(|_| {
                ConfigError::at(source, until.place, format!("`{written}` is not a day"))
                    .with_help("write the last day that it holds as 2027-01-31")
            })?)
        }
    };
    Ok(Suppression { rule, reason, until, service: section.text("service")? })
}

fn unknown(source: &Source, node: &Node, rule: &str) -> ConfigError {
    let error = ConfigError::at(source, node.place, format!("there is no rule `{rule}`"));
    let nearest = TABLE
        .iter()
        .map(|known| (strsim::jaro_winkler(&rule.to_lowercase(), known.id), known.id))
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .filter(|(likeness, _)| *likeness > 0.75);
    match nearest {
        Some((_, id)) => error.with_help(format!("did you mean `{id}`?")),
        None => {
            let all: Vec<&str> = TABLE.iter().map(|rule| rule.id).collect();
            error.with_help(format!("the rules are: {}", all.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Reading};
    use std::path::Path;
    use tidegate_report::Style;

    fn parsed(text: &str) -> Result<CheckConfig, ConfigError> {
        let source = Source { name: "tidegate.yml".into(), text: text.into() };
        Config::parse(&source, Path::new("/nowhere"), Reading::TargetOnly, &|_| None)
            .map(|config| config.check)
    }

    #[test]
    fn what_is_lived_with_has_a_rule_a_reason_and_perhaps_a_last_day() {
        let config = parsed(
            "check:\n  drillDays: 90\n  suppress:\n    - { rule: one-task, reason: a worker, service: jobs }\n    - rule: digests\n      reason: until the registry moves\n      until: 2027-01-31\n",
        )
        .expect("no mistake");
        assert_eq!(config.drill_days, Some(90));
        assert_eq!(config.suppress[0].service.as_deref(), Some("jobs"));
        assert_eq!(config.suppress[1].until, Day::parse("2027-01-31").ok());
        assert!(parsed("cluster: prod\n").is_ok_and(|config| config.suppress.is_empty()));
    }

    #[test]
    fn each_mistake_is_pointed_at() {
        let files = [
            "check:\n  suppress:\n    - rule: digest\n      reason: x\n",
            "check:\n  suppress:\n    - rule: everything\n      reason: x\n",
            "check:\n  suppress:\n    - rule: digests\n",
            "check:\n  suppress:\n    - rule: digests\n      reason: \" \"\n",
            "check:\n  suppress:\n    - reason: x\n",
            "check:\n  suppress:\n    - rule: digests\n      reason: x\n      until: next year\n",
            "check:\n  suppress: { rule: digests }\n",
            "check:\n  supress: []\n",
            "check:\n  drillDays: never\n",
        ];
        let told = files.map(|file| parsed(file).expect_err("a mistake").rendered(Style::Plain));
        insta::assert_snapshot!(told.join("\n"));
    }
}
