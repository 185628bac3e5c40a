//! CodeDeploy waited an hour for what did not come.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "code-deploy-timeout",
    symptom: "CodeDeploy ends with TIMEOUT, mostly at Install",
    what: "CodeDeploy waited in vain for the replacement tasks to get healthy",
    fix: "see why the replacement tasks do not get healthy; a hook has to answer within one hour",
    heals: Heals::Never,
    bearing: Bearing::Consequence,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let (code, message) = super::code_deploy_failed::error(case)?;
    let constraint = code == "HEALTH_CONSTRAINTS";
    if code != "TIMEOUT" && !constraint {
        return None;
    }
    let by_hook = message.contains("status callback");
    let mut cause = rule.found().seen(format!("{code}: {message}"));
    if by_hook {
        cause.bearing = Bearing::Cause;
        cause = cause.named("CodeDeploy waited in vain for a lifecycle hook to answer");
    }
    Some(cause.then(super::tidegate(case, "tasks", "--stopped")))
}
