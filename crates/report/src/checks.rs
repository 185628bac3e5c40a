//! What `tidegate check` found: for people here, for code scanning in [`sarif`], for a run on GitHub in [`github`].
//! It must never decide what counts: that is in the audits. Start with [`screen`].

pub mod github;
pub mod sarif;

use crate::layout::{hanging, wrapped};
use crate::style::{Style, Tone};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tidegate_checks::{Audit, Reported, Severity, Tally};

/// Where the words of a finding begin.
const INDENT: usize = 14;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// One line a finding.
    Brief,
    /// Everything but Terraform and what is lived with.
    Usual,
    /// Those too.
    Everything,
}

/// The audits as blocks of a service, and a line that sums up.
pub fn screen(audits: &[Audit], depth: Depth, width: usize, style: Style) -> String {
    let width = width.clamp(60, 110);
    let mut text = String::new();
    for audit in audits {
        service(&mut text, audit, depth, width, style);
    }
    text.push_str(&sum(Tally::of(audits), style));
    text.push('\n');
    text
}

fn service(text: &mut String, audit: &Audit, depth: Depth, width: usize, style: Style) {
    let name = style.paint(Tone::Strong, &audit.service);
    let cluster = style.paint(Tone::Quiet, &format!("in {}", audit.cluster));
    let counts = match (audit.findings.is_empty(), audit.could_not_tell.is_empty()) {
        (true, true) => style.paint(Tone::Good, "nothing found"),
        (true, false) => "nothing found, as far as it could be told".to_owned(),
        (false, _) => counts(Tally::of(std::slice::from_ref(audit)), style),
    };
    let _ = writeln!(text, "{name} {cluster}: {counts}\n");
    for finding in &audit.findings {
        one(text, finding, depth, width, style);
    }
    if depth == Depth::Brief {
        text.push('\n');
        return;
    }
    untold(text, audit, width, style);
    lived_with(text, audit, depth, width, style);
}

fn one(text: &mut String, finding: &Reported, depth: Depth, width: usize, style: Style) {
    let tone = tone(finding.severity);
    let head = format!("{:<9}", finding.severity.word());
    let practice = finding.practice.map_or_else(String::new, |number| format!(", practice {number}"));
    let rule = style.paint(Tone::Quiet, &format!("{}{practice}", finding.rule));
    if depth == Depth::Brief {
        let _ = writeln!(text, "  {} {} ({rule})", style.paint(tone, &head), finding.what);
        return;
    }
    let mut what = wrapped(&finding.what, width - INDENT).into_iter();
    let first = what.next().unwrap_or_default();
    let _ = writeln!(text, "  {}   {}", style.paint(tone, &head), style.paint(Tone::Strong, &first));
    for line in what {
        let _ = writeln!(text, "{:INDENT$}{}", "", style.paint(Tone::Strong, &line));
    }
    let _ = writeln!(text, "{:INDENT$}{rule}", "");
    labelled(text, "why", finding.why, width, style);
    for (at, line) in finding.evidence.iter().enumerate() {
        labelled(text, if at == 0 { "evidence" } else { "" }, line, width, style);
    }
    labelled(text, "fix", &finding.fix, width, style);
    // Never broken: they are there to be copied.
    let terraform = finding.terraform.as_ref().filter(|_| depth == Depth::Everything);
    for lines in finding.command.iter().chain(terraform) {
        text.push('\n');
        for line in lines.lines() {
            let _ = writeln!(text, "{:INDENT$}{line}", "");
        }
    }
    text.push('\n');
}

fn labelled(text: &mut String, label: &str, words: &str, width: usize, style: Style) {
    let label = format!("    {label}");
    for line in hanging(&label, INDENT, words, width) {
        let (head, rest) = line.split_at_checked(INDENT).unwrap_or((&line, ""));
        let _ = writeln!(text, "{}{rest}", style.paint(Tone::Quiet, head));
    }
}

/// The rules that could not tell, by what was missing.
fn untold(text: &mut String, audit: &Audit, width: usize, style: Style) {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for untold in &audit.could_not_tell {
        by_reason.entry(&untold.why).or_default().push(untold.rule);
    }
    for (why, rules) in &by_reason {
        let words = format!("{} could not tell: {why}", rules.join(", "));
        let mut lines = wrapped(&words, width - INDENT).into_iter();
        let head = style.paint(Tone::Warning, &format!("{:<9}", "unknown"));
        let _ = writeln!(text, "  {head}   {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(text, "{:INDENT$}{line}", "");
        }
    }
    if !by_reason.is_empty() {
        text.push('\n');
    }
}

fn lived_with(text: &mut String, audit: &Audit, depth: Depth, width: usize, style: Style) {
    if depth != Depth::Everything || audit.suppressed.is_empty() {
        return;
    }
    for suppressed in &audit.suppressed {
        let words =
            format!("{}: {} ({})", suppressed.finding.rule, suppressed.finding.what, suppressed.reason);
        let mut lines = wrapped(&words, width - INDENT).into_iter();
        let head = style.paint(Tone::Quiet, "suppressed");
        let _ = writeln!(text, "  {head}  {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(text, "{:INDENT$}{line}", "");
        }
    }
    text.push('\n');
}

/// `2 services: 1 error, 3 warnings; 1 suppressed (-v); 2 could not be told`. `-v` shows those.
fn sum(tally: Tally, style: Style) -> String {
    let mut text = format!("{}: {}", number(tally.services, "service"), counts(tally, style));
    if tally.suppressed > 0 {
        let _ = write!(text, "; {} suppressed (-v)", tally.suppressed);
    }
    if tally.could_not_tell > 0 {
        let _ = write!(text, "; {} could not be told", tally.could_not_tell);
    }
    text
}

fn counts(tally: Tally, style: Style) -> String {
    let parts = [
        (tally.errors, "error", Severity::Error),
        (tally.warnings, "warning", Severity::Warning),
        (tally.infos, "info", Severity::Info),
    ];
    let told: Vec<String> = parts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, word, severity)| style.paint(tone(severity), &number(count, word)))
        .collect();
    if told.is_empty() { style.paint(Tone::Good, "nothing found") } else { told.join(", ") }
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warning,
        Severity::Info => Tone::Quiet,
    }
}

fn number(count: usize, word: &str) -> String {
    // `info` has no plural.
    if count == 1 || word == "info" { format!("{count} {word}") } else { format!("{count} {word}s") }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use tidegate_checks::{Suppressed, Untold};

    /// Two services: one of which there is much to say, and one that is fine.
    pub(crate) fn audits() -> Vec<Audit> {
        let breaker = Reported {
            rule: "circuit-breaker",
            severity: Severity::Error,
            practice: Some(1),
            what: "the circuit breaker is off".into(),
            why: "Without it a deployment whose tasks never get healthy stays IN_PROGRESS for ever and starts failing tasks again and again.",
            evidence: vec!["the service has no deploymentCircuitBreaker".into(), "100 %: as usual, since 2025".into()],
            fix: "Switch it on with rollback; it starts no deployment. `tidegate deploy` does so by itself unless the config file says `circuitBreaker: leave`.".into(),
            command: Some("aws ecs update-service --cluster prod --service api \\\n  --deployment-configuration 'deploymentCircuitBreaker={enable=true,rollback=true}'".into()),
            terraform: Some("resource \"aws_ecs_service\" \"api\" {\n  deployment_circuit_breaker {\n    enable   = true\n    rollback = true\n  }\n}".into()),
        };
        let one_task = Reported {
            rule: "one-task",
            severity: Severity::Warning,
            practice: None,
            what: "the service is one task".into(),
            why: "With one task each crash is an outage.",
            evidence: vec!["desiredCount 1".into()],
            fix: "Run at least two.".into(),
            command: None,
            terraform: None,
        };
        let untold = |rule| Untold { rule, why: "iam:GetRole is not allowed for this identity".into() };
        vec![
            Audit {
                cluster: "prod".into(),
                service: "api".into(),
                findings: vec![breaker, Reported { rule: "digests", practice: Some(4), ..one_task.clone() }],
                suppressed: vec![Suppressed {
                    finding: one_task,
                    reason: "a worker whose queue may wait".into(),
                }],
                could_not_tell: vec![untold("roles"), untold("secrets")],
            },
            Audit {
                cluster: "prod".into(),
                service: "web".into(),
                findings: Vec::new(),
                suppressed: Vec::new(),
                could_not_tell: Vec::new(),
            },
        ]
    }

    #[test]
    fn findings_are_told_a_service_at_a_time_with_what_to_do_and_a_line_that_sums_up() {
        insta::assert_snapshot!(screen(&audits(), Depth::Usual, 80, Style::Plain));
    }

    #[test]
    fn everything_has_terraform_and_what_is_lived_with() {
        insta::assert_snapshot!(screen(&audits(), Depth::Everything, 100, Style::Plain));
    }

    #[test]
    fn briefly_it_is_a_line_a_finding() {
        insta::assert_snapshot!(screen(&audits(), Depth::Brief, 100, Style::Plain));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_but_those_to_be_copied() {
        let text = screen(&audits(), Depth::Usual, 80, Style::Plain);
        let copied =
            |line: &&str| !line.contains("update-service") && !line.contains("--deployment-configuration");
        assert!(text.lines().filter(copied).all(|line| line.chars().count() <= 80), "{text}");
    }
}
