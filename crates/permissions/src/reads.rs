//! What the uses call that change nothing. Start at [`look`].

use tidegate_rollout::{Strategy, strategy::DeploymentGroup};

use crate::{Looked, Subject, any, document::Policy};

/// What stands before a service.
const BALANCING: &[&str] = &[
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
];

/// What runs, what moves and what was, and why something of it failed.
pub(crate) fn look(subject: &Subject<'_>, policy: &mut Policy) {
    case(subject, policy);
    history(subject, policy);
    // The verdicts of the past are tags of revisions.
    policy.allow(&["ecs:ListTaskDefinitions"], any());
    policy.allow(&["logs:FilterLogEvents"], streams(subject));
    // Whether Tidegate itself is at a rollout is asked of every service: the config may have been another one.
    policy.allow(&["ssm:GetParameter"], vec![subject.parameter("")]);
    match subject.strategy {
        Strategy::Rolling => {}
        // How much of the traffic the candidate really has.
        Strategy::Ecs(_) | Strategy::Alb(..) => policy.allow(&["cloudwatch:GetMetricData"], any()),
        Strategy::CodeDeploy(_, group) => {
            policy.allow(&["codedeploy:GetDeploymentGroup"], vec![subject.deployment_group(group)]);
            policy.allow(&["codedeploy:BatchGetDeploymentTargets"], any());
            // Whatever config moves the deployment that is watched, also one that somebody else began.
            let configs = vec![subject.arn("codedeploy", "deploymentconfig:*")];
            policy.allow(&["codedeploy:GetDeploymentConfig"], configs);
        }
    }
}

/// Why a deployment fails; of a service that is not there, which others its cluster has.
pub(crate) fn diagnose(subject: &Subject<'_>, policy: &mut Policy) {
    case(subject, policy);
    if !matches!(subject.strategy, Strategy::CodeDeploy(..)) {
        policy.allow(&["ecs:ListServiceDeployments"], subject.of_services("service", ""));
    }
    let cluster = subject.cluster();
    policy.allow_where(&["ecs:ListServices"], any(), ("ArnEquals", "ecs:cluster", &cluster));
}

/// The picture that the rules of `check` look at.
pub(crate) fn check(subject: &Subject<'_>, policy: &mut Policy) {
    let known = &subject.known;
    policy.allow(&["ecs:DescribeServices"], subject.of_services("service", ""));
    policy.allow(&["ecs:DescribeTaskDefinition"], any());
    match subject.strategy {
        Strategy::CodeDeploy(_, group) => deployments(subject, group, policy),
        _ => history(subject, policy),
    }
    if known.may_have(&known.target_groups) {
        policy.allow(BALANCING, any());
        policy.allow(&["elasticloadbalancing:DescribeLoadBalancerAttributes"], any());
    }
    alarms(subject, policy);
    let repositories = subject.known_or(&known.repositories, subject.arn("ecr", "repository/*"));
    policy.allow(&["ecr:DescribeImages", "ecr:DescribeRepositories"], repositories);
    let roles = known.task_roles.union(&known.service_roles).cloned().collect();
    policy.allow(&["iam:GetRole"], subject.known_or(&roles, subject.any_role()));
    let secrets = subject.known_or(&known.secrets, subject.arn("secretsmanager", "secret:*"));
    policy.allow(&["secretsmanager:DescribeSecret"], secrets);
    if known.may_have(&known.parameters) {
        policy.allow(&["ssm:DescribeParameters"], any());
    }
    if known.may_have(&known.log_groups) {
        // AWS asks for it on the group of no name.
        policy.allow(&["logs:DescribeLogGroups"], vec![subject.arn("logs", "log-group:*")]);
    }
}

/// What the files of `init service` are made from.
pub(crate) fn init(subject: &Subject<'_>, policy: &mut Policy) {
    policy.allow(
        &["ecs:DescribeServices"],
        vec![subject.of_cluster("service", subject.target.service.short())],
    );
    policy.allow(&["ecs:DescribeTaskDefinition"], any());
    let may_be_code_deploy_s = match subject.known.controller.as_deref() {
        Some(controller) => controller == "CODE_DEPLOY",
        // AWS leaves out what is usual: ECS.
        None => subject.known.looked == Looked::No,
    };
    if may_be_code_deploy_s {
        // No call answers which deployment group a service has: all are looked through.
        policy.allow(&["codedeploy:ListApplications"], any());
        let applications = subject.arn("codedeploy", "application:*");
        policy.allow(&["codedeploy:ListDeploymentGroups"], vec![applications.clone()]);
        let groups = subject.arn("codedeploy", "deploymentgroup:*");
        policy.allow(&["codedeploy:BatchGetDeploymentGroups"], vec![applications, groups]);
        policy.allow(
            &["codedeploy:GetDeploymentConfig"],
            vec![subject.arn("codedeploy", "deploymentconfig:*")],
        );
    }
}

/// All that may tell why a service does not get where it should.
fn case(subject: &Subject<'_>, policy: &mut Policy) {
    policy.allow(&["ecs:DescribeServices"], subject.of_services("service", ""));
    policy.allow(&["ecs:DescribeTaskDefinition"], any());
    policy.allow(&["ecs:DescribeTasks"], vec![subject.of_cluster("task", "*")]);
    let cluster = subject.cluster();
    let within = ("ArnEquals", "ecs:cluster", cluster.as_str());
    policy.allow_where(&["ecs:ListTasks"], vec![subject.of_cluster("container-instance", "*")], within);
    policy.allow(&["logs:GetLogEvents"], streams(subject));
    if subject.known.may_have(&subject.known.target_groups) {
        policy.allow(BALANCING, any());
    }
    alarms(subject, policy);
    match subject.strategy {
        Strategy::CodeDeploy(_, group) => deployments(subject, group, policy),
        _ => {
            policy.allow(&["ecs:DescribeServiceDeployments"], with_services(subject, "service-deployment"));
            policy.allow(&["ecs:DescribeServiceRevisions"], with_services(subject, "service-revision"));
        }
    }
}

/// The deployments of the last 90 days by ECS, which has none of those by CodeDeploy.
fn history(subject: &Subject<'_>, policy: &mut Policy) {
    if matches!(subject.strategy, Strategy::CodeDeploy(..)) {
        return;
    }
    policy.allow(&["ecs:ListServiceDeployments"], subject.of_services("service", ""));
    policy.allow(&["ecs:DescribeServiceRevisions"], with_services(subject, "service-revision"));
}

/// The deployments of a group, and what each of them brought.
fn deployments(subject: &Subject<'_>, group: &DeploymentGroup, policy: &mut Policy) {
    let actions = ["codedeploy:GetDeployment", "codedeploy:ListDeployments"];
    policy.allow(&actions, vec![subject.deployment_group(group)]);
    policy.allow(&["codedeploy:GetApplicationRevision"], vec![subject.application(group)]);
}

/// Composite alarms are told to those only who may see all alarms.
fn alarms(subject: &Subject<'_>, policy: &mut Policy) {
    if subject.has_alarms() {
        policy.allow(&["cloudwatch:DescribeAlarms"], any());
    }
}

/// What is of a service's deployments, with the services: AWS wants both.
pub(crate) fn with_services(subject: &Subject<'_>, kind: &str) -> Vec<String> {
    subject.of_services(kind, "/*").into_iter().chain(subject.of_services("service", "")).collect()
}

/// The streams of the log groups.
fn streams(subject: &Subject<'_>) -> Vec<String> {
    let groups = &subject.known.log_groups;
    let streams = groups.iter().map(|group| subject.arn("logs", format!("log-group:{group}:*"))).collect();
    subject.known_or(&streams, subject.arn("logs", "log-group:*"))
}
