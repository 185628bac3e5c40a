//! Somebody pointed the listener away from the tasks that serve.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "code-deploy-listener",
    symptom: "CodeDeploy: Primary taskset target group must be behind listener",
    what: "the production listener does not send to the target group of the tasks that serve",
    fix: "point the listener back to the primary task set's target group; let Terraform ignore default_action",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::InSentences,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let (code, message) = super::code_deploy_failed::error(case)?;
    if !message.contains("must be behind listener") {
        return None;
    }
    let sets = case.member("/taskSets").and_then(serde_json::Value::as_array);
    let primary = sets.into_iter().flatten().find(|set| set["status"] == "PRIMARY");
    let group = primary.and_then(|set| set.pointer("/loadBalancers/0/targetGroupArn")?.as_str());
    let serves = group.map(|arn| format!("the primary task set is behind {}", super::group_name(arn)));
    let listener = super::named_after(message, "behind listener ").map(str::to_owned);
    let cause = rule.found().seen(format!("{code}: {message}")).all_seen(serves);
    Some(match (listener, group) {
        (Some(listener), Some(group)) => cause.then(format!(
            "aws elbv2 modify-listener --listener-arn {listener} --default-actions Type=forward,TargetGroupArn={group}"
        )),
        _ => cause,
    })
}
