//! The program is there, and may not be run.

use super::{Rule, Shown, by_task, command_not_found::by_sentence_or_code};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "command-not-executable",
    symptom: "tasks stop at start: CannotStartContainerError … permission denied, or exit code 126",
    what: "the command may not be executed",
    fix: "make the file executable in the image",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[
        by_task(&["cannotstartcontainer", "permission denied"]),
    ],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    by_sentence_or_code(rule, case, 126)
}
