//! The health of a target in AWS's words.
//!
//! Draining and unused are the caller's to say: they follow from what it registered, not from a check. Start at
//! [`TargetHealth`].

use std::net::SocketAddr;

/// What the balancer tells whoever started it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The health of a target changed, or is known for the first time.
    TargetHealth {
        /// The ARN of its target group.
        target_group: String,
        /// The target.
        target: SocketAddr,
        /// Its health now.
        health: TargetHealth,
    },
}

/// `TargetHealthDescription.TargetHealth`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// `State`.
    pub state: HealthState,
    /// `Reason`, AWS's code; absent when healthy.
    pub reason: Option<&'static str>,
    /// `Description`, AWS's words; absent when healthy.
    pub description: Option<String>,
}

/// `TargetHealth.State`, as far as checks decide it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HealthState {
    /// Registered, and no check has decided yet.
    Initial,
    /// It passed.
    Healthy,
    /// It failed.
    Unhealthy,
    /// Health checks are off: it is used as if it were healthy.
    Unavailable,
}

impl HealthState {
    /// As `DescribeTargetHealth` spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Unavailable => "unavailable",
        }
    }
}
