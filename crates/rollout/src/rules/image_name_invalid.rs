//! The image's name is none.

use super::{Rule, Shown, by_task, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "image-name-invalid",
    symptom: "tasks never RUNNING: CannotPullContainerError … invalid reference",
    what: "the image's name is not a valid reference",
    fix: "correct the image's name",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[
        by_task(&["cannotpullcontainer", "invalid reference"]),
    ],
    look,
    shown: Shown::InSentences,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let cause = said(rule, case)?;
    Some(cause.then(super::tidegate(case, "render", "")))
}
