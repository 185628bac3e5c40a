//! Text in the cells of a terminal: columns, wrapped lines, cut lines, bars. It must never know what the text is
//! about, and colour codes never count as cells. Start with [`table`].

use crate::style::{Style, Tone};

/// Units that stay on the line of their number.
const UNITS: [&str; 5] = ["%", "ms", "s", "min", "h"];
/// Cells between two columns, and before the first.
const GAP: usize = 2;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    head: &'static str,
    side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// A column of words.
pub(crate) const fn words(head: &'static str) -> Column {
    Column { head, side: Side::Left }
}

/// A column of numbers.
pub(crate) const fn numbers(head: &'static str) -> Column {
    Column { head, side: Side::Right }
}

/// What stands in one column of one row.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    tone: Option<Tone>,
}

impl Cell {
    /// Text in a tone.
    pub(crate) fn toned(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Some(tone) }
    }

    /// Nothing to say: a dash that does not ask to be read.
    pub(crate) fn none() -> Self {
        Self::toned(Tone::Quiet, "–")
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), tone: None }
    }
}

/// The heads and the rows, each column as wide as its widest cell.
pub(crate) fn table(columns: &[Column], rows: &[Vec<Cell>], style: Style) -> String {
    let widths = widths(columns, rows);
    let heads: Vec<Cell> = columns.iter().map(|column| Cell::toned(Tone::Quiet, column.head)).collect();
    let mut text = String::new();
    for row in std::iter::once(&heads).chain(rows) {
        let mut blank = 0;
        for ((cell, column), width) in row.iter().zip(columns).zip(&widths) {
            let padding = width.saturating_sub(cell.width());
            let (before, after) = if column.side == Side::Right { (padding, 0) } else { (0, padding) };
            blank += GAP + before;
            // What ends a line is never blank.
            if !cell.text.is_empty() {
                text.push_str(&" ".repeat(blank));
                let painted = cell.tone.map(|tone| style.paint(tone, &cell.text));
                text.push_str(painted.as_deref().unwrap_or(&cell.text));
                blank = 0;
            }
            blank += after;
        }
        text.push('\n');
    }
    text
}

/// How many cells the widest line of the table may take.
pub(crate) fn table_width(columns: &[Column], rows: &[Vec<Cell>]) -> usize {
    widths(columns, rows).iter().map(|width| GAP + width).sum()
}

fn widths(columns: &[Column], rows: &[Vec<Cell>]) -> Vec<usize> {
    let width = |(at, column): (usize, &Column)| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(Cell::width);
        cells.chain([column.head.chars().count()]).max().unwrap_or(0)
    };
    columns.iter().enumerate().map(width).collect()
}

/// How many cells a text takes; colour codes take none.
fn cells_of(text: &str) -> usize {
    let mut in_code = false;
    let visible = text.chars().filter(|c| {
        let shown = !in_code && *c != '\u{1b}';
        in_code = (in_code || *c == '\u{1b}') && *c != 'm';
        shown
    });
    visible.count()
}

/// How many cells a text takes.
pub(crate) fn cells(text: &str) -> usize {
    cells_of(text)
}

/// The text in lines of at most so many cells, broken between words where that is possible. Never empty.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let bare = word.trim_end_matches([',', ';', ':', '.']);
        match words
            .last_mut()
            .filter(|last| UNITS.contains(&bare) && last.ends_with(|c: char| c.is_ascii_digit()))
        {
            Some(number) => *number = format!("{number} {word}"),
            None => words.push(word.to_owned()),
        }
    }
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut cells = 0;
    for word in words {
        let taken = cells_of(&word);
        if cells > 0 && cells + 1 + taken <= width {
            line.push(' ');
            cells += 1;
        } else if cells > 0 {
            lines.push(std::mem::take(&mut line));
            cells = 0;
        }
        let mut word: Vec<char> = word.chars().collect();
        if taken > width {
            while word.len() > width {
                lines.push(word.drain(..width).collect());
            }
        }
        cells += taken.min(word.len());
        line.extend(word);
    }
    if cells > 0 || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// The text behind a label that has the first cells of the first line; what does not fit goes on below it.
pub(crate) fn hanging(label: &str, indent: usize, text: &str, width: usize) -> Vec<String> {
    let lines = wrapped(text, width.saturating_sub(indent + 1));
    let first = |at| if at == 0 { label } else { "" };
    lines.iter().enumerate().map(|(at, line)| format!("{:<indent$}{line}", first(at))).collect()
}

/// Cut to the width; colour codes take no cells and are never cut.
pub(crate) fn fitted(line: &str, width: usize) -> String {
    let mut text = String::new();
    let mut cells = 0;
    let mut in_code = false;
    let mut cut = false;
    for c in line.chars() {
        if c == '\u{1b}' {
            in_code = true;
        }
        if in_code {
            text.push(c);
            in_code = c != 'm';
            continue;
        }
        if c.is_control() || cut {
            continue;
        }
        if cells + 1 >= width {
            text.push('…');
            cut = true;
            continue;
        }
        text.push(c);
        cells += 1;
    }
    text
}

/// Cells of a bar.
pub(crate) const BAR: usize = 20;

/// A bar: what is there, what is still to come of the wanted, and the rest, in parts of the whole.
pub(crate) fn bar(there: u64, wanted: u64, whole: u64) -> String {
    let whole = whole.max(1);
    let cells = |part: u64| usize::try_from(part.min(whole) * BAR as u64 / whole).unwrap_or(BAR);
    let there = cells(there);
    let wanted = cells(wanted).max(there);
    format!("{}{}{}", "█".repeat(there), "▒".repeat(wanted - there), "·".repeat(BAR - wanted))
}

/// A bar whose empty cells do not ask to be read.
pub(crate) fn with_quiet_rest(bar: &str, style: Style) -> String {
    match bar.find('·') {
        Some(at) => format!("{}{}", &bar[..at], style.paint(Tone::Quiet, &bar[at..])),
        None => bar.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_to_the_left_and_numbers_to_the_right() {
        let columns = [words("NAME"), numbers("N"), words("LAST")];
        let rows = [vec!["a".into(), "1".into(), "x".into()], vec!["abcdef".into(), "100".into(), "".into()]];
        assert_eq!(
            table(&columns, &rows, Style::Plain),
            "  NAME      N  LAST\n  a         1  x\n  abcdef  100\n"
        );
        assert_eq!(table_width(&columns, &rows), 19);
    }

    #[test]
    fn lines_break_between_words_and_inside_only_where_they_must() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("about 99 % sure", 9), ["about", "99 % sure"]);
        assert_eq!(wrapped("after 10 min, or so", 8), ["after", "10 min,", "or so"]);
        assert_eq!(wrapped("", 4), [""]);
        assert_eq!(wrapped("ab", 0), ["a", "b"]);
    }

    #[test]
    fn colour_codes_break_no_line() {
        let painted = Style::Coloured.paint(Tone::Good, "promoted");
        assert_eq!(wrapped(&format!("{painted}: web:8"), 15), [format!("{painted}: web:8")]);
        assert_eq!(wrapped(&format!("{painted}: web:8"), 14), [format!("{painted}:"), "web:8".to_owned()]);
    }

    #[test]
    fn colour_codes_take_no_cells_and_are_always_closed() {
        let painted = Style::Coloured.paint(Tone::Bad, "0123456789");
        let cut = fitted(&painted, 5);
        assert!(cut.contains("0123…") && cut.ends_with('m'), "{cut:?}");
    }

    #[test]
    fn a_bar_always_has_all_its_cells() {
        for (there, wanted, whole) in [(0, 0, 0), (1, 2, 4), (9, 3, 4), (250, 1000, 1000), (7, 9, 8)] {
            assert_eq!(bar(there, wanted, whole).chars().count(), BAR);
        }
        assert_eq!(bar(1, 2, 4), "█████▒▒▒▒▒··········");
    }
}
