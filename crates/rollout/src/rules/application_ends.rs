//! The application ends by itself, content.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "application-ends",
    symptom: "starts, exits: EssentialContainerExited with exit code 0",
    what: "the application ends by itself with exit code 0",
    fix: "a service's essential container must run on: start the server in the foreground, or make the container non-essential",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let ended = |task: &crate::case::Task| {
        let codes: Vec<i32> = task.exits().map(|(_, code)| code).collect();
        super::application_exits::RULE.is_told_by(task) && !codes.is_empty() && codes.iter().all(|it| *it == 0)
    };
    let deaths = case.deaths(ended)?;
    let newest = deaths.newest();
    let words = super::last_words(case, newest, 3);
    let cause = rule.found().seen(deaths.counted()).all_seen(words);
    Some(cause.then(super::logs_of(case, newest)))
}
