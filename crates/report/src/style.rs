//! Colour or none. It must never be asked of the environment here: the caller decides. Start with
//! [`Style`].

use owo_colors::OwoColorize;

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Plain text.
    Plain,
    /// ANSI colours.
    Coloured,
}

/// What a piece of text is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// It needs a look.
    Warning,
    /// It went wrong.
    Bad,
    /// Less important.
    Quiet,
    /// A name to find again.
    Strong,
}

impl Style {
    /// The text in its tone.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        match (self, tone) {
            (Self::Plain, _) => text.to_owned(),
            (_, Tone::Good) => text.green().to_string(),
            (_, Tone::Warning) => text.yellow().to_string(),
            (_, Tone::Bad) => text.red().bold().to_string(),
            (_, Tone::Quiet) => text.dimmed().to_string(),
            (_, Tone::Strong) => text.bold().to_string(),
        }
    }
}
