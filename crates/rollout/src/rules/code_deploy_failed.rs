//! CodeDeploy says by a code what went wrong.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "code-deploy-failed",
    symptom: "CodeDeploy ends with another error code",
    what: "CodeDeploy failed the deployment",
    fix: "see the message",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::InSentences,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let (code, message) = error(case)?;
    let others = ["TIMEOUT", "HEALTH_CONSTRAINTS", "ALARM_ACTIVE"];
    if others.contains(&code) || message.contains("must be behind listener") {
        return None;
    }
    let mut cause = rule.found().seen(format!("{code}: {message}"));
    if let Some((what, fix)) = crate::code_deploy::failure::meaning(code) {
        cause = cause.named(what).fixed_by(fix);
    }
    if code == "MANUAL_STOP" {
        // Also what stops it for a reason of its own calls it so.
        cause.bearing = Bearing::Consequence;
    }
    let id = case.code_deploy.known()?.get("deploymentId")?.as_str()?;
    Some(cause.then(format!(
        "aws deploy get-deployment --deployment-id {id} --query deploymentInfo.errorInformation"
    )))
}

/// `errorInformation` of the newest deployment, unless it is over and another has succeeded since.
pub(super) fn error(case: &Case) -> Option<(&str, &str)> {
    let error = case.code_deploy.known()?.get("errorInformation")?;
    let code = error.get("code")?.as_str().filter(|code| !code.is_empty())?;
    Some((code, error.get("message").and_then(serde_json::Value::as_str).unwrap_or_default()))
}
