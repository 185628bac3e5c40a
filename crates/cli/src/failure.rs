//! An ending that is an error: what, what to do, and the exit code. It must never be printed twice
//! or to stdout, except as JSON where that was asked for. Start with [`Failure`].

use crate::args::{Global, Output};
use crate::config::ConfigError;
use crate::exit::Exit;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use tidegate_aws::alb::AlbError;
use tidegate_aws::control::ControlError;
use tidegate_aws::one_off::RunError;
use tidegate_aws::rollback::RollbackError;
use tidegate_aws::{AwsError, DeployError};
use tidegate_rollout::names::NameError;
use tidegate_rollout::one_off::OneOffError;
use tidegate_rollout::strategy::StrategyError;

/// Why the program ends without having done what was asked.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    what: String,
    help: Option<String>,
    /// A config error keeps its place in the file.
    place: Option<Box<ConfigError>>,
}

impl Failure {
    /// A failure in one sentence.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), help: None, place: None }
    }

    /// With what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// What, and what to do about it, in one line; a config error without the lines of its file.
    pub fn in_one_line(&self) -> String {
        match &self.help {
            Some(help) => format!("{}; {help}", self.what),
            None => self.what.clone(),
        }
    }

    /// The exit code that it ends with.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What it says, for a reader who has no terminal: what, where, and what to do.
    pub fn words(&self) -> String {
        match (&self.place, &self.help) {
            (Some(place), _) => place.rendered(tidegate_report::Style::Plain),
            (None, Some(help)) => format!("{}\n{help}", self.what),
            (None, None) => self.what.clone(),
        }
    }

    /// Says it, and answers the exit code.
    pub fn report(self, global: &Global) -> ExitCode {
        if let Some(place) = self.place {
            let _ = writeln!(std::io::stderr(), "{:?}", place.report(global.stderr_style()));
            return self.exit.into();
        }
        if global.output == Output::Json {
            let line = serde_json::json!({"error": self.what, "help": self.help, "exit": self.exit.code()});
            let _ = writeln!(std::io::stdout(), "{line}");
        }
        let style = global.stderr_style();
        let mut text =
            format!("{} {}\n", style.paint(tidegate_report::style::Tone::Bad, "error:"), self.what);
        if let Some(help) = &self.help {
            let _ = writeln!(text, "  {} {help}", style.paint(tidegate_report::style::Tone::Good, "help:"));
        }
        let _ = std::io::stderr().write_all(text.as_bytes());
        self.exit.into()
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self { exit: Exit::Usage, what: error.to_string(), help: None, place: Some(Box::new(error)) }
    }
}

impl From<AwsError> for Failure {
    fn from(error: AwsError) -> Self {
        Self::new(Exit::Refused, error.to_string()).with_help(error.help())
    }
}

impl From<DeployError> for Failure {
    fn from(error: DeployError) -> Self {
        Self::new(Exit::of_deploy_error(&error), error.to_string()).with_help(error.help())
    }
}

impl From<AlbError> for Failure {
    fn from(error: AlbError) -> Self {
        let exit = match &error {
            AlbError::Nothing(_) => Exit::Refused,
            AlbError::TooLate { .. } => Exit::Failed,
            AlbError::Aws(_) | AlbError::Lease(_) => Exit::StillGoing,
        };
        Self::new(exit, error.to_string()).with_help(error.help())
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Deploy(error) => error.into(),
            ControlError::Alb(error) => error.into(),
        }
    }
}

impl From<RollbackError> for Failure {
    fn from(error: RollbackError) -> Self {
        Self::new(Exit::Refused, error.to_string()).with_help(error.help())
    }
}

impl From<tidegate_aws::rollback::RunError> for Failure {
    fn from(error: tidegate_aws::rollback::RunError) -> Self {
        match error {
            tidegate_aws::rollback::RunError::Deploy(error) => error.into(),
            tidegate_aws::rollback::RunError::Alb(error) => error.into(),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let help = error.help();
        match error {
            RunError::Deploy(error) => error.into(),
            // Some of several may run.
            RunError::OneOff(OneOffError::NotPlaced { started: 1.., .. }) => {
                Self::new(Exit::Failed, error.to_string()).with_help(help)
            }
            RunError::OneOff(error) => Self::new(Exit::Refused, error.to_string()).with_help(help),
        }
    }
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}

impl From<StrategyError> for Failure {
    fn from(error: StrategyError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}
