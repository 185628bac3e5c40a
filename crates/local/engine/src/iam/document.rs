//! The grammar of policy documents, and how IAM writes them into answers.
//!
//! Only what IAM itself refuses is refused; what a document allows is not looked at. Start at [`check`].

use std::{collections::BTreeSet, fmt::Write};

use serde_json::{Map, Value};

use crate::ApiError;

/// What a document is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Says what its holder may do: it has resources and no principal.
    Identity,
    /// Says who may assume a role: it has principals and no resource.
    Trust,
}

/// Refuses what is no policy document of that purpose.
pub(super) fn check(text: &str, purpose: Purpose) -> Result<(), ApiError> {
    let document: Value =
        serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    let Value::Object(document) = document else { return Err(syntax()) };
    only(&document, &["Version", "Id", "Statement"])?;
    match document.get("Version") {
        None => {}
        Some(Value::String(version)) if matches!(version.as_str(), "2012-10-17" | "2008-10-17") => {}
        Some(_) => return Err(malformed("The policy must contain a valid version string")),
    }
    if purpose == Purpose::Identity && document.get("Version").and_then(Value::as_str) != Some("2012-10-17") {
        return Err(malformed("Policy document must be version 2012-10-17 or greater."));
    }
    if document.get("Id").is_some_and(|id| !id.is_string()) {
        return Err(syntax());
    }
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements.as_slice(),
        Some(statement @ Value::Object(_)) => std::slice::from_ref(statement),
        _ => return Err(syntax()),
    };
    let mut ids = BTreeSet::new();
    for statement in statements {
        let Value::Object(statement) = statement else { return Err(syntax()) };
        check_statement(statement, purpose)?;
        let id = statement.get("Sid").and_then(Value::as_str).unwrap_or_default();
        if !id.is_empty() && !ids.insert(id) {
            return Err(malformed("Statement IDs (SID) in a single policy must be unique."));
        }
    }
    Ok(())
}

fn check_statement(statement: &Map<String, Value>, purpose: Purpose) -> Result<(), ApiError> {
    only(
        statement,
        &[
            "Sid",
            "Effect",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Principal",
            "NotPrincipal",
            "Condition",
        ],
    )?;
    match statement.get("Sid") {
        None => {}
        Some(Value::String(id)) if id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {}
        Some(_) => {
            return Err(malformed(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression \
                 [0-9A-Za-z]*",
            ));
        }
    }
    match statement.get("Effect") {
        None => return Err(malformed("Missing required field Effect")),
        Some(Value::String(effect)) if matches!(effect.as_str(), "Allow" | "Deny") => {}
        Some(_) => return Err(syntax()),
    }
    let actions = one_of(statement, "Action", "NotAction")?
        .ok_or_else(|| malformed("Policy statement must contain actions."))?;
    for action in actions {
        check_action(action)?;
    }
    let resources = one_of(statement, "Resource", "NotResource")?;
    match (purpose, resources) {
        (Purpose::Identity, None) => return Err(malformed("Policy statement must contain resources.")),
        (Purpose::Identity, Some(resources)) => {
            for resource in resources {
                check_resource(resource)?;
            }
        }
        (Purpose::Trust, None) => {}
        (Purpose::Trust, Some(_)) => return Err(malformed("Has prohibited field Resource")),
    }
    let principal = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(_), Some(_)) => return Err(syntax()),
        (given, not) => given.or(not),
    };
    match (purpose, principal) {
        (Purpose::Identity, None) => {}
        (Purpose::Identity, Some(_)) => {
            return Err(malformed("Policy document should not specify a principal."));
        }
        (Purpose::Trust, None) => return Err(malformed("Missing required field Principal")),
        (Purpose::Trust, Some(principal)) => check_principal(principal)?,
    }
    match statement.get("Condition") {
        None => Ok(()),
        Some(Value::Object(operators)) => operators.iter().try_for_each(|(_, keys)| match keys {
            Value::Object(keys) => keys.values().try_for_each(check_condition_value),
            _ => Err(syntax()),
        }),
        Some(_) => Err(syntax()),
    }
}

/// The strings of the one of two elements that is given; both together are refused.
fn one_of<'a>(
    statement: &'a Map<String, Value>,
    element: &str,
    opposite: &str,
) -> Result<Option<Vec<&'a str>>, ApiError> {
    match (statement.get(element), statement.get(opposite)) {
        (Some(_), Some(_)) => Err(syntax()),
        (Some(given), None) | (None, Some(given)) => strings(given).map(Some),
        (None, None) => Ok(None),
    }
}

/// A string, or a list of at least one.
fn strings(value: &Value) -> Result<Vec<&str>, ApiError> {
    match value {
        Value::String(one) => Ok(vec![one]),
        Value::Array(several) if !several.is_empty() => {
            several.iter().map(|one| one.as_str().ok_or_else(syntax)).collect()
        }
        _ => Err(syntax()),
    }
}

fn check_action(action: &str) -> Result<(), ApiError> {
    if action == "*" {
        return Ok(());
    }
    let Some((vendor, name)) = action.split_once(':') else {
        return Err(malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."));
    };
    let is_vendor = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '*' || c == '?';
    if vendor.is_empty() || !vendor.chars().all(is_vendor) {
        return Err(malformed(format!("Vendor {vendor} is not valid")));
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "*?_-".contains(c);
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(malformed("The policy failed legacy parsing"));
    }
    Ok(())
}

fn check_resource(resource: &str) -> Result<(), ApiError> {
    if resource == "*" {
        return Ok(());
    }
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    let ["arn", partition, _, _, _, _] = parts[..] else {
        return Err(malformed(format!("Resource {resource} must be in ARN format or \"*\".")));
    };
    if !matches!(partition, "aws" | "aws-cn" | "aws-us-gov" | "*") && !partition.starts_with("aws-iso") {
        return Err(malformed(format!(
            "Partition \"{partition}\" is not valid for resource \"{resource}\"."
        )));
    }
    Ok(())
}

fn check_principal(principal: &Value) -> Result<(), ApiError> {
    let kinds = match principal {
        Value::String(anyone) if anyone == "*" => return Ok(()),
        Value::Object(kinds) if !kinds.is_empty() => kinds,
        _ => return Err(syntax()),
    };
    for (kind, named) in kinds {
        let is_right: fn(&str) -> bool = match kind.as_str() {
            "AWS" => |name| {
                name == "*"
                    || (name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit()))
                    || name.starts_with("arn:aws")
                    || name.starts_with("AROA")
                    || name.starts_with("AIDA")
            },
            "Service" => |name| name.contains(".amazonaws.com") || name.ends_with(".amazon.com"),
            "Federated" | "CanonicalUser" => |name| !name.is_empty(),
            _ => return Err(syntax()),
        };
        for name in strings(named)? {
            if !is_right(name) {
                let kind = kind.to_ascii_uppercase();
                return Err(malformed(format!("Invalid principal in policy: \"{kind}\":\"{name}\"")));
            }
        }
    }
    Ok(())
}

fn check_condition_value(value: &Value) -> Result<(), ApiError> {
    let is_scalar = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
    match value {
        Value::Array(several) if several.iter().all(is_scalar) => Ok(()),
        one if is_scalar(one) => Ok(()),
        _ => Err(syntax()),
    }
}

fn only(object: &Map<String, Value>, known: &[&str]) -> Result<(), ApiError> {
    if object.keys().all(|key| known.contains(&key.as_str())) { Ok(()) } else { Err(syntax()) }
}

/// How long a document is to AWS's limits: white space does not count.
pub(super) fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// A document as answers carry it: percent-encoded by RFC 3986.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn malformed(message: impl Into<String>) -> ApiError {
    ApiError::new("MalformedPolicyDocument", message.into())
}

fn syntax() -> ApiError {
    malformed("Syntax errors in policy.")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn refusal(document: &Value, purpose: Purpose) -> String {
        match check(&document.to_string(), purpose) {
            Ok(()) => String::new(),
            Err(error) => error.message.into_owned(),
        }
    }

    fn with(statement: Value) -> Value {
        json!({"Version": "2012-10-17", "Statement": [statement]})
    }

    #[test]
    fn what_people_write_is_taken() {
        for statement in [
            json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}),
            json!({"Effect": "Allow", "Action": ["ecs:*", "*"], "Resource": ["*"], "Sid": "all"}),
            json!({"Effect": "Deny", "NotAction": "iam:*", "NotResource": "*", "Sid": "",
                "Condition": {"StringEquals": {"aws:RequestedRegion": ["eu-west-1"]}, "Bool": {"a": true}}}),
        ] {
            assert_eq!(refusal(&with(statement.clone()), Purpose::Identity), "", "{statement}");
            assert_eq!(
                refusal(&json!({"Version": "2012-10-17", "Statement": statement}), Purpose::Identity),
                ""
            );
        }
        for principal in [
            json!("*"),
            json!({"Service": "ecs-tasks.amazonaws.com"}),
            json!({"AWS": ["123456789012", "arn:aws:iam::123456789012:root"]}),
            json!({"Federated":
                "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"}),
        ] {
            let statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal});
            assert_eq!(refusal(&with(statement), Purpose::Trust), "", "{principal}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_document_is_said_in_aws_s_words() {
        let action = json!({"Effect": "Allow", "Action": "s3:GetObject"});
        let cases = [
            (json!([]), "Syntax errors in policy."),
            (json!({"Version": "2012-10-17"}), "Syntax errors in policy."),
            (json!({"Version": "2012-10-17", "Statement": []}), "Syntax errors in policy."),
            (json!({"Version": "2012-10-17", "Statement": ["x"]}), "Syntax errors in policy."),
            (
                json!({"Version": "2020-01-01", "Statement": []}),
                "The policy must contain a valid version string",
            ),
            (json!({"Statement": [action]}), "Policy document must be version 2012-10-17 or greater."),
            (json!({"Version": "2012-10-17", "Statement": [], "More": 1}), "Syntax errors in policy."),
            (with(action.clone()), "Policy statement must contain resources."),
            (with(json!({"Effect": "Allow", "Resource": "*"})), "Policy statement must contain actions."),
            (with(json!({"Action": "*", "Resource": "*"})), "Missing required field Effect"),
            (with(json!({"Effect": "allow", "Action": "*", "Resource": "*"})), "Syntax errors in policy."),
            (
                with(json!({"Effect": "Allow", "Action": "GetObject", "Resource": "*"})),
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ),
            (
                with(json!({"Effect": "Allow", "Action": "s 3:GetObject", "Resource": "*"})),
                "Vendor s 3 is not valid",
            ),
            (
                with(json!({"Effect": "Allow", "Action": "*", "Resource": "bucket"})),
                "Resource bucket must be in ARN format or \"*\".",
            ),
            (
                with(json!({"Effect": "Allow", "Action": "*", "Resource": "arn:cloud:s3:::b"})),
                "Partition \"cloud\" is not valid for resource \"arn:cloud:s3:::b\".",
            ),
            (
                with(json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"})),
                "Policy document should not specify a principal.",
            ),
            (
                with(json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": 1}})),
                "Syntax errors in policy.",
            ),
            (
                json!({"Version": "2012-10-17", "Statement": [
                    {"Sid": "a", "Effect": "Allow", "Action": "*", "Resource": "*"},
                    {"Sid": "a", "Effect": "Allow", "Action": "*", "Resource": "*"},
                ]}),
                "Statement IDs (SID) in a single policy must be unique.",
            ),
        ];
        for (document, expected) in cases {
            assert_eq!(refusal(&document, Purpose::Identity), expected, "{document}");
        }
        let cases = [
            (action, "Missing required field Principal"),
            (
                json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*", "Resource": "*"}),
                "Has prohibited field Resource",
            ),
            (
                json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks"}}),
                "Invalid principal in policy: \"SERVICE\":\"ecs-tasks\"",
            ),
            (
                json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Machine": "m"}}),
                "Syntax errors in policy.",
            ),
        ];
        for (statement, expected) in cases {
            assert_eq!(refusal(&with(statement.clone()), Purpose::Trust), expected, "{statement}");
        }
        let error = check("{", Purpose::Trust).unwrap_err();
        assert_eq!(error.to_string(), "MalformedPolicyDocument: This policy contains invalid Json");
    }

    #[test]
    fn documents_are_percent_encoded_and_measured_without_white_space() {
        assert_eq!(encoded("{\"a\": \"ü~\"}"), "%7B%22a%22%3A%20%22%C3%BC~%22%7D");
        assert_eq!(size("{ \"a\":\n\t1 }"), 7);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = check(&text, Purpose::Identity);
            let _ = check(&text, Purpose::Trust);
        }
    }
}
