//! What each use of Tidegate calls, and on what. Start at [`Use::grant`].
//!
//! A use holds all that its commands call on every way through them, a failed rollout's included.

use tidegate_rollout::{
    Strategy,
    gate::Check,
    strategy::{Candidate, DeploymentGroup},
};

use crate::{Subject, document::Policy};

/// Commands that are granted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// To look: `status`, `watch`, `wait`, `tasks`, `history`, `logs`, `diff`, `deploy --dry-run`.
    Look,
    /// To deploy: `deploy`, `resume`, `pause`, `promote`, `abort`, `rollback`; looking included.
    Deploy,
    /// To run a one-off task: `run`; looking included.
    Run,
    /// To set how many tasks run: `scale`; looking included.
    Scale,
    /// To remove old revisions: `revisions prune`; looking included.
    Prune,
}

impl Use {
    /// All of them, by the words of the command line.
    pub const ALL: [(&'static str, Self); 5] = [
        ("look", Self::Look),
        ("deploy", Self::Deploy),
        ("run", Self::Run),
        ("scale", Self::Scale),
        ("prune", Self::Prune),
    ];

    /// Adds what it needs.
    pub(crate) fn grant(self, subject: &Subject<'_>, policy: &mut Policy) {
        look(subject, policy);
        match self {
            Self::Look => {}
            Self::Deploy => deploy(subject, policy),
            Self::Run => run(subject, policy),
            Self::Scale => scale(subject, policy),
            Self::Prune => prune(subject, policy),
        }
    }
}

/// Everything; for actions that know no resource.
fn any() -> Vec<String> {
    vec!["*".to_owned()]
}

fn look(subject: &Subject<'_>, policy: &mut Policy) {
    let services = subject.of_services("service", "");
    policy.allow(&["ecs:DescribeServices", "ecs:ListServiceDeployments"], services.clone());
    // AWS wants both the deployment and its service.
    let with = |kind: &str| subject.of_services(kind, "/*").into_iter().chain(services.clone()).collect();
    policy.allow(&["ecs:DescribeServiceDeployments"], with("service-deployment"));
    policy.allow(&["ecs:DescribeServiceRevisions"], with("service-revision"));
    policy.allow(&["ecs:DescribeTasks"], vec![subject.of_cluster("task", "*")]);
    let cluster = subject.cluster();
    let within = ("ArnEquals", "ecs:cluster", cluster.as_str());
    policy.allow_where(&["ecs:ListTasks"], vec![subject.of_cluster("container-instance", "*")], within);
    policy.allow(&["ecs:DescribeTaskDefinition"], any());
    let groups = &subject.known.log_groups;
    let streams = groups.iter().map(|group| subject.arn("logs", format!("log-group:{group}:*"))).collect();
    let streams = subject.known_or(&streams, subject.arn("logs", "log-group:*"));
    policy.allow(&["logs:FilterLogEvents", "logs:GetLogEvents"], streams);
    let balancing = [
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
    ];
    policy.allow(&balancing, any());
    match subject.strategy {
        Strategy::CodeDeploy(_, group) => look_at_code_deploy(subject, group, policy),
        Strategy::Alb(..) => policy.allow(&["ssm:GetParameter"], parameters(subject)),
        Strategy::Rolling | Strategy::Ecs(_) => {}
    }
}

fn look_at_code_deploy(subject: &Subject<'_>, group: &DeploymentGroup, policy: &mut Policy) {
    let actions = ["codedeploy:GetDeployment", "codedeploy:GetDeploymentGroup", "codedeploy:ListDeployments"];
    policy.allow(&actions, vec![deployment_group(subject, group)]);
    policy.allow(&["codedeploy:BatchGetDeploymentTargets"], any());
}

fn deploy(subject: &Subject<'_>, policy: &mut Policy) {
    policy.allow(&["ecs:TagResource", "ecs:UpdateService"], subject.of_services("service", ""));
    register(subject, policy);
    if subject.has_gate(|check| matches!(check, Check::Alarm { .. })) {
        // Composite alarms are told to those only who may see all alarms.
        policy.allow(&["cloudwatch:DescribeAlarms"], any());
    }
    let by_metrics = |check: &Check| matches!(check, Check::Metric(_) | Check::Errors(_) | Check::Latency(_));
    if subject.has_gate(by_metrics) {
        policy.allow(&["cloudwatch:GetMetricData"], any());
    }
    match subject.strategy {
        Strategy::Rolling => stop(subject, policy),
        Strategy::Ecs(_) => deploy_by_ecs(subject, policy),
        Strategy::CodeDeploy(_, group) => deploy_by_code_deploy(subject, group, policy),
        Strategy::Alb(_, candidate) => deploy_by_alb(subject, candidate, policy),
    }
}

/// A revision, with its tags and by digest.
fn register(subject: &Subject<'_>, policy: &mut Policy) {
    let family = subject.known.family.as_deref().unwrap_or("*");
    let revisions = subject.arn("ecs", format!("task-definition/{family}:*"));
    policy.allow(&["ecs:RegisterTaskDefinition", "ecs:TagResource"], vec![revisions]);
    let roles =
        subject.known_or(&subject.known.task_roles, format!("arn:aws:iam::{}:role/*", subject.account));
    let to_tasks = ("StringEquals", "iam:PassedToService", "ecs-tasks.amazonaws.com");
    policy.allow_where(&["iam:PassRole"], roles, to_tasks);
    let repositories = subject.known_or(&subject.known.repositories, subject.arn("ecr", "repository/*"));
    policy.allow(&["ecr:DescribeImages"], repositories);
}

fn stop(subject: &Subject<'_>, policy: &mut Policy) {
    let deployments = subject.of_services("service-deployment", "/*");
    let both = deployments.into_iter().chain(subject.of_services("service", "")).collect();
    policy.allow(&["ecs:StopServiceDeployment"], both);
}

fn deploy_by_ecs(subject: &Subject<'_>, policy: &mut Policy) {
    stop(subject, policy);
    let deployments = subject.of_services("service-deployment", "/*");
    let both: Vec<String> = deployments.into_iter().chain(subject.of_services("service", "")).collect();
    policy.allow(&["ecs:ContinueServiceDeployment"], both);
    let roles =
        subject.known_or(&subject.known.service_roles, format!("arn:aws:iam::{}:role/*", subject.account));
    policy.allow_where(
        &["iam:PassRole"],
        roles,
        ("StringEquals", "iam:PassedToService", "ecs.amazonaws.com"),
    );
}

fn deploy_by_code_deploy(subject: &Subject<'_>, group: &DeploymentGroup, policy: &mut Policy) {
    policy.allow(&["codedeploy:CreateDeployment"], vec![deployment_group(subject, group)]);
    let application = subject.arn("codedeploy", format!("application:{}", group.application));
    policy.allow(&["codedeploy:RegisterApplicationRevision"], vec![application]);
    policy.allow(&["codedeploy:ContinueDeployment", "codedeploy:StopDeployment"], any());
    let configs = match &group.config {
        Some(name) => format!("deploymentconfig:{name}"),
        None => "deploymentconfig:*".to_owned(),
    };
    let configs = vec![subject.arn("codedeploy", configs)];
    policy.allow(&["codedeploy:GetDeploymentConfig"], configs.clone());
    if group.config.is_none() {
        // A strategy whose numbers no predefined config has gets one of its own.
        policy.allow(&["codedeploy:CreateDeploymentConfig"], configs);
    }
}

fn deploy_by_alb(subject: &Subject<'_>, candidate: &Candidate, policy: &mut Policy) {
    let given = candidate.rule.iter().cloned().collect();
    let known = if subject.known.rules.is_empty() { &given } else { &subject.known.rules };
    let is_rule = |arn: &String| arn.contains(":listener-rule/");
    let of_rules = subject.known_or(known, subject.arn("elasticloadbalancing", "listener-rule/app/*"));
    policy.allow(&["elasticloadbalancing:ModifyRule"], of_rules.into_iter().filter(is_rule).collect());
    // The weights of a default rule are its listener's.
    let of_listeners = subject.known_or(known, subject.arn("elasticloadbalancing", "listener/app/*"));
    let listeners = of_listeners.into_iter().filter(|arn| !is_rule(arn)).collect();
    policy.allow(&["elasticloadbalancing:ModifyListener"], listeners);
    policy.allow(&["ssm:PutParameter"], parameters(subject));
    // Whether the share that was asked for is the share that flows.
    policy.allow(&["cloudwatch:GetMetricData"], any());
}

fn run(subject: &Subject<'_>, policy: &mut Policy) {
    register(subject, policy);
    let family = subject.known.family.as_deref().unwrap_or("*");
    let revisions = subject.arn("ecs", format_args!("task-definition/{family}:*"));
    let cluster = subject.cluster();
    policy.allow_where(&["ecs:RunTask"], vec![revisions], ("ArnEquals", "ecs:cluster", &cluster));
    policy.allow(&["ecs:StopTask"], vec![subject.of_cluster("task", "*")]);
    policy.allow(&["ecs:DeregisterTaskDefinition"], any());
}

fn scale(subject: &Subject<'_>, policy: &mut Policy) {
    policy.allow(&["ecs:UpdateService"], subject.of_services("service", ""));
    let targets = subject.arn("application-autoscaling", "scalable-target/*");
    policy.allow(&["application-autoscaling:RegisterScalableTarget"], vec![targets]);
    let reads = [
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        "application-autoscaling:DescribeScheduledActions",
    ];
    policy.allow(&reads, any());
}

/// It looks at every service and task of the account's region: what it cannot see may be needed.
fn prune(subject: &Subject<'_>, policy: &mut Policy) {
    let lists = ["ecs:ListClusters", "ecs:ListServices", "ecs:ListTasks", "ecs:ListTaskDefinitions"];
    policy.allow(&lists, any());
    policy.allow(&["ecs:DeregisterTaskDefinition"], any());
    let reads = ["ecs:DescribeServices", "ecs:ListServiceDeployments", "ecs:DescribeServiceRevisions"];
    policy.allow(&reads, vec![subject.arn("ecs", "service/*")]);
    policy.allow(&["ecs:DescribeServiceRevisions"], vec![subject.arn("ecs", "service-revision/*")]);
    policy.allow(&["ecs:DescribeTasks"], vec![subject.arn("ecs", "task/*")]);
    policy.allow(&["ssm:GetParameter"], vec![subject.arn("ssm", "parameter/tidegate/*")]);
}

/// Where the progress of a rollout and what was asked of it are kept.
fn parameters(subject: &Subject<'_>) -> Vec<String> {
    let name = format!("tidegate/{}/{}", subject.target.cluster.short(), subject.target.service.short());
    vec![
        subject.arn("ssm", format_args!("parameter/{name}")),
        subject.arn("ssm", format_args!("parameter/{name}/request")),
    ]
}

fn deployment_group(subject: &Subject<'_>, group: &DeploymentGroup) -> String {
    subject.arn("codedeploy", format_args!("deploymentgroup:{}/{}", group.application, group.group))
}
