//! The lease of a rollout in a Parameter Store that keeps one text: who gets it, and who is told what.

use crate::client;
use crate::endpoint::{Answer, Endpoint};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tidegate_aws::alb::Lease;
use tidegate_aws::alb::lease::LeaseError;
use tidegate_rollout::TaskDefinitionArn;
use tidegate_rollout::alb::{Found, Group, Place, Progress, Rule, Stickiness, begin};
use tidegate_rollout::names::{ClusterName, DeploymentId, ServiceName, ServiceRef};
use tidegate_rollout::observation::{CircuitBreaker, Deployment, RolloutState, Service};
use tidegate_rollout::strategy::{Candidate, Strategy, Traffic};

/// A tick of one millisecond: a lease is over after thirty.
const TICK: i64 = 1;
/// A tick so long that no lease ends in a test.
const LONG: i64 = 10_000;

/// The parameter: its text and version.
type Store = Arc<Mutex<Option<(String, i64)>>>;

async fn endpoint(store: &Store) -> Endpoint {
    let store = Arc::clone(store);
    Endpoint::start(move |operation, request, _| {
        let mut kept = store.lock().unwrap();
        let refused = |code: &str| Answer { status: 400, body: json!({"__type": code, "message": "no"}) };
        match (operation, kept.as_mut()) {
            ("GetParameter", None) => refused("ParameterNotFound"),
            ("GetParameter", Some((value, version))) => Answer::ok(json!({"Parameter": {
                "Name": request["Name"], "Type": "String", "Value": value, "Version": version, "LastModifiedDate": 1.5}})),
            ("PutParameter", Some(_)) if request["Overwrite"] != Value::Bool(true) => refused("ParameterAlreadyExists"),
            ("PutParameter", _) => {
                let version = kept.as_ref().map_or(1, |kept| kept.1 + 1);
                *kept = Some((request["Value"].as_str().unwrap().to_owned(), version));
                Answer::ok(json!({"Version": version, "Tier": "Standard"}))
            }
            (other, _) => panic!("{other} is not part of a lease"),
        }
    })
    .await
}

fn progress() -> Progress {
    let revision = TaskDefinitionArn::parse("arn:aws:ecs:r:1:task-definition/web:7").unwrap();
    let service = Service {
        status: "ACTIVE".into(),
        task_definition: revision.clone(),
        desired_count: 1,
        deployments: vec![Deployment {
            id: DeploymentId::answered("ecs-svc/1"),
            status: "PRIMARY".into(),
            task_definition: revision.clone(),
            desired: 1,
            running: 1,
            pending: 0,
            failed: 0,
            rollout_state: Some(RolloutState::Completed),
            rollout_state_reason: None,
            created_at: None,
        }],
        events: Vec::new(),
        current_service_deployment: None,
        circuit_breaker: CircuitBreaker::Off,
    };
    let group = |arn: &str, weight| Group { arn: arn.into(), weight };
    let rule = Rule {
        arn: "rule".into(),
        place: Place::Rule,
        groups: vec![group("stable", 1), group("candidate", 0)],
        stickiness: Stickiness::Off,
        others: Vec::new(),
    };
    let candidate = Candidate { service: ServiceName::parse("web-canary").unwrap(), rule: None };
    begin(Found {
        target: ServiceRef {
            cluster: ClusterName::parse("prod").unwrap(),
            service: ServiceName::parse("web").unwrap(),
        },
        strategy: Strategy::Alb(Traffic::BlueGreen { bake: 0 }, candidate),
        gates: Vec::new(),
        by: "ada".into(),
        revision,
        stable: &service,
        maximum_percent: 200,
        candidate: &service,
        stable_group: "stable",
        candidate_group: "candidate",
        rule: &rule,
        timeout: 1,
        gates_timeout: 1,
        tick: TICK,
        now: 0,
    })
    .unwrap()
}

#[tokio::test]
async fn a_second_rollout_is_told_who_has_the_lease() {
    let store = Store::default();
    let endpoint = endpoint(&store).await;
    let client = client(&endpoint).await;
    Lease::take(&client, "ada@one", LONG, &progress()).await.expect("free");
    let said = Lease::take(&client, "bob@two", LONG, &progress()).await.expect_err("taken").to_string();
    assert!(said.starts_with("ada@one rolls web:7 out to prod/web since "), "{said}");
    assert!(said.contains("lease until "), "{said}");
    let request = endpoint.request("PutParameter");
    assert_eq!((&request["Name"], &request["Overwrite"]), (&json!("/tidegate/prod/web"), &json!(false)));
}

#[tokio::test]
async fn a_lease_that_is_over_is_for_resume_and_not_for_a_new_rollout() {
    let store = Store::default();
    let endpoint = endpoint(&store).await;
    let client = client(&endpoint).await;
    let mut first = Lease::take(&client, "ada@one", TICK, &progress()).await.expect("free");
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let error = Lease::take(&client, "bob@two", LONG, &progress()).await.expect_err("half way");
    assert!(matches!(error, LeaseError::Unfinished(_)), "{error}");
    let mut second = Lease::take_over(&client, "bob@two", LONG, &progress()).await.expect("it is over");
    second.save(&client, &progress()).await.expect("it is his");
    // Whoever stood still meanwhile changes nothing more.
    let error = first.save(&client, &progress()).await.expect_err("lost");
    assert_eq!(error.to_string(), "this rollout was taken over by bob@two; nothing more is done here");
}

#[tokio::test]
async fn of_two_that_take_over_in_the_same_moment_one_gets_it() {
    let store = Store::default();
    let endpoint = endpoint(&store).await;
    let (one, two) = (client(&endpoint).await, client(&endpoint).await);
    Lease::take(&one, "ada@one", TICK, &progress()).await.expect("free");
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    // A tick of a hundred milliseconds is the pause in which both have written.
    let (progress_one, progress_two) = (progress(), progress());
    let (first, second) = tokio::join!(
        Lease::take_over(&one, "bob@two", 100, &progress_one),
        Lease::take_over(&two, "cy@three", 100, &progress_two),
    );
    assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1, "{first:?} {second:?}");
}
