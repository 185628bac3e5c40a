//! The balancer's check gets no answer in time.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "check-timeout",
    symptom: "targets unhealthy: Target.Timeout",
    what: "the load balancer's health check gets no answer in time",
    fix: "let the security group of the tasks take the load balancer's traffic on that port; else give the check more time, or a path that does less",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::InSentences,
};

use super::balancer::{Trouble, trouble};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let found = trouble(case)?;
    if found.trouble != Trouble::TimedOut {
        return None;
    }
    let groups = case.member("/networkConfiguration/awsvpcConfiguration/securityGroups").cloned();
    let first = groups.as_ref().and_then(|it| it.get(0)?.as_str());
    let cause = rule.found().sure(crate::cause::Certainty::Likely).all_seen(found.evidence(case));
    Some(match first {
        Some(group) => cause.then(format!("aws ec2 describe-security-groups --group-ids {group}")),
        None => cause,
    })
}
