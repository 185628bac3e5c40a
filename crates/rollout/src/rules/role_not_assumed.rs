//! ECS cannot take on the role that the task definition names.

use super::{Rule, Shown, anywhere, by_event, named_after, said, short_arn};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "role-not-assumed",
    symptom: "no task is launched; events name a role",
    what: "ECS cannot assume the role of the task definition",
    fix: "create the role, or correct executionRoleArn and taskRoleArn; it must trust ecs-tasks.amazonaws.com",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[
        anywhere(&["unable to assume the role"]),
        by_event(&["failed to launch a task", "assume role"]),
    ],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let cause = said(rule, case)?;
    let role = cause.said().split('\'').nth(1).or_else(|| named_after(cause.said(), "role "));
    let role = role.filter(|role| role.starts_with("arn:")).map(|arn| short_arn(arn).to_owned());
    Some(match role {
        Some(role) => cause
            .named(format!("ECS cannot assume the role {role} of the task definition"))
            .then(format!("aws iam get-role --role-name {role}")),
        None => cause,
    })
}
