//! Somebody rolled back lately: the guide's seventh practice.

use super::{Rule, tidegate};
use crate::{Day, Found, Look, Picture, Severity};
use tidegate_rollout::Millis;
use tidegate_rollout::observation::ServiceDeploymentStatus;
use tidegate_rollout::rollback::PastDeployment;

const DAY: Millis = 24 * 60 * 60 * 1000;

pub(super) const RULE: Rule = Rule {
    id: "rollback-drill",
    severity: Severity::Warning,
    title: "a rollback was tried lately",
    why: "A way back that nobody has gone for months is a guess: revisions get deregistered, images expire, schemas \
          move on, and whoever is on call has never done it.",
    practice: Some(7),
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    let Some(history) = look.need(&picture.history) else { return look };
    let last = history.iter().filter(|past| is_rollback(past, history)).map(at).max();
    let days = i64::from(picture.drill_days);
    if last.is_some_and(|at| picture.now - at <= days * DAY) {
        return look;
    }
    let seen = match last {
        Some(at) => {
            format!("the last rollback was on {}, {} days ago", Day::of(at), (picture.now - at) / DAY)
        }
        None => format!(
            "none of the {} in the history of the last 90 days is a rollback",
            super::counted(history.len(), "deployment")
        ),
    };
    look.finds(
        Found::new(
            format!("nobody has rolled this service back for {days} days"),
            format!(
                "Roll back at a quiet hour, see that it serves, and deploy again; `{}` drills the whole of it on a local cloud first. Another rhythm than {days} days is `check: {{ drillDays: N }}` in tidegate.yml.",
                tidegate(picture, "rehearse --fault crash-on-start").written()
            ),
        )
        .seen_by(seen)
        .by(tidegate(picture, "rollback").written())
        .in_terraform(super::service_block(
            picture,
            "# a drill leaves the earlier revision in place until the next apply\nlifecycle {\n  ignore_changes = [task_definition]\n}",
        )),
    );
    look
}

/// One that ECS rolled back, or one that brought a revision back which had been steady before the one that it replaced.
fn is_rollback(past: &PastDeployment, history: &[PastDeployment]) -> bool {
    use ServiceDeploymentStatus::{RollbackSuccessful, Successful};
    if past.status == RollbackSuccessful {
        return true;
    }
    let earlier = || {
        let all = history.iter().filter(|other| other.status == Successful);
        all.filter(|other| other.created_at < past.created_at)
    };
    let replaced = earlier().max_by_key(|other| other.created_at);
    past.status == Successful
        && replaced.is_some_and(|replaced| replaced.task_definition != past.task_definition)
        && earlier().any(|other| other.task_definition == past.task_definition)
}

fn at(past: &PastDeployment) -> Millis {
    past.finished_at.unwrap_or(past.created_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Asked;
    use crate::testing::{past, quiet, sound, told};
    use ServiceDeploymentStatus::{RollbackSuccessful, Stopped, Successful};

    fn with(history: Vec<PastDeployment>) -> Picture {
        let mut picture = sound();
        picture.history = Asked::Told(history);
        picture
    }

    #[test]
    fn a_history_of_releases_alone_is_no_drill() {
        insta::assert_snapshot!(told(
            &RULE,
            &with(vec![past(7, Successful, 2), past(6, Successful, 20), past(5, Stopped, 21)])
        ));
    }

    #[test]
    fn a_drill_of_long_ago_is_told_with_its_day() {
        let mut picture = with(vec![past(7, RollbackSuccessful, 31)]);
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.drill_days = 31;
        quiet(&RULE, &picture);
    }

    #[test]
    fn a_rollback_by_ecs_and_one_by_hand_are_drills() {
        quiet(&RULE, &with(vec![past(7, RollbackSuccessful, 3)]));
        quiet(&RULE, &with(vec![past(6, Successful, 3), past(7, Successful, 4), past(6, Successful, 9)]));
        let again = with(vec![past(6, Successful, 3), past(6, Successful, 4)]);
        assert!(told(&RULE, &again).contains("nobody"), "the same revision once more is no way back");
    }

    #[test]
    fn a_service_that_ecs_does_not_deploy_has_no_such_history() {
        let mut picture = sound();
        picture.history = Asked::Absent;
        quiet(&RULE, &picture);
    }
}
