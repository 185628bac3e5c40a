//! The last words of the containers that failed last. Their absence is one line, never an error. Start with
//! [`of_case`].

use crate::client::Client;
use crate::logs::LogStream;
use tidegate_rollout::case::{Case, Fact, Log, Task};
use tidegate_rollout::diagnosis::LogTail;

/// The logs of the task that failed last; of one that runs, where none has failed.
pub(super) async fn of_case(client: &Client, case: &Case, most: u16) -> Fact<Vec<Log>> {
    let failed = case.failed_tasks();
    let live = case.live_tasks();
    let Some(task) = failed.first().or_else(|| live.first()) else { return Fact::Absent };
    let ran = containers_to_read(task);
    let Some(definition) = case.task_definition.known().filter(|_| !ran.is_empty()) else {
        return Fact::Absent;
    };
    let streams: Vec<LogStream> =
        ran.iter().filter_map(|name| LogStream::of(definition, name, &task.end.id)).collect();
    if streams.is_empty() {
        // Where nothing has failed nobody misses them.
        return if failed.is_empty() {
            Fact::Absent
        } else {
            Fact::Unasked("no failed container logs through awslogs with a stream prefix".into())
        };
    }
    let mut found = Vec::new();
    for stream in streams {
        match client.last_lines(&stream, most).await {
            Ok(lines) => found.push(Log {
                task: task.end.id.clone(),
                container: stream.container,
                group: stream.group,
                stream: stream.stream,
                lines,
            }),
            Err(error) if found.is_empty() => return Fact::Unasked(error.to_string()),
            Err(_) => {}
        }
    }
    Fact::Known(found)
}

/// A log for the failure screen.
pub(super) fn tail(log: &Log) -> LogTail {
    LogTail {
        container: log.container.clone(),
        stream: format!("{}/{}", log.group, log.stream),
        lines: log.lines.iter().map(|(_, line)| line.clone()).collect(),
    }
}

/// Containers that started: those that ended badly first, else all.
fn containers_to_read(task: &Task) -> Vec<&str> {
    let has_stopped = task.end.stop_code.is_some();
    let started = || task.end.containers.iter().filter(|it| it.exit_code.is_some() || !has_stopped);
    let badly: Vec<&str> = started()
        .filter(|it| it.exit_code.is_some_and(|code| code != 0))
        .map(|it| it.name.as_str())
        .collect();
    if badly.is_empty() { started().map(|it| it.name.as_str()).collect() } else { badly }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_rollout::observation::{StoppedContainer, StoppedTask};

    #[test]
    fn the_container_that_ended_badly_is_read_and_one_that_never_started_is_not() {
        let container = |name: &str, exit_code| StoppedContainer {
            name: name.into(),
            exit_code,
            reason: None,
            health_status: None,
        };
        let end = StoppedTask {
            id: "a".into(),
            started_by: None,
            stop_code: Some("EssentialContainerExited".into()),
            stopped_reason: None,
            stopped_at: None,
            containers: vec![container("web", Some(1)), container("side", Some(0)), container("init", None)],
        };
        let task = Task {
            end,
            task_definition: None,
            last_status: "STOPPED".into(),
            health: None,
            created_at: None,
            started_at: None,
            stopping_at: None,
            execution_stopped_at: None,
        };
        assert_eq!(containers_to_read(&task), ["web"]);
    }
}
