//! The target group does not take the tasks.

use super::{Rule, Shown, by_event, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "targets-not-registered",
    symptom: "events: failed to register targets in",
    what: "targets could not be registered",
    fix: "check that the target group's type and VPC fit the task's network mode",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[
        by_event(&["failed to register targets"]),
    ],
    look,
    shown: Shown::InSentences,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let cause = said(rule, case)?;
    Some(match case.groups.items().first() {
        Some(group) => cause.then(format!("aws elbv2 describe-target-groups --names {}", group.name)),
        None => cause,
    })
}
