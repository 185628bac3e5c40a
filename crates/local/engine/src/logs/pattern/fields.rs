//! Patterns of fields between spaces: `[ip, user, ..., status = 4*, bytes > 1000]`.

use super::{
    PatternError,
    condition::{self, Condition, Found, Operator, State, Value},
    scanner::Scanner,
};

/// What each field must be, with any number of fields where the dots stand.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    before: Vec<Field>,
    /// `None` without dots: then there are exactly as many fields.
    after: Option<Vec<Field>>,
}

/// A field that must be something, or may be anything.
#[derive(Clone, Debug)]
enum Field {
    Anything,
    Holds(Condition<()>),
}

pub(super) fn parse(text: &str) -> Result<Fields, PatternError> {
    let mut scanner = Scanner::new(text);
    scanner.expect("[")?;
    let mut fields = Fields { before: Vec::new(), after: None };
    loop {
        if scanner.take("...") {
            if fields.after.replace(Vec::new()).is_some() {
                return Err(scanner.error("there may be dots only once"));
            }
        } else {
            let field = field(&mut scanner)?;
            fields.after.as_mut().unwrap_or(&mut fields.before).push(field);
        }
        if scanner.take("]") {
            scanner.expect_end()?;
            return Ok(fields);
        }
        scanner.expect(",")?;
    }
}

fn field(scanner: &mut Scanner<'_>) -> Result<Field, PatternError> {
    scanner.skip_spaces();
    // A field without a condition: a name, or nothing at all.
    let mut ahead = Scanner::new(scanner.left());
    name(&mut ahead);
    if ahead.take(",") || ahead.take("]") {
        name(scanner);
        return Ok(Field::Anything);
    }
    // Each condition names the field again; it is the same one.
    let mut selector = |scanner: &mut Scanner<'_>| -> Result<(), PatternError> {
        scanner.skip_spaces();
        name(scanner);
        Ok(())
    };
    condition::parse(scanner, &mut selector, 0).map(Field::Holds)
}

fn name<'a>(scanner: &mut Scanner<'a>) -> &'a str {
    scanner.skip_spaces();
    scanner.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '*'))
}

impl Fields {
    pub(super) fn match_message(&self, message: &str) -> bool {
        let found = split(message);
        let (before, after) = (&self.before, self.after.as_deref());
        let least = before.len() + after.map_or(0, <[Field]>::len);
        let fits = if after.is_some() { found.len() >= least } else { found.len() == least };
        let first = before.iter().zip(&found);
        let last = after.unwrap_or_default().iter().rev().zip(found.iter().rev());
        fits && first.chain(last).all(|(field, found)| field.holds(found))
    }
}

impl Field {
    fn holds(&self, text: &str) -> bool {
        let Self::Holds(condition) = self else { return true };
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        let found = Found { text: text.to_owned(), number };
        let compare = |(): &(), operator: Operator, value: &Value| operator.holds(&found, value);
        let is = |(): &(), _: State| false;
        condition.holds(&compare, &is)
    }
}

/// The fields of a message: between spaces, but what stands in quotes or brackets is one.
fn split(message: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = message.trim();
    while !rest.is_empty() {
        let close = match rest.chars().next() {
            Some('"') => Some('"'),
            Some('[') => Some(']'),
            _ => None,
        };
        let enclosed = close.and_then(|close| rest[1..].split_once(close));
        let (field, left) = match enclosed {
            Some((field, left)) => (field, left),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        fields.push(field);
        rest = left.trim_start();
    }
    fields
}
