//! `resume`, `pause`, `promote` and `abort` of what Amazon ECS moves: which calls, what is said, and what is refused
//! with nothing changed.

use crate::endpoint::{Answer as Reply, Endpoint, SERVICE_DEPLOYMENT, deployment, service};
use crate::native::{Ecs, blue_green};
use crate::{client, ordinary, plan};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use tidegate_aws::control::{Answer, ControlError, ask};
use tidegate_aws::deploy::{DeployPlan, Then};
use tidegate_rollout::alb::Verb;
use tidegate_rollout::{Event, Millis, Verdict};

type Script = Box<dyn Fn(&str, &Value, usize) -> Reply + Send + Sync>;

async fn asked(script: Script, plan: DeployPlan, verb: Verb) -> (Endpoint, Result<Answer, ControlError>) {
    let endpoint = Endpoint::start(move |operation, request, nth| match operation {
        "GetParameter" => {
            Reply { status: 400, body: json!({"__type": "ParameterNotFound", "message": "no"}) }
        }
        other => script(other, request, nth),
    })
    .await;
    let client = client(&endpoint).await;
    let answer = ask(&client, &plan, verb, &mut |_: Millis, _: &Event| {}).await;
    (endpoint, answer)
}

fn writes(endpoint: &Endpoint) -> Vec<String> {
    let mut made = endpoint.operations();
    let reads = ["Describe", "List", "Get"];
    made.retain(|operation| !reads.iter().any(|read| operation.starts_with(read)));
    made
}

/// A blue/green deployment that waits at our hook.
fn at_the_hook() -> Script {
    let ecs = Ecs { stands: AtomicUsize::new(1) };
    Box::new(move |operation, request, nth| ecs.answer(operation, request, nth))
}

/// The same, whose service deployment is described so.
fn described(stage: &'static str, hooks: Value) -> Script {
    let waits = at_the_hook();
    Box::new(move |operation, request, nth| match operation {
        "DescribeServiceDeployments" => Reply::ok(json!({"serviceDeployments": [{
            "serviceDeploymentArn": SERVICE_DEPLOYMENT, "status": "IN_PROGRESS", "lifecycleStage": stage,
            "lifecycleHookDetails": hooks}]})),
        other => waits(other, request, nth),
    })
}

/// A rolling deployment that is done at its third look, or goes back when it is stopped.
fn rolling() -> Script {
    let stopped = AtomicUsize::new(0);
    Box::new(move |operation, request, nth| {
        let is_stopped = stopped.load(Ordering::SeqCst) > 0;
        match operation {
            "DescribeServices" => Reply::ok(json!({"services": [match nth {
                _ if is_stopped => service(7, &[deployment(1, 7, "PRIMARY", 3, "COMPLETED")]),
                1..=3 => service(8, &[deployment(2, 8, "PRIMARY", 1, "IN_PROGRESS"), deployment(1, 7, "ACTIVE", 3, "COMPLETED")]),
                _ => service(8, &[deployment(2, 8, "PRIMARY", 3, "COMPLETED")]),
            }]})),
            "StopServiceDeployment" => {
                stopped.store(1, Ordering::SeqCst);
                Reply::ok(json!({"serviceDeploymentArn": SERVICE_DEPLOYMENT}))
            }
            "DescribeServiceDeployments" => Reply::ok(json!({"serviceDeployments": [{
                "serviceDeploymentArn": SERVICE_DEPLOYMENT,
                "status": if is_stopped { "ROLLBACK_SUCCESSFUL" } else { "IN_PROGRESS" }}]})),
            "ListTasks" => Reply::ok(json!({"taskArns": []})),
            other => ordinary(other, request, nth),
        }
    })
}

#[tokio::test]
async fn promote_answers_the_hook_that_waits_and_nothing_else() {
    let (endpoint, answer) = asked(at_the_hook(), blue_green(0), Verb::Promote).await;
    let Ok(Answer::GoesOn { done }) = answer else { panic!("{answer:?}") };
    assert_eq!(
        done,
        "Amazon ECS goes on from POST_PRODUCTION_TRAFFIC_SHIFT of prod/web. Its own bake of 5 min follows and cannot be skipped."
    );
    assert_eq!(writes(&endpoint), ["ContinueServiceDeployment"]);
    assert_eq!(endpoint.request("ContinueServiceDeployment")["hookId"], "ecs-pause-1");
}

#[tokio::test]
async fn abort_has_ecs_go_back_and_follows_it_until_it_is_steady() {
    for (script, plan, after) in [
        (at_the_hook(), blue_green(0), vec!["UpdateService", "TagResource"]),
        (rolling(), plan(Then::Wait), vec!["TagResource"]),
    ] {
        let (endpoint, answer) = asked(script, plan, Verb::Abort).await;
        let Ok(Answer::Ended(Verdict::RolledBack { reason, to, .. })) = answer else { panic!("{answer:?}") };
        assert!(reason.starts_with("aborted by ") && to.short() == "web:7", "{reason}");
        assert_eq!(endpoint.request("StopServiceDeployment")["stopType"], "ROLLBACK");
        let mut wanted = vec!["StopServiceDeployment"];
        wanted.extend(after);
        let mut asked = writes(&endpoint);
        // A tag that is not taken is asked for again.
        asked.dedup();
        assert_eq!(asked, wanted, "the hooks go, where there are some");
    }
}

#[tokio::test]
async fn resume_asks_the_gates_and_answers_the_hook_as_a_second_deploy_does() {
    let (endpoint, answer) = asked(at_the_hook(), blue_green(0), Verb::Resume).await;
    assert!(matches!(answer, Ok(Answer::Ended(Verdict::Promoted { .. }))), "{answer:?}");
    assert_eq!(writes(&endpoint), ["ContinueServiceDeployment", "UpdateService", "TagResource"]);
    let (endpoint, answer) = asked(rolling(), plan(Then::Wait), Verb::Resume).await;
    assert!(matches!(answer, Ok(Answer::Ended(Verdict::Promoted { .. }))), "{answer:?}");
    assert_eq!(writes(&endpoint), Vec::<String>::new());
    // A gate that breaks breaks it here, too.
    let (endpoint, answer) = asked(at_the_hook(), blue_green(2), Verb::Resume).await;
    assert!(matches!(answer, Ok(Answer::Ended(Verdict::RolledBack { .. }))), "{answer:?}");
    assert_eq!(endpoint.count("StopServiceDeployment"), 1);
}

#[tokio::test]
async fn what_cannot_be_done_is_said_and_changes_nothing() {
    let theirs = json!([{"hookId": "ecs-pause-9", "targetType": "PAUSE", "status": "AWAITING_ACTION"}]);
    let with_theirs = described("POST_SCALE_UP", theirs);
    let steady: Script = Box::new(ordinary);
    let external: Script = Box::new(|operation, request, nth| match operation {
        "DescribeServices" => {
            let mut service = service(7, &[]);
            service["deploymentController"] = json!({"type": "EXTERNAL"});
            Reply::ok(json!({"services": [service]}))
        }
        other => ordinary(other, request, nth),
    });
    // A hook of somebody else's, beside ours.
    let beside: Script = Box::new(move |operation, request, nth| {
        let mut reply = with_theirs(operation, request, nth);
        if operation == "DescribeServices" {
            let hooks = &mut reply.body["services"][0]["deploymentConfiguration"]["lifecycleHooks"];
            if let Some(hooks) = hooks.as_array_mut() {
                hooks.push(json!({"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}));
            }
        }
        reply
    });
    let tried = [
        (at_the_hook(), blue_green(0), Verb::Pause),
        (described("BAKE_TIME", json!([])), blue_green(0), Verb::Promote),
        (beside, blue_green(0), Verb::Promote),
        (rolling(), plan(Then::Wait), Verb::Pause),
        (rolling(), plan(Then::Wait), Verb::Promote),
        (steady, plan(Then::Wait), Verb::Resume),
        (external, plan(Then::Wait), Verb::Abort),
    ];
    let mut said = Vec::new();
    for (script, plan, verb) in tried {
        let (endpoint, answer) = asked(script, plan, verb).await;
        let error = answer.expect_err("refused");
        let ControlError::Deploy(refused) = &error else { panic!("{error:?}") };
        assert!(refused.help().is_some(), "{error} leaves nobody without help");
        assert_eq!(writes(&endpoint), Vec::<String>::new(), "{error}");
        said.push(error.to_string());
    }
    assert_eq!(
        said,
        [
            "Amazon ECS cannot hold deployment ecs-svc/0000000000000000002 of web:8: it has no call for that",
            "at BAKE_TIME the deployment waits for no answer",
            "at POST_SCALE_UP the deployment waits for hook ecs-pause-9, which is somebody else's",
            "Amazon ECS cannot hold deployment ecs-svc/0000000000000000002 of web:8: it has no call for that",
            "a rolling deployment has no step that could be skipped",
            "no deployment of prod/web is under way: there is nothing to resume",
            "the service has deployment controller EXTERNAL, whose deployments are elsewhere",
        ]
    );
}
