//! Finding a group by its name, or by its ARN.

use super::{super::records::LogGroup, invalid};
use crate::{ApiError, Scope, State};

/// The group that a call names, either way.
///
/// # Errors
///
/// When none or both are given, or there is no such group.
pub fn find_group<'a>(
    state: &'a State,
    scope: &Scope,
    name: Option<&str>,
    identifier: Option<&str>,
) -> Result<&'a LogGroup, ApiError> {
    let arn = match (name, identifier) {
        (None, Some(arn)) if arn.starts_with("arn:") => arn.trim_end_matches(":*").to_owned(),
        (Some(name), None) | (None, Some(name)) => LogGroup::arn(scope, name),
        _ => return Err(invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.")),
    };
    state
        .log_groups
        .get(&arn)
        .filter(|group| group.arn.starts_with(&LogGroup::arn(scope, "")))
        .ok_or_else(no_group)
}

/// The group that a container's options name, in the region that they name.
pub fn group_of_ecs<'a>(state: &'a State, scope: &Scope, name: &str) -> Option<&'a LogGroup> {
    state.log_groups.get(&LogGroup::arn(scope, name))
}

pub(super) fn group<'a>(state: &'a State, scope: &Scope, name: &str) -> Result<&'a LogGroup, ApiError> {
    find_group(state, scope, Some(name), None)
}

pub(super) fn no_group() -> ApiError {
    ApiError::new("ResourceNotFoundException", "The specified log group does not exist.")
}
