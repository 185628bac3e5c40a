//! Nothing listens where the load balancer connects to.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "port-not-listening",
    symptom: "targets unhealthy: Target.FailedHealthChecks, connections refused",
    what: "nothing listens on the container port that the load balancer checks",
    fix: "make containerPort (and the health check's port) the port that the application listens on, on all addresses and not only 127.0.0.1",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

use super::balancer::{Trouble, says_that_it_serves, trouble};
use crate::cause::Certainty;

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let found = trouble(case)?;
    if found.trouble != Trouble::Refused {
        return None;
    }
    let port = case.member("/loadBalancers/0/containerPort").and_then(serde_json::Value::as_i64);
    let says = found.task.and_then(|task| says_that_it_serves(case, task));
    let certainty = if says.is_some() { Certainty::Likely } else { Certainty::Possible };
    let mut cause = rule.found().sure(certainty).all_seen(found.evidence(case));
    if let Some(port) = port {
        cause = cause.named(format!("nothing listens on port {port}, which the load balancer checks"));
    }
    let cause = cause.all_seen(says.map(|line| format!("the application logged: {line}")));
    Some(match found.task {
        Some(task) => cause.then(super::logs_of(case, task)),
        None => cause.then(super::tidegate(case, "logs", "")),
    })
}
