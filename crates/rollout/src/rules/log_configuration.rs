//! The log driver does not take its options, or the log group is not there.

use super::{Rule, Shown, anywhere, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "log-configuration",
    symptom: "tasks never RUNNING: ResourceInitializationError … failed to validate logger args",
    what: "the log configuration is refused",
    fix: "create the log group (or set awslogs-create-group), and check the options' names",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[
        anywhere(&["resourceinitializationerror", "logger args"]),
    ],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let cause = said(rule, case)?;
    let lower = cause.said().to_lowercase();
    let group = group(case).filter(|_| lower.contains("log group does not exist"));
    Some(match group {
        Some(group) => cause
            .named(format!("the log group {group} does not exist"))
            .then(format!("aws logs create-log-group --log-group-name {group}")),
        None => cause,
    })
}

/// The one log group of the task definition.
fn group(case: &Case) -> Option<String> {
    let containers = case.task_definition.known()?.get("containerDefinitions")?.as_array()?;
    let groups = containers.iter().filter_map(|it| {
        it.pointer("/logConfiguration/options/awslogs-group")?.as_str().map(str::to_owned)
    });
    let groups: std::collections::BTreeSet<String> = groups.collect();
    (groups.len() == 1).then(|| groups.into_iter().next()).flatten()
}
