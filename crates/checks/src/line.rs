//! A command line for people to paste. It must never come out in a way that a shell reads differently: every
//! word with an unusual sign is quoted. Start with [`Line`].

use serde_json::Value;
use std::fmt::Write as _;

/// A line longer than this is broken.
const WIDTH: usize = 84;

/// A command with its options.
pub(crate) struct Line {
    pieces: Vec<String>,
}

impl Line {
    /// `aws SERVICE OPERATION`.
    pub(crate) fn aws(service: &str, operation: &str) -> Self {
        Self { pieces: vec![format!("aws {service} {operation}")] }
    }

    /// `tidegate COMMAND`.
    pub(crate) fn tidegate(command: &str) -> Self {
        Self { pieces: vec![format!("tidegate {command}")] }
    }

    /// One more option with its value.
    pub(crate) fn with(mut self, option: &str, value: &str) -> Self {
        self.pieces.push(format!("{option} {}", quoted(value)));
        self
    }

    /// One more option with several words, none of which a shell would read.
    pub(crate) fn with_plain(mut self, option: &str, words: &str) -> Self {
        let quoted: Vec<String> = words.split(' ').map(quoted).collect();
        self.pieces.push(format!("{option} {}", quoted.join(" ")));
        self
    }

    /// One more option with a JSON document.
    pub(crate) fn with_json(self, option: &str, value: &Value) -> Self {
        let text = value.to_string();
        self.with(option, &text)
    }

    /// The command; a long one is broken after its options.
    pub(crate) fn written(&self) -> String {
        let whole = self.pieces.join(" ");
        if whole.chars().count() <= WIDTH {
            return whole;
        }
        let mut text = String::new();
        let mut column = 0;
        for (index, piece) in self.pieces.iter().enumerate() {
            let width = piece.chars().count() + 1;
            if index > 0 && column + width > WIDTH - 2 {
                text.push_str(" \\\n  ");
                column = 2;
            } else if index > 0 {
                text.push(' ');
                column += 1;
            }
            let _ = write!(text, "{piece}");
            column += width;
        }
        text
    }
}

/// The word as a POSIX shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_a_shell_would_read_is_quoted_and_a_long_line_is_broken() {
        let line = Line::aws("ecs", "update-service")
            .with("--cluster", "it's $HOME")
            .with_json("--deployment-configuration", &serde_json::json!({"maximumPercent": 200}))
            .with("--service", "a-name-that-is-so-long-that-the-line-breaks");
        insta::assert_snapshot!(line.written(), @r#"
        aws ecs update-service --cluster 'it'\''s $HOME' \
          --deployment-configuration '{"maximumPercent":200}' \
          --service a-name-that-is-so-long-that-the-line-breaks
        "#);
    }
}
