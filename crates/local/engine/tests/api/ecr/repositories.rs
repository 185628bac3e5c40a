//! Repositories, their settings, policies and tags.

use serde_json::{Value, json};

use crate::cloud::{Cloud, text};

fn with_repository() -> (Cloud, String) {
    let mut cloud = Cloud::of("ecr");
    let made = cloud.call(
        "CreateRepository",
        json!({ "repositoryName": "team/shop", "tags": [{ "Key": "a", "Value": "1" }] }),
    );
    let arn = text(&made["repository"]["repositoryArn"]);
    (cloud, arn)
}

fn policy() -> String {
    let rule = json!({
        "rulePriority": 1, "selection": { "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 20 },
        "action": { "type": "expire" },
    });
    json!({ "rules": [rule] }).to_string()
}

#[test]
fn a_repository_is_answered_with_what_aws_fills_in() {
    let (mut cloud, arn) = with_repository();
    assert_eq!(arn, "arn:aws:ecr:eu-west-1:123456789012:repository/team/shop");
    let found = cloud.call("DescribeRepositories", json!({}))["repositories"][0].clone();
    assert_eq!(found["repositoryUri"], "127.0.0.1:4566/team/shop");
    assert_eq!(found["imageTagMutability"], "MUTABLE");
    assert_eq!(found["imageScanningConfiguration"], json!({ "scanOnPush": false }));
    assert_eq!(found["encryptionConfiguration"], json!({ "encryptionType": "AES256" }));
    assert_eq!(found["registryId"], "123456789012");
    cloud.restart();
    let named = json!({ "repositoryNames": ["team/shop"], "registryId": "123456789012" });
    assert_eq!(cloud.call("DescribeRepositories", named)["repositories"], json!([found]));
}

#[test]
fn names_that_are_taken_or_not_there_are_refused_in_aws_words() {
    let (mut cloud, _) = with_repository();
    assert_eq!(
        cloud.refusal("CreateRepository", json!({ "repositoryName": "team/shop" })),
        "RepositoryAlreadyExistsException: The repository with name 'team/shop' already exists in the registry with id '123456789012'"
    );
    let missing = "RepositoryNotFoundException: The repository with name 'nobody' does not exist in the registry with id '123456789012'";
    assert_eq!(cloud.refusal("DescribeRepositories", json!({ "repositoryNames": ["nobody"] })), missing);
    for operation in [
        "DeleteRepository",
        "GetLifecyclePolicy",
        "DeleteLifecyclePolicy",
        "GetRepositoryPolicy",
        "DeleteRepositoryPolicy",
    ] {
        assert_eq!(cloud.refusal(operation, json!({ "repositoryName": "nobody" })), missing, "{operation}");
    }
    let elsewhere = json!({ "repositoryName": "team/shop", "registryId": "210987654321" });
    assert!(cloud.refusal("DeleteRepository", elsewhere).contains("registry with id '210987654321'"));
}

#[test]
fn settings_change_and_those_that_do_not_go_together_are_refused() {
    let (mut cloud, _) = with_repository();
    let put = |mutability: &str, filters: Value| json!({ "repositoryName": "team/shop", "imageTagMutability": mutability, "imageTagMutabilityExclusionFilters": filters });
    let filter = json!([{ "filterType": "WILDCARD", "filter": "dev-*" }]);
    cloud.call("PutImageTagMutability", put("IMMUTABLE_WITH_EXCLUSION", filter.clone()));
    let found = cloud.call("DescribeRepositories", json!({}))["repositories"][0].clone();
    assert_eq!(
        (&found["imageTagMutability"], &found["imageTagMutabilityExclusionFilters"]),
        (&json!("IMMUTABLE_WITH_EXCLUSION"), &filter)
    );
    for (mutability, filters, why) in [
        ("IMMUTABLE", filter, "exclusion filters need a mutability with exclusion"),
        ("MUTABLE_WITH_EXCLUSION", json!([]), "needs at least one exclusion filter"),
    ] {
        let refusal = cloud.refusal("PutImageTagMutability", put(mutability, filters));
        assert!(refusal.starts_with("InvalidParameterException: ") && refusal.contains(why), "{refusal}");
    }
    let scanning =
        json!({ "repositoryName": "team/shop", "imageScanningConfiguration": { "scanOnPush": true } });
    cloud.call("PutImageScanningConfiguration", scanning);
    let found = cloud.call("DescribeRepositories", json!({}));
    assert_eq!(found["repositories"][0]["imageScanningConfiguration"]["scanOnPush"], true);
}

#[test]
fn both_policies_are_put_read_and_deleted() {
    let (mut cloud, _) = with_repository();
    let named = || json!({ "repositoryName": "team/shop" });
    let access = json!({ "Version": "2012-10-17", "Statement": [] }).to_string();
    for (put, get, delete, member, given, none) in [
        (
            "PutLifecyclePolicy",
            "GetLifecyclePolicy",
            "DeleteLifecyclePolicy",
            "lifecyclePolicyText",
            policy(),
            "LifecyclePolicyNotFoundException: ",
        ),
        (
            "SetRepositoryPolicy",
            "GetRepositoryPolicy",
            "DeleteRepositoryPolicy",
            "policyText",
            access,
            "RepositoryPolicyNotFoundException: ",
        ),
    ] {
        assert!(cloud.refusal(get, named()).starts_with(none));
        let mut input = named();
        input[member] = given.clone().into();
        cloud.call(put, input.clone());
        assert_eq!(cloud.call(get, named())[member], given.as_str());
        input[member] = "no policy".into();
        assert!(cloud.refusal(put, input).starts_with("InvalidParameterException: "));
        assert_eq!(cloud.call(delete, named())[member], given.as_str());
        assert!(cloud.refusal(delete, named()).starts_with(none));
    }
}

#[test]
fn a_lifecycle_policy_that_means_nothing_is_refused_with_the_reason() {
    let (mut cloud, _) = with_repository();
    let whole: Value = serde_json::from_str(&policy()).unwrap();
    let rule = whole["rules"][0].clone();
    let without = |pointer: &str, member: &str| {
        let mut rule = rule.clone();
        rule.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(member);
        json!({ "rules": [rule] })
    };
    for (document, why) in [
        (json!({ "rules": [] }), "missing required properties"),
        (json!({ "rules": [rule.clone(), rule.clone()] }), "the same rulePriority"),
        (without("", "rulePriority"), "needs a rulePriority"),
        (without("/selection", "countType"), "needs countType"),
        (without("/action", "type"), "needs an action"),
    ] {
        let input = json!({ "repositoryName": "team/shop", "lifecyclePolicyText": document.to_string() });
        let refusal = cloud.refusal("PutLifecyclePolicy", input);
        assert!(refusal.contains(why), "{why}: {refusal}");
    }
}

#[test]
fn a_new_repository_has_no_images() {
    let (mut cloud, _) = with_repository();
    let asked = json!({ "repositoryName": "team/shop" });
    assert_eq!(cloud.call("DescribeImages", asked.clone())["imageDetails"], json!([]));
    let mut one = asked;
    one["imageIds"] = json!([{ "imageTag": "v1" }]);
    assert!(cloud.refusal("DescribeImages", one).starts_with("ImageNotFoundException: "));
    let missing = cloud.refusal("DescribeImages", json!({ "repositoryName": "nobody" }));
    assert!(missing.starts_with("RepositoryNotFoundException: "), "{missing}");
}

#[test]
fn tags_go_with_their_repository() {
    let (mut cloud, arn) = with_repository();
    cloud.call("TagResource", json!({ "resourceArn": arn, "tags": [{ "Key": "b", "Value": "2" }] }));
    cloud.call("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["a"] }));
    let listed = cloud.call("ListTagsForResource", json!({ "resourceArn": arn }));
    assert_eq!(listed["tags"], json!([{ "Key": "b", "Value": "2" }]));
    let reserved = json!({ "resourceArn": arn, "tags": [{ "Key": "aws:x", "Value": "2" }] });
    assert!(cloud.refusal("TagResource", reserved).starts_with("InvalidTagParameterException: "));
    cloud.call("DeleteRepository", json!({ "repositoryName": "team/shop", "force": true }));
    assert!(
        cloud
            .refusal("ListTagsForResource", json!({ "resourceArn": arn }))
            .starts_with("RepositoryNotFoundException: ")
    );
    assert!(
        cloud
            .refusal("ListTagsForResource", json!({ "resourceArn": "arn:aws:ecr:x" }))
            .contains("Invalid ARN")
    );
}

#[test]
fn repositories_come_page_by_page() {
    let mut cloud = Cloud::of("ecr");
    for name in ["one", "three", "two"] {
        cloud.call("CreateRepository", json!({ "repositoryName": name }));
    }
    let first = cloud.call("DescribeRepositories", json!({ "maxResults": 2 }));
    let names = |page: &Value| {
        page["repositories"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| text(&row["repositoryName"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&first), ["one", "three"]);
    let next =
        cloud.call("DescribeRepositories", json!({ "maxResults": 2, "nextToken": first["nextToken"] }));
    assert_eq!((names(&next), &next["nextToken"]), (vec!["two".to_owned()], &Value::Null));
    assert!(
        cloud
            .refusal("DescribeRepositories", json!({ "nextToken": "00" }))
            .starts_with("InvalidParameterException: ")
    );
}
