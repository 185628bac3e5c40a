use serde_json::json;

use super::{call, group, refusal, stage, with_group};
use crate::cloud::{Cloud, text};

#[test]
fn an_application_is_created_read_listed_and_deleted() {
    let mut cloud = Cloud::new();
    let input = json!({ "applicationName": "app", "computePlatform": "ECS" });
    let id = call(&mut cloud, "CreateApplication", input)["applicationId"].clone();
    let found =
        call(&mut cloud, "GetApplication", json!({ "applicationName": "app" }))["application"].clone();
    assert_eq!((&found["applicationId"], &found["computePlatform"]), (&id, &json!("ECS")));
    assert_eq!(found["linkedToGitHub"], false);
    let batch = call(&mut cloud, "BatchGetApplications", json!({ "applicationNames": ["app"] }));
    assert_eq!(batch["applicationsInfo"], json!([found]));
    assert_eq!(call(&mut cloud, "ListApplications", json!({}))["applications"], json!(["app"]));
    for _ in 0..2 {
        call(&mut cloud, "DeleteApplication", json!({ "applicationName": "app" }));
    }
    assert_eq!(call(&mut cloud, "ListApplications", json!({}))["applications"], json!([]));
}

#[test]
fn applications_of_other_accounts_are_not_seen() {
    let mut cloud = Cloud::new();
    call(&mut cloud, "CreateApplication", json!({ "applicationName": "app", "computePlatform": "ECS" }));
    cloud.be_account("210987654321");
    assert_eq!(call(&mut cloud, "ListApplications", json!({}))["applications"], json!([]));
    let refused = refusal(&mut cloud, "GetApplication", json!({ "applicationName": "app" }));
    assert_eq!(refused, "ApplicationDoesNotExistException: No application found for name: app");
}

#[test]
fn a_list_of_many_applications_is_answered_in_pages() {
    let mut cloud = Cloud::new();
    for number in 0..101 {
        let name = format!("app-{number:03}");
        call(&mut cloud, "CreateApplication", json!({ "applicationName": name, "computePlatform": "ECS" }));
    }
    let first = call(&mut cloud, "ListApplications", json!({}));
    assert_eq!(first["applications"].as_array().unwrap().len(), 100);
    let second = call(&mut cloud, "ListApplications", json!({ "nextToken": first["nextToken"] }));
    assert_eq!(second["applications"], json!(["app-100"]));
    let refused = refusal(&mut cloud, "ListDeploymentConfigs", json!({ "nextToken": first["nextToken"] }));
    assert!(refused.starts_with("InvalidNextTokenException: "), "{refused}");
}

#[test]
fn what_is_wrong_with_a_name_or_a_platform_is_said() {
    let mut cloud = Cloud::new();
    call(&mut cloud, "CreateApplication", json!({ "applicationName": "app", "computePlatform": "ECS" }));
    let long = "a".repeat(101);
    for (name, platform, expected) in [
        ("", "ECS", "ApplicationNameRequiredException: Application name is required"),
        ("a b", "ECS", "InvalidApplicationNameException: Application name may have letters, digits"),
        (long.as_str(), "ECS", "InvalidApplicationNameException: Application name is longer than 100"),
        ("app", "ECS", "ApplicationAlreadyExistsException: Application already exists with name: app"),
        (
            "b",
            "Lambda",
            "InvalidComputePlatformException: The local cloud deploys to the ECS compute platform",
        ),
    ] {
        let input = json!({ "applicationName": name, "computePlatform": platform });
        let refused = refusal(&mut cloud, "CreateApplication", input);
        assert!(refused.starts_with(expected), "{refused}");
    }
    let refused = refusal(&mut cloud, "CreateApplication", json!({ "applicationName": "b" }));
    assert!(refused.contains("not to Server; set computePlatform to ECS"), "{refused}");
}

#[test]
fn an_application_takes_its_groups_and_tags_to_its_new_name() {
    let mut stage = with_group();
    let cloud = &mut stage.cloud;
    let tags = json!([{ "Key": "team", "Value": "web" }]);
    let arn = |application: &str| {
        format!("arn:aws:codedeploy:eu-west-1:123456789012:deploymentgroup:{application}/app-dg")
    };
    call(cloud, "TagResource", json!({ "ResourceArn": arn("app-deploy"), "Tags": tags }));
    let id = super::deploy(cloud, &super::app_spec(2));
    call(
        cloud,
        "UpdateApplication",
        json!({ "applicationName": "app-deploy", "newApplicationName": "renamed" }),
    );
    let input = json!({ "applicationName": "renamed", "deploymentGroupName": "app-dg" });
    let group = call(cloud, "GetDeploymentGroup", input)["deploymentGroupInfo"].clone();
    assert_eq!(group["applicationName"], "renamed");
    let listed = call(cloud, "ListTagsForResource", json!({ "ResourceArn": arn("renamed") }));
    assert_eq!(listed["Tags"], tags);
    assert_eq!(super::described(cloud, &id)["applicationName"], "renamed");
    let refused = refusal(cloud, "GetApplication", json!({ "applicationName": "app-deploy" }));
    assert!(refused.starts_with("ApplicationDoesNotExistException"), "{refused}");
}

#[test]
fn a_deleted_application_takes_everything_with_it_and_its_service_is_free_again() {
    let mut stage = with_group();
    let id = super::deploy(&mut stage.cloud, &super::app_spec(2));
    call(&mut stage.cloud, "DeleteApplication", json!({ "applicationName": "app-deploy" }));
    let refused = refusal(&mut stage.cloud, "GetDeployment", json!({ "deploymentId": id }));
    assert_eq!(refused, format!("DeploymentDoesNotExistException: The deployment {id} could not be found"));
    let input = json!({ "applicationName": "app-deploy", "computePlatform": "ECS" });
    call(&mut stage.cloud, "CreateApplication", input);
    let input = group(&stage);
    let made = call(&mut stage.cloud, "CreateDeploymentGroup", input);
    assert_eq!(text(&made["deploymentGroupId"]).len(), 36);
}

#[test]
fn an_application_that_is_not_there_cannot_be_renamed() {
    let mut stage = stage();
    let input = json!({ "applicationName": "nobody", "newApplicationName": "b" });
    let refused = refusal(&mut stage.cloud, "UpdateApplication", input);
    assert_eq!(refused, "ApplicationDoesNotExistException: No application found for name: nobody");
}
