//! Alarms watch each deployment: the guide's sixth practice.

use super::{Rule, service_block, update_service};
use crate::line::Line;
use crate::picture::TargetGroup;
use crate::picture::read::{list, truth, word};
use crate::{Asked, Found, Look, Picture, Severity};
use serde_json::{Value, json};

pub(super) const RULE: Rule = Rule {
    id: "alarms",
    severity: Severity::Warning,
    title: "CloudWatch alarms watch deployments and roll them back",
    why: "Tasks that start, pass their health checks and then fail requests are a success to ECS. Only an alarm that \
          the deployment knows of, or a gate of Tidegate's, takes such a release back.",
    practice: Some(6),
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    // Gates of the config file that are alarms do the same by Tidegate.
    if !picture.is_deployed_by_ecs() || !picture.gate_alarms.is_empty() {
        return look;
    }
    let alarms = picture.deployment().and_then(|it| it.get("alarms"));
    let is = |member| alarms.and_then(|alarms| truth(alarms, member)) == Some(true);
    let names: Vec<&str> = alarms
        .map(|it| list(it, "alarmNames"))
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let (what, evidence) = if names.is_empty() {
        (
            "no alarm watches the deployments of this service",
            "deploymentConfiguration.alarms names none".to_owned(),
        )
    } else if !is("enable") {
        (
            "the service names alarms, and they are switched off",
            format!("alarms: {}; enable false", names.join(", ")),
        )
    } else if !is("rollback") {
        (
            "an alarm stops a deployment and does not roll it back",
            format!("alarms: {}; rollback false", names.join(", ")),
        )
    } else {
        return look;
    };
    let usual = format!("{}-5xx", picture.name());
    let chosen: Vec<&str> = if names.is_empty() { vec![&usual] } else { names.clone() };
    let attach = update_service(picture)
        .with_json(
            "--deployment-configuration",
            &json!({"alarms": {"alarmNames": chosen, "enable": true, "rollback": true}}),
        )
        .written();
    let (fix, command) = if names.is_empty() {
        let (make, watches) = alarm(picture, &usual);
        (
            format!(
                "Make an alarm on {watches}, and attach it; or name one as a gate in tidegate.yml: `gates: [{{ alarm: {usual} }}]`."
            ),
            format!("{make}\n{attach}"),
        )
    } else {
        ("Switch them on, with rollback.".to_owned(), attach)
    };
    let quoted: Vec<String> = chosen.iter().map(|name| format!("\"{name}\"")).collect();
    look.finds(Found::new(what, fix).seen_by(evidence).by(command).in_terraform(service_block(
        picture,
        &format!(
            "alarms {{\n  alarm_names = [{}]\n  enable      = true\n  rollback    = true\n}}",
            quoted.join(", ")
        ),
    )));
    look
}

/// The command that makes an alarm, and what it watches: requests that fail, or without a load balancer that
/// counts them the memory of the tasks.
fn alarm(picture: &Picture, name: &str) -> (String, &'static str) {
    let line = Line::aws("cloudwatch", "put-metric-alarm").with("--alarm-name", name);
    let line = line.with("--period", "60").with("--evaluation-periods", "1");
    let line = line.with("--treat-missing-data", "notBreaching");
    let line = line.with("--comparison-operator", "GreaterThanThreshold");
    if let Some((arn, group, balancer)) = counted(picture) {
        let dimensions =
            format!("Name=TargetGroup,Value={} Name=LoadBalancer,Value={}", suffix(arn), suffix(balancer));
        let _ = group;
        let line = line.with("--namespace", "AWS/ApplicationELB");
        let line = line.with("--metric-name", "HTTPCode_Target_5XX_Count").with("--statistic", "Sum");
        let line = line.with("--threshold", "5");
        (line.with_plain("--dimensions", &dimensions).written(), "failed requests")
    } else {
        let dimensions =
            format!("Name=ClusterName,Value={} Name=ServiceName,Value={}", picture.cluster(), picture.name());
        let line = line.with("--namespace", "AWS/ECS").with("--metric-name", "MemoryUtilization");
        let line = line.with("--statistic", "Maximum").with("--threshold", "90");
        (
            line.with_plain("--dimensions", &dimensions).written(),
            "what shows that it does not do its work, here its memory",
        )
    }
}

/// A target group whose requests an Application Load Balancer counts.
fn counted(picture: &Picture) -> Option<(&str, &TargetGroup, &str)> {
    picture.load_balancers().iter().find_map(|entry| {
        let arn = word(entry, "targetGroupArn")?;
        let group = picture.target_groups.get(arn)?.told()?;
        let Asked::Told(balancer) = &group.load_balancer else { return None };
        group.protocol.starts_with("HTTP").then_some((arn, group, balancer.as_str()))
    })
}

/// An ARN as CloudWatch takes it for a dimension: `targetgroup/NAME/ID`, `app/NAME/ID`.
fn suffix(arn: &str) -> &str {
    let resource = arn.rsplit(':').next().unwrap_or(arn);
    resource.strip_prefix("loadbalancer/").unwrap_or(resource)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{quiet, sound, told};

    #[test]
    fn a_service_without_alarms_is_told_how_to_make_one_for_its_own_target_group() {
        let mut picture = sound();
        picture.service["deploymentConfiguration"]["alarms"] =
            json!({"alarmNames": [], "enable": false, "rollback": false});
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.gate_alarms = vec!["api-5xx".into()];
        quiet(&RULE, &picture);
    }

    #[test]
    fn alarms_that_are_off_or_do_not_roll_back_are_found() {
        let mut picture = sound();
        quiet(&RULE, &picture);
        picture.service["deploymentConfiguration"]["alarms"]["rollback"] = json!(false);
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.service["deploymentConfiguration"]["alarms"]["enable"] = json!(false);
        assert!(told(&RULE, &picture).contains("switched off"));
    }

    #[test]
    fn a_worker_without_a_load_balancer_is_told_of_a_metric_that_it_has() {
        let mut picture = sound();
        picture.service["loadBalancers"] = json!([]);
        picture.service["deploymentConfiguration"]["alarms"] = Value::Null;
        assert!(told(&RULE, &picture).contains("Name=ServiceName,Value=api"));
    }
}
