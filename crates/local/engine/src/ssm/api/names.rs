//! What a parameter may be called.

use super::{super::records::Parameter, invalid};
use crate::{ApiError, Scope, State};

/// AWS's limit of levels in a hierarchy.
const MOST_LEVELS: usize = 15;

/// Checks a name that is about to be put.
pub(super) fn check(name: &str) -> Result<(), ApiError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    if !name.chars().all(is_allowed) {
        return Err(invalid(
            "Parameter name must not contain any characters other than a-zA-Z0-9_.- and the slash that separates levels.",
        ));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(invalid(
            "Parameter name: must start with a forward slash (/) if it is a hierarchy of several levels.",
        ));
    }
    if name.ends_with('/') || name.contains("//") {
        return Err(invalid("Parameter name: must not end with a forward slash (/) or have an empty level."));
    }
    let first = name.trim_start_matches('/').to_ascii_lowercase();
    if first.starts_with("aws") || first.starts_with("ssm") {
        return Err(invalid("Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)."));
    }
    if name.trim_start_matches('/').split('/').count() > MOST_LEVELS {
        return Err(ApiError::new(
            "HierarchyLevelLimitExceededException",
            format!("A parameter name hierarchy can have a maximum of {MOST_LEVELS} levels."),
        ));
    }
    Ok(())
}

/// The ARN of the parameter of that name: its leading slash is the one after `parameter`.
pub(super) fn arn(scope: &Scope, name: &str) -> String {
    scope.arn("ssm", format_args!("parameter/{}", name.trim_start_matches('/')))
}

/// A name as reads give it: perhaps an ARN, perhaps with a version behind a colon.
pub(super) struct Asked<'a> {
    /// The name.
    pub name: std::borrow::Cow<'a, str>,
    /// What stands behind the colon.
    pub selector: Option<&'a str>,
    /// Whether it was an ARN.
    pub is_arn: bool,
}

impl<'a> Asked<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let (path, prefix) = match text.split_once(":parameter/") {
            Some((_, path)) if text.starts_with("arn:") => (path, "/"),
            _ => (text, ""),
        };
        let (name, selector) = match path.split_once(':') {
            Some((name, selector)) => (name, Some(selector)),
            None => (path, None),
        };
        let name = if prefix.is_empty() { name.into() } else { format!("{prefix}{name}").into() };
        Self { name, selector, is_arn: !prefix.is_empty() }
    }
}

/// The key of the parameter that is asked for, if there is one. The ARN of a name of one level does not say whether the
/// name began with a slash, so both are looked for.
pub(super) fn key(state: &State, scope: &Scope, asked: &Asked<'_>) -> Option<String> {
    let bare = asked.is_arn.then(|| asked.name.trim_start_matches('/'));
    let names = std::iter::once(asked.name.as_ref()).chain(bare);
    names.map(|name| Parameter::key(scope, name)).find(|key| state.parameters.contains(key))
}
