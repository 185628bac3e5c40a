//! It is under way and nothing of what was seen stands against it.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "still-moving",
    symptom: "still IN_PROGRESS, and nothing failed",
    what: "the deployment is under way, and nothing that was seen stands against it",
    fix: "wait, and follow it",
    heals: Heals::Perhaps,
    bearing: Bearing::Note,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

use crate::case::Course;

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let moves = matches!(case.course(), Course::Moving | Course::GoingBack);
    let service = case.service.as_ref().filter(|it| it.seen.status == "ACTIVE")?;
    let running = case.member("/runningCount").and_then(serde_json::Value::as_u64).unwrap_or(0);
    let is_short = running < u64::from(service.seen.desired_count);
    if !moves && !is_short {
        return None;
    }
    let counts = service.seen.deployments.iter().map(|it| {
        let failed = if it.failed > 0 { format!(", {} failed", it.failed) } else { String::new() };
        format!(
            "{} ({}): {} of {} run, {} pending{failed}",
            it.task_definition.short(),
            it.status,
            it.running,
            it.desired,
            it.pending
        )
    });
    let stage = case.service_deployment.known().and_then(|it| it.get("lifecycleStage")?.as_str());
    let code_deploy = case.code_deploy.known().filter(|_| moves).and_then(|info| {
        Some(format!("deployment {} is {}", info.get("deploymentId")?.as_str()?, info.get("status")?.as_str()?))
    });
    let age = case.began_at().filter(|_| moves).map(|at| format!("began {} ago", super::span(case.now - at)));
    let mut cause = rule
        .found()
        .all_seen(counts)
        .all_seen(stage.map(|stage| format!("stage {stage}")))
        .all_seen(code_deploy)
        .all_seen(age);
    if !moves {
        cause = cause.named(format!(
            "{running} of {} tasks run, and nothing that was seen says why",
            service.seen.desired_count
        ));
        cause = cause.seen("no deployment is under way");
    }
    Some(cause.then(super::tidegate(case, "watch", "")))
}
