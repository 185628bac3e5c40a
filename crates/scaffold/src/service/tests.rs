//! The files of services of every kind.

use super::*;
use serde_json::json;
use std::collections::BTreeMap;
use tidegate_rollout::Percent;
use tidegate_rollout::strategy::CanaryStep;

const MINUTE: i64 = 60_000;

fn service(more: Value) -> Value {
    let mut service = json!({
        "serviceName": "web", "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod", "status": "ACTIVE",
        "loadBalancers": [{"targetGroupArn": "arn:tg", "containerName": "app", "containerPort": 8080}],
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        service[name] = value.clone();
    }
    service
}

fn definition() -> Value {
    json!({"family": "web", "revision": 7, "containerDefinitions": [
        {"name": "proxy", "image": "proxy:1"}, {"name": "app", "image": "web:1", "environment": [{"name": "API_KEY", "value": "abc"}]}]})
}

fn made(service: &Value, code_deploy: Option<&CodeDeploy>) -> Scaffold {
    let definition = definition();
    files(&Found { service, task_definition: &definition, code_deploy, region: None }).expect("a service")
}

fn config_of(more: Value) -> String {
    made(&service(more), None).files[0].text.clone()
}

fn group(config: Option<&str>) -> DeploymentGroup {
    DeploymentGroup {
        application: "shop".into(),
        group: "web".into(),
        config: config.map(str::to_owned),
        hooks: BTreeMap::new(),
    }
}

#[test]
fn a_rolling_service_becomes_two_files_with_its_alarms_as_gates() {
    let rolling = service(json!({"deploymentConfiguration": {
        "minimumHealthyPercent": 100, "maximumPercent": 200, "strategy": "ROLLING",
        "deploymentCircuitBreaker": {"enable": false, "rollback": false},
        "alarms": {"alarmNames": ["web-5xx", "web: slow"], "enable": true, "rollback": true}}}));
    let made = made(&rolling, None);
    let told: Vec<String> =
        made.files.iter().map(|file| format!("--- {}\n{}", file.path, file.text)).collect();
    insta::assert_snapshot!(format!(
        "{}--- notes\n{}\n--- next\n{}",
        told.concat(),
        made.notes.join("\n"),
        made.next.join("\n")
    ));
}

#[test]
fn what_ecs_moves_in_stages_keeps_its_numbers() {
    let breaker = json!({"enable": true, "rollback": true});
    let configurations = [
        json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 10, "deploymentCircuitBreaker": breaker}),
        json!({"strategy": "LINEAR", "bakeTimeInMinutes": 0, "deploymentCircuitBreaker": breaker,
            "linearConfiguration": {"stepPercent": 20.0, "stepBakeTimeInMinutes": 6}}),
        json!({"strategy": "CANARY", "bakeTimeInMinutes": 60, "deploymentCircuitBreaker": {"enable": true, "rollback": false},
            "canaryConfiguration": {"canaryPercent": 0.5, "canaryBakeTimeInMinutes": 15}}),
    ];
    let told = configurations.map(|it| config_of(json!({"deploymentConfiguration": it})));
    insta::assert_snapshot!(told.join("----\n"));
}

#[test]
fn what_codedeploy_moves_names_its_group_and_a_config_of_somebody_s_own() {
    let controller = json!({"deploymentController": {"type": "CODE_DEPLOY"}});
    let canary = Traffic::Canary {
        steps: vec![CanaryStep { weight: Percent::whole(10), bake: 5 * MINUTE }],
        bake: 30 * MINUTE,
    };
    let linear = Traffic::Linear { step: Percent::whole(25), step_bake: 2 * MINUTE, bake: 5 * MINUTE };
    let found = [
        Some(CodeDeploy { traffic: canary, group: group(None), alarms: vec!["web-5xx".into()] }),
        Some(CodeDeploy { traffic: linear, group: group(Some("by-quarters")), alarms: Vec::new() }),
        None,
    ];
    let told = found.map(|found| {
        let made = made(&service(controller.clone()), found.as_ref());
        format!("{}notes: {}\n", made.files[0].text, made.notes.join("\n"))
    });
    insta::assert_snapshot!(told.join("----\n"));
}

#[test]
fn what_is_no_service_and_what_another_program_moves_is_refused() {
    let definition = definition();
    let refused = |service: &Value, definition: &Value| {
        files(&Found { service, task_definition: definition, code_deploy: None, region: None })
            .expect_err("refused")
            .to_string()
    };
    let external = service(json!({"deploymentController": {"type": "EXTERNAL"}}));
    let told = [
        refused(&json!({}), &definition),
        refused(&service(json!({})), &json!({"family": "web"})),
        refused(&external, &definition),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn names_that_yaml_would_take_for_something_else_are_quoted() {
    let text = config_of(json!({"serviceName": "no", "clusterArn": "arn:aws:ecs:eu-west-1:1:cluster/1e3"}));
    assert!(text.contains("cluster: \"1e3\"\nservice: \"no\"\n"), "{text}");
}

#[test]
fn a_canary_by_alb_in_unequal_steps_is_written_as_it_is() {
    let steps = [(10, 5), (25, 5), (50, 15)];
    let steps =
        steps.map(|(weight, minutes)| CanaryStep { weight: Percent::whole(weight), bake: minutes * MINUTE });
    let candidate = tidegate_rollout::names::ServiceName::parse("web-canary").expect("valid");
    let strategy = Strategy::Alb(
        Traffic::Canary { steps: steps.to_vec(), bake: MINUTE },
        Candidate { service: candidate, rule: None },
    );
    insta::assert_snapshot!(section(&strategy));
}
