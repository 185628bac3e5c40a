//! The execution role may not read a secret or parameter.

use super::{Rule, Shown, anywhere, secret_missing::then_describe, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "secret-denied",
    symptom: "tasks never RUNNING: ResourceInitializationError … AccessDenied",
    what: "a secret may not be read",
    fix: "let the task execution role read the secrets that the task definition names",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[
        anywhere(&["resourceinitializationerror", "secret", "accessdenied"]),
        anywhere(&["resourceinitializationerror", "secret", "not authorized"]),
    ],
    look,
    shown: Shown::InSentences,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    Some(then_describe(case, said(rule, case)?))
}
