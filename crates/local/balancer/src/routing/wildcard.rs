//! The wildcards of rule conditions: `*` is any run of characters, `?` any one.
//!
//! It must stay linear in practice whatever the pattern is: it goes back to the last star only. Start at
//! [`Wildcard::matches`].

/// A compiled wildcard.
#[derive(Debug)]
pub(crate) struct Wildcard {
    pattern: Vec<u8>,
    case: Case,
}

/// Whether upper and lower case differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Sensitive,
    Insensitive,
}

impl Wildcard {
    pub(crate) fn new(pattern: &str, case: Case) -> Self {
        let mut pattern = pattern.as_bytes().to_vec();
        if case == Case::Insensitive {
            pattern.make_ascii_lowercase();
        }
        Self { pattern, case }
    }

    /// Whether the whole of `text` matches.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        let pattern = self.pattern.as_slice();
        let (mut at_pattern, mut at_text) = (0, 0);
        // Where to go on when what follows the last star did not fit: one character further on.
        let mut last_star: Option<(usize, usize)> = None;
        while at_text < text.len() {
            match pattern.get(at_pattern) {
                Some(b'*') => {
                    last_star = Some((at_pattern, at_text));
                    at_pattern += 1;
                }
                Some(&wanted) if wanted == b'?' || self.same(wanted, text[at_text]) => {
                    at_pattern += 1;
                    at_text += 1;
                }
                _ => match last_star {
                    Some((star, taken)) => {
                        last_star = Some((star, taken + 1));
                        at_pattern = star + 1;
                        at_text = taken + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern[at_pattern..].iter().all(|&rest| rest == b'*')
    }

    fn same(&self, wanted: u8, found: u8) -> bool {
        match self.case {
            Case::Sensitive => wanted == found,
            Case::Insensitive => wanted == found.to_ascii_lowercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, as short as it can be said.
    fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) if by_definition(rest, text) => true,
            (Some((b'*', _)), Some((_, less))) => by_definition(pattern, less),
            (Some((b'?', rest)), Some((_, less))) => by_definition(rest, less),
            (Some((wanted, rest)), Some((found, less))) => wanted == found && by_definition(rest, less),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_wildcard_matches_what_its_definition_says(pattern in "[ab?*]{0,8}", text in "[ab]{0,10}") {
            let found = Wildcard::new(&pattern, Case::Sensitive).matches(text.as_bytes());
            prop_assert_eq!(found, by_definition(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn case_is_ignored_when_it_shall_be(text in "[a-zA-Z]{1,12}") {
            prop_assert!(Wildcard::new(&text.to_uppercase(), Case::Insensitive).matches(text.as_bytes()));
        }
    }

    #[test]
    fn a_path_pattern_counts_case() {
        let pattern = Wildcard::new("/img/*", Case::Sensitive);
        assert!(pattern.matches(b"/img/") && pattern.matches(b"/img/a/b.png"));
        assert!(!pattern.matches(b"/IMG/a") && !pattern.matches(b"/img"));
    }
}
