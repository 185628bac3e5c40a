//! What containers print is kept.

use super::{Rule, definition_block};
use crate::picture::read::word;
use crate::{Found, Look, Picture, Severity};
use serde_json::Value;

pub(super) const RULE: Rule = Rule {
    id: "log-configuration",
    severity: Severity::Warning,
    title: "containers have a log configuration",
    why: "On Fargate what a container prints without one is lost, and on EC2 it stays on the host. After a failed \
          deployment its last lines are what tells why.",
    practice: None,
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    if look.need(&picture.definition).is_none() {
        return look;
    }
    for container in picture.containers() {
        let driver = container.pointer("/logConfiguration/logDriver").and_then(Value::as_str);
        if driver.is_some_and(|driver| driver != "none") {
            continue;
        }
        let name = word(container, "name").unwrap_or_default();
        let group = format!("/ecs/{}", picture.family());
        let region =
            word(&picture.service, "serviceArn").and_then(|arn| arn.split(':').nth(3)).unwrap_or("eu-west-1");
        look.finds(
            Found::new(
                format!("what container {name} prints is not kept"),
                format!("Make the log group {group}, add to container {name} in the task definition, and deploy: \"logConfiguration\": {{\"logDriver\": \"awslogs\", \"options\": {{\"awslogs-group\": \"{group}\", \"awslogs-region\": \"{region}\", \"awslogs-stream-prefix\": \"{name}\"}}}}"),
            )
            .seen_by(format!("container {name} of {}: no logConfiguration", picture.family()))
            .by(crate::line::Line::aws("logs", "create-log-group").with("--log-group-name", &group).written())
            .in_terraform(definition_block(
                picture,
                &format!("# in container_definitions, container \"{name}\"\nlogConfiguration = {{\n  logDriver = \"awslogs\"\n  options = {{\n    \"awslogs-group\"         = \"{group}\"\n    \"awslogs-region\"        = \"{region}\"\n    \"awslogs-stream-prefix\" = \"{name}\"\n  }}\n}}"),
            )),
        );
    }
    look
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{container, quiet, sound, told};
    use serde_json::json;

    #[test]
    fn a_container_whose_lines_are_lost_is_found() {
        let mut picture = sound();
        let log = container(&mut picture)["logConfiguration"].take();
        insta::assert_snapshot!(told(&RULE, &picture));
        container(&mut picture)["logConfiguration"] = json!({"logDriver": "none"});
        assert!(told(&RULE, &picture).contains("is not kept"));
        container(&mut picture)["logConfiguration"] = log;
        quiet(&RULE, &picture);
    }
}
