//! The log groups that containers write to exist.

use super::{Rule, block};
use crate::line::Line;
use crate::picture::read::word;
use crate::{Asked, Found, Look, Picture, Severity};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) const RULE: Rule = Rule {
    id: "log-group",
    severity: Severity::Error,
    title: "the log groups exist",
    why: "With the log driver awslogs a task whose log group is missing does not start: ResourceInitializationError, \
          failed to validate logger args.",
    practice: None,
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    if look.need(&picture.definition).is_none() {
        return look;
    }
    let mut by_group: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for container in picture.containers() {
        if let Some(group) = group_of(container) {
            by_group.entry(group).or_default().push(word(container, "name").unwrap_or_default());
        }
    }
    for (group, containers) in by_group {
        match picture.log_groups.get(group) {
            Some(Asked::CouldNotAsk(why)) => look.cannot_tell(why),
            Some(Asked::Absent) => look.finds(
                Found::new(
                    format!("log group {group} does not exist"),
                    "Make it. The option awslogs-create-group lets ECS do it, if the execution role may.",
                )
                .seen_by(format!("containers that log to it: {}", containers.join(", ")))
                .by(Line::aws("logs", "create-log-group").with("--log-group-name", group).written())
                .in_terraform(block(
                    "aws_cloudwatch_log_group",
                    group.trim_start_matches('/'),
                    &format!("name              = \"{group}\"\nretention_in_days = 30"),
                )),
            ),
            Some(Asked::Told(())) | None => {}
        }
    }
    look
}

/// The group that must be there before the task starts.
fn group_of(container: &Value) -> Option<&str> {
    let log = container.get("logConfiguration")?;
    let option = |name: &str| log.get("options").and_then(|options| word(options, name));
    let makes_it = option("awslogs-create-group") == Some("true");
    if word(log, "logDriver") == Some("awslogs") && !makes_it { option("awslogs-group") } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{container, quiet, sound, told};
    use serde_json::json;

    #[test]
    fn a_log_group_that_is_gone_is_found_and_one_that_is_made_on_the_way_is_not() {
        let mut picture = sound();
        picture.log_groups.insert("/ecs/api".into(), Asked::Absent);
        insta::assert_snapshot!(told(&RULE, &picture));
        container(&mut picture)["logConfiguration"]["options"]["awslogs-create-group"] = json!("true");
        quiet(&RULE, &picture);
        container(&mut picture)["logConfiguration"]["options"]["awslogs-create-group"] = json!("false");
        picture.log_groups.insert("/ecs/api".into(), Asked::Told(()));
        quiet(&RULE, &picture);
    }
}
