//! A whole local cloud: events of logs written, read and searched; containers that log; tasks that get secrets.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]
#![allow(clippy::needless_pass_by_value, reason = "inputs are written where they are used")]

use std::{path::Path, time::Duration};

use serde_json::{Value, json};
use tidegate_local::{ImageCommand, ImageMap, LocalCloud, Options, RuntimeChoice, Speed};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

const VALUE: &str = "hunter2-hunter2";
/// The SHA-256 of it.
const DIGEST: &str = "84ca44583745ccf15b7bf24814907969c6afa3e380daf3bbe35a353fe192dace";

struct Client {
    address: String,
}

impl Client {
    fn of(cloud: &LocalCloud) -> Self {
        Self { address: cloud.endpoint().replace("http://", "") }
    }

    async fn send(&self, service: &str, target: &str, input: Value) -> (String, Value) {
        let body = input.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Amz-Date: 20261124T100000Z\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261124/eu-west-1/{service}/aws4_request, \
             SignedHeaders=host, Signature=0\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {target}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let status = String::from_utf8_lossy(&answer[9..12]).into_owned();
        (status, serde_json::from_slice(&answer[end + 4..]).unwrap_or_default())
    }

    async fn call(&self, service: &str, operation: &str, input: Value) -> Value {
        let (status, body) = self.send(service, &target(service, operation), input).await;
        assert_eq!(status, "200", "{operation}: {body}");
        body
    }

    /// The error of a call that must be refused, as `Code: message`.
    async fn refusal(&self, service: &str, operation: &str, input: Value) -> String {
        let (status, body) = self.send(service, &target(service, operation), input).await;
        assert_ne!(status, "200", "{operation}: {body}");
        let code = body["__type"].as_str().unwrap().rsplit('#').next().unwrap();
        format!("{code}: {}", body["message"].as_str().or(body["Message"].as_str()).unwrap_or_default())
    }

    async fn logs(&self, operation: &str, input: Value) -> Value {
        self.call("logs", operation, input).await
    }

    /// Runs a task of one container and answers its ARN.
    async fn run(&self, container: Value) -> String {
        self.call("ecs", "CreateCluster", json!({"clusterName": "c"})).await;
        let definition = json!({"family": "t", "containerDefinitions": [container]});
        self.call("ecs", "RegisterTaskDefinition", definition).await;
        let run = self.call("ecs", "RunTask", json!({"cluster": "c", "taskDefinition": "t"})).await;
        run["tasks"][0]["taskArn"].as_str().unwrap().to_owned()
    }

    /// The task once it has stopped.
    async fn stopped(&self, task: &str) -> Value {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let described = self.call("ecs", "DescribeTasks", json!({"cluster": "c", "tasks": [task]})).await;
            if described["tasks"][0]["lastStatus"] == "STOPPED" {
                return described["tasks"][0].clone();
            }
            assert!(Instant::now() < deadline, "{described}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn messages(&self, stream: &str) -> Vec<String> {
        let input = json!({"logGroupName": "g", "logStreamName": stream, "startFromHead": true});
        texts(&self.logs("GetLogEvents", input).await)
    }
}

fn target(service: &str, operation: &str) -> String {
    let prefix = match service {
        "ecs" => "AmazonEC2ContainerServiceV20141113",
        "ssm" => "AmazonSSM",
        "secretsmanager" => "secretsmanager",
        _ => "Logs_20140328",
    };
    format!("{prefix}.{operation}")
}

fn texts(reply: &Value) -> Vec<String> {
    let events = reply["events"].as_array().unwrap().iter();
    events.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

async fn start(folder: &Path, script: &str) -> LocalCloud {
    let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    let images = ImageMap::default().with("it", ImageCommand { command, ..ImageCommand::default() });
    let options = Options {
        data_dir: Some(folder.to_owned()),
        speed: Speed::REAL,
        runtime: RuntimeChoice::Process(images),
        ..Options::default()
    };
    LocalCloud::start(options).await.unwrap()
}

fn awslogs(more: Value) -> Value {
    let mut options =
        json!({"awslogs-group": "g", "awslogs-stream-prefix": "p", "awslogs-create-group": "true"});
    options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"name": "web", "image": "it", "memory": 64,
        "logConfiguration": {"logDriver": "awslogs", "options": options}})
}

fn id(task: &str) -> &str {
    task.rsplit('/').next().unwrap()
}

async fn put(client: &Client, stream: &str, at: i64, lines: &[&str]) -> Value {
    let events: Vec<Value> =
        lines.iter().zip(at..).map(|(line, at)| json!({"timestamp": at, "message": line})).collect();
    client
        .logs("PutLogEvents", json!({"logGroupName": "g", "logStreamName": stream, "logEvents": events}))
        .await
}

async fn with_streams(client: &Client, streams: &[&str]) {
    client.logs("CreateLogGroup", json!({"logGroupName": "g"})).await;
    for stream in streams {
        client.logs("CreateLogStream", json!({"logGroupName": "g", "logStreamName": stream})).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_read_in_both_directions_and_its_tokens_stay_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = start(folder.path(), "").await;
    let client = Client::of(&cloud);
    let now = cloud.clock().now().as_millis();
    with_streams(&client, &["s"]).await;
    put(&client, "s", now - 1000, &["a", "b", "c", "d", "e"]).await;
    let of = |more: Value| {
        let mut input = json!({"logGroupName": "g", "logStreamName": "s", "limit": 2});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let first = client.logs("GetLogEvents", of(json!({"startFromHead": true}))).await;
    assert_eq!(texts(&first), ["a", "b"]);
    let mut token = first["nextForwardToken"].clone();
    let mut seen = Vec::new();
    loop {
        let page = client.logs("GetLogEvents", of(json!({"nextToken": token, "startFromHead": true}))).await;
        seen.extend(texts(&page));
        if page["nextForwardToken"] == token {
            break;
        }
        token = page["nextForwardToken"].clone();
    }
    assert_eq!(seen, ["c", "d", "e"]);
    put(&client, "s", now, &["f"]).await;
    let more = client.logs("GetLogEvents", of(json!({"nextToken": token, "startFromHead": true}))).await;
    assert_eq!(texts(&more), ["f"], "what came later is behind the same token");
    let last = client.logs("GetLogEvents", of(json!({}))).await;
    assert_eq!(texts(&last), ["e", "f"]);
    let before = client.logs("GetLogEvents", of(json!({"nextToken": last["nextBackwardToken"]}))).await;
    assert_eq!(texts(&before), ["c", "d"]);
    let window = of(json!({"startTime": now - 999, "endTime": now - 997, "startFromHead": true}));
    assert_eq!(texts(&client.logs("GetLogEvents", window).await), ["b", "c"]);
    for (input, expected) in [
        (of(json!({"nextToken": "x"})), "InvalidParameterException: The specified nextToken is invalid."),
        (
            of(json!({"logStreamName": "t"})),
            "ResourceNotFoundException: The specified log stream does not exist.",
        ),
        (
            of(json!({"logGroupName": "h"})),
            "ResourceNotFoundException: The specified log group does not exist.",
        ),
    ] {
        assert_eq!(client.refusal("logs", "GetLogEvents", input).await, expected);
    }
    let described = client.logs("DescribeLogStreams", json!({"logGroupName": "g"})).await;
    let stream = &described["logStreams"][0];
    assert_eq!(
        (&stream["firstEventTimestamp"], &stream["lastEventTimestamp"]),
        (&json!(now - 1000), &json!(now))
    );
    assert_eq!(client.logs("DescribeLogGroups", json!({})).await["logGroups"][0]["storedBytes"], 6 * 27);
    cloud.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_searched_over_its_streams_by_time_and_pattern_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = start(folder.path(), "").await;
    let client = Client::of(&cloud);
    let now = cloud.clock().now().as_millis();
    with_streams(&client, &["web/1", "web/2", "job/1"]).await;
    put(&client, "web/1", now - 30, &["ERROR one", "fine"]).await;
    put(&client, "web/2", now - 29, &["ERROR two", r#"{"took": 120}"#]).await;
    put(&client, "job/1", now - 28, &["ERROR job"]).await;
    let find = async |more: Value| {
        let mut input = json!({"logGroupName": "g"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        client.logs("FilterLogEvents", input).await
    };
    assert_eq!(
        texts(&find(json!({"filterPattern": "ERROR"})).await),
        ["ERROR one", "ERROR two", "ERROR job"]
    );
    assert_eq!(texts(&find(json!({"filterPattern": "{ $.took > 100 }"})).await).len(), 1);
    assert_eq!(texts(&find(json!({"logStreamNamePrefix": "job/"})).await), ["ERROR job"]);
    assert_eq!(texts(&find(json!({"logStreamNames": ["web/1"]})).await), ["ERROR one", "fine"]);
    let (mut seen, mut input) = (Vec::new(), json!({"limit": 2, "interleaved": true}));
    loop {
        let page = find(input.clone()).await;
        seen.extend(texts(&page));
        if page["nextToken"].is_null() {
            break;
        }
        input["nextToken"] = page["nextToken"].clone();
    }
    assert_eq!(seen.len(), 5);
    let event = find(json!({"limit": 1})).await["events"][0].clone();
    assert_eq!(
        (event["logStreamName"].as_str(), event["eventId"].as_str().map(str::len)),
        (Some("web/1"), Some(56))
    );
    for (input, expected) in [
        (
            json!({"logGroupName": "g", "filterPattern": "{ $.a"}),
            "InvalidParameterException: Invalid filter pattern",
        ),
        (
            json!({"logGroupName": "g", "logStreamNames": ["a"], "logStreamNamePrefix": "a"}),
            "InvalidParameterException: logStreamNames and",
        ),
        (
            json!({"logGroupName": "g", "logStreamNames": ["none"]}),
            "ResourceNotFoundException: The specified log stream does not exist.",
        ),
    ] {
        let refused = client.refusal("logs", "FilterLogEvents", input).await;
        assert!(refused.starts_with(expected), "{refused}");
    }
    cloud.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_aws_does_not_take_is_refused_or_told_as_rejected() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let folder = tempfile::tempdir().unwrap();
    let cloud = start(folder.path(), "").await;
    let client = Client::of(&cloud);
    let now = cloud.clock().now().as_millis();
    with_streams(&client, &["s"]).await;
    let events = |events: Value| json!({"logGroupName": "g", "logStreamName": "s", "logEvents": events});
    let event = |at: i64| json!({"timestamp": at, "message": "x"});
    let refused = client.refusal("logs", "PutLogEvents", events(json!([event(now), event(now - 1)]))).await;
    assert!(refused.contains("must be in chronological order"), "{refused}");
    let refused =
        client.refusal("logs", "PutLogEvents", events(json!([event(now - 2 * DAY), event(now)]))).await;
    assert!(refused.contains("cannot span more than 24 hours"), "{refused}");
    let big = json!({"timestamp": now, "message": "x".repeat(1 << 20)});
    let refused = client.refusal("logs", "PutLogEvents", events(json!([big]))).await;
    assert!(refused.contains("Upload too large"), "{refused}");
    let reply = client.logs("PutLogEvents", events(json!([event(now - 15 * DAY)]))).await;
    assert_eq!(reply["rejectedLogEventsInfo"], json!({"tooOldLogEventEndIndex": 1}));
    let reply = client.logs("PutLogEvents", events(json!([event(now), event(now + DAY / 2)]))).await;
    assert_eq!(reply["rejectedLogEventsInfo"], json!({"tooNewLogEventStartIndex": 1}));
    put(&client, "s", now - 3 * DAY, &["old"]).await;
    assert_eq!(client.messages("s").await, ["old", "x"]);
    client.logs("PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 1})).await;
    assert_eq!(client.messages("s").await, ["x"], "what is over its time is gone at once");
    let reply = client.logs("PutLogEvents", events(json!([event(now - 3 * DAY)]))).await;
    assert_eq!(reply["rejectedLogEventsInfo"], json!({"expiredLogEventEndIndex": 1}));
    client.logs("DeleteLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    client.logs("CreateLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    assert_eq!(client.messages("s").await, Vec::<String>::new(), "a stream made anew is empty");
    cloud.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_container_prints_is_in_its_stream_once_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let script =
        "echo 1 began; echo '  at a'; echo '{\"plain\": 1}' >&2; sleep 0.3; echo 2 began; printf 'no end'";
    let cloud = start(folder.path(), script).await;
    let client = Client::of(&cloud);
    let task = client.run(awslogs(json!({}))).await;
    client.stopped(&task).await;
    let stream = format!("p/web/{}", id(&task));
    let expected = ["1 began", "  at a", "{\"plain\": 1}", "2 began", "no end"];
    assert_eq!(client.messages(&stream).await, expected);
    let several = client.run(awslogs(json!({"awslogs-multiline-pattern": "^[0-9]"}))).await;
    client.stopped(&several).await;
    let joined = format!("p/web/{}", id(&several));
    let messages = ["1 began\n  at a\n{\"plain\": 1}", "2 began\nno end"];
    assert_eq!(client.messages(&joined).await, messages);
    drop(cloud);
    let cloud = start(folder.path(), script).await;
    let client = Client::of(&cloud);
    assert_eq!(client.messages(&stream).await, expected);
    assert_eq!(client.messages(&joined).await, messages);
    cloud.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_without_its_log_group_or_secret_fails_in_the_words_of_ecs() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = start(folder.path(), "true").await;
    let client = Client::of(&cloud);
    let task = client.run(awslogs(json!({"awslogs-create-group": "false"}))).await;
    let stopped = client.stopped(&task).await;
    assert_eq!(stopped["stopCode"], "TaskFailedToStart");
    let reason = stopped["stoppedReason"].as_str().unwrap();
    assert!(reason.starts_with("ResourceInitializationError: failed to validate logger args: "), "{reason}");
    let secrets = json!([{"name": "PW", "valueFrom": "/none"}]);
    let task = client.run(json!({"name": "web", "image": "it", "memory": 64, "secrets": secrets})).await;
    let reason = client.stopped(&task).await["stoppedReason"].to_string();
    assert!(reason.contains("unable to pull secrets or registry auth"), "{reason}");
    cloud.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_reaches_the_container_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let script = "for it in \"$A\" \"$B\" \"$C\"; do printf %s \"$it\" | sha256sum; done";
    let cloud = start(folder.path(), script).await;
    let client = Client::of(&cloud);
    let parameter = json!({"Name": "/pw", "Value": VALUE, "Type": "SecureString"});
    client.call("ssm", "PutParameter", parameter).await;
    let create = |name: &str, value: &str| json!({"Name": name, "SecretString": value, "ClientRequestToken": "00000000-0000-4000-8000-000000000001"});
    let plain = client.call("secretsmanager", "CreateSecret", create("plain", VALUE)).await;
    let document = json!({"pw": VALUE}).to_string();
    let keyed = client.call("secretsmanager", "CreateSecret", create("keyed", &document)).await;
    let from = |reply: &Value, more: &str| format!("{}{more}", reply["ARN"].as_str().unwrap());
    let mut container = awslogs(json!({}));
    container["secrets"] = json!([
        {"name": "A", "valueFrom": "/pw"},
        {"name": "B", "valueFrom": from(&plain, "")},
        {"name": "C", "valueFrom": from(&keyed, ":pw::")},
    ]);
    let task = client.run(container).await;
    let stopped = client.stopped(&task).await;
    assert_eq!(stopped["containers"][0]["exitCode"], 0, "{stopped}");
    let messages = client.messages(&format!("p/web/{}", id(&task))).await;
    assert_eq!(messages, [DIGEST; 3].map(|digest| format!("{digest}  -")));
    let described = client.call("ecs", "DescribeTaskDefinition", json!({"taskDefinition": "t"})).await;
    for reply in [&stopped, &described] {
        assert!(!reply.to_string().contains(VALUE), "{reply}");
    }
    // While it runs and after it ended, with all that SQLite has not yet folded into its files.
    holds_nowhere(folder.path());
    cloud.shutdown().await;
    holds_nowhere(folder.path());
    let cloud = start(folder.path(), script).await;
    let client = Client::of(&cloud);
    let read = client.call("ssm", "GetParameter", json!({"Name": "/pw", "WithDecryption": true})).await;
    assert_eq!(read["Parameter"]["Value"], VALUE, "it survives");
    cloud.shutdown().await;
}

/// No file below the folder has the value in it.
fn holds_nowhere(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            holds_nowhere(&path);
        } else if let Ok(bytes) = std::fs::read(&path) {
            let found = bytes.windows(VALUE.len()).any(|window| window == VALUE.as_bytes());
            assert!(!found, "{} holds the secret", path.display());
        }
    }
}
