//! The table of `history`. Plain data in, text out. Start with [`history_table`].

use crate::layout::{self, Cell, words, wrapped};
use crate::style::{Style, Tone};
use serde::Serialize;
use std::fmt::Write as _;
use tidegate_rollout::Millis;

/// One rollout of the past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryRow {
    /// When it ended, in milliseconds since the Unix epoch.
    pub at_ms: Millis,
    /// `family:revision`.
    pub revision: String,
    /// What ECS says of its deployment; absent where ECS did not deploy it.
    pub deployment: Option<String>,
    /// What Tidegate said; absent where it did not follow it to the end.
    pub verdict: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// The rollouts in the order given; why each ended stands below it, in lines of at most `width` cells.
pub fn history_table(rows: &[HistoryRow], style: Style, width: usize) -> String {
    if rows.is_empty() {
        return "no rollout is known of\n".to_owned();
    }
    let columns = [words("ENDED (UTC)"), words("REVISION"), words("VERDICT")];
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| vec![moment(row.at_ms).into(), row.revision.clone().into(), verdict(row)])
        .collect();
    let table = layout::table(&columns, &cells, style);
    let mut lines = table.lines();
    let mut text = format!("{}\n", lines.next().unwrap_or_default());
    for (row, line) in rows.iter().zip(lines) {
        let _ = writeln!(text, "{line}");
        for reason in row.reason.iter().flat_map(|reason| wrapped(reason, width.saturating_sub(4))) {
            let _ = writeln!(text, "    {}", style.paint(Tone::Quiet, &reason));
        }
    }
    text
}

/// Tidegate's word, or else ECS's.
fn verdict(row: &HistoryRow) -> Cell {
    let word = row.verdict.as_ref().or(row.deployment.as_ref()).map_or("-", String::as_str);
    let tone = match word {
        "promoted" | "SUCCESSFUL" => Tone::Good,
        "rolled_back" | "ROLLBACK_SUCCESSFUL" => Tone::Warning,
        "failed" | "ROLLBACK_FAILED" | "STOPPED" => Tone::Bad,
        _ => Tone::Quiet,
    };
    Cell::toned(tone, word.to_lowercase().replace('_', " "))
}

fn moment(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map(|moment| moment.strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at: Millis, revision: &str, verdict: Option<&str>, reason: Option<&str>) -> HistoryRow {
        HistoryRow {
            at_ms: 1_784_021_213_000 + at,
            revision: revision.into(),
            deployment: Some("SUCCESSFUL".into()),
            verdict: verdict.map(str::to_owned),
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn a_history_says_how_each_rollout_ended_and_why_in_80_columns() {
        let reason = "gate errors: more than 99.9999 % sure that the candidate's error rate is more than 0.5 points \
                      worse: 31.0 % 9 of 29 against 0.0 % 0 of 265";
        let rows = [
            row(600_000, "web:9", Some("rolled_back"), Some(reason)),
            row(300_000, "web:8", Some("promoted"), None),
            row(0, "web:7", None, None),
        ];
        let text = history_table(&rows, Style::Plain, 80);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_service_without_a_past_says_so() {
        assert_eq!(history_table(&[], Style::Plain, 80), "no rollout is known of\n");
    }
}
