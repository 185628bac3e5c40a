//! `StopServiceDeployment` in every stage of every strategy, forth and back.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_engine::ecs::records::{Direction, Stage, TaskStatus};
use tidegate_models::{
    ecs::{
        DeploymentRolloutState as Rollout, ServiceDeploymentStatus as Status,
        StopServiceDeploymentStopType as StopType,
    },
    elbv2::TargetHealthStateEnum,
};

use super::{
    functions::Answer,
    release::Release,
    setup::{PAUSES, SERVICE, STAGES, function, with},
    staged::{reach, registered, staged, weights},
    stories::{current, is_over, service, settle},
    world::World,
};

/// All stages, in their order, with their names where they have hooks.
const ALL: [(Stage, &str); 11] = [
    (Stage::ReconcileService, "RECONCILE_SERVICE"),
    (Stage::PreScaleUp, "PRE_SCALE_UP"),
    (Stage::ScaleUp, ""),
    (Stage::PostScaleUp, "POST_SCALE_UP"),
    (Stage::TestTrafficShift, "TEST_TRAFFIC_SHIFT"),
    (Stage::PostTestTrafficShift, "POST_TEST_TRAFFIC_SHIFT"),
    (Stage::PreProductionTrafficShift, "PRE_PRODUCTION_TRAFFIC_SHIFT"),
    (Stage::ProductionTrafficShift, "PRODUCTION_TRAFFIC_SHIFT"),
    (Stage::PostProductionTrafficShift, "POST_PRODUCTION_TRAFFIC_SHIFT"),
    (Stage::BakeTime, ""),
    (Stage::CleanUp, ""),
];

fn strategies() -> [Value; 3] {
    [
        json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5}),
        json!({
            "strategy": "LINEAR", "bakeTimeInMinutes": 5,
            "linearConfiguration": {"stepPercent": 50.0, "stepBakeTimeInMinutes": 1},
        }),
        json!({
            "strategy": "CANARY", "bakeTimeInMinutes": 5,
            "canaryConfiguration": {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 1},
        }),
    ]
}

/// A world whose second deployment stands at a stage: paused there, in a call of a function, or passing through.
fn standing_at(strategy: &Value, stage: Stage, hook: Option<Value>) -> World {
    let mut world = staged(strategy.clone());
    if stage == Stage::ReconcileService {
        world.deploy(Release::Good).unwrap();
        reach(&mut world, Stage::ScaleUp);
        world.stop_deployment(StopType::Abort).unwrap();
    }
    let hooks: Vec<Value> = hook.into_iter().collect();
    world.update(json!({"deploymentConfiguration": {"lifecycleHooks": hooks}})).unwrap();
    world.functions.script = [Answer::Never].into();
    world.deploy(Release::Good).unwrap();
    reach(&mut world, stage);
    world
}

/// Calls `check` with a world at each stage of each strategy, in each way to stand there.
fn everywhere(check: impl Fn(&mut World, Stage, &str)) {
    for strategy in strategies() {
        for (stage, name) in ALL {
            let mut hooks = Vec::new();
            if PAUSES.contains(&name) {
                hooks.push(Some(json!({"targetType": "PAUSE", "lifecycleStages": [name]})));
            }
            if STAGES.contains(&name) {
                hooks.push(Some(with(function(), json!({"lifecycleStages": [name]}))));
            }
            if hooks.is_empty() {
                hooks.push(None);
            }
            for hook in hooks {
                let told = format!("{strategy} at {stage:?} with {hook:?}");
                let mut world = standing_at(&strategy, stage, hook);
                check(&mut world, stage, &told);
            }
        }
    }
}

/// How many tasks of the first target group are healthy.
fn healthy_blue(world: &World) -> usize {
    let group = &world.runtime.behind().unwrap().groups[0];
    let targets = &world.state().target_groups.get(group).unwrap().targets;
    let is_healthy = |it: &&tidegate_engine::elbv2::records::Target| {
        it.draining_until.is_none() && it.health.state == TargetHealthStateEnum::Healthy
    };
    targets.iter().filter(is_healthy).count()
}

#[test]
fn a_rollback_in_every_stage_ends_where_it_began() {
    everywhere(|world, stage, told| {
        let (green_weight, tested) = {
            let weights = weights(world);
            (weights[0][1], weights[1][1])
        };
        world.stop_deployment(StopType::Rollback).unwrap();
        if stage == Stage::CleanUp {
            // Blue is on its way down: it comes up again before it gets the traffic.
            assert_eq!(weights(world)[0], [0, 100], "{told}");
            while weights(world)[0] == [0, 100] {
                let end = world.now + Duration::from_mins(10);
                assert!(world.advance(end).unwrap(), "{told}: nothing happens any more");
            }
            assert_eq!(healthy_blue(world), 3, "{told}");
        }
        assert_eq!(weights(world), [[100, 0], [100, 0]], "{told}: at once");
        let staged = current(world).staged.clone().unwrap();
        assert_eq!(staged.direction, Direction::Back, "{told}");
        let moved = [green_weight, tested].map(|weight| weight > 0);
        let again =
            [Stage::ProductionTrafficShift, Stage::TestTrafficShift].map(|it| staged.again.contains(&it));
        assert_eq!(again, moved, "{told}");
        world.functions.script.clear();
        settle(world, told, is_over);
        assert_eq!(current(world).status, Status::RollbackSuccessful, "{told}");
        assert_eq!(registered(world), [3, 0], "{told}");
        assert!(world.state().invocations.is_empty(), "{told}");
    });
}

#[test]
fn an_abort_in_every_stage_leaves_the_traffic_where_it_is_and_the_next_deployment_goes_on_from_there() {
    everywhere(|world, _, told| {
        let before = weights(world);
        let started = world.state().tasks.len();
        world.stop_deployment(StopType::Abort).unwrap();
        assert_eq!(current(world).status, Status::Stopped, "{told}");
        assert!(world.state().invocations.is_empty(), "{told}");
        world.run_for(Duration::from_mins(10)).unwrap();
        assert_eq!(weights(world), before, "{told}");
        assert_eq!(service(world).deployments[0].rollout_state, Rollout::Failed, "{told}");
        assert_eq!(world.state().tasks.len(), started, "{told}: nothing is started any more");

        world.update(json!({"deploymentConfiguration": {"lifecycleHooks": []}})).unwrap();
        world.deploy(Release::Good).unwrap();
        settle(world, told, is_over);
        assert_eq!(current(world).status, Status::Successful, "{told}");
        let served = weights(world)[0];
        let expected = served.map(|weight| if weight > 0 { 3 } else { 0 });
        assert_eq!(registered(world), expected, "{told}");
    });
}

#[test]
fn the_way_back_can_be_aborted_and_not_turned_again() {
    for strategy in strategies() {
        let mut world = staged(strategy.clone());
        let hook = with(function(), json!({"lifecycleStages": ["PRODUCTION_TRAFFIC_SHIFT"]}));
        world.update(json!({"deploymentConfiguration": {"lifecycleHooks": [hook]}})).unwrap();
        world.deploy(Release::Good).unwrap();
        reach(&mut world, Stage::BakeTime);
        world.functions.script = [Answer::Never].into();
        world.stop_deployment(StopType::Rollback).unwrap();
        world.run_for(Duration::from_mins(10)).unwrap();
        assert_eq!(current(&world).status, Status::RollbackInProgress, "the hook holds green");
        world.stop_deployment(StopType::Rollback).unwrap();
        assert_eq!(current(&world).status, Status::RollbackInProgress);

        world.stop_deployment(StopType::Abort).unwrap();
        world.run_for(Duration::from_mins(10)).unwrap();
        assert_eq!(current(&world).status, Status::RollbackFailed);
        assert_eq!((weights(&mut world), registered(&world)), ([[100, 0], [100, 0]], [3, 3]));
        let refused = world.refusal(
            "StopServiceDeployment",
            json!({"serviceDeploymentArn": current(&world).arn, "stopType": "ROLLBACK"}),
        );
        assert!(refused.starts_with("ConflictException: "), "{refused}");

        // What serves is what the rule says, whatever else is up.
        world.update(json!({"deploymentConfiguration": {"lifecycleHooks": []}})).unwrap();
        world.deploy(Release::Good).unwrap();
        while !is_over(&world) {
            let end = world.now + Duration::from_mins(10);
            assert!(world.advance(end).unwrap(), "nothing happens any more");
            if weights(&mut world)[0] == [100, 0] {
                assert_eq!(healthy_blue(&world), 3, "{strategy}");
            }
        }
        assert_eq!(current(&world).status, Status::Successful);
        assert_eq!((weights(&mut world)[0], registered(&world)), ([0, 100], [0, 3]));
        let live =
            world.state().tasks.indexed_by(SERVICE).filter(|(_, it)| it.last_status == TaskStatus::Running);
        assert_eq!(live.count(), 3);
    }
}
