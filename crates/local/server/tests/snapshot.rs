//! A prepared cloud is kept in one file, and others start from it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::path::Path;

use serde_json::{Value, json};
use tidegate_local::{LocalCloud, Options, Presence, SnapshotError, remote, snapshot};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The answer to a call that must succeed.
async fn call(cloud: &LocalCloud, target: &str, service: &str, input: Value) -> Value {
    let body = input.to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Amz-Date: 20261124T100000Z\r\n\
         Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {target}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261124/eu-west-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=0\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(cloud.endpoint().replace("http://", "")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{target}: {answer}");
    // An operation without an output answers nothing.
    if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() }
}

async fn prepared() -> LocalCloud {
    let cloud = LocalCloud::start(Options::default()).await.unwrap();
    let ecs = "AmazonEC2ContainerServiceV20141113";
    call(&cloud, &format!("{ecs}.CreateCluster"), "ecs", json!({ "clusterName": "prod" })).await;
    let secret = json!({ "Name": "/db/password", "Value": "correct horse", "Type": "SecureString" });
    call(&cloud, "AmazonSSM.PutParameter", "ssm", secret).await;
    let group = json!({ "logGroupName": "app" });
    call(&cloud, "Logs_20140328.CreateLogGroup", "logs", group).await;
    let stream = json!({ "logGroupName": "app", "logStreamName": "one" });
    call(&cloud, "Logs_20140328.CreateLogStream", "logs", stream.clone()).await;
    let mut events = stream;
    events["logEvents"] = json!([{ "timestamp": cloud.clock().now().as_millis(), "message": "hello" }]);
    call(&cloud, "Logs_20140328.PutLogEvents", "logs", events).await;
    cloud
}

async fn is_as_prepared(cloud: &LocalCloud) {
    let ecs = "AmazonEC2ContainerServiceV20141113";
    let found = call(cloud, &format!("{ecs}.ListClusters"), "ecs", json!({})).await;
    assert_eq!(found["clusterArns"], json!(["arn:aws:ecs:eu-west-1:000000000000:cluster/prod"]));
    let asked = json!({ "Name": "/db/password", "WithDecryption": true });
    let found = call(cloud, "AmazonSSM.GetParameter", "ssm", asked).await;
    assert_eq!(found["Parameter"]["Value"], "correct horse");
    let asked = json!({ "logGroupName": "app", "logStreamName": "one" });
    let found = call(cloud, "Logs_20140328.GetLogEvents", "logs", asked).await;
    assert_eq!(found["events"][0]["message"], "hello");
}

fn from(file: &Path) -> Options {
    Options { snapshot: Some(file.to_owned()), ..Options::default() }
}

#[tokio::test]
async fn clouds_start_from_the_snapshot_of_one_that_runs_and_go_their_own_ways() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prepared.snapshot");
    let cloud = prepared().await;
    cloud.save_snapshot(&file).await.unwrap();
    // What comes after it is not in it.
    let later = json!({ "clusterName": "later" });
    call(&cloud, "AmazonEC2ContainerServiceV20141113.CreateCluster", "ecs", later).await;
    let (one, other) =
        (LocalCloud::start(from(&file)).await.unwrap(), LocalCloud::start(from(&file)).await.unwrap());
    is_as_prepared(&one).await;
    call(&one, "AmazonSSM.DeleteParameter", "ssm", json!({ "Name": "/db/password" })).await;
    is_as_prepared(&other).await;
    for cloud in [cloud, one, other] {
        cloud.shutdown().await;
    }
}

#[tokio::test]
async fn a_folder_is_saved_and_replaced_when_no_cloud_is_up() {
    let folder = tempfile::tempdir().unwrap();
    let (file, copy) = (folder.path().join("a.snapshot"), folder.path().join("b.snapshot"));
    let cloud = prepared().await;
    cloud.save_snapshot(&file).await.unwrap();
    cloud.shutdown().await;

    let data_dir = folder.path().join("state");
    let kept = || Options { data_dir: Some(data_dir.clone()), ..Options::default() };
    let cloud = LocalCloud::start(Options { snapshot: Some(file.clone()), ..kept() }).await.unwrap();
    cloud.shutdown().await;
    snapshot::save(&data_dir, &copy).unwrap();
    let refused = LocalCloud::start(Options { snapshot: Some(copy.clone()), ..kept() }).await.unwrap_err();
    assert!(refused.to_string().contains("holds a state already"), "{refused}");
    snapshot::remove_state(&data_dir).unwrap();
    snapshot::unpack(&copy, &data_dir).unwrap().put_in_place(&data_dir).unwrap();
    let cloud = LocalCloud::start(kept()).await.unwrap();
    is_as_prepared(&cloud).await;
    cloud.shutdown().await;
    let drafts = std::fs::read_dir(&data_dir).unwrap().flatten();
    let drafts: Vec<_> = drafts
        .map(|entry| entry.file_name())
        .filter(|name| name.to_string_lossy().starts_with(".snapshot-"))
        .collect();
    assert!(drafts.is_empty(), "{drafts:?}");
}

#[tokio::test]
async fn what_is_no_snapshot_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (file, data_dir) = (folder.path().join("x"), folder.path().join("state"));
    std::fs::write(&file, "not a tar at all").unwrap();
    assert!(matches!(snapshot::unpack(&file, &data_dir), Err(SnapshotError::Alien { .. })));
    assert!(
        snapshot::unpack(&folder.path().join("nowhere"), &data_dir)
            .unwrap_err()
            .to_string()
            .contains("nowhere")
    );
    assert!(
        snapshot::save(&data_dir, &file)
            .unwrap_err()
            .to_string()
            .contains("no local cloud was ever up there")
    );
    assert_eq!(std::fs::read(&file).unwrap(), b"not a tar at all");
    assert_eq!(std::fs::read_dir(&data_dir).unwrap().count(), 0);
}

#[tokio::test]
async fn an_archive_with_anything_else_in_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, file) = (folder.path().join("whole"), folder.path().join("changed"));
    let cloud = LocalCloud::start(Options::default()).await.unwrap();
    cloud.save_snapshot(&whole).await.unwrap();
    cloud.shutdown().await;
    for (name, kind) in [("state.key", tar::EntryType::Symlink), ("tidegate.yml", tar::EntryType::Regular)] {
        let mut read = tar::Archive::new(std::fs::File::open(&whole).unwrap());
        let mut written = tar::Builder::new(std::fs::File::create(&file).unwrap());
        for entry in read.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header().clone();
            written.append(&header, entry).unwrap();
        }
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_link_name("/etc/hostname").unwrap();
        written.append_data(&mut header, name, std::io::empty()).unwrap();
        written.finish().unwrap();
        let refused = snapshot::unpack(&file, &folder.path().join("state"));
        assert!(matches!(refused, Err(SnapshotError::Alien { .. })), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn the_state_of_a_cloud_that_died_is_saved_and_what_answers_in_its_place_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, file) = (folder.path().join("state"), folder.path().join("a.snapshot"));
    let cloud = prepared().await;
    cloud.save_snapshot(&file).await.unwrap();
    cloud.shutdown().await;
    snapshot::unpack(&file, &data_dir).unwrap().put_in_place(&data_dir).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let died = Presence { pid: 1, endpoint, instance: "0".repeat(16), runtime: "process".to_owned() };
    died.write(&data_dir).unwrap();

    // Another program has the port, and names a folder that is none of ours.
    let precious = folder.path().join("precious");
    std::fs::create_dir(&precious).unwrap();
    let stranger = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 1024];
        let _ = stream.read(&mut asked).await.unwrap();
        let body = json!({ "draft": "../precious" }).to_string();
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let copy = folder.path().join("b.snapshot");
    let refused = remote::save_snapshot(&data_dir, &copy).await.unwrap_err();
    assert!(refused.to_string().contains("left no copy of its state"), "{refused}");
    assert!(precious.is_dir() && !copy.exists());
    stranger.await.unwrap();

    // Now nobody answers there.
    remote::save_snapshot(&data_dir, &copy).await.unwrap();
    let cloud = LocalCloud::start(from(&copy)).await.unwrap();
    is_as_prepared(&cloud).await;
    cloud.shutdown().await;
}

#[tokio::test]
async fn only_its_owner_may_read_a_snapshot() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.snapshot");
    let cloud = LocalCloud::start(Options::default()).await.unwrap();
    cloud.save_snapshot(&file).await.unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    cloud.shutdown().await;
}
