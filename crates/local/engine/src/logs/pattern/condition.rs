//! Conditions and their combinations, whatever they look at.

use std::cmp::Ordering;

use regex_lite::Regex;

use super::{PatternError, scanner::Scanner, terms};

/// How deep parentheses may stand in each other.
const DEEPEST: usize = 64;

/// Something that holds of what `S` selects, or does not.
#[derive(Clone, Debug)]
pub(super) enum Condition<S> {
    All(Vec<Condition<S>>),
    Any(Vec<Condition<S>>),
    Compare(S, Operator, Value),
    Is(S, State),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What is asked of a value of JSON beside comparing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    True,
    False,
    Null,
    Missing,
    There,
}

/// What is compared with.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A text in which a star stands for anything.
    Text(String),
    /// One that can be a number, too.
    Number(String, f64),
    Expression(Regex),
}

/// What a message holds, to compare.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) text: String,
    pub(super) number: Option<f64>,
}

/// Reads `a && b || c` with parentheses; `selector` reads what is compared.
pub(super) fn parse<S>(
    scanner: &mut Scanner<'_>,
    selector: &mut impl FnMut(&mut Scanner<'_>) -> Result<S, PatternError>,
    depth: usize,
) -> Result<Condition<S>, PatternError> {
    let mut any = vec![conjunction(scanner, selector, depth)?];
    while scanner.take("||") {
        any.push(conjunction(scanner, selector, depth)?);
    }
    Ok(if any.len() > 1 { Condition::Any(any) } else { any.remove(0) })
}

fn conjunction<S>(
    scanner: &mut Scanner<'_>,
    selector: &mut impl FnMut(&mut Scanner<'_>) -> Result<S, PatternError>,
    depth: usize,
) -> Result<Condition<S>, PatternError> {
    let mut all = vec![one(scanner, selector, depth)?];
    while scanner.take("&&") {
        all.push(one(scanner, selector, depth)?);
    }
    Ok(if all.len() > 1 { Condition::All(all) } else { all.remove(0) })
}

fn one<S>(
    scanner: &mut Scanner<'_>,
    selector: &mut impl FnMut(&mut Scanner<'_>) -> Result<S, PatternError>,
    depth: usize,
) -> Result<Condition<S>, PatternError> {
    if scanner.take("(") {
        if depth >= DEEPEST {
            return Err(scanner.error("too many parentheses stand in each other"));
        }
        let inner = parse(scanner, selector, depth + 1)?;
        scanner.expect(")")?;
        return Ok(inner);
    }
    let selected = selector(scanner)?;
    if scanner.take_word("IS") {
        let state = [("TRUE", State::True), ("FALSE", State::False), ("NULL", State::Null)];
        let state = state.into_iter().find(|(word, _)| scanner.take_word(word));
        let state = state.ok_or_else(|| scanner.error("TRUE, FALSE or NULL was expected"))?;
        return Ok(Condition::Is(selected, state.1));
    }
    if scanner.take_word("NOT") {
        if !scanner.take_word("EXISTS") {
            return Err(scanner.error("EXISTS was expected"));
        }
        return Ok(Condition::Is(selected, State::Missing));
    }
    if scanner.take_word("EXISTS") {
        return Ok(Condition::Is(selected, State::There));
    }
    let operator = operator(scanner)?;
    Ok(Condition::Compare(selected, operator, value(scanner)?))
}

/// The operator that comes next.
pub(super) fn operator(scanner: &mut Scanner<'_>) -> Result<Operator, PatternError> {
    let all = [
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
        ("=", Operator::Equal),
    ];
    let found = all.into_iter().find(|(sign, _)| scanner.take(sign));
    found.map(|(_, operator)| operator).ok_or_else(|| scanner.error("one of = != < <= > >= was expected"))
}

/// The value that comes next.
pub(super) fn value(scanner: &mut Scanner<'_>) -> Result<Value, PatternError> {
    scanner.skip_spaces();
    match scanner.peek() {
        Some('"') => {
            scanner.next();
            scanner.quoted('"').map(Value::Text)
        }
        Some('%') => {
            scanner.next();
            let text = scanner.quoted('%')?;
            terms::expression(scanner, &text).map(Value::Expression)
        }
        _ => {
            let word = scanner.take_while(|c| !c.is_whitespace() && !"(){}[],&|\"".contains(c));
            match word.parse::<f64>() {
                _ if word.is_empty() => Err(scanner.error("a value was expected")),
                Ok(number) if number.is_finite() => Ok(Value::Number(word.to_owned(), number)),
                _ => Ok(Value::Text(word.to_owned())),
            }
        }
    }
}

impl<S> Condition<S> {
    /// Whether it holds; `compare` and `is` say so of a single selection.
    pub(super) fn holds(
        &self,
        compare: &impl Fn(&S, Operator, &Value) -> bool,
        is: &impl Fn(&S, State) -> bool,
    ) -> bool {
        match self {
            Self::All(all) => all.iter().all(|inner| inner.holds(compare, is)),
            Self::Any(any) => any.iter().any(|inner| inner.holds(compare, is)),
            Self::Compare(selected, operator, value) => compare(selected, *operator, value),
            Self::Is(selected, state) => is(selected, *state),
        }
    }
}

impl Operator {
    /// Whether `found` stands in that relation to `value`.
    pub(super) fn holds(self, found: &Found, value: &Value) -> bool {
        match self {
            Self::Equal => equals(found, value),
            Self::NotEqual => !equals(found, value),
            _ => {
                let (Some(found), Value::Number(_, value)) = (found.number, value) else { return false };
                found.partial_cmp(value).is_some_and(|order| match self {
                    Self::Less => order == Ordering::Less,
                    Self::LessOrEqual => order != Ordering::Greater,
                    Self::Greater => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                })
            }
        }
    }
}

fn equals(found: &Found, value: &Value) -> bool {
    match value {
        Value::Text(pattern) => matches_star(pattern, &found.text),
        Value::Number(text, number) => found.number == Some(*number) || matches_star(text, &found.text),
        Value::Expression(expression) => expression.is_match(&found.text),
    }
}

/// Whether `text` is `pattern`, in which a star stands for anything.
fn matches_star(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}
