//! A deployment by AWS CodeDeploy: look at everything it depends on, refuse what
//! cannot work before anything is changed, register, create the deployment, follow it. It must never
//! decide what a look means: that is `tidegate_rollout::code_deploy`. Start with `Ready`.
//!
//! The calls, in sequence: DescribeServices (by the caller),
//! `GetDeploymentGroup`, `DescribeTargetGroups`, `DescribeListeners`, `DescribeRules`,
//! `ListDeployments`, for a config that is not CodeDeploy's own `GetDeploymentConfig`; `DescribeTaskDefinition`; then
//! `RegisterTaskDefinition`, for a config that is not there `CreateDeploymentConfig`, and
//! `CreateDeployment`. A look is one `GetDeployment` and one `BatchGetDeploymentTargets`; stopped tasks
//! are read only while the candidate has fewer tasks than it wants.

mod back;
mod follow;
mod moving;

use super::{Before, DeployError, DeployPlan, Outcome, Then};
use crate::client::Client;
use crate::codedeploy::NewDeployment;
pub use crate::codedeploy::Wait;
use crate::error::AwsError;
use crate::gates::TrafficGroups;
use crate::observe;
use crate::sink::{EventSink, now};
pub use back::{Promoted, abort, promote};
pub(crate) use back::{attach, brought, stop, way_back};
use follow::follow;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tidegate_rollout::code_deploy::app_spec::{Served, app_spec};
use tidegate_rollout::code_deploy::config::{DeploymentConfig, Routing};
use tidegate_rollout::code_deploy::requirements::{
    Found, Settings, Termination, check, check_controller, check_port, listeners, target_group_names,
};
use tidegate_rollout::code_deploy::{Refusal, Rollout, Start};
use tidegate_rollout::names::TaskDefinitionArn;
use tidegate_rollout::plan::Size;
use tidegate_rollout::strategy::{CanaryStep, DeploymentGroup, Traffic};
use tidegate_rollout::{Event, Millis, Plan, Strategy, pace};

const MINUTE: Millis = 60_000;

/// A deployment that may begin: everything that it depends on was looked at and found sound.
pub(crate) struct Ready {
    plan: Plan,
    group: DeploymentGroup,
    config: DeploymentConfig,
    served: Served,
    traffic_groups: Option<TrafficGroups>,
    notes: Vec<String>,
    desired: u32,
}

impl Ready {
    /// Looks at everything that a deployment depends on; changes nothing.
    pub(crate) async fn of(
        client: &Client,
        plan: &DeployPlan,
        (traffic, group): (&Traffic, &DeploymentGroup),
        before: &Before,
    ) -> Result<Self, DeployError> {
        let service = &before.raw;
        check_controller(service)?;
        let info = client.deployment_group(group).await.map_err(|error| missing(error, group))?;
        let (arns, names) = (listeners(&info), target_group_names(&info));
        let (target_groups, found_listeners, rules) = tokio::join!(
            client.target_groups_named(&names),
            client.listeners(&arns),
            client.rules_of(arns.first().map(String::as_str)),
        );
        let (target_groups, found_listeners, rules) = (target_groups?, found_listeners?, rules?);
        let found = Found {
            service,
            group: &info,
            target_groups: &target_groups,
            listeners: &found_listeners,
            rules: &rules,
        };
        let served = check(&plan.target, group, &found)?;
        in_progress(client, group).await?.map_or(Ok(()), Err)?;
        let settings = Settings::of(&info);
        let (config, routing) = config(client, traffic, group).await?;
        let bake = settings.bake();
        let moves = routing.map_or_else(|| with_bake(traffic, bake), |it| it.traffic(bake));
        let desired = plan.desired_count.unwrap_or(before.service.desired_count);
        let size = Size { desired, maximum_percent: 200 };
        let strategy = Strategy::CodeDeploy(moves, group.clone());
        Ok(Self {
            plan: Plan::of(plan.target.clone(), strategy, plan.gates.clone(), size),
            group: group.clone(),
            config,
            traffic_groups: traffic_groups(&served, &target_groups, &found_listeners),
            served,
            notes: notes(traffic, settings),
            desired,
        })
    }

    /// Does the task definition have the container and the port that the load balancer sends to?
    pub(crate) fn accepts(&self, definition: &Value) -> Result<(), DeployError> {
        Ok(check_port(&self.served, definition)?)
    }

    /// What will happen, step by step.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Creates the deployment, and follows it as far as the plan says.
    pub(crate) async fn start(
        self,
        client: &Client,
        plan: &DeployPlan,
        before: &Before,
        candidate: TaskDefinitionArn,
        sink: &mut dyn EventSink,
    ) -> Result<Outcome, DeployError> {
        for message in &self.notes {
            sink.event(now(), &Event::Warned { message: message.clone() });
        }
        if let DeploymentConfig::Ours { name, routing } = &self.config
            && client.deployment_config(name).await?.is_none()
        {
            client.create_deployment_config(name, *routing).await?;
        }
        if let Some(count) = plan.desired_count.filter(|wished| *wished != before.service.desired_count) {
            let request = json!({"cluster": plan.target.cluster, "service": plan.target.service, "desiredCount": count});
            client.update(&plan.target, &request, &BTreeSet::new()).await?;
        }
        let hooks = BTreeMap::new();
        let new = NewDeployment {
            group: &self.group,
            config: self.config.name(),
            app_spec: &app_spec(&before.raw, &self.served, &candidate, &hooks),
            description: format!("tidegate brings {} ({:08x})", candidate.short(), fastrand::u32(..)),
        };
        let created = match client.create_deployment(&new).await {
            Ok(id) => id,
            Err(error) => return Err(not_created(client, error, &self.group, candidate).await),
        };
        let started_at = now();
        sink.event(
            started_at,
            &Event::Started {
                target: plan.target.clone(),
                deployment: created.clone(),
                service_deployment: None,
                task_definition: candidate.clone(),
                desired: self.desired,
            },
        );
        if plan.then == Then::Return {
            return Ok(Outcome::Started { deployment: created });
        }
        let on_clock = self.plan.on_clock(plan.watch.tick);
        let least = on_clock.least();
        let rollout = Rollout::begin(Start {
            plan: on_clock,
            stable: before.service.task_definition.clone(),
            candidate,
            candidate_set: None,
            deployment: created.clone(),
            hooks,
            gates_timeout: pace::on_clock(plan.gates_timeout, plan.watch.tick),
            desired: self.desired,
            started_at,
            // What the plan takes at least is no delay.
            deadline: started_at + least + plan.timeout_ms,
        });
        follow(client, rollout, self.traffic_groups, plan.elsewhere.as_ref(), plan.watch, sink)
            .await
            .map(Outcome::Ended)
            .map_err(|error| DeployError::LostSight { error, deployment: created })
    }
}

/// Deploys a revision that is registered already, such as the one to go back to.
pub(crate) async fn start_existing(
    client: &Client,
    plan: &DeployPlan,
    before: &Before,
    candidate: TaskDefinitionArn,
    sink: &mut dyn EventSink,
) -> Result<Outcome, DeployError> {
    // Nobody who goes back wants it in steps.
    let group = back::group_of(client, &before.raw, plan).await?;
    let group = DeploymentGroup { config: None, ..group };
    let ready = Ready::of(client, plan, (&Traffic::BlueGreen { bake: 0 }, &group), before).await?;
    ready.start(client, plan, before, candidate, sink).await
}

/// The production target group and the other one of the pair.
fn traffic_groups(served: &Served, target_groups: &[Value], listeners: &[Value]) -> Option<TrafficGroups> {
    let arns = target_groups.iter().filter_map(|group| group["TargetGroupArn"].as_str());
    let candidate = arns.into_iter().find(|arn| *arn != served.target_group)?.to_owned();
    let load_balancer = listeners.first()?["LoadBalancerArn"].as_str()?.to_owned();
    Some(TrafficGroups { stable: served.target_group.clone(), candidate, load_balancer })
}

/// The config to use, and how it moves traffic where the user named it.
async fn config(
    client: &Client,
    traffic: &Traffic,
    group: &DeploymentGroup,
) -> Result<(DeploymentConfig, Option<Routing>), DeployError> {
    let Some(name) = &group.config else { return Ok((DeploymentConfig::of(traffic), None)) };
    let unusable = |what: &str| Refusal::UnusableConfig { name: name.clone(), what: what.to_owned() };
    let info =
        client.deployment_config(name).await?.ok_or_else(|| unusable("does not exist in CodeDeploy"))?;
    let routing = routing(&info["trafficRoutingConfig"])
        .ok_or_else(|| unusable("moves no traffic, since it is not for the compute platform ECS"))?;
    Ok((DeploymentConfig::Existing(name.clone()), Some(routing)))
}

fn routing(config: &Value) -> Option<Routing> {
    let number = |pointer: &str| config.pointer(pointer).and_then(Value::as_i64);
    let percentage = |pointer: &str| u16::try_from(number(pointer)?).ok();
    match config["type"].as_str()? {
        "AllAtOnce" => Some(Routing::AllAtOnce),
        "TimeBasedCanary" => Some(Routing::Canary {
            percentage: percentage("/timeBasedCanary/canaryPercentage")?,
            interval: number("/timeBasedCanary/canaryInterval")?,
        }),
        "TimeBasedLinear" => Some(Routing::Linear {
            percentage: percentage("/timeBasedLinear/linearPercentage")?,
            interval: number("/timeBasedLinear/linearInterval")?,
        }),
        _ => None,
    }
}

/// What of the deployment group holds, whatever the file says: a deployment cannot change it. The plan
/// shows what will really be.
fn notes(traffic: &Traffic, settings: Settings) -> Vec<String> {
    let wished = traffic.shifts().last().map_or(0, |shift| shift.bake);
    match settings.termination {
        Termination::KeepAlive => vec![
            "the deployment group keeps the blue task set for good; end it yourself when it is not needed"
                .to_owned(),
        ],
        Termination::After(wait) if wait != wished => vec![format!(
            "the deployment group ends the blue task set {} minutes after the last shift; that holds, not a bake of {}",
            wait / MINUTE,
            wished / MINUTE
        )],
        Termination::After(_) => Vec::new(),
    }
}

fn with_bake(traffic: &Traffic, bake: Millis) -> Traffic {
    let least = |step_bake: Millis| step_bake.max(MINUTE);
    match traffic {
        Traffic::BlueGreen { .. } => Traffic::BlueGreen { bake },
        Traffic::Linear { step, step_bake, .. } => {
            Traffic::Linear { step: *step, step_bake: least(*step_bake), bake }
        }
        Traffic::Canary { steps, .. } => Traffic::Canary {
            steps: steps.iter().map(|step| CanaryStep { bake: least(step.bake), ..*step }).collect(),
            bake,
        },
    }
}

/// CodeDeploy's words for what does not exist, in ours.
fn missing(error: AwsError, group: &DeploymentGroup) -> DeployError {
    let AwsError::Refused { code, .. } = &error else { return error.into() };
    let what = match code.as_str() {
        "ApplicationDoesNotExistException" => format!("application `{}`", group.application),
        "DeploymentGroupDoesNotExistException" => {
            format!("deployment group `{}` of application `{}`", group.group, group.application)
        }
        _ => return error.into(),
    };
    Refusal::Missing { what }.into()
}

/// Why no deployment can be created now, if one is under way.
async fn in_progress(client: &Client, group: &DeploymentGroup) -> Result<Option<Refusal>, AwsError> {
    let running = client.deployments_in_progress(group).await?.into_iter().next();
    Ok(running.map(|running| Refusal::InProgress { running, group: group.group.clone() }))
}

/// A deployment that was not created; one that runs already is named.
async fn not_created(
    client: &Client,
    error: AwsError,
    group: &DeploymentGroup,
    task_definition: TaskDefinitionArn,
) -> DeployError {
    if matches!(&error, AwsError::Refused { code, .. } if code == "DeploymentLimitExceededException")
        && let Ok(Some(refusal)) = in_progress(client, group).await
    {
        return refusal.into();
    }
    DeployError::Update { error, task_definition }
}

fn running(service: &Value) -> Result<TaskDefinitionArn, AwsError> {
    observe::running_task_definition(service)
        .map_err(|error| crate::ecs::unexpected("DescribeServices", &error.to_string()))
}

fn count(object: &Value, name: &str) -> u32 {
    object.get(name).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}
