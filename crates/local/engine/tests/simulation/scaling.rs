//! Application Auto Scaling while a deployment runs: what it adds is part of the deployment, and what it would take away
//! waits for the end.

use serde_json::{Value, json};
use tidegate_engine::codedeploy::records::{Event, Phase};
use tidegate_models::codedeploy::DeploymentStatus;

use super::{
    code_deploy::{self, deployed, row, weights},
    release::Release,
    setup::{CLOUDWATCH, SERVICE, Setup},
    stories::{current, is_over, service, settle, steady},
    world::World,
};

const SCALING: &str = "application-autoscaling";

/// Between 1 and 10 tasks: `busy` adds two, `idle` takes one away.
fn scaled(mut world: World) -> World {
    register(&mut world, json!({ "MinCapacity": 1, "MaxCapacity": 10 }));
    for (alarm, operator, bound, adjustment) in [
        ("busy", "GreaterThanThreshold", "MetricIntervalLowerBound", 2),
        ("idle", "LessThanThreshold", "MetricIntervalUpperBound", -1),
    ] {
        let policy = world.call(
            SCALING,
            "PutScalingPolicy",
            of(json!({
                "PolicyName": alarm, "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {
                    "AdjustmentType": "ChangeInCapacity", "Cooldown": 0,
                    "StepAdjustments": [{ bound: 0.0, "ScalingAdjustment": adjustment }],
                },
            })),
        );
        let input = json!({
            "AlarmName": alarm, "Namespace": "App", "MetricName": "Backlog", "Statistic": "Average",
            "Period": 60, "EvaluationPeriods": 1, "Threshold": 100.0, "ComparisonOperator": operator,
            "AlarmActions": [policy["PolicyARN"]],
        });
        world.call(CLOUDWATCH, "PutMetricAlarm", input);
    }
    world
}

fn of(mut more: Value) -> Value {
    more["ServiceNamespace"] = json!("ecs");
    more["ResourceId"] = json!("service/c/web");
    more["ScalableDimension"] = json!("ecs:service:DesiredCount");
    more
}

fn register(world: &mut World, limits: Value) {
    world.call(SCALING, "RegisterScalableTarget", of(limits));
}

/// An alarm goes off and is over.
fn once(world: &mut World, alarm: &str) {
    world.set_alarm(alarm, "ALARM").unwrap();
    world.set_alarm(alarm, "OK").unwrap();
}

fn desired(world: &World) -> u32 {
    service(world).desired_count
}

/// What was not done, newest first.
fn not_scaled(world: &mut World) -> Vec<String> {
    let input = json!({ "ServiceNamespace": "ecs", "IncludeNotScaledActivities": true });
    let reply = world.call(SCALING, "DescribeScalingActivities", input);
    let rows = reply["ScalingActivities"].as_array().unwrap();
    let codes = rows.iter().filter_map(|row| row["NotScaledReasons"][0]["Code"].as_str());
    codes.map(str::to_owned).collect()
}

#[test]
fn tasks_that_scaling_adds_while_codedeploy_shifts_are_added_to_green_too_and_stay() {
    let mut world = scaled(deployed(|group| {
        group["deploymentConfigName"] = json!("CodeDeployDefault.ECSCanary10Percent5Minutes")
    }));
    world.release(Release::Good, &[]).unwrap();
    settle(&mut world, "at its first step", |world| row(world).step == 1);
    once(&mut world, "busy");
    assert_eq!(desired(&world), 5);
    settle(&mut world, "scaled out", |world| code_deploy::registered(world) == [5, 5]);
    assert_eq!((row(&world).step, weights(&mut world)[0]), (1, [90, 10]), "the shift goes on as it was");
    once(&mut world, "idle");
    assert_eq!(desired(&world), 5, "nothing is taken away while it runs");
    assert_eq!(not_scaled(&mut world), ["TargetServicePutResourceAsUnscalable"]);
    code_deploy::end(&mut world, DeploymentStatus::Succeeded);
    settle(&mut world, "alone", |world| service(world).task_sets.len() == 1);
    assert_eq!((desired(&world), code_deploy::registered(&world)), (5, [0, 5]));
    once(&mut world, "idle");
    settle(&mut world, "scaled in", |world| code_deploy::registered(world) == [0, 4]);
}

#[test]
fn tasks_that_scaling_adds_while_green_starts_must_be_steady_before_traffic_moves() {
    let mut world =
        scaled(deployed(|group| group["deploymentConfigName"] = json!("CodeDeployDefault.ECSAllAtOnce")));
    world.release(Release::Good, &[]).unwrap();
    code_deploy::reach(&mut world, Phase::Event(Event::Install));
    once(&mut world, "busy");
    settle(&mut world, "at its traffic", |world| row(world).step == 1);
    assert_eq!(code_deploy::registered(&world), [5, 5]);
    code_deploy::end(&mut world, DeploymentStatus::Succeeded);
    settle(&mut world, "alone", |world| service(world).task_sets.len() == 1);
    assert_eq!((desired(&world), code_deploy::registered(&world)), (5, [0, 5]));
}

#[test]
fn a_codedeploy_rollback_keeps_the_count_that_scaling_set() {
    let mut world = scaled(deployed(|group| {
        group["deploymentConfigName"] = json!("CodeDeployDefault.ECSCanary10Percent5Minutes");
    }));
    world.release(Release::Good, &[]).unwrap();
    settle(&mut world, "at its first step", |world| row(world).step == 1);
    once(&mut world, "busy");
    world.stop_release(Some(true)).unwrap();
    code_deploy::end(&mut world, DeploymentStatus::Stopped);
    settle(&mut world, "alone", |world| service(world).task_sets.len() == 1);
    settle(&mut world, "steady", |world| code_deploy::registered(world) == [5, 0]);
    assert_eq!(desired(&world), 5);
}

#[test]
fn in_every_strategy_of_ecs_what_scaling_adds_is_part_of_the_deployment_and_nothing_is_taken_away() {
    let stages = [
        None,
        Some(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5})),
        Some(json!({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 50.0}})),
        Some(json!({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 10.0}})),
    ];
    for stages in stages {
        let mut world = scaled(steady(Setup { stages, ..Setup::default() }));
        world.deploy(Release::Good).unwrap();
        settle(&mut world, "a new task runs", |world| service(world).deployments[0].has_run);
        once(&mut world, "busy");
        once(&mut world, "idle");
        assert_eq!(desired(&world), 5);
        settle(&mut world, "over", is_over);
        let deployments = &service(&world).deployments;
        assert_eq!((deployments.len(), deployments[0].desired_count), (1, 5), "{:?}", current(&world).status);
        register(&mut world, json!({ "MinCapacity": 1, "MaxCapacity": 2 }));
        assert_eq!(desired(&world), 2, "new limits act at once");
        settle(&mut world, "within its limits", |world| world.state().tasks.indexed_by(SERVICE).count() == 2);
    }
}
