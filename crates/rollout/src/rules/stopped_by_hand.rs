//! Somebody stopped the deployment: a person, or a tool that saw a reason.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "stopped-by-hand",
    symptom: "rolled back: stopped by user",
    what: "somebody stopped the deployment",
    fix: "ask who did; tidegate history tells the reason where Tidegate did it",
    heals: Heals::Perhaps,
    bearing: Bearing::Consequence,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let reason = case.status_reason().filter(|reason| {
        let reason = reason.to_lowercase();
        reason.contains("stopped by user") || reason.contains("user initiated") || reason.contains("by the user")
    })?;
    Some(rule.found().seen(reason).then(super::tidegate(case, "history", "")))
}
