//! Application Auto Scaling: targets, policies, schedules, activities, and every refusal.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    cloud::{Cloud, text},
    ecs::{definition, with},
};

const WEB: &str = "service/prod/web";

/// A cloud with a service of two tasks that runs.
fn cloud() -> Cloud {
    let mut cloud = Cloud::new();
    cloud.call("CreateCluster", json!({"clusterName": "prod"}));
    cloud.call("RegisterTaskDefinition", definition("web"));
    cloud.call(
        "CreateService",
        json!({"cluster": "prod", "serviceName": "web", "taskDefinition": "web", "desiredCount": 2,
            "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}}),
    );
    run_all(&mut cloud);
    cloud
}

/// All tasks that are to start do.
fn run_all(cloud: &mut Cloud) {
    use tidegate_engine::{Effect, Event, StopCause, TaskChange};
    for _ in 0..20 {
        for effect in cloud.take_effects() {
            let (task, change) = match effect {
                Effect::StartTask(task) => (task, TaskChange::Running),
                Effect::StopTask(task) => {
                    (task, TaskChange::Stopped { cause: StopCause::Requested, reason: String::new() })
                }
                _ => continue,
            };
            cloud.observe(Event::Task { task, change });
        }
        cloud.live(Duration::from_secs(10));
    }
}

fn of(more: Value) -> Value {
    let target = json!({
        "ServiceNamespace": "ecs", "ResourceId": WEB, "ScalableDimension": "ecs:service:DesiredCount",
    });
    with(target, more)
}

fn call(cloud: &mut Cloud, operation: &str, more: Value) -> Value {
    cloud.at("application-autoscaling", |cloud| cloud.call(operation, of(more)))
}

fn refusal(cloud: &mut Cloud, operation: &str, more: Value) -> String {
    cloud.at("application-autoscaling", |cloud| cloud.refusal(operation, of(more)))
}

fn registered(least: u32, most: u32) -> Cloud {
    let mut cloud = cloud();
    call(&mut cloud, "RegisterScalableTarget", json!({"MinCapacity": least, "MaxCapacity": most}));
    cloud
}

fn desired(cloud: &mut Cloud) -> u64 {
    let input = json!({"cluster": "prod", "services": ["web"]});
    cloud.call("DescribeServices", input)["services"][0]["desiredCount"].as_u64().unwrap()
}

fn activities(cloud: &mut Cloud) -> Vec<Value> {
    let input = json!({"ServiceNamespace": "ecs", "IncludeNotScaledActivities": true});
    let reply = cloud.at("application-autoscaling", |cloud| cloud.call("DescribeScalingActivities", input));
    reply["ScalingActivities"].as_array().unwrap().clone()
}

fn alarm(cloud: &mut Cloud, name: &str, state: &str) {
    let input = json!({"AlarmName": name, "StateValue": state, "StateReason": "by hand"});
    cloud.at("monitoring", |cloud| cloud.call("SetAlarmState", input));
}

/// The service's tasks need this much of their CPU for so long.
fn busy(cloud: &mut Cloud, percent: f64, minutes: u32) {
    for _ in 0..minutes {
        measured(cloud, percent);
        cloud.live(Duration::from_mins(1));
    }
}

fn measured(cloud: &mut Cloud, percent: f64) {
    use tidegate_engine::{
        Event, Scope,
        cloudwatch::{
            Measured,
            metrics::{Bucket, MetricName},
        },
    };
    let scope = Scope { account: "123456789012".to_owned(), region: "eu-west-1".to_owned() };
    let dimensions =
        vec![("ClusterName".to_owned(), "prod".to_owned()), ("ServiceName".to_owned(), "web".to_owned())];
    cloud.observe(Event::Metrics(vec![Measured {
        metric: MetricName::new(&scope, "AWS/ECS", "CPUUtilization", dimensions),
        unit: tidegate_models::cloudwatch::StandardUnit::Percent,
        samples: Bucket::of([(percent, 1.0)]),
    }]));
}

fn tracking(cloud: &mut Cloud, more: Value) -> Value {
    let configuration = json!({
        "TargetValue": 50.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
    });
    let configuration = with(configuration, more);
    call(
        cloud,
        "PutScalingPolicy",
        json!({
            "PolicyName": "cpu", "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": configuration,
        }),
    )
}

fn steps(cloud: &mut Cloud, name: &str, steps: &Value) -> String {
    let input = json!({
        "PolicyName": name, "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity", "Cooldown": 60, "StepAdjustments": steps,
        },
    });
    text(&call(cloud, "PutScalingPolicy", input)["PolicyARN"])
}

fn put_alarm(cloud: &mut Cloud, name: &str, action: &str, operator: &str) {
    let input = json!({
        "AlarmName": name, "Namespace": "App", "MetricName": "Backlog", "Statistic": "Average", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 100.0, "ComparisonOperator": operator, "AlarmActions": [action],
    });
    cloud.at("monitoring", |cloud| cloud.call("PutMetricAlarm", input));
}

#[test]
fn a_target_is_registered_changed_described_and_deregistered() {
    let mut cloud = registered(1, 4);
    let described = call(&mut cloud, "DescribeScalableTargets", json!({}))["ScalableTargets"][0].clone();
    assert_eq!(
        (&described["MinCapacity"], &described["MaxCapacity"], &described["ResourceId"]),
        (&json!(1), &json!(4), &json!(WEB))
    );
    assert_eq!(
        described["RoleARN"],
        "arn:aws:iam::123456789012:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/\
         AWSServiceRoleForApplicationAutoScaling_ECSService"
    );
    assert_eq!(described["SuspendedState"]["DynamicScalingInSuspended"], false);
    let suspended = json!({"SuspendedState": {"DynamicScalingInSuspended": true}});
    call(&mut cloud, "RegisterScalableTarget", suspended);
    call(&mut cloud, "RegisterScalableTarget", json!({"MaxCapacity": 5}));
    let described = call(&mut cloud, "DescribeScalableTargets", json!({}))["ScalableTargets"][0].clone();
    assert_eq!((&described["MinCapacity"], &described["MaxCapacity"]), (&json!(1), &json!(5)));
    assert_eq!(described["SuspendedState"]["DynamicScalingInSuspended"], true);
    tracking(&mut cloud, json!({}));
    let schedule = json!({
        "ScheduledActionName": "s", "Schedule": "rate(1 hour)", "ScalableTargetAction": {"MinCapacity": 1},
    });
    call(&mut cloud, "PutScheduledAction", schedule);
    call(&mut cloud, "DeregisterScalableTarget", json!({}));
    let alarms = cloud.at("monitoring", |cloud| cloud.call("DescribeAlarms", json!({})));
    assert_eq!(alarms["MetricAlarms"], json!([]), "its policies' alarms are gone");
    assert_eq!(
        refusal(&mut cloud, "DeregisterScalableTarget", json!({})),
        "ObjectNotFoundException: No scalable target found for service namespace: ecs, resource ID: service/prod/web, \
         scalable dimension: ecs:service:DesiredCount"
    );
    for (operation, list) in [
        ("DescribeScalableTargets", "ScalableTargets"),
        ("DescribeScalingPolicies", "ScalingPolicies"),
        ("DescribeScheduledActions", "ScheduledActions"),
    ] {
        assert_eq!(call(&mut cloud, operation, json!({}))[list], json!([]));
    }
}

#[test]
fn what_cannot_be_a_target_is_refused() {
    let mut cloud = cloud();
    for (more, expected) in [
        (json!({"MinCapacity": 1}), "Maximum capacity is required to register a new scalable target."),
        (json!({"MaxCapacity": 1}), "Minimum capacity is required to register a new scalable target."),
        (
            json!({"MinCapacity": 3, "MaxCapacity": 2}),
            "Maximum capacity cannot be less than minimum capacity",
        ),
        (
            json!({"MinCapacity": -1, "MaxCapacity": 2}),
            "Minimum capacity must be greater than or equal to 0.",
        ),
        (
            json!({"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "service/prod/none"}),
            "ECS service doesn't exist: service/prod/none",
        ),
        (
            json!({"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "web"}),
            "Unsupported service namespace, resource type or scalable dimension",
        ),
        (
            json!({"MinCapacity": 1, "MaxCapacity": 2, "ScalableDimension": "rds:cluster:ReadReplicaCount"}),
            "Unsupported service namespace, resource type or scalable dimension",
        ),
        (
            json!({"MinCapacity": 1, "MaxCapacity": 2, "ServiceNamespace": "rds"}),
            "The local cloud scales ECS services only: service namespace rds is not implemented.",
        ),
    ] {
        assert_eq!(
            refusal(&mut cloud, "RegisterScalableTarget", more.clone()),
            format!("ValidationException: {expected}"),
            "{more}"
        );
    }
}

#[test]
fn changed_limits_act_at_once() {
    let mut cloud = registered(4, 6);
    assert_eq!(desired(&mut cloud), 4);
    let newest = activities(&mut cloud)[0].clone();
    assert_eq!(
        (&newest["Description"], &newest["Cause"], &newest["StatusCode"]),
        (
            &json!("Setting desired count to 4."),
            &json!("minimum capacity was set to 4"),
            &json!("InProgress")
        )
    );
    run_all(&mut cloud);
    let newest = activities(&mut cloud)[0].clone();
    assert_eq!(
        (&newest["StatusCode"], &newest["StatusMessage"]),
        (
            &json!("Successful"),
            &json!("Successfully set desired count to 4. Change successfully fulfilled by ecs.")
        )
    );
    call(&mut cloud, "RegisterScalableTarget", json!({"MinCapacity": 1, "MaxCapacity": 3}));
    assert_eq!(desired(&mut cloud), 3);
    assert_eq!(activities(&mut cloud)[0]["Cause"], "maximum capacity was set to 3");
}

#[test]
fn a_tracking_policy_makes_its_pair_of_alarms() {
    let mut cloud = registered(1, 10);
    let put = tracking(&mut cloud, json!({}));
    assert!(text(&put["PolicyARN"]).starts_with("arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:"));
    assert!(text(&put["PolicyARN"]).ends_with(":resource/ecs/service/prod/web:policyName/cpu"));
    let alarms = cloud.at("monitoring", |cloud| cloud.call("DescribeAlarms", json!({})));
    let alarms = alarms["MetricAlarms"].as_array().unwrap().clone();
    let seen: Vec<_> = alarms
        .iter()
        .map(|alarm| {
            let name = text(&alarm["AlarmName"]);
            (
                name[..name.len() - 37].to_owned(),
                alarm["Threshold"].as_f64().unwrap(),
                alarm["EvaluationPeriods"].as_i64().unwrap(),
                text(&alarm["ComparisonOperator"]),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (
                "TargetTracking-service/prod/web-AlarmHigh".to_owned(),
                50.0,
                3,
                "GreaterThanThreshold".to_owned()
            ),
            ("TargetTracking-service/prod/web-AlarmLow".to_owned(), 45.0, 15, "LessThanThreshold".to_owned()),
        ]
    );
    assert_eq!(alarms[0]["AlarmActions"], json!([put["PolicyARN"]]));
    let again = tracking(&mut cloud, json!({"TargetValue": 60.0, "DisableScaleIn": true}));
    assert_eq!((&again["PolicyARN"], again["Alarms"].as_array().unwrap().len()), (&put["PolicyARN"], 1));
    assert_eq!(again["Alarms"][0], put["Alarms"][0]);
    let policy = call(&mut cloud, "DescribeScalingPolicies", json!({}))["ScalingPolicies"][0].clone();
    assert_eq!(policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"], 60.0);
    call(&mut cloud, "DeleteScalingPolicy", json!({"PolicyName": "cpu"}));
    let alarms = cloud.at("monitoring", |cloud| cloud.call("DescribeAlarms", json!({})));
    assert_eq!(alarms["MetricAlarms"], json!([]));
    assert!(
        refusal(&mut cloud, "DeleteScalingPolicy", json!({"PolicyName": "cpu"}))
            .starts_with("ObjectNotFoundException: No scaling policy found for ")
    );
}

#[test]
fn tracking_scales_out_after_three_minutes_and_in_after_fifteen() {
    let mut cloud = registered(1, 10);
    tracking(&mut cloud, json!({}));
    busy(&mut cloud, 90.0, 2);
    assert_eq!(desired(&mut cloud), 2, "not before the third minute is over");
    busy(&mut cloud, 90.0, 1);
    assert_eq!(desired(&mut cloud), 4, "2 tasks at 90 % are 4 at 45 %");
    let cause = text(&activities(&mut cloud)[0]["Cause"]);
    assert!(cause.starts_with("monitor alarm TargetTracking-service/prod/web-AlarmHigh-"), "{cause}");
    assert!(cause.ends_with(" in state ALARM triggered policy cpu"), "{cause}");
    busy(&mut cloud, 90.0, 4);
    assert_eq!(desired(&mut cloud), 4, "in the cooldown, what was added counts");
    busy(&mut cloud, 90.0, 1);
    assert_eq!(desired(&mut cloud), 8, "after it, a metric that stays high scales out again");
    run_all(&mut cloud);
    busy(&mut cloud, 10.0, 14);
    let before = desired(&mut cloud);
    assert!(before >= 8);
    busy(&mut cloud, 10.0, 3);
    assert!(desired(&mut cloud) < before, "scaled in");
    let low = text(&activities(&mut cloud)[0]["Cause"]);
    assert!(low.contains("-AlarmLow-"), "{low}");
    busy(&mut cloud, 0.1, 40);
    assert_eq!(desired(&mut cloud), 1, "never below the minimum");
}

#[test]
fn scaling_in_waits_for_a_deployment_and_scaling_out_does_not() {
    let mut cloud = registered(1, 10);
    tracking(&mut cloud, json!({}));
    busy(&mut cloud, 10.0, 12);
    let deploy = json!({"cluster": "prod", "service": "web", "forceNewDeployment": true});
    cloud.call("UpdateService", deploy);
    busy(&mut cloud, 10.0, 6);
    assert_eq!(desired(&mut cloud), 2, "a deployment runs");
    let newest = activities(&mut cloud)[0].clone();
    assert_eq!(newest["NotScaledReasons"][0]["Code"], "TargetServicePutResourceAsUnscalable");
    let shown = call(&mut cloud, "DescribeScalingActivities", json!({}));
    assert_eq!(shown["ScalingActivities"], json!([]), "shown only when asked for");
    run_all(&mut cloud);
    busy(&mut cloud, 10.0, 3);
    assert_eq!(desired(&mut cloud), 1, "the deployment is over");
    let deploy = json!({"cluster": "prod", "service": "web", "forceNewDeployment": true});
    cloud.call("UpdateService", deploy);
    busy(&mut cloud, 200.0, 5);
    assert_eq!(desired(&mut cloud), 4, "scaling out goes on");
    let update = json!({"cluster": "prod", "service": "web", "forceNewDeployment": true});
    let service = cloud.call("UpdateService", update)["service"].clone();
    assert_eq!(service["desiredCount"], 4, "a deployment leaves the desired count alone");
}

#[test]
fn suspended_scaling_does_not_happen() {
    let mut cloud = registered(1, 10);
    tracking(&mut cloud, json!({}));
    let suspend = json!({"SuspendedState": {"DynamicScalingOutSuspended": true}});
    call(&mut cloud, "RegisterScalableTarget", suspend);
    busy(&mut cloud, 90.0, 6);
    assert_eq!(desired(&mut cloud), 2);
    let resume = json!({"SuspendedState": {"DynamicScalingOutSuspended": false}});
    call(&mut cloud, "RegisterScalableTarget", resume);
    busy(&mut cloud, 90.0, 2);
    assert_eq!(desired(&mut cloud), 4, "an alarm that stays drives the policy each minute");
}

#[test]
fn alarms_drive_step_policies_up_to_the_limits() {
    let mut cloud = registered(1, 4);
    let up = steps(&mut cloud, "up", &json!([{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]));
    let down =
        steps(&mut cloud, "down", &json!([{"MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -1}]));
    put_alarm(&mut cloud, "backlog", &up, "GreaterThanThreshold");
    put_alarm(&mut cloud, "idle", &down, "LessThanThreshold");
    let policies = call(&mut cloud, "DescribeScalingPolicies", json!({"PolicyNames": ["up"]}));
    assert_eq!(policies["ScalingPolicies"][0]["Alarms"][0]["AlarmName"], "backlog");
    alarm(&mut cloud, "backlog", "ALARM");
    assert_eq!(desired(&mut cloud), 3);
    assert_eq!(
        activities(&mut cloud)[0]["Cause"],
        "monitor alarm backlog in state ALARM triggered policy up"
    );
    alarm(&mut cloud, "backlog", "OK");
    alarm(&mut cloud, "backlog", "ALARM");
    assert_eq!(desired(&mut cloud), 3, "in the cooldown the same step adds nothing");
    alarm(&mut cloud, "backlog", "OK");
    cloud.live(Duration::from_secs(61));
    alarm(&mut cloud, "backlog", "ALARM");
    assert_eq!(desired(&mut cloud), 4);
    alarm(&mut cloud, "backlog", "OK");
    cloud.live(Duration::from_secs(61));
    alarm(&mut cloud, "backlog", "ALARM");
    assert_eq!(desired(&mut cloud), 4, "never above the maximum");
    let newest = activities(&mut cloud)[0].clone();
    assert_eq!(newest["NotScaledReasons"], json!([{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 4}]));
    alarm(&mut cloud, "backlog", "OK");
    run_all(&mut cloud);
    alarm(&mut cloud, "idle", "ALARM");
    assert_eq!(desired(&mut cloud), 3);
    cloud.restart();
    assert_eq!(desired(&mut cloud), 3, "a restart does nothing twice");
}

#[test]
fn an_alarm_whose_actions_are_disabled_drives_nothing() {
    let mut cloud = registered(1, 4);
    let up = steps(&mut cloud, "up", &json!([{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]));
    put_alarm(&mut cloud, "backlog", &up, "GreaterThanThreshold");
    let names = json!({"AlarmNames": ["backlog"]});
    cloud.at("monitoring", |cloud| cloud.call("DisableAlarmActions", names));
    alarm(&mut cloud, "backlog", "ALARM");
    assert_eq!(desired(&mut cloud), 2);
}

#[test]
fn policies_that_cannot_be_are_refused() {
    let mut cloud = cloud();
    let policy = |more: Value| with(json!({"PolicyName": "p"}), more);
    let step = |steps: Value| {
        policy(json!({"StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps,
        }}))
    };
    assert_eq!(
        refusal(&mut cloud, "PutScalingPolicy", step(json!([]))),
        "ObjectNotFoundException: No scalable target registered for service namespace: ecs, resource ID: \
         service/prod/web, scalable dimension: ecs:service:DesiredCount"
    );
    call(&mut cloud, "RegisterScalableTarget", json!({"MinCapacity": 1, "MaxCapacity": 4}));
    let track = |configuration: Value| {
        policy(json!({
            "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": configuration,
        }))
    };
    for (input, expected) in [
        (step(json!([])), "At least one StepAdjustment must be specified for StepScaling policies."),
        (
            step(json!([
                {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 2.0, "ScalingAdjustment": 1},
                {"MetricIntervalLowerBound": 1.0, "ScalingAdjustment": 1},
            ])),
            "StepAdjustment intervals can't overlap",
        ),
        (
            step(json!([
                {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 1.0, "ScalingAdjustment": 1},
                {"MetricIntervalLowerBound": 2.0, "ScalingAdjustment": 1},
            ])),
            "StepAdjustment intervals can't have gaps between them",
        ),
        (
            policy(json!({"PolicyType": "TargetTrackingScaling"})),
            "A policy of type TargetTrackingScaling must have a TargetTrackingScalingPolicyConfiguration and no other \
             configuration.",
        ),
        (
            policy(json!({"PolicyType": "PredictiveScaling"})),
            "Predictive scaling is not implemented by the local cloud.",
        ),
        (
            track(json!({"TargetValue": 50.0})),
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified.",
        ),
        (
            track(json!({"TargetValue": 50.0,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget"}})),
            "ResourceLabel must be app/<name>/<id>/targetgroup/<name>/<id> for ALBRequestCountPerTarget.",
        ),
        (
            track(json!({"TargetValue": 50.0,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "RDSReaderAverageCPUUtilization"}})),
            "PredefinedMetricType RDSReaderAverageCPUUtilization is not supported by the local cloud for service \
             namespace ecs.",
        ),
        (
            track(json!({"TargetValue": 50.0, "CustomizedMetricSpecification": {"MetricName": "m"}})),
            "The parameter Namespace is required.",
        ),
    ] {
        assert_eq!(
            refusal(&mut cloud, "PutScalingPolicy", input.clone()),
            format!("ValidationException: {expected}"),
            "{input}"
        );
    }
    tracking(&mut cloud, json!({}));
    let other =
        json!({"PolicyName": "cpu", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {}});
    assert!(
        refusal(&mut cloud, "PutScalingPolicy", other)
            .starts_with("ValidationException: The type of a scaling")
    );
    let many: Vec<Value> = (0..21)
        .map(|at| {
            json!({"MetricIntervalLowerBound": f64::from(at), "MetricIntervalUpperBound": f64::from(at + 1),
                "ScalingAdjustment": 1})
        })
        .collect();
    assert_eq!(
        refusal(&mut cloud, "PutScalingPolicy", step(json!(many))),
        "LimitExceededException: A step scaling policy can have at most 20 step adjustments."
    );
    for at in 0..49 {
        let one = json!([{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]);
        steps(&mut cloud, &format!("p{at}"), &one);
    }
    assert_eq!(
        refusal(&mut cloud, "PutScalingPolicy", step(json!([]))),
        "LimitExceededException: A scalable target can have at most 50 scaling policies."
    );
}

#[test]
fn other_metrics_are_tracked_too() {
    let mut cloud = registered(1, 10);
    let label = "app/front/0123456789abcdef/targetgroup/web/0123456789abcdef";
    tracking(
        &mut cloud,
        json!({"PredefinedMetricSpecification": {
            "PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label,
        }}),
    );
    let alarms = cloud.at("monitoring", |cloud| cloud.call("DescribeAlarms", json!({})));
    let alarm = &alarms["MetricAlarms"][0];
    assert_eq!((&alarm["MetricName"], &alarm["Statistic"]), (&json!("RequestCountPerTarget"), &json!("Sum")));
    assert_eq!(
        alarm["Dimensions"],
        json!([
            {"Name": "LoadBalancer", "Value": "app/front/0123456789abcdef"},
            {"Name": "TargetGroup", "Value": "targetgroup/web/0123456789abcdef"},
        ])
    );
    let custom = json!({
        "PolicyName": "custom", "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 10.0, "CustomizedMetricSpecification": {
            "Metrics": [
                {"Id": "m", "MetricStat": {"Metric": {"Namespace": "App", "MetricName": "Backlog"}, "Stat": "Sum"},
                    "ReturnData": false},
                {"Id": "e", "Expression": "m / 2"},
            ],
        }},
    });
    assert_eq!(call(&mut cloud, "PutScalingPolicy", custom)["Alarms"].as_array().unwrap().len(), 2);
}

#[test]
fn schedules_change_the_limits_at_their_time() {
    let mut cloud = registered(1, 4);
    let hourly = json!({
        "ScheduledActionName": "peak", "Schedule": "rate(1 hour)",
        "ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 8},
    });
    call(&mut cloud, "PutScheduledAction", hourly.clone());
    cloud.live(Duration::from_mins(59));
    assert_eq!(desired(&mut cloud), 2);
    cloud.live(Duration::from_mins(2));
    assert_eq!(desired(&mut cloud), 3);
    let seen: Vec<String> = activities(&mut cloud).iter().map(|row| text(&row["Description"])).collect();
    assert_eq!(seen, ["Setting desired count to 3.", "Setting min capacity to 3 and max capacity to 8"]);
    assert_eq!(activities(&mut cloud)[1]["Cause"], "scheduled action name peak was triggered");
    let described = call(&mut cloud, "DescribeScheduledActions", json!({}))["ScheduledActions"][0].clone();
    assert!(text(&described["ScheduledActionARN"]).ends_with(":scheduledActionName/peak"));
    call(
        &mut cloud,
        "RegisterScalableTarget",
        json!({"MinCapacity": 1, "MaxCapacity": 2,
        "SuspendedState": {"ScheduledScalingSuspended": true}}),
    );
    cloud.live(Duration::from_hours(1));
    assert_eq!(desired(&mut cloud), 2, "suspended");
    call(&mut cloud, "DeleteScheduledAction", json!({"ScheduledActionName": "peak"}));
    assert!(
        refusal(&mut cloud, "DeleteScheduledAction", json!({"ScheduledActionName": "peak"}))
            .starts_with("ObjectNotFoundException: No scheduled action found for ")
    );
    for (more, expected) in [
        (
            json!({"Schedule": "daily"}),
            "Invalid schedule expression daily: it must be at(…), rate(…) or cron(…).",
        ),
        (json!({"Schedule": "at(2020-01-01T00:00:00)"}), "Scheduled time is in the past."),
        (
            json!({"Timezone": "Europe/Berlin"}),
            "Time zones other than UTC are not implemented by the local cloud.",
        ),
        (
            json!({"ScalableTargetAction": {}}),
            "ScalableTargetAction must have a minimum or a maximum capacity.",
        ),
        (
            json!({"ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 2}}),
            "Maximum capacity cannot be less than minimum capacity",
        ),
    ] {
        let input = with(hourly.clone(), more.clone());
        assert_eq!(
            refusal(&mut cloud, "PutScheduledAction", input),
            format!("ValidationException: {expected}"),
            "{more}"
        );
    }
}

#[test]
fn targets_are_tagged() {
    let mut cloud = cloud();
    let input = json!({"MinCapacity": 1, "MaxCapacity": 4, "Tags": {"team": "shop"}});
    let arn = call(&mut cloud, "RegisterScalableTarget", input)["ScalableTargetARN"].clone();
    let mut at = |operation: &str, more: Value| {
        let input = with(json!({"ResourceARN": arn}), more);
        cloud.at("application-autoscaling", |cloud| cloud.try_call(operation, input))
    };
    at("TagResource", json!({"Tags": {"a": "1"}})).unwrap();
    at("UntagResource", json!({"TagKeys": ["team"]})).unwrap();
    assert_eq!(at("ListTagsForResource", json!({})).unwrap(), json!({"Tags": {"a": "1"}}));
    let many: serde_json::Map<String, Value> = (0..50).map(|at| (format!("k{at}"), json!("v"))).collect();
    assert_eq!(
        at("TagResource", json!({"Tags": many})).unwrap_err(),
        "TooManyTagsException: A resource can have at most 50 tags."
    );
    for (operation, more) in [
        ("TagResource", json!({"Tags": {}})),
        ("UntagResource", json!({"TagKeys": []})),
        ("ListTagsForResource", json!({})),
    ] {
        let mut more = more;
        more["ResourceARN"] =
            json!("arn:aws:application-autoscaling:eu-west-1:123456789012:scalable-target/0");
        assert!(at(operation, more).unwrap_err().starts_with("ResourceNotFoundException: "), "{operation}");
    }
    let next = json!({"ServiceNamespace": "ecs", "NextToken": "x"});
    for operation in [
        "DescribeScalableTargets",
        "DescribeScalingPolicies",
        "DescribeScheduledActions",
        "DescribeScalingActivities",
    ] {
        let refused = cloud.at("application-autoscaling", |cloud| cloud.refusal(operation, next.clone()));
        assert_eq!(refused, "InvalidNextTokenException: Invalid next token", "{operation}");
    }
}

#[test]
fn a_target_outlives_its_service_and_scales_the_next_one_of_that_name() {
    let mut cloud = registered(1, 10);
    let up = steps(&mut cloud, "up", &json!([{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]));
    put_alarm(&mut cloud, "backlog", &up, "GreaterThanThreshold");
    let hourly = json!({
        "ScheduledActionName": "peak", "Schedule": "rate(1 hour)", "ScalableTargetAction": {"MinCapacity": 3},
    });
    call(&mut cloud, "PutScheduledAction", hourly);
    alarm(&mut cloud, "backlog", "ALARM");
    assert_eq!(desired(&mut cloud), 3);
    cloud.call("DeleteService", json!({"cluster": "prod", "service": "web", "force": true}));
    let newest = activities(&mut cloud)[0].clone();
    assert_eq!(
        (&newest["StatusCode"], &newest["StatusMessage"]),
        (
            &json!("Failed"),
            &json!("Failed to set desired count to 3: ECS service doesn't exist: service/prod/web")
        )
    );
    run_all(&mut cloud);
    cloud.live(Duration::from_hours(1));
    let target = call(&mut cloud, "DescribeScalableTargets", json!({}))["ScalableTargets"][0].clone();
    assert_eq!(target["MinCapacity"], 3, "the schedule goes on");
    alarm(&mut cloud, "backlog", "ALARM");
    cloud.restart();
    let told = activities(&mut cloud).len();
    cloud.call(
        "CreateService",
        json!({"cluster": "prod", "serviceName": "web", "taskDefinition": "web", "desiredCount": 4,
            "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}}),
    );
    cloud.live(Duration::from_secs(1));
    assert_eq!(desired(&mut cloud), 5, "its alarm is on");
    run_all(&mut cloud);
    let newest = activities(&mut cloud)[..activities(&mut cloud).len() - told].to_vec();
    assert!(newest.iter().any(|activity| activity["StatusCode"] == "Successful"), "{newest:?}");
}

#[test]
fn nothing_is_remembered_of_alarms_that_are_gone() {
    let mut cloud = registered(1, 10);
    let up = steps(&mut cloud, "up", &json!([{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]));
    let acted = |cloud: &Cloud| {
        let policies = cloud.engine.state().scaling_policies.iter();
        policies.map(|(_, policy)| policy.acted.len()).sum::<usize>()
    };
    for name in ["backlog", "queue"] {
        put_alarm(&mut cloud, name, &up, "GreaterThanThreshold");
        alarm(&mut cloud, name, "ALARM");
    }
    assert_eq!(acted(&cloud), 2);
    cloud.at("monitoring", |cloud| cloud.call("DeleteAlarms", json!({"AlarmNames": ["backlog"]})));
    assert_eq!(acted(&cloud), 1, "one is deleted");
    put_alarm(&mut cloud, "queue", "arn:aws:sns:eu-west-1:123456789012:ops", "GreaterThanThreshold");
    cloud.live(Duration::from_mins(2));
    assert_eq!(acted(&cloud), 0, "the other one has another action");
}

#[test]
fn an_alarm_that_is_given_a_policy_while_it_is_on_drives_it() {
    let mut cloud = registered(1, 10);
    let up = steps(&mut cloud, "up", &json!([{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]));
    put_alarm(&mut cloud, "backlog", "arn:aws:sns:eu-west-1:123456789012:ops", "GreaterThanThreshold");
    alarm(&mut cloud, "backlog", "ALARM");
    assert_eq!(desired(&mut cloud), 2);
    put_alarm(&mut cloud, "backlog", &up, "GreaterThanThreshold");
    assert_eq!(desired(&mut cloud), 3);
}
