//! Parameter Store has no such parameter.

use super::{Rule, Shown, anywhere, named_after, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "parameter-missing",
    symptom: "tasks never RUNNING: ResourceInitializationError … invalid ssm parameters",
    what: "a parameter does not exist",
    fix: "create the SSM parameter or correct its valueFrom",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[
        anywhere(&["resourceinitializationerror", "invalid ssm parameters"]),
        anywhere(&["resourceinitializationerror", "secret", "invalid parameter"]),
    ],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let cause = said(rule, case)?;
    let name = named_after(cause.said(), "invalid ssm parameters: ").map(str::to_owned);
    Some(match name {
        Some(name) => cause
            .named(format!("the parameter {name} does not exist"))
            .then(format!("aws ssm get-parameter --name {name}")),
        None => cause,
    })
}
