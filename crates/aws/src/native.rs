//! Blue/green, linear and canary as Amazon ECS does them itself.

use crate::client::Client;
use crate::deploy::{Before, DeployError, DeployPlan, Outcome};
use crate::sink::EventSink;
use tidegate_rollout::strategy::Traffic;
use tidegate_rollout::{Plan, TaskDefinitionArn};

pub(crate) struct Ready {
    plan: Plan,
}

impl Ready {
    pub(crate) async fn of(
        _client: &Client,
        plan: &DeployPlan,
        _traffic: &Traffic,
        before: &Before,
    ) -> Result<Self, DeployError> {
        before.controlled_by("ECS", &plan.strategy)?;
        Err(DeployError::NotYet { strategy: plan.strategy.clone() })
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) async fn start(
        self,
        _client: &Client,
        plan: &DeployPlan,
        _before: &Before,
        _task_definition: TaskDefinitionArn,
        _sink: &mut dyn EventSink,
    ) -> Result<Outcome, DeployError> {
        Err(DeployError::NotYet { strategy: plan.strategy.clone() })
    }
}
