//! Secrets reach the containers that ask for them, and nothing else: not what the API answers, not what is on disk, not
//! what anybody prints.

use std::{
    collections::BTreeSet,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::{
    api,
    cloud::{Cloud, wait_until},
    docker::{self, IMAGE},
};

/// A part of every secret value.
const MARK: &str = "kept-8d1f0c3a-secret";

const NAMES: [&str; 6] = ["A", "B", "C", "D", "E", "F"];

#[test]
fn secrets_reach_processes_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    docker::build_program(&program);
    let command: Vec<&str> =
        [program.to_str().unwrap(), "hash-env-and-wait"].into_iter().chain(NAMES).collect();
    let image = format!("    \"probe:*\": {{ command: {} }}\n", json!(command));
    let cloud = Cloud::start_configured_beside(&image, &["--speed", "20", "-vvv"]);
    keep(cloud, &json!({ "image": "probe:1" }));
}

#[test]
fn secrets_reach_containers_and_nothing_else() {
    if docker::no_daemon() {
        return;
    }
    docker::import_image();
    let cloud = Cloud::start_in_docker(&["--speed", "20", "-vvv"]);
    let command: Vec<&str> = ["hash-env-and-wait"].into_iter().chain(NAMES).collect();
    keep(cloud, &json!({ "image": IMAGE, "command": command }));
}

/// Everything that can be looked at, by who told it.
#[derive(Default)]
struct Told(Vec<(String, String)>);

impl Told {
    fn hear(&mut self, who: impl Into<String>, what: impl Into<String>) {
        self.0.push((who.into(), what.into()));
    }

    fn holds_no_secret(&self) {
        for (who, what) in &self.0 {
            let at = what.find(MARK);
            let around = at.map(|at| what[..at].chars().rev().take(80).collect::<Vec<_>>());
            let around = around.map(|before| before.into_iter().rev().collect::<String>());
            assert_eq!(around, None, "{who} tells a secret");
        }
    }
}

/// Tells a service of `container` to have every kind of secret, and listens to everything.
fn keep(mut cloud: Cloud, container: &Value) {
    let mut told = Told::default();
    let values = plant(&cloud);
    let expected: BTreeSet<String> = NAMES
        .iter()
        .zip(&values)
        .map(|(name, (_, value))| format!("{name} {:016x}", hashed(value)))
        .collect();
    let named = NAMES.iter().zip(&values);
    let secrets: Value = named.map(|(name, (from, _))| json!({ "name": name, "valueFrom": from })).collect();
    ecs(&cloud, "CreateCluster", json!({ "clusterName": "vault" }));
    ecs(&cloud, "RegisterTaskDefinition", definition("vault", container, &secrets));
    ecs(
        &cloud,
        "CreateService",
        json!({
            "cluster": "vault", "serviceName": "vault", "taskDefinition": "vault", "desiredCount": 1,
            "launchType": "EC2",
        }),
    );
    wait_until("the container has every value", || messages(&cloud) == expected);
    let services = json!({ "cluster": "vault", "services": ["vault"] });
    wait_until("the service is steady", || {
        let described = ecs(&cloud, "DescribeServices", services.clone());
        described["services"][0]["deployments"][0]["rolloutState"] == "COMPLETED"
    });

    fail(&cloud, container, &values);
    refuse(&cloud, &mut told);
    command_lines(&cloud, container, &values, &mut told);
    describe(&cloud, &mut told);
    inspect(&cloud, &mut told);

    let snapshot = cloud.folder().join("snapshot").display().to_string();
    let data_dir = cloud.data_dir().display().to_string();
    let saved = tidegate(&cloud, &["local", "snapshot", "save", &snapshot, "--data-dir", &data_dir]);
    assert_eq!(saved.status.code(), Some(0), "{}", said(&saved));
    told.hear("snapshot save", said(&saved));
    files(cloud.folder(), &mut told);
    cloud.kill_and_restart();
    wait_until("it is back", || messages(&cloud) == expected);
    files(cloud.folder(), &mut told);
    assert!(cloud.down());
    files(cloud.folder(), &mut told);
    told.hear("the cloud", cloud.said());
    told.holds_no_secret();
}

/// Makes parameters and secrets. Answers what a task definition names, and the value that is meant.
fn plant(cloud: &Cloud) -> Vec<(String, String)> {
    let value = |number: u32| format!("{number}-{MARK}");
    let put = |name: &str, kind: &str, value: &str| {
        call(
            cloud,
            "ssm",
            "AmazonSSM",
            "PutParameter",
            &json!({ "Name": name, "Type": kind, "Value": value }),
        );
        format!("arn:aws:ssm:eu-west-1:000000000000:parameter{name}")
    };
    let create = |name: &str, value: &str| {
        let input = json!({ "Name": name, "SecretString": value, "ClientRequestToken": "0".repeat(32) });
        let made = call(cloud, "secretsmanager", "secretsmanager", "CreateSecret", &input);
        made["ARN"].as_str().unwrap().to_owned()
    };
    let sealed = put("/vault/sealed", "SecureString", &value(1));
    put("/vault/open", "String", &value(2));
    let plain = create("vault/plain", &value(3));
    let keyed = create("vault/keyed", &json!({ "user": "app", "password": value(4) }).to_string());
    vec![
        ("/vault/sealed".to_owned(), value(1)),
        (sealed, value(1)),
        ("/vault/open".to_owned(), value(2)),
        (plain, value(3)),
        (format!("{keyed}:password::"), value(4)),
        (format!("{keyed}:password:AWSCURRENT:"), value(4)),
    ]
}

/// Tasks whose secrets are there, and are not what is asked of them: ECS says why they do not start.
fn fail(cloud: &Cloud, container: &Value, values: &[(String, String)]) {
    let keyed = values[4].0.replace(":password::", ":no-such-key::");
    let plain = format!("{}:password::", values[3].0);
    for (family, from) in [("no-such-key", keyed), ("no-json", plain)] {
        let secrets = json!([{ "name": "A", "valueFrom": from }]);
        ecs(cloud, "RegisterTaskDefinition", definition(family, container, &secrets));
        let run = json!({ "cluster": "vault", "taskDefinition": family, "launchType": "EC2" });
        let run = ecs(cloud, "RunTask", run);
        let task = json!({ "cluster": "vault", "tasks": [run["tasks"][0]["taskArn"]] });
        let mut reason = String::new();
        wait_until("the task has failed", || {
            let described = ecs(cloud, "DescribeTasks", task.clone());
            described["tasks"][0]["stoppedReason"].as_str().unwrap_or_default().clone_into(&mut reason);
            described["tasks"][0]["lastStatus"] == "STOPPED"
        });
        assert!(reason.contains("unable to pull secrets"), "{family}: {reason}");
    }
}

/// Calls with a secret in them that are refused.
fn refuse(cloud: &Cloud, told: &mut Told) {
    let long = format!("{MARK}{}", "x".repeat(70_000));
    for (service, target, operation, input) in [
        ("secretsmanager", "secretsmanager", "CreateSecret", json!({ "Name": "long", "SecretString": long })),
        (
            "secretsmanager",
            "secretsmanager",
            "CreateSecret",
            json!({ "Name": "odd", "SecretString": { MARK: 1 } }),
        ),
        (
            "secretsmanager",
            "secretsmanager",
            "CreateSecret",
            json!({ "Name": "vault/plain", "SecretString": MARK, "ClientRequestToken": "1".repeat(32) }),
        ),
        (
            "secretsmanager",
            "secretsmanager",
            "PutSecretValue",
            json!({ "SecretId": "none", "SecretString": MARK }),
        ),
        (
            "ssm",
            "AmazonSSM",
            "PutParameter",
            json!({ "Name": "/long", "Type": "SecureString", "Value": long }),
        ),
        ("ssm", "AmazonSSM", "PutParameter", json!({ "Name": "/odd", "Type": "String", "Value": [MARK] })),
        (
            "ssm",
            "AmazonSSM",
            "PutParameter",
            json!({ "Name": "/vault/sealed", "Type": "String", "Value": MARK }),
        ),
        (
            "ssm",
            "AmazonSSM",
            "PutParameter",
            json!({ "Name": "/odd", "Type": "SecureString", "Value": MARK, "AllowedPattern": "^\\d+$" }),
        ),
    ] {
        let (status, body) = api::json(cloud.endpoint(), service, target, operation, &input).unwrap();
        assert_eq!(status, 400, "{operation} {input}: {body}");
        told.hear(format!("a refused {operation}"), body);
    }
}

/// What Tidegate itself prints, also of a deployment that fails for its secrets.
fn command_lines(cloud: &Cloud, container: &Value, values: &[(String, String)], told: &mut Told) {
    let keyed = values[4].0.replace(":password::", ":no-such-key::");
    let broken = definition("vault", container, &json!([{ "name": "A", "valueFrom": keyed }]));
    let file = cloud.folder().join("broken.json");
    fs::write(&file, broken.to_string()).unwrap();
    let file = file.to_str().unwrap();
    for (arguments, code) in [
        (&["deploy", "--dry-run", "--force"][..], 0),
        (&["deploy", "--dry-run", "--task-definition", file][..], 0),
        (&["diff", "--task-definition", file][..], 7),
        (&["render"][..], 0),
        (&["deploy", "--task-definition", file][..], 3),
        (&["status"][..], 0),
        (&["history"][..], 0),
        (&["revisions"][..], 0),
        (&["logs"][..], 0),
    ] {
        for output in ["text", "json"] {
            let printed = tidegate(cloud, &[arguments, &["--output", output, "-vvv"]].concat());
            assert_eq!(printed.status.code(), Some(code), "{arguments:?}: {}", said(&printed));
            told.hear(format!("tidegate {}", arguments.join(" ")), said(&printed));
        }
    }
}

/// What the API answers about all of them.
fn describe(cloud: &Cloud, told: &mut Told) {
    let of = |operation: &str, input: Value| ecs(cloud, operation, input);
    for family in ["vault", "no-such-key", "no-json"] {
        let described = of("DescribeTaskDefinition", json!({ "taskDefinition": family }));
        assert!(described.to_string().contains("valueFrom"));
        told.hear("DescribeTaskDefinition", described.to_string());
    }
    for status in ["RUNNING", "STOPPED"] {
        let tasks =
            of("ListTasks", json!({ "cluster": "vault", "desiredStatus": status }))["taskArns"].clone();
        let described =
            of("DescribeTasks", json!({ "cluster": "vault", "tasks": tasks, "include": ["TAGS"] }));
        assert_ne!(described["tasks"], json!([]), "{status}");
        told.hear(format!("DescribeTasks of {status} ones"), described.to_string());
    }
    let services =
        of("DescribeServices", json!({ "cluster": "vault", "services": ["vault"], "include": ["TAGS"] }));
    assert_ne!(services["services"][0]["events"], json!([]));
    told.hear("DescribeServices", services.to_string());
    let listed = of("ListServiceDeployments", json!({ "cluster": "vault", "service": "vault" }));
    let all = listed["serviceDeployments"].as_array().unwrap().iter();
    let deployments: Vec<&Value> = all.clone().map(|one| &one["serviceDeploymentArn"]).collect();
    let revisions: Vec<&Value> = all.map(|one| &one["targetServiceRevisionArn"]).collect();
    told.hear(
        "DescribeServiceDeployments",
        of("DescribeServiceDeployments", json!({ "serviceDeploymentArns": deployments })).to_string(),
    );
    told.hear(
        "DescribeServiceRevisions",
        of("DescribeServiceRevisions", json!({ "serviceRevisionArns": revisions })).to_string(),
    );
    for (service, target, operation, input) in [
        ("ssm", "AmazonSSM", "GetParameter", json!({ "Name": "/vault/sealed" })),
        ("ssm", "AmazonSSM", "DescribeParameters", json!({})),
        ("secretsmanager", "secretsmanager", "ListSecrets", json!({})),
        ("secretsmanager", "secretsmanager", "DescribeSecret", json!({ "SecretId": "vault/keyed" })),
    ] {
        told.hear(operation, call(cloud, service, target, operation, &input).to_string());
    }
    for path in ["/_tidegate/health", "/_tidegate/listeners"] {
        let address = cloud.endpoint().strip_prefix("http://").unwrap();
        told.hear(path, api::get(address, path).unwrap().1);
    }
}

/// What the machine shows of what runs: a container's environment and a process's own have to hold the values, nothing
/// else does.
fn inspect(cloud: &Cloud, told: &mut Told) {
    for process in fs::read_dir("/proc").unwrap().flatten() {
        if let Ok(line) = fs::read(process.path().join("cmdline")) {
            told.hear("a command line", String::from_utf8_lossy(&line));
        }
    }
    if !cloud.runs_in_docker() {
        return;
    }
    let containers = docker::containers_of(cloud, &["--all"]);
    assert!(!containers.is_empty());
    for container in containers {
        let inspected = docker::docker(&["inspect", &container]).stdout;
        let mut inspected: Value = serde_json::from_slice(&inspected).unwrap();
        inspected[0]["Config"]["Env"].take();
        told.hear("docker inspect", inspected.to_string());
        told.hear("docker logs", said(&docker::docker(&["logs", &container])));
    }
}

/// What is on disk: the state, what was logged, the tasks' records, a snapshot, what the cloud said.
fn files(folder: &Path, told: &mut Told) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, told);
        } else if let Ok(bytes) = fs::read(&path) {
            told.hear(path.display().to_string(), String::from_utf8_lossy(&bytes));
        }
    }
}

fn definition(family: &str, container: &Value, secrets: &Value) -> Value {
    let mut whole = json!({
        "name": "app", "memory": 32, "stopTimeout": 2, "secrets": secrets,
        "logConfiguration": { "logDriver": "awslogs", "options": {
            "awslogs-group": "/vault", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "t",
            "awslogs-create-group": "true",
        } },
    });
    whole.as_object_mut().unwrap().extend(container.as_object().unwrap().clone());
    json!({
        "family": family, "networkMode": "bridge", "requiresCompatibilities": ["EC2"],
        "executionRoleArn": "arn:aws:iam::000000000000:role/execution", "containerDefinitions": [whole],
    })
}

/// What was logged so far: nothing while there is no log group.
fn messages(cloud: &Cloud) -> BTreeSet<String> {
    let input = json!({ "logGroupName": "/vault" });
    let (_, body) = api::json(cloud.endpoint(), "logs", "Logs_20140328", "FilterLogEvents", &input).unwrap();
    let events: Value = serde_json::from_str(&body).unwrap();
    let events = events["events"].as_array().cloned().unwrap_or_default();
    events.iter().map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

/// As the program of the test image hashes.
fn hashed(value: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn ecs(cloud: &Cloud, operation: &str, input: Value) -> Value {
    call(cloud, "ecs", "AmazonEC2ContainerServiceV20141113", operation, &input)
}

fn call(cloud: &Cloud, service: &str, target: &str, operation: &str, input: &Value) -> Value {
    let (status, body) = api::json(cloud.endpoint(), service, target, operation, input).unwrap();
    assert_eq!(status, 200, "{operation}: {body}");
    serde_json::from_str(&body).unwrap()
}

fn tidegate(cloud: &Cloud, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["--cluster", "vault", "--service", "vault"])
        .args(arguments)
        .current_dir(cloud.folder())
        .envs(cloud.aws_environment())
        .env("TIDEGATE_TICK_MS", "100")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
