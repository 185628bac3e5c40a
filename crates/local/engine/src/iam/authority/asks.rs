//! Which actions on which resources a call needs. Start at [`needed`].
//!
//! After the Service Authorization Reference of AWS, as of its tables for ECS, Elastic Load Balancing, CodeDeploy, ECR,
//! CloudWatch, CloudWatch Logs, Systems Manager and Application Auto Scaling; of what is not told here a call needs the
//! action of its own name, on the ARNs that its input names, else on `*`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::policy::Ask;
use crate::{Scope, State, ecs::records::TaskDefinition};

/// What a call of `operation` needs to be allowed. Empty for what nobody needs to be allowed.
pub(super) fn needed(
    state: &State,
    scope: &Scope,
    service: &str,
    operation: &str,
    input: &Value,
) -> Vec<Ask> {
    let call = Call { state, scope, input };
    // CloudWatch is signed for by another name than its actions have.
    let prefix = if service == "monitoring" { "cloudwatch" } else { service };
    let resources = match prefix {
        "sts" if operation == "GetCallerIdentity" => return Vec::new(),
        "ecs" => call.of_ecs(operation),
        "elasticloadbalancing" if operation.starts_with("Describe") => None,
        "codedeploy" => call.of_code_deploy(operation),
        "ecr" => call.of_ecr(),
        "logs" => Some(call.of_logs()),
        "cloudwatch" => call.of_cloudwatch(operation),
        "ssm" => call.of_ssm(operation),
        "secretsmanager" => call.text("SecretId").map(|given| vec![call.secret(given)]),
        "iam" => call.of_iam(),
        "application-autoscaling" => call
            .text("ResourceId")
            .map(|_| vec![scope.arn("application-autoscaling", "scalable-target/*")])
            .filter(|_| !operation.starts_with("Describe")),
        _ => call.named(),
    };
    let context = call.context(prefix);
    let action = format!("{prefix}:{operation}");
    let resources = resources.unwrap_or_else(|| vec!["*".to_owned()]);
    let own = resources.into_iter().map(|resource| Ask {
        action: action.clone(),
        resource,
        context: context.clone(),
    });
    own.chain(call.passed_roles(prefix, operation))
        .chain(call.tagging(prefix, operation))
        .chain(call.revision(prefix, operation))
        .collect()
}

struct Call<'a> {
    state: &'a State,
    scope: &'a Scope,
    input: &'a Value,
}

impl Call<'_> {
    fn text(&self, member: &str) -> Option<&str> {
        self.input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn texts(&self, member: &str) -> Vec<&str> {
        let list = self.input.get(member).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The ARNs that the input names at its top.
    fn named(&self) -> Option<Vec<String>> {
        let members = self.input.as_object()?.iter();
        let named: Vec<String> = members
            .filter(|(name, _)| {
                let name = name.to_ascii_lowercase();
                name.ends_with("arn") || name.ends_with("arns")
            })
            .flat_map(|(_, value)| match value {
                Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
                one => one.as_str().into_iter().collect::<Vec<_>>(),
            })
            .filter(|text| text.starts_with("arn:"))
            .map(str::to_owned)
            .collect();
        (!named.is_empty()).then_some(named)
    }

    /// The repositories that are named; all of them where none is.
    fn of_ecr(&self) -> Option<Vec<String>> {
        let named = self.text("repositoryName").into_iter().chain(self.texts("repositoryNames"));
        let named: Vec<String> =
            named.map(|name| self.scope.arn("ecr", format!("repository/{name}"))).collect();
        (!named.is_empty()).then_some(named)
    }

    fn of_ecs(&self, operation: &str) -> Option<Vec<String>> {
        Some(match operation {
            "DescribeServices" => self.texts("services").into_iter().map(|it| self.service(it)).collect(),
            "CreateService" => vec![self.service(self.text("serviceName")?)],
            "UpdateService" | "DeleteService" | "ListServiceDeployments" => {
                vec![self.service(self.text("service")?)]
            }
            "DescribeServiceDeployments" => with_their_services(&self.texts("serviceDeploymentArns")),
            "DescribeServiceRevisions" => with_their_services(&self.texts("serviceRevisionArns")),
            "StopServiceDeployment" | "ContinueServiceDeployment" => {
                with_their_services(&[self.text("serviceDeploymentArn")?])
            }
            "DescribeClusters" => match self.texts("clusters")[..] {
                [] => vec![self.cluster()],
                ref given => given.iter().map(|it| self.cluster_named(it)).collect(),
            },
            "DeleteCluster" | "UpdateCluster" | "UpdateClusterSettings" | "PutClusterCapacityProviders" => {
                vec![self.cluster()]
            }
            "ListTasks" => vec![self.of_cluster("container-instance", "*")],
            "DescribeTasks" => {
                self.texts("tasks").into_iter().map(|it| self.of_cluster("task", last(it))).collect()
            }
            "StopTask" => vec![self.of_cluster("task", last(self.text("task")?))],
            "RegisterTaskDefinition" => {
                vec![self.scope.arn("ecs", format!("task-definition/{}:*", self.text("family")?))]
            }
            "RunTask" => vec![self.task_definition(self.text("taskDefinition")?)],
            "DeleteTaskDefinitions" => {
                self.texts("taskDefinitions").into_iter().map(|it| self.task_definition(it)).collect()
            }
            "TagResource" | "UntagResource" | "ListTagsForResource" => {
                vec![self.text("resourceArn")?.to_owned()]
            }
            "CreateTaskSet" => vec![self.task_set("*")?],
            "DeleteTaskSet" | "UpdateTaskSet" => vec![self.task_set(last(self.text("taskSet")?))?],
            "DescribeTaskSets" => match self.texts("taskSets")[..] {
                [] => vec![self.task_set("*")?],
                ref given => given.iter().filter_map(|it| self.task_set(last(it))).collect(),
            },
            "UpdateServicePrimaryTaskSet" => vec![self.service(self.text("service")?)],
            _ => return None,
        })
    }

    fn of_code_deploy(&self, operation: &str) -> Option<Vec<String>> {
        let arn = |resource: String| Some(vec![self.scope.arn("codedeploy", resource)]);
        let application = self.text("applicationName");
        let group = self.text("deploymentGroupName").or_else(|| self.text("currentDeploymentGroupName"));
        match (operation, application, group) {
            ("GetDeployment", ..) => Some(vec![self.deployment_group(self.text("deploymentId")?)?]),
            ("CreateDeploymentConfig" | "GetDeploymentConfig" | "DeleteDeploymentConfig", ..) => {
                arn(format!("deploymentconfig:{}", self.text("deploymentConfigName")?))
            }
            (_, Some(application), Some(group)) => arn(format!("deploymentgroup:{application}/{group}")),
            (_, Some(application), None) => arn(format!("application:{application}")),
            _ => None,
        }
    }

    fn of_logs(&self) -> Vec<String> {
        let named = self.text("logGroupName").or_else(|| self.text("logGroupIdentifier")).unwrap_or_default();
        let group = if named.starts_with("arn:") {
            named.to_owned()
        } else {
            self.scope.arn("logs", format!("log-group:{named}"))
        };
        vec![format!("{group}:log-stream:{}", self.text("logStreamName").unwrap_or_default())]
    }

    fn of_cloudwatch(&self, operation: &str) -> Option<Vec<String>> {
        let alarm = |name: &str| self.scope.arn("cloudwatch", format!("alarm:{name}"));
        match (operation, self.text("AlarmName")) {
            (_, Some(name)) => Some(vec![alarm(name)]),
            // Composite alarms are answered to those only who may see all.
            ("DescribeAlarms", None) => None,
            _ => {
                let names = self.texts("AlarmNames");
                (!names.is_empty()).then(|| names.into_iter().map(alarm).collect())
            }
        }
    }

    fn of_ssm(&self, operation: &str) -> Option<Vec<String>> {
        let parameter = |name: &str| {
            let name = name.split_once(":parameter/").map_or(name, |(_, name)| name);
            self.scope.arn("ssm", format!("parameter/{}", name.trim_start_matches('/')))
        };
        match operation {
            "GetParametersByPath" => self.text("Path").map(|path| vec![parameter(path)]),
            "DescribeParameters" => None,
            _ => {
                let one = self.text("Name").or_else(|| self.text("ResourceId"));
                let all: Vec<String> = one.into_iter().chain(self.texts("Names")).map(parameter).collect();
                (!all.is_empty()).then_some(all)
            }
        }
    }

    fn of_iam(&self) -> Option<Vec<String>> {
        let Some(name) = self.text("RoleName") else { return self.named() };
        let key = crate::iam::records::key(&self.scope.account, name);
        let known = self.state.iam_roles.get(&key).map(|role| role.arn.clone());
        Some(vec![
            known.unwrap_or_else(|| crate::iam::records::arn(&self.scope.account, format!("role/{name}"))),
        ])
    }

    fn secret(&self, given: &str) -> String {
        if given.starts_with("arn:") {
            return given.to_owned();
        }
        let index = crate::secretsmanager::records::Secret::index(self.scope, given);
        let known = self.state.secrets.indexed_by(&index).next().map(|(arn, _)| arn.to_owned());
        known.unwrap_or_else(|| self.scope.arn("secretsmanager", format!("secret:{given}")))
    }

    fn deployment_group(&self, deployment: &str) -> Option<String> {
        let (_, deployment) = self.state.deployments.iter().find(|(_, row)| row.id == deployment)?;
        let (_, group) =
            self.state.deployment_groups.iter().find(|(_, row)| row.id == deployment.group_id)?;
        Some(group.arn.clone())
    }

    fn cluster(&self) -> String {
        self.cluster_named(self.text("cluster").unwrap_or("default"))
    }

    fn cluster_named(&self, given: &str) -> String {
        if given.starts_with("arn:") {
            given.to_owned()
        } else {
            self.scope.arn("ecs", format!("cluster/{given}"))
        }
    }

    fn of_cluster(&self, kind: &str, id: &str) -> String {
        format!("{}/{id}", self.cluster().replacen(":cluster/", &format!(":{kind}/"), 1))
    }

    fn service(&self, given: &str) -> String {
        self.of_cluster("service", last(given))
    }

    fn task_set(&self, id: &str) -> Option<String> {
        Some(self.of_cluster("task-set", &format!("{}/{id}", last(self.text("service")?))))
    }

    /// The ARN of the revision that `given` names: a bare family is its latest.
    fn task_definition(&self, given: &str) -> String {
        let arn = match given {
            arn if arn.starts_with("arn:") => arn.to_owned(),
            name => self.scope.arn("ecs", format!("task-definition/{name}")),
        };
        if last(&arn).contains(':') {
            return arn;
        }
        let latest = self.state.task_definitions.with_prefix(&arn).last();
        let latest = latest.and_then(|(_, row)| row.document.task_definition_arn.clone());
        latest.unwrap_or(arn)
    }

    fn context(&self, prefix: &str) -> BTreeMap<String, String> {
        let mut context = BTreeMap::from([("aws:RequestedRegion".to_owned(), self.scope.region.clone())]);
        if prefix == "ecs" {
            context.insert("ecs:cluster".to_owned(), self.cluster());
        }
        context
    }

    /// The roles that the call hands to AWS: `iam:PassRole` on each, by whom it is handed to.
    fn passed_roles(&self, prefix: &str, operation: &str) -> Vec<Ask> {
        let tasks = "ecs-tasks.amazonaws.com";
        let mut passed: Vec<(String, &str)> = Vec::new();
        match (prefix, operation) {
            ("ecs", "RegisterTaskDefinition") => {
                let roles = ["taskRoleArn", "executionRoleArn"].into_iter().filter_map(|it| self.text(it));
                passed.extend(roles.map(|role| (self.role(role), tasks)));
            }
            ("ecs", "RunTask") => passed.extend(self.roles_of_run().into_iter().map(|role| (role, tasks))),
            ("ecs", "CreateService" | "UpdateService") => {
                let mut roles = Vec::new();
                for member in ["loadBalancers", "deploymentConfiguration"] {
                    role_arns(&self.input[member], &mut roles);
                }
                passed.extend(roles.into_iter().map(|role| (role, "ecs.amazonaws.com")));
            }
            ("codedeploy", "CreateDeploymentGroup" | "UpdateDeploymentGroup") => {
                let role = self.text("serviceRoleArn");
                passed.extend(role.map(|role| (self.role(role), "codedeploy.amazonaws.com")));
            }
            _ => {}
        }
        passed.sort();
        passed.dedup();
        let asks = passed.into_iter().map(|(resource, to)| Ask {
            action: "iam:PassRole".to_owned(),
            resource,
            context: BTreeMap::from([("iam:PassedToService".to_owned(), to.to_owned())]),
        });
        asks.collect()
    }

    fn role(&self, given: &str) -> String {
        if given.starts_with("arn:") {
            return given.to_owned();
        }
        crate::iam::records::arn(&self.scope.account, format!("role/{given}"))
    }

    fn roles_of_run(&self) -> Vec<String> {
        let Some(given) = self.text("taskDefinition") else { return Vec::new() };
        let arn = self.task_definition(given);
        let of_definition = arn.rsplit_once(':').and_then(|(family, revision)| {
            let key = TaskDefinition::key(family, revision.parse().ok()?);
            let document = &self.state.task_definitions.get(&key)?.document;
            Some([document.task_role_arn.clone(), document.execution_role_arn.clone()])
        });
        let overridden = ["taskRoleArn", "executionRoleArn"]
            .into_iter()
            .filter_map(|it| self.input["overrides"][it].as_str().map(str::to_owned));
        of_definition.into_iter().flatten().flatten().chain(overridden).map(|role| self.role(&role)).collect()
    }

    /// CodeDeploy registers the revision that a deployment brings along.
    fn revision(&self, prefix: &str, operation: &str) -> Option<Ask> {
        if (prefix, operation) != ("codedeploy", "CreateDeployment") || self.input.get("revision").is_none() {
            return None;
        }
        let resource = self.scope.arn("codedeploy", format!("application:{}", self.text("applicationName")?));
        let action = "codedeploy:RegisterApplicationRevision".to_owned();
        Some(Ask { action, resource, context: self.context(prefix) })
    }

    /// Whoever creates something with tags must be allowed to tag it, too.
    fn tagging(&self, prefix: &str, operation: &str) -> Option<Ask> {
        let has_tags = self.input.get("tags").and_then(Value::as_array).is_some_and(|tags| !tags.is_empty());
        let creates = ["Create", "Register", "Run"].into_iter().any(|verb| operation.starts_with(verb));
        if prefix != "ecs" || !has_tags || !creates {
            return None;
        }
        let resource = match operation {
            "RunTask" => self.of_cluster("task", "*"),
            "CreateCluster" => self.cluster_named(self.text("clusterName").unwrap_or("default")),
            _ => self.of_ecs(operation)?.pop()?,
        };
        Some(Ask { action: "ecs:TagResource".to_owned(), resource, context: self.context(prefix) })
    }
}

/// What an ARN or a name ends with.
fn last(given: &str) -> &str {
    given.rsplit('/').next().unwrap_or(given)
}

/// Service deployments or revisions, each with the service that it is of: both are needed.
fn with_their_services(arns: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for arn in arns {
        all.push((*arn).to_owned());
        if let [head, cluster, service, _] = arn.split('/').collect::<Vec<_>>()[..]
            && let Some((scope, _)) = head.rsplit_once(':')
        {
            all.push(format!("{scope}:service/{cluster}/{service}"));
        }
    }
    all.sort();
    all.dedup();
    all
}

/// The values of every member `roleArn`, however deep.
fn role_arns(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(role) if name == "roleArn" => found.push(role.to_owned()),
                    _ => role_arns(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| role_arns(value, found)),
        _ => {}
    }
}
