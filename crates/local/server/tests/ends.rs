//! What ends when a cloud goes: everything that it started.

#![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    fs,
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tidegate_local::{ImageCommand, ImageMap, LocalCloud, Options, RuntimeChoice};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net,
};

/// A cloud that runs one task, which writes its process id into `file`.
async fn with_a_task(file: &Path) -> LocalCloud {
    let script = format!("echo $$ > {0}.new && mv {0}.new {0} && exec sleep 600", file.display());
    let sleeper = ImageCommand { command: vec!["sh".into(), "-c".into(), script], ..ImageCommand::default() };
    let runtime = RuntimeChoice::Process(ImageMap::default().with("sleeper", sleeper));
    let cloud = LocalCloud::start(Options { runtime, ..Options::default() }).await.unwrap();
    ecs(&cloud, "CreateCluster", json!({ "clusterName": "shop" })).await;
    let container = json!({ "name": "app", "image": "sleeper", "memory": 64 });
    ecs(
        &cloud,
        "RegisterTaskDefinition",
        json!({ "family": "sleeper", "containerDefinitions": [container] }),
    )
    .await;
    ecs(&cloud, "RunTask", json!({ "cluster": "shop", "taskDefinition": "sleeper" })).await;
    until("the task runs", || file.exists()).await;
    cloud
}

async fn ecs(cloud: &LocalCloud, operation: &str, input: Value) {
    let body = input.to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.1\r\n\
         X-Amz-Date: 20261124T100000Z\r\nX-Amz-Target: AmazonEC2ContainerServiceV20141113.{operation}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261124/eu-west-1/ecs/aws4_request, \
         SignedHeaders=host, Signature=0\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = net::TcpStream::connect(address(cloud)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{operation}: {answer}");
}

fn address(cloud: &LocalCloud) -> String {
    cloud.endpoint().replace("http://", "")
}

/// Looks until it holds, for half a minute at most.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn is_gone(process: &str) -> bool {
    // A process that has ended may still wait for its parent to hear of it.
    fs::read_to_string(Path::new("/proc").join(process).join("stat"))
        .map_or(true, |stat| stat.contains(") Z "))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_is_dropped_ends_its_tasks_and_closes_its_port_while_the_program_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("task");
    let cloud = with_a_task(&file).await;
    let (process, address) = (fs::read_to_string(&file).unwrap(), address(&cloud));
    assert!(!is_gone(process.trim()));
    drop(cloud);
    until("the task is gone", || is_gone(process.trim())).await;
    until("nobody listens any more", || TcpStream::connect(&address).is_err()).await;
}

#[test]
fn a_cloud_ends_with_the_runtime_of_a_test() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("task");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // As at the end of `#[tokio::test]`: dropped, and nothing runs afterwards.
    let address = runtime.block_on(async { address(&with_a_task(&file).await) });
    drop(runtime);
    assert!(is_gone(fs::read_to_string(&file).unwrap().trim()));
    assert!(TcpStream::connect(&address).is_err());
}
