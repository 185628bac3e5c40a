//! Parameter Store: put, get, by path, delete, and every refusal.

use serde_json::{Value, json};

use crate::cloud::Cloud;

fn put(cloud: &mut Cloud, name: &str, value: &str) -> Value {
    cloud.call("PutParameter", json!({"Name": name, "Value": value, "Type": "String"}))
}

fn names(reply: &Value) -> Vec<String> {
    let found = reply["Parameters"].as_array().unwrap().iter();
    found.map(|parameter| parameter["Name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_parameter_is_put_once_and_overwritten_only_when_told() {
    let mut cloud = Cloud::new();
    assert_eq!(
        put(&mut cloud, "/tidegate/prod/web", "{\"step\":1}"),
        json!({"Tier": "Standard", "Version": 1})
    );
    let again = json!({"Name": "/tidegate/prod/web", "Value": "2", "Type": "String"});
    assert_eq!(
        cloud.refusal("PutParameter", again),
        "ParameterAlreadyExists: The parameter already exists. To overwrite this value, set the overwrite option in the \
         request to true."
    );
    let over = json!({"Name": "/tidegate/prod/web", "Value": "2", "Overwrite": true});
    assert_eq!(cloud.call("PutParameter", over)["Version"], 2);
    let read = cloud.call("GetParameter", json!({"Name": "/tidegate/prod/web"}));
    assert_eq!(
        (&read["Parameter"]["Value"], &read["Parameter"]["Version"], &read["Parameter"]["ARN"]),
        (&json!("2"), &json!(2), &json!("arn:aws:ssm:eu-west-1:123456789012:parameter/tidegate/prod/web"))
    );
    let arn = read["Parameter"]["ARN"].clone();
    assert_eq!(cloud.call("GetParameter", json!({"Name": arn}))["Parameter"]["Value"], "2");
    assert_eq!(
        cloud.call("GetParameter", json!({"Name": "/tidegate/prod/web:2"}))["Parameter"]["Selector"],
        ":2"
    );
    assert_eq!(
        cloud.refusal("GetParameter", json!({"Name": "/tidegate/prod/web:1"})),
        "ParameterVersionNotFound: Systems Manager could not find version 1 of /tidegate/prod/web."
    );
}

#[test]
fn a_deleted_parameter_is_gone_and_can_be_put_anew() {
    let mut cloud = Cloud::new();
    put(&mut cloud, "/a", "1");
    cloud.call("DeleteParameter", json!({"Name": "/a"}));
    assert_eq!(
        cloud.refusal("GetParameter", json!({"Name": "/a"})),
        "ParameterNotFound: Parameter /a not found."
    );
    assert_eq!(
        cloud.refusal("DeleteParameter", json!({"Name": "/a"})),
        "ParameterNotFound: Parameter /a not found."
    );
    assert_eq!(put(&mut cloud, "/a", "1")["Version"], 1);
    let reply = cloud.call("DeleteParameters", json!({"Names": ["/a", "/b"]}));
    assert_eq!(reply, json!({"DeletedParameters": ["/a"], "InvalidParameters": ["/b"]}));
}

#[test]
fn a_path_lists_its_level_or_all_below_in_pages() {
    let mut cloud = Cloud::new();
    for name in ["/t/prod/web", "/t/prod/api", "/t/prod/web/request", "/t/dev/web", "/tt/x"] {
        put(&mut cloud, name, "v");
    }
    let level = cloud.call("GetParametersByPath", json!({"Path": "/t/prod"}));
    assert_eq!(names(&level), ["/t/prod/api", "/t/prod/web"]);
    let mut seen = Vec::new();
    let mut token = Value::Null;
    loop {
        let mut input = json!({"Path": "/t", "Recursive": true, "MaxResults": 2});
        if !token.is_null() {
            input["NextToken"] = token;
        }
        let page = cloud.call("GetParametersByPath", input);
        seen.extend(names(&page));
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, ["/t/dev/web", "/t/prod/api", "/t/prod/web", "/t/prod/web/request"]);
    let alien = json!({"Path": "/t", "NextToken": "abcd"});
    assert_eq!(
        cloud.refusal("GetParametersByPath", alien),
        "InvalidNextToken: The specified token isn't valid."
    );
}

#[test]
fn several_are_read_at_once_and_another_account_sees_none() {
    let mut cloud = Cloud::new();
    put(&mut cloud, "one", "1");
    let reply = cloud.call("GetParameters", json!({"Names": ["one", "two"]}));
    assert_eq!((names(&reply), &reply["InvalidParameters"]), (vec!["one".to_owned()], &json!(["two"])));
    cloud.be_account("999999999999");
    assert_eq!(cloud.call("GetParameters", json!({"Names": ["one"]}))["InvalidParameters"], json!(["one"]));
}

#[test]
fn what_parameter_store_refuses_is_refused() {
    let mut cloud = Cloud::new();
    let large = "x".repeat(4097);
    let deep = "/l".repeat(16);
    let table = [
        (
            json!({"Name": "/a", "Value": "1"}),
            "ValidationException: A parameter type is required when you create a parameter.",
        ),
        (
            json!({"Name": "/a b", "Value": "1", "Type": "String"}),
            "ValidationException: Parameter name must not contain",
        ),
        (
            json!({"Name": "a/b", "Value": "1", "Type": "String"}),
            "ValidationException: Parameter name: must start with a forward slash",
        ),
        (
            json!({"Name": "/aws/b", "Value": "1", "Type": "String"}),
            "ValidationException: Parameter name: can't be prefixed with",
        ),
        (
            json!({"Name": "/a/", "Value": "1", "Type": "String"}),
            "ValidationException: Parameter name: must not end",
        ),
        (json!({"Name": deep, "Value": "1", "Type": "String"}), "HierarchyLevelLimitExceededException: "),
        (
            json!({"Name": "/a", "Value": "", "Type": "String"}),
            "ValidationException: Parameter value: can't be empty.",
        ),
        (
            json!({"Name": "/a", "Value": "{{ssm:b}}", "Type": "String"}),
            "ValidationException: Parameter value: can't nest",
        ),
        (
            json!({"Name": "/a", "Value": large, "Type": "String"}),
            "ValidationException: Standard tier parameters",
        ),
        (
            json!({"Name": "/a", "Value": "1", "Type": "SecureString"}),
            "UnsupportedParameterType: SecureString parameters are not",
        ),
        (
            json!({"Name": "/a", "Value": "x", "Type": "String", "AllowedPattern": "^\\d+$"}),
            "ParameterPatternMismatchException: ",
        ),
        (
            json!({"Name": "/a", "Value": "x", "Type": "String", "AllowedPattern": "("}),
            "InvalidAllowedPatternException: ",
        ),
    ];
    for (input, expected) in table {
        let refused = cloud.refusal("PutParameter", input);
        assert!(refused.starts_with(expected), "{refused}");
    }
    let advanced =
        json!({"Name": "/a", "Value": "x".repeat(8000), "Type": "String", "Tier": "Intelligent-Tiering"});
    assert_eq!(cloud.call("PutParameter", advanced), json!({"Tier": "Advanced", "Version": 1}));
    let filter = json!({"Path": "/", "ParameterFilters": [{"Key": "Name", "Values": ["x"]}]});
    assert!(cloud.refusal("GetParametersByPath", filter).starts_with("InvalidFilterKey: "));
}
