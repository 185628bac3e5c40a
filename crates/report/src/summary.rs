//! A rollout as one page of Markdown, for the summary of a pipeline's step: the verdict, the course as a picture, why it
//! failed. It must never show what the events do not, and never let a text of somebody else's become markup. Start with
//! [`markdown`].

use crate::Reporter;
use crate::style::Style;
use crate::words::{clock, duration, step_words, told, verdict_sentence};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use tidegate_rollout::diagnosis::Diagnosis;
use tidegate_rollout::event::Stamped;
use tidegate_rollout::gate::Standing;
use tidegate_rollout::plan::StepKind;
use tidegate_rollout::task_definition::diff::{Difference, Shown};
use tidegate_rollout::{Event, Millis, Plan, Verdict};

/// The most lines of a log that are shown.
const LOG_LINES: usize = 20;
/// A page has a limit of 1 MiB; nobody reads that far.
const LONGEST: usize = 300;

/// Keeps every event that passes, beside what another reporter does with it.
pub struct Recorder {
    inner: Box<dyn Reporter>,
    events: Record,
}

/// The events that were recorded.
pub type Record = Arc<Mutex<Vec<Stamped>>>;

impl Recorder {
    /// Records what `inner` reports.
    pub fn recording(events: Record, inner: Box<dyn Reporter>) -> Self {
        Self { inner, events }
    }
}

impl Reporter for Recorder {
    fn event(&mut self, at: Millis, event: &Event) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(Stamped { at_ms: at, event: event.clone() });
        drop(events);
        self.inner.event(at, event);
    }

    fn refresh(&mut self, now: Millis) {
        self.inner.refresh(now);
    }

    fn finish(&mut self) {
        self.inner.finish();
    }
}

/// The page of a rollout, by its events in the order in which they came.
pub fn markdown(events: &[Stamped]) -> String {
    let found = Found::of(events);
    let mut text = String::new();
    let _ = writeln!(text, "## {}\n", found.heading());
    text.push_str(&found.facts());
    if let Some(picture) = found.picture(events) {
        let _ = write!(text, "\n```mermaid\n{picture}```\n");
    }
    if let Some(diagnosis) = found.diagnosis {
        text.push_str(&why(diagnosis));
    }
    text.push_str(&differences(found.differences));
    if !found.notes.is_empty() {
        text.push_str("\n### Notes\n\n");
        for note in &found.notes {
            let _ = writeln!(text, "- {}", escaped(note));
        }
    }
    text
}

/// What the events say, each once.
#[derive(Default)]
struct Found<'e> {
    target: Option<String>,
    from: Option<&'e str>,
    to: Option<&'e str>,
    deployment: Option<&'e str>,
    plan: Option<&'e Plan>,
    verdict: Option<(&'e Verdict, Millis)>,
    nothing: Option<&'e str>,
    diagnosis: Option<&'e Diagnosis>,
    differences: &'e [Difference],
    notes: Vec<&'e str>,
}

impl<'e> Found<'e> {
    fn of(events: &'e [Stamped]) -> Self {
        let mut found = Self::default();
        for Stamped { event, .. } in events {
            match event {
                Event::Planned { target, from, differences } => {
                    found.target = Some(target.to_string());
                    found.from = Some(from.short());
                    found.differences = differences;
                }
                Event::RollbackChosen { from, to, .. } => {
                    (found.from, found.to) = (Some(from.short()), Some(to.short()));
                }
                Event::PlanMade { plan } => found.plan = Some(plan),
                Event::Registered { task_definition } => found.to = Some(task_definition.short()),
                Event::Started { target, deployment, task_definition, .. } => {
                    found.target = Some(target.to_string());
                    found.to = Some(task_definition.short());
                    found.deployment = Some(deployment.as_str());
                }
                Event::NothingDone { reason } => found.nothing = Some(reason),
                Event::Diagnosed { diagnosis } => found.diagnosis = Some(diagnosis),
                Event::Decided { verdict, duration_ms } => found.verdict = Some((verdict, *duration_ms)),
                Event::Warned { message } => found.notes.push(message),
                _ => {}
            }
        }
        found
    }

    fn heading(&self) -> String {
        let target = self.target.as_deref().map_or_else(String::new, |it| format!(" of {}", escaped(it)));
        match (self.verdict, self.nothing) {
            (Some((verdict, _)), _) => {
                let sign = match verdict {
                    Verdict::Promoted { .. } => "✅",
                    Verdict::RolledBack { .. } => "↩️",
                    Verdict::TimedOut { .. } | Verdict::Superseded { .. } => "⏳",
                    Verdict::Failed { .. } | Verdict::Aborted { .. } => "❌",
                };
                format!("{sign} Rollout{target}: {}", word(verdict))
            }
            (None, Some(_)) => format!("Rollout{target}: nothing to do"),
            (None, None) if self.deployment.is_some() => format!("⏳ Rollout{target}: started"),
            (None, None) if self.to.is_some() => "Task definition registered".to_owned(),
            (None, None) => format!("❌ Rollout{target}: nothing was changed"),
        }
    }

    fn facts(&self) -> String {
        let mut rows: Vec<(&str, String)> = Vec::new();
        if let Some((verdict, took)) = self.verdict {
            rows.push(("Verdict", verdict_sentence(verdict, Style::Plain)));
            rows.push(("Took", duration(took)));
        }
        if let Some(reason) = self.nothing {
            rows.push(("Result", reason.to_owned()));
        }
        match (self.from, self.to) {
            (Some(from), Some(to)) => rows.push(("Revision", format!("{from} → {to}"))),
            (_, Some(to)) => rows.push(("Revision", to.to_owned())),
            (Some(from), None) => rows.push(("Revision", from.to_owned())),
            (None, None) => {}
        }
        if let Some(plan) = self.plan {
            rows.push((
                "Strategy",
                format!("{} by {}", plan.strategy.name(), plan.strategy.controller().name()),
            ));
        }
        if let Some(deployment) = self.deployment {
            rows.push(("Deployment", deployment.to_owned()));
        }
        table(&["", ""], rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]))
    }

    /// The course as a Gantt chart: each step as long as it took, gates and causes where they came. Nothing that took
    /// time, no picture.
    fn picture(&self, events: &[Stamped]) -> Option<String> {
        self.verdict?;
        let began = |event: &Event| matches!(event, Event::Started { .. } | Event::StepBegan { .. });
        let start = events.iter().find(|it| began(&it.event))?.at_ms;
        let end = events.last()?.at_ms.max(start + 1);
        let course = Course::of(events, start, end);
        let mut text = String::from("gantt\n  dateFormat x\n  axisFormat %M:%S\n");
        let title = match (self.from, self.to) {
            (Some(from), Some(to)) => format!("{from} → {to}, {} long", clock(end - start)),
            _ => format!("{} long", clock(end - start)),
        };
        let _ = writeln!(text, "  title {}", one_line(&title));
        text.push_str("  section Course\n");
        for bar in &course.bars {
            let _ = writeln!(
                text,
                "  {} :{}{}, {}",
                plain(&bar.name),
                bar.tags,
                bar.from,
                bar.to.max(bar.from + 1)
            );
        }
        for (section, marks) in [("Gates", &course.gates), ("Causes", &course.causes)] {
            if marks.is_empty() {
                continue;
            }
            let _ = writeln!(text, "  section {section}");
            for mark in marks {
                let _ = writeln!(
                    text,
                    "  {} :{}milestone, {}, {}",
                    plain(&mark.name),
                    mark.tags,
                    mark.from,
                    mark.to
                );
            }
        }
        Some(text)
    }
}

/// One bar or mark of the picture, in milliseconds since the start.
struct Bar {
    name: String,
    tags: &'static str,
    from: Millis,
    to: Millis,
}

#[derive(Default)]
struct Course {
    bars: Vec<Bar>,
    gates: Vec<Bar>,
    causes: Vec<Bar>,
}

impl Course {
    fn of(events: &[Stamped], start: Millis, end: Millis) -> Self {
        let mut course = Self::default();
        let is_good =
            |it: &Stamped| matches!(&it.event, Event::Decided { verdict, .. } if verdict.is_promoted());
        let ended_well = events.iter().any(is_good);
        for Stamped { at_ms, event } in events {
            let at = (at_ms - start).max(0);
            match event {
                Event::Started { task_definition, .. } if course.bars.is_empty() => {
                    course.begin(at, format!("bring {}", task_definition.short()), "");
                }
                Event::StepBegan { kind, .. } => course.begin(at, step_name(*kind), ""),
                Event::RollingBack { to, .. } => {
                    if let Some(last) = course.bars.last_mut() {
                        last.tags = "crit, ";
                    }
                    course.begin(at, format!("back to {}", to.short()), "active, ");
                }
                Event::GateStands { gate, standing } => {
                    let (word, tags) = match standing {
                        Standing::Holds { .. } => ("holds", "done, "),
                        Standing::Broken { .. } => ("is broken", "crit, "),
                        Standing::TooLittle { .. } => ("cannot tell yet", ""),
                        Standing::CouldNotAsk { .. } => ("could not be asked", ""),
                        Standing::WaitsForApproval { .. } => ("waits for approval", "active, "),
                    };
                    course.gates.push(Bar { name: format!("{gate} {word}"), tags, from: at, to: at });
                }
                Event::CauseFound { cause } => {
                    course.causes.push(Bar { name: cause.what.clone(), tags: "crit, ", from: at, to: at });
                }
                _ => {}
            }
        }
        if let Some(last) = course.bars.last_mut() {
            last.to = end - start;
            if ended_well && last.tags.is_empty() {
                last.tags = "done, ";
            }
        }
        course
    }

    /// The bar before ends where this one begins; one that took no time at all is none.
    fn begin(&mut self, at: Millis, name: String, tags: &'static str) {
        if let Some(last) = self.bars.last_mut() {
            last.to = at;
            if last.tags.is_empty() {
                last.tags = "done, ";
            }
            if last.from == at {
                self.bars.pop();
            }
        }
        self.bars.push(Bar { name, tags, from: at, to: at });
    }
}

fn step_name(kind: StepKind) -> String {
    step_words(kind)
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Promoted { .. } => "promoted",
        Verdict::RolledBack { .. } => "rolled back",
        Verdict::Failed { .. } => "failed",
        Verdict::Aborted { .. } => "aborted",
        Verdict::TimedOut { .. } => "timed out",
        Verdict::Superseded { .. } => "superseded",
    }
}

/// Causes with what to do, stopped tasks, health checks, the last lines of logs.
fn why(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    if !diagnosis.causes.is_empty() {
        text.push_str("\n### Why\n\n");
        let rows =
            diagnosis.causes.iter().take(5).map(|it| vec![it.what.clone(), told(it.said()), it.fix.clone()]);
        text.push_str(&table(&["Cause", "AWS says", "What to do"], rows));
    }
    if !diagnosis.stopped.is_empty() {
        text.push_str("\n### Stopped tasks\n\n");
        let rows = diagnosis.stopped.iter().take(5).map(|group| {
            vec![
                group.tasks.to_string(),
                group.reason.clone(),
                group.containers.join("; "),
                group.latest_task.clone(),
            ]
        });
        text.push_str(&table(&["Tasks", "Reason", "Containers", "Latest"], rows));
    }
    if !diagnosis.health.is_empty() {
        text.push_str("\n### Health checks\n\n");
        let rows = diagnosis
            .health
            .iter()
            .map(|it| vec![it.target_group.clone(), it.check.clone(), it.targets.join("; ")]);
        text.push_str(&table(&["Target group", "Check", "Targets"], rows));
    }
    for log in diagnosis.logs.iter().filter(|log| !log.lines.is_empty()) {
        let skipped = log.lines.len().saturating_sub(LOG_LINES);
        let lines = log.lines[skipped..].join("\n");
        let fence = fence(&lines);
        let _ = write!(
            text,
            "\n<details><summary>Last log lines of {} ({})</summary>\n\n{fence}text\n{lines}\n{fence}\n\n</details>\n",
            escaped(&log.container),
            escaped(&log.stream)
        );
    }
    text
}

fn differences(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return String::new();
    }
    let shown = |value: &Shown| match value {
        Shown::Absent => "–".to_owned(),
        Shown::Masked => "(not shown)".to_owned(),
        Shown::Value(serde_json::Value::String(text)) => text.clone(),
        Shown::Value(value) => value.to_string(),
    };
    let rows = differences.iter().map(|it| vec![it.path.clone(), shown(&it.before), shown(&it.after)]);
    format!("\n### What changed\n\n{}", table(&["Where", "Before", "After"], rows))
}

fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", heads.join(" | "), " --- |".repeat(heads.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// A text that stands for itself in Markdown, on one line.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == LONGEST {
            out.push('…');
            break;
        }
        match c {
            '\n' | '\r' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '!' | '#' | '~' => {
                out.push('\\');
                out.push(c);
            }
            // Mentions somebody.
            '@' => out.push_str("&#64;"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// A name in a picture, whose grammar ends names at colons and lines at semicolons and hashes.
fn plain(text: &str) -> String {
    let kept = text.chars().map(|c| match c {
        ':' => '∶',
        ';' | '#' | ',' | '"' | '`' | '{' | '}' | '<' | '>' => ' ',
        c => c,
    });
    one_line(&kept.take(80).collect::<String>())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace("%%", "%")
}

/// A fence that the text cannot close.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

#[cfg(test)]
mod tests;
