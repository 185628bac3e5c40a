//! The load balancer checks what tells that the service works: the guide's third practice, third level.

use super::{Rule, block};
use crate::line::Line;
use crate::picture::TargetGroup;
use crate::picture::read::{list, word};
use crate::{Found, Look, Picture, Severity};

pub(super) const RULE: Rule = Rule {
    id: "balancer-health-check",
    severity: Severity::Warning,
    title: "the load balancer's health check tells whether the service works",
    why: "The load balancer's check decides who gets requests, and during a deployment which old task may go. A check \
          that passes whatever the service does lets a broken release take all of the traffic.",
    practice: Some(3),
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    if picture.load_balancers().is_empty() {
        unbalanced(picture, &mut look);
    }
    for entry in picture.load_balancers() {
        let arn = word(entry, "targetGroupArn").unwrap_or_default();
        let Some(group) = picture.target_groups.get(arn).and_then(|asked| look.need(asked)) else { continue };
        one(&mut look, arn, group);
    }
    look
}

fn one(look: &mut Look, arn: &str, group: &TargetGroup) {
    let (check, name) = (&group.health_check, group.name.as_str());
    let modify = || Line::aws("elbv2", "modify-target-group").with("--target-group-arn", arn);
    let in_block = |lines: &str| block("aws_lb_target_group", name, &format!("health_check {{\n{lines}\n}}"));
    if !check.enabled {
        look.finds(
            Found::new(format!("target group {name} does not check its targets"), "Switch health checks on.")
                .seen_by("HealthCheckEnabled false")
                .by(format!("{} --health-check-enabled", modify().written()))
                .in_terraform(in_block("  enabled = true")),
        );
        return;
    }
    if !check.is_http() {
        if group.protocol.starts_with("HTTP") {
            look.finds(
                Found::new(
                    format!("target group {name} checks only that a connection opens"),
                    "Check by HTTP, with a path that answers 200 only when the service can do its work.",
                )
                .seen_by(format!("protocol {}, health check {}", group.protocol, check.protocol))
                .by(modify()
                    .with("--health-check-protocol", "HTTP")
                    .with("--health-check-path", "/health")
                    .written())
                .in_terraform(in_block("  protocol = \"HTTP\"\n  path     = \"/health\"")),
            );
        }
        return;
    }
    if check.path.as_deref().unwrap_or("/") == "/" {
        look.finds(
            Found::new(
                format!("target group {name} checks the front page `/`, as it comes by default"),
                "Let the service answer a path of its own, such as /health, with 200 only when it can do its work, and check that.",
            )
            .seen_by(format!("HealthCheckPath /, matcher {}", check.matcher.as_deref().unwrap_or("200")))
            .by(modify().with("--health-check-path", "/health").written())
            .in_terraform(in_block("  path    = \"/health\"\n  matcher = \"200\"")),
        );
    }
    let matcher = check.matcher.as_deref().unwrap_or("200");
    if takes_errors(matcher) {
        look.finds(
            Found::new(
                format!("the health check of target group {name} takes errors for health"),
                "Take 200 only, or 200-299.",
            )
            .as_bad_as(Severity::Error)
            .seen_by(format!("matcher {matcher}"))
            .by(modify().with("--matcher", "HttpCode=200").written())
            .in_terraform(in_block("  matcher = \"200\"")),
        );
    }
}

/// Does `200,404` or `200-499` take a code of 400 and more?
fn takes_errors(matcher: &str) -> bool {
    matcher.split([',', '-']).filter_map(|code| code.trim().parse::<u16>().ok()).any(|code| code >= 400)
}

/// A service with a port, whose users come by no load balancer.
fn unbalanced(picture: &Picture, look: &mut Look) {
    let known = !list(&picture.service, "serviceRegistries").is_empty()
        || picture.service.pointer("/deployments/0/serviceConnectConfiguration/enabled").is_some();
    if look.need(&picture.definition).is_none() || known {
        return;
    }
    if let Some(container) = picture.containers().iter().find(|it| picture.takes_traffic(it)) {
        let name = word(container, "name").unwrap_or_default();
        look.finds(
            Found::new(
                format!("container {name} has a port and no load balancer: nothing outside of the task checks it"),
                "Put it behind a target group with a health check, or register it in Cloud Map or Service Connect.",
            )
            .seen_by("the service has no loadBalancers and no serviceRegistries")
            .as_bad_as(Severity::Info),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{group, quiet, sound, told};
    use serde_json::json;

    #[test]
    fn the_check_of_the_front_page_is_found_and_one_of_its_own_is_not() {
        let mut picture = sound();
        group(&mut picture).health_check.path = Some("/".into());
        insta::assert_snapshot!(told(&RULE, &picture));
        group(&mut picture).health_check.path = Some("/health".into());
        quiet(&RULE, &picture);
    }

    #[test]
    fn a_check_that_takes_errors_or_is_off_or_asks_nothing_is_found() {
        let mut picture = sound();
        group(&mut picture).health_check.matcher = Some("200-499".into());
        assert!(
            told(&RULE, &picture).starts_with("error: the health check of target group api takes errors")
        );
        group(&mut picture).health_check.enabled = false;
        assert!(told(&RULE, &picture).contains("does not check its targets"));
        group(&mut picture).health_check.enabled = true;
        group(&mut picture).health_check.protocol = "TCP".into();
        assert!(told(&RULE, &picture).contains("only that a connection opens"));
    }

    #[test]
    fn a_service_with_a_port_and_no_load_balancer_is_worth_knowing() {
        let mut picture = sound();
        picture.service["loadBalancers"] = json!([]);
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.service["serviceRegistries"] = json!([{"registryArn": "arn"}]);
        quiet(&RULE, &picture);
    }
}
