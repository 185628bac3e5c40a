//! A service and what stands around it, as AWS describes it. Reads only. Start with [`read`].

use crate::alb::listener::modified;
use crate::alb::ready::rule_between;
use crate::client::Client;
use crate::deploy::DeployError;
use crate::observe;
use serde_json::Value;
use tidegate_rollout::Strategy;
use tidegate_rollout::names::ServiceRef;

/// A service and what stands around it.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// One item of `services[]`, as DescribeServices answers it.
    pub service: Value,
    /// The task definition that runs.
    pub task_definition: Value,
    /// The ARN of the listener rule, or of the listener, whose weights Tidegate moves, where it is Tidegate that does.
    pub rule: Option<String>,
}

/// Looks at the service, and with controller alb at its listener rule.
///
/// # Errors
///
/// When there is no such service, or it may not be looked at.
pub async fn read(
    client: &Client,
    target: &ServiceRef,
    strategy: &Strategy,
) -> Result<Surroundings, DeployError> {
    let service = client.described_service(target).await?;
    let running = observe::running_task_definition(&service)
        .map_err(|error| crate::ecs::unexpected("DescribeServices", &error.to_string()))?;
    let task_definition = client.described_task_definition(running.as_str()).await?;
    let rule = match strategy {
        Strategy::Alb(_, candidate) => {
            Some(modified(&rule_between(client, target, &service, candidate).await?))
        }
        _ => None,
    };
    Ok(Surroundings { service, task_definition, rule })
}
