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
pub(crate) mod moving;
pub(crate) mod status;

use super::{Before, DeployError, DeployPlan, Outcome, Then, Wanted};
use crate::client::Client;
use crate::codedeploy::NewDeployment;
pub use crate::codedeploy::Wait;
use crate::error::AwsError;
use crate::gates::TrafficGroups;
use crate::history;
use crate::observe;
use crate::sink::{EventSink, now};
pub use back::{Promoted, abort, promote};
pub(crate) use back::{attach, brought, stop, under_way_for_rollback, way_back};
use follow::follow;
use moving::Moving;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tidegate_rollout::code_deploy::app_spec::{Served, app_spec};
use tidegate_rollout::code_deploy::config::{DeploymentConfig, Routing};
use tidegate_rollout::code_deploy::requirements::{
    Found, Settings, Termination, check, check_controller, check_moving, check_port, listeners,
    target_group_names,
};
use tidegate_rollout::code_deploy::{Refusal, Rollout, Start};
use tidegate_rollout::names::{DeploymentId, TaskDefinitionArn};
use tidegate_rollout::plan::Size;
use tidegate_rollout::strategy::{CanaryStep, DeploymentGroup, Traffic};
use tidegate_rollout::task_definition::{Registering, prepare};
use tidegate_rollout::update::Force;
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
    /// The deployment that is under way.
    moving: Option<Moving>,
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
        let (target_groups, found_listeners, rules, moving) = tokio::join!(
            client.target_groups_named(&names),
            client.listeners(&arns),
            client.rules_of(arns.first().map(String::as_str)),
            Moving::in_group(client, service, group),
        );
        let (target_groups, found_listeners, rules, moving) =
            (target_groups?, found_listeners?, rules?, moving?);
        let found = Found {
            service,
            group: &info,
            target_groups: &target_groups,
            listeners: &found_listeners,
            rules: &rules,
        };
        let served = match moving {
            None => check(&plan.target, group, &found)?,
            Some(_) => check_moving(&plan.target, group, &found)?,
        };
        let settings = Settings::of(&info);
        let (config, routing) = config(client, traffic, group).await?;
        let bake = settings.bake();
        let moves = routing.map_or_else(|| with_bake(traffic, bake), |it| it.traffic(bake));
        let desired = plan.desired_count.unwrap_or(before.service.desired_count);
        let size = Size { desired, maximum_percent: 200 };
        let strategy = Strategy::CodeDeploy(moves, group.clone());
        let candidate_group = moving.as_ref().and_then(|moving| moving.candidate_group.as_deref());
        Ok(Self {
            plan: Plan::of(plan.target.clone(), strategy, plan.gates.clone(), size),
            group: group.clone(),
            config,
            traffic_groups: traffic_groups(&served, candidate_group, &target_groups, &found_listeners),
            served,
            notes: notes(traffic, settings),
            desired,
            moving,
        })
    }

    /// Is the deployment under way the one that would be created for what is wanted? Another one stands against it.
    pub(crate) async fn goes_on(
        &self,
        client: &Client,
        wanted: &Wanted,
        force: Force,
    ) -> Result<bool, DeployError> {
        let Some(moving) = &self.moving else { return Ok(false) };
        let is_the_same = force == Force::OnlyIfChanged
            && moving.config() == self.config.name()
            && moving.hooks == self.group.hooks
            && brings(client, moving, wanted).await?;
        if is_the_same { Ok(true) } else { Err(in_progress(moving, &self.group).into()) }
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
        self.tell_notes(sink);
        if let DeploymentConfig::Ours { name, routing } = &self.config
            && client.deployment_config(name).await?.is_none()
        {
            client.create_deployment_config(name, *routing).await?;
        }
        if let Some(count) = before.new_count(plan) {
            let request = json!({"cluster": plan.target.cluster, "service": plan.target.service, "desiredCount": count});
            client.update(&plan.target, &request, &BTreeSet::new()).await?;
        }
        let new = NewDeployment {
            group: &self.group,
            config: self.config.name(),
            app_spec: &app_spec(&before.raw, &self.served, &candidate, &self.group.hooks),
            description: moving::description(&candidate, &before.service.task_definition, fastrand::u32(..)),
        };
        let created = match client.create_deployment(&new).await {
            Ok(id) => id,
            Err(error) => return Err(not_created(client, error, before, &self.group, candidate).await),
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
        let brought = Brought {
            stable: before.service.task_definition.clone(),
            candidate,
            candidate_set: None,
            deployment: created,
            started_at,
        };
        self.follow(client, plan, brought, sink).await
    }

    /// Follows the deployment that is under way to this very revision, with its gates: whoever started it is gone.
    pub(crate) async fn go_on(
        self,
        client: &Client,
        plan: &DeployPlan,
        sink: &mut dyn EventSink,
    ) -> Result<Outcome, DeployError> {
        let Some(moving) = &self.moving else { return Ok(Outcome::NothingToDo) };
        let message = format!(
            "deployment {} brings {} already; following it, with its gates",
            moving.id,
            moving.candidate.short()
        );
        sink.event(now(), &Event::Warned { message });
        self.tell_notes(sink);
        if plan.then == Then::Return {
            return Ok(Outcome::Started { deployment: moving.id.clone() });
        }
        let started = Event::Started {
            target: plan.target.clone(),
            deployment: moving.id.clone(),
            service_deployment: None,
            task_definition: moving.candidate.clone(),
            desired: self.desired,
        };
        sink.event(now(), &started);
        // Since CodeDeploy stamped it, so that what the gates ask begins there, too.
        let created = observe::millis(&moving.info, "createTime");
        let brought = Brought {
            stable: moving.stable.clone(),
            candidate: moving.candidate.clone(),
            candidate_set: moving.candidate_set.clone(),
            deployment: moving.id.clone(),
            started_at: created
                .map_or_else(now, |created| client.clock(plan.watch.tick).here(created).min(now())),
        };
        self.follow(client, plan, brought, sink).await
    }

    fn tell_notes(&self, sink: &mut dyn EventSink) {
        for message in &self.notes {
            sink.event(now(), &Event::Warned { message: message.clone() });
        }
    }

    async fn follow(
        &self,
        client: &Client,
        plan: &DeployPlan,
        brought: Brought,
        sink: &mut dyn EventSink,
    ) -> Result<Outcome, DeployError> {
        let on_clock = self.plan.clone().on_clock(plan.watch.tick);
        // What the plan takes at least is no delay.
        let deadline = now() + on_clock.least() + plan.timeout_ms;
        let deployment = brought.deployment.clone();
        let rollout = Rollout::begin(Start {
            plan: on_clock,
            stable: brought.stable,
            candidate: brought.candidate,
            candidate_set: brought.candidate_set,
            deployment: brought.deployment,
            hooks: self.group.hooks.clone(),
            gates_timeout: pace::on_clock(plan.gates_timeout, plan.watch.tick),
            desired: self.desired,
            started_at: brought.started_at,
            deadline,
        });
        let candidate = rollout.candidate().clone();
        let groups = self.traffic_groups.clone();
        let verdict = follow(client, rollout, groups, plan.elsewhere.as_ref(), plan.watch, sink)
            .await
            .map_err(|error| DeployError::LostSight { error, deployment })?;
        history::keep(client, &candidate, &verdict, sink).await;
        Ok(Outcome::Ended(verdict))
    }
}

/// The deployment that is followed.
struct Brought {
    stable: TaskDefinitionArn,
    candidate: TaskDefinitionArn,
    candidate_set: Option<DeploymentId>,
    deployment: DeploymentId,
    started_at: Millis,
}

/// Is what a deployment brings what is wanted? A revision that was registered for it is not registered again.
async fn brings(client: &Client, moving: &Moving, wanted: &Wanted) -> Result<bool, DeployError> {
    match wanted {
        Wanted::Existing(arn) => Ok(*arn == moving.candidate),
        Wanted::Document(prepared) => {
            let brought = client.described_task_definition(moving.candidate.as_str()).await?;
            Ok(prepare(&brought, &prepared.document, &[])?.registering() == Registering::NotNeeded)
        }
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
    let group = DeploymentGroup { config: None, hooks: BTreeMap::new(), ..group };
    let ready = Ready::of(client, plan, (&Traffic::BlueGreen { bake: 0 }, &group), before).await?;
    ready.moving.as_ref().map_or(Ok(()), |moving| Err(in_progress(moving, &group)))?;
    ready.start(client, plan, before, candidate, sink).await
}

/// The two groups of the pair. While a deployment moves the traffic its task set tells which one is the candidate's;
/// else that is the one that does not serve production.
fn traffic_groups(
    served: &Served,
    candidate: Option<&str>,
    target_groups: &[Value],
    listeners: &[Value],
) -> Option<TrafficGroups> {
    let other_than = |known: &str| {
        let mut arns = target_groups.iter().filter_map(|group| group["TargetGroupArn"].as_str());
        arns.find(|arn| *arn != known).map(str::to_owned)
    };
    let load_balancer = listeners.first()?["LoadBalancerArn"].as_str()?.to_owned();
    let (stable, candidate) = match candidate {
        Some(candidate) => (other_than(candidate)?, candidate.to_owned()),
        None => (served.target_group.clone(), other_than(&served.target_group)?),
    };
    Some(TrafficGroups { stable, candidate, load_balancer })
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

pub(crate) fn routing(config: &Value) -> Option<Routing> {
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

/// Why no deployment can be created now.
fn in_progress(moving: &Moving, group: &DeploymentGroup) -> Refusal {
    let brings = format!("{} by {}", moving.candidate.short(), moving.config());
    Refusal::InProgress { running: moving.id.clone(), group: group.group.clone(), brings }
}

/// A deployment that was not created; one that runs already is named.
async fn not_created(
    client: &Client,
    error: AwsError,
    before: &Before,
    group: &DeploymentGroup,
    task_definition: TaskDefinitionArn,
) -> DeployError {
    if matches!(&error, AwsError::Refused { code, .. } if code == "DeploymentLimitExceededException")
        && let Ok(Some(moving)) = Moving::in_group(client, &before.raw, group).await
    {
        return in_progress(&moving, group).into();
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
