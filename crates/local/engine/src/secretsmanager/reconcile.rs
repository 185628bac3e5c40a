//! A deleted secret is gone once its recovery window is over.

use tidegate_models::Timestamp;

use super::api::remove;
use crate::State;

/// Removes the secret if it is due. Answers when it will be.
pub(crate) fn reconcile_secret(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    let due_at = state.secrets.get(arn)?.deletion?.due_at;
    if due_at > now {
        return Some(due_at);
    }
    remove(state, arn);
    None
}
