use serde_json::{Value, json};

use super::{call, group, refusal, with, with_application, with_group};
use crate::cloud::{forward, not_found_page, text};

const NAMED: [(&str, &str); 2] = [("applicationName", "app-deploy"), ("deploymentGroupName", "app-dg")];

fn named() -> Value {
    json!({ NAMED[0].0: NAMED[0].1, NAMED[1].0: NAMED[1].1 })
}

#[test]
fn the_guides_group_is_answered_field_by_field() {
    let mut stage = with_application();
    let given = with(
        group(&stage),
        "/alarmConfiguration",
        json!({
            "enabled": true, "ignorePollAlarmFailure": false, "alarms": [{ "name": "errors" }],
        }),
    );
    let given = with(
        given,
        "/triggerConfigurations",
        json!([{
            "triggerName": "t", "triggerTargetArn": "arn:aws:sns:eu-west-1:123456789012:t",
            "triggerEvents": ["DeploymentFailure"],
        }]),
    );
    let made = call(&mut stage.cloud, "CreateDeploymentGroup", given.clone());
    let found = call(&mut stage.cloud, "GetDeploymentGroup", named())["deploymentGroupInfo"].clone();
    // A time that nobody gave is answered all the same.
    let ready = "/blueGreenDeploymentConfiguration/deploymentReadyOption/waitTimeInMinutes";
    assert_eq!(given.pointer(ready), None);
    let answered = with(given.clone(), ready, json!(0));
    for (member, value) in answered.as_object().unwrap() {
        assert_eq!(&found[member], value, "{member}");
    }
    assert_eq!(found["computePlatform"], "ECS");
    assert_eq!(found["deploymentGroupId"], made["deploymentGroupId"]);
    let input = json!({ "applicationName": "app-deploy", "deploymentGroupNames": ["app-dg", "nobody"] });
    let batch = call(&mut stage.cloud, "BatchGetDeploymentGroups", input);
    assert_eq!(batch["deploymentGroupsInfo"], json!([found]));
    assert_eq!(batch["errorMessage"], "No Deployment Group found for name: nobody");
    let listed = call(&mut stage.cloud, "ListDeploymentGroups", json!({ "applicationName": "app-deploy" }));
    assert_eq!(listed, json!({ "applicationName": "app-deploy", "deploymentGroups": ["app-dg"] }));
    stage.cloud.restart();
    assert_eq!(call(&mut stage.cloud, "GetDeploymentGroup", named())["deploymentGroupInfo"], found);
}

#[test]
fn a_group_that_aws_refuses_is_refused_with_the_member_that_is_wrong() {
    let mut stage = with_application();
    let other_balancer = stage.cloud.load_balancer("other");
    let elsewhere = stage.cloud.target_group("elsewhere");
    stage.cloud.listener(&other_balancer, 80, forward(&elsewhere));
    let closed = stage.cloud.listener(&stage.load_balancer.clone(), 81, not_found_page());
    let other = stage.cloud.listener(&other_balancer, 81, forward(&elsewhere));
    let rolling = with(super::service(&stage.blue), "/deploymentController/type", json!("ECS"));
    stage.cloud.call("CreateService", with(rolling, "/serviceName", json!("rolling")));
    let pair = "/loadBalancerInfo/targetGroupPairInfoList/0";
    let blue_green = "/blueGreenDeploymentConfiguration";
    let too_many: Vec<Value> = (0..11).map(|number| json!({ "name": format!("a{number}") })).collect();
    for (pointer, value, expected) in [
        ("/applicationName", json!("nobody"), "ApplicationDoesNotExistException: "),
        ("/deploymentGroupName", json!("a b"), "InvalidDeploymentGroupNameException: "),
        ("/serviceRoleArn", json!(""), "RoleRequiredException: "),
        ("/serviceRoleArn", json!("codedeploy"), "InvalidRoleException: "),
        ("/deploymentStyle", Value::Null, "InvalidDeploymentStyleException: "),
        ("/deploymentStyle/deploymentType", json!("IN_PLACE"), "InvalidDeploymentStyleException: "),
        (
            "/deploymentStyle/deploymentOption",
            json!("WITHOUT_TRAFFIC_CONTROL"),
            "InvalidDeploymentStyleException: ",
        ),
        (blue_green, Value::Null, "InvalidBlueGreenDeploymentConfigurationException: "),
        (
            &format!("{blue_green}/deploymentReadyOption/waitTimeInMinutes"),
            json!(5),
            "InvalidBlueGreenDeploymentConfigurationException: waitTimeInMinutes of deploymentReadyOption applies only",
        ),
        (
            &format!("{blue_green}/deploymentReadyOption/actionOnTimeout"),
            json!("STOP_DEPLOYMENT"),
            "InvalidBlueGreenDeploymentConfigurationException: With the actionOnTimeout STOP_DEPLOYMENT",
        ),
        (
            &format!("{blue_green}/terminateBlueInstancesOnDeploymentSuccess"),
            Value::Null,
            "InvalidBlueGreenDeploymentConfigurationException: ",
        ),
        (
            &format!("{blue_green}/terminateBlueInstancesOnDeploymentSuccess/terminationWaitTimeInMinutes"),
            json!(2881),
            "InvalidBlueGreenDeploymentConfigurationException: terminationWaitTimeInMinutes must be between 0 and 2880",
        ),
        (
            &format!("{blue_green}/greenFleetProvisioningOption"),
            json!({ "action": "DISCOVER_EXISTING" }),
            "InvalidBlueGreenDeploymentConfigurationException: ",
        ),
        ("/autoRollbackConfiguration/events", json!([]), "InvalidAutoRollbackConfigException: "),
        ("/alarmConfiguration", json!({ "enabled": true }), "InvalidAlarmConfigException: "),
        ("/alarmConfiguration", json!({ "alarms": [{}] }), "InvalidAlarmConfigException: "),
        (
            "/alarmConfiguration",
            json!({ "alarms": [{ "name": "a" }, { "name": "a" }] }),
            "InvalidAlarmConfigException: ",
        ),
        ("/alarmConfiguration", json!({ "alarms": too_many }), "AlarmsLimitExceededException: "),
        ("/triggerConfigurations", json!([{ "triggerName": "t" }]), "InvalidTriggerConfigException: "),
        ("/ecsServices", json!([]), "InvalidECSServiceException: "),
        ("/ecsServices/0", json!({ "clusterName": "prod" }), "InvalidECSServiceException: "),
        (
            "/ecsServices/0",
            json!({ "clusterName": "prod", "serviceName": "nobody" }),
            "InvalidECSServiceException: The ECS service nobody could not be found in cluster prod",
        ),
        (
            "/ecsServices/0",
            json!({ "clusterName": "prod", "serviceName": "rolling" }),
            "InvalidECSServiceException: Deployment group's ECSService must be configured for a CODE_DEPLOY deployment controller",
        ),
        ("/loadBalancerInfo", Value::Null, "InvalidLoadBalancerInfoException: "),
        ("/loadBalancerInfo/elbInfoList", json!([{ "name": "classic" }]), "InvalidInputException: "),
        (
            "/ec2TagFilters",
            json!([{ "Key": "a" }]),
            "InvalidInputException: For ECS deployment group, ec2TagFilters",
        ),
        (
            "/autoScalingGroups",
            json!(["a"]),
            "InvalidInputException: For ECS deployment group, autoScalingGroups",
        ),
        (
            &format!("{pair}/targetGroups"),
            json!([{ "name": "app-blue" }]),
            "InvalidTargetGroupPairException: ",
        ),
        (
            &format!("{pair}/targetGroups"),
            json!([{ "name": "app-blue" }, { "name": "app-blue" }]),
            "InvalidTargetGroupPairException: The two target groups of a pair must not be the same",
        ),
        (
            &format!("{pair}/targetGroups"),
            json!([{ "name": "app-blue" }, { "name": "nobody" }]),
            "InvalidTargetGroupPairException: The target group could not be found: nobody",
        ),
        (
            &format!("{pair}/targetGroups"),
            json!([{ "name": "app-blue" }, { "name": "elsewhere" }]),
            "InvalidTargetGroupPairException: Both target groups must be of the load balancer of the listener",
        ),
        (&format!("{pair}/prodTrafficRoute"), Value::Null, "InvalidLoadBalancerInfoException: "),
        (
            &format!("{pair}/prodTrafficRoute/listenerArns"),
            json!(["arn:aws:elasticloadbalancing:x"]),
            "InvalidLoadBalancerInfoException: The listener of prodTrafficRoute could not be found",
        ),
        (
            &format!("{pair}/prodTrafficRoute/listenerArns"),
            json!([closed]),
            "InvalidLoadBalancerInfoException: The listener of prodTrafficRoute must forward to one of the two",
        ),
        (
            &format!("{pair}/testTrafficRoute/listenerArns"),
            json!([stage.production]),
            "InvalidLoadBalancerInfoException: The listener of prodTrafficRoute and of testTrafficRoute must not be the same",
        ),
        (
            &format!("{pair}/testTrafficRoute/listenerArns"),
            json!([closed]),
            "InvalidLoadBalancerInfoException: The listener of testTrafficRoute must forward to one of the two",
        ),
        (
            &format!("{pair}/testTrafficRoute/listenerArns"),
            json!([other]),
            "InvalidLoadBalancerInfoException: The listeners of prodTrafficRoute and testTrafficRoute must be of the same",
        ),
    ] {
        let input = with(group(&stage), pointer, value);
        let refused = refusal(&mut stage.cloud, "CreateDeploymentGroup", input);
        assert!(refused.starts_with(expected), "{pointer}: {refused}");
    }
}

#[test]
fn a_service_has_one_group_and_a_name_is_given_once() {
    let mut stage = with_group();
    let again = group(&stage);
    let refused = refusal(&mut stage.cloud, "CreateDeploymentGroup", again.clone());
    assert_eq!(
        refused,
        "DeploymentGroupAlreadyExistsException: Deployment group name already exists: app-dg"
    );
    let other = with(again, "/deploymentGroupName", json!("other"));
    let refused = refusal(&mut stage.cloud, "CreateDeploymentGroup", other);
    assert!(refused.starts_with("ECSServiceMappingLimitExceededException: "), "{refused}");
}

#[test]
fn an_update_changes_what_it_names_and_nothing_else() {
    let mut stage = with_group();
    let cloud = &mut stage.cloud;
    let before = call(cloud, "GetDeploymentGroup", named())["deploymentGroupInfo"].clone();
    let arn =
        |name: &str| format!("arn:aws:codedeploy:eu-west-1:123456789012:deploymentgroup:app-deploy/{name}");
    let tags = json!([{ "Key": "team", "Value": "web" }]);
    call(cloud, "TagResource", json!({ "ResourceArn": arn("app-dg"), "Tags": tags }));
    let change = json!({
        "applicationName": "app-deploy", "currentDeploymentGroupName": "app-dg",
        "newDeploymentGroupName": "renamed", "deploymentConfigName": "CodeDeployDefault.ECSCanary10Percent5Minutes",
        "autoRollbackConfiguration": { "enabled": false },
    });
    call(cloud, "UpdateDeploymentGroup", change);
    let input = json!({ "applicationName": "app-deploy", "deploymentGroupName": "renamed" });
    let after = call(cloud, "GetDeploymentGroup", input)["deploymentGroupInfo"].clone();
    let expected = with(before, "/deploymentGroupName", json!("renamed"));
    let expected =
        with(expected, "/deploymentConfigName", json!("CodeDeployDefault.ECSCanary10Percent5Minutes"));
    assert_eq!(after, with(expected, "/autoRollbackConfiguration", json!({ "enabled": false })));
    assert_eq!(call(cloud, "ListTagsForResource", json!({ "ResourceArn": arn("renamed") }))["Tags"], tags);
    let refused = refusal(cloud, "GetDeploymentGroup", named());
    assert_eq!(refused, "DeploymentGroupDoesNotExistException: No Deployment Group found for name: app-dg");
}

#[test]
fn an_update_is_checked_as_a_whole() {
    let mut stage = with_group();
    let change = json!({
        "applicationName": "app-deploy", "currentDeploymentGroupName": "app-dg",
        "ecsServices": [{ "clusterName": "prod", "serviceName": "nobody" }],
    });
    let refused = refusal(&mut stage.cloud, "UpdateDeploymentGroup", change);
    assert!(refused.starts_with("InvalidECSServiceException: "), "{refused}");
    let change = json!({
        "applicationName": "app-deploy", "currentDeploymentGroupName": "app-dg", "serviceRoleArn": "",
    });
    let refused = refusal(&mut stage.cloud, "UpdateDeploymentGroup", change);
    assert!(refused.starts_with("InvalidRoleException: "), "{refused}");
    let unknown = json!({ "applicationName": "app-deploy", "currentDeploymentGroupName": "nobody" });
    let refused = refusal(&mut stage.cloud, "UpdateDeploymentGroup", unknown);
    assert!(refused.starts_with("DeploymentGroupDoesNotExistException: "), "{refused}");
}

#[test]
fn a_deleted_group_is_gone_with_its_deployments_and_may_be_deleted_again() {
    let mut stage = with_group();
    let id = super::deploy(&mut stage.cloud, &super::app_spec(2));
    for _ in 0..2 {
        let reply = call(&mut stage.cloud, "DeleteDeploymentGroup", named());
        assert_eq!(reply, json!({ "hooksNotCleanedUp": [] }));
    }
    let refused = refusal(&mut stage.cloud, "GetDeployment", json!({ "deploymentId": id }));
    assert!(refused.starts_with("DeploymentDoesNotExistException: "), "{refused}");
    let again = group(&stage);
    let made = call(&mut stage.cloud, "CreateDeploymentGroup", again);
    assert!(!text(&made["deploymentGroupId"]).is_empty());
}
