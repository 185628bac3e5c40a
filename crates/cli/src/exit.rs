//! The exit codes, published. A script must be able to tell every ending from every other. Start
//! with [`Exit`].

use std::process::ExitCode;
use tidegate_aws::Outcome;
use tidegate_aws::deploy::{Changed, DeployError};
use tidegate_rollout::Verdict;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Refused, or failed before anything changed.
    Refused,
    /// Wrong arguments or a wrong config file.
    Usage,
    /// The service is back on an earlier revision.
    RolledBack,
    /// Failed, and not rolled back.
    Failed,
    /// Timed out; the deployment goes on.
    StillGoing,
    /// Somebody else's deployment took its place.
    Superseded,
    /// `diff` or `sync --dry-run` found a difference, or `check` something at or above its threshold.
    Drift,
    /// Interrupted.
    Interrupted,
    /// The code of a one-off task, whatever it means there.
    OfTask(u8),
}

/// The table that every help ends with.
pub const TABLE: &str = "\
Exit codes:
  0    done
  1    refused, or failed before anything changed
  2    usage: wrong arguments or config file
  3    rolled back: the service is steady on an earlier revision
  4    failed, and not rolled back
  5    timed out or out of sight; the deployment goes on
  6    superseded by someone else's deployment
  7    drift found (diff, sync --dry-run), or something to fix (check)
  130  interrupted; says what goes on without it";

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::RolledBack => 3,
            Self::Failed => 4,
            Self::StillGoing => 5,
            Self::Superseded => 6,
            Self::Drift => 7,
            Self::Interrupted => 130,
            Self::OfTask(code) => code,
        }
    }

    /// The code of a container of a one-off task. Programs have eight bits for it; what does not fit is no success.
    pub fn of_task(code: i32) -> Self {
        Self::OfTask(u8::try_from(code).unwrap_or(u8::MAX))
    }

    /// The code of an outcome.
    pub fn of_outcome(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::NothingToDo | Outcome::OnlyShown { .. } | Outcome::Started { .. } => Self::Done,
            Outcome::Ended(verdict) => Self::of_verdict(verdict),
        }
    }

    /// The code of a verdict.
    pub fn of_verdict(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Promoted { .. } => Self::Done,
            Verdict::RolledBack { .. } => Self::RolledBack,
            Verdict::Failed { .. } | Verdict::Aborted { .. } => Self::Failed,
            Verdict::TimedOut { .. } => Self::StillGoing,
            Verdict::Superseded { .. } => Self::Superseded,
        }
    }

    /// The code of a deployment that did not get to its verdict.
    pub fn of_deploy_error(error: &DeployError) -> Self {
        match error.changed() {
            Changed::Nothing => Self::Refused,
            Changed::Perhaps => Self::Failed,
            Changed::Service => Self::StillGoing,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
