//! The table of `tasks`. Plain data in, text out. Start with [`tasks_table`].

use crate::layout::{self, Cell, words, wrapped};
use crate::style::{Style, Tone};
use std::fmt::Write as _;
use tidegate_rollout::Millis;
use tidegate_rollout::tasks::TaskSeen;

/// How many characters of a task's id are shown: enough to tell tasks apart, and to ask for one.
const ID: usize = 8;

/// The tasks in the order given, as they were at `now` on the same clock; why one stopped stands below it, in lines of at
/// most `width` cells.
pub fn tasks_table(tasks: &[TaskSeen], now: Millis, style: Style, width: usize) -> String {
    let columns =
        [words("TASK"), words("STATUS"), words("HEALTH"), words("REVISION"), words("SINCE"), words("EXIT")];
    let cells: Vec<Vec<Cell>> = tasks.iter().map(|task| row(task, now)).collect();
    let table = layout::table(&columns, &cells, style);
    let mut lines = table.lines();
    let mut text = format!("{}\n", lines.next().unwrap_or_default());
    for (task, line) in tasks.iter().zip(lines) {
        let _ = writeln!(text, "{line}");
        for line in why(task).iter().flat_map(|why| wrapped(why, width.saturating_sub(4))) {
            let _ = writeln!(text, "    {}", style.paint(Tone::Quiet, &line));
        }
    }
    text
}

fn row(task: &TaskSeen, now: Millis) -> Vec<Cell> {
    let status = task.last_status.to_lowercase();
    let status = match task.last_status.as_str() {
        "RUNNING" => Cell::toned(Tone::Good, status),
        "STOPPED" => Cell::toned(Tone::Quiet, status),
        _ => Cell::toned(Tone::Warning, status),
    };
    let health = match (task.health.as_str(), task.is_stopped()) {
        ("HEALTHY", false) => Cell::toned(Tone::Good, "healthy"),
        ("UNHEALTHY", _) => Cell::toned(Tone::Bad, "unhealthy"),
        _ => Cell::none(),
    };
    let since = task.stopped_at.or(task.started_at).or(task.created_at);
    vec![
        task.id.get(..ID).unwrap_or(&task.id).into(),
        status,
        health,
        task.revision.as_str().into(),
        since.map_or_else(Cell::none, |at| age(now - at).into()),
        exit_code(task),
    ]
}

/// The codes of the containers that have ended.
fn ended(task: &TaskSeen) -> Vec<(&str, i32)> {
    task.containers.iter().filter_map(|it| Some((it.name.as_str(), it.exit_code?))).collect()
}

/// The first code that is not 0, else 0; which container had which stands below, where there are several.
fn exit_code(task: &TaskSeen) -> Cell {
    let codes = ended(task);
    match codes.iter().find(|(_, code)| *code != 0).or(codes.first()) {
        None => Cell::none(),
        Some((_, 0)) => Cell::toned(Tone::Quiet, "0"),
        Some((_, code)) => Cell::toned(Tone::Bad, code.to_string()),
    }
}

/// Why it stopped, with the codes of its containers where it has several.
fn why(task: &TaskSeen) -> Option<String> {
    if task.desired_status != "STOPPED" && !task.is_stopped() {
        return None;
    }
    let codes: Vec<String> = match task.containers.len() {
        0 | 1 => Vec::new(),
        _ => ended(task).iter().map(|(name, code)| format!("{name} {code}")).collect(),
    };
    match (task.why(), codes.is_empty()) {
        (why, true) => why,
        (None, false) => Some(codes.join(", ")),
        (Some(why), false) => Some(format!("{}: {why}", codes.join(", "))),
    }
}

/// A length of time in its largest two units, as people say it.
fn age(millis: Millis) -> String {
    let seconds = millis.max(0) / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if days > 0 => format!("{days} d {} h", hours % 24),
        () if hours > 0 => format!("{hours} h {} min", minutes % 60),
        () if minutes > 0 => format!("{minutes} min"),
        () => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: Millis = 1_784_021_213_000;

    fn task(id: u64, status: &str, extra: Value) -> TaskSeen {
        let mut described = json!({
            "taskArn": format!("arn:aws:ecs:r:1:task/prod/{id:08x}{id:024x}"), "lastStatus": status,
            "taskDefinitionArn": "arn:aws:ecs:r:1:task-definition/checkout-api:118", "desiredStatus": status,
        });
        if let (Some(members), Value::Object(more)) = (described.as_object_mut(), extra) {
            members.extend(more);
        }
        TaskSeen::read(&described).expect("has an ARN")
    }

    #[test]
    fn tasks_say_how_they_are_since_when_and_why_they_stopped_in_80_columns() {
        let at = |ago: i64| (NOW / 1000 - ago) as f64;
        let tasks = [
            task(
                0x1f3a_9c42,
                "RUNNING",
                json!({"healthStatus": "HEALTHY", "startedAt": at(93 * 3600),
                "containers": [{"name": "app"}]}),
            ),
            task(
                0x2f3a_9c42,
                "RUNNING",
                json!({"healthStatus": "UNHEALTHY", "startedAt": at(4000),
                "containers": [{"name": "app"}]}),
            ),
            task(0x3f3a_9c42, "PROVISIONING", json!({"createdAt": at(4)})),
            task(
                0x4f3a_9c42,
                "STOPPED",
                json!({"stoppedAt": at(150), "stopCode": "EssentialContainerExited",
                "stoppedReason": "Essential container in task exited", "containers": [
                    {"name": "app", "exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"},
                    {"name": "envoy", "exitCode": 0}]}),
            ),
            task(
                0x5f3a_9c42,
                "STOPPED",
                json!({"stoppedAt": at(170), "stopCode": "TaskFailedToStart",
                "stoppedReason": "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref api:9: api:9: not found"}),
            ),
            task(
                0x6f3a_9c42,
                "STOPPED",
                json!({"stoppedAt": at(190), "containers": [{"name": "app", "exitCode": 0}],
                "stoppedReason": "Scaling activity initiated by (deployment ecs-svc/1234567890123456789)"}),
            ),
        ];
        let text = tasks_table(&tasks, NOW, Style::Plain, 80);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }
}
