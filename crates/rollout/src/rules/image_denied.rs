//! The registry does not let the execution role pull the image.

use super::{Rule, Shown, by_task, image_not_found::inspect, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "image-denied",
    symptom: "tasks never RUNNING: CannotPullContainerError … access denied",
    what: "the image may not be pulled",
    fix: "let the task execution role pull from the repository (ecr:BatchGetImage, ecr:GetDownloadUrlForLayer)",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[
        by_task(&["cannotpullcontainer", "access denied"]),
        by_task(&["cannotpullcontainer", "accessdenied"]),
        by_task(&["cannotpullcontainer", "not authorized"]),
        by_task(&["cannotpullcontainer", "pull access denied"]),
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
