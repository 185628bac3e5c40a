//! `tidegate run`: a one-off task in the place of the service, its log on stdout, its exit code as the program's own.

use std::io::Write as _;

use clap::Args;
use serde_json::{Value, json};
use tidegate_aws::alb::lease::whoami;
use tidegate_aws::deploy::Tags;
use tidegate_aws::one_off::{End, Follower, Started, Told, start};
use tidegate_aws::tail::Line;
use tidegate_aws::{Client, DeployPlan, TaskDefinitionSource};
use tidegate_report::log_lines::LogLines;
use tidegate_report::style::Tone;
use tidegate_rollout::one_off::{Placing, PublicIp, Wish};
use tidegate_rollout::task_definition::images::ImageChange;
use tidegate_rollout::tasks::{Ending, TaskSeen, ending};

use crate::args::{Global, Output};
use crate::deploy::{image, source};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Signals;
use crate::session::Session;

/// `tidegate run`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Run {
    /// The image for a container; without NAME for a task definition that has one container
    #[arg(long = "image", value_name = "[NAME=]REF", value_parser = image)]
    images: Vec<ImageChange>,
    /// A task definition: a JSON or YAML file, a registered ARN or family:revision [default: the one that runs]
    #[arg(long, value_name = "FILE|ARN")]
    task_definition: Option<String>,
    /// The container that COMMAND and --env are for, and whose exit code counts [default: the first essential one]
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
    /// A variable of its environment
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    environment: Vec<(String, String)>,
    /// CPU units of the task, such as 1024
    #[arg(long, value_name = "UNITS", value_parser = clap::value_parser!(u32).range(1..))]
    cpu: Option<u32>,
    /// MiB of the task, such as 2048
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..))]
    memory: Option<u32>,
    /// How many tasks
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10))]
    count: u32,
    #[command(flatten)]
    place: Place,
    /// Return as soon as the task is asked for
    #[arg(long, conflicts_with = "stop_on_interrupt")]
    detach: bool,
    /// Stop the task on Ctrl-C, instead of leaving it running
    #[arg(long)]
    stop_on_interrupt: bool,
    /// The command instead of the container's own
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Where it runs, where that is not where the service does.
#[derive(Debug, Args)]
struct Place {
    /// FARGATE, EC2 or EXTERNAL [default: as the service]
    #[arg(long, value_name = "TYPE", conflicts_with = "capacity_provider", value_parser = ["FARGATE", "EC2", "EXTERNAL"])]
    launch_type: Option<String>,
    /// A capacity provider, such as FARGATE_SPOT [default: as the service]
    #[arg(long, value_name = "NAME")]
    capacity_provider: Option<String>,
    /// The platform version on Fargate [default: as the service]
    #[arg(long, value_name = "VERSION")]
    platform_version: Option<String>,
    /// A subnet; may be given again [default: as the service]
    #[arg(long = "subnet", value_name = "ID")]
    subnets: Vec<String>,
    /// A security group; may be given again [default: as the service]
    #[arg(long = "security-group", value_name = "ID")]
    security_groups: Vec<String>,
    /// Whether it gets a public address [default: as the service]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    public_ip: Option<bool>,
}

const AFTER: &str = "\
Exit codes: the container's own is passed through, whatever it means there. With several tasks it is the first that
is not 0. When there is none:
  1    the task never started: the cause is said
  2    usage: wrong arguments or config file
  5    timed out: the task runs on
  130  interrupted: the task runs on, unless --stop-on-interrupt
`--output json` tells a task's own 1 from ours: its last line has \"exit_code\", an error has \"error\".";

impl Run {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let mut plan = session.plan(Vec::new())?;
        // The file's images are of the next deployment: a task runs what is named here, or what runs.
        plan.images = self.images.clone();
        plan.tags = Tags::Resolve;
        plan.origin = crate::origin::of_here(None);
        plan.source = match &self.task_definition {
            Some(given) => source(given)?,
            None => TaskDefinitionSource::Running,
        };
        let client = session.connect().await?;
        let mut screen = Screen::of(global, self.count);
        let mut signals = Signals::listen()?;
        let started = tokio::select! {
            started = async {
                let mut sink = |_, event: &tidegate_rollout::Event| screen.event(event);
                start(&client, &plan, &self.wish(), &mut sink).await
            } => started?,
            () = signals.next() => {
                let what = "interrupted; whether the task was asked for is not known";
                let help = format!("see with `aws ecs list-tasks --cluster {}`", plan.target.cluster.short());
                return Err(Failure::new(Exit::Interrupted, what).with_help(Some(help)));
            }
        };
        screen.started(&started);
        if self.detach {
            return Ok(Exit::Done);
        }
        self.follow(&client, &plan, &started, &mut screen, &mut signals).await
    }

    fn wish(&self) -> Wish {
        let place = &self.place;
        Wish {
            command: self.command.clone(),
            container: self.container.clone(),
            environment: self.environment.clone(),
            cpu: self.cpu.map(|units| units.to_string()),
            memory: self.memory.map(|mib| mib.to_string()),
            count: self.count,
            placing: Placing {
                launch_type: place.launch_type.clone(),
                capacity_provider: place.capacity_provider.clone(),
                platform_version: place.platform_version.clone(),
                subnets: place.subnets.clone(),
                security_groups: place.security_groups.clone(),
                public_ip: place.public_ip.map(|is| if is { PublicIp::Enabled } else { PublicIp::Disabled }),
            },
            by: whoami(),
            client_token: tidegate_aws::one_off::token(),
        }
    }

    async fn follow(
        &self,
        client: &Client,
        plan: &DeployPlan,
        started: &Started,
        screen: &mut Screen<'_>,
        signals: &mut Signals,
    ) -> Result<Exit, Failure> {
        let mut follower = Follower::of(client, started, plan.watch.tick);
        let cluster = plan.target.cluster.short();
        let mut tell = |told: Told| screen.told(&told);
        let end = follower.run(plan.timeout_ms, signals.next(), &mut tell).await;
        let end = end.map_err(|error| {
            let what = format!("lost sight of {}, which runs on: {error}", named(&started.tasks));
            Failure::new(Exit::StillGoing, what).with_help(Some(how_to_stop(cluster, &started.tasks)))
        })?;
        match end {
            End::Stopped(tasks) => screen.ended(&tasks, &started.container),
            End::TimedOut(tasks) => Err(Failure::new(
                Exit::StillGoing,
                format!("the time is over, and {} runs on ({})", named(&tasks), statuses(&tasks)),
            )
            .with_help(Some(how_to_stop(cluster, &tasks)))),
            End::Interrupted(tasks) if !self.stop_on_interrupt => {
                Err(Failure::new(Exit::Interrupted, format!("interrupted; {} runs on", named(&tasks)))
                    .with_help(Some(how_to_stop(cluster, &tasks))))
            }
            End::Interrupted(tasks) => {
                let failure = |what: String| Failure::new(Exit::Interrupted, what);
                follower.stop("interrupted by who ran it with tidegate run").await.map_err(|error| {
                    failure(format!("interrupted, and {} could not be stopped: {error}", named(&tasks)))
                        .with_help(Some(how_to_stop(cluster, &tasks)))
                })?;
                // Its last words, until a second Ctrl-C.
                match follower.run(plan.timeout_ms, signals.next(), &mut tell).await {
                    Ok(End::Stopped(tasks)) => {
                        Err(failure(format!("interrupted; {} was stopped", named(&tasks))))
                    }
                    _ => Err(failure(format!("interrupted; {} is being stopped", named(&tasks)))),
                }
            }
        }
    }
}

/// `NAME=VALUE`. The value may be anything, also empty.
fn variable(given: &str) -> Result<(String, String), String> {
    match given.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

fn named(tasks: &[TaskSeen]) -> String {
    let ids: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    format!("{} {}", if ids.len() == 1 { "task" } else { "tasks" }, ids.join(", "))
}

fn statuses(tasks: &[TaskSeen]) -> String {
    let all: Vec<&str> = tasks.iter().map(|task| task.last_status.as_str()).collect();
    all.join(", ")
}

fn how_to_stop(cluster: &str, tasks: &[TaskSeen]) -> String {
    let running = tasks.iter().filter(|task| !task.is_stopped());
    let calls: Vec<String> =
        running.map(|task| format!("`aws ecs stop-task --cluster {cluster} --task {}`", task.id)).collect();
    format!("stop it with {}", calls.join(" and "))
}

/// Where it is said: the log to stdout, the rest to stderr; all of it to stdout as JSON lines.
struct Screen<'g> {
    global: &'g Global,
    lines: LogLines,
    is_one: bool,
    /// Whether lines need not say whose they are.
    is_bare: bool,
}

impl<'g> Screen<'g> {
    fn of(global: &'g Global, count: u32) -> Self {
        Self { global, lines: LogLines::new(global.stdout_style()), is_one: count == 1, is_bare: true }
    }

    fn say(&self, text: &str) {
        if self.global.output == Output::Text && !self.global.quiet {
            let style = self.global.stderr_style();
            let _ = writeln!(std::io::stderr(), "{}", style.paint(Tone::Quiet, text));
        }
    }

    fn json(&self, value: &Value) {
        if self.global.output == Output::Json {
            let _ = writeln!(std::io::stdout(), "{value}");
        }
    }

    fn event(&self, event: &tidegate_rollout::Event) {
        use tidegate_rollout::Event;
        self.json(&json!(event));
        match event {
            Event::Warned { message } => self.say(&format!("warning: {message}")),
            Event::Registered { task_definition } => {
                self.say(&format!("registered {} for this run alone", task_definition.short()));
            }
            Event::ImageResolved { image, resolved, .. } => self.say(&format!("{image} is {resolved}")),
            _ => {}
        }
    }

    fn started(&mut self, started: &Started) {
        self.is_bare = matches!(&started.tasks[..], [only] if only.containers.len() < 2);
        self.json(&json!({"event": "task_started", "tasks": started.tasks, "container": started.container}));
        for task in &started.tasks {
            self.say(&format!("task {} of {} is asked for", task.id, task.revision));
        }
    }

    fn told(&mut self, told: &Told) {
        match told {
            Told::Moved(task) => {
                self.json(&json!({"event": "task_moved", "task": task.id, "status": task.last_status}));
                let whose = if self.is_one { String::new() } else { format!(" {}", short(&task.id)) };
                self.say(&format!("task{whose} {}", task.last_status));
            }
            Told::Note(note) => {
                self.json(&json!({"event": "log_unreadable", "why": note}));
                self.say(note);
            }
            Told::Lines(lines) => lines.iter().for_each(|line| self.line(line)),
        }
    }

    /// One task with one container prints as it would here; several say who speaks.
    fn line(&mut self, line: &Line) {
        let text = match self.global.output {
            Output::Json => format!(
                "{}\n",
                json!({"event": "log", "timestamp": line.at, "task": line.task, "container": line.container,
                    "message": line.message})
            ),
            Output::Text if self.is_bare => LogLines::bare(&line.message),
            Output::Text => self.lines.line(line.at, &line.task, &line.container, &line.message),
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
    }

    /// The first code that is not 0 is the program's; one that never started is an error.
    fn ended(&self, tasks: &[TaskSeen], container: &str) -> Result<Exit, Failure> {
        let mut code = 0;
        for task in tasks {
            match ending(task, container) {
                Ending::Exited(its) => code = if code == 0 { its } else { code },
                Ending::NeverStarted(why) => {
                    self.json(&json!({"event": "task_ended", "tasks": tasks, "exit_code": null}));
                    let help = task.cause().map(|cause| cause.fix);
                    let what = format!("task {} never started: {why}", task.id);
                    return Err(Failure::new(Exit::Refused, what).with_help(help));
                }
            }
        }
        self.json(&json!({"event": "task_ended", "tasks": tasks, "exit_code": code}));
        for task in tasks {
            let codes: Vec<String> = task
                .containers
                .iter()
                .filter_map(|it| Some(format!("{} {}", it.name, it.exit_code?)))
                .collect();
            let why = task.why().map_or_else(String::new, |why| format!(" ({why})"));
            let whose = if self.is_one { String::new() } else { format!(" {}", short(&task.id)) };
            self.say(&format!("task{whose} ended: {}{why}", codes.join(", ")));
        }
        Ok(Exit::of_task(code))
    }
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}
