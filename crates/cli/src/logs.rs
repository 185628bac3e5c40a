//! `tidegate logs`: what the containers of the service print, also while it moves.

use std::io::Write as _;
use std::time::Duration;

use clap::Args;
use tidegate_aws::tail::{Line, Look, Silence, Tail, Wanted};
use tidegate_report::log_lines::LogLines;
use tidegate_rollout::names::ServiceRef;

use crate::args::{Global, Output};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// How long between two looks: right after lines came, and at most, when none come.
const SOON: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(8);

/// What stopped tasks have to do with it.
const FORGOTTEN: &str = "tasks that stopped more than an hour ago are forgotten by ECS";

/// `tidegate logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// Go on with what comes, also of the tasks of new deployments, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// How far to go back, such as 90s, 10m or 1h30m
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = crate::config::duration::parse_millis)]
    since: i64,
    /// Only this container
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
    /// Only the task whose id begins so
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Only lines that this filter pattern of CloudWatch Logs lets through, such as 'ERROR -debug'
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    filter: Option<String>,
}

/// Whether somebody still reads what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    There,
    Gone,
}

impl Logs {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let target = session.target()?;
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .map_err(|error| Failure::new(Exit::Refused, format!("cannot listen for signals: {error}")))?;
        tokio::select! {
            ended = self.read(global, &session, &target) => ended,
            _ = tokio::signal::ctrl_c() => Err(interrupted(&target)),
            _ = terminated.recv() => Err(interrupted(&target)),
        }
    }

    async fn read(
        self,
        global: &Global,
        session: &Session<'_>,
        target: &ServiceRef,
    ) -> Result<Exit, Failure> {
        let client = session.connect().await?;
        let wanted =
            Wanted { container: self.container.clone(), task: self.task.clone(), filter: self.filter };
        let tick = session.watch_options().tick;
        let mut tail = Tail::open(client, target.clone(), wanted, self.since, tick).await?;
        let mut printer = Printer { global, lines: LogLines::new(global.stdout_style()) };
        let first = tail.look().await?;
        if let Some(silence) = tail.silence() {
            return Err(mute(target, silence, self.container.as_deref()));
        }
        match self.task.filter(|_| !tail.has_tasks()) {
            Some(task) => {
                let what = format!("the service has no task whose id begins with {task}");
                return Err(Failure::new(Exit::Refused, what).with_help(Some(FORGOTTEN.to_owned())));
            }
            None if !tail.has_tasks() && !global.quiet => {
                let _ = writeln!(std::io::stderr(), "the service has no task now; {FORGOTTEN}");
            }
            None => {}
        }
        if printer.print(&first) == Reader::Gone || !self.follow {
            return Ok(Exit::Done);
        }
        let mut pause = SOON;
        loop {
            tokio::time::sleep(pause).await;
            let look = tail.look().await?;
            pause = if look.lines.is_empty() { (pause * 2).min(LATE) } else { SOON };
            if printer.print(&look) == Reader::Gone {
                return Ok(Exit::Done);
            }
        }
    }
}

/// The last words after Ctrl-C.
fn interrupted(target: &ServiceRef) -> Failure {
    let what = "interrupted; this program only looked on, and the service goes on logging";
    let help = format!(
        "read on with `tidegate logs --follow --cluster {} --service {}`",
        target.cluster.short(),
        target.service.short()
    );
    Failure::new(Exit::Interrupted, what).with_help(Some(help))
}

/// Nothing can ever be read: why, and what to do.
fn mute(target: &ServiceRef, silence: Silence, container: Option<&str>) -> Failure {
    let service = target.service.short();
    let (what, help) = match silence {
        Silence::NoLogDriver => {
            let whose = container.map_or_else(
                || format!("no container of {service} logs"),
                |name| format!("container {name} of {service} does not log"),
            );
            (
                format!("{whose} through awslogs with a stream prefix, so nothing of it can be read"),
                "give the container a logConfiguration in the task definition: logDriver awslogs, with the options \
                 awslogs-group, awslogs-region and awslogs-stream-prefix, and deploy it"
                    .to_owned(),
            )
        }
        Silence::NoSuchContainer { there_are } => (
            format!("no task of {service} has a container {}", container.unwrap_or_default()),
            format!("there are: {}", there_are.join(", ")),
        ),
    };
    Failure::new(Exit::Refused, what).with_help(Some(help))
}

struct Printer<'g> {
    global: &'g Global,
    lines: LogLines,
}

impl Printer<'_> {
    /// Lines to stdout, what could not be read to stderr.
    fn print(&mut self, look: &Look) -> Reader {
        if !self.global.quiet {
            for note in &look.notes {
                let _ = writeln!(std::io::stderr(), "{note}");
            }
        }
        let mut stdout = std::io::stdout().lock();
        for line in &look.lines {
            let text = match self.global.output {
                Output::Json => in_json(line),
                Output::Text => self.lines.line(line.at, &line.task, &line.container, &line.message),
            };
            if stdout.write_all(text.as_bytes()).is_err() {
                return Reader::Gone;
            }
        }
        if stdout.flush().is_ok() { Reader::There } else { Reader::Gone }
    }
}

fn in_json(line: &Line) -> String {
    let value = serde_json::json!({
        "timestamp": line.at, "task": line.task, "container": line.container, "message": line.message,
    });
    format!("{value}\n")
}
