//! The language of filter patterns: which messages `FilterLogEvents` lets through.
//!
//! Three kinds by their first character: `{…}` looks into JSON, `[…]` into fields between spaces, everything else is
//! terms. Pure and bounded: a pattern is parsed once, nesting has a limit, and expressions have no look-around that could
//! run away. Start at [`Pattern::parse`].

mod condition;
mod fields;
mod json;
mod scanner;
mod terms;

use condition::Condition;
use json::Selector;

/// A parsed filter pattern.
#[derive(Clone, Debug)]
pub struct Pattern(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Everything,
    Terms(terms::Terms),
    Json(Condition<Selector>),
    Fields(fields::Fields),
}

/// A pattern that means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid filter pattern: {0}")]
pub struct PatternError(String);

impl Pattern {
    /// Reads a pattern as `filterPattern` gives it.
    ///
    /// # Errors
    ///
    /// When it is of none of the three kinds; the text says where it stops making sense.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let text = text.trim();
        let kind = match text.chars().next() {
            None => Kind::Everything,
            Some('{') => Kind::Json(json::parse(text)?),
            Some('[') => Kind::Fields(fields::parse(text)?),
            Some(_) => Kind::Terms(terms::parse(text)?),
        };
        Ok(Self(kind))
    }

    /// Whether it lets a message through.
    pub fn matches(&self, message: &str) -> bool {
        match &self.0 {
            Kind::Everything => true,
            Kind::Terms(terms) => terms.match_message(message),
            Kind::Json(condition) => json::matches(condition, message),
            Kind::Fields(fields) => fields.match_message(message),
        }
    }
}

#[cfg(test)]
mod tests;
