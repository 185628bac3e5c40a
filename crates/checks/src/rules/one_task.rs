//! More than one task serves.

use super::{Rule, service_block, update_service};
use crate::{Found, Look, Picture, Severity};

pub(super) const RULE: Rule = Rule {
    id: "one-task",
    severity: Severity::Warning,
    title: "more than one task serves",
    why: "With one task each crash, each host that is retired and each zone that fails is an outage until another task \
          has started.",
    practice: None,
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    if picture.is_daemon() || picture.desired() != 1 {
        return look;
    }
    // A worker that takes from a queue may well be one.
    let takes_traffic = !picture.load_balancers().is_empty();
    let found = Found::new(
        "the service is one task",
        "Run at least two, in two zones; where Application Auto Scaling decides, raise its minimum to 2 instead.",
    )
    .seen_by("desiredCount 1")
    .by(update_service(picture).with("--desired-count", "2").written())
    .in_terraform(service_block(picture, "desired_count = 2"));
    look.finds(if takes_traffic { found } else { found.as_bad_as(Severity::Info) });
    look
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{quiet, sound, told};
    use serde_json::json;

    #[test]
    fn one_task_behind_a_load_balancer_is_found_and_two_are_not() {
        let mut picture = sound();
        picture.service["desiredCount"] = json!(1);
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.service["desiredCount"] = json!(2);
        quiet(&RULE, &picture);
    }

    #[test]
    fn a_single_worker_is_only_worth_knowing_and_a_daemon_not_even_that() {
        let mut picture = sound();
        picture.service["desiredCount"] = json!(1);
        picture.service["loadBalancers"] = json!([]);
        assert!(told(&RULE, &picture).starts_with("info: "));
        picture.service["schedulingStrategy"] = json!("DAEMON");
        quiet(&RULE, &picture);
    }
}
