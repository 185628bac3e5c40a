//! The balancer's checks kill a task before it can answer them.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "killed-while-booting",
    symptom: "killed while booting: unhealthy in the target group soon after start",
    what: "tasks are killed while they still start: the grace period is too short",
    fix: "set healthCheckGracePeriodSeconds to more than the application needs to start",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

use super::balancer::{Trouble, says_that_it_serves, trouble};
use crate::cause::Certainty;

/// Until so long after the checks could first have killed it, a task's end is theirs.
const SLACK: i64 = 30;

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let found = trouble(case)?;
    let (task, group) = (found.task?, found.group?);
    let by_boot = match &found.trouble {
        Trouble::Refused | Trouble::TimedOut => true,
        Trouble::Answered(codes) => codes.starts_with("503") || codes.starts_with("502"),
        Trouble::Unknown => false,
    };
    let grace = case.grace_seconds();
    let lived = found.lived(case)? / 1000;
    let earliest = grace.max(group.check.seconds_to_unhealthy());
    // One that lived much longer had its time.
    if !by_boot || lived > earliest * 2 + SLACK || says_that_it_serves(case, task).is_some() {
        return None;
    }
    let words = super::last_words(case, task, 3);
    let certainty = if words.is_empty() || grace > 60 { Certainty::Possible } else { Certainty::Likely };
    let needed = (lived * 3).max(60);
    Some(
        rule.found()
            .sure(certainty)
            .named(format!(
                "tasks are killed {lived} s after start, while they still start: the grace period is {grace} s"
            ))
            .all_seen(found.evidence(case))
            .all_seen(words)
            .fixed_by(format!(
                "set healthCheckGracePeriodSeconds to more than the application needs to start, such as {needed}"
            ))
            .then(super::aws_ecs(
                case,
                "update-service",
                &format!("--health-check-grace-period-seconds {needed}"),
            )),
    )
}
