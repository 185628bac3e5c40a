//! Finding a secret by name, ARN, or ARN without its random end; and a version of it.

use serde_json::json;

use super::{
    super::records::{Secret, Value, Version},
    invalid_request, not_found,
};
use crate::{ApiError, Scope, State};

/// The secret that `id` names, also one that waits to be deleted.
pub(super) fn secret<'a>(state: &'a State, scope: &Scope, id: &str) -> Result<&'a Secret, ApiError> {
    find(state, scope, id).ok_or_else(not_found)
}

/// The secret that `id` names, which must not wait to be deleted.
pub(super) fn usable<'a>(state: &'a State, scope: &Scope, id: &str) -> Result<&'a Secret, ApiError> {
    let secret = secret(state, scope, id)?;
    if secret.deletion.is_some() {
        return Err(marked());
    }
    Ok(secret)
}

pub(super) fn marked() -> ApiError {
    invalid_request("You can't perform this operation on the secret because it was marked for deletion.")
}

fn find<'a>(state: &'a State, scope: &Scope, id: &str) -> Option<&'a Secret> {
    let Some((_, name)) = id.strip_prefix("arn:").and_then(|rest| rest.split_once(":secret:")) else {
        return by_name(state, scope, id);
    };
    state.secrets.get(id).or_else(|| by_name(state, &Scope::of_arn(id), name))
}

fn by_name<'a>(state: &'a State, scope: &Scope, name: &str) -> Option<&'a Secret> {
    state.secrets.indexed_by(&Secret::index(scope, name)).next().map(|(_, secret)| secret)
}

/// The version of a secret that `wanted` holds for; `None` when there is none, or the secret waits to be deleted.
pub(crate) fn find_value<'a>(
    state: &'a State,
    scope: &Scope,
    id: &str,
    wanted: impl Fn(&Version) -> bool,
) -> Option<(&'a Secret, &'a Version)> {
    let secret = usable(state, scope, id).ok()?;
    let mut versions = state.secret_versions.indexed_by(&secret.arn).map(|(_, version)| version);
    versions.find(|version| wanted(version)).map(|version| (secret, version))
}

/// What Parameter Store tells of a secret that it passes on. It repeats the value, as AWS does.
pub(crate) fn source_of(secret: &Secret, version: &Version) -> String {
    let (key, value) = match &version.value {
        Value::String(value) => ("secretString", value),
        Value::Binary(value) => ("secretBinary", value),
    };
    let mut source = json!({
        "aRN": secret.arn, "name": secret.name, "versionId": version.id,
        "versionStages": version.stages, "createdDate": version.created_at.as_millis(),
    });
    source[key] = value.expose().into();
    source.to_string()
}

/// The ARN of a secret: its name and six random characters.
pub(super) fn arn(scope: &Scope, name: &str, suffix: &str) -> String {
    scope.arn("secretsmanager", format_args!("secret:{name}-{suffix}"))
}

/// What the ARNs of all secrets of a scope begin with.
pub(super) fn arn_prefix(scope: &Scope) -> String {
    scope.arn("secretsmanager", "secret:")
}
