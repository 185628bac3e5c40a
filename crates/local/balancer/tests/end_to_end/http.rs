use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::sync::mpsc;

use crate::support::{Client, Rig, TestTarget, http2, raw_exchange, within};

/// Tells what it is asked, and answers with the body that it got.
async fn echoing() -> (TestTarget, mpsc::UnboundedReceiver<(String, HeaderMap)>) {
    let (sender, asked) = mpsc::unbounded_channel();
    let target = TestTarget::http(move |request: Request<Incoming>| {
        let sender = sender.clone();
        async move {
            let is_check =
                request.headers().get("user-agent").is_some_and(|agent| agent == "ELB-HealthChecker/2.0");
            if !is_check {
                sender
                    .send((format!("{} {}", request.method(), request.uri()), request.headers().clone()))
                    .unwrap();
            }
            let body = request.into_body().collect().await.unwrap().to_bytes();
            Response::builder().header("x-app", "1").body(Full::from(body)).unwrap()
        }
    })
    .await;
    (target, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_sees_who_asked_and_a_client_sees_who_answered() {
    let (target, mut asked) = echoing().await;
    let (_rig, address) = Rig::serving(&[target.address]).await;
    let request = Request::post("/path?query=1")
        .header("x-forwarded-for", "10.0.0.1")
        .body(Full::from("hello"))
        .unwrap();
    let reply = Client::connect(address).await.request(request).await;
    assert_eq!((reply.status.as_u16(), reply.text()), (200, "hello"));
    assert_eq!(reply.headers["x-app"], "1");
    assert_eq!(reply.headers["x-tidegate-target"], target.address.to_string());
    let (line, headers) = within("the request", asked.recv()).await.unwrap();
    assert_eq!(line, "POST /path?query=1");
    assert_eq!(headers["host"], format!("web.example:{}", address.port()));
    assert_eq!(headers["x-forwarded-for"], "10.0.0.1, 127.0.0.1");
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert_eq!(headers["x-forwarded-port"], address.port().to_string());
    assert!(headers["x-amzn-trace-id"].to_str().unwrap().starts_with("Root=1-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_with_prior_knowledge_reaches_a_target_as_http_1() {
    let (target, mut asked) = echoing().await;
    let (_rig, address) = Rig::serving(&[target.address]).await;
    let request = Request::post(format!("http://{address}/two"))
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(Full::from("over two"))
        .unwrap();
    let reply = http2(address, request).await;
    assert_eq!((reply.status.as_u16(), reply.text()), (200, "over two"));
    let (line, headers) = within("the request", asked.recv()).await.unwrap();
    assert_eq!(line, "POST /two");
    assert_eq!(headers["host"], address.to_string());
    assert_eq!(headers["cookie"], "a=1; b=2");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_1_0_client_is_answered_and_let_go() {
    let (target, _asked) = echoing().await;
    let (_rig, address) = Rig::serving(&[target.address]).await;
    let answer = raw_exchange(address, "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nold").await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nold"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_expects_a_100_gets_it() {
    let (target, mut asked) = echoing().await;
    let (_rig, address) = Rig::serving(&[target.address]).await;
    let request = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
    let answer = raw_exchange(address, request).await;
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{answer}");
    let (_, headers) = within("the request", asked.recv()).await.unwrap();
    assert!(!headers.contains_key("expect"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_is_passed_on_chunked() {
    let (target, mut asked) = echoing().await;
    let (_rig, address) = Rig::serving(&[target.address]).await;
    let request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
                   3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let answer = raw_exchange(address, request).await;
    assert!(answer.ends_with("\r\n\r\nabcde"), "{answer}");
    let (_, headers) = within("the request", asked.recv()).await.unwrap();
    assert_eq!(headers["transfer-encoding"], "chunked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_to_head_has_a_length_and_no_body_and_keeps_the_connection() {
    let target = TestTarget::named("seven b").await;
    let (_rig, address) = Rig::serving(&[target.address]).await;
    let mut client = Client::connect(address).await;
    for _ in 0..3 {
        let reply = client.request(Request::head("/").body(Full::default()).unwrap()).await;
        assert_eq!((reply.headers["content-length"].as_bytes(), &reply.body), (&b"7"[..], &Bytes::new()));
    }
    assert_eq!(client.get("/").await.text(), "seven b");
}
