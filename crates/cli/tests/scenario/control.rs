//! Deployers that die and stay dead: what ECS does without them, what somebody sees of it, and what `resume` and `abort`
//! make of it.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_aws::{
    DeployPlan, Outcome, alb,
    control::{self, Answer},
    deploy, history, status, watch,
};
use tidegate_rollout::{Event, Millis, Percent, Verdict, alb::Verb, gate::Standing};

use crate::{
    SAME, Stage, cell, cells::CLUSTER, cells::Cell, client, door::Door, door::Kill, opened, plan, simulated,
    until_killed, world::Release,
};

/// With a gate that watches the errors of a release that has none.
fn gated(cell: Cell) -> DeployPlan {
    plan(cell, Release::Failing)
}

/// A stage on which the deployer died when its call of this operation, the first, was made.
pub(crate) async fn died_after(cell: Cell, plan: &DeployPlan, operation: &str) -> (Door, Stage) {
    let (door, _) = opened(SAME, cell, Release::Good).await;
    door.kill_at(Kill::Never);
    let mut told = Vec::new();
    until_killed(&door, plan, &mut told).await.unwrap();
    let number = door.made().iter().position(|made| made == operation).unwrap();
    drop(door.world());

    let (door, stage) = opened(SAME, cell, Release::Good).await;
    door.kill_at(Kill::After(u32::try_from(number).unwrap() + 1));
    assert_eq!(until_killed(&door, plan, &mut Vec::new()).await, None);
    door.kill_at(Kill::Never);
    (door, stage)
}

/// Stable serves everything and is all that runs.
pub(crate) fn is_home(door: &Door, stage: &Stage) {
    let world = door.world();
    let running: Vec<String> = world.running(CLUSTER).into_keys().collect();
    assert_eq!(running, std::slice::from_ref(&stage.stable));
    for (group, weight) in world.weights(&stage.rule) {
        assert_eq!(weight > 0, group.contains(":targetgroup/stable/"), "{group} has {weight}");
    }
    assert_eq!(world.unserved, 0, "no request found nobody");
}

fn rollback_has_begun(door: &Door) -> bool {
    let world = door.world();
    world.state().service_deployments.iter().any(|(_, row)| json!(row.status) == "ROLLBACK_IN_PROGRESS")
}

#[test]
fn a_canary_whose_deployer_dies_between_two_hooks_and_stays_dead_is_taken_back_by_ecs() {
    simulated(async {
        let cell = cell("canary", "ecs");
        let plan = gated(cell);
        let (door, stage) = died_after(cell, &plan, "ContinueServiceDeployment").await;
        let client = client(&door).await;

        // Somebody who only watches sees the gates hold, and answers nothing.
        let mut told = Vec::new();
        let mut sink = |_: Millis, event: &Event| told.push(event.clone());
        let seen = watch::attach(&client, &plan, &mut sink).await.unwrap();
        assert!(matches!(seen, Some(Verdict::RolledBack { .. })), "{seen:?}");
        assert!(!door.made().iter().any(|made| made == "ContinueServiceDeployment"));
        let has = |wanted: &dyn Fn(&Event) -> bool| assert!(told.iter().any(wanted), "{told:#?}");
        has(&|event| matches!(event, Event::PlanMade { .. }));
        has(&|event| matches!(event, Event::StageEntered { stage } if stage == "PRODUCTION_TRAFFIC_SHIFT"));
        has(
            &|event| matches!(event, Event::Weighed { set: Some(set), measured: Some(_), .. } if *set == Percent::whole(10)),
        );
        has(
            &|event| matches!(event, Event::GateStands { gate, standing: Standing::Holds { .. } } if gate == "errors"),
        );

        is_home(&door, &stage);
        let status = status::read(&client, &plan.target, &plan.strategy).await.unwrap();
        assert_eq!(status.service.task_definition.as_str(), stage.stable);
        let states: Vec<_> = status.service.deployments.iter().map(|each| each.rollout_state).collect();
        assert_eq!(states.len(), 1, "{states:?}");

        // What was left behind is in nobody's way.
        let again = deploy::run(&client, &plan, &mut |_: Millis, _: &Event| {}).await;
        let Ok(Outcome::Ended(Verdict::Promoted { task_definition, .. })) = &again else {
            panic!("{again:?}")
        };
        let service =
            door.world().call("ecs", "DescribeServices", json!({ "cluster": CLUSTER, "services": ["web"] }));
        assert_eq!(service["services"][0]["taskDefinition"], task_definition.as_str());
        let hooks = &service["services"][0]["deploymentConfiguration"]["lifecycleHooks"];
        assert_eq!(hooks.as_array().map_or(0, Vec::len), 0, "{hooks}");
        drop(door.world());
    });
}

#[test]
fn who_begins_to_watch_while_ecs_goes_back_by_itself_is_told_that_it_was_rolled_back() {
    simulated(async {
        let cell = cell("canary", "ecs");
        let plan = gated(cell);
        let (door, stage) = died_after(cell, &plan, "ContinueServiceDeployment").await;
        while !rollback_has_begun(&door) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let client = client(&door).await;
        let seen = watch::attach(&client, &plan, &mut |_: Millis, _: &Event| {}).await;
        assert!(matches!(seen, Ok(Some(Verdict::RolledBack { .. }))), "{seen:?}");
        is_home(&door, &stage);
    });
}

/// Asks for it some seconds after the deployer died at its first call of this operation.
async fn asked(cell: Cell, verb: Verb, (operation, later): (&str, u64)) -> (Answer, Door, Stage) {
    let plan = if cell.strategy == "rolling" { plan(cell, Release::Good) } else { gated(cell) };
    let (door, stage) = died_after(cell, &plan, operation).await;
    tokio::time::sleep(Duration::from_secs(later)).await;
    let client = client(&door).await;
    let mut told = Vec::new();
    let mut sink = |_: Millis, event: &Event| told.push(format!("{event:?}"));
    let answer = control::ask(&client, &plan, verb, &mut sink).await;
    (answer.unwrap_or_else(|error| panic!("{cell:?}: {error}\n{}", told.join("\n"))), door, stage)
}

/// How long after the deployer's death the deployment of each is still under way.
const UNDER_WAY: [(&str, &str, (&str, u64)); 5] = [
    ("rolling", "ecs", ("UpdateService", 3)),
    ("canary", "ecs", ("UpdateService", 90)),
    ("blue_green", "ecs", ("UpdateService", 30)),
    ("canary", "code_deploy", ("CreateDeployment", 60)),
    ("canary", "alb", ("ModifyListener", 120)),
];

#[test]
fn resume_carries_the_rollout_of_a_deployer_that_died_to_its_end() {
    for (strategy, controller, when) in UNDER_WAY {
        simulated(async {
            let (answer, door, stage) = asked(cell(strategy, controller), Verb::Resume, when).await;
            assert!(
                matches!(answer, Answer::Ended(Verdict::Promoted { .. })),
                "{strategy} {controller}: {answer:?}"
            );
            let running: Vec<String> = door.world().running(CLUSTER).into_keys().collect();
            assert!(running.len() == 1 && running[0] != stage.stable, "{strategy} {controller}: {running:?}");
        });
    }
}

#[test]
fn abort_takes_the_rollout_of_a_deployer_that_died_back_and_says_who_did() {
    for (strategy, controller, when) in UNDER_WAY {
        simulated(async {
            let (answer, door, stage) = asked(cell(strategy, controller), Verb::Abort, when).await;
            let Answer::Ended(Verdict::RolledBack { reason, .. }) = &answer else {
                panic!("{strategy} {controller}: {answer:?}")
            };
            if controller != "code_deploy" {
                assert!(reason.starts_with("aborted by "), "{strategy} {controller}: {reason}");
            }
            tokio::time::sleep(Duration::from_mins(3)).await;
            let running: Vec<String> = door.world().running(CLUSTER).into_keys().collect();
            assert_eq!(running, std::slice::from_ref(&stage.stable), "{strategy} {controller}");
        });
    }
}

#[test]
fn who_watches_a_rollout_by_tidegate_sees_who_runs_it_its_shares_and_its_gates() {
    simulated(async {
        let cell = cell("canary", "alb");
        let plan = gated(cell);
        let (door, _) = opened(SAME, cell, Release::Good).await;
        let (runs, watches) = (client(&door).await, client(&door).await);
        let mut told = Vec::new();
        let mut sink = |_: Millis, event: &Event| told.push(event.clone());
        let mut nobody = |_: Millis, _: &Event| {};
        let (ran, seen) = tokio::join!(deploy::run(&runs, &plan, &mut nobody), async {
            tokio::time::sleep(Duration::from_secs(30)).await;
            alb::follow(&watches, &plan.target, plan.timeout_ms, plan.watch, &mut sink).await
        });
        assert!(matches!(ran, Ok(Outcome::Ended(Verdict::Promoted { .. }))), "{ran:?}");
        assert!(matches!(seen, Ok(Some(Verdict::Promoted { .. }))), "{seen:?}");
        let has = |wanted: &dyn Fn(&Event) -> bool| assert!(told.iter().any(wanted), "{told:#?}");
        has(&|event| matches!(event, Event::Held { reason } if reason.contains("lease until")));
        has(
            &|event| matches!(event, Event::Weighed { set: Some(set), measured: Some(_), .. } if *set == Percent::whole(10)),
        );
        has(&|event| matches!(event, Event::GateStands { gate, .. } if gate == "errors"));
        let held = told.iter().filter(|event| matches!(event, Event::Held { .. })).count();
        assert_eq!(held, 1, "once is enough");
        drop(door.world());
    });
}

#[test]
fn nothing_under_way_is_said_for_every_controller_and_every_verb() {
    for (strategy, controller) in
        [("rolling", "ecs"), ("canary", "ecs"), ("canary", "code_deploy"), ("canary", "alb")]
    {
        simulated(async {
            let cell = cell(strategy, controller);
            let (door, _) = opened(SAME, cell, Release::Good).await;
            door.kill_at(Kill::Never);
            let (client, plan) = (client(&door).await, plan(cell, Release::Good));
            for verb in [Verb::Resume, Verb::Pause, Verb::Promote, Verb::Abort] {
                let asked = control::ask(&client, &plan, verb, &mut |_: Millis, _: &Event| {}).await;
                let said = asked.expect_err("nothing runs").to_string();
                let known = ["is under way", "has no rollout by", "it has no call for that"];
                assert!(known.iter().any(|words| said.contains(words)), "{controller} {verb:?}: {said}");
            }
            let reads = ["Describe", "Get", "List", "BatchGet"];
            let writes: Vec<Value> = door
                .made()
                .iter()
                .filter(|made| !reads.iter().any(|read| made.starts_with(read)))
                .map(|made| json!(made))
                .collect();
            assert_eq!(writes, Vec::<Value>::new(), "nothing was changed");
            drop(door.world());
        });
    }
}

#[test]
fn a_verdict_is_in_the_history_with_its_gate_and_its_numbers_whoever_moved_the_traffic() {
    for controller in ["ecs", "code_deploy", "alb"] {
        simulated(async {
            let cell = cell("canary", controller);
            let plan = gated(cell);
            let (door, _) = opened(SAME, cell, Release::Failing).await;
            door.kill_at(Kill::Never);
            let client = client(&door).await;
            let mut nobody = |_: Millis, _: &Event| {};
            let outcome = deploy::run(&client, &plan, &mut nobody).await;
            assert!(matches!(outcome, Ok(Outcome::Ended(Verdict::RolledBack { .. }))), "{outcome:?}");

            let past = history::read(&client, &plan.target, 10).await.unwrap();
            let newest = &past[0];
            assert_eq!(newest.revision.short(), "web:2", "{controller}: {past:?}");
            let kept = newest.verdict.as_ref().unwrap();
            assert_eq!(kept.word, "rolled_back", "{controller}: {past:?}");
            assert!(
                kept.reason.starts_with("gate errors: ") && kept.reason.contains(" against 0.0 %"),
                "{controller}: {}",
                kept.reason
            );
        });
    }
}
