//! The live view of a terminal: one line a deployment, the events beneath, redrawn in place. It must
//! never leave the cursor hidden. What is drawn is the pure function [`frame`]; start there.

use crate::style::{Style, Tone};
use crate::{Reporter, diff, failure, plan, words};
use crossterm::{cursor, queue, terminal};
use std::collections::VecDeque;
use std::io::Write;
use tidegate_rollout::gate::Standing;
use tidegate_rollout::observation::{Deployment, RolloutState};
use tidegate_rollout::plan::{Plan, StepKind};
use tidegate_rollout::{DeploymentId, Event, Millis};

/// Events kept beneath the deployments.
const EVENTS: usize = 8;
/// Cells of a bar.
const BAR: u32 = 20;

/// What the view shows.
#[derive(Debug, Clone, Default)]
pub struct View {
    title: String,
    started: Option<Millis>,
    deployments: Vec<Deployment>,
    followed: Option<DeploymentId>,
    plan: Option<Plan>,
    step: Option<Step>,
    /// The candidate's share as asked, set and measured.
    share: Option<String>,
    gates: Vec<(String, Standing)>,
    /// How the users of a rehearsal fare, and whether a request has failed.
    traffic: Option<(String, bool)>,
    lines: VecDeque<String>,
}

/// The step that is under way.
#[derive(Debug, Clone, Copy)]
struct Step {
    index: usize,
    began_at: Millis,
    bake: Millis,
}

impl View {
    /// Takes an event in.
    pub fn take(&mut self, at: Millis, event: &Event, style: Style) {
        self.started.get_or_insert(at);
        match event {
            Event::Started { target, task_definition, .. } => {
                self.title = format!("{target} → {}", task_definition.short());
            }
            Event::Progressed { deployments, followed } => {
                self.deployments.clone_from(deployments);
                self.followed = Some(followed.clone());
                return;
            }
            Event::PlanMade { plan } => {
                self.plan = Some(plan.clone());
                return;
            }
            Event::StepBegan { step, bake, .. } => {
                self.step = Some(Step { index: *step, began_at: at, bake: *bake });
                self.gates.clear();
            }
            Event::Weighed { asked, set, measured } => {
                self.share = Some(words::shares(*asked, *set, *measured));
                return;
            }
            Event::GateStands { gate, standing } => {
                match self.gates.iter_mut().find(|(name, _)| name == gate) {
                    Some((_, stands)) => stands.clone_from(standing),
                    None => self.gates.push((gate.clone(), standing.clone())),
                }
                if !matches!(standing, Standing::Broken { .. }) {
                    return;
                }
            }
            Event::Traffic { failed, .. } => {
                self.traffic = words::traffic(event).map(|line| (line, *failed > 0));
                return;
            }
            _ => {}
        }
        if let Some(line) = words::sentence(event, style).map(|line| words::with_short_ids(&line)) {
            if self.lines.len() == EVENTS {
                self.lines.pop_front();
            }
            self.lines.push_back(line);
        }
    }
}

/// The lines to draw, none wider than `width` cells.
pub fn frame(view: &View, now: Millis, width: usize, style: Style) -> Vec<String> {
    let elapsed = view.started.map_or(0, |started| (now - started).max(0) / 1000);
    let mut lines = vec![fitted(&format!("{}  {}:{:02}", view.title, elapsed / 60, elapsed % 60), width)];
    for d in &view.deployments {
        let role = if view.followed.as_ref() == Some(&d.id) { "candidate" } else { "" };
        let name = format!("{:<16}", d.task_definition.short());
        let counts =
            format!("{}/{} running  {} pending  {} failed", d.running, d.desired, d.pending, d.failed);
        let plain = format!("  {name} {} {counts}  {role}", bar(d));
        let tone = match d.rollout_state {
            Some(RolloutState::Failed) => Some(Tone::Bad),
            Some(RolloutState::Completed) => Some(Tone::Good),
            _ => None,
        };
        let fitted = fitted(plain.trim_end(), width);
        lines.push(tone.map_or_else(|| fitted.clone(), |tone| style.paint(tone, &fitted)));
    }
    lines.extend(progress(view, now).map(|line| fitted(&line, width)));
    for (gate, standing) in &view.gates {
        let line = format!("  gate {gate:<11} {}: {}", words::stands(standing).1, standing.evidence());
        lines.push(style.paint(words::stands(standing).0, &fitted(&line, width)));
    }
    if let Some((traffic, failing)) = &view.traffic {
        let line = fitted(&format!("  {:<16} {traffic}", "traffic"), width);
        lines.push(style.paint(if *failing { Tone::Bad } else { Tone::Good }, &line));
    }
    lines.extend(view.lines.iter().map(|line| fitted(&format!("    {line}"), width)));
    lines
}

/// Where a rollout in steps stands: the steps with the current one marked, and the share.
fn progress(view: &View, now: Millis) -> impl Iterator<Item = String> {
    let steps = view.plan.as_ref().filter(|plan| plan.steps.len() > 1).map(|plan| {
        let current = view.step.map(|step| step.index);
        let words = plan.steps.iter().enumerate().map(|(index, step)| {
            let name = match step.kind {
                StepKind::Shift(weight) => weight.to_string(),
                StepKind::ScaleUp => "start".to_owned(),
                StepKind::TestTraffic => "test".to_owned(),
                kind => plan::name(kind),
            };
            match current {
                Some(current) if index < current => format!("✓ {name}"),
                Some(current) if index == current => format!("▶ {name}{}", left(view.step, now)),
                _ => name,
            }
        });
        format!("  {:<16} {}", "steps", words.collect::<Vec<_>>().join(" · "))
    });
    let share = view.share.as_ref().map(|share| format!("  {:<16} {share}", "candidate's share"));
    steps.into_iter().chain(share)
}

/// How long the step is still watched at least.
fn left(step: Option<Step>, now: Millis) -> String {
    let left = step.map_or(0, |step| step.began_at + step.bake - now) / 1000;
    if left > 0 { format!(" ({}:{:02} left)", left / 60, left % 60) } else { String::new() }
}

/// At most `height` of the lines of a frame, which ends with so many events: the oldest of those are left out first.
fn newest_first_kept(mut lines: Vec<String>, events: usize, height: usize) -> Vec<String> {
    let too_many = lines.len().saturating_sub(height.max(1));
    let first_event = lines.len() - events.min(lines.len());
    lines.drain(first_event..first_event + too_many.min(events));
    lines.truncate(height.max(1));
    lines
}

/// Running, pending and missing tasks as cells.
fn bar(d: &Deployment) -> String {
    let total = d.desired.max(d.running + d.pending).max(1);
    let cells = |tasks: u32| tasks * BAR / total;
    let running = cells(d.running);
    let pending = cells(d.running + d.pending) - running;
    let rest = BAR - running - pending;
    let repeat = |cell: &str, times: u32| cell.repeat(times as usize);
    format!("{}{}{}", repeat("█", running), repeat("▒", pending), repeat("·", rest))
}

/// Cut to the width; colour codes take no cells and are never cut.
fn fitted(line: &str, width: usize) -> String {
    let mut text = String::new();
    let mut cells = 0;
    let mut in_code = false;
    let mut cut = false;
    for c in line.chars() {
        if c == '\u{1b}' {
            in_code = true;
        }
        if in_code {
            text.push(c);
            in_code = c != 'm';
            continue;
        }
        if c.is_control() || cut {
            continue;
        }
        if cells + 1 >= width {
            text.push('…');
            cut = true;
            continue;
        }
        text.push(c);
        cells += 1;
    }
    text
}

/// Draws the view in place on a terminal.
pub struct LiveView<P: Write + Send, R: Write + Send> {
    progress: P,
    result: R,
    style: Style,
    result_style: Style,
    view: View,
    drawn: u16,
    /// Before the rollout starts there is nothing to draw in place: lines scroll.
    moving: Moving,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moving {
    NotYet,
    Now,
    Over,
}

impl<P: Write + Send, R: Write + Send> LiveView<P, R> {
    /// Draws on `progress`, which must be a terminal; writes the result to `result`.
    pub fn new(progress: P, result: R, style: Style, result_style: Style) -> Self {
        Self {
            progress,
            result,
            style,
            result_style,
            view: View::default(),
            drawn: 0,
            moving: Moving::NotYet,
        }
    }

    fn draw(&mut self, now: Millis) {
        let (width, height) = terminal::size().unwrap_or((80, 24));
        let lines = frame(&self.view, now, usize::from(width), self.style);
        let lines = newest_first_kept(lines, self.view.lines.len(), usize::from(height.saturating_sub(1)));
        self.erase();
        for line in &lines {
            let _ = writeln!(self.progress, "{line}\r");
        }
        self.drawn = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let _ = self.progress.flush();
    }

    fn erase(&mut self) {
        if self.drawn > 0 {
            let _ = queue!(
                self.progress,
                cursor::MoveUp(self.drawn),
                cursor::MoveToColumn(0),
                terminal::Clear(terminal::ClearType::FromCursorDown)
            );
            self.drawn = 0;
        }
    }

    fn end(&mut self) {
        if self.moving == Moving::Now {
            let _ = queue!(self.progress, cursor::Show);
            let _ = self.progress.flush();
        }
        self.moving = Moving::Over;
        self.drawn = 0;
    }
}

impl<P: Write + Send, R: Write + Send> Reporter for LiveView<P, R> {
    fn event(&mut self, at: Millis, event: &Event) {
        match event {
            Event::Decided { .. } | Event::NothingDone { .. } => {
                if self.moving == Moving::Now {
                    self.draw(at);
                }
                self.end();
                if let Some(text) = words::sentence(event, self.result_style) {
                    let _ = writeln!(self.result, "{text}");
                    let _ = self.result.flush();
                }
            }
            Event::Diagnosed { diagnosis } => {
                self.draw(at);
                self.end();
                let _ = write!(self.progress, "{}", failure::screen(diagnosis, self.style));
                let _ = self.progress.flush();
            }
            Event::Started { .. } | Event::Progressed { .. } if self.moving == Moving::NotYet => {
                self.moving = Moving::Now;
                let _ = queue!(self.progress, cursor::Hide);
                self.view.take(at, event, self.style);
                self.draw(at);
            }
            _ if self.moving == Moving::Now => {
                self.view.take(at, event, self.style);
                self.draw(at);
            }
            _ => {
                if let Some(text) = words::sentence(event, self.style) {
                    let _ = writeln!(self.progress, "{text}");
                }
                match event {
                    Event::Planned { differences, .. } => {
                        let _ = write!(self.progress, "{}", diff::table(differences, self.style));
                    }
                    Event::PlanMade { plan } => {
                        self.view.plan = Some(plan.clone());
                        if plan.steps.len() > 1 {
                            let _ = write!(self.progress, "{}", plan::table(plan, self.style));
                        }
                    }
                    _ => {}
                }
                let _ = self.progress.flush();
            }
        }
    }

    fn refresh(&mut self, now: Millis) {
        if self.moving == Moving::Now {
            self.draw(now);
        }
    }

    fn finish(&mut self) {
        self.end();
    }
}

impl<P: Write + Send, R: Write + Send> Drop for LiveView<P, R> {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_rollout::gate::{At, Check, Gate};
    use tidegate_rollout::names::{ClusterName, ServiceName, ServiceRef};
    use tidegate_rollout::plan::Size;
    use tidegate_rollout::strategy::{CanaryStep, Traffic};
    use tidegate_rollout::{Percent, Strategy, TaskDefinitionArn};

    #[test]
    fn a_short_terminal_keeps_the_newest_events() {
        let lines = || ["title", "tasks", "old", "newer", "newest"].map(str::to_owned).to_vec();
        assert_eq!(newest_first_kept(lines(), 3, 10), lines());
        assert_eq!(newest_first_kept(lines(), 3, 4), ["title", "tasks", "newer", "newest"]);
        assert_eq!(newest_first_kept(lines(), 3, 2), ["title", "tasks"]);
        assert_eq!(newest_first_kept(lines(), 3, 0), ["title"]);
    }

    fn arn(n: u32) -> TaskDefinitionArn {
        TaskDefinitionArn::parse(&format!("arn:aws:ecs:r:1:task-definition/web:{n}")).expect("valid")
    }

    fn deployment(id: &str, n: u32, running: u32, pending: u32, failed: u32) -> Deployment {
        Deployment {
            id: DeploymentId::answered(id),
            status: "ACTIVE".into(),
            task_definition: arn(n),
            desired: 4,
            running,
            pending,
            failed,
            rollout_state: None,
            rollout_state_reason: None,
            created_at: None,
        }
    }

    fn moving() -> View {
        let mut view = View::default();
        let target = ServiceRef {
            cluster: ClusterName::parse("prod").expect("valid"),
            service: ServiceName::parse("web").expect("valid"),
        };
        view.take(
            0,
            &Event::Started {
                target,
                deployment: DeploymentId::answered("ecs-svc/2"),
                service_deployment: None,
                task_definition: arn(8),
                desired: 4,
            },
            Style::Plain,
        );
        view.take(
            1_000,
            &Event::Progressed {
                deployments: vec![deployment("ecs-svc/2", 8, 1, 2, 1), deployment("ecs-svc/1", 7, 3, 0, 0)],
                followed: DeploymentId::answered("ecs-svc/2"),
            },
            Style::Plain,
        );
        view.take(
            2_000,
            &Event::ServiceSaid {
                said_at: 2_000,
                message: "(service web) has started 2 tasks: (task 0123) (task 4567).".into(),
            },
            Style::Plain,
        );
        view
    }

    #[test]
    fn a_line_for_each_deployment_and_the_events_beneath() {
        insta::assert_snapshot!(frame(&moving(), 65_000, 100, Style::Plain).join("\n"));
    }

    /// The same in the first shift of a canary.
    fn shifting() -> View {
        let mut view = moving();
        let gate = |name: &str| Gate {
            name: name.into(),
            check: Check::Alarm { alarm: name.into() },
            at: At::EveryStep,
        };
        let steps = vec![CanaryStep { weight: Percent::whole(10), bake: 300_000 }];
        let target = ServiceRef {
            cluster: ClusterName::parse("prod").expect("valid"),
            service: ServiceName::parse("web").expect("valid"),
        };
        let plan = Plan::of(
            target,
            Strategy::Ecs(Traffic::Canary { steps, bake: 60_000 }),
            vec![gate("errors"), gate("queue")],
            Size { desired: 4, maximum_percent: 200 },
        );
        let holds = Standing::Holds { evidence: "alarm queue is OK".into() };
        let too_little = Standing::TooLittle { evidence: "0.0 % (0 of 12) against 0.1 % (1 of 900)".into() };
        for event in [
            Event::PlanMade { plan },
            Event::StepBegan { step: 2, kind: StepKind::Shift(Percent::whole(10)), bake: 300_000 },
            Event::Weighed { asked: Percent::whole(10), set: Some(Percent::whole(10)), measured: None },
            Event::GateStands { gate: "errors".into(), standing: too_little },
            Event::GateStands { gate: "queue".into(), standing: holds },
        ] {
            view.take(3_000, &event, Style::Plain);
        }
        view
    }

    #[test]
    fn steps_share_and_gates_of_a_canary_are_between_the_tasks_and_the_events() {
        insta::assert_snapshot!(frame(&shifting(), 65_000, 80, Style::Plain).join("\n"));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [20, 40, 79] {
            for line in frame(&shifting(), 65_000, width, Style::Plain) {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn colour_codes_take_no_cells_and_are_always_closed() {
        let painted = Style::Coloured.paint(Tone::Bad, "0123456789");
        let cut = fitted(&painted, 5);
        assert!(cut.contains("0123…") && cut.ends_with('m'), "{cut:?}");
    }

    #[test]
    fn the_cursor_comes_back_when_the_view_is_dropped() {
        let mut bytes = Vec::new();
        {
            let mut live = LiveView::new(&mut bytes, std::io::sink(), Style::Plain, Style::Plain);
            live.event(
                0,
                &Event::Progressed { deployments: vec![], followed: DeploymentId::answered("ecs-svc/2") },
            );
        }
        let drawn = String::from_utf8(bytes).expect("text");
        assert!(drawn.contains("\u{1b}[?25l") && drawn.ends_with("\u{1b}[?25h"), "{drawn:?}");
    }
}
