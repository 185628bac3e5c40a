//! `tidegate init`, as somebody does who has a service and wants to ship it: the files of what runs, with which nothing
//! differs, from which it is shipped, and by whose workflows it is shipped and taken back. Nothing secret is in them.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::{
    api::{ecs, element, query},
    cloud::{Cloud, wait_until},
    workflow::Job,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");

#[test]
fn the_files_of_a_service_that_runs_ship_it_and_so_do_the_workflows() {
    let cloud = Cloud::start_configured_beside(
        &format!("    \"*/web*\": {{ command: [{PROGRAM:?}, \"sample-service\"] }}\n"),
        &["--speed", "20"],
    );
    alarm(&cloud, "web-5xx");
    service(&cloud);
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let named = ["--cluster", "shop", "--service", "web"];

    let written = tidegate(&cloud, here, &[&["init", "service"], &named[..]].concat(), &[]);
    assert_eq!(written.status.code(), Some(0), "{}", told(&written));
    let said = String::from_utf8_lossy(&written.stdout).into_owned();
    assert!(
        said.contains("wrote tidegate.yml") && said.contains("environment[DB_PASSWORD] looks like a secret"),
        "{said}"
    );
    let config = std::fs::read_to_string(here.join("tidegate.yml")).unwrap();
    let definition = std::fs::read_to_string(here.join("task-definition.json")).unwrap();
    for text in [&config, &definition, &said] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    assert!(config.contains("gates:\n  - alarm: web-5xx\n"), "{config}");

    // What was written is what runs: nothing differs once the secret and the image are given.
    let running = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1";
    let given = [("IMAGE", running), ("DB_PASSWORD", "hunter2")];
    let difference = tidegate(&cloud, here, &["diff"], &given);
    assert_eq!(difference.status.code(), Some(0), "{}", told(&difference));
    // Without the secret nothing is shipped.
    let without = tidegate(&cloud, here, &["deploy", "--dry-run"], &given[..1]);
    assert_eq!(without.status.code(), Some(2), "{}", told(&without));
    assert!(told(&without).contains("DB_PASSWORD is not set"), "{}", told(&without));

    // What is there is not overwritten unasked, and then nothing is written at all.
    std::fs::write(here.join("tidegate.yml"), "mine").unwrap();
    std::fs::remove_file(here.join("task-definition.json")).unwrap();
    let refused =
        tidegate(&cloud, here, &[&["init", "service", "--config", "/dev/null"], &named[..]].concat(), &[]);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    assert!(
        told(&refused).contains("tidegate.yml is there already; nothing was written"),
        "{}",
        told(&refused)
    );
    assert!(!here.join("task-definition.json").exists());
    std::fs::write(here.join("tidegate.yml"), &config).unwrap();
    std::fs::write(here.join("task-definition.json"), &definition).unwrap();

    // The same from what the AWS CLI answered, without a call.
    from_answers(&cloud, here, &definition);

    let workflows = tidegate(&cloud, here, &["init", "github", "--github", "shop/web"], &[]);
    assert_eq!(workflows.status.code(), Some(0), "{}", told(&workflows));
    let read = |path: &str| std::fs::read_to_string(here.join(path)).unwrap();
    let files = [("tidegate.yml", config.as_str()), ("task-definition.json", definition.as_str())];
    let trust: Value = serde_json::from_str(&read(".github/aws/trust.json")).unwrap();
    assert_eq!(
        trust["Statement"][0]["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"],
        "repo:shop/web:ref:refs/heads/main"
    );
    assert!(
        read(".github/aws/permissions.json").contains("arn:aws:ecs:eu-west-1:123456789012:service/shop/web")
    );

    // The workflow ships by the digest of what it pushed.
    let deploy = read(".github/workflows/deploy.yml");
    let mut job = Job::of(&deploy, "abc", &files, &cloud).with_environment("DB_PASSWORD", "hunter2");
    let ended = job.run();
    let last = ended.last().unwrap();
    assert_eq!((ended.len(), last.exit), (5, Some(0)), "{}", last.said);
    assert_eq!(last.outputs["verdict"], "promoted");
    assert!(!last.said.contains("hunter2") && !last.summary.contains("hunter2"));
    let image = &described(&cloud, "web:2")["containerDefinitions"][0]["image"];
    let digest = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/web@sha256:{:064}", 7);
    assert_eq!(image, digest.as_str());

    // And the other one takes it back: first only looking, then for good.
    let rollback = read(".github/workflows/rollback.yml");
    for (dry_run, revision) in [("true", ":web:2"), ("false", ":web:1")] {
        let job = Job::of(&rollback, "abc", &files, &cloud);
        let ended = job.with_input("to-revision", "").with_input("dry-run", dry_run).run();
        let last = ended.last().unwrap();
        assert_eq!(last.exit, Some(0), "{}", last.said);
        let running = call(&cloud, "DescribeServices", &json!({"cluster": "shop", "services": ["web"]}));
        let running = running["services"][0]["taskDefinition"].as_str().unwrap().replace('/', ":");
        assert!(running.ends_with(revision), "{running}: {}", last.said);
    }
}

fn from_answers(cloud: &Cloud, here: &Path, definition: &str) {
    let service = call(cloud, "DescribeServices", &json!({"cluster": "shop", "services": ["web"]}));
    let described =
        call(cloud, "DescribeTaskDefinition", &json!({"taskDefinition": "web", "include": ["TAGS"]}));
    std::fs::write(here.join("s.json"), service.to_string()).unwrap();
    std::fs::write(here.join("t.json"), described.to_string()).unwrap();
    let arguments = ["init", "service", "--from", "s.json", "--from", "t.json", "--dir", "again"];
    let output = Command::new(PROGRAM).current_dir(here).args(arguments).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert_eq!(std::fs::read_to_string(here.join("again/task-definition.json")).unwrap(), definition);
    let alone = ["init", "service", "--from", "s.json", "--dry-run"];
    let output = Command::new(PROGRAM).current_dir(here).args(alone).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(
        told(&output).contains("no file holds what describe-task-definition answers"),
        "{}",
        told(&output)
    );
}

/// A service with an alarm that watches its deployments, and a secret where none belongs.
fn service(cloud: &Cloud) {
    call(cloud, "CreateCluster", &json!({"clusterName": "shop"}));
    call(
        cloud,
        "RegisterTaskDefinition",
        &json!({
            "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
            "tags": [{"key": "team", "value": "shop"}],
            "containerDefinitions": [{
                "name": "app", "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1", "stopTimeout": 2,
                "portMappings": [{"containerPort": 8080}],
                "environment": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "DB_PASSWORD", "value": "hunter2"}],
            }],
        }),
    );
    call(
        cloud,
        "CreateService",
        &json!({
            "cluster": "shop", "serviceName": "web", "taskDefinition": "web", "desiredCount": 1, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            "deploymentConfiguration": {
                "deploymentCircuitBreaker": {"enable": true, "rollback": true},
                "alarms": {"alarmNames": ["web-5xx"], "enable": true, "rollback": true},
            },
        }),
    );
    wait_until("the first release is steady", || {
        let service = call(cloud, "DescribeServices", &json!({"cluster": "shop", "services": ["web"]}));
        service["services"][0]["deployments"][0]["rolloutState"] == "COMPLETED"
    });
}

fn alarm(cloud: &Cloud, name: &str) {
    let parameters = format!(
        "AlarmName={name}&Namespace=Web&MetricName=Errors&Statistic=Sum&Period=60&EvaluationPeriods=1&Threshold=5\
         &ComparisonOperator=GreaterThanThreshold&TreatMissingData=notBreaching"
    );
    let (status, body) =
        query(cloud.endpoint(), "monitoring", "2010-08-01", "PutMetricAlarm", &parameters).unwrap();
    assert_eq!(status, 200, "{body}");
    assert!(!element(&body, "RequestId").is_empty());
}

fn described(cloud: &Cloud, revision: &str) -> Value {
    call(cloud, "DescribeTaskDefinition", &json!({"taskDefinition": revision}))["taskDefinition"].clone()
}

fn call(cloud: &Cloud, operation: &str, input: &Value) -> Value {
    let (status, body) = ecs(cloud.endpoint(), operation, input).unwrap();
    assert_eq!(status, 200, "{operation}: {body}");
    serde_json::from_str(&body).unwrap()
}

fn tidegate(cloud: &Cloud, here: &Path, arguments: &[&str], more: &[(&str, &str)]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.current_dir(here).args(arguments).env_clear();
    command.envs(cloud.aws_environment()).envs(more.iter().copied()).env("TIDEGATE_TICK_MS", "100");
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
