//! From what `DescribeTaskDefinition` answers to what `RegisterTaskDefinition` takes. It must never
//! remove a key that it does not know. Start with [`registrable`].

use serde_json::Value;

/// The members of `TaskDefinition` that `RegisterTaskDefinitionRequest` does not have, by the service
/// model: sending one is an error.
pub const RESPONSE_ONLY: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];

/// Which members of the document only AWS writes, in the order of the service model: what `describe-task-definition`
/// answered was taken for a definition of one's own.
pub fn response_only(described: &Value) -> Vec<&'static str> {
    RESPONSE_ONLY
        .into_iter()
        .filter(|name| described.get(name).is_some_and(|value| !value.is_null()))
        .collect()
}

/// The document without the response-only members and without members that say nothing: `null`
/// anywhere at the top, and an empty `tags`, which AWS refuses ("Tags can not be empty.").
pub fn registrable(described: &Value) -> Value {
    let Value::Object(members) = described else {
        return described.clone();
    };
    let kept = members
        .iter()
        .filter(|(name, _)| !RESPONSE_ONLY.contains(&name.as_str()))
        .filter(|(_, value)| !value.is_null())
        .filter(|(name, value)| *name != "tags" || value.as_array().is_none_or(|tags| !tags.is_empty()))
        .map(|(name, value)| (name.clone(), value.clone()));
    Value::Object(kept.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn response_only_members_go_and_unknown_ones_stay() {
        let described = json!({
            "taskDefinitionArn": "arn", "revision": 3, "status": "ACTIVE", "requiresAttributes": [],
            "compatibilities": ["EC2"], "registeredAt": 1.5, "registeredBy": "me",
            "deregisteredAt": 2, "deleteRequestedAt": 3,
            "family": "web", "someFutureField": {"x": [1]}, "tags": [], "taskRoleArn": null});
        assert_eq!(registrable(&described), json!({"family": "web", "someFutureField": {"x": [1]}}));
    }

    #[test]
    fn members_that_only_aws_writes_are_named_so_that_somebody_can_be_told() {
        let described =
            json!({"family": "web", "status": "ACTIVE", "revision": 3, "registeredBy": null, "x": 1});
        assert_eq!(response_only(&described), ["revision", "status"]);
        assert_eq!(response_only(&json!({"family": "web"})), [""; 0]);
    }

    #[test]
    fn tags_that_say_something_stay() {
        let described = json!({"family": "web", "tags": [{"key": "team", "value": "a"}]});
        assert_eq!(registrable(&described), described);
    }
}
