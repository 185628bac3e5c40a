//! There is no room for a task.

use super::{Rule, Shown, by_event, said, saying};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "cannot-place",
    symptom: "nothing is placed: the events say why",
    what: "a task could not be placed",
    fix: "add capacity, or ask for less CPU, memory or ports",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[
        saying(
            "the cluster has no container instances",
            by_event(&["was unable to place a task", "no container instances were found"]),
        ),
        saying(
            "no container instance has enough CPU units free",
            by_event(&["was unable to place a task", "insufficient cpu"]),
        ),
        saying(
            "no container instance has enough memory free",
            by_event(&["was unable to place a task", "insufficient memory"]),
        ),
        saying(
            "the host port is taken on every container instance",
            by_event(&["was unable to place a task", "already using a port"]),
        ),
        saying(
            "the account's limit of concurrent tasks is reached",
            by_event(&["was unable to place a task", "limit on the number of tasks"]),
        ),
        saying(
            "AWS has no capacity for the task at the moment",
            by_event(&["was unable to place a task", "capacity is unavailable"]),
        ),
        by_event(&["was unable to place a task"]),
    ],
    look,
    shown: Shown::InSentences,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    // Once the tasks that are wanted are there, it is over.
    let is_short = case.deployment_in_question().is_none_or(|it| it.running < it.desired);
    let cause = said(rule, case).filter(|_| is_short)?;
    let cluster = case.target.cluster.short();
    let port = cause.what.contains("port");
    let cause = if port {
        cause.fixed_by("use a dynamic host port (hostPort 0), or more instances than tasks")
    } else {
        cause
    };
    Some(cause.then(format!(
        "aws ecs describe-clusters --clusters {cluster} --include STATISTICS ATTACHMENTS"
    )))
}
