//! The secrets and parameters that the task definition names exist.

use super::{Rule, definition_block};
use crate::picture::Secret;
use crate::picture::read::{list, word};
use crate::{Asked, Found, Look, Picture, Severity};
use serde_json::Value;

pub(super) const RULE: Rule = Rule {
    id: "secrets",
    severity: Severity::Error,
    title: "the secrets exist",
    why: "A task that names a secret that is gone does not start (ResourceInitializationError). Those that run keep \
          their copy, so that nobody notices before the next deployment, or the next crash at night.",
    practice: None,
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    if look.need(&picture.definition).is_none() {
        return look;
    }
    for (container, place, name) in named(picture) {
        let what = match picture.secrets.get(&name) {
            Some(Asked::CouldNotAsk(why)) => {
                look.cannot_tell(why);
                continue;
            }
            Some(Asked::Absent) => "does not exist",
            Some(Asked::Told(Secret::Deleted)) => "is scheduled for deletion",
            Some(Asked::Told(Secret::There)) | None => continue,
        };
        let is_deleted = what.ends_with("deletion");
        let short = short(&name);
        let fix = if is_deleted {
            "Take it back, before it is gone for good."
        } else {
            "Make it again with its value, or name another one in the task definition, and deploy."
        };
        let mut found = Found::new(format!("secret {short} {what}"), fix)
            .seen_by(format!("container {container}, {place}: {name}"))
            .in_terraform(definition_block(
                picture,
                &format!("# in container_definitions, container \"{container}\"\nsecrets = [{{ name = \"…\", valueFrom = data.aws_secretsmanager_secret.this.arn }}] # a plan fails while it is missing"),
            ));
        if is_deleted {
            let command = crate::line::Line::aws("secretsmanager", "restore-secret");
            found = found.by(command.with("--secret-id", whole(&name)).written());
        }
        look.finds(found);
    }
    look
}

/// Each secret with its container and the member that names it.
fn named(picture: &Picture) -> Vec<(&str, String, String)> {
    let mut all = Vec::new();
    for container in picture.containers() {
        let of = word(container, "name").unwrap_or_default();
        let options =
            container.get("logConfiguration").map(|it| list(it, "secretOptions")).unwrap_or_default();
        for (member, secrets) in [("secrets", list(container, "secrets")), ("secretOptions", options)] {
            for secret in secrets {
                let variable = word(secret, "name").unwrap_or_default();
                if let Some(from) = word(secret, "valueFrom") {
                    all.push((of, format!("{member} {variable}"), from.to_owned()));
                }
            }
        }
        let credentials = container.pointer("/repositoryCredentials/credentialsParameter");
        if let Some(from) = credentials.and_then(Value::as_str) {
            all.push((of, "repositoryCredentials".to_owned(), from.to_owned()));
        }
    }
    all
}

/// The name in an ARN of Secrets Manager or Parameter Store, without what is chosen of its value.
fn short(name: &str) -> &str {
    let after = |mark: &str| name.split_once(mark).map(|(_, rest)| rest);
    after(":secret:")
        .map(|rest| rest.split(':').next().unwrap_or(rest))
        .or(after(":parameter"))
        .unwrap_or(name)
}

/// The ARN without what is chosen of the secret's value.
fn whole(name: &str) -> &str {
    // `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME` are seven parts.
    name.match_indices(':').nth(6).map_or(name, |(at, _)| &name[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SECRET, quiet, sound, told};

    #[test]
    fn a_secret_that_is_gone_or_going_is_found_and_one_that_is_there_is_not() {
        let mut picture = sound();
        picture.secrets.insert(SECRET.into(), Asked::Absent);
        insta::assert_snapshot!("gone", told(&RULE, &picture));
        picture.secrets.insert(SECRET.into(), Asked::Told(Secret::Deleted));
        insta::assert_snapshot!("going", told(&RULE, &picture));
        picture.secrets.insert(SECRET.into(), Asked::Told(Secret::There));
        quiet(&RULE, &picture);
    }

    #[test]
    fn a_secret_that_may_not_be_asked_for_is_not_missing() {
        let mut picture = sound();
        picture.secrets.insert(SECRET.into(), Asked::CouldNotAsk("not allowed".into()));
        assert_eq!((RULE.look)(&picture).untold, ["not allowed"]);
    }

    #[test]
    fn names_are_told_without_the_account() {
        assert_eq!(short("arn:aws:secretsmanager:r:1:secret:db/api-AbCdEf:password::"), "db/api-AbCdEf");
        assert_eq!(short("arn:aws:ssm:r:1:parameter/db/password"), "/db/password");
        assert_eq!(short("db-password"), "db-password");
    }
}
