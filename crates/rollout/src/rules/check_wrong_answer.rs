//! The balancer's check is answered, with a status code that does not pass.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "check-wrong-answer",
    symptom: "targets unhealthy: Target.ResponseCodeMismatch",
    what: "the load balancer's health check gets an answer that does not pass",
    fix: "correct the health check's path or matcher, or what the application answers there",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

use super::balancer::{Trouble, trouble};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let found = trouble(case)?;
    let Trouble::Answered(codes) = &found.trouble else { return None };
    let path = found.group.and_then(|group| group.check.path.as_deref()).unwrap_or("the health check's path");
    let expects = found.group.map_or("another", |group| group.check.matcher.as_str());
    let cause = rule
        .found()
        .named(format!("{path} answers {codes}, and the load balancer's health check expects {expects}"))
        .all_seen(found.evidence(case));
    let cause = match codes.chars().next() {
        Some('4') => cause.fixed_by(format!(
            "the application has no {path}: correct the target group's health check path, or serve it"
        )),
        Some('3') => cause.fixed_by("check a path that does not redirect, or let the matcher take 200-399"),
        Some('5') => cause.fixed_by(format!("the application itself says at {path} that it is not well: see its log")),
        _ => cause,
    };
    let cause = match found.task {
        Some(task) if codes.starts_with('5') => {
            let words = super::last_words(case, task, 2);
            cause.all_seen(words).then(super::logs_of(case, task))
        }
        _ => cause,
    };
    let modify = found.group.map(|group| {
        format!("aws elbv2 modify-target-group --target-group-arn {} --health-check-path /", group.arn)
    });
    Some(match (cause.next.is_some(), modify) {
        (false, Some(command)) => cause.then(command),
        _ => cause,
    })
}
