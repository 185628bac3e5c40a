//! Nobody wants a task.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "desired-zero",
    symptom: "nothing runs: desiredCount 0",
    what: "the service wants no tasks: its desired count is 0",
    fix: "set the desired count, or see what autoscaling does",
    heals: Heals::Never,
    bearing: Bearing::Note,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let service = case.service.as_ref()?;
    let by_daemon = case.member("/schedulingStrategy").is_some_and(|it| it == "DAEMON");
    if service.seen.desired_count > 0 || service.seen.status != "ACTIVE" || by_daemon {
        return None;
    }
    let cause = rule.found().seen("DescribeServices: desiredCount 0");
    Some(cause.then(super::aws_ecs(case, "update-service", "--desired-count 1")))
}
