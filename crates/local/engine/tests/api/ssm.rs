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
        cloud.call("GetParameter", json!({"Name": "/tidegate/prod/web:1"}))["Parameter"]["Value"],
        "{\"step\":1}"
    );
    assert_eq!(
        cloud.refusal("GetParameter", json!({"Name": "/tidegate/prod/web:3"})),
        "ParameterVersionNotFound: Systems Manager could not find version 3 of /tidegate/prod/web."
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
            json!({"Name": "/a", "Value": "1", "Type": "String", "Policies": "[]"}),
            "UnsupportedParameterType: Parameter policies are not",
        ),
        (
            json!({"Name": "/a", "Value": "1", "Type": "String", "KeyId": "alias/mine"}),
            "ValidationException: KeyId is only supported",
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

fn secure(cloud: &mut Cloud, name: &str, value: &str) {
    cloud.call(
        "PutParameter",
        json!({"Name": name, "Value": value, "Type": "SecureString", "Overwrite": true}),
    );
}

#[test]
fn a_secure_string_is_shown_only_to_those_who_ask_for_decryption() {
    let mut cloud = Cloud::new();
    secure(&mut cloud, "/db/password", "hunter2");
    let sealed = cloud.call("GetParameter", json!({"Name": "/db/password"}));
    let text = sealed["Parameter"]["Value"].as_str().unwrap().to_owned();
    assert!(text.starts_with("AQICAH") && !text.contains("hunter2"), "{text}");
    for operation in ["GetParameter", "GetParameters", "GetParametersByPath", "GetParameterHistory"] {
        let input = match operation {
            "GetParameters" => json!({"Names": ["/db/password"]}),
            "GetParametersByPath" => json!({"Path": "/db"}),
            _ => json!({"Name": "/db/password"}),
        };
        assert!(!cloud.call(operation, input.clone()).to_string().contains("hunter2"), "{operation}");
        let mut open = input;
        open["WithDecryption"] = json!(true);
        assert!(cloud.call(operation, open).to_string().contains("hunter2"), "{operation}");
    }
    let described = cloud.call("DescribeParameters", json!({}));
    assert_eq!(described["Parameters"][0]["KeyId"], "alias/aws/ssm");
    assert!(!format!("{:?}", cloud.engine).contains("hunter2"), "nothing prints it");
}

#[test]
fn a_history_has_every_version_and_a_label_is_on_one_of_them() {
    let mut cloud = Cloud::new();
    for value in ["one", "two", "three"] {
        cloud
            .call("PutParameter", json!({"Name": "/a", "Value": value, "Type": "String", "Overwrite": true}));
    }
    let label =
        |version: i64, labels: &[&str]| json!({"Name": "/a", "ParameterVersion": version, "Labels": labels});
    let reply = cloud.call("LabelParameterVersion", label(1, &["live", "1st"]));
    assert_eq!(reply, json!({"InvalidLabels": ["1st"], "ParameterVersion": 1}));
    assert_eq!(cloud.call("GetParameter", json!({"Name": "/a:live"}))["Parameter"]["Value"], "one");
    cloud.call("LabelParameterVersion", label(2, &["live"]));
    assert_eq!(cloud.call("GetParameter", json!({"Name": "/a:live"}))["Parameter"]["Value"], "two");
    let history = cloud.call("GetParameterHistory", json!({"Name": "/a"}));
    let versions: Vec<(i64, Value)> = history["Parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| (version["Version"].as_i64().unwrap(), version["Labels"].clone()))
        .collect();
    assert_eq!(versions, [(1, json!([])), (2, json!(["live"])), (3, json!([]))]);
    let by_label = json!({"Path": "/", "ParameterFilters": [{"Key": "Label", "Values": ["live"]}]});
    assert_eq!(cloud.call("GetParametersByPath", by_label)["Parameters"][0]["Value"], "two");
    let removed = cloud.call("UnlabelParameterVersion", label(2, &["live", "other"]));
    assert_eq!(removed, json!({"InvalidLabels": ["other"], "RemovedLabels": ["live"]}));
    assert!(
        cloud.refusal("LabelParameterVersion", label(9, &["x"])).starts_with("ParameterVersionNotFound: ")
    );
    let many: Vec<String> = (0..11).map(|n| format!("l{n}")).collect();
    let many = json!({"Name": "/a", "Labels": many});
    assert!(cloud.refusal("LabelParameterVersion", many).starts_with("ParameterVersionLabelLimitExceeded: "));
    cloud.call("DeleteParameter", json!({"Name": "/a"}));
    put(&mut cloud, "/a", "anew");
    let history = cloud.call("GetParameterHistory", json!({"Name": "/a"}));
    assert_eq!(history["Parameters"].as_array().unwrap().len(), 1);
}

#[test]
fn of_many_versions_the_oldest_goes_unless_it_has_a_label() {
    let mut cloud = Cloud::new();
    let over = |n: i64| json!({"Name": "/a", "Value": n.to_string(), "Type": "String", "Overwrite": true});
    for n in 1..=101 {
        cloud.call("PutParameter", over(n));
    }
    assert!(cloud.refusal("GetParameter", json!({"Name": "/a:1"})).starts_with("ParameterVersionNotFound: "));
    cloud.call("LabelParameterVersion", json!({"Name": "/a", "ParameterVersion": 2, "Labels": ["kept"]}));
    assert!(cloud.refusal("PutParameter", over(102)).starts_with("ParameterMaxVersionLimitExceeded: "));
}

#[test]
fn parameters_are_described_by_filter() {
    let mut cloud = Cloud::new();
    for name in ["/prod/web/url", "/prod/db", "plain"] {
        put(&mut cloud, name, "v");
    }
    secure(&mut cloud, "/prod/web/key", "hunter2");
    cloud.at("ssm", |cloud| {
        let tags = json!({"ResourceType": "Parameter", "ResourceId": "plain", "Tags": [{"Key": "team", "Value": "blue"}]});
        cloud.call("AddTagsToResource", tags)
    });
    let mut found =
        |filter: Value| names(&cloud.call("DescribeParameters", json!({"ParameterFilters": [filter]})));
    assert_eq!(
        found(json!({"Key": "Name", "Option": "BeginsWith", "Values": ["/prod/web"]})),
        ["/prod/web/key", "/prod/web/url"]
    );
    assert_eq!(found(json!({"Key": "Name", "Option": "Contains", "Values": ["db"]})), ["/prod/db"]);
    assert_eq!(found(json!({"Key": "Path", "Values": ["/prod"]})), ["/prod/db"]);
    assert_eq!(found(json!({"Key": "Path", "Option": "Recursive", "Values": ["/prod"]})).len(), 3);
    assert_eq!(found(json!({"Key": "Type", "Values": ["SecureString"]})), ["/prod/web/key"]);
    assert_eq!(found(json!({"Key": "tag:team", "Values": ["blue"]})), ["plain"]);
    for (filter, expected) in [
        (json!({"Key": "Size", "Values": ["1"]}), "InvalidFilterKey: "),
        (json!({"Key": "Type", "Option": "Contains", "Values": ["x"]}), "InvalidFilterOption: "),
        (json!({"Key": "Path", "Values": ["prod"]}), "InvalidFilterValue: "),
    ] {
        let refused = cloud.refusal("DescribeParameters", json!({"ParameterFilters": [filter]}));
        assert!(refused.starts_with(expected), "{refused}");
    }
}

#[test]
fn tags_are_put_listed_and_taken_away() {
    let mut cloud = Cloud::of("ssm");
    put(&mut cloud, "/a", "1");
    let of = |more: Value| {
        let mut input = json!({"ResourceType": "Parameter", "ResourceId": "/a"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    cloud.call(
        "AddTagsToResource",
        of(json!({"Tags": [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}]})),
    );
    cloud.call("RemoveTagsFromResource", of(json!({"TagKeys": ["b"]})));
    let tags = cloud.call("ListTagsForResource", of(json!({})));
    assert_eq!(tags, json!({"TagList": [{"Key": "a", "Value": "1"}]}));
    let missing = json!({"ResourceType": "Parameter", "ResourceId": "/b"});
    assert!(cloud.refusal("ListTagsForResource", missing).starts_with("InvalidResourceId: "));
    let alien = json!({"ResourceType": "Document", "ResourceId": "/a"});
    assert!(cloud.refusal("ListTagsForResource", alien).starts_with("InvalidResourceType: "));
}

#[test]
fn a_secret_is_read_as_a_parameter() {
    let mut cloud = Cloud::new();
    cloud.at("secretsmanager", |cloud| {
        let token = "00000000-0000-4000-8000-000000000001";
        cloud.call(
            "CreateSecret",
            json!({"Name": "db", "SecretString": "hunter2", "ClientRequestToken": token}),
        )
    });
    let name = "/aws/reference/secretsmanager/db";
    let read = cloud.call("GetParameter", json!({"Name": name, "WithDecryption": true}));
    let parameter = &read["Parameter"];
    assert_eq!(
        (&parameter["Value"], &parameter["Type"], &parameter["Name"]),
        (&json!("hunter2"), &json!("SecureString"), &json!(name))
    );
    assert!(parameter["ARN"].as_str().unwrap().contains(":secret:db-"));
    assert!(
        cloud
            .refusal("GetParameter", json!({"Name": name}))
            .starts_with("ValidationException: WithDecryption flag")
    );
    let missing = json!({"Name": "/aws/reference/secretsmanager/no", "WithDecryption": true});
    assert!(cloud.refusal("GetParameter", missing).starts_with("ParameterNotFound: "));
}
