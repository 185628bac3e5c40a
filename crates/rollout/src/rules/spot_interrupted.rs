//! Fargate Spot takes capacity back.

use super::{Rule, Shown, by_task, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "spot-interrupted",
    symptom: "tasks stop: Your Spot Task was interrupted",
    what: "Fargate Spot took the capacity back",
    fix: "nothing to do; or keep a base of on-demand tasks",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[
        by_task(&["spot task was interrupted"]),
    ],
    look,
    shown: Shown::InSentences,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    Some(said(rule, case)?.then(super::aws_ecs(
        case,
        "update-service",
        "--capacity-provider-strategy capacityProvider=FARGATE,base=1,weight=1 capacityProvider=FARGATE_SPOT,weight=3 --force-new-deployment",
    )))
}
