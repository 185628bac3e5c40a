//! Patterns of JSON: `{ $.level = "error" && $.took > 100 }`.

use serde_json::Value as Json;

use super::{
    PatternError,
    condition::{self, Condition, Found, Operator, State, Value},
    scanner::Scanner,
};

/// A place in a document: `$.a.b[0]`. A star stands for every member or item.
#[derive(Clone, Debug)]
pub(super) struct Selector(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    Member(String),
    Item(usize),
    Every,
}

pub(super) fn parse(text: &str) -> Result<Condition<Selector>, PatternError> {
    let mut scanner = Scanner::new(text);
    scanner.expect("{")?;
    let condition = condition::parse(&mut scanner, &mut selector, 0)?;
    scanner.expect("}")?;
    scanner.expect_end()?;
    Ok(condition)
}

fn selector(scanner: &mut Scanner<'_>) -> Result<Selector, PatternError> {
    scanner.expect("$")?;
    let mut steps = Vec::new();
    loop {
        match scanner.peek() {
            Some('.') => {
                scanner.next();
                steps.push(member(scanner)?);
            }
            Some('[') => {
                scanner.next();
                steps.push(bracket(scanner)?);
                scanner.expect("]")?;
            }
            _ if steps.is_empty() => return Err(scanner.error("a member was expected, as in $.name")),
            _ => return Ok(Selector(steps)),
        }
    }
}

fn member(scanner: &mut Scanner<'_>) -> Result<Step, PatternError> {
    if scanner.peek() == Some('*') {
        scanner.next();
        return Ok(Step::Every);
    }
    let name = scanner.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '@' | '#' | '/' | ':'));
    if name.is_empty() {
        Err(scanner.error("a member's name was expected"))
    } else {
        Ok(Step::Member(name.to_owned()))
    }
}

fn bracket(scanner: &mut Scanner<'_>) -> Result<Step, PatternError> {
    match scanner.peek() {
        Some('*') => {
            scanner.next();
            Ok(Step::Every)
        }
        Some(quote @ ('"' | '\'')) => {
            scanner.next();
            scanner.quoted(quote).map(Step::Member)
        }
        _ => {
            let digits = scanner.take_while(|c| c.is_ascii_digit());
            digits.parse().map(Step::Item).map_err(|_| scanner.error("an index was expected"))
        }
    }
}

/// Messages that are no JSON documents never match.
pub(super) fn matches(condition: &Condition<Selector>, message: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Json>(message) else { return false };
    if !document.is_object() && !document.is_array() {
        return false;
    }
    let compare = |selector: &Selector, operator: Operator, value: &Value| {
        selector.of(&document).into_iter().filter_map(found).any(|found| operator.holds(&found, value))
    };
    let is = |selector: &Selector, state: State| {
        let found = selector.of(&document);
        match state {
            State::Missing => found.is_empty(),
            State::There => !found.is_empty(),
            State::True => found.contains(&&Json::Bool(true)),
            State::False => found.contains(&&Json::Bool(false)),
            State::Null => found.contains(&&Json::Null),
        }
    };
    condition.holds(&compare, &is)
}

impl Selector {
    fn of<'a>(&self, document: &'a Json) -> Vec<&'a Json> {
        let mut here = vec![document];
        for step in &self.0 {
            here = here.into_iter().flat_map(|value| step.of(value)).collect();
        }
        here
    }
}

impl Step {
    fn of<'a>(&self, value: &'a Json) -> Vec<&'a Json> {
        match (self, value) {
            (Self::Member(name), Json::Object(members)) => members.get(name).into_iter().collect(),
            (Self::Item(at), Json::Array(items)) => items.get(*at).into_iter().collect(),
            (Self::Every, Json::Array(items)) => items.iter().collect(),
            (Self::Every, Json::Object(members)) => members.values().collect(),
            _ => Vec::new(),
        }
    }
}

/// What can be compared: texts, numbers, true and false.
fn found(value: &Json) -> Option<Found> {
    match value {
        Json::String(text) => Some(Found { text: text.clone(), number: None }),
        Json::Number(number) => Some(Found { text: number.to_string(), number: number.as_f64() }),
        Json::Bool(flag) => Some(Found { text: flag.to_string(), number: None }),
        _ => None,
    }
}
