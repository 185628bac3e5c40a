//! What the uses call that change something. Start at [`deploy`].

use tidegate_rollout::{
    Strategy,
    code_deploy::config::DeploymentConfig,
    strategy::{Candidate, DeploymentGroup, Traffic},
};

use crate::{Subject, any, document::Policy, reads::with_services};

/// A new revision, brought by whoever moves the service, and taken back.
pub(crate) fn deploy(subject: &Subject<'_>, policy: &mut Policy) {
    register(subject, policy);
    if subject.freeze_windows > 0 {
        policy.allow(&["ssm:PutParameter"], vec![subject.parameter("/freeze-override")]);
    }
    let is_code_deploy = matches!(subject.strategy, Strategy::CodeDeploy(..));
    if !is_code_deploy || subject.desired_count.is_some() {
        // But for the count, CodeDeploy changes the service itself.
        policy.allow(&["ecs:UpdateService"], subject.of_services("service", ""));
    }
    match subject.strategy {
        Strategy::Rolling => stop(subject, policy),
        Strategy::Ecs(_) => by_ecs(subject, policy),
        Strategy::CodeDeploy(traffic, group) => by_code_deploy(subject, traffic, group, policy),
        Strategy::Alb(_, candidate) => by_alb(subject, candidate, policy),
    }
}

/// A revision, with its tags and by digest.
fn register(subject: &Subject<'_>, policy: &mut Policy) {
    let known = &subject.known;
    policy.allow(&["ecs:RegisterTaskDefinition", "ecs:TagResource"], vec![revisions(subject)]);
    let roles = if known.has_definition() {
        known.task_roles.iter().cloned().collect()
    } else {
        subject.known_or(&known.task_roles, subject.any_role())
    };
    let to_tasks = ("StringEquals", "iam:PassedToService", "ecs-tasks.amazonaws.com");
    policy.allow_where(&["iam:PassRole"], roles, to_tasks);
    let repositories = subject.known_or(&known.repositories, subject.arn("ecr", "repository/*"));
    policy.allow(&["ecr:DescribeImages"], repositories);
}

/// All revisions of the family, those to come included.
fn revisions(subject: &Subject<'_>) -> String {
    let family = subject.known.family.as_deref().unwrap_or("*");
    subject.arn("ecs", format_args!("task-definition/{family}:*"))
}

fn stop(subject: &Subject<'_>, policy: &mut Policy) {
    policy.allow(&["ecs:StopServiceDeployment"], with_services(subject, "service-deployment"));
}

fn by_ecs(subject: &Subject<'_>, policy: &mut Policy) {
    stop(subject, policy);
    policy.allow(&["ecs:ContinueServiceDeployment"], with_services(subject, "service-deployment"));
    let roles = subject.known_or(&subject.known.service_roles, subject.any_role());
    let to_ecs = ("StringEquals", "iam:PassedToService", "ecs.amazonaws.com");
    policy.allow_where(&["iam:PassRole"], roles, to_ecs);
}

fn by_code_deploy(subject: &Subject<'_>, traffic: &Traffic, group: &DeploymentGroup, policy: &mut Policy) {
    policy.allow(&["codedeploy:CreateDeployment"], vec![subject.deployment_group(group)]);
    policy.allow(&["codedeploy:RegisterApplicationRevision"], vec![subject.application(group)]);
    policy.allow(&["codedeploy:ContinueDeployment", "codedeploy:StopDeployment"], any());
    // Whether the share that was asked for is the share that flows.
    policy.allow(&["cloudwatch:GetMetricData"], any());
    if group.config.is_none()
        && let DeploymentConfig::Ours { name, .. } = DeploymentConfig::of(traffic)
    {
        // A strategy whose numbers no predefined config has gets one of its own.
        let config = subject.arn("codedeploy", format_args!("deploymentconfig:{name}"));
        policy.allow(&["codedeploy:CreateDeploymentConfig"], vec![config]);
    }
}

fn by_alb(subject: &Subject<'_>, candidate: &Candidate, policy: &mut Policy) {
    let given = candidate.rule.iter().cloned().collect();
    let known = if subject.known.rules.is_empty() { &given } else { &subject.known.rules };
    let is_rule = |arn: &String| arn.contains(":listener-rule/");
    let of_rules = subject.known_or(known, subject.arn("elasticloadbalancing", "listener-rule/app/*"));
    policy.allow(&["elasticloadbalancing:ModifyRule"], of_rules.into_iter().filter(is_rule).collect());
    // The weights of a default rule are its listener's.
    let of_listeners = subject.known_or(known, subject.arn("elasticloadbalancing", "listener/app/*"));
    let listeners = of_listeners.into_iter().filter(|arn| !is_rule(arn)).collect();
    policy.allow(&["elasticloadbalancing:ModifyListener"], listeners);
    // Its progress, and what is asked of it from another terminal.
    let kept = vec![subject.parameter(""), subject.parameter("/request")];
    policy.allow(&["ssm:GetParameter", "ssm:PutParameter"], kept);
}

/// What a sync needs beside the deployments that it makes: its lease, and what it keeps of each service. The name that
/// they are kept under is an argument of `sync`.
pub(crate) fn sync(subject: &Subject<'_>, policy: &mut Policy) {
    let kept = subject.arn("ssm", "parameter/tidegate/sync/*");
    policy.allow(&["ssm:GetParameter", "ssm:GetParametersByPath", "ssm:PutParameter"], vec![kept]);
    if subject.desired_count.is_some() {
        // A count that autoscaling sets is left to it.
        policy.allow(&["application-autoscaling:DescribeScalableTargets"], any());
    }
}

/// What `docker push` and `docker pull` call, and the login before them.
pub(crate) fn push(subject: &Subject<'_>, policy: &mut Policy) {
    policy.allow(&["ecr:GetAuthorizationToken"], any());
    let known = &subject.known;
    let named = if known.shipped.is_empty() { &known.repositories } else { &known.shipped };
    let actions = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:CompleteLayerUpload",
        "ecr:GetDownloadUrlForLayer",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
    ];
    policy.allow(&actions, subject.known_or(named, subject.arn("ecr", "repository/*")));
}

/// A one-off task, and a revision of its own where it has another image.
pub(crate) fn run(subject: &Subject<'_>, policy: &mut Policy) {
    register(subject, policy);
    let cluster = subject.cluster();
    policy.allow_where(&["ecs:RunTask"], vec![revisions(subject)], ("ArnEquals", "ecs:cluster", &cluster));
    policy.allow(&["ecs:StopTask"], vec![subject.of_cluster("task", "*")]);
    policy.allow(&["ecs:DeregisterTaskDefinition"], any());
}

/// The desired count, and the bounds of autoscaling.
pub(crate) fn scale(subject: &Subject<'_>, policy: &mut Policy) {
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
pub(crate) fn prune(subject: &Subject<'_>, policy: &mut Policy) {
    let lists = ["ecs:ListClusters", "ecs:ListServices", "ecs:ListTasks", "ecs:ListTaskDefinitions"];
    policy.allow(&lists, any());
    policy.allow(&["ecs:DeregisterTaskDefinition"], any());
    let reads = ["ecs:DescribeServices", "ecs:ListServiceDeployments", "ecs:DescribeServiceRevisions"];
    policy.allow(&reads, vec![subject.arn("ecs", "service/*")]);
    policy.allow(&["ecs:DescribeServiceRevisions"], vec![subject.arn("ecs", "service-revision/*")]);
    policy.allow(&["ecs:DescribeTasks"], vec![subject.arn("ecs", "task/*")]);
    policy.allow(&["ssm:GetParameter"], vec![subject.arn("ssm", "parameter/tidegate/*")]);
}
