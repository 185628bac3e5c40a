//! Worlds whose lifecycle hooks call functions.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_engine::ecs::records::Stage;
use tidegate_models::ecs::{ServiceDeploymentStatus as Status, StopServiceDeploymentStopType as StopType};

use super::{
    functions::Answer,
    release::Release,
    setup::{FUNCTION, STAGES, Setup, function, with},
    staged::{reach, registered, staged, weights},
    stories::{current, is_over, messages, service, settle},
    world::World,
};

const DAY: Duration = Duration::from_hours(24);

/// A world whose first release is steady, with functions for hooks at these stages from its next deployment on.
fn hooked(stages: Value, at: &[&str]) -> World {
    hooked_by(stages, json!([with(function(), json!({"lifecycleStages": at}))]))
}

fn hooked_by(stages: Value, hooks: Value) -> World {
    let mut world = staged(stages);
    world.update(json!({"deploymentConfiguration": {"lifecycleHooks": hooks}})).unwrap();
    world
}

fn blue_green() -> Value {
    json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5})
}

/// The deployment in progress as the API describes it.
fn described(world: &mut World) -> Value {
    let arn = service(world).current_service_deployment.clone().unwrap();
    let described = world.call("ecs", "DescribeServiceDeployments", json!({"serviceDeploymentArns": [arn]}));
    described["serviceDeployments"][0].clone()
}

#[track_caller]
fn settle_within(world: &mut World, most: Duration, holds: impl Fn(&World) -> bool) {
    world.run_until(most, "so far", holds).unwrap_or_else(|broken| panic!("{broken}"));
}

#[test]
fn hooks_are_called_at_their_stages_in_order_with_the_weights_that_are_aimed_at() {
    let canary = json!({
        "strategy": "CANARY", "bakeTimeInMinutes": 0,
        "canaryConfiguration": {"canaryPercent": 0.5, "canaryBakeTimeInMinutes": 1},
    });
    let mut world = hooked(canary, &STAGES);
    let blue = service(&world).deployments[0].revision_arn.clone();
    world.deploy(Release::Good).unwrap();
    let green = current(&world).target_revision.clone();
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status, Status::Successful);
    let weights = |production: f64| {
        let whole =
            |percent: f64| if percent.fract() == 0.0 { json!(percent as i64) } else { json!(percent) };
        json!({&green: whole(production), &blue: whole(100.0 - production)})
    };
    let none = json!({});
    let expected = [
        ("PRE_SCALE_UP", none.clone(), none.clone()),
        ("POST_SCALE_UP", none.clone(), none.clone()),
        ("TEST_TRAFFIC_SHIFT", weights(100.0), none.clone()),
        ("POST_TEST_TRAFFIC_SHIFT", none.clone(), none.clone()),
        ("PRE_PRODUCTION_TRAFFIC_SHIFT", none.clone(), weights(0.5)),
        ("PRODUCTION_TRAFFIC_SHIFT", none.clone(), weights(0.5)),
        ("PRE_PRODUCTION_TRAFFIC_SHIFT", none.clone(), weights(100.0)),
        ("PRODUCTION_TRAFFIC_SHIFT", none.clone(), weights(100.0)),
        ("POST_PRODUCTION_TRAFFIC_SHIFT", none.clone(), none),
    ];
    let calls = &world.functions.calls;
    assert_eq!(calls.len(), expected.len(), "{:?}", world.functions.stages());
    for (call, (stage, test, production)) in calls.iter().zip(expected) {
        let expected = json!({
            "executionId": call["executionId"], "lifecycleStage": stage, "resourceArn": current(&world).arn,
            "executionDetails": {
                "serviceArn": service(&world).arn, "targetServiceRevisionArn": green,
                "testTrafficWeights": test, "productionTrafficWeights": production,
            },
        });
        assert_eq!(*call, expected);
    }
    let executions: std::collections::BTreeSet<&str> =
        calls.iter().filter_map(|call| call["executionId"].as_str()).collect();
    assert_eq!(executions.len(), calls.len());
}

#[test]
fn a_hook_that_is_in_progress_is_called_again_after_its_delay_with_what_it_returned() {
    let hook = with(function(), json!({"lifecycleStages": ["POST_SCALE_UP"], "hookDetails": {"asked": 0}}));
    let mut world = hooked_by(blue_green(), json!([hook]));
    world.functions.script =
        [Answer::CallAgain(90, json!({"asked": 1})), Answer::CallAgain(10, Value::Null), Answer::Passes]
            .into();
    world.deploy(Release::Good).unwrap();
    reach(&mut world, Stage::PostScaleUp);
    let since = world.now;
    world.run_for(Duration::from_secs(5)).unwrap();
    let hook = described(&mut world)["lifecycleHookDetails"][0].clone();
    let execution = world.functions.calls[0]["executionId"].clone();
    assert_eq!(
        (&hook["hookId"], &hook["status"], &hook["targetType"], &hook["targetArn"], &hook["timeoutAction"]),
        (&execution, &json!("IN_PROGRESS"), &json!("AWS_LAMBDA"), &json!(FUNCTION), &json!("ROLLBACK"))
    );
    reach(&mut world, Stage::TestTrafficShift);
    // Three answers of a second each, and two delays.
    assert_eq!(world.now.since(since), Duration::from_secs(103));
    let calls = &world.functions.calls;
    assert_eq!(calls.iter().map(|call| &call["hookDetails"]["asked"]).collect::<Vec<_>>(), [0, 1, 1]);
    assert!(calls.iter().all(|call| call["executionId"] == execution));
}

#[test]
fn a_hook_that_does_not_pass_rolls_back_and_says_why_in_awss_words() {
    for (answer, why) in [
        (Answer::Fails, format!("Lifecycle hook target {FUNCTION} returned FAILED status.")),
        (
            Answer::Nonsense,
            format!(
                "ECS was unable to parse the response from {FUNCTION} due to HookStatus must not be null"
            ),
        ),
        (Answer::Breaks, format!("ECS was unable to invoke hook target {FUNCTION} due to it broke")),
    ] {
        for stage in STAGES.into_iter().skip(1) {
            let mut world = hooked(blue_green(), &[stage]);
            world.functions.script = [answer.clone()].into();
            world.deploy(Release::Good).unwrap();
            settle(&mut world, "over", is_over);
            assert_eq!(current(&world).status, Status::RollbackSuccessful);
            let reason =
                format!("Service deployment rolled back because {stage} lifecycle hook(s) failed. {why}");
            assert_eq!(current(&world).status_reason.as_ref(), Some(&reason));
            assert!(messages(&world).iter().any(|message| message.ends_with(&reason)));
            assert_eq!((weights(&mut world), registered(&world)), ([[100, 0], [100, 0]], [3, 0]));
        }
    }
}

#[test]
fn a_failed_hook_of_a_traffic_shift_does_not_wait_for_the_bake() {
    let canary = json!({
        "strategy": "CANARY", "bakeTimeInMinutes": 0,
        "canaryConfiguration": {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 15},
    });
    let mut world = hooked(canary, &["PRODUCTION_TRAFFIC_SHIFT"]);
    world.functions.script = [Answer::Fails].into();
    world.deploy(Release::Good).unwrap();
    reach(&mut world, Stage::ProductionTrafficShift);
    assert_eq!(weights(&mut world)[0], [90, 10]);
    let since = world.now;
    settle(&mut world, "rolling back", |world| current(world).status == Status::RollbackInProgress);
    assert_eq!(world.now.since(since), Duration::from_secs(1));
    assert_eq!(weights(&mut world)[0], [100, 0]);
}

#[test]
fn all_hooks_of_a_stage_have_to_pass() {
    let hook = with(function(), json!({"lifecycleStages": ["POST_SCALE_UP"]}));
    for (second, ends) in [(Answer::Passes, Status::Successful), (Answer::Fails, Status::RollbackSuccessful)]
    {
        let mut world = hooked_by(blue_green(), json!([hook, hook, hook]));
        world.functions.script = [Answer::Passes, second, Answer::CallAgain(60, Value::Null)].into();
        world.deploy(Release::Good).unwrap();
        settle(&mut world, "over", is_over);
        assert_eq!(current(&world).status, ends);
    }
}

#[test]
fn a_function_that_never_answers_does_what_its_time_out_says() {
    for (action, ends) in [("CONTINUE", Status::Successful), ("ROLLBACK", Status::RollbackSuccessful)] {
        let timeout = json!({"timeoutInMinutes": 3, "action": action});
        let hook = with(
            function(),
            json!({"lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"], "timeoutConfiguration": timeout}),
        );
        let mut world = hooked_by(blue_green(), json!([hook]));
        world.functions.script = [Answer::Never].into();
        world.deploy(Release::Good).unwrap();
        reach(&mut world, Stage::PostTestTrafficShift);
        let since = world.now;
        settle(&mut world, "timed out", |world| world.state().invocations.is_empty());
        assert_eq!(world.now.since(since), Duration::from_mins(3));
        settle(&mut world, "over", is_over);
        assert_eq!(current(&world).status, ends);
        if ends == Status::RollbackSuccessful {
            let reason = format!(
                "Service deployment rolled back because POST_TEST_TRAFFIC_SHIFT lifecycle hook(s) failed. Lifecycle \
                 hook target {FUNCTION} timed out."
            );
            assert_eq!(current(&world).status_reason.as_ref(), Some(&reason));
        }
    }
}

#[test]
fn a_function_has_a_day_at_most_and_a_pause_two_weeks() {
    let timeout = json!({"timeoutInMinutes": 20_160});
    let stages = json!({"lifecycleStages": ["PRE_SCALE_UP"], "timeoutConfiguration": timeout});
    for (target, days) in [(function(), 1), (json!({"targetType": "PAUSE"}), 14)] {
        let mut world = hooked_by(blue_green(), json!([with(target, stages.clone())]));
        world.functions.script = [Answer::Never].into();
        world.deploy(Release::Good).unwrap();
        let since = world.now;
        settle_within(&mut world, (days + 1) * DAY, |world| current(world).status != Status::InProgress);
        assert_eq!(world.now.since(since), days * DAY);
        assert_eq!(current(&world).status, Status::RollbackInProgress);
    }
}

#[test]
fn a_stage_that_waits_for_healthy_tasks_has_a_day() {
    let setup = Setup { breaker: None, stages: Some(blue_green()), grace: 2 * DAY, ..Setup::default() };
    let mut world = super::stories::steady(setup);
    world.deploy(Release::NeverHealthy).unwrap();
    reach(&mut world, Stage::ScaleUp);
    let since = world.now;
    settle_within(&mut world, 2 * DAY, |world| current(world).status != Status::InProgress);
    assert_eq!(world.now.since(since), DAY);
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status, Status::RollbackSuccessful);
    let reason =
        "Service deployment rolled back because the SCALE_UP stage did not complete within 24 hours.";
    assert_eq!(current(&world).status_reason.as_deref(), Some(reason));
}

#[test]
fn a_deployment_has_thirty_days() {
    let pause = json!({
        "targetType": "PAUSE",
        "lifecycleStages": ["PRE_SCALE_UP", "POST_SCALE_UP", "POST_TEST_TRAFFIC_SHIFT"],
        "timeoutConfiguration": {"timeoutInMinutes": 20_160, "action": "CONTINUE"},
    });
    let mut world = hooked_by(blue_green(), json!([pause]));
    world.deploy(Release::Good).unwrap();
    let since = world.now;
    settle_within(&mut world, 31 * DAY, |world| current(world).status != Status::InProgress);
    assert_eq!(world.now.since(since), 30 * DAY);
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status, Status::RollbackSuccessful);
    let reason = "Service deployment rolled back because it did not complete within 30 days.";
    assert_eq!(current(&world).status_reason.as_deref(), Some(reason));
}

#[test]
fn the_shifts_that_are_taken_back_call_their_hooks_again_and_the_traffic_does_not_wait_for_them() {
    for answers in [[Answer::Passes, Answer::Passes], [Answer::Fails, Answer::Breaks]] {
        let shifts = ["TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"];
        let mut world = hooked(blue_green(), &shifts);
        world.deploy(Release::Good).unwrap();
        reach(&mut world, Stage::BakeTime);
        assert_eq!(world.functions.stages(), shifts);
        world.functions.script = answers.into();
        world.stop_deployment(StopType::Rollback).unwrap();
        assert_eq!(weights(&mut world), [[100, 0], [100, 0]]);
        settle(&mut world, "over", is_over);
        assert_eq!(current(&world).status, Status::RollbackSuccessful);
        assert_eq!(world.functions.stages()[2..], ["PRODUCTION_TRAFFIC_SHIFT", "TEST_TRAFFIC_SHIFT"]);
        let green = current(&world).target_revision.clone();
        assert_eq!(world.functions.calls[2]["executionDetails"]["productionTrafficWeights"][&green], 0);
        assert_eq!(world.functions.calls[3]["executionDetails"]["testTrafficWeights"][&green], 0);
        assert_eq!(registered(&world), [3, 0]);
    }
}

#[test]
fn traffic_that_never_moved_calls_no_hook_on_the_way_back() {
    let mut world = hooked(blue_green(), &["TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"]);
    world.deploy(Release::NeverHealthy).unwrap();
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status, Status::RollbackSuccessful);
    assert_eq!(world.functions.calls, Vec::<Value>::new());
}

#[test]
fn after_a_restart_what_has_no_answer_is_called_again_as_the_same_execution() {
    let mut world = hooked(blue_green(), &["POST_SCALE_UP"]);
    world.functions.script = [Answer::Never, Answer::Passes].into();
    world.deploy(Release::Good).unwrap();
    reach(&mut world, Stage::PostScaleUp);
    world.restart().unwrap();
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status, Status::Successful);
    let calls = &world.functions.calls;
    assert_eq!((calls.len(), &calls[0]), (2, &calls[1]));
}

#[test]
fn an_answer_that_nobody_waits_for_any_more_is_dropped() {
    let mut world = hooked(blue_green(), &["POST_SCALE_UP"]);
    world.functions.script = [Answer::Fails].into();
    world.deploy(Release::Good).unwrap();
    reach(&mut world, Stage::PostScaleUp);
    assert_eq!(world.state().invocations.len(), 1);
    world.stop_deployment(StopType::Rollback).unwrap();
    assert!(world.state().invocations.is_empty());
    let reason = current(&world).status_reason.clone();
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status_reason, reason);
}
