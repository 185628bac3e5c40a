//! Reads a pattern from its beginning to its end.

use super::PatternError;

/// What is left of a pattern.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    whole: &'a str,
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { whole: text, rest: text }
    }

    pub(super) fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// What is not taken yet.
    pub(super) fn left(&self) -> &'a str {
        self.rest
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    /// Whether `token` comes next; then it is taken. Spaces before it do not count.
    pub(super) fn take(&mut self, token: &str) -> bool {
        self.skip_spaces();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Like [`Scanner::take`] of a word in any case, behind which no other letter stands.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.skip_spaces();
        let Some(found) = self.rest.get(..word.len()) else { return false };
        let rest = &self.rest[word.len()..];
        let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let is_it = found.eq_ignore_ascii_case(word) && ends;
        if is_it {
            self.rest = rest;
        }
        is_it
    }

    /// Takes characters for as long as they are `wanted`.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c: char| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Takes up to `quote`, which is taken, too. A backslash takes the character behind it as it is.
    pub(super) fn quoted(&mut self, quote: char) -> Result<String, PatternError> {
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                '\\' if quote == '"' => text.extend(self.next()),
                c if c == quote => return Ok(text),
                c => text.push(c),
            }
        }
        Err(self.error(&format!("a {quote} has no end")))
    }

    pub(super) fn expect(&mut self, token: &str) -> Result<(), PatternError> {
        if self.take(token) { Ok(()) } else { Err(self.error(&format!("{token:?} was expected"))) }
    }

    pub(super) fn expect_end(&mut self) -> Result<(), PatternError> {
        self.skip_spaces();
        if self.rest.is_empty() { Ok(()) } else { Err(self.error("nothing more was expected")) }
    }

    pub(super) fn error(&self, what: &str) -> PatternError {
        let at = self.whole.len() - self.rest.len();
        PatternError(format!("at character {at}: {what}"))
    }
}
