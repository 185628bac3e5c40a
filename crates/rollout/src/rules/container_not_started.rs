//! The container runtime could not start the container.

use super::{Rule, Shown, by_task, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "container-not-started",
    symptom: "tasks stop at start: CannotStartContainerError",
    what: "the container could not be started",
    fix: "read the sentence above; it is the runtime's own",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[
        by_task(&["cannotstartcontainer"]),
    ],
    look,
    shown: Shown::InSentences,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    Some(said(rule, case)?.then(super::tidegate(case, "render", "")))
}
