//! Worlds whose traffic moves in stages.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_engine::ecs::records::Stage;
use tidegate_models::ecs::{
    DeploymentRolloutState as Rollout, ServiceDeploymentStatus as Status,
    StopServiceDeploymentStopType as StopType,
};

use super::{
    release::Release,
    setup::{Behind, ELB, Setup},
    stories::{current, is_over, messages, service, settle, steady},
    world::World,
};

pub(super) fn staged(stages: Value) -> World {
    steady(Setup { stages: Some(stages), ..Setup::default() })
}

/// The production and the test weights of both groups, in the order of the service's members.
pub(super) fn weights(world: &mut World) -> [[i64; 2]; 2] {
    let Behind { groups, production_rule, test_rule } = world.runtime.behind().unwrap().clone();
    [production_rule, test_rule].map(|rule| {
        let rules = world.call(ELB, "DescribeRules", json!({"RuleArns": [rule]}));
        let tuples =
            rules["Rules"][0]["Actions"][0]["ForwardConfig"]["TargetGroups"].as_array().unwrap().clone();
        let weight = |group: &String| {
            let found = tuples.iter().find(|tuple| tuple["TargetGroupArn"] == *group);
            found.and_then(|tuple| tuple["Weight"].as_i64()).unwrap()
        };
        [weight(&groups[0]), weight(&groups[1])]
    })
}

#[track_caller]
pub(super) fn reach(world: &mut World, stage: Stage) {
    settle(world, &format!("{stage:?}"), |world| {
        current(world).staged.as_ref().is_some_and(|it| it.stage == stage)
    });
}

/// How many tasks run in each of both groups.
pub(super) fn registered(world: &World) -> [usize; 2] {
    let groups = world.runtime.behind().unwrap().groups.clone();
    [&groups[0], &groups[1]].map(|group| {
        let targets = &world.state().target_groups.get(group).unwrap().targets;
        targets.iter().filter(|target| target.draining_until.is_none()).count()
    })
}

#[test]
fn blue_green_brings_all_of_green_up_before_it_moves_all_traffic_and_keeps_blue_for_the_bake() {
    let mut world = staged(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5}));
    assert_eq!(weights(&mut world), [[100, 0], [100, 0]], "a first revision needs no shift");
    world.deploy(Release::Good).unwrap();
    reach(&mut world, Stage::ScaleUp);
    assert_eq!(weights(&mut world), [[100, 0], [100, 0]]);
    reach(&mut world, Stage::TestTrafficShift);
    assert_eq!(registered(&world), [3, 3]);
    assert_eq!(weights(&mut world), [[100, 0], [0, 100]], "test traffic first");
    reach(&mut world, Stage::BakeTime);
    let baking_since = world.now;
    assert_eq!(weights(&mut world)[0], [0, 100]);
    assert_eq!(registered(&world), [3, 3], "blue stays for the way back");
    settle(&mut world, "over", is_over);
    assert!(world.now.since(baking_since) >= Duration::from_mins(5));
    assert_eq!(current(&world).status, Status::Successful);
    assert_eq!(registered(&world), [0, 3]);

    // The groups take turns.
    world.deploy(Release::Good).unwrap();
    settle(&mut world, "over", is_over);
    assert_eq!((weights(&mut world)[0], registered(&world)), ([100, 0], [3, 0]));
}

#[test]
fn linear_and_canary_move_the_traffic_in_their_steps() {
    for (stages, expected) in [
        (
            json!({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 40.0, "stepBakeTimeInMinutes": 1}}),
            vec![[100, 0], [60, 40], [20, 80], [0, 100]],
        ),
        (
            json!({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 0.5, "canaryBakeTimeInMinutes": 1}}),
            vec![[100, 0], [995, 5], [0, 100]],
        ),
    ] {
        let mut world = staged(stages);
        world.deploy(Release::Good).unwrap();
        let mut seen = vec![weights(&mut world)[0]];
        while !is_over(&world) {
            let end = world.now + Duration::from_mins(10);
            assert!(world.advance(end).unwrap(), "nothing happens any more");
            let weights = weights(&mut world)[0];
            if seen.last() != Some(&weights) {
                seen.push(weights);
            }
        }
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_green_that_never_gets_healthy_never_gets_traffic() {
    let mut world = staged(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0}));
    world.deploy(Release::NeverHealthy).unwrap();
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status, Status::RollbackSuccessful);
    assert_eq!((weights(&mut world), registered(&world)), ([[100, 0], [100, 0]], [3, 0]));
}

#[test]
fn a_rollback_in_the_bake_moves_the_traffic_at_once_and_stops_green_after() {
    let mut world = staged(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 15}));
    let blue = service(&world).deployments[0].id.clone();
    world.deploy(Release::Good).unwrap();
    reach(&mut world, Stage::BakeTime);
    world.stop_deployment(StopType::Rollback).unwrap();
    assert_eq!(weights(&mut world), [[100, 0], [100, 0]], "in the same transaction");
    assert_eq!(registered(&world), [3, 3], "green still answers what is on its way");
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status, Status::RollbackSuccessful);
    assert_eq!(service(&world).deployments[0].id, blue);
    assert_eq!(registered(&world), [3, 0]);
}

#[test]
fn an_abort_leaves_both_revisions_and_the_weights_and_the_next_deployment_reconciles_them() {
    let mut world = staged(json!({
        "strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 20.0, "canaryBakeTimeInMinutes": 15},
    }));
    world.deploy(Release::Good).unwrap();
    reach(&mut world, Stage::ProductionTrafficShift);
    world.stop_deployment(StopType::Abort).unwrap();
    world.run_for(Duration::from_mins(10)).unwrap();
    assert_eq!(current(&world).status, Status::Stopped);
    assert_eq!((weights(&mut world)[0], registered(&world)), ([80, 20], [3, 3]));
    assert_eq!(service(&world).deployments[0].rollout_state, Rollout::Failed);

    world.deploy(Release::Good).unwrap();
    assert_eq!(weights(&mut world)[0], [100, 0], "back to what completed last");
    assert_eq!(registered(&world), [3, 3], "and only then what was aborted goes");
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status, Status::Successful);
    assert_eq!((weights(&mut world)[0], registered(&world)), ([0, 100], [0, 3]));
}

#[test]
fn a_pause_hook_holds_its_stage_until_it_is_answered() {
    let hook = json!({"targetType": "PAUSE", "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"]});
    for (action, ends) in [("CONTINUE", Status::Successful), ("ROLLBACK", Status::RollbackSuccessful)] {
        let mut world = staged(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0}));
        world.update(json!({"deploymentConfiguration": {"lifecycleHooks": [hook]}})).unwrap();
        world.deploy(Release::Good).unwrap();
        reach(&mut world, Stage::PostTestTrafficShift);
        world.run_for(Duration::from_mins(30)).unwrap();
        let arn = service(&world).current_service_deployment.clone().unwrap();
        let described =
            world.call("ecs", "DescribeServiceDeployments", json!({"serviceDeploymentArns": [arn]}));
        let described = &described["serviceDeployments"][0];
        assert_eq!(described["lifecycleStage"], "POST_TEST_TRAFFIC_SHIFT");
        assert_eq!(described["targetServiceRevision"]["requestedTestTrafficWeight"], 100.0);
        assert_eq!(described["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"], 100.0);
        let waiting = described["lifecycleHookDetails"][0].clone();
        assert_eq!(
            (&waiting["status"], &waiting["timeoutAction"]),
            (&json!("AWAITING_ACTION"), &json!("ROLLBACK"))
        );
        let answer = json!({"serviceDeploymentArn": arn, "hookId": waiting["hookId"], "action": action});
        world.call("ecs", "ContinueServiceDeployment", answer.clone());
        settle(&mut world, "over", is_over);
        assert_eq!(current(&world).status, ends);
        let refused = world.refusal("ContinueServiceDeployment", answer);
        assert!(refused.starts_with("InvalidParameterException: Service deployment cannot"), "{refused}");
    }
}

#[test]
fn a_hook_that_nobody_answers_does_what_its_time_out_says() {
    for (action, ends) in [("CONTINUE", Status::Successful), ("ROLLBACK", Status::RollbackSuccessful)] {
        let hook = json!({
            "targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"],
            "timeoutConfiguration": {"timeoutInMinutes": 3, "action": action},
        });
        let mut world = steady(Setup { stages: Some(json!({"strategy": "BLUE_GREEN"})), ..Setup::default() });
        world.update(json!({"deploymentConfiguration": {"lifecycleHooks": [hook]}})).unwrap();
        world.deploy(Release::Good).unwrap();
        settle(&mut world, "over", is_over);
        assert_eq!(current(&world).status, ends);
        if action == "ROLLBACK" {
            let reason = "Service deployment rolled back because POST_SCALE_UP lifecycle hook(s) failed.";
            assert_eq!(current(&world).status_reason.as_deref(), Some(reason));
            assert!(messages(&world).iter().any(|message| message.ends_with(reason)));
        }
    }
}

#[test]
fn rules_that_are_not_what_they_must_be_roll_back_before_anything_started() {
    let mut world = staged(json!({"strategy": "BLUE_GREEN"}));
    let Behind { groups, production_rule, .. } = world.runtime.behind().unwrap().clone();
    let tuples = json!([
        {"TargetGroupArn": groups[0], "Weight": 50}, {"TargetGroupArn": groups[1], "Weight": 50},
    ]);
    let listener = production_rule.replace(":listener-rule/", ":listener/");
    let listener = listener.rsplit_once('/').unwrap().0.to_owned();
    let actions = json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": tuples}}]);
    world.call(ELB, "ModifyListener", json!({"ListenerArn": listener, "DefaultActions": actions}));
    world.deploy(Release::Good).unwrap();
    settle(&mut world, "over", is_over);
    let row = current(&world);
    assert_eq!(row.status, Status::RollbackSuccessful);
    assert!(
        row.status_reason.as_ref().unwrap().contains("but found 2 target groups"),
        "{:?}",
        row.status_reason
    );
}
