//! Bodies over the limit, over real sockets: they are refused before they are there, and nobody reads on.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::time::Duration;

use tidegate_local::{LocalCloud, Options};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const DEADLINE: Duration = Duration::from_secs(20);

/// The head of a call in JSON or, without a target, of one in query.
fn head(target: &str, length: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: localhost\r\n{target}{length}\r\n\r\n")
}

const JSON: &str = "X-Amz-Target: AmazonEC2ContainerServiceV20141113.ListClusters\r\n\
    Content-Type: application/x-amz-json-1.1\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked";

/// What is answered to a head and a body that goes on for as long as it is read; and how much of it was sent.
async fn answer(cloud: &LocalCloud, head: &str, chunk: &[u8]) -> (String, usize) {
    let stream = TcpStream::connect(cloud.endpoint().replace("http://", "")).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    write.write_all(head.as_bytes()).await.unwrap();
    let chunk = chunk.to_vec();
    let (answered, hears) = tokio::sync::oneshot::channel::<()>();
    let writing = tokio::spawn(async move {
        let mut sent = 0;
        // A client that waits for the other side to read is patient until it has its answer, and gives up soon after.
        let given_up = async {
            let _ = hears.await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        tokio::pin!(given_up);
        while !chunk.is_empty() && sent < 64 << 20 {
            tokio::select! {
                written = write.write_all(&chunk) => match written {
                    Ok(()) => sent += chunk.len(),
                    Err(_) => break,
                },
                () = &mut given_up => break,
            }
        }
        sent
    });
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("RequestEntityTooLarge") {
        let mut piece = [0; 4096];
        // A reset after the answer is no answer.
        match timeout(DEADLINE, read.read(&mut piece)).await.expect("no answer in time") {
            Ok(length) if length > 0 => said.extend_from_slice(&piece[..length]),
            _ => break,
        }
    }
    drop(answered);
    let sent = writing.await.unwrap();
    drop(read);
    (String::from_utf8_lossy(&said).into_owned(), sent)
}

async fn cloud() -> LocalCloud {
    LocalCloud::start(Options::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_says_that_it_is_too_long_is_refused_before_any_of_it_is_sent() {
    let cloud = cloud().await;
    for (target, code) in
        [(JSON, "RequestEntityTooLargeException"), ("", "<Code>RequestEntityTooLarge</Code>")]
    {
        for length in ["2097153", "1000000000000"] {
            let (said, _) = answer(&cloud, &head(target, &format!("Content-Length: {length}")), b"").await;
            assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
            assert!(said.contains(code), "{said}");
        }
    }
    cloud.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_in_chunks_without_end_is_refused_at_the_limit() {
    let cloud = cloud().await;
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    for target in [JSON, ""] {
        let (said, sent) = answer(&cloud, &head(target, CHUNKED), chunk.as_bytes()).await;
        assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
        // What the sockets hold on both sides comes on top of the limit.
        assert!(sent < 40 << 20, "{sent} bytes were taken");
    }
    cloud.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tiny_chunks_without_end_are_refused_at_the_limit_too() {
    let cloud = cloud().await;
    let chunk = "1\r\na\r\n".repeat(10_000);
    let (said, _) = answer(&cloud, &head(JSON, CHUNKED), chunk.as_bytes()).await;
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
    cloud.shutdown().await;
}
