use serde_json::{Value, json};

use crate::cloud::{Cloud, not_found_page, pretty};

fn rule_with(conditions: Value) -> (Cloud, Value) {
    let mut cloud = Cloud::new();
    let load_balancer = cloud.load_balancer("web");
    let listener = cloud.listener(&load_balancer, 80, not_found_page());
    let input = json!({
        "ListenerArn": listener, "Priority": 1, "Actions": [not_found_page()], "Conditions": conditions,
    });
    (cloud, input)
}

#[track_caller]
fn answered(conditions: Value) -> Value {
    let (mut cloud, input) = rule_with(conditions);
    cloud.call("CreateRule", input)["Rules"][0]["Conditions"].clone()
}

#[track_caller]
fn refusal(conditions: Value) -> String {
    let (mut cloud, input) = rule_with(conditions);
    cloud.refusal("CreateRule", input)
}

#[test]
fn every_field_is_taken_and_answered() {
    let conditions = json!([
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Canary", "Values": ["yes"]}},
        {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}},
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "version", "Value": "v?"}]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
    ]);
    insta::assert_snapshot!(pretty(&answered(conditions)));
}

#[test]
fn the_short_form_is_answered_in_both_forms() {
    let long = json!([{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/img/*"]}}]);
    let short = json!([{"Field": "path-pattern", "Values": ["/img/*"]}]);
    let both = json!([
        {"Field": "path-pattern", "Values": ["/img/*"], "PathPatternConfig": {"Values": ["/img/*"]}},
    ]);
    assert_eq!(answered(long), both);
    assert_eq!(answered(short), both);
    assert_eq!(
        refusal(both),
        "ValidationError: You cannot provide both Values and 'PathPatternConfig' for a condition of type \
         'path-pattern'"
    );
}

#[test]
fn regular_expressions_are_taken_for_host_path_and_header() {
    let conditions = json!([
        {"Field": "host-header", "RegexValues": ["^api[.]"]},
        {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/v[0-9]+/"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Canary", "RegexValues": ["^y"]}},
    ]);
    insta::assert_snapshot!(pretty(&answered(conditions)));
    let refusal = refusal(json!([{"Field": "host-header", "RegexValues": ["("]}]));
    assert!(
        refusal
            .starts_with("ValidationError: The 'host-header' value '(' is not a valid regular expression:"),
        "{refusal}"
    );
}

#[test]
fn headers_and_queries_may_repeat_and_the_other_fields_may_not() {
    let header =
        json!({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "A", "Values": ["1"]}});
    let query = json!({"Field": "query-string", "QueryStringConfig": {"Values": [{"Value": "a"}]}});
    answered(json!([header, header, query, query]));
    for condition in [
        json!({"Field": "host-header", "Values": ["a.example"]}),
        json!({"Field": "path-pattern", "Values": ["/a"]}),
        json!({"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}}),
        json!({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}),
    ] {
        let field = condition["Field"].as_str().unwrap();
        let expected = format!("ValidationError: A rule can only have one '{field}' condition");
        assert_eq!(refusal(json!([condition, condition])), expected);
    }
}

#[test]
fn a_rule_has_five_values_and_five_wildcards() {
    let paths = |values: Value| json!([{"Field": "path-pattern", "Values": values}]);
    answered(paths(json!(["/a", "/b", "/c", "/d", "/e"])));
    assert_eq!(
        refusal(paths(json!(["/a", "/b", "/c", "/d", "/e", "/f"]))),
        "ValidationError: A rule can only have '5' condition values"
    );
    answered(paths(json!(["/*/?/*/?/*"])));
    assert_eq!(
        refusal(paths(json!(["/*/?/*/?/*/?"]))),
        "ValidationError: A rule can only have '5' condition wildcards"
    );
    // An escaped wildcard is none, and a pair of key and value is one value.
    let pairs = json!([1, 2, 3, 4, 5].map(|n| json!({"Key": format!("k{n}"), "Value": "*\\*"})));
    answered(json!([{"Field": "query-string", "QueryStringConfig": {"Values": pairs}}]));
}

#[test]
fn conditions_that_make_no_sense_say_why() {
    let cases = [
        (json!({"Values": ["/a"]}), "A condition field must be specified"),
        (
            json!({"Field": "cookie", "Values": ["a"]}),
            "Condition field 'cookie' must be one of \
             '[path-pattern,host-header,http-header,http-request-method,query-string,source-ip]'",
        ),
        (json!({"Field": "path-pattern"}), "A condition value must be specified"),
        (json!({"Field": "path-pattern", "Values": [""]}), "A condition value must be specified"),
        (
            json!({"Field": "path-pattern", "Values": ["/a"], "RegexValues": ["a"]}),
            "You cannot provide both Values and RegexValues for a condition of type 'path-pattern'",
        ),
        (
            json!({"Field": "path-pattern", "Values": ["a".repeat(129)]}),
            "The 'path-pattern' value is too long; the limit is '128'",
        ),
        (
            json!({"Field": "path-pattern", "Values": ["/a b"]}),
            "The 'path-pattern' value '/a b' contains characters that are not allowed",
        ),
        (
            json!({"Field": "host-header", "Values": ["a/b"]}),
            "The 'host-header' value 'a/b' contains characters that are not allowed",
        ),
        (
            json!({"Field": "source-ip", "Values": ["10.0.0.0/8"]}),
            "The 'Values' field is not compatible with 'source-ip'",
        ),
        (
            json!({"Field": "path-pattern", "HostHeaderConfig": {"Values": ["a"]}}),
            "The 'HostHeaderConfig' field is not compatible with 'path-pattern'",
        ),
        (json!({"Field": "http-header"}), "A 'HttpHeaderConfig' must be specified with 'http-header'"),
        (
            json!({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "a b", "Values": ["1"]}}),
            "The 'HttpHeaderName' value 'a b' is not the name of a header",
        ),
        (
            json!({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "a".repeat(41), "Values": ["1"]}}),
            "The 'HttpHeaderName' value is too long; the limit is '40'",
        ),
        (
            json!({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "Host", "Values": ["1"]}}),
            "Use a condition of type 'host-header' to match the host header",
        ),
        (
            json!({"Field": "http-request-method"}),
            "A 'HttpRequestMethodConfig' must be specified with 'http-request-method'",
        ),
        (
            json!({"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["get"]}}),
            "The 'http-request-method' value is invalid; the allowed characters are A-Z, hyphen and underscore",
        ),
        (json!({"Field": "query-string"}), "A 'QueryStringConfig' must be specified with 'query-string'"),
        (
            json!({"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "a"}]}}),
            "A 'Value' must be specified in 'QueryStringKeyValuePair'",
        ),
        (json!({"Field": "source-ip"}), "A 'SourceIpConfig' must be specified with 'source-ip'"),
        (
            json!({"Field": "source-ip", "SourceIpConfig": {"Values": []}}),
            "A 'source-ip' value must be specified",
        ),
        (
            json!({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/33"]}}),
            "The 'source-ip' value '10.0.0.0/33' must be a valid CIDR block",
        ),
    ];
    for (condition, expected) in cases {
        assert_eq!(refusal(json!([condition])), format!("ValidationError: {expected}"));
    }
}
