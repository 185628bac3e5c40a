use serde_json::{Value, json};

use super::all_pages;
use crate::cloud::Cloud;

fn effective(cloud: &mut Cloud, name: &str, principal: Option<&str>) -> Value {
    let input = json!({ "effectiveSettings": true, "name": name, "principalArn": principal });
    cloud.call("ListAccountSettings", input)["settings"][0]["value"].clone()
}

#[test]
fn a_setting_is_the_principals_own_then_the_accounts_then_the_default() {
    let mut cloud = Cloud::new();
    let somebody = "arn:aws:iam::123456789012:user/somebody";
    assert_eq!(effective(&mut cloud, "containerInsights", None), "disabled");
    cloud.call("PutAccountSettingDefault", json!({ "name": "containerInsights", "value": "enabled" }));
    assert_eq!(effective(&mut cloud, "containerInsights", Some(somebody)), "enabled");
    let put = json!({ "name": "containerInsights", "value": "enhanced", "principalArn": somebody });
    let reply = cloud.call("PutAccountSetting", put);
    assert_eq!(reply["setting"]["principalArn"], somebody);
    assert_eq!(effective(&mut cloud, "containerInsights", Some(somebody)), "enhanced");
    assert_eq!(effective(&mut cloud, "containerInsights", None), "enabled");
    cloud.call("DeleteAccountSetting", json!({ "name": "containerInsights", "principalArn": somebody }));
    assert_eq!(effective(&mut cloud, "containerInsights", Some(somebody)), "enabled");
}

#[test]
fn only_what_was_set_is_listed_unless_everything_is_asked_for() {
    let mut cloud = Cloud::new();
    assert_eq!(cloud.call("ListAccountSettings", json!({}))["settings"], json!([]));
    cloud.call("PutAccountSetting", json!({ "name": "awsvpcTrunking", "value": "enabled" }));
    let listed = cloud.call("ListAccountSettings", json!({}))["settings"].clone();
    assert_eq!(listed[0]["name"], "awsvpcTrunking");
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let (all, pages) =
        all_pages(&mut cloud, "ListAccountSettings", json!({ "effectiveSettings": true }), "settings");
    assert_eq!((all.len(), pages), (10, 5));
}

#[test]
fn a_value_that_a_setting_does_not_take_is_refused_with_those_that_it_does() {
    let mut cloud = Cloud::new();
    let refused = cloud.refusal("PutAccountSetting", json!({ "name": "containerInsights", "value": "on" }));
    assert_eq!(
        refused,
        "InvalidParameterException: on is not a valid value for containerInsights. Valid values are: enabled, disabled, enhanced"
    );
    let refused = cloud.refusal("DeleteAccountSetting", json!({ "name": "awsvpcTrunking" }));
    assert!(refused.starts_with("InvalidParameterException: "), "{refused}");
}
