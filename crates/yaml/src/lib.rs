//! YAML of strangers: what is nested or aliased without end is refused, with its place.
//!
//! The parser's own way to load a text calls itself for each level, so that a deep one would end the program, and an alias
//! of aliases would fill the memory. Config files and AppSpecs go through [`load`] instead.

use saphyr::{LoadableYamlNode, ScanError, YamlLoader};
use saphyr_parser::{Event, Parser, SpannedEventReceiver as _};

/// How deep values may stand in each other. Those of config files stay under twenty, those of AppSpecs under ten.
const DEEPEST: usize = 64;

/// How many values aliases may stand for, all together.
const MOST_ALIASED: usize = 10_000;

/// The documents of a text.
///
/// # Errors
///
/// When it is not YAML, is nested more than 64 levels deep, or has aliases for more than 10,000 values; with the place.
pub fn load<'a, Node: LoadableYamlNode<'a>>(text: &'a str) -> Result<Vec<Node>, ScanError> {
    let mut loader = YamlLoader::default();
    loader.alias_limit(MOST_ALIASED);
    let mut depth = 0_usize;
    for event in Parser::new_from_iter(text.chars()) {
        let (event, span) = event?;
        match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
            Event::SequenceEnd | Event::MappingEnd => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(ScanError::new(span.start, format!("it is nested more than {DEEPEST} levels deep")));
        }
        loader.on_event(event, span);
    }
    match loader.error() {
        Some(error) => Err(error.clone()),
        None => Ok(loader.into_documents()),
    }
}

#[cfg(test)]
mod tests {
    use saphyr::Yaml;

    use super::*;

    fn refusal(text: &str) -> String {
        load::<Yaml<'_>>(text).unwrap_err().to_string()
    }

    #[test]
    fn a_text_is_loaded_up_to_the_deepest_level_and_no_further() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(load::<Yaml<'_>>(&nested(DEEPEST)).unwrap().len(), 1);
        assert!(refusal(&nested(DEEPEST + 1)).starts_with("it is nested more than 64 levels deep"));
        assert!(refusal(&"- ".repeat(1_000_000)).starts_with("it is nested more than 64 levels deep"));
        // The scanner looks ahead, and has a limit of its own for brackets.
        assert!(refusal(&"[".repeat(1_000_000)).starts_with("recursion limit exceeded"));
    }

    #[test]
    fn aliases_of_aliases_are_refused() {
        let lines = (1..20).map(|at| format!("a{at}: &a{at} [{}]\n", format!("*a{}, ", at - 1).repeat(10)));
        refusal(&format!("a0: &a0 [x]\n{}", lines.collect::<Vec<_>>().concat()));
    }
}
