//! Why a rollout failed, on one screen. It must never grow beyond it: the shell chose what tells
//! most. Start with [`screen`].

use crate::diagnosis::finding;
use crate::layout::hanging;
use crate::style::{Style, Tone};
use crate::words::told;
use std::fmt::Write as _;
use tidegate_rollout::diagnosis::Diagnosis;

/// Cells of a line of the causes.
const WIDTH: usize = 100;
/// The most pieces of evidence of the first cause.
const EVIDENCE: usize = 4;
/// The most other causes, each in a line.
const OTHERS: usize = 2;
/// The most lines of a log that are shown.
const LOG_LINES: usize = 12;

/// The screen: causes and what to do, stopped tasks, health checks, events, log lines.
pub fn screen(diagnosis: &Diagnosis, style: Style) -> String {
    let mut text = String::new();
    let heading = |text: &mut String, words: &str| {
        let _ = write!(text, "\n{}\n", style.paint(Tone::Strong, words));
    };
    if let Some((top, others)) = diagnosis.causes.split_first() {
        heading(&mut text, "Why");
        text.push_str(&finding("", top, EVIDENCE, style, WIDTH));
        for cause in others.iter().take(OTHERS) {
            for line in hanging("also", 5, &cause.what, WIDTH.saturating_sub(3)) {
                let _ = writeln!(text, "   {}", style.paint(Tone::Quiet, &line));
            }
        }
    }
    if !diagnosis.stopped.is_empty() {
        heading(&mut text, "Stopped tasks");
        for group in diagnosis.stopped.iter().take(4) {
            let code = group.stop_code.as_deref().map_or_else(String::new, |code| format!(" [{code}]"));
            let _ = writeln!(text, "  {} × {}{code}", group.tasks, group.reason);
            for line in &group.containers {
                let _ = writeln!(text, "      {line}");
            }
            let _ = writeln!(
                text,
                "      {}",
                style.paint(Tone::Quiet, &format!("latest: task {}", group.latest_task))
            );
        }
    }
    if !diagnosis.health.is_empty() {
        heading(&mut text, "Health check");
        for finding in &diagnosis.health {
            let _ = writeln!(text, "  {}: {}", finding.target_group, finding.check);
            for target in &finding.targets {
                let _ = writeln!(text, "      {target}");
            }
        }
    }
    if !diagnosis.events.is_empty() {
        heading(&mut text, "Service events");
        for event in &diagnosis.events {
            let _ = writeln!(
                text,
                "  {}  {}",
                style.paint(Tone::Quiet, &time_of_day(event.at)),
                told(&event.message)
            );
        }
    }
    for log in &diagnosis.logs {
        heading(&mut text, &format!("Last log lines of {} ({})", log.container, log.stream));
        if log.lines.is_empty() {
            text.push_str("  (it wrote nothing)\n");
        }
        let skipped = log.lines.len().saturating_sub(LOG_LINES);
        for line in log.lines.iter().skip(skipped) {
            let _ = writeln!(text, "  {line}");
        }
    }
    for missing in &diagnosis.missing {
        text.push_str(&style.paint(Tone::Quiet, &format!("  not available: {missing}")));
        text.push('\n');
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// `2026-11-23 14:03:07 UTC`.
pub fn moment(at: tidegate_rollout::Millis) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map(|moment| moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
        .unwrap_or_default()
}

/// `14:03:07`, in UTC as AWS's own consoles can show it.
pub(crate) fn time_of_day(at: tidegate_rollout::Millis) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map(|moment| moment.strftime("%H:%M:%S").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_rollout::cause::{Bearing, Cause, Certainty, Heals};
    use tidegate_rollout::diagnosis::{HealthFinding, LogTail, StoppedGroup};
    use tidegate_rollout::observation::ServiceEvent;

    #[test]
    fn everything_that_tells_is_on_one_screen() {
        let diagnosis = Diagnosis {
            causes: vec![Cause {
                rule: "application-exits".into(),
                what: "the application in container web exits with code 1, 2 s after start".into(),
                bearing: Bearing::Cause,
                certainty: Certainty::Proven,
                evidence: vec!["3 tasks: web exited 1 (latest: task 0123456789ab)".into(), "web logged: panic: no DATABASE_URL".into()],
                fix: "what it logged last says why".into(),
                next: Some("tidegate logs --cluster prod --service web --task 0123456789ab".into()),
                heals: Heals::Perhaps,
            }],
            events: vec![ServiceEvent {
                id: "e".into(),
                at: 1_700_000_000_000,
                message: "(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start.".into(),
            }],
            stopped: vec![StoppedGroup {
                reason: "Essential container in task exited".into(),
                stop_code: Some("EssentialContainerExited".into()),
                tasks: 3,
                containers: vec!["web exited 1".into(), "side exited 137 (SIGKILL: out of memory, or stopTimeout over)".into()],
                latest_task: "0123456789abcdef0123456789abcdef".into(),
            }],
            health: vec![HealthFinding {
                target_group: "web-blue".into(),
                check: "GET /health on traffic-port every 30 s, expects 200 within 5 s; 5 passes make it healthy, 2 failures unhealthy".into(),
                targets: vec!["10.0.1.7:8080 unhealthy, Target.ResponseCodeMismatch: Health checks failed with these codes: [404]".into()],
            }],
            logs: vec![LogTail {
                container: "web".into(),
                stream: "/ecs/web/web/web/0123".into(),
                lines: vec!["listening on 8080".into(), "panic: no DATABASE_URL".into()],
            }],
            missing: vec!["logs: logs:GetLogEvents is not allowed".into()],
        };
        insta::assert_snapshot!(screen(&diagnosis, Style::Plain));
        assert!(screen(&diagnosis, Style::Plain).lines().count() < 40, "one screen");
    }

    #[test]
    fn nothing_found_shows_nothing() {
        assert_eq!(screen(&Diagnosis::default(), Style::Plain), "");
    }
}
