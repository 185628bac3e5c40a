//! All rules looked at one picture. Start with [`audit`].

use crate::rules::{Rule, TABLE};
use crate::{Found, Picture, Severity, Suppression};
use serde::Serialize;

/// What is to be said of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// The cluster's name.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// What was found, the worst first.
    pub findings: Vec<Reported>,
    /// What was found and is lived with.
    pub suppressed: Vec<Suppressed>,
    /// What could not be told.
    pub could_not_tell: Vec<Untold>,
}

/// A finding with what its rule says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reported {
    /// The rule's id.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Which of the guide's eight practices it breaks.
    pub practice: Option<u8>,
    /// What is wrong.
    pub what: String,
    /// Why it matters.
    pub why: &'static str,
    /// What it was seen by.
    pub evidence: Vec<String>,
    /// What to do.
    pub fix: String,
    /// The command that does it.
    pub command: Option<String>,
    /// The same in Terraform.
    pub terraform: Option<String>,
}

/// A finding that is lived with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suppressed {
    /// What was found.
    pub finding: Reported,
    /// Why that is fine.
    pub reason: String,
}

/// A rule that could not tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Untold {
    /// The rule's id.
    pub rule: &'static str,
    /// Why.
    pub why: String,
}

/// How many there are of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Services looked at.
    pub services: usize,
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Things worth knowing.
    pub infos: usize,
    /// Suppressed findings.
    pub suppressed: usize,
    /// Rules that could not tell.
    pub could_not_tell: usize,
}

/// Looks at a picture by every rule.
pub fn audit(picture: &Picture, suppressions: &[Suppression]) -> Audit {
    let (cluster, service) = (picture.cluster().to_owned(), picture.name().to_owned());
    let mut audit =
        Audit { cluster, service, findings: Vec::new(), suppressed: Vec::new(), could_not_tell: Vec::new() };
    for rule in TABLE {
        let look = (rule.look)(picture);
        let untold = look.untold.into_iter().map(|why| Untold { rule: rule.id, why });
        audit.could_not_tell.extend(untold);
        for found in look.found {
            audit.take(reported(rule, found), picture, suppressions);
        }
    }
    // Stable: within a severity, as the table has the rules.
    audit.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    audit
}

impl Audit {
    fn take(&mut self, mut finding: Reported, picture: &Picture, suppressions: &[Suppression]) {
        let about = |it: &&Suppression| it.is_about(finding.rule, &self.service);
        if let Some(holds) = suppressions.iter().filter(about).find(|it| !it.is_over(picture.now)) {
            self.suppressed.push(Suppressed { finding, reason: holds.reason.clone() });
            return;
        }
        if let Some((over, day)) = suppressions.iter().filter(about).find_map(|it| Some((it, it.until?))) {
            finding.evidence.push(format!("it was suppressed until {day} ({})", over.reason));
        }
        self.findings.push(finding);
    }

    /// The worst finding's severity.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

impl Tally {
    /// Counts.
    pub fn of(audits: &[Audit]) -> Self {
        let count = |severity| {
            let all = audits.iter().flat_map(|audit| &audit.findings);
            all.filter(|finding| finding.severity == severity).count()
        };
        Self {
            services: audits.len(),
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            infos: count(Severity::Info),
            suppressed: audits.iter().map(|audit| audit.suppressed.len()).sum(),
            could_not_tell: audits.iter().map(|audit| audit.could_not_tell.len()).sum(),
        }
    }
}

fn reported(rule: &Rule, found: Found) -> Reported {
    Reported {
        rule: rule.id,
        severity: found.severity.unwrap_or(rule.severity),
        practice: rule.practice,
        what: found.what,
        why: rule.why,
        evidence: found.evidence,
        fix: found.fix,
        command: found.command,
        terraform: found.terraform,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{broken, sound};
    use crate::{Asked, Day};
    use std::collections::BTreeSet;

    #[test]
    fn nothing_is_said_of_a_service_that_does_everything() {
        let audit = audit(&sound(), &[]);
        assert_eq!(audit.findings, [], "{audit:#?}");
        assert_eq!(audit.could_not_tell, []);
    }

    #[test]
    fn a_service_that_breaks_the_eight_practices_is_told_of_each_the_worst_first() {
        let audit = audit(&broken(), &[]);
        let broken: BTreeSet<u8> = audit.findings.iter().filter_map(|finding| finding.practice).collect();
        assert_eq!(broken, (1..=8).collect());
        assert!(audit.findings.is_sorted_by(|one, next| one.severity >= next.severity));
        assert_eq!(audit.worst(), Some(Severity::Error));
    }

    #[test]
    fn a_suppressed_finding_is_counted_until_its_day_is_over_and_then_says_so() {
        let (picture, day) = (broken(), Day::parse("2026-10-01").expect("a day"));
        let suppression = |until| Suppression {
            rule: "circuit-breaker".into(),
            reason: "a batch worker".into(),
            until,
            service: None,
        };
        let lived_with = audit(&picture, &[suppression(None)]);
        assert!(lived_with.findings.iter().all(|finding| finding.rule != "circuit-breaker"));
        assert_eq!(lived_with.suppressed.len(), 1);
        assert_eq!(Tally::of(&[lived_with]).suppressed, 1);
        let over = audit(&picture, &[suppression(Some(day))]);
        let finding = over.findings.iter().find(|it| it.rule == "circuit-breaker").expect("it is back");
        assert!(finding.evidence.last().is_some_and(|it| it.contains("until 2026-10-01 (a batch worker)")));
        let either = audit(&picture, &[suppression(Some(day)), suppression(None)]);
        assert_eq!(either.suppressed.len(), 1, "one that holds is enough");
    }

    #[test]
    fn what_could_not_be_asked_is_neither_found_nor_fine() {
        let mut picture = sound();
        let why = "iam:GetRole is not allowed";
        for role in picture.roles.values_mut() {
            *role = Asked::CouldNotAsk(why.into());
        }
        let audit = audit(&picture, &[]);
        assert_eq!(audit.findings, []);
        let untold: Vec<_> = audit.could_not_tell.iter().map(|it| (it.rule, it.why.as_str())).collect();
        assert_eq!(untold, [("roles", why)]);
    }
}
