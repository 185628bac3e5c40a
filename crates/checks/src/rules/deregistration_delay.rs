//! The deregistration delay fits what the tasks may take to stop, and how long a request may last.

use super::{Rule, block};
use crate::line::Line;
use crate::picture::TargetGroup;
use crate::picture::read::{number, word};
use crate::{Found, Look, Picture, Severity};

/// The longest `stopTimeout` that Fargate takes, in seconds.
const LONGEST_STOP: i64 = 120;
/// `stopTimeout` where the container does not say, in seconds.
const USUAL_STOP: i64 = 30;

pub(super) const RULE: Rule = Rule {
    id: "deregistration-delay",
    severity: Severity::Warning,
    title: "deregistration delay, stopTimeout and idle timeout fit together",
    why: "A task that is replaced drains for the deregistration delay and has stopTimeout from SIGTERM to SIGKILL. ECS \
          does not promise which comes first: a task that is killed while it drains cuts its requests (502), and a delay \
          longer than any request only makes each deployment, and each rollback, slower.",
    practice: None,
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    if look.need(&picture.definition).is_none() {
        return look;
    }
    for entry in picture.load_balancers() {
        let arn = word(entry, "targetGroupArn").unwrap_or_default();
        let Some(group) = picture.target_groups.get(arn).and_then(|asked| look.need(asked)) else { continue };
        let Some(delay) = look.need(&group.deregistration_delay).copied() else { continue };
        let idle = look.need(&group.idle_timeout).copied();
        let name = word(entry, "containerName").unwrap_or_default();
        let container = picture.containers().iter().find(|it| word(it, "name") == Some(name));
        let stop = container.and_then(|it| number(it, "stopTimeout")).unwrap_or(USUAL_STOP);
        let times = Times { delay, stop, idle };
        if let Some(found) = fit(arn, group, name, &times) {
            look.finds(found);
        }
    }
    look
}

/// In seconds.
struct Times {
    delay: i64,
    stop: i64,
    idle: Option<i64>,
}

fn fit(arn: &str, group: &TargetGroup, container: &str, times: &Times) -> Option<Found> {
    let Times { delay, stop, idle } = *times;
    // As long as a request may last without a sign of life, which no task on Fargate outlives by more than 120 s.
    let wanted = idle.unwrap_or(USUAL_STOP).clamp(1, LONGEST_STOP);
    let name = &group.name;
    let found = if delay == 0 {
        Found::new(
            format!("target group {name} cuts requests in flight: its deregistration delay is 0"),
            format!("Give requests {wanted} s to end."),
        )
    } else if delay > stop {
        Found::new(
            format!(
                "targets of {name} drain for {delay} s, and container {container} may be killed {stop} s after SIGTERM"
            ),
            if stop >= wanted {
                format!("Set the delay to {wanted} s.")
            } else {
                format!(
                    "Set \"stopTimeout\": {wanted} for container {container} in the task definition and deploy, and the delay to {wanted} s: as long as the load balancer lets a request wait."
                )
            },
        )
    } else if delay < wanted {
        Found::new(
            format!("a request to {name} may wait {wanted} s, and is cut {delay} s after its target is deregistered"),
            format!("If requests last so long, set the delay to {wanted} s, with a stopTimeout of at least that."),
        )
        .as_bad_as(Severity::Info)
    } else {
        return None;
    };
    let idle = idle.map_or_else(|| "unknown".to_owned(), |seconds| format!("{seconds} s"));
    Some(
        found
            .seen_by(format!("deregistration delay {delay} s, stopTimeout {stop} s, idle timeout {idle}"))
            .by(Line::aws("elbv2", "modify-target-group-attributes")
                .with("--target-group-arn", arn)
                .with("--attributes", &format!("Key=deregistration_delay.timeout_seconds,Value={wanted}"))
                .written())
            .in_terraform(block("aws_lb_target_group", name, &format!("deregistration_delay = {wanted}"))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Asked;
    use crate::testing::{container, group, quiet, sound, told};
    use serde_json::{Value, json};

    #[test]
    fn the_defaults_do_not_fit_and_the_fix_does() {
        let mut picture = sound();
        group(&mut picture).deregistration_delay = Asked::Told(300);
        container(&mut picture)["stopTimeout"] = Value::Null;
        insta::assert_snapshot!(told(&RULE, &picture));
        group(&mut picture).deregistration_delay = Asked::Told(60);
        container(&mut picture)["stopTimeout"] = json!(60);
        quiet(&RULE, &picture);
    }

    #[test]
    fn a_delay_of_nothing_cuts_requests_and_a_short_one_is_worth_knowing() {
        let mut picture = sound();
        group(&mut picture).deregistration_delay = Asked::Told(0);
        assert!(told(&RULE, &picture).starts_with("warning: target group api cuts requests in flight"));
        group(&mut picture).deregistration_delay = Asked::Told(5);
        assert!(told(&RULE, &picture).starts_with("info: a request to api may wait 60 s"));
    }

    #[test]
    fn an_idle_timeout_that_no_task_can_outlive_is_not_asked_for() {
        let mut picture = sound();
        group(&mut picture).idle_timeout = Asked::Told(4000);
        group(&mut picture).deregistration_delay = Asked::Told(120);
        container(&mut picture)["stopTimeout"] = json!(120);
        quiet(&RULE, &picture);
    }
}
