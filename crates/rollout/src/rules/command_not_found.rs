//! The program that a container is to run is not in its image.

use super::{Rule, Shown, by_task, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "command-not-found",
    symptom: "tasks stop at start: CannotStartContainerError … no such file, or exit code 127",
    what: "the command does not exist in the image",
    fix: "correct entryPoint and command, or the image",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[
        by_task(&["cannotstartcontainer", "no such file or directory"]),
        by_task(&["cannotstartcontainer", "executable file not found"]),
    ],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    by_sentence_or_code(rule, case, 127)
}

/// A shell that starts says by its exit code what the runtime says in a sentence when none does.
pub(super) fn by_sentence_or_code(rule: &Rule, case: &Case, code: i32) -> Option<Cause> {
    let told = said(rule, case);
    let deaths = case.deaths(|task| rule.is_told_by(task) || task.exits().any(|(_, it)| it == code))?;
    let newest = deaths.newest();
    let cause = match told {
        Some(told) => told,
        None => rule.found().seen(deaths.counted()).all_seen(super::last_words(case, newest, 3)),
    };
    let container = newest.end.containers.first();
    let member = |name: &str| super::of_container(case, &container?.name, name).map(ToString::to_string);
    let runs = ["entryPoint", "command"].iter().filter_map(|name| Some(format!("{name} {}", member(name)?)));
    let runs: Vec<String> = runs.collect();
    let cause = if runs.is_empty() { cause } else { cause.seen(runs.join(", ")) };
    Some(cause.then(super::tidegate(case, "render", "")))
}
