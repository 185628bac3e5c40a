//! The application does not end when it is asked to.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "sigterm-ignored",
    symptom: "old tasks end with exit code 137: SIGTERM ignored, stopTimeout over",
    what: "the application ignores SIGTERM, and is killed after stopTimeout",
    fix: "handle SIGTERM (a shell as PID 1 does not pass it on: exec the program, or set initProcessEnabled)",
    heals: Heals::Never,
    bearing: Bearing::Note,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let asked: Vec<_> = case.stopped.items().iter().filter(|task| task.was_told_to_stop()).collect();
    let by_memory = |task: &crate::case::Task| super::out_of_memory::RULE.is_told_by(task);
    let killed = |task: &&&crate::case::Task| task.exits().any(|(_, code)| code == 137) && !by_memory(task);
    let deaf: Vec<_> = asked.iter().filter(killed).collect();
    let newest = deaf.iter().max_by_key(|task| task.end.stopped_at)?;
    let name = newest.exits().find(|(_, code)| *code == 137)?.0;
    let took = newest.execution_stopped_at.zip(newest.stopping_at).map(|(end, from)| {
        format!("task {} took {} to end and then was killed", newest.short(), super::span(end - from))
    });
    let timeout = super::of_container(case, name, "stopTimeout").map(|it| format!("stopTimeout of {name}: {it} s"));
    Some(
        rule.found()
            .seen(format!(
                "{} of {} that were told to stop ended with exit code 137",
                deaf.len(),
                super::count(asked.len(), "task")
            ))
            .all_seen(took)
            .all_seen(timeout)
            .then(super::logs_of(case, newest)),
    )
}
