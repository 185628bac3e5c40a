//! The rule of a composite alarm: read from its text, and asked.
//!
//! `ALARM(a) AND NOT (OK("b") OR TRUE)`: NOT binds closer than AND, AND closer than OR. Start at [`Rule::parse`].

use tidegate_models::cloudwatch::StateValue;

/// AWS's limit of alarms that a rule names.
const MOST_CHILDREN: usize = 100;

/// AWS's limit of alarms, constants and parentheses; it also bounds how deep a rule is nested.
const MOST_ELEMENTS: usize = 500;

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    /// TRUE or FALSE.
    Constant(bool),
    /// Whether an alarm is in a state.
    Is(StateValue, String),
    /// NOT
    Not(Box<Self>),
    /// AND
    And(Box<Self>, Box<Self>),
    /// OR
    Or(Box<Self>, Box<Self>),
}

impl Rule {
    /// Reads a rule; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { rest: text, elements: 0 };
        let rule = reader.any()?;
        reader.skip_space();
        if !reader.rest.is_empty() {
            return Err(format!("unexpected '{}'", shortened(reader.rest)));
        }
        let mut names = rule.names();
        names.sort_unstable();
        names.dedup();
        if names.len() > MOST_CHILDREN {
            return Err(format!("it names more than {MOST_CHILDREN} alarms"));
        }
        Ok(rule)
    }

    /// Whether it holds, with the state that each alarm is in.
    pub(super) fn holds(&self, state_of: &impl Fn(&str) -> Option<StateValue>) -> bool {
        match self {
            Self::Constant(constant) => *constant,
            Self::Is(state, name) => state_of(name) == Some(*state),
            Self::Not(rule) => !rule.holds(state_of),
            Self::And(one, other) => one.holds(state_of) && other.holds(state_of),
            Self::Or(one, other) => one.holds(state_of) || other.holds(state_of),
        }
    }

    /// The alarms that it names, by name.
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::Constant(_) => Vec::new(),
            Self::Is(_, name) => vec![name],
            Self::Not(rule) => rule.names(),
            Self::And(one, other) | Self::Or(one, other) => {
                let mut names = one.names();
                names.extend(other.names());
                names
            }
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    elements: usize,
}

impl Reader<'_> {
    fn any(&mut self) -> Result<Rule, String> {
        let mut rule = self.all()?;
        while self.take_word("OR") {
            rule = Rule::Or(Box::new(rule), Box::new(self.all()?));
        }
        Ok(rule)
    }

    fn all(&mut self) -> Result<Rule, String> {
        let mut rule = self.one()?;
        while self.take_word("AND") {
            rule = Rule::And(Box::new(rule), Box::new(self.one()?));
        }
        Ok(rule)
    }

    fn one(&mut self) -> Result<Rule, String> {
        self.elements += 1;
        if self.elements > MOST_ELEMENTS {
            return Err(format!("it has more than {MOST_ELEMENTS} elements"));
        }
        if self.take_word("NOT") {
            return Ok(Rule::Not(Box::new(self.one()?)));
        }
        if self.take_char('(') {
            let rule = self.any()?;
            self.expect(')')?;
            return Ok(rule);
        }
        for (word, constant) in [("TRUE", true), ("FALSE", false)] {
            if self.take_word(word) {
                return Ok(Rule::Constant(constant));
            }
        }
        for state in [StateValue::Alarm, StateValue::Ok, StateValue::InsufficientData] {
            if self.take_word(state.as_str()) {
                self.expect('(')?;
                let name = self.name()?;
                self.expect(')')?;
                return Ok(Rule::Is(state, name));
            }
        }
        match self.rest.chars().next() {
            None => {
                Err("it ends where ALARM(…), OK(…), INSUFFICIENT_DATA(…), TRUE or FALSE should follow"
                    .to_owned())
            }
            Some(_) => Err(format!(
                "'{}' is not one of ALARM(…), OK(…), INSUFFICIENT_DATA(…), TRUE, FALSE",
                shortened(self.rest)
            )),
        }
    }

    /// An alarm's name, or its ARN, with or without quotes.
    fn name(&mut self) -> Result<String, String> {
        self.skip_space();
        let (given, rest) = match self.rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("a quote is not closed")?,
            None => {
                let end = self.rest.find(')').ok_or("a parenthesis is not closed")?;
                self.rest.split_at(end)
            }
        };
        self.rest = rest;
        let given = given.trim();
        let name = match given.split_once(":alarm:") {
            Some((start, name)) if start.starts_with("arn:") => name,
            _ => given,
        };
        if name.is_empty() { Err("an alarm's name is missing".to_owned()) } else { Ok(name.to_owned()) }
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let Some(rest) = self.rest.strip_prefix(word) else { return false };
        let ends = !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
        if ends {
            self.rest = rest;
        }
        ends
    }

    fn take_char(&mut self, wanted: char) -> bool {
        self.skip_space();
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.take_char(wanted) {
            return Ok(());
        }
        match self.rest {
            "" => Err(format!("it ends where '{wanted}' should follow")),
            rest => Err(format!("'{}' stands where '{wanted}' should", shortened(rest))),
        }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(20).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(rule: &str) -> bool {
        let states = |name: &str| match name {
            "a" => Some(StateValue::Alarm),
            "o k" => Some(StateValue::Ok),
            "i" => Some(StateValue::InsufficientData),
            _ => None,
        };
        Rule::parse(rule).unwrap().holds(&states)
    }

    #[test]
    fn rules_are_read_with_nots_before_ands_before_ors() {
        for (rule, expected) in [
            ("TRUE", true),
            ("FALSE", false),
            ("ALARM(a)", true),
            ("ALARM( \"a\" )", true),
            ("ALARM(\"o k\")", false),
            ("OK(o k)", true),
            ("INSUFFICIENT_DATA(i)", true),
            ("ALARM(arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a)", true),
            ("ALARM(unknown) OR NOT OK(unknown)", true),
            ("NOT TRUE OR TRUE", true),
            ("NOT (TRUE OR TRUE)", false),
            ("TRUE OR TRUE AND FALSE", true),
            ("(TRUE OR TRUE) AND FALSE", false),
            ("NOT NOT ALARM(a) AND(OK(o k))", true),
        ] {
            assert_eq!(holds(rule), expected, "{rule}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_rule_is_said() {
        for (rule, expected) in [
            ("", "it ends where ALARM(…), OK(…), INSUFFICIENT_DATA(…), TRUE or FALSE should follow"),
            ("ALARM", "it ends where '(' should follow"),
            ("ALARM(a", "a parenthesis is not closed"),
            ("ALARM(\"a)", "a quote is not closed"),
            ("ALARM()", "an alarm's name is missing"),
            ("ALARM(a) ALARM(b)", "unexpected 'ALARM(b)'"),
            ("(ALARM(a)", "it ends where ')' should follow"),
            ("WARNING(a)", "'WARNING(a)' is not one of ALARM(…), OK(…), INSUFFICIENT_DATA(…), TRUE, FALSE"),
            ("TRUE AND", "it ends where ALARM(…), OK(…), INSUFFICIENT_DATA(…), TRUE or FALSE should follow"),
        ] {
            assert_eq!(Rule::parse(rule).unwrap_err(), expected, "{rule}");
        }
        assert_eq!(Rule::parse(&"NOT ".repeat(600)).unwrap_err(), "it has more than 500 elements");
        let many = (0..101).map(|n| format!("ALARM(a{n})")).collect::<Vec<_>>().join(" OR ");
        assert_eq!(Rule::parse(&many).unwrap_err(), "it names more than 100 alarms");
    }

    /// A rule as text, fully in parentheses, with its value.
    fn rules() -> impl Strategy<Value = (String, bool)> {
        let leaf = prop_oneof![
            Just(("TRUE".to_owned(), true)),
            Just(("FALSE".to_owned(), false)),
            Just(("ALARM(a)".to_owned(), true)),
            Just(("OK(\"a\")".to_owned(), false)),
        ];
        leaf.prop_recursive(5, 40, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(|(text, value)| (format!("NOT ({text})"), !value)),
                (inner.clone(), inner.clone())
                    .prop_map(|((a, x), (b, y))| (format!("({a}) AND ({b})"), x && y)),
                (inner.clone(), inner).prop_map(|((a, x), (b, y))| (format!("({a})OR({b})"), x || y)),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_rule_has_the_value_of_its_parts((text, value) in rules()) {
            prop_assert_eq!(holds(&text), value);
        }

        #[test]
        fn no_text_panics(text in "[A-Z()\" _a]{0,40}") {
            let _ = Rule::parse(&text);
        }
    }
}
