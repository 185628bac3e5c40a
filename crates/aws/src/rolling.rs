//! Rolling by Amazon ECS: one UpdateService, then the watch. It must never send a key that nobody asked
//! for. Start with [`Ready::of`].

use crate::client::Client;
use crate::deploy::{Before, DeployError, DeployPlan, Outcome, Then};
use crate::ecs::seen;
use crate::gates::alarm_names;
use crate::history;
use crate::sink::{EventSink, now};
use crate::watch::follow;
use tidegate_rollout::names::{ServiceDeploymentArn, TaskDefinitionArn};
use tidegate_rollout::observation::{Deployment, Service, ServiceSeen};
use tidegate_rollout::rolling::{Rollout, Start};
use tidegate_rollout::update::update_service_request;
use tidegate_rollout::{Event, Plan};

/// A rolling deployment that may begin.
pub(crate) struct Ready {
    plan: Plan,
}

impl Ready {
    /// Refuses what cannot be rolled.
    pub(crate) fn of(plan: &DeployPlan, before: &Before) -> Result<Self, DeployError> {
        before.controlled_by("ECS", &plan.strategy)?;
        if before.strategy() != "ROLLING" {
            let native = before.strategy().to_lowercase();
            return Err(DeployError::refused(
                format!("the service's deployments go by strategy {}, not ROLLING", before.strategy()),
                format!(
                    "write `strategy: {native}` in tidegate.yml, or set the service's deploymentConfiguration.strategy to ROLLING"
                ),
            ));
        }
        if let Some(gate) = plan.gates.iter().find(|gate| !gate.watches_a_rolling_deployment()) {
            return Err(DeployError::refused(
                format!("a rolling deployment has no step at which gate {} could hold", gate.name),
                "use an alarm, which ECS watches itself, or strategy blue_green, linear or canary",
            ));
        }
        let size = before.size(plan);
        Ok(Self { plan: Plan::of(plan.target.clone(), plan.strategy.clone(), plan.gates.clone(), size) })
    }

    /// What will happen.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Updates the service, and follows the deployment as far as the plan says.
    pub(crate) async fn start(
        self,
        client: &Client,
        plan: &DeployPlan,
        before: &Before,
        task_definition: TaskDefinitionArn,
        sink: &mut dyn EventSink,
    ) -> Result<Outcome, DeployError> {
        let request = update_service_request(
            &plan.target,
            &before.raw,
            &task_definition,
            plan.breaker,
            &alarm_names(plan.gates.iter()),
            plan.force,
            before.new_count(plan),
        );
        if let Some(moving) = before.in_progress() {
            let message = format!(
                "deployment {} of {} is in progress; this one takes its place",
                moving.id,
                moving.task_definition.short()
            );
            sink.event(now(), &Event::Warned { message });
        }
        let earlier = before.deployments();
        let updated = client
            .update(&plan.target, &request, &earlier)
            .await
            .map_err(|error| DeployError::Update { error, task_definition: task_definition.clone() })?;
        let first = seen("UpdateService", &updated.service)?;
        let ServiceSeen::Described(service) = &first else {
            return Err(crate::ecs::unexpected("UpdateService", "it has no service").into());
        };
        let Some(ours) = own_deployment(before, service, &task_definition) else {
            sink.event(
                now(),
                &Event::NothingDone { reason: "ECS accepted the update and started no deployment".into() },
            );
            return Ok(Outcome::NothingToDo);
        };
        let service_deployment = own_service_deployment(before, service);
        sink.event(
            now(),
            &Event::Started {
                target: plan.target.clone(),
                deployment: ours.id.clone(),
                service_deployment: service_deployment.clone(),
                task_definition: task_definition.clone(),
                desired: service.desired_count,
            },
        );
        let deployment = ours.id.clone();
        if plan.then == Then::Return {
            return Ok(Outcome::Started { deployment });
        }
        let started_at = now();
        let rollout = Rollout::begin(Start {
            target: plan.target.clone(),
            candidate: task_definition,
            deployment: deployment.clone(),
            service_deployment,
            earlier_service_deployment: before.service.current_service_deployment.clone(),
            earlier_deployments: earlier,
            known_events: before.service.events.iter().map(|e| e.id.clone()).collect(),
            started_at,
            deadline: started_at + plan.timeout_ms,
        });
        let candidate = rollout.candidate().clone();
        let verdict = follow(client, rollout, Some(first), plan.watch, sink)
            .await
            .map_err(|error| DeployError::LostSight { error, deployment })?;
        // ECS keeps what it did itself, but for the name of the gate.
        if !plan.gates.is_empty() {
            history::keep(client, &candidate, &verdict, sink).await;
        }
        Ok(Outcome::Ended(verdict))
    }
}

/// The deployment that the update started: the PRIMARY, if it was not there before, or if an endpoint
/// that reuses ids has put our revision into it.
pub(crate) fn own_deployment<'a>(
    before: &Before,
    after: &'a Service,
    ours: &TaskDefinitionArn,
) -> Option<&'a Deployment> {
    let is_new = |d: &Deployment| before.service.deployments.iter().all(|earlier| earlier.id != d.id);
    let changed = before.service.task_definition != *ours;
    after
        .deployments
        .iter()
        .filter(|d| d.is_primary())
        .find(|d| is_new(d) || (changed && d.task_definition == *ours))
}

/// The answer may still name the service deployment of before.
pub(crate) fn own_service_deployment(before: &Before, after: &Service) -> Option<ServiceDeploymentArn> {
    after
        .current_service_deployment
        .clone()
        .filter(|arn| Some(arn) != before.service.current_service_deployment.as_ref())
}
