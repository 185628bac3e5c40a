//! Tasks that are protected may not be stopped.

use super::{Rule, Shown, by_event, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "tasks-protected",
    symptom: "events: unable to scale in due to … tasks under protection",
    what: "protected tasks may not be stopped",
    fix: "wait until their protection ends (two hours at most by default), or end it",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[
        by_event(&["unable to scale in", "under protection"]),
    ],
    look,
    shown: Shown::InSentences,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    if case.course() == crate::case::Course::Steady {
        return None;
    }
    let cluster = case.target.cluster.short();
    Some(said(rule, case)?.then(format!("aws ecs get-task-protection --cluster {cluster} --tasks TASK")))
}
