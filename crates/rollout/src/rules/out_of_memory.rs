//! A container was killed for want of memory.

use super::{Rule, Shown, by_task, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "out-of-memory",
    symptom: "tasks run and stop: OutOfMemoryError, or exit code 137 that nobody asked for",
    what: "the container ran out of memory",
    fix: "raise memory, or find out what the application holds",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[
        by_task(&["outofmemory"]),
    ],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let killed = |task: &crate::case::Task| !task.was_told_to_stop() && task.exits().any(|(_, code)| code == 137);
    let told = said(rule, case);
    let deaths = case.deaths(|task| rule.is_told_by(task) || killed(task))?;
    let newest = deaths.newest();
    let cause = match told {
        Some(told) => told,
        None => rule
            .found()
            .sure(crate::cause::Certainty::Likely)
            .named("a container was killed with SIGKILL that nobody sent: mostly it ran out of memory")
            .seen(deaths.counted()),
    };
    let container = newest.exits().find(|(_, code)| *code == 137).map(|(name, _)| name);
    let limit = container.and_then(|name| super::of_container(case, name, "memory"));
    let of_task = case.task_definition.known().and_then(|it| it.get("memory")).filter(|it| !it.is_null());
    let limits = [(limit, "container"), (of_task, "task")];
    let limits = limits.iter().filter_map(|(memory, of)| {
        Some(format!("memory of the {of}: {} MiB", (*memory)?.to_string().trim_matches('"')))
    });
    let cause = cause.all_seen(limits).all_seen(super::last_words(case, newest, 2));
    Some(cause.then(super::logs_of(case, newest)))
}
