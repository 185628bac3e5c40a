//! A deployment can start or stop at least one task. ECS rounds the floor up and the ceiling down, and the two may
//! meet.

use super::{Rule, service_block, update_service};
use crate::picture::read::number;
use crate::{Found, Look, Picture, Severity};

pub(super) const RULE: Rule = Rule {
    id: "percentages",
    severity: Severity::Error,
    title: "minimum and maximum percent leave room for one task",
    why: "ECS may start tasks up to floor(desired × maximum / 100) and stop healthy ones down to \
          ceil(desired × minimum / 100). Where neither leaves room for one, no deployment ever moves, and no rollback either.",
    practice: None,
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    if !picture.is_deployed_by_ecs() || picture.strategy() != "ROLLING" {
        return look;
    }
    let percent = |member, usual| picture.deployment().and_then(|it| number(it, member)).unwrap_or(usual);
    let (usual_minimum, usual_maximum) = if picture.is_daemon() { (0, 100) } else { (100, 200) };
    let (minimum, maximum) =
        (percent("minimumHealthyPercent", usual_minimum), percent("maximumPercent", usual_maximum));
    let desired = picture.desired();
    let Room { floor, ceiling } = Room::of(desired, minimum, maximum);
    if desired < 1 || ceiling > desired || floor < desired {
        return look;
    }
    // A daemon's maximum must be 100.
    let (new_minimum, new_maximum) = if picture.is_daemon() { (0, 100) } else { (minimum.min(100), 200) };
    let setting = format!("minimumHealthyPercent={new_minimum},maximumPercent={new_maximum}");
    let enough = if picture.is_daemon() {
        "Lower the minimum; a daemon's maximum must be 100.".to_owned()
    } else {
        format!(
            "Raise the maximum: {} is enough for {desired}, and 200 for any number of tasks.",
            ((desired + 1) * 100 + desired - 1) / desired
        )
    };
    look.finds(
        Found::new("no deployment of this service can ever place a task", enough)
            .seen_by(format!(
                "desired {desired}: at least ceil({desired} × {minimum} / 100) = {floor}, at most floor({desired} × {maximum} / 100) = {ceiling}"
            ))
            .seen_by(format!(
                "with {desired} running, {} may start and {} may stop",
                (ceiling - desired).max(0),
                (desired - floor).max(0)
            ))
            .by(update_service(picture).with("--deployment-configuration", &setting).written())
            .in_terraform(service_block(
                picture,
                &format!(
                    "deployment_minimum_healthy_percent = {new_minimum}\ndeployment_maximum_percent         = {new_maximum}"
                ),
            )),
    );
    look
}

/// Between how many tasks a deployment keeps the service.
#[derive(Debug, PartialEq, Eq)]
struct Room {
    floor: i64,
    ceiling: i64,
}

impl Room {
    fn of(desired: i64, minimum: i64, maximum: i64) -> Self {
        let share = |percent: i64| desired.saturating_mul(percent);
        Self { floor: share(minimum).saturating_add(99) / 100, ceiling: share(maximum) / 100 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{quiet, sound, told};
    use serde_json::json;

    fn with(desired: i64, minimum: i64, maximum: i64) -> Picture {
        let mut picture = sound();
        picture.service["desiredCount"] = json!(desired);
        picture.service["deploymentConfiguration"]["minimumHealthyPercent"] = json!(minimum);
        picture.service["deploymentConfiguration"]["maximumPercent"] = json!(maximum);
        picture.service["deploymentConfiguration"]["strategy"] = json!("ROLLING");
        picture
    }

    #[test]
    fn three_tasks_at_125_percent_are_stuck_and_at_134_are_not() {
        insta::assert_snapshot!(told(&RULE, &with(3, 100, 125)));
        quiet(&RULE, &with(3, 100, 134));
        quiet(&RULE, &with(3, 100, 200));
    }

    #[test]
    fn each_row_of_the_arithmetic_is_told_right() {
        for stuck in [(2, 75, 100), (1, 100, 100), (1, 100, 199), (1, 50, 100), (3, 100, 133)] {
            assert!(told(&RULE, &with(stuck.0, stuck.1, stuck.2)).contains("can ever place"), "{stuck:?}");
        }
        let moves = [(4, 100, 200), (4, 50, 100), (4, 100, 125), (1, 100, 200), (1, 0, 100), (10, 90, 110)];
        for (desired, minimum, maximum) in moves {
            quiet(&RULE, &with(desired, minimum, maximum));
        }
        quiet(&RULE, &with(0, 100, 100));
    }

    #[test]
    fn a_daemon_that_must_keep_all_of_its_tasks_is_stuck() {
        let mut picture = with(3, 100, 100);
        picture.service["schedulingStrategy"] = json!("DAEMON");
        assert!(told(&RULE, &picture).contains("minimumHealthyPercent=0,maximumPercent=100"));
    }

    #[test]
    fn a_deployment_that_goes_in_stages_is_not_bound_by_them() {
        let mut picture = with(1, 100, 100);
        picture.service["deploymentConfiguration"]["strategy"] = json!("BLUE_GREEN");
        quiet(&RULE, &picture);
    }
}
