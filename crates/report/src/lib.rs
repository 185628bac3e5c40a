//! The event stream of a rollout, rendered for people and for programs: a live view in a terminal,
//! plain lines without one, JSON lines. It must never decide anything nor call AWS: it sees events
//! and tables of plain data. Start with [`Reporter`]; the words are in [`words`].

pub mod checks;
mod course;
pub mod diagnosis;
pub mod diff;
pub mod failure;
pub mod history;
pub mod json;
mod layout;
pub mod live;
pub mod log_lines;
pub mod matrix;
pub mod plain;
pub mod plan;
pub mod releases;
mod share;
pub mod style;
pub mod summary;
pub mod tables;
pub mod tasks;
pub mod words;
pub mod workflow;

#[cfg(test)]
mod stories;

pub use json::JsonLines;
pub use live::{LiveView, terminal_width};
pub use plain::PlainLines;
pub use style::Style;

use tidegate_rollout::{Event, Millis};

/// Renders events as they come. Output that cannot be written (a closed pipe) is dropped: a rollout
/// does not stop because nobody reads about it.
pub trait Reporter: Send {
    /// Something happened at this moment.
    fn event(&mut self, at: Millis, event: &Event);

    /// Time has passed; a live view moves its clock.
    fn refresh(&mut self, _now: Millis) {}

    /// Leave the terminal as it was found. Called once, also after an interruption.
    fn finish(&mut self) {}
}

/// Takes events and says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn event(&mut self, _at: Millis, _event: &Event) {}
}
