//! The service was deleted, or is being deleted.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "service-inactive",
    symptom: "the service's status is DRAINING or INACTIVE",
    what: "the service was deleted",
    fix: "create the service again; while it is DRAINING, its name cannot be used",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let status = case.service.as_ref()?.seen.status.as_str();
    if status == "ACTIVE" || status.is_empty() {
        return None;
    }
    let cluster = case.target.cluster.short();
    Some(
        rule.found()
            .seen(format!("DescribeServices: status {status}"))
            .then(format!("aws ecs list-services --cluster {cluster}")),
    )
}
