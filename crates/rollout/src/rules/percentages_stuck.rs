//! minimumHealthyPercent and maximumPercent leave no room for a single task: facts §1.1.

use super::{Rule, Shown, aws_ecs, by_event};
use crate::case::{Case, Course};
use crate::cause::{Bearing, Cause, Heals};
use serde_json::Value;

pub(super) const RULE: Rule = Rule {
    id: "percentages-stuck",
    symptom: "IN_PROGRESS for ever, nothing starts and nothing stops",
    what: "minimumHealthyPercent and maximumPercent leave no room: nothing may start and nothing may stop",
    fix: "raise maximumPercent or lower minimumHealthyPercent so that one task can move (floor(desired × max%) must exceed ceil(desired × min%))",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[by_event(&[
        "unable to stop or start tasks during a deployment because of the service deployment configuration",
    ])],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    if case.course() != Course::Moving {
        return None;
    }
    let percent = |name: &str, default: u64| {
        let given = case.member(&format!("/deploymentConfiguration/{name}")).and_then(Value::as_u64);
        given.unwrap_or(default)
    };
    let (min, max) = (percent("minimumHealthyPercent", 100), percent("maximumPercent", 200));
    let desired = u64::from(case.desired());
    let (floor, ceiling) = ((desired * min).div_ceil(100), desired * max / 100);
    let said = case.event_that_says("unable to stop or start tasks during a deployment");
    let is_stuck = case.controller() == "ECS" && desired > 0 && ceiling <= floor;
    // Percentages that were changed since the event no longer stick.
    if !is_stuck {
        return None;
    }
    let arithmetic = format!(
        "desired {desired}: ceil({desired} × {min} %) = {floor} must stay healthy, floor({desired} × {max} %) = {ceiling} may run"
    );
    let needed = (100 * (floor + 1)).div_ceil(desired).max(200);
    Some(rule.found().all_seen(said).seen(arithmetic).then(aws_ecs(
        case,
        "update-service",
        &format!("--deployment-configuration minimumHealthyPercent={min},maximumPercent={needed}"),
    )))
}
