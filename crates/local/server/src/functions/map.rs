//! What stands for which function.

use std::{collections::BTreeMap, path::PathBuf};

use http::Uri;
use tidegate_tasks::glob;

/// What stands for a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Function {
    /// The payload is posted there as JSON; the answer's JSON is the function's. `http` only.
    Http(Uri),
    /// A program is run for each invocation.
    Command(FunctionCommand),
}

/// A program that stands for a function: it gets the payload on its standard input and answers on its standard output.
///
/// An exit code other than 0 is a failure, whose last line on standard error says why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionCommand {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Added to the environment of the local cloud, of which it gets no `AWS_` variable but those of the local cloud.
    pub environment: Vec<(String, String)>,
    /// Where it runs; `None` is the folder that the local cloud was started in.
    pub working_directory: Option<PathBuf>,
}

/// Functions by pattern.
///
/// A pattern is a function's name or ARN, with or without its version or alias, in which `*` stands for any text. Of those
/// that match, the one with the most literal characters wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionMap(BTreeMap<String, Function>);

impl FunctionMap {
    /// A map with one more entry; a pattern that was there already is replaced.
    #[must_use]
    pub fn with(mut self, pattern: impl Into<String>, function: Function) -> Self {
        self.0.insert(pattern.into(), function);
        self
    }

    /// What stands for the function with this ARN.
    pub fn find(&self, arn: &str) -> Option<&Function> {
        let named = qualified_name(arn);
        let name = name_of(arn);
        let unqualified = arn.strip_suffix(named).map(|before| format!("{before}{name}"));
        let names = [Some(arn), unqualified.as_deref(), Some(named), Some(name)];
        self.0
            .iter()
            .filter(|(pattern, _)| names.iter().flatten().any(|name| glob(pattern, name)))
            .max_by_key(|(pattern, _)| pattern.chars().filter(|&c| c != '*').count())
            .map(|(_, function)| function)
    }
}

impl<P: Into<String>> FromIterator<(P, Function)> for FunctionMap {
    fn from_iter<I: IntoIterator<Item = (P, Function)>>(entries: I) -> Self {
        Self(entries.into_iter().map(|(pattern, function)| (pattern.into(), function)).collect())
    }
}

/// The name in a function's ARN.
pub(super) fn name_of(arn: &str) -> &str {
    let name = qualified_name(arn);
    name.split_once(':').map_or(name, |(name, _)| name)
}

/// The name with its version or alias.
fn qualified_name(arn: &str) -> &str {
    arn.split_once(":function:").map_or(arn, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(patterns: &[&str]) -> FunctionMap {
        let command = |pattern: &&str| {
            let command =
                FunctionCommand { command: vec![(*pattern).to_owned()], ..FunctionCommand::default() };
            ((*pattern).to_owned(), Function::Command(command))
        };
        patterns.iter().map(command).collect()
    }

    fn found(map: &FunctionMap, name: &str) -> Option<String> {
        match map.find(&format!("arn:aws:lambda:eu-west-1:123456789012:function:{name}"))? {
            Function::Command(command) => command.command.first().cloned(),
            Function::Http(uri) => Some(uri.to_string()),
        }
    }

    #[test]
    fn a_function_is_found_by_its_name_or_arn_with_or_without_its_version() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:smoke";
        let map = map(&["check", "deploy-*", arn, "check:live"]);
        assert_eq!(found(&map, "check").as_deref(), Some("check"));
        assert_eq!(found(&map, "check:7").as_deref(), Some("check"));
        assert_eq!(found(&map, "check:live").as_deref(), Some("check:live"));
        assert_eq!(found(&map, "deploy-web").as_deref(), Some("deploy-*"));
        assert_eq!(found(&map, "smoke").as_deref(), Some(arn));
        assert_eq!(found(&map, "smoke:3").as_deref(), Some(arn));
        assert_eq!(found(&map, "checks"), None);
    }
}
