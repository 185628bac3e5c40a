//! Findings for people: what it is, what it was read from, what to do, what to type next. It must never rank
//! or leave out by itself: the rules ranked, the caller says how many. Start with [`findings_screen`].

use crate::layout::{cells, hanging, wrapped};
use crate::style::{Style, Tone};
use crate::words::told;
use std::fmt::Write as _;
use tidegate_rollout::cause::{Bearing, Cause, Certainty};
use tidegate_rollout::diagnosis::Findings;

/// Cells before everything that belongs to a finding.
const INDENT: usize = 3;
/// The most cells of a line: longer ones are hard to read.
const WIDEST: usize = 100;
/// The most pieces of evidence of one finding; the most telling come first.
const EVIDENCE: usize = 7;

/// The first `top` findings on one screen, with what was looked at.
pub fn findings_screen(findings: &Findings, top: usize, style: Style, width: usize) -> String {
    let width = width.clamp(40, WIDEST);
    let mut text = String::new();
    let head = format!("{}: {}", findings.target, findings.standing);
    for (at, line) in wrapped(&head, width).iter().enumerate() {
        let _ = writeln!(
            text,
            "{}",
            if at == 0 { with_strong_name(line, findings, style) } else { line.clone() }
        );
    }
    for (at, cause) in findings.causes.iter().take(top).enumerate() {
        text.push('\n');
        text.push_str(&finding(&format!("{}", at + 1), cause, EVIDENCE, style, width));
    }
    let more = findings.causes.len().saturating_sub(top);
    if more > 0 {
        let all = findings.causes.len();
        let line = format!("{more} more: --top {all}");
        let _ = writeln!(text, "\n{}", style.paint(Tone::Quiet, &line));
    }
    text.push('\n');
    quiet(&mut text, "looked at", &findings.looked_at.join(", "), style, width);
    for missing in &findings.not_asked {
        quiet(&mut text, "not asked", missing, style, width);
    }
    text
}

/// One finding: the number, what it is, and beneath it the evidence, the fix, the next command.
pub(crate) fn finding(number: &str, cause: &Cause, evidence: usize, style: Style, width: usize) -> String {
    let mut text = String::new();
    let tone = tone(cause);
    let inner = width.saturating_sub(INDENT);
    let what = format!("{} ({})", cause.what, standing(cause));
    let lines = wrapped(&what, inner);
    for (at, line) in lines.iter().enumerate() {
        let label = if at == 0 { number } else { "" };
        let _ = writeln!(text, "{label:<INDENT$}{}", style.paint(tone, line));
    }
    let pad = " ".repeat(INDENT);
    for said in cause.evidence.iter().take(evidence) {
        for line in hanging("·", 2, &printable(&told(said)), inner) {
            let _ = writeln!(text, "{pad}{line}");
        }
    }
    for (at, line) in hanging("fix", 6, &cause.fix, inner).iter().enumerate() {
        let line =
            if at == 0 { line.replacen("fix", &style.paint(Tone::Good, "fix"), 1) } else { line.clone() };
        let _ = writeln!(text, "{pad}{line}");
    }
    if let Some(command) = &cause.next {
        for (at, line) in continued(command, inner.saturating_sub(6)).iter().enumerate() {
            let label = if at == 0 { style.paint(Tone::Good, "next") } else { "    ".to_owned() };
            let _ = writeln!(text, "{pad}{label}  {}", style.paint(Tone::Strong, line));
        }
    }
    text
}

/// What somebody else wrote, without what would move the cursor or colour the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn tone(cause: &Cause) -> Tone {
    match cause.bearing {
        Bearing::Cause => Tone::Bad,
        Bearing::Consequence => Tone::Warning,
        Bearing::Note if cause.rule == "nothing-wrong" => Tone::Good,
        Bearing::Note => Tone::Strong,
    }
}

fn standing(cause: &Cause) -> &'static str {
    match (cause.bearing, cause.certainty) {
        (Bearing::Consequence, _) => "follows from it",
        (Bearing::Note, _) => "worth knowing",
        (Bearing::Cause, Certainty::Proven) => "proven",
        (Bearing::Cause, Certainty::Likely) => "likely",
        (Bearing::Cause, Certainty::Possible) => "possible",
    }
}

fn with_strong_name(line: &str, findings: &Findings, style: Style) -> String {
    let name = findings.target.to_string();
    line.replacen(&name, &style.paint(Tone::Strong, &name), 1)
}

fn quiet(text: &mut String, label: &str, what: &str, style: Style, width: usize) {
    for line in hanging(label, 11, what, width) {
        let _ = writeln!(text, "{}", style.paint(Tone::Quiet, &line));
    }
}

/// A command in lines that a shell takes as one: each but the last ends with a backslash.
fn continued(command: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in command.split(' ') {
        match lines.last_mut() {
            Some(line) if cells(line) + 1 + cells(word) + 2 <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(line) => {
                line.push_str(" \\");
                lines.push(format!("  {word}"));
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_rollout::case::Course;
    use tidegate_rollout::cause::Heals;
    use tidegate_rollout::names::{ClusterName, ServiceName, ServiceRef};

    fn found() -> Findings {
        let cause = Cause {
            rule: "check-wrong-answer".into(),
            what: "/healthz answers 404, and the load balancer's health check expects 200-299".into(),
            bearing: Bearing::Cause,
            certainty: Certainty::Proven,
            evidence: vec![
                "(task 0123456789abcdef0123456789abcdef) (port 8080) is unhealthy in (target-group arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web-blue/0123456789abcdef) due to (reason Health checks failed with these codes: [404])".into(),
                "web-blue checks GET /healthz on traffic-port every 30 s, expects 200-299 within 5 s; 2 failures make it unhealthy".into(),
                "3 tasks killed for it, the latest (0123456789ab) after 65 s; grace period 0 s".into(),
            ],
            fix: "the application has no /healthz: correct the target group's health check path, or serve it".into(),
            next: Some("aws elbv2 modify-target-group --target-group-arn arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web-blue/0123456789abcdef --health-check-path /".into()),
            heals: Heals::Perhaps,
        };
        let breaker = Cause {
            rule: "breaker-tripped".into(),
            what: "the circuit breaker took web:8 back: the service is steady on web:7, and not on web:8"
                .into(),
            bearing: Bearing::Consequence,
            certainty: Certainty::Proven,
            evidence: vec![
                "Service deployment rolled back because the circuit breaker threshold was exceeded.".into(),
                "3 failures; it trips at 3".into(),
            ],
            fix: "heal the cause and deploy again".into(),
            next: Some("tidegate history --cluster prod --service web".into()),
            heals: Heals::Perhaps,
        };
        let note = Cause { rule: "sigterm-ignored".into(), bearing: Bearing::Note, ..breaker.clone() };
        Findings {
            target: ServiceRef {
                cluster: ClusterName::parse("prod").expect("a name"),
                service: ServiceName::parse("web").expect("a name"),
            },
            course: Some(Course::RolledBack),
            standing: "web:8 was taken back; web:7 serves, 3 of 3 tasks run".into(),
            causes: vec![cause, breaker, note],
            looked_at: vec![
                "2 deployments".into(),
                "14 service events".into(),
                "3 stopped tasks".into(),
                "1 target group".into(),
                "the newest service deployment".into(),
                "the task definition".into(),
            ],
            not_asked: vec!["logs: logs:GetLogEvents is not allowed".into()],
        }
    }

    #[test]
    fn findings_in_100_columns() {
        let screen = findings_screen(&found(), 2, Style::Plain, 120);
        assert!(
            screen.lines().all(|line| line.chars().count() <= 100 || line.contains("arn:aws")),
            "{screen}"
        );
        insta::assert_snapshot!(screen);
    }

    #[test]
    fn findings_in_80_columns() {
        insta::assert_snapshot!(findings_screen(&found(), 2, Style::Plain, 80));
    }

    #[test]
    fn colour_says_what_a_finding_is() {
        insta::assert_snapshot!(findings_screen(&found(), 3, Style::Coloured, 80).replace('\u{1b}', "ESC"));
    }

    #[test]
    fn a_log_line_moves_no_cursor() {
        let mut findings = found();
        findings.causes[0].evidence = vec!["web logged: \u{1b}[2J\u{7}gone".into()];
        let screen = findings_screen(&findings, 1, Style::Plain, 80);
        assert!(screen.contains("web logged: [2J gone") && !screen.contains('\u{1b}'), "{screen}");
    }
}
