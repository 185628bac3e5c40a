use std::time::Duration;

use serde_json::{Value, json};
use tidegate_engine::{Effect, Event, FunctionAnswer};

use super::{
    Stage, app_spec, call, definition_arn, deploy, described, refusal, with, with_changed_group, with_group,
};
use crate::cloud::{Cloud, text};

fn target(cloud: &mut Cloud, id: &str) -> Value {
    let input = json!({ "deploymentId": id, "targetId": "prod:app" });
    call(cloud, "GetDeploymentTarget", input)["deploymentTarget"]["ecsTarget"].clone()
}

/// The lifecycle events of a deployment, with their status.
fn events(cloud: &mut Cloud, id: &str) -> Vec<(String, String)> {
    let events = target(cloud, id)["lifecycleEvents"].as_array().unwrap().clone();
    events.iter().map(|event| (text(&event["lifecycleEventName"]), text(&event["status"]))).collect()
}

fn statuses(cloud: &mut Cloud, id: &str) -> Vec<String> {
    events(cloud, id).into_iter().map(|(_, status)| status).collect()
}

/// The weights of blue and green at a listener's default rule.
fn weights(stage: &mut Stage, listener: &str) -> [i64; 2] {
    let rules = stage.cloud.call("DescribeRules", json!({ "ListenerArn": listener }));
    let rules = rules["Rules"].as_array().unwrap().clone();
    let rule = rules.iter().find(|rule| rule["IsDefault"] == true).unwrap();
    let groups = rule["Actions"][0]["ForwardConfig"]["TargetGroups"].as_array().unwrap().clone();
    [stage.blue.clone(), stage.green.clone()].map(|group| {
        let found = groups.iter().find(|it| it["TargetGroupArn"] == group);
        found.and_then(|it| it["Weight"].as_i64()).unwrap_or(0)
    })
}

fn production(stage: &mut Stage) -> [i64; 2] {
    let listener = stage.production.clone();
    weights(stage, &listener)
}

fn test(stage: &mut Stage) -> [i64; 2] {
    let listener = stage.test.clone();
    weights(stage, &listener)
}

fn with_hooks(hooks: Value) -> Value {
    with(app_spec(2), "/Hooks", hooks)
}

/// The function that was called last: its ARN, and what it was called with.
fn called(cloud: &mut Cloud) -> (String, Value) {
    let id = cloud.take_effects().into_iter().rev().find_map(|effect| match effect {
        Effect::InvokeFunction(id) => Some(id),
        _ => None,
    });
    let row = cloud.engine.state().invocations.get(&id.unwrap()).unwrap();
    (row.function.clone(), row.payload.clone())
}

fn answer(cloud: &mut Cloud, payload: &Value, status: &str) -> Value {
    let input = json!({
        "deploymentId": payload["DeploymentId"],
        "lifecycleEventHookExecutionId": payload["LifecycleEventHookExecutionId"], "status": status,
    });
    call(cloud, "PutLifecycleEventHookExecutionStatus", input)
}

#[test]
fn the_guides_deployment_runs_through_all_its_events_and_waits_before_blue_goes() {
    let mut stage = with_group();
    let id = deploy(&mut stage.cloud, &app_spec(2));
    stage.cloud.live(Duration::from_secs(5));
    let names: Vec<String> = events(&mut stage.cloud, &id).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "BeforeInstall",
            "Install",
            "AfterInstall",
            "AllowTestTraffic",
            "AfterAllowTestTraffic",
            "BeforeAllowTraffic",
            "AllowTraffic",
            "AfterAllowTraffic",
        ]
    );
    assert_eq!(statuses(&mut stage.cloud, &id), ["Succeeded"; 8]);
    assert_eq!((production(&mut stage), test(&mut stage)), ([0, 100], [0, 100]));
    let info = described(&mut stage.cloud, &id);
    assert_eq!(
        (&info["status"], &info["instanceTerminationWaitTimeStarted"]),
        (&json!("InProgress"), &json!(true))
    );
    let sets = target(&mut stage.cloud, &id)["taskSetsInfo"].clone();
    for (set, label, status, weight, group) in
        [(&sets[0], "Blue", "ACTIVE", 0.0, "app-blue"), (&sets[1], "Green", "PRIMARY", 100.0, "app-green")]
    {
        assert_eq!(
            (&set["taskSetLabel"], &set["status"], &set["trafficWeight"], &set["targetGroup"]["name"]),
            (&json!(label), &json!(status), &json!(weight), &json!(group))
        );
        assert!(text(&set["identifer"]).starts_with("ecs-svc/"));
    }
    let described_sets = stage.cloud.call("DescribeTaskSets", json!({ "cluster": "prod", "service": "app" }));
    let green = &described_sets["taskSets"][1];
    assert_eq!((&green["externalId"], &green["startedBy"]), (&json!(id), &json!("CODE_DEPLOY")));
    assert_eq!(green["taskDefinition"], definition_arn(2));

    stage.cloud.live(Duration::from_mins(5));
    let info = described(&mut stage.cloud, &id);
    assert_eq!(info["status"], "Succeeded");
    assert_eq!(info["deploymentOverview"]["Succeeded"], 1);
    let service = stage.cloud.call("DescribeServices", json!({ "cluster": "prod", "services": ["app"] }));
    let service = &service["services"][0];
    assert_eq!(service["taskDefinition"], definition_arn(2));
    assert_eq!(service["taskSets"].as_array().unwrap().len(), 1);
    stage.cloud.restart();
    assert_eq!(described(&mut stage.cloud, &id), info);
}

#[test]
fn the_target_is_the_service() {
    let mut stage = with_group();
    let cloud = &mut stage.cloud;
    let id = deploy(cloud, &app_spec(2));
    let listed = call(cloud, "ListDeploymentTargets", json!({ "deploymentId": id }));
    assert_eq!(listed["targetIds"], json!(["prod:app"]));
    for (status, expected) in [("InProgress", json!(["prod:app"])), ("Failed", json!([]))] {
        let input = json!({ "deploymentId": id, "targetFilters": { "TargetStatus": [status] } });
        assert_eq!(call(cloud, "ListDeploymentTargets", input)["targetIds"], expected);
    }
    let batch = json!({ "deploymentId": id, "targetIds": ["prod:app"] });
    let batch = call(cloud, "BatchGetDeploymentTargets", batch)["deploymentTargets"].clone();
    assert_eq!(batch[0]["deploymentTargetType"], "ECSTarget");
    assert_eq!(batch[0]["ecsTarget"], target(cloud, &id));
    assert_eq!(batch[0]["ecsTarget"]["targetArn"], "arn:aws:ecs:eu-west-1:123456789012:service/prod/app");
    for (ids, expected) in [
        (json!([]), "DeploymentTargetIdRequiredException: "),
        (json!(["prod:app", "prod:app"]), "DeploymentTargetListSizeExceededException: "),
        (json!(["prod:other"]), "DeploymentTargetDoesNotExistException: "),
    ] {
        let refused =
            refusal(cloud, "BatchGetDeploymentTargets", json!({ "deploymentId": id, "targetIds": ids }));
        assert!(refused.starts_with(expected), "{refused}");
    }
}

#[test]
fn a_hook_is_called_with_its_ids_and_says_once_how_it_went() {
    let mut stage = with_group();
    let id = deploy(&mut stage.cloud, &with_hooks(json!([{ "AfterAllowTestTraffic": "check" }])));
    stage.cloud.live(Duration::from_mins(2));
    assert_eq!((production(&mut stage), test(&mut stage)), ([100, 0], [0, 100]), "test traffic goes first");
    let cloud = &mut stage.cloud;
    assert_eq!(events(cloud, &id)[4], ("AfterAllowTestTraffic".to_owned(), "InProgress".to_owned()));
    let (function, payload) = called(cloud);
    assert_eq!(function, "arn:aws:lambda:eu-west-1:123456789012:function:check");
    assert_eq!(payload["DeploymentId"], json!(id));
    let reply = answer(cloud, &payload, "Succeeded");
    assert_eq!(reply["lifecycleEventHookExecutionId"], payload["LifecycleEventHookExecutionId"]);
    cloud.live(Duration::from_secs(5));
    assert_eq!(statuses(cloud, &id), ["Succeeded"; 8]);

    let execution = payload["LifecycleEventHookExecutionId"].clone();
    for (execution, status, expected) in [
        (execution.clone(), "Failed", "LifecycleEventAlreadyCompletedException: "),
        (json!("x"), "Succeeded", "InvalidLifecycleEventHookExecutionIdException: "),
        (execution, "Skipped", "InvalidLifecycleEventHookExecutionStatusException: "),
    ] {
        let input = json!({
            "deploymentId": id, "lifecycleEventHookExecutionId": execution, "status": status,
        });
        let refused = refusal(cloud, "PutLifecycleEventHookExecutionStatus", input);
        assert!(refused.starts_with(expected), "{refused}");
    }
}

#[test]
fn every_hook_is_called_at_its_event() {
    let hooks =
        ["BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"];
    let mut stage = with_group();
    let spec = with_hooks(hooks.iter().map(|hook| json!({ *hook: hook })).collect());
    let id = deploy(&mut stage.cloud, &spec);
    for hook in hooks {
        stage.cloud.live(Duration::from_secs(5));
        let (function, payload) = called(&mut stage.cloud);
        assert!(function.ends_with(&format!(":{hook}")), "{function}");
        let standing = events(&mut stage.cloud, &id).into_iter().find(|(_, status)| status == "InProgress");
        assert_eq!(standing.unwrap().0, hook);
        let moved = if hook == "AfterAllowTraffic" { [0, 100] } else { [100, 0] };
        if hook != "BeforeInstall" {
            assert_eq!(production(&mut stage), moved, "{hook}");
        }
        answer(&mut stage.cloud, &payload, "Succeeded");
    }
    stage.cloud.live(Duration::from_mins(6));
    assert_eq!(described(&mut stage.cloud, &id)["status"], "Succeeded");
}

/// How a hook can fail, with what is said of it.
fn failures() -> [(&'static str, &'static str); 3] {
    [
        (
            "says so",
            "The deployment failed because one or more of the lifecycle event validation functions failed.",
        ),
        (
            "never answers",
            "The deployment timed out while waiting for a status callback. CodeDeploy expects a status callback within one hour after a deployment hook is invoked.",
        ),
        (
            "cannot be called",
            "The deployment failed because the lifecycle event validation function check could not be run: no such function",
        ),
    ]
}

#[test]
fn a_hook_that_fails_fails_its_deployment_and_all_goes_back_to_blue_at_once() {
    for hook in ["AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"] {
        for (how, message) in failures() {
            let mut stage = with_group();
            let id = deploy(&mut stage.cloud, &with_hooks(json!([{ hook: "check" }])));
            stage.cloud.live(Duration::from_secs(10));
            let effects = stage.cloud.take_effects();
            let invocation = effects.iter().find_map(|effect| match effect {
                Effect::InvokeFunction(id) => Some(id.clone()),
                _ => None,
            });
            let invocation = invocation.unwrap();
            let payload = stage.cloud.engine.state().invocations.get(&invocation).unwrap().payload.clone();
            match how {
                "says so" => drop(answer(&mut stage.cloud, &payload, "Failed")),
                "cannot be called" => stage.cloud.observe(Event::FunctionAnswered {
                    invocation,
                    answer: FunctionAnswer::Failed("no such function".to_owned()),
                }),
                _ => {
                    stage.cloud.observe(Event::FunctionAnswered {
                        invocation,
                        answer: FunctionAnswer::Returned(Value::Null),
                    });
                    stage.cloud.live(Duration::from_mins(59));
                    assert_eq!(described(&mut stage.cloud, &id)["status"], "InProgress", "{hook} {how}");
                    stage.cloud.live(Duration::from_mins(1));
                }
            }
            let info = described(&mut stage.cloud, &id);
            assert_eq!(info["status"], "Failed", "{hook} {how}");
            assert_eq!(
                info["errorInformation"],
                json!({ "code": "HOOK_EXECUTION_FAILURE", "message": message }),
                "{hook}"
            );
            assert_eq!((production(&mut stage), test(&mut stage)), ([100, 0], [100, 0]), "{hook} {how}");
            let failed = target(&mut stage.cloud, &id)["lifecycleEvents"].as_array().unwrap().clone();
            let failed = failed.iter().find(|event| event["status"] == "Failed").unwrap().clone();
            assert_eq!(
                (&failed["lifecycleEventName"], &failed["diagnostics"]["message"]),
                (&json!(hook), &json!(message))
            );
            stage.cloud.live(Duration::from_mins(1));
            assert!(stage.cloud.engine.state().invocations.is_empty());
            rolled_back(&mut stage, &id);
        }
    }
}

/// The deployment was rolled back by another one, which is over, and blue is alone.
fn rolled_back(stage: &mut Stage, id: &str) {
    let info = described(&mut stage.cloud, id);
    let back = text(&info["rollbackInfo"]["rollbackDeploymentId"]);
    let back = described(&mut stage.cloud, &back);
    assert_eq!((&back["creator"], &back["status"]), (&json!("codeDeployRollback"), &json!("Succeeded")));
    assert_eq!(back["rollbackInfo"]["rollbackTriggeringDeploymentId"], json!(id));
    let service = stage.cloud.call("DescribeServices", json!({ "cluster": "prod", "services": ["app"] }));
    let sets = service["services"][0]["taskSets"].as_array().unwrap().clone();
    let sets: Vec<(&Value, &Value)> = sets.iter().map(|it| (&it["status"], &it["taskDefinition"])).collect();
    assert_eq!(sets, [(&json!("PRIMARY"), &json!(definition_arn(1)))]);
}

#[test]
fn nothing_is_rolled_back_that_was_not_begun() {
    let mut stage = with_group();
    let id = deploy(&mut stage.cloud, &with_hooks(json!([{ "BeforeInstall": "check" }])));
    let (_, payload) = called(&mut stage.cloud);
    answer(&mut stage.cloud, &payload, "Failed");
    let info = described(&mut stage.cloud, &id);
    assert_eq!(info["status"], "Failed");
    assert_eq!(info["rollbackInfo"]["rollbackDeploymentId"], Value::Null);
    assert!(
        text(&info["rollbackInfo"]["rollbackMessage"]).starts_with("The deployment cannot be rolled back")
    );
    assert_eq!(
        (production(&mut stage), test(&mut stage)),
        ([1, 0], [0, 1]),
        "the listeners are as they were"
    );
}

fn ready_stage(minutes: i32) -> Stage {
    with_changed_group(
        "/blueGreenDeploymentConfiguration/deploymentReadyOption",
        json!({ "actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": minutes }),
    )
}

#[test]
fn a_deployment_waits_for_traffic_to_be_let_through() {
    let mut stage = ready_stage(30);
    let id = deploy(&mut stage.cloud, &app_spec(2));
    stage.cloud.live(Duration::from_mins(20));
    let info = described(&mut stage.cloud, &id);
    assert_eq!((&info["status"], &info["deploymentOverview"]["Ready"]), (&json!("Ready"), &json!(1)));
    assert_eq!(production(&mut stage), [100, 0]);
    let early = json!({ "deploymentId": id, "deploymentWaitType": "TERMINATION_WAIT" });
    let refused = refusal(&mut stage.cloud, "ContinueDeployment", early);
    assert!(refused.starts_with("InvalidDeploymentStatusException: "), "{refused}");
    let input = json!({ "deploymentId": id, "deploymentWaitType": "READY_WAIT" });
    call(&mut stage.cloud, "ContinueDeployment", input);
    assert_eq!(described(&mut stage.cloud, &id)["status"], "InProgress");
    stage.cloud.live(Duration::from_secs(5));
    assert_eq!(production(&mut stage), [0, 100]);
}

#[test]
fn a_wait_that_nobody_ends_stops_the_deployment() {
    let mut stage = ready_stage(7);
    let id = deploy(&mut stage.cloud, &app_spec(2));
    stage.cloud.live(Duration::from_mins(8));
    let info = described(&mut stage.cloud, &id);
    assert_eq!(info["status"], "Stopped");
    assert_eq!(
        info["errorInformation"]["message"],
        "The deployment timed out while waiting for a notification to continue. This time out period is 7 minutes."
    );
    assert_eq!((production(&mut stage), test(&mut stage)), ([100, 0], [100, 0]));
}

#[test]
fn a_stop_without_a_roll_back_leaves_traffic_where_it_is_and_the_next_deployment_clears_up() {
    let mut stage =
        with_changed_group("/deploymentConfigName", json!("CodeDeployDefault.ECSCanary10Percent5Minutes"));
    let id = deploy(&mut stage.cloud, &app_spec(2));
    stage.cloud.live(Duration::from_mins(2));
    assert_eq!(production(&mut stage), [90, 10]);
    let stop = json!({ "deploymentId": id, "autoRollbackEnabled": false });
    let reply = call(&mut stage.cloud, "StopDeployment", stop);
    assert_eq!(reply["status"], "Succeeded");
    stage.cloud.live(Duration::from_mins(30));
    let info = described(&mut stage.cloud, &id);
    assert_eq!(
        (&info["status"], &info["errorInformation"]["code"]),
        (&json!("Stopped"), &json!("MANUAL_STOP"))
    );
    assert_eq!(production(&mut stage), [90, 10]);

    let next = deploy(&mut stage.cloud, &app_spec(3));
    assert_eq!(production(&mut stage)[0], 100 - production(&mut stage)[1], "weights are whole");
    stage.cloud.live(Duration::from_mins(20));
    assert_eq!(described(&mut stage.cloud, &next)["status"], "Succeeded");
    assert_eq!(production(&mut stage), [0, 100]);
    let service = stage.cloud.call("DescribeServices", json!({ "cluster": "prod", "services": ["app"] }));
    let sets = service["services"][0]["taskSets"].as_array().unwrap().clone();
    assert_eq!((sets.len(), &sets[0]["taskDefinition"]), (1, &json!(definition_arn(3))));
}

#[test]
fn a_linear_configuration_moves_traffic_in_equal_steps() {
    let mut stage = with_changed_group(
        "/deploymentConfigName",
        json!("CodeDeployDefault.ECSLinear10PercentEvery1Minutes"),
    );
    let path = stage.cloud.rule(&stage.production.clone(), 5, crate::cloud::forward(&stage.blue));
    let other = stage.cloud.rule(&stage.production.clone(), 6, crate::cloud::not_found_page());
    deploy(&mut stage.cloud, &app_spec(2));
    let mut seen = Vec::new();
    for _ in 0..700 {
        stage.cloud.live(Duration::from_secs(1));
        let now = production(&mut stage);
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        let rules = stage.cloud.call("DescribeRules", json!({ "RuleArns": [path, other] }));
        let groups = &rules["Rules"][0]["Actions"][0]["ForwardConfig"]["TargetGroups"];
        let green = groups.as_array().unwrap().iter().find(|it| it["TargetGroupArn"] == stage.green).unwrap();
        assert_eq!(green["Weight"], now[1], "every rule that forwards to either group moves");
        assert_eq!(rules["Rules"][1]["Actions"][0]["Type"], "fixed-response", "others stay");
    }
    let expected: Vec<[i64; 2]> = (1..=10).map(|step| [100 - 10 * step, 10 * step]).collect();
    assert_eq!(seen, expected);
}

#[test]
fn blue_may_be_kept_and_goes_when_the_next_deployment_needs_its_place() {
    let mut stage = with_changed_group(
        "/blueGreenDeploymentConfiguration/terminateBlueInstancesOnDeploymentSuccess",
        json!({ "action": "KEEP_ALIVE" }),
    );
    let sets = |stage: &mut Stage| {
        let service = stage.cloud.call("DescribeServices", json!({ "cluster": "prod", "services": ["app"] }));
        let sets = service["services"][0]["taskSets"].as_array().unwrap().clone();
        sets.iter().map(|it| text(&it["taskDefinition"])).collect::<Vec<_>>()
    };
    for revision in [2, 3] {
        let id = deploy(&mut stage.cloud, &app_spec(revision));
        stage.cloud.live(Duration::from_secs(30));
        let info = described(&mut stage.cloud, &id);
        assert_eq!(
            (&info["status"], &info["instanceTerminationWaitTimeStarted"]),
            (&json!("Succeeded"), &json!(false))
        );
        assert_eq!(sets(&mut stage), [definition_arn(revision - 1), definition_arn(revision)]);
    }
    assert_eq!(production(&mut stage), [100, 0], "the groups take turns");
}

#[test]
fn without_a_test_listener_its_events_are_absent() {
    let mut stage =
        with_changed_group("/loadBalancerInfo/targetGroupPairInfoList/0/testTrafficRoute", Value::Null);
    let id = deploy(&mut stage.cloud, &app_spec(2));
    stage.cloud.live(Duration::from_secs(5));
    let names: Vec<String> = events(&mut stage.cloud, &id).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "BeforeInstall",
            "Install",
            "AfterInstall",
            "BeforeAllowTraffic",
            "AllowTraffic",
            "AfterAllowTraffic"
        ]
    );
    assert_eq!(production(&mut stage), [0, 100]);
}

fn alarm(stage: &mut Stage, state: &str) {
    stage.cloud.at("monitoring", |cloud| {
        let input = json!({
            "AlarmName": "errors", "Namespace": "App", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
        });
        if cloud.engine.state().alarms.is_empty() {
            cloud.call("PutMetricAlarm", input);
        }
        let set = json!({ "AlarmName": "errors", "StateValue": state, "StateReason": "by hand" });
        cloud.call("SetAlarmState", set);
    });
}

fn watched(events: Value) -> Stage {
    let mut stage = with_changed_group(
        "/alarmConfiguration",
        json!({ "enabled": true, "alarms": [{ "name": "errors" }] }),
    );
    let change = json!({
        "applicationName": "app-deploy", "currentDeploymentGroupName": "app-dg",
        "autoRollbackConfiguration": { "enabled": true, "events": events },
    });
    call(&mut stage.cloud, "UpdateDeploymentGroup", change);
    stage
}

#[test]
fn an_alarm_stops_a_deployment_and_rolls_it_back_where_the_group_says_so() {
    for (events, weights) in
        [(json!(["DEPLOYMENT_STOP_ON_ALARM"]), [100, 0]), (json!(["DEPLOYMENT_FAILURE"]), [0, 100])]
    {
        let mut stage = watched(events);
        alarm(&mut stage, "OK");
        let id = deploy(&mut stage.cloud, &app_spec(2));
        stage.cloud.live(Duration::from_mins(2));
        assert_eq!(production(&mut stage), [0, 100], "in the termination wait");
        alarm(&mut stage, "ALARM");
        let info = described(&mut stage.cloud, &id);
        assert_eq!(
            (&info["status"], &info["errorInformation"]["code"]),
            (&json!("Stopped"), &json!("ALARM_ACTIVE"))
        );
        assert_eq!(production(&mut stage), weights, "in the same transaction");
        if weights == [100, 0] {
            stage.cloud.live(Duration::from_mins(1));
            rolled_back(&mut stage, &id);
        }
    }
}

#[test]
fn an_alarm_that_is_active_already_stops_a_deployment_before_it_did_anything() {
    let mut stage = watched(json!(["DEPLOYMENT_STOP_ON_ALARM"]));
    alarm(&mut stage, "ALARM");
    let id = deploy(&mut stage.cloud, &app_spec(2));
    let info = described(&mut stage.cloud, &id);
    assert_eq!(
        (&info["status"], &info["errorInformation"]["code"]),
        (&json!("Stopped"), &json!("ALARM_ACTIVE"))
    );
    assert_eq!(statuses(&mut stage.cloud, &id), ["Skipped"; 8]);
}

#[test]
fn an_alarm_that_is_deleted_meanwhile_stops_a_deployment_unless_that_is_ignored() {
    for (ignored, status) in [(false, "Stopped"), (true, "InProgress")] {
        let mut stage = watched(json!(["DEPLOYMENT_STOP_ON_ALARM"]));
        let change = json!({
            "applicationName": "app-deploy", "currentDeploymentGroupName": "app-dg",
            "alarmConfiguration": {
                "enabled": true, "ignorePollAlarmFailure": ignored, "alarms": [{ "name": "errors" }],
            },
        });
        call(&mut stage.cloud, "UpdateDeploymentGroup", change);
        alarm(&mut stage, "OK");
        let id = deploy(&mut stage.cloud, &app_spec(2));
        stage.cloud.at("monitoring", |cloud| cloud.call("DeleteAlarms", json!({ "AlarmNames": ["errors"] })));
        assert_eq!(described(&mut stage.cloud, &id)["status"], status);
    }
}

#[test]
fn a_service_or_a_task_set_that_is_deleted_meanwhile_fails_the_deployment() {
    let mut stage = ready_stage(60);
    let id = deploy(&mut stage.cloud, &app_spec(2));
    stage.cloud.live(Duration::from_secs(10));
    stage.cloud.call("DeleteService", json!({ "cluster": "prod", "service": "app", "force": true }));
    let info = described(&mut stage.cloud, &id);
    assert_eq!(
        (&info["status"], &info["errorInformation"]["code"]),
        (&json!("Failed"), &json!("INVALID_ECS_SERVICE"))
    );

    let mut stage = ready_stage(60);
    let id = deploy(&mut stage.cloud, &app_spec(2));
    stage.cloud.live(Duration::from_secs(10));
    let green = target(&mut stage.cloud, &id)["taskSetsInfo"][1]["identifer"].clone();
    let input = json!({ "cluster": "prod", "service": "app", "taskSet": green, "force": true });
    stage.cloud.call("DeleteTaskSet", input);
    let info = described(&mut stage.cloud, &id);
    assert_eq!(
        (&info["status"], &info["errorInformation"]["code"]),
        (&json!("Failed"), &json!("ECS_UPDATE_ERROR"))
    );
    assert_eq!(production(&mut stage), [100, 0]);
}

#[test]
fn a_listener_that_somebody_else_took_away_fails_the_deployment() {
    let mut stage = ready_stage(60);
    let id = deploy(&mut stage.cloud, &app_spec(2));
    stage.cloud.live(Duration::from_secs(10));
    let input =
        json!({ "ListenerArn": stage.production, "DefaultActions": [crate::cloud::not_found_page()] });
    stage.cloud.call("ModifyListener", input);
    let input = json!({ "deploymentId": id, "deploymentWaitType": "READY_WAIT" });
    call(&mut stage.cloud, "ContinueDeployment", input);
    let info = described(&mut stage.cloud, &id);
    assert_eq!(
        info["errorInformation"],
        json!({
            "code": "ELASTIC_LOAD_BALANCING_INVALID",
            "message": format!(
                "The ELB could not be updated due to the following error: Primary taskset target group must be behind listener {}",
                stage.production
            ),
        })
    );
}
