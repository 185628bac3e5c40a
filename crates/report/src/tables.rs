//! The tables of `status` and `revisions`. Plain data in, text out. Start with [`status`].

use crate::layout;
use crate::style::{Style, Tone};
use crate::words::told;
use serde::Serialize;
use std::fmt::Write as _;
use tidegate_rollout::code_deploy;
use tidegate_rollout::observation::{CircuitBreaker, RolloutState, Service};

/// Events under a status.
const EVENTS: usize = 5;

/// What runs and what moves, for one service.
pub fn status(
    name: &str,
    service: &Service,
    images: &[(String, String)],
    code_deploy: Option<&code_deploy::status::Status>,
    style: Style,
) -> String {
    let of_sets = code_deploy.into_iter().flat_map(|it| it.task_sets.iter().map(|set| set.running));
    let running: u32 = service.deployments.iter().map(|d| d.running).chain(of_sets).sum();
    let mut text = format!(
        "{}  {}  {running}/{} running  {}\n",
        style.paint(Tone::Strong, name),
        service.status,
        service.desired_count,
        service.task_definition.short()
    );
    // CodeDeploy has none.
    if code_deploy.is_none() {
        let _ = writeln!(
            text,
            "  circuit breaker: {}",
            match service.circuit_breaker {
                CircuitBreaker::Off => "off",
                CircuitBreaker::Stops => "on, without rollback",
                CircuitBreaker::RollsBack => "on, rolls back",
            }
        );
    }
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
    if let Some(code_deploy) = code_deploy {
        text.push_str(&by_code_deploy(code_deploy, style));
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

/// The deployment under way, if one is, and the task sets with their shares.
fn by_code_deploy(status: &code_deploy::status::Status, style: Style) -> String {
    let mut text = String::from("\n");
    if let Some(deployment) = &status.deployment {
        let (application, group) = &deployment.group;
        let at = deployment.stage.as_ref().map_or_else(String::new, |stage| format!(" at {stage}"));
        let _ = writeln!(
            text,
            "  deployment {} brings {}: {}{at}",
            style.paint(Tone::Strong, deployment.id.as_str()),
            deployment.candidate.short(),
            status_word(deployment.status),
        );
        if let Some(back) = &deployment.goes_back_by {
            let why = deployment.error.as_ref().map_or("no reason given", |error| &error.message);
            write_hanging(&mut text, "  goes back", &format!("by deployment {back}: {why}"));
        }
        write_hanging(&mut text, "  group", &format!("{application}/{group}, by {}", deployment.config));
        text.push('\n');
    }
    if let Some(why) = &status.unseen {
        write_hanging(&mut text, "  CodeDeploy", &format!("could not be asked: {why}"));
        text.push('\n');
    }
    let rows: Vec<Vec<String>> = status
        .task_sets
        .iter()
        .map(|set| {
            vec![
                set.task_definition.short().to_owned(),
                set.status.clone(),
                set.share.map_or_else(|| "-".to_owned(), |share| share.to_string()),
                format!("{}/{}", set.running, set.desired),
                set.pending.to_string(),
                set.id.to_string(),
            ]
        })
        .collect();
    text.push_str(&columns(&["REVISION", "STATUS", "SHARE", "RUNNING", "PENDING", "TASK SET"], &rows, style));
    text
}

/// A text beside its head, in lines of at most 80 cells.
fn write_hanging(text: &mut String, head: &str, said: &str) {
    for line in layout::hanging(head, "  CodeDeploy  ".len(), said, 80) {
        let _ = writeln!(text, "{line}");
    }
}

/// CodeDeploy's own word.
fn status_word(status: code_deploy::seen::Status) -> &'static str {
    use code_deploy::seen::Status;
    match status {
        Status::Created => "Created",
        Status::Queued => "Queued",
        Status::InProgress => "InProgress",
        Status::Baking => "Baking",
        Status::Ready => "Ready (waits to be told that traffic may move)",
        Status::Succeeded => "Succeeded",
        Status::Failed => "Failed",
        Status::Stopped => "Stopped",
        Status::Unknown => "in a status that this version does not know",
    }
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
    use tidegate_rollout::{DeploymentId, Percent, TaskDefinitionArn};

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
            None,
            Style::Plain
        ));
    }

    #[test]
    fn a_status_shows_the_deployment_of_codedeploy_and_both_task_sets_with_their_shares() {
        use code_deploy::seen::{ErrorInformation, Status as Stands};
        use code_deploy::status::{Status, TaskSet, UnderWay};
        let arn = |n: u32| {
            TaskDefinitionArn::parse(&format!("arn:aws:ecs:r:1:task-definition/web:{n}")).expect("valid")
        };
        let set = |digit: &str, n, status: &str, share, running| TaskSet {
            id: DeploymentId::answered(format!("ecs-svc/{}", digit.repeat(19))),
            task_definition: arn(n),
            status: status.into(),
            share: Some(Percent::whole(share)),
            desired: 3,
            running,
            pending: 3 - running,
        };
        let service = Service {
            status: "ACTIVE".into(),
            task_definition: arn(7),
            desired_count: 3,
            deployments: Vec::new(),
            events: Vec::new(),
            current_service_deployment: None,
            circuit_breaker: CircuitBreaker::Off,
        };
        let shifting = UnderWay {
            id: DeploymentId::answered("d-8UX1TT5RK"),
            status: Stands::InProgress,
            error: None,
            goes_back_by: None,
            group: ("shop".into(), "web".into()),
            config: "CodeDeployDefault.ECSCanary10Percent5Minutes".into(),
            stage: Some("AllowTraffic".into()),
            candidate: arn(8),
        };
        let going_back = UnderWay {
            status: Stands::Stopped,
            error: Some(ErrorInformation {
                code: "MANUAL_STOP".into(),
                message: "The deployment was stopped by a user.".into(),
            }),
            goes_back_by: Some(DeploymentId::answered("d-9VY2UU6SL")),
            ..shifting.clone()
        };
        let sets = |green, blue| vec![set("2", 8, "ACTIVE", green, 2), set("1", 7, "PRIMARY", blue, 3)];
        let screens = [
            Status { deployment: Some(shifting), unseen: None, task_sets: sets(10, 90) },
            Status { deployment: Some(going_back), unseen: None, task_sets: sets(0, 100) },
            Status::of(vec![set("1", 7, "PRIMARY", 100, 3)]),
            Status::of(sets(0, 100)).unseen(
                "User: ci is not authorized to perform: codedeploy:ListDeployments on this deployment group"
                    .into(),
            ),
        ];
        let images = [("web".to_owned(), "web:7.1".to_owned())];
        let screens =
            screens.map(|it| status("prod/web", &service, &images, Some(&it), Style::Plain)).join("\n");
        assert!(screens.lines().all(|line| line.chars().count() <= 80), "{screens}");
        insta::assert_snapshot!(screens);
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
