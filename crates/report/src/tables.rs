//! The tables of `status` and `revisions`. Plain data in, text out. Start with [`status`].

use crate::layout;
use crate::style::{Style, Tone};
use crate::words::told;
use serde::Serialize;
use std::fmt::Write as _;
use tidegate_rollout::observation::{CircuitBreaker, RolloutState, Service};

/// Events under a status.
const EVENTS: usize = 5;

/// What runs and what moves, for one service.
pub fn status(name: &str, service: &Service, images: &[(String, String)], style: Style) -> String {
    let running: u32 = service.deployments.iter().map(|d| d.running).sum();
    let mut text = format!(
        "{}  {}  {running}/{} running  {}\n",
        style.paint(Tone::Strong, name),
        service.status,
        service.desired_count,
        service.task_definition.short()
    );
    let _ = writeln!(
        text,
        "  circuit breaker: {}",
        match service.circuit_breaker {
            CircuitBreaker::Off => "off",
            CircuitBreaker::Stops => "on, without rollback",
            CircuitBreaker::RollsBack => "on, rolls back",
        }
    );
    for (container, image) in images {
        let _ = writeln!(text, "  {container}: {image}");
    }
    if !service.deployments.is_empty() {
        let rows: Vec<Vec<String>> = service
            .deployments
            .iter()
            .map(|d| {
                vec![
                    d.task_definition.short().to_owned(),
                    d.status.clone(),
                    d.rollout_state.map_or("-", state).to_owned(),
                    format!("{}/{}", d.running, d.desired),
                    d.pending.to_string(),
                    d.failed.to_string(),
                    d.id.to_string(),
                ]
            })
            .collect();
        text.push('\n');
        text.push_str(&columns(
            &["REVISION", "STATUS", "ROLLOUT", "RUNNING", "PENDING", "FAILED", "DEPLOYMENT"],
            &rows,
            style,
        ));
    }
    if !service.events.is_empty() {
        text.push('\n');
        for event in service.events.iter().take(EVENTS) {
            let _ = writeln!(
                text,
                "  {}  {}",
                style.paint(Tone::Quiet, &crate::failure::time_of_day(event.at)),
                told(&event.message)
            );
        }
    }
    text
}

fn state(state: RolloutState) -> &'static str {
    match state {
        RolloutState::InProgress => "IN_PROGRESS",
        RolloutState::Completed => "COMPLETED",
        RolloutState::Failed => "FAILED",
    }
}

/// One line of the table of revisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevisionRow {
    /// `family:revision`.
    pub revision: String,
    /// Why it matters: `runs`, `rollback target`, `in use`, or nothing.
    pub role: String,
    /// How its last deployment ended, as AWS says it.
    pub last_deployment: String,
}

/// The revisions of a family, newest first.
pub fn revisions(rows: &[RevisionRow], style: Style) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| vec![row.revision.clone(), row.last_deployment.clone(), row.role.clone()])
        .collect();
    columns(&["REVISION", "LAST DEPLOYMENT", ""], &rows, style)
}

/// Columns of words.
fn columns(heads: &[&'static str], rows: &[Vec<String>], style: Style) -> String {
    let heads: Vec<_> = heads.iter().map(|head| layout::words(head)).collect();
    let cells = |row: &Vec<String>| row.iter().map(|cell| cell.as_str().into()).collect();
    layout::table(&heads, &rows.iter().map(cells).collect::<Vec<_>>(), style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_rollout::observation::{Deployment, ServiceEvent};
    use tidegate_rollout::{DeploymentId, TaskDefinitionArn};

    #[test]
    fn a_status_shows_what_runs_and_what_moves() {
        let arn = |n: u32| {
            TaskDefinitionArn::parse(&format!("arn:aws:ecs:r:1:task-definition/web:{n}")).expect("valid")
        };
        let deployment = |id: &str, status: &str, n, running, state| Deployment {
            id: DeploymentId::answered(id),
            status: status.into(),
            task_definition: arn(n),
            desired: 3,
            running,
            pending: 1,
            failed: 0,
            rollout_state: Some(state),
            rollout_state_reason: None,
            created_at: None,
        };
        let service = Service {
            status: "ACTIVE".into(),
            task_definition: arn(8),
            desired_count: 3,
            deployments: vec![
                deployment("ecs-svc/2222222222222222222", "PRIMARY", 8, 1, RolloutState::InProgress),
                deployment("ecs-svc/1111111111111111111", "ACTIVE", 7, 2, RolloutState::Completed),
            ],
            events: vec![ServiceEvent {
                id: "e".into(),
                at: 1_700_000_000_000,
                message: "(service web) has started 1 tasks: (task 0123).".into(),
            }],
            current_service_deployment: None,
            circuit_breaker: CircuitBreaker::RollsBack,
        };
        insta::assert_snapshot!(status(
            "prod/web",
            &service,
            &[("web".into(), "web:8.1".into())],
            Style::Plain
        ));
    }

    #[test]
    fn revisions_say_which_one_a_rollback_needs() {
        let row = |revision: &str, last: &str, role: &str| RevisionRow {
            revision: revision.into(),
            role: role.into(),
            last_deployment: last.into(),
        };
        insta::assert_snapshot!(revisions(
            &[
                row("web:8", "SUCCESSFUL", "runs"),
                row("web:7", "ROLLBACK_SUCCESSFUL", ""),
                row("web:6", "SUCCESSFUL", "rollback target"),
                row("web:5", "-", ""),
            ],
            Style::Plain
        ));
    }
}
