use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Client, Rig, TestTarget, read_head, within};

/// Says nothing of closing, and closes after each response.
async fn closing_target() -> TestTarget {
    TestTarget::scripted(|mut stream, head| async move {
        let length = head.lines().find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
        });
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    })
    .await
}

async fn hammer(
    address: std::net::SocketAddr,
    make: fn() -> Request<Full<Bytes>>,
    clients: usize,
    each: usize,
) -> usize {
    let failed = Arc::new(AtomicUsize::new(0));
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let failed = Arc::clone(&failed);
        running.spawn(async move {
            let mut client = Client::connect(address).await;
            for _ in 0..each {
                if client.request(make()).await.status != 200 {
                    failed.fetch_add(1, SeqCst);
                }
            }
        });
    }
    within("all requests", async { while running.join_next().await.is_some_and(|done| done.is_ok()) {} })
        .await;
    failed.load(SeqCst)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_closes_after_each_response_without_a_word_fails_no_request() {
    let target = closing_target().await;
    let (rig, address) = Rig::serving(&[target.address]).await;
    let failed = hammer(address, || Request::get("/").body(Full::default()).unwrap(), 16, 300).await;
    assert_eq!(failed, 0);
    assert_eq!(rig.balancer.metrics().load_balancers[0].target_codes.code_2xx, 4800);
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_does_it_fail_a_request_that_must_not_be_sent_twice() {
    let target = closing_target().await;
    let (_rig, address) = Rig::serving(&[target.address]).await;
    let failed = hammer(address, || Request::post("/").body(Full::from("body")).unwrap(), 16, 200).await;
    assert_eq!(failed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_whose_connection_was_closed_is_sent_again_with_its_body() {
    let answered = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&answered);
    // The first connection answers once and then closes upon the next request instead of before it.
    let target = TestTarget::scripted(move |mut stream, _| {
        let nth = counted.fetch_add(1, SeqCst);
        async move {
            let mut body = [0; 4];
            stream.read_exact(&mut body).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n").await.unwrap();
            stream.write_all(&body).await.unwrap();
            if nth == 0 {
                read_head(&mut stream).await;
                let _ = stream.read(&mut body).await;
            }
        }
    })
    .await;
    let (_rig, address) = Rig::serving(&[target.address]).await;
    let mut client = Client::connect(address).await;
    for body in ["1234", "5678"] {
        let reply = client.request(Request::put("/").body(Full::from(body)).unwrap()).await;
        assert_eq!((reply.status.as_u16(), reply.text()), (200, body));
    }
    assert_eq!(answered.load(SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_a_target_are_kept() {
    let target = TestTarget::named("a").await;
    let (_rig, address) = Rig::serving(&[target.address]).await;
    let mut client = Client::connect(address).await;
    client.get("/").await;
    let before = target.connections.load(SeqCst);
    for _ in 0..200 {
        client.get("/").await;
    }
    let checks_and_more = target.connections.load(SeqCst) - before;
    assert!(checks_and_more < 50, "{checks_and_more} new connections for 200 requests");
}
