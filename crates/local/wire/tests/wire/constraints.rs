//! What breaks a constraint, told in AWS's words: a made-up service with one of each.

use std::fmt::Write;

use insta::assert_snapshot;
use tidegate_models::ServiceModel;

use crate::exchange::{Request, leak, wire_of};

const TABLE: &str = r#"{
    "signingName": "made-up", "protocol": "json-1.1", "apiVersion": "2026-01-01", "targetPrefix": "MadeUp",
    "xmlNamespace": null, "unimplemented": [],
    "operations": { "Check": { "input": "Input", "errors": ["ValidationException"] } },
    "errors": { "ValidationException": { "code": "ValidationException", "status": 400 } },
    "shapes": {
        "Input": { "type": "structure", "members": {
            "Name": { "shape": "Name" },
            "Secret": { "shape": "Secret" },
            "Names": { "shape": "Names" },
            "Secrets": { "shape": "Secrets" },
            "Levels": { "shape": "Levels" },
            "Share": { "shape": "Share" },
            "Settings": { "shape": "Settings" },
            "Logins": { "shape": "Logins" },
            "LoginByName": { "shape": "LoginByName" },
            "URL": { "shape": "Name" },
            "Bytes": { "shape": "Bytes" },
            "Free": { "shape": "Free" }
        } },
        "Bytes": { "type": "blob", "min": 1, "max": 3 },
        "Name": { "type": "string", "min": 1, "max": 3, "pattern": "[a-z]*" },
        "Secret": { "type": "string", "max": 3, "sensitive": true },
        "Names": { "type": "list", "member": "Name", "min": 1, "max": 2 },
        "Secrets": { "type": "list", "member": "Secret" },
        "Level": { "type": "string", "enum": ["LOW", "HIGH"] },
        "Levels": { "type": "list", "member": "Level" },
        "Share": { "type": "double", "min": 0, "max": 99.5 },
        "Settings": { "type": "map", "key": "Name", "value": "Level" },
        "Login": { "type": "structure", "members": { "User": { "shape": "Name" }, "Password": { "shape": "Secret" } } },
        "Logins": { "type": "list", "member": "Login", "max": 1 },
        "LoginByName": { "type": "map", "key": "Free", "value": "Login" },
        "Free": { "type": "string" }
    }
}"#;

/// The message of the refusal.
fn told(body: &str) -> String {
    let model: &'static ServiceModel = leak(TABLE);
    let response = Request::json("made-up", "MadeUp.Check", body).to(&wire_of(&[model])).expect_err(body);
    let error: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(error["__type"], "ValidationException", "the service has its own code for it");
    error["message"].as_str().unwrap().to_owned()
}

#[test]
fn lengths_and_patterns_of_text() {
    assert_snapshot!(told(r#"{"Name":"abcd"}"#), @"1 validation error detected: Value 'abcd' at 'name' failed to satisfy constraint: Member must have length less than or equal to 3");
    assert_snapshot!(told(r#"{"Name":""}"#), @"1 validation error detected: Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1");
    assert_snapshot!(told(r#"{"Name":"a1","URL":"ABCD"}"#), @"3 validation errors detected: Value 'a1' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]*; Value 'ABCD' at 'uRL' failed to satisfy constraint: Member must have length less than or equal to 3; Value 'ABCD' at 'uRL' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]*");
    assert_eq!(told(r#"{"Name":"äöüß"}"#).matches("length").count(), 1, "characters are counted, not bytes");
}

#[test]
fn lengths_of_blobs_are_those_of_their_bytes() {
    for (bytes, bound) in [("", "greater than or equal to 1"), ("YWJjZA==", "less than or equal to 3")] {
        let told = told(&format!(r#"{{"Bytes":"{bytes}"}}"#));
        assert!(told.ends_with(&format!("Member must have length {bound}")), "{told}");
    }
    for bytes in ["YQ==", "YWI=", "YWJj"] {
        let request = Request::json("made-up", "MadeUp.Check", format!(r#"{{"Bytes":"{bytes}"}}"#));
        request.to(&wire_of(&[leak(TABLE)])).unwrap();
    }
}

#[test]
fn a_blob_that_is_no_base64_is_of_the_wrong_kind() {
    let request = Request::json("made-up", "MadeUp.Check", r#"{"Bytes":"no base64!"}"#);
    let response = request.to(&wire_of(&[leak(TABLE)])).unwrap_err();
    assert!(String::from_utf8_lossy(response.body()).contains("STRING_VALUE can not be converted to a Blob"));
}

#[test]
fn ranges_of_numbers() {
    assert_snapshot!(told(r#"{"Share":-1}"#), @"1 validation error detected: Value '-1' at 'share' failed to satisfy constraint: Member must have value greater than or equal to 0");
    assert_snapshot!(told(r#"{"Share":99.75}"#), @"1 validation error detected: Value '99.75' at 'share' failed to satisfy constraint: Member must have value less than or equal to 99.5");
}

#[test]
fn lists_are_told_as_a_whole() {
    assert_snapshot!(told(r#"{"Names":[]}"#), @"1 validation error detected: Value '[]' at 'names' failed to satisfy constraint: Member must have length greater than or equal to 1");
    assert_snapshot!(told(r#"{"Names":["ok","1"]}"#), @"1 validation error detected: Value '[ok, 1]' at 'names' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 3, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-z]*]");
    assert_snapshot!(told(r#"{"Levels":["LOW","MIDDLE"]}"#), @"1 validation error detected: Value '[LOW, MIDDLE]' at 'levels' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [LOW, HIGH]]");
    assert_snapshot!(told(r#"{"Levels":["LOW",null]}"#), @"1 validation error detected: Value '[LOW, null]' at 'levels' failed to satisfy constraint: Member must not be null");
}

#[test]
fn keys_and_values_of_maps() {
    assert_snapshot!(told(r#"{"Settings":{"long-key":"LOW"}}"#), @"1 validation error detected: Value '{long-key=LOW}' at 'settings' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 3, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-z]*]");
    assert_snapshot!(told(r#"{"Settings":{"key":"MIDDLE"}}"#), @"1 validation error detected: Value '{key=MIDDLE}' at 'settings' failed to satisfy constraint: Map value must satisfy constraint: [Member must satisfy enum value set: [LOW, HIGH]]");
    assert_snapshot!(told(r#"{"LoginByName":{"jo":{"User":"1"}}}"#), @"1 validation error detected: Value '1' at 'loginByName.jo.member.user' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]*");
}

#[test]
fn secrets_are_hidden_wherever_they_stand() {
    assert_snapshot!(told(r#"{"Secret":"hunter2"}"#), @"1 validation error detected: Value at 'secret' failed to satisfy constraint: Member must have length less than or equal to 3");
    assert_snapshot!(told(r#"{"Secrets":["hunter2"]}"#), @"1 validation error detected: Value at 'secrets' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 3]");
    assert_snapshot!(told(r#"{"Logins":[{"User":"a","Password":"x"},{"Password":"y"}]}"#), @"1 validation error detected: Value '[{Password=***, User=a}, {Password=***}]' at 'logins' failed to satisfy constraint: Member must have length less than or equal to 1");
    assert_snapshot!(told(r#"{"LoginByName":{"jo":{"Password":"hunter2"}}}"#), @"1 validation error detected: Value at 'loginByName.jo.member.password' failed to satisfy constraint: Member must have length less than or equal to 3");
}

#[test]
fn a_long_value_is_cut() {
    let told = told(&format!(r#"{{"Name":"{}"}}"#, "ä".repeat(10_000)));
    assert!(told.chars().count() < 500, "{told}");
    let mut names = String::new();
    for at in 0..10_000 {
        write!(names, r#""{at}","#).unwrap();
    }
    assert!(self::told(&format!(r#"{{"Names":[{names}"a"]}}"#)).len() < 1_000);
}
