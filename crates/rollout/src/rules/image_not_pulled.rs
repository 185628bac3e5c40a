//! The registry could not be reached, or said something else.

use super::{Rule, Shown, by_task, image_not_found::inspect, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "image-not-pulled",
    symptom: "tasks never RUNNING: CannotPullContainerError … i/o timeout",
    what: "the image could not be pulled",
    fix: "check the route to the registry (NAT, VPC endpoints, security groups) and its rate limits",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[
        by_task(&["cannotpullcontainer"]),
    ],
    look,
    shown: Shown::InSentences,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let cause = said(rule, case)?;
    let command = inspect(case, &cause);
    Some(match command {
        Some(command) => cause.then(command),
        None => cause,
    })
}
