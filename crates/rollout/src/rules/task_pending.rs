//! A task does not get as far as running.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "task-pending",
    symptom: "tasks stay PROVISIONING or PENDING",
    what: "tasks take long to start",
    fix: "see what they wait for: the pull of a large image, a network interface, a dependsOn that is not met",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::InSentences,
};

/// A task that is not RUNNING after so long is worth a word, in milliseconds.
const LONG: crate::Millis = 120_000;

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let waits = |task: &&crate::case::Task| {
        let early = matches!(task.last_status.as_str(), "PROVISIONING" | "PENDING" | "ACTIVATING");
        early && task.created_at.is_some_and(|at| case.now - at > LONG)
    };
    let waiting: Vec<_> = case.live_tasks().into_iter().filter(waits).collect();
    let oldest = waiting.iter().min_by_key(|task| task.created_at)?;
    let since = super::span(case.now - oldest.created_at?);
    Some(
        rule.found()
            .sure(crate::cause::Certainty::Possible)
            .seen(format!(
                "{}: task {} is {} since {since}",
                super::count(waiting.len(), "task"),
                oldest.short(),
                oldest.last_status
            ))
            .then(format!(
                "aws ecs describe-tasks --cluster {} --tasks {} --query tasks[].[lastStatus,pullStartedAt,containers]",
                case.target.cluster.short(),
                oldest.end.id
            )),
    )
}
