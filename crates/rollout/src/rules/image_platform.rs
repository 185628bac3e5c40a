//! The image was built for another processor or system.

use super::{Rule, Shown, by_task, image_not_found::inspect, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "image-platform",
    symptom: "tasks never RUNNING: TaskFailedToStart, CannotPullContainerError … platform",
    what: "the image has no build for the task's platform",
    fix: "build the image for the task's CPU architecture, or set runtimePlatform.cpuArchitecture",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[
        by_task(&["cannotpullcontainer", "platform"]),
        by_task(&["exec format error"]),
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
