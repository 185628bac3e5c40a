//! Terms: `ERROR`, `"two words"`, `?one ?other`, `-without`, `%expression%`.

use regex_lite::Regex;

use super::{PatternError, scanner::Scanner};

/// All of the first, none of the second; and one of the third, if there are none of the first. AWS reads it so, too:
/// beside a term that must be there, those with a question mark are not looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    all: Vec<Term>,
    none: Vec<Term>,
    any: Vec<Term>,
}

#[derive(Clone, Debug)]
enum Term {
    Text(String),
    Expression(Regex),
}

impl Term {
    fn is_in(&self, message: &str) -> bool {
        match self {
            Self::Text(text) => message.contains(text.as_str()),
            Self::Expression(expression) => expression.is_match(message),
        }
    }
}

pub(super) fn parse(text: &str) -> Result<Terms, PatternError> {
    let mut scanner = Scanner::new(text);
    let mut terms = Terms::default();
    loop {
        scanner.skip_spaces();
        let into = match scanner.peek() {
            None => return Ok(terms),
            Some('-') => &mut terms.none,
            Some('?') => &mut terms.any,
            Some(_) => &mut terms.all,
        };
        if matches!(scanner.peek(), Some('-' | '?')) {
            scanner.next();
        }
        into.push(term(&mut scanner)?);
    }
}

fn term(scanner: &mut Scanner<'_>) -> Result<Term, PatternError> {
    match scanner.peek() {
        Some('"') => {
            scanner.next();
            scanner.quoted('"').map(Term::Text)
        }
        Some('%') => {
            scanner.next();
            let text = scanner.quoted('%')?;
            expression(scanner, &text).map(Term::Expression)
        }
        _ => {
            let word = scanner.take_while(|c| !c.is_whitespace() && c != '"');
            if word.is_empty() {
                Err(scanner.error("a term was expected"))
            } else {
                Ok(Term::Text(word.to_owned()))
            }
        }
    }
}

/// A regular expression between percent signs.
pub(super) fn expression(scanner: &Scanner<'_>, text: &str) -> Result<Regex, PatternError> {
    Regex::new(text).map_err(|error| scanner.error(&format!("{text:?} is not a regular expression: {error}")))
}

impl Terms {
    pub(super) fn match_message(&self, message: &str) -> bool {
        let is_in = |term: &Term| term.is_in(message);
        let any = self.any.is_empty() || !self.all.is_empty() || self.any.iter().any(is_in);
        any && self.all.iter().all(is_in) && !self.none.iter().any(is_in)
    }
}
