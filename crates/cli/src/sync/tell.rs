//! What a sync tells: a line an event on stdout, for people or as JSON. It must never say a thing twice, nor anything
//! that did not happen. Start with [`Teller`].

use crate::args::{Global, Output};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use tidegate_aws::EventSink;
use tidegate_gitops::drift::{Field, is_drift};
use tidegate_gitops::{How, Id, SyncEvent};
use tidegate_report::style::Tone;
use tidegate_report::{Style, words};
use tidegate_rollout::task_definition::diff::Shown;
use tidegate_rollout::{Event, Millis};

/// The longest value that is shown in full.
const LONGEST: usize = 160;

/// Tells what happens; cheap to clone.
#[derive(Debug, Clone)]
pub struct Teller {
    output: Output,
    style: Style,
    quiet: bool,
    verbose: bool,
    // Lines of several rollouts must not run into each other.
    turn: Arc<Mutex<()>>,
}

impl Teller {
    /// Tells as the flags say.
    pub fn new(global: &Global) -> Self {
        Self {
            output: global.output,
            style: global.stdout_style(),
            quiet: global.quiet,
            verbose: global.verbose > 0,
            turn: Arc::default(),
        }
    }

    /// Something that the sync decided or found.
    pub fn sync(&self, at: Millis, event: &SyncEvent) {
        match self.output {
            Output::Json => {
                let mut line = serde_json::to_value(event).unwrap_or_default();
                line["at_ms"] = json!(at);
                self.line(&line.to_string());
            }
            Output::Text => self.stamped(at, &sentence(event, self.style)),
        }
    }

    /// Something that stops nothing.
    pub fn note(&self, at: Millis, what: &str) {
        match self.output {
            Output::Json => {
                self.line(&json!({ "at_ms": at, "event": "warned", "message": what }).to_string())
            }
            Output::Text => {
                let note = self.style.paint(Tone::Warning, "note:");
                self.stamped(at, &format!("{note} {what}"));
            }
        }
    }

    fn rollout(&self, id: &Id, at: Millis, event: &Event) {
        match self.output {
            Output::Json => {
                let mut line = serde_json::to_value(event).unwrap_or_default();
                line["at_ms"] = json!(at);
                line["service"] = json!(id);
                self.line(&line.to_string());
            }
            Output::Text if self.quiet || !(self.verbose || is_milestone(event)) => {}
            Output::Text => {
                if let Some(sentence) = words::sentence(event, self.style) {
                    self.stamped(at, &format!("{}: {sentence}", self.style.paint(Tone::Strong, id.as_str())));
                }
            }
        }
    }

    fn stamped(&self, at: Millis, text: &str) {
        let stamp = self.style.paint(Tone::Quiet, &moment(at));
        self.line(&format!("{stamp}  {text}"));
    }

    fn line(&self, text: &str) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stdout = std::io::stdout().lock();
        let _ = writeln!(stdout, "{text}");
        let _ = stdout.flush();
    }
}

/// The sink of one service's rollout.
#[derive(Debug, Clone)]
pub struct Told {
    /// Whose.
    pub id: Id,
    /// Who tells it.
    pub teller: Teller,
}

impl EventSink for Told {
    fn event(&mut self, at: Millis, event: &Event) {
        self.teller.rollout(&self.id, at, event);
    }
}

/// What somebody who watches many services wants to hear of one.
fn is_milestone(event: &Event) -> bool {
    matches!(
        event,
        Event::Started { .. }
            | Event::StepBegan { .. }
            | Event::CauseFound { .. }
            | Event::RollbackRequested { .. }
            | Event::RollingBack { .. }
            | Event::Decided { .. }
    ) || matches!(event, Event::GateStands { standing, .. } if matches!(standing, tidegate_rollout::gate::Standing::Broken { .. }))
}

/// `2026-07-17 16:00:05 UTC` as people read a log: the hour suffices for today's.
fn moment(at: Millis) -> String {
    let seconds = at.div_euclid(1000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn short(commit: &str) -> &str {
    if commit.len() >= 40 { commit.get(..12).unwrap_or(commit) } else { commit }
}

/// One line for an event.
fn sentence(event: &SyncEvent, style: Style) -> String {
    let name = |id: &Id| style.paint(Tone::Strong, id.as_str());
    match event {
        SyncEvent::CommitSeen { commit, services } => {
            let subject =
                if commit.subject.is_empty() { String::new() } else { format!(" ({})", commit.subject) };
            format!(
                "{}{subject} describes {services} service{}",
                style.paint(Tone::Strong, commit.short()),
                s(*services)
            )
        }
        SyncEvent::Began { service, commit, release, fields } => {
            let release =
                release.as_ref().map_or_else(String::new, |name| format!(", part of release {name}"));
            format!(
                "{}: differs from {} in {fields} field{}; its rollout begins{release}",
                name(service),
                short(commit),
                s(*fields)
            )
        }
        SyncEvent::TakenUp { service, commit } => {
            format!("{}: the rollout of {} that was begun before is taken up", name(service), short(commit))
        }
        SyncEvent::Promoted { service, commit } => {
            format!(
                "{}: {} {}",
                name(service),
                style.paint(Tone::Good, "runs what is wanted by"),
                short(commit)
            )
        }
        SyncEvent::ThrownBack { service, commit, how, reason } => format!(
            "{}: {} {}, and is not tried again until it changes: {reason}",
            name(service),
            short(commit),
            style.paint(Tone::Bad, how_in_words(*how))
        ),
        SyncEvent::NotTriedAgain { service, commit, reason } => {
            format!(
                "{}: wanted is what was thrown back at {}, and is not tried again: {reason}",
                name(service),
                short(commit)
            )
        }
        SyncEvent::Healed { service, commit } => {
            format!(
                "{}: {} by {}: it runs what is wanted",
                name(service),
                style.paint(Tone::Good, "healed"),
                short(commit)
            )
        }
        SyncEvent::Refused { service, reason, again_at } => {
            format!(
                "{}: {}, tried again at {}: {reason}",
                name(service),
                style.paint(Tone::Bad, "could not begin"),
                moment(*again_at)
            )
        }
        SyncEvent::GoesOn { service, reason, again_at } => {
            format!("{}: goes on, looked at again at {}: {reason}", name(service), moment(*again_at))
        }
        SyncEvent::CouldNotAsk { service, reason } => {
            format!("{}: {}: {reason}", name(service), style.paint(Tone::Warning, "could not be asked"))
        }
        SyncEvent::WaveStopped { wave, because } => {
            format!(
                "wave {wave} is stopped by {}, and the waves after it wait, until the branch changes",
                name(because)
            )
        }
        SyncEvent::Frozen { services, message, until } => {
            let word = style.paint(Tone::Warning, "frozen");
            format!(
                "{word} until {}: {services} service{} may not begin: {message}",
                tidegate_report::failure::moment(*until),
                s(*services)
            )
        }
        SyncEvent::FreezeOverridden { service, message, reason } => {
            let word = style.paint(Tone::Warning, "freeze overridden");
            format!("{}: {word} ({message}): {reason}", name(service))
        }
        SyncEvent::ReleaseGoesBack { release, because, services } => {
            let all: Vec<&str> = services.iter().map(Id::as_str).collect();
            format!("release {release} goes back because of {}: {}", name(because), all.join(", then "))
        }
        SyncEvent::WentBack { service, release, to } => {
            format!("{}: is back on {to}, as before release {release}", name(service))
        }
        SyncEvent::CouldNotGoBack { service, release, reason, again_at } => {
            let again = again_at
                .map_or_else(|| "not tried again".to_owned(), |at| format!("tried again at {}", moment(at)));
            let what = style.paint(Tone::Bad, "could not go back");
            format!("{}: {what} to before release {release}, {again}: {reason}", name(service))
        }
        SyncEvent::Released { release, commit } => {
            format!(
                "release {release}: {} {}",
                style.paint(Tone::Good, "all of it runs what is wanted by"),
                short(commit)
            )
        }
        SyncEvent::InSync { commit, services } => {
            format!(
                "{} with {}: {services} service{}",
                style.paint(Tone::Good, "in sync"),
                short(commit),
                s(*services)
            )
        }
    }
}

fn how_in_words(how: How) -> &'static str {
    match how {
        How::RolledBack => "was rolled back",
        How::Failed => "failed",
        How::Aborted => "was aborted",
        How::Superseded => "was superseded",
        How::WithItsRelease => "went back with its release",
    }
}

fn s(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// Each field with what runs and what is wanted.
pub fn table(fields: &[Field], style: Style, all: bool) -> String {
    let mut text = String::new();
    for field in fields.iter().filter(|field| all || field.is_drift) {
        let mark = if field.is_drift {
            style.paint(Tone::Warning, "drift")
        } else {
            style.paint(Tone::Quiet, "no drift")
        };
        let why = style.paint(Tone::Quiet, &format!("{}; {}", field.owner.name(), field.why));
        let _ = writeln!(text, "  {mark} {}  {why}", style.paint(Tone::Strong, &field.path));
        if field.runs == Shown::Masked && field.wanted == Shown::Masked {
            text.push_str("    ~ the value changed (not shown)\n");
            continue;
        }
        if let Some(value) = written(&field.runs) {
            let _ = writeln!(text, "    {} {value}", style.paint(Tone::Bad, "-"));
        }
        if let Some(value) = written(&field.wanted) {
            let _ = writeln!(text, "    {} {value}", style.paint(Tone::Good, "+"));
        }
    }
    text
}

fn written(value: &Shown) -> Option<String> {
    let text = match value {
        Shown::Absent => return None,
        Shown::Masked => "(value not shown)".to_owned(),
        Shown::Value(Value::String(text)) => text.clone(),
        Shown::Value(value) => value.to_string(),
    };
    if text.chars().count() <= LONGEST {
        return Some(text);
    }
    Some(format!("{}…", text.chars().take(LONGEST).collect::<String>()))
}

/// `in sync`, or how much differs.
pub fn standing(fields: &[Field], style: Style) -> String {
    if !is_drift(fields) {
        return style.paint(Tone::Good, "in sync");
    }
    let count = fields.iter().filter(|field| field.is_drift).count();
    style.paint(Tone::Warning, &format!("{count} field{} drifted", s(count)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_gitops::Commit;

    #[test]
    fn each_event_is_one_line() {
        let id = |name: &str| Id::parse(&format!("prod/{name}"));
        let commit = "0123456789abcdef0123456789abcdef01234567".to_owned();
        let events = [
            SyncEvent::CommitSeen {
                commit: Commit { id: commit.clone(), subject: "faster".into() },
                services: 2,
            },
            SyncEvent::Began {
                service: id("web"),
                commit: commit.clone(),
                release: Some("shop".into()),
                fields: 1,
            },
            SyncEvent::ThrownBack {
                service: id("web"),
                commit: commit.clone(),
                how: How::RolledBack,
                reason: "gate errors: 30 %".into(),
            },
            SyncEvent::NotTriedAgain {
                service: id("web"),
                commit: commit.clone(),
                reason: "gate errors: 30 %".into(),
            },
            SyncEvent::WaveStopped { wave: 1, because: id("web") },
            SyncEvent::ReleaseGoesBack {
                release: "shop".into(),
                because: id("web"),
                services: vec![id("web"), id("api")],
            },
            SyncEvent::Frozen {
                services: 2,
                message: "no releases at weekends".into(),
                until: 1_784_304_000_000,
            },
            SyncEvent::FreezeOverridden {
                service: id("web"),
                message: "no releases at weekends".into(),
                reason: "an outage".into(),
            },
            SyncEvent::Healed { service: id("web"), commit },
        ];
        let lines: Vec<String> = events.iter().map(|event| sentence(event, Style::Plain)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        0123456789ab (faster) describes 2 services
        prod/web: differs from 0123456789ab in 1 field; its rollout begins, part of release shop
        prod/web: 0123456789ab was rolled back, and is not tried again until it changes: gate errors: 30 %
        prod/web: wanted is what was thrown back at 0123456789ab, and is not tried again: gate errors: 30 %
        wave 1 is stopped by prod/web, and the waves after it wait, until the branch changes
        release shop goes back because of prod/web: prod/web, then prod/api
        frozen until 2026-07-17 16:00:00 UTC: 2 services may not begin: no releases at weekends
        prod/web: freeze overridden (no releases at weekends): an outage
        prod/web: healed by 0123456789ab: it runs what is wanted
        ");
    }
}
