//! Two services behind one weighted rule, moved by the deployer itself, under traffic: forth, back, and
//! taken up after its process is gone.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_aws::{
    Client, ConnectOptions, DeployError, Outcome, StaticCredentials, TaskDefinitionSource,
    alb::{Answer, Asking, ask, held},
    deploy::{DeployPlan, Tags, Then, run},
    gates::{Asking as GateAsking, Elsewhere},
    watch::WatchOptions,
};
use tidegate_rollout::{
    Event, Millis, Percent, Strategy, Verdict,
    alb::{Phase, Progress, Verb},
    gate::{Approval, At, Check, Gate, HttpProbe, Reading},
    names::{ClusterName, ServiceName, ServiceRef},
    strategy::{CanaryStep, Candidate, Traffic},
    task_definition::images::ImageChange,
    update::{BreakerPolicy, Force},
};

use crate::{
    api::{ecs, elbv2, get},
    blue_green::Users,
    cloud::{Cloud, wait_until},
    front::Front,
};

/// Twenty times as fast as the wall's clock.
const TICK: Millis = 100;

#[test]
fn a_good_release_goes_home_and_a_bad_one_is_thrown_back_without_a_failed_request() {
    let cloud = Cloud::start(&["--speed", "20"]);
    let stage = Stage::set(&cloud);
    let users = Users::at(&stage.address);

    let verdict = stage.deploy("sample:2");
    assert!(verdict.is_promoted(), "{verdict:?}");
    let (answers, failed) = users.so_far();
    assert_eq!(failed, Vec::<String>::new());
    assert!(answers.iter().any(|(_, body)| body.contains("sample:1")), "stable served at first");
    assert!(
        answers.last().is_some_and(|(_, body)| body.contains("sample:2")),
        "the release serves at the end"
    );
    stage.is_home("sample:2");

    stage.gate.breaks.store(true, Ordering::Release);
    let verdict = stage.deploy("sample:3");
    let Verdict::RolledBack { reason, .. } = &verdict else { panic!("{verdict:?}") };
    assert!(reason.starts_with("gate check: "), "{reason}");
    let (answers, failed) = users.end();
    assert_eq!(failed, Vec::<String>::new());
    let seen = answers.iter().filter(|(_, body)| body.contains("sample:3")).count();
    assert!(seen < answers.len() / 2, "{seen} of {} saw the bad release", answers.len());
    stage.is_home("sample:2");
}

#[test]
fn a_rollout_whose_process_is_gone_is_taken_up_in_every_phase_and_promoted_or_aborted() {
    type IsThere = fn(&Progress) -> bool;
    let cloud = Cloud::start(&["--speed", "20"]);
    let stage = Stage::set(&cloud);
    let users = Users::at(&stage.address);
    let phases: [(&str, IsThere); 4] = [
        ("sample:2", |p| matches!(p.phase(), Phase::ScalingUp)),
        ("sample:3", |p| matches!(p.phase(), Phase::Baking { shift: 0 })),
        ("sample:4", |p| matches!(p.phase(), Phase::RollingStable)),
        ("sample:5", |p| matches!(p.phase(), Phase::Settling { .. })),
    ];
    for (image, is_there) in phases {
        stage.deploy_and_die(image, is_there);
        let verdict = stage.ask(Verb::Resume);
        assert!(verdict.is_promoted(), "{image}: {verdict:?}");
        stage.is_home(image);
    }
    stage.deploy_and_die("sample:6", |p| matches!(p.phase(), Phase::Baking { shift: 0 }));
    let second = stage.try_deploy("sample:7");
    let said = second.expect_err("one is there already").to_string();
    assert!(said.contains("rolls") || said.contains("stopped half way"), "{said}");
    let verdict = stage.ask(Verb::Abort);
    let Verdict::RolledBack { reason, .. } = &verdict else { panic!("{verdict:?}") };
    assert!(reason.starts_with("aborted by "), "{reason}");
    stage.is_home("sample:5");
    assert_eq!(users.end().1, Vec::<String>::new());
}

/// A gate that the test breaks.
#[derive(Debug, Default)]
struct TestGate {
    breaks: AtomicBool,
}

impl Elsewhere for TestGate {
    fn http<'a>(&'a self, _probe: &'a HttpProbe) -> GateAsking<'a> {
        Box::pin(async { Reading::CouldNotAsk("no probe here".into()) })
    }

    fn command<'a>(&'a self, _command: &'a [String], _timeout: Millis) -> GateAsking<'a> {
        let exit_code = Some(i32::from(self.breaks.load(Ordering::Acquire)));
        Box::pin(async move { Reading::Command { exit_code, last_line: "checked".into() } })
    }

    fn approval<'a>(&'a self, _gate: &'a str, _question: &'a str) -> GateAsking<'a> {
        Box::pin(async { Reading::Approval(Approval::Pending) })
    }
}

struct Stage<'a> {
    cloud: &'a Cloud,
    address: String,
    runtime: tokio::runtime::Runtime,
    gate: Arc<TestGate>,
    rule: String,
}

impl<'a> Stage<'a> {
    fn set(cloud: &'a Cloud) -> Self {
        let Front { address, rule, groups: [stable, candidate] } =
            Front::build(cloud, "weights", ["stable", "candidate"]);
        let stage = Self {
            cloud,
            address,
            runtime: tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap(),
            gate: Arc::default(),
            rule,
        };
        stage.call("CreateCluster", &json!({ "clusterName": "weights" }));
        let definition = json!({
            "family": "weights", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512",
            "containerDefinitions": [
                { "name": "app", "image": "sample:1", "portMappings": [{ "containerPort": 8080 }] },
            ],
        });
        stage.call("RegisterTaskDefinition", &definition);
        for (service, group, count) in [("web", stable, 2), ("web-canary", candidate, 0)] {
            stage.call(
                "CreateService",
                &json!({
                    "cluster": "weights", "serviceName": service, "taskDefinition": "weights", "desiredCount": count,
                    "launchType": "FARGATE",
                    "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
                    "loadBalancers": [{ "targetGroupArn": group, "containerName": "app", "containerPort": 8080 }],
                }),
            );
        }
        wait_until("the first release answers", || matches!(get(&stage.address, "/"), Ok((200, _))));
        wait_until("both services rest", || {
            ["web", "web-canary"]
                .iter()
                .all(|service| stage.service(service)["deployments"][0]["rolloutState"] == "COMPLETED")
        });
        stage
    }

    fn plan(&self, image: &str) -> DeployPlan {
        let step = CanaryStep { weight: Percent::whole(25), bake: 40_000 };
        DeployPlan {
            target: target(),
            strategy: Strategy::Alb(
                Traffic::Canary { steps: vec![step], bake: 40_000 },
                Candidate { service: ServiceName::parse("web-canary").unwrap(), rule: None },
            ),
            gates: vec![Gate {
                name: "check".into(),
                check: Check::Command { command: vec!["check".into()], timeout: 1_000 },
                at: At::EveryStep,
            }],
            gates_timeout: 60_000,
            elsewhere: Arc::clone(&self.gate) as Arc<dyn Elsewhere>,
            source: TaskDefinitionSource::Running,
            images: vec![ImageChange::OfTheOnlyOne { image: image.into() }],
            origin: tidegate_rollout::origin::Origin::default(),
            tags: Tags::Keep,
            breaker: BreakerPolicy::EnsureOn,
            force: Force::OnlyIfChanged,
            desired_count: None,
            then: Then::Wait,
            timeout_ms: 60_000,
            watch: WatchOptions { tick: TICK, log_lines: 5 },
        }
    }

    async fn client(&self) -> Client {
        let keys = StaticCredentials { access_key_id: "test".into(), secret_access_key: "test".into() };
        let options = ConnectOptions {
            region: Some("eu-west-1".into()),
            endpoint_url: Some(self.cloud.endpoint().to_owned()),
            credentials: Some(keys),
            ..ConnectOptions::default()
        };
        Client::connect(options).await.unwrap()
    }

    fn deploy(&self, image: &str) -> Verdict {
        match self.try_deploy(image).unwrap() {
            Outcome::Ended(verdict) => verdict,
            other => panic!("{other:?}"),
        }
    }

    fn try_deploy(&self, image: &str) -> Result<Outcome, DeployError> {
        self.runtime.block_on(async {
            let client = self.client().await;
            run(&client, &self.plan(image), &mut told).await
        })
    }

    /// Deploys until the rollout is there, and then the deployer is no more.
    fn deploy_and_die(&self, image: &str, is_there: fn(&Progress) -> bool) {
        self.runtime.block_on(async {
            let (client, plan) = (self.client().await, self.plan(image));
            let before = held(&client, &plan.target).await.unwrap().map(|held| held.since);
            let mut sink = told;
            tokio::select! {
                ended = run(&client, &plan, &mut sink) => panic!("ended before: {ended:?}"),
                () = async {
                    loop {
                        match held(&client, &plan.target).await.unwrap() {
                            Some(held) if Some(held.since) != before && is_there(&held.progress) => return,
                            _ => tokio::time::sleep(Duration::from_millis(5)).await,
                        }
                    }
                } => {}
            }
        });
    }

    fn ask(&self, verb: Verb) -> Verdict {
        let answer = self.runtime.block_on(async {
            let (client, plan) = (self.client().await, self.plan("sample:0"));
            let asking =
                Asking { target: &plan.target, verb, elsewhere: &*plan.elsewhere, watch: plan.watch };
            ask(&client, &asking, &mut told).await.unwrap()
        });
        match answer {
            Answer::Ended(verdict) => verdict,
            Answer::Heard { by } => panic!("{by} runs it"),
        }
    }

    /// Stable serves this image with everything, and the candidate has nothing.
    fn is_home(&self, image: &str) {
        let (_, rules) =
            elbv2(self.cloud.endpoint(), "DescribeRules", &format!("RuleArns.member.1={}", self.rule))
                .unwrap();
        let weights: Vec<&str> =
            rules.split("<Weight>").skip(1).map(|rest| &rest[..rest.find('<').unwrap()]).collect();
        assert_eq!(weights, ["1", "0"], "as they were found");
        assert_eq!(self.service("web-canary")["desiredCount"], 0);
        assert_eq!(self.service("web")["runningCount"], 2);
        let (status, body) = get(&self.address, "/").unwrap();
        assert!(status == 200 && body.contains(image), "{body}");
    }

    fn service(&self, name: &str) -> Value {
        let input = json!({ "cluster": "weights", "services": [name] });
        self.call("DescribeServices", &input)["services"][0].clone()
    }

    fn call(&self, operation: &str, input: &Value) -> Value {
        let (status, body) = ecs(self.cloud.endpoint(), operation, input).unwrap();
        assert_eq!(status, 200, "{operation}: {body}");
        serde_json::from_str(&body).unwrap()
    }
}

fn target() -> ServiceRef {
    ServiceRef {
        cluster: ClusterName::parse("weights").unwrap(),
        service: ServiceName::parse("web").unwrap(),
    }
}

fn told(at: Millis, event: &Event) {
    if !matches!(event, Event::Progressed { .. } | Event::ServiceSaid { .. }) {
        eprintln!("{at} {}", serde_json::to_string(event).unwrap());
    }
}
