//! ECS is held back by limits of its own calls.

use super::{Rule, Shown, by_event, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "api-throttled",
    symptom: "events: operations are being throttled",
    what: "ECS throttles its own calls for this service",
    fix: "wait",
    heals: Heals::Perhaps,
    bearing: Bearing::Consequence,
    signs: &[
        by_event(&["operations are being throttled"]),
    ],
    look,
    shown: Shown::InSentences,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    Some(said(rule, case)?.then(super::tidegate(case, "watch", "")))
}
