//! The machine under a task went away.

use super::{Rule, Shown, by_task, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "host-gone",
    symptom: "tasks stop: Host EC2 (instance …) terminated",
    what: "the machine under a task went away",
    fix: "nothing to do, if it was scaled in or replaced; else see why the instance ended",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[
        by_task(&["host ec2", "terminated"]),
        by_task(&["timeout waiting for network interface provisioning"]),
    ],
    look,
    shown: Shown::InSentences,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let cluster = case.target.cluster.short();
    Some(said(rule, case)?.then(format!("aws ecs list-container-instances --cluster {cluster}")))
}
