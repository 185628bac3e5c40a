//! `tidegate check`: what is wrong with how a service is deployed, and the fix. Exit code 7 if there is something at
//! or above the threshold.

use crate::args::{Format, Global};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use clap::{Args, ValueEnum};
use std::io::Write as _;
use tidegate_aws::picture::{self, Wishes};
use tidegate_checks::{Audit, Severity, Tally, audit};
use tidegate_report::checks::{Depth, github, sarif, screen};
use tidegate_report::terminal_width;
use tidegate_rollout::gate::Check as Gate;

/// For how many days a rollback drill holds when nobody says.
const DRILL_DAYS: u32 = 30;
/// How wide text is where no terminal says.
const WIDTH: usize = 100;

/// `tidegate check`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Check {
    /// Every service of the cluster
    #[arg(long)]
    all: bool,
    /// The least severity that makes the exit code 7
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = Threshold::Error)]
    fail_on: Threshold,
    /// For how many days a rollback drill holds [default: the config file's check.drillDays, or 30]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=90))]
    drill_days: Option<u32>,
}

const AFTER_HELP: &str = "\
Besides text and json, `check` answers as --output sarif (SARIF 2.1.0) and --output github (workflow
commands). With -v it shows Terraform for each fix, and what the config file's check.suppress hides.
docs/checks.md lists the rules.

Exit codes:
  0    nothing at or above the severity of --fail-on
  1    the service or the cluster could not be looked at
  2    usage: wrong arguments or config file
  7    something to fix";

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Threshold {
    Info,
    Warning,
    Error,
}

impl Check {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let wishes = self.wishes(&session);
        let pictures = if self.all {
            if global.service.is_some() {
                return Err(Failure::new(Exit::Usage, "--all and --service exclude each other"));
            }
            let cluster = session.cluster()?;
            let client = session.connect().await?;
            picture::all(&client, &cluster, &wishes).await?
        } else {
            let target = session.target()?;
            let client = session.connect().await?;
            vec![picture::one(&client, &target, &wishes).await?]
        };
        let suppressions = &session.config.check.suppress;
        let audits: Vec<Audit> = pictures.iter().map(|picture| audit(picture, suppressions)).collect();
        let text = self.written(&audits, &session);
        let _ = std::io::stdout().write_all(text.as_bytes());
        let is_found = audits.iter().filter_map(Audit::worst).any(|worst| worst >= self.fail_on.severity());
        Ok(if is_found { Exit::Drift } else { Exit::Done })
    }

    fn wishes(&self, session: &Session<'_>) -> Wishes {
        let config = &session.config;
        let gates = config.gates.iter();
        Wishes {
            gate_alarms: gates
                .filter_map(|gate| match &gate.check {
                    Gate::Alarm { alarm } => Some(alarm.clone()),
                    _ => None,
                })
                .collect(),
            gates_of: config.service.clone(),
            drill_days: self.drill_days.or(config.check.drill_days).unwrap_or(DRILL_DAYS),
            tick: session.watch_options().tick,
        }
    }

    fn written(&self, audits: &[Audit], session: &Session<'_>) -> String {
        let global = session.global;
        let file =
            global.config.as_ref().map_or_else(|| "tidegate.yml".into(), |path| path.display().to_string());
        match global.format {
            Format::Json => {
                let tally = Tally::of(audits);
                let value = serde_json::json!({
                    "services": audits, "tally": tally, "fail_on": self.fail_on.severity(),
                });
                format!("{value}\n")
            }
            Format::Sarif => format!("{:#}\n", sarif::log(audits, &file, env!("CARGO_PKG_VERSION"))),
            Format::Github => github::commands(audits, &file),
            Format::Text => {
                let depth = match (global.quiet, global.verbose) {
                    (true, _) => Depth::Brief,
                    (false, 0) => Depth::Usual,
                    (false, _) => Depth::Everything,
                };
                let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
                let width = if is_terminal { terminal_width() } else { WIDTH };
                screen(audits, depth, width, global.stdout_style())
            }
        }
    }
}

impl Threshold {
    fn severity(self) -> Severity {
        match self {
            Self::Info => Severity::Info,
            Self::Warning => Severity::Warning,
            Self::Error => Severity::Error,
        }
    }
}
