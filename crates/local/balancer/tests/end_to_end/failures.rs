use std::time::Duration;

use http::Request;
use http_body_util::Full;
use tidegate_balancer::{Change, LoadBalancer, LoadBalancerAttributes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{
    Client, Rig, TestTarget, eventually, forward, known_healthy, load_balancer, put_group, raw_exchange,
    refusing, within,
};

/// The status that a client gets when its target answers with these bytes and closes.
async fn status_for(answer: &'static [u8]) -> (u16, Rig) {
    let target = TestTarget::scripted(move |mut stream, _| async move {
        let _ = stream.write_all(answer).await;
    })
    .await;
    let (rig, address) = Rig::serving(&[target.address]).await;
    let reply = Client::connect(address).await.get("/").await;
    (reply.status.as_u16(), rig)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_refuses_the_connection_is_a_502_of_the_balancer() {
    let (rig, address) = Rig::serving(&[refusing().await]).await;
    let reply = Client::connect(address).await.get("/").await;
    assert_eq!(reply.status, 502);
    assert_eq!(reply.headers["server"], "awselb/2.0");
    assert_eq!(reply.headers["content-type"], "text/html");
    assert!(reply.text().contains("<h1>502 Bad Gateway</h1>"), "{}", reply.text());
    let metrics = rig.balancer.metrics().load_balancers.remove(0);
    assert_eq!((metrics.elb_502, metrics.elb_5xx, metrics.target_connection_error_count), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_closed_before_or_within_the_head_is_a_502() {
    assert_eq!(status_for(b"").await.0, 502);
    assert_eq!(status_for(b"HTTP/1.1 200 OK\r\nContent-").await.0, 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_or_too_long_is_a_502() {
    assert_eq!(status_for(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await.0, 502);
    assert_eq!(status_for(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").await.0, 502);
    let long: &'static str =
        Box::leak(format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "a".repeat(33 * 1024)).into_boxed_str());
    assert_eq!(status_for(long.as_bytes()).await.0, 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_target_pass_through_and_count_as_its_own() {
    let (status, rig) = status_for(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nServer: app\r\n\r\n").await;
    assert_eq!(status, 503);
    let metrics = rig.balancer.metrics().load_balancers.remove(0);
    assert_eq!((metrics.target_codes.code_5xx, metrics.elb_5xx), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_does_not_answer_in_time_is_a_504() {
    let target = TestTarget::scripted(|stream, _| async move {
        let _open = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let rig = impatient(&target).await;
    let reply = Client::connect(rig.address()).await.get("/").await;
    assert_eq!(reply.status, 504);
    assert_eq!(rig.balancer.metrics().load_balancers[0].elb_504, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_sending_its_body_is_a_408() {
    let target = TestTarget::scripted(|mut stream, _| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let rig = impatient(&target).await;
    let answer =
        raw_exchange(rig.address(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

/// A balancer that waits 300 ms for its targets.
async fn impatient(target: &TestTarget) -> Rig {
    let rig = Rig::start();
    let attributes =
        LoadBalancerAttributes { idle_timeout: Duration::from_millis(300), ..Default::default() };
    rig.apply([
        put_group("group", [known_healthy(target.address)]),
        Change::PutLoadBalancer(LoadBalancer { attributes, ..load_balancer(forward(&[("group", 1)])) }),
    ])
    .await;
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_aws_refuses_are_refused_by_the_balancer() {
    let target = TestTarget::named("a").await;
    let (rig, address) = Rig::serving(&[target.address]).await;
    let cases = [
        ("TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
            501,
        ),
        ("no http at all\r\n\r\n", 400),
    ];
    for (request, status) in cases {
        let answer = raw_exchange(address, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {answer}");
    }
    let forwarders = ["10.0.0.1"; 31].join(", ");
    let request = Request::get("/").header("x-forwarded-for", forwarders).body(Full::default()).unwrap();
    assert_eq!(Client::connect(address).await.request(request).await.status, 463);
    let long = Request::get("/").header("x-long", "a".repeat(17 * 1024)).body(Full::default()).unwrap();
    let reply = Client::connect(address).await.request(long).await;
    assert_eq!((reply.status.as_u16(), &reply.headers["server"]), (400, &"awselb/2.0".parse().unwrap()));
    assert_eq!(rig.balancer.metrics().load_balancers[0].elb_4xx, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_before_its_answer_counts_as_460_and_frees_the_target() {
    let (sender, mut reached) = tokio::sync::mpsc::unbounded_channel();
    let target = TestTarget::scripted(move |mut stream, _| {
        let sender = sender.clone();
        async move {
            sender.send("asked").unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
            sender.send("left").unwrap();
        }
    })
    .await;
    let (rig, address) = Rig::serving(&[target.address]).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_eq!(within("the request", reached.recv()).await, Some("asked"));
    drop(stream);
    assert_eq!(within("the end of the connection", reached.recv()).await, Some("left"));
    eventually("the request's end", || {
        let metrics = rig.balancer.metrics();
        (metrics.load_balancers[0].elb_4xx, metrics.targets[0].in_flight) == (1, 0)
    })
    .await;
}
