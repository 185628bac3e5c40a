//! Worlds whose deployments are watched by alarms, and by the breaker, in all strategies.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_engine::ecs::records::Stage;
use tidegate_models::ecs::{
    DeploymentAlarms, DeploymentCircuitBreaker, DeploymentRolloutState as Rollout,
    ServiceDeploymentStatus as Status, ThresholdConfiguration, ThresholdType,
};

use super::{
    release::Release,
    setup::{CLOUDWATCH, CLUSTER, Setup},
    staged::{reach, registered},
    stories::{current, is_over, messages, service, settle, steady},
    world::World,
};

fn alarms(names: &[&str], rollback: bool) -> DeploymentAlarms {
    let alarm_names = names.iter().map(|name| (*name).to_owned()).collect();
    DeploymentAlarms { alarm_names, enable: true, rollback }
}

fn watched(stages: Option<Value>, alarms: DeploymentAlarms) -> World {
    steady(Setup { stages, alarms: Some(alarms), ..Setup::default() })
}

fn strategies() -> [Option<Value>; 4] {
    [
        None,
        Some(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5})),
        Some(json!({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 50.0}})),
        Some(json!({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 10.0}})),
    ]
}

fn new_task_runs(world: &World) -> bool {
    service(world).deployments[0].has_run
}

fn described_alarms(world: &mut World) -> Value {
    let arn = current(world).arn.clone();
    let described = world.call("ecs", "DescribeServiceDeployments", json!({"serviceDeploymentArns": [arn]}));
    described["serviceDeployments"][0]["alarms"].clone()
}

#[test]
fn an_alarm_fails_the_deployment_in_all_strategies_from_the_first_running_task_on() {
    for stages in strategies() {
        let mut world = watched(stages, alarms(&["errors", "latency"], true));
        let good = service(&world).deployments[0].id.clone();
        world.deploy(Release::Good).unwrap();
        let bad = service(&world).deployments[0].id.clone();
        let expected = json!({
            "status": "MONITORING", "alarmNames": ["errors", "latency"], "triggeredAlarmNames": [],
        });
        assert_eq!(described_alarms(&mut world), expected);
        world.set_alarm("latency", "ALARM").unwrap();
        assert_eq!(current(&world).status, Status::InProgress, "no new task runs yet");
        settle(&mut world, "a new task runs", |world| {
            new_task_runs(world) || current(world).status != Status::InProgress
        });
        assert_eq!(current(&world).status, Status::RollbackInProgress);
        let expected = json!({
            "status": "TRIGGERED", "alarmNames": ["errors", "latency"], "triggeredAlarmNames": ["latency"],
        });
        assert_eq!(described_alarms(&mut world), expected);
        let reason = "Service deployment rolled back because an alarm was detected.";
        assert_eq!(current(&world).status_reason.as_deref(), Some(reason));
        let failed = service(&world).deployment(&bad).unwrap();
        assert_eq!(
            (failed.rollout_state, failed.rollout_state_reason.as_str()),
            (Rollout::Failed, "ECS deployment failed: alarm detected.")
        );
        let said = messages(&world);
        let told = format!("(service web) (deployment {bad}) deployment failed: alarm detected.");
        let at = said.iter().position(|message| *message == told).unwrap();
        assert_eq!(said[at + 1], format!("(service web) rolling back to deployment {good}."));
        settle(&mut world, "over", is_over);
        assert_eq!(current(&world).status, Status::RollbackSuccessful);
        assert_eq!(service(&world).deployments[0].id, good);
        assert_eq!(described_alarms(&mut world)["status"], "TRIGGERED");
    }
}

#[test]
fn an_alarm_in_the_bake_rolls_back() {
    for stages in strategies().into_iter().flatten() {
        let mut world = watched(Some(stages), alarms(&["errors"], true));
        world.update(json!({"deploymentConfiguration": {"bakeTimeInMinutes": 10}})).unwrap();
        world.deploy(Release::Good).unwrap();
        reach(&mut world, Stage::BakeTime);
        world.set_alarm("errors", "INSUFFICIENT_DATA").unwrap();
        assert_eq!(current(&world).status, Status::InProgress, "no data is no alarm");
        world.set_alarm("errors", "ALARM").unwrap();
        assert_eq!(current(&world).status, Status::RollbackInProgress);
        settle(&mut world, "over", is_over);
        assert_eq!((current(&world).status, registered(&world)), (Status::RollbackSuccessful, [3, 0]));
    }
}

#[test]
fn an_alarm_that_is_raised_already_is_ignored_for_the_whole_deployment_and_the_others_are_not() {
    for stages in strategies() {
        let mut world = watched(stages, alarms(&["errors", "latency"], true));
        world.set_alarm("errors", "ALARM").unwrap();
        world.deploy(Release::Good).unwrap();
        settle(&mut world, "a new task runs", new_task_runs);
        world.set_alarm("errors", "OK").unwrap();
        world.set_alarm("errors", "ALARM").unwrap();
        assert_eq!(current(&world).status, Status::InProgress);
        world.set_alarm("latency", "ALARM").unwrap();
        assert_eq!(current(&world).status, Status::RollbackInProgress);
        assert_eq!(described_alarms(&mut world)["triggeredAlarmNames"], json!(["latency"]));
    }
    let mut world = watched(None, alarms(&["errors"], true));
    world.set_alarm("errors", "ALARM").unwrap();
    world.deploy(Release::Good).unwrap();
    assert_eq!(described_alarms(&mut world)["status"], "DISABLED");
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status, Status::Successful, "a fix can be deployed");
}

#[test]
fn an_alarm_that_does_not_roll_back_stops_the_deployment_where_it_is() {
    let mut world = watched(None, alarms(&["errors"], false));
    world.deploy(Release::Good).unwrap();
    let bad = service(&world).deployments[0].id.clone();
    settle(&mut world, "a new task runs", new_task_runs);
    world.set_alarm("errors", "ALARM").unwrap();
    world.run_for(Duration::from_mins(10)).unwrap();
    let row = current(&world);
    assert_eq!(row.status, Status::Stopped);
    assert_eq!(
        row.status_reason.as_deref(),
        Some("Service deployment stopped because an alarm was detected.")
    );
    let primary = &service(&world).deployments[0];
    assert_eq!((primary.id.as_str(), primary.rollout_state), (bad.as_str(), Rollout::Failed));
}

/// An alarm on a metric that nobody puts, which keeps its state.
fn metric_alarm(world: &mut World, name: &str, period: u32, periods: u32) {
    let input = json!({
        "AlarmName": name, "Namespace": "Web", "MetricName": name, "Statistic": "Sum", "Period": period,
        "EvaluationPeriods": periods, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "ignore",
    });
    world.call(CLOUDWATCH, "PutMetricAlarm", input);
}

#[test]
fn a_rolling_deployment_bakes_for_as_long_as_its_slowest_alarm_looks_back() {
    let mut world = steady(Setup::default());
    metric_alarm(&mut world, "quick", 10, 3);
    metric_alarm(&mut world, "slow", 60, 4);
    world.call(
        CLOUDWATCH,
        "PutCompositeAlarm",
        json!({"AlarmName": "both", "AlarmRule": "ALARM(quick) OR ALARM(slow)"}),
    );
    for (name, minutes) in [("quick", 1), ("slow", 4), ("both", 4)] {
        world.update(json!({"deploymentConfiguration": {"alarms": alarms(&[name], true)}})).unwrap();
        world.deploy(Release::Good).unwrap();
        settle(&mut world, "baking", |world| service(world).deployments[0].bake_until.is_some());
        assert_eq!(service(&world).deployments.len(), 1, "new is up and old is down");
        let since = world.now;
        assert_eq!(current(&world).status, Status::InProgress);
        settle(&mut world, "over", is_over);
        assert_eq!(world.now.since(since), Duration::from_mins(minutes), "{name}");
        assert_eq!(current(&world).status, Status::Successful);
        assert_eq!(described_alarms(&mut world)["status"], "MONITORING_COMPLETE");
    }

    world.deploy(Release::Good).unwrap();
    settle(&mut world, "baking", |world| service(world).deployments[0].bake_until.is_some());
    world.set_alarm("slow", "ALARM").unwrap();
    assert_eq!(current(&world).status, Status::RollbackInProgress);
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status, Status::RollbackSuccessful);
}

#[test]
fn an_alarm_that_does_not_exist_is_refused_before_anything_changes() {
    let mut world = steady(Setup::default());
    let alarms = alarms(&["errors", "latenzy"], true);
    let refused = "InvalidParameterException: The following deployment alarms do not exist: latenzy. Create them before \
                   the deployment, or leave them out of alarmNames.";
    let before = service(&world).clone();
    let configuration = json!({"alarms": alarms});
    let update = json!({
        "cluster": CLUSTER, "service": "web", "deploymentConfiguration": configuration, "desiredCount": 7,
    });
    assert_eq!(world.refusal("UpdateService", update), refused);
    assert_eq!(*service(&world), before);
    let create = json!({
        "cluster": CLUSTER, "serviceName": "other", "taskDefinition": "web",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        "deploymentConfiguration": configuration,
    });
    assert_eq!(world.refusal("CreateService", create), refused);

    // One that is gone since is in the way of the next deployment, and of nothing else.
    world
        .update(json!({"deploymentConfiguration": {"alarms": {
            "alarmNames": ["errors"], "enable": true, "rollback": true,
        }}}))
        .unwrap();
    world.call(CLOUDWATCH, "DeleteAlarms", json!({"AlarmNames": ["errors"]}));
    world.scale(4).unwrap();
    assert_eq!(service(&world).desired_count, 4);
    let again = json!({"cluster": CLUSTER, "service": "web", "forceNewDeployment": true});
    assert!(world.refusal("UpdateService", again).contains("do not exist: errors."));
}

#[test]
fn the_breaker_trips_at_its_own_threshold_in_all_strategies() {
    for stages in strategies() {
        for (r#type, value, failures) in [
            (ThresholdType::Count, 2, 2),
            (ThresholdType::UnboundedPercent, 100, 3),
            (ThresholdType::BoundedPercent, 10, 3),
        ] {
            let breaker = DeploymentCircuitBreaker {
                enable: true,
                rollback: true,
                reset_on_healthy_task: Some(false),
                threshold_configuration: Some(ThresholdConfiguration { r#type, value }),
            };
            let mut world =
                steady(Setup { stages: stages.clone(), breaker: Some(breaker), ..Setup::default() });
            world.deploy(Release::ExitsAtStart).unwrap();
            settle(&mut world, "over", is_over);
            assert_eq!(current(&world).status, Status::RollbackSuccessful);
            let told = current(&world).circuit_breaker.clone().unwrap();
            assert_eq!((told.failure_count, told.threshold), (Some(failures), Some(failures)));
        }
    }
}
