//! A target group and its targets.
//!
//! Attributes carry AWS's ranges in their docs; the API in front has checked them. Start at [`TargetGroup`].

use std::{net::SocketAddr, time::Duration};

use super::HealthCheck;
use crate::HealthState;

/// A target group with the targets that are registered in it.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetGroup {
    /// Its ARN: the key under which it is replaced, removed and counted.
    pub arn: String,
    /// How its targets are checked.
    pub health_check: HealthCheck,
    /// How a target is chosen for a request.
    pub algorithm: Algorithm,
    /// Whether a client stays with its target.
    pub stickiness: TargetStickiness,
    /// `slow_start.duration_seconds`: how long a target that became healthy is ramped up. 30–900 s, or zero for off.
    pub slow_start: Duration,
    /// The registered targets and the draining ones. An address may stand here once.
    pub targets: Vec<Target>,
}

/// `load_balancing.algorithm.type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// In turn.
    #[default]
    RoundRobin,
    /// The one with the fewest requests in flight. Slow start has no effect with it, as on AWS.
    LeastOutstandingRequests,
    /// At random.
    WeightedRandom,
}

/// `stickiness.type` with what belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TargetStickiness {
    /// Every request is balanced.
    #[default]
    Disabled,
    /// The balancer's own cookie `AWSALB` names the target.
    LbCookie {
        /// How long after the last response the cookie holds. 1 s – 7 days.
        duration: Duration,
    },
    /// As long as the client sends the application's cookie, `AWSALBAPP-0` names the target.
    AppCookie {
        /// The application's cookie.
        name: String,
        /// How long after the last response the cookie holds. 1 s – 7 days.
        duration: Duration,
    },
}

/// One target of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where it serves HTTP/1.1: its identity within the group.
    pub address: SocketAddr,
    /// Whether it takes new requests.
    pub registration: Registration,
    /// What was last known of its health: seeds a target that is new to this balancer, so that a restart answers no
    /// request with 503. Ignored for a target that the group already has.
    pub known_health: Option<HealthState>,
    /// What is wrong with it, in a rehearsal. A target keeps the fault that it was first put with.
    pub fault: Option<TargetFault>,
}

/// A fault that the balancer gives to a target, so that any application can be rehearsed with it. No feature of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetFault {
    /// Its health checks find status 503.
    FailsHealthChecks,
    /// Of a million of its answers, so many get the status 500.
    Errors {
        /// 0–1,000,000.
        per_million: u32,
    },
    /// Its answers come this much later, in real time.
    Latency(Duration),
}

impl Target {
    /// A registered target of which nothing is known.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, registration: Registration::Registered, known_health: None, fault: None }
    }

    /// The same target, draining.
    #[must_use]
    pub fn draining(self) -> Self {
        Self { registration: Registration::Draining, ..self }
    }
}

/// Where a target is between `RegisterTargets` and the end of its deregistration delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Registration {
    /// It takes requests when it is healthy.
    #[default]
    Registered,
    /// It was deregistered: what is in flight may finish, nothing new is sent.
    Draining,
}
