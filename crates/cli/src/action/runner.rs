//! The runner's side: files that take outputs and the summary, lines that it reads as commands. Start with [`Runner`].

use crate::exit::Exit;
use crate::failure::Failure;
use std::fs::OpenOptions;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use tidegate_report::Style;
use tidegate_report::summary::{Record, markdown};
use tidegate_report::words::{told, verdict_sentence};
use tidegate_report::workflow::{Level, annotation, output, silenced};
use tidegate_rollout::{Event, Verdict};

/// What the environment says of the runner.
pub(super) struct Runner {
    outputs: Option<PathBuf>,
    summary: Option<PathBuf>,
    /// Not to be guessed by what tasks print.
    token: String,
    notes: Mutex<Vec<String>>,
}

impl Runner {
    /// The runner of this step. Without its files what would go there is only not kept.
    pub(super) fn of_environment() -> Self {
        let file = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let random = || RandomState::new().build_hasher().finish();
        Self {
            outputs: file("GITHUB_OUTPUT"),
            summary: file("GITHUB_STEP_SUMMARY"),
            token: format!("{:016x}{:016x}", random(), random()),
            notes: Mutex::default(),
        }
    }

    /// From here on no line is a command.
    pub(super) fn silence(&self) {
        say(&silenced(&self.token).0);
    }

    /// From here on lines are commands again.
    pub(super) fn speak(&self) {
        say(&silenced(&self.token).1);
    }

    /// Something to tell as a notice at the end.
    pub(super) fn note(&self, message: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(message);
    }

    /// Annotations, outputs and the summary of what happened.
    pub(super) fn finish(
        &self,
        record: &Record,
        outputs: &[(&'static str, String)],
        failure: Option<&Failure>,
    ) -> Result<(), Failure> {
        let events = record.lock().unwrap_or_else(PoisonError::into_inner);
        for note in self.notes.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            say(&annotation(Level::Notice, "Tidegate", note));
        }
        for stamped in events.iter() {
            if let Some(line) = annotated(&stamped.event) {
                say(&line);
            }
        }
        if let Some(failure) = failure {
            say(&annotation(Level::Error, "Tidegate", &failure.words()));
        }
        let mut text = String::new();
        for (name, value) in
            outputs.iter().map(|(name, value)| (*name, value.clone())).chain(of_events(&events))
        {
            text.push_str(&output(name, &value, &self.token));
        }
        append(self.outputs.as_ref(), &text)?;
        if !events.is_empty() || failure.is_some() {
            let mut page = markdown(&events);
            if let Some(failure) = failure {
                page.push_str("\n### Error\n\n");
                page.push_str(&quoted(&failure.words()));
            }
            append(self.summary.as_ref(), &page)?;
        }
        Ok(())
    }
}

/// What later steps may want to know.
fn of_events(events: &[tidegate_rollout::event::Stamped]) -> Vec<(&'static str, String)> {
    let mut revision = None;
    let mut outputs = Vec::new();
    for stamped in events {
        match &stamped.event {
            Event::Planned { from, .. } => revision = Some(from.as_str()),
            Event::Registered { task_definition } => revision = Some(task_definition.as_str()),
            Event::Started { deployment, task_definition, .. } => {
                revision = Some(task_definition.as_str());
                outputs.push(("deployment-id", deployment.to_string()));
                // CodeDeploy's ids begin so; those of ECS begin with ecs-svc/.
                if deployment.as_str().starts_with("d-") {
                    outputs.push(("codedeploy-deployment-id", deployment.to_string()));
                }
            }
            Event::Decided { verdict, .. } => outputs.push(("verdict", word(verdict).to_owned())),
            _ => {}
        }
    }
    outputs.extend(revision.map(|arn| ("task-definition-arn", arn.to_owned())));
    outputs
}

/// As `--output json` writes them.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Promoted { .. } => "promoted",
        Verdict::RolledBack { .. } => "rolled_back",
        Verdict::Failed { .. } => "failed",
        Verdict::Aborted { .. } => "aborted",
        Verdict::TimedOut { .. } => "timed_out",
        Verdict::Superseded { .. } => "superseded",
    }
}

/// The event as a line that stands at the run, if it is worth one.
fn annotated(event: &Event) -> Option<String> {
    match event {
        Event::Warned { message } => Some(annotation(Level::Notice, "Tidegate", message)),
        Event::Diagnosed { diagnosis } => {
            let cause = diagnosis.causes.first()?;
            let message = format!("{}\nWhat to do: {}", told(cause.said()), cause.fix);
            Some(annotation(Level::Error, &cause.what, &message))
        }
        Event::Decided { verdict, .. } => {
            let level = if verdict.is_promoted() { Level::Notice } else { Level::Error };
            let title = if verdict.is_promoted() { "Promoted" } else { "Not promoted" };
            Some(annotation(level, title, &verdict_sentence(verdict, Style::Plain)))
        }
        _ => None,
    }
}

/// Lines as they are, whatever they hold.
fn quoted(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    format!("    {}\n", lines.join("\n    "))
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

fn append(file: Option<&PathBuf>, text: &str) -> Result<(), Failure> {
    let Some(path) = file.filter(|_| !text.is_empty()) else { return Ok(()) };
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut it| it.write_all(text.as_bytes()));
    written.map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot write {} for the runner: {error}", path.display()))
    })
}
