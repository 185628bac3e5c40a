//! What a task needs before it starts: secrets of its definition, and log groups. What is missing fails it in ECS's words.

use serde_json::{Value, json};
use tidegate_engine::{
    Event, StopCause, TaskChange,
    ecs::{Injected, resources},
};

use super::{definition, ready, with};
use crate::cloud::{Cloud, text};

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret";

fn token(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

/// A cloud with a parameter and a secret of two versions; the secret's ARN.
fn world() -> (Cloud, String) {
    let (mut cloud, _) = ready();
    cloud.call("PutParameter", json!({"Name": "/db/host", "Value": "db.internal", "Type": "SecureString"}));
    let arn = cloud.at("secretsmanager", |cloud| {
        let first = json!({"Name": "db", "SecretString": r#"{"user":"ann","port":5432,"pw":"old"}"#,
            "ClientRequestToken": token(1)});
        let arn = text(&cloud.call("CreateSecret", first)["ARN"]);
        let second = json!({"SecretId": "db", "SecretString": r#"{"user":"ann","port":5432,"pw":"new"}"#,
            "ClientRequestToken": token(2)});
        cloud.call("PutSecretValue", second);
        arn
    });
    (cloud, arn)
}

/// Registers `web` anew with `change` made to its first container, and runs it: the task's ARN.
fn run(cloud: &mut Cloud, change: Value) -> String {
    let mut definition = definition("web");
    let container = with(definition["containerDefinitions"][0].clone(), change);
    definition["containerDefinitions"][0] = container;
    cloud.call("RegisterTaskDefinition", definition);
    let input = json!({
        "cluster": "prod", "taskDefinition": "web", "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
    });
    text(&cloud.call("RunTask", input)["tasks"][0]["taskArn"])
}

fn needs(cloud: &mut Cloud, value_from: &str) -> Result<String, String> {
    let task = run(cloud, json!({"secrets": [{"name": "IT", "valueFrom": value_from}]}));
    let injected: Vec<Injected> = resources(cloud.engine.state(), &task)?;
    assert_eq!((injected[0].container.as_str(), injected[0].name.as_str()), ("app", "IT"));
    Ok(injected[0].value.expose().to_owned())
}

#[test]
fn a_value_is_found_wherever_value_from_points() {
    let (mut cloud, arn) = world();
    let parameter = "arn:aws:ssm:eu-west-1:123456789012:parameter/db/host";
    for (value_from, expected) in [
        ("/db/host", "db.internal"),
        (parameter, "db.internal"),
        (arn.as_str(), r#"{"user":"ann","port":5432,"pw":"new"}"#),
        (&format!("{SECRET}:db"), r#"{"user":"ann","port":5432,"pw":"new"}"#),
        (&format!("{arn}:pw::"), "new"),
        (&format!("{arn}:port::"), "5432"),
        (&format!("{arn}:pw:AWSPREVIOUS:"), "old"),
        (&format!("{arn}:pw::{}", token(1)), "old"),
        (&format!("{arn}::AWSPREVIOUS:"), r#"{"user":"ann","port":5432,"pw":"old"}"#),
    ] {
        assert_eq!(needs(&mut cloud, value_from).as_deref(), Ok(expected), "{value_from}");
    }
}

#[test]
fn what_is_missing_fails_the_task_in_the_words_of_ecs() {
    let (mut cloud, arn) = world();
    let failed = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed";
    let of_secret =
        format!("{failed}: unable to retrieve secret from asm: service call has been retried 1 time(s)");
    for (value_from, expected) in [
        (
            "/db/none".to_owned(),
            format!(
                "{failed}: unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm \
                 parameters: /db/none"
            ),
        ),
        (
            format!("{SECRET}:none-AbCdEf"),
            format!(
                "{of_secret}: failed to fetch secret {SECRET}:none-AbCdEf from secrets manager: \
                 ResourceNotFoundException: Secrets Manager can't find the specified secret."
            ),
        ),
        (
            format!("{arn}:none::"),
            format!("{of_secret}: retrieved secret from Secrets Manager did not contain json key none"),
        ),
    ] {
        let refused = needs(&mut cloud, &value_from).unwrap_err();
        assert_eq!(refused, expected);
        assert!(!refused.contains("new") && !refused.contains("ann"), "{refused}");
    }
    let option = json!({"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g",
        "awslogs-create-group": "true"}, "secretOptions": [{"name": "x", "valueFrom": "/db/none"}]}});
    let task = run(&mut cloud, option);
    assert!(resources(cloud.engine.state(), &task).unwrap_err().contains("invalid ssm parameters: /db/none"));
}

#[test]
fn a_missing_log_group_fails_the_task_unless_it_is_to_be_made() {
    let (mut cloud, _) = ready();
    let logs = |more: Value| {
        let options = with(
            json!({"awslogs-group": "/ecs/web", "awslogs-region": "eu-west-1",
            "awslogs-stream-prefix": "p"}),
            more,
        );
        json!({"logConfiguration": {"logDriver": "awslogs", "options": options}})
    };
    let task = run(&mut cloud, logs(json!({})));
    assert_eq!(
        resources(cloud.engine.state(), &task).unwrap_err(),
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to \
         create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1"
    );
    let odd = run(&mut cloud, logs(json!({"awslogs-colour": "red", "awslogs-create-group": "true"})));
    assert!(
        resources(cloud.engine.state(), &odd)
            .unwrap_err()
            .contains("unknown log opt 'awslogs-colour' for awslogs")
    );
    let task = run(&mut cloud, logs(json!({"awslogs-create-group": "true", "mode": "non-blocking"})));
    assert_eq!(resources(cloud.engine.state(), &task), Ok(Vec::new()));
    cloud.observe(Event::LogsBegin(task.clone()));
    let id = task.rsplit('/').next().unwrap();
    let stream = format!("arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/web:log-stream:p/app/{id}");
    assert!(cloud.engine.state().log_streams.contains(&stream));
}

#[test]
fn a_task_that_fails_so_is_stopped_with_the_reason() {
    let (mut cloud, _) = world();
    let task = run(&mut cloud, json!({"secrets": [{"name": "IT", "valueFrom": "/db/none"}]}));
    let reason = resources(cloud.engine.state(), &task).unwrap_err();
    let change = TaskChange::Stopped { cause: StopCause::TaskFailedToStart, reason: reason.clone() };
    cloud.observe(Event::Task { task: task.clone(), change });
    let described = cloud.call("DescribeTasks", json!({"cluster": "prod", "tasks": [task]}));
    let task = &described["tasks"][0];
    assert_eq!((&task["stopCode"], &task["stoppedReason"]), (&json!("TaskFailedToStart"), &json!(reason)));
}

#[test]
fn on_the_stage_of_a_rehearsal_what_is_missing_is_invented() {
    let mut cloud = Cloud::inventing();
    cloud.call("CreateCluster", json!({"clusterName": "prod"}));
    let container = json!({
        "secrets": [{"name": "IT", "valueFrom": format!("{SECRET}:none-AbCdEf:key::")}],
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/web", "awslogs-stream-prefix": "p"}},
    });
    let task = run(&mut cloud, container);
    assert_eq!(resources(cloud.engine.state(), &task).unwrap()[0].value.expose(), "rehearsal");
    cloud.observe(Event::LogsBegin(task));
    assert_eq!(cloud.engine.state().log_groups.len(), 1);
}

#[test]
fn a_role_that_does_not_exist_fails_the_task_where_roles_are_made_at_all() {
    let (mut cloud, _) = ready();
    let named = |cloud: &mut Cloud, role: &str| {
        let mut definition = definition("web");
        definition["executionRoleArn"] = json!(format!("arn:aws:iam::123456789012:role/{role}"));
        cloud.call("RegisterTaskDefinition", definition);
        let input = json!({
            "cluster": "prod", "taskDefinition": "web", "launchType": "FARGATE",
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        });
        let task = text(&cloud.call("RunTask", input)["tasks"][0]["taskArn"]);
        resources(cloud.engine.state(), &task).map(drop)
    };
    assert_eq!(named(&mut cloud, "none"), Ok(()), "nobody has made a role");
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    cloud.at("iam", |cloud| {
        cloud.call("CreateRole", json!({"RoleName": "execution", "AssumeRolePolicyDocument": trust}));
    });
    assert_eq!(named(&mut cloud, "execution"), Ok(()));
    let refused = named(&mut cloud, "none").unwrap_err();
    assert!(
        refused.starts_with(
            "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/none' that was provided for this task."
        ),
        "{refused}"
    );
}
