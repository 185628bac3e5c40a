//! The least that a principal must be allowed for what Tidegate does with a service: an IAM policy made from the config.
//!
//! It must never grant what no command calls: a test holds each policy against the calls that the commands really make on
//! a local cloud that enforces it. Resource types are those of AWS's Service Authorization Reference. Start at [`policy`].

mod changes;
mod document;
mod known;
mod reads;
mod uses;

use std::collections::BTreeSet;

pub use document::{Policy, Statement};
pub use known::{Known, Looked};
use tidegate_rollout::{
    Strategy,
    gate::{Check, Gate},
    names::ServiceRef,
    strategy::DeploymentGroup,
};
pub use uses::Use;

/// What is to be granted for: the service, how it is deployed, and what is known of its surroundings. What is not known
/// is granted by a pattern that is as narrow as a name allows.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The service.
    pub target: &'a ServiceRef,
    /// The region, such as `eu-west-1`.
    pub region: &'a str,
    /// Twelve digits; `*` when nobody knows.
    pub account: &'a str,
    /// How it is deployed.
    pub strategy: &'a Strategy,
    /// What is asked before each step.
    pub gates: &'a [Gate],
    /// How many tasks the config wants, where it says so.
    pub desired_count: Option<u32>,
    /// How many freeze windows the config has: whoever deploys in one keeps why.
    pub freeze_windows: usize,
    /// What is known of its surroundings.
    pub known: Known,
}

/// The policy for these uses.
pub fn policy(subject: &Subject<'_>, uses: &BTreeSet<Use>) -> Policy {
    let mut policy = Policy::default();
    for one in uses {
        one.grant(subject, &mut policy);
    }
    policy
}

impl Subject<'_> {
    fn arn(&self, service: &str, resource: impl std::fmt::Display) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }

    fn cluster(&self) -> String {
        self.arn("ecs", format!("cluster/{}", self.target.cluster.short()))
    }

    /// Something of the cluster: `service/CLUSTER/web`.
    fn of_cluster(&self, kind: &str, name: &str) -> String {
        self.arn("ecs", format!("{kind}/{}/{name}", self.target.cluster.short()))
    }

    /// The service, and its candidate where there are two.
    fn services(&self) -> Vec<&str> {
        let candidate = match self.strategy {
            Strategy::Alb(_, candidate) => Some(candidate.service.short()),
            _ => None,
        };
        std::iter::once(self.target.service.short()).chain(candidate).collect()
    }

    /// ARNs of each of them.
    fn of_services(&self, kind: &str, tail: &str) -> Vec<String> {
        self.services().into_iter().map(|name| self.of_cluster(kind, &format!("{name}{tail}"))).collect()
    }

    /// The service's parameter of this name, in which Tidegate keeps something of it; its progress has none.
    fn parameter(&self, name: &str) -> String {
        let (cluster, service) = (self.target.cluster.short(), self.target.service.short());
        self.arn("ssm", format_args!("parameter/tidegate/{cluster}/{service}{name}"))
    }

    fn application(&self, group: &DeploymentGroup) -> String {
        self.arn("codedeploy", format_args!("application:{}", group.application))
    }

    fn deployment_group(&self, group: &DeploymentGroup) -> String {
        self.arn("codedeploy", format_args!("deploymentgroup:{}/{}", group.application, group.group))
    }

    /// Roles of the account, where nobody knows which.
    fn any_role(&self) -> String {
        format!("arn:aws:iam::{}:role/*", self.account)
    }

    /// What is known, else the pattern, else nothing if somebody looked and there was none.
    fn known_or(&self, known: &BTreeSet<String>, pattern: String) -> Vec<String> {
        if known.is_empty() && self.known.looked == Looked::No {
            return vec![pattern];
        }
        known.iter().cloned().collect()
    }

    /// Whether alarms of CloudWatch have a say: a gate's, or those of the service's own deployments.
    fn has_alarms(&self) -> bool {
        let of_gates = self.gates.iter().any(|gate| matches!(gate.check, Check::Alarm { .. }));
        of_gates || self.known.may_have(&self.known.alarms)
    }
}

/// Everything; for actions that know no resource.
fn any() -> Vec<String> {
    vec!["*".to_owned()]
}

#[cfg(test)]
mod tests;
