//! The local cloud's engine in simulated time, with a fake runtime, fake health checks and fake traffic around it. What
//! happens is computed when somebody looks: everything up to that moment, in order.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use serde_json::{Value, json};
use tidegate_engine::{
    ApiError, Effect, Engine, Event, Request, Scope, Settings, State, StopCause, TaskChange, Timestamp,
    cloudwatch::{
        Measured,
        metrics::{Bucket, MetricName},
    },
    ecs::records::{TaskOwner, TaskStatus},
    elbv2::{TargetHealth, routing},
};
use tidegate_models::{
    cloudwatch::StandardUnit,
    elbv2::{TargetHealthReasonEnum, TargetHealthStateEnum},
};

/// Requests in a second.
const PER_SECOND: u64 = 100;
/// How long a task takes until it runs.
const STARTS: Duration = Duration::from_secs(2);
/// How long a health check takes to find something.
const FINDS: Duration = Duration::from_secs(5);
/// How long a task takes to stop.
const STOPS: Duration = Duration::from_secs(1);

/// What a revision is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    Good,
    /// Three requests in ten are answered with a 5xx.
    Failing,
    /// Health checks never pass.
    Unhealthy,
}

enum Next {
    Event(Event),
    /// What a health check finds of whoever is there.
    Check {
        group: String,
    },
    /// A second of traffic.
    Traffic,
}

pub(crate) struct World {
    engine: Engine,
    now: Timestamp,
    to_come: BTreeMap<(Timestamp, u64), Next>,
    sequence: u64,
    addresses: u32,
    /// The revision that is good, and what all others are like.
    release: Option<(String, Release)>,
    /// The load balancer whose first listener has the users.
    load_balancer: Option<String>,
    /// Requests that found no healthy target.
    pub(crate) unserved: u64,
    /// Requests that a failing release answered with an error.
    pub(crate) failed: u64,
}

pub(crate) fn scope() -> Scope {
    Scope { account: "123456789012".to_owned(), region: "eu-west-1".to_owned() }
}

impl World {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            engine: Engine::new(Settings {
                seed: 7,
                load_balancer_network: [127, 40],
                missing: tidegate_engine::Missing::Fails,
                registry: "127.0.0.1:4566".to_owned(),
            }),
            now,
            to_come: BTreeMap::new(),
            sequence: 0,
            addresses: 0,
            release: None,
            load_balancer: None,
            unserved: 0,
            failed: 0,
        }
    }

    pub(crate) fn state(&self) -> &State {
        self.engine.state()
    }

    /// From here on users come.
    pub(crate) fn open(&mut self, load_balancer: &str) {
        self.load_balancer = Some(load_balancer.to_owned());
        self.plan(Duration::from_secs(1), Next::Traffic);
    }

    /// What every revision but the stable one is like.
    pub(crate) fn release_after(&mut self, stable: &str, release: Release) {
        self.release = Some((stable.to_owned(), release));
    }

    /// Everything up to `at` happens.
    pub(crate) fn live_until(&mut self, at: Timestamp) {
        loop {
            let event = self.to_come.first_key_value().map(|((at, _), _)| *at);
            let due = self.engine.next_due();
            let Some(next) = event.into_iter().chain(due).min().filter(|next| *next <= at) else { break };
            self.now = self.now.max(next);
            if event.is_some_and(|event| event <= next)
                && let Some((_, next)) = self.to_come.pop_first()
            {
                self.happen(next);
            }
            self.settle();
        }
        self.now = self.now.max(at);
    }

    /// A call, at the moment up to which everything has happened.
    pub(crate) fn answer(&mut self, request: Request) -> Result<tidegate_engine::Reply, ApiError> {
        let answer = self.engine.write(request, self.now);
        if answer.is_ok() {
            self.settle();
        }
        answer
    }

    /// A call of the stage's own.
    #[track_caller]
    pub(crate) fn call(&mut self, service: &'static str, operation: &str, input: Value) -> Value {
        let request = Request { service, operation: operation.to_owned(), scope: scope(), input };
        match self.answer(request) {
            Ok(reply) => serde_json::to_value(&reply).unwrap_or_else(|error| panic!("{operation}: {error}")),
            Err(error) => panic!("{operation} was refused: {error}"),
        }
    }

    fn settle(&mut self) {
        self.engine.settle(self.now);
        let _ = self.engine.changes();
        for effect in self.engine.commit() {
            match effect {
                Effect::StartTask(task) => self.start(task),
                Effect::StopTask(task) => self.stop(task),
                Effect::TargetGroup(group) => self.plan(FINDS, Next::Check { group }),
                Effect::LoadBalancer(_) | Effect::InvokeFunction(_) | Effect::Blob(_) => {}
            }
        }
    }

    fn start(&mut self, task: String) {
        self.addresses += 1;
        let address = IpAddr::V4(Ipv4Addr::from(0x7f64_0000 + self.addresses));
        let started = TaskChange::ContainerStarted {
            container: "app".to_owned(),
            runtime_id: "1".to_owned(),
            image_digest: None,
        };
        let network = TaskChange::NetworkReady { address, bindings: Vec::new() };
        for change in
            [network, TaskChange::PullStarted, TaskChange::PullStopped, started, TaskChange::Running]
        {
            self.plan(STARTS, Next::Event(Event::Task { task: task.clone(), change }));
        }
    }

    fn stop(&mut self, task: String) {
        let ended =
            TaskChange::ContainerStopped { container: "app".to_owned(), exit_code: Some(143), reason: None };
        let stopped = TaskChange::Stopped { cause: StopCause::Requested, reason: String::new() };
        for change in [ended, stopped] {
            self.plan(STOPS, Next::Event(Event::Task { task: task.clone(), change }));
        }
    }

    fn plan(&mut self, after: Duration, next: Next) {
        self.sequence += 1;
        self.to_come.insert((self.now + after, self.sequence), next);
    }

    fn happen(&mut self, next: Next) {
        match next {
            Next::Event(event) => self.engine.observe(event, self.now),
            Next::Check { group } => self.check(&group),
            Next::Traffic => {
                self.send();
                self.plan(Duration::from_secs(1), Next::Traffic);
            }
        }
    }

    fn check(&mut self, group: &str) {
        let Some(row) = self.state().target_groups.get(group) else { return };
        let found: Vec<_> = row
            .targets
            .iter()
            .filter(|target| target.draining_until.is_none())
            .map(|target| (target.id.clone(), target.port, self.release_of(target.owner_task.as_deref())))
            .filter(|(id, port, release)| {
                let known = row.target(id, *port).map(|target| target.health.state);
                let wanted = match release {
                    Release::Unhealthy => TargetHealthStateEnum::Unhealthy,
                    Release::Good | Release::Failing => TargetHealthStateEnum::Healthy,
                };
                known != Some(wanted)
            })
            .collect();
        for (target, port, release) in found {
            let health = match release {
                Release::Good | Release::Failing => TargetHealth::healthy(),
                Release::Unhealthy => TargetHealth {
                    state: TargetHealthStateEnum::Unhealthy,
                    reason: Some(TargetHealthReasonEnum::TargetResponseCodeMismatch),
                    description: Some("Health checks failed with these codes: [500]".to_owned()),
                },
            };
            let event = Event::TargetHealth { target_group: group.to_owned(), target, port, health };
            self.engine.observe(event, self.now);
        }
    }

    fn release_of(&self, task: Option<&str>) -> Release {
        let task = task.and_then(|task| self.state().tasks.get(task));
        match (&self.release, task) {
            (Some((stable, release)), Some(task)) if task.task_definition != *stable => *release,
            _ => Release::Good,
        }
    }

    /// A second of traffic, spread by the weights over the targets that are healthy.
    fn send(&mut self) {
        let Some(balancer) = self.load_balancer.clone() else { return };
        let Some(routing) = routing::routing(self.state(), &balancer) else { return };
        let Some(listener) = routing.listeners.iter().min_by_key(|listener| listener.port) else { return };
        let Some(rule) = listener.rules.first() else { return };
        let routing::Action::Forward { groups, .. } = &rule.action else { return };
        let all: u64 = groups.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut measured = Vec::new();
        for (group, weight) in groups {
            let requests = PER_SECOND * u64::from(*weight) / all.max(1);
            if requests == 0 {
                continue;
            }
            let Some(row) = self.state().target_groups.get(group) else { continue };
            let healthy: Vec<Release> = row
                .targets
                .iter()
                .filter(|target| {
                    target.health.state == TargetHealthStateEnum::Healthy && target.draining_until.is_none()
                })
                .map(|target| self.release_of(target.owner_task.as_deref()))
                .collect();
            if healthy.is_empty() {
                self.unserved += requests;
                continue;
            }
            let failing = healthy.iter().filter(|release| **release == Release::Failing).count() as u64;
            let errors = requests * failing * 3 / (10 * healthy.len() as u64);
            self.failed += errors;
            let dimensions = vec![
                dimension("TargetGroup", group, ":"),
                dimension("LoadBalancer", &balancer, "loadbalancer/"),
            ];
            for (name, count) in [("RequestCount", requests), ("HTTPCode_Target_5XX_Count", errors)] {
                if count > 0 {
                    let metric = MetricName::new(&scope(), "AWS/ApplicationELB", name, dimensions.clone());
                    let samples = Bucket::of([(1.0, count as f64)]);
                    measured.push(Measured { metric, unit: StandardUnit::Count, samples });
                }
            }
        }
        self.engine.observe(Event::Metrics(measured), self.now);
    }

    /// The shares of production by target group, in weights as they are set.
    pub(crate) fn weights(&self, rule: &str) -> BTreeMap<String, u64> {
        let row = self.state().rules.get(rule);
        let actions = row.map(|row| serde_json::to_value(&row.actions).unwrap_or(json!([])));
        let actions = actions.unwrap_or(json!([]));
        let groups = actions.pointer("/0/ForwardConfig/TargetGroups").and_then(Value::as_array).cloned();
        let of = |group: &Value| {
            let arn = group["TargetGroupArn"].as_str()?.to_owned();
            Some((arn, group["Weight"].as_u64().unwrap_or(1)))
        };
        groups.unwrap_or_default().iter().filter_map(of).collect()
    }

    /// The task definitions of the tasks that are not STOPPED, with how many there are.
    pub(crate) fn running(&self, cluster: &str) -> BTreeMap<String, usize> {
        let mut running = BTreeMap::new();
        for (_, task) in self.state().tasks.iter() {
            if task.cluster_arn.ends_with(cluster)
                && task.last_status != TaskStatus::Stopped
                && matches!(task.owner, TaskOwner::Service { .. })
            {
                *running.entry(task.task_definition.clone()).or_default() += 1;
            }
        }
        running
    }
}

/// A dimension of a load balancing metric: the end of the ARN behind `mark`.
fn dimension(name: &str, arn: &str, mark: &str) -> (String, String) {
    let end = arn.rsplit_once(mark).map_or(arn, |(_, end)| end);
    (name.to_owned(), end.to_owned())
}
