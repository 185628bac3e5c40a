//! The containers that do the work have a health check of their own: the guide's third practice, first level.

use super::{Rule, definition_block};
use crate::picture::read::{list, number, truth, word};
use crate::{Found, Look, Picture, Severity};
use serde_json::Value;

pub(super) const RULE: Rule = Rule {
    id: "container-health-check",
    severity: Severity::Warning,
    title: "containers have a health check",
    why: "Without one ECS sees only whether the process is there. One that hangs stays, and without a load balancer a \
          task counts as healthy 40 s after it started, whatever it does.",
    practice: Some(3),
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    if look.need(&picture.definition).is_none() {
        return look;
    }
    for container in workers(picture).into_iter().filter(|it| !has_check(it)) {
        let name = word(container, "name").unwrap_or_default();
        let command = check_of(picture, container);
        let quoted = command.replace('"', "\\\"");
        look.finds(
            Found::new(
                format!("container {name} has no health check"),
                format!(
                    "Add to container {name} in the task definition (`{}` prints it), and deploy; the program that the check calls must be in the image: \"healthCheck\": {{\"command\": [\"CMD-SHELL\", \"{quoted}\"], \"interval\": 10, \"timeout\": 5, \"retries\": 3, \"startPeriod\": 30}}",
                    super::tidegate(picture, "render").written()
                ),
            )
            .seen_by(format!("container {name} of {}: no healthCheck", picture.family()))
            .in_terraform(definition_block(
                picture,
                &format!("# in container_definitions, container \"{name}\"\nhealthCheck = {{\n  command     = [\"CMD-SHELL\", \"{quoted}\"]\n  interval    = 10\n  timeout     = 5\n  retries     = 3\n  startPeriod = 30\n}}"),
            )),
        );
    }
    look
}

/// Those that take traffic; where none does, the essential ones.
fn workers(picture: &Picture) -> Vec<&Value> {
    let taking: Vec<&Value> = picture.containers().iter().filter(|it| picture.takes_traffic(it)).collect();
    if taking.is_empty() {
        return picture.containers().iter().filter(|it| truth(it, "essential") != Some(false)).collect();
    }
    taking
}

pub(super) fn has_check(container: &Value) -> bool {
    let command = container.get("healthCheck").map(|it| list(it, "command")).unwrap_or_default();
    !command.is_empty() && command.first().and_then(Value::as_str) != Some("NONE")
}

/// A request to the port and path that the load balancer checks too.
fn check_of(picture: &Picture, container: &Value) -> String {
    let Some(port) = list(container, "portMappings").iter().find_map(|it| number(it, "containerPort")) else {
        return "test -f /tmp/alive".to_owned();
    };
    let path = picture
        .target_groups
        .values()
        .filter_map(|group| group.told()?.health_check.path.as_deref())
        .find(|path| *path != "/");
    format!("curl -fsS http://127.0.0.1:{port}{} || exit 1", path.unwrap_or("/health"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{container, quiet, sound, told};
    use serde_json::json;

    #[test]
    fn a_container_without_a_check_is_found_with_one_for_its_own_port_and_path() {
        let mut picture = sound();
        let check = container(&mut picture)["healthCheck"].take();
        insta::assert_snapshot!(told(&RULE, &picture));
        container(&mut picture)["healthCheck"] = json!({"command": ["NONE"]});
        assert!(told(&RULE, &picture).contains("no health check"));
        container(&mut picture)["healthCheck"] = check;
        quiet(&RULE, &picture);
    }

    #[test]
    fn a_sidecar_that_takes_no_traffic_needs_none_and_a_worker_without_a_port_does() {
        let mut picture = sound();
        let sidecar = json!({"name": "router", "image": "router:1", "essential": true});
        if let crate::Asked::Told(definition) = &mut picture.definition {
            definition["containerDefinitions"] =
                json!([definition["containerDefinitions"][0].clone(), sidecar.clone()]);
        }
        quiet(&RULE, &picture);
        picture.service["loadBalancers"] = json!([]);
        if let crate::Asked::Told(definition) = &mut picture.definition {
            definition["containerDefinitions"] = json!([sidecar]);
        }
        assert!(told(&RULE, &picture).contains("container router has no health check"));
    }
}
