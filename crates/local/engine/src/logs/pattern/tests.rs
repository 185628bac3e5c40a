use proptest::prelude::*;

use super::*;

fn matches(pattern: &str, message: &str) -> bool {
    Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).matches(message)
}

#[test]
fn terms_must_all_be_there_and_the_excluded_ones_must_not() {
    let table = [
        ("", "anything", true),
        ("ERROR", "[ERROR 404] not found", true),
        ("ERROR", "error", false),
        ("ERROR found", "[ERROR 404] not found", true),
        ("ERROR found", "[ERROR 404]", false),
        ("\"not found\"", "[ERROR 404] not found", true),
        ("\"not  found\"", "[ERROR 404] not found", false),
        ("?ERROR ?WARN", "WARN: slow", true),
        ("?ERROR ?WARN", "INFO: fine", false),
        ("ERROR -404", "[ERROR 404] not found", false),
        ("ERROR -404", "[ERROR 500]", true),
        ("-\"not found\"", "found", true),
        ("%5[0-9]{2}%", "status 503", true),
        ("%5[0-9]{2}%", "status 404", false),
        ("ERROR ?WARN", "ERROR alone", true),
        ("\"a \\\"quoted\\\" word\"", "a \"quoted\" word", true),
    ];
    for (pattern, message, expected) in table {
        assert_eq!(matches(pattern, message), expected, "{pattern} on {message}");
    }
}

#[test]
fn json_is_looked_into() {
    let message = r#"{"level":"error","took":120,"user":{"name":"ann","ids":[1,2]},"ok":false,"gone":null,
        "items":[{"k":"a"},{"k":"b"}],"two words":1,"text":"5"}"#;
    let table = [
        ("{ $.level = \"error\" }", true),
        ("{ $.level = error }", true),
        ("{ $.level = \"err*\" }", true),
        ("{ $.level != \"error\" }", false),
        ("{ $.missing != \"error\" }", false),
        ("{ $.took > 100 }", true),
        ("{ $.took >= 120 && $.took <= 120 }", true),
        ("{ $.took < 1.2e2 }", false),
        ("{ $.took = 120.0 }", true),
        ("{ $.user.name = ann && ($.took > 1000 || $.level = error) }", true),
        ("{ $.user.ids[1] = 2 }", true),
        ("{ $.user.ids[9] = 2 }", false),
        ("{ $.items[*].k = b }", true),
        ("{ $.ok IS FALSE }", true),
        ("{ $.ok IS TRUE }", false),
        ("{ $.gone IS NULL }", true),
        ("{ $.gone NOT EXISTS }", false),
        ("{ $.missing NOT EXISTS }", true),
        ("{ $.['two words'] = 1 }", true),
        ("{ $.text = 5 }", true),
        ("{ $.text > 4 }", false),
        ("{ $.level = %^err% }", true),
        ("{$.took>100&&$.level=error}", true),
    ];
    for (pattern, expected) in table {
        let pattern = pattern.replace("$.[", "$[");
        assert_eq!(matches(&pattern, message), expected, "{pattern}");
    }
    assert!(!matches("{ $.level = error }", "level=error"), "what is no JSON never matches");
}

#[test]
fn fields_between_spaces_are_counted_and_compared() {
    let line = r#"127.0.0.1 - ann [10/Oct/2025:13:55:36 -0700] "GET /a b HTTP/1.0" 404 2326"#;
    let table = [
        ("[ip, id, user, time, request, status, bytes]", true),
        ("[ip, id, user, time, request, status]", false),
        ("[ip, id, user, time, request, status = 4*, bytes]", true),
        ("[ip, id, user, time, request, status = 5*, bytes]", false),
        ("[ip, id, user, time, request = \"GET*\", status, bytes > 1000]", true),
        ("[..., status = 404, bytes]", true),
        ("[ip = 127.0.0.1, ...]", true),
        ("[ip, ..., bytes < 10]", false),
        ("[..., status = 404 || status = 410, bytes]", true),
        ("[ip, id, user != ann, ...]", false),
        ("[..., request = %a b%, status, bytes]", true),
    ];
    for (pattern, expected) in table {
        assert_eq!(matches(pattern, line), expected, "{pattern}");
    }
}

#[test]
fn what_means_nothing_is_refused_with_its_place() {
    for pattern in [
        "{ $.a }",
        "{ a = 1 }",
        "{ $.a = }",
        "{ $.a = 1",
        "{ $.a IS MAYBE }",
        "[a, b",
        "[..., a, ...]",
        "\"open",
        "{ $.a = 1 } more",
        "%(%",
        "{ $ = 1 }",
        "[a = ]",
    ] {
        let error = Pattern::parse(pattern).expect_err(pattern).to_string();
        assert!(error.starts_with("Invalid filter pattern: at character "), "{error}");
    }
    let deep = format!("{{ {}$.a = 1{} }}", "(".repeat(400), ")".repeat(400));
    assert!(Pattern::parse(&deep).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(pattern in "[{\\[]?[ -~é]{0,40}[}\\]]?", message in "\\PC{0,60}") {
        if let Ok(pattern) = Pattern::parse(&pattern) {
            pattern.matches(&message);
        }
    }

    #[test]
    fn a_quoted_term_is_found_wherever_it_stands(before in "[a-z ]{0,9}", term in "[a-z ]{1,9}", after in "[a-z ]{0,9}") {
        let quoted = format!("\"{term}\"");
        let message = format!("{before}{term}{after}");
        prop_assert!(matches(&quoted, &message));
    }
}
