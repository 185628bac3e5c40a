//! The secret is there, and has not the key that is asked for.

use super::{Rule, Shown, anywhere, secret_missing::then_describe, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "secret-key-missing",
    symptom: "tasks never RUNNING: ResourceInitializationError … did not contain json key",
    what: "a secret has no such JSON key",
    fix: "correct the key at the end of valueFrom, or put it into the secret",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[
        anywhere(&["resourceinitializationerror", "did not contain json key"]),
        anywhere(&["resourceinitializationerror", "invalid character", "json"]),
    ],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let cause = said(rule, case)?;
    let cause = match super::named_after(cause.said(), "json key ").map(str::to_owned) {
        Some(key) => cause.named(format!("a secret has no JSON key {key}")),
        None => cause,
    };
    Some(then_describe(case, cause))
}
