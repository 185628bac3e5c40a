//! Log lines of many containers, one below the other. Start with [`LogLines::line`].

use crate::style::Style;

/// How many characters of a task's id are shown: enough to tell tasks apart, and to ask for one.
const ID: usize = 8;
/// The colours of tasks, in turn.
const COLOURS: [owo_colors::AnsiColors; 6] = [
    owo_colors::AnsiColors::Cyan,
    owo_colors::AnsiColors::Yellow,
    owo_colors::AnsiColors::Green,
    owo_colors::AnsiColors::Magenta,
    owo_colors::AnsiColors::Blue,
    owo_colors::AnsiColors::BrightRed,
];

/// Writes lines, each task in a colour of its own.
#[derive(Debug)]
pub struct LogLines {
    style: Style,
    tasks: Vec<String>,
}

impl LogLines {
    /// With colours or without.
    pub fn new(style: Style) -> Self {
        Self { style, tasks: Vec::new() }
    }

    /// A line for people: when, which task, which container, what.
    pub fn line(&mut self, at_ms: i64, task: &str, container: &str, message: &str) -> String {
        let at = jiff::Timestamp::from_millisecond(at_ms)
            .map_or_else(|_| at_ms.to_string(), |at| at.strftime("%H:%M:%S%.3f").to_string());
        let short = task.get(..ID).unwrap_or(task);
        let from = format!("{short} {container}");
        let message = harmless(message);
        match self.style {
            Style::Plain => format!("{at}  {from}  {message}\n"),
            Style::Coloured => {
                use owo_colors::OwoColorize;
                let colour = self.colour(task);
                format!("{}  {}  {message}\n", at.dimmed(), from.color(colour))
            }
        }
    }

    /// A line of the only one who speaks.
    pub fn bare(message: &str) -> String {
        format!("{}\n", harmless(message))
    }

    fn colour(&mut self, task: &str) -> owo_colors::AnsiColors {
        let known = self.tasks.iter().position(|known| known == task);
        let place = known.unwrap_or_else(|| {
            self.tasks.push(task.to_owned());
            self.tasks.len() - 1
        });
        COLOURS[place % COLOURS.len()]
    }
}

/// A message may colour itself, but may not move the cursor or ring: only escape sequences of colours stay.
fn harmless(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\t' && c != '\n') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let colour = rest.strip_prefix("\x1b[").and_then(|after| {
            let end = after.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            after[end..].starts_with('m').then_some("\x1b[".len() + end + 1)
        });
        if let Some(length) = colour {
            out.push_str(&rest[..length]);
            rest = &rest[length..];
        } else {
            let mut chars = rest.chars();
            chars.next();
            rest = chars.as_str();
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_who_and_what() {
        let mut lines = LogLines::new(Style::Plain);
        let line = lines.line(1_790_000_000_123, "0123456789abcdef", "web", "GET / 200");
        assert_eq!(line, "14:13:20.123  01234567 web  GET / 200\n");
    }

    #[test]
    fn each_task_keeps_its_colour() {
        let mut lines = LogLines::new(Style::Coloured);
        let a = lines.line(0, "a", "web", "x");
        let b = lines.line(0, "b", "web", "x");
        assert_eq!(lines.line(0, "a", "web", "x"), a);
        assert_ne!(a.replace("a web", ""), b.replace("b web", ""));
    }

    #[test]
    fn a_message_may_have_colours_and_nothing_else_that_moves_a_terminal() {
        assert_eq!(
            harmless("\x1b[31mred\x1b[0m \x1b[2Jgone\x07 é\tend"),
            "\x1b[31mred\x1b[0m [2Jgone é\tend"
        );
    }
}
