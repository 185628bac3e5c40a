//! The table of `history`. Plain data in, text out. Start with [`history_table`].

use crate::layout::{self, Cell, words, wrapped};
use crate::style::{Style, Tone};
use serde::Serialize;
use std::fmt::Write as _;
use tidegate_rollout::Millis;

/// How many characters of a commit are shown: enough to find it again.
const COMMIT: usize = 9;

/// One rollout of the past.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HistoryRow {
    /// When it ended, in milliseconds since the Unix epoch.
    pub at_ms: Millis,
    /// `family:revision`.
    pub revision: String,
    /// What ECS says of its deployment; absent where ECS did not deploy it.
    pub deployment: Option<String>,
    /// What Tidegate said; absent where it did not follow it to the end.
    pub verdict: Option<String>,
    /// Why: the gate with its numbers, or ECS's words.
    pub reason: Option<String>,
    /// The commit that the revision is of.
    pub commit: Option<String>,
    /// Who registered the revision.
    pub by: Option<String>,
    /// For which strategy it was registered, such as `canary alb`.
    pub strategy: Option<String>,
    /// The repository of the commit.
    pub repository: Option<String>,
    /// The run of the pipeline.
    pub run: Option<String>,
    /// When the revision was registered, in UTC.
    pub registered_at: Option<String>,
    /// Whether the revision is older and was brought again, by a rollback for example.
    pub again: bool,
}

/// The rollouts in the order given; why each ended stands below it, in lines of at most `width` cells. Where the columns
/// do not fit, the origin stands below, too.
pub fn history_table(rows: &[HistoryRow], style: Style, width: usize) -> String {
    if rows.is_empty() {
        return "no rollout is known of\n".to_owned();
    }
    let columns = [
        words("ENDED (UTC)"),
        words("REVISION"),
        words("VERDICT"),
        words("STRATEGY"),
        words("COMMIT"),
        words("BY"),
    ];
    let wide: Vec<Vec<Cell>> = rows.iter().map(|row| [ending(row), origin(row)].concat()).collect();
    if layout::table_width(&columns, &wide) <= width {
        return with_lines(rows, &layout::table(&columns, &wide, style), style, width, |row| {
            row.reason.clone().into_iter().collect()
        });
    }
    let narrow: Vec<Vec<Cell>> = rows.iter().map(ending).collect();
    with_lines(rows, &layout::table(&columns[..3], &narrow, style), style, width, |row| {
        origin_in_words(row).into_iter().chain(row.reason.clone()).collect()
    })
}

/// The table with these lines below each of its rows.
fn with_lines(
    rows: &[HistoryRow],
    table: &str,
    style: Style,
    width: usize,
    below: impl Fn(&HistoryRow) -> Vec<String>,
) -> String {
    let mut lines = table.lines();
    let mut text = format!("{}\n", lines.next().unwrap_or_default());
    for (row, line) in rows.iter().zip(lines) {
        let _ = writeln!(text, "{line}");
        for said in below(row).iter().flat_map(|said| wrapped(said, width.saturating_sub(4))) {
            let _ = writeln!(text, "    {}", style.paint(Tone::Quiet, &said));
        }
    }
    text
}

fn ending(row: &HistoryRow) -> Vec<Cell> {
    vec![moment(row.at_ms).into(), row.revision.clone().into(), verdict(row)]
}

/// Who and how is of the rollout that the revision was made for; what brings it again has its commit alone.
fn origin(row: &HistoryRow) -> Vec<Cell> {
    let cell = |text: Option<String>| text.map_or_else(Cell::none, Cell::from);
    let (strategy, by) = if row.again {
        (Cell::toned(Tone::Quiet, "again"), Cell::none())
    } else {
        (cell(strategy(row)), cell(row.by.clone()))
    };
    vec![strategy, cell(commit(row)), by]
}

fn origin_in_words(row: &HistoryRow) -> Option<String> {
    let commit = commit(row).map(|commit| format!("commit {commit}"));
    let parts: Vec<String> = if row.again {
        [Some("brought again".to_owned()), commit].into_iter().flatten().collect()
    } else {
        let by = row.by.as_ref().map(|by| format!("by {by}"));
        [strategy(row), commit, by].into_iter().flatten().collect()
    };
    if parts.is_empty() { None } else { Some(parts.join(", ")) }
}

/// The strategy without its controller, which is the same for all rollouts of a service.
fn strategy(row: &HistoryRow) -> Option<String> {
    row.strategy.as_deref().and_then(|it| it.split(' ').next()).map(str::to_owned)
}

fn commit(row: &HistoryRow) -> Option<String> {
    let commit = row.commit.as_deref()?;
    let (id, dirty) = commit.split_once('-').map_or((commit, ""), |(id, _)| (id, "+"));
    Some(format!("{}{dirty}", id.get(..COMMIT).unwrap_or(id)))
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
        .map(|moment| moment.strftime("%Y-%m-%d %H:%M").to_string())
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
            ..HistoryRow::default()
        }
    }

    fn rows() -> Vec<HistoryRow> {
        let reason = "gate errors: more than 99.9999 % sure that the candidate's error rate is more than 0.5 points \
                      worse: 31.0 % 9 of 29 against 0.0 % 0 of 265";
        let origin = |commit: &str, by: &str, row| HistoryRow {
            commit: Some(commit.into()),
            by: Some(by.into()),
            strategy: Some("canary alb".into()),
            ..row
        };
        vec![
            HistoryRow {
                again: true,
                ..origin("4f2c1ab09d3e5f60718293a4b5c6d7e8f9012345", "ada", row(900_000, "web:8", None, None))
            },
            origin(
                "9d1e00aa7b-dirty",
                "bob@laptop",
                row(600_000, "web:9", Some("rolled_back"), Some(reason)),
            ),
            origin(
                "4f2c1ab09d3e5f60718293a4b5c6d7e8f9012345",
                "ada",
                row(300_000, "web:8", Some("promoted"), None),
            ),
            row(0, "web:7", None, None),
        ]
    }

    #[test]
    fn a_history_says_who_rolled_out_what_how_it_ended_and_why_in_80_columns() {
        let text = history_table(&rows(), Style::Plain, 80);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn names_that_leave_no_room_put_the_origin_below() {
        let rows: Vec<HistoryRow> = rows()
            .into_iter()
            .map(|row| HistoryRow { revision: format!("checkout-{}", row.revision), ..row })
            .collect();
        let text = history_table(&rows, Style::Plain, 66);
        assert!(text.lines().all(|line| line.chars().count() <= 66), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_service_without_a_past_says_so() {
        assert_eq!(history_table(&[], Style::Plain, 80), "no rollout is known of\n");
    }
}
