use serde_json::json;

use super::{call, refusal, with_group};

const APPLICATION: &str = "arn:aws:codedeploy:eu-west-1:123456789012:application:app-deploy";
const GROUP: &str = "arn:aws:codedeploy:eu-west-1:123456789012:deploymentgroup:app-deploy/app-dg";

#[test]
fn tags_are_put_listed_and_taken_away() {
    let mut stage = with_group();
    for arn in [APPLICATION, GROUP] {
        let tags = json!([{ "Key": "a", "Value": "1" }, { "Key": "b", "Value": "2" }]);
        call(&mut stage.cloud, "TagResource", json!({ "ResourceArn": arn, "Tags": tags }));
        let tags = json!([{ "Key": "a", "Value": "3" }]);
        call(&mut stage.cloud, "TagResource", json!({ "ResourceArn": arn, "Tags": tags }));
        call(&mut stage.cloud, "UntagResource", json!({ "ResourceArn": arn, "TagKeys": ["b", "c"] }));
        let listed = call(&mut stage.cloud, "ListTagsForResource", json!({ "ResourceArn": arn }));
        assert_eq!(listed["Tags"], tags);
    }
}

#[test]
fn tags_that_cannot_be_are_refused() {
    let mut stage = with_group();
    let tag = json!({ "Key": "a", "Value": "1" });
    let many: Vec<_> = (0..51).map(|number| json!({ "Key": number.to_string(), "Value": "" })).collect();
    for (arn, tags, expected) in [
        ("app", json!([tag]), "InvalidArnException: "),
        ("arn:aws:ecs:eu-west-1:123456789012:cluster/prod", json!([tag]), "ArnNotSupportedException: "),
        (&APPLICATION.replace("app-deploy", "nobody"), json!([tag]), "ApplicationDoesNotExistException: "),
        (&GROUP.replace("app-dg", "nobody"), json!([tag]), "DeploymentGroupDoesNotExistException: "),
        (APPLICATION, json!([]), "TagRequiredException: "),
        (APPLICATION, json!([tag, tag]), "InvalidTagsToAddException: "),
        (APPLICATION, json!([{ "Key": "aws:a", "Value": "1" }]), "InvalidTagsToAddException: "),
        (APPLICATION, json!([{ "Value": "1" }]), "InvalidTagsToAddException: "),
        (APPLICATION, json!(many), "InvalidTagsToAddException: "),
    ] {
        let refused = refusal(&mut stage.cloud, "TagResource", json!({ "ResourceArn": arn, "Tags": tags }));
        assert!(refused.starts_with(expected), "{refused}");
    }
}

#[test]
fn tags_of_what_does_not_exist_are_refused_by_the_errors_that_each_operation_has() {
    let mut stage = with_group();
    for (arn, tagging, listing) in [
        (
            APPLICATION.replace("app-deploy", "nobody"),
            "ApplicationDoesNotExistException: ",
            "InvalidArnException: ",
        ),
        (
            GROUP.replace("app-dg", "nobody"),
            "DeploymentGroupDoesNotExistException: ",
            "InvalidArnException: ",
        ),
        (APPLICATION.replace("app-deploy", "a b"), "InvalidArnException: ", "InvalidArnException: "),
        (GROUP.replace("app-deploy/", ""), "DeploymentGroupDoesNotExistException: ", "InvalidArnException: "),
        (GROUP.replace("group", "config"), "ArnNotSupportedException: ", "ArnNotSupportedException: "),
    ] {
        let tags = json!([{ "Key": "a", "Value": "1" }]);
        let refused = refusal(&mut stage.cloud, "TagResource", json!({ "ResourceArn": arn, "Tags": tags }));
        assert!(refused.starts_with(tagging), "{arn}: {refused}");
        let refused = refusal(&mut stage.cloud, "ListTagsForResource", json!({ "ResourceArn": arn }));
        assert!(refused.starts_with(listing), "{arn}: {refused}");
    }
}
