//! Who is asking, and credentials that pass.

use serde_json::json;

use crate::cloud::{Cloud, text};

#[test]
fn the_caller_is_the_accounts_root() {
    let mut cloud = Cloud::of("sts");
    assert_eq!(
        cloud.call("GetCallerIdentity", json!({})),
        json!({"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:root", "UserId": "123456789012"})
    );
}

#[test]
fn credentials_of_a_role_are_of_its_account() {
    let mut cloud = Cloud::of("sts");
    let role = "arn:aws:iam::210987654321:role/teams/deploy";
    let reply = cloud.call("AssumeRole", json!({"RoleArn": role, "RoleSessionName": "ci"}));
    assert_eq!(reply["AssumedRoleUser"]["Arn"], "arn:aws:sts::210987654321:assumed-role/deploy/ci");
    let key = text(&reply["Credentials"]["AccessKeyId"]);
    assert_eq!(key, "ASIA210987654321");
    let info = cloud.call("GetAccessKeyInfo", json!({"AccessKeyId": key}));
    assert_eq!(info["Account"], "210987654321");
    let refused = cloud
        .try_call("AssumeRole", json!({"RoleArn": "arn:aws:iam::x:role/deploy-me", "RoleSessionName": "ci"}));
    assert_eq!(refused.unwrap_err(), "ValidationError: arn:aws:iam::x:role/deploy-me is invalid");
}
