//! `tidegate rehearse`: the deployment of the config file on a local cloud, under traffic, with a fault if wanted. It must
//! leave nothing behind. Start with [`Rehearse`].

use std::io::Write as _;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tidegate_aws::{TaskDefinitionSource, watch::WatchOptions};
use tidegate_local::{RuntimeChoice, Speed};
use tidegate_rehearsal::{Fault, Report, report};
use tidegate_rollout::pace;

use crate::{
    args::{Global, Output},
    deploy::What,
    exit::Exit,
    failure::Failure,
    local::{config_folder, functions, images},
    session::Session,
    theatre::{Act, Setup, Theatre, local_target},
};

/// `tidegate rehearse`.
#[derive(Debug, Args)]
#[command(after_help = crate::exit::TABLE)]
pub struct Rehearse {
    #[command(flatten)]
    what: What,
    /// What is wrong with the candidate: crash-on-start, never-healthy, crash-after=30s, error-rate=30%, latency=800ms
    #[arg(long, value_name = "FAULT")]
    fault: Option<Fault>,
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

impl Rehearse {
    /// Rehearses, and answers with the verdict.
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open(global)?;
        let target = local_target(&session.target()?)?;
        let mut plan = self.what.plan(&session)?;
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
        let act = Act { plan, fault: self.fault, least_requests: self.requests };
        let setup = Setup {
            target,
            definition: stable,
            tasks: self.tasks,
            health_check_path: self.health_check_path,
            runtime: runtime(self.runtime, &session, global),
            functions: functions(&session.config.local, config_folder(global)),
            speed: self.speed,
            rps: self.rps.or(session.config.rehearse.rps).unwrap_or(200),
        };
        let report =
            until_interrupted(setup, async |theatre| theatre.play(&act, session.progress_reporter()).await)
                .await?;
        print(global, &report);
        Ok(exit(&report))
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
    let tick = (pace::TICK as f64 / speed.factor()).max(50.0) as i64;
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
    let mark = json!({ "name": "TIDEGATE_REHEARSAL", "value": "candidate" });
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
            write!(stdout, "\n{}", report::table(&[(&name, report)])).is_ok()
        }
    };
}
