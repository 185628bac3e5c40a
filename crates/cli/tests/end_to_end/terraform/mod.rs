//! Terraform with its real AWS provider against the local cloud: the example is applied, changed, imported, destroyed.
//!
//! `TIDEGATE_TERRAFORM_PLUGINS` names the folder of a provider mirror, so that nothing is downloaded. Without it or
//! without `terraform` the tests say loudly that they skip; with `TIDEGATE_REQUIRE_TERRAFORM=1` they fail.

mod cells;
mod left;
mod program;
mod start;

use serde_json::json;

use crate::{
    api::{codedeploy, ecs, elbv2},
    cloud::{Cloud, wait_until},
};
use program::{State, Terraform};

#[test]
fn the_example_is_applied_changed_imported_and_destroyed() {
    let Some(plugins) = program::plugins() else { return };
    let cloud = Cloud::start_beside(&["--speed", "10"]);
    let mut terraform = Terraform::of_example(&cloud, &plugins);

    terraform.run("init", &["init"]);
    terraform.run("apply", &["apply", "-auto-approve"]);
    terraform.plans_nothing("plan after apply");

    // One thing changes: the image. A new revision is registered, and the rolling service moves to it.
    terraform.set("image", json!("sample:v2"));
    terraform.run("apply a new image", &["apply", "-auto-approve"]);
    terraform.plans_nothing("plan after the change");
    assert_eq!(revision_of(&cloud, "shop-rolling"), terraform.output("revision"));

    // What the configuration leaves to deployers moves, and Terraform neither sees it nor takes it back.
    let state = terraform.state();
    move_weights(&cloud, &state);
    release_blue_green(&cloud, &state, &terraform.output("revision"));
    terraform.plans_nothing("plan while weights move");
    terraform.run("apply while weights move", &["apply", "-auto-approve"]);
    assert_eq!(weights(&cloud, &state), ["40", "60"]);

    terraform.forget_and_import(&importable(&state));
    terraform.plans_nothing("plan after imports");

    terraform.run("destroy", &["destroy", "-auto-approve"]);
    assert_eq!(left::over(cloud.endpoint()), Vec::<String>::new());
    terraform.print_times();
}

#[test]
fn kinds_that_the_example_has_no_use_for_are_applied_and_destroyed() {
    let Some(plugins) = program::plugins() else { return };
    let cloud = Cloud::start_beside(&[]);
    let source = program::workspace().join("crates/cli/tests/end_to_end/terraform/more");
    let mut terraform = Terraform::of(&source, &cloud, &plugins);
    terraform.run("init", &["init"]);
    terraform.run("apply", &["apply", "-auto-approve"]);
    terraform.plans_nothing("plan after apply");
    terraform.run("destroy", &["destroy", "-auto-approve"]);
    terraform.print_times();
}

#[test]
fn the_configurations_are_formatted() {
    let Some(_) = program::plugins() else { return };
    let formatted = std::process::Command::new("terraform")
        .args(["fmt", "-check", "-diff", "-recursive"])
        .args([
            program::workspace().join("examples"),
            program::workspace().join("crates/cli/tests/end_to_end"),
        ])
        .output()
        .unwrap();
    assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stdout));
}

/// Where the id of an import is not simply the resource's, Terraform's documentation of the kind says what it is.
fn importable(state: &State) -> Vec<(String, String)> {
    let by_id = [
        "aws_vpc.main",
        "aws_subnet.public[0]",
        "aws_internet_gateway.main",
        "aws_route_table.public",
        "aws_security_group.load_balancer",
        "aws_vpc_security_group_ingress_rule.tasks",
        "aws_lb.main",
        "aws_lb_target_group.app[\"blue\"]",
        "aws_lb_listener.production",
        "aws_lb_listener_rule.canary",
        "aws_cloudwatch_metric_alarm.errors[\"blue\"]",
        "aws_cloudwatch_composite_alarm.any",
        "aws_cloudwatch_log_group.app",
        "aws_iam_role.execution",
        "aws_iam_role_policy.settings",
        "aws_iam_policy.metrics",
        "aws_ecr_lifecycle_policy.app",
        "aws_ssm_parameter.greeting",
        "aws_secretsmanager_secret_version.database",
    ];
    let mut all: Vec<(String, String)> =
        by_id.iter().map(|address| ((*address).to_owned(), state.value(address, "id"))).collect();
    let subnet = state.value("aws_route_table_association.public[0]", "subnet_id");
    let table = state.value("aws_route_table_association.public[0]", "route_table_id");
    let policy = state.value("aws_iam_role_policy_attachment.metrics", "policy_arn");
    let task_definition = state.value("aws_ecs_task_definition.app", "arn");
    let scaled = "ecs/service/shop/shop-rolling/ecs:service:DesiredCount";
    for (address, id) in [
        ("aws_route.internet", format!("{table}_0.0.0.0/0")),
        ("aws_route_table_association.public[0]", format!("{subnet}/{table}")),
        ("aws_iam_role_policy_attachment.metrics", format!("shop-task/{policy}")),
        ("aws_ecs_cluster.main", "shop".to_owned()),
        ("aws_ecs_cluster_capacity_providers.main", "shop".to_owned()),
        ("aws_ecs_service.blue_green", "shop/shop-blue-green".to_owned()),
        ("aws_ecs_service.canary[\"stable\"]", "shop/shop-stable".to_owned()),
        ("aws_ecs_task_definition.app", task_definition),
        ("aws_codedeploy_app.app", "shop-deploy".to_owned()),
        ("aws_codedeploy_deployment_group.app", "shop-deploy:shop-group".to_owned()),
        ("aws_appautoscaling_target.rolling", scaled.to_owned()),
        ("aws_appautoscaling_policy.cpu", format!("{scaled}/shop-cpu")),
    ] {
        all.push((address.to_owned(), id));
    }
    all
}

/// As a deployer does in a canary: the rule's weights become 40 and 60.
fn move_weights(cloud: &Cloud, state: &State) {
    let rule = state.value("aws_lb_listener_rule.canary", "arn");
    let group = |name: &str| state.value(&format!("aws_lb_target_group.app[{name:?}]"), "arn");
    let action = "Actions.member.1";
    let groups = format!("{action}.ForwardConfig.TargetGroups.member");
    let parameters = format!(
        "RuleArn={rule}&{action}.Type=forward&{groups}.1.TargetGroupArn={}&{groups}.1.Weight=40&\
         {groups}.2.TargetGroupArn={}&{groups}.2.Weight=60",
        group("stable"),
        group("canary"),
    );
    let (status, answer) = elbv2(cloud.endpoint(), "ModifyRule", &parameters).unwrap();
    assert_eq!(status, 200, "{answer}");
}

fn weights(cloud: &Cloud, state: &State) -> Vec<String> {
    let rule = state.value("aws_lb_listener_rule.canary", "arn");
    let parameters = format!("RuleArns.member.1={rule}");
    let (_, answer) = elbv2(cloud.endpoint(), "DescribeRules", &parameters).unwrap();
    answer.split("<Weight>").skip(1).filter_map(|rest| Some(rest.split_once('<')?.0.to_owned())).collect()
}

/// CodeDeploy moves the production listener from blue to green.
fn release_blue_green(cloud: &Cloud, state: &State, revision: &str) {
    let content = json!({"version": "0.0", "Resources": [{"TargetService": {
        "Type": "AWS::ECS::Service",
        "Properties": {
            "TaskDefinition": revision,
            "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080},
        },
    }}]});
    let input = json!({
        "applicationName": "shop-deploy", "deploymentGroupName": "shop-group",
        "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content": content.to_string()}},
    });
    let (status, answer) = codedeploy(cloud.endpoint(), "CreateDeployment", &input).unwrap();
    assert_eq!(status, 200, "{answer}");
    let green = state.value("aws_lb_target_group.app[\"green\"]", "arn");
    let listener = state.value("aws_lb_listener.production", "arn");
    wait_until("the production listener forwards to green", || {
        let parameters = format!("ListenerArns.member.1={listener}");
        let (_, answer) = elbv2(cloud.endpoint(), "DescribeListeners", &parameters).unwrap();
        answer.contains(&green)
    });
}

fn revision_of(cloud: &Cloud, service: &str) -> String {
    let input = json!({"cluster": "shop", "services": [service]});
    let (_, answer) = ecs(cloud.endpoint(), "DescribeServices", &input).unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    answer["services"][0]["taskDefinition"].as_str().unwrap_or_default().to_owned()
}
