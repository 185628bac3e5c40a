use std::{sync::Arc, time::Duration};

use tidegate_balancer::{
    Action, ApplyError, BindError, Change, Condition, FixedResponse, Listener, LoadBalancer,
    LoadBalancerAttributes, Patterns, Protocol, Rule,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

use crate::support::{Client, Rig, TestTarget, load_balancer, within};

fn saying(text: &str) -> Action {
    Action::FixedResponse(FixedResponse {
        status: 200,
        content_type: Some("text/plain".to_owned()),
        body: text.to_owned(),
    })
}

fn at(address: &str, text: &str) -> LoadBalancer {
    let mut load_balancer = load_balancer(saying(text));
    load_balancer.listeners[0].address = address.parse().unwrap();
    load_balancer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loopback_address_of_its_own_is_served_on_port_80() {
    let rig = Rig::start();
    let change = Change::PutLoadBalancer(at("127.3.2.1:80", "hello"));
    match rig.balancer.apply(vec![change]).await {
        Ok(()) => assert_eq!(Client::connect(rig.address()).await.get("/").await.text(), "hello"),
        // Without the privilege the message says what is missing.
        Err(error) => assert!(matches!(error, ApplyError::Bind(BindError::Denied { .. })), "{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_an_error_and_changes_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let rig = Rig::start();
    assert!(matches!(rig.balancer.reserve(address).await, Err(BindError::InUse { .. })));
    rig.apply([Change::PutLoadBalancer(at("127.0.0.1:0", "before"))]).await;
    let before = rig.address();
    let refused = rig.balancer.apply(vec![Change::PutLoadBalancer(at(&address.to_string(), "after"))]).await;
    assert!(matches!(refused, Err(ApplyError::Bind(BindError::InUse { .. }))));
    assert_eq!(rig.address(), before);
    assert_eq!(Client::connect(before).await.get("/").await.text(), "before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_address_is_held_used_and_given_back() {
    let rig = Rig::start();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    rig.balancer.reserve(free).await.unwrap();
    rig.balancer.reserve(free).await.unwrap();
    assert!(TcpListener::bind(free).await.is_err());
    rig.balancer.release(free);
    drop(TcpListener::bind(free).await.unwrap());
    rig.balancer.reserve(free).await.unwrap();
    rig.apply([Change::PutLoadBalancer(at(&free.to_string(), "mine"))]).await;
    assert_eq!(Client::connect(free).await.get("/").await.text(), "mine");
    rig.balancer.reserve(free).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_listener_frees_its_address_and_closes_idle_connections() {
    let rig = Rig::start();
    rig.apply([Change::PutLoadBalancer(at("127.0.0.1:0", "a"))]).await;
    let address = rig.address();
    let mut client = Client::connect(address).await;
    client.get("/").await;
    rig.apply([Change::RemoveLoadBalancer("app/web".to_owned())]).await;
    within("the connection's end", client.connection).await.unwrap();
    assert!(rig.balancer.listeners().is_empty());
    drop(TcpListener::bind(address).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_can_change_hands_without_being_closed() {
    let rig = Rig::start();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    rig.apply([Change::PutLoadBalancer(at(&free, "first"))]).await;
    let mut client = Client::connect(rig.address()).await;
    assert_eq!(client.get("/").await.text(), "first");
    let second = LoadBalancer { arn: "app/second".to_owned(), ..at(&free, "second") };
    rig.apply([Change::RemoveLoadBalancer("app/web".to_owned()), Change::PutLoadBalancer(second)]).await;
    assert_eq!(client.get("/").await.text(), "second");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_served_is_refused_with_a_reason() {
    let rig = Rig::start();
    let https = Listener { protocol: Protocol::Https, ..at("127.0.0.1:0", "").listeners.remove(0) };
    let tls = LoadBalancer { listeners: vec![https], ..at("127.0.0.1:0", "") };
    assert!(matches!(
        rig.balancer.apply(vec![Change::PutLoadBalancer(tls)]).await,
        Err(ApplyError::TlsNotServed { .. })
    ));
    let mut invalid = at("127.0.0.1:0", "");
    invalid.listeners[0].rules.insert(
        0,
        Rule {
            arn: "rule/1".to_owned(),
            conditions: vec![Condition::PathPattern(Patterns::Regexes(vec!["(".to_owned()]))],
            action: saying(""),
        },
    );
    let refused = rig.balancer.apply(vec![Change::PutLoadBalancer(invalid)]).await.unwrap_err();
    assert_eq!(refused.to_string(), "the rule rule/1 has an invalid regular expression: (");
    let mut twice = at("127.0.0.1:4999", "");
    twice.listeners.push(Listener { arn: "listener/other".to_owned(), ..twice.listeners[0].clone() });
    assert!(matches!(
        rig.balancer.apply(vec![Change::PutLoadBalancer(twice)]).await,
        Err(ApplyError::SameAddress { .. })
    ));
    assert!(rig.balancer.listeners().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_shutdown_nothing_answers_and_nothing_can_be_applied() {
    let rig = Rig::start();
    rig.apply([Change::PutLoadBalancer(at("127.0.0.1:0", "a"))]).await;
    let address = rig.address();
    let client = Client::connect(address).await;
    within("the shutdown", rig.balancer.shutdown()).await;
    within("the connection's end", client.connection).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    assert!(matches!(rig.balancer.apply(Vec::new()).await, Err(ApplyError::ShutDown)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_listener_answers_what_is_in_flight() {
    let (reached, allowed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (heard, allows) = (Arc::clone(&reached), Arc::clone(&allowed));
    let target = TestTarget::scripted(move |mut stream, _| {
        let (reached, allowed) = (Arc::clone(&reached), Arc::clone(&allowed));
        async move {
            reached.notify_one();
            allowed.notified().await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate").await.unwrap();
        }
    })
    .await;
    let (rig, address) = Rig::serving(&[target.address]).await;
    let slow = tokio::spawn(async move { Client::connect(address).await.get("/").await });
    within("the request", heard.notified()).await;
    rig.apply([Change::RemoveLoadBalancer("app/web".to_owned())]).await;
    assert!(TcpStream::connect(address).await.is_err());
    allows.notify_one();
    assert_eq!(within("the reply", slow).await.unwrap().text(), "late");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_client_is_let_go_after_the_idle_timeout_and_a_slow_head_too() {
    let rig = Rig::start();
    let attributes =
        LoadBalancerAttributes { idle_timeout: Duration::from_millis(200), ..Default::default() };
    rig.apply([Change::PutLoadBalancer(LoadBalancer { attributes, ..at("127.0.0.1:0", "a") })]).await;
    let mut client = Client::connect(rig.address()).await;
    assert_eq!(client.get("/").await.text(), "a");
    within("the idle connection's end", client.connection).await.unwrap();
    let mut slow = TcpStream::connect(rig.address()).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    let end = within("the slow connection's end", slow.read(&mut [0; 8])).await;
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    let metrics = rig.balancer.metrics().load_balancers.remove(0);
    assert_eq!(metrics.new_connection_count, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_last_clone_closes_everything() {
    let rig = Rig::start();
    rig.apply([Change::PutLoadBalancer(at("127.0.0.1:0", "a"))]).await;
    let address = rig.address();
    let client = Client::connect(address).await;
    drop(rig);
    within("the connection's end", client.connection).await.unwrap();
}
