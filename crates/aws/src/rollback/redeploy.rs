//! After the end: a new deployment brings what was last steady, by the bytes that ran. It goes at once, without steps and
//! gates: who goes back knows already that what runs is worse. Start with [`run`].

use super::{Rollback, keep_on_the_one_left};
use crate::alb;
use crate::client::Client;
use crate::deploy::{Before, DeployError, DeployPlan, Outcome, start_existing};
use crate::native;
use crate::origin;
use crate::sink::{EventSink, now};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tidegate_rollout::names::TaskDefinitionArn;
use tidegate_rollout::rollback::Mover;
use tidegate_rollout::staged::configuration::without_our_hooks;
use tidegate_rollout::strategy::Traffic;
use tidegate_rollout::task_definition::images::ImageChange;
use tidegate_rollout::task_definition::prepare;
use tidegate_rollout::update::Force;
use tidegate_rollout::{Event, Strategy};

pub(super) async fn run(
    client: &Client,
    plan: &DeployPlan,
    rollback: &Rollback,
    sink: &mut dyn EventSink,
) -> Result<Outcome, DeployError> {
    let before = Before::of(rollback.described.clone())?;
    let strategy = strategy(client, plan, rollback, &before).await;
    let to = pinned(client, plan, rollback, sink).await?;
    let force = if to == rollback.current { Force::Redeploy } else { plan.force };
    let again = DeployPlan { strategy, gates: Vec::new(), force, ..plan.clone() };
    let outcome = start_existing(client, &again, rollback.described.clone(), to.clone(), sink).await?;
    if matches!(outcome, Outcome::Started { .. }) && rollback.mover == Mover::EcsStaged {
        let message =
            "the service keeps strategy BLUE_GREEN without a bake until the next deployment".to_owned();
        sink.event(now(), &Event::Warned { message });
    }
    if let Outcome::Ended(verdict) = &outcome {
        if rollback.mover == Mover::EcsStaged {
            give_back_configuration(client, plan, &rollback.described, sink).await;
        }
        if verdict.is_promoted() {
            keep_on_the_one_left(client, plan, rollback, &to, sink).await;
        }
    }
    Ok(outcome)
}

/// At once, whoever moves it. CodeDeploy's deployment group is found by `start_existing`.
async fn strategy(client: &Client, plan: &DeployPlan, rollback: &Rollback, before: &Before) -> Strategy {
    let at_once = Traffic::BlueGreen { bake: 0 };
    match (&plan.strategy, rollback.mover) {
        (Strategy::Alb(_, candidate), _) => Strategy::Alb(at_once, candidate.clone()),
        (_, Mover::Tidegate) => {
            // Only the rollout that was written down says which service is the candidate.
            let held = alb::held(client, &plan.target).await.ok().flatten();
            match held.map(|held| held.progress.plan().strategy.clone()) {
                Some(Strategy::Alb(_, candidate)) => Strategy::Alb(at_once, candidate),
                _ => native::strategy_of(&before.raw),
            }
        }
        (_, Mover::EcsStaged) => Strategy::Ecs(at_once),
        (given @ Strategy::CodeDeploy(..), Mover::CodeDeploy) => given.clone(),
        (_, Mover::EcsRolling | Mover::CodeDeploy) => Strategy::Rolling,
    }
}

/// The revision itself, or one that names the bytes that ran.
async fn pinned(
    client: &Client,
    plan: &DeployPlan,
    rollback: &Rollback,
    sink: &mut dyn EventSink,
) -> Result<TaskDefinitionArn, DeployError> {
    if rollback.pins.is_empty() {
        return Ok(rollback.way.to().clone());
    }
    let images: Vec<ImageChange> = rollback
        .pins
        .iter()
        .map(|pin| ImageChange::Of { container: pin.container.clone(), image: pin.image.clone() })
        .collect();
    let prepared = prepare(&rollback.definition, &rollback.definition, &images)?;
    Ok(origin::register(client, plan, &prepared.document, "rollback", sink).await?)
}

/// The service moves by its own strategy again. An update of the configuration alone starts no deployment.
async fn give_back_configuration(
    client: &Client,
    plan: &DeployPlan,
    described: &Value,
    sink: &mut dyn EventSink,
) {
    let Some(own) = described.get("deploymentConfiguration") else { return };
    let configuration = without_our_hooks(described).unwrap_or_else(|| own.clone());
    let in_force = client.described_service(&plan.target).await.ok();
    if in_force.is_some_and(|service| service.get("deploymentConfiguration") == Some(&configuration)) {
        return;
    }
    let request = json!({
        "cluster": plan.target.cluster, "service": plan.target.service, "deploymentConfiguration": configuration,
    });
    if let Err(error) = client.update(&plan.target, &request, &BTreeSet::new()).await {
        let message =
            format!("the service keeps strategy BLUE_GREEN without a bake, by which it went back: {error}");
        sink.event(now(), &Event::Warned { message });
    }
}
