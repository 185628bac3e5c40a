//! `rollback` in every cell: while the deployment is under way, in its bake, and after its end.

use std::time::Duration;

use tidegate_aws::{
    Client, DeployPlan, Outcome,
    deploy::{self, Then},
    history,
    rollback::{self, Rollback, Wish},
};
use tidegate_rollout::{
    Event, Millis, Verdict,
    rollback::{Mover, Way},
};

use crate::{
    SAME, Stage, cell,
    cells::CLUSTER,
    client,
    control::{died_after, is_home},
    door::Door,
    opened, plan, simulated,
    world::Release,
};

const CELLS: [(&str, &str); 4] =
    [("rolling", "ecs"), ("canary", "ecs"), ("canary", "code_deploy"), ("canary", "alb")];

/// All traffic is with the candidate.
fn candidate_has_everything(door: &Door, stage: &Stage) -> bool {
    let weights = door.world().weights(&stage.rule);
    let has = |group: &str| weights.iter().any(|(arn, weight)| arn.contains(group) && *weight > 0);
    has(":targetgroup/other/") && !has(":targetgroup/stable/")
}

async fn until(door: &Door, what: &str, holds: impl Fn(&Door) -> bool) {
    for _ in 0..3_600 {
        if holds(door) {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("not within an hour: {what}");
}

async fn found(client: &Client, plan: &DeployPlan) -> Rollback {
    rollback::find(client, plan, &Wish::LastSteady).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Goes back, after a dry run that changes nothing and says the same.
async fn gone_back(door: &Door, plan: &DeployPlan) -> (Rollback, Outcome, Vec<String>) {
    let client = client(door).await;
    let found = found(&client, plan).await;
    let mut told = Vec::new();
    let mut sink = |_: Millis, event: &Event| told.push(format!("{event:?}"));
    let dry = DeployPlan { then: Then::OnlyShow, ..plan.clone() };
    let before = door.made().len();
    let shown = rollback::run(&client, &dry, &found, &mut sink).await;
    assert!(matches!(shown, Ok(Outcome::OnlyShown { .. })), "{shown:?}");
    assert_eq!(door.made().len(), before, "a dry run calls nothing");
    let outcome = rollback::run(&client, plan, &found, &mut sink).await;
    let outcome = outcome.unwrap_or_else(|error| panic!("{error}\n{}", told.join("\n")));
    assert!(
        told.iter().any(|event| event.contains("dry run: ") && event.contains(&found.in_words())),
        "{told:?}"
    );
    (found, outcome, told)
}

fn went_back(found: &Rollback, outcome: &Outcome, told: &[String]) {
    let Outcome::Ended(verdict) = outcome else { panic!("{outcome:?}\n{}", told.join("\n")) };
    assert!(found.succeeded(verdict), "{:?}: {verdict:?}\n{}", found.way, told.join("\n"));
}

/// When the deployment of a deployer that died is under way.
const UNDER_WAY: [(&str, &str, (&str, u64)); 4] = [
    ("rolling", "ecs", ("UpdateService", 3)),
    ("canary", "ecs", ("UpdateService", 50)),
    ("canary", "code_deploy", ("CreateDeployment", 60)),
    ("canary", "alb", ("ModifyListener", 120)),
];

#[test]
fn a_deployment_under_way_is_stopped_by_whoever_moves_it() {
    for (strategy, controller, (operation, later)) in UNDER_WAY {
        simulated(async {
            let cell = cell(strategy, controller);
            let plan = plan(cell, Release::Good);
            let (door, stage) = died_after(cell, &plan, operation).await;
            tokio::time::sleep(Duration::from_secs(later)).await;
            let (found, outcome, told) = gone_back(&door, &plan).await;
            assert!(matches!(found.way, Way::Stop { .. }), "{strategy} {controller}: {:?}", found.way);
            went_back(&found, &outcome, &told);
            tokio::time::sleep(Duration::from_mins(3)).await;
            is_home(&door, &stage);
        });
    }
}

#[test]
fn in_its_bake_all_traffic_goes_back_at_once_to_tasks_that_still_run() {
    for (controller, operation) in [("ecs", "UpdateService"), ("code_deploy", "CreateDeployment")] {
        simulated(async {
            let cell = cell("canary", controller);
            let plan = plan(cell, Release::Good);
            let (door, stage) = died_after(cell, &plan, operation).await;
            until(&door, "it bakes", |door| candidate_has_everything(door, &stage)).await;
            tokio::time::sleep(Duration::from_secs(20)).await;
            let (found, outcome, told) = gone_back(&door, &plan).await;
            let words = found.in_words();
            assert!(words.contains("is in its bake") && words.contains("to tasks that still run"), "{words}");
            went_back(&found, &outcome, &told);
            tokio::time::sleep(Duration::from_mins(3)).await;
            is_home(&door, &stage);
        });
    }
}

#[test]
fn who_runs_a_rollout_by_tidegate_hears_of_the_rollback_in_its_bake_and_both_see_its_end() {
    simulated(async {
        let cell = cell("canary", "alb");
        let plan = plan(cell, Release::Good);
        let (door, stage) = opened(SAME, cell, Release::Good).await;
        let runs = client(&door).await;
        let mut nobody = |_: Millis, _: &Event| {};
        let (ran, (found, outcome, told)) = tokio::join!(deploy::run(&runs, &plan, &mut nobody), async {
            until(&door, "it bakes", |door| candidate_has_everything(door, &stage)).await;
            gone_back(&door, &plan).await
        });
        assert!(matches!(ran, Ok(Outcome::Ended(Verdict::RolledBack { .. }))), "{ran:?}");
        assert_eq!(found.mover, Mover::Tidegate);
        went_back(&found, &outcome, &told);
        tokio::time::sleep(Duration::from_mins(3)).await;
        is_home(&door, &stage);
    });
}

#[test]
fn after_the_end_another_deployment_brings_what_was_last_steady_and_twice_is_not_back_and_forth() {
    for (strategy, controller) in CELLS {
        simulated(async {
            let cell = cell(strategy, controller);
            let plan = plan(cell, Release::Good);
            let (door, stage) = opened(SAME, cell, Release::Good).await;
            let client = client(&door).await;
            let mut nobody = |_: Millis, _: &Event| {};
            let deployed = deploy::run(&client, &plan, &mut nobody).await;
            assert!(matches!(deployed, Ok(Outcome::Ended(Verdict::Promoted { .. }))), "{deployed:?}");
            tokio::time::sleep(Duration::from_mins(5)).await;
            let began = tokio::time::Instant::now();
            let (found, outcome, told) = gone_back(&door, &plan).await;
            assert!(matches!(found.way, Way::Redeploy { instead_of: None, .. }), "{:?}", found.way);
            went_back(&found, &outcome, &told);
            assert!(began.elapsed() < Duration::from_mins(5), "without steps: {:?}", began.elapsed());
            tokio::time::sleep(Duration::from_mins(3)).await;
            let running: Vec<String> = door.world().running(CLUSTER).into_keys().collect();
            assert_eq!(running, std::slice::from_ref(&stage.stable), "{strategy} {controller}");
            assert_eq!(door.world().unserved, 0, "{strategy} {controller}: no request found nobody");

            // The one that was left says so, and is nobody's way back unasked.
            let past = history::read(&client, &plan.target, 10).await.unwrap();
            let left = past.iter().find(|past| past.revision.short() == "web:2").unwrap();
            let kept = left.verdict.as_ref().unwrap_or_else(|| panic!("{strategy} {controller}: {past:?}"));
            assert!(
                kept.word == "rolled_back" && kept.reason.starts_with("rolled back to web:1 by "),
                "{kept:?}"
            );
            if controller != "code_deploy" {
                let again = rollback::find(&client, &plan, &Wish::LastSteady).await;
                let Err(error) = again else { panic!("{strategy} {controller}: {again:?}") };
                assert!(error.to_string().contains("there is nothing to roll back to"), "{error}");
                let named = rollback::find(&client, &plan, &Wish::Revision("2".to_owned())).await;
                assert!(
                    named.is_ok_and(|found| found.way.to().short() == "web:2"),
                    "{strategy} {controller}"
                );
            }
        });
    }
}

#[test]
fn a_service_with_one_deployment_has_nothing_to_go_back_to_whoever_moves_it() {
    for (strategy, controller) in CELLS {
        simulated(async {
            let cell = cell(strategy, controller);
            let plan = plan(cell, Release::Good);
            let (door, _) = opened(SAME, cell, Release::Good).await;
            let client = client(&door).await;
            let found = rollback::find(&client, &plan, &Wish::LastSteady).await;
            let Err(error) = found else { panic!("{strategy} {controller}: {found:?}") };
            assert!(error.to_string().starts_with("there is nothing to roll back to: "), "{error}");
            drop(door.world());
        });
    }
}

#[test]
fn a_revision_that_is_named_waits_for_the_end_of_what_moves_in_stages() {
    simulated(async {
        let cell = cell("canary", "ecs");
        let plan = plan(cell, Release::Good);
        let (door, _) = died_after(cell, &plan, "UpdateService").await;
        tokio::time::sleep(Duration::from_secs(50)).await;
        let client = client(&door).await;
        let same = rollback::find(&client, &plan, &Wish::Revision("2".to_owned())).await;
        let Err(error) = same else { panic!("{same:?}") };
        assert!(error.to_string().starts_with("web:2 is what service deployment "), "{error}");
        let back = rollback::find(&client, &plan, &Wish::Revision("web:1".to_owned())).await;
        assert!(back.is_ok_and(|found| matches!(found.way, Way::Stop { .. })));
        drop(door.world());
    });
}
