//! How far a rollout with a plan has come, for the live view: the steps, the bake, the candidate's share, the gates
//! and what somebody said. It must never decide how anything stands: it shows what events said. Start with
//! [`Course::lines`].

use crate::layout::{bar, with_quiet_rest, wrapped};
use crate::share::Share;
use crate::style::{Style, Tone};
use crate::words::{clock, gate_tone, span, step_words};
use tidegate_rollout::gate::Standing;
use tidegate_rollout::plan::StepKind;
use tidegate_rollout::{Event, Millis, Plan, Verdict};

/// Where the text of a row begins: behind two cells, its label, and a blank.
const TEXT: usize = 19;
/// Terminals with less room for a text have it cut instead of broken.
const ROOM: usize = 24;
/// The most lines of what one gate says.
const LINES: usize = 3;

/// How far a rollout with a plan has come.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    plan: Plan,
    current: Option<Current>,
    share: Option<Share>,
    turn: Turn,
}

/// The step that is under way.
#[derive(Debug, Clone)]
struct Current {
    step: usize,
    began: Millis,
    bake: Millis,
    /// The controller's own word for where it is.
    stage: Option<String>,
    /// What the gates said in this step, by name.
    standings: Vec<(String, Standing)>,
    /// What somebody said last in this step.
    held: Option<String>,
}

/// Which way the rollout goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Forward,
    Arrived,
    /// Back, or nowhere: the step that is under way is the one that it ended at.
    Stopped,
}

/// Whether an event is in the picture now, or needs a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is shown.
    Shown,
    /// It is shown; this is not any more.
    Instead(String),
    /// It is not shown.
    No,
}

impl Course {
    /// At the beginning of a plan that moves traffic; one that does not has nothing to show here.
    pub(crate) fn of(plan: &Plan) -> Option<Self> {
        plan.strategy.traffic()?;
        Some(Self { plan: plan.clone(), current: None, share: None, turn: Turn::Forward })
    }

    /// Is it the course of this plan?
    pub(crate) fn is_of(&self, plan: &Plan) -> bool {
        self.plan == *plan
    }

    /// Takes an event in.
    pub(crate) fn take(&mut self, at: Millis, event: &Event) -> Taken {
        match (event, &mut self.current) {
            // What is cleaned up after a way back is no step that was reached: the picture stays at the one that failed.
            (Event::StepBegan { .. }, Some(_)) if self.turn == Turn::Stopped => {}
            (Event::StepBegan { step, bake, .. }, current) => {
                let said = current.take().and_then(|current| current.held);
                *current = Some(Current {
                    step: *step,
                    began: at,
                    bake: *bake,
                    stage: None,
                    standings: Vec::new(),
                    held: None,
                });
                return said.map_or(Taken::Shown, Taken::Instead);
            }
            (Event::Weighed { .. }, _) => self.share = Share::of(event),
            (Event::StageEntered { stage }, Some(current)) => current.stage = Some(stage.clone()),
            (Event::GateStands { gate, standing }, Some(current)) => {
                current.standings.retain(|(name, _)| name != gate);
                current.standings.push((gate.clone(), standing.clone()));
            }
            (Event::Held { reason }, Some(current)) => {
                return current.held.replace(reason.clone()).map_or(Taken::Shown, Taken::Instead);
            }
            (Event::RollingBack { .. } | Event::RollbackRequested { .. }, _) => {
                self.turn = Turn::Stopped;
                return Taken::No;
            }
            (Event::Decided { verdict, .. }, _) => {
                self.turn = match verdict {
                    Verdict::Promoted { .. } => Turn::Arrived,
                    // It goes on without this view.
                    Verdict::TimedOut { .. } => self.turn,
                    _ => Turn::Stopped,
                };
            }
            _ => return Taken::No,
        }
        Taken::Shown
    }

    /// `canary × alb`.
    pub(crate) fn title(&self) -> String {
        format!("{} × {}", self.plan.strategy.name(), self.plan.strategy.controller().name())
    }

    /// The rows, most important first.
    pub(crate) fn lines(&self, now: Millis, width: usize, style: Style) -> Vec<String> {
        let mut lines = vec![format!("  {}", self.steps(width.saturating_sub(3), style))];
        if let Some(current) = &self.current {
            if self.turn != Turn::Arrived {
                lines.push(self.step(current, style));
            }
            if self.turn == Turn::Forward {
                lines.extend(bake(current, now, style));
            }
        }
        // Whoever arrived has all of it, behind whichever target group.
        if let Some(share) = self.share.filter(|_| self.turn != Turn::Arrived) {
            lines.push(format!("{}{} {}", label("candidate", style), share.bar(style), share.words(style)));
        }
        let Some(current) = self.current.as_ref().filter(|_| self.turn != Turn::Arrived) else {
            return lines;
        };
        if let Some(held) = &current.held {
            let rows = text("said", held, width);
            lines.extend(rows.into_iter().map(|row| style.paint(Tone::Warning, &row)));
        }
        lines.extend(self.gates(current, width, style));
        lines
    }

    /// Every step with its mark. Names are given to as many as fit, beginning with the current one and what comes.
    fn steps(&self, width: usize, style: Style) -> String {
        let steps = &self.plan.steps;
        let at = self.current.as_ref().map_or(0, |current| current.step);
        let names: Vec<String> = steps.iter().map(|step| name(step.kind)).collect();
        // A mark and a blank each; a name takes a blank more on each side.
        let mut room = width.saturating_sub(2 * steps.len());
        if steps.len() * 2 > width {
            let bar = bar(at as u64, at as u64, steps.len() as u64);
            return bar.chars().take(width).collect();
        }
        let mut named = vec![false; steps.len()];
        for step in (at..steps.len()).chain((0..at.min(steps.len())).rev()) {
            let cells = names.get(step).map_or(0, |name| name.chars().count() + 2);
            if cells > room {
                break;
            }
            room -= cells;
            if let Some(named) = named.get_mut(step) {
                *named = true;
            }
        }
        let mut text = String::new();
        for (step, (name, named)) in names.iter().zip(&named).enumerate() {
            let (mark, mark_tone, name_tone) = self.mark(step);
            text.push_str(&style.paint(mark_tone, mark));
            text.push(' ');
            if *named {
                text.push_str(&style.paint(name_tone, name));
                text.push_str("  ");
            }
        }
        text.trim_end().to_owned()
    }

    fn mark(&self, step: usize) -> (&'static str, Tone, Tone) {
        let at = self.current.as_ref().map(|current| current.step);
        match (self.turn, at) {
            (Turn::Arrived, _) => ("✓", Tone::Good, Tone::Quiet),
            (_, Some(at)) if step < at => ("✓", Tone::Good, Tone::Quiet),
            (Turn::Stopped, Some(at)) if step == at => ("✗", Tone::Bad, Tone::Bad),
            (_, Some(at)) if step == at => ("●", Tone::Strong, Tone::Strong),
            _ => ("○", Tone::Quiet, Tone::Quiet),
        }
    }

    fn step(&self, current: &Current, style: Style) -> String {
        let head = format!("step {} of {}", current.step + 1, self.plan.steps.len());
        let kind = self.plan.steps.get(current.step).map(|step| step_words(step.kind));
        let stage = current.stage.as_ref().map(|stage| format!("stage {stage}"));
        let words: Vec<String> = kind.into_iter().chain(stage).collect();
        format!("{}{}", label(&head, style), words.join(" · "))
    }

    /// The gates of the step in the plan's order, then any other that said something.
    fn gates(&self, current: &Current, width: usize, style: Style) -> Vec<String> {
        let of_step = self.plan.steps.get(current.step).map_or(&[][..], |step| step.gates.as_slice());
        let mut names: Vec<&str> = of_step
            .iter()
            .filter_map(|gate| self.plan.gates.get(*gate))
            .map(|gate| gate.name.as_str())
            .collect();
        for (name, _) in &current.standings {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let standing = |name: &str| current.standings.iter().find(|(of, _)| of == name).map(|(_, how)| how);
        if self.turn == Turn::Stopped {
            // What decided is still of interest, and nothing else is asked any more.
            names.retain(|name| matches!(standing(name), Some(Standing::Broken { .. })));
        }
        names.iter().flat_map(|name| gate(name, standing(name), width, style)).collect()
    }
}

/// A gate's mark, its name, and its numbers. One that is broken is loud as a whole, else mark and word are enough.
fn gate(name: &str, standing: Option<&Standing>, width: usize, style: Style) -> Vec<String> {
    let (mark, word) = match standing {
        None => ("·", "not asked yet"),
        Some(Standing::Holds { .. }) => ("✓", ""),
        Some(Standing::Broken { .. }) => ("✗", ""),
        Some(Standing::TooLittle { .. }) => ("?", ""),
        Some(Standing::CouldNotAsk { .. }) => ("?", "could not be asked:"),
        Some(Standing::WaitsForApproval { .. }) => ("?", "waits for approval:"),
    };
    let is_broken = matches!(standing, Some(Standing::Broken { .. }));
    let words = format!("{word} {}", standing.map_or("", Standing::evidence));
    let words = words.trim();
    let mut rows = text(&format!("{mark} {name}"), words, width);
    let tone = standing.map_or(Tone::Quiet, gate_tone);
    if is_broken {
        return rows.iter().map(|row| style.paint(tone, row)).collect();
    }
    if let Some(row) = rows.first_mut() {
        *row = row.replacen(mark, &style.paint(tone, mark), 1);
        if !word.is_empty() {
            *row = row.replacen(word, &style.paint(tone, word), 1);
        }
    }
    rows
}

/// How much of the bake is over, and how much is left.
fn bake(current: &Current, now: Millis, style: Style) -> Option<String> {
    if current.bake <= 0 {
        return None;
    }
    let over = (now - current.began).clamp(0, current.bake);
    let bar = bar(over.unsigned_abs(), over.unsigned_abs(), current.bake.unsigned_abs());
    // Rounded up: the last second is shown until it is over.
    let left = current.bake - over;
    let words = if left == 0 {
        format!("over, after {}", span(current.bake))
    } else {
        format!("{} left of {}", clock(left + 999), span(current.bake))
    };
    Some(format!("{}{} {words}", label("bake", style), with_quiet_rest(&bar, style)))
}

fn label(text: &str, style: Style) -> String {
    style.paint(Tone::Quiet, &format!("  {text:<width$} ", width = TEXT - 3))
}

/// A label and a text of a few lines, the last of them cut where that is not enough.
fn text(name: &str, words: &str, width: usize) -> Vec<String> {
    let label = label(name, Style::Plain);
    let indent = label.chars().count();
    if width < indent + ROOM {
        return vec![format!("{label}{words}")];
    }
    let room = width - indent - 1;
    let mut lines = wrapped(words, room);
    if lines.len() > LINES {
        let rest = lines.split_off(LINES - 1).join(" ");
        lines.push(rest);
    }
    let blank = " ".repeat(indent);
    lines
        .iter()
        .enumerate()
        .map(|(at, line)| format!("{}{line}", if at == 0 { &label } else { &blank }))
        .collect()
}

/// One word or two for the list.
fn name(kind: StepKind) -> String {
    match kind {
        StepKind::Roll => "roll".to_owned(),
        StepKind::ScaleUp => "start".to_owned(),
        StepKind::TestTraffic => "test".to_owned(),
        StepKind::Shift(weight) => weight.to_string(),
        StepKind::RollStable => "roll stable".to_owned(),
        StepKind::ShiftHome => "home".to_owned(),
        StepKind::CleanUp => "clean up".to_owned(),
    }
}
