//! What a program says to GitHub's runner: commands on lines of their own, outputs in a file. It must never let a text of
//! somebody else's be taken for a command. Start with [`annotation`].

/// How loud an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The step fails for it.
    Error,
    /// It needs a look.
    Warning,
    /// It is good to know.
    Notice,
}

/// A line that shows a message at the run and at the commit.
pub fn annotation(level: Level, title: &str, message: &str) -> String {
    let word = match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Notice => "notice",
    };
    format!("::{word} title={}::{}", property(title), data(message))
}

/// The lines between which nothing is a command: what tasks print may look like one. `token` must not be guessable.
pub fn silenced(token: &str) -> (String, String) {
    (format!("::stop-commands::{token}"), format!("::{token}::"))
}

/// One output as the file takes it: with a delimiter that no value has, so that a value cannot end itself and begin
/// another. `token` must not be guessable.
pub fn output(name: &str, value: &str, token: &str) -> String {
    format!("{name}<<tidegate_{token}\n{value}\ntidegate_{token}\n")
}

/// A message, which may have lines.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property, which ends at a colon or a comma.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_leave_its_line_nor_a_title_its_place() {
        let line = annotation(Level::Error, "a,b:c", "100 % of\r\n::set-env name=X::y");
        assert_eq!(line, "::error title=a%2Cb%3Ac::100 %25 of%0D%0A::set-env name=X::y");
    }

    #[test]
    fn an_output_of_several_lines_is_one_output() {
        let text = output("a", "x\nb<<END\ny\nEND", "5f");
        assert_eq!(text, "a<<tidegate_5f\nx\nb<<END\ny\nEND\ntidegate_5f\n");
    }
}
