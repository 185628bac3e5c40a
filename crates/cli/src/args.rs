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
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
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

/// `--output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
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
