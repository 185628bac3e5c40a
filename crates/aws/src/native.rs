//! Blue/green, linear and canary as Amazon ECS does them itself: the gates become PAUSE hooks, one
//! UpdateService starts it, the watch answers the hooks, and they are taken away again. It must never
//! start what ECS would refuse a minute later: what can be seen before is refused before. Start with
//! [`Ready::of`].

use crate::client::Client;
use crate::deploy::{Before, DeployError, DeployPlan, Outcome, Then};
use crate::ecs::seen;
use crate::error::AwsError;
use crate::gates::{GateAsker, TrafficGroups};
use crate::history;
use crate::observe;
use crate::rolling::{own_deployment, own_service_deployment};
use crate::sink::{EventSink, now};
use crate::watch::{Gates, follow_with_gates};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tidegate_rollout::gate::{Check, Gate};
use tidegate_rollout::names::TaskDefinitionArn;
use tidegate_rollout::observation::ServiceSeen;
use tidegate_rollout::rolling::{Following, Rollout, Start};
use tidegate_rollout::staged::configuration::{self, Hooks, deployment_configuration, without_our_hooks};
use tidegate_rollout::staged::{Course, SETTLE, Staged};
use tidegate_rollout::strategy::Traffic;
use tidegate_rollout::update::{BreakerPolicy, breaker_to_send, update_service_request};
use tidegate_rollout::{Event, Plan, Strategy, Verdict};

/// A staged deployment that may begin.
pub(crate) struct Ready {
    plan: Plan,
    hooks: Hooks,
    configuration: Value,
    groups: Option<TrafficGroups>,
}

impl Ready {
    /// Refuses what ECS could not move, or what would be moved to the wrong place.
    pub(crate) async fn of(
        client: &Client,
        plan: &DeployPlan,
        traffic: &Traffic,
        before: &Before,
    ) -> Result<Self, DeployError> {
        before.controlled_by("ECS", &plan.strategy)?;
        let groups = groups(client, before, &plan.strategy).await?;
        if groups.is_none() {
            refuse_without_traffic(plan, traffic)?;
        }
        let made =
            Plan::of(plan.target.clone(), plan.strategy.clone(), plan.gates.clone(), before.size(plan));
        let own = before.raw.get("deploymentConfiguration").cloned().unwrap_or_else(|| json!({}));
        let hooks = Hooks::of(&made, &own);
        let configuration = deployment_configuration(&before.raw, traffic, &hooks, plan.gates_timeout);
        Ok(Self { plan: made, hooks, configuration, groups })
    }

    /// What will happen.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Updates the service, answers the hooks as the gates do, and cleans up.
    pub(crate) async fn start(
        self,
        client: &Client,
        plan: &DeployPlan,
        before: &Before,
        task_definition: TaskDefinitionArn,
        sink: &mut dyn EventSink,
    ) -> Result<Outcome, DeployError> {
        let mut request = update_service_request(
            &plan.target,
            &before.raw,
            &task_definition,
            BreakerPolicy::LeaveAsIs,
            &[],
            plan.force,
            before.new_count(plan),
        );
        request["deploymentConfiguration"] = self.with_breaker(plan);
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
            let reason = "ECS accepted the update and started no deployment".to_owned();
            sink.event(now(), &Event::NothingDone { reason });
            return Ok(Outcome::NothingToDo);
        };
        let started_at = now();
        let service_deployment = own_service_deployment(before, service);
        let deployment = ours.id.clone();
        sink.event(
            started_at,
            &Event::Started {
                target: plan.target.clone(),
                deployment: deployment.clone(),
                service_deployment: service_deployment.clone(),
                task_definition: task_definition.clone(),
                desired: service.desired_count,
            },
        );
        if plan.then == Then::Return {
            return Ok(Outcome::Started { deployment });
        }
        let course = self.course(plan);
        let start = Start {
            target: plan.target.clone(),
            candidate: task_definition.clone(),
            deployment: deployment.clone(),
            service_deployment,
            earlier_service_deployment: before.service.current_service_deployment.clone(),
            earlier_deployments: earlier,
            known_events: before.service.events.iter().map(|event| event.id.clone()).collect(),
            started_at,
            // The time-out is for what may hang; what the plan itself waits for comes on top.
            deadline: started_at + plan.timeout_ms + course.plan.least(),
        };
        let staged = Staged::begin(Rollout::begin(start), course);
        self.follow(client, plan, staged, first, sink).await
    }

    /// Follows the deployment that is under way to this very revision, and answers its hooks from here on:
    /// whoever started it is gone.
    pub(crate) async fn go_on(
        self,
        client: &Client,
        plan: &DeployPlan,
        before: &Before,
        sink: &mut dyn EventSink,
    ) -> Result<Outcome, DeployError> {
        let course = self.course(plan);
        let started_at = now();
        let deadline = started_at + plan.timeout_ms + course.plan.least();
        let rollout = Rollout::attach(plan.target.clone(), &before.service, started_at, deadline);
        let Some(rollout) = rollout else { return Ok(Outcome::NothingToDo) };
        let first = ServiceSeen::Described(Box::new(before.service.clone()));
        self.follow(client, plan, Staged::begin(rollout, course), first, sink).await
    }

    fn course(&self, plan: &DeployPlan) -> Course {
        let course = Course {
            plan: self.plan.clone(),
            hooks: self.hooks.clone(),
            gates_timeout: plan.gates_timeout,
            settle: SETTLE,
        };
        course.on_clock(plan.watch.tick)
    }

    async fn follow(
        &self,
        client: &Client,
        plan: &DeployPlan,
        staged: Staged,
        first: ServiceSeen,
        sink: &mut dyn EventSink,
    ) -> Result<Outcome, DeployError> {
        let deployment = staged.followed().deployment().clone();
        let candidate = staged.followed().candidate().clone();
        let gates = Gates {
            asker: GateAsker::new(client, plan.elsewhere.as_ref(), self.groups.clone(), plan.watch.tick),
            gates: &self.plan.gates,
        };
        let verdict = follow_with_gates(client, staged, Some(first), Some(gates), plan.watch, sink)
            .await
            .map_err(|error| DeployError::LostSight { error, deployment })?;
        // One that timed out goes on, and one that was superseded is somebody else's: their hooks are needed.
        if !matches!(verdict, Verdict::TimedOut { .. } | Verdict::Superseded { .. }) {
            clean_up(client, plan, &candidate, &verdict, sink).await;
        }
        Ok(Outcome::Ended(verdict))
    }

    fn with_breaker(&self, plan: &DeployPlan) -> Value {
        let service = json!({"deploymentConfiguration": self.configuration});
        breaker_to_send(&service, plan.breaker).unwrap_or_else(|| self.configuration.clone())
    }
}

/// How a described service moves from one revision to the next.
pub(crate) fn strategy_of(service: &Value) -> Strategy {
    let traffic = service.get("deploymentConfiguration").and_then(configuration::traffic);
    traffic.map_or(Strategy::Rolling, Strategy::Ecs)
}

/// Shows a deployment that somebody else runs, with its stages, its shares and those gates of the config file that AWS
/// answers. Nothing is answered or stopped here. `None` if the service has no deployment.
pub(crate) async fn look_on(
    client: &Client,
    plan: &DeployPlan,
    before: &Before,
    sink: &mut dyn EventSink,
) -> Result<Option<Verdict>, AwsError> {
    let strategy = strategy_of(&before.raw);
    let groups = groups(client, before, &strategy).await.ok().flatten();
    let (gates, others): (Vec<Gate>, Vec<Gate>) =
        plan.gates.iter().cloned().partition(|gate| gate.check.is_asked_of_aws());
    let made = Plan::of(plan.target.clone(), strategy, gates, before.size(plan));
    if before.in_progress().is_some() {
        sink.event(now(), &Event::PlanMade { plan: made.clone() });
        for gate in others {
            let message = format!("gate {} is asked by whoever runs the rollout, and not here", gate.name);
            warn(message, sink);
        }
    }
    let course = Course {
        plan: made.clone(),
        hooks: Hooks::in_force(&before.raw["deploymentConfiguration"]),
        gates_timeout: plan.gates_timeout,
        settle: SETTLE,
    }
    .on_clock(plan.watch.tick);
    let started_at = now();
    let deadline = started_at + plan.timeout_ms + course.plan.least();
    let Some(rollout) = Rollout::attach(plan.target.clone(), &before.service, started_at, deadline) else {
        return Ok(None);
    };
    let gates = Gates {
        asker: GateAsker::new(client, plan.elsewhere.as_ref(), groups, plan.watch.tick),
        gates: &made.gates,
    };
    let staged = Staged::begin(rollout, course).looking_on();
    let first = ServiceSeen::Described(Box::new(before.service.clone()));
    follow_with_gates(client, staged, Some(first), Some(gates), plan.watch, sink).await.map(Some)
}

/// One deployment at a time: a second would make ECS reconcile three revisions.
pub(crate) fn may_begin(before: &Before) -> Result<(), DeployError> {
    let Some(moving) = before.in_progress() else { return Ok(()) };
    Err(DeployError::refused(
        format!("deployment {} of {} is in progress", moving.id, moving.task_definition.short()),
        "follow it with `tidegate watch`, or undo it with `tidegate abort`, then deploy again",
    ))
}

/// The two groups of the first load balancer, and which of them serves. `None` for a service without one.
async fn groups(
    client: &Client,
    before: &Before,
    strategy: &Strategy,
) -> Result<Option<TrafficGroups>, DeployError> {
    let balancers = observe::list(&before.raw, "loadBalancers");
    let Some(first) = balancers.first() else { return Ok(None) };
    if balancers.iter().any(|balancer| balancer.get("advancedConfiguration").is_none_or(Value::is_null)) {
        return Err(DeployError::refused(
            format!("the service's load balancers have no advancedConfiguration, and {strategy} needs it"),
            "set loadBalancers[].advancedConfiguration {alternateTargetGroupArn, productionListenerRule, roleArn} with UpdateService, or use controller: alb",
        ));
    }
    let advanced = &first["advancedConfiguration"];
    let (Some(one), Some(other), Some(rule)) = (
        observe::text(first, "targetGroupArn"),
        observe::text(advanced, "alternateTargetGroupArn"),
        observe::text(advanced, "productionListenerRule"),
    ) else {
        return Err(DeployError::refused(
            "the service's advancedConfiguration names no two target groups and a production rule",
            "set alternateTargetGroupArn and productionListenerRule with UpdateService",
        ));
    };
    let behind = client.balancers_of(&[one.clone(), other.clone()]).await?;
    let of = |group: &str| behind.get(group).map_or(&[][..], Vec::as_slice);
    let (Some(load_balancer), true) =
        (of(&one).iter().find(|arn| of(&other).contains(arn)), of(&one).len() == 1 && of(&other).len() == 1)
    else {
        return Err(DeployError::refused(
            format!(
                "the target groups {} and {} are not behind one load balancer: {} and {}",
                short(&one),
                short(&other),
                listed(of(&one)),
                listed(of(&other))
            ),
            "put both into the production listener rule, one of them with weight 0",
        ));
    };
    if before.in_progress().is_some()
        && let Some(candidate) = group_of_target(client, before).await?
        && (candidate == one || candidate == other)
    {
        let stable = if candidate == one { other } else { one };
        return Ok(Some(TrafficGroups { stable, candidate, load_balancer: load_balancer.clone() }));
    }
    let forwards = client.forwards_of(&rule).await?;
    let serving: Vec<&String> =
        forwards.iter().filter(|(_, weight)| *weight > 0).map(|(group, _)| group).collect();
    let stable = match serving[..] {
        [serving] if *serving == one || *serving == other => serving.clone(),
        _ => {
            let has: Vec<String> =
                forwards.iter().map(|(group, weight)| format!("{} {weight}", short(group))).collect();
            return Err(DeployError::refused(
                format!(
                    "exactly one of {} and {} must serve before a deployment, and the production rule has: {}",
                    short(&one),
                    short(&other),
                    if has.is_empty() { "no target group".to_owned() } else { has.join(", ") }
                ),
                "set the rule's weights to 100 and 0 with ModifyRule",
            ));
        }
    };
    let candidate = if stable == one { other } else { one };
    Ok(Some(TrafficGroups { stable, candidate, load_balancer: load_balancer.clone() }))
}

/// The target group of the revision that is under way: its weights alone do not tell which one it is.
async fn group_of_target(client: &Client, before: &Before) -> Result<Option<String>, DeployError> {
    let Some(arn) = &before.service.current_service_deployment else { return Ok(None) };
    let described = client.described_service_deployment(arn).await?.unwrap_or_default();
    let revision = described.pointer("/targetServiceRevision/arn").and_then(Value::as_str);
    let Some(revision) = revision else { return Ok(None) };
    let revisions = client.service_revisions(&[revision.to_owned()]).await?;
    let group = revisions.first().and_then(|revision| {
        revision.pointer("/resolvedConfiguration/loadBalancers/0/targetGroupArn")?.as_str()
    });
    Ok(group.map(str::to_owned))
}

/// Without a load balancer there is no traffic that could be shifted in steps, or compared.
fn refuse_without_traffic(plan: &DeployPlan, traffic: &Traffic) -> Result<(), DeployError> {
    if !matches!(traffic, Traffic::BlueGreen { .. }) {
        return Err(DeployError::refused(
            format!("the service has no load balancer, so {} has no traffic to shift", plan.strategy),
            "use strategy blue_green, which only swaps the tasks then, or rolling",
        ));
    }
    let compares = plan.gates.iter().find(|gate| matches!(gate.check, Check::Errors(_) | Check::Latency(_)));
    match compares {
        None => Ok(()),
        Some(gate) => Err(DeployError::refused(
            format!(
                "gate {} compares requests, and the service has no load balancer that counts them",
                gate.name
            ),
            "use an alarm, a metric, http or a command",
        )),
    }
}

/// The hooks are of this rollout, and go with it; the verdict stays, on the revision.
async fn clean_up(
    client: &Client,
    plan: &DeployPlan,
    task_definition: &TaskDefinitionArn,
    verdict: &Verdict,
    sink: &mut dyn EventSink,
) {
    leave_no_hooks(client, plan, sink).await;
    history::keep(client, task_definition, verdict, sink).await;
}

/// Takes our hooks out of the service as it is now.
pub(crate) async fn leave_no_hooks(client: &Client, plan: &DeployPlan, sink: &mut dyn EventSink) {
    match client.described_service(&plan.target).await {
        Ok(service) => take_hooks_away(client, plan, &service, sink).await,
        Err(error) => warn(format!("the PAUSE hook stays until the next deployment: {error}"), sink),
    }
}

/// Takes our hooks out of a service that has some, by an update of the configuration alone, which starts no
/// deployment.
pub(crate) async fn take_hooks_away(
    client: &Client,
    plan: &DeployPlan,
    service: &Value,
    sink: &mut dyn EventSink,
) {
    let Some(configuration) = without_our_hooks(service) else { return };
    let request = json!({
        "cluster": plan.target.cluster, "service": plan.target.service, "deploymentConfiguration": configuration,
    });
    if let Err(error) = client.update(&plan.target, &request, &BTreeSet::new()).await {
        warn(format!("the PAUSE hook stays until the next deployment: {error}"), sink);
    }
}

fn warn(message: String, sink: &mut dyn EventSink) {
    sink.event(now(), &Event::Warned { message });
}

/// `targetgroup/web/0123` says enough of an ARN.
fn short(arn: &str) -> &str {
    arn.split(":targetgroup/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or(arn)
}

fn listed(balancers: &[String]) -> String {
    if balancers.is_empty() { "none".to_owned() } else { balancers.join(", ") }
}
