//! The table that a rehearsal or the demo ends with. Plain data in, text out. Start with [`release_table`].

use crate::layout::{self, Cell, numbers, words};
use crate::style::Style;
use crate::words::{duration, grouped};

/// What became of one release under traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseRow {
    /// What it is called.
    pub name: String,
    /// `deployed`, `rolled back` or `failed`.
    pub verdict: String,
    /// Requests sent.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// The latency in milliseconds that 99 % of the requests did not exceed.
    pub p99_ms: f64,
    /// From the start to the moment at which something was found wrong.
    pub detected_ms: Option<u64>,
    /// From then until stable served everything again.
    pub restored_ms: Option<u64>,
}

/// The releases in the order given; it fits 80 cells unless a name is long.
pub fn release_table(rows: &[ReleaseRow], style: Style) -> String {
    let columns = [
        words("RELEASE"),
        words("VERDICT"),
        numbers("FAILED"),
        numbers("P99"),
        numbers("DETECTED"),
        numbers("RESTORED"),
    ];
    let time = |time: Option<u64>| {
        time.map_or_else(Cell::none, |ms| duration(i64::try_from(ms).unwrap_or(i64::MAX)).into())
    };
    let cells = |row: &ReleaseRow| -> Vec<Cell> {
        vec![
            row.name.clone().into(),
            row.verdict.clone().into(),
            format!("{} of {}", grouped(row.failed), grouped(row.requests)).into(),
            format!("{:.1} ms", row.p99_ms).into(),
            time(row.detected_ms),
            time(row.restored_ms),
        ]
    };
    layout::table(&columns, &rows.iter().map(cells).collect::<Vec<_>>(), style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_releases_of_the_demo_in_80_columns() {
        let row = |name: &str, verdict: &str, failed, times: Option<(u64, u64)>| ReleaseRow {
            name: name.into(),
            verdict: verdict.into(),
            requests: 60_000,
            failed,
            p99_ms: 102.25,
            detected_ms: times.map(|(detected, _)| detected),
            restored_ms: times.map(|(_, restored)| restored),
        };
        let text = release_table(
            &[
                row("good", "deployed", 0, None),
                row("blue/green, errors", "rolled back", 1_203, Some((1_250, 80))),
            ],
            Style::Plain,
        );
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }
}
