//! Secrets, images or logs could not be reached from where the task is.

use super::{Rule, Shown, anywhere, said};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "resources-not-ready",
    symptom: "tasks never RUNNING: ResourceInitializationError … context deadline exceeded",
    what: "the task's resources could not be set up",
    fix: "check the route to Secrets Manager, SSM, ECR and CloudWatch Logs from the task's subnets",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[
        anywhere(&["resourceinitializationerror"]),
    ],
    look,
    shown: Shown::InSentences,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let cause = said(rule, case)?;
    let subnets = case.member("/networkConfiguration/awsvpcConfiguration/subnets").cloned();
    let first = subnets.as_ref().and_then(|it| it.get(0)?.as_str());
    Some(match first {
        Some(subnet) => cause.then(format!(
            "aws ec2 describe-route-tables --filters Name=association.subnet-id,Values={subnet}"
        )),
        None => cause,
    })
}
