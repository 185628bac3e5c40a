//! How a rollout ended. A verdict must never be guessed: each one names the fact that it rests on.
//! Start with [`Verdict`].

use crate::names::{DeploymentId, TaskDefinitionArn};
use crate::observation::BreakerCount;
use serde::{Deserialize, Serialize};

/// The end of a rollout, with the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The candidate serves, at the wanted count, and nothing else does.
    Promoted {
        /// The revision that serves.
        task_definition: TaskDefinitionArn,
        /// Tasks running.
        running: u32,
    },
    /// The service is steady again on an earlier revision.
    RolledBack {
        /// The revision that serves.
        to: TaskDefinitionArn,
        /// Why, in AWS's words where there are some.
        reason: String,
        /// The circuit breaker's counter, where it is known.
        breaker: Option<BreakerCount>,
    },
    /// The candidate did not get there, and nothing went back.
    Failed {
        /// Why.
        reason: String,
        /// What the service is left with, in one sentence.
        left: String,
        /// The circuit breaker's counter, where it is known.
        breaker: Option<BreakerCount>,
    },
    /// Somebody stopped it.
    Aborted {
        /// What was seen of it.
        reason: String,
    },
    /// The time was over; ECS goes on.
    TimedOut {
        /// How far it came.
        reached: String,
    },
    /// Another deployment took its place.
    Superseded {
        /// The deployment that did.
        by: DeploymentId,
        /// The revision that it brings.
        task_definition: TaskDefinitionArn,
    },
}

impl Verdict {
    /// Did the candidate end up serving?
    pub fn is_promoted(&self) -> bool {
        matches!(self, Self::Promoted { .. })
    }
}
