//! Lifecycle policies expire images, and say beforehand which.

use std::time::Duration;

use serde_json::{Value, json};

use super::{listed, push, with_shop};

fn newest(count: u32) -> String {
    let selection = json!({ "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count });
    json!({ "rules": [{ "rulePriority": 7, "selection": selection, "action": { "type": "expire" } }] })
        .to_string()
}

#[test]
fn a_policy_expires_images_after_a_while_and_those_that_come_later_too() {
    let mut cloud = with_shop();
    let mut pushed = Vec::new();
    for name in ["one", "two", "three"] {
        pushed.push(push(&mut cloud, name, Some(name)));
        cloud.pass(Duration::from_secs(1));
    }
    cloud.call("PutLifecyclePolicy", json!({ "repositoryName": "shop", "lifecyclePolicyText": newest(2) }));
    assert_eq!(listed(&mut cloud).len(), 3);
    cloud.live(Duration::from_mins(6));
    let mut expected = [format!("{} two", pushed[1]), format!("{} three", pushed[2])];
    expected.sort();
    assert_eq!(listed(&mut cloud), expected);
    cloud.restart();
    let four = push(&mut cloud, "four", Some("four"));
    cloud.live(Duration::from_mins(6));
    let mut expected = [format!("{} three", pushed[2]), format!("{four} four")];
    expected.sort();
    assert_eq!(listed(&mut cloud), expected);
    cloud.call("DeleteLifecyclePolicy", json!({ "repositoryName": "shop" }));
    push(&mut cloud, "five", Some("five"));
    cloud.live(Duration::from_hours(1));
    assert_eq!(listed(&mut cloud).len(), 3);
}

#[test]
fn a_preview_says_which_images_would_go_and_takes_none() {
    let mut cloud = with_shop();
    let one = push(&mut cloud, "one", Some("v1"));
    cloud.pass(Duration::from_secs(1));
    push(&mut cloud, "two", Some("v2"));
    let named = json!({ "repositoryName": "shop" });
    let refusal = cloud.refusal("StartLifecyclePolicyPreview", named.clone());
    assert!(refusal.starts_with("LifecyclePolicyNotFoundException: "), "{refusal}");
    let refusal = cloud.refusal("GetLifecyclePolicyPreview", named.clone());
    assert!(refusal.starts_with("LifecyclePolicyPreviewNotFoundException: "), "{refusal}");
    let input = json!({ "repositoryName": "shop", "lifecyclePolicyText": newest(1) });
    assert_eq!(cloud.call("StartLifecyclePolicyPreview", input)["status"], "IN_PROGRESS");
    let preview = cloud.call("GetLifecyclePolicyPreview", named);
    assert_eq!(
        (&preview["status"], &preview["summary"]["expiringImageTotalCount"]),
        (&json!("COMPLETE"), &json!(1))
    );
    let result = &preview["previewResults"][0];
    assert_eq!(
        (&result["imageDigest"], &result["appliedRulePriority"], &result["action"]["type"]),
        (&json!(one), &json!(7), &json!("EXPIRE"))
    );
    cloud.live(Duration::from_hours(1));
    assert_eq!(listed(&mut cloud).len(), 2);
}

#[test]
fn what_the_local_cloud_does_not_do_is_refused_when_it_is_put() {
    let mut cloud = with_shop();
    let rule: Value = serde_json::from_str(&newest(1)).unwrap();
    for (pointer, value, why) in [
        ("/rules/0/action/type", "transition", "has no action transition"),
        ("/rules/0/selection/countType", "sinceImageTransitioned", "has no countType"),
        ("/rules/0/selection/tagStatus", "tagged", "needs a tagPatternList"),
        ("/rules/0/selection/tagStatus", "green", "is tagged, untagged or any"),
    ] {
        let mut policy = rule.clone();
        *policy.pointer_mut(pointer).unwrap() = value.into();
        let input = json!({ "repositoryName": "shop", "lifecyclePolicyText": policy.to_string() });
        let refusal = cloud.refusal("PutLifecyclePolicy", input);
        assert!(refusal.contains(why), "{why}: {refusal}");
    }
}
