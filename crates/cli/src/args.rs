//! The options that every subcommand takes. Start with [`Global`].

use clap::{Args, ValueEnum};
use std::io::IsTerminal;
use std::path::PathBuf;
use tidegate_report::Style;

/// Options before or after the subcommand.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The config file; without the option, tidegate.yml if it is there
    #[arg(long, global = true, value_name = "FILE", env = "TIDEGATE_CONFIG")]
    pub config: Option<PathBuf>,
    /// The cluster, instead of the config file's
    #[arg(long, global = true, value_name = "NAME")]
    pub cluster: Option<String>,
    /// The service, instead of the config file's
    #[arg(long, global = true, value_name = "NAME")]
    pub service: Option<String>,
    /// The AWS region, instead of the config file's and the environment's
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// The AWS profile, instead of the environment's
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Text for people, or JSON for programs
    #[arg(long = "output", global = true, value_name = "OUTPUT", value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// The same for every command that knows only these two.
    #[arg(skip = Output::Text)]
    pub output: Output,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Say only the result
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more; twice, every AWS call
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Do not ask
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// How long to wait for a verdict, such as 90s, 15m or 1h30m [default: 30m]
    #[arg(long, global = true, value_name = "TIME", value_parser = crate::config::duration::parse_some_millis)]
    pub timeout: Option<i64>,
    /// The tick of the watch in milliseconds, for a local cloud whose clock runs faster
    #[arg(long, global = true, hide = true, env = "TIDEGATE_TICK_MS", value_parser = clap::value_parser!(i64).range(1..=60_000))]
    pub tick_ms: Option<i64>,
}

/// `--output`, as it is written. What only some commands answer in is not listed in the help of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON value, or JSON lines for what takes time.
    Json,
    /// SARIF 2.1.0, for code scanning.
    #[value(hide = true)]
    Sarif,
    /// Workflow commands of GitHub Actions.
    #[value(hide = true)]
    Github,
}

/// `--output` for a command that answers in text or JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON value, or JSON lines for what takes time.
    Json,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// In a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Global {
    /// Puts [`Self::output`] right; fails for a format that the command does not answer in.
    pub fn settle(&mut self, finds_things: bool) -> Result<(), String> {
        self.output = match self.format {
            Format::Text => Output::Text,
            Format::Json => Output::Json,
            Format::Sarif | Format::Github if finds_things => Output::Text,
            Format::Sarif => return Err(only_check("sarif")),
            Format::Github => return Err(only_check("github")),
        };
        Ok(())
    }

    /// Colour or none for stderr.
    pub fn stderr_style(&self) -> Style {
        self.style(std::io::stderr().is_terminal())
    }

    /// Colour or none for stdout.
    pub fn stdout_style(&self) -> Style {
        self.style(std::io::stdout().is_terminal())
    }

    fn style(&self, terminal: bool) -> Style {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match self.color {
            Color::Always => Style::Coloured,
            Color::Auto if terminal && !unwanted => Style::Coloured,
            Color::Auto | Color::Never => Style::Plain,
        }
    }

    /// Diagnostics of the program itself go to stderr, and only when asked for.
    pub fn start_logging(&self) {
        let level = match self.verbose {
            0 => return,
            1 => "tidegate=info,tidegate_aws=info",
            2 => "tidegate=debug,tidegate_aws=debug",
            _ => "debug",
        };
        let filter = tracing_subscriber::EnvFilter::new(level);
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
    }
}

fn only_check(format: &str) -> String {
    format!("--output {format} is what only `tidegate check` answers in; this command takes text or json")
}
