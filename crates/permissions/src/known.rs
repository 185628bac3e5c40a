//! What a look at the running service tells of what a policy must name. Start at [`Known::of`].

use std::collections::BTreeSet;

use serde_json::Value;

/// What a look at the running service tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The account that the service is in: twelve digits.
    pub account: Option<String>,
    /// The family of its task definitions.
    pub family: Option<String>,
    /// The ARNs of the task role and the execution role.
    pub task_roles: BTreeSet<String>,
    /// The ARNs of the roles that ECS itself is given: for load balancers and hooks.
    pub service_roles: BTreeSet<String>,
    /// The ARNs of the ECR repositories of its images.
    pub repositories: BTreeSet<String>,
    /// The names of its log groups.
    pub log_groups: BTreeSet<String>,
    /// The ARNs of the listener rules, or of the listeners, whose weights are moved.
    pub rules: BTreeSet<String>,
    /// Whether these are all, as somebody looked, or nobody looked.
    pub looked: Looked,
}

/// Whether somebody looked at the running service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Looked {
    /// What is not listed is not there.
    Yes,
    /// What is not listed may be there.
    #[default]
    No,
}

impl Known {
    /// What one item of `services[]` and its `taskDefinition` tell, as AWS describes them.
    pub fn of(service: &Value, definition: &Value) -> Self {
        let account = service["serviceArn"].as_str().and_then(|arn| arn.split(':').nth(4)).map(str::to_owned);
        let role = |name: &str| definition[name].as_str().map(|role| role_arn(role, account.as_deref()));
        let mut service_roles = BTreeSet::new();
        for member in ["loadBalancers", "deploymentConfiguration", "deployments"] {
            role_arns(&service[member], &mut service_roles);
        }
        let containers = || definition["containerDefinitions"].as_array().into_iter().flatten();
        let log_group = |container: &Value| {
            let configuration = &container["logConfiguration"];
            let group = configuration["options"]["awslogs-group"].as_str()?;
            (configuration["logDriver"] == "awslogs").then(|| group.to_owned())
        };
        let repository = |container: &Value| repository_arn(container["image"].as_str()?);
        Self {
            family: definition["family"].as_str().map(str::to_owned),
            task_roles: ["taskRoleArn", "executionRoleArn"].into_iter().filter_map(role).collect(),
            service_roles,
            repositories: containers().filter_map(repository).collect(),
            log_groups: containers().filter_map(log_group).collect(),
            rules: BTreeSet::new(),
            looked: Looked::Yes,
            account,
        }
    }
}

impl Known {
    /// With what the next task definition names, too: a document that nobody has registered yet.
    #[must_use]
    pub fn and_next(mut self, document: &Value) -> Self {
        let next = Self::of(&Value::Null, document);
        let account = self.account.as_deref();
        let named = next.task_roles.into_iter().map(|role| match account {
            Some(account) => role.replacen(":*:", &format!(":{account}:"), 1),
            None => role,
        });
        self.task_roles.extend(named);
        self.repositories.extend(next.repositories);
        self.log_groups.extend(next.log_groups);
        self.family = next.family.or(self.family);
        self
    }

    /// With the repository of the next image, if it is one of ECR.
    #[must_use]
    pub fn and_image(mut self, image: &str) -> Self {
        self.repositories.extend(repository_arn(image));
        self
    }
}

/// A task definition may name a role without its ARN.
fn role_arn(role: &str, account: Option<&str>) -> String {
    if role.starts_with("arn:") {
        return role.to_owned();
    }
    format!("arn:aws:iam::{}:role/{role}", account.unwrap_or("*"))
}

/// The values of every member `roleArn`, however deep.
fn role_arns(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| match value.as_str() {
            Some(role) if name == "roleArn" => {
                found.insert(role.to_owned());
            }
            _ => role_arns(value, found),
        }),
        Value::Array(values) => values.iter().for_each(|value| role_arns(value, found)),
        _ => {}
    }
}

/// `123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web:v1`
fn repository_arn(image: &str) -> Option<String> {
    let (host, rest) = image.split_once('/')?;
    let [account, "dkr", "ecr", region, ..] = host.split('.').collect::<Vec<_>>()[..] else { return None };
    let name = rest.split_once('@').map_or(rest, |(name, _)| name);
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    Some(format!("arn:aws:ecr:{region}:{account}:repository/{name}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_look_tells_roles_repositories_and_log_groups() {
        let service = json!({
            "serviceArn": "arn:aws:ecs:eu-west-1:123456789012:service/shop/web",
            "loadBalancers": [{ "advancedConfiguration": { "roleArn": "arn:aws:iam::123456789012:role/infra" } }],
            "deploymentConfiguration": {
                "lifecycleHooks": [{ "roleArn": "arn:aws:iam::123456789012:role/hooks" }],
            },
        });
        let logs = json!({ "logDriver": "awslogs", "options": { "awslogs-group": "/ecs/web" } });
        let definition = json!({
            "family": "web", "taskRoleArn": "app", "executionRoleArn": "arn:aws:iam::123456789012:role/pull",
            "containerDefinitions": [
                {
                    "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web:v1@sha256:ab",
                    "logConfiguration": logs,
                },
                { "image": "nginx:1", "logConfiguration": { "logDriver": "splunk" } },
            ],
        });
        let set = |of: &[&str]| of.iter().map(|&text| text.to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(
            Known::of(&service, &definition),
            Known {
                account: Some("123456789012".into()),
                family: Some("web".into()),
                task_roles: set(&[
                    "arn:aws:iam::123456789012:role/app",
                    "arn:aws:iam::123456789012:role/pull"
                ]),
                service_roles: set(&[
                    "arn:aws:iam::123456789012:role/infra",
                    "arn:aws:iam::123456789012:role/hooks"
                ]),
                repositories: set(&["arn:aws:ecr:eu-west-1:123456789012:repository/team/web"]),
                log_groups: set(&["/ecs/web"]),
                rules: BTreeSet::new(),
                looked: Looked::Yes,
            }
        );
    }

    #[test]
    fn what_comes_next_is_known_too() {
        let document = json!({
            "family": "web2", "taskRoleArn": "app",
            "containerDefinitions": [{ "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web2" }],
        });
        let known = Known { account: Some("123456789012".into()), ..Known::default() };
        let known =
            known.and_next(&document).and_image("210987654321.dkr.ecr.eu-west-1.amazonaws.com/side:1");
        assert_eq!(known.family.as_deref(), Some("web2"));
        assert_eq!(known.task_roles, BTreeSet::from(["arn:aws:iam::123456789012:role/app".to_owned()]));
        let repositories: Vec<&str> = known.repositories.iter().map(String::as_str).collect();
        assert_eq!(
            repositories,
            [
                "arn:aws:ecr:eu-west-1:123456789012:repository/web2",
                "arn:aws:ecr:eu-west-1:210987654321:repository/side",
            ]
        );
    }

    #[test]
    fn an_answer_that_lacks_everything_tells_nothing() {
        let known = Known::of(&Value::Null, &json!({ "containerDefinitions": 7 }));
        assert_eq!(known, Known { looked: Looked::Yes, ..Known::default() });
    }
}
