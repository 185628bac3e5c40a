//! A failing health check ends the task: the guide's third practice, second level. Only an essential container's
//! check counts for the task.

use super::container_health_check::has_check;
use super::{Rule, definition_block};
use crate::picture::read::{truth, word};
use crate::{Found, Look, Picture, Severity};
use serde_json::Value;

pub(super) const RULE: Rule = Rule {
    id: "task-health",
    severity: Severity::Warning,
    title: "a task is unhealthy when the container that does the work is",
    why: "A task's health is that of its essential containers that have a check. Where there are none the task is \
          UNKNOWN, which counts as fine; and a container that is not essential may end without anything being replaced.",
    practice: Some(3),
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    if look.need(&picture.definition).is_none() {
        return look;
    }
    for container in picture.containers().iter().filter(|it| !is_essential(it)) {
        let name = word(container, "name").unwrap_or_default();
        let what = if picture.takes_traffic(container) {
            format!("container {name} takes the traffic and is not essential: the task goes on when it ends")
        } else {
            continue;
        };
        look.finds(
            Found::new(
                what,
                format!("Set \"essential\": true for container {name} in the task definition, and deploy."),
            )
            .seen_by(format!("container {name} of {}: essential false", picture.family()))
            .in_terraform(definition_block(
                picture,
                &format!("# in container_definitions, container \"{name}\"\nessential = true"),
            )),
        );
    }
    if picture.containers().iter().any(is_essential)
        && !picture.containers().iter().any(|it| is_essential(it) && has_check(it))
    {
        let names: Vec<&str> = picture
            .containers()
            .iter()
            .filter(|it| is_essential(it))
            .filter_map(|it| word(it, "name"))
            .collect();
        let behind = if picture.load_balancers().is_empty() {
            "no load balancer checks it either: it counts as healthy 40 s after it runs"
        } else {
            "only the load balancer checks it"
        };
        look.finds(
            Found::new(
                "the health of a task is UNKNOWN, since no essential container has a health check",
                format!("Give one of its essential containers a healthCheck: {}.", names.join(", ")),
            )
            .seen_by(behind)
            .in_terraform(definition_block(
                picture,
                "# in container_definitions, of an essential container\nhealthCheck = { command = [\"CMD-SHELL\", \"…\"] }",
            )),
        );
    }
    look
}

/// As AWS takes it: yes, unless it says no.
fn is_essential(container: &Value) -> bool {
    truth(container, "essential") != Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{container, quiet, sound, told};
    use serde_json::json;

    #[test]
    fn a_container_that_takes_traffic_must_be_essential() {
        let mut picture = sound();
        container(&mut picture)["essential"] = json!(false);
        insta::assert_snapshot!(told(&RULE, &picture));
        container(&mut picture)["essential"] = json!(true);
        quiet(&RULE, &picture);
    }

    #[test]
    fn a_task_that_nothing_checks_is_found() {
        let mut picture = sound();
        let check = container(&mut picture)["healthCheck"].take();
        insta::assert_snapshot!(told(&RULE, &picture));
        container(&mut picture)["healthCheck"] = check;
        quiet(&RULE, &picture);
    }
}
