//! `tidegate logs`: what all tasks of a service print, and on, while a deployment replaces them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use crate::{
    api::ecs,
    cloud::{Cloud, wait_until},
};

/// Counts aloud until it is told to end; `WHO` says who it is.
const TALK: &str =
    "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo \"$WHO $i\"; sleep 0.2 & wait $!; done";

#[test]
fn logs_of_all_tasks_are_read_searched_and_followed_across_a_deployment() {
    let cloud = talking();
    let call = |operation: &str, input| call(&cloud, operation, &input);
    call("RegisterTaskDefinition", definition("talk", "talk:1", &awslogs()));
    call("CreateService", service("talk"));
    wait_until("both tasks of the first version talk", || {
        tasks(&lines(&cloud, &["--filter", "one"])).len() == 2
    });

    let follower = Follower::start(&cloud);
    wait_until("its lines come", || tasks(&follower.lines()).len() == 2);
    wait_until("the tasks' lines are interleaved", || {
        let said = said_by(&lines(&cloud, &[]), "one");
        said.windows(2).filter(|pair| pair[0]["task"] != pair[1]["task"]).count() > 2
    });
    let before = lines(&cloud, &[]);
    let deployed = tidegate(&cloud, &["deploy", "--image", "talk:2"]).output().unwrap();
    assert_eq!(deployed.status.code(), Some(0), "{}", told(&deployed));
    wait_until("both new tasks are followed", || tasks(&said_by(&follower.lines(), "two")).len() == 2);

    let all = lines(&cloud, &["--since", "1h"]);
    assert!(all.windows(2).all(|pair| pair[0]["timestamp"].as_i64() <= pair[1]["timestamp"].as_i64()));
    // Old tasks' lines come to their end, new ones' begin with their first; none is lost and none comes twice.
    let followed = follower.lines();
    for (task, numbers) in by_task(&followed) {
        let whole = by_task(&all)[&task].clone();
        assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{task}: {numbers:?} of {whole:?}");
    }
    assert_eq!((tasks(&said_by(&all, "one")).len(), tasks(&said_by(&all, "two")).len()), (2, 2));
    for numbers in by_task(&said_by(&followed, "two")).values() {
        assert_eq!(numbers[0], 1);
    }
    let (code, last_words) = follower.interrupt();
    assert_eq!(code, Some(130), "{last_words}");
    let expected = "error: interrupted; this program only looked on, and the service goes on logging\n  help: read on with \
                    `tidegate logs --follow --cluster talk --service talk`\n";
    assert_eq!(last_words, expected);

    let newest = before.last().unwrap()["timestamp"].as_i64().unwrap();
    let recent = lines(&cloud, &["--since", "20s"]);
    assert!(!recent.is_empty() && recent.len() < lines(&cloud, &[]).len());
    assert!(recent.iter().all(|line| line["timestamp"].as_i64().unwrap() > newest - 20_000));
    assert!(
        lines(&cloud, &["--filter=-one"])
            .iter()
            .all(|line| line["message"].as_str().unwrap().starts_with("two"))
    );
    let one = tasks(&followed).pop_first().unwrap();
    assert_eq!(tasks(&lines(&cloud, &["--task", &one[..12]])), BTreeSet::from([one]));

    let text = tidegate(&cloud, &["logs", "--filter", "two"]).output().unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(
        text.lines().count() > 2 && text.lines().all(|line| line.contains("app") && line.contains("two ")),
        "{text}"
    );
}

#[test]
fn logs_of_what_does_not_log_say_so_and_what_to_do() {
    let cloud = talking();
    let call = |operation: &str, input| call(&cloud, operation, &input);
    call("RegisterTaskDefinition", definition("mute", "talk:1", &Value::Null));
    call("CreateService", service("mute"));
    let ask = |arguments: &[&str]| {
        let output = tidegate(&cloud, arguments).args(["--service", "mute"]).output().unwrap();
        (output.status.code(), told(&output))
    };
    wait_until("its tasks are there", || ask(&["logs"]).1.contains("logs through awslogs"));
    for arguments in [&["logs"][..], &["logs", "--follow"]] {
        assert_eq!(
            ask(arguments),
            (
                Some(1),
                "error: no container of mute logs through awslogs with a stream prefix, so nothing of it can be read\n  \
                 help: give the container a logConfiguration in the task definition: logDriver awslogs, with the options \
                 awslogs-group, awslogs-region and awslogs-stream-prefix, and deploy it\n"
                    .to_owned()
            )
        );
    }
    assert_eq!(
        ask(&["logs", "--container", "web"]),
        (Some(1), "error: no task of mute has a container web\n  help: there are: app\n".to_owned())
    );
    let (code, said) = ask(&["logs", "--task", "abc"]);
    assert!(code == Some(1) && said.contains("the service has no task whose id begins with abc"), "{said}");
}

/// A cloud whose images `talk:1` and `talk:2` talk, with an empty cluster.
fn talking() -> Cloud {
    let image = |number: u32, who: &str| {
        format!(
            "    \"talk:{number}\": {{ command: [\"sh\", \"-c\", {TALK:?}], environment: {{ WHO: {who} }} }}\n"
        )
    };
    let cloud = Cloud::start_configured_beside(&(image(1, "one") + &image(2, "two")), &["--speed", "20"]);
    call(&cloud, "CreateCluster", &json!({ "clusterName": "talk" }));
    cloud
}

fn awslogs() -> Value {
    json!({ "logDriver": "awslogs", "options": {
        "awslogs-group": "/talk", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "t",
        "awslogs-create-group": "true",
    } })
}

fn definition(family: &str, image: &str, logs: &Value) -> Value {
    let mut container = json!({ "name": "app", "image": image, "stopTimeout": 5 });
    if !logs.is_null() {
        container["logConfiguration"] = logs.clone();
    }
    json!({
        "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512", "executionRoleArn": "arn:aws:iam::000000000000:role/execution",
        "containerDefinitions": [container],
    })
}

fn service(family: &str) -> Value {
    json!({
        "cluster": "talk", "serviceName": family, "taskDefinition": family, "desiredCount": 2,
        "launchType": "FARGATE", "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
    })
}

fn call(cloud: &Cloud, operation: &str, input: &Value) {
    let (status, body) = ecs(cloud.endpoint(), operation, input).unwrap();
    assert_eq!(status, 200, "{operation}: {body}");
}

fn tidegate(cloud: &Cloud, arguments: &[&str]) -> Command {
    let config = cloud.folder().join("talk.yml");
    std::fs::write(&config, "cluster: talk\nservice: talk\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.arg("--config").arg(&config).args(arguments).envs(cloud.aws_environment());
    command.env("TIDEGATE_TICK_MS", "100");
    command
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What `tidegate logs` answers now.
fn lines(cloud: &Cloud, arguments: &[&str]) -> Vec<Value> {
    let output = tidegate(cloud, &["logs", "--output", "json"]).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    output.stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

fn tasks(lines: &[Value]) -> BTreeSet<String> {
    lines.iter().map(|line| line["task"].as_str().unwrap().to_owned()).collect()
}

fn said_by(lines: &[Value], who: &str) -> Vec<Value> {
    lines.iter().filter(|line| line["message"].as_str().unwrap().starts_with(who)).cloned().collect()
}

/// The numbers that each task counted, in the order in which they came.
fn by_task(lines: &[Value]) -> BTreeMap<String, Vec<u32>> {
    let mut counted: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for line in lines {
        let number = line["message"].as_str().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        counted.entry(line["task"].as_str().unwrap().to_owned()).or_default().push(number);
    }
    counted
}

/// A `tidegate logs --follow`, ended with the test at the latest.
struct Follower {
    process: Child,
    lines: Arc<Mutex<Vec<Value>>>,
}

impl Follower {
    fn start(cloud: &Cloud) -> Self {
        let mut process = tidegate(cloud, &["logs", "-f", "--output", "json"])
            .args(["--color", "never"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                heard.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Self { process, lines }
    }

    fn lines(&self) -> Vec<Value> {
        self.lines.lock().unwrap().clone()
    }

    /// Ctrl-C. Answers the exit code and what it said to stderr.
    fn interrupt(mut self) -> (Option<i32>, String) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let mut said = String::new();
        std::io::Read::read_to_string(&mut self.process.stderr.take().unwrap(), &mut said).unwrap();
        (self.process.wait().unwrap().code(), said)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
