//! An expression, read from its text.
//!
//! Comparisons bind closer than AND and OR, sums closer than comparisons, products closer than sums, `^` closer than
//! products. Start at [`Expression::parse`].

/// How deep an expression may be nested.
const DEEPEST: usize = 60;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Number(f64),
    Text(String),
    /// The id of another query.
    Id(String),
    Minus(Box<Self>),
    Binary(Operator, Box<Self>, Box<Self>),
    Call(String, Vec<Self>),
    /// `[a, b]`
    List(Vec<Self>),
}

/// What stands between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
    Plus,
    Minus,
    Times,
    Over,
    Power,
}

/// Operators by how close they bind, loosest first; longer ones before those that they begin with.
const LEVELS: [&[(&str, Operator)]; 6] = [
    &[("||", Operator::Or), ("OR", Operator::Or)],
    &[("&&", Operator::And), ("AND", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Plus), ("-", Operator::Minus)],
    &[("*", Operator::Times), ("/", Operator::Over)],
    &[("^", Operator::Power)],
];

impl Expression {
    /// Reads an expression; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { rest: text.trim_start(), depth: 0 };
        let expression = reader.level(0)?;
        if reader.rest.is_empty() { Ok(expression) } else { Err(reader.unexpected("an operator")) }
    }

    /// The ids that it names, and the functions that it calls, through `each`.
    pub(super) fn visit<'a>(&'a self, each: &mut impl FnMut(&'a Self)) {
        each(self);
        match self {
            Self::Number(_) | Self::Text(_) | Self::Id(_) => {}
            Self::Minus(inner) => inner.visit(each),
            Self::Binary(_, left, right) => {
                left.visit(each);
                right.visit(each);
            }
            Self::Call(_, parts) | Self::List(parts) => parts.iter().for_each(|part| part.visit(each)),
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn level(&mut self, level: usize) -> Result<Expression, String> {
        let Some(operators) = LEVELS.get(level) else { return self.operand() };
        let mut left = self.level(level + 1)?;
        while let Some(operator) = self.operator(operators) {
            let right = self.level(level + 1)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn operator(&mut self, operators: &[(&str, Operator)]) -> Option<Operator> {
        let found = operators.iter().find_map(|(written, operator)| {
            let rest = self.rest.strip_prefix(written)?;
            let is_word = written.starts_with(|first: char| first.is_ascii_alphabetic());
            let goes_on = rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
            (!(is_word && goes_on)).then_some((rest, *operator))
        });
        let (rest, operator) = found?;
        self.rest = rest.trim_start();
        Some(operator)
    }

    fn operand(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("it is nested more than {DEEPEST} deep"));
        }
        let operand = self.nested();
        self.depth -= 1;
        operand
    }

    fn nested(&mut self) -> Result<Expression, String> {
        if self.take('-') {
            return Ok(Expression::Minus(Box::new(self.operand()?)));
        }
        if self.take('(') {
            let inner = self.level(0)?;
            return if self.take(')') { Ok(inner) } else { Err(self.unexpected("')'")) };
        }
        if self.take('[') {
            return Ok(Expression::List(self.parts(']')?));
        }
        let quote = self.rest.chars().next().filter(|first| matches!(first, '"' | '\''));
        if let Some(quote) = quote {
            let (text, rest) = self.rest[1..].split_once(quote).ok_or("a quote is not closed")?;
            self.rest = rest.trim_start();
            return Ok(Expression::Text(text.to_owned()));
        }
        let word = self.word();
        match word.chars().next() {
            Some(first) if first.is_ascii_digit() || first == '.' => {
                word.parse().map(Expression::Number).map_err(|_| format!("'{word}' is not a number"))
            }
            Some(_) if self.take('(') => Ok(Expression::Call(word, self.parts(')')?)),
            Some(_) => Ok(Expression::Id(word)),
            None => Err(self.unexpected("a number, an id or a function")),
        }
    }

    /// What stands between parentheses or brackets, of which the first is taken already.
    fn parts(&mut self, end: char) -> Result<Vec<Expression>, String> {
        let mut parts = Vec::new();
        if self.take(end) {
            return Ok(parts);
        }
        loop {
            parts.push(self.level(0)?);
            if self.take(end) {
                return Ok(parts);
            }
            if !self.take(',') {
                return Err(self.unexpected(&format!("',' or '{end}'")));
            }
        }
    }

    fn word(&mut self) -> String {
        let goes_on = |next: char| next.is_ascii_alphanumeric() || matches!(next, '_' | '.');
        let end = self.rest.find(|next: char| !goes_on(next)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word.to_owned()
    }

    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.map_or(self.rest, str::trim_start);
        rest.is_some()
    }

    fn unexpected(&self, wanted: &str) -> String {
        match self.rest.chars().take(20).collect::<String>() {
            rest if rest.is_empty() => format!("it ends where {wanted} should follow"),
            rest => format!("'{rest}' stands where {wanted} should"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_wrong_with_an_expression_is_said() {
        for (text, expected) in [
            ("", "it ends where a number, an id or a function should follow"),
            ("1 +", "it ends where a number, an id or a function should follow"),
            ("(m1", "it ends where ')' should follow"),
            ("m1 m2", "'m2' stands where an operator should"),
            ("SUM(m1", "it ends where ',' or ')' should follow"),
            ("1.2.3", "'1.2.3' is not a number"),
            ("METRICS(\"a)", "a quote is not closed"),
            ("m1 & m2", "'& m2' stands where an operator should"),
            ("[m1, m2", "it ends where ',' or ']' should follow"),
        ] {
            assert_eq!(Expression::parse(text).unwrap_err(), expected, "{text}");
        }
        assert_eq!(Expression::parse(&"(".repeat(2_000)).unwrap_err(), "it is nested more than 60 deep");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-+*/^()\\[\\]m1e2. ,'\"<>=&|SUMIFé]{0,60}") {
            let _ = Expression::parse(&text);
        }
    }
}
