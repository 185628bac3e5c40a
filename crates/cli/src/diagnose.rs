//! `tidegate diagnose`: why a deployment failed or hangs, and what to type next.

use crate::args::{Global, Output};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use clap::Args;
use std::io::Write as _;
use tidegate_aws::diagnose::{Looking, read};
use tidegate_report::diagnosis::findings_screen;
use tidegate_report::terminal_width;
use tidegate_rollout::diagnosis::Findings;

/// `tidegate diagnose`.
#[derive(Debug, Args)]
pub struct Diagnose {
    /// How many findings to show [default: 3; with --output json, all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    top: Option<u16>,
    /// How many of the last log lines to read of each container that failed last
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    lines: u16,
}

impl Diagnose {
    /// Prints what was found. A service that does not exist is told of as well, with exit code 1.
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let target = session.target()?;
        let client = session.connect().await?;
        let looking = Looking { log_lines: self.lines, tick: session.watch_options().tick };
        let case = read(&client, &target, &session.config.strategy, looking).await?;
        let mut findings = Findings::of(&case);
        let text = match global.output {
            Output::Json => {
                findings.causes.truncate(self.top.map_or(usize::MAX, usize::from));
                format!("{}\n", serde_json::json!(findings))
            }
            Output::Text => {
                let top = usize::from(self.top.unwrap_or(3));
                findings_screen(&findings, top, global.stdout_style(), terminal_width())
            }
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
        Ok(if findings.course.is_some() { Exit::Done } else { Exit::Refused })
    }
}
