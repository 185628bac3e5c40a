//! Many rehearsals in a row, and the one table that they end with: `tidegate rehearse --strategy all --fault all`. Start
//! with [`Matrix`].

use std::io::Write as _;

use tidegate_rehearsal::{Fault, Report, report::Outcome};
use tidegate_report::{
    matrix::{MatrixRow, matrix_table},
    style::Tone,
    terminal_width,
};
use tidegate_rollout::Strategy;

use crate::{
    args::{Global, Output},
    exit::Exit,
};

/// The rehearsals so far: a line for each while they go on, a table at the end.
pub(super) struct Matrix<'g> {
    global: &'g Global,
    of: usize,
    reports: Vec<Report>,
}

impl<'g> Matrix<'g> {
    /// One of so many rehearsals.
    pub(super) fn of(rehearsals: usize, global: &'g Global) -> Self {
        Self { global, of: rehearsals, reports: Vec::with_capacity(rehearsals) }
    }

    /// Says what is rehearsed now.
    pub(super) fn announce(&self, strategy: &Strategy, fault: Option<Fault>) {
        let fault = fault.map_or_else(|| "no fault".to_owned(), |fault| fault.to_string());
        let number = format!("{:>3}/{}", self.reports.len() + 1, self.of);
        self.say(&format!("{number}  {:<24}  {fault:<16}", strategy.to_string()));
    }

    /// Says how it ended, on the same line.
    pub(super) fn add(&mut self, report: Report) {
        let style = self.global.stderr_style();
        let tone = if is_as_wanted(&report) { Tone::Good } else { Tone::Bad };
        let by = report.thrown_back_by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        self.say(&format!("{}{by}\n", style.paint(tone, report.outcome.words())));
        self.reports.push(report);
    }

    /// Prints the table: all is well when every good candidate serves and every bad one was thrown back.
    pub(super) fn end(self) -> Exit {
        let mut stdout = std::io::stdout();
        let _ = match self.global.output {
            Output::Json => {
                serde_json::to_string_pretty(&self.reports).map(|text| writeln!(stdout, "{text}")).is_ok()
            }
            Output::Text => {
                let rows: Vec<MatrixRow> = self.reports.iter().map(row).collect();
                let table = matrix_table(&rows, self.global.stdout_style(), terminal_width());
                write!(stdout, "\n{table}").is_ok()
            }
        };
        if self.reports.iter().all(is_as_wanted) { Exit::Done } else { Exit::Failed }
    }

    fn say(&self, text: &str) {
        if !self.global.quiet && self.global.output == Output::Text {
            let mut stderr = std::io::stderr();
            let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
        }
    }
}

fn is_as_wanted(report: &Report) -> bool {
    let wanted = if report.fault.is_some() { Outcome::RolledBack } else { Outcome::Deployed };
    report.outcome == wanted
}

fn row(report: &Report) -> MatrixRow {
    MatrixRow {
        cell: format!("{} × {}", report.strategy, report.controller),
        fault: report.fault.clone(),
        verdict: report.outcome.words().to_owned(),
        thrown_back_by: report.thrown_back_by.clone(),
        requests: report.requests.sent,
        failed: report.requests.failed,
        users_share: report.share_that_saw_it(),
        detected_ms: report.detected_ms,
        restored_ms: report.restored_ms,
    }
}
