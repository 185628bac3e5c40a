//! The service is where it should be.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "nothing-wrong",
    symptom: "none",
    what: "nothing is wrong that could be seen",
    fix: "nothing to do",
    heals: Heals::Perhaps,
    bearing: Bearing::Note,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let service = case.service.as_ref().filter(|it| it.seen.status == "ACTIVE")?;
    let running = case.member("/runningCount").and_then(serde_json::Value::as_u64).unwrap_or(0);
    let full = running >= u64::from(service.seen.desired_count);
    if case.course() != crate::case::Course::Steady || !full {
        return None;
    }
    let targets: Vec<_> = case.groups.items().iter().flat_map(|group| group.targets.items()).collect();
    let healthy = targets.iter().filter(|it| it.state == "healthy").count();
    let checked = (!targets.is_empty()).then(|| format!("{healthy} of {} healthy", super::count(targets.len(), "target")));
    let failed = case.stopped.known().map(|_| "no task of this deployment failed since it was completed".to_owned());
    let cause = rule.found().seen(case.standing()).all_seen(checked).all_seen(failed);
    Some(cause.then(super::tidegate(case, "check", "")))
}
