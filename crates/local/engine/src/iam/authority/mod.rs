//! Who may do what: the callers of a local cloud that enforces IAM, and what their roles' policies grant.
//!
//! Nothing here is asked unless the cloud was started to enforce it. The account's own keys may do everything, as its
//! root user may; credentials that STS gave for a role may do what that role's policies allow. Policies of resources and
//! of sessions are not looked at. Start at [`authorize`].

mod asks;
mod caller;
mod pattern;
mod policy;

use serde_json::Value;

use super::{managed, records};
use crate::{ApiError, Scope, State};
pub use caller::{Caller, Session};
pub use policy::Ask;
use policy::{Answer, Document};

/// A call that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// What was not allowed of all that the call needs.
    pub ask: Ask,
    /// In AWS's words, for the caller.
    pub message: String,
}

impl Denied {
    /// The error by the name that services of this kind of protocol give it.
    pub fn error(self, speaks_json: bool) -> ApiError {
        ApiError::new(if speaks_json { "AccessDeniedException" } else { "AccessDenied" }, self.message)
    }
}

/// What a call needs to be allowed.
pub fn needed(state: &State, scope: &Scope, service: &str, operation: &str, input: &Value) -> Vec<Ask> {
    asks::needed(state, scope, service, operation, input)
}

/// Whether the role of `session` may do all of `asks`; the first that it may not.
///
/// # Errors
/// What is denied, or not granted.
pub fn authorize(state: &State, session: &Session, asks: &[Ask]) -> Result<(), Denied> {
    let role = state.iam_roles.get(&records::key(&session.account, &session.role));
    let documents: Vec<Document> = role.map(|role| granted(state, role)).unwrap_or_default();
    let boundary =
        role.and_then(|role| role.permissions_boundary.as_deref()).map(|arn| managed_policy(state, arn));
    for ask in asks {
        let answers = || documents.iter().map(|document| document.answer(ask));
        let bounded = boundary.as_ref().map_or(Answer::Allows, |boundary| boundary.answer(ask));
        let why = if answers().any(|answer| answer == Answer::Denies) {
            "with an explicit deny in an identity-based policy"
        } else if !answers().any(|answer| answer == Answer::Allows) {
            "because no identity-based policy allows the"
        } else if bounded == Answer::Denies {
            "with an explicit deny in a permissions boundary"
        } else if bounded == Answer::SaysNothing {
            "because no permissions boundary allows the"
        } else {
            continue;
        };
        return Err(Denied { message: message(session, ask, why), ask: ask.clone() });
    }
    Ok(())
}

fn message(session: &Session, ask: &Ask, why: &str) -> String {
    let ending =
        if why.starts_with("because") { format!("{why} {} action", ask.action) } else { why.to_owned() };
    format!(
        "User: {} is not authorized to perform: {} on resource: {} {ending}",
        session.arn(),
        ask.action,
        ask.resource
    )
}

/// The documents of a role: its own, and those that are attached.
fn granted(state: &State, role: &records::Role) -> Vec<Document> {
    let inline = role.inline.values().map(|document| Document::read(document));
    inline.chain(role.attached.iter().map(|arn| managed_policy(state, arn))).collect()
}

fn managed_policy(state: &State, arn: &str) -> Document {
    let made = state.iam_policies.get(arn);
    let made = made.and_then(|policy| policy.versions.get(&policy.default_version));
    match (made, managed::by_arn(arn)) {
        (Some(version), _) => Document::read(&version.document),
        (None, Some(policy)) => Document::read(&policy.document),
        (None, None) => Document::read(""),
    }
}
