//! A deployment failed and there is no earlier one that was completed, or going back is off.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "nothing-to-go-back-to",
    symptom: "FAILED and stays so",
    what: "the failed deployment stays, since there is nothing to go back to",
    fix: "heal the cause and deploy again: nothing more is started until then",
    heals: Heals::Never,
    bearing: Bearing::Consequence,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

use crate::observation::{CircuitBreaker, ServiceDeploymentStatus as Status};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    if case.controller() == "CODE_DEPLOY" || case.course() != crate::case::Course::Failed {
        return None;
    }
    let service = case.service.as_ref()?;
    let primary = service.seen.deployments.iter().find(|it| it.is_primary())?;
    let state = format!("deployment {} of {}: rolloutState FAILED", primary.id, primary.task_definition.short());
    let off = service.seen.circuit_breaker == CircuitBreaker::Stops && case.status() == Some(Status::Stopped);
    let cause = rule.found().all_seen(case.status_reason().map(str::to_owned)).seen(state);
    let cause = if off {
        cause
            .named("the failed deployment stays, since going back is switched off")
            .fixed_by("switch deploymentCircuitBreaker.rollback on; until then go back by hand")
            .then(super::tidegate(case, "rollback", ""))
    } else {
        cause.then(super::tidegate(case, "deploy", "--image CONTAINER=IMAGE"))
    };
    Some(cause)
}
