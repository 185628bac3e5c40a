//! One line an event, for logs and pipes. It must never move a cursor. Start with [`PlainLines`].

use crate::share::Share;
use crate::style::{Style, Tone};
use crate::{Reporter, diff, failure, plan, words};
use std::io::Write;
use tidegate_rollout::{Event, Millis};

/// A log has no width; this one fits every page.
const WIDTH: usize = 100;

/// Progress to one writer, the result to another.
pub struct PlainLines<P, R> {
    progress: P,
    result: R,
    style: Style,
    result_style: Style,
    detail: Detail,
    started: Option<Millis>,
    /// The candidate's share as it was told last.
    share: Option<Share>,
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Only the result.
    Result,
    /// What people want to follow.
    Progress,
}

impl<P: Write + Send, R: Write + Send> PlainLines<P, R> {
    /// A reporter that writes progress and result, each with or without colour: one of them may be
    /// a pipe.
    pub fn new(progress: P, result: R, style: Style, result_style: Style, detail: Detail) -> Self {
        Self { progress, result, style, result_style, detail, started: None, share: None }
    }

    fn line(&mut self, at: Millis, text: &str) {
        let since = at - *self.started.get_or_insert(at);
        let stamp = self.style.paint(Tone::Quiet, &format!("{:>7.1}s", since as f64 / 1000.0));
        let _ = writeln!(self.progress, "{stamp}  {text}");
    }
}

impl<P: Write + Send, R: Write + Send> Reporter for PlainLines<P, R> {
    fn event(&mut self, at: Millis, event: &Event) {
        if matches!(event, Event::Decided { .. } | Event::NothingDone { .. }) {
            if let Some(text) = words::sentence(event, self.result_style) {
                let _ = writeln!(self.result, "{text}");
                let _ = self.result.flush();
            }
            return;
        }
        if self.detail == Detail::Result {
            return;
        }
        if let Some(share) = Share::of(event) {
            if self.share.is_some_and(|earlier| !share.is_news_after(&earlier)) {
                return;
            }
            self.share = Some(share);
        }
        if let Some(text) = words::sentence(event, self.style) {
            self.line(at, &text);
        }
        match event {
            Event::Planned { differences, .. } if !differences.is_empty() => {
                let _ = write!(self.progress, "{}", diff::table(differences, self.style));
            }
            Event::PlanMade { plan } => {
                let _ = write!(self.progress, "{}", plan::plan_table(plan, self.style, WIDTH));
            }
            Event::Diagnosed { diagnosis } => {
                let _ = write!(self.progress, "{}", failure::screen(diagnosis, self.style));
            }
            _ => {}
        }
        let _ = self.progress.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stories::{arn, target};
    use tidegate_rollout::gate::Standing;
    use tidegate_rollout::observation::{BreakerCount, Deployment, RolloutState};
    use tidegate_rollout::task_definition::diff::{Difference, Effect, Shown};
    use tidegate_rollout::{DeploymentId, Verdict};

    /// A rollout that the circuit breaker took back, as one stream.
    fn rolled_back() -> Vec<(Millis, Event)> {
        let target = target();
        let id = DeploymentId::answered("ecs-svc/2222222222222222222");
        let ours = Deployment {
            id: id.clone(),
            status: "PRIMARY".into(),
            task_definition: arn(8),
            desired: 3,
            running: 0,
            pending: 1,
            failed: 2,
            rollout_state: Some(RolloutState::InProgress),
            rollout_state_reason: None,
            created_at: None,
        };
        let reason = "ECS deployment circuit breaker: tasks failed to start.".to_owned();
        vec![
            (
                1_000,
                Event::Planned {
                    target: target.clone(),
                    from: arn(7),
                    differences: vec![Difference {
                        path: "containerDefinitions[web].image".into(),
                        before: Shown::Value("web:1".into()),
                        after: Shown::Value("web:2".into()),
                        effect: Effect::RestartsTasks,
                    }],
                },
            ),
            (1_100, Event::Registered { task_definition: arn(8) }),
            (
                1_200,
                Event::Started {
                    target,
                    deployment: id.clone(),
                    service_deployment: None,
                    task_definition: arn(8),
                    desired: 3,
                },
            ),
            (3_300, Event::Progressed { deployments: vec![ours], followed: id }),
            (
                3_300,
                Event::ServiceSaid {
                    said_at: 3_000,
                    message: "(service web) has started 1 tasks: (task 0123).".into(),
                },
            ),
            (61_000, Event::RollingBack { to: arn(7), reason: reason.clone() }),
            (
                75_000,
                Event::Decided {
                    verdict: Verdict::RolledBack {
                        to: arn(7),
                        reason,
                        breaker: Some(BreakerCount { failures: 3, threshold: 3 }),
                    },
                    duration_ms: 73_800,
                },
            ),
        ]
    }

    #[test]
    fn a_rollback_reads_from_top_to_bottom() {
        insta::assert_snapshot!(told(rolled_back()));
    }

    /// A canary that its gate threw back.
    fn thrown_back() -> Vec<(Millis, Event)> {
        use crate::stories::{BROKE, HELD, began, canary, holds, stands, weighed};
        let plan = canary();
        let reason = format!("gate errors: {BROKE}");
        vec![
            (0, Event::PlanMade { plan: plan.clone() }),
            (1_000, began(&plan, 0)),
            (40_000, began(&plan, 1)),
            (40_100, weighed(10.0, Some(10.0), None)),
            (45_000, weighed(10.0, Some(10.0), Some(9.7))),
            (47_000, weighed(10.0, Some(10.0), Some(10.2))),
            (50_000, stands("errors", holds(HELD))),
            (
                60_000,
                Event::Held {
                    reason: "paused by ana: the weights stay as they are; gates go on deciding".into(),
                },
            ),
            (61_000, stands("errors", Standing::Broken { evidence: BROKE.into() })),
            (61_000, Event::RollingBack { to: arn(7), reason: reason.clone() }),
            (61_100, weighed(0.0, Some(0.0), Some(0.0))),
            (
                62_000,
                Event::Decided {
                    verdict: Verdict::RolledBack { to: arn(7), reason, breaker: None },
                    duration_ms: 61_000,
                },
            ),
        ]
    }

    fn told(events: Vec<(Millis, Event)>) -> String {
        let (mut progress, mut result) = (Vec::new(), Vec::new());
        {
            let mut lines =
                PlainLines::new(&mut progress, &mut result, Style::Plain, Style::Plain, Detail::Progress);
            for (at, event) in events {
                lines.event(at, &event);
            }
        }
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        format!("stderr:\n{}stdout:\n{}", text(progress), text(result))
    }

    #[test]
    fn a_canary_that_is_thrown_back_reads_from_top_to_bottom() {
        insta::assert_snapshot!(told(thrown_back()));
    }

    #[test]
    fn a_plan_goes_over_a_json_line_and_comes_back() {
        let mut bytes = Vec::new();
        for (at, event) in thrown_back() {
            crate::JsonLines::new(&mut bytes).event(at, &event);
        }
        let text = String::from_utf8(bytes).expect("text");
        let read = text
            .lines()
            .map(|line| serde_json::from_str::<tidegate_rollout::event::Stamped>(line).expect("an event"));
        assert!(read.map(|stamped| (stamped.at_ms, stamped.event)).eq(thrown_back()));
        let plan: serde_json::Value =
            serde_json::from_str(text.lines().next().expect("the plan")).expect("JSON");
        insta::assert_snapshot!(serde_json::to_string_pretty(&plan).expect("JSON"));
    }

    #[test]
    fn quiet_says_only_the_result() {
        let (mut progress, mut result) = (Vec::new(), Vec::new());
        {
            let mut lines =
                PlainLines::new(&mut progress, &mut result, Style::Plain, Style::Plain, Detail::Result);
            for (at, event) in rolled_back() {
                lines.event(at, &event);
            }
        }
        assert!(progress.is_empty());
        assert_eq!(String::from_utf8_lossy(&result).lines().count(), 1);
    }

    #[test]
    fn json_lines_carry_every_event() {
        let mut bytes = Vec::new();
        {
            let mut lines = crate::JsonLines::new(&mut bytes);
            for (at, event) in rolled_back() {
                lines.event(at, &event);
            }
        }
        insta::assert_snapshot!(String::from_utf8(bytes).expect("text"));
    }
}
