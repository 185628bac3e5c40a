use serde_json::{Value, json};

use super::{call, refusal, with_changed_group, with_group};
use crate::cloud::Cloud;

fn config(name: &str, routing: Value) -> Value {
    json!({ "deploymentConfigName": name, "computePlatform": "ECS", "trafficRoutingConfig": routing })
}

fn canary(percentage: i32, interval: i32) -> Value {
    json!({
        "type": "TimeBasedCanary",
        "timeBasedCanary": { "canaryPercentage": percentage, "canaryInterval": interval },
    })
}

fn linear(percentage: i32, interval: i32) -> Value {
    json!({
        "type": "TimeBasedLinear",
        "timeBasedLinear": { "linearPercentage": percentage, "linearInterval": interval },
    })
}

#[test]
fn the_predefined_configurations_for_ecs_are_there() {
    let mut cloud = Cloud::new();
    let listed = call(&mut cloud, "ListDeploymentConfigs", json!({}))["deploymentConfigsList"].clone();
    let expected = [
        ("ECSAllAtOnce", json!({ "type": "AllAtOnce" })),
        ("ECSCanary10Percent15Minutes", canary(10, 15)),
        ("ECSCanary10Percent5Minutes", canary(10, 5)),
        ("ECSLinear10PercentEvery1Minutes", linear(10, 1)),
        ("ECSLinear10PercentEvery3Minutes", linear(10, 3)),
    ];
    let names: Vec<String> = expected.iter().map(|(name, _)| format!("CodeDeployDefault.{name}")).collect();
    assert_eq!(listed, json!(names));
    for ((_, routing), name) in expected.iter().zip(&names) {
        let found = call(&mut cloud, "GetDeploymentConfig", json!({ "deploymentConfigName": name }));
        let found = &found["deploymentConfigInfo"];
        assert_eq!((&found["trafficRoutingConfig"], &found["computePlatform"]), (routing, &json!("ECS")));
    }
}

#[test]
fn a_custom_configuration_is_created_read_and_deleted() {
    let mut cloud = Cloud::new();
    let routing = linear(25, 2);
    let made = call(&mut cloud, "CreateDeploymentConfig", config("quarters", routing.clone()));
    let found = call(&mut cloud, "GetDeploymentConfig", json!({ "deploymentConfigName": "quarters" }));
    let found = &found["deploymentConfigInfo"];
    assert_eq!(found["deploymentConfigId"], made["deploymentConfigId"]);
    assert_eq!(found["trafficRoutingConfig"], routing);
    call(&mut cloud, "DeleteDeploymentConfig", json!({ "deploymentConfigName": "quarters" }));
    let refused = refusal(&mut cloud, "GetDeploymentConfig", json!({ "deploymentConfigName": "quarters" }));
    assert_eq!(
        refused,
        "DeploymentConfigDoesNotExistException: No Deployment Configuration found for name: quarters"
    );
}

#[test]
fn a_configuration_that_aws_refuses_is_refused() {
    let mut cloud = Cloud::new();
    call(&mut cloud, "CreateDeploymentConfig", config("there", canary(5, 1)));
    let invalid = "InvalidTrafficRoutingConfigurationException: ";
    for (name, routing, expected) in [
        (
            "CodeDeployDefault.Mine",
            canary(10, 1),
            "InvalidDeploymentConfigNameException: Deployment configuration names that begin with CodeDeployDefault. are reserved"
                .to_owned(),
        ),
        ("a/b", canary(10, 1), "InvalidDeploymentConfigNameException: ".to_owned()),
        ("there", canary(10, 1), "DeploymentConfigAlreadyExistsException: ".to_owned()),
        ("new", canary(100, 1), format!("{invalid}canaryPercentage must be between 1 and 99, and is 100")),
        ("new", canary(0, 1), format!("{invalid}canaryPercentage must be between 1 and 99")),
        ("new", canary(10, 0), format!("{invalid}canaryInterval must be at least 1")),
        ("new", canary(10, 2881), format!("{invalid}canaryInterval must be at least 1")),
        // Nine waits of 321 minutes are more than 2880.
        ("new", linear(10, 321), format!("{invalid}linearInterval must be at least 1")),
        ("new", json!({ "type": "TimeBasedLinear" }), format!("{invalid}A trafficRoutingConfig of type TimeBasedLinear must have timeBasedLinear")),
        (
            "new",
            json!({ "type": "AllAtOnce", "timeBasedCanary": { "canaryPercentage": 1, "canaryInterval": 1 } }),
            format!("{invalid}A trafficRoutingConfig of type AllAtOnce cannot have"),
        ),
        ("new", json!({ "timeBasedCanary": {} }), format!("{invalid}trafficRoutingConfig must have a type")),
    ] {
        let refused = refusal(&mut cloud, "CreateDeploymentConfig", config(name, routing));
        assert!(refused.starts_with(&expected), "{refused}");
    }
    let of_servers =
        json!({ "deploymentConfigName": "new", "minimumHealthyHosts": { "type": "HOST_COUNT", "value": 1 } });
    let refused = refusal(&mut cloud, "CreateDeploymentConfig", of_servers);
    assert!(refused.starts_with("InvalidComputePlatformException: "), "{refused}");
    // The longest that AWS takes.
    call(&mut cloud, "CreateDeploymentConfig", config("long", linear(10, 320)));
    call(&mut cloud, "CreateDeploymentConfig", config("longer", canary(99, 2880)));
}

#[test]
fn a_configuration_that_is_predefined_or_in_use_is_not_deleted() {
    let mut stage = with_group();
    let cloud = &mut stage.cloud;
    let predefined = json!({ "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce" });
    let refused = refusal(cloud, "DeleteDeploymentConfig", predefined);
    assert!(refused.starts_with("InvalidOperationException: "), "{refused}");
    call(cloud, "CreateDeploymentConfig", config("mine", canary(5, 1)));
    let change = json!({
        "applicationName": "app-deploy", "currentDeploymentGroupName": "app-dg", "deploymentConfigName": "mine",
    });
    call(cloud, "UpdateDeploymentGroup", change);
    let refused = refusal(cloud, "DeleteDeploymentConfig", json!({ "deploymentConfigName": "mine" }));
    assert_eq!(refused, "DeploymentConfigInUseException: The deployment configuration is still in use: mine");
}

#[test]
fn a_group_names_a_configuration_for_ecs() {
    let mut stage = super::with_application();
    for (name, expected) in [
        (
            json!("nobody"),
            "DeploymentConfigDoesNotExistException: No Deployment Configuration found for name: nobody",
        ),
        (
            Value::Null,
            "InvalidDeploymentConfigNameException: For ECS deployment group, deploymentConfigName must be",
        ),
        (
            json!("CodeDeployDefault.LambdaAllAtOnce"),
            "InvalidDeploymentConfigNameException: For ECS deployment group, deploymentConfigName must be",
        ),
    ] {
        let input = super::with(super::group(&stage), "/deploymentConfigName", name);
        let refused = refusal(&mut stage.cloud, "CreateDeploymentGroup", input);
        assert!(refused.starts_with(expected), "{refused}");
    }
    with_changed_group("/deploymentConfigName", json!("CodeDeployDefault.ECSCanary10Percent5Minutes"));
}
