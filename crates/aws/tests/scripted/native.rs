//! Strategies of Amazon ECS itself: which calls, in which order, with which bytes; and what is refused
//! before anything changes. The service has no load balancer, so that ECS is all there is.

use crate::endpoint::{Answer, Endpoint, SERVICE_DEPLOYMENT, deployment, service};
use crate::{deploy, ordinary, plan};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tidegate_aws::deploy::{DeployPlan, Then};
use tidegate_aws::gates::{Asking, Elsewhere};
use tidegate_aws::{DeployError, Outcome};
use tidegate_rollout::gate::{Approval, At, Check, Gate, HttpProbe, Reading};
use tidegate_rollout::strategy::{CanaryStep, Traffic};
use tidegate_rollout::{Event, Millis, Percent, Strategy, Verdict};

/// A command that exits with this code.
#[derive(Debug)]
struct Exits(i32);

impl Elsewhere for Exits {
    fn http<'a>(&'a self, _probe: &'a HttpProbe) -> Asking<'a> {
        Box::pin(async { Reading::Http(Ok(200)) })
    }

    fn command<'a>(&'a self, _command: &'a [String], _timeout: Millis) -> Asking<'a> {
        Box::pin(async { Reading::Command { exit_code: Some(self.0), last_line: "3 checks".into() } })
    }

    fn approval<'a>(&'a self, _gate: &'a str, _question: &'a str) -> Asking<'a> {
        Box::pin(async { Reading::Approval(Approval::Pending) })
    }
}

pub fn blue_green(exit_code: i32) -> DeployPlan {
    DeployPlan {
        strategy: Strategy::Ecs(Traffic::BlueGreen { bake: 60_000 }),
        gates: vec![Gate {
            name: "smoke".into(),
            check: Check::Command { command: vec!["smoke".into()], timeout: 1_000 },
            at: At::EveryStep,
        }],
        elsewhere: Arc::new(Exits(exit_code)),
        ..plan(Then::Wait)
    }
}

/// A service that moves by blue/green, whose deployment waits at our hook until it is answered.
pub struct Ecs {
    /// 0: before. 1: waits. 2: done. 3: taken back.
    pub stands: AtomicUsize,
}

impl Ecs {
    pub fn answer(&self, operation: &str, request: &Value, nth: usize) -> Answer {
        let stands = self.stands.load(Ordering::SeqCst);
        let described = |service: Value| Answer::ok(json!({"services": [service], "failures": []}));
        match operation {
            "DescribeServices" => described(match stands {
                1 => with_hook(service(
                    8,
                    &[
                        deployment(2, 8, "PRIMARY", 3, "IN_PROGRESS"),
                        deployment(1, 7, "ACTIVE", 3, "COMPLETED"),
                    ],
                )),
                2 => with_hook(service(8, &[deployment(2, 8, "PRIMARY", 3, "COMPLETED")])),
                3 => with_hook(service(7, &[deployment(1, 7, "PRIMARY", 3, "COMPLETED")])),
                _ => service(7, &[deployment(1, 7, "PRIMARY", 3, "COMPLETED")]),
            }),
            "UpdateService" => {
                let starts = request.get("taskDefinition").is_some();
                if starts {
                    self.stands.store(1, Ordering::SeqCst);
                    return ordinary(operation, request, nth);
                }
                Answer::ok(json!({"service": service(8, &[deployment(2, 8, "PRIMARY", 3, "COMPLETED")])}))
            }
            "DescribeServiceDeployments" => Answer::ok(json!({"serviceDeployments": [match stands {
                3 => json!({"serviceDeploymentArn": SERVICE_DEPLOYMENT, "status": "ROLLBACK_SUCCESSFUL"}),
                2 => json!({"serviceDeploymentArn": SERVICE_DEPLOYMENT, "status": "SUCCESSFUL", "lifecycleStage": "CLEAN_UP"}),
                _ => json!({
                    "serviceDeploymentArn": SERVICE_DEPLOYMENT, "status": "IN_PROGRESS",
                    "lifecycleStage": "POST_PRODUCTION_TRAFFIC_SHIFT",
                    "targetServiceRevision": {"requestedProductionTrafficWeight": 100.0},
                    "lifecycleHookDetails": [{"hookId": "ecs-pause-1", "targetType": "PAUSE", "status": "AWAITING_ACTION"}]}),
            }]})),
            "ContinueServiceDeployment" => {
                self.stands.store(2, Ordering::SeqCst);
                Answer::ok(json!({"serviceDeploymentArn": SERVICE_DEPLOYMENT}))
            }
            "StopServiceDeployment" => {
                self.stands.store(3, Ordering::SeqCst);
                Answer::ok(json!({"serviceDeploymentArn": SERVICE_DEPLOYMENT}))
            }
            "TagResource" => Answer::ok(json!({})),
            "ListTasks" => Answer::ok(json!({"taskArns": []})),
            _ => ordinary(operation, request, nth),
        }
    }
}

/// As the service is while a rollout's hook is in it.
fn with_hook(mut service: Value) -> Value {
    service["deploymentConfiguration"]["strategy"] = json!("BLUE_GREEN");
    service["deploymentConfiguration"]["bakeTimeInMinutes"] = json!(5);
    service["deploymentConfiguration"]["lifecycleHooks"] = json!([
        {"hookTargetArn": "arn:lambda", "lifecycleStages": ["POST_SCALE_UP"]},
        {"targetType": "PAUSE", "hookDetails": {"tidegate": "x"}, "lifecycleStages": ["POST_PRODUCTION_TRAFFIC_SHIFT"]},
    ]);
    service
}

async fn played(exit_code: i32) -> (Endpoint, Result<Outcome, DeployError>, Vec<Event>) {
    let ecs = Ecs { stands: AtomicUsize::new(0) };
    let endpoint = Endpoint::start(move |operation, request, nth| ecs.answer(operation, request, nth)).await;
    let (outcome, events) = deploy(&endpoint, &blue_green(exit_code)).await;
    (endpoint, outcome, events)
}

#[tokio::test]
async fn a_gate_that_holds_answers_the_hook_and_the_hook_is_taken_away_again() {
    let (endpoint, outcome, _) = played(0).await;
    assert!(matches!(&outcome, Ok(Outcome::Ended(Verdict::Promoted { .. }))), "{outcome:?}");
    let mut writes = endpoint.operations();
    writes.retain(|operation| !operation.starts_with("Describe") && !operation.starts_with("List"));
    assert_eq!(
        writes,
        [
            "RegisterTaskDefinition",
            "UpdateService",
            "ContinueServiceDeployment",
            "UpdateService",
            "TagResource"
        ]
    );
    let answered = endpoint.request("ContinueServiceDeployment");
    assert_eq!((&answered["hookId"], &answered["action"]), (&json!("ecs-pause-1"), &json!("CONTINUE")));
    let cleaned = endpoint.request("UpdateService");
    assert_eq!(cleaned.get("taskDefinition"), None, "the configuration alone starts no deployment");
    let configuration = &cleaned["deploymentConfiguration"];
    assert_eq!(configuration["settingOfNextYear"], json!({"a": 1}));
    let hooks = configuration["lifecycleHooks"].as_array().map(Vec::len);
    assert_eq!(hooks, Some(1), "somebody else's hook stays: {configuration}");
    let tag = &endpoint.request("TagResource")["tags"][0];
    assert_eq!(
        (&tag["key"], without_moment(&tag["value"])),
        (&json!("tidegate:verdict"), "promoted".to_owned())
    );
}

#[tokio::test]
async fn a_gate_that_breaks_stops_the_deployment_with_a_rollback_and_is_the_verdict() {
    let (endpoint, outcome, events) = played(2).await;
    let Ok(Outcome::Ended(Verdict::RolledBack { reason, .. })) = outcome else { panic!("{outcome:?}") };
    assert_eq!(reason, "gate smoke: exited with 2: 3 checks");
    assert_eq!(endpoint.request("StopServiceDeployment")["stopType"], "ROLLBACK");
    assert_eq!(endpoint.count("ContinueServiceDeployment"), 0);
    assert!(events.iter().any(|event| matches!(event, Event::GateStands { gate, .. } if gate == "smoke")));
    let tag = &endpoint.request("TagResource")["tags"][0]["value"];
    assert_eq!(without_moment(tag), "rolled_back gate smoke: exited with 2: 3 checks");
}

/// A verdict's tag without its second word, which is a moment of this year or a later one.
fn without_moment(tag: &Value) -> String {
    let mut words: Vec<&str> = tag.as_str().unwrap_or_default().split(' ').collect();
    let moment = words.remove(1);
    assert!(moment.starts_with("20") && moment.ends_with('Z'), "{moment}");
    words.join(" ")
}

/// What a plan is refused with, having changed nothing.
async fn refused(plan: DeployPlan, described: Value) -> String {
    let endpoint = Endpoint::start(move |operation, request, nth| match operation {
        "DescribeServices" => Answer::ok(json!({"services": [described.clone()], "failures": []})),
        other => ordinary(other, request, nth),
    })
    .await;
    let (outcome, _) = deploy(&endpoint, &plan).await;
    let error = outcome.expect_err("refused");
    assert!(matches!(error, DeployError::Refused { .. }), "{error:?}");
    assert_eq!(endpoint.count("RegisterTaskDefinition") + endpoint.count("UpdateService"), 0);
    error.to_string()
}

#[tokio::test]
async fn what_ecs_could_not_move_is_refused_before_anything_changes() {
    let steady = || service(7, &[deployment(1, 7, "PRIMARY", 3, "COMPLETED")]);
    let with = |member: &str, value: Value| {
        let mut service = steady();
        service[member] = value;
        service
    };
    let canary = DeployPlan {
        strategy: Strategy::Ecs(Traffic::Canary {
            steps: vec![CanaryStep { weight: Percent::whole(10), bake: 60_000 }],
            bake: 60_000,
        }),
        ..plan(Then::Wait)
    };
    let moving = service(
        7,
        &[deployment(1, 7, "PRIMARY", 1, "IN_PROGRESS"), deployment(3, 6, "ACTIVE", 2, "COMPLETED")],
    );
    let no_wait = DeployPlan { then: Then::Return, ..blue_green(0) };
    assert_eq!(
        [
            refused(blue_green(0), with("deploymentController", json!({"type": "CODE_DEPLOY"}))).await,
            refused(blue_green(0), with("loadBalancers", json!([{"targetGroupArn": "arn:tg"}]))).await,
            refused(canary, steady()).await,
            refused(blue_green(0), moving).await,
            refused(no_wait, steady()).await,
        ],
        [
            "the service has deployment controller CODE_DEPLOY, and blue_green × ecs needs ECS",
            "the service's load balancers have no advancedConfiguration, and blue_green × ecs needs it",
            "the service has no load balancer, so canary × ecs has no traffic to shift",
            "deployment ecs-svc/0000000000000000001 of web:7 is in progress",
            "gates need somebody who asks them, and --no-wait leaves before the first",
        ]
    );
}
