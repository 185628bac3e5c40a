//! The deployer, whole and unchanged, against the local cloud's engine in simulated time: every strategy × controller, good
//! and bad releases, and the deployer killed at each of its calls in turn, once before the call is made and once before its
//! answer arrives. Whoever starts it again finds everything as it must be in the end.

#![allow(missing_docs, reason = "tests")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod cells;
mod control;
mod door;
mod refusals;
mod rollback;
mod scaling;
mod world;

use std::{sync::Arc, time::Duration};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tidegate_aws::{
    Client, ConnectOptions, DeployPlan, Outcome, StaticCredentials, TaskDefinitionSource, alb,
    deploy::{self, Tags, Then},
    gates::Nobody,
    watch::WatchOptions,
};
use tidegate_engine::Timestamp;
use tidegate_rollout::{
    Event, Millis, Verdict,
    alb::Verb,
    gate::{At, Check, Comparison, Gate, NoEvidence},
    names::{ClusterName, ServiceName, ServiceRef},
    pace,
    update::{BreakerPolicy, Force},
};

use cells::{CLUSTER, Cell, SERVICE, Stage, definition, set};
use door::{Door, Kill};
use world::Release;

/// How often a program that was killed is started again before somebody would give up.
const STARTS: usize = 3;

/// What a run ended with.
struct Run {
    calls: u32,
    made: Vec<String>,
    verdict: Option<Verdict>,
    told: Vec<String>,
    door: Door,
    stage: Stage,
}

/// How the clock of the world differs from the deployer's.
#[derive(Clone, Copy)]
struct Clocks {
    ahead: Duration,
    speed: u32,
}

/// The two agree.
const SAME: Clocks = Clocks { ahead: Duration::ZERO, speed: 1 };

/// Plays one cell in a simulated time of its own.
fn play(cell: Cell, release: Release, kill: Kill) -> Run {
    play_by(SAME, cell, release, kill)
}

fn play_by(clocks: Clocks, cell: Cell, release: Release, kill: Kill) -> Run {
    simulated(played(clocks, cell, release, kill, cell.until_started_again()))
}

/// The same with nobody there for so long once the deployer was killed.
fn play_without(cell: Cell, release: Release, kill: Kill, nobody: Duration) -> Run {
    simulated(played(SAME, cell, release, kill, nobody))
}

fn simulated<T>(what: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(what)
}

async fn opened(clocks: Clocks, cell: Cell, release: Release) -> (Door, Stage) {
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = Timestamp::from_millis(i64::try_from(wall.as_millis()).unwrap()) + clocks.ahead;
    let door = Door::new(now, clocks.speed);
    let stage = set(&mut door.world(), cell);
    door.world().release_after(&stage.stable, release);
    tokio::time::sleep(Duration::from_secs(90)).await;
    door.world().unserved = 0;
    (door, stage)
}

async fn played(clocks: Clocks, cell: Cell, release: Release, kill: Kill, nobody: Duration) -> Run {
    let (door, stage) = opened(clocks, cell, release).await;
    let mut plan = plan(cell, release);
    plan.watch.tick = pace::TICK / Millis::from(clocks.speed);
    let mut told = Vec::new();
    door.kill_at(kill);
    let first = until_killed(&door, &plan, &mut told).await;
    let (calls, made) = (door.calls(), door.made());
    door.kill_at(Kill::Never);
    let mut verdict = first;
    for _ in 0..STARTS {
        if verdict.is_some() {
            break;
        }
        tokio::time::sleep(nobody).await;
        verdict = started_again(&door, &plan, &mut told).await;
    }
    tokio::time::sleep(Duration::from_mins(3)).await;
    // Outside of this runtime its time stands still.
    drop(door.world());
    Run { calls, made, verdict, told, door, stage }
}

async fn until_killed(door: &Door, plan: &DeployPlan, told: &mut Vec<String>) -> Option<Verdict> {
    let client = client(door).await;
    let mut sink = |_: Millis, event: &Event| told.push(format!("{event:?}"));
    let outcome = tokio::select! {
        biased;
        () = door.killed() => return None,
        outcome = deploy::run(&client, plan, &mut sink) => outcome,
    };
    match outcome {
        Ok(Outcome::Ended(verdict)) => Some(verdict),
        other => panic!("the deployer did not get to a verdict: {other:?}\n{}", told.join("\n")),
    }
}

/// What somebody does who finds that the deployer died: `resume` where there is something to resume, else `deploy` again.
async fn started_again(door: &Door, plan: &DeployPlan, told: &mut Vec<String>) -> Option<Verdict> {
    told.push("--- started again".to_owned());
    let client = client(door).await;
    let mut sink = |_: Millis, event: &Event| told.push(format!("{event:?}"));
    let held = alb::held(&client, &plan.target).await.unwrap();
    if held.is_some_and(|held| held.progress.can_be_taken_up()) {
        let asking = alb::Asking {
            target: &plan.target,
            verb: Verb::Resume,
            elsewhere: plan.elsewhere.as_ref(),
            watch: plan.watch,
        };
        return match alb::ask(&client, &asking, &mut sink).await {
            Ok(alb::Answer::Ended(verdict)) => Some(verdict),
            other => panic!("resume: {other:?}\n{}", told.join("\n")),
        };
    }
    match deploy::run(&client, plan, &mut sink).await {
        Ok(Outcome::Ended(verdict)) => Some(verdict),
        // It had got to its end without us.
        Ok(_) => None,
        Err(error) => {
            told.push(format!("refused: {error}"));
            None
        }
    }
}

async fn client(door: &Door) -> Client {
    Client::connect(ConnectOptions {
        region: Some("eu-west-1".to_owned()),
        endpoint_url: Some("http://world.invalid".to_owned()),
        credentials: Some(StaticCredentials {
            access_key_id: "123456789012".to_owned(),
            secret_access_key: "simulated".to_owned(),
        }),
        http: Some(SharedHttpClient::new(door.clone())),
        ..ConnectOptions::default()
    })
    .await
    .unwrap()
}

fn plan(cell: Cell, release: Release) -> DeployPlan {
    let gates = match (cell.strategy, release) {
        ("rolling", _) | (_, Release::Good | Release::Unhealthy) => Vec::new(),
        (_, Release::Failing) => vec![Gate {
            name: "errors".to_owned(),
            check: Check::Errors(Comparison {
                tolerance_points: 0.5,
                certainty: 99.0,
                too_little: NoEvidence::Wait,
            }),
            at: At::EveryStep,
        }],
    };
    DeployPlan {
        target: ServiceRef {
            cluster: ClusterName::parse(CLUSTER).unwrap(),
            service: ServiceName::parse(SERVICE).unwrap(),
        },
        strategy: cell.strategy(),
        gates,
        gates_timeout: 600_000,
        elsewhere: Arc::new(Nobody),
        source: TaskDefinitionSource::Document(definition(2)),
        images: Vec::new(),
        origin: tidegate_rollout::origin::Origin::default(),
        tags: Tags::Keep,
        breaker: BreakerPolicy::EnsureOn,
        force: Force::OnlyIfChanged,
        desired_count: None,
        then: Then::Wait,
        timeout_ms: 3 * 3_600_000,
        watch: WatchOptions::default(),
    }
}

/// What must be so in the end, however it got there.
fn check(cell: Cell, release: Release, run: &Run, what: &str) {
    let context =
        || format!("{cell:?} {release:?} {what}: verdict {:?}\n{}", run.verdict, run.told.join("\n"));
    let world = run.door.world();
    let running: Vec<String> = world.running(CLUSTER).into_keys().collect();
    assert_eq!(running.len(), 1, "one revision runs: {running:?}\n{}", context());
    let is_stable = running[0] == run.stage.stable;
    assert_eq!(is_stable, release != Release::Good, "it is the right one: {running:?}\n{}", context());
    if let Some(verdict) = &run.verdict {
        assert_eq!(verdict.is_promoted(), release == Release::Good, "the verdict says so\n{}", context());
    }
    let weights = world.weights(&run.stage.rule);
    let serving: Vec<&String> =
        weights.iter().filter(|(_, weight)| **weight > 0).map(|(arn, _)| arn).collect();
    if !weights.is_empty() {
        assert_eq!(serving.len(), 1, "the weights are whole: {weights:?}\n{}", context());
    }
    assert_eq!(world.unserved, 0, "no request found nobody\n{}", context());
    let lease = world.state().parameters.iter().map(|(key, _)| key.to_owned()).collect::<Vec<_>>();
    let held: Vec<_> = lease.iter().filter(|key| key.contains("/lease")).collect();
    assert_eq!(held, Vec::<&String>::new(), "no lease is left\n{}", context());
}

const fn cell(strategy: &'static str, controller: &'static str) -> Cell {
    Cell { strategy, controller }
}

/// How many of a cell's calls are tried at most, evenly spread; `TIDEGATE_SCENARIOS=all` tries each one.
const TRIED: u32 = 40;

/// Each call in turn, in both halves.
fn killed_at_each_call(cell: Cell, release: Release) {
    let whole = play(cell, release, Kill::Never);
    check(cell, release, &whole, "whole");
    assert!(whole.verdict.is_some());
    let all = std::env::var("TIDEGATE_SCENARIOS").is_ok_and(|given| given == "all");
    let every = if all { 1 } else { whole.calls.div_ceil(TRIED) };
    for number in (1..=whole.calls).step_by(every as usize) {
        let operation = whole.made.get(number as usize - 1).cloned().unwrap_or_default();
        for kill in [Kill::Before(number), Kill::After(number)] {
            let run = play(cell, release, kill);
            check(cell, release, &run, &format!("{kill:?} {operation}"));
        }
    }
}

macro_rules! cells {
    ($($name:ident: $strategy:literal, $controller:literal, $release:ident;)*) => {
        $(#[test]
        fn $name() {
            killed_at_each_call(cell($strategy, $controller), Release::$release);
        })*
    };
}

cells! {
    a_rolling_deployment_killed_anywhere_is_carried_through: "rolling", "ecs", Good;
    a_rolling_deployment_of_what_is_never_healthy_killed_anywhere_is_thrown_back: "rolling", "ecs", Unhealthy;
    a_blue_green_by_ecs_killed_anywhere_is_carried_through: "blue_green", "ecs", Good;
    a_blue_green_by_ecs_of_a_failing_release_killed_anywhere_is_thrown_back: "blue_green", "ecs", Failing;
    a_linear_by_ecs_killed_anywhere_is_carried_through: "linear", "ecs", Good;
    a_canary_by_ecs_killed_anywhere_is_carried_through: "canary", "ecs", Good;
    a_canary_by_ecs_of_a_failing_release_killed_anywhere_is_thrown_back: "canary", "ecs", Failing;
    a_blue_green_by_code_deploy_killed_anywhere_is_carried_through: "blue_green", "code_deploy", Good;
    a_linear_by_code_deploy_killed_anywhere_is_carried_through: "linear", "code_deploy", Good;
    a_canary_by_code_deploy_killed_anywhere_is_carried_through: "canary", "code_deploy", Good;
    a_canary_by_code_deploy_of_a_failing_release_killed_anywhere_is_thrown_back: "canary", "code_deploy", Failing;
    a_blue_green_by_alb_killed_anywhere_is_carried_through: "blue_green", "alb", Good;
    a_linear_by_alb_killed_anywhere_is_carried_through: "linear", "alb", Good;
    a_canary_by_alb_killed_anywhere_is_carried_through: "canary", "alb", Good;
    a_canary_by_alb_of_a_failing_release_killed_anywhere_is_thrown_back: "canary", "alb", Failing;
}

#[test]
fn a_deployment_that_is_taken_up_again_on_a_faster_clock_that_is_ahead_is_still_judged_by_its_gates() {
    let (cell, release) = (cell("canary", "ecs"), Release::Failing);
    let clocks = Clocks { ahead: Duration::from_hours(9), speed: 20 };
    let whole = play_by(clocks, cell, release, Kill::Never);
    let update = whole.made.iter().position(|operation| operation == "UpdateService").unwrap();
    for kill in [Kill::Never, Kill::After(u32::try_from(update).unwrap() + 1)] {
        let run = play_by(clocks, cell, release, kill);
        check(cell, release, &run, &format!("{kill:?}"));
        let Some(Verdict::RolledBack { reason, .. }) = &run.verdict else { panic!("{:?}", run.verdict) };
        // By what it counted, not because nothing came of its questions.
        assert!(
            reason.contains(" sure that the candidate's error rate is "),
            "{reason}\n{}",
            run.told.join("\n")
        );
    }
}

#[test]
fn a_failing_canary_by_code_deploy_whose_deployer_stays_away_is_carried_through_by_codedeploy_alone() {
    // CodeDeploy has no hook that waits for an answer: without a deployer nobody asks the gates. Whoever deploys again
    // then finds what they wanted, is told so, and changes nothing.
    let (cell, release) = (cell("canary", "code_deploy"), Release::Failing);
    let whole = play(cell, release, Kill::Never);
    let created = whole.made.iter().position(|made| made == "CreateDeployment").unwrap();
    let killed = Kill::After(u32::try_from(created).unwrap() + 1);
    let run = play_without(cell, release, killed, Duration::from_mins(20));
    let context = run.told.join("\n");
    assert_eq!(run.verdict, None, "{context}");
    assert!(context.contains("nothing changed: the service runs web:2 already"), "{context}");
    let running: Vec<String> = run.door.world().running(CLUSTER).into_keys().collect();
    assert!(
        running.iter().all(|arn| *arn != run.stage.stable) && running.len() == 1,
        "{running:?}\n{context}"
    );
}
