//! The listener rules are not what a blue/green deployment needs.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "networking-invalid",
    symptom: "blue/green fails: invalid networking configuration",
    what: "the load balancer's rules do not fit the blue/green deployment",
    fix: "give the production rule exactly one target group with a weight, and keep both groups on the production or test rule; ignore these weights in Terraform",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let reason = case.status_reason().filter(|reason| reason.contains("invalid networking configuration"))?;
    let production = case.member("/loadBalancers/0/advancedConfiguration/productionListenerRule");
    let production = production.and_then(serde_json::Value::as_str);
    let weights = case.rules.items().iter().find(|it| Some(it.arn.as_str()) == production).map(|it| {
        let groups = it.groups.iter().map(|group| format!("{} {}", super::group_name(&group.arn), group.weight));
        format!("the production rule now: {}", groups.collect::<Vec<_>>().join(", "))
    });
    let cause = rule.found().seen(reason).all_seen(weights);
    Some(match production {
        Some(arn) => cause.then(format!("aws elbv2 describe-rules --rule-arns {arn}")),
        None => cause,
    })
}
