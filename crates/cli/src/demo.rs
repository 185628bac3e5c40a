//! `tidegate demo`: five releases of a small service under steady traffic, four of them bad. It is a script over
//! rehearsals: everything that happens in it happens in `tidegate rehearse`, too. Start with [`Demo`].

use std::io::Write as _;

use clap::Args;
use serde_json::{Value, json};
use tidegate_aws::{
    DeployPlan, TaskDefinitionSource,
    deploy::{Tags, Then},
};
use tidegate_local::{FunctionMap, ImageCommand, RuntimeChoice, Speed};
use tidegate_rehearsal::{Fault, Report, report};
use tidegate_report::{Reporter, releases::release_table, style::Tone};
use tidegate_rollout::{
    Event, Millis, Percent, Strategy,
    names::{ClusterName, ServiceName, ServiceRef},
    strategy::{CanaryStep, DeploymentGroup, Traffic},
    task_definition::images::ImageChange,
    update::{BreakerPolicy, Force},
};

use crate::{
    args::{Global, Output},
    exit::Exit,
    failure::Failure,
    rehearse::{default_gate, release_row, until_interrupted, watch_options},
    session::Session,
    theatre::{Act, Setup, Theatre},
};

/// Five seconds of AWS's time in one: health checks and drains take what they take, only faster.
const SPEED: f64 = 5.0;

/// How long the sample service takes to start, in milliseconds: long enough to be seen.
const STARTUP_MS: &str = "800";

/// The region of its local cloud.
const REGION: &str = "eu-west-1";

/// `tidegate demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Run the tasks as Docker containers
    #[arg(long)]
    docker: bool,
    /// Requests a second
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rps: u32,
}

/// A release of the demo.
struct Release {
    image: &'static str,
    name: &'static str,
    text: &'static str,
    expected: report::Outcome,
    moves: Moves,
}

/// How a release gets to its users.
#[derive(Clone, Copy, PartialEq)]
enum Moves {
    /// Task by task.
    Rolling,
    /// Beside stable, a tenth of the traffic first.
    Canary,
    /// Beside stable, all of the traffic at once.
    BlueGreen,
}

/// A minute of the cloud's time, in milliseconds.
const MINUTE: Millis = 60_000;

impl Moves {
    fn strategy(self) -> Strategy {
        let steps = vec![CanaryStep { weight: Percent::whole(10), bake: 5 * MINUTE }];
        let traffic = match self {
            Self::Rolling => return Strategy::Rolling,
            Self::Canary => Traffic::Canary { steps, bake: 5 * MINUTE },
            Self::BlueGreen => Traffic::BlueGreen { bake: 5 * MINUTE },
        };
        let group = DeploymentGroup {
            application: "hello".into(),
            group: "hello".into(),
            config: None,
            hooks: std::collections::BTreeMap::new(),
        };
        Strategy::CodeDeploy(traffic, group)
    }

    /// Health checks see nothing wrong with a release that answers every third request with an error.
    fn fault(self) -> Option<Fault> {
        (self != Self::Rolling).then_some(Fault::ErrorRate(0.3))
    }
}

const RELEASES: [Release; 5] = [
    Release {
        image: "tidegate-demo:2",
        name: "good",
        text: "A good release. New tasks start beside the old ones; each old one drains before it stops.",
        expected: report::Outcome::Deployed,
        moves: Moves::Rolling,
    },
    Release {
        image: "tidegate-demo:3",
        name: "crashes at start",
        text: "A release that crashes at start. The circuit breaker counts three failed tasks and rolls back.",
        expected: report::Outcome::RolledBack,
        moves: Moves::Rolling,
    },
    Release {
        image: "tidegate-demo:4",
        name: "never healthy",
        text: "A release that starts and never gets healthy. Its tasks get no traffic; the breaker rolls back.",
        expected: report::Outcome::RolledBack,
        moves: Moves::Rolling,
    },
    Release {
        image: "tidegate-demo:5",
        name: "canary, errors",
        text: "A second service, by CodeDeploy: a healthy release that fails three requests in ten. It gets 10 % of \
               the traffic, and the gate that compares it with stable throws it back.",
        expected: report::Outcome::RolledBack,
        moves: Moves::Canary,
    },
    Release {
        image: "tidegate-demo:6",
        name: "blue/green, errors",
        text: "The same with all of the traffic at once: blue still runs, so the way back is instant.",
        expected: report::Outcome::RolledBack,
        moves: Moves::BlueGreen,
    },
];

/// An image of the sample service, with what the service is told by it.
pub type Image = (&'static str, Vec<(String, String)>);

/// Every image of the demo, with what is wrong with the sample service in it.
pub const IMAGES: [(&str, Option<&str>); 6] = [
    ("tidegate-demo:1", None),
    ("tidegate-demo:2", None),
    ("tidegate-demo:3", Some("start")),
    ("tidegate-demo:4", Some("health")),
    ("tidegate-demo:5", None),
    ("tidegate-demo:6", None),
];

impl Demo {
    /// Plays all acts and prints one table.
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let speed = Speed::new(SPEED).unwrap_or(Speed::REAL);
        let target =
            ServiceRef { cluster: ClusterName::parse("demo")?, service: ServiceName::parse("hello")? };
        let runtime = if self.docker {
            crate::demo_image::import(&images()).await?;
            RuntimeChoice::Docker
        } else {
            RuntimeChoice::Process(commands(images())?.into_iter().collect())
        };
        say(
            global,
            Tone::Quiet,
            &format!(
                "Starting a local cloud: three tasks of hello:1 behind a load balancer, {} requests a second; its clock runs \
                 {SPEED} times as fast.",
                self.rps
            ),
        );
        let played = self.play(global, &target, &runtime, speed).await;
        if self.docker {
            crate::demo_image::remove(&images()).await?;
        }
        let reports = played?;
        let rows: Vec<(&str, &Report)> = RELEASES.iter().map(|release| release.name).zip(&reports).collect();
        print(global, &rows);
        let as_expected =
            RELEASES.iter().zip(&reports).all(|(release, report)| report.outcome == release.expected);
        Ok(if as_expected { Exit::Done } else { Exit::Failed })
    }
}

impl Demo {
    /// Every act: those that move in the same way on one stage.
    async fn play(
        &self,
        global: &Global,
        target: &ServiceRef,
        runtime: &RuntimeChoice,
        speed: Speed,
    ) -> Result<Vec<Report>, Failure> {
        let mut reports = Vec::new();
        for moves in [Moves::Rolling, Moves::BlueGreen] {
            let setup = Setup {
                target: target.clone(),
                definition: definition(IMAGES[0].0, REGION),
                tasks: 3,
                health_check_path: "/health".to_owned(),
                runtime: runtime.clone(),
                functions: FunctionMap::default(),
                speed,
                rps: self.rps,
                strategy: moves.strategy(),
                alarms: Vec::new(),
            };
            let is_here = |release: &Release| (release.moves == Moves::Rolling) == (moves == Moves::Rolling);
            let played =
                until_interrupted(setup, async |theatre| play(global, theatre, target, is_here).await)
                    .await?;
            reports.extend(played);
        }
        Ok(reports)
    }
}

async fn play(
    global: &Global,
    theatre: &Theatre,
    target: &ServiceRef,
    is_here: impl Fn(&Release) -> bool,
) -> Result<Vec<Report>, Failure> {
    let mut reports = Vec::new();
    for (number, release) in RELEASES.iter().enumerate().filter(|(_, release)| is_here(release)) {
        say(global, Tone::Good, &format!("\nAct {} of {} · {}", number + 1, RELEASES.len(), release.name));
        say(global, Tone::Quiet, release.text);
        let act = Act {
            plan: plan(global, theatre, target, release),
            fault: release.moves.fault(),
            least_requests: 0,
        };
        let session = Session { global, config: crate::config::Config::default() };
        reports.push(theatre.play(&act, Box::new(Brief(session.progress_reporter()))).await?);
    }
    Ok(reports)
}

fn plan(global: &Global, theatre: &Theatre, target: &ServiceRef, release: &Release) -> DeployPlan {
    DeployPlan {
        target: target.clone(),
        strategy: release.moves.strategy(),
        gates: release.moves.fault().and_then(default_gate).into_iter().collect(),
        gates_timeout: 0,
        elsewhere: std::sync::Arc::new(tidegate_aws::gates::Nobody),
        source: TaskDefinitionSource::Running,
        images: vec![ImageChange::OfTheOnlyOne { image: release.image.to_owned() }],
        origin: tidegate_rollout::origin::Origin::default(),
        tags: Tags::Keep,
        breaker: BreakerPolicy::EnsureOn,
        force: Force::OnlyIfChanged,
        desired_count: None,
        then: Then::Wait,
        timeout_ms: 60_000,
        watch: watch_options(global, theatre.speed()),
    }
}

/// The images, which are slow enough to be seen.
fn images() -> Vec<Image> {
    let startup = ("SAMPLE_STARTUP_MS".to_owned(), STARTUP_MS.to_owned());
    let told = |crash: Option<&str>| -> Vec<(String, String)> {
        variables(crash).into_iter().chain([startup.clone()]).collect()
    };
    IMAGES.iter().map(|(image, crash)| (*image, told(*crash))).collect()
}

/// What the sample service is told by an image in which it crashes so.
pub fn variables(crash: Option<&str>) -> Vec<(String, String)> {
    crash.map(|crash| ("SAMPLE_CRASH".to_owned(), crash.to_owned())).into_iter().collect()
}

/// Which command stands for which image: this program, told to be the sample service, healthy or not.
pub fn commands(images: Vec<Image>) -> Result<Vec<(&'static str, ImageCommand)>, Failure> {
    let program = std::env::current_exe().map_err(|error| {
        Failure::new(Exit::Refused, format!("cannot find this program's own file: {error}"))
    })?;
    let command = |environment| ImageCommand {
        command: vec![program.display().to_string(), "sample-service".to_owned()],
        environment,
        ..ImageCommand::default()
    };
    Ok(images.into_iter().map(|(image, environment)| (image, command(environment))).collect())
}

/// The task definition of the sample service.
pub fn definition(image: &str, region: &str) -> Value {
    json!({
        "family": "hello",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{
            "name": "hello",
            "image": image,
            "essential": true,
            "portMappings": [{ "containerPort": 8080 }],
            "stopTimeout": 5,
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": { "awslogs-create-group": "true", "awslogs-group": "/demo/hello", "awslogs-region": region, "awslogs-stream-prefix": "hello" },
            },
        }],
    })
}

/// The demo says in its own words what a release is about, so the difference and the failure screen stay out.
struct Brief(Box<dyn Reporter>);

impl Reporter for Brief {
    fn event(&mut self, at: Millis, event: &Event) {
        if !matches!(
            event,
            Event::Planned { .. }
                | Event::Diagnosed { .. }
                | Event::Registered { .. }
                | Event::StageEntered { .. }
        ) {
            self.0.event(at, event);
        }
    }

    fn refresh(&mut self, now: Millis) {
        self.0.refresh(now);
    }

    fn finish(&mut self) {
        self.0.finish();
    }
}

fn say(global: &Global, tone: Tone, text: &str) {
    if !global.quiet && global.output == Output::Text {
        let _ = writeln!(std::io::stderr(), "{}", global.stderr_style().paint(tone, text));
    }
}

fn print(global: &Global, rows: &[(&str, &Report)]) {
    let mut stdout = std::io::stdout();
    let _ = match global.output {
        Output::Json => {
            let reports: Vec<&Report> = rows.iter().map(|(_, report)| *report).collect();
            serde_json::to_string_pretty(&reports).map(|text| writeln!(stdout, "{text}")).is_ok()
        }
        Output::Text => {
            let rows: Vec<_> = rows.iter().map(|(name, report)| release_row(name, report)).collect();
            write!(stdout, "\n{}", release_table(&rows, global.stdout_style())).is_ok()
        }
    };
}
