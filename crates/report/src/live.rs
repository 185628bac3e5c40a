//! The live view of a terminal: one line a deployment, the events beneath, redrawn in place. It must
//! never leave the cursor hidden. What is drawn is the pure function [`frame`]; start there.

use crate::course::{Course, Taken};
use crate::layout::{bar, fitted, wrapped};
use crate::style::{Style, Tone};
use crate::{Reporter, diff, failure, plan, words};
use crossterm::{cursor, queue, terminal};
use std::collections::VecDeque;
use std::io::Write;
use tidegate_rollout::observation::{Deployment, RolloutState};
use tidegate_rollout::{DeploymentId, Event, Millis, Plan};

/// Events kept beneath the deployments.
const EVENTS: usize = 8;

/// What the view shows.
#[derive(Debug, Clone, Default)]
pub struct View {
    title: String,
    started: Option<Millis>,
    deployments: Vec<Deployment>,
    followed: Option<DeploymentId>,
    /// How the users of a rehearsal fare, and whether a request has failed.
    traffic: Option<(String, bool)>,
    /// How far the plan has come, where traffic moves by one.
    course: Option<Course>,
    lines: VecDeque<Line>,
}

/// What happened, and how often it was said in the same words.
#[derive(Debug, Clone)]
struct Line {
    text: String,
    times: u32,
}

impl Line {
    fn words(&self, style: Style) -> String {
        match self.times {
            1 => self.text.clone(),
            times => format!("{} {}", self.text, style.paint(Tone::Quiet, &format!("×{times}"))),
        }
    }
}

impl View {
    /// Takes an event in.
    pub fn take(&mut self, at: Millis, event: &Event, style: Style) {
        if let Event::PlanMade { plan } = event {
            if self.knows(plan) {
                return;
            }
            self.course = Course::of(plan);
            if self.title.is_empty() {
                self.title = plan.target.to_string();
            }
            return;
        }
        self.started.get_or_insert(at);
        match self.course.as_mut().map_or(Taken::No, |course| course.take(at, event)) {
            Taken::Shown => return,
            Taken::Instead(earlier) => return self.line(style.paint(Tone::Warning, &earlier)),
            Taken::No => {}
        }
        match event {
            Event::Started { target, task_definition, .. } => {
                self.title = format!("{target} → {}", task_definition.short());
            }
            Event::Progressed { deployments, followed } => {
                self.deployments.clone_from(deployments);
                self.followed = Some(followed.clone());
                return;
            }
            Event::Traffic { failed, .. } => {
                self.traffic = words::traffic(event).map(|line| (line, *failed > 0));
                return;
            }
            // The verdict is the result, which is not part of the view.
            Event::Decided { .. } => return,
            _ => {}
        }
        if let Some(line) = words::sentence(event, style) {
            self.line(words::with_short_ids(&line));
        }
    }

    /// Whoever takes a rollout over says its plan again.
    fn knows(&self, plan: &Plan) -> bool {
        self.course.as_ref().is_some_and(|course| course.is_of(plan))
    }

    /// What was said before is said as the newest again, instead of pushing others out.
    fn line(&mut self, text: String) {
        let earlier = self.lines.iter().position(|line| line.text == text);
        let times = earlier.and_then(|at| self.lines.remove(at)).map_or(1, |line| line.times + 1);
        if self.lines.len() == EVENTS {
            self.lines.pop_front();
        }
        self.lines.push_back(Line { text, times });
    }
}

/// The lines to draw, none wider than `width` cells.
pub fn frame(view: &View, now: Millis, width: usize, style: Style) -> Vec<String> {
    let elapsed = words::clock(view.started.map_or(0, |started| now - started));
    let strategy = view.course.as_ref().map_or_else(String::new, |course| format!("  {}", course.title()));
    let mut lines = vec![fitted(&format!("{}{strategy}  {elapsed}", view.title), width)];
    let course = view.course.iter().flat_map(|course| course.lines(now, width, style));
    lines.extend(course.map(|line| fitted(&line, width)));
    for d in &view.deployments {
        let role = if view.followed.as_ref() == Some(&d.id) { "candidate" } else { "" };
        let head =
            format!("  {:<16} {} {}/{} running", d.task_definition.short(), cells(d), d.running, d.desired);
        let whole = format!("{head}  {} pending  {} failed  {role}", d.pending, d.failed);
        let plain =
            if whole.trim_end().chars().count() < width { whole } else { without_nothing(&head, d, role) };
        let tone = match d.rollout_state {
            Some(RolloutState::Failed) => Some(Tone::Bad),
            Some(RolloutState::Completed) => Some(Tone::Good),
            _ => None,
        };
        let fitted = fitted(plain.trim_end(), width);
        lines.push(tone.map_or_else(|| fitted.clone(), |tone| style.paint(tone, &fitted)));
    }
    if let Some((traffic, failing)) = &view.traffic {
        let line = fitted(&format!("  {:<16} {traffic}", "traffic"), width);
        lines.push(style.paint(if *failing { Tone::Bad } else { Tone::Good }, &line));
    }
    lines.extend(view.lines.iter().map(|line| fitted(&format!("    {}", line.words(style)), width)));
    lines
}

/// At most `height` of the lines of a frame, which ends with so many events: the oldest of those are left out first.
fn newest_first_kept(mut lines: Vec<String>, events: usize, height: usize) -> Vec<String> {
    let too_many = lines.len().saturating_sub(height.max(1));
    let first_event = lines.len() - events.min(lines.len());
    lines.drain(first_event..first_event + too_many.min(events));
    lines.truncate(height.max(1));
    lines
}

/// A line that is too wide, without the counts that are nothing.
fn without_nothing(head: &str, d: &Deployment, role: &str) -> String {
    let counts = [(d.pending, "pending"), (d.failed, "failed")];
    let counted =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    std::iter::once(head.to_owned()).chain(counted).chain([role.to_owned()]).collect::<Vec<_>>().join("  ")
}

/// Running, pending and missing tasks as cells.
fn cells(d: &Deployment) -> String {
    let there = d.running + d.pending;
    bar(d.running.into(), there.into(), d.desired.max(there).into())
}

/// Draws the view in place on a terminal.
pub struct LiveView<P: Write + Send, R: Write + Send> {
    progress: P,
    result: R,
    style: Style,
    result_style: Style,
    result_on: Page,
    view: View,
    drawn: u16,
    /// Before the rollout starts there is nothing to draw in place: lines scroll.
    moving: Moving,
}

/// How many cells the terminal is wide; 80 where there is none.
pub fn terminal_width() -> usize {
    size().0
}

/// The terminal's width and height.
fn size() -> (usize, usize) {
    let (width, height) = terminal::size().unwrap_or((80, 24));
    (width.into(), height.into())
}

/// What the result is written on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    /// Lines have an end.
    Terminal,
    /// A file or a pipe: whoever reads it wants one line.
    Endless,
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
            result_on: Page::Endless,
            view: View::default(),
            drawn: 0,
            moving: Moving::NotYet,
        }
    }

    /// The result goes to a terminal: lines break between words.
    #[must_use]
    pub fn with_result_on_terminal(mut self) -> Self {
        self.result_on = Page::Terminal;
        self
    }

    fn draw(&mut self, now: Millis) {
        let (width, height) = size();
        let lines = frame(&self.view, now, width, self.style);
        let lines = newest_first_kept(lines, self.view.lines.len(), height.saturating_sub(1));
        if self.drawn > 0 {
            let _ = queue!(self.progress, cursor::MoveUp(self.drawn), cursor::MoveToColumn(0));
        }
        // Line by line: a screen that is cleared as a whole goes into the history of some terminals.
        for line in &lines {
            let _ = queue!(self.progress, terminal::Clear(terminal::ClearType::UntilNewLine));
            let _ = writeln!(self.progress, "{line}\r");
        }
        if usize::from(self.drawn) > lines.len() {
            let _ = queue!(self.progress, terminal::Clear(terminal::ClearType::FromCursorDown));
        }
        self.drawn = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let _ = self.progress.flush();
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
                    self.view.take(at, event, self.style);
                    self.draw(at);
                }
                self.end();
                if let Some(text) = words::sentence(event, self.result_style) {
                    let text = match self.result_on {
                        Page::Terminal => wrapped(&text, size().0).join("\n"),
                        Page::Endless => text,
                    };
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
            Event::PlanMade { plan } if self.moving == Moving::NotYet && !self.view.knows(plan) => {
                let (width, _) = size();
                let _ = write!(self.progress, "{}", plan::plan_table(plan, self.style, width));
                let _ = self.progress.flush();
                self.view.take(at, event, self.style);
            }
            Event::Started { .. } | Event::Progressed { .. } | Event::StepBegan { .. }
                if self.moving == Moving::NotYet =>
            {
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
                if let Event::Planned { differences, .. } = event {
                    let _ = write!(self.progress, "{}", diff::table(differences, self.style));
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
    use crate::stories::{
        self, BROKE, HELD, TOO_LITTLE, arn, began, holds, stands, target, visible, weighed,
    };
    use tidegate_rollout::Verdict;
    use tidegate_rollout::gate::Standing;

    #[test]
    fn a_short_terminal_keeps_the_newest_events() {
        let lines = || ["title", "tasks", "old", "newer", "newest"].map(str::to_owned).to_vec();
        assert_eq!(newest_first_kept(lines(), 3, 10), lines());
        assert_eq!(newest_first_kept(lines(), 3, 4), ["title", "tasks", "newer", "newest"]);
        assert_eq!(newest_first_kept(lines(), 3, 2), ["title", "tasks"]);
        assert_eq!(newest_first_kept(lines(), 3, 0), ["title"]);
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

    fn started() -> Event {
        Event::Started {
            target: target(),
            deployment: DeploymentId::answered("ecs-svc/2"),
            service_deployment: None,
            task_definition: arn(8),
            desired: 4,
        }
    }

    /// A rollout by a plan: what came after it was made, by seconds.
    fn by(plan: &Plan, events: Vec<(Millis, Event)>, style: Style) -> View {
        let mut view = View::default();
        view.take(0, &Event::PlanMade { plan: plan.clone() }, style);
        view.take(0, &started(), style);
        let both = Event::Progressed {
            deployments: vec![deployment("ecs-svc/2", 8, 4, 0, 0), deployment("ecs-svc/1", 7, 4, 0, 0)],
            followed: DeploymentId::answered("ecs-svc/2"),
        };
        for (second, event) in std::iter::once((1, both)).chain(events) {
            view.take(second * 1000, &event, style);
        }
        view
    }

    /// The guide's canary at its second step: one gate holds, one has too little, one waits for somebody.
    fn watched() -> Vec<(Millis, Event)> {
        let plan = stories::canary();
        vec![
            (2, began(&plan, 0)),
            (40, began(&plan, 1)),
            (41, weighed(10.0, Some(10.0), Some(9.7))),
            (642, began(&plan, 2)),
            (643, weighed(25.0, Some(25.0), Some(24.6))),
            (650, stands("errors", holds(HELD))),
            (650, stands("latency", Standing::TooLittle { evidence: TOO_LITTLE.into() })),
            (650, stands("5xx", holds("alarm web-5xx is OK"))),
        ]
    }

    /// The same, thrown back.
    fn thrown_back() -> Vec<(Millis, Event)> {
        let reason = format!("gate errors: {BROKE}");
        let mut events = watched();
        events.extend([
            (660, stands("errors", Standing::Broken { evidence: BROKE.into() })),
            (660, Event::RollingBack { to: arn(7), reason: reason.clone() }),
            (661, weighed(0.0, Some(0.0), Some(0.0))),
            (
                662,
                Event::Decided {
                    verdict: Verdict::RolledBack { to: arn(7), reason, breaker: None },
                    duration_ms: 662_000,
                },
            ),
        ]);
        events
    }

    fn drawn(view: &View, seconds: Millis, width: usize, style: Style) -> String {
        visible(&frame(view, seconds * 1000, width, style).join("\n"))
    }

    #[test]
    fn a_canary_under_watch_in_80_columns() {
        let view = by(&stories::canary(), watched(), Style::Plain);
        insta::assert_snapshot!(drawn(&view, 700, 80, Style::Plain));
    }

    #[test]
    fn a_canary_under_watch_in_120_columns() {
        let view = by(&stories::canary(), watched(), Style::Plain);
        insta::assert_snapshot!(drawn(&view, 700, 120, Style::Plain));
    }

    #[test]
    fn colour_says_how_a_canary_stands() {
        let view = by(&stories::canary(), watched(), Style::Coloured);
        insta::assert_snapshot!(drawn(&view, 700, 120, Style::Coloured));
    }

    #[test]
    fn a_canary_that_was_thrown_back_shows_where_and_why() {
        let view = by(&stories::canary(), thrown_back(), Style::Plain);
        insta::assert_snapshot!(drawn(&view, 662, 80, Style::Plain));
        let view = by(&stories::canary(), thrown_back(), Style::Coloured);
        insta::assert_snapshot!(drawn(&view, 662, 120, Style::Coloured));
    }

    #[test]
    fn numbers_that_do_not_agree_are_loud() {
        let mut events = watched();
        events.push((700, weighed(25.0, Some(25.0), Some(61.0))));
        insta::assert_snapshot!(drawn(
            &by(&stories::canary(), events, Style::Coloured),
            701,
            80,
            Style::Coloured
        ));
    }

    #[test]
    fn the_bake_counts_down_by_the_clock_alone() {
        let view = by(&stories::canary(), watched(), Style::Plain);
        let bake = |second: Millis| {
            let lines = frame(&view, second * 1000, 80, Style::Plain);
            lines.into_iter().find(|line| line.contains("bake")).unwrap_or_default()
        };
        let seen = [642, 643, 942, 1241, 1242, 2000].map(bake);
        insta::assert_snapshot!(seen.join("\n"));
    }

    #[test]
    fn what_somebody_said_stands_until_the_next_step_and_is_a_line_then() {
        let plan = stories::canary();
        let mut events = watched();
        let said = "paused by ana: the weights stay as they are; gates go on deciding";
        events.push((700, Event::Held { reason: said.into() }));
        let held = by(&plan, events.clone(), Style::Plain);
        events.extend([(800, Event::Held { reason: "ana lets it go on".into() }), (1300, began(&plan, 3))]);
        let gone_on = by(&plan, events, Style::Plain);
        insta::assert_snapshot!(format!(
            "{}\n\n{}",
            drawn(&held, 701, 80, Style::Plain),
            drawn(&gone_on, 1301, 80, Style::Plain)
        ));
    }

    #[test]
    fn many_steps_keep_their_marks_and_lose_names_that_do_not_fit() {
        let plan = stories::linear();
        let events = vec![
            (2, began(&plan, 5)),
            (3, Event::StageEntered { stage: "PRODUCTION_TRAFFIC_SHIFT".into() }),
            (3, weighed(40.0, Some(40.0), None)),
        ];
        let view = by(&plan, events, Style::Plain);
        insta::assert_snapshot!(
            [120, 80, 40, 22].map(|width| drawn(&view, 60, width, Style::Plain)).join("\n\n")
        );
    }

    #[test]
    fn a_promoted_rollout_has_every_step_ticked() {
        let plan = stories::canary();
        let mut events = watched();
        events.extend([
            (1300, began(&plan, 7)),
            (1310, weighed(0.0, Some(0.0), Some(0.0))),
            (
                1320,
                Event::Decided {
                    verdict: Verdict::Promoted { task_definition: arn(8), running: 4 },
                    duration_ms: 1_320_000,
                },
            ),
        ]);
        insta::assert_snapshot!(drawn(&by(&plan, events, Style::Plain), 1320, 80, Style::Plain));
    }

    #[test]
    fn a_short_terminal_keeps_how_far_the_plan_has_come() {
        let view = by(&stories::canary(), thrown_back(), Style::Plain);
        for height in 1..30 {
            let lines = frame(&view, 662_000, 80, Style::Plain);
            let kept = newest_first_kept(lines.clone(), view.lines.len(), height);
            assert!(kept.len() <= height);
            let rows = kept.len().min(lines.len() - view.lines.len());
            assert_eq!(kept[..rows], lines[..rows], "events go before rows, and rows from below");
        }
    }

    #[test]
    fn the_plan_is_printed_once_and_its_course_is_drawn_in_place() {
        let mut bytes = Vec::new();
        let mut live = LiveView::new(&mut bytes, std::io::sink(), Style::Plain, Style::Plain);
        let plan = stories::canary();
        let made = Event::PlanMade { plan: plan.clone() };
        for (at, event) in [(0, &made), (1, &made), (2, &began(&plan, 0)), (3, &made), (4, &began(&plan, 1))]
        {
            live.event(at, event);
        }
        drop(live);
        let drawn = String::from_utf8(bytes).expect("text");
        assert_eq!(drawn.matches("ON FAILURE").count(), 1, "{drawn:?}");
        // Title, steps and the step: three rows are taken back before they are drawn anew.
        assert!(drawn.contains("\u{1b}[3A"), "{drawn:?}");
        assert!(
            !drawn.contains("\u{1b}[J"),
            "a screen that is cleared from its first cell is kept: {drawn:?}"
        );
        assert!(drawn.contains("step 2 of 8"), "a plan that is said again forgets nothing: {drawn:?}");
    }

    #[test]
    fn what_is_said_again_is_counted_and_pushes_nothing_out() {
        let mut view = moving();
        let note = Event::Warned { message: "cannot look at the moment, trying again".into() };
        for second in 3..30 {
            view.take(second * 1000, &note, Style::Plain);
        }
        let lines = frame(&view, 65_000, 100, Style::Plain);
        let events = &lines[lines.len() - 2..];
        assert!(events[0].contains("has started 2 tasks"), "{events:?}");
        assert!(events[1].ends_with("trying again ×27"), "{events:?}");
    }

    #[test]
    fn a_rolling_plan_changes_nothing_in_the_view() {
        let mut view = moving();
        view.take(0, &Event::PlanMade { plan: stories::rolling() }, Style::Plain);
        assert_eq!(frame(&view, 65_000, 100, Style::Plain), frame(&moving(), 65_000, 100, Style::Plain));
    }

    fn moving() -> View {
        let mut view = View::default();
        view.take(0, &started(), Style::Plain);
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

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let of_plan = by(&stories::canary(), thrown_back(), Style::Plain);
        let many = by(&stories::linear(), vec![(2, began(&stories::linear(), 5))], Style::Plain);
        for width in 1..=130 {
            for view in [&moving(), &of_plan, &many] {
                for line in frame(view, 65_000, width, Style::Plain) {
                    assert!(line.chars().count() <= width, "{width}: {line}");
                }
            }
        }
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
