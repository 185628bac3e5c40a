//! Secrets Manager: values, versions and stages, deletion that can be taken back, and every refusal.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::{Cloud, text};

const DAY: Duration = Duration::from_hours(24);

fn cloud() -> Cloud {
    Cloud::of("secretsmanager")
}

fn create(cloud: &mut Cloud, name: &str, value: &str) -> String {
    let input = json!({"Name": name, "SecretString": value, "ClientRequestToken": token(1)});
    text(&cloud.call("CreateSecret", input)["ARN"])
}

fn token(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

fn put(cloud: &mut Cloud, n: u32, value: &str) -> Value {
    cloud.call(
        "PutSecretValue",
        json!({"SecretId": "db", "SecretString": value, "ClientRequestToken": token(n)}),
    )
}

fn value(cloud: &mut Cloud, input: Value) -> String {
    text(&cloud.call("GetSecretValue", input)["SecretString"])
}

#[test]
fn a_secret_is_found_by_name_arn_and_arn_without_its_end() {
    let mut cloud = cloud();
    let arn = create(&mut cloud, "prod/db", "hunter2");
    let (partial, end) = arn.rsplit_once('-').unwrap();
    assert_eq!((partial, end.len()), ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db", 6));
    for id in ["prod/db", &arn, partial] {
        assert_eq!(value(&mut cloud, json!({"SecretId": id})), "hunter2", "{id}");
    }
    let described = cloud.call("DescribeSecret", json!({"SecretId": "prod/db"}));
    assert_eq!(described["VersionIdsToStages"], json!({token(1): ["AWSCURRENT"]}));
    assert_eq!(described.get("SecretString"), None);
    cloud.be_account("999999999999");
    assert_eq!(
        cloud.refusal("GetSecretValue", json!({"SecretId": "prod/db"})),
        "ResourceNotFoundException: Secrets Manager can't find the specified secret."
    );
}

#[test]
fn a_new_value_is_current_and_the_one_before_is_previous() {
    let mut cloud = cloud();
    create(&mut cloud, "db", "one");
    assert_eq!(put(&mut cloud, 2, "two")["VersionStages"], json!(["AWSCURRENT"]));
    assert_eq!(put(&mut cloud, 3, "three")["VersionId"], json!(token(3)));
    assert_eq!(value(&mut cloud, json!({"SecretId": "db"})), "three");
    assert_eq!(value(&mut cloud, json!({"SecretId": "db", "VersionStage": "AWSPREVIOUS"})), "two");
    assert_eq!(value(&mut cloud, json!({"SecretId": "db", "VersionId": token(1)})), "one");
    let versions = cloud.call("ListSecretVersionIds", json!({"SecretId": "db"}));
    assert_eq!(versions["Versions"].as_array().unwrap().len(), 2);
    let all = cloud.call("ListSecretVersionIds", json!({"SecretId": "db", "IncludeDeprecated": true}));
    assert_eq!(all["Versions"].as_array().unwrap().len(), 3);
    assert_eq!(
        cloud.refusal("GetSecretValue", json!({"SecretId": "db", "VersionStage": "AWSPENDING"})),
        "ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging label: AWSPENDING"
    );
}

#[test]
fn the_same_value_put_twice_with_one_token_is_one_version() {
    let mut cloud = cloud();
    let arn = create(&mut cloud, "db", "one");
    let again = cloud
        .call("CreateSecret", json!({"Name": "db", "SecretString": "one", "ClientRequestToken": token(1)}));
    assert_eq!(text(&again["ARN"]), arn);
    put(&mut cloud, 2, "two");
    put(&mut cloud, 2, "two");
    assert!(
        cloud
            .refusal(
                "PutSecretValue",
                json!({"SecretId": "db", "SecretString": "other", "ClientRequestToken": token(2)}),
            )
            .starts_with("ResourceExistsException: You can't use ClientRequestToken")
    );
}

#[test]
fn stages_move_and_awscurrent_cannot_be_taken_away() {
    let mut cloud = cloud();
    create(&mut cloud, "db", "one");
    let pending = json!({"SecretId": "db", "SecretString": "two", "ClientRequestToken": token(2),
        "VersionStages": ["AWSPENDING"]});
    cloud.call("PutSecretValue", pending);
    assert_eq!(value(&mut cloud, json!({"SecretId": "db"})), "one");
    let promote = |from: Option<String>| {
        let mut input = json!({"SecretId": "db", "VersionStage": "AWSCURRENT", "MoveToVersionId": token(2)});
        if let Some(from) = from {
            input["RemoveFromVersionId"] = json!(from);
        }
        input
    };
    assert!(
        cloud
            .refusal("UpdateSecretVersionStage", promote(None))
            .starts_with("InvalidParameterException: The parameter RemoveFromVersionId can't be empty.")
    );
    cloud.call("UpdateSecretVersionStage", promote(Some(token(1))));
    assert_eq!(value(&mut cloud, json!({"SecretId": "db"})), "two");
    assert_eq!(value(&mut cloud, json!({"SecretId": "db", "VersionStage": "AWSPREVIOUS"})), "one");
    let away = json!({"SecretId": "db", "VersionStage": "AWSCURRENT", "RemoveFromVersionId": token(2)});
    assert!(
        cloud
            .refusal("UpdateSecretVersionStage", away)
            .starts_with("InvalidParameterException: You can only move staging label AWSCURRENT")
    );
}

#[test]
fn a_deleted_secret_can_be_restored_until_its_window_is_over() {
    let mut cloud = cloud();
    create(&mut cloud, "db", "one");
    cloud.call("DeleteSecret", json!({"SecretId": "db", "RecoveryWindowInDays": 7}));
    assert_eq!(
        cloud.refusal("GetSecretValue", json!({"SecretId": "db"})),
        "InvalidRequestException: You can't perform this operation on the secret because it was marked for deletion."
    );
    assert!(
        cloud
            .refusal(
                "CreateSecret",
                json!({"Name": "db", "SecretString": "x", "ClientRequestToken": token(9)})
            )
            .contains("already scheduled for deletion")
    );
    assert_eq!(cloud.call("ListSecrets", json!({}))["SecretList"], json!([]));
    let planned = cloud.call("ListSecrets", json!({"IncludePlannedDeletion": true}));
    assert_eq!(planned["SecretList"][0]["Name"], "db");
    cloud.call("RestoreSecret", json!({"SecretId": "db"}));
    assert_eq!(value(&mut cloud, json!({"SecretId": "db"})), "one");
    cloud.call("DeleteSecret", json!({"SecretId": "db", "RecoveryWindowInDays": 7}));
    cloud.live(6 * DAY);
    cloud.restart();
    cloud.call("DescribeSecret", json!({"SecretId": "db"}));
    cloud.live(DAY);
    assert!(
        cloud.refusal("DescribeSecret", json!({"SecretId": "db"})).starts_with("ResourceNotFoundException")
    );
}

#[test]
fn a_forced_deletion_is_at_once_and_of_nothing_is_no_error() {
    let mut cloud = cloud();
    create(&mut cloud, "db", "one");
    for _ in 0..2 {
        let reply = cloud.call("DeleteSecret", json!({"SecretId": "db", "ForceDeleteWithoutRecovery": true}));
        assert_eq!(reply["Name"], "db");
    }
    create(&mut cloud, "db", "anew");
    let both = json!({"SecretId": "db", "ForceDeleteWithoutRecovery": true, "RecoveryWindowInDays": 7});
    assert!(cloud.refusal("DeleteSecret", both).starts_with("InvalidParameterException"));
    let short = json!({"SecretId": "db", "RecoveryWindowInDays": 6});
    assert_eq!(
        cloud.refusal("DeleteSecret", short),
        "InvalidParameterException: The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."
    );
}

#[test]
fn secrets_are_listed_by_filter_in_pages_and_order() {
    let mut cloud = cloud();
    for name in ["app/a", "app/b", "job/c"] {
        create(&mut cloud, name, "v");
    }
    cloud.call("TagResource", json!({"SecretId": "app/a", "Tags": [{"Key": "team", "Value": "blue"}]}));
    cloud.call("UpdateSecret", json!({"SecretId": "job/c", "Description": "The nightly job"}));
    let mut names = |filter: Value| -> Vec<String> {
        let input = json!({"Filters": [filter], "SortBy": "name"});
        let reply = cloud.call("ListSecrets", input);
        reply["SecretList"].as_array().unwrap().iter().map(|secret| text(&secret["Name"])).collect()
    };
    assert_eq!(names(json!({"Key": "name", "Values": ["app/"]})), ["app/a", "app/b"]);
    assert_eq!(names(json!({"Key": "name", "Values": ["!app/"]})), ["job/c"]);
    assert_eq!(names(json!({"Key": "description", "Values": ["the"]})), ["job/c"]);
    assert_eq!(names(json!({"Key": "tag-key", "Values": ["team"]})), ["app/a"]);
    assert_eq!(names(json!({"Key": "all", "Values": ["blue"]})), ["app/a"]);
    let (mut seen, mut next) = (Vec::new(), Value::Null);
    loop {
        let mut input = json!({"MaxResults": 1, "SortBy": "name"});
        if !next.is_null() {
            input["NextToken"] = next;
        }
        let page = cloud.call("ListSecrets", input);
        seen.push(text(&page["SecretList"][0]["Name"]));
        next = page["NextToken"].clone();
        if next.is_null() {
            break;
        }
    }
    assert_eq!(seen, ["app/a", "app/b", "job/c"]);
}

#[test]
fn several_values_are_read_at_once_and_what_cannot_be_read_is_listed() {
    let mut cloud = cloud();
    create(&mut cloud, "a", "1");
    let reply = cloud.call("BatchGetSecretValue", json!({"SecretIdList": ["a", "b"]}));
    assert_eq!(reply["SecretValues"][0]["SecretString"], "1");
    assert_eq!(
        (&reply["Errors"][0]["SecretId"], &reply["Errors"][0]["ErrorCode"]),
        (&json!("b"), &json!("ResourceNotFoundException"))
    );
    let by_filter = cloud.call("BatchGetSecretValue", json!({"Filters": [{"Key": "name", "Values": ["a"]}]}));
    assert_eq!(by_filter["SecretValues"].as_array().unwrap().len(), 1);
    assert!(cloud.refusal("BatchGetSecretValue", json!({})).starts_with("InvalidRequestException: Either"));
}

#[test]
fn bytes_stay_bytes() {
    let mut cloud = cloud();
    let input = json!({"Name": "key", "SecretBinary": "AAEC", "ClientRequestToken": token(1)});
    cloud.call("CreateSecret", input);
    let read = cloud.call("GetSecretValue", json!({"SecretId": "key"}));
    assert_eq!((&read["SecretBinary"], read.get("SecretString")), (&json!("AAEC"), None));
    let both = json!({"SecretId": "key", "SecretBinary": "AAEC", "SecretString": "x", "ClientRequestToken": token(2)});
    assert!(cloud.refusal("PutSecretValue", both).starts_with("InvalidParameterException"));
}

#[test]
fn a_policy_is_stored_and_a_public_one_can_be_refused() {
    let mut cloud = cloud();
    create(&mut cloud, "db", "one");
    let policy = |principal: &str| {
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": principal},
            "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]})
        .to_string()
    };
    let own = policy("arn:aws:iam::123456789012:root");
    cloud.call("PutResourcePolicy", json!({"SecretId": "db", "ResourcePolicy": own}));
    assert_eq!(cloud.call("GetResourcePolicy", json!({"SecretId": "db"}))["ResourcePolicy"], json!(own));
    let public = json!({"SecretId": "db", "ResourcePolicy": policy("*"), "BlockPublicPolicy": true});
    assert!(cloud.refusal("PutResourcePolicy", public).starts_with("PublicPolicyException"));
    assert!(
        cloud
            .refusal("PutResourcePolicy", json!({"SecretId": "db", "ResourcePolicy": "{"}))
            .starts_with("MalformedPolicyDocumentException")
    );
    let checked = cloud.call("ValidateResourcePolicy", json!({"ResourcePolicy": policy("*")}));
    assert_eq!(checked["PolicyValidationPassed"], json!(false));
    cloud.call("DeleteResourcePolicy", json!({"SecretId": "db"}));
    assert_eq!(cloud.call("GetResourcePolicy", json!({"SecretId": "db"})).get("ResourcePolicy"), None);
}

#[test]
fn a_password_has_the_length_and_the_characters_that_are_asked_for() {
    let mut cloud = cloud();
    for length in [4, 5, 64] {
        let input = json!({"PasswordLength": length, "ExcludeCharacters": "abc", "ExcludePunctuation": true});
        let password = text(&cloud.call("GetRandomPassword", input)["RandomPassword"]);
        assert_eq!(password.len(), length);
        assert!(password.chars().all(|c| c.is_ascii_alphanumeric() && !"abc".contains(c)), "{password}");
        assert!(password.contains(|c: char| c.is_ascii_digit()), "{password}");
    }
    let short = json!({"PasswordLength": 2});
    assert!(cloud.refusal("GetRandomPassword", short).starts_with("InvalidParameterException"));
    let nothing = json!({"ExcludeLowercase": true, "ExcludeUppercase": true, "ExcludePunctuation": true,
        "ExcludeNumbers": true});
    assert!(cloud.refusal("GetRandomPassword", nothing).starts_with("InvalidRequestException"));
}

#[test]
fn of_many_versions_the_oldest_without_a_stage_go() {
    let mut cloud = cloud();
    create(&mut cloud, "db", "0");
    for n in 2..150 {
        put(&mut cloud, n, &n.to_string());
    }
    let all = cloud.call("ListSecretVersionIds", json!({"SecretId": "db", "IncludeDeprecated": true}));
    assert_eq!(all["Versions"].as_array().unwrap().len(), 100);
    assert_eq!(value(&mut cloud, json!({"SecretId": "db"})), "149");
}

#[test]
fn nothing_prints_a_value() {
    let mut cloud = cloud();
    create(&mut cloud, "db", "hunter2-hunter2");
    let printed = format!("{:?}", cloud.engine);
    assert!(printed.contains("prod") || printed.contains("secret:db"), "the state is printed");
    assert!(!printed.contains("hunter2"));
}
