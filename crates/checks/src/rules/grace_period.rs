//! Tasks have time to start before failing checks end them.

use super::{Rule, service_block, update_service};
use crate::picture::read::{number, word};
use crate::{Found, Look, Picture, Severity};

pub(super) const RULE: Rule = Rule {
    id: "grace-period",
    severity: Severity::Warning,
    title: "the grace period covers the start",
    why: "A task that is still starting fails the load balancer's checks. Without grace ECS ends it, starts another \
          that fares no better, and after a few the circuit breaker gives up on a release that was good.",
    practice: None,
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    if look.need(&picture.definition).is_none() {
        return look;
    }
    let grace = number(&picture.service, "healthCheckGracePeriodSeconds").unwrap_or(0);
    for entry in picture.load_balancers() {
        let arn = word(entry, "targetGroupArn").unwrap_or_default();
        let Some(group) = picture.target_groups.get(arn).and_then(|asked| look.need(asked)) else { continue };
        let name = word(entry, "containerName");
        let container = picture.containers().iter().find(|it| word(it, "name") == name);
        let expected =
            container.and_then(|it| it.get("healthCheck")).and_then(|it| number(it, "startPeriod"));
        // Rounded up, and longer than it was by the time until the event was written.
        let observed = picture.observed_start().map(|millis| (millis + 999) / 1000);
        let patience = group.health_check.patience();
        let (needs, by) = match (expected, observed) {
            (Some(expected), _) if expected > grace + patience => {
                (expected, format!("startPeriod of container {}: {expected} s", name.unwrap_or_default()))
            }
            // Four fifths: what takes that long today takes longer on a bad day.
            (_, Some(observed)) if observed * 5 > (grace + patience) * 4 => (
                observed,
                format!(
                    "tasks of the last deployment took {observed} s from start to healthy, by the service's events"
                ),
            ),
            _ => continue,
        };
        let wanted = needs + needs.div_euclid(2).max(10);
        look.finds(
            Found::new(
                format!("a task needs up to {needs} s to start, and is ended after {} s of failing checks", grace + patience),
                format!("Set the grace period to {wanted} s, half as much again as the start takes; it starts no deployment."),
            )
            .seen_by(by)
            .seen_by(format!(
                "healthCheckGracePeriodSeconds {grace}; target group {} gives up after {} × {} s",
                group.name, group.health_check.unhealthy_threshold, group.health_check.interval
            ))
            .by(update_service(picture)
                .with("--health-check-grace-period-seconds", &wanted.to_string())
                .written())
            .in_terraform(service_block(picture, &format!("health_check_grace_period_seconds = {wanted}"))),
        );
        // One setting holds for all of the service's target groups.
        break;
    }
    look
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{container, quiet, sound, told};
    use serde_json::json;

    #[test]
    fn a_start_period_beyond_the_grace_period_is_found() {
        let mut picture = sound();
        container(&mut picture)["healthCheck"]["startPeriod"] = json!(120);
        picture.service["healthCheckGracePeriodSeconds"] = json!(0);
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.service["healthCheckGracePeriodSeconds"] = json!(180);
        quiet(&RULE, &picture);
    }

    #[test]
    fn so_are_tasks_that_were_seen_to_take_almost_all_of_it() {
        let mut picture = sound();
        picture.service["healthCheckGracePeriodSeconds"] = json!(0);
        picture.service["events"] = json!([
            {"createdAt": 100.0, "message": "(service api) has reached a steady state."},
            {"createdAt": 59.5, "message": "(service api) has stopped 1 running tasks: (task a)."},
            {"createdAt": 1.0, "message": "(service api) has started 1 tasks: (task b)."},
        ]);
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.service["healthCheckGracePeriodSeconds"] = json!(89);
        quiet(&RULE, &picture);
    }
}
