use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering::SeqCst},
};

use http::{Request, Response};
use http_body_util::Full;
use tidegate_balancer::{Change, HealthCheck, HealthState, Target, TargetGroup};
use tokio::sync::mpsc;

use crate::support::{
    Client, Rig, TestTarget, forward_to, group, known_healthy, put_group, refusing, within,
};

/// Answers everything with the status that it is set to.
async fn switchable(status: Arc<AtomicU16>) -> TestTarget {
    TestTarget::http(move |_| {
        let status = status.load(SeqCst);
        async move { Response::builder().status(status).body(Full::from("answer")).unwrap() }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_target_is_initial_and_answers_503_until_one_check_passes() {
    let (sender, mut asked) = mpsc::unbounded_channel();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let held = Arc::clone(&gate);
    let target = TestTarget::http(move |request: Request<_>| {
        let (sender, held) = (sender.clone(), Arc::clone(&held));
        async move {
            sender.send(request.headers().clone()).unwrap();
            let _pass = held.acquire().await;
            Response::new(Full::from("up"))
        }
    })
    .await;
    let mut rig = Rig::start();
    rig.apply([put_group("group", [Target::new(target.address)]), forward_to(&[("group", 1)])]).await;
    let health = rig.health(target.address, HealthState::Initial).await;
    assert_eq!(health.reason, Some("Elb.InitialHealthChecking"));
    let headers = within("the first check", asked.recv()).await.unwrap();
    assert_eq!(headers["user-agent"], "ELB-HealthChecker/2.0");
    assert_eq!(headers["host"], target.address.to_string());
    let mut client = Client::connect(rig.address()).await;
    assert_eq!(client.get("/").await.status, 503);

    gate.add_permits(1000);
    let health = rig.health(target.address, HealthState::Healthy).await;
    assert_eq!((health.reason, health.description), (None, None));
    assert_eq!(client.get("/").await.text(), "up");
    assert_eq!(rig.balancer.metrics().hosts[0].healthy_host_count, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_fails_is_taken_out_and_comes_back() {
    let status = Arc::new(AtomicU16::new(200));
    let (flaky, steady) = (switchable(Arc::clone(&status)).await, TestTarget::named("steady").await);
    let (mut rig, address) = Rig::serving(&[flaky.address, steady.address]).await;
    status.store(500, SeqCst);
    let health = rig.health(flaky.address, HealthState::Unhealthy).await;
    assert_eq!(health.reason, Some("Target.ResponseCodeMismatch"));
    assert_eq!(health.description.as_deref(), Some("Health checks failed with these codes: [500]"));
    let mut client = Client::connect(address).await;
    for _ in 0..10 {
        assert_eq!(client.get("/").await.text(), "steady");
    }
    assert_eq!(rig.balancer.metrics().hosts[0].unhealthy_host_count, 1);
    status.store(200, SeqCst);
    rig.health(flaky.address, HealthState::Healthy).await;
    let answers = [client.get("/").await.body, client.get("/").await.body];
    assert!(answers.iter().any(|body| body == "answer"), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_with_only_unhealthy_targets_fails_open() {
    let status = Arc::new(AtomicU16::new(500));
    let target = switchable(status).await;
    let (mut rig, address) = Rig::serving(&[target.address]).await;
    rig.health(target.address, HealthState::Unhealthy).await;
    let reply = Client::connect(address).await.get("/").await;
    assert_eq!((reply.status.as_u16(), reply.text()), (500, "answer"));
    let metrics = rig.balancer.metrics().load_balancers.remove(0);
    assert_eq!((metrics.target_codes.code_5xx, metrics.elb_5xx), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_refuses_connections_fails_its_checks() {
    let nobody = refusing().await;
    let mut rig = Rig::start();
    rig.apply([put_group("group", [Target::new(nobody)]), forward_to(&[("group", 1)])]).await;
    let health = rig.health(nobody, HealthState::Unhealthy).await;
    assert_eq!(health.reason, Some("Target.FailedHealthChecks"));
    assert_eq!(health.description.as_deref(), Some("Health checks failed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_never_answers_times_out_its_checks() {
    let silent = TestTarget::raw(|stream| async move {
        let _open = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let mut rig = Rig::start();
    rig.apply([put_group("group", [Target::new(silent.address)]), forward_to(&[("group", 1)])]).await;
    let health = rig.health(silent.address, HealthState::Unhealthy).await;
    assert_eq!(
        (health.reason, health.description.as_deref()),
        (Some("Target.Timeout"), Some("Request timed out"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_checked_before_a_rule_refers_to_the_group() {
    let target = TestTarget::named("a").await;
    let mut rig = Rig::start();
    rig.apply([put_group("group", [Target::new(target.address)])]).await;
    let other = TestTarget::named("b").await;
    rig.apply([put_group("other", [Target::new(other.address)]), forward_to(&[("other", 1)])]).await;
    rig.health(other.address, HealthState::Healthy).await;
    assert_eq!(target.connections.load(SeqCst), 0);
    rig.apply([forward_to(&[("other", 1), ("group", 0)])]).await;
    rig.health(target.address, HealthState::Healthy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_known_to_be_healthy_serves_at_once() {
    let target = TestTarget::named("a").await;
    let (_rig, address) = Rig::serving(&[target.address]).await;
    assert_eq!(Client::connect(address).await.get("/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_checks_off_every_target_is_used_and_called_unavailable() {
    let target = TestTarget::named("a").await;
    let mut rig = Rig::start();
    let unchecked = TargetGroup {
        health_check: HealthCheck { enabled: false, ..HealthCheck::default() },
        ..group("group", [Target::new(target.address)])
    };
    rig.apply([Change::PutTargetGroup(unchecked), forward_to(&[("group", 1)])]).await;
    let health = rig.health(target.address, HealthState::Unavailable).await;
    assert_eq!(health.reason, Some("Target.HealthCheckDisabled"));
    assert_eq!(Client::connect(rig.address()).await.get("/").await.text(), "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_matcher_is_used_from_then_on() {
    let target = switchable(Arc::new(AtomicU16::new(404))).await;
    let mut rig = Rig::start();
    rig.apply([put_group("group", [Target::new(target.address)]), forward_to(&[("group", 1)])]).await;
    rig.health(target.address, HealthState::Unhealthy).await;
    let mut lenient = group("group", [known_healthy(target.address)]);
    lenient.health_check.matcher = "200-404".parse().unwrap();
    rig.apply([Change::PutTargetGroup(lenient)]).await;
    rig.health(target.address, HealthState::Healthy).await;
}
