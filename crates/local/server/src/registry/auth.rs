//! Who may ask the registry, and which registry it is: the token says both.

use http::{StatusCode, header, request::Parts};
use tidegate_engine::{Scope, Timestamp, ecr::token::Token};

use super::{error::Refusal, parameter};

/// The registry that a request's token is for. The addresses that ECR gives for layers hold it in the query.
pub(super) fn scope(parts: &Parts, now: Timestamp) -> Result<Scope, Refusal> {
    let given = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = match given.and_then(|value| value.split_once(' ')) {
        Some((scheme, value)) if scheme.eq_ignore_ascii_case("basic") => {
            Token::of_authorization(value.trim())
        }
        _ => parameter(parts, "token").and_then(|password| Token::of_password(&password)),
    };
    let token = token.ok_or_else(|| {
        Refusal::new(
            StatusCode::UNAUTHORIZED,
            "UNAUTHORIZED",
            "Not Authorized: log in with `aws ecr get-login-password | docker login --username AWS --password-stdin`, \
             against the host of repositoryUri",
        )
    })?;
    if token.has_expired(now) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "DENIED",
            "Your authorization token has expired. Reauthenticate and try again.",
        ));
    }
    Ok(token.scope)
}
