use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tidegate_balancer::Change;
use tokio::{io::AsyncWriteExt, sync::Notify};

use crate::support::{Client, Rig, TestTarget, forward_to, known_healthy, put_group, within};

/// Answers `/slow` when it is allowed to, and everything else at once.
async fn slow_target(reached: Arc<Notify>, allowed: Arc<Notify>) -> TestTarget {
    TestTarget::http(move |request: Request<_>| {
        let (reached, allowed) = (Arc::clone(&reached), Arc::clone(&allowed));
        async move {
            if request.uri().path() == "/slow" {
                reached.notify_one();
                allowed.notified().await;
            }
            Response::new(Full::from("old"))
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_target_finishes_what_is_in_flight_and_gets_nothing_new() {
    let (reached, allowed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let old = slow_target(Arc::clone(&reached), Arc::clone(&allowed)).await;
    let new = TestTarget::named("new").await;
    let (rig, address) = Rig::serving(&[old.address]).await;
    let slow = tokio::spawn(async move { Client::connect(address).await.get("/slow").await });
    within("the slow request", reached.notified()).await;
    assert_eq!(rig.in_flight(old.address), 1);

    let draining = [known_healthy(old.address).draining(), known_healthy(new.address)];
    rig.apply([put_group("group", draining)]).await;
    let mut client = Client::connect(address).await;
    for _ in 0..20 {
        assert_eq!(client.get("/").await.text(), "new");
    }
    assert_eq!(rig.in_flight(old.address), 1);
    allowed.notify_one();
    let reply = within("the slow reply", slow).await.unwrap();
    assert_eq!((reply.status, reply.text()), (StatusCode::OK, "old"));
    assert_eq!(rig.in_flight(old.address), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_is_cut_when_the_target_is_removed() {
    let (reached, allowed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let old = slow_target(Arc::clone(&reached), allowed).await;
    let (rig, address) = Rig::serving(&[old.address]).await;
    let slow = tokio::spawn(async move { Client::connect(address).await.get("/slow").await });
    within("the slow request", reached.notified()).await;
    rig.apply([put_group("group", [known_healthy(old.address).draining()])]).await;
    rig.apply([put_group("group", [])]).await;
    let reply = within("the cut", slow).await.unwrap();
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY);
    assert_eq!(rig.balancer.metrics().load_balancers[0].elb_502, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_only_target_drains_answers_503() {
    let old = TestTarget::named("old").await;
    let (rig, address) = Rig::serving(&[old.address]).await;
    let mut client = Client::connect(address).await;
    assert_eq!(client.get("/").await.status, 200);
    rig.apply([put_group("group", [known_healthy(old.address).draining()])]).await;
    assert_eq!(client.get("/").await.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_is_streamed_is_cut_with_its_target() {
    let target = TestTarget::scripted(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let (rig, address) = Rig::serving(&[target.address]).await;
    let mut client = Client::connect(address).await;
    let request = Request::get("/").body(http_body_util::Empty::<Bytes>::new()).unwrap();
    let request = request.map(|body| {
        use http_body_util::BodyExt as _;
        body.map_err(|never| match never {}).boxed()
    });
    let mut response = within("the head", client.start(request)).await.unwrap();
    assert_eq!(response.status(), 200);
    rig.apply([Change::RemoveTargetGroup("group".to_owned())]).await;
    let ended = within("the end of the body", async {
        use http_body_util::BodyExt as _;
        while let Some(frame) = response.body_mut().frame().await {
            if frame.is_err() {
                return true;
            }
        }
        false
    })
    .await;
    assert!(ended, "a body that was cut must not look complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_closes_idle_connections_so_that_a_server_can_go() {
    let closed = Arc::new(Notify::new());
    let heard = Arc::clone(&closed);
    let target = TestTarget::scripted(move |mut stream, _| {
        let closed = Arc::clone(&closed);
        async move {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            assert_eq!(crate::support::read_head(&mut stream).await, None);
            closed.notify_one();
        }
    })
    .await;
    let (rig, address) = Rig::serving(&[target.address]).await;
    assert_eq!(Client::connect(address).await.get("/").await.status, 200);
    rig.apply([put_group("group", [known_healthy(target.address).draining()])]).await;
    within("the idle connection's end", heard.notified()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_registered_again_while_it_drains_serves_after_one_pass() {
    let target = TestTarget::named("back").await;
    let (mut rig, address) = Rig::serving(&[target.address]).await;
    rig.apply([put_group("group", [known_healthy(target.address).draining()])]).await;
    rig.apply([
        put_group("group", [tidegate_balancer::Target::new(target.address)]),
        forward_to(&[("group", 1)]),
    ])
    .await;
    rig.health(target.address, tidegate_balancer::HealthState::Initial).await;
    rig.health(target.address, tidegate_balancer::HealthState::Healthy).await;
    let mut client = Client::connect(address).await;
    for _ in 0..3 {
        assert_eq!(client.get("/").await.text(), "back");
    }
    assert!(rig.balancer.metrics().targets[0].in_flight == 0);
}
