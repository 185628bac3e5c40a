//! A PAUSE hook waits for somebody.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "hook-waiting",
    symptom: "blue/green stands still: a hook is AWAITING_ACTION",
    what: "the deployment waits for somebody to let it go on",
    fix: "let it go on, or send it back with --action ROLLBACK; a gate of Tidegate is answered by whoever runs the rollout",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let known = case.service_deployment.known().filter(|_| case.course() == crate::case::Course::Moving)?;
    let hooks = known.get("lifecycleHookDetails")?.as_array()?;
    let hook = hooks.iter().find(|it| it["status"] == "AWAITING_ACTION")?;
    let (id, arn) = (hook.get("hookId")?.as_str()?, known.get("serviceDeploymentArn")?.as_str()?);
    let stage = known.get("lifecycleStage").and_then(serde_json::Value::as_str).unwrap_or("its stage");
    let left = crate::case::millis(hook, "expiresAt").map(|at| {
        let action = hook.get("timeoutAction").and_then(serde_json::Value::as_str).unwrap_or("ROLLBACK");
        format!("left alone, it does {action} in {}", super::span((at - case.now).max(0)))
    });
    Some(
        rule.found()
            .named(format!("the deployment waits at {stage} for somebody to let it go on"))
            .seen(format!("hook {id} is AWAITING_ACTION"))
            .all_seen(left)
            .then(format!(
                "aws ecs continue-service-deployment --service-deployment-arn {arn} --hook-id {id} --action CONTINUE"
            )),
    )
}
