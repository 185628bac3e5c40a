use serde_json::{Value, json};

use super::{app_spec, call, deploy, refusal, with_application, with_group};

fn location(content: &str) -> Value {
    json!({ "revisionType": "AppSpecContent", "appSpecContent": { "content": content } })
}

#[test]
fn a_revision_is_registered_and_found_by_its_content_or_its_digest() {
    let mut stage = with_application();
    let cloud = &mut stage.cloud;
    let content = app_spec(2).to_string();
    let input = json!({
        "applicationName": "app-deploy", "description": "the second", "revision": location(&content),
    });
    call(cloud, "RegisterApplicationRevision", input);
    let input = json!({ "applicationName": "app-deploy", "revision": location(&content) });
    let found = call(cloud, "GetApplicationRevision", input);
    assert_eq!(found["revision"]["appSpecContent"]["content"], content);
    assert_eq!(found["revisionInfo"]["description"], "the second");
    assert_eq!(found["revisionInfo"]["firstUsedTime"], Value::Null);
    let sha256 = found["revision"]["appSpecContent"]["sha256"].clone();
    let by_digest = json!({ "revisionType": "AppSpecContent", "appSpecContent": { "sha256": sha256 } });
    let input = json!({ "applicationName": "app-deploy", "revision": by_digest });
    assert_eq!(call(cloud, "GetApplicationRevision", input), found);
    let unknown = location("x");
    let input = json!({ "applicationName": "app-deploy", "revisions": [by_digest, unknown] });
    let batch = call(cloud, "BatchGetApplicationRevisions", input);
    assert_eq!(batch["revisions"].as_array().unwrap().len(), 1);
    assert!(batch["errorMessage"].as_str().unwrap().starts_with("No revision of application app-deploy"));
    let input = json!({ "applicationName": "app-deploy", "revision": unknown });
    let refused = refusal(cloud, "GetApplicationRevision", input);
    assert!(refused.starts_with("RevisionDoesNotExistException: "), "{refused}");
}

#[test]
fn revisions_are_listed_by_time_and_by_whether_they_are_deployed() {
    let mut stage = with_group();
    let cloud = &mut stage.cloud;
    for revision in [3, 2] {
        let content = app_spec(revision).to_string();
        let input = json!({ "applicationName": "app-deploy", "revision": location(&content) });
        call(cloud, "RegisterApplicationRevision", input);
        cloud.live(std::time::Duration::from_secs(1));
    }
    deploy(cloud, &app_spec(3));
    cloud.live(std::time::Duration::from_mins(10));
    let mut digests = |filter: Value| {
        let mut input = json!({ "applicationName": "app-deploy" });
        for (member, value) in filter.as_object().unwrap() {
            input[member] = value.clone();
        }
        let listed = call(cloud, "ListApplicationRevisions", input)["revisions"].clone();
        let listed = listed.as_array().unwrap().clone();
        assert!(listed.iter().all(|it| it["appSpecContent"]["content"].is_null()), "the content is left out");
        listed.iter().map(|it| it["appSpecContent"]["sha256"].clone()).collect::<Vec<_>>()
    };
    let all = digests(json!({ "sortBy": "registerTime" }));
    assert_eq!(all.len(), 2);
    let reversed = digests(json!({ "sortBy": "registerTime", "sortOrder": "descending" }));
    assert_eq!(reversed, [all[1].clone(), all[0].clone()]);
    assert_eq!(digests(json!({ "deployed": "include" })), all[..1]);
    assert_eq!(digests(json!({ "deployed": "exclude" })), all[1..]);
    assert!(digests(json!({ "s3Bucket": "bucket" })).is_empty());
    let input = json!({ "applicationName": "app-deploy", "revision": location(&app_spec(3).to_string()) });
    let info = call(cloud, "GetApplicationRevision", input)["revisionInfo"].clone();
    assert_eq!(info["deploymentGroups"], json!(["app-dg"]));
    assert_eq!(info["firstUsedTime"], info["lastUsedTime"]);
}

#[test]
fn a_revision_that_cannot_be_read_is_refused() {
    let mut stage = with_application();
    let content = app_spec(2).to_string();
    let with_digest = json!({
        "revisionType": "AppSpecContent", "appSpecContent": { "content": content, "sha256": "0" },
    });
    for (revision, expected) in [
        (with_digest, "InvalidRevisionException: The sha256 of the revision does not match its content"),
        (
            location("version: 1"),
            "InvalidRevisionException: The AppSpec is not valid: version must be 0.0, and is 1",
        ),
        (location(""), "InvalidRevisionException: The content of the revision is missing"),
        (json!({}), "InvalidRevisionException: The revisionType of the revision is missing"),
        (
            json!({ "revisionType": "S3", "s3Location": { "bucket": "b", "key": "k" } }),
            "InvalidRevisionException: The local cloud has no Amazon S3 to read a revision from",
        ),
        (
            json!({ "revisionType": "GitHub" }),
            "InvalidRevisionException: The revisionType GitHub is not supported",
        ),
    ] {
        let input = json!({ "applicationName": "app-deploy", "revision": revision });
        let refused = refusal(&mut stage.cloud, "RegisterApplicationRevision", input);
        assert!(refused.starts_with(expected), "{refused}");
    }
    let input = json!({
        "applicationName": "app-deploy", "revision": location(&content), "description": "a".repeat(257),
    });
    let refused = refusal(&mut stage.cloud, "RegisterApplicationRevision", input);
    assert!(refused.starts_with("DescriptionTooLongException: "), "{refused}");
}

#[test]
fn a_revision_may_be_a_string_and_a_digest_is_checked_whatever_its_case() {
    let mut stage = with_application();
    let content = app_spec(2).to_string();
    let input = json!({ "applicationName": "app-deploy", "revision": location(&content) });
    call(&mut stage.cloud, "RegisterApplicationRevision", input.clone());
    let found = call(&mut stage.cloud, "GetApplicationRevision", input);
    let sha256 = found["revision"]["appSpecContent"]["sha256"].as_str().unwrap().to_uppercase();
    let string = json!({ "revisionType": "String", "string": { "content": content, "sha256": sha256 } });
    call(
        &mut stage.cloud,
        "RegisterApplicationRevision",
        json!({ "applicationName": "app-deploy", "revision": string }),
    );
}
