//! A deployment by AWS CodeDeploy as one function: look at everything it depends on, refuse what
//! cannot work before anything is changed, register, create the deployment, follow it. It must never
//! decide what a look means: that is `tidegate_rollout::code_deploy`. Start with [`run`].
//!
//! The calls, in sequence: DescribeServices (by the caller), `DescribeTaskDefinition`,
//! `GetDeploymentGroup`, `DescribeTargetGroups`, `DescribeListeners`, `DescribeRules`,
//! `ListDeployments`, for a config that is not CodeDeploy's own `GetDeploymentConfig`; then
//! `RegisterTaskDefinition`, for a config that is not there `CreateDeploymentConfig`, and
//! `CreateDeployment`. A look is one `GetDeployment` and one `BatchGetDeploymentTargets`; stopped tasks
//! are read only while the candidate has fewer tasks than it wants.

mod back;
mod follow;

use super::{DeployError, DeployPlan, Force, Outcome, Registering, Then, Wanted, wanted};
use crate::client::Client;
use crate::codedeploy::NewDeployment;
use crate::error::AwsError;
use crate::gates::{Elsewhere, Nobody, TrafficGroups};
use crate::observe;
use crate::sink::{EventSink, now};
pub use back::promote;
pub(crate) use back::{attach, stop, way_back};
use follow::follow;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tidegate_rollout::code_deploy::app_spec::{Served, app_spec};
use tidegate_rollout::code_deploy::config::{DeploymentConfig, Routing};
use tidegate_rollout::code_deploy::requirements::{
    Found, Settings, Termination, check, check_controller, listeners, target_group_names,
};
use tidegate_rollout::code_deploy::{Refusal, Rollout, Start};
use tidegate_rollout::names::TaskDefinitionArn;
use tidegate_rollout::plan::Size;
use tidegate_rollout::strategy::{CanaryStep, DeploymentGroup, Traffic};
use tidegate_rollout::{Event, Millis, Plan, Strategy, pace};

/// How long after its bake a gate may take to answer, where nobody says.
const GATES_TIMEOUT: Millis = 30 * 60_000;
const MINUTE: Millis = 60_000;

/// Deploys, and answers how it ended. `service` is the service as DescribeServices answered it.
pub(crate) async fn run(
    client: &Client,
    plan: &DeployPlan,
    service: &Value,
    (traffic, group): (&Traffic, &DeploymentGroup),
    elsewhere: &dyn Elsewhere,
    sink: &mut dyn EventSink,
) -> Result<Outcome, DeployError> {
    check_controller(service)?;
    let stable = running(service)?;
    let wanted = wanted(client, plan, &stable, sink).await?;
    let definition = match &wanted {
        Wanted::Document(prepared) => prepared.document.clone(),
        Wanted::Existing(arn) => client.described_task_definition(arn.as_str()).await?,
    };
    let ready = prepare(client, plan, service, (traffic, group), &definition, sink).await?;
    let differences = wanted.differences().to_vec();
    let planned = Event::Planned {
        target: plan.target.clone(),
        from: stable.clone(),
        differences: differences.clone(),
    };
    sink.event(now(), &planned);
    sink.event(now(), &Event::PlanMade { plan: ready.plan.clone() });
    if plan.then == Then::OnlyShow {
        let reason = "dry run: nothing was registered and no deployment was created".into();
        sink.event(now(), &Event::NothingDone { reason });
        return Ok(Outcome::OnlyShown { differences });
    }
    if wanted.is(&stable) && plan.force == Force::OnlyIfChanged {
        let reason =
            format!("nothing changed: the service runs {} already (--force redeploys it)", stable.short());
        sink.event(now(), &Event::NothingDone { reason });
        return Ok(Outcome::NothingToDo);
    }
    let candidate = match wanted {
        Wanted::Existing(arn) => arn,
        Wanted::Document(prepared) if prepared.registering() == Registering::NotNeeded => stable.clone(),
        Wanted::Document(prepared) => {
            let arn = client.register(&prepared.document).await?;
            sink.event(now(), &Event::Registered { task_definition: arn.clone() });
            arn
        }
    };
    start(client, plan, service, ready, stable, candidate, elsewhere, sink).await
}

/// Deploys a revision that is registered already, such as the one to go back to.
pub(crate) async fn start_existing(
    client: &Client,
    plan: &DeployPlan,
    service: &Value,
    candidate: TaskDefinitionArn,
    sink: &mut dyn EventSink,
) -> Result<Outcome, DeployError> {
    let group = back::group_of(client, service, plan).await?;
    // Nobody who goes back wants it in steps.
    let traffic = &Traffic::BlueGreen { bake: 0 };
    let group = &DeploymentGroup { config: None, ..group };
    let stable = running(service)?;
    let definition = client.described_task_definition(candidate.as_str()).await?;
    let ready = prepare(client, plan, service, (traffic, group), &definition, sink).await?;
    start(client, plan, service, ready, stable, candidate, &Nobody, sink).await
}

/// Everything that was looked at and found sound.
struct Prepared {
    plan: Plan,
    group: DeploymentGroup,
    config: DeploymentConfig,
    served: Served,
    traffic_groups: Option<TrafficGroups>,
    desired: u32,
}

/// Looks at everything that a deployment depends on; changes nothing.
async fn prepare(
    client: &Client,
    plan: &DeployPlan,
    service: &Value,
    (traffic, group): (&Traffic, &DeploymentGroup),
    definition: &Value,
    sink: &mut dyn EventSink,
) -> Result<Prepared, DeployError> {
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
        definition,
    };
    let served = check(&plan.target, group, &found)?;
    in_progress(client, group).await?.map_or(Ok(()), Err)?;
    let settings = Settings::of(&info);
    warn_of_settings(traffic, settings, sink);
    let (config, routing) = config(client, traffic, group).await?;
    let traffic =
        routing.map_or_else(|| with_bake(traffic, settings.bake()), |it| it.traffic(settings.bake()));
    let desired = plan.desired_count.unwrap_or_else(|| count(service, "desiredCount"));
    let size = Size { desired, maximum_percent: 200 };
    let strategy = Strategy::CodeDeploy(traffic, group.clone());
    Ok(Prepared {
        plan: Plan::of(plan.target.clone(), strategy, plan.gates.clone(), size),
        group: group.clone(),
        config,
        traffic_groups: traffic_groups(&served, &target_groups, &found_listeners),
        served,
        desired,
    })
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

/// The wait before blue ends is the deployment group's, whatever the file says: a deployment cannot
/// change it. The plan shows what will really be.
fn warn_of_settings(traffic: &Traffic, settings: Settings, sink: &mut dyn EventSink) {
    let wished = traffic.shifts().last().map_or(0, |shift| shift.bake);
    let message = match settings.termination {
        Termination::KeepAlive => Some(
            "the deployment group keeps the blue task set for good; end it yourself when it is not needed"
                .to_owned(),
        ),
        Termination::After(wait) if wait != wished => Some(format!(
            "the deployment group ends the blue task set {} minutes after the last shift; that holds, not a bake of {}",
            wait / MINUTE,
            wished / MINUTE
        )),
        Termination::After(_) => None,
    };
    if let Some(message) = message {
        sink.event(now(), &Event::Warned { message });
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

#[expect(clippy::too_many_arguments, reason = "each is another thing, and they meet only here")]
async fn start(
    client: &Client,
    plan: &DeployPlan,
    service: &Value,
    ready: Prepared,
    stable: TaskDefinitionArn,
    candidate: TaskDefinitionArn,
    elsewhere: &dyn Elsewhere,
    sink: &mut dyn EventSink,
) -> Result<Outcome, DeployError> {
    if let DeploymentConfig::Ours { name, routing } = &ready.config
        && client.deployment_config(name).await?.is_none()
    {
        client.create_deployment_config(name, *routing).await?;
    }
    if let Some(count) = plan.desired_count.filter(|wished| *wished != count(service, "desiredCount")) {
        let request =
            json!({"cluster": plan.target.cluster, "service": plan.target.service, "desiredCount": count});
        client.update(&plan.target, &request, &BTreeSet::new()).await?;
    }
    let hooks = BTreeMap::new();
    let new = NewDeployment {
        group: &ready.group,
        config: ready.config.name(),
        app_spec: &app_spec(service, &ready.served, &candidate, &hooks),
        description: format!("tidegate brings {} ({:08x})", candidate.short(), fastrand::u32(..)),
    };
    let created = match client.create_deployment(&new).await {
        Ok(id) => id,
        Err(error) => return Err(not_created(client, error, &ready.group, candidate).await),
    };
    let started_at = now();
    sink.event(
        started_at,
        &Event::Started {
            target: plan.target.clone(),
            deployment: created.clone(),
            service_deployment: None,
            task_definition: candidate.clone(),
            desired: ready.desired,
        },
    );
    if plan.then == Then::Return {
        return Ok(Outcome::Started { deployment: created });
    }
    let on_clock = ready.plan.on_clock(plan.watch.tick);
    let least = on_clock.least();
    let rollout = Rollout::begin(Start {
        plan: on_clock,
        stable,
        candidate,
        deployment: created.clone(),
        hooks,
        gates_timeout: pace::on_clock(GATES_TIMEOUT, plan.watch.tick),
        desired: ready.desired,
        started_at,
        // What the plan takes at least is no delay.
        deadline: started_at + least + plan.timeout_ms,
    });
    follow(client, rollout, ready.traffic_groups, elsewhere, plan.watch, sink)
        .await
        .map(Outcome::Ended)
        .map_err(|error| DeployError::LostSight { error, deployment: created })
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
