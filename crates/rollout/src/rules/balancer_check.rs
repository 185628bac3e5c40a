//! The load balancer's check fails, and it is not known how.

use super::{Rule, Shown, by_event, by_task, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "balancer-check",
    symptom: "Task failed ELB health checks, without another word",
    what: "the load balancer's health check fails",
    fix: "check the health check's path, port and matcher, the security groups, and healthCheckGracePeriodSeconds",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[
        by_task(&["failed elb health checks"]),
        by_event(&["is unhealthy in (target-group"]),
    ],
    look,
    shown: Shown::InSentences,
};

use super::balancer::{Trouble, trouble};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    if trouble(case).is_some_and(|found| found.trouble != Trouble::Unknown) {
        return None;
    }
    // Events of tasks that were replaced, in a service that is healthy again, are over.
    let cause = said(rule, case).filter(|_| case.deaths(|task| rule.is_told_by(task)).is_some())?;
    Some(cause.then(super::tidegate(case, "logs", "")))
}
