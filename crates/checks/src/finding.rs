//! What a rule says of a picture. It must never say something that it was not told: what could not be asked
//! goes into [`Look::untold`]. Start with [`Look`].

use crate::Asked;
use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// It makes a bad day worse.
    Warning,
    /// The next deployment, or the way back, is at risk.
    Error,
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What is wrong, in one sentence without a full stop.
    pub what: String,
    /// What it was seen by, a line each.
    pub evidence: Vec<String>,
    /// What to do, in words, with the service's own names and numbers.
    pub fix: String,
    /// The command that does it, ready for a shell, where one command does.
    pub command: Option<String>,
    /// The same fix in Terraform, where Terraform has it.
    pub terraform: Option<String>,
    /// How bad it is, where that is not as the rule says.
    pub severity: Option<Severity>,
}

impl Found {
    /// Something found, and what to do about it.
    pub fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            evidence: Vec::new(),
            fix: fix.into(),
            command: None,
            terraform: None,
            severity: None,
        }
    }

    /// With one more line of evidence.
    #[must_use]
    pub fn seen_by(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(line.into());
        self
    }

    /// With the command that fixes it.
    #[must_use]
    pub fn by(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// With the Terraform that fixes it.
    #[must_use]
    pub fn in_terraform(mut self, snippet: impl Into<String>) -> Self {
        self.terraform = Some(snippet.into());
        self
    }

    /// As bad as this, whatever the rule says.
    #[must_use]
    pub fn as_bad_as(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }
}

/// What one rule made of one picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// What it found.
    pub found: Vec<Found>,
    /// What it could not tell, and why.
    pub untold: Vec<String>,
}

impl Look {
    /// Adds a finding.
    pub fn finds(&mut self, found: Found) {
        self.found.push(found);
    }

    /// Adds what could not be told.
    pub fn cannot_tell(&mut self, why: &str) {
        if !self.untold.iter().any(|other| other == why) {
            self.untold.push(why.to_owned());
        }
    }

    /// The answer, if there is one; one that could not be asked for is kept as such.
    pub fn need<'a, T>(&mut self, asked: &'a Asked<T>) -> Option<&'a T> {
        if let Asked::CouldNotAsk(why) = asked {
            self.cannot_tell(why);
        }
        asked.told()
    }
}
