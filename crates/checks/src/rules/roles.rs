//! The roles that the service names exist and may be taken on by whom they are for.

use super::{Rule, block};
use crate::line::Line;
use crate::picture::Role;
use crate::picture::read::{last, list, word};
use crate::{Asked, Found, Look, Picture, Severity};
use serde_json::{Value, json};

pub(super) const RULE: Rule = Rule {
    id: "roles",
    severity: Severity::Error,
    title: "the roles exist and trust the service that takes them on",
    why: "A task whose role is gone or does not trust ecs-tasks.amazonaws.com fails to start: no image is pulled, no \
          secret is read, no log is written. The tasks that run now do not notice until they are replaced.",
    practice: None,
    look,
};

/// Who takes on a role of a task, and who those of a deployment.
const TASKS: &str = "ecs-tasks.amazonaws.com";
const DEPLOYMENTS: &str = "ecs.amazonaws.com";

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    if let Some(definition) = look.need(&picture.definition) {
        for member in ["executionRoleArn", "taskRoleArn"] {
            if let Some(role) = word(definition, member) {
                check(picture, &mut look, member, role, TASKS);
            }
        }
        let needs = needs_execution_role(picture);
        if picture.is_on_fargate() && word(definition, "executionRoleArn").is_none() && !needs.is_empty() {
            look.finds(without_execution_role(picture, needs));
        }
    }
    for entry in picture.load_balancers() {
        if let Some(role) = entry.pointer("/advancedConfiguration/roleArn").and_then(Value::as_str) {
            check(picture, &mut look, "advancedConfiguration.roleArn", role, DEPLOYMENTS);
        }
    }
    for hook in picture.deployment().map(|it| list(it, "lifecycleHooks")).unwrap_or_default() {
        if let Some(role) = word(hook, "roleArn") {
            check(picture, &mut look, "lifecycleHooks[].roleArn", role, DEPLOYMENTS);
        }
    }
    look
}

fn check(picture: &Picture, look: &mut Look, member: &str, arn: &str, who: &str) {
    let name = last(arn);
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": who}, "Action": "sts:AssumeRole"}]});
    let terraform = block(
        "aws_iam_role",
        name,
        &format!(
            "name = \"{name}\"\nassume_role_policy = jsonencode({{\n  Version = \"2012-10-17\"\n  Statement = [{{\n    Effect    = \"Allow\"\n    Principal = {{ Service = \"{who}\" }}\n    Action    = \"sts:AssumeRole\"\n  }}]\n}})"
        ),
    );
    match picture.roles.get(arn) {
        Some(Asked::CouldNotAsk(why)) => look.cannot_tell(why),
        Some(Asked::Absent) => look.finds(
            Found::new(
                format!("role {name} does not exist"),
                format!(
                    "Make the role, and attach the policies that it needs, or name another one in {member}."
                ),
            )
            .seen_by(format!("{member} is {arn}"))
            .by(Line::aws("iam", "create-role")
                .with("--role-name", name)
                .with_json("--assume-role-policy-document", &trust)
                .written())
            .in_terraform(terraform),
        ),
        Some(Asked::Told(role)) if !trusts(role, who) => look.finds(
            Found::new(
                format!("role {name} does not let {who} take it on"),
                format!("Let {who} assume the role too."),
            )
            .seen_by(format!("{member} is {arn}"))
            .seen_by(format!("its trust policy names {}", trusted(role)))
            .by(Line::aws("iam", "update-assume-role-policy")
                .with("--role-name", name)
                .with_json("--policy-document", &trusting_also(role, &trust))
                .written())
            .in_terraform(terraform),
        ),
        Some(Asked::Told(_)) | None => {}
    }
}

/// The role's own trust policy with the statement of the other one besides.
fn trusting_also(role: &Role, trust: &Value) -> Value {
    let all: Vec<Value> = statements(role).iter().chain(list(trust, "Statement")).cloned().collect();
    let mut policy = role.trust.clone();
    if !policy.is_object() {
        return trust.clone();
    }
    policy["Statement"] = Value::Array(all);
    policy
}

/// Does a statement let the service assume the role? Conditions are not weighed.
fn trusts(role: &Role, who: &str) -> bool {
    statements(role).iter().any(|statement| {
        word(statement, "Effect") == Some("Allow")
            && texts(statement.get("Action"))
                .iter()
                .any(|action| matches!(action.to_lowercase().as_str(), "sts:assumerole" | "sts:*" | "*"))
            && principals(statement).contains(&who)
    })
}

fn trusted(role: &Role) -> String {
    let all: Vec<&str> = statements(role).iter().flat_map(principals).collect();
    if all.is_empty() { "no service".to_owned() } else { all.join(", ") }
}

fn statements(role: &Role) -> &[Value] {
    match role.trust.get("Statement") {
        Some(Value::Array(all)) => all,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
}

fn principals(statement: &Value) -> Vec<&str> {
    texts(statement.pointer("/Principal/Service"))
}

/// One text, or a list of them.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(one) => one.as_str().into_iter().collect(),
        None => Vec::new(),
    }
}

/// What on Fargate is done with the execution role.
fn needs_execution_role(picture: &Picture) -> Vec<&'static str> {
    let containers = picture.containers();
    let any = |what: &dyn Fn(&Value) -> bool| containers.iter().any(what);
    let mut needs = Vec::new();
    if any(&|it| word(it, "image").is_some_and(|image| image.contains(".dkr.ecr."))) {
        needs.push("an image in ECR");
    }
    if any(&|it| it.pointer("/logConfiguration/logDriver").and_then(Value::as_str) == Some("awslogs")) {
        needs.push("the log driver awslogs");
    }
    if any(&|it| !list(it, "secrets").is_empty()) {
        needs.push("secrets");
    }
    needs
}

fn without_execution_role(picture: &Picture, needs: Vec<&str>) -> Found {
    Found::new(
        "the task definition has no executionRoleArn, and Fargate needs one",
        "Name a role with the policy AmazonECSTaskExecutionRolePolicy in executionRoleArn, and deploy.",
    )
    .seen_by(format!("it has {}", needs.join(", ")))
    .in_terraform(super::definition_block(
        picture,
        "execution_role_arn = aws_iam_role.execution.arn # trusts ecs-tasks.amazonaws.com",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{EXECUTION_ROLE, quiet, sound, told};

    #[test]
    fn a_role_that_is_gone_is_found() {
        let mut picture = sound();
        picture.roles.insert(EXECUTION_ROLE.into(), Asked::Absent);
        insta::assert_snapshot!(told(&RULE, &picture));
    }

    #[test]
    fn a_role_that_trusts_somebody_else_is_found_and_one_of_several_is_enough() {
        let mut picture = sound();
        let trust = |who: Value| {
            Asked::Told(Role {
                trust: json!({"Statement": {"Effect": "Allow", "Principal": {"Service": who}, "Action": "sts:AssumeRole"}}),
            })
        };
        picture.roles.insert(EXECUTION_ROLE.into(), trust(json!("ec2.amazonaws.com")));
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.roles.insert(EXECUTION_ROLE.into(), trust(json!(["ec2.amazonaws.com", TASKS])));
        quiet(&RULE, &picture);
    }

    #[test]
    fn fargate_without_an_execution_role_is_found_where_it_is_needed() {
        let mut picture = sound();
        if let Asked::Told(definition) = &mut picture.definition {
            definition["executionRoleArn"] = Value::Null;
        }
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.service["launchType"] = json!("EC2");
        quiet(&RULE, &picture);
    }

    #[test]
    fn a_role_of_a_deployment_must_trust_ecs_itself() {
        let mut picture = sound();
        picture.service["loadBalancers"][0]["advancedConfiguration"]["roleArn"] = json!(EXECUTION_ROLE);
        assert!(told(&RULE, &picture).contains("does not let ecs.amazonaws.com take it on"));
    }
}
