//! `tidegate tasks`: the tasks of the service, running and stopped, with what they say of themselves.

use std::io::Write as _;

use clap::Args;
use tidegate_aws::tasks::{Which, read};
use tidegate_report::tasks::tasks_table;
use tidegate_report::terminal_width;

use crate::args::{Global, Output};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// `tidegate tasks`.
#[derive(Debug, Args)]
pub struct Tasks {
    /// Those that stopped within the last hour, with their reasons: ECS forgets older ones
    #[arg(long, conflicts_with = "all")]
    stopped: bool,
    /// Running and stopped ones
    #[arg(long)]
    all: bool,
}

impl Tasks {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let target = session.target()?;
        let client = session.connect().await?;
        let which = match (self.all, self.stopped) {
            (true, _) => Which::All,
            (false, true) => Which::Stopped,
            (false, false) => Which::Running,
        };
        let found = read(&client, &target, which, session.watch_options().tick).await?;
        let text = match global.output {
            Output::Json => format!("{}\n", serde_json::json!({ "at_ms": found.at, "tasks": found.tasks })),
            Output::Text if found.tasks.is_empty() => match which {
                Which::Running => format!("{target} has no task; --stopped shows those of the last hour\n"),
                Which::Stopped => format!("no task of {target} stopped within the last hour\n"),
                Which::All => format!("{target} has no task, and none stopped within the last hour\n"),
            },
            Output::Text => tasks_table(&found.tasks, found.at, global.stdout_style(), terminal_width()),
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
        Ok(Exit::Done)
    }
}
