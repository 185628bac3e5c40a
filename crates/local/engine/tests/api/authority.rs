//! What a role may do: what calls need, and what the policies of a role grant.

use serde_json::{Value, json};
use tidegate_engine::{
    Scope,
    iam::authority::{Caller, Session, authorize, needed},
};

use crate::cloud::Cloud;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

fn scope() -> Scope {
    Scope { account: "123456789012".to_owned(), region: "eu-west-1".to_owned() }
}

/// What a call needs, as `action resource`, with the service that a role is passed to.
fn asks(cloud: &Cloud, service: &str, operation: &str, input: Value) -> Vec<String> {
    needed(cloud.engine.state(), &scope(), service, operation, &input)
        .into_iter()
        .map(|ask| {
            let passed = ask.context.get("iam:PassedToService").map(|to| format!(" to {to}"));
            let resource = ask.resource.replace("arn:aws:", "").replace(":eu-west-1:123456789012:", "::");
            format!("{} {resource}{}", ask.action, passed.unwrap_or_default())
        })
        .collect()
}

#[test]
fn a_call_needs_the_action_of_its_name_on_what_it_names() {
    let cloud = Cloud::new();
    let deployment = "arn:aws:ecs:eu-west-1:123456789012:service-deployment/shop/web/abc";
    let rule = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/front/1/2/3";
    for (service, operation, input, expected) in [
        ("sts", "GetCallerIdentity", json!({}), vec![]),
        (
            "ecs",
            "DescribeServices",
            json!({ "cluster": "shop", "services": ["web", "arn:aws:ecs:eu-west-1:123456789012:service/shop/api"] }),
            vec!["ecs:DescribeServices ecs::service/shop/web", "ecs:DescribeServices ecs::service/shop/api"],
        ),
        (
            "ecs",
            "UpdateService",
            json!({ "service": "web" }),
            vec!["ecs:UpdateService ecs::service/default/web"],
        ),
        ("ecs", "ListServices", json!({ "cluster": "shop" }), vec!["ecs:ListServices *"]),
        (
            "ecs",
            "ListTasks",
            json!({ "cluster": "shop" }),
            vec!["ecs:ListTasks ecs::container-instance/shop/*"],
        ),
        (
            "ecs",
            "DescribeTasks",
            json!({ "cluster": "shop", "tasks": ["t1"] }),
            vec!["ecs:DescribeTasks ecs::task/shop/t1"],
        ),
        (
            "ecs",
            "StopServiceDeployment",
            json!({ "serviceDeploymentArn": deployment }),
            vec![
                "ecs:StopServiceDeployment ecs::service-deployment/shop/web/abc",
                "ecs:StopServiceDeployment ecs::service/shop/web",
            ],
        ),
        (
            "ecs",
            "DescribeTaskDefinition",
            json!({ "taskDefinition": "web:7" }),
            vec!["ecs:DescribeTaskDefinition *"],
        ),
        (
            "ecs",
            "RegisterTaskDefinition",
            json!({
                "family": "web", "executionRoleArn": "arn:aws:iam::123456789012:role/pull", "taskRoleArn": "app",
                "tags": [{ "key": "a", "value": "b" }],
            }),
            vec![
                "ecs:RegisterTaskDefinition ecs::task-definition/web:*",
                "iam:PassRole iam::123456789012:role/app to ecs-tasks.amazonaws.com",
                "iam:PassRole iam::123456789012:role/pull to ecs-tasks.amazonaws.com",
                "ecs:TagResource ecs::task-definition/web:*",
            ],
        ),
        (
            "ecs",
            "UpdateService",
            json!({
                "cluster": "shop", "service": "web",
                "loadBalancers": [{ "advancedConfiguration": { "roleArn": "arn:aws:iam::123456789012:role/infra" } }],
                "deploymentConfiguration": {
                    "lifecycleHooks": [{ "roleArn": "arn:aws:iam::123456789012:role/infra" }],
                },
            }),
            vec![
                "ecs:UpdateService ecs::service/shop/web",
                "iam:PassRole iam::123456789012:role/infra to ecs.amazonaws.com",
            ],
        ),
        (
            "elasticloadbalancing",
            "DescribeRules",
            json!({ "RuleArns": [rule] }),
            vec!["elasticloadbalancing:DescribeRules *"],
        ),
        (
            "elasticloadbalancing",
            "ModifyRule",
            json!({ "RuleArn": rule }),
            vec!["elasticloadbalancing:ModifyRule elasticloadbalancing::listener-rule/app/front/1/2/3"],
        ),
        (
            "codedeploy",
            "CreateDeployment",
            json!({ "applicationName": "shop", "deploymentGroupName": "web", "revision": {} }),
            vec![
                "codedeploy:CreateDeployment codedeploy::deploymentgroup:shop/web",
                "codedeploy:RegisterApplicationRevision codedeploy::application:shop",
            ],
        ),
        (
            "codedeploy",
            "StopDeployment",
            json!({ "deploymentId": "d-1" }),
            vec!["codedeploy:StopDeployment *"],
        ),
        (
            "ecr",
            "DescribeImages",
            json!({ "repositoryName": "team/web" }),
            vec!["ecr:DescribeImages ecr::repository/team/web"],
        ),
        (
            "ecr",
            "DescribeRepositories",
            json!({ "repositoryNames": ["team/web", "shop"] }),
            vec![
                "ecr:DescribeRepositories ecr::repository/team/web",
                "ecr:DescribeRepositories ecr::repository/shop",
            ],
        ),
        ("ecr", "DescribeRepositories", json!({}), vec!["ecr:DescribeRepositories *"]),
        (
            "logs",
            "FilterLogEvents",
            json!({ "logGroupName": "/ecs/web" }),
            vec!["logs:FilterLogEvents logs::log-group:/ecs/web:log-stream:"],
        ),
        (
            "logs",
            "GetLogEvents",
            json!({ "logGroupName": "/ecs/web", "logStreamName": "web/web/1" }),
            vec!["logs:GetLogEvents logs::log-group:/ecs/web:log-stream:web/web/1"],
        ),
        ("monitoring", "DescribeAlarms", json!({ "AlarmNames": ["x"] }), vec!["cloudwatch:DescribeAlarms *"]),
        (
            "monitoring",
            "PutMetricAlarm",
            json!({ "AlarmName": "x" }),
            vec!["cloudwatch:PutMetricAlarm cloudwatch::alarm:x"],
        ),
        (
            "ssm",
            "PutParameter",
            json!({ "Name": "/tidegate/shop/web" }),
            vec!["ssm:PutParameter ssm::parameter/tidegate/shop/web"],
        ),
        ("ssm", "GetParameters", json!({ "Names": ["a"] }), vec!["ssm:GetParameters ssm::parameter/a"]),
        ("iam", "GetRole", json!({ "RoleName": "app" }), vec!["iam:GetRole iam::123456789012:role/app"]),
        (
            "application-autoscaling",
            "RegisterScalableTarget",
            json!({ "ResourceId": "service/shop/web" }),
            vec!["application-autoscaling:RegisterScalableTarget application-autoscaling::scalable-target/*"],
        ),
        (
            "application-autoscaling",
            "DescribeScalingPolicies",
            json!({ "ResourceId": "service/shop/web" }),
            vec!["application-autoscaling:DescribeScalingPolicies *"],
        ),
        ("ec2", "DescribeVpcs", json!({}), vec!["ec2:DescribeVpcs *"]),
    ] {
        assert_eq!(asks(&cloud, service, operation, input), expected, "{service} {operation}");
    }
}

#[test]
fn a_role_may_do_what_its_own_and_its_attached_policies_grant_within_its_boundary() {
    let mut cloud = Cloud::of("iam");
    let document =
        |statement: Value| json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    cloud.call("CreateRole", json!({ "RoleName": "deployer", "AssumeRolePolicyDocument": TRUST }));
    let session = Session {
        account: scope().account,
        role: "deployer".to_owned(),
        name: "ci".to_owned(),
        expires: cloud.now(),
    };
    let may = |cloud: &Cloud, service: &str, operation: &str, input: Value| {
        let state = cloud.engine.state();
        authorize(state, &session, &needed(state, &scope(), service, operation, &input))
            .map_err(|denied| denied.message)
    };
    let describe = |cloud: &Cloud| may(cloud, "ecs", "DescribeServices", json!({ "services": ["web"] }));
    let update = |cloud: &Cloud| may(cloud, "ecs", "UpdateService", json!({ "service": "web" }));
    let refused = |action: &str, why: &str| {
        Err(format!(
            "User: arn:aws:sts::123456789012:assumed-role/deployer/ci is not authorized to perform: {action} on \
             resource: arn:aws:ecs:eu-west-1:123456789012:service/default/web {why}"
        ))
    };
    let not_granted = "because no identity-based policy allows the ecs:DescribeServices action";
    assert_eq!(describe(&cloud), refused("ecs:DescribeServices", not_granted));

    let looks = json!({ "Effect": "Allow", "Action": "ecs:Describe*", "Resource": "*" });
    cloud.call(
        "PutRolePolicy",
        json!({ "RoleName": "deployer", "PolicyName": "look", "PolicyDocument": document(looks.clone()) }),
    );
    assert_eq!(describe(&cloud), Ok(()));
    assert!(update(&cloud).is_err());

    let attached =
        json!({ "RoleName": "deployer", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess" });
    cloud.call("AttachRolePolicy", attached);
    assert_eq!(update(&cloud), Ok(()));

    let made =
        cloud.call("CreatePolicy", json!({ "PolicyName": "looks", "PolicyDocument": document(looks) }));
    let boundary = &made["Policy"]["Arn"];
    cloud.call(
        "CreateRole",
        json!({ "RoleName": "bounded", "AssumeRolePolicyDocument": TRUST, "PermissionsBoundary": boundary }),
    );
    cloud.call(
        "AttachRolePolicy",
        json!({ "RoleName": "bounded", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess" }),
    );
    let bounded = Session { role: "bounded".to_owned(), ..session.clone() };
    let state = cloud.engine.state();
    let asks = needed(state, &scope(), "ecs", "UpdateService", &json!({ "service": "web" }));
    let told = authorize(state, &bounded, &asks).unwrap_err().message;
    assert!(told.ends_with("because no permissions boundary allows the ecs:UpdateService action"), "{told}");

    let never = json!({ "Effect": "Deny", "Action": "ecs:UpdateService", "Resource": "*" });
    cloud.call(
        "PutRolePolicy",
        json!({ "RoleName": "deployer", "PolicyName": "never", "PolicyDocument": document(never) }),
    );
    assert_eq!(
        update(&cloud),
        refused("ecs:UpdateService", "with an explicit deny in an identity-based policy")
    );
}

#[test]
fn credentials_of_sts_say_which_role_they_are_of() {
    let mut cloud = Cloud::of("sts");
    let role = "arn:aws:iam::123456789012:role/teams/deployer";
    let reply = cloud.call("AssumeRole", json!({ "RoleArn": role, "RoleSessionName": "ci" }));
    let caller = Caller::of_token(reply["Credentials"]["SessionToken"].as_str());
    assert_eq!(caller.arn("123456789012"), "arn:aws:sts::123456789012:assumed-role/deployer/ci");
    assert_eq!(reply["AssumedRoleUser"]["Arn"], "arn:aws:sts::123456789012:assumed-role/deployer/ci");
}
