//! The deployer against an endpoint that follows a script, over real sockets: how many calls, in
//! which order, with which bytes, and what happens when an answer is lost.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test may stop at what it did not expect, and nothing reaches into it"
)]

mod code_deploy;
mod control;
mod endpoint;
mod lease;
mod native;
mod rollback;

use endpoint::{Answer, Endpoint, deployment, service};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tidegate_aws::deploy::{DeployPlan, Tags, Then, run};
use tidegate_aws::watch::WatchOptions;
use tidegate_aws::{Client, ConnectOptions, DeployError, Outcome, StaticCredentials, TaskDefinitionSource};
use tidegate_rollout::names::{ClusterName, ServiceName, ServiceRef};
use tidegate_rollout::task_definition::images::ImageChange;
use tidegate_rollout::update::{BreakerPolicy, Force};
use tidegate_rollout::{Event, Millis, Strategy, Verdict};

async fn client(endpoint: &Endpoint) -> Client {
    Client::connect(ConnectOptions {
        region: Some("eu-west-1".into()),
        endpoint_url: Some(endpoint.url()),
        credentials: Some(StaticCredentials {
            access_key_id: "123456789012".into(),
            secret_access_key: "x".into(),
        }),
        ..ConnectOptions::default()
    })
    .await
    .expect("has a region")
}

fn plan(then: Then) -> DeployPlan {
    DeployPlan {
        target: ServiceRef {
            cluster: ClusterName::parse("prod").expect("valid"),
            service: ServiceName::parse("web").expect("valid"),
        },
        strategy: Strategy::Rolling,
        gates: Vec::new(),
        gates_timeout: 60_000,
        elsewhere: Arc::new(tidegate_aws::gates::Nobody),
        source: TaskDefinitionSource::Running,
        images: vec![ImageChange::Of { container: "web".into(), image: "web:2".into() }],
        origin: tidegate_rollout::origin::Origin::default(),
        tags: Tags::Keep,
        breaker: BreakerPolicy::EnsureOn,
        force: Force::OnlyIfChanged,
        desired_count: None,
        then,
        timeout_ms: 60_000,
        watch: WatchOptions { tick: 5, log_lines: 20 },
    }
}

/// Deploys and answers the outcome with the names of the events.
async fn deploy(endpoint: &Endpoint, plan: &DeployPlan) -> (Result<Outcome, DeployError>, Vec<Event>) {
    let client = client(endpoint).await;
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&events);
    let mut sink = move |_: Millis, event: &Event| heard.lock().unwrap().push(event.clone());
    let outcome = run(&client, plan, &mut sink).await;
    drop(sink);
    let events = events.lock().unwrap().clone();
    (outcome, events)
}

fn names(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| serde_json::to_value(event).unwrap()["event"].as_str().unwrap().to_owned())
        .collect()
}

/// An endpoint of a service that runs web:7 and takes the update to web:8.
fn ordinary(operation: &str, _request: &Value, _nth: usize) -> Answer {
    match operation {
        "DescribeServices" => Answer::ok(
            json!({"services": [service(7, &[deployment(1, 7, "PRIMARY", 3, "COMPLETED")])], "failures": []}),
        ),
        "DescribeTaskDefinition" => Answer::ok(json!({
            "taskDefinition": {
                "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7", "family": "web", "revision": 7,
                "status": "ACTIVE", "registeredAt": 1.0, "compatibilities": ["EC2"], "fieldOfNextYear": {"deep": [1, null]},
                "containerDefinitions": [{"name": "web", "image": "web:1", "cpu": 0, "alsoNew": true}, {"name": "side", "image": "side:1"}]},
            "tags": [{"key": "team", "value": "a"}]})),
        "RegisterTaskDefinition" => Answer::ok(
            json!({"taskDefinition": {"taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:8"}}),
        ),
        "UpdateService" => Answer::ok(json!({"service": service(8, &[
            deployment(2, 8, "PRIMARY", 0, "IN_PROGRESS"), deployment(1, 7, "ACTIVE", 3, "COMPLETED")])})),
        other => panic!("{other} is not part of a deployment without wait"),
    }
}

#[tokio::test]
async fn a_deployment_without_wait_sends_four_calls_in_sequence() {
    let endpoint = Endpoint::start(ordinary).await;
    let (outcome, events) = deploy(&endpoint, &plan(Then::Return)).await;
    assert!(matches!(outcome, Ok(Outcome::Started { .. })));
    assert_eq!(
        endpoint.operations(),
        ["DescribeServices", "DescribeTaskDefinition", "RegisterTaskDefinition", "UpdateService"]
    );
    assert_eq!(names(&events), ["planned", "plan_made", "warned", "registered", "started"]);
}

#[tokio::test]
async fn fields_that_the_sdk_does_not_know_survive_the_copy() {
    let endpoint = Endpoint::start(ordinary).await;
    let (outcome, _) = deploy(&endpoint, &plan(Then::Return)).await;
    outcome.expect("started");
    let mut registered = endpoint.request("RegisterTaskDefinition");
    // What Tidegate notes of where it comes from stands beside the user's own.
    let is_note = |tag: &Value| tag["key"].as_str().is_some_and(|key| key.starts_with("tidegate:"));
    registered["tags"].as_array_mut().unwrap().retain(|tag| !is_note(tag));
    assert_eq!(
        registered,
        json!({
        "family": "web", "fieldOfNextYear": {"deep": [1, null]}, "tags": [{"key": "team", "value": "a"}],
        "containerDefinitions": [{"name": "web", "image": "web:2", "cpu": 0, "alsoNew": true}, {"name": "side", "image": "side:1"}]})
    );
    let updated = endpoint.request("UpdateService");
    assert_eq!(
        updated,
        json!({
        "cluster": "prod", "service": "web", "taskDefinition": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:8",
        "deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 200, "settingOfNextYear": {"a": 1},
            "deploymentCircuitBreaker": {"enable": true, "rollback": true, "thresholdConfiguration": {"type": "COUNT", "value": 4}}}})
    );
}

#[tokio::test]
async fn an_answer_of_describe_task_definition_is_a_document_like_any_other_and_what_is_left_out_is_told() {
    let endpoint = Endpoint::start(ordinary).await;
    let described = ordinary("DescribeTaskDefinition", &Value::Null, 1).body["taskDefinition"].clone();
    let plan = DeployPlan { source: TaskDefinitionSource::Document(described), ..plan(Then::Return) };
    let (outcome, events) = deploy(&endpoint, &plan).await;
    outcome.expect("started");
    let told = events.iter().find_map(|event| match event {
        Event::Warned { message } if message.contains("left out") => Some(message.as_str()),
        _ => None,
    });
    let expected = "left out of the task definition, since only AWS writes them: taskDefinitionArn, revision, status, compatibilities, registeredAt";
    assert_eq!(told, Some(expected));
    let registered = endpoint.request("RegisterTaskDefinition");
    assert_eq!(registered["fieldOfNextYear"], json!({"deep": [1, null]}));
    assert_eq!(registered.get("status"), None);
}

#[tokio::test]
async fn nothing_changed_registers_and_updates_nothing() {
    let endpoint = Endpoint::start(ordinary).await;
    let mut same = plan(Then::Wait);
    same.images = vec![ImageChange::Of { container: "web".into(), image: "web:1".into() }];
    let (outcome, _) = deploy(&endpoint, &same).await;
    assert_eq!(outcome.expect("no error"), Outcome::NothingToDo);
    assert_eq!(endpoint.operations(), ["DescribeServices", "DescribeTaskDefinition"]);
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let endpoint = Endpoint::start(ordinary).await;
    let (outcome, events) = deploy(&endpoint, &plan(Then::OnlyShow)).await;
    let Ok(Outcome::OnlyShown { differences }) = outcome else { panic!("a dry run") };
    assert_eq!(differences.len(), 1);
    // That the breaker is switched on is part of what would happen.
    assert_eq!(names(&events), ["planned", "plan_made", "warned", "nothing_done"]);
    assert_eq!(endpoint.operations(), ["DescribeServices", "DescribeTaskDefinition"]);
}

#[tokio::test]
async fn a_desired_count_is_sent_only_when_the_user_asks_for_another_one() {
    for (asked, sent) in [(None, Value::Null), (Some(3), Value::Null), (Some(7), json!(7))] {
        let endpoint = Endpoint::start(ordinary).await;
        let plan = DeployPlan { desired_count: asked, ..plan(Then::Return) };
        let (outcome, events) = deploy(&endpoint, &plan).await;
        outcome.expect("started");
        assert_eq!(endpoint.request("UpdateService")["desiredCount"], sent, "{asked:?}");
        let told = events.iter().filter_map(|event| match event {
            Event::Warned { message } if message.contains("desired count") => Some(message.clone()),
            _ => None,
        });
        let expected = "the desired count goes from 3 to 7, because --desired-count says so; without it, it stays as it is, also when autoscaling set it";
        assert_eq!(told.collect::<Vec<_>>(), if sent.is_null() { vec![] } else { vec![expected] });
    }
}

#[tokio::test]
async fn forcing_without_a_change_redeploys_the_same_revision() {
    let endpoint = Endpoint::start(|operation, request, nth| match operation {
        "UpdateService" => {
            Answer::ok(json!({"service": service(7, &[deployment(2, 7, "PRIMARY", 0, "IN_PROGRESS")])}))
        }
        other => ordinary(other, request, nth),
    })
    .await;
    let mut forced = plan(Then::Return);
    forced.images.clear();
    forced.force = Force::Redeploy;
    deploy(&endpoint, &forced).await.0.expect("started");
    assert_eq!(endpoint.operations(), ["DescribeServices", "DescribeTaskDefinition", "UpdateService"]);
    assert_eq!(endpoint.request("UpdateService")["forceNewDeployment"], true);
}

#[tokio::test]
async fn an_update_whose_answer_was_lost_is_read_back_and_not_sent_again() {
    let endpoint = Endpoint::start(|operation, request, nth| match (operation, nth) {
        ("UpdateService", _) => {
            Answer { status: 500, body: json!({"__type": "ServerException", "message": "lost"}) }
        }
        ("DescribeServices", 2..) => Answer::ok(json!({"services": [service(8, &[
            deployment(2, 8, "PRIMARY", 0, "IN_PROGRESS"), deployment(1, 7, "ACTIVE", 3, "COMPLETED")])]})),
        (other, nth) => ordinary(other, request, nth),
    })
    .await;
    let (outcome, _) = deploy(&endpoint, &plan(Then::Return)).await;
    assert!(matches!(outcome, Ok(Outcome::Started { .. })), "{outcome:?}");
    assert_eq!(endpoint.count("UpdateService"), 1);
}

#[tokio::test]
async fn a_registration_whose_answer_was_lost_is_read_back_and_not_sent_again() {
    let kept = Mutex::new(Value::Null);
    let endpoint = Endpoint::start(move |operation, request, nth| match (operation, nth) {
        ("RegisterTaskDefinition", _) => {
            *kept.lock().unwrap() = request.clone();
            Answer { status: 503, body: json!({"__type": "ServerException", "message": "lost"}) }
        }
        // As AWS keeps it: with a number, and its tags beside it.
        ("DescribeTaskDefinition", 2..) => {
            let mut definition = kept.lock().unwrap().clone();
            let tags = definition.as_object_mut().unwrap().remove("tags");
            definition["taskDefinitionArn"] =
                json!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:8");
            definition["revision"] = json!(8);
            Answer::ok(json!({"tags": tags, "taskDefinition": definition}))
        }
        (other, nth) => ordinary(other, request, nth),
    })
    .await;
    let (outcome, _) = deploy(&endpoint, &plan(Then::Return)).await;
    assert!(matches!(outcome, Ok(Outcome::Started { .. })), "{outcome:?}");
    assert_eq!(endpoint.count("RegisterTaskDefinition"), 1);
}

#[tokio::test]
async fn a_throttled_update_did_not_happen_and_is_sent_again() {
    let endpoint = Endpoint::start(|operation, request, nth| match (operation, nth) {
        ("UpdateService", 1) => {
            Answer { status: 400, body: json!({"__type": "ThrottlingException", "message": "Rate exceeded"}) }
        }
        (other, nth) => ordinary(other, request, nth),
    })
    .await;
    deploy(&endpoint, &plan(Then::Return)).await.0.expect("started at the second try");
    assert_eq!(endpoint.count("UpdateService"), 2);
}

#[tokio::test]
async fn a_refused_update_is_not_sent_again_and_names_the_permission() {
    let endpoint = Endpoint::start(|operation, request, nth| match operation {
        "UpdateService" => Answer {
            status: 400,
            body: json!({"__type": "AccessDeniedException", "message": "User: x is not authorized"}),
        },
        other => ordinary(other, request, nth),
    })
    .await;
    let (outcome, _) = deploy(&endpoint, &plan(Then::Return)).await;
    let error = outcome.expect_err("refused");
    assert_eq!(error.help().as_deref(), Some("allow ecs:UpdateService for this identity"));
    assert_eq!(endpoint.count("UpdateService"), 1);
}

#[tokio::test]
async fn a_good_release_is_watched_to_promoted() {
    let endpoint = Endpoint::start(|operation, request, nth| match (operation, nth) {
        ("DescribeServices", 2) => Answer::ok(json!({"services": [service(8, &[
            deployment(2, 8, "PRIMARY", 3, "IN_PROGRESS"), deployment(1, 7, "ACTIVE", 0, "COMPLETED")])]})),
        ("DescribeServices", 3..) => {
            Answer::ok(json!({"services": [service(8, &[deployment(2, 8, "PRIMARY", 3, "COMPLETED")])]}))
        }
        (other, nth) => ordinary(other, request, nth),
    })
    .await;
    let (outcome, events) = deploy(&endpoint, &plan(Then::Wait)).await;
    assert!(matches!(outcome, Ok(Outcome::Ended(Verdict::Promoted { running: 3, .. }))), "{outcome:?}");
    assert_eq!(names(&events).last().map(String::as_str), Some("decided"));
    assert_eq!(
        endpoint.operations().len(),
        6,
        "the answer of UpdateService is the first look, two more follow"
    );
}

#[tokio::test]
async fn a_crashing_release_ends_rolled_back_with_the_reason_on_one_screen() {
    let endpoint = Endpoint::start(|operation, request, nth| match (operation, nth) {
        ("DescribeServices", 2) => {
            let mut ours = deployment(2, 8, "PRIMARY", 0, "IN_PROGRESS");
            ours["failedTasks"] = json!(2);
            Answer::ok(json!({"services": [service(8, &[ours, deployment(1, 7, "ACTIVE", 3, "COMPLETED")])]}))
        }
        ("DescribeServices", 3) => {
            let mut ours = deployment(2, 8, "ACTIVE", 0, "FAILED");
            ours["rolloutStateReason"] = json!("ECS deployment circuit breaker: tasks failed to start.");
            let mut back = deployment(1, 7, "PRIMARY", 3, "IN_PROGRESS");
            back["rolloutStateReason"] = json!("ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/0000000000000000001.");
            Answer::ok(json!({"services": [service(7, &[back, ours])]}))
        }
        ("DescribeServices", 4..) => Answer::ok(json!({"services": [service(7, &[deployment(1, 7, "PRIMARY", 3, "COMPLETED")])]})),
        ("DescribeServiceDeployments", _) => Answer::ok(json!({"serviceDeployments": [{
            "serviceDeploymentArn": endpoint::SERVICE_DEPLOYMENT, "status": "ROLLBACK_SUCCESSFUL",
            "statusReason": "Service deployment rolled back because the circuit breaker threshold was exceeded.",
            "deploymentCircuitBreaker": {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}}]})),
        ("ListTasks", _) => Answer::ok(json!({"taskArns": ["arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef"]})),
        ("DescribeTasks", _) => Answer::ok(json!({"tasks": [{
            "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef",
            "startedBy": "ecs-svc/0000000000000000002", "stopCode": "EssentialContainerExited",
            "stoppedReason": "Essential container in task exited", "stoppedAt": 5.0,
            "containers": [{"name": "web", "exitCode": 1, "lastStatus": "STOPPED"}]}]})),
        (other, nth) => ordinary(other, request, nth),
    })
    .await;
    let (outcome, events) = deploy(&endpoint, &plan(Then::Wait)).await;
    let Ok(Outcome::Ended(Verdict::RolledBack { to, breaker, .. })) = outcome else { panic!("{outcome:?}") };
    assert_eq!((to.revision(), breaker.map(|b| (b.failures, b.threshold))), (7, Some((3, 3))));
    let told = names(&events);
    assert_eq!(told[told.len() - 2..], ["diagnosed", "decided"], "the verdict is the last thing said");
    let Some(Event::Diagnosed { diagnosis }) = events.iter().rev().nth(1) else { panic!("diagnosed") };
    assert_eq!(diagnosis.stopped[0].containers, ["web exited 1"]);
    assert_eq!(diagnosis.causes[0].what, "the application in container web exits with code 1");
    assert_eq!(diagnosis.causes[1].rule, "breaker-tripped");
    assert_eq!(diagnosis.missing.len(), 1, "no awslogs here: {:?}", diagnosis.missing);
}

#[tokio::test]
async fn an_endpoint_that_fails_for_a_moment_does_not_end_the_watch() {
    let endpoint = Endpoint::start(|operation, request, nth| match (operation, nth) {
        ("DescribeServices", 2) => {
            Answer { status: 400, body: json!({"__type": "ThrottlingException", "message": "Rate exceeded"}) }
        }
        ("DescribeServices", 3..) => {
            Answer::ok(json!({"services": [service(8, &[deployment(2, 8, "PRIMARY", 3, "COMPLETED")])]}))
        }
        (other, nth) => ordinary(other, request, nth),
    })
    .await;
    let (outcome, _) = deploy(&endpoint, &plan(Then::Wait)).await;
    assert!(matches!(outcome, Ok(Outcome::Ended(Verdict::Promoted { .. }))), "{outcome:?}");
}

#[tokio::test]
async fn a_session_that_expires_during_the_watch_says_that_ecs_goes_on() {
    let endpoint = Endpoint::start(|operation, request, nth| match (operation, nth) {
        ("DescribeServices", 2..) => Answer { status: 400, body: json!({"__type": "ExpiredTokenException", "message": "The security token included in the request is expired"}) },
        (other, nth) => ordinary(other, request, nth),
    })
    .await;
    let (outcome, _) = deploy(&endpoint, &plan(Then::Wait)).await;
    let error = outcome.expect_err("lost sight");
    assert!(matches!(error, DeployError::LostSight { .. }), "{error}");
}

#[tokio::test]
async fn an_image_that_does_not_exist_asks_ecs_to_roll_back_at_first_sight() {
    let endpoint = Endpoint::start(|operation, request, nth| match (operation, nth) {
        ("UpdateService", _) => {
            let mut answered = service(8, &[deployment(2, 8, "PRIMARY", 0, "IN_PROGRESS"), deployment(1, 7, "ACTIVE", 3, "COMPLETED")]);
            answered["deploymentConfiguration"]["deploymentCircuitBreaker"] = json!({"enable": true, "rollback": true});
            Answer::ok(json!({"service": answered}))
        }
        ("DescribeServices", 2) => {
            let mut ours = deployment(2, 8, "PRIMARY", 0, "IN_PROGRESS");
            ours["failedTasks"] = json!(1);
            let mut seen = service(8, &[ours, deployment(1, 7, "ACTIVE", 3, "COMPLETED")]);
            seen["deploymentConfiguration"]["deploymentCircuitBreaker"] = json!({"enable": true, "rollback": true});
            Answer::ok(json!({"services": [seen]}))
        }
        ("DescribeServices", 3..) => Answer::ok(json!({"services": [service(7, &[deployment(1, 7, "PRIMARY", 3, "COMPLETED")])]})),
        ("DescribeServiceDeployments", _) => Answer::ok(json!({"serviceDeployments": [{
            "serviceDeploymentArn": endpoint::SERVICE_DEPLOYMENT, "status": "ROLLBACK_SUCCESSFUL"}]})),
        ("StopServiceDeployment", _) => Answer::ok(json!({"serviceDeploymentArn": endpoint::SERVICE_DEPLOYMENT})),
        ("ListTasks", _) => Answer::ok(json!({"taskArns": ["arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef"]})),
        ("DescribeTasks", _) => Answer::ok(json!({"tasks": [{
            "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef",
            "startedBy": "ecs-svc/0000000000000000002", "stopCode": "TaskFailedToStart",
            "stoppedReason": "CannotPullContainerError: failed to resolve ref web:2: not found", "containers": [{"name": "web"}]}]})),
        (other, nth) => ordinary(other, request, nth),
    })
    .await;
    let (outcome, _) = deploy(&endpoint, &plan(Then::Wait)).await;
    let Ok(Outcome::Ended(Verdict::RolledBack { reason, .. })) = outcome else { panic!("{outcome:?}") };
    assert!(reason.starts_with("the image does not exist"), "{reason}");
    assert_eq!(endpoint.request("StopServiceDeployment")["stopType"], "ROLLBACK");
}
