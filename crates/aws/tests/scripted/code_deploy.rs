//! Deployments by CodeDeploy: which calls, in which order, and what is refused before anything changes.

use crate::endpoint::{Answer, Endpoint};
use crate::{client, deploy, names, plan};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use tidegate_aws::deploy::code_deploy::{self, Wait};
use tidegate_aws::deploy::{Changed, DeployPlan, Then};
use tidegate_aws::gates::{Asking, Elsewhere, Nobody};
use tidegate_aws::rollback::{Wish, find};
use tidegate_aws::{DeployError, Outcome, rollback};
use tidegate_rollout::gate::{At, Check, Gate, HttpProbe, Reading};
use tidegate_rollout::strategy::{DeploymentGroup, Traffic};
use tidegate_rollout::update::Force;
use tidegate_rollout::{Event, Millis, Percent, Strategy, Verdict};

const LB: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/front/1";

fn revision(number: u32) -> String {
    format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{number}")
}

fn blue_green(then: Then) -> DeployPlan {
    let group = DeploymentGroup {
        application: "app-deploy".into(),
        group: "app-dg".into(),
        config: None,
        hooks: BTreeMap::new(),
    };
    DeployPlan { strategy: Strategy::CodeDeploy(Traffic::BlueGreen { bake: 300_000 }, group), ..plan(then) }
}

fn app_spec_of(number: u32) -> Value {
    let properties = json!({ "TaskDefinition": revision(number), "LoadBalancerInfo": { "ContainerName": "web", "ContainerPort": 8080 } });
    json!({ "version": 0.0, "Resources": [{ "TargetService": { "Type": "AWS::ECS::Service", "Properties": properties } }] })
}

fn info(id: &str, status: &str) -> Value {
    json!({ "deploymentInfo": {
        "deploymentId": id, "status": status, "createTime": 1.0, "applicationName": "app-deploy", "deploymentGroupName": "app-dg",
        "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
        "revision": { "revisionType": "AppSpecContent", "appSpecContent": { "content": app_spec_of(8).to_string() } } } })
}

fn target(stage: &str, share: f64) -> Value {
    let set = |id: u32, label: &str, weight: f64| {
        json!({ "identifer": format!("ecs-svc/{id}"), "taskSetLabel": label, "status": if label == "Blue" { "PRIMARY" } else { "ACTIVE" },
            "trafficWeight": weight, "desiredCount": 3, "runningCount": 3, "pendingCount": 0 })
    };
    json!({ "deploymentTargets": [{ "deploymentTargetType": "ECSTarget", "ecsTarget": {
        "lifecycleEvents": [{ "lifecycleEventName": stage, "status": "InProgress" }],
        "taskSetsInfo": [set(1, "Blue", 100.0 - share), set(2, "Green", share)] } }] })
}

fn xml(operation: &str, result: &str) -> Answer {
    Answer::ok(Value::String(format!(
        "<{operation}Response xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><{operation}Result>{result}</{operation}Result></{operation}Response>"
    )))
}

fn service() -> Value {
    json!({ "services": [{
        "serviceName": "web", "status": "ACTIVE", "desiredCount": 3, "deployments": [], "events": [], "taskDefinition": revision(7),
        "deploymentController": { "type": "CODE_DEPLOY" },
        "loadBalancers": [{ "targetGroupArn": "arn:blue", "containerName": "web", "containerPort": 8080 }],
        "taskSets": [{ "id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": revision(7), "createdAt": 1.0,
            "loadBalancers": [{ "targetGroupArn": "arn:blue", "containerName": "web", "containerPort": 8080 }] }] }] })
}

fn sound(operation: &str, _: &Value, nth: usize) -> Answer {
    let forward = "<member><Type>forward</Type><TargetGroupArn>arn:blue</TargetGroupArn></member>";
    match operation {
        "DescribeServices" => Answer::ok(service()),
        "DescribeTaskDefinition" => Answer::ok(json!({ "tags": [], "taskDefinition": {
            "taskDefinitionArn": revision(7), "family": "web", "revision": 7, "status": "ACTIVE",
            "containerDefinitions": [{ "name": "web", "image": "web:1", "portMappings": [{ "containerPort": 8080 }] }] } })),
        "GetDeploymentGroup" => Answer::ok(json!({ "deploymentGroupInfo": {
            "applicationName": "app-deploy", "deploymentGroupName": "app-dg",
            "ecsServices": [{ "clusterName": "prod", "serviceName": "web" }],
            "autoRollbackConfiguration": { "enabled": true, "events": ["DEPLOYMENT_FAILURE"] },
            "blueGreenDeploymentConfiguration": {
                "deploymentReadyOption": { "actionOnTimeout": "CONTINUE_DEPLOYMENT" },
                "terminateBlueInstancesOnDeploymentSuccess": { "action": "TERMINATE", "terminationWaitTimeInMinutes": 5 } },
            "loadBalancerInfo": { "targetGroupPairInfoList": [{
                "targetGroups": [{ "name": "blue" }, { "name": "green" }], "prodTrafficRoute": { "listenerArns": ["arn:prod"] } }] } } })),
        "DescribeTargetGroups" => xml(
            operation,
            &format!(
                "<TargetGroups><member><TargetGroupArn>arn:blue</TargetGroupArn><TargetGroupName>blue</TargetGroupName><LoadBalancerArns><member>{LB}</member></LoadBalancerArns></member><member><TargetGroupArn>arn:green</TargetGroupArn><TargetGroupName>green</TargetGroupName></member></TargetGroups>"
            ),
        ),
        "DescribeListeners" => xml(
            operation,
            &format!(
                "<Listeners><member><ListenerArn>arn:prod</ListenerArn><LoadBalancerArn>{LB}</LoadBalancerArn><DefaultActions>{forward}</DefaultActions></member></Listeners>"
            ),
        ),
        "DescribeRules" => xml(operation, "<Rules/>"),
        "ListDeployments" => Answer::ok(json!({ "deployments": [] })),
        "RegisterTaskDefinition" => {
            Answer::ok(json!({ "taskDefinition": { "taskDefinitionArn": revision(8) } }))
        }
        "CreateDeployment" => Answer::ok(json!({ "deploymentId": "d-OURS00000" })),
        "GetDeployment" => Answer::ok(info("d-OURS00000", if nth < 3 { "InProgress" } else { "Succeeded" })),
        "BatchGetDeploymentTargets" => {
            Answer::ok(if nth < 2 { target("Install", 0.0) } else { target("AllowTraffic", 100.0) })
        }
        other => panic!("{other} is not part of a deployment by CodeDeploy"),
    }
}

#[tokio::test]
async fn a_deployment_without_wait_looks_at_everything_first_and_writes_last() {
    let endpoint = Endpoint::start(sound).await;
    let (outcome, events) = deploy(&endpoint, &blue_green(Then::Return)).await;
    assert!(matches!(outcome, Ok(Outcome::Started { .. })), "{outcome:?}");
    let mut operations = endpoint.operations();
    assert_eq!(operations.split_off(operations.len() - 2), ["RegisterTaskDefinition", "CreateDeployment"]);
    assert_eq!(operations.len(), 7, "{operations:?}");
    assert_eq!(names(&events), ["planned", "plan_made", "registered", "started"]);
    let created = endpoint.request("CreateDeployment");
    assert_eq!(created["deploymentConfigName"], "CodeDeployDefault.ECSAllAtOnce");
    let written: Value =
        serde_json::from_str(created["revision"]["appSpecContent"]["content"].as_str().expect("written"))
            .expect("JSON");
    assert_eq!(written, app_spec_of(8));
}

#[tokio::test]
async fn a_good_release_is_followed_by_its_id_to_promoted() {
    let endpoint = Endpoint::start(sound).await;
    let (outcome, events) = deploy(&endpoint, &blue_green(Then::Wait)).await;
    assert!(matches!(outcome, Ok(Outcome::Ended(Verdict::Promoted { running: 3, .. }))), "{outcome:?}");
    let stages: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            Event::StageEntered { stage } => Some(stage.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(stages, ["Install", "AllowTraffic"]);
    assert_eq!(endpoint.request("GetDeployment")["deploymentId"], "d-OURS00000");
    assert_eq!(endpoint.request("BatchGetDeploymentTargets")["targetIds"], json!(["prod:web"]));
}

#[tokio::test]
async fn a_dry_run_creates_nothing() {
    let endpoint = Endpoint::start(sound).await;
    let (outcome, events) = deploy(&endpoint, &blue_green(Then::OnlyShow)).await;
    assert!(matches!(outcome, Ok(Outcome::OnlyShown { .. })), "{outcome:?}");
    assert_eq!(names(&events), ["planned", "plan_made", "nothing_done"]);
}

#[tokio::test]
async fn a_strategy_that_no_config_fits_gets_one_of_its_own_once() {
    let script = |exists: bool| {
        move |operation: &str, request: &Value, nth| match operation {
            "GetDeploymentConfig" if exists => Answer::ok(json!({ "deploymentConfigInfo": {} })),
            "GetDeploymentConfig" => Answer {
                status: 400,
                body: json!({ "__type": "DeploymentConfigDoesNotExistException", "message": "No Deployment Configuration found" }),
            },
            "CreateDeploymentConfig" => Answer::ok(json!({ "deploymentConfigId": "x" })),
            other => sound(other, request, nth),
        }
    };
    let mut canary = blue_green(Then::Return);
    let Strategy::CodeDeploy(traffic, _) = &mut canary.strategy else { panic!("it is") };
    *traffic = tidegate_rollout::code_deploy::config::Routing::Canary { percentage: 20, interval: 7 }
        .traffic(300_000);
    for (exists, created) in [(false, 1), (true, 0)] {
        let endpoint = Endpoint::start(script(exists)).await;
        deploy(&endpoint, &canary).await.0.expect("started");
        assert_eq!(endpoint.count("CreateDeploymentConfig"), created);
        let name = "tidegate-canary-20-percent-7-minutes";
        assert_eq!(endpoint.request("CreateDeployment")["deploymentConfigName"], name);
    }
}

#[tokio::test]
async fn whatever_cannot_work_is_refused_before_anything_is_registered() {
    type Change = fn(&str) -> Option<Answer>;
    let changes: [(Change, &str); 4] = [
        (
            |it| {
                (it == "GetDeploymentGroup").then(|| Answer {
                    status: 400,
                    body: json!({ "__type": "ApplicationDoesNotExistException", "message": "no" }),
                })
            },
            "application `app-deploy`",
        ),
        (
            |it| (it == "ListDeployments").then(|| Answer::ok(json!({ "deployments": ["d-OTHER0000"] }))),
            "deployment d-OTHER0000",
        ),
        (|it| (it == "DescribeTargetGroups").then(|| xml(it, "<TargetGroups/>")), "does not exist"),
        (
            |it| {
                let mut other = service();
                other["services"][0]["deploymentController"]["type"] = json!("ECS");
                (it == "DescribeServices").then(|| Answer::ok(other))
            },
            "controller ECS",
        ),
    ];
    for (change, words) in changes {
        let endpoint = Endpoint::start(move |operation, request, nth| {
            change(operation).unwrap_or_else(|| sound(operation, request, nth))
        })
        .await;
        let (outcome, _) = deploy(&endpoint, &blue_green(Then::Wait)).await;
        let error = outcome.expect_err("refused");
        assert!(matches!(error, DeployError::CodeDeploy(_)) && error.to_string().contains(words), "{error}");
        assert_eq!(endpoint.count("RegisterTaskDefinition") + endpoint.count("CreateDeployment"), 0);
    }
}

#[tokio::test]
async fn a_deployment_whose_answer_was_lost_is_found_by_its_mark_and_not_created_again() {
    use std::sync::Mutex;
    let mark: Arc<Mutex<Option<Value>>> = Arc::default();
    let endpoint = Endpoint::start(move |operation, request, nth| match (operation, nth) {
        ("CreateDeployment", _) => {
            *mark.lock().unwrap() = Some(request["description"].clone());
            Answer { status: 500, body: json!({ "__type": "InternalFailure", "message": "lost" }) }
        }
        ("ListDeployments", 2..) => Answer::ok(json!({ "deployments": ["d-FOUND0000"] })),
        ("GetDeployment", _) => {
            let mut found = info("d-FOUND0000", "InProgress");
            found["deploymentInfo"]["description"] = mark.lock().unwrap().clone().unwrap_or_default();
            Answer::ok(found)
        }
        (other, nth) => sound(other, request, nth),
    })
    .await;
    let (outcome, _) = deploy(&endpoint, &blue_green(Then::Return)).await;
    let Ok(Outcome::Started { deployment }) = outcome else { panic!("{outcome:?}") };
    assert_eq!((deployment.as_str(), endpoint.count("CreateDeployment")), ("d-FOUND0000", 1));
}

/// The service while `d-OURS00000` brings revision 8.
fn moving_service() -> Value {
    let mut moving = service();
    let green = json!({ "id": "ecs-svc/2", "status": "ACTIVE", "taskDefinition": revision(8), "createdAt": 2.0,
        "startedBy": "CODE_DEPLOY", "externalId": "d-OURS00000",
        "loadBalancers": [{ "targetGroupArn": "arn:green", "containerName": "web", "containerPort": 8080 }] });
    moving["services"][0]["taskSets"].as_array_mut().unwrap().push(green);
    moving
}

/// The deployment after a StopDeployment, which `d-BACK00000` goes back from.
fn stopped() -> Value {
    let mut stopped = info("d-OURS00000", "Stopped");
    stopped["deploymentInfo"]["errorInformation"] =
        json!({ "code": "MANUAL_STOP", "message": "stopped by hand" });
    stopped["deploymentInfo"]["rollbackInfo"] = json!({ "rollbackDeploymentId": "d-BACK00000" });
    stopped
}

/// `d-OURS00000` is under way until it is stopped, and `d-BACK00000` goes back from it.
fn under_way() -> impl Fn(&str, &Value, usize) -> Answer + Send + Sync + 'static {
    let is_stopped = AtomicBool::new(false);
    move |operation, request, nth| match operation {
        "DescribeServices" => Answer::ok(moving_service()),
        "ListDeployments" => Answer::ok(json!({ "deployments": ["d-OURS00000"] })),
        "GetDeployment" if request["deploymentId"] == "d-BACK00000" => {
            Answer::ok(info("d-BACK00000", "Succeeded"))
        }
        "GetDeployment" if is_stopped.load(SeqCst) => Answer::ok(stopped()),
        "GetDeployment" => Answer::ok(info("d-OURS00000", "InProgress")),
        "StopDeployment" => {
            is_stopped.store(true, SeqCst);
            Answer::ok(json!({ "status": "Pending" }))
        }
        "ContinueDeployment" => Answer::ok(json!({})),
        "GetDeploymentConfig" => {
            Answer::ok(json!({ "deploymentConfigInfo": { "trafficRoutingConfig": { "type": "AllAtOnce" } } }))
        }
        other => sound(other, request, nth),
    }
}

#[tokio::test]
async fn a_rollback_during_a_deployment_stops_it_and_follows_the_way_back() {
    let endpoint = Endpoint::start(under_way()).await;
    let client = client(&endpoint).await;
    let plan = DeployPlan { strategy: Strategy::Rolling, ..blue_green(Then::Wait) };
    let target = find(&client, &plan, &Wish::LastSteady).await.expect("the revision before");
    assert_eq!((target.current.revision(), target.way.to().revision()), (8, 7));
    let outcome = rollback::run(&client, &plan, &target, &mut |_, _: &Event| {}).await;
    let Ok(Outcome::Ended(Verdict::RolledBack { to, .. })) = outcome else { panic!("{outcome:?}") };
    assert_eq!(to.revision(), 7);
    assert_eq!(
        endpoint.request("StopDeployment"),
        json!({ "deploymentId": "d-OURS00000", "autoRollbackEnabled": true })
    );
    assert_eq!(endpoint.count("CreateDeployment"), 0);
}

#[tokio::test]
async fn abort_stops_the_deployment_with_its_rollback_and_follows_that_to_its_end() {
    let endpoint = Endpoint::start(under_way()).await;
    let mut told = Vec::new();
    let verdict =
        code_deploy::abort(&client(&endpoint).await, &blue_green(Then::Wait), &mut |_, event: &Event| {
            told.push(event.clone());
        })
        .await;
    let Ok(Verdict::RolledBack { to, reason, .. }) = verdict else { panic!("{verdict:?}") };
    assert_eq!((to.revision(), reason.as_str()), (7, "somebody asked to go back"));
    assert_eq!(
        endpoint.request("StopDeployment"),
        json!({ "deploymentId": "d-OURS00000", "autoRollbackEnabled": true })
    );
    let told = names(&told);
    assert_eq!((told[0].as_str(), told.last().map(String::as_str)), ("held", Some("decided")), "{told:?}");
}

#[tokio::test]
async fn promote_ends_the_wait_that_the_deployment_is_in_and_no_other() {
    let promoted = async |status: &'static str, blue_waits: bool| {
        let before = under_way();
        let endpoint = Endpoint::start(move |operation, request, nth| match operation {
            "GetDeployment" => {
                let mut info = info("d-OURS00000", status);
                info["deploymentInfo"]["instanceTerminationWaitTimeStarted"] = json!(blue_waits);
                Answer::ok(info)
            }
            other => before(other, request, nth),
        })
        .await;
        let promoted = code_deploy::promote(&client(&endpoint).await, &blue_green(Then::Wait)).await;
        let asked =
            (endpoint.count("ContinueDeployment") > 0).then(|| endpoint.request("ContinueDeployment"));
        (promoted, asked)
    };
    let asked = |wait: &str| Some(json!({ "deploymentId": "d-OURS00000", "deploymentWaitType": wait }));

    let (ready, request) = promoted("Ready", false).await;
    assert_eq!((ready.expect("told").wait, request), (Wait::Ready, asked("READY_WAIT")));
    let (baking, request) = promoted("InProgress", true).await;
    assert_eq!((baking.expect("told").wait, request), (Wait::Termination, asked("TERMINATION_WAIT")));

    let (shifting, request) = promoted("InProgress", false).await;
    let error = shifting.expect_err("nobody can hurry it");
    assert!(error.to_string().starts_with("deployment d-OURS00000 waits for nobody now"), "{error}");
    assert_eq!((error.changed(), request), (Changed::Nothing, None));
}

#[tokio::test]
async fn promote_and_abort_say_so_where_nothing_runs() {
    let endpoint = Endpoint::start(sound).await;
    let (client, plan) = (client(&endpoint).await, blue_green(Then::Wait));
    let promoted = code_deploy::promote(&client, &plan).await.map(|_| ());
    let aborted = code_deploy::abort(&client, &plan, &mut |_, _: &Event| {}).await.map(|_| ());
    for answer in [promoted, aborted] {
        let error = answer.expect_err("nothing runs");
        assert_eq!(error.to_string(), "no deployment of prod/web by CodeDeploy is under way");
        assert_eq!((error.changed(), error.help().is_some()), (Changed::Nothing, true));
    }
    assert_eq!(endpoint.count("StopDeployment") + endpoint.count("ContinueDeployment"), 0);
}

/// Answers every command with this exit code.
#[derive(Debug)]
struct Exits(i32);

impl Elsewhere for Exits {
    fn http<'a>(&'a self, probe: &'a HttpProbe) -> Asking<'a> {
        Nobody.http(probe)
    }

    fn command<'a>(&'a self, _: &'a [String], _: Millis) -> Asking<'a> {
        let reading = Reading::Command { exit_code: Some(self.0), last_line: "no front page".to_owned() };
        Box::pin(async { reading })
    }

    fn approval<'a>(&'a self, gate: &'a str, question: &'a str) -> Asking<'a> {
        Nobody.approval(gate, question)
    }
}

/// The same deployment as that under way, with a gate that is a command which exits with this code.
fn again(exit_code: i32) -> DeployPlan {
    let check = Check::Command { command: vec!["./smoke".to_owned()], timeout: 1_000 };
    DeployPlan {
        gates: vec![Gate { name: "smoke".to_owned(), check, at: At::EveryStep }],
        elsewhere: Arc::new(Exits(exit_code)),
        ..blue_green(Then::Wait)
    }
}

/// As [`under_way`], with all traffic at revision 8, whose image is `image`, until `d-OURS00000` ends or is stopped.
fn shifted(image: &'static str) -> impl Fn(&str, &Value, usize) -> Answer + Send + Sync + 'static {
    let before = under_way();
    move |operation, request, nth| match operation {
        "DescribeTaskDefinition" => {
            let is_candidate = request["taskDefinition"] == revision(8);
            let image = if is_candidate { image } else { "web:1" };
            Answer::ok(json!({ "tags": [], "taskDefinition": {
                "taskDefinitionArn": request["taskDefinition"], "family": "web", "status": "ACTIVE",
                "containerDefinitions": [{ "name": "web", "image": image, "portMappings": [{ "containerPort": 8080 }] }] } }))
        }
        // CloudWatch, which names its operation elsewhere, counts nothing here.
        "unknown" | "GetMetricData" => Answer {
            status: 400,
            body: json!({ "__type": "AccessDeniedException", "message": "not allowed" }),
        },
        "BatchGetDeploymentTargets" if request["deploymentId"] == "d-BACK00000" => {
            // What goes back has the labels the other way round.
            let mut back = target("AllowTraffic", 100.0);
            let sets = back["deploymentTargets"][0]["ecsTarget"]["taskSetsInfo"].as_array_mut().unwrap();
            sets[0]["taskSetLabel"] = json!("Green");
            sets[0]["trafficWeight"] = json!(100.0);
            sets[1]["taskSetLabel"] = json!("Blue");
            sets[1]["trafficWeight"] = json!(0.0);
            Answer::ok(back)
        }
        "BatchGetDeploymentTargets" => Answer::ok(target("AllowTraffic", 100.0)),
        "GetDeployment" if request["deploymentId"] == "d-OURS00000" && nth > 5 => {
            let answer = before(operation, request, nth);
            let is_stopped = answer.body["deploymentInfo"]["status"] == "Stopped";
            if is_stopped { answer } else { Answer::ok(info("d-OURS00000", "Succeeded")) }
        }
        other => before(other, request, nth),
    }
}

#[tokio::test]
async fn a_deployment_under_way_to_the_same_revision_is_taken_up_with_its_gates() {
    for (exit_code, is_promoted) in [(0, true), (1, false)] {
        let endpoint = Endpoint::start(shifted("web:2")).await;
        let (outcome, events) = deploy(&endpoint, &again(exit_code)).await;
        let Ok(Outcome::Ended(verdict)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(verdict.is_promoted(), is_promoted, "{verdict:?}");
        assert_eq!(endpoint.count("StopDeployment"), usize::from(!is_promoted));
        assert_eq!(endpoint.count("RegisterTaskDefinition") + endpoint.count("CreateDeployment"), 0);
        let told = names(&events);
        assert_eq!(told[..3], ["planned", "plan_made", "warned"], "{told:?}");
        assert!(told.contains(&"gate_stands".to_owned()), "{told:?}");
        if !is_promoted {
            let Verdict::RolledBack { to, reason, .. } = verdict else { panic!("{verdict:?}") };
            assert_eq!((to.revision(), reason.starts_with("gate smoke: ")), (7, true), "{reason}");
        }
    }
}

#[tokio::test]
async fn the_last_share_of_a_candidate_that_was_taken_up_and_thrown_back_is_nothing() {
    let endpoint = Endpoint::start(shifted("web:2")).await;
    let (_, events) = deploy(&endpoint, &again(1)).await;
    let weighed = events.iter().filter_map(|event| match event {
        Event::Weighed { asked, set, .. } => Some((*asked, *set)),
        _ => None,
    });
    let weighed: Vec<_> = weighed.collect();
    assert_eq!(weighed.first(), Some(&(Percent::ALL, Some(Percent::ALL))), "{weighed:?}");
    assert_eq!(weighed.last(), Some(&(Percent::NONE, Some(Percent::NONE))), "{weighed:?}");
}

#[tokio::test]
async fn one_that_is_gone_back_from_already_is_followed_to_where_it_goes() {
    // Whoever started it stopped it, too, and died then: the group names only what goes back.
    let before = shifted("web:2");
    let endpoint = Endpoint::start(move |operation, request, nth| match operation {
        "ListDeployments" => Answer::ok(json!({ "deployments": ["d-BACK00000"] })),
        "GetDeployment" if request["deploymentId"] == "d-BACK00000" => {
            let mut back = info("d-BACK00000", if nth < 6 { "InProgress" } else { "Succeeded" });
            back["deploymentInfo"]["rollbackInfo"] =
                json!({ "rollbackTriggeringDeploymentId": "d-OURS00000" });
            Answer::ok(back)
        }
        "GetDeployment" => Answer::ok(stopped()),
        other => before(other, request, nth),
    })
    .await;
    let (outcome, _) = deploy(&endpoint, &again(0)).await;
    let Ok(Outcome::Ended(Verdict::RolledBack { to, .. })) = outcome else { panic!("{outcome:?}") };
    assert_eq!(to.revision(), 7);
    assert_eq!(endpoint.count("CreateDeployment") + endpoint.count("StopDeployment"), 0);
}

#[tokio::test]
async fn another_deployment_under_way_stands_against_one_before_anything_changes() {
    let canary = |plan: DeployPlan| {
        let group = DeploymentGroup {
            application: "app-deploy".into(),
            group: "app-dg".into(),
            config: Some("CodeDeployDefault.ECSCanary10Percent5Minutes".into()),
            hooks: BTreeMap::new(),
        };
        DeployPlan { strategy: Strategy::CodeDeploy(Traffic::BlueGreen { bake: 0 }, group), ..plan }
    };
    let hooked = |plan: DeployPlan| {
        let Strategy::CodeDeploy(traffic, mut group) = plan.strategy else { panic!("by CodeDeploy") };
        group.hooks = BTreeMap::from([("AfterInstall".to_owned(), "smoke".to_owned())]);
        DeployPlan { strategy: Strategy::CodeDeploy(traffic, group), ..plan }
    };
    let forced = |plan: DeployPlan| DeployPlan { force: Force::Redeploy, ..plan };
    let plans = [
        ("of another image", "web:3", again(0)),
        ("by another config", "web:2", canary(again(0))),
        ("with other hooks", "web:2", hooked(again(0))),
        ("that is forced", "web:2", forced(again(0))),
    ];
    for (what, image, plan) in plans {
        let endpoint = Endpoint::start(shifted(image)).await;
        let (outcome, _) = deploy(&endpoint, &plan).await;
        let error = outcome.expect_err(what);
        assert_eq!(
            error.to_string(),
            "deployment d-OURS00000 of deployment group `app-dg` is in progress and brings web:8 by CodeDeployDefault.ECSAllAtOnce, and CodeDeploy runs one at a time",
            "{what}"
        );
        assert_eq!(error.changed(), Changed::Nothing);
        assert_eq!(
            endpoint.count("RegisterTaskDefinition") + endpoint.count("CreateDeployment"),
            0,
            "{what}"
        );
    }
}
