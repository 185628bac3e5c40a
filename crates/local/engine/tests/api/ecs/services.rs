use serde_json::{Value, json};

use super::{ARN, all_pages, definition, ready, service, serving, texts, with};
use crate::cloud::{Cloud, text};

fn described(cloud: &mut Cloud) -> Value {
    cloud.call("DescribeServices", json!({ "cluster": "prod", "services": ["web"] }))["services"][0].clone()
}

#[track_caller]
fn update(cloud: &mut Cloud, change: Value) -> Value {
    let input = with(json!({ "cluster": "prod", "service": "web" }), change);
    cloud.call("UpdateService", input)["service"].clone()
}

#[test]
fn a_service_is_answered_with_the_defaults_of_aws() {
    let (mut cloud, group) = ready();
    let made = cloud.call("CreateService", service(&group))["service"].clone();
    assert_eq!(made["serviceArn"], format!("{ARN}:service/prod/web"));
    assert_eq!(made["clusterArn"], format!("{ARN}:cluster/prod"));
    assert_eq!(made["taskDefinition"], format!("{ARN}:task-definition/web:1"));
    assert_eq!(made["status"], "ACTIVE");
    assert_eq!(made["schedulingStrategy"], "REPLICA");
    assert_eq!(made["deploymentController"], json!({ "type": "ECS" }));
    assert_eq!(made["propagateTags"], "NONE");
    assert_eq!(made["healthCheckGracePeriodSeconds"], 0);
    assert_eq!(
        made["deploymentConfiguration"],
        json!({
            "deploymentCircuitBreaker": {
                "enable": false, "rollback": false, "resetOnHealthyTask": true,
                "thresholdConfiguration": { "type": "BOUNDED_PERCENT", "value": 50 },
            },
            "maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING", "bakeTimeInMinutes": 0,
        })
    );
    let deployment = &made["deployments"][0];
    assert_eq!(deployment["status"], "PRIMARY");
    assert_eq!(deployment["rolloutState"], "IN_PROGRESS");
    let id = text(&deployment["id"]);
    assert_eq!(deployment["rolloutStateReason"], format!("ECS deployment {id} in progress."));
    assert!(id.strip_prefix("ecs-svc/").is_some_and(|digits| digits.len() == 19), "{id}");
}

#[test]
fn the_same_client_token_makes_one_service() {
    let (mut cloud, group) = ready();
    let input = with(service(&group), json!({ "clientToken": "once" }));
    let first = cloud.call("CreateService", input.clone());
    let second = cloud.call("CreateService", input);
    assert_eq!(first["service"]["deployments"][0]["id"], second["service"]["deployments"][0]["id"]);
    let refused = cloud.refusal("CreateService", with(service(&group), json!({ "clientToken": "twice" })));
    assert_eq!(refused, "InvalidParameterException: Creation of service was not idempotent.");
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let (mut cloud, group) = ready();
    let lonely = cloud.target_group("lonely");
    let behind = |group: &str, name: &str, port: u16| json!({ "loadBalancers": [{ "targetGroupArn": group, "containerName": name, "containerPort": port }] });
    let configured = |change: Value| json!({ "deploymentConfiguration": change });
    let breaker = |threshold: Value| {
        configured(json!({ "deploymentCircuitBreaker":
            { "enable": true, "rollback": true, "thresholdConfiguration": threshold } }))
    };
    let unknown = format!("{group}0");
    for (change, expected) in [
        (json!({ "cluster": "nowhere" }), "ClusterNotFoundException: Cluster not found.".to_owned()),
        (
            json!({ "serviceName": "a b" }),
            "InvalidParameterException: Service name contains invalid characters.".to_owned(),
        ),
        (
            json!({ "taskDefinition": null }),
            "InvalidParameterException: TaskDefinition can not be blank.".to_owned(),
        ),
        (json!({ "taskDefinition": "api" }), "ClientException: TaskDefinition not found.".to_owned()),
        (
            json!({ "desiredCount": -1 }),
            "InvalidParameterException: desiredCount must be greater than or equal to 0.".to_owned(),
        ),
        (
            json!({ "healthCheckGracePeriodSeconds": -1 }),
            "InvalidParameterException: healthCheckGracePeriodSeconds must be greater than or equal to 0.".to_owned(),
        ),
        (
            json!({ "networkConfiguration": null }),
            "InvalidParameterException: Network Configuration must be provided when networkMode 'awsvpc' is specified."
                .to_owned(),
        ),
        (
            behind(&unknown, "app", 8080),
            format!("InvalidParameterException: The target group {unknown} does not exist."),
        ),
        (
            behind(&lonely, "app", 8080),
            format!(
                "InvalidParameterException: The target group with targetGroupArn {lonely} does not have an associated load balancer."
            ),
        ),
        (
            behind(&group, "db", 8080),
            "InvalidParameterException: The container db does not exist in the task definition.".to_owned(),
        ),
        (
            behind(&group, "app", 9090),
            "InvalidParameterException: The container app did not have a container port 9090 defined.".to_owned(),
        ),
        (
            json!({ "schedulingStrategy": "DAEMON" }),
            "InvalidParameterException: The daemon scheduling strategy does not support a desired count for services."
                .to_owned(),
        ),
        (
            json!({ "schedulingStrategy": "DAEMON", "desiredCount": null, "deploymentConfiguration": { "maximumPercent": 200 } }),
            "InvalidParameterException: The daemon scheduling strategy only supports a maximumPercent of 100.".to_owned(),
        ),
        (
            configured(json!({ "minimumHealthyPercent": 100, "maximumPercent": 100 })),
            "InvalidParameterException: Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."
                .to_owned(),
        ),
        (
            configured(json!({ "maximumPercent": 50 })),
            "InvalidParameterException: maximumPercent cannot be less than 100.".to_owned(),
        ),
        (
            breaker(json!({ "type": "BOUNDED_PERCENT", "value": 101 })),
            "InvalidParameterException: Invalid value 101 for a circuit breaker threshold of type BOUNDED_PERCENT.".to_owned(),
        ),
        (
            breaker(json!({ "type": "COUNT", "value": 0 })),
            "InvalidParameterException: Invalid value 0 for a circuit breaker threshold of type COUNT.".to_owned(),
        ),
        (
            configured(json!({ "earlySuccessCriteria": { "enable": true } })),
            "InvalidParameterException: healthyPercent and sourceServiceRevisionCleanup are required when earlySuccessCriteria is enabled."
                .to_owned(),
        ),
        (
            configured(json!({ "earlySuccessCriteria":
                { "enable": true, "healthyPercent": 50, "sourceServiceRevisionCleanup": "DEFERRED" } })),
            "InvalidParameterException: healthyPercent must be greater than or equal to minimumHealthyPercent.".to_owned(),
        ),
        (
            json!({ "capacityProviderStrategy": [{ "capacityProvider": "FARGATE" }] }),
            "InvalidParameterException: Specifying both a launch type and capacity provider strategy is not supported."
                .to_owned(),
        ),
        (
            json!({ "tags": [{ "key": "aws:x", "value": "y" }] }),
            "InvalidParameterException: Tag keys cannot begin with aws:.".to_owned(),
        ),
    ] {
        assert_eq!(cloud.refusal("CreateService", with(service(&group), change)), expected);
    }
}

#[test]
fn only_some_changes_start_a_deployment() {
    let (mut cloud, group) = serving();
    let second = cloud.target_group("second");
    let load_balancer = cloud.load_balancer("second");
    cloud.listener(&load_balancer, 80, crate::cloud::forward(&second));
    cloud.call("RegisterTaskDefinition", definition("web"));
    let mut deployment = text(&described(&mut cloud)["deployments"][0]["id"]);
    for (change, starts) in [
        (json!({ "desiredCount": 3 }), false),
        (json!({ "deploymentConfiguration": { "minimumHealthyPercent": 50 } }), false),
        (json!({ "healthCheckGracePeriodSeconds": 30 }), false),
        (json!({ "enableExecuteCommand": true }), false),
        (json!({ "propagateTags": "SERVICE", "enableECSManagedTags": true }), false),
        (json!({ "taskDefinition": "web:1" }), false),
        (json!({ "taskDefinition": "web" }), true),
        (json!({ "forceNewDeployment": true }), true),
        (json!({ "platformVersion": "1.4.0" }), true),
        (json!({ "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-2"] } } }), true),
        (
            json!({ "loadBalancers": [{ "targetGroupArn": second, "containerName": "app", "containerPort": 8080 }] }),
            true,
        ),
        (json!({ "loadBalancers": [] }), true),
    ] {
        let words = change.to_string();
        let primary = text(&update(&mut cloud, change)["deployments"][0]["id"]);
        assert_eq!(primary != deployment, starts, "{words}");
        deployment = primary;
    }
    assert_ne!(group, second);
}

#[test]
fn an_update_leaves_what_it_does_not_name() {
    let (mut cloud, _) = serving();
    let breaker = json!({ "enable": true, "rollback": true });
    update(&mut cloud, json!({ "deploymentConfiguration": { "deploymentCircuitBreaker": breaker } }));
    let after = update(&mut cloud, json!({ "deploymentConfiguration": { "maximumPercent": 150 } }));
    let configuration = &after["deploymentConfiguration"];
    assert_eq!(configuration["deploymentCircuitBreaker"]["enable"], true);
    assert_eq!(
        (&configuration["maximumPercent"], &configuration["minimumHealthyPercent"]),
        (&json!(150), &json!(100))
    );
    assert_eq!(after["loadBalancers"].as_array().unwrap().len(), 1);
    assert_eq!(after["desiredCount"], 2);
}

#[test]
fn the_numbers_of_a_strategy_go_with_it() {
    let (mut cloud, _) = ready();
    let definition = json!({
        "family": "plain", "containerDefinitions": [{ "name": "app", "image": "app:1", "memory": 64 }],
    });
    cloud.call("RegisterTaskDefinition", definition);
    let made =
        json!({ "cluster": "prod", "serviceName": "web", "taskDefinition": "plain", "desiredCount": 0 });
    cloud.call("CreateService", made);
    let canary = json!({ "canaryPercent": 10.0, "canaryBakeTimeInMinutes": 5 });
    let linear = json!({ "stepPercent": 20.0, "stepBakeTimeInMinutes": 5 });
    for (change, left) in [
        (json!({ "strategy": "CANARY", "canaryConfiguration": canary }), (true, false)),
        (json!({ "bakeTimeInMinutes": 3 }), (true, false)),
        (json!({ "strategy": "BLUE_GREEN" }), (false, false)),
        (json!({ "strategy": "LINEAR", "linearConfiguration": linear }), (false, true)),
        (json!({ "strategy": "CANARY", "canaryConfiguration": canary }), (true, false)),
        (json!({ "strategy": "ROLLING" }), (false, false)),
    ] {
        let words = change.to_string();
        let after = update(&mut cloud, json!({ "deploymentConfiguration": change }));
        let has = |member: &str| after["deploymentConfiguration"].get(member).is_some_and(Value::is_object);
        assert_eq!((has("canaryConfiguration"), has("linearConfiguration")), left, "{words}");
    }
}

#[test]
fn an_update_that_does_not_fit_is_refused() {
    let (mut cloud, _) = serving();
    for (change, expected) in [
        (json!({ "service": "api" }), "ServiceNotFoundException: Service not found."),
        (json!({ "taskDefinition": "api:7" }), "ClientException: TaskDefinition not found."),
        (
            json!({ "desiredCount": -1 }),
            "InvalidParameterException: desiredCount must be greater than or equal to 0.",
        ),
        (
            json!({ "deploymentConfiguration": { "maximumPercent": 100 } }),
            "InvalidParameterException: Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
        ),
    ] {
        let input = with(json!({ "cluster": "prod", "service": "web" }), change);
        assert_eq!(cloud.refusal("UpdateService", input), expected);
    }
}

#[test]
fn services_are_described_by_name_and_arn_ten_at_a_time() {
    let (mut cloud, _) = serving();
    cloud.call("CreateCluster", json!({ "clusterName": "other" }));
    let names = json!([
        "web",
        format!("{ARN}:service/prod/web"),
        format!("{ARN}:service/web"),
        "api",
        format!("{ARN}:service/other/web"),
    ]);
    let reply = cloud.call("DescribeServices", json!({ "cluster": "prod", "services": names }));
    assert_eq!(reply["services"].as_array().unwrap().len(), 3);
    assert_eq!(
        reply["failures"][0],
        json!({ "arn": format!("{ARN}:service/prod/api"), "reason": "MISSING" })
    );
    assert_eq!(
        reply["failures"].as_array().unwrap().len(),
        2,
        "an ARN of another cluster is not a name in this one"
    );

    let many: Vec<String> = (0..11).map(|number| format!("s{number}")).collect();
    let refused = cloud.refusal("DescribeServices", json!({ "cluster": "prod", "services": many }));
    assert_eq!(refused, "InvalidParameterException: services can have at most 10 items.");
    let refused = cloud.refusal("DescribeServices", json!({ "cluster": "prod", "services": [] }));
    assert_eq!(refused, "InvalidParameterException: Services cannot be empty.");
}

#[test]
fn services_are_listed_in_pages_and_by_kind() {
    let (mut cloud, _) = serving();
    let plain = json!({
        "cluster": "prod", "taskDefinition": "plain", "desiredCount": 0,
    });
    let bridge = json!({
        "family": "plain", "containerDefinitions": [{ "name": "app", "image": "app:1", "memory": 64 }],
    });
    cloud.call("RegisterTaskDefinition", bridge);
    for number in 0..4 {
        let name = json!({ "serviceName": format!("plain-{number}") });
        cloud.call("CreateService", with(plain.clone(), name));
    }
    let daemon = json!({ "serviceName": "agent", "schedulingStrategy": "DAEMON", "desiredCount": null });
    cloud.call("CreateService", with(plain, daemon));
    let (arns, pages) = all_pages(&mut cloud, "ListServices", json!({ "cluster": "prod" }), "serviceArns");
    assert_eq!((arns.len(), pages), (6, 3));
    let mut listed = |filter| {
        texts(&cloud.call("ListServices", with(json!({ "cluster": "prod" }), filter))["serviceArns"])
    };
    assert_eq!(listed(json!({ "launchType": "FARGATE" })), [format!("{ARN}:service/prod/web")]);
    assert_eq!(listed(json!({ "schedulingStrategy": "DAEMON" })), [format!("{ARN}:service/prod/agent")]);
}

#[test]
fn a_service_with_tasks_is_deleted_by_force_only_and_its_name_is_free_again_once_it_is_inactive() {
    let (mut cloud, group) = serving();
    let refused = cloud.refusal("DeleteService", json!({ "cluster": "prod", "service": "web" }));
    assert_eq!(
        refused,
        "InvalidParameterException: The service cannot be stopped while the primary deployment is scaled above 0."
    );
    let deleted = cloud.call("DeleteService", json!({ "cluster": "prod", "service": "web", "force": true }));
    assert_eq!(deleted["service"]["status"], "DRAINING");
    assert_eq!(deleted["service"]["desiredCount"], 0);
    let refused = cloud.refusal("CreateService", service(&group));
    assert_eq!(refused, "InvalidParameterException: Unable to Start a service that is still Draining.");
    let refused =
        cloud.refusal("UpdateService", json!({ "cluster": "prod", "service": "web", "desiredCount": 1 }));
    assert_eq!(refused, "ServiceNotActiveException: Service was not ACTIVE.");
    assert_eq!(cloud.call("ListServices", json!({ "cluster": "prod" }))["serviceArns"], json!([]));

    cloud.end_all_tasks();
    assert_eq!(described(&mut cloud)["status"], "INACTIVE", "it is described for a while");
    let again = cloud.call("CreateService", service(&group));
    assert_eq!(again["service"]["status"], "ACTIVE");
    assert_eq!(again["service"]["events"], json!([]), "the deleted one's history is not the new one's");
}

#[test]
fn a_service_scaled_to_nothing_is_deleted_without_force() {
    let (mut cloud, _) = serving();
    update(&mut cloud, json!({ "desiredCount": 0 }));
    cloud.call("DeleteService", json!({ "cluster": "prod", "service": "web" }));
}

#[test]
fn what_comes_with_a_later_version_is_refused_by_name() {
    let (mut cloud, group) = ready();
    let classic = json!({ "loadBalancers": [{ "loadBalancerName": "old", "containerName": "app", "containerPort": 8080 }] });
    let refused = cloud.refusal("CreateService", with(service(&group), classic));
    assert!(refused.starts_with("UnsupportedFeatureException: ") && refused.contains("Classic"), "{refused}");
}

#[test]
fn a_deployment_in_stages_needs_steps_bakes_and_hooks_that_make_sense() {
    let (mut cloud, group) = ready();
    let hook = |change: Value| {
        let base = json!({ "targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"] });
        json!({ "strategy": "BLUE_GREEN", "lifecycleHooks": [with(base, change)] })
    };
    let function = |change: Value| {
        let base = json!({ "targetType": null, "hookTargetArn": "arn:aws:lambda:eu-west-1:123456789012:function:check",
            "roleArn": "arn:aws:iam::123456789012:role/ecs" });
        hook(with(base, change))
    };
    for (configuration, expected) in [
        (
            json!({ "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 2.9 } }),
            "stepPercent must be between 3.0 and 100.0, in multiples of 0.1.",
        ),
        (
            json!({ "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": 10.05 } }),
            "canaryPercent must be between 0.1 and 100.0, in multiples of 0.1.",
        ),
        (
            json!({ "strategy": "CANARY", "canaryConfiguration": { "canaryBakeTimeInMinutes": 1441 } }),
            "canaryBakeTimeInMinutes must be between 0 and 1440.",
        ),
        (
            json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": -1 }),
            "bakeTimeInMinutes must be between 0 and 1440.",
        ),
        (
            json!({ "strategy": "BLUE_GREEN", "linearConfiguration": {} }),
            "linearConfiguration is only valid with the LINEAR deployment strategy.",
        ),
        (
            json!({ "strategy": "LINEAR", "canaryConfiguration": {} }),
            "canaryConfiguration is only valid with the CANARY deployment strategy.",
        ),
        (hook(json!({ "lifecycleStages": [] })), "lifecycleStages cannot be empty."),
        (
            hook(json!({ "lifecycleStages": ["PRODUCTION_TRAFFIC_SHIFT"] })),
            "PAUSE lifecycle hooks are not allowed at TEST_TRAFFIC_SHIFT and PRODUCTION_TRAFFIC_SHIFT.",
        ),
        (
            hook(json!({ "timeoutConfiguration": { "timeoutInMinutes": 20_161 } })),
            "timeoutInMinutes must be between 1 and 20160.",
        ),
        (
            hook(json!({ "hookTargetArn": "arn:aws:lambda:eu-west-1:123456789012:function:check" })),
            "hookTargetArn is not applicable for PAUSE lifecycle hooks.",
        ),
        (
            hook(json!({ "lifecycleStages": ["PRE_LUNCH"] })),
            "\"PRE_LUNCH\" is not a value of DeploymentLifecycleHookStage. Valid values are: RECONCILE_SERVICE, PRE_SCALE_UP, \
             POST_SCALE_UP, TEST_TRAFFIC_SHIFT, POST_TEST_TRAFFIC_SHIFT, PRE_PRODUCTION_TRAFFIC_SHIFT, \
             PRODUCTION_TRAFFIC_SHIFT, POST_PRODUCTION_TRAFFIC_SHIFT",
        ),
        (
            function(json!({ "hookTargetArn": null })),
            "hookTargetArn is required for AWS_LAMBDA lifecycle hooks.",
        ),
        (
            function(json!({ "hookTargetArn": "check" })),
            "hookTargetArn has an invalid ARN format. Must be the ARN of a Lambda function. Got: check",
        ),
        (
            function(json!({ "hookTargetArn": "arn:aws:lambda:eu-west-1::function:check" })),
            "hookTargetArn has an invalid ARN format. Must be the ARN of a Lambda function. Got: \
             arn:aws:lambda:eu-west-1::function:check",
        ),
        (function(json!({ "roleArn": "" })), "roleArn is required for AWS_LAMBDA lifecycle hooks."),
        (
            function(json!({ "timeoutConfiguration": { "timeoutInMinutes": 0 } })),
            "timeoutInMinutes must be between 1 and 20160.",
        ),
        (
            json!({ "strategy": "CANARY", "earlySuccessCriteria":
                { "enable": true, "healthyPercent": 100, "sourceServiceRevisionCleanup": "DEFERRED" } }),
            "earlySuccessCriteria is only valid with the ROLLING deployment strategy.",
        ),
        (
            json!({ "alarms": { "alarmNames": [], "enable": true, "rollback": true } }),
            "alarmNames cannot be empty when deployment alarms are enabled.",
        ),
        (
            json!({ "strategy": "BLUE_GREEN" }),
            "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy",
        ),
    ] {
        let refused = cloud.refusal(
            "CreateService",
            with(service(&group), json!({ "deploymentConfiguration": configuration })),
        );
        assert_eq!(refused, format!("InvalidParameterException: {expected}"));
    }
}

#[test]
fn the_second_target_group_and_the_rules_are_checked() {
    let (mut cloud, group) = ready();
    let other = cloud.target_group("other");
    let load_balancer = cloud.load_balancer("other");
    let listener = cloud.listener(&load_balancer, 81, crate::cloud::forward(&other));
    let rule = cloud.call("DescribeRules", json!({ "ListenerArn": listener }))["Rules"][0]["RuleArn"].clone();
    let rule = text(&rule);
    let advanced = json!({ "alternateTargetGroupArn": other, "productionListenerRule": rule });
    for (change, expected) in [
        (
            json!({ "alternateTargetGroupArn": null }),
            "alternateTargetGroupArn is required in advancedConfiguration.".to_owned(),
        ),
        (
            json!({ "productionListenerRule": null }),
            "productionListenerRule is required in advancedConfiguration.".to_owned(),
        ),
        (json!({ "alternateTargetGroupArn": group }), format!("Duplicate targetGroupArn found: {group}")),
        (
            json!({ "alternateTargetGroupArn": format!("{group}0") }),
            format!("The target group {group}0 does not exist."),
        ),
        (
            json!({ "productionListenerRule": listener }),
            format!(
                "productionListenerRule has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got: {listener}"
            ),
        ),
        (
            json!({ "testListenerRule": rule }),
            format!("The following rules cannot be used as both production and test listener rules: {rule}"),
        ),
    ] {
        let balancer = json!([{ "targetGroupArn": group, "containerName": "app", "containerPort": 8080,
            "advancedConfiguration": with(advanced.clone(), change) }]);
        let input =
            json!({ "loadBalancers": balancer, "deploymentConfiguration": { "strategy": "BLUE_GREEN" } });
        let refused = cloud.refusal("CreateService", with(service(&group), input));
        assert_eq!(refused, format!("InvalidParameterException: {expected}"));
    }
}

#[test]
fn a_service_that_is_deleted_already_is_answered_as_it_is() {
    let (mut cloud, _) = serving();
    let delete = json!({ "cluster": "prod", "service": "web", "force": true });
    cloud.call("DeleteService", delete.clone());
    let without_force = json!({ "cluster": "prod", "service": "web" });
    assert_eq!(cloud.call("DeleteService", without_force.clone())["service"]["status"], "DRAINING");
    cloud.end_all_tasks();
    for input in [delete, without_force] {
        assert_eq!(cloud.call("DeleteService", input)["service"]["status"], "INACTIVE");
    }
}
