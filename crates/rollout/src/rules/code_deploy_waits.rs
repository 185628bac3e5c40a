//! CodeDeploy waits to be told that traffic may move.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "code-deploy-waits",
    symptom: "CodeDeploy's status is Ready and nothing moves",
    what: "CodeDeploy waits for somebody to let traffic move",
    fix: "let traffic move, or stop the deployment; actionOnTimeout CONTINUE_DEPLOYMENT does not wait",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let info = case.code_deploy.known().filter(|info| info["status"] == "Ready")?;
    let option = &info["blueGreenDeploymentConfiguration"]["deploymentReadyOption"];
    let id = info.get("deploymentId").and_then(serde_json::Value::as_str).unwrap_or("?");
    let minutes = option["waitTimeInMinutes"].as_i64();
    let wait = minutes.map(|minutes| format!("left alone, it is stopped after {minutes} minutes of waiting"));
    Some(
        rule.found()
            .seen(format!("deployment {id} is Ready: the replacement tasks run and get no traffic"))
            .all_seen(wait)
            .then(super::tidegate(case, "promote", "")),
    )
}
