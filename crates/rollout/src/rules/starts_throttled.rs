//! ECS waits longer and longer between tries.

use super::{Rule, Shown, by_event, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "starts-throttled",
    symptom: "starts get slower: unable to consistently start tasks",
    what: "tasks keep failing to start, so ECS waits longer between tries (up to 15 minutes)",
    fix: "heal what stops the tasks; a new deployment starts without the wait",
    heals: Heals::Perhaps,
    bearing: Bearing::Consequence,
    signs: &[
        by_event(&["unable to consistently start tasks"]),
    ],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let cause = said(rule, case)?;
    Some(cause.then(super::tidegate(case, "deploy", "--force")))
}
