//! Finds what a call names. A registry is an account: that of the caller unless the call names another.

use crate::{ApiError, Scope, State, ecr::SERVICE, ecr::records::Repository};

/// The registry that a call is about.
pub(super) fn registry(scope: &Scope, registry_id: Option<&str>) -> Scope {
    let account = registry_id.unwrap_or(&scope.account).to_owned();
    Scope { account, region: scope.region.clone() }
}

/// The ARN of a repository of that name.
pub(super) fn arn(registry: &Scope, name: &str) -> String {
    registry.arn(SERVICE, format_args!("repository/{name}"))
}

/// The repository that a call names.
pub fn repository<'a>(
    state: &'a State,
    scope: &Scope,
    registry_id: Option<&str>,
    name: &str,
) -> Result<&'a Repository, ApiError> {
    let registry = registry(scope, registry_id);
    state.repositories.get(&arn(&registry, name)).ok_or_else(|| not_found(name, &registry.account))
}

/// The repository with this ARN.
pub(super) fn of_arn<'a>(state: &'a State, arn: &str) -> Result<&'a Repository, ApiError> {
    let scope = Scope::of_arn(arn);
    let Some((_, name)) = arn.split_once(":repository/") else {
        return Err(super::invalid(format!(
            "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN {arn}'"
        )));
    };
    state.repositories.get(arn).ok_or_else(|| not_found(name, &scope.account))
}

fn not_found(name: &str, account: &str) -> ApiError {
    ApiError::new(
        "RepositoryNotFoundException",
        format!("The repository with name '{name}' does not exist in the registry with id '{account}'"),
    )
}
