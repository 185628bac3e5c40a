//! A stage for rehearsals: a local cloud in this process, the service on it, users at its door. It must leave nothing
//! behind, however it ends. The deployment on it is the very same as in production. Start with [`Theatre::open`].

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use tidegate_aws::{
    Client, ConnectOptions, DeployError, DeployPlan, Outcome, Pacer, StaticCredentials,
    provision::{Course, Stage, StageAlarm, StageError, Staged, serving_port},
};
use tidegate_local::{ExposeTargets, FunctionMap, LocalCloud, Options, RuntimeChoice, Speed};
use tidegate_rehearsal::{
    Fault, Load, Measured, Report, Traffic,
    report::{self, Moment, Requests, Weights},
};
use tidegate_report::Reporter;
use tidegate_rollout::{
    Event, Millis, Percent, Strategy, TaskDefinitionArn, Verdict,
    gate::Standing,
    names::{ClusterName, ServiceRef},
    observation::BreakerCount,
    plan::StepKind,
};

use crate::{exit::Exit, failure::Failure};

/// The listener's port on the load balancer's own loopback address.
const LISTENER_PORT: u16 = 8080;
/// How long the stable revision may take to get steady.
const CURTAIN: Duration = Duration::from_mins(1);
/// How often figures are shown.
const FIGURES: Duration = Duration::from_millis(500);
/// How often a live view moves its clock.
const REFRESH: Duration = Duration::from_millis(100);
/// How long traffic goes on after a verdict, so that what breaks late is seen.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// What is put on the stage.
pub struct Setup {
    /// The service.
    pub target: ServiceRef,
    /// The stable revision, in AWS's camelCase JSON.
    pub definition: Value,
    /// How many tasks.
    pub tasks: u32,
    /// The path of the health check.
    pub health_check_path: String,
    /// How tasks run.
    pub runtime: RuntimeChoice,
    /// What stands for Lambda functions.
    pub functions: FunctionMap,
    /// How fast the cloud's time runs.
    pub speed: Speed,
    /// Requests a second.
    pub rps: u32,
    /// How the service will be deployed, and by whom.
    pub strategy: Strategy,
    /// The alarms that the gates name.
    pub alarms: Vec<StageAlarm>,
}

/// What is deployed, and what is wrong with it.
pub struct Act {
    /// As production would deploy it.
    pub plan: DeployPlan,
    /// Given to the candidate's tasks.
    pub fault: Option<Fault>,
    /// Traffic goes on until at least this many requests were sent.
    pub least_requests: u64,
}

/// The stage while it is open.
pub struct Theatre {
    cloud: LocalCloud,
    client: Client,
    staged: Staged,
    port: u16,
    traffic: Traffic,
}

impl Theatre {
    /// Opens the stage: the stable revision is steady and serves the first requests when this returns. `interrupted` ends
    /// the opening with its failure; what had been started is gone then, too.
    pub async fn open(setup: Setup, interrupted: impl Future<Output = Failure>) -> Result<Self, Failure> {
        let refused = |text: String| Failure::new(Exit::Refused, text);
        let cloud = LocalCloud::start(Options {
            speed: setup.speed,
            runtime: setup.runtime.clone(),
            functions: setup.functions.clone(),
            expose_targets: ExposeTargets::Yes,
            missing: tidegate_local::Missing::IsInvented,
            ..Options::default()
        })
        .await
        .map_err(|error| refused(error.to_string()))?;
        let rate = setup.rps;
        let prepared = tokio::select! {
            prepared = Self::prepare(&cloud, setup) => prepared,
            failure = interrupted => Err(failure),
        };
        match prepared {
            Ok((client, staged, port)) => {
                let url = staged.url.parse().map_err(|_| refused(format!("{} is no address", staged.url)))?;
                let traffic = Traffic::start(Load { url, rate, timeout: Duration::from_secs(10) });
                Ok(Self { cloud, client, staged, port, traffic })
            }
            Err(failure) => {
                cloud.shutdown().await;
                Err(failure)
            }
        }
    }

    async fn prepare(cloud: &LocalCloud, setup: Setup) -> Result<(Client, Staged, u16), Failure> {
        let refused = |error: StageError| Failure::new(Exit::Refused, error.to_string());
        let client = Client::connect(ConnectOptions {
            region: Some("eu-west-1".to_owned()),
            endpoint_url: Some(cloud.endpoint()),
            credentials: Some(StaticCredentials {
                access_key_id: "000000000000".to_owned(),
                secret_access_key: "rehearsal".to_owned(),
            }),
            // A second of this machine is many of the endpoint's.
            pacer: Some(Arc::new(Pacer::at_speed(cloud.clock().speed().factor()))),
            ..ConnectOptions::default()
        })
        .await?;
        if cloud.runtime_name() == "process" {
            has_commands(&setup)?;
        }
        let (_, port) = serving_port(&setup.definition).ok_or(StageError::NoPort).map_err(refused)?;
        let stage = Stage {
            target: setup.target,
            definition: setup.definition,
            tasks: setup.tasks,
            health_check_path: setup.health_check_path,
            listener_port: LISTENER_PORT,
            strategy: setup.strategy,
            alarms: setup.alarms,
        };
        let staged = client.provision(&stage).await.map_err(refused)?;
        for service in &staged.services {
            client.wait_until_steady(service, CURTAIN).await.map_err(refused)?;
        }
        Ok((client, staged, port))
    }

    /// How many virtual seconds pass in a real one.
    pub fn speed(&self) -> Speed {
        self.cloud.clock().speed()
    }

    /// Deploys under traffic, to the verdict, and reports what the users noticed. What happens is shown by `reporter`.
    pub async fn play(&self, act: &Act, reporter: Box<dyn Reporter>) -> Result<Report, Failure> {
        let before = self.revisions_by_address().await?;
        let newest = before.values().filter_map(|revision| revision.rsplit(':').next()?.parse().ok()).max();
        if let Some(fault) = act.fault {
            self.cloud.inject(self.staged.task_definition.family(), newest.unwrap_or(0), local(fault));
        }
        self.traffic.take();
        let scene = Scene::new(reporter);
        let outcome = self.deploy(act, &scene).await;
        self.linger(act.least_requests, &scene).await;
        let measured = self.traffic.take();
        scene.lock().reporter.finish();
        self.cloud.clear_faults();
        let after = self.revisions_by_address().await?;
        let revision_of = |target: SocketAddr| after.get(&target).or_else(|| before.get(&target)).cloned();
        let seen = std::mem::take(&mut scene.lock().seen);
        match outcome? {
            Outcome::Ended(verdict) => {
                let requests = Requests::of(&measured, revision_of);
                let course = self.course(&seen).await?;
                let mut report = written(&verdict, act, requests, &seen, course);
                report.left_ms = left_after(&measured, &seen, |target| {
                    revision_of(target).is_some_and(|revision| revision == report.candidate)
                });
                Ok(report)
            }
            _ => Err(Failure::new(
                Exit::Refused,
                "the candidate does not differ from what runs; there is nothing to rehearse",
            )),
        }
    }

    /// The revision behind each address that a task of the stage's services has or had.
    async fn revisions_by_address(&self) -> Result<BTreeMap<SocketAddr, String>, Failure> {
        let mut found = BTreeMap::new();
        for service in &self.staged.services {
            found.extend(self.client.revisions_by_address(service, self.port).await?);
        }
        Ok(found)
    }

    /// The moments of the deployment in real milliseconds since it began: from the cloud's own record where Amazon ECS
    /// deploys, else from what was seen.
    async fn course(&self, seen: &[(Millis, Event)]) -> Result<Moments, Failure> {
        let service_deployment = seen.iter().find_map(|(_, event)| match event {
            Event::Started { service_deployment, .. } => service_deployment.as_ref(),
            _ => None,
        });
        let Some(service_deployment) = service_deployment else { return Ok(Moments::seen(seen)) };
        let Course { began_at, turned_at, ended_at } = self.client.course(service_deployment).await?;
        let speed = self.speed().factor();
        let since = |at: Option<Millis>| Some(((at? - began_at?) as f64 / speed).max(0.0).round() as u64);
        Ok(Moments { turned: since(turned_at), ended: since(ended_at) })
    }

    async fn deploy(&self, act: &Act, scene: &Scene) -> Result<Outcome, DeployError> {
        let mut sink = scene.clone();
        let deployment = tidegate_aws::deploy::run(&self.client, &act.plan, &mut sink);
        tokio::pin!(deployment);
        let mut figures = Figures::default();
        let mut clock = tokio::time::interval(REFRESH);
        loop {
            tokio::select! {
                done = &mut deployment => return done,
                _ = clock.tick() => self.show(&mut figures, scene),
            }
        }
    }

    /// Lets traffic go on for a while, and until enough was sent.
    async fn linger(&self, least_requests: u64, scene: &Scene) {
        let until = Instant::now() + AFTERWARDS;
        let mut figures = Figures::default();
        while Instant::now() < until || self.traffic.look().sent < least_requests {
            self.show(&mut figures, scene);
            tokio::time::sleep(REFRESH).await;
        }
    }

    fn show(&self, figures: &mut Figures, scene: &Scene) {
        if let Some(event) = figures.next(&self.traffic) {
            scene.clone().take(now(), &event);
        }
        scene.lock().reporter.refresh(now());
    }

    /// Ends everything that the stage has started.
    pub async fn close(self) {
        self.traffic.stop().await;
        self.cloud.shutdown().await;
    }
}

/// Without Docker a task runs only if `local.images` has a command for its image: seen before anything waits for it.
fn has_commands(setup: &Setup) -> Result<(), Failure> {
    let (RuntimeChoice::Process(known) | RuntimeChoice::Auto(known)) = &setup.runtime else { return Ok(()) };
    let containers = setup.definition["containerDefinitions"].as_array();
    let mut images = containers.into_iter().flatten().filter_map(|container| container["image"].as_str());
    let Some(image) = images.find(|image| known.find(image).is_none()) else { return Ok(()) };
    let patterns: Vec<&str> = known.patterns().collect();
    let has = match patterns.as_slice() {
        [] => "local.images is empty".to_owned(),
        patterns => format!("local.images has {}", patterns.join(", ")),
    };
    Err(Failure::new(Exit::Refused, format!("no command stands for image {image} on the local cloud: {has}"))
        .with_help(Some(format!(
            "write in tidegate.yml `local: {{ images: {{ \"{image}\": {{ command: [./my-service] }} }} }}`, or rehearse with --runtime docker"
        ))))
}

/// A cluster's name without its ARN: the local cloud has its own account and region.
pub fn local_target(target: &ServiceRef) -> Result<ServiceRef, Failure> {
    Ok(ServiceRef {
        cluster: ClusterName::parse(target.cluster.short())?,
        service: tidegate_rollout::names::ServiceName::parse(target.service.short())?,
    })
}

fn local(fault: Fault) -> tidegate_local::Fault {
    match fault {
        Fault::CrashOnStart => tidegate_local::Fault::CrashOnStart,
        Fault::CrashAfter(length) => tidegate_local::Fault::CrashAfter(length),
        Fault::NeverHealthy => tidegate_local::Fault::NeverHealthy,
        Fault::ErrorRate(share) => tidegate_local::Fault::ErrorRate(share),
        Fault::Latency(length) => tidegate_local::Fault::Latency(length),
    }
}

/// What is shown and remembered of an act.
#[derive(Clone)]
struct Scene(Arc<Mutex<Shown>>);

struct Shown {
    reporter: Box<dyn Reporter>,
    seen: Vec<(Millis, Event)>,
}

impl Scene {
    fn new(reporter: Box<dyn Reporter>) -> Self {
        Self(Arc::new(Mutex::new(Shown { reporter, seen: Vec::new() })))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&mut self, at: Millis, event: &Event) {
        let mut shown = self.lock();
        if !matches!(event, Event::Traffic { .. }) {
            shown.seen.push((at, event.clone()));
        }
        shown.reporter.event(at, event);
    }
}

impl tidegate_aws::EventSink for Scene {
    fn event(&mut self, at: Millis, event: &Event) {
        self.take(at, event);
    }
}

/// Makes figures of traffic, not too often.
#[derive(Default)]
struct Figures {
    last: Option<(Instant, u64)>,
}

impl Figures {
    fn next(&mut self, traffic: &Traffic) -> Option<Event> {
        let now = Instant::now();
        if self.last.is_some_and(|(at, _)| now - at < FIGURES) {
            return None;
        }
        let measured: Measured = traffic.look();
        let per_second = match self.last {
            Some((at, sent)) => {
                (measured.sent.saturating_sub(sent) as f64 / (now - at).as_secs_f64()).round() as u64
            }
            None => 0,
        };
        self.last = Some((now, measured.sent));
        let micros = |quantile| (measured.latency_ms(quantile) * 1000.0) as u64;
        Some(Event::Traffic {
            per_second,
            sent: measured.sent,
            failed: measured.failed,
            p50_us: micros(0.5),
            p99_us: micros(0.99),
        })
    }
}

/// When a deployment turned back and when it ended, in real milliseconds since it began.
#[derive(Clone, Copy, Default)]
struct Moments {
    turned: Option<u64>,
    ended: Option<u64>,
}

impl Moments {
    /// The decision to go back, and the moment from which on stable had all of production.
    fn seen(seen: &[(Millis, Event)]) -> Self {
        let start = began_at(seen);
        let turned = seen.iter().find(|(_, event)| matches!(event, Event::RollingBack { .. })).map(|it| it.0);
        let home = seen.iter().find(|(at, event)| {
            turned.is_some_and(|turned| *at >= turned)
                && matches!(event, Event::Weighed { set: Some(set), .. } if *set == Percent::NONE)
        });
        let decided = seen.iter().rfind(|(_, event)| matches!(event, Event::Decided { .. }));
        let since = |at: Millis| u64::try_from(at - start).unwrap_or(0);
        Self { turned: turned.map(since), ended: home.or(decided).map(|it| since(it.0)) }
    }
}

/// From the decision to go back to the last answer of the candidate's targets.
fn left_after(
    measured: &Measured,
    seen: &[(Millis, Event)],
    is_candidates: impl Fn(SocketAddr) -> bool,
) -> Option<u64> {
    let is_decision =
        |event: &Event| matches!(event, Event::RollbackRequested { .. } | Event::RollingBack { .. });
    let decided = seen.iter().find(|(_, event)| is_decision(event))?.0;
    let of_candidate = measured.by_target.iter().filter(|(target, _)| is_candidates(**target));
    let last = of_candidate.filter_map(|(_, answers)| answers.last).max()?;
    u64::try_from(now() - last.elapsed().as_millis() as Millis - decided).ok()
}

/// When the deployment was started: where Tidegate itself is the controller, with its first step.
fn began_at(seen: &[(Millis, Event)]) -> Millis {
    let started = seen.iter().find(|(_, event)| matches!(event, Event::Started { .. }));
    let first_step = || seen.iter().find(|(_, event)| matches!(event, Event::StepBegan { .. }));
    started.or_else(first_step).map_or(0, |(at, _)| *at)
}

/// The revision that was rolled out.
fn candidate(seen: &[(Millis, Event)]) -> Option<&TaskDefinitionArn> {
    seen.iter().find_map(|(_, event)| match event {
        Event::Started { task_definition, .. } | Event::Registered { task_definition } => {
            Some(task_definition)
        }
        _ => None,
    })
}

/// Who threw the candidate back, if somebody did.
fn thrown_back_by(verdict: &Verdict, seen: &[(Millis, Event)]) -> Option<String> {
    let Verdict::RolledBack { breaker, .. } = verdict else { return None };
    let gate = seen.iter().find_map(|(_, event)| match event {
        Event::GateStands { gate, standing: Standing::Broken { .. } } => Some(format!("gate {gate}")),
        _ => None,
    });
    let has_tripped = breaker.is_some_and(|breaker| breaker.failures >= breaker.threshold);
    let by_itself = || if has_tripped { "circuit breaker" } else { "failing tasks" }.to_owned();
    Some(gate.unwrap_or_else(by_itself))
}

/// The report of an act, from its verdict, its traffic, its events and the cloud's record of its course.
fn written(
    verdict: &Verdict,
    act: &Act,
    requests: Requests,
    seen: &[(Millis, Event)],
    course: Moments,
) -> Report {
    let start = began_at(seen);
    let since = |at: Millis| u64::try_from(at - start).unwrap_or(0);
    let end =
        seen.iter().rfind(|(_, event)| matches!(event, Event::Decided { .. })).map(|(at, _)| since(*at));
    let outcome = match verdict {
        Verdict::Promoted { .. } => report::Outcome::Deployed,
        Verdict::RolledBack { .. } => report::Outcome::RolledBack,
        _ => report::Outcome::Failed,
    };
    let (detected_ms, restored_ms) = match (outcome, course.turned, course.ended) {
        (report::Outcome::Deployed, ..) => (None, None),
        (report::Outcome::RolledBack, Some(turned), Some(ended)) => {
            (Some(turned), Some(ended.saturating_sub(turned)))
        }
        (_, turned, ended) => (turned.or(ended).or(end), None),
    };
    Report {
        outcome,
        strategy: act.plan.strategy.name().to_owned(),
        controller: act.plan.strategy.controller().name().to_owned(),
        fault: act.fault.map(|fault| fault.to_string()),
        thrown_back_by: thrown_back_by(verdict, seen),
        candidate: candidate(seen).map(|revision| revision.short().to_owned()).unwrap_or_default(),
        requests,
        detected_ms,
        restored_ms,
        left_ms: None,
        duration_ms: end.unwrap_or(0),
        timeline: timeline(seen, start),
    }
}

fn timeline(seen: &[(Millis, Event)], start: Millis) -> Vec<Moment> {
    let candidate = candidate(seen);
    let mut weights = Weights { stable: 100, candidate: 0 };
    let mut is_weighted = seen.iter().any(|(_, event)| {
        matches!(event, Event::StepBegan { kind: StepKind::ScaleUp | StepKind::TestTraffic, .. })
    });
    let mut moments = Vec::new();
    for (at, event) in seen.iter().filter(|(at, _)| *at >= start) {
        let moved = match (event, candidate) {
            (Event::Weighed { set: Some(set), .. }, _) => {
                is_weighted = true;
                let before = weights;
                let candidate = u32::from(set.tenths() / 10);
                weights = Weights { stable: 100 - candidate, candidate };
                before != weights
            }
            // Where weights are moved, tasks do not tell who serves.
            (Event::Progressed { .. }, _) if is_weighted => false,
            (Event::Progressed { deployments, .. }, Some(candidate)) => {
                let before = weights;
                weights = shares(deployments, candidate);
                before != weights
            }
            _ => false,
        };
        let words = match event {
            Event::Started { task_definition, .. } => {
                Some(format!("deployment of {} began", task_definition.short()))
            }
            Event::Progressed { .. } if moved => Some("tasks moved".to_owned()),
            Event::Weighed { .. } if moved => Some("traffic moved".to_owned()),
            Event::StepBegan { kind, .. } => Some(tidegate_report::words::step_words(*kind)),
            Event::StageEntered { stage } => Some(format!("stage {stage}")),
            Event::GateStands { gate, standing: standing @ Standing::Broken { .. } } => {
                Some(format!("gate {gate} is broken: {}", standing.evidence()))
            }
            Event::CauseFound { cause } => Some(format!("cause: {}", cause.what)),
            Event::RollingBack { to, reason } => Some(format!("rolling back to {}: {reason}", to.short())),
            Event::Decided { verdict, .. } => Some(format!("verdict: {}", words(verdict))),
            _ => None,
        };
        let at_ms = u64::try_from(at - start).unwrap_or(0);
        moments.extend(words.map(|event| Moment { at_ms, event, weights }));
    }
    moments
}

fn words(verdict: &Verdict) -> String {
    let counted = |breaker: &Option<BreakerCount>| {
        let tripped = breaker.filter(|breaker| breaker.failures >= breaker.threshold);
        tripped.map_or_else(String::new, |BreakerCount { failures, threshold }| {
            format!(", circuit breaker: {failures} of {threshold} failures")
        })
    };
    match verdict {
        Verdict::Promoted { .. } => "promoted".to_owned(),
        Verdict::RolledBack { breaker, .. } => format!("rolled back{}", counted(breaker)),
        Verdict::Failed { breaker, .. } => format!("failed{}", counted(breaker)),
        Verdict::Aborted { .. } => "aborted".to_owned(),
        Verdict::TimedOut { .. } => "timed out".to_owned(),
        Verdict::Superseded { .. } => "superseded".to_owned(),
    }
}

/// The shares of running tasks.
fn shares(
    deployments: &[tidegate_rollout::observation::Deployment],
    candidate: &TaskDefinitionArn,
) -> Weights {
    let running = |of_candidate: bool| {
        let chosen = deployments.iter().filter(|it| (it.task_definition == *candidate) == of_candidate);
        chosen.map(|it| it.running).sum::<u32>()
    };
    let (stable, new) = (running(false), running(true));
    match stable + new {
        0 => Weights::default(),
        all => {
            let candidate = (new * 100 + all / 2) / all;
            Weights { stable: 100 - candidate, candidate }
        }
    }
}

fn now() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as Millis)
}
