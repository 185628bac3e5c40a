//! Something listens on the port that the load balancer sends to, as far as target health can tell.

use super::{Rule, definition_block};
use crate::picture::read::{list, number, word};
use crate::{Found, Look, Picture, Severity};
use serde_json::Value;

/// Why a target is unhealthy when nothing answers at all. A wrong status code comes from something that listens.
const SILENT: [&str; 2] = ["Target.Timeout", "Target.FailedHealthChecks"];

pub(super) const RULE: Rule = Rule {
    id: "listening-port",
    severity: Severity::Error,
    title: "something listens on the container port that the load balancer uses",
    why: "Targets on a port that nothing listens on never get healthy: each deployment starts tasks that the load \
          balancer's checks end, and users get 502.",
    practice: None,
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    for entry in picture.load_balancers() {
        let (Some(name), Some(port)) = (word(entry, "containerName"), number(entry, "containerPort")) else {
            continue;
        };
        let container = picture.containers().iter().find(|it| word(it, "name") == Some(name));
        if look.need(&picture.definition).is_some() && !container.is_some_and(|it| maps(it, port)) {
            look.finds(unmapped(picture, name, port, container));
            continue;
        }
        let arn = word(entry, "targetGroupArn").unwrap_or_default();
        let Some(group) = picture.target_groups.get(arn).and_then(|asked| look.need(asked)) else { continue };
        let Some(targets) = look.need(&group.targets) else { continue };
        // Those that come and go say nothing of the port.
        let settled = targets.iter().filter(|it| it.state == "healthy" || it.state == "unhealthy");
        let (mut evidence, mut answering) = (Vec::new(), 0);
        for target in settled {
            let reason = target.reason.as_deref().unwrap_or_default();
            if target.state == "unhealthy" && SILENT.contains(&reason) {
                let said = target.description.as_deref().map_or_else(String::new, |it| format!(": {it}"));
                evidence.push(format!("{}:{} {} {reason}{said}", target.id, target.port, target.state));
            } else {
                answering += 1;
            }
        }
        if answering > 0 || evidence.is_empty() {
            continue;
        }
        let mut found = Found::new(
            format!("nothing answers on port {port} of container {name}"),
            format!(
                "Make the program listen on 0.0.0.0:{port}, or set containerPort to the port that it listens on, in portMappings and in the service's loadBalancers. If it does listen, let the tasks' security group take port {port} from the load balancer's."
            ),
        )
        .in_terraform(super::service_block(
            picture,
            &format!(
                "load_balancer {{\n  target_group_arn = \"{arn}\"\n  container_name   = \"{name}\"\n  container_port   = {port} # the port that it listens on\n}}"
            ),
        ));
        found.evidence = evidence.into_iter().take(5).collect();
        look.finds(found.seen_by(format!("target group {}", group.name)));
    }
    look
}

fn maps(container: &Value, port: i64) -> bool {
    list(container, "portMappings").iter().any(|it| number(it, "containerPort") == Some(port))
}

fn unmapped(picture: &Picture, name: &str, port: i64, container: Option<&Value>) -> Found {
    let ports: Vec<String> = container
        .map(|it| list(it, "portMappings"))
        .unwrap_or_default()
        .iter()
        .filter_map(|it| number(it, "containerPort").map(|port| port.to_string()))
        .collect();
    let evidence = match container {
        None => format!("the task definition has no container {name}"),
        Some(_) if ports.is_empty() => format!("container {name} has no portMappings"),
        Some(_) => format!("container {name} maps {}", ports.join(", ")),
    };
    Found::new(
        format!("the load balancer sends to port {port} of container {name}, which does not map it"),
        format!("Add {{\"containerPort\": {port}}} to the portMappings of {name}, or change the service's loadBalancers."),
    )
    .seen_by(evidence)
    .in_terraform(definition_block(
        picture,
        &format!("# in container_definitions, container \"{name}\"\nportMappings = [{{ containerPort = {port} }}]"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Asked;
    use crate::picture::Target;
    use crate::testing::{GROUP, group, quiet, sound, told};
    use serde_json::json;

    fn target(state: &str, reason: Option<&str>) -> Target {
        Target {
            id: "10.0.0.7".into(),
            port: 8080,
            state: state.into(),
            reason: reason.map(Into::into),
            description: reason.map(|_| "Health checks failed".into()),
        }
    }

    #[test]
    fn targets_that_do_not_answer_at_all_are_found_and_a_healthy_one_clears_the_port() {
        let mut picture = sound();
        let silent = target("unhealthy", Some("Target.FailedHealthChecks"));
        group(&mut picture).targets = Asked::Told(vec![silent.clone(), target("draining", None)]);
        insta::assert_snapshot!(told(&RULE, &picture));
        group(&mut picture).targets = Asked::Told(vec![silent, target("healthy", None)]);
        quiet(&RULE, &picture);
    }

    #[test]
    fn a_wrong_status_code_comes_from_something_that_listens() {
        let mut picture = sound();
        group(&mut picture).targets =
            Asked::Told(vec![target("unhealthy", Some("Target.ResponseCodeMismatch"))]);
        quiet(&RULE, &picture);
    }

    #[test]
    fn a_port_that_the_container_does_not_map_is_found() {
        let mut picture = sound();
        picture.service["loadBalancers"][0]["containerPort"] = json!(9090);
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.service["loadBalancers"][0]["containerPort"] = json!(8080);
        quiet(&RULE, &picture);
    }

    #[test]
    fn without_target_health_it_cannot_be_told() {
        let mut picture = sound();
        picture.target_groups.insert(GROUP.into(), Asked::CouldNotAsk("denied".into()));
        assert_eq!((RULE.look)(&picture).untold, ["denied"]);
    }
}
