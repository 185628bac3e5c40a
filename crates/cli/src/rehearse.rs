//! `tidegate rehearse`: the deployment of the config file on a local cloud, under traffic, with a fault if wanted. It must
//! leave nothing behind. Start with [`Rehearse`].

mod matrix;

use std::io::Write as _;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tidegate_aws::{
    TaskDefinitionSource,
    provision::{StageAlarm, Watches},
    watch::WatchOptions,
};
use tidegate_local::{RuntimeChoice, Speed};
use tidegate_rehearsal::{Fault, Report, report};
use tidegate_report::{
    Silent,
    releases::{ReleaseRow, release_table},
};
use tidegate_rollout::{
    Controller, Percent, Strategy,
    gate::{At, Check, Comparison, Gate, LatencyComparison, NoEvidence},
    names::ServiceName,
    pace,
    strategy::{Candidate, DeploymentGroup, PAIRS, Wish},
};

use crate::{
    args::{Global, Output},
    deploy::What,
    exit::Exit,
    failure::Failure,
    local::{config_folder, functions, images},
    session::Session,
    theatre::{Act, Setup, Theatre, local_target},
};
use matrix::Matrix;

/// `tidegate rehearse`.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub struct Rehearse {
    #[command(flatten)]
    what: What,
    /// What is wrong with the candidate: crash-on-start, never-healthy, crash-after=30s, error-rate=30%, latency=800ms;
    /// or all, one after the other, and none at first
    #[arg(long, value_name = "FAULT", value_parser = faults)]
    fault: Option<Faults>,
    /// rolling, blue_green, linear or canary, instead of the config file's; or all, by every controller
    #[arg(long, value_name = "STRATEGY")]
    strategy: Option<String>,
    /// ecs, code_deploy or alb, instead of the config file's
    #[arg(long, value_name = "CONTROLLER")]
    controller: Option<String>,
    /// Requests a second [default: 200, or rehearse.rps]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rps: Option<u32>,
    /// Keep the traffic up until at least this many requests were sent
    #[arg(long, value_name = "N", default_value_t = 0)]
    requests: u64,
    /// How many tasks
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    tasks: u32,
    /// The path of the load balancer's health check
    #[arg(long, value_name = "PATH", default_value = "/")]
    health_check_path: String,
    /// How many seconds of the cloud's time pass in one
    #[arg(long, default_value = "10", value_parser = crate::local::parse_speed)]
    speed: Speed,
    /// How tasks run
    #[arg(long, value_enum, default_value_t = RuntimeKind::Auto)]
    runtime: RuntimeKind,
}

/// How tasks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RuntimeKind {
    /// As processes when `local.images` names the image, else in Docker
    Auto,
    /// As Docker containers
    Docker,
    /// As plain processes, by `local.images` of the config file
    Process,
}

/// `--fault`.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Faults {
    One(Fault),
    Each,
}

fn faults(text: &str) -> Result<Faults, String> {
    match text {
        "all" => Ok(Faults::Each),
        one => one
            .parse()
            .map(Faults::One)
            .map_err(|error: tidegate_rehearsal::fault::InvalidFault| error.to_string()),
    }
}

/// How one rehearsal ends the program, and how many do.
const EXITS: &str = "\
Exit codes of one rehearsal: 0 deployed, 3 rolled back, 4 failed.
Of several (--strategy all, --fault all): 0 if every good candidate serves and every bad one was
thrown back, else 4.";

/// `--strategy all`.
const ALL: &str = "all";
const MINUTE: i64 = 60_000;

impl Rehearse {
    /// Rehearses, and answers with the verdict.
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open(global)?;
        let strategies = self.strategies(&session)?;
        let faults = self.faults();
        if let ([strategy], [fault]) = (strategies.as_slice(), faults.as_slice()) {
            let (setup, act) = self.scene(&session, global, strategy.clone(), *fault)?;
            let reporter = session.progress_reporter();
            let report = until_interrupted(setup, async |theatre| theatre.play(&act, reporter).await).await?;
            print(global, &report);
            return Ok(exit(&report));
        }
        let mut matrix = Matrix::of(strategies.len() * faults.len(), global);
        for strategy in strategies {
            for fault in &faults {
                let (setup, act) = self.scene(&session, global, strategy.clone(), *fault)?;
                matrix.announce(&strategy, *fault);
                let play = async |theatre: &Theatre| theatre.play(&act, Box::new(Silent)).await;
                matrix.add(until_interrupted(setup, play).await?);
            }
        }
        Ok(matrix.end())
    }

    fn faults(&self) -> Vec<Option<Fault>> {
        match self.fault {
            None => vec![None],
            Some(Faults::One(fault)) => vec![Some(fault)],
            Some(Faults::Each) => [None].into_iter().chain(Fault::EACH.map(Some)).collect(),
        }
    }

    /// The strategies to rehearse: the config file's, unless the flags say otherwise.
    fn strategies(&self, session: &Session<'_>) -> Result<Vec<Strategy>, Failure> {
        let target = session.target()?;
        let mut wish = session.config.wish.clone();
        // What is on the stage is made for it, so names need not be given.
        let name = target.service.short();
        wish.deployment_group.get_or_insert_with(|| DeploymentGroup {
            application: name.to_owned(),
            group: name.to_owned(),
            config: None,
            hooks: std::collections::BTreeMap::new(),
        });
        if wish.candidate.is_none() {
            let service = ServiceName::parse(&format!("{name}-candidate"))?;
            wish.candidate = Some(Candidate { service, rule: None });
        }
        if let Some(controller) = &self.controller {
            wish.controller = Some(controller.clone());
        }
        if self.strategy.as_deref() != Some(ALL) {
            wish.strategy = self.strategy.clone().or(wish.strategy);
            return Ok(vec![Strategy::choose(&wish)?]);
        }
        // Ten rehearsals are no place for a bake of ten minutes that nobody asked for.
        wish.bake.get_or_insert(MINUTE);
        wish.canary_bake.get_or_insert(MINUTE);
        wish.linear_bake.get_or_insert(MINUTE);
        wish.linear_step.get_or_insert(Percent::whole(50));
        let wanted =
            |controller: Controller| self.controller.as_deref().is_none_or(|word| word == controller.name());
        let pairs = PAIRS.iter().filter(|(_, controller)| wanted(*controller));
        let chosen = pairs.map(|(strategy, controller)| {
            let pair = Wish {
                strategy: Some((*strategy).to_owned()),
                controller: Some(controller.name().to_owned()),
                ..wish.clone()
            };
            // One step fits every controller; a list of steps only `alb`.
            let several = pair.canary_steps.as_ref().is_some_and(|steps| steps.len() > 1);
            let canary_steps =
                if several && *controller != Controller::Alb { None } else { pair.canary_steps };
            Strategy::choose(&Wish { canary_steps, ..pair })
        });
        Ok(chosen.collect::<Result<_, _>>()?)
    }

    fn scene(
        &self,
        session: &Session<'_>,
        global: &Global,
        strategy: Strategy,
        fault: Option<Fault>,
    ) -> Result<(Setup, Act), Failure> {
        let target = local_target(&session.target()?)?;
        let mut plan = self.what.plan(session)?;
        plan.target = target.clone();
        let TaskDefinitionSource::Document(stable) = &plan.source else {
            return Err(Failure::new(Exit::Usage, "a rehearsal needs a task definition of its own to put on the stage")
                .with_help(Some(
                    "write `taskDefinition: FILE` in tidegate.yml or pass --task-definition FILE; `tidegate render` prints \
                     the one that runs"
                        .to_owned(),
                )));
        };
        let stable = stable.clone();
        if plan.images.is_empty() {
            plan.source = TaskDefinitionSource::Document(marked(&stable));
        }
        plan.watch = watch_options(global, self.speed);
        plan.strategy = strategy.clone();
        if plan.gates.is_empty() {
            plan.gates = default_gates(&strategy, fault, target.service.short());
        }
        let alarms = alarm_names(&plan.gates).map(|name| StageAlarm { name, watches: watched(fault) });
        let alarms = alarms.collect();
        let setup = Setup {
            target,
            definition: stable,
            tasks: self.tasks,
            health_check_path: self.health_check_path.clone(),
            runtime: runtime(self.runtime, session, global),
            functions: functions(&session.config.local, config_folder(global)),
            speed: self.speed,
            rps: self.rps.or(session.config.rehearse.rps).unwrap_or(200),
            strategy,
            alarms,
        };
        Ok((setup, Act { plan, fault, least_requests: self.requests }))
    }
}

/// The gate that sees such a fault, for a config file without gates: what health checks cannot see. Of a rolling
/// deployment only an alarm can, since both revisions are in one target group.
fn default_gates(strategy: &Strategy, fault: Option<Fault>, service: &str) -> Vec<Gate> {
    let comparison = fault.and_then(default_gate);
    let gate = match (strategy, comparison) {
        (Strategy::Rolling, Some(Gate { name, at, .. })) => {
            let name = format!("{service}-{name}");
            Some(Gate { check: Check::Alarm { alarm: name.clone() }, name, at })
        }
        (_, comparison) => comparison,
    };
    gate.into_iter().collect()
}

/// The gate that compares what such a fault makes worse.
pub fn default_gate(fault: Fault) -> Option<Gate> {
    let too_little = NoEvidence::Wait;
    let (name, check) = match fault {
        Fault::ErrorRate(_) | Fault::CrashAfter(_) => {
            ("errors", Check::Errors(Comparison { tolerance_points: 0.5, certainty: 99.0, too_little }))
        }
        Fault::Latency(_) => (
            "latency",
            Check::Latency(LatencyComparison {
                percentile: 95.0,
                tolerance_percent: 50.0,
                certainty: 99.0,
                too_little,
            }),
        ),
        Fault::CrashOnStart | Fault::NeverHealthy => return None,
    };
    Some(Gate { name: name.to_owned(), check, at: At::EveryStep })
}

/// The alarms that a config file names are production's; the stage has one in the place of each.
fn alarm_names(gates: &[Gate]) -> impl Iterator<Item = String> {
    gates.iter().filter_map(|gate| match &gate.check {
        Check::Alarm { alarm } => Some(alarm.clone()),
        _ => None,
    })
}

/// What the stage's alarms watch: slow answers where they are the fault, else failed ones.
fn watched(fault: Option<Fault>) -> Watches {
    match fault {
        Some(Fault::Latency(length)) => Watches::SlowerThan(length.as_secs_f64() / 2.0),
        _ => Watches::Errors(1.0),
    }
}

/// Opens a theatre, plays, and closes it, also when it is interrupted.
pub async fn until_interrupted<T>(
    setup: Setup,
    play: impl AsyncFnOnce(&Theatre) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let interrupted = async || {
        crate::local::ended_by_signal().await;
        Failure::new(Exit::Interrupted, "interrupted; the rehearsal is over and nothing of it is left")
    };
    let theatre = Theatre::open(setup, interrupted()).await?;
    let played = tokio::select! {
        played = play(&theatre) => played,
        failure = interrupted() => Err(failure),
    };
    theatre.close().await;
    played
}

/// Looks follow the cloud's clock.
pub fn watch_options(global: &Global, speed: Speed) -> WatchOptions {
    let tick = (pace::TICK as f64 / speed.factor()).max(1.0) as i64;
    WatchOptions { tick: global.tick_ms.unwrap_or(tick), ..WatchOptions::default() }
}

/// How the outcome of a rehearsal ends the program.
pub fn exit(report: &Report) -> Exit {
    match report.outcome {
        report::Outcome::Deployed => Exit::Done,
        report::Outcome::RolledBack => Exit::RolledBack,
        report::Outcome::Failed => Exit::Failed,
    }
}

/// With nothing else to deploy, the candidate is the same with a mark, so that it is a revision of its own.
fn marked(definition: &Value) -> Value {
    let mut marked = definition.clone();
    let mark = json!({ "name": "TIDEGATE_MARK", "value": "candidate" });
    for container in marked["containerDefinitions"].as_array_mut().into_iter().flatten() {
        match container.get_mut("environment").and_then(Value::as_array_mut) {
            Some(environment) => environment.push(mark.clone()),
            None => container["environment"] = json!([mark]),
        }
    }
    marked
}

fn runtime(kind: RuntimeKind, session: &Session<'_>, global: &Global) -> RuntimeChoice {
    let images = images(&session.config.local, config_folder(global));
    match kind {
        RuntimeKind::Docker => RuntimeChoice::Docker,
        RuntimeKind::Auto if session.config.local.images.is_empty() => RuntimeChoice::Auto(images),
        RuntimeKind::Process | RuntimeKind::Auto => RuntimeChoice::Process(images),
    }
}

fn print(global: &Global, report: &Report) {
    let mut stdout = std::io::stdout();
    let _ = match global.output {
        Output::Json => serde_json::to_string_pretty(report).map(|text| writeln!(stdout, "{text}")).is_ok(),
        Output::Text => {
            let name = report.fault.clone().unwrap_or_else(|| "no fault".to_owned());
            let table = release_table(&[release_row(&name, report)], global.stdout_style());
            write!(stdout, "\n{table}").is_ok()
        }
    };
}

/// A report as its row of the closing table.
pub fn release_row(name: &str, report: &Report) -> ReleaseRow {
    ReleaseRow {
        name: name.to_owned(),
        verdict: report.outcome.words().to_owned(),
        requests: report.requests.sent,
        failed: report.requests.failed,
        p99_ms: report.requests.latency_ms.p99,
        detected_ms: report.detected_ms,
        restored_ms: report.restored_ms,
    }
}
