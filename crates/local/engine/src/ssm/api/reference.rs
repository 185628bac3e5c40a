//! `/aws/reference/secretsmanager/NAME`: a secret of Secrets Manager read as if it were a parameter.

use tidegate_models::ssm::{self, ParameterType};

use super::{invalid, not_found};
use crate::{ApiError, Context, State, secretsmanager};

/// What the names of such parameters begin with.
const PREFIX: &str = "/aws/reference/secretsmanager/";

/// Whether somebody who reads wants to see what is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decryption {
    Wanted,
    NotWanted,
}

impl Decryption {
    pub(super) fn of(flag: Option<bool>) -> Self {
        if flag == Some(true) { Self::Wanted } else { Self::NotWanted }
    }
}

/// The secret that `name` refers to; `None` when it is the name of a parameter.
pub(super) fn find(
    state: &State,
    context: &Context,
    name: &str,
    decryption: Decryption,
) -> Option<Result<ssm::Parameter, ApiError>> {
    let secret = name.strip_prefix(PREFIX)?;
    Some(if decryption == Decryption::Wanted {
        read(state, context, name, secret)
    } else {
        Err(invalid("WithDecryption flag must be True for retrieving a Secret Manager secret."))
    })
}

fn read(state: &State, context: &Context, name: &str, secret: &str) -> Result<ssm::Parameter, ApiError> {
    let (secret, selector) = match secret.split_once(':') {
        Some((secret, selector)) => (secret, Some(selector)),
        None => (secret, None),
    };
    let found = secretsmanager::find_value(state, &context.scope, secret, |version| match selector {
        Some(selector) => version.id == selector || version.has_stage(selector),
        None => version.has_stage(secretsmanager::CURRENT),
    });
    let (row, version) = found.ok_or_else(|| not_found(name))?;
    Ok(ssm::Parameter {
        arn: Some(row.arn.clone()),
        data_type: Some("text".to_owned()),
        last_modified_date: Some(version.created_at),
        name: Some(format!("{PREFIX}{secret}")),
        selector: selector.map(|selector| format!(":{selector}")),
        source_result: Some(secretsmanager::source_of(row, version)),
        r#type: Some(ParameterType::SecureString),
        value: Some(version.value.secret().clone()),
        version: Some(0),
    })
}
