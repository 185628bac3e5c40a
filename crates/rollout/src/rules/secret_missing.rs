//! Secrets Manager has no such secret.

use super::{Rule, Shown, anywhere, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "secret-missing",
    symptom: "tasks never RUNNING: ResourceInitializationError … can't find the specified secret",
    what: "a secret does not exist",
    fix: "create the secret or correct its valueFrom",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[
        anywhere(&["resourceinitializationerror", "secret", "resourcenotfound"]),
        anywhere(&["resourceinitializationerror", "secret", "can't find"]),
    ],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let cause = said(rule, case)?;
    let cause = match secret_of(cause.said()) {
        Some(name) => {
            let what = format!("the secret {name} does not exist");
            cause.named(what)
        }
        None => cause,
    };
    Some(then_describe(case, cause))
}

/// With the command that asks Secrets Manager for the secret that is named.
pub(super) fn then_describe(case: &Case, cause: Cause) -> Cause {
    let by_sentence = secret_of(cause.said()).map(str::to_owned);
    match by_sentence.or_else(|| first_of_definition(case)) {
        Some(name) => cause.then(format!("aws secretsmanager describe-secret --secret-id {name}")),
        None => cause,
    }
}

/// The name in `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME`, where a sentence has one.
pub(super) fn secret_of(sentence: &str) -> Option<&str> {
    let rest = sentence.split_once(":secret:")?.1;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_/+=.@".contains(c))).unwrap_or(rest.len());
    Some(&rest[..end]).filter(|name| !name.is_empty())
}

/// The first secret that the task definition names.
fn first_of_definition(case: &Case) -> Option<String> {
    let containers = case.task_definition.known()?.get("containerDefinitions")?.as_array()?;
    let secrets = containers.iter().filter_map(|it| it.get("secrets")?.as_array()).flatten();
    let mut named = secrets.filter_map(|it| secret_of(it.get("valueFrom")?.as_str()?));
    named.next().map(str::to_owned)
}
