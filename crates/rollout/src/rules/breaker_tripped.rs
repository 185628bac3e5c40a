//! The circuit breaker ended a deployment; a waiter that only looks for a steady service calls that a success.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "breaker-tripped",
    symptom: "rolled back although a tool said success",
    what: "the circuit breaker ended the deployment",
    fix: "heal the cause and deploy again; a waiter for a stable service takes this for a success, the status of the service deployment does not",
    heals: Heals::Perhaps,
    bearing: Bearing::Consequence,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

use crate::case::Course;

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    if matches!(case.course(), Course::Steady | Course::Moving) {
        return None;
    }
    let deployments = case.service.iter().flat_map(|it| &it.seen.deployments);
    let mut states = deployments.filter_map(|it| it.rollout_state_reason.as_deref());
    let reason = case.status_reason().filter(|it| it.contains("circuit breaker threshold"));
    let state = states.find(|it| it.contains("circuit breaker"));
    let event = case.event_that_says("deployment failed: tasks failed to start");
    let said = reason.or(state).map(str::to_owned).or(event)?;
    let number = |name: &str| {
        let breaker = case.service_deployment.known()?.get("deploymentCircuitBreaker")?;
        breaker.get(name)?.as_u64()
    };
    let counted = number("failureCount").zip(number("threshold"));
    let counted = counted.map(|(failures, threshold)| format!("{failures} failures; it trips at {threshold}"));
    let service = case.service.as_ref()?;
    let serves = super::short_arn(service.seen.task_definition.as_str());
    let asked = case.revision_in_question();
    let asked = asked.as_deref().map(super::short_arn);
    let what = match (case.course(), asked) {
        (Course::RolledBack, Some(asked)) if asked != serves => {
            format!("the circuit breaker took {asked} back: the service is steady on {serves}, and not on {asked}")
        }
        (Course::GoingBack, Some(asked)) => format!("the circuit breaker takes {asked} back"),
        _ => rule.what.to_owned(),
    };
    let cause = rule.found().named(what).seen(said).all_seen(counted);
    Some(cause.then(super::tidegate(case, "history", "")))
}
