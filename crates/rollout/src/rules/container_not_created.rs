//! The container runtime could not create the container.

use super::{Rule, Shown, by_task, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "container-not-created",
    symptom: "tasks stop at start: CannotCreateContainerError",
    what: "the container could not be created",
    fix: "read the sentence above; it is the runtime's own",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[
        by_task(&["cannotcreatecontainer"]),
    ],
    look,
    shown: Shown::InSentences,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    Some(said(rule, case)?.then(super::tidegate(case, "render", "")))
}
