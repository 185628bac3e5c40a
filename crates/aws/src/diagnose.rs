//! Gathers why a rollout failed. It must never fail itself: whatever cannot be had becomes one short
//! line. Start with `diagnose`.

use crate::client::Client;
use crate::logs::LogStream;
use serde_json::Value;
use tidegate_rollout::TaskDefinitionArn;
use tidegate_rollout::diagnosis::{Diagnosis, LogTail};
use tidegate_rollout::observation::{ServiceSeen, StoppedTask};
use tidegate_rollout::rolling::Rollout;

/// Service events on the failure screen.
const EVENTS: usize = 8;

/// The findings: stopped tasks, the failing health check, the last log lines.
pub(crate) async fn diagnose(
    client: &Client,
    rollout: &Rollout,
    seen: &ServiceSeen,
    log_lines: u16,
) -> Diagnosis {
    let mut missing = Vec::new();
    let rollout = match client.stopped_tasks(rollout.target()).await {
        Ok(tasks) => rollout.clone().with_stopped_tasks(&tasks),
        Err(error) => {
            missing.push(format!("stopped tasks: {error}"));
            rollout.clone()
        }
    };
    let mut diagnosis = rollout.diagnosis(EVENTS);
    if matches!(seen, ServiceSeen::Described(_)) {
        match client.health_findings(&target_groups(&rollout)).await {
            Ok(findings) => diagnosis.health = findings,
            Err(error) => missing.push(format!("target health: {error}")),
        }
    }
    match last_lines(client, rollout.stopped_tasks(), rollout.candidate(), log_lines).await {
        Ok(logs) => diagnosis.logs = logs,
        Err(why) => missing.push(format!("logs: {why}")),
    }
    diagnosis.missing = missing;
    diagnosis
}

/// The target groups that the failed tasks or the events name; without such a sign the balancer is
/// not asked at all.
fn target_groups(rollout: &Rollout) -> Vec<String> {
    let reasons = rollout.stopped_tasks().iter().filter_map(|task| task.stopped_reason.as_deref());
    let events = rollout.events().iter().map(|event| event.message.as_str());
    let mut found: Vec<String> = Vec::new();
    for sentence in
        reasons.chain(events).filter(|s| s.contains("ELB health checks") || s.contains("is unhealthy in"))
    {
        let named = sentence.split("(target-group ").nth(1).and_then(|rest| rest.split(')').next());
        if let Some(arn) = named.filter(|arn| !found.iter().any(|known| known == arn)) {
            found.push(arn.to_owned());
        }
    }
    found
}

/// The last lines of the container that failed in the task that stopped last.
pub(crate) async fn last_lines(
    client: &Client,
    stopped: &[StoppedTask],
    candidate: &TaskDefinitionArn,
    most: u16,
) -> Result<Vec<LogTail>, String> {
    let Some(task) = stopped.iter().max_by_key(|task| task.stopped_at) else {
        return Ok(Vec::new());
    };
    let ran: Vec<&str> = containers_to_read(task);
    if ran.is_empty() {
        return Ok(Vec::new());
    }
    let definition: Value =
        client.described_task_definition(candidate.as_str()).await.map_err(|error| error.to_string())?;
    let streams: Vec<LogStream> =
        ran.iter().filter_map(|name| LogStream::of(&definition, name, &task.id)).collect();
    if streams.is_empty() {
        return Err("no failed container logs through awslogs with a stream prefix".into());
    }
    let mut tails = Vec::new();
    for stream in &streams {
        match client.last_lines(stream, most).await {
            Ok(tail) => tails.push(tail),
            Err(error) if tails.is_empty() => return Err(error.to_string()),
            Err(_) => {}
        }
    }
    Ok(tails)
}

/// Containers that started: those that ended badly first, else all.
fn containers_to_read(task: &StoppedTask) -> Vec<&str> {
    let started = || task.containers.iter().filter(|c| c.exit_code.is_some());
    let badly: Vec<&str> = started().filter(|c| c.exit_code != Some(0)).map(|c| c.name.as_str()).collect();
    if badly.is_empty() { started().map(|c| c.name.as_str()).collect() } else { badly }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_rollout::observation::StoppedContainer;

    #[test]
    fn the_container_that_ended_badly_is_read_and_one_that_never_started_is_not() {
        let container = |name: &str, exit_code| StoppedContainer {
            name: name.into(),
            exit_code,
            reason: None,
            health_status: None,
        };
        let task = StoppedTask {
            id: "a".into(),
            started_by: None,
            stop_code: None,
            stopped_reason: None,
            stopped_at: None,
            containers: vec![container("web", Some(1)), container("side", Some(0)), container("init", None)],
        };
        assert_eq!(containers_to_read(&task), ["web"]);
    }
}
