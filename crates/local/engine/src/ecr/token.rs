//! The tokens with which registries are asked: whose registry it is, where, and until when.
//!
//! They are not signed. Whoever reaches the local cloud may call it in any account's name, so there is nothing to prove.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use tidegate_models::Timestamp;

use crate::Scope;

/// The name that goes with each token.
pub const USER: &str = "AWS";

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The registry: an account's in a region.
    pub scope: Scope,
    /// When it ends, in milliseconds since the Unix epoch.
    pub expires: i64,
}

impl Token {
    /// One that ends at `expires`.
    pub fn new(scope: Scope, expires: Timestamp) -> Self {
        Self { scope, expires: expires.as_millis() }
    }

    /// As `docker login` takes it for a password.
    pub fn password(&self) -> String {
        BASE64.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// As `GetAuthorizationToken` answers: name and password, encoded as HTTP's basic authorization is.
    pub fn authorization(&self) -> String {
        BASE64.encode(format!("{USER}:{}", self.password()))
    }

    /// Reads a password.
    pub fn of_password(password: &str) -> Option<Self> {
        serde_json::from_slice(&BASE64.decode(password).ok()?).ok()
    }

    /// Reads what follows `Basic` in HTTP.
    pub fn of_authorization(authorization: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64.decode(authorization).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        (user == USER).then(|| Self::of_password(password)).flatten()
    }

    /// Whether it has ended by `now`.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        now.as_millis() >= self.expires
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_went_and_other_names_are_refused() {
        let scope = Scope { account: "123456789012".to_owned(), region: "eu-west-1".to_owned() };
        let token = Token::new(scope, Timestamp::from_millis(1000));
        assert_eq!(Token::of_authorization(&token.authorization()), Some(token.clone()));
        let other = BASE64.encode(format!("me:{}", token.password()));
        assert_eq!(Token::of_authorization(&other), None);
        assert_eq!(Token::of_authorization("AWS"), None);
        assert!(
            token.has_expired(Timestamp::from_millis(1000))
                && !token.has_expired(Timestamp::from_millis(999))
        );
    }
}
