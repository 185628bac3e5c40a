//! The matrix of a rehearsal: every fault in every cell of strategy and controller, as one table. Plain data in, text
//! out. Start with [`matrix_table`].

use crate::layout::{self, Cell, Column, numbers, words};
use crate::style::{Style, Tone};
use crate::words::{duration, grouped};
use serde::Serialize;
use std::fmt::Write as _;

/// What one rollout of the matrix came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatrixRow {
    /// `canary × alb`.
    pub cell: String,
    /// What was wrong with the candidate; absent for a good one.
    pub fault: Option<String>,
    /// How it ended: `deployed`, `rolled back` or `failed`.
    pub verdict: String,
    /// Who threw the candidate back.
    pub thrown_back_by: Option<String>,
    /// Requests sent.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// The share of all requests that failed, 0–1.
    pub users_share: f64,
    /// From the start to the moment at which the fault was found.
    pub detected_ms: Option<u64>,
    /// From then until stable served everything again.
    pub restored_ms: Option<u64>,
}

const FAULT: Column = words("FAULT");
const REST: [Column; 5] =
    [words("VERDICT"), numbers("FAILED"), numbers("SEEN BY"), numbers("DETECTED"), numbers("RESTORED")];

/// The table in lines of at most `width` cells, as far as its numbers allow it. Where there is no room for the cell
/// beside the fault, there is a table a cell.
pub fn matrix_table(rows: &[MatrixRow], style: Style, width: usize) -> String {
    let columns: Vec<Column> =
        [FAULT, words("CELL")].into_iter().chain(REST).chain([words("THROWN BACK BY")]).collect();
    let whole: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| {
            let by = row.thrown_back_by.clone().map_or_else(Cell::none, Cell::from);
            let cells = [fault(row), row.cell.clone().into()].into_iter().chain(rest(row)).chain([by]);
            cells.collect()
        })
        .collect();
    if layout::table_width(&columns, &whole) <= width {
        return layout::table(&columns, &whole, style);
    }
    by_cell(rows, style)
}

/// A table for each cell; who threw the candidate back stands below its row.
fn by_cell(rows: &[MatrixRow], style: Style) -> String {
    let columns: Vec<Column> = [FAULT].into_iter().chain(REST).collect();
    let cells = |row: &MatrixRow| -> Vec<Cell> { [fault(row)].into_iter().chain(rest(row)).collect() };
    // Laid out together, so that the columns of all cells stand below each other.
    let table = layout::table(&columns, &rows.iter().map(cells).collect::<Vec<_>>(), style);
    let mut lines = table.lines();
    let mut text = format!("{}\n", lines.next().unwrap_or_default());
    let mut cell = "";
    for (row, line) in rows.iter().zip(lines) {
        if row.cell != cell {
            cell = &row.cell;
            let _ = writeln!(text, "{}", style.paint(Tone::Strong, cell));
        }
        let _ = writeln!(text, "{line}");
        if let Some(by) = &row.thrown_back_by {
            let _ = writeln!(text, "    {}", style.paint(Tone::Quiet, &format!("thrown back by {by}")));
        }
    }
    text
}

fn fault(row: &MatrixRow) -> Cell {
    row.fault.clone().map_or_else(|| Cell::toned(Tone::Quiet, "none"), Cell::from)
}

fn rest(row: &MatrixRow) -> [Cell; 5] {
    let time = |time: Option<u64>| {
        time.map_or_else(Cell::none, |ms| duration(i64::try_from(ms).unwrap_or(i64::MAX)).into())
    };
    let failed = format!("{} of {}", grouped(row.failed), grouped(row.requests));
    [
        Cell::toned(verdict_tone(row), row.verdict.clone()),
        if row.failed == 0 { Cell::toned(Tone::Good, failed) } else { failed.into() },
        share(row.users_share).into(),
        time(row.detected_ms),
        time(row.restored_ms),
    ]
}

/// A good candidate belongs into service and a bad one out of it; what is the other way round needs a look, and what is
/// neither went wrong.
fn verdict_tone(row: &MatrixRow) -> Tone {
    match (row.verdict.as_str(), &row.fault) {
        ("deployed" | "promoted", None) | ("rolled back", Some(_)) => Tone::Good,
        ("deployed" | "promoted", Some(_)) | ("rolled back", None) => Tone::Warning,
        _ => Tone::Bad,
    }
}

/// `0 %` only where it is nothing at all.
fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p <= 0.0 => "0 %".to_owned(),
        p if p < 0.01 => "< 0.01 %".to_owned(),
        p if p < 1.0 => format!("{p:.2} %"),
        p => format!("{p:.1} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stories::visible;

    fn row(cell: &str, fault: Option<&str>, verdict: &str, failed: u64, by: Option<&str>) -> MatrixRow {
        MatrixRow {
            cell: cell.into(),
            fault: fault.map(str::to_owned),
            verdict: verdict.into(),
            thrown_back_by: by.map(str::to_owned),
            requests: 60_000,
            failed,
            users_share: failed as f64 / 60_000.0,
            detected_ms: by.map(|_| 1_250 + failed),
            restored_ms: by.map(|_| 80),
        }
    }

    fn rows() -> Vec<MatrixRow> {
        vec![
            row("rolling × ecs", None, "deployed", 0, None),
            row("rolling × ecs", Some("crash-on-start"), "rolled back", 0, Some("circuit breaker")),
            row("blue_green × code_deploy", None, "deployed", 0, None),
            row(
                "blue_green × code_deploy",
                Some("error-rate=30%"),
                "rolled back",
                18_000,
                Some("gate errors"),
            ),
            row("canary × alb", Some("error-rate=30%"), "rolled back", 14, Some("gate errors")),
            row("canary × alb", Some("latency=800ms"), "deployed", 0, None),
            row("canary × alb", Some("crash-after=2s"), "failed", 3, None),
        ]
    }

    #[test]
    fn the_whole_matrix_in_120_columns() {
        insta::assert_snapshot!(matrix_table(&rows(), Style::Plain, 120));
    }

    #[test]
    fn the_whole_matrix_in_80_columns() {
        insta::assert_snapshot!(matrix_table(&rows(), Style::Plain, 80));
    }

    #[test]
    fn colour_says_which_verdicts_are_right() {
        insta::assert_snapshot!(visible(&matrix_table(&rows(), Style::Coloured, 120)));
    }

    #[test]
    fn no_line_of_the_matrix_is_wider_than_the_terminal() {
        for width in [80, 120] {
            for line in matrix_table(&rows(), Style::Plain, width).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_few_failed_requests_are_never_rounded_to_none() {
        let said = [0.0, 0.000_01, 0.000_4, 0.025, 1.0].map(share);
        assert_eq!(said, ["0 %", "< 0.01 %", "0.04 %", "2.5 %", "100.0 %"]);
    }
}
