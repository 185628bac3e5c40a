//! The desired count by hand, and what Application Auto Scaling has of a service. It must never change more than was
//! asked for: a bound that nobody named stays. Start with [`read`] and [`Scaling::follow`].

use crate::client::{Client, ask};
use crate::deploy::{DeployError, DeployPlan};
use crate::error::AwsError;
use crate::observe;
use crate::pacing::Bucket;
use crate::sink::{EventSink, now};
use aws_sdk_applicationautoscaling::types::{
    ScalableDimension, ScalableTarget, ServiceNamespace, SuspendedState,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tidegate_rollout::Event;
use tidegate_rollout::names::ServiceRef;
use tidegate_rollout::observation::ServiceEvent;
use tidegate_rollout::scaling::{Autoscaling, Standing, Suspended, new_events, standing};

/// A service with its autoscaling, before anything is changed.
#[derive(Debug, Clone)]
pub struct Scaling {
    target: ServiceRef,
    /// `desiredCount`.
    pub desired: u32,
    /// `runningCount`.
    pub running: u32,
    /// The autoscaling of it; absent where there is none.
    pub autoscaling: Option<Autoscaling>,
    /// Why that could not be asked for, where it could not.
    pub unseen: Option<String>,
    /// A deployment that is under way.
    pub moving: Option<String>,
    events: Vec<ServiceEvent>,
}

/// What of the autoscaling is to be changed; what is absent stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bounds {
    /// `MinCapacity`.
    pub min: Option<u32>,
    /// `MaxCapacity`.
    pub max: Option<u32>,
    /// What is suspended.
    pub suspended: Option<Suspended>,
}

/// How the waiting ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It runs that many.
    Steady,
    /// Another count was set meanwhile.
    SetAnew(u32),
    /// The time was over.
    TimedOut {
        /// RUNNING.
        running: u32,
        /// On their way.
        pending: u32,
    },
}

/// Looks at the service and its autoscaling; changes nothing.
///
/// # Errors
///
/// [`DeployError::Refused`] for a service that has no count, else what AWS says.
pub async fn read(client: &Client, target: &ServiceRef) -> Result<Scaling, DeployError> {
    let described = client.described_service(target).await?;
    if observe::word(&described, "schedulingStrategy") == Some("DAEMON") {
        return Err(DeployError::refused(
            format!(
                "{target} has scheduling strategy DAEMON: it runs one task on each container instance, and has no count"
            ),
            "add or remove container instances",
        ));
    }
    let service = observe::service(&described)
        .map_err(|error| crate::ecs::unexpected("DescribeServices", &error.to_string()))?;
    let moving = service
        .deployments
        .iter()
        .find(|it| it.is_primary())
        .filter(|it| it.rollout_state == Some(tidegate_rollout::observation::RolloutState::InProgress))
        .map(|it| format!("{} of {}", it.id, it.task_definition.short()));
    let (autoscaling, unseen) = match client.autoscaling_of(target).await {
        Ok(found) => (found, None),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(Scaling {
        target: target.clone(),
        desired: service.desired_count,
        running: count(&described, "runningCount"),
        autoscaling,
        unseen,
        moving,
        events: service.events,
    })
}

impl Scaling {
    /// Changes the autoscaling.
    ///
    /// # Errors
    ///
    /// [`DeployError::Refused`] where there is none and too little is named to make one, else what AWS says.
    pub async fn bound(&self, client: &Client, bounds: Bounds) -> Result<Autoscaling, DeployError> {
        if let Some(why) = &self.unseen {
            return Err(DeployError::refused(
                format!("the autoscaling of {} could not be asked for: {why}", self.target),
                "allow application-autoscaling:DescribeScalableTargets, DescribeScalingPolicies and DescribeScheduledActions",
            ));
        }
        let known = self.autoscaling.as_ref();
        let min = bounds.min.or(known.map(|it| it.min));
        let max = bounds.max.or(known.map(|it| it.max));
        let (Some(min), Some(max)) = (min, max) else {
            return Err(DeployError::refused(
                format!("{} has no autoscaling: no scalable target is registered for it", self.target),
                "name both --min and --max to register one; a scaling policy is made with `aws application-autoscaling put-scaling-policy`, or by Terraform",
            ));
        };
        if min > max {
            return Err(DeployError::refused(
                format!("a minimum of {min} is above the maximum of {max}"),
                "name both --min and --max",
            ));
        }
        client.register_scalable_target(&self.target, (min, max), bounds.suspended).await?;
        let suspended = bounds.suspended.or(known.map(|it| it.suspended)).unwrap_or_default();
        let (policies, schedules) =
            known.map_or_else(Default::default, |it| (it.policies.clone(), it.schedules.clone()));
        Ok(Autoscaling { min, max, suspended, policies, schedules })
    }

    /// Sets the count.
    ///
    /// # Errors
    ///
    /// What AWS says.
    pub async fn set(&self, client: &Client, wanted: u32) -> Result<(), DeployError> {
        let request = json!({
            "cluster": self.target.cluster, "service": self.target.service, "desiredCount": wanted,
        });
        client.update(&self.target, &request, &BTreeSet::new()).await?;
        Ok(())
    }

    /// Waits until the service runs that many; what ECS says meanwhile goes to the sink, and so do the counts to `moved`.
    ///
    /// # Errors
    ///
    /// When AWS refuses to be looked at. A look that fails in a way that passes is taken again.
    pub async fn follow(
        &self,
        client: &Client,
        plan: &DeployPlan,
        wanted: u32,
        moved: &mut dyn FnMut(u32, u32),
        sink: &mut dyn EventSink,
    ) -> Result<End, AwsError> {
        let deadline = now() + plan.timeout_ms;
        let mut known = self.events.clone();
        let mut told = None;
        loop {
            match client.described_service(&self.target).await {
                Err(error) if !error.passes() || now() >= deadline => return Err(error),
                Err(_) => {}
                Ok(described) => {
                    let service = observe::service(&described)
                        .map_err(|error| crate::ecs::unexpected("DescribeServices", &error.to_string()))?;
                    for event in new_events(&known, &service) {
                        let said = Event::ServiceSaid { said_at: event.at, message: event.message.clone() };
                        sink.event(now(), &said);
                    }
                    known.clone_from(&service.events);
                    let (running, pending) =
                        (count(&described, "runningCount"), count(&described, "pendingCount"));
                    if told != Some((running, pending)) {
                        told = Some((running, pending));
                        moved(running, pending);
                    }
                    match standing(service.desired_count, running, pending, wanted) {
                        Standing::Steady => return Ok(End::Steady),
                        Standing::SetAnew { count } => return Ok(End::SetAnew(count)),
                        Standing::Moving { running, pending } if now() >= deadline => {
                            return Ok(End::TimedOut { running, pending });
                        }
                        Standing::Moving { .. } => {}
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(plan.watch.tick.unsigned_abs())).await;
        }
    }
}

fn count(object: &Value, name: &str) -> u32 {
    object.get(name).and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
}

/// `service/<cluster>/<service>`.
fn resource(target: &ServiceRef) -> String {
    format!("service/{}/{}", target.cluster.short(), target.service.short())
}

impl Client {
    /// What Application Auto Scaling has of the service's count.
    async fn autoscaling_of(&self, target: &ServiceRef) -> Result<Option<Autoscaling>, AwsError> {
        let dimension = || ScalableDimension::EcsServiceDesiredCount;
        let request = self
            .autoscaling
            .describe_scalable_targets()
            .service_namespace(ServiceNamespace::Ecs)
            .resource_ids(resource(target))
            .scalable_dimension(dimension());
        let (output, _) =
            ask!(self, "application-autoscaling", "DescribeScalableTargets", Bucket::Elsewhere, request)?;
        let Some(found) = output.scalable_targets().first().cloned() else { return Ok(None) };
        let request = self
            .autoscaling
            .describe_scaling_policies()
            .service_namespace(ServiceNamespace::Ecs)
            .resource_id(resource(target))
            .scalable_dimension(dimension());
        let (policies, _) =
            ask!(self, "application-autoscaling", "DescribeScalingPolicies", Bucket::Elsewhere, request)?;
        let request = self
            .autoscaling
            .describe_scheduled_actions()
            .service_namespace(ServiceNamespace::Ecs)
            .resource_id(resource(target))
            .scalable_dimension(dimension());
        let (actions, _) =
            ask!(self, "application-autoscaling", "DescribeScheduledActions", Bucket::Elsewhere, request)?;
        let policies = policies.scaling_policies().iter().map(|it| it.policy_name().to_owned());
        let schedules = actions.scheduled_actions().iter().map(|it| it.scheduled_action_name().to_owned());
        Ok(Some(Autoscaling {
            min: capacity(found.min_capacity()),
            max: capacity(found.max_capacity()),
            suspended: suspended(&found),
            policies: policies.collect(),
            schedules: schedules.collect(),
        }))
    }

    async fn register_scalable_target(
        &self,
        target: &ServiceRef,
        (min, max): (u32, u32),
        suspended: Option<Suspended>,
    ) -> Result<(), AwsError> {
        let state = suspended.map(|it| {
            SuspendedState::builder()
                .dynamic_scaling_in_suspended(it.scaling_in)
                .dynamic_scaling_out_suspended(it.scaling_out)
                .scheduled_scaling_suspended(it.scheduled)
                .build()
        });
        let request = self
            .autoscaling
            .register_scalable_target()
            .service_namespace(ServiceNamespace::Ecs)
            .resource_id(resource(target))
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .min_capacity(i32::try_from(min).unwrap_or(i32::MAX))
            .max_capacity(i32::try_from(max).unwrap_or(i32::MAX))
            .set_suspended_state(state);
        ask!(self, "application-autoscaling", "RegisterScalableTarget", Bucket::Elsewhere, request)
            .map(|_| ())
    }
}

fn capacity(given: i32) -> u32 {
    u32::try_from(given).unwrap_or(0)
}

fn suspended(target: &ScalableTarget) -> Suspended {
    let state = target.suspended_state();
    Suspended {
        scaling_in: state.and_then(SuspendedState::dynamic_scaling_in_suspended).unwrap_or(false),
        scaling_out: state.and_then(SuspendedState::dynamic_scaling_out_suspended).unwrap_or(false),
        scheduled: state.and_then(SuspendedState::scheduled_scaling_suspended).unwrap_or(false),
    }
}
