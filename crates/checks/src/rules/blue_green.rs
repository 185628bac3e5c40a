//! A critical service has an instant way back: the guide's second practice.

use super::{Rule, service_block};
use crate::line::Line;
use crate::picture::read::word;
use crate::picture::{ListenerRule, TargetGroup};
use crate::{Found, Look, Picture, Severity};
use serde_json::json;

pub(super) const RULE: Rule = Rule {
    id: "blue-green",
    severity: Severity::Info,
    title: "a critical service is deployed blue/green",
    why: "Going back from a rolling deployment means starting the old tasks again, for minutes. Blue/green keeps them \
          until the bake is over: the way back is one change of weights.",
    practice: Some(2),
    look,
};

/// Tags that call a service critical; then the finding is a warning.
const TAGS: [&str; 3] = ["critical", "Critical", "tidegate:critical"];

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    let may_shift = picture.is_deployed_by_ecs() && !picture.is_daemon() && picture.strategy() == "ROLLING";
    let Some(entry) = picture.load_balancers().first().filter(|_| may_shift) else { return look };
    let arn = word(entry, "targetGroupArn").unwrap_or_default();
    let Some(group) = picture.target_groups.get(arn).and_then(|asked| look.need(asked)) else { return look };
    let rules = look.need(&group.rules).cloned().unwrap_or_default();
    let tag = TAGS.iter().find_map(|key| Some((*key, picture.tag(key)?)));
    let is_critical = tag.is_some_and(|(_, value)| !matches!(value, "false" | "no" | "0"));
    let what = if is_critical {
        "a critical service is deployed by replacing its tasks, without an instant way back"
    } else {
        "the service is deployed by replacing its tasks, without an instant way back"
    };
    let mut found = Found::new(
        what,
        format!(
            "If it is critical, give it a second target group behind the same rule, and the strategy BLUE_GREEN (`strategy: blue_green` in tidegate.yml, or linear or canary). Set ROLE to the ARN of a role that lets ECS change the rule: one that trusts ecs.amazonaws.com and has the policy AmazonECSInfrastructureRolePolicyForLoadBalancers. {}",
            if rules.is_empty() { "RULE is the listener rule that forwards to the service." } else { "" }
        )
        .trim_end(),
    )
    .seen_by(format!("strategy {}, behind target group {}", picture.strategy(), group.name))
    .by(commands(picture, arn, group, &rules))
    .in_terraform(service_block(
        picture,
        &format!(
            "deployment_configuration {{\n  strategy             = \"BLUE_GREEN\"\n  bake_time_in_minutes = 10\n}}\nload_balancer {{\n  target_group_arn = \"{arn}\"\n  container_name   = \"{}\"\n  container_port   = {}\n  advanced_configuration {{\n    alternate_target_group_arn = aws_lb_target_group.green.arn\n    production_listener_rule   = \"{}\"\n    role_arn                   = aws_iam_role.ecs_infrastructure.arn\n  }}\n}}",
            word(entry, "containerName").unwrap_or_default(),
            entry.get("containerPort").cloned().unwrap_or_default(),
            rules.first().map_or("RULE", |rule| rule.arn.as_str()),
        ),
    ));
    if let Some((key, value)) = tag.filter(|_| is_critical) {
        found = found.seen_by(format!("tag {key}: {value}")).as_bad_as(Severity::Warning);
    }
    look.finds(found);
    look
}

/// A second group like the first, both behind the rule, and the strategy. `$ROLE` is the reader's.
fn commands(picture: &Picture, arn: &str, group: &TargetGroup, rules: &[ListenerRule]) -> String {
    let entry = picture.load_balancers().first();
    let of = |member: &str| entry.and_then(|it| it.get(member)).cloned().unwrap_or_default();
    let port = group.port.unwrap_or(80).to_string();
    let mut green = Line::aws("elbv2", "create-target-group")
        .with("--name", &format!("{}-green", group.name))
        .with("--protocol", &group.protocol)
        .with("--port", &port)
        .with("--target-type", &group.target_type);
    if let Some(vpc) = &group.vpc {
        green = green.with("--vpc-id", vpc);
    }
    if let Some(path) = &group.health_check.path {
        green = green.with("--health-check-path", path);
    }
    let green = green.with("--query", "TargetGroups[0].TargetGroupArn").with("--output", "text").written();
    let rule = rules.first().map_or("RULE", |rule| rule.arn.as_str());
    let weights = json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": [
        {"TargetGroupArn": arn, "Weight": 1}, {"TargetGroupArn": "GREEN", "Weight": 0}]}}]);
    let balancers = json!([{"targetGroupArn": arn, "containerName": of("containerName"), "containerPort": of("containerPort"),
        "advancedConfiguration": {"alternateTargetGroupArn": "GREEN", "productionListenerRule": rule, "roleArn": "ROLE"}}]);
    let forward = match rules.first().filter(|rule| rule.is_default) {
        Some(of) => Line::aws("elbv2", "modify-listener")
            .with("--listener-arn", &of.listener)
            .with_json("--default-actions", &weights),
        None => Line::aws("elbv2", "modify-rule").with("--rule-arn", rule).with_json("--actions", &weights),
    };
    let update = super::update_service(picture)
        .with("--deployment-configuration", "strategy=BLUE_GREEN,bakeTimeInMinutes=10")
        .with_json("--load-balancers", &balancers);
    // In single quotes a shell fills in nothing: they end where the variable stands.
    let filled =
        |line: Line| line.written().replace("\"GREEN\"", "\"'$GREEN'\"").replace("\"ROLE\"", "\"'$ROLE'\"");
    format!("GREEN=$({green})\n{}\n{}", filled(forward), filled(update))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{quiet, sound, told};

    #[test]
    fn a_rolling_service_behind_a_load_balancer_is_told_how_to_get_a_way_back() {
        let mut picture = sound();
        picture.service["deploymentConfiguration"]["strategy"] = json!("ROLLING");
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.service["deploymentConfiguration"]["strategy"] = json!("CANARY");
        quiet(&RULE, &picture);
    }

    #[test]
    fn one_that_its_tags_call_critical_is_warned_of() {
        let mut picture = sound();
        picture.service["deploymentConfiguration"]["strategy"] = json!("ROLLING");
        picture.service["tags"] = json!([{"key": "critical", "value": "true"}]);
        assert!(told(&RULE, &picture).starts_with("warning: a critical service"));
        picture.service["tags"] = json!([{"key": "critical", "value": "false"}]);
        assert!(told(&RULE, &picture).starts_with("info: "));
    }

    #[test]
    fn a_worker_and_a_service_of_codedeploy_are_left_alone() {
        let mut picture = sound();
        picture.service["deploymentConfiguration"]["strategy"] = json!("ROLLING");
        picture.service["deploymentController"] = json!({"type": "CODE_DEPLOY"});
        quiet(&RULE, &picture);
        picture.service["deploymentController"] = json!({"type": "ECS"});
        picture.service["loadBalancers"] = json!([]);
        quiet(&RULE, &picture);
    }
}
