//! What must always hold, checked after every step by counts of its own.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_engine::{
    Event, State, Timestamp,
    ecs::records::{
        Deployment, FunctionHook, HookRun, HookTarget, HookWait, Service, ServiceDeployment, ServiceStatus,
        Stage, Task, TaskOwner, TaskStatus, TaskTarget,
    },
};
use tidegate_models::{
    cloudwatch::StateValue,
    ecs::{
        DeploymentControllerType, DeploymentRolloutState as Rollout, DeploymentStrategy, HealthStatus,
        SchedulingStrategy, ServiceDeploymentStatus, TaskStopCode,
    },
    elbv2::TargetHealthStateEnum,
};

use super::{
    code_deploy_watch::CodeDeployWatch,
    recount::Recount,
    setup::{ALARM_ARN, ALARMS, SERVICE},
    task_set_watch::TaskSetWatch,
    world::{Broken, tail},
};

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Whether nothing fails any more.
    pub(super) is_calm: bool,
    before: Before,
    recount: Recount,
    /// What is seen of task sets, where the service has some.
    pub(super) task_sets: TaskSetWatch,
    /// What is seen of CodeDeploy's deployments.
    pub(super) code_deploy: CodeDeployWatch,
    /// The deployment that completed last, unless it is being rolled back to.
    last_completed: Option<String>,
    /// The weights of the production rule's groups.
    weights: BTreeMap<String, i32>,
    /// The newest service deployment, and the alarms that were in ALARM when it began.
    began: (String, Vec<&'static str>),
    /// The newest service deployment that an alarm failed.
    triggered: Option<String>,
    /// How much happened, so that a test can say that it saw some of it.
    pub(super) tally: Tally,
}

/// What happened how often.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) completions: u32,
    pub(super) rollbacks: u32,
    pub(super) failures: u32,
    pub(super) alarms: u32,
}

/// The service before a step was settled.
#[derive(Clone, Debug, Default)]
struct Before {
    live: BTreeMap<String, Seen>,
    deployments: Vec<Deployment>,
}

/// A live task before a step was settled.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) healthy: bool,
    pub(super) status: TaskStatus,
}

impl Watch {
    /// Looks after what happened was taken in, before it is settled.
    pub(super) fn before_settling(&mut self, state: &State, now: Timestamp, events: &[Event]) {
        let live = state.tasks.indexed_by(SERVICE).map(|(arn, task)| {
            (arn.to_owned(), Seen { healthy: is_healthy(state, task, now), status: task.last_status })
        });
        let deployments = state.services.get(SERVICE).map(|it| it.deployments.clone()).unwrap_or_default();
        self.before = Before { live: live.collect(), deployments };
        self.recount.before_settling(state, events);
    }

    /// The step was never stored: it did not happen.
    pub(super) fn forget_this_step(&mut self) {
        self.before = Before::default();
        self.recount.forget_this_step();
    }

    /// Looks after a step was settled.
    pub(super) fn after_settling(&mut self, state: &State, now: Timestamp) -> Result<(), Broken> {
        let Some(service) = state.services.get(SERVICE) else {
            return match state.tasks.indexed_by(SERVICE).next() {
                Some((arn, _)) => Err(format!("{arn} lives, its service is gone")),
                None => Ok(()),
            };
        };
        let live: Vec<&Task> = state.tasks.indexed_by(SERVICE).map(|(_, task)| task).collect();
        if service.controller != DeploymentControllerType::Ecs {
            self.check_lives(&live)?;
            self.code_deploy.after_settling(state, service, &self.before.live)?;
            return self.task_sets.after_settling(state, service, &self.before.live, now);
        }
        check_service(service, &live)?;
        self.check_starts(state, service, &live, now)?;
        self.check_stops(state, service, now)?;
        self.check_lives(&live)?;
        self.check_traffic(state, service)?;
        check_invocations(state, service)?;
        self.check_alarms(state, service)?;
        self.recount.after_settling(state, service, &self.before.live, now)?;
        self.check_rollback(state, service)
    }

    /// Never over the ceiling, never more in a deployment than is desired, nothing of a FAILED deployment.
    fn check_starts(
        &self,
        state: &State,
        service: &Service,
        live: &[&Task],
        now: Timestamp,
    ) -> Result<(), Broken> {
        let started: Vec<&&Task> =
            live.iter().filter(|task| !self.before.live.contains_key(&task.arn)).collect();
        if started.is_empty() {
            return Ok(());
        }
        let (_, ceiling) = limits(service);
        // Two revisions are up in full while traffic moves between them.
        let ceiling = if is_staged(service) { 2 * ceiling } else { ceiling };
        let counted = live.iter().filter(|task| counts_to_ceiling(task)).count();
        if counted > ceiling as usize {
            return Err(format!("{counted} tasks after a start, {ceiling} are allowed"));
        }
        for task in started {
            let Some(deployment) = service.deployment(deployment_of(task)) else {
                return Err(format!("{} was started for no deployment", tail(&task.arn)));
            };
            if deployment.rollout_state == Rollout::Failed {
                return Err(format!("FAILED {} started {}", deployment.id, tail(&task.arn)));
            }
            let grace = u64::from(service.health_check_grace_period_seconds);
            let held = live
                .iter()
                .filter(|it| deployment_of(it) == deployment.id && counts_to_ceiling(it))
                .filter(|it| !is_found_unhealthy(state, it, grace, now))
                .count();
            if held > desired(service) as usize {
                return Err(format!(
                    "{} holds {held} tasks, {} are desired",
                    deployment.id,
                    desired(service)
                ));
            }
        }
        Ok(())
    }

    /// No healthy task is stopped by the scheduler if that leaves fewer than the floor.
    fn check_stops(&self, state: &State, service: &Service, now: Timestamp) -> Result<(), Broken> {
        if service.status != ServiceStatus::Active {
            return Ok(());
        }
        let (floor, _) = limits(service);
        let stopped = self.before.live.iter().any(|(arn, seen)| {
            let stop = state.tasks.get(arn).and_then(|task| task.stop.as_ref());
            let ours = stop.is_some_and(|stop| stop.code == TaskStopCode::ServiceSchedulerInitiated);
            seen.healthy && seen.status == TaskStatus::Running && ours
        });
        let healthy =
            state.tasks.indexed_by(SERVICE).filter(|(_, task)| is_healthy(state, task, now)).count();
        if stopped && healthy < floor as usize {
            return Err(format!("{healthy} healthy tasks after a stop, {floor} must stay"));
        }
        Ok(())
    }

    /// Weights are always whole, and a task is never stopped for scaling while its target group gets traffic that it was
    /// moved away from in the same step.
    fn check_traffic(&mut self, state: &State, service: &Service) -> Result<(), Broken> {
        let balancers = service.template.load_balancers.iter();
        let rules = balancers
            .filter_map(|given| given.advanced_configuration.as_ref()?.production_listener_rule.as_ref());
        for rule in rules {
            let weights = weights(state, rule);
            let sum: i32 = weights.values().sum();
            if sum != 100 && sum != 1000 {
                return Err(format!("the weights are {weights:?}"));
            }
            let moved_away: Vec<&String> = weights
                .iter()
                .filter(|(group, weight)| self.weights.get(*group).is_some_and(|it| it > weight))
                .map(|(group, _)| group)
                .collect();
            let newly_draining =
                self.before.live.keys().filter_map(|arn| state.tasks.get(arn)).find(|task| {
                    let scaled =
                        task.stop.as_ref().is_some_and(|stop| stop.reason.starts_with("Scaling activity"));
                    let now_stopped = self.before.live.get(&task.arn).is_some_and(|seen| seen.healthy);
                    scaled
                        && now_stopped
                        && task.targets.iter().any(|target| moved_away.contains(&&target.target_group))
                });
            if let Some(task) = newly_draining {
                return Err(format!("{} is stopped as its traffic is moved away", tail(&task.arn)));
            }
            self.weights = weights;
        }
        Ok(())
    }

    /// No deployment goes on while an alarm of it is in ALARM that was not when it began.
    fn check_alarms(&mut self, state: &State, service: &Service) -> Result<(), Broken> {
        let Some(row) = current(state, service) else { return Ok(()) };
        let raised = |name: &&str| {
            let alarm = state.alarms.get(&format!("{ALARM_ARN}{name}"));
            alarm.is_some_and(|alarm| alarm.state.value == StateValue::Alarm)
        };
        if self.began.0 != row.arn {
            self.began = (row.arn.clone(), ALARMS.into_iter().filter(raised).collect());
        }
        let Some(primary) = service.deployments.first() else { return Ok(()) };
        let cleans_up = row.staged.as_ref().is_some_and(|staged| staged.stage == Stage::CleanUp);
        let goes_on = row.status == ServiceDeploymentStatus::InProgress && primary.has_run && !cleans_up;
        let alarms = row.deployment_configuration.alarms.as_ref().filter(|alarms| alarms.enable);
        let names = alarms.map(|alarms| alarms.alarm_names.as_slice()).unwrap_or_default();
        let watched = |name: &&str| names.iter().any(|it| it == name) && !self.began.1.contains(name);
        let ignored = ALARMS.into_iter().filter(watched).find(raised);
        if let Some(name) = ignored.filter(|_| goes_on && service.status == ServiceStatus::Active) {
            return Err(format!("the deployment goes on though {name} is in ALARM"));
        }
        let triggered = row.alarms.as_ref().and_then(|alarms| alarms.triggered_alarm_names.as_ref());
        for name in triggered.into_iter().flatten() {
            if self.began.1.iter().any(|it| it == name) {
                return Err(format!("{name} was in ALARM when the deployment began, and failed it"));
            }
        }
        let is_new = self.triggered.as_deref() != Some(&row.arn);
        if is_new && triggered.is_some_and(|names| !names.is_empty()) {
            self.triggered = Some(row.arn.clone());
            self.tally.alarms += 1;
        }
        Ok(())
    }

    /// A task never goes back.
    fn check_lives(&self, live: &[&Task]) -> Result<(), Broken> {
        for task in live {
            if self.before.live.get(&task.arn).is_some_and(|seen| seen.status > task.last_status) {
                return Err(format!("{} went back to {:?}", task.arn, task.last_status));
            }
        }
        Ok(())
    }

    /// A roll-back goes to the last deployment that completed.
    fn check_rollback(&mut self, state: &State, service: &Service) -> Result<(), Broken> {
        let Some(primary) = service.deployments.first() else { return Ok(()) };
        let current = service.current_service_deployment.as_ref();
        let rolls_back =
            current.and_then(|arn| state.service_deployments.get(arn)?.rollback.as_ref()).is_some();
        if let Some(before) = self.before.deployments.first() {
            if before.id != primary.id && rolls_back {
                if self.last_completed.as_ref() != Some(&primary.id) {
                    return Err(format!("rolled back to {}, not to {:?}", primary.id, self.last_completed));
                }
                self.last_completed = None;
                self.recount.restart(&primary.id);
                self.tally.rollbacks += 1;
            }
            let after = service.deployment(&before.id).map(|deployment| deployment.rollout_state);
            let failed = before.rollout_state == Rollout::InProgress && after == Some(Rollout::Failed);
            self.tally.failures += u32::from(failed);
        }
        if primary.rollout_state == Rollout::Completed && self.last_completed.as_ref() != Some(&primary.id) {
            self.last_completed = Some(primary.id.clone());
            self.tally.completions += 1;
        }
        Ok(())
    }
}

/// Every invocation is waited for by an open hook of the deployment in progress, and every hook waits for one that is made.
fn check_invocations(state: &State, service: &Service) -> Result<(), Broken> {
    let current = current(state, service).filter(|row| row.finished_at.is_none());
    let hooks = current.and_then(|row| row.staged.as_ref()).map(|staged| staged.hooks.as_slice());
    let waits = |run: &HookRun| match &run.target {
        HookTarget::Function(FunctionHook { waits: HookWait::Answer(invocation), .. }) => {
            Some(invocation.clone())
        }
        _ => None,
    };
    let waited_for: BTreeSet<String> = hooks.unwrap_or_default().iter().filter_map(waits).collect();
    let made: BTreeSet<String> = state.invocations.iter().map(|(id, _)| id.to_owned()).collect();
    if waited_for != made {
        return Err(format!("hooks wait for {waited_for:?}, and {made:?} are made"));
    }
    Ok(())
}

fn current<'a>(state: &'a State, service: &Service) -> Option<&'a ServiceDeployment> {
    state.service_deployments.get(service.current_service_deployment.as_ref()?)
}

fn check_service(service: &Service, live: &[&Task]) -> Result<(), Broken> {
    if service.status == ServiceStatus::Inactive && !live.is_empty() {
        return Err("an INACTIVE service has tasks".to_owned());
    }
    let primaries = service.deployments.iter().filter(|it| it.primary).count();
    if !service.deployments.is_empty() && (primaries != 1 || !service.deployments[0].primary) {
        return Err(format!("{primaries} deployments are PRIMARY, or not the first"));
    }
    let ids: BTreeSet<&String> = service.deployments.iter().map(|it| &it.id).collect();
    if ids.len() != service.deployments.len() {
        return Err("a deployment is there twice".to_owned());
    }
    for task in live.iter().filter(|task| task.stop.is_none()) {
        if service.deployment(deployment_of(task)).is_none() {
            return Err(format!("{} runs for a deployment that is gone", tail(&task.arn)));
        }
    }
    Ok(())
}

pub(super) fn deployment_of(task: &Task) -> &str {
    match &task.owner {
        TaskOwner::Service { deployment_id, .. } => deployment_id,
        TaskOwner::Standalone { .. } => "",
    }
}

pub(super) fn counts_to_ceiling(task: &Task) -> bool {
    task.stop.is_none() && task.last_status <= TaskStatus::Running
}

pub(super) fn desired(service: &Service) -> u32 {
    match service.scheduling_strategy {
        _ if service.status != ServiceStatus::Active => 0,
        SchedulingStrategy::Daemon => 1,
        SchedulingStrategy::Replica => service.desired_count,
    }
}

fn is_staged(service: &Service) -> bool {
    let strategy = service.deployment_configuration.strategy;
    strategy.is_some_and(|strategy| strategy != DeploymentStrategy::Rolling)
}

fn weights(state: &State, rule: &str) -> BTreeMap<String, i32> {
    let actions = state.rules.get(rule).map(|rule| rule.actions.as_slice()).unwrap_or_default();
    let groups =
        actions.iter().filter_map(|action| action.forward_config.as_ref()?.target_groups.as_ref()).flatten();
    groups.filter_map(|group| Some((group.target_group_arn.clone()?, group.weight?))).collect()
}

/// Floor and ceiling, in floating point: another way than the scheduler's.
fn limits(service: &Service) -> (u32, u32) {
    let configuration = &service.deployment_configuration;
    let of = |percent: Option<i32>| f64::from(desired(service)) * f64::from(percent.unwrap_or(100)) / 100.0;
    (
        of(configuration.minimum_healthy_percent).ceil() as u32,
        of(configuration.maximum_percent).floor() as u32,
    )
}

/// Facts §1.2, told once more.
pub(super) fn is_healthy(state: &State, task: &Task, now: Timestamp) -> bool {
    let Some(started) = task.times.started_at.filter(|_| task.last_status == TaskStatus::Running) else {
        return false;
    };
    let checked = task.containers.iter().any(|it| it.has_health_check);
    let by_containers = !checked || task.containers.iter().all(|it| it.health == HealthStatus::Healthy);
    let by_targets =
        task.targets.iter().all(|target| target_state(state, target) == Some(TargetHealthStateEnum::Healthy));
    let by_time = checked || !task.targets.is_empty() || now.since(started).as_secs() >= 40;
    task.stop.is_none() && by_containers && by_targets && by_time
}

pub(super) fn is_found_unhealthy(state: &State, task: &Task, grace: u64, now: Timestamp) -> bool {
    let Some(started) = task.times.started_at else { return false };
    let by_container = task.containers.iter().any(|it| it.health == HealthStatus::Unhealthy);
    let by_target = task
        .targets
        .iter()
        .any(|target| target_state(state, target) == Some(TargetHealthStateEnum::Unhealthy));
    now.since(started).as_millis() >= u128::from(grace) * 1000 && (by_container || by_target)
}

fn target_state(state: &State, target: &TaskTarget) -> Option<TargetHealthStateEnum> {
    let group = state.target_groups.get(&target.target_group)?;
    group.target(&target.id, target.port).map(|target| target.health.state)
}
