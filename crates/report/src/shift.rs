//! The weights of a rule before and after they were moved by hand. Plain data in, text out. Start with [`shift_table`].

use crate::layout::{self, Cell, numbers, words};
use crate::style::{Style, Tone};
use serde::Serialize;
use tidegate_rollout::Percent;

/// One target group of the rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShiftRow {
    /// Its name.
    pub group: String,
    /// Its weight before, 0–999.
    pub before: u16,
    /// Its weight after, 0–999.
    pub after: u16,
    /// How many of its targets are healthy, and how many there are; absent if nobody asked.
    pub healthy: Option<(u32, u32)>,
}

/// The table, one row a target group.
pub fn shift_table(rows: &[ShiftRow], style: Style) -> String {
    let sum = |weight: fn(&ShiftRow) -> u16| rows.iter().map(|row| u32::from(weight(row))).sum::<u32>();
    let (before, after) = (sum(|row| row.before), sum(|row| row.after));
    let columns = [words("TARGET GROUP"), words("WEIGHT"), words("SHARE"), numbers("HEALTHY")];
    let weights = moved(rows, |row| (row.before.to_string(), row.after.to_string()));
    let shares = moved(rows, |row| (share(row.before, before), share(row.after, after)));
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .zip(weights.into_iter().zip(shares))
        .map(|(row, (weight, share))| vec![row.group.clone().into(), weight, share, healthy(row)])
        .collect();
    layout::table(&columns, &cells, style)
}

/// Before and after in one column, each aligned; what moved stands out.
fn moved(rows: &[ShiftRow], of: impl Fn(&ShiftRow) -> (String, String)) -> Vec<Cell> {
    let pairs: Vec<(String, String)> = rows.iter().map(of).collect();
    let width = |side: fn(&(String, String)) -> &String| {
        pairs.iter().map(|pair| side(pair).chars().count()).max().unwrap_or(0)
    };
    let (before, after) = (width(|pair| &pair.0), width(|pair| &pair.1));
    let cell = |(was, is): &(String, String)| {
        let text = format!("{was:>before$} → {is:>after$}");
        if was == is { Cell::from(text) } else { Cell::toned(Tone::Strong, text) }
    };
    pairs.iter().map(cell).collect()
}

fn share(own: u16, sum: u32) -> String {
    let own = u32::from(own);
    // Weights that are all 0 send nothing anywhere.
    Percent::of_weights(own, sum.saturating_sub(own))
        .map_or_else(|| "–".to_owned(), |share| share.to_string())
}

/// A group that gets traffic and has nobody to answer it is said loudly.
fn healthy(row: &ShiftRow) -> Cell {
    let Some((healthy, all)) = row.healthy else { return Cell::none() };
    let text = format!("{healthy} of {all}");
    match (healthy, row.after) {
        (0, 1..) => Cell::toned(Tone::Bad, text),
        _ if healthy < all => Cell::toned(Tone::Warning, text),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stories::visible;

    fn rows() -> [ShiftRow; 2] {
        let row =
            |group: &str, before, after, healthy| ShiftRow { group: group.into(), before, after, healthy };
        [row("web-stable", 90, 75, Some((4, 4))), row("web-candidate", 10, 25, Some((3, 4)))]
    }

    #[test]
    fn weights_and_shares_stand_before_and_after() {
        let tenths = [
            ShiftRow { group: "web-stable".into(), before: 100, after: 995, healthy: None },
            ShiftRow { group: "web-candidate".into(), before: 0, after: 5, healthy: None },
        ];
        insta::assert_snapshot!(format!(
            "{}\n{}",
            shift_table(&rows(), Style::Plain),
            shift_table(&tenths, Style::Plain)
        ));
    }

    #[test]
    fn traffic_to_a_group_that_cannot_answer_is_loud() {
        let [stable, candidate] = rows();
        let candidate = ShiftRow { healthy: Some((0, 4)), ..candidate };
        insta::assert_snapshot!(visible(&shift_table(&[stable, candidate], Style::Coloured)));
    }

    #[test]
    fn weights_that_send_nothing_have_no_share() {
        let none = ShiftRow { group: "web".into(), before: 0, after: 0, healthy: None };
        assert!(shift_table(&[none], Style::Plain).contains('–'));
    }
}
