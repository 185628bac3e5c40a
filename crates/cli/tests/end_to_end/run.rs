//! `tidegate run`: a one-off task in the place of a service, with its log and its exit code.

use std::{
    io::Read,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::{
    api::ecs,
    cloud::{Cloud, wait_until},
};

/// Says who it is and what it was told, and ends as it is told.
const JOB: &str = "echo \"hello $WHO\"; echo done; exit ${CODE:-0}";

#[test]
fn a_one_off_task_runs_where_the_service_does_prints_its_log_and_ends_with_its_code() {
    let cloud = with_jobs();
    let ran = tidegate(&cloud, &["run", "--env", "WHO=ada", "--env", "CODE=3"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(3), "{}", told(&ran));
    assert_eq!(lines(&ran.stdout), ["hello ada", "done"], "{}", told(&ran));
    let task = the_only_task(&cloud, "STOPPED");
    assert!(task["startedBy"].as_str().unwrap().starts_with("tidegate-run/"), "{task}");
    assert_eq!(task["launchType"], "FARGATE", "as the service");
    assert_eq!(
        task.pointer("/overrides/containerOverrides/0/environment"),
        Some(&json!([{ "name": "WHO", "value": "ada" }, { "name": "CODE", "value": "3" }]))
    );

    let ran = tidegate(&cloud, &["run", "--quiet", "--", "sh", "-c", "echo other; exit 4"]).output().unwrap();
    assert_eq!(
        (ran.status.code(), lines(&ran.stdout)),
        (Some(4), vec!["other".to_owned()]),
        "{}",
        told(&ran)
    );
    assert_eq!(told(&ran), "other\n", "quiet");

    let ran = tidegate(&cloud, &["run", "--output", "json", "--count", "2"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", told(&ran));
    let events: Vec<Value> =
        lines(&ran.stdout).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said = events.iter().filter(|event| event["event"] == "log" && event["message"] == "hello").count();
    assert_eq!(said, 2, "each of the two: {events:?}");
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["exit_code"]), (&json!("task_ended"), &json!(0)));
}

#[test]
fn an_image_of_its_own_gets_a_revision_that_nobody_else_is_left_with() {
    let cloud = with_jobs();
    let ran = tidegate(&cloud, &["run", "--image", "other:2"]).output().unwrap();
    assert_eq!(
        (ran.status.code(), lines(&ran.stdout)),
        (Some(0), vec!["of the other image".to_owned()]),
        "{}",
        told(&ran)
    );
    assert_eq!(active(&cloud), ["job:1"]);

    let ran = tidegate(&cloud, &["run", "--image", "nowhere:1"]).output().unwrap();
    let said = told(&ran);
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(said.contains("never started: ") && said.contains("nowhere:1"), "{said}");
    assert_eq!(active(&cloud), ["job:1"]);

    let ran = tidegate(&cloud, &["run", "--container", "web"]).output().unwrap();
    let expected = "error: the task definition has no container web; there are: app\n  help: name one of them with --container\n";
    assert_eq!((ran.status.code(), told(&ran).as_str()), (Some(1), expected));
}

#[test]
fn a_task_that_takes_too_long_or_is_interrupted_runs_on_unless_it_is_to_be_stopped() {
    let cloud = with_jobs();
    let sleeps = ["--", "sh", "-c", "echo up; exec sleep 600"];
    let ran = tidegate(&cloud, &["run", "--timeout", "2s"]).args(sleeps).output().unwrap();
    let said = told(&ran);
    assert_eq!(ran.status.code(), Some(5), "{said}");
    let task = the_only_task(&cloud, "RUNNING");
    let id = task["taskArn"].as_str().unwrap().rsplit('/').next().unwrap();
    assert!(said.contains(&format!("`aws ecs stop-task --cluster jobs --task {id}`")), "{said}");
    call(&cloud, "StopTask", &json!({ "cluster": "jobs", "task": id }));
    wait_until("it is stopped", || tasks(&cloud, "RUNNING").is_empty());

    let (code, said) = interrupted(&cloud, &[]);
    assert!(code == Some(130) && said.contains("interrupted; task ") && said.contains("runs on"), "{said}");
    let task = the_only_task(&cloud, "RUNNING");
    call(&cloud, "StopTask", &json!({ "cluster": "jobs", "task": task["taskArn"] }));
    wait_until("it is stopped", || tasks(&cloud, "RUNNING").is_empty());

    let (code, said) = interrupted(&cloud, &["--stop-on-interrupt"]);
    assert!(code == Some(130) && said.contains("was stopped"), "{said}");
    assert_eq!(tasks(&cloud, "RUNNING"), Vec::<Value>::new());
    let why = "interrupted by who ran it with tidegate run";
    assert!(tasks(&cloud, "STOPPED").iter().any(|task| task["stoppedReason"] == why));
}

/// A run of something long that gets Ctrl-C once it has printed: its exit code, and what it said to stderr.
fn interrupted(cloud: &Cloud, arguments: &[&str]) -> (Option<i32>, String) {
    let mut process = tidegate(cloud, &["run"])
        .args(arguments)
        .args(["--", "sh", "-c", "echo up; exec sleep 600"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 3];
    process.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"up\n");
    assert!(Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap().success());
    let output = process.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A cloud with a service that runs nothing, and the jobs that may run in its place.
fn with_jobs() -> Cloud {
    let images = format!(
        "    \"job:*\": {{ command: [\"sh\", \"-c\", {JOB:?}] }}\n    \
         \"other:*\": {{ command: [\"sh\", \"-c\", \"echo of the other image\"] }}\n"
    );
    let cloud = Cloud::start_configured_beside(&images, &["--speed", "20"]);
    call(&cloud, "CreateCluster", &json!({ "clusterName": "jobs" }));
    let logs = json!({ "logDriver": "awslogs", "options": {
        "awslogs-group": "/jobs", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "j",
        "awslogs-create-group": "true",
    } });
    call(
        &cloud,
        "RegisterTaskDefinition",
        &json!({
            "family": "job", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "executionRoleArn": "arn:aws:iam::000000000000:role/execution",
            "containerDefinitions": [
                { "name": "app", "image": "job:1", "stopTimeout": 2, "logConfiguration": logs },
            ],
        }),
    );
    call(
        &cloud,
        "CreateService",
        &json!({
            "cluster": "jobs", "serviceName": "jobs", "taskDefinition": "job", "desiredCount": 0,
            "launchType": "FARGATE",
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        }),
    );
    cloud
}

fn call(cloud: &Cloud, operation: &str, input: &Value) -> Value {
    let (status, body) = ecs(cloud.endpoint(), operation, input).unwrap();
    assert_eq!(status, 200, "{operation}: {body}");
    serde_json::from_str(&body).unwrap()
}

fn tasks(cloud: &Cloud, status: &str) -> Vec<Value> {
    let listed = call(cloud, "ListTasks", &json!({ "cluster": "jobs", "desiredStatus": status }));
    if listed["taskArns"].as_array().unwrap().is_empty() {
        return Vec::new();
    }
    let described = call(cloud, "DescribeTasks", &json!({ "cluster": "jobs", "tasks": listed["taskArns"] }));
    described["tasks"].as_array().unwrap().clone()
}

fn the_only_task(cloud: &Cloud, status: &str) -> Value {
    let tasks = tasks(cloud, status);
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    tasks[0].clone()
}

/// The ACTIVE revisions.
fn active(cloud: &Cloud) -> Vec<String> {
    let listed = call(cloud, "ListTaskDefinitions", &json!({ "status": "ACTIVE" }));
    let arns = listed["taskDefinitionArns"].as_array().unwrap();
    arns.iter().map(|arn| arn.as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
}

fn tidegate(cloud: &Cloud, arguments: &[&str]) -> Command {
    let config = cloud.folder().join("jobs.yml");
    std::fs::write(&config, "cluster: jobs\nservice: jobs\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.arg("--config").arg(&config).args(arguments).envs(cloud.aws_environment());
    command.env("TIDEGATE_TICK_MS", "100");
    command
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
