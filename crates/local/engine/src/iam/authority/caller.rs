//! Who calls, by the session token of the credentials. A token is a claim that nobody signed: the local cloud trusts
//! the machine that it runs on. Start at [`Caller::of_token`].

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use tidegate_models::Timestamp;

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The account itself, who may do everything.
    Root,
    /// Whoever assumed a role.
    Role(Session),
}

/// An assumed role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The role's account: twelve digits.
    pub account: String,
    /// The role's name.
    pub role: String,
    /// The session's name.
    pub name: String,
    /// When the credentials are good no more.
    pub expires: Timestamp,
}

impl Caller {
    /// Who has this session token; without one, or with one that STS did not give here, the account itself.
    pub fn of_token(token: Option<&str>) -> Self {
        let session = token.and_then(|token| {
            let document = URL_SAFE_NO_PAD.decode(token).ok()?;
            serde_json::from_slice(&document).ok()
        });
        session.map_or(Self::Root, Self::Role)
    }

    /// The ARN that `GetCallerIdentity` answers for a caller in this account.
    pub fn arn(&self, account: &str) -> String {
        match self {
            Self::Root => format!("arn:aws:iam::{account}:root"),
            Self::Role(session) => session.arn(),
        }
    }
}

impl Session {
    /// The session token that says all of it.
    pub(crate) fn token(&self) -> String {
        // A struct of strings and a number can always be written.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// `arn:aws:sts::123456789012:assumed-role/deployer/run-7`
    pub fn arn(&self) -> String {
        format!("arn:aws:sts::{}:assumed-role/{}/{}", self.account, self.role, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_who_assumed_which_role() {
        let session = Session {
            account: "123456789012".into(),
            role: "deployer".into(),
            name: "run-7".into(),
            expires: Timestamp::from_millis(7),
        };
        assert_eq!(Caller::of_token(Some(&session.token())), Caller::Role(session));
        for foreign in [None, Some(""), Some("FwoGZXIvYXdzEJr"), Some("e30")] {
            assert_eq!(Caller::of_token(foreign), Caller::Root, "{foreign:?}");
        }
    }
}
