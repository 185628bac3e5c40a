//! What is stored of `ELBv2`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_models::{Timestamp, elbv2};

/// An Application Load Balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The loopback address that it listens on: its `DNSName`.
    pub address: std::net::Ipv4Addr,
    /// As `DescribeLoadBalancers` answers.
    pub document: elbv2::LoadBalancer,
    /// By key, defaults filled in.
    pub attributes: BTreeMap<String, String>,
}

/// A target group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// Its ARN.
    pub arn: String,
    /// As `DescribeTargetGroups` answers, but for the load balancers, which are looked up.
    pub document: elbv2::TargetGroup,
    /// By key, defaults filled in.
    pub attributes: BTreeMap<String, String>,
    /// Its targets, in the order of registration.
    pub targets: Vec<Target>,
}

/// A registered target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// As it was registered: an IP address or an instance's id.
    pub id: String,
    /// Its port.
    pub port: u16,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// Until when it drains, once it was deregistered; then it is forgotten.
    pub draining_until: Option<Timestamp>,
    /// What health checks found last.
    pub health: TargetHealth,
    /// The ARN of the ECS task that it is; `None` when someone registered it through the API.
    pub owner_task: Option<String>,
}

/// What is known of a target's health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetHealth {
    /// initial, healthy, unhealthy, unused, draining.
    pub state: elbv2::TargetHealthStateEnum,
    /// Why it is not healthy.
    pub reason: Option<elbv2::TargetHealthReasonEnum>,
    /// Why, in words.
    pub description: Option<String>,
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// Its load balancer's ARN.
    pub load_balancer_arn: String,
    /// Its port.
    pub port: u16,
    /// As `DescribeListeners` answers, but for the default actions, which are those of its default rule.
    pub document: elbv2::Listener,
    /// By key, defaults filled in.
    pub attributes: BTreeMap<String, String>,
}

/// A rule of a listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Its ARN.
    pub arn: String,
    /// Its listener's ARN.
    pub listener_arn: String,
    /// 1–50000; `None` for the default rule.
    pub priority: Option<u32>,
    /// As given.
    pub conditions: Vec<elbv2::RuleCondition>,
    /// As given, with what AWS adds.
    pub actions: Vec<elbv2::Action>,
}

impl Rule {
    /// The target groups that its actions forward to, each once.
    pub fn target_groups(&self) -> impl Iterator<Item = &str> {
        let forwards = self.actions.iter().flat_map(|action| {
            let weighted =
                action.forward_config.iter().flat_map(|config| config.target_groups.iter().flatten());
            action.target_group_arn.iter().chain(weighted.filter_map(|group| group.target_group_arn.as_ref()))
        });
        let groups: std::collections::BTreeSet<&str> = forwards.map(String::as_str).collect();
        groups.into_iter()
    }

    /// The keys that it is found by: its listener's ARN and those of its target groups.
    pub(crate) fn index(&self) -> Vec<String> {
        std::iter::once(self.listener_arn.as_str()).chain(self.target_groups()).map(str::to_owned).collect()
    }
}
