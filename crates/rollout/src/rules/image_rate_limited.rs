//! The registry limits how often it is asked.

use super::{Rule, Shown, by_task, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "image-rate-limited",
    symptom: "tasks never RUNNING: CannotPullContainerError … toomanyrequests",
    what: "the registry refuses more pulls for now",
    fix: "pull through an ECR pull-through cache, or give the task repositoryCredentials",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[
        by_task(&["cannotpullcontainer", "toomanyrequests"]),
        by_task(&["cannotpullcontainer", "rate limit"]),
    ],
    look,
    shown: Shown::InSentences,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    Some(said(rule, case)?.then("aws ecr describe-pull-through-cache-rules"))
}
