//! What a policy document says to one question. Documents that IAM would not take allow nothing here. Start at
//! [`Document::answer`].
//!
//! The order of IAM: what one statement denies is denied, else what one allows is allowed, else nothing is said.
//! A condition whose operator is not known here never holds in an Allow and always does in a Deny, so that what is not
//! understood never lets anybody through.

use std::collections::BTreeMap;

use serde_json::Value;

use super::pattern;

/// One question: may this be done?
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// Such as `ecs:UpdateService`.
    pub action: String,
    /// The ARN of what it is done to; `*` for actions that know no resource.
    pub resource: String,
    /// Condition keys, such as `ecs:cluster`, and their values.
    pub context: BTreeMap<String, String>,
}

/// What a document says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Allows,
    Denies,
    SaysNothing,
}

/// A policy document, read.
#[derive(Debug)]
pub(super) struct Document(Vec<Value>);

impl Document {
    /// Reads a document; one that is none has no statements.
    pub(super) fn read(text: &str) -> Self {
        let document: Value = serde_json::from_str(text).unwrap_or_default();
        Self(match document.get("Statement") {
            Some(Value::Array(statements)) => statements.clone(),
            Some(statement @ Value::Object(_)) => vec![statement.clone()],
            _ => Vec::new(),
        })
    }

    /// What it says to `ask`.
    pub(super) fn answer(&self, ask: &Ask) -> Answer {
        let mut answer = Answer::SaysNothing;
        for statement in self.0.iter().filter(|statement| is_about(statement, ask)) {
            match statement.get("Effect").and_then(Value::as_str) {
                Some("Deny") if conditions_hold(statement, ask, true) => return Answer::Denies,
                Some("Allow") if conditions_hold(statement, ask, false) => answer = Answer::Allows,
                _ => {}
            }
        }
        answer
    }
}

fn is_about(statement: &Value, ask: &Ask) -> bool {
    let is_of = |element: &str, opposite: &str, fits: &dyn Fn(&str) -> bool| match statement.get(element) {
        Some(given) => strings(given).any(fits),
        None => statement.get(opposite).is_some_and(|given| !strings(given).any(fits)),
    };
    // IAM does not tell case in actions.
    let action = ask.action.to_ascii_lowercase();
    is_of("Action", "NotAction", &|wanted| pattern::matches(&wanted.to_ascii_lowercase(), &action))
        && is_of("Resource", "NotResource", &|wanted| pattern::matches(wanted, &ask.resource))
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    list.iter().filter_map(Value::as_str)
}

fn conditions_hold(statement: &Value, ask: &Ask, when_unknown: bool) -> bool {
    let Some(Value::Object(operators)) = statement.get("Condition") else { return true };
    operators.iter().all(|(operator, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.into_iter().all(|(key, wanted)| holds(operator, key, wanted, ask).unwrap_or(when_unknown))
    })
}

/// Whether one condition holds; `None` when its operator is not known here.
fn holds(operator: &str, key: &str, wanted: &Value, ask: &Ask) -> Option<bool> {
    let given = ask.context.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, given)| given);
    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let any = |fits: &dyn Fn(&str, &str) -> bool| match given {
        Some(given) => strings(wanted).any(|wanted| fits(wanted, given)),
        None => if_exists,
    };
    // What is not there is not equal to anything.
    let none = |fits: &dyn Fn(&str, &str) -> bool| {
        given.is_none_or(|given| !strings(wanted).any(|wanted| fits(wanted, given)))
    };
    let equal = |wanted: &str, given: &str| wanted == given;
    let fold = |wanted: &str, given: &str| wanted.eq_ignore_ascii_case(given);
    Some(match operator {
        "StringEquals" => any(&equal),
        "StringNotEquals" => none(&equal),
        "StringEqualsIgnoreCase" | "Bool" => any(&fold),
        "StringNotEqualsIgnoreCase" => none(&fold),
        "StringLike" | "ArnLike" | "ArnEquals" => any(&pattern::matches),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => none(&pattern::matches),
        "Null" => strings(wanted).any(|wanted| fold(wanted, if given.is_none() { "true" } else { "false" })),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SERVICE: &str = "arn:aws:ecs:eu-west-1:123456789012:service/shop/web";

    fn ask(action: &str, resource: &str) -> Ask {
        let context = [("ecs:cluster", "arn:aws:ecs:eu-west-1:123456789012:cluster/shop")];
        Ask {
            action: action.to_owned(),
            resource: resource.to_owned(),
            context: context.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        }
    }

    fn answer(statements: Value, ask: &Ask) -> Answer {
        Document::read(&json!({ "Version": "2012-10-17", "Statement": statements }).to_string()).answer(ask)
    }

    #[test]
    fn what_one_statement_denies_is_denied_whoever_allows_it() {
        let allow = json!({ "Effect": "Allow", "Action": "ecs:*", "Resource": "*" });
        let deny = json!({ "Effect": "Deny", "Action": ["ECS:updateservice"], "Resource": [SERVICE] });
        let update = ask("ecs:UpdateService", SERVICE);
        assert_eq!(answer(json!([deny, allow]), &update), Answer::Denies);
        assert_eq!(answer(json!([allow, deny]), &update), Answer::Denies);
        assert_eq!(answer(json!([allow, deny]), &ask("ecs:UpdateService", "other")), Answer::Allows);
        assert_eq!(answer(json!([deny]), &ask("ecs:DeleteService", SERVICE)), Answer::SaysNothing);
        assert_eq!(answer(json!(allow), &update), Answer::Allows);
    }

    #[test]
    fn all_but_is_the_opposite() {
        let but =
            json!({ "Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:ecs:*:*:cluster/*" });
        assert_eq!(answer(but.clone(), &ask("ecs:UpdateService", SERVICE)), Answer::Allows);
        assert_eq!(answer(but.clone(), &ask("iam:PassRole", SERVICE)), Answer::SaysNothing);
        let cluster = "arn:aws:ecs:eu-west-1:123456789012:cluster/shop";
        assert_eq!(answer(but, &ask("ecs:DeleteCluster", cluster)), Answer::SaysNothing);
    }

    #[test]
    fn conditions_hold_by_their_operators() {
        let with = |effect: &str, condition: Value| {
            let statement =
                json!({ "Effect": effect, "Action": "*", "Resource": "*", "Condition": condition });
            answer(statement, &ask("ecs:ListTasks", "*"))
        };
        let cluster = "arn:aws:ecs:eu-west-1:123456789012:cluster/shop";
        for (condition, answer) in [
            (json!({ "ArnEquals": { "ecs:cluster": cluster } }), Answer::Allows),
            (json!({ "ArnLike": { "ECS:Cluster": "arn:aws:ecs:*:*:cluster/s*" } }), Answer::Allows),
            (json!({ "StringEquals": { "ecs:cluster": ["x", cluster] } }), Answer::Allows),
            (json!({ "StringEquals": { "ecs:cluster": "arn:aws:ecs:*" } }), Answer::SaysNothing),
            (json!({ "StringNotEquals": { "ecs:cluster": cluster } }), Answer::SaysNothing),
            (json!({ "StringNotLike": { "ecs:cluster": "*other" } }), Answer::Allows),
            (json!({ "StringEquals": { "aws:PrincipalTag/team": "web" } }), Answer::SaysNothing),
            (json!({ "StringEqualsIfExists": { "aws:PrincipalTag/team": "web" } }), Answer::Allows),
            (json!({ "Null": { "aws:PrincipalTag/team": "true" } }), Answer::Allows),
            (json!({ "Null": { "ecs:cluster": "true" } }), Answer::SaysNothing),
            (
                json!({ "ArnEquals": { "ecs:cluster": cluster }, "Bool": { "x": "true" } }),
                Answer::SaysNothing,
            ),
            (json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } }), Answer::SaysNothing),
        ] {
            assert_eq!(with("Allow", condition.clone()), answer, "{condition}");
        }
        assert_eq!(with("Deny", json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } })), Answer::Denies);
    }

    #[test]
    fn what_is_no_document_says_nothing() {
        for text in ["", "[]", "{}", r#"{"Statement": 7}"#, r#"{"Statement": [{"Effect": "Allow"}]}"#] {
            assert_eq!(
                Document::read(text).answer(&ask("ecs:ListTasks", "*")),
                Answer::SaysNothing,
                "{text}"
            );
        }
    }
}
