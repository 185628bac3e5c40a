//! No rule sends to the target group, so that nobody checks its targets.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "target-group-unused",
    symptom: "targets never healthy: unused, Target.NotInUse",
    what: "no listener rule sends to the service's target group",
    fix: "add a rule (or a default action) that forwards to it, or correct the service's loadBalancers",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    // The replacement's group is behind no rule until CodeDeploy moves the traffic.
    if case.controller() == "CODE_DEPLOY" {
        return None;
    }
    let unused = |group: &&crate::case::TargetGroup| {
        let targets = group.targets.items().iter();
        let unused = targets.filter(|it| it.reason.as_deref() == Some("Target.NotInUse")).count();
        unused > 0 || (group.load_balancers.is_empty() && !group.targets.items().is_empty())
    };
    let group = case.groups.items().iter().find(unused)?;
    let targets = group.targets.items().iter().filter(|it| it.state == "unused");
    let evidence: Vec<String> = targets
        .take(2)
        .map(|it| {
            let reason = it.reason.as_deref().unwrap_or("no reason");
            format!("{}:{} is unused, {reason}: {}", it.id, it.port, it.description.as_deref().unwrap_or("-"))
        })
        .collect();
    let behind = if group.load_balancers.is_empty() {
        format!("{} is behind no load balancer", group.name)
    } else {
        format!("{} is in no rule of its load balancer", group.name)
    };
    Some(
        rule.found()
            .named(format!("no listener rule sends to the target group {}", group.name))
            .all_seen(evidence)
            .seen(behind)
            .then(format!("aws elbv2 describe-target-groups --names {} --query TargetGroups[].LoadBalancerArns", group.name)),
    )
}
