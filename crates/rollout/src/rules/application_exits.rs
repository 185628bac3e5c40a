//! The application ends by itself, with an error.

use super::{Rule, Shown, by_task};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "application-exits",
    symptom: "starts, exits: EssentialContainerExited with an exit code",
    what: "the application exits",
    fix: "read what it logged last",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[
        by_task(&["essential container in task exited"]),
    ],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    // These codes say more, and have rules of their own.
    let own = |code: i32| !matches!(code, 0 | 126 | 127 | 137);
    let deaths = case.deaths(|task| rule.is_told_by(task) && task.exits().any(|(_, code)| own(code)))?;
    let newest = deaths.newest();
    let (name, code) = newest.exits().find(|(_, code)| own(*code))?;
    let meaning = match code {
        134 => " (abort)",
        139 => " (segmentation fault)",
        143 => " (SIGTERM)",
        _ => "",
    };
    let after = newest.lived().map(|lived| format!(", {} after start", super::span(lived))).unwrap_or_default();
    let words = super::last_words(case, newest, 4);
    let cause = rule
        .found()
        .named(format!("the application in container {name} exits with code {code}{meaning}{after}"))
        .seen(deaths.counted())
        .all_seen(words.clone());
    let cause = if words.is_empty() { cause } else { cause.fixed_by("what it logged last says why") };
    Some(cause.then(super::logs_of(case, newest)))
}
