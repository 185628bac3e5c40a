//! The health check of the task definition fails inside of the container.

use super::{Rule, Shown, anywhere};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "container-check",
    symptom: "Task failed container health checks, and the log is fine",
    what: "the container's health check fails",
    fix: "check that the command exists in the image, and its startPeriod",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[
        anywhere(&["failed container health checks"]),
    ],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let deaths = case.deaths(|task| rule.is_told_by(task));
    let live = || case.live_tasks().into_iter().find(|task| task.health.as_deref() == Some("UNHEALTHY"));
    let (task, counted) = match &deaths {
        Some(deaths) => (deaths.newest(), Some(deaths.counted())),
        None => (live()?, None),
    };
    let said = task.end.stopped_reason.clone().unwrap_or_else(|| format!("task {} is UNHEALTHY", task.short()));
    let sick = task.end.containers.iter().find(|it| it.health_status.as_deref() == Some("UNHEALTHY"));
    let name = sick.or_else(|| task.end.containers.first()).map(|it| it.name.clone()).unwrap_or_default();
    let check = super::of_container(case, &name, "healthCheck");
    let command = check.and_then(|it| it.get("command")?.as_array()).map(|words| {
        words.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(" ")
    });
    let number = |member: &str, default: i64| check.and_then(|it| it.get(member)?.as_i64()).unwrap_or(default);
    let described = command.as_ref().map(|command| {
        format!(
            "{name} is checked by `{command}` every {} s, {} failures in a row are one too many, startPeriod {} s",
            number("interval", 30),
            number("retries", 3),
            number("startPeriod", 0)
        )
    });
    let mut cause = rule.found().seen(said).all_seen(counted).all_seen(described);
    if let Some(command) = command {
        let program = command.split_whitespace().find(|word| !word.starts_with("CMD")).unwrap_or_default();
        cause = cause.fixed_by(format!(
            "check that `{program}` exists in the image (slim images have no curl) and that startPeriod is long enough; run the command in the container"
        ));
    }
    let cluster = case.target.cluster.short();
    let task = case.live_tasks().first().map_or_else(|| "TASK".to_owned(), |task| task.end.id.clone());
    Some(cause.then(format!(
        "aws ecs execute-command --cluster {cluster} --task {task} --container {name} --interactive --command sh"
    )))
}
