//! The least that an identity must be allowed for what it does: an IAM policy of one service and its way of deploying. It
//! must never grant what no command of the given purposes calls; AWS's own roles (ECS's infrastructure role, CodeDeploy's
//! service role) are not its matter. Start with [`policy`].
//!
//! What an action may be limited to follows AWS's Service Authorization Reference. Where an action takes no resource, as
//! `DescribeTaskDefinition` and all of Elastic Load Balancing's reads, the policy says `*`.

use crate::gate::{Check, Gate};
use crate::strategy::{Controller, Strategy};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What somebody is to be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// `status`, `watch`, `wait`, `tasks`, `logs`, `history`, `revisions`, `diff`, `render`.
    Look,
    /// `deploy`, `resume`, `pause`, `promote`, `abort`.
    Deploy,
    /// `rollback`.
    Rollback,
    /// `run`.
    Run,
    /// `scale`.
    Scale,
    /// `revisions prune`.
    Prune,
}

impl Purpose {
    /// All of them with their names.
    pub const ALL: [(&'static str, Self); 6] = [
        ("look", Self::Look),
        ("deploy", Self::Deploy),
        ("rollback", Self::Rollback),
        ("run", Self::Run),
        ("scale", Self::Scale),
        ("prune", Self::Prune),
    ];
}

/// Which service, and how it is deployed.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    /// The region, or `*`.
    pub region: String,
    /// The account's twelve digits, or `*`.
    pub account: String,
    /// The cluster's name.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// The task definition's family, or `*`.
    pub family: String,
    /// The ARNs of the task role and the execution role; where none is known any role that ECS may give to tasks.
    pub roles: Vec<String>,
    /// How it is deployed.
    pub strategy: Strategy,
    /// Its gates.
    pub gates: Vec<Gate>,
}

/// Statements by the resources that they are for.
#[derive(Default)]
struct Grants(BTreeMap<(Vec<String>, Option<String>), BTreeSet<&'static str>>);

impl Grants {
    fn on(&mut self, resources: &[String], actions: &[&'static str]) {
        self.0.entry((resources.to_vec(), None)).or_default().extend(actions);
    }

    /// On everything in this cluster.
    fn in_cluster(&mut self, resources: &[String], cluster: &str, actions: &[&'static str]) {
        self.0.entry((resources.to_vec(), Some(cluster.to_owned()))).or_default().extend(actions);
    }
}

/// The policy document.
pub fn policy(scope: &Scope, purposes: &BTreeSet<Purpose>) -> Value {
    let arns = Arns::in_scope(scope);
    let mut grants = Grants::default();
    let any = |wanted: &[Purpose]| wanted.iter().any(|purpose| purposes.contains(purpose));
    if purposes.is_empty() {
        return json!({"Version": "2012-10-17", "Statement": []});
    }
    grants.on(&arns.services, &["ecs:DescribeServices"]);
    if any(&[Purpose::Look, Purpose::Deploy, Purpose::Rollback, Purpose::Run, Purpose::Prune]) {
        grants.on(&arns.everything, &["ecs:DescribeTaskDefinition"]);
    }
    if any(&[Purpose::Look, Purpose::Deploy, Purpose::Rollback]) {
        watching(scope, &arns, &mut grants);
    }
    if any(&[Purpose::Look, Purpose::Prune]) {
        grants.on(&arns.everything, &["ecs:ListTaskDefinitions"]);
        grants.in_cluster(&arns.everything, &arns.cluster, &["ecs:ListServices"]);
        grants.on(&arns.services_of_cluster, &["ecs:DescribeServices"]);
    }
    if any(&[Purpose::Deploy, Purpose::Rollback]) {
        moving(scope, &arns, &mut grants);
    }
    if any(&[Purpose::Deploy, Purpose::Rollback, Purpose::Run]) {
        registering(&arns, &mut grants);
    }
    if purposes.contains(&Purpose::Run) {
        running(&arns, &mut grants);
    }
    if purposes.contains(&Purpose::Scale) {
        grants.on(&arns.services, &["ecs:UpdateService"]);
        grants.on(
            &arns.everything,
            &[
                "application-autoscaling:DescribeScalableTargets",
                "application-autoscaling:DescribeScalingPolicies",
                "application-autoscaling:DescribeScheduledActions",
                "application-autoscaling:RegisterScalableTarget",
            ],
        );
    }
    if purposes.contains(&Purpose::Prune) {
        // It looks at every service and task of the account's region: what it cannot see may be needed.
        let all = ["ecs:ListClusters", "ecs:ListServices", "ecs:ListTasks", "ecs:DeregisterTaskDefinition"];
        grants.on(&arns.everything, &all);
        let reads = ["ecs:DescribeServices", "ecs:ListServiceDeployments"];
        grants.on(&[arns.ecs("service/*")], &reads);
        grants.on(&[arns.ecs("service-revision/*")], &["ecs:DescribeServiceRevisions"]);
        grants.on(&[arns.ecs("task/*")], &["ecs:DescribeTasks"]);
        grants.on(&[arns.of("ssm", "parameter/tidegate/*")], &["ssm:GetParameter"]);
    }
    let mut statements: Vec<Value> = grants.0.iter().map(statement).collect();
    if any(&[Purpose::Deploy, Purpose::Rollback, Purpose::Run]) {
        statements.push(pass_role(scope, &arns));
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn statement(
    ((resources, cluster), actions): (&(Vec<String>, Option<String>), &BTreeSet<&'static str>),
) -> Value {
    let one_or_all = |list: &[String]| match list {
        [only] => json!(only),
        all => json!(all),
    };
    let mut statement = json!({"Effect": "Allow", "Action": actions, "Resource": one_or_all(resources)});
    if let Some(cluster) = cluster {
        statement["Condition"] = json!({"ArnEquals": {"ecs:cluster": cluster}});
    }
    statement
}

/// Roles are passed to tasks alone.
fn pass_role(scope: &Scope, arns: &Arns) -> Value {
    let roles = if scope.roles.is_empty() {
        vec![format!("arn:{}:iam::{}:role/*", arns.partition, scope.account)]
    } else {
        // A task definition may name a role without its ARN.
        let arn = |role: &String| {
            if role.starts_with("arn:") {
                role.clone()
            } else {
                format!("arn:{}:iam::{}:role/{role}", arns.partition, scope.account)
            }
        };
        scope.roles.iter().map(arn).collect()
    };
    json!({
        "Effect": "Allow", "Action": ["iam:PassRole"], "Resource": roles,
        "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
    })
}

/// Following a deployment, and saying why it fails.
fn watching(scope: &Scope, arns: &Arns, grants: &mut Grants) {
    grants.on(&arns.services, &["ecs:ListServiceDeployments"]);
    grants.on(&arns.deployments, &["ecs:DescribeServiceDeployments"]);
    grants.on(&arns.revisions, &["ecs:DescribeServiceRevisions"]);
    grants.in_cluster(&arns.everything, &arns.cluster, &["ecs:ListTasks"]);
    grants.on(std::slice::from_ref(&arns.tasks), &["ecs:DescribeTasks"]);
    grants.on(
        &arns.everything,
        &[
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetGroupAttributes",
            "elasticloadbalancing:DescribeTargetHealth",
        ],
    );
    grants.on(&[arns.of("logs", "log-group:*")], &["logs:FilterLogEvents", "logs:GetLogEvents"]);
    // Whether a rollout by Tidegate is under way.
    grants.on(&arns.parameters, &["ssm:GetParameter"]);
    if scope.strategy.traffic().is_some() {
        let reads = ["elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules"];
        grants.on(&arns.everything, &reads);
        grants.on(&arns.everything, &["cloudwatch:GetMetricData"]);
    }
    if let Strategy::CodeDeploy(_, group) = &scope.strategy {
        let group = format!("deploymentgroup:{}/{}", group.application, group.group);
        grants.on(
            &[arns.of("codedeploy", &group)],
            &[
                "codedeploy:BatchGetDeploymentTargets",
                "codedeploy:GetDeployment",
                "codedeploy:GetDeploymentGroup",
                "codedeploy:ListDeployments",
            ],
        );
        grants.on(&[arns.of("codedeploy", "deploymentconfig:*")], &["codedeploy:GetDeploymentConfig"]);
    }
    let asks = |wanted: fn(&Check) -> bool| scope.gates.iter().any(|gate| wanted(&gate.check));
    if asks(|check| matches!(check, Check::Alarm { .. })) {
        let alarms = scope.gates.iter().filter_map(|gate| match &gate.check {
            Check::Alarm { alarm } => Some(arns.of("cloudwatch", &format!("alarm:{alarm}"))),
            _ => None,
        });
        let alarms: BTreeSet<String> = alarms.collect();
        grants.on(&alarms.into_iter().collect::<Vec<_>>(), &["cloudwatch:DescribeAlarms"]);
    }
    if asks(|check| matches!(check, Check::Metric(_))) {
        grants.on(&arns.everything, &["cloudwatch:GetMetricData"]);
    }
}

/// What the controller is asked to do.
fn moving(scope: &Scope, arns: &Arns, grants: &mut Grants) {
    match scope.strategy.controller() {
        Controller::Ecs => {
            grants.on(&arns.services, &["ecs:UpdateService"]);
            let mut actions = vec!["ecs:StopServiceDeployment"];
            // The gates of what moves in stages are PAUSE hooks.
            if scope.strategy.traffic().is_some() {
                actions.push("ecs:ContinueServiceDeployment");
            }
            grants.on(&arns.deployments, &actions);
        }
        Controller::CodeDeploy => {
            if let Strategy::CodeDeploy(_, group) = &scope.strategy {
                let application = arns.of("codedeploy", &format!("application:{}", group.application));
                let revisions =
                    ["codedeploy:GetApplicationRevision", "codedeploy:RegisterApplicationRevision"];
                grants.on(&[application], &revisions);
                let group = format!("deploymentgroup:{}/{}", group.application, group.group);
                grants.on(
                    &[arns.of("codedeploy", &group)],
                    &[
                        "codedeploy:ContinueDeployment",
                        "codedeploy:CreateDeployment",
                        "codedeploy:StopDeployment",
                    ],
                );
            }
            grants.on(&[arns.of("codedeploy", "deploymentconfig:*")], &["codedeploy:CreateDeploymentConfig"]);
        }
        Controller::Alb => {
            grants.on(&arns.services, &["ecs:UpdateService"]);
            grants.on(&arns.deployments, &["ecs:StopServiceDeployment"]);
            grants.on(
                &[arns.of("elasticloadbalancing", "listener/app/*")],
                &["elasticloadbalancing:ModifyListener"],
            );
            grants.on(
                &[arns.of("elasticloadbalancing", "listener-rule/app/*")],
                &["elasticloadbalancing:ModifyRule"],
            );
            grants.on(&arns.parameters, &["ssm:PutParameter"]);
        }
    }
}

/// A revision with its tags, by digest.
fn registering(arns: &Arns, grants: &mut Grants) {
    grants.on(&arns.everything, &["ecs:RegisterTaskDefinition"]);
    grants.on(std::slice::from_ref(&arns.definitions), &["ecs:TagResource"]);
    grants.on(&[arns.of("ecr", "repository/*")], &["ecr:DescribeImages"]);
}

fn running(arns: &Arns, grants: &mut Grants) {
    grants.in_cluster(std::slice::from_ref(&arns.definitions), &arns.cluster, &["ecs:RunTask"]);
    grants.on(&arns.everything, &["ecs:DeregisterTaskDefinition"]);
    grants.on(std::slice::from_ref(&arns.tasks), &["ecs:DescribeTasks", "ecs:StopTask"]);
    grants.on(&[arns.of("logs", "log-group:*")], &["logs:FilterLogEvents"]);
}

/// The ARNs of a scope.
struct Arns {
    partition: &'static str,
    place: String,
    everything: Vec<String>,
    cluster: String,
    /// The service; with controller `alb` both.
    services: Vec<String>,
    services_of_cluster: Vec<String>,
    deployments: Vec<String>,
    revisions: Vec<String>,
    tasks: String,
    definitions: String,
    /// Those of the rollout that Tidegate writes down, and of what it is asked.
    parameters: Vec<String>,
}

impl Arns {
    fn in_scope(scope: &Scope) -> Self {
        let partition = match scope.region.split('-').next() {
            Some("cn") => "aws-cn",
            _ if scope.region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        let place = format!("{}:{}", scope.region, scope.account);
        let cluster = &scope.cluster;
        let ecs = |rest: String| format!("arn:{partition}:ecs:{place}:{rest}");
        let mut names = vec![scope.service.clone()];
        if let Strategy::Alb(_, candidate) = &scope.strategy {
            names.push(candidate.service.short().to_owned());
        }
        let each = |kind: &str, end: &str| {
            names.iter().map(|name| ecs(format!("{kind}/{cluster}/{name}{end}"))).collect::<Vec<_>>()
        };
        Self {
            everything: vec!["*".to_owned()],
            cluster: ecs(format!("cluster/{cluster}")),
            services: each("service", ""),
            services_of_cluster: vec![ecs(format!("service/{cluster}/*"))],
            deployments: each("service-deployment", "/*"),
            revisions: each("service-revision", "/*"),
            tasks: ecs(format!("task/{cluster}/*")),
            definitions: ecs(format!("task-definition/{}:*", scope.family)),
            parameters: ["", "/request"]
                .map(|end| {
                    let name = format!("tidegate/{cluster}/{}{end}", scope.service);
                    format!("arn:{partition}:ssm:{place}:parameter/{name}")
                })
                .to_vec(),
            partition,
            place,
        }
    }

    fn of(&self, service: &str, rest: &str) -> String {
        format!("arn:{}:{service}:{}:{rest}", self.partition, self.place)
    }

    fn ecs(&self, rest: &str) -> String {
        self.of("ecs", rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Percent;
    use crate::gate::{At, Comparison, NoEvidence};
    use crate::names::ServiceName;
    use crate::strategy::{CanaryStep, Candidate, DeploymentGroup, Traffic};
    use std::fmt::Write as _;

    fn scope(strategy: Strategy) -> Scope {
        Scope {
            region: "eu-west-1".into(),
            account: "123456789012".into(),
            cluster: "prod".into(),
            service: "web".into(),
            family: "web".into(),
            roles: vec!["arn:aws:iam::123456789012:role/web-task".into()],
            strategy,
            gates: Vec::new(),
        }
    }

    fn canary() -> Traffic {
        let steps = vec![CanaryStep { weight: Percent::whole(10), bake: 60_000 }];
        Traffic::Canary { steps, bake: 60_000 }
    }

    fn strategies() -> Vec<Strategy> {
        let group = DeploymentGroup {
            application: "shop".into(),
            group: "web".into(),
            config: None,
            hooks: BTreeMap::new(),
        };
        let candidate = Candidate { service: ServiceName::parse("web-canary").expect("valid"), rule: None };
        vec![
            Strategy::Rolling,
            Strategy::Ecs(canary()),
            Strategy::CodeDeploy(canary(), group),
            Strategy::Alb(canary(), candidate),
        ]
    }

    fn actions(policy: &Value) -> BTreeSet<String> {
        let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
        let all = statements.iter().flat_map(|it| it["Action"].as_array().cloned().unwrap_or_default());
        all.filter_map(|action| action.as_str().map(str::to_owned)).collect()
    }

    #[test]
    fn a_rolling_deployment_needs_little() {
        let policy = policy(&scope(Strategy::Rolling), &BTreeSet::from([Purpose::Deploy]));
        insta::assert_snapshot!(serde_json::to_string_pretty(&policy).expect("JSON"));
    }

    #[test]
    fn each_controller_needs_its_own_and_none_of_the_others() {
        let all = BTreeSet::from([Purpose::Deploy, Purpose::Rollback]);
        let mut table = String::new();
        for strategy in strategies() {
            let actions: Vec<String> = actions(&policy(&scope(strategy.clone()), &all)).into_iter().collect();
            let _ = write!(table, "{strategy}:\n  {}\n", actions.join("\n  "));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn whoever_only_looks_changes_nothing() {
        for strategy in strategies() {
            let granted = actions(&policy(&scope(strategy), &BTreeSet::from([Purpose::Look])));
            let reads = ["Describe", "List", "Get", "BatchGet", "FilterLogEvents"];
            let is_read = |action: &String| {
                let operation = action.split(':').nth(1).unwrap_or_default();
                reads.iter().any(|read| operation.starts_with(read))
            };
            assert!(granted.iter().all(is_read), "{granted:?}");
        }
    }

    #[test]
    fn nothing_is_granted_by_a_wildcard_and_every_purpose_is_part_of_all() {
        let all: BTreeSet<Purpose> = Purpose::ALL.iter().map(|(_, purpose)| *purpose).collect();
        for strategy in strategies() {
            let everything = actions(&policy(&scope(strategy.clone()), &all));
            assert!(everything.iter().all(|action| !action.contains('*')), "{everything:?}");
            for (name, purpose) in Purpose::ALL {
                let some = actions(&policy(&scope(strategy.clone()), &BTreeSet::from([purpose])));
                assert!(!some.is_empty() && some.is_subset(&everything), "{name}: {some:?}");
            }
        }
        assert!(actions(&policy(&scope(Strategy::Rolling), &BTreeSet::new())).is_empty());
    }

    #[test]
    fn alarms_are_read_by_their_names_and_no_others() {
        let gate = |check| Gate { name: "g".into(), check, at: At::EveryStep };
        let errors = Comparison { tolerance_points: 0.5, certainty: 99.0, too_little: NoEvidence::Wait };
        let gates = vec![gate(Check::Alarm { alarm: "web-5xx".into() }), gate(Check::Errors(errors))];
        let scope = Scope { gates, ..scope(Strategy::Ecs(canary())) };
        let policy = policy(&scope, &BTreeSet::from([Purpose::Deploy]));
        let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
        let alarms = statements.iter().find(|it| it["Action"] == json!(["cloudwatch:DescribeAlarms"]));
        assert_eq!(
            alarms.map(|it| it["Resource"].clone()),
            Some(json!("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:web-5xx"))
        );
    }
}
