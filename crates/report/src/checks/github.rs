//! Findings as GitHub's workflow commands, which become annotations of a run. Start with [`commands`].

use std::fmt::Write as _;
use tidegate_checks::{Audit, Reported, Severity, Tally};

/// A command a finding, about this file, and a line that sums up.
pub fn commands(audits: &[Audit], file: &str) -> String {
    let mut text = String::new();
    for audit in audits {
        for finding in &audit.findings {
            let kind = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "notice",
            };
            let title = format!("{}: {}", finding.rule, audit.service);
            let _ = writeln!(
                text,
                "::{kind} file={},line=1,title={}::{}",
                property(file),
                property(&title),
                data(&message(finding))
            );
        }
        for untold in &audit.could_not_tell {
            let title = format!("{}: {}", untold.rule, audit.service);
            let words = format!("could not tell: {}", untold.why);
            let _ = writeln!(text, "::debug::{}", data(&format!("{title}: {words}")));
        }
    }
    let tally = Tally::of(audits);
    let _ = writeln!(
        text,
        "services {}, errors {}, warnings {}, infos {}, suppressed {}, could not tell {}",
        tally.services, tally.errors, tally.warnings, tally.infos, tally.suppressed, tally.could_not_tell
    );
    text
}

fn message(finding: &Reported) -> String {
    let mut text = format!("{}\n{}\n", finding.what, finding.why);
    for line in &finding.evidence {
        let _ = writeln!(text, "evidence: {line}");
    }
    let _ = write!(text, "fix: {}", finding.fix);
    if let Some(command) = &finding.command {
        let _ = write!(text, "\n{command}");
    }
    text
}

/// What stands after `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What stands before it, between commas.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::tests::audits;

    #[test]
    fn each_finding_is_one_line_whatever_stands_in_it() {
        insta::assert_snapshot!(commands(&audits(), "deploy/a,b:c.yml"));
    }
}
