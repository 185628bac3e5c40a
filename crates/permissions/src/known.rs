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
    /// The ARNs of the ECR repositories of the images that are shipped, where somebody named them.
    pub shipped: BTreeSet<String>,
    /// The ARNs of the listener rules, or of the listeners, whose weights are moved.
    pub rules: BTreeSet<String>,
    /// The ARNs of the target groups of its load balancers.
    pub target_groups: BTreeSet<String>,
    /// The names of the alarms that its own deployments watch.
    pub alarms: BTreeSet<String>,
    /// The ARNs of the secrets that its containers are given.
    pub secrets: BTreeSet<String>,
    /// The names or ARNs of the parameters that its containers are given.
    pub parameters: BTreeSet<String>,
    /// `deploymentController.type`, where it is said.
    pub controller: Option<String>,
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
        let containers = || list(&definition["containerDefinitions"]);
        let log_group = |container: &Value| {
            let configuration = &container["logConfiguration"];
            let group = configuration["options"]["awslogs-group"].as_str()?;
            (configuration["logDriver"] == "awslogs").then(|| group.to_owned())
        };
        let repository = |container: &Value| repository_arn(container["image"].as_str()?);
        let alarms = &service["deploymentConfiguration"]["alarms"];
        let given = containers().flat_map(given);
        let (secrets, parameters): (BTreeSet<&str>, BTreeSet<&str>) = given.partition(|from| is_secret(from));
        Self {
            family: definition["family"].as_str().map(str::to_owned),
            task_roles: ["taskRoleArn", "executionRoleArn"].into_iter().filter_map(role).collect(),
            service_roles,
            repositories: containers().filter_map(repository).collect(),
            log_groups: containers().filter_map(log_group).collect(),
            target_groups: target_groups(service),
            alarms: list(&alarms["alarmNames"])
                .filter(|_| alarms["enable"] == true)
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
            secrets: secrets.into_iter().map(without_key).collect(),
            parameters: parameters.into_iter().map(str::to_owned).collect(),
            controller: service["deploymentController"]["type"].as_str().map(str::to_owned),
            shipped: BTreeSet::new(),
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

    /// With the repository of the next image, if it is one of ECR: that one is shipped.
    #[must_use]
    pub fn and_image(mut self, image: &str) -> Self {
        let repository = repository_arn(image);
        self.shipped.extend(repository.clone());
        self.repositories.extend(repository);
        self
    }

    /// Whether the task definition was read: then it has no roles but those that are listed.
    pub(crate) fn has_definition(&self) -> bool {
        self.family.is_some()
    }

    /// Whether there may be some of what is listed here.
    pub(crate) fn may_have(&self, listed: &BTreeSet<String>) -> bool {
        !listed.is_empty() || self.looked == Looked::No
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Those of the service, and of the task sets that CodeDeploy makes.
fn target_groups(service: &Value) -> BTreeSet<String> {
    let sets = list(&service["taskSets"]).flat_map(|set| list(&set["loadBalancers"]));
    let balancers = list(&service["loadBalancers"]).chain(sets);
    balancers.filter_map(|balancer| balancer["targetGroupArn"].as_str().map(str::to_owned)).collect()
}

/// Where a container gets its secrets from, its log driver's and its registry's, too.
fn given(container: &Value) -> impl Iterator<Item = &str> {
    let options = list(&container["logConfiguration"]["secretOptions"]);
    let secrets = list(&container["secrets"]).chain(options).map(|secret| &secret["valueFrom"]);
    let registry = &container["repositoryCredentials"]["credentialsParameter"];
    secrets.chain([registry]).filter_map(Value::as_str)
}

/// A `valueFrom` that is no secret names a parameter.
fn is_secret(from: &str) -> bool {
    from.split(':').nth(2) == Some("secretsmanager")
}

/// A `valueFrom` may name a key and a version behind the secret's ARN, which has seven parts.
fn without_key(from: &str) -> String {
    from.splitn(8, ':').take(7).collect::<Vec<_>>().join(":")
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
            "loadBalancers": [{
                "targetGroupArn": "arn:of:a:group",
                "advancedConfiguration": { "roleArn": "arn:aws:iam::123456789012:role/infra" },
            }],
            "deploymentConfiguration": {
                "lifecycleHooks": [{ "roleArn": "arn:aws:iam::123456789012:role/hooks" }],
                "alarms": { "enable": true, "rollback": true, "alarmNames": ["web-5xx"] },
            },
            "deploymentController": { "type": "ECS" },
        });
        let logs = json!({ "logDriver": "awslogs", "options": { "awslogs-group": "/ecs/web" } });
        let definition = json!({
            "family": "web", "taskRoleArn": "app", "executionRoleArn": "arn:aws:iam::123456789012:role/pull",
            "containerDefinitions": [
                {
                    "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web:v1@sha256:ab",
                    "logConfiguration": logs,
                    "secrets": [
                        { "valueFrom": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf:password::" },
                        { "valueFrom": "/web/key" },
                    ],
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
                shipped: BTreeSet::new(),
                rules: BTreeSet::new(),
                target_groups: set(&["arn:of:a:group"]),
                alarms: set(&["web-5xx"]),
                secrets: set(&["arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"]),
                parameters: set(&["/web/key"]),
                controller: Some("ECS".into()),
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
        let shipped = BTreeSet::from(["arn:aws:ecr:eu-west-1:210987654321:repository/side".to_owned()]);
        assert_eq!(known.shipped, shipped, "what the document names beside it is not pushed");
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
