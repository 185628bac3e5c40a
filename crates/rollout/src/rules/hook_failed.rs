//! A lifecycle hook said no, said nothing, or could not be called.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "hook-failed",
    symptom: "blue/green fails at a hook: … lifecycle hook(s) failed",
    what: "a lifecycle hook failed",
    fix: "see the function's log: it must answer {\"hookStatus\": \"SUCCEEDED\"}, and its role must let ECS invoke it",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let reason = case.status_reason().filter(|reason| reason.contains("lifecycle hook(s) failed"))?;
    let stage = reason.split("because ").nth(1).and_then(|rest| rest.split(' ').next());
    let function = super::named_after(reason, ":function:");
    let cause = rule.found().seen(reason);
    let cause = match (stage, function) {
        (Some(stage), Some(function)) => cause.named(format!("the lifecycle hook {function} failed at {stage}")),
        (Some(stage), None) => cause.named(format!("a lifecycle hook failed at {stage}")),
        _ => cause,
    };
    let hooks = case.service_deployment.known().and_then(|it| it.get("lifecycleHookDetails")?.as_array());
    let over = hooks.into_iter().flatten().filter_map(|hook| {
        let status = hook.get("status")?.as_str().filter(|it| matches!(*it, "FAILED" | "TIMED_OUT"))?;
        Some(format!("hook {} is {status}", hook.get("hookId")?.as_str()?))
    });
    let cause = cause.all_seen(over);
    Some(match function {
        Some(function) => cause.then(format!("aws logs tail /aws/lambda/{function} --since 1h")),
        None => cause,
    })
}
